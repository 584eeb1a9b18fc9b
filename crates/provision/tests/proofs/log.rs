//! The log of a site: its own lines alone, from the end, and what comes to it; nothing that lets somebody in.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use aegir_domain::LogKind;
use aegir_lab::Lab;
use aegir_provision::SiteLog;

use crate::two_platforms;

fn with_two_sites() -> Lab {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.install("a.test", "seven");
    lab.install("b.test", "seven");
    lab
}

fn file(lab: &Lab, name: &str) -> PathBuf {
    lab.home().logs().join(name)
}

fn request(host: &str, number: usize) -> String {
    format!("127.0.0.1 - {host} [22/Nov/2026:20:15:00 +0000] \"GET /{number} HTTP/1.1\" 200 10 \"-\" \"-\" 0.010\n")
}

fn append(lab: &Lab, name: &str, text: &str) {
    let mut log = OpenOptions::new().append(true).create(true).open(file(lab, name)).unwrap();
    log.write_all(text.as_bytes()).unwrap();
}

fn log<'l>(lab: &'l Lab, kind: LogKind) -> SiteLog<'l> {
    SiteLog::of(&lab.parts, &"a.test".parse().unwrap(), kind).unwrap()
}

#[test]
fn the_last_lines_are_told_of_the_site_alone_however_rare_they_are() {
    let lab = with_two_sites();
    // More than is read at first lies between.
    let others: String = (0..20_000).map(|number| request("b.test", number)).collect();
    append(&lab, "nginx-access.log", &[request("a.test", 1), others.clone(), request("a.test", 2), others].concat());

    let last = log(&lab, LogKind::Web).last(1).unwrap();
    assert_eq!(last.len(), 1);
    assert!(last[0].contains("GET /2 "), "{last:?}");
    let all = log(&lab, LogKind::Web).last(100).unwrap();
    assert_eq!(all.iter().filter(|line| line.contains("a.test")).count(), 2, "{}", all.len());
    assert_eq!(all.len(), 2);
    assert_eq!(log(&lab, LogKind::Web).last(0).unwrap(), Vec::<String>::new());
}

#[test]
fn no_more_of_a_log_is_read_than_is_bounded() {
    let lab = with_two_sites();
    let others = request("b.test", 1).repeat(10_000);
    append(&lab, "nginx-access.log", &request("a.test", 1));
    for _ in 0..24 {
        append(&lab, "nginx-access.log", &others);
    }
    assert!(fs::metadata(file(&lab, "nginx-access.log")).unwrap().len() > 17 << 20);
    assert_eq!(log(&lab, LogKind::Web).last(5).unwrap(), Vec::<String>::new());
}

#[test]
fn what_comes_is_told_once_whole_lines_at_a_time_and_from_the_beginning_of_a_new_file() {
    let lab = with_two_sites();
    append(&lab, "nginx-access.log", &[request("a.test", 1), request("b.test", 2)].concat());
    let mut log = log(&lab, LogKind::Web);
    assert_eq!(log.last(10).unwrap().len(), 1);
    assert_eq!(log.more().unwrap(), Vec::<String>::new());

    let line = request("a.test", 3);
    let (first, second) = line.split_at(20);
    append(&lab, "nginx-access.log", first);
    assert_eq!(log.more().unwrap(), Vec::<String>::new());
    append(&lab, "nginx-access.log", second);
    assert_eq!(log.more().unwrap(), [line.trim_end()]);

    fs::remove_file(file(&lab, "nginx-access.log")).unwrap();
    append(&lab, "nginx-access.log", &request("a.test", 4));
    assert_eq!(log.more().unwrap().len(), 1);
}

#[test]
fn what_php_complained_of_is_told_apart_from_what_the_web_server_did_and_hides_what_lets_in() {
    let lab = with_two_sites();
    append(
        &lab,
        "nginx-error.log",
        "2026/11/22 20:15:00 [error] 1#1: *1 FastCGI sent in stderr: \"PHP message: PHP Warning:  of a\nStack trace:\n#0 x\" while reading \
         response header from upstream, client: 127.0.0.1, server: , request: \"GET /user/reset/1/2/s3cret/login?x=s3cret HTTP/1.1\", \
         upstream: \"fastcgi://unix:/x\", host: \"a.test\"\n\
         2026/11/22 20:15:01 [error] 1#1: *1 FastCGI sent in stderr: \"PHP message: of b\" while reading, host: \"b.test\"\n\
         2026/11/22 20:15:02 [error] 1#1: *2 access forbidden by rule, client: 127.0.0.1, request: \"GET /.git HTTP/1.1\", host: \"a.test\"\n",
    );

    let php = log(&lab, LogKind::Php).last(10).unwrap();
    assert_eq!(php.len(), 3, "{php:?}");
    assert!(php[0].contains("of a") && php[2].contains("/user/reset/... HTTP"), "{php:?}");
    assert!(!php.concat().contains("s3cret"), "{php:?}");
    let errors = log(&lab, LogKind::Errors).last(10).unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("access forbidden"));
}

#[test]
fn a_log_that_is_not_there_or_is_a_link_is_said_with_where_to_look() {
    let lab = with_two_sites();
    let asked = |kind| SiteLog::of(&lab.parts, &"a.test".parse().unwrap(), kind).map(drop).unwrap_err().report();
    assert!(asked(LogKind::Php).remedy.unwrap().contains("/var/log/nginx/error.log"));
    fs::write(lab.home().path().join("elsewhere"), "a.test\n").unwrap();
    std::os::unix::fs::symlink(lab.home().path().join("elsewhere"), file(&lab, "nginx-access.log")).unwrap();
    assert!(asked(LogKind::Web).message.contains("there is no log"));
}
