//! What a site may do with views and triggers is guarded: nothing of them is read with more rights than its own, and nothing of
//! them is lost without a word.

use std::fs;

use aegir_domain::{DbEngine, Password};
use aegir_host::{Connection, Databases, RealDatabases};
use serde_json::Value;

use super::moves::two_releases;
use super::views::made;
use crate::support::by_hand::{BY_HAND, made_by_hand};
use crate::support::said::Said;
use crate::support::story::Site;
use crate::support::world::World;
use crate::support::{Lab, until, way};

/// A connection by a site's own account.
fn as_site(lab: &Lab, site: &Site) -> Box<dyn Connection> {
    let credentials = fs::read(lab.home().join(format!("credentials/{}.json", site.name))).unwrap();
    let credentials: Value = serde_json::from_slice(&credentials).unwrap();
    let password = Password::new(credentials["db_passwd"].as_str().unwrap());
    let at: DbEngine = lab.up().endpoints().db.unwrap();
    let limit = std::time::Duration::from_secs(60);
    RealDatabases.mariadb(&at, &site.database, &password, Some(&site.database), limit).unwrap()
}

#[test]
fn a_view_that_takes_the_name_of_a_table_while_it_is_read_gives_no_row_to_a_dump() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let site = Site::install(&lab, "shop.localhost", "ten", "localhost", Some("minimal"));
    let mut theirs = as_site(&lab, &site);
    theirs.run("CREATE TABLE `aa` (`note` TEXT) ENGINE=InnoDB").unwrap();
    theirs.run("CREATE TABLE `zz` (`note` TEXT) ENGINE=InnoDB").unwrap();
    let backups = || fs::read_dir(lab.home().join("backups")).map_or(0, Iterator::count);
    let before = backups();

    // The dump knows what each is, and waits for the first of them.
    let mut holds = lab.up().connect();
    holds.run(&format!("LOCK TABLES `{}`.`aa` WRITE", site.database)).unwrap();
    let dumping = lab.begin(&["backup", "@shop.localhost"]);
    let waits = "SELECT ID FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata lock%'";
    until("the dump waits", || !lab.up().sql(waits).is_empty());
    theirs.run("RENAME TABLE `zz` TO `zz_aside`").unwrap();
    // What the site reads of it is its own; an administrator reads of all that runs there.
    theirs
        .run("CREATE SQL SECURITY INVOKER VIEW `zz` AS SELECT CONCAT(USER, INFO) AS `note` FROM information_schema.PROCESSLIST")
        .unwrap();
    holds.run("UNLOCK TABLES").unwrap();

    let said = Said::whole(dumping, &["backup", "@shop.localhost"]);
    said.ends(7).says("`zz` of the database").says("is no table any more");
    assert_eq!(backups(), before);
    theirs.run("DROP VIEW `zz`").unwrap();
    theirs.run("RENAME TABLE `zz_aside` TO `zz`").unwrap();
    lab.provision(&["backup", "@shop.localhost"]).done();
}

#[test]
fn what_the_account_of_a_site_in_default_is_not_told_of_is_refused_by_name() {
    let lab = Lab::start(way());
    let [old, _] = two_releases(&lab, "seven");
    let own = made_by_hand(&lab, &old, "old", "shop.localhost", "");
    let default = old.join("sites/default");
    for entry in fs::read_dir(&own).unwrap().flatten() {
        fs::rename(entry.path(), default.join(entry.file_name())).unwrap();
    }
    fs::remove_dir(&own).unwrap();
    made(&lab, BY_HAND, "users");
    lab.up().run_sql(&format!("CREATE PROCEDURE `{BY_HAND}`.`odd`() SELECT 1"));
    lab.up().run_sql(&format!("CREATE EVENT `{BY_HAND}`.`yearly` ON SCHEDULE EVERY 1 YEAR DO SELECT 1"));
    // What Drupal's own INSTALL.mysql.txt has an administrator grant.
    for host in ["localhost", "127.0.0.1"] {
        lab.up().run_sql(&format!("REVOKE ALL PRIVILEGES ON `{BY_HAND}`.* FROM 'by hand'@'{host}'"));
        lab.up().run_sql(&format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES ON `{BY_HAND}`.* \
             TO 'by hand'@'{host}'"
        ));
    }
    let import = ["import", default.to_str().unwrap(), "--name", "shop.localhost"];
    let before = World::of(&lab);

    let said = lab.provision(&import).ends(4).says("cannot move with its tables");

    for name in ["trigger `civi_logs`", "trigger `users_log`", "routine `odd`", "event `yearly`"] {
        said.clone().says_once(&format!("{name}, of which the site's own account is not told"));
    }
    World::of(&lab).must_be(&before);
}
