//! A full archive instead of a former self: what a task leaves is packed once the site is in service again, and is one
//! whole backup or the former self as it was, whatever happens meanwhile. One goes back to it as to any other.

use std::fs;
use std::time::Duration;

use aegir_domain::{BackupManifest, Former, InstallSite, KeepFormer, MigrateSite, OldName, Task, TaskKind};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab, Snapshot};

use crate::{a_site_beside_another, another_name_for_the_neighbour, lines, two_platforms};

fn migrate(to: &str) -> Task {
    let migrate = MigrateSite::to("a.test".parse().unwrap(), to.parse().unwrap());
    Task::MigrateSite(Box::new(migrate)).keeping(KeepFormer::Archive)
}

fn rename() -> Task {
    let (site, to) = ("a.test".parse().unwrap(), "b.test".parse().unwrap());
    Task::RenameSite { site, to, old_name: OldName::Redirect, keep: Some(KeepFormer::Archive) }
}

fn restore(lab: &Lab) -> Task {
    let ending = lab.must(Task::BackupSite { site: "a.test".parse().unwrap(), note: None });
    let backup = ending.answer["backup"].as_str().unwrap().parse().unwrap();
    Task::RestoreBackup { backup, new_site: None, platform: None, db_server: None, keep: Some(KeepFormer::Archive) }
}

fn go_back(site: &str) -> Task {
    Task::GoBackSite {
        site: site.parse().unwrap(),
        former: None,
        keep: Some(KeepFormer::Archive),
        although_broken: false,
    }
}

/// A site whose data are in a file.
fn a_site_in_a_file(lab: &Lab) {
    two_platforms(lab);
    lab.platform("later_ten", Code::LaterTen);
    lab.file_server("files");
    let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
    lab.must(Task::InstallSite(Box::new(site)));
}

/// The one former self of a site, and what its archive says of itself.
fn packed(lab: &Lab, site: &str) -> (Former, BackupManifest) {
    let former = lab.site(site).formers.last().cloned().unwrap();
    let name = former.archive.clone().expect("it was packed");
    let listed = aegir_provision::backup::listed(lab.home(), &lab.parts.files, None).unwrap();
    let manifest = listed.into_iter().find(|one| one.backup == name).and_then(|one| one.manifest);
    (former, manifest.expect("its archive can be read"))
}

/// Nothing but the archive is left of what `site` was.
#[track_caller]
fn nothing_else_is_left(after: &Snapshot, site: &str, databases: usize) {
    let archive = after.find(&format!("backups/{site}-"));
    assert!(archive.iter().all(|(_, is)| is.contains("whole: true")) && !archive.is_empty(), "{archive:?}");
    for gone in [format!("sites/.aegir-former/{site}-"), format!("former_{site}"), "backups/.".into()] {
        assert!(after.find(&gone).is_empty(), "{gone}: {:?}", after.find(&gone));
    }
    let there = after.find("database ").iter().filter(|(key, _)| key.split(' ').count() == 2).count();
    assert_eq!(there, databases, "{:?}", after.find("database "));
}

#[test]
fn a_site_is_moved_and_what_it_was_is_packed_or_it_is_left_as_it_was() {
    let scene = Scene::new("migrate-site, with an archive", |lab| {
        a_site_beside_another(lab, "seven");
        migrate("later_seven")
    });
    let (_, after) = scene.worlds();
    nothing_else_is_left(after, "a.test", 2);
    scene.lines_are(&lines("migrate-site-archive"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_10_in_sqlite_is_moved_and_packed_or_left_as_it_was() {
    let scene = Scene::new("migrate-site, with an archive, in SQLite", |lab| {
        a_site_in_a_file(lab);
        migrate("later_ten")
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_moved_and_packed_beside_others_that_live_on() {
    let scene = Scene::new("migrate-site, with an archive, beside others", |lab| {
        a_site_beside_another(lab, "seven");
        migrate("later_seven")
    });
    scene.leaves_neighbours_alone(Extent::OneOf(3), another_name_for_the_neighbour);
}

#[test]
fn a_site_is_renamed_and_what_it_was_is_packed_or_it_is_left_as_it_was() {
    let scene = Scene::new("rename-site, with an archive", |lab| {
        a_site_beside_another(lab, "seven");
        rename()
    });
    let (_, after) = scene.worlds();
    nothing_else_is_left(after, "a.test", 2);
    scene.prove(Extent::OneOf(2));
}

#[test]
fn a_site_is_restored_and_what_it_was_is_packed_or_it_is_left_as_it_was() {
    let scene = Scene::new("restore-backup, with an archive", |lab| {
        a_site_beside_another(lab, "ten");
        restore(lab)
    });
    let (_, after) = scene.worlds();
    nothing_else_is_left(after, "a.test", 2);
    assert_eq!(after.find("backups/a.test-").len(), 2, "{:?}", after.find("backups/"));
    scene.prove(Extent::OneOf(2));
}

#[test]
fn a_site_goes_back_to_an_archive_or_is_left_as_it_is() {
    let scene = Scene::new("go-back-site, to an archive", |lab| {
        a_site_beside_another(lab, "seven");
        lab.must(migrate("later_seven"));
        fs::write(lab.site_folder("a.test").join("files/since.txt"), "An upload.\n").unwrap();
        go_back("a.test")
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("platforms/seven/sites/a.test/files/a.txt").is_empty());
    nothing_else_is_left(after, "a.test", 2);
    scene.lines_are(&lines("go-back-site-archive"));
    scene.prove(Extent::OneOf(2));
}

#[test]
fn a_site_goes_back_to_an_archive_over_a_change_of_name_or_is_left_as_it_is() {
    let scene = Scene::new("go-back-site, to an archive of another name", |lab| {
        a_site_beside_another(lab, "ten");
        lab.must(rename());
        Task::GoBackSite { site: "b.test".parse().unwrap(), former: None, keep: None, although_broken: false }
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("sites/a.test/settings.php").is_empty() && after.find("sites/b.test/").is_empty());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn an_archive_of_what_a_site_was_is_let_go_of_or_stays() {
    let scene = Scene::new("drop-formers, an archive", |lab| {
        a_site_beside_another(lab, "seven");
        lab.must(migrate("later_seven"));
        lab.clock.pass(Duration::from_secs(8 * 24 * 3600));
        let former = lab.site("a.test").formers[0].name.clone();
        Task::DropFormers { site: "a.test".parse().unwrap(), former: Some(former) }
    });
    let (before, after) = scene.worlds();
    assert!(!before.find("backups/a.test-").is_empty() && after.find("backups/").is_empty());
    scene.prove(Extent::OneOf(2));
}

#[test]
fn an_archive_says_which_task_left_it_and_has_the_last_that_was_written() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    let was = lab.site("a.test");

    let attempt = lab.ask(migrate("later_ten"));
    let ending = lab.work_on(attempt, &lab.worker());

    let (former, manifest) = packed(&lab, "a.test");
    let left = manifest.left.clone().unwrap();
    assert_eq!((left.task, &left.former), (TaskKind::MigrateSite, &former.name));
    assert_eq!(ending.answer["former"], former.name.as_str());
    assert_eq!((&manifest.platform, &manifest.core), (&was.platform, &was.core));
    assert_eq!(manifest.made, u64::try_from(former.since).unwrap() * 1000, "what was written since can be told");
    assert_eq!(manifest.dump.name, was.database.name, "it is of what was, and not of what is");
    assert!(manifest.packages.len() > 1 && manifest.record.is_some());
    assert!(former.archive.unwrap().as_str().starts_with("a.test-"));
    let said = serde_json::to_string(&lab.said(attempt)).unwrap();
    assert!(said.contains("What it was is the backup"), "{said}");
}

#[test]
fn what_a_site_held_is_back_from_the_archive_and_again_what_it_held_then() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    let salt = lab.credentials("a.test").1;
    lab.must(migrate("later_seven"));
    fs::write(lab.site_folder("a.test").join("files/since.txt"), "Another.\n").unwrap();

    lab.must(go_back("a.test"));

    let site = lab.site("a.test");
    assert_eq!((site.platform.as_str(), site.core.as_str()), ("seven", "7.98"));
    assert_eq!(lab.credentials("a.test").1, salt, "one-time links stay good");
    let files = lab.site_folder("a.test").join("files");
    assert!(files.join("a.txt").exists() && !files.join("since.txt").exists());
    assert_eq!(site.formers.len(), 2, "what one went back to is a backup still");
    assert!(site.formers.iter().all(|former| former.archive.is_some()));
    lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });

    lab.must(go_back("a.test"));

    assert_eq!(lab.site("a.test").platform.as_str(), "later_seven");
    assert!(lab.site_folder("a.test").join("files/since.txt").exists());
}

#[test]
fn names_go_along_into_an_archive_and_back() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    lab.must(rename());
    let (former, manifest) = packed(&lab, "b.test");
    assert_eq!(former.names.unwrap().site.as_str(), "a.test", "whoever knows it by that name finds it");
    assert_eq!(manifest.site.as_str(), "a.test");
    assert!(former.archive.unwrap().as_str().starts_with("a.test-"));

    lab.must(go_back("b.test"));

    let site = lab.site("a.test");
    assert!(site.aliases.is_empty() && lab.contexts().site(&"b.test".parse().unwrap()).is_err());
    assert_eq!(site.formers.len(), 2);
    lab.delete("a.test");
    let left = lab.snapshot();
    assert_eq!(left.find("file backups/").len(), 2, "backups outlive their site: {:?}", left.find("backups/"));
}

#[test]
fn what_is_in_no_backup_is_not_let_go_of() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    fs::write(lab.site_folder("a.test").join(".env"), "KEY=value\n").unwrap();

    let attempt = lab.ask(migrate("later_seven"));
    let ending = lab.work_on(attempt, &lab.worker());

    assert_eq!(ending.outcome.kind(), aegir_domain::OutcomeKind::Succeeded, "{ending:?}");
    let said = serde_json::to_string(&lab.said(attempt)).unwrap();
    assert!(said.contains("`.env`") && said.contains("stays as it is"), "{said}");
    let former = lab.site("a.test").formers[0].clone();
    assert!(former.archive.is_none());
    lab.must(go_back("a.test"));
    assert!(lab.site_folder("a.test").join(".env").exists());
}

#[test]
fn an_archive_that_a_record_names_is_deleted_with_that_alone() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    lab.must(rename());
    let (former, _) = packed(&lab, "b.test");
    let backup = former.archive.unwrap();

    let said = lab.refuses(Task::DeleteBackup { backup: backup.clone() });
    assert!(said.contains("b.test") && said.contains(&format!("--former {}", former.name)), "{said}");

    fs::remove_file(lab.home().backups().join(backup.as_str())).unwrap();
    let said = lab.refuses(go_back("b.test"));
    assert!(said.contains(backup.as_str()) && said.contains("gone"), "{said}");
    lab.must(Task::DropFormers { site: "b.test".parse().unwrap(), former: Some(former.name) });
    assert!(lab.site("b.test").formers.is_empty());
}

#[test]
fn an_archive_that_there_is_no_room_for_is_told_before_anything_is_touched() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    lab.must(migrate("later_seven"));
    // So large that no disk has room for it, and so full of holes that this one has.
    let huge = fs::File::create(lab.site_folder("a.test").join("files/huge.bin")).unwrap();
    huge.set_len(1 << 43).unwrap();

    let said = lab.refuses(go_back("a.test"));

    assert!(said.contains("MB left") && said.contains("backup"), "{said}");
    let as_it_is = Task::GoBackSite {
        site: "a.test".parse().unwrap(),
        former: None,
        keep: Some(KeepFormer::Itself),
        although_broken: false,
    };
    lab.must(as_it_is);
}
