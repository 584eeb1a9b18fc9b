//! What a private stack promises when something is killed.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

mod common;

use std::fs;
use std::time::Duration;

use common::{Place, Way, kill, sql, until, ways};
use rustix::process::{Pid, Signal};

const SERVICES: [&str; 3] = ["nginx", "php-fpm", "mariadb"];

#[test]
fn a_child_that_is_killed_is_seen_and_started_again() {
    for way in ways() {
        let place = Place::new(way);
        let up = place.up();

        for service in SERVICES {
            let before = up.pid(service).unwrap();
            kill(before);
            until(&format!("{service} is back"), || up.pid(service).is_some_and(|pid| pid != before));
        }

        until("all three are told", || up.said().matches("is back").count() == 3);
        assert!(up.said().contains("nginx died (signal 9); it is started again in 1 s"), "{}", up.said());
        let log = std::fs::read_to_string(place.home().join("logs/stack.log")).unwrap();
        assert!(log.contains(" nginx died (signal 9); it is started again in 1 s\n"), "{log}");
        assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
        assert_eq!(sql(&up.endpoints(), "SELECT 'well'"), Ok(Some("well".into())));
        up.stop();
        assert_eq!(place.processes(), Vec::<String>::new());
    }
}

#[test]
fn nothing_outlives_a_killed_stack() {
    for way in ways() {
        let place = Place::new(way);
        let mut up = place.up();
        assert_eq!((up.ask("reload nginx"), up.ask("reload php-fpm")), ("ok".into(), "ok".into()));
        // php-fpm may lose a signal in the few milliseconds in which it replaces itself.
        until("php-fpm is itself again", || {
            let log = fs::read_to_string(place.home().join("logs/php-fpm.log")).unwrap();
            log.matches("ready to handle connections").count() == 2
        });
        sql(&up.endpoints(), "CREATE DATABASE kept").unwrap();
        assert!(place.processes().len() >= 4);

        up.child.kill().unwrap();

        let mut left = Vec::new();
        for _ in 0..50 {
            left = place.processes();
            if left.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(left, Vec::<String>::new(), "five seconds later");
        let up = place.up();
        assert_eq!(sql(&up.endpoints(), "SHOW DATABASES LIKE 'kept'"), Ok(Some("kept".into())));
        up.stop();
    }
}

#[test]
fn workers_without_master_and_stack_are_ended_by_the_next_start() {
    for way in ways() {
        let place = Place::new(way);
        let mut up = place.up();
        let masters = SERVICES.map(|service| up.pid(service).unwrap());
        // Stopped, the stack cannot do anything about the death of its children.
        up.signal(Signal::STOP);
        masters.into_iter().for_each(kill);
        up.child.kill().unwrap();
        until("the masters are gone", || place.processes().iter().all(|line| !line.contains("master")));
        assert!(!place.processes().is_empty(), "there should be workers of nginx left");

        let next = place.up();

        assert!(next.said().contains("ending nginx of an earlier start"), "{}", next.said());
        assert_eq!(next.get("/"), "HTTP/1.1 404 Not Found");
        next.stop();
        assert_eq!(place.processes(), Vec::<String>::new());
    }
}

#[test]
fn a_database_directory_that_was_not_finished_is_made_anew() {
    for way in ways() {
        let place = Place::new(way);
        let mut up = place.begin(&[]);
        until("it makes the directory", || place.home().join("stack/mariadb/data.new/mysql").is_dir());

        up.child.kill().unwrap();
        up.child.wait().unwrap();
        assert!(!place.home().join("stack/mariadb/data").exists());
        let up = place.up();

        assert!(up.said().contains("left unfinished"), "{}", up.said());
        assert_eq!(sql(&up.endpoints(), "SELECT 'well'"), Ok(Some("well".into())));
        assert!(!place.home().join("stack/mariadb/data.new").exists());
        up.stop();
    }
}

#[test]
fn a_service_that_dies_again_and_again_stops_the_stack_with_its_log() {
    let place = Place::new(Way::Person);
    let mut up = place.begin(&["--no-mariadb"]).ready();

    let mut last = None;
    until("it gives up", || {
        if up.child.try_wait().unwrap().is_some() {
            return true;
        }
        // Read from the record and not asked for, since the stack may end at any moment.
        let running = fs::read_to_string(place.home().join("stack/running.json")).unwrap_or_default();
        let running: serde_json::Value = serde_json::from_str(&running).unwrap_or_default();
        let pid = running["children"].as_array().and_then(|all| all.last()?["pid"].as_i64());
        if let Some(pid) = pid.filter(|pid| last != Some(*pid)) {
            let number = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            let _ = rustix::process::kill_process(number, Signal::KILL);
            last = Some(pid);
        }
        false
    });

    assert!(!up.ends());
    std::thread::sleep(Duration::from_millis(500));
    assert!(up.said().contains("nginx died 5 times within a minute"), "{}", up.said());
    assert_eq!(place.processes(), Vec::<String>::new());
}

#[test]
fn a_refused_configuration_is_told_and_the_old_one_stays_in_service() {
    for way in ways() {
        let place = Place::new(way);
        let up = place.up();
        let nginx = up.endpoints().http_conf;
        let pools = up.endpoints().php_fpm_conf;
        let (good_nginx, good_pools) = (fs::read(&nginx).unwrap(), fs::read(&pools).unwrap());

        fs::write(&nginx, "nonsense;").unwrap();
        fs::write(&pools, "[global\n").unwrap();
        let refused = (up.ask("reload nginx"), up.ask("reload php-fpm"));

        assert!(
            refused.0.contains("nginx refuses its configuration: ") && refused.0.contains("nonsense"),
            "{refused:?}"
        );
        assert!(refused.1.starts_with("error php-fpm refuses its configuration: "), "{refused:?}");
        assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
        fs::write(&nginx, good_nginx).unwrap();
        fs::write(&pools, good_pools).unwrap();
        let before = (up.pid("nginx"), up.pid("php-fpm"));
        assert_eq!((up.ask("reload nginx"), up.ask("reload php-fpm")), ("ok".into(), "ok".into()));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!((up.pid("nginx"), up.pid("php-fpm")), before);
        assert_eq!(up.get("/"), "HTTP/1.1 404 Not Found");
        up.stop();
    }
}

#[test]
fn strangers_get_no_answer_but_a_refusal() {
    let place = Place::new(Way::TwoUsers);
    if !ways().contains(&Way::TwoUsers) {
        return;
    }
    let up = place.up();
    let socket = up.endpoints().control;
    // What keeps strangers away first is the folder and the mode; this shows the second lock.
    fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let script = "$s = stream_socket_client('unix://' . $argv[1]); fwrite($s, \"status\\n\"); echo fgets($s);";
    let users = aegir_stack::Users::find("aegir", "aegir-web").unwrap();

    let said = |uid: u32, gid: u32| {
        let output = std::process::Command::new("setpriv")
            .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()])
            .args(["php", "-n", "-r", script, "--"])
            .arg(&socket)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };

    assert_eq!(said(users.web.uid, users.web.gid), "error only root and the owner of the home may ask\n");
    assert!(said(users.aegir.uid, users.aegir.gid).starts_with("ok mariadb="));
    up.stop();
}
