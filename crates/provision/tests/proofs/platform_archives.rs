//! Platforms from archives in the other forms that people publish: `zip`, and `tar` within `xz`; whole, or nothing of
//! them is there, whatever they say of themselves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use aegir_domain::{BuildPlatform, OutcomeKind, PlatformSource, Task};
use aegir_lab::{Code, Lab};

fn build(from: &Path) -> Task {
    let from = from.to_str().unwrap().parse().unwrap();
    Task::BuildPlatform(Box::new(BuildPlatform {
        platform: "built".parse().unwrap(),
        server: "localhost".parse().unwrap(),
        php: None,
        source: PlatformSource::Archive { from, sha256: None, strip: None, docroot: None },
    }))
}

/// A lab with a folder of others' in it.
fn scene() -> (Lab, PathBuf) {
    let lab = Lab::new();
    lab.server("localhost");
    let others = lab.home().path().join("web");
    fs::create_dir_all(&others).unwrap();
    (lab, others)
}

/// Has a program that others pack with pack the folder `top` of `others`.
fn packed(others: &Path, name: &str, program: &str, args: &[&str]) -> PathBuf {
    let top = others.join("top");
    Code::Seven.make(&top);
    fs::write(top.join("run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(top.join("run"), fs::Permissions::from_mode(0o4755)).unwrap();
    std::os::unix::fs::symlink("index.php", top.join("first.php")).unwrap();
    let made = Command::new(program).args(args).args([name, "top"]).current_dir(others).output();
    let made = made.expect("`zip`, `tar` and `xz` are needed for this test, and can be started");
    assert!(made.status.success(), "{program}: {}", String::from_utf8_lossy(&made.stderr));
    fs::remove_dir_all(top).unwrap();
    others.join(name)
}

fn zipped(others: &Path) -> PathBuf {
    packed(others, "code.zip", "zip", &["-qry"])
}

#[test]
fn a_zip_and_a_tar_within_xz_become_platforms_like_any_other() {
    for (name, program, args) in [("code.zip", "zip", ["-qry"]), ("code.tar.xz", "tar", ["-cJf"])] {
        let (lab, others) = scene();
        let path = packed(&others, name, program, &args);

        lab.must(build(&path));

        let built = lab.home().platforms().join("built");
        assert!(built.join("index.php").is_file(), "{name}");
        assert_eq!(fs::read_link(built.join("first.php")).unwrap(), Path::new("index.php"), "{name}");
        let mode = fs::metadata(built.join("run")).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o755, "{name}: {mode:o}");
    }
}

#[test]
fn an_archive_that_breaks_off_or_was_changed_leaves_nothing() {
    let (lab, others) = scene();
    let before = lab.parts.files.list(&lab.home().platforms()).unwrap();
    let zip = fs::read(zipped(&others)).unwrap();
    let xz = fs::read(packed(&others, "code.tar.xz", "tar", &["-cJf"])).unwrap();
    let changed = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 3;
        for byte in &mut bytes[middle..middle + 64] {
            *byte ^= 0x55;
        }
        bytes
    };
    for (name, bytes) in [
        ("short.zip", zip[..zip.len() / 2].to_vec()),
        ("short.tar.xz", xz[..xz.len() / 2].to_vec()),
        ("no-end.tar.xz", xz[..xz.len() - 12].to_vec()),
        ("changed.zip", changed(&zip)),
        ("changed.tar.xz", changed(&xz)),
        ("first.zip", b"PK\x03\x04".to_vec()),
        ("first.xz", b"\xfd7zXZ\0".to_vec()),
    ] {
        leaves_nothing(&lab, &others, (name, bytes, ""), &before);
    }
}

fn leaves_nothing(lab: &Lab, others: &Path, (name, bytes, expected): (&str, Vec<u8>, &str), before: &[String]) {
    let path = others.join(name);
    fs::write(&path, bytes).unwrap();

    let ending = lab.run(build(&path));

    let said = format!("{:?}", ending.outcome);
    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{name}: {said}");
    assert!(said.contains(expected), "{name}: {said}");
    assert_eq!(lab.parts.files.list(&lab.home().platforms()).unwrap(), before, "{name}");
}

/// An entry of a `zip`, and what is said of it.
#[derive(Clone)]
struct Entry {
    name: &'static [u8],
    mode: u32,
    content: &'static [u8],
    /// What its size is said to be.
    size: u32,
    flags: u16,
    method: u16,
}

impl Entry {
    fn file(name: &'static str, content: &'static str) -> Entry {
        let size = u32::try_from(content.len()).unwrap();
        let (name, content) = (name.as_bytes(), content.as_bytes());
        Entry { name, mode: 0o100_644, content, size, flags: 0, method: 0 }
    }

    fn link(name: &'static str, target: &'static str) -> Entry {
        Entry { mode: 0o120_777, ..Entry::file(name, target) }
    }

    /// What the head before its content and its line in the list at the end have alike.
    fn said(&self) -> Vec<u8> {
        let mut said = Vec::new();
        for number in [20, self.flags, self.method, 0, 0x21] {
            said.extend_from_slice(&number.to_le_bytes());
        }
        for number in [crc(self.content), u32::try_from(self.content.len()).unwrap(), self.size] {
            said.extend_from_slice(&number.to_le_bytes());
        }
        said.extend_from_slice(&u16::try_from(self.name.len()).unwrap().to_le_bytes());
        said.extend_from_slice(&[0, 0]);
        said
    }
}

/// A `zip` that says whatever it is told to.
fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut whole, mut list) = (Vec::new(), Vec::new());
    for entry in entries {
        list.extend_from_slice(b"PK\x01\x02\x14\x03");
        list.extend_from_slice(&entry.said());
        list.extend_from_slice(&[0; 6]);
        list.extend_from_slice(&(entry.mode << 16).to_le_bytes());
        list.extend_from_slice(&u32::try_from(whole.len()).unwrap().to_le_bytes());
        list.extend_from_slice(entry.name);
        whole.extend_from_slice(b"PK\x03\x04");
        whole.extend_from_slice(&entry.said());
        whole.extend_from_slice(entry.name);
        whole.extend_from_slice(entry.content);
    }
    let (begin, count) = (u32::try_from(whole.len()).unwrap(), u16::try_from(entries.len()).unwrap());
    whole.extend_from_slice(&list);
    whole.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    whole.extend_from_slice(&count.to_le_bytes());
    whole.extend_from_slice(&count.to_le_bytes());
    whole.extend_from_slice(&u32::try_from(list.len()).unwrap().to_le_bytes());
    whole.extend_from_slice(&begin.to_le_bytes());
    whole.extend_from_slice(&[0, 0]);
    whole
}

/// The sum that `zip` and `xz` have of their parts.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1)))
    })
}

#[test]
fn a_zip_that_means_harm_leaves_nothing_anywhere() {
    let (lab, others) = scene();
    let outside = lab.home().path().join("outside");
    fs::create_dir(&outside).unwrap();
    let before = lab.parts.files.list(&lab.home().platforms()).unwrap();
    let good = Entry::file("top/index.php", "<?php");
    let with = |entries: &[Entry]| zip(&[std::slice::from_ref(&good), entries].concat());
    let file = |name| Entry::file(name, "x");
    let big = |name| Entry { size: u32::MAX - 1, ..file(name) };
    let hostile: [(&str, Vec<u8>, &str); 21] = [
        ("up", with(&[file("top/../../x")]), "leads elsewhere"),
        ("absolute", with(&[file("/tmp/x")]), "leads elsewhere"),
        ("nothing", with(&[Entry { name: b"top/a\0b", ..file("") }]), "leads elsewhere"),
        ("backslashes", with(&[file("top\\..\\..\\x")]), "backslashes"),
        ("link-out", with(&[Entry::link("top/x", "/etc/passwd")]), "lead out of it"),
        ("link-up", with(&[Entry::link("top/x", "../../../outside")]), "lead out of it"),
        ("through", with(&[Entry::link("top/x", "../../outside"), file("top/x/y")]), ""),
        ("through-ours", with(&[Entry::link("top/x", "."), file("top/x/y")]), ""),
        ("no-target", with(&[Entry::link("top/x", "")]), "leads nowhere"),
        ("device", with(&[Entry { mode: 0o060_644, ..file("top/x") }]), "neither a file nor a folder"),
        ("pipe", with(&[Entry { mode: 0o010_644, ..file("top/x") }]), "neither a file nor a folder"),
        ("folder-that-is-a-link", with(&[Entry::link("top/x/", "y")]), "neither a file nor a folder"),
        ("twice", with(&[file("top/x"), file("top/x")]), "more than once"),
        ("twice-spelt", with(&[file("top/x"), file("top/./x")]), "more than once"),
        ("file-and-folder", with(&[file("top/x"), file("top/x/y")]), ""),
        ("encrypted", with(&[Entry { flags: 1, ..file("top/x") }]), "is encrypted"),
        ("method", with(&[Entry { method: 14, ..file("top/x") }]), "few programs read"),
        ("bomb", with(&[big("top/x"), big("top/y"), big("top/z")]), "more than"),
        ("lies-of-less", with(&[Entry { size: 1, ..Entry::file("top/x", "xyz") }]), ""),
        ("lies-of-more", with(&[Entry { size: 9, ..Entry::file("top/x", "xyz") }]), ""),
        ("xz-memory", xz_that_wants_4_gb(), "memory"),
    ];
    for (name, bytes, expected) in hostile {
        leaves_nothing(&lab, &others, (name, bytes, expected), &before);
        assert_eq!(lab.parts.files.list(&outside).unwrap(), Vec::<String>::new(), "{name}");
    }
}

/// The beginning of an `xz` whose dictionary is said to have 4 GB.
fn xz_that_wants_4_gb() -> Vec<u8> {
    let (head, block) = ([0, 1], [2, 0, 0x21, 1, 40, 0, 0, 0]);
    let parts: [&[u8]; 6] = [
        b"\xfd7zXZ\0",
        &head,
        &crc(&head).to_le_bytes(),
        &block,
        &crc(&block).to_le_bytes(),
        // Three bytes as they are, and the end of what is packed.
        &[1, 0, 2, b'a', b'b', b'c', 0],
    ];
    parts.concat()
}

#[test]
fn what_is_said_of_no_mode_is_code_that_all_may_read() {
    let (lab, others) = scene();
    let path = zipped(&others);
    let plain = zip(&[Entry { mode: 0, ..Entry::file("top/index.php", "<?php") }]);
    fs::write(others.join("plain.zip"), plain).unwrap();

    let ending = lab.run(build(&others.join("plain.zip")));
    // It was unpacked, and is no Drupal.
    let said = format!("{:?}", ending.outcome);
    assert!(said.contains("Drupal"), "{said}");

    lab.must(build(&path));
    let mode = fs::metadata(lab.home().platforms().join("built/index.php")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}
