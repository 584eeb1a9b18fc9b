//! Connections to a real MariaDB server: what it refuses is told apart, and no message tells a password.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test plays the machine and may panic")]

mod mariadbd;

use std::thread;
use std::time::{Duration, Instant};

use aegir_domain::{DbEngine, FaultReport, Password, Remedy};
use aegir_host::{Databases, RealDatabases, Row, SqlKind};
use mariadbd::Server;

fn text(value: &str) -> Option<Vec<u8>> {
    Some(value.as_bytes().to_vec())
}

fn row(values: &[&str]) -> Row {
    values.iter().map(|value| text(value)).collect()
}

#[test]
fn statements_go_as_text_and_rows_come_as_bytes() {
    let Some(server) = Server::start() else { return };
    let mut root = server.connect("root", "").unwrap();

    root.run("CREATE DATABASE `a_test` CHARACTER SET utf8mb4 COMMENT 'aegir a.test'").unwrap();
    root.run("CREATE TABLE a_test.t (n INT, t VARCHAR(20), b BLOB, d DATETIME)").unwrap();
    let changed =
        root.run("INSERT INTO a_test.t VALUES (1, 'Ægir ☃', x'00ff', '2020-01-02 03:04:05'), (2, NULL, NULL, NULL)");

    assert_eq!(changed.unwrap(), 2);
    let rows = root.rows("SELECT n, t, b, d FROM a_test.t ORDER BY n").unwrap();
    assert_eq!(rows[0], [text("1"), text("Ægir ☃"), Some(vec![0, 255]), text("2020-01-02 03:04:05")]);
    assert_eq!(rows[1], [text("2"), None, None, None]);
    let comment = "SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'a_test'";
    assert_eq!(root.rows(comment).unwrap(), [row(&["aegir a.test"])]);
    assert_eq!(root.run("SELECT 1").unwrap(), 0);
    assert_eq!(root.rows("SELECT 1").unwrap(), [row(&["1"])], "the connection is in step");
}

#[test]
fn refusals_are_told_apart_and_hold_no_password() {
    let Some(server) = Server::start() else { return };
    let mut root = server.connect("root", "").unwrap();
    root.run("CREATE DATABASE a").unwrap();
    root.run("CREATE USER 'site'@'localhost' IDENTIFIED BY 'hunter2'").unwrap();
    let mut site = server.connect("site", "hunter2").unwrap();

    let mut accounts = vec!["site"];
    match root.run("INSTALL SONAME 'auth_ed25519'") {
        Ok(_) => {
            root.run("CREATE USER 'modern'@'localhost' IDENTIFIED VIA ed25519 USING PASSWORD('hunter2')").unwrap();
            accounts.push("modern");
        }
        Err(fault) => println!("skipped: an ed25519 account, since this server lacks that plugin ({fault})"),
    }
    for account in accounts {
        let whoami = server.connect(account, "hunter2").unwrap().rows("SELECT CURRENT_USER()").unwrap();
        assert_eq!(whoami, [row(&[&format!("{account}@localhost")])]);
        let refused = server.connect(account, "wrong-password").err().unwrap();
        assert_eq!(refused.kind, SqlKind::PasswordRefused, "{refused}");
        assert!(refused.doing.contains(account) && refused.remedy().is_some());
        let shown = format!("{refused} {refused:?} {:?}", FaultReport::of(&refused));
        assert!(!shown.contains("wrong-password"), "{shown}");
    }

    use SqlKind::{Exists, NoSuch, NotAllowed, Other};
    for (statement, kind) in [
        ("CREATE DATABASE b", NotAllowed),
        ("CREATE USER 'x'@'%' IDENTIFIED BY 'hunter2'", NotAllowed),
        ("GRANT ALL ON *.* TO 'x'@'%' IDENTIFIED BY 'hunter2'", NotAllowed),
        ("SELECT * FROM mysql.user", NotAllowed),
    ] {
        let refused = site.run(statement).unwrap_err();
        assert_eq!(refused.kind, kind, "{statement}: {refused}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
    }
    for (statement, kind) in [
        ("CREATE DATABASE a", Exists),
        ("DROP DATABASE b", NoSuch),
        ("CREATE USER 'site'@'localhost' IDENTIFIED BY 'hunter2'", Exists),
        ("DROP USER 'nobody'@'localhost'", NoSuch),
        ("SELECT * FROM a.missing", NoSuch),
        ("KILL 999999", NoSuch),
        ("CREATE USERR 'x'@'%' IDENTIFIED BY 'hunter2'", Other),
        ("CREATE USER 'x'@'%' IDENTIFIED BY 'hunter2' GIBBERISH", Other),
        ("SET PASSWORD FOR 'site'@'localhost' = PASSWORD 'hunter2'", Other),
    ] {
        let refused = root.run(statement).unwrap_err();
        assert_eq!(refused.kind, kind, "{statement}: {refused}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
        assert!(refused.code > 0 && !refused.state.is_empty());
    }
    assert_eq!(root.rows("SELECT 1").unwrap(), [row(&["1"])]);
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let limit = Duration::from_secs(2);
    // Nothing listens on port 1 of this machine.
    for at in [
        DbEngine::Socket("/nowhere/mysqld.sock".into()),
        DbEngine::Tcp { host: "127.0.0.1".into(), port: 1 },
        DbEngine::Tcp { host: "localhost".into(), port: 1 },
    ] {
        let fault = RealDatabases.mariadb(&at, "root", &Password::new("x"), None, limit).err().unwrap();
        assert_eq!(fault.kind, SqlKind::Unreachable, "{fault}");
        assert!(!fault.message.is_empty() && fault.remedy().is_some());
    }
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_statement_is_gone_and_comes_back() {
    let Some(mut server) = Server::start() else { return };
    let mut waiting = server.connect("root", "").unwrap();

    let fault = thread::scope(|scope| {
        let asked = scope.spawn(|| waiting.rows("SELECT SLEEP(600)").unwrap_err());
        let mut watch = server.connect("root", "").unwrap();
        let asleep = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'";
        while watch.rows(asleep).unwrap() != [row(&["1"])] {
            thread::sleep(Duration::from_millis(20));
        }
        server.kill();
        asked.join().unwrap()
    });

    assert_eq!(fault.kind, SqlKind::Gone, "{fault}");
    assert_eq!(waiting.rows("SELECT 1").unwrap_err().kind, SqlKind::Gone);
    assert_eq!(server.connect("root", "").err().unwrap().kind, SqlKind::Unreachable);
    server.run();
    assert_eq!(waiting.rows("SELECT 1").unwrap_err().kind, SqlKind::Gone, "a new one must be opened");
    assert!(server.connect("root", "").unwrap().rows("SELECT 1").is_ok());
}

#[test]
fn a_connection_that_is_ended_by_another_is_gone() {
    let Some(server) = Server::start() else { return };
    let mut root = server.connect("root", "").unwrap();
    root.run("CREATE USER 'site'@'localhost' IDENTIFIED BY 'hunter2'").unwrap();
    let mut site = server.connect("site", "hunter2").unwrap();

    root.run("KILL USER 'site'@'localhost'").unwrap();

    assert_eq!(site.rows("SELECT 1").unwrap_err().kind, SqlKind::Gone);
}

#[test]
fn no_answer_in_time_ends_the_connection() {
    let Some(server) = Server::start() else { return };
    let mut slow = server.connect_within("root", "", Duration::from_secs(1)).unwrap();

    let began = Instant::now();
    let fault = slow.rows("SELECT SLEEP(60)").unwrap_err();

    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!((fault.kind, fault.message.as_str()), (SqlKind::Gone, "no answer within 1s"));
    assert_eq!(slow.rows("SELECT 1").unwrap_err().kind, SqlKind::Gone);
}

#[test]
fn no_file_of_ours_is_handed_to_a_server_that_asks_for_it() {
    let Some(server) = Server::start() else { return };
    let mut root = server.connect("root", "").unwrap();
    root.run("CREATE DATABASE a").unwrap();
    root.run("CREATE TABLE a.t (line TEXT)").unwrap();

    let _ = root.run("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE a.t");

    let mut root = server.connect("root", "").unwrap();
    assert_eq!(root.rows("SELECT COUNT(*) FROM a.t").unwrap(), [row(&["0"])]);
}
