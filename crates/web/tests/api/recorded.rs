//! Requests as they were recorded, and what they were answered: the promise to whoever wrote a program against
//! a version. There is a folder for each version that was released, and for the one to come; all are replayed on the
//! real front end, each file on a new one with a site in service.
//!
//! A file holds a request, a line of dashes, and the answer; `####` leads to the next pair, and `!work` in place of a
//! request has all that waits carried out. `AEGIR_RECORD=yes` writes the version to come anew. What a released version
//! was answered may have got more fields since, and nothing else.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::client::Reply;
use crate::stage::Real;

const BETWEEN: &str = "----------";
const NEXT: &str = "####";
const WORK: &str = "!work";
/// The version to come.
const COMING: &str = "0.1";

fn folder() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded").into()
}

fn records_anew() -> bool {
    std::env::var_os("AEGIR_RECORD").is_some_and(|yes| yes == "yes")
}

/// Holds `text` against a file of the version to come.
pub fn compare(file: &str, text: &str) {
    let path = folder().join(COMING).join(file);
    if records_anew() {
        fs::write(&path, format!("{}\n", text.trim_end())).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text.trim_end(), recorded.trim_end(), "{file}: what was published stays");
}

/// What is another one each time: times, and numbers of the one space.
fn masked(value: &mut Value) {
    const TIMES: [&str; 14] = [
        "at", "created", "changed", "verified", "queued", "started", "ended", "expires", "opened", "until", "found",
        "first", "last", "took",
    ];
    const NUMBERS: [&str; 5] = ["id", "task", "object", "node", "number"];
    match value {
        Value::Object(members) => {
            // A use is written down beside the answer: whether it is told already is a matter of moments.
            members.remove("last_used");
            for (name, value) in members {
                match value {
                    Value::Number(_) if TIMES.contains(&name.as_str()) => *value = "<time>".into(),
                    Value::Number(_) if NUMBERS.contains(&name.as_str()) => *value = "<number>".into(),
                    // The id of an attempt.
                    Value::String(_) if name == "id" => *value = "<id>".into(),
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
    if reply.body.is_empty() {
        return text;
    }
    let mut body = reply.json();
    masked(&mut body);
    text + "\n" + &serde_json::to_string_pretty(&body).unwrap() + "\n"
}

/// Sends a request as it was recorded: `POST /path`, headers, an empty line, a body.
fn send(stage: &Real, recorded: &str) -> Reply {
    let (head, body) = recorded.split_once("\n\n").unwrap_or((recorded, ""));
    let body = body.trim();
    let mut lines = head.trim().lines();
    let mut text = format!("{} HTTP/1.1\r\nHost: localhost\r\n", lines.next().unwrap());
    let headers: Vec<_> = lines.collect();
    if !headers.iter().any(|line| line.starts_with("Authorization:")) {
        text += &format!("Authorization: Bearer {}\r\n", stage.token);
    }
    headers.iter().for_each(|line| text += &format!("{line}\r\n"));
    if !body.is_empty() {
        text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    stage.talk().ask(format!("{text}\r\n{body}"))
}

/// Whether what is answered now is what was answered then, with more fields at the most.
fn holds(then: &Value, now: &Value) -> bool {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            then.iter().all(|(name, then)| now.get(name).is_some_and(|now| holds(then, now)))
        }
        (Value::Array(then), Value::Array(now)) => {
            then.len() == now.len() && then.iter().zip(now).all(|(then, now)| holds(then, now))
        }
        (then, now) => then == now,
    }
}

/// The same of whole answers: status and headers stay as they are.
fn keeps(then: &str, now: &str) -> bool {
    let parts = |text: &str| {
        let (head, body) = text.trim().split_once("\n\n").unwrap_or((text.trim(), "null"));
        (head.to_owned(), serde_json::from_str::<Value>(body).unwrap())
    };
    let (then, now) = (parts(then), parts(now));
    then.0 == now.0 && holds(&then.1, &now.1)
}

/// The requests of a file, each with what it was answered then.
fn pairs(recorded: &str) -> Vec<(String, String)> {
    let between = format!("\n{NEXT}\n");
    recorded
        .split(&between)
        .map(|pair| {
            let (request, answer) = pair.split_once(&format!("\n{BETWEEN}\n")).unwrap_or((pair, ""));
            (request.trim_end().to_owned(), answer.to_owned())
        })
        .collect()
}

#[test]
fn recorded_requests_are_answered_as_they_were() {
    let mut count = 0;
    for version in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        let coming = version.file_name().is_some_and(|name| name == COMING);
        let mut files: Vec<_> = fs::read_dir(&version).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "http"));
        files.sort();
        assert!(!files.is_empty(), "{}", version.display());
        for path in files {
            let stage = Real::new();
            let mut whole = Vec::new();
            for (request, then) in pairs(&fs::read_to_string(&path).unwrap()) {
                if request == WORK {
                    stage.work();
                    whole.push(request);
                    continue;
                }
                let now = written(&send(&stage, &request));
                assert!(coming || keeps(&then, &now), "{}: {request}\n{then}\nis now\n{now}", path.display());
                whole.push(format!("{request}\n{BETWEEN}\n{now}"));
                count += 1;
            }
            if coming {
                compare(path.file_name().unwrap().to_str().unwrap(), &whole.join(&format!("\n{NEXT}\n")));
            }
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn an_answer_may_get_fields_and_lose_none() {
    let then = "200\n\n{\"items\": [{\"a\": 1}], \"next\": null}";
    assert!(keeps(then, "200\n\n{\"items\": [{\"a\": 1, \"b\": 2}], \"next\": null, \"total\": 1}"));
    for now in [
        "201\n\n{\"items\": [{\"a\": 1}], \"next\": null}",
        "200\n\n{\"items\": [{\"a\": 2}], \"next\": null}",
        "200\n\n{\"items\": [{\"b\": 1}], \"next\": null}",
        "200\n\n{\"items\": [], \"next\": null}",
        "200\n\n{\"items\": [{\"a\": 1}]}",
        "200",
    ] {
        assert!(!keeps(then, now), "{now}");
    }
}
