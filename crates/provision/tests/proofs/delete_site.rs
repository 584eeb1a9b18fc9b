//! Delete: a site is gone and its files lie in the trash, or it is as it was.

use std::fs;

use aegir_domain::{HttpEngine, InstallSite, Task};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn delete() -> Task {
    Task::DeleteSite { site: "a.test".parse().unwrap(), confirm: "a.test".into(), no_backup: false }
}

fn a_site_and_another(lab: &Lab) {
    two_platforms(lab);
    lab.install("a.test", "seven");
    lab.install("other.test", "seven");
}

/// The one that goes is out of service.
fn a_disabled_site_and_another(lab: &Lab) {
    a_site_and_another(lab);
    lab.is_taken_out("a.test");
}

#[test]
fn a_site_is_deleted_or_left_as_it_was() {
    let scene = Scene::new("delete-site", |lab| {
        a_disabled_site_and_another(lab);
        delete()
    });
    let (_, after) = scene.worlds();
    assert!(after.find("database a_test").is_empty() && !after.find("database other_test").is_empty());
    assert!(!after.find(".aegir-trash/a.test").is_empty());
    assert_eq!(after.find("backups/a.test-").len(), 1, "a last backup is there");
    assert!(after.find("backups/.").is_empty(), "nothing of its making is left");
    scene.lines_are(&lines("delete-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_whose_database_is_a_file_is_deleted_or_left_as_it_was() {
    let scene = Scene::new("delete-site, in SQLite", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        lab.is_taken_out("a.test");
        delete()
    });
    let (_, after) = scene.worlds();
    assert!(after.find("databases/a_test").is_empty());
    assert!(after.find("backups/a.test-")[0].1.contains("database.sqlite"));
    scene.prove(Extent::OneOf(3));
}

#[test]
fn parts_that_are_missing_are_no_reason_to_keep_the_rest() {
    let scene = Scene::new("delete-site, without folder and vhost", |lab| {
        a_site_and_another(lab);
        fs::remove_dir_all(lab.site_folder("a.test")).unwrap();
        let nginx = lab.home().http_config(&"localhost".parse().unwrap(), HttpEngine::Nginx);
        fs::remove_file(nginx.join("vhost.d/a.test.conf")).unwrap();
        lab.restart_services();
        delete()
    });
    let (_, after) = scene.worlds();
    let backup = &after.find("backups/a.test-")[0].1;
    assert!(
        backup.contains("database.sql") && !backup.contains("site/"),
        "what there was is in the last backup: {backup}"
    );
    scene.prove(Extent::OneOf(3));
}

#[test]
fn nobody_is_asked_for_a_backup_that_is_not_wanted_or_of_what_is_not_there() {
    let scene = Scene::new("delete-site, without a backup", |lab| {
        a_disabled_site_and_another(lab);
        Task::DeleteSite { site: "a.test".parse().unwrap(), confirm: "a.test".into(), no_backup: true }
    });
    let (_, after) = scene.worlds();
    assert!(after.find("backups/a.test-").is_empty());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_half_made_a_broken_and_a_disabled_site_are_deleted_and_their_last_backup_says_what_it_lacks() {
    let lab = Lab::new();
    two_platforms(&lab);
    let manual = InstallSite { method: aegir_domain::InstallMethod::Manual, ..lab.new_site("half.test", "ten") };
    lab.must(Task::InstallSite(Box::new(manual)));
    lab.install("disabled.test", "ten");
    lab.is_taken_out("disabled.test");
    lab.install("a.test", "ten");
    let credentials = lab.home().credentials().join("a.test.json");
    fs::remove_file(&credentials).unwrap();
    let of = |site: &str| Task::DeleteSite { site: site.parse().unwrap(), confirm: site.into(), no_backup: false };
    let backup_of = |ending: &aegir_domain::protocol::Ending| -> aegir_domain::BackupName {
        ending.answer["backup"].as_str().unwrap().parse().unwrap()
    };
    for site in ["half.test", "disabled.test"] {
        let ending = lab.must(of(site));
        assert!(lab.home().backups().join(backup_of(&ending).as_str()).is_file(), "{site}");
        assert!(lab.contexts().find(&format!("@{site}").parse().unwrap()).unwrap().is_none());
    }
    lab.remark_database(lab.site("a.test").database.name.as_str(), "somebody else's");
    let ending = lab.must(of("a.test"));
    lab.may_leave_a_mess();
    assert_eq!(ending.answer["manifest"]["lacks"], serde_json::json!(["database"]), "{:?}", ending.answer);
    assert_eq!(ending.answer["manifest"]["made_by"], "delete-site", "{:?}", ending.answer);
    let backup = backup_of(&ending);
    let restore =
        Task::RestoreBackup { backup: backup.clone(), new_site: None, platform: None, db_server: None, keep: None };
    for task in [restore, Task::VerifyBackup { backup, platform: None, db_server: None }] {
        let said = lab.refuses(task);
        assert!(said.contains("has no database of its site in it") && said.contains("tar --zstd"), "{said}");
    }
}

#[test]
fn a_site_in_service_is_refused_with_nothing_done_and_goes_once_it_answers_nobody() {
    let lab = Lab::new();
    a_site_and_another(&lab);
    let before = lab.snapshot();

    let said = lab.refuses(delete());

    assert!(said.contains("`a.test` is in service: its front page answers 200"), "{said}");
    assert!(said.contains("aegir site disable a.test") && said.contains("aegir provision disable @a.test"), "{said}");
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    assert_eq!(lab.visit("a.test"), 200);

    // Broken: nobody may be able to disable it.
    let nginx = lab.home().http_config(&"localhost".parse().unwrap(), HttpEngine::Nginx);
    fs::remove_file(nginx.join("vhost.d/a.test.conf")).unwrap();
    lab.restart_services();
    lab.must(delete());
    assert!(lab.contexts().find(&"@a.test".parse().unwrap()).unwrap().is_none());
}

#[test]
fn a_site_that_was_deleted_is_there_again_with_its_last_backup() {
    let lab = Lab::new();
    a_site_and_another(&lab);
    fs::write(lab.site_folder("a.test").join("files/a.txt"), "An upload.\n").unwrap();
    lab.is_taken_out("a.test");
    let ending = lab.must(delete());
    assert_eq!(lab.visit("a.test"), 404);
    let backup = ending.answer["backup"].as_str().unwrap().parse().unwrap();
    lab.must(Task::RestoreBackup { backup, new_site: None, platform: None, db_server: None, keep: None });
    assert_eq!(lab.visit("a.test"), 200);
    assert_eq!(fs::read_to_string(lab.site_folder("a.test").join("files/a.txt")).unwrap(), "An upload.\n");
}

#[test]
fn a_database_that_bears_another_mark_is_left_alone() {
    let scene = Scene::leaving("delete-site, with a database of somebody else's", &["`a_test_"], |lab| {
        a_site_and_another(lab);
        lab.remark_database(lab.site("a.test").database.name.as_str(), "somebody else's");
        delete()
    });
    let (before, after) = scene.worlds();
    assert_eq!(after.find("database a_test"), before.find("database a_test"));
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_deleted_beside_others_that_live_on() {
    let scene = Scene::new("delete-site, beside others", |lab| {
        a_disabled_site_and_another(lab);
        delete()
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}
