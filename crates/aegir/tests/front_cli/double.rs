//! A front end for tests: the contract of the API over a unix socket, with its state in memory.
//!
//! It knows the operations' declarations and nothing of the command line. Tasks say and become what a test
//! tells them; what it is asked is written down.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use aegir_hosting::{Effect, Operation, OperationId};
use serde_json::{Map, Value, json};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: Option<Value>,
}

/// A task: its view, and the lines of each of its attempts.
#[derive(Clone, Debug, Default)]
pub struct Task {
    pub view: Value,
    pub lines: Vec<(u32, Value)>,
    pub secret: Option<Value>,
}

/// What it knows.
#[derive(Default)]
pub struct State {
    pub asked: Vec<Asked>,
    /// Entries of each list, by the part of its address: `sites`.
    pub lists: BTreeMap<String, Vec<Value>>,
    pub tasks: BTreeMap<i64, Task>,
    /// What becomes of the next task about an object, in the end; else it stays `running`.
    pub fates: BTreeMap<String, Value>,
    /// Problems that are answered, by address.
    pub problems: BTreeMap<String, Value>,
    answered: BTreeMap<String, (u16, String)>,
    /// Cuts the connection after this many lines of a task, once for each entry.
    pub cuts: Vec<u64>,
    /// Takes the next change in, and cuts the connection before it answers.
    pub swallow: bool,
    /// Answers nothing at all.
    pub silent: bool,
    open: Vec<UnixStream>,
    stopped: bool,
}

/// The front end.
pub struct Double {
    path: PathBuf,
    shared: Arc<(Mutex<State>, Condvar)>,
    listener: Option<thread::JoinHandle<()>>,
}

impl Double {
    /// Starts one for a home.
    pub fn start(home: &Path) -> Double {
        let run = home.join("run");
        std::fs::create_dir_all(&run).unwrap();
        let mut double = Double { path: run.join("aegir.sock"), shared: Arc::default(), listener: None };
        double.begin();
        double
    }

    /// Begins to listen, as after a restart: it remembers everything.
    pub fn begin(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path).unwrap();
        std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o777)).unwrap();
        self.state().stopped = false;
        let shared = self.shared.clone();
        self.listener = Some(thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut state = shared.0.lock().unwrap();
                if state.stopped {
                    return;
                }
                state.open.push(stream.try_clone().unwrap());
                drop(state);
                let shared = shared.clone();
                thread::spawn(move || serve(&stream, &shared));
            }
        }));
    }

    /// Ends at once, as by `kill -9`: every connection is cut, and the socket stays where it is.
    pub fn kill(&mut self) {
        let mut state = self.state();
        state.stopped = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.1.notify_all();
        let _ = UnixStream::connect(&self.path);
        self.listener.take().unwrap().join().unwrap();
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What it was asked, but for reading.
    pub fn changes(&self) -> Vec<Asked> {
        self.state().asked.iter().filter(|asked| asked.method != "GET").cloned().collect()
    }

    /// Waits until it was asked for an address.
    pub fn wait_for(&self, part: &str) {
        super::support::until(part, || self.state().asked.iter().any(|asked| asked.target.contains(part)));
    }

    /// Has a task say a line.
    pub fn say(&self, task: i64, kind: &str, level: &str, text: &str) {
        let mut state = self.state();
        state.tasks.get_mut(&task).unwrap().say(kind, level, text);
        drop(state);
        self.shared.1.notify_all();
    }

    /// Has a task end.
    pub fn end(&self, task: i64, fate: &Value) {
        self.state().tasks.get_mut(&task).unwrap().end(fate);
        self.shared.1.notify_all();
    }

    /// A task that runs, made by somebody else.
    pub fn task(&self, object: &str, operation: &str) -> i64 {
        self.state().queue(object, operation)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        if self.listener.is_some() {
            self.kill();
        }
    }
}

impl Task {
    fn newest(&self) -> u32 {
        self.view["attempts"].as_array().map_or(0, |attempts| attempts.len() as u32)
    }

    pub fn say(&mut self, kind: &str, level: &str, text: &str) {
        let attempt = self.newest();
        let n = self.lines.iter().filter(|(of, _)| *of == attempt).count() as u64 + 1;
        let line = json!({ "attempt": attempt, "n": n, "at": 1_000 * n, "kind": kind, "level": level, "text": text });
        self.lines.push((attempt, line));
        self.view["attempts"][attempt as usize - 1]["lines"] = n.into();
    }

    /// A new attempt, as after a retry.
    pub fn begin(&mut self) {
        let number = self.newest() + 1;
        self.view["state"] = "running".into();
        self.view["attempts"].as_array_mut().unwrap().push(json!({
            "id": format!("01900000-0000-7000-8000-00000000000{number}"), "number": number, "state": "running",
            "started": 2_000, "changed": false, "lines": 0,
        }));
    }

    /// Its end: `fate` has its state, and what its attempt tells.
    pub fn end(&mut self, fate: &Value) {
        let newest = self.newest() as usize - 1;
        for (name, value) in fate.as_object().unwrap() {
            match name.as_str() {
                "state" | "cancelling" | "children" => self.view[name] = value.clone(),
                "secret" => self.secret = Some(value.clone()),
                _ => self.view["attempts"][newest][name] = value.clone(),
            }
        }
        self.view["ended"] = 5_200.into();
        self.view["attempts"][newest]["state"] = "ended".into();
        self.view["attempts"][newest]["ended"] = 5_200.into();
    }
}

impl State {
    pub fn queue(&mut self, object: &str, operation: &str) -> i64 {
        let number = 41 + self.tasks.len() as i64 + 1;
        let mut task = Task {
            view: json!({
                "id": number, "operation": operation, "object": 7, "object_name": object, "state": "running",
                "asked_by": "aegir", "server": "localhost", "queued": 1_000, "started": 2_000, "cancelling": false,
                "parameters": {}, "attempts": [],
            }),
            ..Task::default()
        };
        task.begin();
        self.tasks.insert(number, task);
        if let Some(fate) = self.fates.get(object).cloned() {
            let task = self.tasks.get_mut(&number).unwrap();
            for text in fate["lines"].as_array().into_iter().flatten() {
                let level = text["level"].as_str().unwrap_or("info");
                task.say(text["kind"].as_str().unwrap_or("log"), level, text["text"].as_str().unwrap());
            }
            let mut fate = fate;
            fate.as_object_mut().unwrap().remove("lines");
            task.end(&fate);
        }
        number
    }

    fn listed(&self, subject: &str) -> Vec<Value> {
        match subject {
            "tasks" => self.tasks.values().map(|task| task.view.clone()).collect(),
            subject => self.lists.get(subject).cloned().unwrap_or_default(),
        }
    }
}

fn serve(stream: &UnixStream, shared: &(Mutex<State>, Condvar)) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let mut state = shared.0.lock().unwrap();
        state.asked.push(asked.clone());
        if state.silent {
            drop(state);
            thread::sleep(Duration::from_secs(60));
            return;
        }
        let path = asked.target.split('?').next().unwrap().to_owned();
        if let Some(task) = path.strip_prefix("/api/v1/tasks/").and_then(|rest| rest.strip_suffix("/events")) {
            if let Ok(task) = task.parse() {
                drop(state);
                events(stream, shared, task, asked.headers.get("last-event-id"));
            }
            return;
        }
        let key = asked.headers.get("idempotency-key").cloned();
        let known = key.as_ref().and_then(|key| state.answered.get(key).cloned());
        let (status, body) = known.unwrap_or_else(|| {
            let (status, body) = answer(&mut state, &asked);
            (status, body.to_string())
        });
        if let Some(key) = key {
            state.answered.insert(key, (status, body.clone()));
        }
        if asked.method != "GET" && std::mem::take(&mut state.swallow) {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        drop(state);
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut out = stream;
        if out.write_all(head.as_bytes()).and_then(|()| out.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = (length > 0).then(|| serde_json::from_slice(&body).unwrap());
    Some(Asked { method, target, headers, body })
}

/// Names and values.
type Query = Vec<(String, String)>;

/// The operation that a request is about, its object, and its query.
fn meant(asked: &Asked) -> Option<(Operation, Option<String>, Query)> {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let parts: Vec<String> = path.strip_prefix("/api/v1/")?.split('/').map(decoded).collect();
    let query =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (decoded(a), decoded(b))).collect();
    let mut operations =
        OperationId::ALL.map(OperationId::declaration).into_iter().filter(|found| found.subject.path() == parts[0]);
    let mut verb = |verbs: &[&str]| operations.find(|operation| verbs.contains(&operation.verb));
    let (operation, name) = match (asked.method.as_str(), &parts[1..]) {
        ("GET", []) => (verb(&["list", "show"])?, None),
        ("POST", []) => (verb(&["add"])?, asked.body.as_ref()?["name"].as_str().map(str::to_owned)),
        ("GET", [word]) if word == "options" => (verb(&["options"])?, None),
        ("GET", [name]) => (verb(&["show"])?, Some(name.clone())),
        ("PATCH", [name]) => (verb(&["edit"])?, Some(name.clone())),
        ("PUT", [name]) => (verb(&["set"])?, Some(name.clone())),
        ("DELETE", [name]) => (verb(&["delete", "forget", "revoke"])?, Some(name.clone())),
        ("POST", [word]) => (verb(&[word])?, None),
        ("GET" | "POST", [name, word]) => (verb(&[word])?, Some(name.clone())),
        _ => return None,
    };
    Some((operation, name, query))
}

fn answer(state: &mut State, asked: &Asked) -> (u16, Value) {
    let path = asked.target.split('?').next().unwrap();
    if let Some(problem) = state.problems.get(path) {
        return (problem["status"].as_u64().unwrap() as u16, problem.clone());
    }
    if let Some(task) = path.strip_prefix("/api/v1/tasks/").and_then(|rest| rest.strip_suffix("/secret")) {
        let secret = task.parse().ok().and_then(|task: i64| state.tasks.get_mut(&task)?.secret.take());
        return secret.map_or_else(|| problem(404, "no-secret", "there is nothing to be told"), |secret| (200, secret));
    }
    let Some((operation, name, query)) = meant(asked) else {
        return problem(404, "no-address", "there is no such address");
    };
    let dry_run = query.iter().any(|(name, _)| name == "dry_run");
    let subject = operation.subject.path();
    let object = name.clone().unwrap_or_default();
    match operation.effect {
        Effect::Lists if operation.id == OperationId::TaskLog => log(state, &object, &query),
        Effect::Lists => page(state.listed(if operation.verb == "history" { "history" } else { subject }), &query),
        Effect::Shows => match name {
            None => (200, state.lists.get(subject).and_then(|list| list.first().cloned()).unwrap_or(json!({}))),
            Some(name) => {
                let bears = |item: &&Value| {
                    let known = item["name"].as_str().unwrap_or_default();
                    known == name
                        || known.trim_start_matches('@') == name
                        || item["id"].as_i64().is_some_and(|id| name.parse() == Ok(id))
                };
                match state.listed(subject).iter().find(bears) {
                    Some(found) => (200, found.clone()),
                    None => unknown(operation.subject.word(), &name),
                }
            }
        },
        Effect::Tries => (200, json!({ "server": object, "works": true, "services": [] })),
        Effect::Changes if operation.id == OperationId::TaskCancel => {
            let task = object.parse().ok().and_then(|task: i64| state.tasks.get(&task));
            task.map_or_else(|| unknown("task", &object), |task| (200, task.view.clone()))
        }
        Effect::Queues if dry_run => {
            (200, json!({ "object": object, "requests": [{ "kind": operation.slug(), "object": object }] }))
        }
        Effect::Changes if operation.id == OperationId::TokenAdd => (
            200,
            json!({ "label": object, "scopes": ["view"], "made_by": "aegir", "created": 1, "token": "aegir_secret" }),
        ),
        Effect::Changes if matches!(operation.id, OperationId::AccountAdd | OperationId::AccountLink) => {
            let whole = operation.id == OperationId::AccountAdd;
            let link = if whole { "http://localhost:8088/enter/secret" } else { "/enter/secret" };
            let mut told = json!({ "name": object, "until": 1_800_000_000_000_i64, "link": link });
            if whole {
                told["panel"] = "http://localhost:8088".into();
            }
            (200, told)
        }
        Effect::Changes => (200, json!({ "name": object, "status": "enabled" })),
        Effect::Queues if operation.id == OperationId::TaskRetry => {
            let number = object.parse().unwrap();
            let task = state.tasks.get_mut(&number).unwrap();
            task.begin();
            task.say("log", "info", "Tried again");
            task.end(&json!({ "state": "succeeded", "outcome": "succeeded", "changed": true }));
            (202, json!({ "task": number, "object": task.view["object_name"], "known": false }))
        }
        Effect::Queues => {
            let same = |task: &&Task| task.view["state"] == "waiting" && task.view["object_name"] == object.as_str();
            if let Some(waiting) = state.tasks.values().find(same) {
                return (202, json!({ "task": waiting.view["id"], "object": object, "known": true }));
            }
            (202, json!({ "task": state.queue(&object, &operation.slug()), "object": object, "known": false }))
        }
    }
}

fn unknown(what: &str, name: &str) -> (u16, Value) {
    let (status, mut problem) = problem(404, "unknown", &format!("there is no {what} `{name}`"));
    problem["remedy"] = format!("see what there is with `aegir {what} list`").into();
    (status, problem)
}

pub fn problem(status: u16, word: &str, detail: &str) -> (u16, Value) {
    (status, json!({ "type": format!("urn:aegir:problem:{word}"), "title": "No", "status": status, "detail": detail }))
}

/// A page: entries whose fields have one of the values that are asked for.
fn page(items: Vec<Value>, query: &[(String, String)]) -> (u16, Value) {
    let value = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in
        query.iter().filter(|(name, _)| !["limit", "cursor", "sort", "search"].contains(&name.as_str()))
    {
        wanted.entry(name).or_default().extend(value.split(','));
    }
    let fits =
        |item: &Value| wanted.iter().all(|(name, values)| item[*name].as_str().is_none_or(|has| values.contains(&has)));
    let found: Vec<Value> = items.into_iter().filter(fits).collect();
    let start: usize = value("cursor").map_or(0, |cursor| cursor.trim_start_matches("at-").parse().unwrap_or(0));
    let limit: usize = value("limit").map_or(50, |limit| limit.parse().unwrap());
    let next = (start + limit < found.len()).then(|| format!("at-{}", start + limit));
    let items: Vec<&Value> = found.iter().skip(start).take(limit).collect();
    (200, json!({ "items": items, "next": next, "total": found.len() }))
}

fn log(state: &State, task: &str, query: &[(String, String)]) -> (u16, Value) {
    let Some(task) = task.parse().ok().and_then(|task: i64| state.tasks.get(&task)) else {
        return unknown("task", task);
    };
    let number = |name: &str, or: u64| {
        query.iter().find(|(known, _)| known == name).map_or(or, |(_, value)| value.parse().unwrap())
    };
    let (attempt, from, limit) = (number("attempt", task.newest().into()), number("from", 1), number("limit", 500));
    let lines = task.lines.iter().filter(|(of, line)| u64::from(*of) == attempt && line["n"].as_u64().unwrap() >= from);
    let items: Vec<Value> = lines.map(|(_, line)| line.clone()).collect();
    let next = (items.len() as u64 > limit).then(|| (from + limit).to_string());
    (200, json!({ "items": items.into_iter().take(limit as usize).collect::<Vec<_>>(), "next": next, "total": null }))
}

/// Tells the lines of a task after the last one that was heard, as they come, and its end.
fn events(stream: &UnixStream, shared: &(Mutex<State>, Condvar), task: i64, last: Option<&String>) {
    let mut out = stream;
    let mut state = shared.0.lock().unwrap();
    let Some(found) = state.tasks.get(&task) else {
        let body = unknown("task", &task.to_string()).1.to_string();
        let _ = write!(out, "HTTP/1.1 404 X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        return;
    };
    let mut after: (u32, u64) = match last.and_then(|last| last.split_once('.')) {
        Some((attempt, n)) => (attempt.parse().unwrap(), n.parse().unwrap()),
        None => (found.newest(), 0),
    };
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    if out.write_all(format!("{head}{}", chunk(": hello\nretry: 1000\n\n")).as_bytes()).is_err() {
        return;
    }
    let mut told = 0;
    loop {
        if state.stopped {
            return;
        }
        let task = &state.tasks[&task];
        let line = task.lines.iter().find(|(attempt, line)| (*attempt, line["n"].as_u64().unwrap()) > after).cloned();
        let ended = !["waiting", "running", "out-of-contact"].contains(&task.view["state"].as_str().unwrap());
        let text = match line {
            Some((attempt, line)) => {
                let n = line["n"].as_u64().unwrap();
                after = (attempt, n);
                told += 1;
                format!("event: line\nid: {attempt}.{n}\ndata: {line}\n\n")
            }
            None if ended => {
                let _ = out.write_all(
                    format!("{}0\r\n\r\n", chunk(&format!("event: ended\ndata: {}\n\n", task.view))).as_bytes(),
                );
                return;
            }
            None => {
                state = shared.1.wait_timeout(state, Duration::from_millis(200)).unwrap().0;
                continue;
            }
        };
        if state.cuts.first() == Some(&told) {
            state.cuts.remove(0);
            // In the middle of the event.
            let half = &text[..text.len() / 2];
            let _ = out.write_all(chunk(half).as_bytes());
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        drop(state);
        if out.write_all(chunk(&text).as_bytes()).is_err() {
            return;
        }
        state = shared.0.lock().unwrap();
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A site as lists show it.
pub fn site(name: &str, changes: &Value) -> Value {
    let mut site = json!({
        "id": 7, "kind": "site", "name": name, "title": name, "status": "enabled", "client": "admin",
        "created": 0, "changed": 0, "verified": 0, "revision": 1, "platform": "d10", "server": "localhost",
        "db_server": "localhost", "core": "10.3.6", "domains": [], "awaits_installer": false,
    });
    let fields: &Map<String, Value> = changes.as_object().unwrap();
    for (name, value) in fields {
        site[name] = value.clone();
    }
    site
}
