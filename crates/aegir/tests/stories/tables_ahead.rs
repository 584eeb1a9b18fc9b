//! The tables of a copy are made before the fence: what changes its shape until then arrives as it is.

use std::time::Duration;

use super::moves::saved;
use crate::support::story::{Site, at_line};
use crate::support::{Lab, way, within};

/// What a table is, and what is in it.
fn told(lab: &Lab, database: &str, table: &str) -> (String, String) {
    let shape = lab.up().sql(&format!("SHOW CREATE TABLE `{database}`.`{table}`")).remove(0);
    let sum = lab.up().sql(&format!("CHECKSUM TABLE `{database}`.`{table}`")).remove(0);
    (shape, sum.split('\t').next_back().unwrap().to_owned())
}

fn tables(lab: &Lab, database: &str) -> Vec<String> {
    lab.up().sql(&format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{database}' ORDER BY TABLE_NAME"
    ))
}

#[test]
fn tables_that_change_until_the_fence_arrive_as_they_are() {
    let lab = Lab::start(way());
    for (name, place) in [("old", "one"), ("new", "two")] {
        let project = lab.home().join("platforms").join(place);
        lab.assemble_at("seven-1.0", &project);
        lab.save_platform(name, &project);
    }
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("standard"));
    let from = site.database.clone();
    let run = |statement: &str| lab.up().run_sql(statement);
    for name in ["counts", "grows", "goes", "stays"] {
        run(&format!(
            "CREATE TABLE `{from}`.`{name}` (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(90) \
             DEFAULT ' AUTO_INCREMENT=3') ENGINE=InnoDB COMMENT='it has AUTO_INCREMENT=7'"
        ));
        run(&format!("INSERT INTO `{from}`.`{name}` (id) SELECT seq FROM `{from}`.`seq_1_to_50`"));
    }
    // What is gone was counted all the same.
    run(&format!("DELETE FROM `{from}`.`stays` WHERE id > 40"));

    let (mut follower, _) = at_line(&lab, &["migrate", "@shop.localhost", "--platform", "@new"], "make-tables");
    // The right to write is taken once these are let go of, and nothing is copied before.
    let mut holds = lab.up().connect();
    holds.run("LOCK TABLES mysql.global_priv READ, mysql.db READ").unwrap();
    let fence = lab.home().join("config/fences/shop.localhost");
    within(Duration::from_secs(60), "the fence is up", || fence.exists());
    run(&format!("INSERT INTO `{from}`.`counts` (text) VALUES ('one more'), ('and another')"));
    run(&format!("DELETE FROM `{from}`.`counts` WHERE id > 51"));
    run(&format!("ALTER TABLE `{from}`.`grows` ADD COLUMN more INT NOT NULL DEFAULT 4, ADD KEY (more)"));
    run(&format!("DROP TABLE `{from}`.`goes`"));
    run(&format!("CREATE TABLE `{from}`.`comes` (name VARCHAR(9) PRIMARY KEY) ENGINE=InnoDB"));
    run(&format!("INSERT INTO `{from}`.`comes` VALUES ('new')"));
    holds.run("UNLOCK TABLES").unwrap();

    assert!(follower.wait().unwrap().success());
    let to = saved(&lab, "shop.localhost")["database"]["name"].as_str().unwrap().to_owned();
    assert_ne!(from, to);
    assert_eq!(tables(&lab, &to), tables(&lab, &from));
    for name in ["counts", "grows", "comes", "stays"] {
        let (is, was) = (told(&lab, &to, name), told(&lab, &from, name));
        assert_eq!(is, was, "{name}");
    }
    assert!(told(&lab, &to, "counts").0.contains("AUTO_INCREMENT=53"), "{:?}", told(&lab, &to, "counts"));
    site.answers(&lab);
}
