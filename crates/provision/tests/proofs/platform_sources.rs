//! Platforms from archives, git repositories and projects with a lock file: whole, or nothing of them is there; and
//! what somebody packed to do harm does none.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use aegir_domain::{BuildPlatform, OutcomeKind, PlatformSource, Sha256Sum, Task};
use aegir_lab::fake::COMMIT;
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::lines;

fn build(source: PlatformSource) -> Task {
    Task::BuildPlatform(Box::new(BuildPlatform {
        platform: "built".parse().unwrap(),
        server: "localhost".parse().unwrap(),
        php: None,
        source,
    }))
}

fn git(address: &str, reference: &str) -> PlatformSource {
    PlatformSource::Git {
        from: address.parse().unwrap(),
        reference: reference.parse().unwrap(),
        docroot: None,
        submodules: false,
    }
}

fn archive(from: &str, sha256: Option<Sha256Sum>) -> PlatformSource {
    PlatformSource::Archive { from: from.parse().unwrap(), sha256, strip: None, docroot: None }
}

fn tar(args: &[&str]) {
    let made = Command::new("tar").args(args).output().expect("`tar` is needed for this test, and can be started");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A folder of the lab's for what others have.
fn others(lab: &Lab) -> PathBuf {
    let at = lab.home().path().join("web");
    fs::create_dir_all(&at).unwrap();
    at
}

/// An archive as they are published: one folder at the top, with code in it.
fn packed(lab: &Lab, code: Code) -> PathBuf {
    let others = others(lab);
    let tree = others.join("code-1.0");
    code.make(&tree);
    let archive = others.join("code.tar.gz");
    tar(&["-czf", archive.to_str().unwrap(), "-C", others.to_str().unwrap(), "code-1.0"]);
    fs::remove_dir_all(tree).unwrap();
    archive
}

fn sum(lab: &Lab, path: &Path) -> Sha256Sum {
    lab.parts.files.sum_of(path).unwrap().1.parse().unwrap()
}

/// The names in `platforms/`.
fn platforms(lab: &Lab) -> Vec<String> {
    lab.parts.files.list(&lab.home().platforms()).unwrap()
}

#[test]
fn a_repository_is_checked_out_with_its_packages_or_nothing_of_it_is_there() {
    let scene = Scene::new("build-platform, from a git repository", |lab| {
        lab.server("localhost");
        build(git("https://git.test/site.git", "1.0.0"))
    });
    scene.lines_are(&lines("build-platform-git"));
    let (_, after) = scene.worlds();
    let built: Vec<String> = after.find("platforms/built/").iter().map(|(path, _)| path.to_string()).collect();
    assert!(built.iter().any(|path| path.ends_with("vendor/autoload.php")), "{built:?}");
    assert!(!built.iter().any(|path| path.contains(".git")), "{built:?}");
    scene.prove(Extent::Whole);
}

#[test]
fn an_archive_is_fetched_and_unpacked_or_nothing_of_it_is_there() {
    let scene = Scene::new("build-platform, from an archive", |lab| {
        lab.server("localhost");
        let sha256 = sum(lab, &packed(lab, Code::Seven));
        build(archive("https://web.test/code.tar.gz", Some(sha256)))
    });
    scene.lines_are(&lines("build-platform-archive"));
    let (_, after) = scene.worlds();
    assert!(after.find("platforms/built/").iter().any(|(path, _)| path.ends_with("built/index.php")));
    scene.prove(Extent::Whole);
}

#[test]
fn a_project_is_copied_and_its_packages_installed_or_nothing_of_it_is_there() {
    let scene = Scene::new("build-platform, from a project with a lock file", |lab| {
        lab.server("localhost");
        build(PlatformSource::Project { from: project(lab), docroot: None })
    });
    scene.prove(Extent::OneOf(2));
}

/// A project without its packages, with a site that is nobody's affair.
fn project(lab: &Lab) -> PathBuf {
    let at = lab.home().path().join("theirs");
    Code::Ten.make(&at);
    fs::remove_dir_all(at.join("vendor")).unwrap();
    fs::write(at.join("composer.lock"), r#"{"content-hash": "0123"}"#).unwrap();
    fs::create_dir_all(at.join("web/sites/default")).unwrap();
    fs::write(at.join("web/sites/default/settings.php"), "<?php\n$databases = ['secret'];\n").unwrap();
    at
}

#[test]
fn what_it_was_built_from_is_remembered_and_stays_so() {
    let lab = Lab::new();
    lab.server("localhost");

    lab.must(build(git("https://git.test/site.git", "main")));
    lab.must(Task::VerifyPlatform { platform: "built".parse().unwrap(), context: None });

    let built = lab.contexts().platform(&"built".parse().unwrap()).unwrap().built.unwrap();
    assert_eq!(built.commit.unwrap().as_str(), COMMIT);
    assert_eq!(built.lock.as_deref(), Some("0123"));
}

#[test]
fn an_archive_on_this_machine_needs_no_checksum_and_gets_one() {
    let lab = Lab::new();
    lab.server("localhost");
    let path = packed(&lab, Code::Ten);

    lab.must(build(archive(path.to_str().unwrap(), None)));

    let context = lab.contexts().platform(&"built".parse().unwrap()).unwrap();
    assert_eq!(context.built.unwrap().sha256, Some(sum(&lab, &path)));
    assert_eq!(context.root.path(), lab.home().platforms().join("built/web"));
}

#[test]
fn a_project_leaves_its_sites_behind() {
    let lab = Lab::new();
    lab.server("localhost");

    lab.must(build(PlatformSource::Project { from: project(&lab), docroot: Some("web".parse().unwrap()) }));

    let built = lab.home().platforms().join("built");
    assert!(built.join("vendor/autoload.php").is_file());
    assert!(!built.join("web/sites/default/settings.php").exists());
}

#[test]
fn what_cannot_be_fetched_is_refused_before_anything_is_touched() {
    let lab = Lab::new();
    lab.server("localhost");
    let unlocked = project(&lab);
    fs::remove_file(unlocked.join("composer.lock")).unwrap();
    for (source, expected) in [
        (archive("https://web.test/code.tar.gz", None), "its checksum is not given"),
        (archive("/no/such/archive.tar.gz", None), "there is nothing"),
        (archive(lab.home().path().to_str().unwrap(), None), "it is no file"),
        (git("https://git.test/site.git", "missing"), "has no branch, tag or commit `missing`"),
        (PlatformSource::Project { from: "/no/such/project".into(), docroot: None }, "there is nothing"),
        (PlatformSource::Project { from: unlocked, docroot: None }, "no lock file"),
        (PlatformSource::Project { from: "/usr/bin".into(), docroot: None }, "no project of Composer"),
    ] {
        let said = lab.refuses(build(source));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn passwords_that_others_can_read_are_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    lab.server("localhost");
    let netrc = lab.home().path().join(".netrc");
    fs::write(&netrc, "machine git.test login me password hunter2\n").unwrap();
    fs::set_permissions(&netrc, fs::Permissions::from_mode(0o640)).unwrap();

    let said = lab.refuses(build(git("https://git.test/site.git", "main")));
    assert!(said.contains("chmod 600") && !said.contains("hunter2"), "{said}");

    fs::set_permissions(&netrc, fs::Permissions::from_mode(0o600)).unwrap();
    lab.must(build(git("https://git.test/site.git", "main")));
}

/// An entry of an archive, as `tar` writes it.
fn entry(name: &str, kind: u8, link: &str, size: usize, content: &[u8]) -> Vec<u8> {
    let mut head = [0_u8; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[100..108].copy_from_slice(b"0004755\0");
    head[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    head[136..148].copy_from_slice(b"00000000000\0");
    head[148..156].fill(b' ');
    head[156] = kind;
    head[157..157 + link.len()].copy_from_slice(link.as_bytes());
    head[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut whole = head.to_vec();
    whole.extend_from_slice(content);
    whole.resize(whole.len().next_multiple_of(512), 0);
    whole
}

#[test]
fn an_archive_that_means_harm_leaves_nothing_anywhere() {
    let lab = Lab::new();
    lab.server("localhost");
    let outside = lab.home().path().join("outside");
    fs::create_dir(&outside).unwrap();
    let before = platforms(&lab);
    let good = |rest: &[Vec<u8>]| [entry("top/index.php", b'0', "", 5, b"<?php"), rest.concat()].concat();
    let hostile: [(&str, Vec<u8>, &str); 10] = [
        ("up", good(&[entry("top/../../x", b'0', "", 1, b"x")]), "leads elsewhere"),
        ("absolute", good(&[entry("/tmp/x", b'0', "", 1, b"x")]), "leads elsewhere"),
        ("link-out", good(&[entry("top/x", b'2', "/etc/passwd", 0, b"")]), "lead out of it"),
        ("link-up", good(&[entry("top/x", b'2', "../../../outside", 0, b"")]), "lead out of it"),
        (
            // Through a link that an earlier entry made.
            "through",
            good(&[entry("top/x", b'2', "../../outside", 0, b""), entry("top/x/y", b'0', "", 1, b"x")]),
            "",
        ),
        ("hard-link", good(&[entry("top/x", b'1', "/etc/passwd", 0, b"")]), "neither a file nor a folder"),
        ("device", good(&[entry("top/x", b'3', "", 0, b"")]), "neither a file nor a folder"),
        ("pipe", good(&[entry("top/x", b'6', "", 0, b"")]), "neither a file nor a folder"),
        ("bomb", good(&[entry("top/x", b'0', "", (8 << 30) - 1, b"")]), "more than"),
        ("no-archive", b"<html>404</html>".to_vec(), ""),
    ];
    for (name, bytes, expected) in hostile {
        let path = others(&lab).join(format!("{name}.tar"));
        fs::write(&path, [bytes, vec![0; 1024]].concat()).unwrap();

        let ending = lab.run(build(archive(path.to_str().unwrap(), None)));

        let said = format!("{:?}", ending.outcome);
        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
        assert_eq!(platforms(&lab), before, "{name}");
        assert_eq!(lab.parts.files.list(&outside).unwrap(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_link_that_leads_out_once_its_folder_at_the_top_is_gone_is_refused() {
    let lab = Lab::new();
    lab.server("localhost");
    let others = others(&lab);
    Code::Seven.make(&others.join("top"));
    // It leads to the top of the archive, which will be the folder of all platforms.
    symlink("..", others.join("top/neighbours")).unwrap();
    let path = others.join("code.tar");
    tar(&["-cf", path.to_str().unwrap(), "-C", others.to_str().unwrap(), "top"]);

    let ending = lab.run(build(archive(path.to_str().unwrap(), None)));

    let said = format!("{:?}", ending.outcome);
    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{said}");
    assert!(said.contains("neighbours"), "{said}");
}

#[test]
fn another_checksum_or_another_shape_is_told_and_leaves_nothing() {
    let lab = Lab::new();
    lab.server("localhost");
    packed(&lab, Code::Seven);
    let before = platforms(&lab);
    let address = "https://web.test/code.tar.gz";
    let right = sum(&lab, &others(&lab).join("code.tar.gz"));
    let stripped = PlatformSource::Archive {
        from: address.parse().unwrap(),
        sha256: Some(right.clone()),
        strip: Some(3),
        docroot: None,
    };
    for (source, expected) in [
        (archive(address, Some("0".repeat(64).parse().unwrap())), "and not 0000"),
        (archive("https://web.test/other.tar.gz", Some(right)), "error: 404"),
        (stripped, "3 folders"),
    ] {
        let ending = lab.run(build(source));
        let said = format!("{:?}", ending.outcome);
        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{said}");
        assert!(said.contains(expected), "{said}");
        assert_eq!(platforms(&lab), before);
    }
}
