//! What a private stack promises from its start to its stop, on real services.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aegir_host::{Look, SystemClock};
use common::{Place, Way, kill, mode, sql, until, ways};
use rustix::process::Signal;

#[test]
fn all_services_answer_and_an_orderly_stop_leaves_nothing() {
    for way in ways() {
        let place = Place::new(way);

        let up = place.up();

        assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
        assert_eq!(sql(&up.endpoints(), "SELECT @@character_set_server"), Ok(Some("utf8mb4".into())));
        let accounts = "SELECT GROUP_CONCAT(User ORDER BY User) FROM mysql.global_priv WHERE JSON_VALUE(Priv, '$.account_locked') IS NOT TRUE";
        assert_eq!(sql(&up.endpoints(), accounts), Ok(Some("aegir".into())));
        assert_eq!(sql(&up.endpoints(), "SELECT @@skip_networking"), Ok(Some("1".into())));
        assert!(up.ask("status").starts_with("ok mariadb="));
        up.stop();
        assert_eq!(place.processes(), Vec::<String>::new());
    }
}

#[test]
fn secrets_are_for_the_owner_alone() {
    for way in ways() {
        let place = Place::new(way);
        let up = place.up();
        let home = place.home();

        let credentials = up.endpoints().db_credentials;
        let text = fs::read_to_string(&credentials).unwrap();
        let password = text.split('"').rev().nth(1).unwrap().to_owned();

        assert_eq!(password.len(), 32);
        assert_eq!((mode(&credentials), mode(&home.join("credentials"))), (0o600, 0o700));
        assert_eq!(mode(&home.join("stack/mariadb/data")), 0o700);
        assert_eq!(mode(&up.endpoints().control), 0o660);
        assert!(!fs::read_to_string(home.join("logs/mariadb.log")).unwrap().contains(&password));
        assert!(!fs::read_to_string(home.join("stack/endpoints.json")).unwrap().contains(&password));
        assert!(!up.said().contains(&password));
        up.stop();
    }
}

#[test]
fn started_by_root_the_workers_and_the_database_have_users_of_their_own() {
    if !ways().contains(&Way::TwoUsers) {
        return;
    }
    let place = Place::new(Way::TwoUsers);
    let users = aegir_stack::Users::find("aegir", "aegir-web").unwrap();

    let up = place.up();

    let processes = place.processes();
    let of = |user: &str, program: &str| {
        processes.iter().any(|line| line.split_whitespace().nth(1) == Some(user) && line.contains(program))
    };
    assert!(of("aegir", "mariadbd"), "{processes:#?}");
    assert!(of("root", "nginx: master") && of("aegir-w+", "nginx: worker") || of("aegir-web", "nginx: worker"));
    assert!(of("root", "php-fpm: master"));
    let home = fs::metadata(place.home()).unwrap();
    assert_eq!((home.uid(), home.gid()), (users.aegir.uid, users.web.gid));
    let pool = fs::metadata(up.endpoints().php_sockets.join("idle.sock")).unwrap();
    assert_eq!((pool.uid(), pool.gid(), pool.mode() & 0o777), (users.aegir.uid, users.http.gid, 0o660));
    up.stop();
}

#[test]
fn a_second_start_takes_the_same_data_and_port_and_is_quick() {
    for way in ways() {
        let place = Place::new(way);
        let first = place.up();
        let listen = first.endpoints().listen;
        sql(&first.endpoints(), "CREATE DATABASE kept").unwrap();
        first.stop();

        let began = Instant::now();
        let second = place.up();

        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(second.endpoints().listen, listen);
        assert_eq!(sql(&second.endpoints(), "SHOW DATABASES LIKE 'kept'"), Ok(Some("kept".into())));
        second.stop();
    }
}

#[test]
fn a_second_stack_on_the_same_home_names_the_first() {
    let place = Place::new(Way::Person);
    let up = place.up();

    let mut second = place.begin(&[]);

    assert!(!second.ends());
    until("it says why", || second.said().contains("how to fix it"));
    assert!(second.said().contains(&format!("is in use by process {} (`", up.child.id())), "{}", second.said());
    assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
    up.stop();
}

#[test]
fn reloads_of_nginx_lose_no_request_and_leave_as_many_workers_as_before() {
    for way in ways() {
        let place = Place::new(way);
        let up = place.begin(&["--no-mariadb"]).ready();
        let master = up.pid("nginx").unwrap();
        let workers = || fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
        let before = workers().split_ascii_whitespace().count();
        assert!(before > 0);
        let ends = AtomicBool::new(false);

        let asked = std::thread::scope(|scope| {
            let visitor = scope.spawn(|| {
                let mut asked = 0;
                while !ends.load(Ordering::Relaxed) {
                    assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found", "after {asked} answers");
                    asked += 1;
                }
                asked
            });
            let mut took = Duration::ZERO;
            for reload in 0..20 {
                // One that comes within the 100 ms of the one before it has to wait for their end; others need not.
                let apart = if reload % 4 == 0 { 0 } else { 110 };
                std::thread::sleep(Duration::from_millis(apart));
                let began = Instant::now();
                assert_eq!(up.ask("reload nginx"), "ok");
                took += if apart > 0 { began.elapsed() } else { Duration::ZERO };
            }
            println!("{:?} for one that comes alone", took / 15);
            ends.store(true, Ordering::Relaxed);
            visitor.join().unwrap()
        });

        println!("{asked} answers meanwhile");
        assert!(asked >= 20);
        until("the old workers are gone", || workers().split_ascii_whitespace().count() <= before);
        // Had one been started in the place of a worker that was told to go, it would come now.
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(workers().split_ascii_whitespace().count(), before, "{}", workers());
        up.stop();
    }
}

#[test]
fn once_a_reload_of_nginx_has_been_answered_no_request_meets_the_old_configuration() {
    let place = Place::new(Way::Person);
    let up = place.begin(&["--no-mariadb"]).ready();
    let own = up.endpoints().http_folder.join("post.d/own.conf");
    for status in 210..218 {
        let listen = up.endpoints().listen;
        let server = format!("server {{ listen {listen}; server_name unknown.test; return {status}; }}\n");
        fs::write(&own, server).unwrap();

        assert_eq!(up.ask("reload nginx"), "ok");

        for _ in 0..40 {
            assert_eq!(up.get("/").split(' ').nth(1), Some(status.to_string().as_str()));
        }
    }
    up.stop();
}

#[test]
fn a_port_that_another_program_took_is_an_error_that_names_it() {
    let place = Place::new(Way::Person);
    let squatter = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = squatter.local_addr().unwrap().port().to_string();

    let mut up = place.begin(&["--no-mariadb", "--port", &port]);

    assert!(!up.ends());
    until("it says why", || up.said().contains("how to fix it"));
    assert!(up.said().contains(&format!("port {port} is in use by")), "{}", up.said());
    assert!(up.said().contains("choose another port with `--port`"));
    assert_eq!(place.processes(), Vec::<String>::new());
}

#[test]
fn a_start_that_is_stopped_leaves_nothing_and_the_next_one_begins_anew() {
    let place = Place::new(Way::Person);
    let mut up = place.begin(&[]);
    up.wait_for("making a new database directory");

    up.signal(Signal::INT);
    up.ends();

    assert_eq!(place.processes(), Vec::<String>::new());
    place.up().stop();
}

#[test]
fn a_home_may_be_deep_and_have_blanks_and_letters_of_any_kind() {
    for way in ways() {
        let place = Place::named(way, "Ægir's home, not short/".trim_end_matches('/'));
        let mut refused = place.begin(&[]);
        assert!(!refused.ends());
        until("it says why", || refused.said().contains("it contains '\\''"));

        let deep = "Ægirs home, the folder that has a very long name so that no address of a socket could hold it";
        let place = Place::named(way, deep);
        let up = place.up();

        assert!(!up.endpoints().control.starts_with(place.home()));
        assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
        assert_eq!((up.ask("reload nginx"), up.ask("reload php-fpm")), ("ok".into(), "ok".into()));
        let run = up.endpoints().control.parent().unwrap().to_owned();
        up.stop();
        fs::remove_dir_all(run).unwrap();
    }
}

#[test]
fn without_mariadb_the_stack_has_no_database() {
    let place = Place::new(Way::Person);

    let up = place.begin(&["--no-mariadb"]).ready();

    assert_eq!(up.endpoints().db, None);
    assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
    up.stop();
}

#[test]
fn a_lost_password_is_replaced_and_the_data_stays() {
    let place = Place::new(Way::Person);
    let up = place.up();
    let credentials = up.endpoints().db_credentials;
    sql(&up.endpoints(), "CREATE DATABASE kept").unwrap();
    sql(&up.endpoints(), "CREATE USER a_site@localhost").unwrap();
    up.stop();
    fs::remove_file(credentials).unwrap();

    let up = place.up();

    assert_eq!(sql(&up.endpoints(), "SHOW DATABASES LIKE 'kept'"), Ok(Some("kept".into())));
    assert_eq!(sql(&up.endpoints(), "SELECT User FROM mysql.user WHERE User = 'a_site'"), Ok(Some("a_site".into())));
    up.stop();
}

#[test]
fn apache_takes_the_place_of_nginx_and_stays_the_web_server_of_its_home() {
    for way in ways() {
        let place = Place::new(way);

        let up = place.begin(&["--apache"]).ready();

        assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
        assert!(up.ask("status").contains(" apache="));
        let processes = place.processes();
        assert!(!processes.iter().any(|line| line.contains("nginx")), "{processes:#?}");
        if way == Way::TwoUsers {
            let of_root = processes.iter().filter(|line| line.contains("apache2") && line.contains(" root "));
            assert_eq!(of_root.count(), 1, "{processes:#?}");
        }
        let own = up.endpoints().http_folder.join("post.d/own.conf");
        fs::write(&own, "NoSuchWord on\n").unwrap();
        let refused = up.ask("reload apache");
        assert!(refused.contains("Apache refuses its configuration: ") && refused.contains("own.conf"), "{refused}");
        assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
        fs::remove_file(&own).unwrap();
        // Each is followed by workers that answer, whether the old ones ended quickly or not.
        for _ in 0..5 {
            let begin = Instant::now();
            assert_eq!(up.ask("reload apache"), "ok");
            assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
            assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        }
        assert!(up.ask("reload nginx").contains("nginx is not running"));
        // What was tested just now is not tested again; what was touched since is.
        let (log, note) = (place.home().join("stack/apache/test.log"), place.home().join("run/apache.tested"));
        let noted = || {
            let seen = Look::at(&up.endpoints().http_folder).unwrap();
            fs::write(&note, seen.note(&SystemClock)).unwrap();
            let _ = fs::remove_file(&log);
        };
        noted();
        assert_eq!((up.ask("reload apache"), log.exists(), note.exists()), ("ok".into(), false, false));
        assert_eq!((up.ask("reload apache"), log.exists()), ("ok".into(), true));
        noted();
        fs::write(&own, "NoSuchWord on\n").unwrap();
        assert!(up.ask("reload apache").contains("own.conf"));
        assert_eq!((up.get("/"), log.exists(), note.exists()), ("HTTP/1.1 404 Not Found".into(), true, false));
        fs::remove_file(&own).unwrap();
        up.stop();
        assert_eq!(place.processes(), Vec::<String>::new());

        let again = place.up();
        assert!(again.ask("status").contains(" apache="));
        again.stop();
    }
}

#[test]
fn an_apache_that_dies_is_started_again_and_workers_without_master_are_ended_by_the_next_start() {
    for way in ways() {
        let place = Place::new(way);
        let mut up = place.begin(&["--apache", "--no-mariadb"]).ready();
        let before = up.pid("apache").unwrap();

        kill(before);

        until("Apache is back", || up.pid("apache").is_some_and(|pid| pid != before));
        assert!(up.said().contains("Apache died (signal 9)"), "{}", up.said());
        until("it answers", || up.get("/") == "HTTP/1.1 404 Not Found");

        // Stopped, the stack cannot do anything about the death of its child.
        let master = up.pid("apache").unwrap();
        up.signal(Signal::STOP);
        kill(master);
        up.child.kill().unwrap();
        let orphans = || place.processes().iter().filter(|line| line.contains("apache2")).count();
        until("the master is gone", || !std::path::Path::new(&format!("/proc/{master}/exe")).exists());
        assert!(orphans() > 0, "there should be workers of Apache left");

        let next = place.begin(&["--no-mariadb"]).ready();

        assert!(next.said().contains("ending Apache of an earlier start"), "{}", next.said());
        assert_eq!(next.get("/"), "HTTP/1.1 404 Not Found");
        next.stop();
        assert_eq!(place.processes(), Vec::<String>::new());
    }
}
