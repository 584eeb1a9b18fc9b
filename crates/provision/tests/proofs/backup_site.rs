//! Back up: there is one more archive, whole, or nothing of it; the site is as it was in any case.

use std::fs;
use std::os::unix::fs::symlink;

use aegir_domain::{BackupAnswer, InstallSite, Task, TaskKind};
use aegir_host::Bounds;
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene, output_of};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

pub(crate) fn backup() -> Task {
    Task::BackupSite { site: "a.test".parse().unwrap(), note: None }
}

fn a_site_with_files(lab: &Lab) {
    two_platforms(lab);
    lab.install("a.test", "seven");
    let folder = lab.site_folder("a.test");
    fs::write(folder.join("files/photo.jpg"), [0xff, 0xd8, 0x00, 0x27]).unwrap();
    symlink("files/photo.jpg", folder.join("a-link")).unwrap();
}

#[test]
fn a_site_is_backed_up_or_there_is_nothing_of_it() {
    let scene = Scene::new("backup-site", |lab| {
        a_site_with_files(lab);
        Task::BackupSite { site: "a.test".parse().unwrap(), note: Some("before the <upgrade>".parse().unwrap()) }
    });
    let (_, after) = scene.worlds();
    let archive = after.find("backups/a.test-");
    assert_eq!(archive.len(), 1, "{archive:?}");
    assert!(archive[0].1.contains("0600") && archive[0].1.contains("whole: true"), "{}", archive[0].1);
    assert!(after.find("backups/.").is_empty(), "nothing of the making is left");
    scene.lines_are(&lines("backup-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_whose_database_is_a_file_is_backed_up_or_there_is_nothing_of_it() {
    let scene = Scene::new("backup-site, in SQLite", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        backup()
    });
    let (_, after) = scene.worlds();
    assert!(after.find("backups/a.test-")[0].1.contains("database.sqlite"));
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_backed_up_beside_others_that_live_on() {
    let scene = Scene::new("backup-site, beside others", |lab| {
        a_site_with_files(lab);
        lab.install("other.test", "seven");
        backup()
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn an_archive_holds_the_site_and_no_credentials() {
    let lab = Lab::new();
    a_site_with_files(&lab);
    let folder = lab.site_folder("a.test");
    let credentials = fs::read_to_string(lab.home().credentials().join("a.test.json")).unwrap();
    let credentials: serde_json::Value = serde_json::from_str(&credentials).unwrap();
    let password = credentials["db_passwd"].as_str().unwrap();
    fs::write(folder.join("own.inc"), format!("<?php $p = '{password}';")).unwrap();
    fs::write(folder.join(".env.local"), "SECRET=x").unwrap();
    fs::write(folder.join("drushrc.php"), "<?php").unwrap();

    let ending = lab.must(backup());

    let told: BackupAnswer = serde_json::from_value(ending.answer.into()).unwrap();
    let manifest = told.manifest.unwrap();
    let mut left_out = manifest.left_out.clone();
    left_out.sort();
    assert_eq!(left_out, [".env.local", "drushrc.php", "own.inc", "settings.php"]);
    assert_eq!((manifest.made_by, manifest.note), (Some(TaskKind::BackupSite), None));
    assert_eq!((manifest.core.as_str(), manifest.site.as_str()), ("7.98", "a.test"));
    let path = lab.home().backups().join(told.backup.as_str());
    assert_eq!(told.bytes, fs::metadata(&path).unwrap().len());
    let bounds = Bounds { bytes: 1 << 30, entries: 10_000 };
    let contents = lab.parts.files.look_through_archive(&path, bounds).unwrap();
    let names: Vec<String> = contents.files.keys().map(|name| name.display().to_string()).collect();
    for there in ["manifest.json", "database.sql", "site/local.settings.php", "site/files/photo.jpg"] {
        assert!(names.iter().any(|name| name == there), "{there}: {names:?}");
    }
    for out in ["settings.php", "own.inc", ".env.local", "drushrc.php"] {
        assert!(!names.contains(&format!("site/{out}")), "{out}: {names:?}");
    }
    let plain = zstd_plain(&path);
    let holds = |secret: &str| plain.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(!holds(password) && !holds(credentials["hash_salt"].as_str().unwrap()));
    assert!(holds("INSERT INTO `users`"), "a dump can be found in it");
}

fn zstd_plain(path: &std::path::Path) -> Vec<u8> {
    let ran = output_of(std::process::Command::new("zstd").args(["-dc"]).arg(path)).unwrap();
    assert!(ran.status.success());
    ran.stdout
}

#[test]
fn two_backups_of_one_moment_have_two_names_and_are_listed_with_what_they_say() {
    let lab = Lab::new();
    a_site_with_files(&lab);
    lab.clock.rewind();
    lab.must(backup());
    lab.clock.rewind();
    lab.must(backup());

    let listed = aegir_provision::backup::listed(lab.home(), &lab.parts.files, None).unwrap();

    assert_eq!(listed.len(), 2);
    assert!(listed.iter().any(|one| one.backup.as_str().ends_with("_2.tar.zst")), "{listed:?}");
    assert!(listed.iter().all(|one| one.fault.is_none() && one.manifest.as_ref().unwrap().packages.len() > 1));
    let other = "other.test".parse().unwrap();
    assert!(aegir_provision::backup::listed(lab.home(), &lab.parts.files, Some(&other)).unwrap().is_empty());
}

#[test]
fn what_cannot_be_backed_up_is_refused_with_the_way_out() {
    let lab = Lab::new();
    a_site_with_files(&lab);
    lab.remark_database(lab.site("a.test").database.name.as_str(), "somebody else's");
    lab.may_leave_a_mess();
    let said = lab.refuses(backup());
    assert!(said.contains("does not bear the mark"), "{said}");

    let said = lab.refuses(Task::BackupSite { site: "no.test".parse().unwrap(), note: None });
    assert!(said.contains("no.test"), "{said}");
}
