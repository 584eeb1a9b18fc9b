//! A real php-fpm answers a ping past any web server.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test plays the machine and may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use aegir_host::{RealWeb, Web, WebFault, find_program, own_uid};

#[test]
fn php_fpm_answers_a_ping() {
    let names = ["php-fpm8.2", "php-fpm8.4", "php-fpm"];
    let Some(program) = names.into_iter().find_map(|name| find_program(Path::new(name))) else {
        println!("skipped: no php-fpm here");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let user = if own_uid() == 0 { "user = root\ngroup = root\n" } else { "" };
    let config = format!(
        "[global]\nerror_log = {0}/log\n[www]\n{user}listen = {0}/s\npm = static\npm.max_children = 1\nping.path = /fpm-ping\n",
        dir.path().display()
    );
    fs::write(dir.path().join("fpm.conf"), config).unwrap();
    let mut fpm = Command::new(program);
    fpm.args(["--nodaemonize", "-n", "--fpm-config"]).arg(dir.path().join("fpm.conf"));
    fpm.args((own_uid() == 0).then_some("--allow-to-run-as-root")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut fpm = fpm.spawn().unwrap();

    let until = Instant::now() + Duration::from_secs(20);
    let said = loop {
        match RealWeb.ping_php(&socket, "/fpm-ping", Duration::from_secs(5)) {
            Err(WebFault::Unreachable { .. }) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            said => break said,
        }
    };
    // Its children go with it only if it is asked.
    assert!(Command::new("kill").arg(fpm.id().to_string()).status().unwrap().success());
    fpm.wait().unwrap();

    assert_eq!(said.unwrap(), "pong");
    assert!(matches!(
        RealWeb.ping_php(&socket, "/fpm-ping", Duration::from_secs(1)),
        Err(WebFault::Unreachable { .. })
    ));
}

#[test]
fn a_name_that_leads_nowhere_is_told_in_time() {
    let began = Instant::now();

    assert!(RealWeb.resolves("example.localhost", Duration::from_secs(2)));
    assert!(!RealWeb.resolves("no-such-name.invalid", Duration::from_secs(2)));

    assert!(began.elapsed() < Duration::from_secs(4));
}
