//! Views and triggers of a site's own go where its tables go, act as its own account, and never on rows that are copied.

use serde_json::Value;

use super::moves::two_releases;
use crate::support::story::Site;
use crate::support::world::World;
use crate::support::{Lab, way};

/// An operator makes them, as the server's administrator. The view that comes first by its name is made of the last.
fn made(lab: &Lab, db: &str) {
    for statement in [
        format!("CREATE TABLE `{db}`.`civi` (`id` INT AUTO_INCREMENT PRIMARY KEY, `name` VARCHAR(20)) ENGINE=InnoDB"),
        format!("CREATE TABLE `{db}`.`civi_log` (`id` INT, `name` VARCHAR(20)) ENGINE=InnoDB"),
        format!("CREATE VIEW `{db}`.`z_named` AS SELECT `id`, `name` FROM `{db}`.`civi` WHERE `name` <> 'no'"),
        format!("CREATE SQL SECURITY INVOKER VIEW `{db}`.`a_few` AS SELECT `name` FROM `{db}`.`z_named`"),
        format!(
            "CREATE TRIGGER `{db}`.`civi_logs` AFTER INSERT ON `{db}`.`civi` FOR EACH ROW \
             BEGIN INSERT INTO `{db}`.`civi_log` VALUES (NEW.id, CONCAT(NEW.name, ';')); END"
        ),
        format!("INSERT INTO `{db}`.`civi` (`name`) VALUES ('one'), ('two')"),
    ] {
        lab.up().run_sql(&statement);
    }
}

/// How many rows each has: the table, what its trigger wrote, and the views.
fn counts(lab: &Lab, db: &str) -> String {
    let count = |table: &str| lab.up().sql(&format!("SELECT COUNT(*) FROM `{db}`.`{table}`")).concat();
    ["civi", "civi_log", "z_named", "a_few"].map(count).join(" ")
}

fn database_of(lab: &Lab, site: &str) -> String {
    let shown = lab.provision(&["show", &format!("@{site}"), "--json"]).done().out;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown["database"]["name"].as_str().unwrap().to_owned()
}

/// All of it is there and runs as the site's own account alone; a row that the site writes is logged once.
fn is_whole(lab: &Lab, site: &str, rows: usize) {
    let db = database_of(lab, site);
    assert_eq!(counts(lab, &db), [rows; 4].map(|rows| rows.to_string()).join(" "), "{site}");
    for (kind, column) in [("VIEWS", "TABLE_SCHEMA"), ("TRIGGERS", "TRIGGER_SCHEMA")] {
        let ask = format!("SELECT DISTINCT DEFINER FROM information_schema.{kind} WHERE {column} = '{db}'");
        let runs_as = lab.up().sql(&ask);
        assert!(runs_as.len() == 1 && runs_as[0].starts_with(&format!("{db}@")), "{site}: {runs_as:?}");
    }
    lab.up().run_sql(&format!("INSERT INTO `{db}`.`civi` (`name`) VALUES ('more')"));
    assert_eq!(counts(lab, &db), [rows + 1; 4].map(|rows| rows.to_string()).join(" "), "{site}");
}

#[test]
fn views_and_triggers_of_a_site_go_where_its_tables_go() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("minimal"));
    made(&lab, &site.database);
    assert_eq!(counts(&lab, &site.database), "2 2 2 2");

    let said = lab.provision(&["backup", "@shop.localhost"]).done();
    assert!(!said.all().contains("not in the backup"), "{}", said.all());
    lab.provision(&["clone", "@shop.localhost", "copy.localhost"]).done();
    is_whole(&lab, "copy.localhost", 2);
    lab.provision(&["clone", "@copy.localhost", "second.localhost"]).done();
    is_whole(&lab, "second.localhost", 3);

    lab.provision(&["migrate", "@shop.localhost", "--platform", "@new"]).done();
    is_whole(&lab, "shop.localhost", 2);
    site.answers(&lab);
    lab.provision(&["go-back", "@shop.localhost"]).done();
    // What it was is there untouched, by whomever it was made.
    assert_eq!(
        (database_of(&lab, "shop.localhost"), counts(&lab, &site.database)),
        (site.database.clone(), "2 2 2 2".into())
    );

    let listed = lab.provision(&["--json", "backups", "@shop.localhost"]).done().out;
    let listed: Value = serde_json::from_str(listed.lines().next().unwrap().trim()).unwrap();
    assert_eq!(listed["manifest"]["dump"].get("not_included"), None);
    let backup = listed["backup"].as_str().unwrap();
    lab.provision(&["restore", backup]).done();
    is_whole(&lab, "shop.localhost", 2);
    lab.provision(&["backup-verify", backup]).done();
    site.answers(&lab);
}

#[test]
fn what_could_be_made_in_no_other_database_is_refused_before_anything_is_done() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("minimal"));
    let db = &site.database;
    lab.up().run_sql("CREATE DATABASE beside_it");
    lab.up().run_sql("CREATE TABLE beside_it.other (id INT)");
    for (made, said) in [
        ("CREATE EVENT `DB`.`odd` ON SCHEDULE EVERY 1 YEAR DO SELECT 1", "event `odd`"),
        ("CREATE PROCEDURE `DB`.`odd`() SELECT 1", "routine `odd`"),
        ("CREATE VIEW `DB`.`odd` AS SELECT id FROM beside_it.other", "view `odd`, which names another database"),
        (
            "CREATE TRIGGER `DB`.`odd` AFTER INSERT ON `DB`.`users` FOR EACH ROW INSERT INTO beside_it.other VALUES (1)",
            "trigger `odd`, which names another database",
        ),
    ] {
        lab.up().run_sql(&made.replace("DB", db));
        let before = World::of(&lab);
        let words = ["clone", "@shop.localhost", "copy.localhost"];
        lab.provision(&words)
            .ends(4)
            .says("holds what a copy would lack")
            .says(said)
            .remedy("remove what is named here");
        World::of(&lab).must_be(&before);
        let kind = made.split(' ').nth(1).unwrap();
        lab.up().run_sql(&format!("DROP {kind} `{db}`.`odd`"));
    }
    lab.up().run_sql("DROP DATABASE beside_it");
}
