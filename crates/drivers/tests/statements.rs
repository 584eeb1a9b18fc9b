//! The statements for MariaDB, run on a real server of the test's own.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, see common")]

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use aegir_domain::{AttemptId, Cmd, DbEngine, DbName, GrantHost, Marker, Password};
use aegir_drivers::db::views::{self, Around, Bound, Trigger, View};
use aegir_drivers::db::{
    Access, At, DbDriver, DbDrivers, MariaDb, Meaning, Place, Product, ProductKind, Sqlite, Statement, meaning,
    our_account, rights_probe,
};
use common::*;

struct Server {
    running: Running,
    home: tempfile::TempDir,
}

/// How long a server may take to let somebody in.
const PATIENCE: Duration = Duration::from_secs(120);

impl Server {
    /// `None` where MariaDB is missing, which is said.
    fn start() -> Option<Server> {
        if !installed("mariadbd") || !installed("mariadb") || !installed("mariadb-install-db") {
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let (data, socket) = (home.path().join("data"), home.path().join("s"));
        let data = format!("--datadir={}", data.display());
        // In a common one, another server that starts removes temporary tables that it finds.
        let temporary = format!("--tmpdir={}", home.path().display());
        let user: &[&str] = if am_root() { &["--user=root"] } else { &[] };
        let install =
            Cmd::new("mariadb-install-db").args(["--no-defaults", "--auth-root-authentication-method=normal"]);
        succeeds(&install.arg(&data).arg(&temporary).arg("--skip-test-db").args(user.iter().copied()));
        let run = Cmd::new("mariadbd").args(["--no-defaults", "--skip-networking"]).arg(&data).arg(&temporary);
        let run = run.arg(format!("--socket={}", socket.display())).args(user.iter().copied());
        let log = std::fs::File::create(home.path().join("log")).unwrap();
        let mut server = Server { running: Running(command(&run).stderr(log).spawn().unwrap()), home };
        let began = Instant::now();
        // The socket is there before anybody listens on it; and where much else runs, a server starts slowly.
        let said = loop {
            if let Some(ended) = server.running.0.try_wait().unwrap() {
                break format!("mariadbd ended with {ended}");
            }
            match server.try_as("root", "", "SELECT 1") {
                Ok(_) => return Some(server),
                Err(said) if began.elapsed() > PATIENCE => break said,
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        panic!("{said}\n{}", std::fs::read_to_string(server.home.path().join("log")).unwrap());
    }

    fn try_as(&self, user: &str, password: &str, text: &str) -> Result<String, String> {
        let socket = format!("--socket={}", self.home.path().join("s").display());
        let client = Cmd::new("mariadb").arg("--no-defaults").arg(socket).args(["-N", "-B", "-u"]).arg(user);
        let mut command = command(&client);
        command.env("MYSQL_PWD", password).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Whoever was not let in reads nothing, and says why.
        let written = child.stdin.take().unwrap().write_all(text.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        match output.status.success() {
            true => written.map(|()| text(output.stdout)).map_err(|error| error.to_string()),
            false => Err(text(output.stderr)),
        }
    }

    fn try_run(&self, statement: &Statement) -> Result<String, String> {
        self.try_as("root", "", statement.text().expose())
    }

    fn run(&self, statements: &[Statement]) -> String {
        let mut last = String::new();
        for statement in statements {
            last = self.try_run(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        last
    }

    fn ask(&self, statement: Statement) -> String {
        self.run(&[statement])
    }
}

fn marker(random: u8) -> Marker {
    Marker::new(&"a.test".parse().unwrap(), AttemptId::from_parts(1, [random; 10]))
}

fn name(text: &str) -> DbName {
    text.parse().unwrap()
}

#[test]
fn a_database_lives_as_the_statements_say() {
    let Some(server) = Server::start() else { return };
    let real = MariaDb.product(&server.ask(MariaDb.ask_version())).unwrap();
    assert_eq!(real.kind, ProductKind::MariaDb);
    // The sentences for MySQL are ones that MariaDB understands, too.
    let mysql = Product { kind: ProductKind::MySql, version: (8, 0, 36) };
    let hosts: Vec<GrantHost> = vec!["localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    let secret = Password::new("it's a \"secret\" \\n \\");

    for (product, db) in [(real, name("a_test_aaaaaaaa")), (mysql, name("a_test_bbbbbbbb"))] {
        assert_eq!(server.ask(MariaDb.ask_marker(&product, &db)), "");
        server.run(&MariaDb.create(&product, &db, &marker(1)));
        assert!(server.try_run(&MariaDb.create(&product, &db, &marker(2))[0]).unwrap_err().contains("1007"));
        assert!(marker(1).is(&server.ask(MariaDb.ask_marker(&product, &db))));
        assert_eq!(server.ask(MariaDb.ask_exists(&db).unwrap()), db.as_str());
        assert_eq!(server.ask(MariaDb.ask_tables(&db)), "");

        for _ in 0..2 {
            server.run(&MariaDb.create_user(&db, &hosts, &secret));
        }
        let user = |text: &str| server.try_as(db.as_str(), secret.expose(), text);
        user(&format!(
            "CREATE TABLE {db}.t (a INT, KEY (a)); CREATE TEMPORARY TABLE {db}.x (a INT); INSERT INTO {db}.t VALUES (1)"
        ))
        .unwrap();
        assert_eq!(server.ask(MariaDb.ask_tables(&db)), "t");
        assert!(server.try_as(db.as_str(), "wrong", "SELECT 1").unwrap_err().contains("1045"));
        // Not another database that the underscore, as a pattern, would fit.
        let near = db.as_str().replace('_', "x");
        server.try_as("root", "", &format!("CREATE DATABASE {near}")).unwrap();
        assert!(user(&format!("USE {near}")).unwrap_err().contains("1044"));
        assert!(user("SELECT * FROM mysql.user").unwrap_err().contains("1142"));
        assert!(user("SELECT 1 INTO OUTFILE '/tmp/never'").is_err());

        for _ in 0..2 {
            server.run(&MariaDb.revoke_writes(&db, &hosts));
        }
        assert!(user(&format!("INSERT INTO {db}.t VALUES (2)")).unwrap_err().contains("1142"));
        assert_eq!(user(&format!("SELECT a FROM {db}.t")).unwrap(), "1");
        server.run(&MariaDb.grant(&db, &hosts));
        user(&format!("INSERT INTO {db}.t VALUES (2)")).unwrap();

        let made = || server.try_as("root", "", &format!("SHOW CREATE DATABASE {db}; SHOW TABLES FROM {db}")).unwrap();
        let before = made();
        for _ in 0..2 {
            server.run(&MariaDb.unmark(&product, &db));
        }
        assert_eq!(server.ask(MariaDb.ask_marker(&product, &db)), "");
        assert_eq!(server.ask(MariaDb.ask_tables(&db)), "t");
        for _ in 0..2 {
            server.run(&MariaDb.mark(&product, &db, &marker(1)));
        }
        assert!(marker(1).is(&server.ask(MariaDb.ask_marker(&product, &db))));
        assert_eq!(made(), before);

        for _ in 0..2 {
            server.run(&MariaDb.drop_user(&db, &hosts));
            server.run(&MariaDb.drop_database(&db));
        }
        assert_eq!(server.ask(MariaDb.ask_exists(&db).unwrap()), "");
    }
}

/// A view as the server tells it from within its database and from without.
fn view_of(server: &Server, database: &str, view: &str) -> Result<View, Bound> {
    let shown = |place: &str| {
        let (enter, ask) = (views::enter(place), views::ask_view(database, view));
        server.try_as("root", "", &format!("{}; {}", enter.text().expose(), ask.text().expose())).unwrap()
    };
    let (within, outside) = (shown(database), shown("information_schema"));
    let column = |row: &'_ str, at: usize| row.split('\t').nth(at).unwrap().to_owned();
    views::view(view, &column(&within, 1), &column(&outside, 1), &column(&within, 3))
}

#[test]
fn views_and_triggers_are_made_in_another_database_by_its_own_user_and_act_as_that() {
    let Some(server) = Server::start() else { return };
    let product = MariaDb.product(&server.ask(MariaDb.ask_version())).unwrap();
    let hosts: Vec<GrantHost> = vec!["localhost".parse().unwrap()];
    let (old, new) = (name("a_test_aaaaaaaa"), name("a_test_bbbbbbbb"));
    for db in [&old, &new] {
        server.run(&MariaDb.create(&product, db, &marker(1)));
        server.run(&MariaDb.create_user(db, &hosts, &Password::new("x")));
        server
            .try_as(
                "root",
                "",
                &format!("USE {db}; CREATE TABLE node (id INT, title VARCHAR(9)); CREATE TABLE log (n INT)"),
            )
            .unwrap();
    }
    let theirs = "CREATE DATABASE node; CREATE TABLE node.other (id INT)";
    server.try_as("root", "", theirs).unwrap();
    let made = format!(
        "USE {old}; CREATE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW z AS SELECT id FROM node WHERE title <> 'é' WITH CHECK OPTION; \
         CREATE VIEW a AS SELECT z.id, node.title AS `node` FROM z JOIN node ON node.id = z.id; \
         CREATE VIEW one AS SELECT 1 AS one; CREATE VIEW elsewhere AS SELECT id FROM node.other; \
         CREATE TABLE gone (id INT); CREATE VIEW broken AS SELECT id FROM gone; DROP TABLE gone; \
         CREATE TRIGGER {old}.logs AFTER INSERT ON {old}.node FOR EACH ROW INSERT INTO {old}.log VALUES (NEW.id); \
         CREATE TRIGGER more AFTER INSERT ON node FOR EACH ROW FOLLOWS logs IF NEW.id > 5 THEN SET @a = 1; UPDATE log SET n = n * 2; END IF; \
         CREATE TRIGGER steals AFTER UPDATE ON node FOR EACH ROW INSERT INTO node.other VALUES (NEW.id)"
    );
    // The client would cut the trigger at its own signs.
    let made = made
        .replace("; CREATE", "//CREATE")
        .replace("; DROP", "//DROP")
        .replace(&format!("USE {old}; "), &format!("USE {old}//"));
    server.try_as("root", "", &format!("DELIMITER //\n{made}//")).unwrap();

    assert_eq!(server.ask(MariaDb.ask_tables(&old)), "log\nnode");
    let whole = server.ask(views::ask_whole(old.as_str()));
    assert!(whole.lines().any(|name| name == "one") && !whole.lines().any(|name| name == "broken"), "{whole}");
    assert_eq!(view_of(&server, old.as_str(), "elsewhere"), Err(Bound::Elsewhere));
    let found = ["a", "one", "z"].map(|view| view_of(&server, old.as_str(), view).unwrap());
    let (ordered, round) = views::in_order(found.to_vec());
    assert_eq!(round, []);
    let mut dump: String = ordered.iter().map(views::view_in_dump).collect();
    let others: BTreeSet<String> = server.ask(views::ask_databases()).lines().map(str::to_owned).collect();
    let tables = ["node", "log"].map(str::to_owned).into();
    assert_eq!(server.ask(views::ask_blind_to_case()), "0");
    let around = Around { database: old.to_string(), tables, others, ..Around::default() };
    let mut bound = Vec::new();
    for row in server.ask(views::ask_triggers(old.as_str())).lines() {
        let row: Vec<String> = row.split('\t').map(str::to_owned).collect();
        let trigger = Trigger::of(row.try_into().unwrap());
        match trigger.in_dump(&around) {
            Ok(made) => dump.push_str(&made),
            Err(why) => bound.push((trigger.name, why)),
        }
    }
    // A table of the site has the name of that database, too.
    assert_eq!(bound, [("steals".to_owned(), Bound::Elsewhere)]);
    let user = |text: &str| server.try_as(new.as_str(), "x", &format!("USE {new};\n{text}"));
    let collation_of = |view: &str| {
        let ask = "SELECT COLLATION_CONNECTION FROM information_schema.VIEWS WHERE TABLE_NAME";
        server.try_as("root", "", &format!("{ask} = '{view}' AND TABLE_SCHEMA = '{new}'")).unwrap()
    };
    // Some servers list this one less its character set, others not at all; and that one none does.
    let mut one = found[1].clone();
    for collation in ["latin1_german2_ci", "utf8mb4_uca1400_ai_ci", "klingon_ci"] {
        one.collation = collation.into();
        user(&views::view_in_dump(&one)).unwrap();
        let ask = format!("SET NAMES utf8mb4; SET COLLATION_CONNECTION = {collation}; SELECT @@COLLATION_CONNECTION");
        let usual = || server.try_as("root", "", "SET NAMES utf8mb4; SELECT @@COLLATION_CONNECTION");
        let expected = server.try_as("root", "", &ask).or_else(|_| usual());
        assert_eq!(collation_of("one"), expected.unwrap(), "{collation}");
    }
    user(&dump).unwrap_or_else(|error| panic!("{error}\n{dump}"));

    let runs_as = |kind: &str, column: &str| {
        let ask = format!("SELECT DISTINCT DEFINER FROM information_schema.{kind} WHERE {column} = '{new}'");
        server.try_as("root", "", &ask).unwrap()
    };
    let own = format!("{new}@localhost");
    assert_eq!((runs_as("VIEWS", "TABLE_SCHEMA"), runs_as("TRIGGERS", "TRIGGER_SCHEMA")), (own.clone(), own));
    user("INSERT INTO node VALUES (3, 'three'), (6, 'six')").unwrap();
    assert_eq!(user("SELECT n FROM log; SELECT node FROM a; SELECT one FROM one").unwrap(), "6\n12\nthree\nsix\n1");
    let shown = server.try_as("root", "", &format!("USE {new}; SHOW CREATE VIEW z")).unwrap();
    for kept in ["ALGORITHM=MERGE", "SQL SECURITY INVOKER", "WITH CASCADED CHECK OPTION", "'é'"] {
        assert!(shown.contains(kept), "{shown}");
    }
    assert_eq!(server.try_as("root", "", &format!("SELECT * FROM {old}.log; SELECT * FROM {old}.node")).unwrap(), "");
    // Where they are kept meanwhile, by a server that wants each table to have a key.
    server.try_as("root", "", "SET GLOBAL innodb_force_primary_key = 1").unwrap();
    let [make, fill] = views::keep_triggers("SET NEW.a = '\\é'");
    user(make.text().expose()).unwrap();
    assert_eq!(user(views::ask_kept().text().expose()).unwrap(), "", "what was stopped here kept nothing");
    user(fill.text().expose()).unwrap();
    assert_eq!(user("SELECT text = 'SET NEW.a = ''\\\\é''' FROM aegir_triggers").unwrap(), "1");
    server.try_as("root", "", "SET GLOBAL innodb_force_primary_key = 0").unwrap();
    user(views::drop_kept().text().expose()).unwrap();
    // Who may not write makes none; and what a server without a log for replicas says.
    server.run(&MariaDb.revoke_writes(&new, &hosts));
    assert!(user("CREATE VIEW more AS SELECT 1").unwrap_err().contains("1142"));
    assert_eq!(server.ask(views::ask_distrusts()), "0");
    for trigger in ["logs", "more"] {
        server.run(&[views::drop_trigger(new.as_str(), trigger), views::drop_trigger(new.as_str(), trigger)]);
    }
    for view in ["a", "one", "z"] {
        server.run(&[views::drop_view(new.as_str(), view), views::drop_view(new.as_str(), view)]);
    }
    assert_eq!(server.ask(aegir_drivers::db::theirs::ask_more_than_tables(new.as_str())), "");
}

#[test]
fn an_open_connection_ends_when_it_is_told() {
    let Some(server) = Server::start() else { return };
    let product = MariaDb.product(&server.ask(MariaDb.ask_version())).unwrap();
    let (db, hosts) = (name("a_test"), ["localhost".parse().unwrap()]);
    server.run(&MariaDb.create_user(&db, &hosts, &Password::new("x")));
    for way in ["all", "one by one"] {
        std::thread::scope(|scope| {
            let asleep = scope.spawn(|| server.try_as("a_test", "x", "SELECT SLEEP(30)"));
            wait_for("the connection", || !server.ask(MariaDb.ask_connections(&db).unwrap()).is_empty());
            match way {
                "all" => server.run(&MariaDb.end_connections(&product, &db)),
                _ => {
                    let kills = server.ask(MariaDb.ask_connections(&db).unwrap());
                    server.try_as("root", "", &kills.replace('\n', ";\n")).unwrap()
                }
            };
            assert!(asleep.join().unwrap().is_err(), "{way}");
        });
        wait_for("its end", || server.ask(MariaDb.ask_connections(&db).unwrap()).is_empty());
    }
    // Twice is as good as once, and nobody there is no error.
    server.run(&MariaDb.end_connections(&product, &db));
}

#[test]
fn an_account_made_by_one_statement_can_do_all_that_a_verify_asks() {
    let Some(server) = Server::start() else { return };
    let product = MariaDb.product(&server.ask(MariaDb.ask_version())).unwrap();
    let host: GrantHost = "localhost".parse().unwrap();
    let made = our_account(&product, "aegir_root", &host);
    assert_eq!(made.len(), 1);
    server.run(&made);
    server.try_as("root", "", "CREATE USER poor@localhost IDENTIFIED BY 'p'").unwrap();

    let (probe, removal) = rights_probe(&product, &name("probe_x"), &marker(1), &host, &Password::new("y"));
    let run_as = |user: &str, password: &str| -> Result<(), String> {
        probe.iter().try_for_each(|one| server.try_as(user, password, one.text().expose()).map(drop))
    };
    run_as("aegir_root", "CHOOSE-A-PASSWORD").unwrap();
    for _ in 0..2 {
        server.run(&removal);
    }
    assert!(run_as("poor", "p").unwrap_err().contains("1044"));
    assert_eq!(meaning(1044), Meaning::NotAllowed);
    assert_eq!(
        server.try_as("aegir_root", "CHOOSE-A-PASSWORD", probe[0].text().expose()).unwrap(),
        "aegir_root@localhost"
    );
}

#[test]
fn an_account_that_was_given_drupals_list_holds_a_site_still_and_lets_it_go() {
    let Some(server) = Server::start() else { return };
    let (db, hosts) = (name("a_test"), vec!["localhost".parse::<GrantHost>().unwrap()]);
    let rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES, CREATE USER";
    let made = format!(
        "CREATE DATABASE {db}; GRANT {rights} ON *.* TO former@localhost IDENTIFIED BY 'f' WITH GRANT OPTION; CREATE TABLE {db}.t (a INT)"
    );
    server.try_as("root", "", &made).unwrap();
    let former = |statements: Vec<Statement>| {
        statements.iter().try_for_each(|one| server.try_as("former", "f", one.text().expose()).map(drop))
    };
    let writes = || server.try_as("a_test", "x", &format!("INSERT INTO {db}.t VALUES (1)"));

    // By this number it is known that the account may not grant that much.
    assert!(former(MariaDb.create_user(&db, &hosts, &Password::new("x"))).unwrap_err().contains("1044"));
    former(MariaDb.grant_tables(&db, &hosts)).unwrap();
    writes().unwrap();
    for _ in 0..2 {
        assert!(former(MariaDb.revoke_writes(&db, &hosts)).unwrap_err().contains("1044"));
        former(MariaDb.revoke_table_writes(&db, &hosts)).unwrap();
        assert!(writes().unwrap_err().contains("1142"));
    }
    former(MariaDb.grant_tables(&db, &hosts)).unwrap();
    writes().unwrap();
    assert!(server.ask(aegir_drivers::db::theirs::ask_accounts()).lines().any(|account| account == "a_test@localhost"));
}

#[test]
fn a_file_bears_its_marker_too() {
    if !installed("php") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("a.sqlite");
    // One process for each statement: its rows, or `ERROR`.
    let run = |statement: Statement| {
        let code = "$r = @(new SQLite3($argv[1]))->query(stream_get_contents(STDIN)); if (!$r) exit('ERROR'); \
                    while ($r->numColumns() && ($row = $r->fetchArray(SQLITE3_NUM))) echo $row[0], \"\\n\";";
        let php = Cmd::new("php").args(["-n", "-d", "extension=sqlite3", "-r", code]).arg(file.display().to_string());
        let mut child = command(&php).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(statement.text().expose().as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let product = Sqlite.product(&run(Sqlite.ask_version())).unwrap();
    let db = name("a_test");

    assert_eq!(run(Sqlite.ask_marker(&product, &db)), "");
    let create = Sqlite.create(&product, &db, &marker(1));
    assert_eq!(run(create[0].clone()), "");
    assert_eq!(run(create[0].clone()), "ERROR");
    assert!(marker(1).is(&run(Sqlite.ask_marker(&product, &db))));
    assert_eq!(run(Sqlite.ask_tables(&db)), "");

    for _ in 0..2 {
        run(Sqlite.unmark(&product, &db)[0].clone());
    }
    assert_eq!(run(Sqlite.ask_marker(&product, &db)), "");
    for _ in 0..2 {
        run(Sqlite.mark(&product, &db, &marker(2))[0].clone());
    }
    assert!(marker(2).is(&run(Sqlite.ask_marker(&product, &db))));
}

#[test]
fn a_version_too_old_for_drupal_is_refused() {
    let product = |text: &str| MariaDb.product(text).unwrap();
    assert_eq!(product("5.5.5-10.3.39-MariaDB-log").version, (10, 3, 39));
    assert_eq!(product("10.11.6-MariaDB-0+deb12u1").version, (10, 11, 6));
    assert_eq!(product("8.0.36-0ubuntu0.22.04.1"), Product { kind: ProductKind::MySql, version: (8, 0, 36) });
    assert!(MariaDb.product("something").is_err());

    assert!(MariaDb.serves(&product("10.11.6-MariaDB"), 11).is_ok());
    let fault = MariaDb.serves(&product("10.5.1-MariaDB"), 11).unwrap_err();
    assert_eq!(fault.to_string(), "MariaDB 10.5.1 is not good enough: Drupal 11 needs 10.6.0 or later");
    assert!(MariaDb.serves(&product("5.7.44"), 10).is_ok());
    assert!(MariaDb.serves(&product("5.7.44"), 11).is_err());
    assert!(Sqlite.serves(&Sqlite.product("3.40.1").unwrap(), 11).is_err());
}

#[test]
fn php_is_told_where_its_database_is() {
    let (db, secret) = (name("a_test"), Password::new("s"));
    let shown = |params: Vec<(String, Password)>| {
        params.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect::<Vec<_>>().join(" ")
    };
    let at = |engine: &DbEngine| {
        shown(MariaDb.params(&Access { name: &db, password: Some(&secret), at: At::Server(engine) }))
    };
    assert_eq!(
        at(&DbEngine::Tcp { host: "db1".into(), port: 3307 }),
        "db_type=mysql db_name=a_test db_user=a_test db_passwd=s db_host=db1 db_port=3307"
    );
    assert_eq!(
        at(&DbEngine::Socket("/run/s".into())),
        "db_type=mysql db_name=a_test db_user=a_test db_passwd=s db_host=localhost db_socket=/run/s"
    );
    let file = "/srv/databases/a_test.sqlite".into();
    assert_eq!(
        shown(Sqlite.params(&Access { name: &db, password: None, at: At::File(&file) })),
        "db_type=sqlite db_name=/srv/databases/a_test.sqlite"
    );
    assert_eq!(Sqlite.place(&db), Place::File { name: "a_test.sqlite".into(), mode: 0o660 });
}

#[test]
fn no_statement_shows_a_password_when_printed() {
    let hosts: [GrantHost; 1] = ["%".parse().unwrap()];
    let statements = MariaDb.create_user(&name("a_test"), &hosts, &Password::new("hunter2"));
    assert!(statements[0].text().expose().contains("hunter2"));
    assert!(!format!("{statements:?}{}", statements[0]).contains("hunter2"));
    assert!(
        DbDrivers::standard().named("oracle").err().unwrap().to_string().ends_with("(this build has: mariadb, sqlite)")
    );
}
