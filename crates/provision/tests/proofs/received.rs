//! Archives that are given out and taken in: what was sent is a backup like any other, and what is none leaves nothing.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use aegir_domain::{BackupName, Task};
use aegir_lab::Lab;
use aegir_provision::backup;

use crate::backup_site::backup;
use crate::two_platforms;

const CLASSIC: &str = "a.test-20140102.030405.tar";

fn backed_up(lab: &Lab) -> BackupName {
    lab.must(backup()).answer["backup"].as_str().unwrap().parse().unwrap()
}

fn given_out(lab: &Lab, name: &BackupName) -> Vec<u8> {
    let parts = lab.worker().parts;
    let (bytes, mut archive) = backup::open(&parts.home, &parts.files, name).unwrap();
    let mut all = Vec::new();
    archive.read_to_end(&mut all).unwrap();
    assert_eq!(bytes, all.len() as u64);
    all
}

/// The name that it has then, or why it was refused.
fn taken_in(lab: &Lab, name: &str, mut from: impl Read) -> Result<BackupName, String> {
    let parts = lab.worker().parts;
    let received = backup::receive(&parts, &name.parse().unwrap(), &mut from);
    received.map(|found| found.backup).map_err(|fault| {
        let report = fault.report();
        assert!(report.remedy.is_some() || !report.because.is_empty(), "{report:?}");
        std::iter::once(report.message).chain(report.because).collect::<Vec<_>>().join(": ")
    })
}

fn lie_there(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.home().backups()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn a_site(lab: &Lab) -> BackupName {
    two_platforms(lab);
    lab.install("a.test", "ten");
    backed_up(lab)
}

/// An entry of an archive, as `tar` writes it.
fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut head = [0_u8; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[100..108].copy_from_slice(b"0000644\0");
    head[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    head[136..148].copy_from_slice(b"00000000000\0");
    head[148..156].fill(b' ');
    head[156] = kind;
    if matches!(kind, b'1' | b'2') {
        head[157..168].copy_from_slice(b"/etc/passwd");
    }
    head[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut whole = head.to_vec();
    whole.extend_from_slice(content);
    whole.resize(whole.len().next_multiple_of(512), 0);
    whole
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

#[test]
fn an_archive_that_was_given_out_and_deleted_is_taken_in_again_and_can_be_tried() {
    let lab = Lab::new();
    let name = a_site(&lab);
    let whole = given_out(&lab, &name);
    lab.must(Task::DeleteBackup { backup: name.clone() });
    assert_eq!(lie_there(&lab), Vec::<String>::new());

    assert_eq!(taken_in(&lab, name.as_str(), &whole[..]), Ok(name.clone()));

    let path = lab.home().backups().join(name.as_str());
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    lab.must(Task::VerifyBackup { backup: name.clone(), platform: None, db_server: None });

    // Neither is written over the other.
    let second = taken_in(&lab, name.as_str(), &whole[..]).unwrap();
    assert_eq!(second, name.in_turn(2));
    assert_eq!(lie_there(&lab), {
        let mut both = vec![name.to_string(), second.to_string()];
        both.sort();
        both
    });
}

#[test]
fn an_archive_that_breaks_off_anywhere_leaves_nothing() {
    let lab = Lab::new();
    let name = a_site(&lab);
    let whole = given_out(&lab, &name);
    lab.must(Task::DeleteBackup { backup: name.clone() });
    for cut in (0..whole.len()).step_by((whole.len() / 9).max(1)) {
        assert!(taken_in(&lab, name.as_str(), &whole[..cut]).is_err(), "cut at {cut}");
        assert_eq!(lie_there(&lab), Vec::<String>::new(), "cut at {cut}");
    }

    struct Cut<'a>(&'a [u8]);
    impl Read for Cut<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.is_empty() {
                true => Err(io::ErrorKind::UnexpectedEof.into()),
                false => self.0.read(into),
            }
        }
    }
    // What came is a whole archive; that its sender went away all the same is told.
    let said = taken_in(&lab, name.as_str(), Cut(&whole)).unwrap_err();
    assert!(said.contains("broke off"), "{said}");
    assert_eq!(lie_there(&lab), Vec::<String>::new());
}

#[test]
fn what_is_no_backup_or_was_made_to_do_harm_is_refused_and_leaves_nothing() {
    let lab = Lab::new();
    let name = a_site(&lab);
    let whole = given_out(&lab, &name);
    lab.must(Task::DeleteBackup { backup: name.clone() });
    let dump = || entry("database.sql", b'0', b"-- nothing");
    let long = vec![b'a'; 2 << 20];
    for (named, sent, why) in [
        (CLASSIC, b"<html>not found</html>".to_vec(), ""),
        (CLASSIC, tar(&[]), "database.sql"),
        (CLASSIC, tar(&[entry("settings.php", b'0', b"<?php")]), "database.sql"),
        (CLASSIC, tar(&[dump(), entry("../../etc/cron.d/x", b'0', b"* * * * *")]), "leads elsewhere"),
        (CLASSIC, tar(&[dump(), entry("/etc/cron.d/x", b'0', b"* * * * *")]), "leads elsewhere"),
        (CLASSIC, tar(&[dump(), entry("files/passwd", b'1', b"")]), "neither a file"),
        (CLASSIC, tar(&[dump(), entry("files/disk", b'4', b"")]), "neither a file"),
        (CLASSIC, tar(&[dump(), entry("././@LongLink", b'L', &long), entry("x", b'0', b"")]), "longer than any name"),
        (CLASSIC, tar(&[entry("././@PaxHeader", b'x', &long), dump()]), "longer than any name"),
        (CLASSIC, tar(&[entry("manifest.json", b'0', &vec![b' '; 17 << 20]), dump()]), "too long"),
        (CLASSIC, tar(&[entry("manifest.json", b'0', b"{}"), dump()]), "manifest"),
        ("a.test-20140102.030405.tar.zst", tar(&[dump()]), "no manifest"),
        ("b.test-20140102.030405.tar.zst", whole.clone(), "is a backup of `a.test`"),
        ("a.test-20140102.030405.tar.gz", whole.clone(), "no archive of classic Aegir"),
    ] {
        let said = taken_in(&lab, named, &sent[..]).unwrap_err();
        assert!(said.contains(why), "{named}, {why}: {said}");
        assert_eq!(lie_there(&lab), Vec::<String>::new(), "{why}");
    }
}

#[test]
fn an_archive_of_classic_aegir_is_taken_in() {
    let lab = Lab::new();
    two_platforms(&lab);
    let sent = tar(&[entry("database.sql", b'0', b"-- nothing"), entry("files/a.txt", b'0', b"a")]);

    assert_eq!(taken_in(&lab, CLASSIC, &sent[..]).unwrap().as_str(), CLASSIC);

    assert_eq!(lie_there(&lab), [CLASSIC]);
    assert_eq!(fs::metadata(lab.home().backups()).unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn what_somebody_left_who_was_killed_goes_with_the_next_one_and_what_is_on_its_way_stays() {
    let lab = Lab::new();
    two_platforms(&lab);
    let backups = lab.home().backups();
    fs::create_dir_all(&backups).unwrap();
    let (old, new) = (backups.join(".coming-0000"), backups.join(".coming-1111"));
    for path in [&old, &new] {
        fs::write(path, b"half of it").unwrap();
    }
    let now = i64::try_from(lab.worker().parts.clock.unix_ms() / 1000).unwrap();
    let set = |path: &std::path::Path, at: i64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(at).unwrap());
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    set(&old, now - 25 * 3600);
    set(&new, now - 3600);

    assert!(taken_in(&lab, CLASSIC, &b"nothing of ours"[..]).is_err());

    assert!(!old.exists() && new.exists());
    fs::remove_file(new).unwrap();
}
