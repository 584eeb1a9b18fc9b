//! A site that somebody else looks after, in a tree that is no platform and by an account that may only read, becomes a
//! copy here; the site itself is the same afterwards, to the byte and the row.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::by_hand::{BY_HAND, is_copied_well, made_by_hand, may_only_read, takes_its_place, what_is_theirs};
use crate::support::story::Site;
use crate::support::world::World;
use crate::support::{Lab, Way, run, way};

/// Somebody's site, in a tree of its own that Ægir may read; gives its folder.
pub(super) fn somewhere(lab: &Lab, shape: &str, prefix: &str) -> PathBuf {
    let project = lab.assemble(&format!("{shape}-1.0"));
    lab.save_platform("old", &project);
    let below = if shape == "ten" { "web" } else { "" };
    let folder = made_by_hand(lab, &project.join(below), "old", "shop.localhost", prefix);
    let www = lab.beside().join("www");
    run(Command::new("cp").arg("-a").arg(&project).arg(&www));
    std::fs::remove_dir_all(&folder).unwrap();
    let up = lab.up();
    up.run_sql(&format!("ALTER TABLE `{BY_HAND}`.`{prefix}users` ENGINE = MyISAM"));
    up.run_sql(&format!("CREATE VIEW `{BY_HAND}`.`{prefix}seen` AS SELECT * FROM `{BY_HAND}`.`{prefix}users`"));
    may_only_read(lab);
    if lab.way == Way::TwoUsers {
        run(Command::new("chown").arg("-R").arg("root:root").arg(&www));
    }
    run(Command::new("chmod").arg("-R").arg("a+rX").arg(&www));
    www.join(below).join("sites/shop.localhost")
}

fn becomes_a_copy(shape: &str, prefix: &str) {
    let lab = Lab::start(way());
    let folder = somewhere(&lab, shape, prefix);
    let project = lab.assemble(&format!("{shape}-1.1"));
    lab.save_platform("new", &project);

    let site = is_copied_well(&lab, &folder, "copy.localhost", "@new", &["--sanitise"]);

    assert_eq!(site.title, "The \"shop.localhost\" & more");
    site.said.clone().says("not of InnoDB").says("What is no table stays behind");
    if shape == "ten" {
        takes_its_place(&lab, &folder, &site, prefix);
    }
    let before = what_is_theirs(&lab, &folder);
    lab.is_taken_out("copy.localhost");
    lab.provision(&["delete", "@copy.localhost", "--confirm=copy.localhost"]).done();
    assert_eq!(what_is_theirs(&lab, &folder), before);
}

#[test]
fn a_site_of_the_seven_shape_is_copied_by_an_account_that_only_reads() {
    becomes_a_copy("seven", "");
}

#[test]
fn a_site_of_the_ten_shape_with_a_prefix_is_copied_by_an_account_that_only_reads_and_takes_its_place() {
    becomes_a_copy("ten", "old_");
}

#[test]
fn a_copy_is_made_refreshed_and_switched_to_by_the_front_end() {
    let lab = Lab::start(way());
    let folder = somewhere(&lab, "ten", "old_");
    lab.save_platform("new", &lab.assemble("ten-1.1"));
    // It takes over what the home has.
    lab.front(&["queue", "dispatch", "--once"]).done();
    lab.front(&["platform", "verify", "new"]).done();
    let shown = || -> Value {
        let shown = lab.front(&["site", "show", "copy.localhost", "--json"]).done();
        serde_json::from_str(&shown.out).unwrap()
    };
    let theirs = what_is_theirs(&lab, &folder);
    let from = folder.to_str().unwrap();

    let said = lab.front(&["site", "copy", "copy.localhost", "--folder", from, "--platform", "new"]).done();

    assert!(!said.all().contains("secret"), "{}", said.all());
    assert_eq!(what_is_theirs(&lab, &folder), theirs);
    let copy = shown();
    assert_eq!((&copy["status"], &copy["copy_of"]["folder"]), (&"enabled".into(), &from.into()), "{copy}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let site =
        Site { name: "copy.localhost".into(), title: text(&copy["title"]), database: text(&copy["database"]), said };
    site.answers(&lab);

    std::fs::write(folder.join("files/later.txt"), "Later.\n").unwrap();
    run(Command::new("chmod").arg("a+r").arg(folder.join("files/later.txt")));
    lab.front(&["site", "refresh", "copy.localhost"]).done();
    let copy = shown();
    assert_eq!((&copy["copy_of"]["folder"], copy["formers"].as_array().unwrap().len()), (&from.into(), 1), "{copy}");
    let platform = lab.front(&["platform", "show", "new", "--json"]).done();
    let platform: Value = serde_json::from_str(&platform.out).unwrap();
    let there = PathBuf::from(text(&platform["root"])).join("sites/copy.localhost");
    assert_eq!(std::fs::read_to_string(there.join("files/later.txt")).unwrap(), "Later.\n");
    site.answers(&lab);

    lab.front(&["site", "switch", "copy.localhost"]).ends(4).says("is not in maintenance mode");
    assert_eq!(shown()["copy_of"]["folder"], from);
    lab.up().run_sql(&format!(
        "REPLACE INTO `{BY_HAND}`.`old_key_value` (collection, name, value) VALUES ('state', 'system.maintenance_mode', 'i:1;')"
    ));
    let theirs = what_is_theirs(&lab, &folder);
    lab.front(&["site", "switch", "copy.localhost"]).done();

    let switched = shown();
    assert!(switched["copy_of"].is_null() && switched["status"] == "enabled", "{switched}");
    site.answers(&lab);
    assert_eq!(what_is_theirs(&lab, &folder), theirs);
    lab.front(&["site", "refresh", "copy.localhost"]).ends(4).says("is no copy of somebody's site");
}

#[test]
fn a_copy_that_fails_leaves_nothing_and_a_password_is_taken_from_standard_input() {
    let lab = Lab::start(way());
    let folder = somewhere(&lab, "seven", "");
    let before = (World::of(&lab), what_is_theirs(&lab, &folder));
    let at = lab.up().endpoints().db.unwrap();
    let at: Vec<String> = match at {
        aegir_domain::DbEngine::Socket(path) => vec!["--source-db-socket".into(), path.display().to_string()],
        aegir_domain::DbEngine::Tcp { host, port } => {
            vec!["--source-db-host".into(), host, "--source-db-port".into(), port.to_string()]
        }
    };
    let mut words =
        vec!["import", folder.to_str().unwrap(), "--copy", "--name", "copy.localhost", "--platform", "@old"];
    words.extend(["--source-db", BY_HAND, "--source-db-account", "by hand", "--source-db-password-file", "-"]);
    words.extend(at.iter().map(String::as_str));

    lab.provision_with(&words, b"wrong\n").ends(4).says("is not let into the database");
    let wrong_prefix = [&words[..], &["--source-db-prefix", "x_"]].concat();
    lab.provision_with(&wrong_prefix, b"it's a \\secret\n").ends(4).says("holds no Drupal");

    World::of(&lab).must_be(&before.0);
    assert_eq!(what_is_theirs(&lab, &folder), before.1);
    lab.provision_with(&words, b"it's a \\secret\n").done().says("Copied the files");
}
