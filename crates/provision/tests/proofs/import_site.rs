//! Import: a site that somebody made by hand is in service here, or lies as it was.

use std::fs;

use aegir_domain::{ContextName, ImportSite, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{ByHand, Code, Lab, THEIR_SALT};
use serde_json::json;

use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn import(platform: &str) -> Task {
    Task::ImportSite(Box::new(ImportSite {
        from_default: false,
        site: "a.test".parse().unwrap(),
        platform: platform.parse().unwrap(),
        db_server: None,
        aliases: Vec::new(),
        client: "admin".parse().unwrap(),
        copy_of: None,
    }))
}

fn made_by_hand(lab: &Lab, platform: &str, how: &ByHand) -> Task {
    two_platforms(lab);
    lab.install("other.test", platform);
    lab.made_by_hand("a.test", platform, how);
    import(platform)
}

#[test]
fn a_site_made_by_hand_is_taken_in_or_lies_as_it_was() {
    let scene = Scene::new("import-site", |lab| made_by_hand(lab, "seven", &ByHand::default()));
    scene.lines_are(&lines("import-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_10_with_prefixed_tables_is_taken_in_or_lies_as_it_was() {
    let scene = Scene::new("import-site, Drupal 10 with a prefix and settings of its own", |lab| {
        made_by_hand(lab, "ten", &ByHand { prefix: "old_", with_local_settings: true, ..ByHand::default() })
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_with_triggers_is_taken_in_or_they_are_there_as_they_were() {
    let scene = Scene::new("import-site, with triggers", |lab| {
        made_by_hand(lab, "seven", &ByHand { with_triggers: true, ..ByHand::default() })
    });
    scene.prove(Extent::Whole);
}

#[test]
fn triggers_that_come_along_run_as_the_sites_own_account_in_the_same_order() {
    let lab = Lab::new();
    let task = made_by_hand(&lab, "seven", &ByHand { with_triggers: true, ..ByHand::default() });

    lab.must(task);

    let name = lab.site("a.test").database.name;
    let run = ["first", "then"]
        .map(|trigger| format!("{trigger} on users as {name}@localhost: INSERT INTO `{trigger}` VALUES (NEW.uid)"));
    assert_eq!(lab.triggers_of(name.as_str()), run);
    assert_eq!(lab.triggers_of("Theirs-a.test"), [""; 0]);
}

#[test]
fn a_site_whose_data_is_a_file_is_taken_in_or_lies_as_it_was() {
    let scene = Scene::new("import-site, in SQLite", |lab| {
        lab.file_server("files");
        made_by_hand(lab, "ten", &ByHand { in_a_file: true, ..ByHand::default() })
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_taken_in_beside_others_that_live_on() {
    let scene = Scene::new("import-site, beside others", |lab| made_by_hand(lab, "seven", &ByHand::default()));
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn what_was_theirs_goes_on_as_the_sites_own() {
    let lab = Lab::new();
    let how = ByHand { prefix: "old_", with_local_settings: true, ..ByHand::default() };
    let task = made_by_hand(&lab, "seven", &how);
    lab.platform("later_seven", Code::LaterSeven);
    let folder = lab.home().platforms().join("seven/sites/a.test");
    let theirs = fs::read(folder.join("settings.php")).unwrap();

    let ending = lab.must(task);

    let site = lab.site("a.test");
    assert_eq!(
        (site.title.as_str(), site.mail.as_str(), site.account.as_str()),
        ("Theirs", "them@example.org", "them")
    );
    assert_eq!(fs::read(folder.join("imported.settings.php")).unwrap(), theirs);
    let local = fs::read_to_string(folder.join("local.settings.php")).unwrap();
    assert!(local.starts_with("<?php\n$conf['local'] = TRUE;\n\n// What this site's own"), "{local}");
    assert_eq!(lab.credentials("a.test").1, THEIR_SALT);
    assert_eq!(fs::read_to_string(folder.join("files/a.txt")).unwrap(), "An upload of theirs.\n");
    assert_eq!(lab.rows_of("a.test", "SELECT name FROM users"), ["them"]);
    assert_eq!(lab.their_tables("Theirs-a.test"), [""; 0]);
    assert!(format!("{ending:?}").contains("Theirs-a.test"), "the operator is told which database is empty now");
    lab.must(Task::VerifySite { site: site.name.clone(), context: None });
    lab.must(Task::MigrateSite(Box::new(aegir_domain::MigrateSite::to(site.name, "later_seven".parse().unwrap()))));
}

#[test]
fn what_cannot_be_taken_in_is_refused_and_lies_as_it_was() {
    let refused = |how: ByHand, why: &str| {
        let lab = Lab::new();
        let task = made_by_hand(&lab, "seven", &how);
        let before = lab.snapshot();
        let said = lab.refuses(task);
        assert!(said.contains(why), "{said}");
        assert_eq!(lab.snapshot().differences(&before), [""; 0]);
    };
    let says = |key, value| ByHand { says: vec![(key, value)], ..ByHand::default() };
    let database = |key: &str, value: serde_json::Value| {
        let mut database = json!({ "driver": "mysql", "name": "Theirs-a.test", "user": "Theirs-a.test",
            "host": "localhost", "password": aegir_lab::THEIR_PASSWORD });
        database[key] = value;
        says("database", database)
    };

    refused(says("database", json!(null)), "gives no database");
    refused(database("driver", json!("pgsql")), "`pgsql`");
    refused(database("password", json!("another")), "does not let the site's own account");
    refused(database("host", json!("db.example.org")), "no server that is known here");
    refused(database("shared_tables", json!(["users"])), "shares tables");
    refused(database("prefix", json!("x_")), "holds no Drupal");
    refused(says("hash_salt", json!("")), "gives no salt");
    refused(says("public_files", json!("sites/default/files")), "keeps files in `sites/default/files`");
    refused(says("private_files", json!("/srv/private")), "keeps files in `/srv/private`");
}

#[test]
fn no_file_of_ours_is_taken_for_data_because_a_site_names_it() {
    let refused = |file: &dyn Fn(&Lab) -> String| {
        let lab = Lab::new();
        lab.file_server("files");
        two_platforms(&lab);
        lab.install("other.test", "seven");
        let database = json!({ "driver": "sqlite", "name": file(&lab), "user": "", "password": "", "host": "" });
        lab.made_by_hand("a.test", "seven", &ByHand { says: vec![("database", database)], ..ByHand::default() });
        let said = lab.refuses(import("seven"));
        assert!(said.contains("but in Ægir's"), "{said}");
    };
    let credentials = |lab: &Lab| lab.home().credentials_of(&ContextName::Site("other.test".parse().unwrap()));

    refused(&|lab| credentials(lab).display().to_string());
    refused(&|lab| credentials(lab).display().to_string().replace("/credentials/", "/run/../credentials/"));
    refused(&|lab| {
        let link = lab.site_folder("other.test").with_file_name("link.sqlite");
        std::os::unix::fs::symlink(credentials(lab), &link).unwrap();
        link.display().to_string()
    });
}

#[test]
fn a_folder_that_is_no_site_or_is_known_is_refused() {
    let lab = Lab::new();
    two_platforms(&lab);
    assert!(lab.refuses(import("seven")).contains("there is no folder"));
    fs::create_dir(lab.home().platforms().join("seven/sites/a.test")).unwrap();
    assert!(lab.refuses(import("seven")).contains("no site was installed there"));
    fs::remove_dir(lab.home().platforms().join("seven/sites/a.test")).unwrap();
    lab.install("a.test", "seven");
    assert!(lab.refuses(import("seven")).contains("is taken by the site `a.test`"));
}
