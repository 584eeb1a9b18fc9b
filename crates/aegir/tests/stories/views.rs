//! Views and triggers of a site's own go where its tables go, act as its own account, and never on rows that are copied.

use serde_json::Value;

use super::import_copies::somewhere;
use super::moves::two_releases;
use crate::support::by_hand::{BY_HAND, made_by_hand, what_is_theirs};
use crate::support::story::Site;
use crate::support::world::World;
use crate::support::{Lab, way};

/// An operator makes them, as the server's administrator. The view that comes first by its name is made of the last, and a
/// trigger calls a table by the name of another database.
pub(super) fn made(lab: &Lab, db: &str, users: &str) {
    for statement in [
        format!("CREATE TABLE `{db}`.`changes` (`id` INT) ENGINE=InnoDB"),
        format!("CREATE SEQUENCE `{db}`.`numbers` START WITH 7"),
        format!("CREATE TABLE `{db}`.`past` (`id` INT PRIMARY KEY) ENGINE=InnoDB WITH SYSTEM VERSIONING"),
        format!("INSERT INTO `{db}`.`past` VALUES (1)"),
        format!("CREATE TABLE `{db}`.`civi` (`id` INT AUTO_INCREMENT PRIMARY KEY, `name` VARCHAR(20)) ENGINE=InnoDB"),
        format!("CREATE TABLE `{db}`.`civi_log` (`id` INT, `name` VARCHAR(20)) ENGINE=InnoDB"),
        format!("CREATE VIEW `{db}`.`z_named` AS SELECT `id`, `name` FROM `{db}`.`civi` WHERE `name` <> 'no'"),
        format!("CREATE SQL SECURITY INVOKER VIEW `{db}`.`a_few` AS SELECT `name` FROM `{db}`.`z_named`"),
        format!(
            "CREATE TRIGGER `{db}`.`civi_logs` AFTER INSERT ON `{db}`.`civi` FOR EACH ROW \
             BEGIN INSERT INTO `{db}`.`civi_log` VALUES (NEW.id, CONCAT(NEW.name, ';')); END"
        ),
        // Whatever changes an account by other hands than the site's would be written down.
        format!(
            "CREATE TRIGGER `{db}`.`users_log` AFTER UPDATE ON `{db}`.`USERS` FOR EACH ROW \
             INSERT INTO `{db}`.`changes` SELECT `mysql`.`uid` FROM `{db}`.`USERS` `mysql` WHERE `mysql`.`uid` = OLD.`uid`"
        )
        .replace("USERS", users),
        format!("INSERT INTO `{db}`.`civi` (`name`) VALUES ('one'), ('two')"),
    ] {
        lab.up().run_sql(&statement);
    }
    assert_eq!(lab.up().sql(&format!("SELECT NEXTVAL(`{db}`.`numbers`)")), ["7"]);
}

/// How many rows each has: the table, what its trigger wrote, and the views.
fn counts(lab: &Lab, db: &str) -> String {
    let count = |table: &str| lab.up().sql(&format!("SELECT COUNT(*) FROM `{db}`.`{table}`")).concat();
    ["civi", "civi_log", "z_named", "a_few"].map(count).join(" ")
}

pub(super) fn database_of(lab: &Lab, site: &str) -> String {
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
    // A table of numbers counts on, and one that keeps its past has the rows of now.
    assert_eq!(lab.up().sql(&format!("SELECT NEXTVAL(`{db}`.`numbers`) > 7 FROM `{db}`.`past`")), ["1"], "{site}");
    assert_eq!(lab.up().sql(&format!("SHOW TABLES FROM `{db}` LIKE 'aegir\\_triggers'")), [""; 0], "{site}");
}

/// How many changes of accounts were written down.
fn changes(lab: &Lab, db: &str) -> Vec<String> {
    lab.up().sql(&format!("SELECT COUNT(*) FROM `{db}`.`changes`"))
}

#[test]
fn views_and_triggers_of_a_site_go_where_its_tables_go() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("minimal"));
    made(&lab, &site.database, "users_field_data");
    assert_eq!(counts(&lab, &site.database), "2 2 2 2");

    let said = lab.provision(&["backup", "@shop.localhost"]).done();
    assert!(!said.all().contains("not in the backup"), "{}", said.all());
    lab.provision(&["clone", "@shop.localhost", "copy.localhost", "--sanitise"]).done();
    let copy = database_of(&lab, "copy.localhost");
    assert_eq!(changes(&lab, &copy), ["0"], "nobody wrote down what was taken out");
    lab.up().run_sql(&format!("UPDATE `{copy}`.`users_field_data` SET `mail` = 'new@example.org' WHERE `uid` = 1"));
    assert_eq!(changes(&lab, &copy), ["1"]);
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
fn views_and_triggers_of_somebodys_site_come_along_where_its_tables_are_copied() {
    let lab = Lab::start(way());
    let folder = somewhere(&lab, "seven", "");
    lab.save_platform("new", &lab.assemble("seven-1.1"));
    made(&lab, BY_HAND, "users");
    lab.up().run_sql(&format!("CREATE EVENT `{BY_HAND}`.`odd` ON SCHEDULE EVERY 1 YEAR DO SELECT 1"));
    for host in ["localhost", "127.0.0.1"] {
        lab.up().run_sql(&format!("GRANT SHOW VIEW, TRIGGER, EVENT ON `{BY_HAND}`.* TO 'by hand'@'{host}'"));
    }
    let before = what_is_theirs(&lab, &folder);
    let words = ["import", folder.to_str().unwrap(), "--copy", "--name", "copy.localhost", "--platform", "@new"];

    let said = lab.provision(&[&words[..], &["--sanitise"]].concat()).done();

    let said = said.says("stays behind: event `odd`. Make it").says("all as there");
    assert!(!said.all().contains("civi_logs"), "{}", said.all());
    assert_eq!(changes(&lab, &database_of(&lab, "copy.localhost")), ["0"], "nobody wrote down what was taken out");
    is_whole(&lab, "copy.localhost", 2);
    assert_eq!(what_is_theirs(&lab, &folder), before);
}

#[test]
fn views_and_triggers_of_somebodys_site_come_along_where_its_tables_move() {
    let lab = Lab::start(way());
    let [old, _] = two_releases(&lab, "seven");
    let folder = made_by_hand(&lab, &old, "old", "shop.localhost", "");
    made(&lab, BY_HAND, "users");
    // One by somebody else, in another mode, and behind one that was there.
    let mut somebody = lab.up().connect();
    for statement in [
        format!("USE `{BY_HAND}`"),
        "SET SQL_MODE = '', CHARACTER_SET_CLIENT = 'latin1', COLLATION_CONNECTION = 'latin1_german2_ci'".into(),
        "CREATE DEFINER = `by hand`@`localhost` TRIGGER `Before``it` AFTER INSERT ON `civi` FOR EACH ROW PRECEDES `civi_logs` \
         BEGIN INSERT INTO civi_log VALUES (0, 'x;'); DELETE FROM civi_log WHERE id = 0; END -- done"
            .into(),
    ] {
        somebody.run(&statement).unwrap();
    }
    drop(somebody);
    lab.up().run_sql(&format!("CREATE EVENT `{BY_HAND}`.`odd` ON SCHEDULE EVERY 1 YEAR DO SELECT 1"));
    let import = ["import", "shop.localhost"];
    let before = World::of(&lab);
    lab.provision(&import).ends(4).says("cannot move with its tables: event `odd`");
    World::of(&lab).must_be(&before);
    lab.up().run_sql(&format!("DROP EVENT `{BY_HAND}`.`odd`"));

    // It is only when the page is built that this is called.
    let settings = folder.join("settings.php");
    let text = std::fs::read_to_string(&settings).unwrap();
    let fails = format!("{text}if (class_exists('Database', FALSE)) {{ header('HTTP/1.1 500 Gone'); exit; }}\n");
    std::fs::write(&settings, fails).unwrap();
    let before = World::of(&lab);
    lab.provision(&import).ends(7).says("all is as it was").says("triggers came along");
    World::of(&lab).must_be(&before);

    std::fs::write(&settings, text).unwrap();
    lab.provision(&[&import[..], &["--dry-run"]].concat()).done().says("views and triggers come along");
    lab.provision(&import).done().says(&format!("only views are left in the database `{BY_HAND}`"));

    is_whole(&lab, "shop.localhost", 2);
    assert_eq!(changes(&lab, &database_of(&lab, "shop.localhost")), ["0"]);
    assert_eq!(lab.up().sql(&format!("SHOW TRIGGERS FROM `{BY_HAND}`")), [""; 0]);
    lab.provision(&["clone", "@shop.localhost", "copy.localhost"]).done();
    is_whole(&lab, "copy.localhost", 3);
}

#[test]
fn views_and_triggers_of_a_site_in_default_come_along_and_stay_where_they_were() {
    let lab = Lab::start(way());
    let [old, _] = two_releases(&lab, "seven");
    let own = made_by_hand(&lab, &old, "old", "shop.localhost", "");
    let default = old.join("sites/default");
    for entry in std::fs::read_dir(&own).unwrap().flatten() {
        std::fs::rename(entry.path(), default.join(entry.file_name())).unwrap();
    }
    std::fs::remove_dir(&own).unwrap();
    made(&lab, BY_HAND, "users");
    let import = ["import", default.to_str().unwrap(), "--name", "shop.localhost"];
    lab.up().run_sql(&format!("CREATE PROCEDURE `{BY_HAND}`.`odd`() SELECT 1"));
    let before = World::of(&lab);
    lab.provision(&import).ends(4).says("cannot move with its tables: routine `odd`");
    World::of(&lab).must_be(&before);
    lab.up().run_sql(&format!("DROP PROCEDURE `{BY_HAND}`.`odd`"));

    lab.provision(&import).done();

    is_whole(&lab, "shop.localhost", 2);
    assert_eq!(counts(&lab, BY_HAND), "2 2 2 2");
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

#[test]
fn a_backup_lacks_what_needs_more_than_its_database_and_can_be_restored() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("minimal"));
    let db = &site.database;
    for statement in [
        "CREATE DATABASE beside_it",
        "CREATE TABLE beside_it.other (id INT)",
        "CREATE TABLE `DB`.`civi` (`id` INT) ENGINE=InnoDB",
        "CREATE TABLE `DB`.`civi_log` (`id` INT) ENGINE=InnoDB",
        "CREATE FUNCTION `DB`.`plus`(`n` INT) RETURNS INT DETERMINISTIC RETURN `n` + 1",
        "CREATE VIEW `DB`.`odd` AS SELECT `id` FROM beside_it.other",
        "CREATE VIEW `DB`.`on_odd` AS SELECT `id` FROM `DB`.`odd`",
        "CREATE VIEW `DB`.`a_third` AS SELECT `id` FROM `DB`.`on_odd`",
        "CREATE VIEW `DB`.`calling` AS SELECT `DB`.`plus`(`id`) AS `n` FROM `DB`.`civi`",
        "CREATE VIEW `DB`.`on_calling` AS SELECT `n` FROM `DB`.`calling`",
        "CREATE VIEW `DB`.`alone` AS SELECT `x`.`a` FROM (SELECT 1 AS `a`) `x`",
        "CREATE TRIGGER `DB`.`calls` AFTER INSERT ON `DB`.`civi` FOR EACH ROW SET @n = `DB`.plus (NEW.id)",
        "CREATE TRIGGER `DB`.`hides` BEFORE INSERT ON `DB`.`civi` FOR EACH ROW INSERT INTO beside_it/**/.other VALUES (1)",
        "CREATE TRIGGER `DB`.`reads` BEFORE INSERT ON `DB`.`civi` FOR EACH ROW SET @n = (SELECT MAX(id) FROM `DB`.odd)",
        "CREATE TRIGGER `DB`.`logs` AFTER INSERT ON `DB`.`civi` FOR EACH ROW INSERT INTO `DB`/**/.civi_log VALUES (NEW.id)",
    ] {
        lab.up().run_sql(&statement.replace("`DB`", &format!("`{db}`")));
    }

    lab.provision(&["backup", "@shop.localhost"]).done();

    let listed = lab.provision(&["--json", "backups", "@shop.localhost"]).done().out;
    let listed: Value = serde_json::from_str(listed.lines().next().unwrap().trim()).unwrap();
    let lacks = &listed["manifest"]["dump"]["not_included"];
    for said in [
        "routine `plus`",
        "view `odd`, which names another database",
        // The server writes the other database into whatever is made of it.
        "view `on_odd`, which names another database",
        "view `a_third`, which names another database",
        "view `calling`, which calls a function or procedure of somebody's",
        "view `on_calling`, which needs the view `calling`, which cannot come along",
        "trigger `calls`, which calls a function or procedure of somebody's",
        "trigger `hides`, which names another database",
        "trigger `reads`, which needs the view `odd`, which cannot come along",
    ] {
        assert!(lacks.as_array().unwrap().contains(&said.into()), "{said}: {lacks}");
    }
    assert_eq!(lacks.as_array().unwrap().len(), 9, "{lacks}");
    let backup = listed["backup"].as_str().unwrap();
    lab.provision(&["backup-verify", backup]).done();
    lab.provision(&["restore", backup]).done();
    site.answers(&lab);
    let restored = database_of(&lab, "shop.localhost");
    assert_ne!(restored, *db);
    lab.up().run_sql(&format!("INSERT INTO `{restored}`.`civi` VALUES (7)"));
    assert_eq!(lab.up().sql(&format!("SELECT id + a FROM `{restored}`.`civi_log` JOIN `{restored}`.`alone`")), ["8"]);
    assert_eq!(lab.up().sql("SELECT COUNT(*) FROM beside_it.other"), ["0"]);
    lab.up().run_sql("DROP DATABASE beside_it");
}
