//! Archives of backups cross the panel both ways, a piece at a time, for those who may.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use aegir_domain::FoundBackup;
use aegir_lab::pretend::byte_of_archive;

use crate::gate::{ADMIN, GUEST};
use crate::stage::Stage;

const NAME: &str = "a.test-20260101.000000.tar.zst";
/// Larger than what anybody here may hold of it.
const LARGE: u64 = 64 << 20;
const MARK: &str = "----stage42";

/// How much memory this process has, in kilobytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn lies_there(stage: &Stage, bytes: u64) {
    let found = FoundBackup { backup: NAME.parse().unwrap(), bytes, manifest: None, fault: None };
    stage.front.back_ends.machine("web1").put_backup(found);
}

/// The names of what lies there, with how long each is.
fn there(stage: &Stage) -> Vec<(String, u64)> {
    let list = aegir_hosting::Call::of(aegir_hosting::OperationId::BackupList);
    match stage.run(stage.front.ask(list)) {
        Ok(aegir_hosting::Answer::Page { items, .. }) => {
            let mut all: Vec<_> = items
                .iter()
                .map(|one| (one["name"].as_str().unwrap().to_owned(), one["bytes"].as_u64().unwrap()))
                .collect();
            all.sort();
            all
        }
        other => panic!("{other:?}"),
    }
}

fn audited(stage: &Stage) -> Vec<(String, String)> {
    let list = aegir_hosting::Call::of(aegir_hosting::OperationId::AuditList).with("limit", 500);
    match stage.run(stage.front.ask(list)) {
        Ok(aegir_hosting::Answer::Page { items, .. }) => items
            .iter()
            .map(|one| (one["operation"].as_str().unwrap().to_owned(), one["answer"].as_str().unwrap().to_owned()))
            .filter(|(operation, _)| operation.starts_with("backup-"))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn connected(stage: &Stage, head: &str, session: &str) -> TcpStream {
    let mut stream = TcpStream::connect(stage.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let host = format!("localhost:{}", stage.address.port());
    let head = format!(
        "{head} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\nCookie: __Host-aegir={session}\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A form as a browser sends it: these fields, and behind them so much of an archive of so many bytes.
struct Form<'a> {
    fields: &'a [(&'a str, &'a str)],
    called: &'a str,
    bytes: u64,
    sent: u64,
}

/// Sends it, and gives what is answered.
fn upload(stage: &Stage, session: &str, form: &Form<'_>) -> String {
    let mut begin = String::new();
    for (name, value) in form.fields {
        begin += &format!("--{MARK}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    begin += &format!(
        "--{MARK}\r\nContent-Disposition: form-data; name=\"archive\"; filename=\"{}\"\r\n\
         Content-Type: application/zstd\r\n\r\n",
        form.called
    );
    let end = format!("\r\n--{MARK}--\r\n");
    let length = begin.len() as u64 + form.bytes + end.len() as u64;
    let mut stream = connected(stage, "POST /do/backup-upload", session);
    let head = format!("Content-Type: multipart/form-data; boundary={MARK}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(begin.as_bytes()).unwrap();
    let mut at = 0;
    while at < form.sent {
        let piece: Vec<u8> = (at..form.sent.min(at + 100_000)).map(byte_of_archive).collect();
        if stream.write_all(&piece).is_err() {
            break;
        }
        at += piece.len() as u64;
    }
    if form.sent < form.bytes {
        stream.shutdown(Shutdown::Both).unwrap();
        return String::new();
    }
    let _ = stream.write_all(end.as_bytes());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_archive_comes_and_goes_and_nobody_holds_all_of_it() {
    let stage = Stage::new();
    lies_there(&stage, LARGE);
    let token = stage.get("/do/backup-upload").value("form_token");
    let before = memory();

    let mut stream = connected(&stage, &format!("GET /backups/{NAME}/archive"), ADMIN);
    stream.write_all(b"\r\n").unwrap();
    let head = head_of(&mut stream);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for told in [
        format!("content-length: {LARGE}"),
        format!("content-disposition: attachment; filename=\"{NAME}\""),
        "content-type: application/octet-stream".into(),
        "cache-control: no-store".into(),
    ] {
        assert!(head.contains(&told), "{told}: {head}");
    }
    let (mut at, mut most, mut piece) = (0_u64, 0, vec![0; 64 << 10]);
    loop {
        let count = stream.read(&mut piece).unwrap();
        if count == 0 {
            break;
        }
        let expected: Vec<u8> = (at..at + count as u64).map(byte_of_archive).collect();
        assert!(piece[..count] == expected[..], "at {at}");
        at += count as u64;
        most = most.max(memory());
    }
    assert_eq!(at, LARGE);

    let form = Form { fields: &[("form_token", &token)], called: NAME, bytes: LARGE, sent: LARGE };
    let answer = upload(&stage, ADMIN, &form);

    let second = "a.test-20260101.000000_2.tar.zst";
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert!(answer.contains(&format!("location: /backups/{second}?server=web1")), "{answer}");
    assert_eq!(there(&stage), [(NAME.to_owned(), LARGE), (second.to_owned(), LARGE)]);
    let grown = most.max(memory()).saturating_sub(before) / 1024;
    assert!(grown < 40, "{grown} MB");
    let done = |operation: &str| (operation.to_owned(), "done".to_owned());
    assert_eq!(audited(&stage), [done("backup-upload"), done("backup-download")]);
}

#[test]
fn an_archive_that_breaks_off_is_no_backup_and_neither_is_one_from_whoever_may_not() {
    let stage = Stage::new();
    let token = stage.get("/do/backup-upload").value("form_token");
    let fields = [("form_token", token.as_str())];
    let whole = Form { fields: &fields, called: NAME, bytes: 3_000_000, sent: 3_000_000 };

    for (form, status, said) in [
        (Form { fields: &[("form_token", "guessed")], ..whole }, "403", "another session"),
        (Form { fields: &[], ..whole }, "403", "another session"),
        (Form { called: "photo.jpg", ..whole }, "422", "photo.jpg"),
        (Form { fields: &[fields[0], ("server", "nowhere")], ..whole }, "422", "nowhere"),
        (Form { bytes: 0, sent: 0, ..whole }, "422", "manifest"),
    ] {
        let answer = upload(&stage, ADMIN, &form);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status} {said}: {answer}");
        assert!(answer.contains(said), "{said}: {answer}");
    }
    assert!(upload(&stage, GUEST, &whole).starts_with("HTTP/1.1 403"));
    assert!(upload(&stage, "unknown", &whole).starts_with("HTTP/1.1 401"));
    upload(&stage, ADMIN, &Form { sent: 1_000_000, ..whole });
    // What broke off is told once its end is missed.
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while !audited(&stage).iter().any(|(operation, answer)| operation == "backup-upload" && answer == "conflict") {
        assert!(std::time::Instant::now() < until, "{:?}", audited(&stage));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(there(&stage), []);

    let renamed = Form { fields: &[fields[0], ("name", NAME)], called: "photo.jpg", ..whole };
    assert!(upload(&stage, ADMIN, &renamed).starts_with("HTTP/1.1 303"));
    assert_eq!(there(&stage), [(NAME.to_owned(), 3_000_000)]);
    assert_eq!(stage.send("GET", &format!("/backups/{NAME}/archive"), GUEST, "").status, 403);
    let page = stage.get(&format!("/backups/{NAME}?server=web1"));
    assert!(page.html.contains(&format!("href=\"/backups/{NAME}/archive?server=web1\"")), "{}", page.html);
    assert!(!stage.send("GET", &format!("/backups/{NAME}"), GUEST, "").html.contains("/archive"));
}
