//! What a site may do with views and triggers is guarded: nothing of them is read with more rights than its own, and nothing of
//! them is lost without a word.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aegir_domain::{DbEngine, Password};
use aegir_host::{Connection, Databases, RealDatabases};
use serde_json::Value;

use super::import_copies::somewhere;
use super::moves::two_releases;
use super::views::{database_of, made};
use crate::support::by_hand::{BY_HAND, made_by_hand};
use crate::support::said::Said;
use crate::support::story::Site;
use crate::support::world::World;
use crate::support::{Lab, run, spawn, until, way};

/// A connection by a site's own account.
fn as_site(lab: &Lab, site: &str, database: &str) -> Box<dyn Connection> {
    let credentials = fs::read(lab.home().join(format!("credentials/{site}.json"))).unwrap();
    let credentials: Value = serde_json::from_slice(&credentials).unwrap();
    let password = Password::new(credentials["db_passwd"].as_str().unwrap());
    let at: DbEngine = lab.up().endpoints().db.unwrap();
    let limit = Duration::from_secs(60);
    RealDatabases.mariadb(&at, database, &password, Some(database), limit).unwrap()
}

#[test]
fn a_view_that_takes_the_name_of_a_table_while_it_is_read_gives_no_row_to_a_dump() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let site = Site::install(&lab, "shop.localhost", "ten", "localhost", Some("minimal"));
    let mut theirs = as_site(&lab, &site.name, &site.database);
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

/// A MariaDB that writes a log for replicas, which a lab knows as `@server_logs`.
struct Logs {
    running: Child,
    home: tempfile::TempDir,
}

impl Logs {
    fn start(lab: &Lab) -> Logs {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let at = |option: &str, name: &str| format!("--{option}={}", home.path().join(name).display());
        let user: &[&str] = if rustix::process::geteuid().is_root() { &["--user=root"] } else { &[] };
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]).args(user);
        run(install.args([at("datadir", "data"), at("tmpdir", "")]));
        let mut server = Command::new("mariadbd");
        server.args(["--no-defaults", "--skip-networking", "--log-bin", "--server-id=1"]).args(user);
        server.args([at("datadir", "data"), at("tmpdir", ""), at("socket", "s")]);
        server.stdout(Stdio::null()).stderr(fs::File::create(home.path().join("log")).unwrap());
        let logs = Logs { running: spawn(&mut server), home };
        until("it lets somebody in", || logs.try_connect().is_ok());
        logs.run("GRANT ALL PRIVILEGES ON *.* TO 'aegir'@'localhost' IDENTIFIED BY 'x' WITH GRANT OPTION");
        let socket = logs.home.path().join("s").display().to_string();
        let words = ["save", "@server_logs", "--db", "mariadb", "--db-socket", &socket, "--db-account", "aegir"];
        let words: Vec<&str> = words.into_iter().chain(["--db-password-file", "-"]).collect();
        lab.provision_with(&words, b"x\n").done();
        lab.provision(&["verify", "@server_logs"]).done();
        logs
    }

    fn try_connect(&self) -> Result<Box<dyn Connection>, aegir_host::SqlFault> {
        let at = DbEngine::Socket(self.home.path().join("s"));
        RealDatabases.mariadb(&at, "root", &Password::new(""), None, Duration::from_secs(60))
    }

    fn run(&self, statement: &str) {
        self.try_connect().unwrap().run(statement).unwrap();
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

#[test]
fn triggers_that_a_server_would_not_let_be_made_again_are_told_by_name() {
    let lab = Lab::start(way());
    let folder = somewhere(&lab, "seven", "");
    lab.save_platform("new", &lab.assemble("seven-1.1"));
    let logs = Logs::start(&lab);
    let site = Site::install(&lab, "logged.localhost", "new", "logs", Some("minimal"));
    let db = &site.database;
    let said = lab.provision(&["backup", "@logged.localhost"]).done();
    assert!(!said.all().contains("log_bin_trust"), "{}", said.all());
    let listed = lab.provision(&["--json", "backups", "@logged.localhost"]).done().out;
    let listed: Value = serde_json::from_str(listed.lines().next().unwrap().trim()).unwrap();
    let without = listed["backup"].as_str().unwrap().to_owned();
    logs.run(&format!("CREATE TABLE `{db}`.`civi` (`id` INT) ENGINE=InnoDB"));
    logs.run(&format!(
        "CREATE TRIGGER `{db}`.`civi_logs` BEFORE INSERT ON `{db}`.`civi` FOR EACH ROW SET NEW.id = NEW.id + 1"
    ));

    let said = lab.provision(&["backup", "@logged.localhost"]).done();
    said.says("writes a log for replicas").says("`civi_logs`").says("SET GLOBAL log_bin_trust_function_creators = 1");

    // What it was could not be had back out of an archive.
    let said = lab.provision(&["restore", &without, "--keep-former", "archive"]).done();
    said.says("stays as it is").says("lets no site's account make triggers");
    let there = format!("SELECT 1 FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{db}'");
    assert_eq!(logs.try_connect().unwrap().rows(&there).unwrap().len(), 1);

    // A copy goes on without them.
    made(&lab, BY_HAND, "users");
    for host in ["localhost", "127.0.0.1"] {
        lab.up().run_sql(&format!("GRANT SHOW VIEW, TRIGGER ON `{BY_HAND}`.* TO 'by hand'@'{host}'"));
    }
    let words = ["import", folder.to_str().unwrap(), "--copy", "--name", "copy.localhost", "--platform", "@new"];
    let said = lab.provision(&[&words[..], &["--db-server", "logs"]].concat()).done();
    said.says("stays behind: trigger `civi_logs`, which the new server lets no site's account make");
    let copy = database_of(&lab, "copy.localhost");
    let rows = |ask: String| logs.try_connect().unwrap().rows(&ask).unwrap().len();
    assert_eq!(rows(format!("SELECT 1 FROM `{copy}`.`a_few`")), 2);
    assert_eq!(rows(format!("SELECT 1 FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{copy}'")), 0);
}

#[test]
fn an_account_that_may_grant_nothing_of_views_serves_sites_as_it_did() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    // What an administrator gave who read Drupal's list.
    lab.up().run_sql("CREATE USER 'former'@'localhost' IDENTIFIED BY 'x'");
    lab.up().run_sql(
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES, CREATE USER, RELOAD, PROCESS, \
         SUPER, CONNECTION ADMIN ON *.* TO 'former'@'localhost' WITH GRANT OPTION",
    );
    let socket = lab.home().join("run/mariadb.sock").display().to_string();
    let words = ["save", "@server_former", "--db", "mariadb", "--db-socket", &socket, "--db-account", "former"];
    let words: Vec<&str> = words.into_iter().chain(["--db-password-file", "-"]).collect();
    lab.provision_with(&words, b"x\n").done();
    lab.provision(&["verify", "@server_former"]).done();
    let site = Site::install(&lab, "shop.localhost", "old", "former", Some("minimal"));
    site.said.clone().says_once("may not grant `CREATE VIEW`, `SHOW VIEW` and `TRIGGER`");

    // Up and down again, and up alone where what is behind the fence fails.
    let migrate = ["migrate", "@shop.localhost", "--platform", "@new"];
    lab.provision(&migrate).done().says_once("may not grant `CREATE VIEW`");
    site.answers(&lab);
    let writes = |db: &str| {
        let mut theirs = as_site(&lab, "shop.localhost", db);
        theirs.run("CREATE TABLE `more` (`id` INT)").unwrap();
        theirs.run("DROP TABLE `more`").unwrap();
        theirs.run("CREATE VIEW `more` AS SELECT 1").unwrap_err()
    };
    assert_eq!(writes(&database_of(&lab, "shop.localhost")).code, 1142);

    // A view that its administrator made is refused where the copy's own account may make none, and all is as it was.
    let db = database_of(&lab, "shop.localhost");
    lab.up().run_sql(&format!("CREATE VIEW `{db}`.`few` AS SELECT 1 AS `one`"));
    let said = lab.provision(&["clone", "@shop.localhost", "copy.localhost"]);
    assert!(matches!(said.code, 4 | 7), "{}", said.all());
    said.says("view");
    lab.up().run_sql(&format!("DROP VIEW `{db}`.`few`"));
    assert_eq!(writes(&db).code, 1142);
    lab.provision(&["clone", "@shop.localhost", "copy.localhost"]).done();
}
