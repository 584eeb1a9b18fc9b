//! Requests as they were recorded, and what they were answered: the promise to whoever wrote a program against
//! this version. A difference is a broken promise, unless it only adds.
//!
//! A file holds a request, a line of dashes, and the answer; `####` leads to the next pair. `AEGIR_RECORD=yes` writes
//! them anew, for requests that are new.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::client::Reply;
use crate::stage::Stage;

const BETWEEN: &str = "----------";
const NEXT: &str = "####";

fn folder() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/v1").into()
}

fn records_anew() -> bool {
    std::env::var_os("AEGIR_RECORD").is_some_and(|yes| yes == "yes")
}

/// Holds `text` against a file of the promise.
pub fn compare(file: &str, text: &str) {
    let path = folder().join(file);
    if records_anew() {
        fs::write(&path, format!("{}\n", text.trim_end())).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text.trim_end(), recorded.trim_end(), "{file}: what was published stays");
}

/// What is another one each time: times, and numbers of the one space.
fn masked(value: &mut Value) {
    const TIMES: [&str; 10] =
        ["at", "created", "changed", "verified", "queued", "started", "ended", "expires", "last_used", "found"];
    const NUMBERS: [&str; 5] = ["id", "task", "object", "node", "number"];
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::Number(_) if TIMES.contains(&name.as_str()) => *value = "<time>".into(),
                    Value::Number(_) if NUMBERS.contains(&name.as_str()) => *value = "<number>".into(),
                    Value::String(_) if matches!(name.as_str(), "token" | "link") => *value = "<secret>".into(),
                    other => masked(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(masked),
        _ => (),
    }
}

fn written(reply: &Reply) -> String {
    let mut text = format!("{}\n", reply.status);
    for name in ["content-type", "location", "link", "allow", "www-authenticate", "retry-after", "preference-applied"] {
        if let Some(value) = reply.header(name) {
            let digits = value.rsplit('/').next().filter(|last| name == "location" && last.parse::<i64>().is_ok());
            let value = digits.map_or(value.to_owned(), |digits| value.replace(digits, "<number>"));
            text += &format!("{name}: {value}\n");
        }
    }
    let mut body = reply.json();
    masked(&mut body);
    text + "\n" + &serde_json::to_string_pretty(&body).unwrap() + "\n"
}

/// Sends a request as it was recorded: `POST /path`, headers, an empty line, a body.
fn send(stage: &Stage, recorded: &str) -> Reply {
    let (head, body) = recorded.split_once("\n\n").unwrap_or((recorded, ""));
    let body = body.trim();
    let mut lines = head.trim().lines();
    let mut text = format!("{} HTTP/1.1\r\nHost: localhost\r\n", lines.next().unwrap());
    let headers: Vec<_> = lines.collect();
    if !headers.iter().any(|line| line.starts_with("Authorization:")) {
        text += "Authorization: Bearer token-of-all\r\n";
    }
    headers.iter().for_each(|line| text += &format!("{line}\r\n"));
    if !body.is_empty() {
        text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    stage.talk().ask(format!("{text}\r\n{body}"))
}

#[test]
fn recorded_requests_are_answered_as_they_were() {
    let mut count = 0;
    let mut files: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "http"));
    files.sort();
    for path in files {
        let stage = Stage::new();
        let recorded = fs::read_to_string(&path).unwrap();
        let mut now = Vec::new();
        for pair in recorded.split(&format!("\n{NEXT}\n")) {
            let request = pair.split_once(&format!("\n{BETWEEN}\n")).map_or(pair, |(request, _)| request);
            let reply = send(&stage, request);
            now.push(format!("{}\n{BETWEEN}\n{}", request.trim_end(), written(&reply)));
            count += 1;
        }
        compare(path.file_name().unwrap().to_str().unwrap(), &now.join(&format!("\n{NEXT}\n")));
    }
    assert!(count > 40, "{count}");
}
