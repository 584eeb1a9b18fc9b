//! Verify backup: a site is made of it, runs, and is gone again, whatever happens meanwhile.

use std::fs;
use std::path::Path;
use std::process::Command;

use aegir_domain::{BackupName, InstallSite, Task};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene, output_of};

use crate::backup_site::backup;
use crate::{lines, two_platforms};

fn backed_up(lab: &Lab) -> BackupName {
    let ending = lab.must(backup());
    ending.answer["backup"].as_str().unwrap().parse().unwrap()
}

fn verify(backup: &BackupName) -> Task {
    Task::VerifyBackup { backup: backup.clone(), platform: None, db_server: None }
}

fn a_site(lab: &Lab) -> BackupName {
    two_platforms(lab);
    lab.install("a.test", "ten");
    // The trash stays once it is there, so it is there before.
    fs::create_dir_all(lab.home().platforms().join("ten/web/sites/.aegir-trash")).unwrap();
    backed_up(lab)
}

#[test]
fn a_backup_is_tried_and_nothing_of_the_trial_is_left() {
    let scene = Scene::new("verify-backup", |lab| verify(&a_site(lab)));
    let (before, after) = scene.worlds();
    assert_eq!(after.differences(before), Vec::<String>::new());
    scene.lines_are(&lines("verify-backup"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_backup_with_a_database_file_is_tried_and_nothing_of_the_trial_is_left() {
    let scene = Scene::new("verify-backup, in SQLite", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        fs::create_dir_all(lab.home().platforms().join("ten/web/sites/.aegir-trash")).unwrap();
        verify(&backed_up(lab))
    });
    let (before, after) = scene.worlds();
    assert_eq!(after.differences(before), Vec::<String>::new());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_backup_of_a_deleted_site_is_tried_where_somebody_says() {
    let lab = Lab::new();
    let backup = a_site(&lab);
    lab.delete("a.test");
    let said = lab.refuses(verify(&backup));
    assert!(said.contains("--platform"), "{said}");

    let before = lab.snapshot();
    lab.must(Task::VerifyBackup {
        backup,
        platform: Some("ten".parse().unwrap()),
        db_server: Some("localhost".parse().unwrap()),
    });
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
}

#[test]
fn an_archive_that_is_broken_anywhere_is_refused() {
    let lab = Lab::new();
    let backup = a_site(&lab);
    let path = lab.home().backups().join(backup.as_str());
    let whole = fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by((whole.len() / 7).max(1)) {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(!lab.refuses(verify(&backup)).is_empty(), "cut at {cut}");
    }
    let packed = Some(zstd::decode_all(&whole[..]).unwrap());
    let mut refused = 0;
    for at in (10..whole.len()).step_by((whole.len() / 7).max(1)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        // A few bits of what is compressed mean nothing: all that was packed is there with either value.
        if zstd::decode_all(&bytes[..]).ok() == packed {
            continue;
        }
        fs::write(&path, &bytes).unwrap();
        assert!(!lab.refuses(verify(&backup)).is_empty(), "a bit of byte {at}");
        refused += 1;
    }
    assert!(refused > 4, "{refused}");
    fs::write(&path, &whole).unwrap();
    lab.must(verify(&backup));
}

/// Packs what lies in a folder as classic Aegir did.
fn pack(folder: &Path, to: &Path, option: &str) {
    let ran = output_of(Command::new("tar").arg("-C").arg(folder).arg(option).arg(to).arg(".")).unwrap();
    assert!(ran.status.success());
}

#[test]
fn archives_of_classic_aegir_are_tried_too() {
    let lab = Lab::new();
    let ours = lab.home().backups().join(a_site(&lab).as_str());
    let folder = tempfile::tempdir().unwrap();
    let unpacked = folder.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let ran = output_of(Command::new("tar").arg("-C").arg(&unpacked).arg("-xf").arg(&ours)).unwrap();
    assert!(ran.status.success());
    let site = unpacked.join("site");
    fs::rename(unpacked.join("database.sql"), site.join("database.sql")).unwrap();
    fs::write(site.join("settings.php"), "<?php $db_url = 'mysql://secret';").unwrap();
    fs::write(site.join("drushrc.php"), "<?php").unwrap();
    std::os::unix::fs::symlink("/etc", site.join("out")).unwrap();

    for (ending, option) in [(".tar.gz", "-czf"), (".tar.bz2", "-cjf"), (".tar", "-cf")] {
        let name: BackupName = format!("a.test-20140102.030405{ending}").parse().unwrap();
        pack(&site, &lab.home().backups().join(name.as_str()), option);
        lab.must(verify(&name));
    }
}

#[test]
fn an_archive_that_means_harm_is_refused_before_anything_is_touched() {
    let lab = Lab::new();
    a_site(&lab);
    let folder = tempfile::tempdir().unwrap();
    let name: BackupName = "a.test-20140102.030405.tar".parse().unwrap();
    let path = lab.home().backups().join(name.as_str());
    fs::create_dir(folder.path().join("site")).unwrap();
    fs::write(folder.path().join("site/database.sql"), "SELECT 1;").unwrap();
    fs::write(folder.path().join("x"), "x").unwrap();
    let site = folder.path().join("site");
    let tar = |args: &[&str]| {
        let ran = output_of(Command::new("tar").current_dir(&site).arg("-cPf").arg(&path).args(args)).unwrap();
        assert!(ran.status.success());
    };
    let before = lab.snapshot();

    tar(&["database.sql", "../x"]);
    assert!(lab.refuses(verify(&name)).contains("leads elsewhere"));
    tar(&["database.sql", "/etc/hostname"]);
    assert!(lab.refuses(verify(&name)).contains("leads elsewhere"));
    assert!(output_of(Command::new("mkfifo").arg(site.join("pipe"))).unwrap().status.success());
    tar(&["database.sql", "pipe"]);
    assert!(lab.refuses(verify(&name)).contains("neither a file"));
    fs::hard_link(site.join("database.sql"), site.join("hard")).unwrap();
    tar(&["database.sql", "hard"]);
    assert!(lab.refuses(verify(&name)).contains("neither a file"));

    fs::remove_file(&path).unwrap();
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
}
