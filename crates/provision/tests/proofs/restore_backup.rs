//! Restore: a site is what a backup says and what it was is kept, or it is as it was; one that is gone is there again,
//! or nothing of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aegir_domain::{
    BackupName, Context, DbEngine, InstallSite, MigrateSite, OutcomeKind, Password, Redirect, Report, SiteContext, Task,
};
use aegir_host::Connection;
use aegir_lab::fake::Trouble;
use aegir_lab::proof::{Extent, Scene, output_of};
use aegir_lab::{Code, Lab};

use crate::backup_site::backup;
use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn restore(backup: &BackupName) -> Task {
    Task::RestoreBackup { backup: backup.clone(), new_site: None, platform: None, db_server: None, keep: None }
}

fn restore_to(backup: &BackupName, platform: &str) -> Task {
    Task::RestoreBackup {
        backup: backup.clone(),
        new_site: None,
        platform: Some(platform.parse().unwrap()),
        db_server: None,
        keep: None,
    }
}

fn backed_up(lab: &Lab) -> BackupName {
    lab.must(backup()).answer["backup"].as_str().unwrap().parse().unwrap()
}

fn delete(lab: &Lab) {
    lab.delete("a.test");
}

/// A connection to the database of `a.test`, with the site's own rights.
fn database(lab: &Lab) -> Box<dyn Connection> {
    let path = lab.home().credentials().join("a.test.json");
    let credentials: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let say = |name: &str| credentials[name].as_str().unwrap();
    if say("db_type") == "sqlite" {
        return lab.parts.databases.sqlite(Path::new(say("db_name"))).unwrap();
    }
    let at = DbEngine::Socket(say("db_socket").into());
    let password = Password::new(say("db_passwd"));
    let limit = Duration::from_secs(10);
    lab.parts.databases.mariadb(&at, say("db_user"), &password, Some(say("db_name")), limit).unwrap()
}

fn write_to_database(lab: &Lab, text: &str) {
    let mut database = database(lab);
    database.run("CREATE TABLE IF NOT EXISTS note (text TEXT)").unwrap();
    database.run("DELETE FROM note").unwrap();
    database.run(&format!("INSERT INTO note VALUES ('{text}')")).unwrap();
}

fn read_from_database(lab: &Lab) -> String {
    let rows = database(lab).rows("SELECT text FROM note").unwrap();
    String::from_utf8(rows[0][0].clone().unwrap()).unwrap()
}

/// A site on a platform, its backup, and what was written to it before and after.
fn a_site_with_a_backup(lab: &Lab, on: &str) -> BackupName {
    two_platforms(lab);
    lab.platform("later_seven", Code::LaterSeven);
    lab.platform("later_ten", Code::LaterTen);
    lab.install("other.test", on);
    lab.install("a.test", on);
    backed_up_and_written_to(lab)
}

fn backed_up_and_written_to(lab: &Lab) -> BackupName {
    let folder = lab.site_folder("a.test");
    fs::write(folder.join("files/before.txt"), "An upload.\n").unwrap();
    symlink("before.txt", folder.join("files/a-link")).unwrap();
    write_to_database(lab, "before");
    let backup = backed_up(lab);
    fs::write(folder.join("files/since.txt"), "Another.\n").unwrap();
    fs::remove_file(folder.join("files/before.txt")).unwrap();
    write_to_database(lab, "since");
    backup
}

/// The same with its data in a file.
fn a_site_in_a_file(lab: &Lab) -> BackupName {
    two_platforms(lab);
    lab.platform("later_ten", Code::LaterTen);
    lab.file_server("files");
    let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
    lab.must(Task::InstallSite(Box::new(site)));
    backed_up_and_written_to(lab)
}

#[test]
fn a_site_is_restored_in_its_place_or_left_as_it_was() {
    let scene = Scene::new("restore-backup", |lab| restore(&a_site_with_a_backup(lab, "seven")));
    let (_, after) = scene.worlds();
    assert!(!after.find("platforms/seven/sites/a.test/files/before.txt").is_empty(), "what was backed up is back");
    assert!(after.find("platforms/seven/sites/a.test/files/since.txt").is_empty(), "and nothing else");
    assert!(!after.find("sites/.aegir-former/a.test-").is_empty(), "what it was is kept");
    assert!(after.find(".coming-").is_empty() && after.find("backups/.").is_empty());
    scene.lines_are(&lines("restore-backup"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_in_sqlite_is_restored_in_its_place_or_left_as_it_was() {
    let scene = Scene::new("restore-backup, Drupal 10 in SQLite", |lab| restore(&a_site_in_a_file(lab)));
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_restored_to_later_code_or_left_as_it_was() {
    let scene = Scene::new("restore-backup, to later code", |lab| {
        restore_to(&a_site_with_a_backup(lab, "seven"), "later_seven")
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("platforms/later_seven/sites/a.test/files/before.txt").is_empty());
    assert!(after.find("platforms/seven/sites/a.test/settings.php").is_empty());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_restored_beside_others_that_live_on() {
    let scene = Scene::new("restore-backup, beside others", |lab| restore(&a_site_with_a_backup(lab, "seven")));
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn a_site_that_is_gone_is_there_again_or_nothing_of_it() {
    let scene = Scene::new("restore-backup, of a site that is gone", |lab| {
        let backup = a_site_with_a_backup(lab, "seven");
        delete(lab);
        restore(&backup)
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("platforms/seven/sites/a.test/files/before.txt").is_empty());
    scene.lines_are(&lines("restore-backup-gone"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_that_is_gone_is_there_again_in_sqlite_on_later_code() {
    let scene = Scene::new("restore-backup, gone, in SQLite", |lab| {
        let backup = a_site_in_a_file(lab);
        delete(lab);
        restore_to(&backup, "later_ten")
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_that_is_gone_is_restored_beside_others_that_live_on() {
    let scene = Scene::new("restore-backup, gone, beside others", |lab| {
        let backup = a_site_with_a_backup(lab, "seven");
        delete(lab);
        restore(&backup)
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

/// Packs what a backup holds as classic Aegir did.
fn as_classic(lab: &Lab, backup: &BackupName, ending: &str, option: &str) -> BackupName {
    let folder = tempfile::tempdir().unwrap();
    let ours = lab.home().backups().join(backup.as_str());
    let ran = output_of(Command::new("tar").arg("-C").arg(folder.path()).arg("-xf").arg(ours)).unwrap();
    assert!(ran.status.success());
    let site = folder.path().join("site");
    fs::rename(folder.path().join("database.sql"), site.join("database.sql")).unwrap();
    fs::write(site.join("settings.php"), "<?php $db_url = 'mysql://secret';").unwrap();
    fs::write(site.join("drushrc.php"), "<?php").unwrap();
    symlink("/etc", site.join("out")).unwrap();
    let name: BackupName = format!("a.test-20140102.030405{ending}").parse().unwrap();
    let to = lab.home().backups().join(name.as_str());
    let ran = output_of(Command::new("tar").arg("-C").arg(&site).arg(option).arg(to).arg(".")).unwrap();
    assert!(ran.status.success());
    name
}

#[test]
fn a_site_is_restored_from_an_archive_of_classic_aegir_or_left_as_it_was() {
    let scene = Scene::new("restore-backup, classic", |lab| {
        let backup = a_site_with_a_backup(lab, "seven");
        restore(&as_classic(lab, &backup, ".tar.gz", "-czf"))
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("platforms/seven/sites/a.test/files/before.txt").is_empty());
    assert!(after.find("sites/a.test/drushrc.php").is_empty() && after.find("sites/a.test/out").is_empty());
    scene.prove(Extent::OneOf(4));
}

#[test]
fn a_site_that_is_gone_is_there_again_from_an_archive_of_classic_aegir() {
    let scene = Scene::new("restore-backup, classic, gone", |lab| {
        let backup = a_site_with_a_backup(lab, "ten");
        let classic = as_classic(lab, &backup, ".tar", "-cf");
        delete(lab);
        let (platform, db_server) = (Some("ten".parse().unwrap()), Some("localhost".parse().unwrap()));
        Task::RestoreBackup { backup: classic, new_site: None, platform, db_server, keep: None }
    });
    scene.prove(Extent::OneOf(4));
}

#[test]
fn what_a_site_held_is_back_and_one_can_return_to_what_it_was() {
    let lab = Lab::new();
    let backup = a_site_with_a_backup(&lab, "ten");
    let was = lab.site("a.test");
    let salt = |lab: &Lab| {
        let text = fs::read(lab.home().credentials().join("a.test.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()["hash_salt"].clone()
    };
    let salt_was = salt(&lab);

    let ending = lab.must(restore(&backup));

    assert_eq!(ending.answer["former"], lab.site("a.test").formers[0].name.as_str());
    assert_eq!(read_from_database(&lab), "before");
    assert!(lab.site_folder("a.test").join("files/before.txt").exists());
    assert_eq!(salt(&lab), salt_was, "one-time links stay good");
    lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });

    lab.must(Task::GoBackSite { site: "a.test".parse().unwrap(), former: None, keep: None, although_broken: false });

    assert_eq!(lab.site("a.test").database, was.database);
    assert_eq!(read_from_database(&lab), "since");
    assert!(lab.site_folder("a.test").join("files/since.txt").exists());
    assert!(!lab.site_folder("a.test").join("files/before.txt").exists());
}

#[test]
fn a_site_that_is_gone_has_its_names_and_its_record_again_but_for_what_others_have_by_now() {
    let lab = Lab::new();
    two_platforms(&lab);
    let asked = InstallSite {
        aliases: vec!["www.a.test".parse().unwrap(), "shop.a.test".parse().unwrap()],
        redirect: Redirect::To("www.a.test".parse().unwrap()),
        time_zone: "Europe/Berlin".parse().unwrap(),
        client: "somebody".parse().unwrap(),
        ..lab.new_site("a.test", "ten")
    };
    lab.must(Task::InstallSite(Box::new(asked)));
    let was = lab.site("a.test");
    let backup = backed_up(&lab);
    delete(&lab);

    lab.must(restore(&backup));

    let again = lab.site("a.test");
    let as_it_was = SiteContext { database: again.database.clone(), ..was.clone() };
    assert_eq!(again, as_it_was);

    delete(&lab);
    let taken = vec!["www.a.test".parse().unwrap()];
    lab.must(Task::InstallSite(Box::new(InstallSite { aliases: taken, ..lab.new_site("other.test", "ten") })));
    lab.must(restore(&backup));
    let again = lab.site("a.test");
    assert_eq!(again.aliases, vec!["shop.a.test".parse().unwrap()]);
    assert!(again.redirect.is_none());
}

#[test]
fn a_site_that_is_broken_is_restored_all_the_same() {
    let lab = Lab::new();
    let backup = a_site_with_a_backup(&lab, "seven");
    fs::remove_dir_all(lab.site_folder("a.test")).unwrap();

    lab.must(restore(&backup));

    assert_eq!(read_from_database(&lab), "before");
    assert!(lab.site_folder("a.test").join("files/before.txt").exists());
    let said = lab.refuses(Task::GoBackSite {
        site: "a.test".parse().unwrap(),
        former: None,
        keep: None,
        although_broken: false,
    });
    assert!(said.contains("is gone"), "{said}");
    fs::remove_file(lab.home().credentials().join("a.test.json")).unwrap();
    lab.must(restore(&backup));
    assert_eq!(read_from_database(&lab), "before");
}

#[test]
fn whatever_an_update_or_the_new_page_does_wrong_leaves_the_site_as_it_was() {
    for trouble in [Trouble::UpdateDies, Trouble::UpdateFails, Trouble::PageBroken] {
        let lab = Lab::new();
        let backup = a_site_with_a_backup(&lab, "seven");
        let before = lab.snapshot();
        lab.machine.begin(trouble);

        let ending = lab.run(restore(&backup));

        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{trouble:?}: {ending:?}");
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new(), "{trouble:?}");
    }
}

#[test]
fn a_backup_that_does_not_fit_is_refused_with_the_way_out() {
    let lab = Lab::new();
    let old = a_site_with_a_backup(&lab, "ten");
    lab.must(Task::MigrateSite(Box::new(MigrateSite::to("a.test".parse().unwrap(), "later_ten".parse().unwrap()))));
    let new = backed_up(&lab);
    let before = lab.snapshot();

    let said = lab.refuses(restore_to(&new, "ten"));
    assert!(said.contains("would go back") && said.contains("--platform @PLATFORM"), "{said}");
    let said = lab.refuses(restore_to(&new, "seven"));
    assert!(said.contains("--platform"), "{said}");
    let named = |name: &str| -> BackupName { name.parse().unwrap() };
    let other = named("other.test-20260101.000000.tar.zst");
    fs::copy(lab.home().backups().join(new.as_str()), lab.home().backups().join(other.as_str())).unwrap();
    let said = lab.refuses(restore(&other));
    assert!(said.contains("is a backup of `a.test`"), "{said}");
    fs::remove_file(lab.home().backups().join(other.as_str())).unwrap();
    assert!(lab.refuses(restore(&named("a.test-20260101.000000.tar.zst"))).contains("no backup"));
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());

    // Older than the code that the site has: its updates run.
    let attempt = lab.ask(restore(&old));
    let ending = lab.work_on(attempt, &lab.worker());
    assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded, "{ending:?}");
    assert_eq!(lab.site("a.test").platform.as_str(), "later_ten");
    let told = format!("{:?}", lab.said(attempt));
    assert!(told.contains("what updates it to 10.4.1 will run"), "{told}");
}

#[test]
fn a_backup_for_another_engine_is_refused() {
    let lab = Lab::new();
    let backup = a_site_in_a_file(&lab);
    let db_server = Some("localhost".parse().unwrap());
    let said = lab.refuses(Task::RestoreBackup { backup, new_site: None, platform: None, db_server, keep: None });
    assert!(said.contains("is for sqlite") && said.contains("--db-server"), "{said}");
}

#[test]
fn an_archive_of_another_drupal_is_taken_back() {
    let lab = Lab::new();
    let backup = a_site_with_a_backup(&lab, "seven");
    let classic = as_classic(&lab, &backup, ".tar.bz2", "-cjf");
    delete(&lab);
    let before = lab.snapshot();
    let asked = |platform: &str| Task::RestoreBackup {
        backup: classic.clone(),
        new_site: None,
        platform: Some(platform.parse().unwrap()),
        db_server: Some("localhost".parse().unwrap()),
        keep: None,
    };

    let ending = lab.run(asked("ten"));

    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{ending:?}");
    let told = Report(ending.fault().unwrap()).to_string();
    assert!(told.contains("not that of a site of Drupal 10"), "{told}");
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    lab.must(asked("seven"));
    assert_eq!(read_from_database(&lab), "before");
}

#[test]
fn what_the_backup_of_a_site_that_is_gone_does_not_say_is_asked_for() {
    let lab = Lab::new();
    let backup = a_site_with_a_backup(&lab, "ten");
    let classic = as_classic(&lab, &backup, ".tar", "-cf");
    delete(&lab);
    let said = lab.refuses(restore(&classic));
    assert!(said.contains("--platform"), "{said}");
    let said = lab.refuses(restore_to(&classic, "ten"));
    assert!(said.contains("--db-server"), "{said}");

    lab.delete("other.test");
    lab.must(Task::ForgetContext { name: "@platform_ten".parse().unwrap() });
    let said = lab.refuses(restore(&backup));
    assert!(said.contains("`ten`, which is gone too") && said.contains("--platform"), "{said}");
    lab.must(restore_to(&backup, "later_ten"));
    let Some(Context::Site(site)) = lab.contexts().find(&"@a.test".parse().unwrap()).unwrap() else { panic!() };
    assert_eq!((site.mail.as_str(), site.core.as_str()), ("admin@example.org", "10.4.1"));
}

fn as_new(backup: &BackupName, name: &str) -> Task {
    let new_site = Some(name.parse().unwrap());
    Task::RestoreBackup { backup: backup.clone(), new_site, platform: None, db_server: None, keep: None }
}

#[test]
fn a_new_site_is_made_of_a_backup_or_nothing_of_it() {
    let scene =
        Scene::new("restore-backup, as a new site", |lab| as_new(&a_site_with_a_backup(lab, "seven"), "new.test"));
    let (before, after) = scene.worlds();
    assert!(!after.find("platforms/seven/sites/new.test/files/before.txt").is_empty());
    for what in ["platforms/seven/sites/a.test", "credentials/a.test", "contexts/a.test"] {
        assert_eq!(after.find(what), before.find(what), "the site that it is of is left alone");
    }
    scene.lines_are(&lines("restore-backup-as"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_new_site_in_sqlite_is_made_of_a_backup_or_nothing_of_it() {
    let scene = Scene::new("restore-backup, as a new site in SQLite", |lab| as_new(&a_site_in_a_file(lab), "new.test"));
    scene.prove(Extent::OneOf(4));
}

#[test]
fn a_new_site_has_a_salt_of_its_own_no_names_of_the_other_and_needs_a_name_that_is_free() {
    let lab = Lab::new();
    let backup = a_site_with_a_backup(&lab, "ten");
    let said = lab.refuses(as_new(&backup, "a.test"));
    assert!(said.contains("is the site that"), "{said}");
    assert!(lab.refuses(as_new(&backup, "other.test")).contains("taken"));

    lab.must(as_new(&backup, "new.test"));

    let salt = |site: &str| {
        let text = fs::read(lab.home().credentials().join(format!("{site}.json"))).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()["hash_salt"].clone()
    };
    assert_ne!(salt("new.test"), salt("a.test"));
    assert_ne!(lab.site("new.test").database, lab.site("a.test").database);
    assert_eq!(read_from_database(&lab), "since", "the other one is as it was");
    delete(&lab);
    lab.must(as_new(&backup, "newer.test"));
}
