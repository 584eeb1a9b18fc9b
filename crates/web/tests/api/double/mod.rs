//! A second front end, which keeps everything in memory: what the API does over HTTP is tested against it.
//!
//! It answers as `hosting` promises: permission first, then parameters by the declaration, then what is asked.
//! Its clock stands still, so that answers can be compared.

#![allow(clippy::unwrap_used, dead_code, reason = "a test ends where its stage cannot be set; not each test needs all")]

mod ask;
mod shown;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use aegir_domain::FaultReport;
use aegir_hosting::view::{AuditView, BackupView, ChangeView, FieldView, LineView};
use aegir_hosting::{
    Actor, Answer, Call, Door, Download, Front, Once, OwnKey, Pending, Permission, Permissions, Refusal, Source,
};
use serde_json::{Map, Value};
use tokio::sync::{Notify, Semaphore};

/// The hour at which everything happens.
pub const NOW: i64 = 1_700_000_000_000;

/// A front end in memory.
pub struct Double {
    state: Mutex<State>,
    changed: Notify,
    /// What asks for the site `slow.test` waits for a permit.
    pub gate: Semaphore,
}

#[derive(Clone, Default)]
pub struct State {
    pub nodes: BTreeMap<i64, Node>,
    pub tasks: BTreeMap<i64, Task>,
    pub tokens: BTreeMap<String, Token>,
    pub settings: BTreeMap<String, Value>,
    pub fields: BTreeMap<(String, String), FieldView>,
    pub changes: Vec<ChangeView>,
    pub audit: Vec<AuditView>,
    pub paused: bool,
    keys: HashMap<(String, String), Keyed>,
    last_node: i64,
    last_change: i64,
}

#[derive(Clone)]
struct Keyed {
    request: Vec<u8>,
    answer: Option<(u16, String)>,
}

#[derive(Clone)]
pub struct Node {
    pub kind: &'static str,
    pub name: String,
    pub status: &'static str,
    pub title: String,
    pub on: String,
    pub revision: u64,
}

#[derive(Clone)]
pub struct Task {
    pub operation: String,
    pub object: i64,
    pub object_name: String,
    pub state: &'static str,
    pub asked_by: String,
    pub parameters: Value,
    pub attempts: Vec<Vec<LineView>>,
    pub secret: Option<Map<String, Value>>,
}

#[derive(Clone)]
pub struct Token {
    pub secret: String,
    pub scopes: Permissions,
    pub made_by: String,
}

impl Double {
    /// With nothing but a server, a platform, a site and a token that may everything: `all`.
    pub fn new() -> Double {
        let double = Double { state: Mutex::default(), changed: Notify::new(), gate: Semaphore::new(0) };
        let mut state = double.state();
        state.node("server", "@server_web1", "");
        state.node("platform", "@platform_d10", "web1");
        state.node("site", "@a.test", "d10");
        state.token("all", Permissions::all());
        drop(state);
        double
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A token with these scopes; its text.
    pub fn token(&self, label: &str, scopes: impl IntoIterator<Item = Permission>) -> String {
        self.state().token(label, scopes.into_iter().collect())
    }

    /// Has a task begin an attempt.
    pub fn begin(&self, task: i64) {
        let mut state = self.state();
        let begun = state.tasks.get_mut(&task).unwrap();
        begun.state = "running";
        begun.attempts.push(Vec::new());
        state.change(task, "task", "started");
        self.changed.notify_waiters();
    }

    /// Has its newest attempt say `texts`.
    pub fn say(&self, task: i64, texts: impl IntoIterator<Item = String>) {
        let mut state = self.state();
        let attempts = &mut state.tasks.get_mut(&task).unwrap().attempts;
        let attempt = u32::try_from(attempts.len()).unwrap();
        let lines = attempts.last_mut().unwrap();
        for text in texts {
            let n = lines.len() as u64 + 1;
            let level = Some("info".to_owned());
            lines.push(LineView { attempt, n, at: NOW, kind: "log".into(), level, text, output: None });
        }
        state.change(task, "task", "lines");
        self.changed.notify_waiters();
    }

    /// Has a task end so.
    pub fn end(&self, task: i64, how: &'static str) {
        let mut state = self.state();
        state.tasks.get_mut(&task).unwrap().state = how;
        state.change(task, "task", "ended");
        self.changed.notify_waiters();
    }

    /// How many requests with a key are not answered yet.
    pub fn underway(&self) -> usize {
        self.state().keys.values().filter(|keyed| keyed.answer.is_none()).count()
    }

    /// Carries out all that waits, at once.
    pub fn carry_out(&self) {
        let waiting = |task: &(&i64, &Task)| task.1.state == "waiting";
        let tasks: Vec<i64> = self.state().tasks.iter().filter(waiting).map(|(task, _)| *task).collect();
        for task in tasks {
            self.begin(task);
            self.say(task, ["checked".into(), "done".into()]);
            let mut state = self.state();
            let ended = state.tasks.get_mut(&task).unwrap();
            if ended.operation == "site-login" {
                ended.secret = Some(Map::from_iter([("link".into(), "http://a.test/user/reset/1/2/3".into())]));
            }
            let (object, goes) =
                (ended.object, ended.operation.ends_with("delete") || ended.operation.ends_with("forget"));
            if let Some(node) = state.nodes.get_mut(&object) {
                node.status = if goes { "deleted" } else { "enabled" };
            }
            drop(state);
            self.end(task, "succeeded");
        }
    }

    /// Clears all changes away but the newest `kept`.
    pub fn prune(&self, kept: usize) {
        let mut state = self.state();
        let from = state.changes.len().saturating_sub(kept);
        state.changes.drain(..from);
    }
}

impl State {
    fn number(&mut self) -> i64 {
        self.last_node += 1;
        self.last_node
    }

    pub fn node(&mut self, kind: &'static str, name: &str, on: &str) -> i64 {
        let number = self.number();
        let node = Node { kind, name: name.into(), status: "enabled", title: name.into(), on: on.into(), revision: 1 };
        self.nodes.insert(number, node);
        self.change(number, kind, "made");
        number
    }

    pub fn task(&mut self, operation: &str, object: i64, asked_by: &str, parameters: Value) -> i64 {
        let number = self.number();
        let object_name = self.nodes.get(&object).map_or_else(String::new, |node| node.name.clone());
        let task = Task {
            operation: operation.into(),
            object,
            object_name,
            state: "waiting",
            asked_by: asked_by.into(),
            parameters,
            attempts: Vec::new(),
            secret: None,
        };
        self.tasks.insert(number, task);
        self.change(number, "task", "queued");
        number
    }

    pub fn token(&mut self, label: &str, scopes: Permissions) -> String {
        let secret = format!("token-of-{label}");
        let token = Token { secret: secret.clone(), scopes, made_by: "aegir".into() };
        self.tokens.insert(label.into(), token);
        secret
    }

    pub fn change(&mut self, node: i64, kind: &str, what: &str) {
        self.last_change += 1;
        let number = self.last_change;
        self.changes.push(ChangeView { number, at: NOW, node, kind: kind.into(), what: what.into() });
    }
}

impl Front for Double {
    fn perform<'a>(&'a self, actor: &'a Actor, call: Call) -> Pending<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            match call.name.as_deref() {
                Some("slow.test") => drop(self.gate.acquire().await),
                Some("broken.test") => panic!("a fault that no caller may read"),
                Some("store.test") => {
                    let because = vec!["disk full".into()];
                    return Err(Refusal::Store(FaultReport { message: "cannot write".into(), because, remedy: None }));
                }
                Some("lost.test") => return Err(Refusal::Lost(shown::lost())),
                _ => (),
            }
            let operation = call.operation.declaration();
            let (slug, object) = (operation.name(), call.name.clone());
            let answer = ask::perform(&mut self.state(), actor, call);
            let door = match actor.door {
                Door::Machine => "machine",
                Door::Token => "token",
                Door::Panel => "panel",
                Door::Own => "own",
            };
            let said = answer.as_ref().map_or_else(Refusal::word, |_| "done").to_owned();
            let audited = AuditView {
                at: NOW,
                actor: actor.name.clone(),
                door: door.into(),
                operation: slug,
                object,
                answer: said,
                parameters: None,
            };
            self.state().audit.push(audited);
            if !operation.reads() {
                self.changed.notify_waiters();
            }
            answer
        })
    }

    fn actor_of_token<'a>(&'a self, token: &'a str) -> Pending<'a, Result<Option<Actor>, Refusal>> {
        Box::pin(async move {
            let state = self.state();
            let mut found = (1..).zip(&state.tokens).filter(|(_, (_, known))| known.secret == token);
            Ok(found.next().map(|(number, (label, known))| Actor::of_token(number, label, known.scopes)))
        })
    }

    fn secret_answer<'a>(
        &'a self,
        actor: &'a Actor,
        task: i64,
    ) -> Pending<'a, Result<Option<Map<String, Value>>, Refusal>> {
        Box::pin(async move {
            let mut state = self.state();
            let task = state.tasks.get_mut(&task).filter(|task| task.asked_by == actor.name);
            Ok(task.and_then(|task| task.secret.take()))
        })
    }

    fn secret_waits<'a>(&'a self, actor: &'a Actor, task: i64) -> Pending<'a, Result<bool, Refusal>> {
        Box::pin(async move {
            let state = self.state();
            let task = state.tasks.get(&task).filter(|task| task.asked_by == actor.name);
            Ok(task.is_some_and(|task| task.secret.is_some()))
        })
    }

    fn changes<'a>(
        &'a self,
        actor: &'a Actor,
        since: Option<i64>,
        limit: usize,
    ) -> Pending<'a, Result<Vec<ChangeView>, Refusal>> {
        Box::pin(async move {
            actor.must(Permission::View)?;
            let state = self.state();
            let told = |what: &str| {
                vec![ChangeView { number: state.last_change, at: NOW, node: 0, kind: String::new(), what: what.into() }]
            };
            let oldest = state.changes.first().map_or(state.last_change + 1, |change| change.number);
            Ok(match since {
                None => told("now"),
                Some(since) if since + 1 < oldest => told("reset"),
                Some(since) => {
                    state.changes.iter().filter(|change| change.number > since).take(limit).cloned().collect()
                }
            })
        })
    }

    fn changed(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            // What changed before this call is found by whoever looks again after a second.
            let _ = tokio::time::timeout(Duration::from_millis(200), self.changed.notified()).await;
        })
    }

    fn archive<'a>(
        &'a self,
        actor: &'a Actor,
        backup: &'a str,
        _: Option<&'a str>,
    ) -> Pending<'a, Result<Download, Refusal>> {
        Box::pin(async move {
            actor.must(Permission::Manage)?;
            Err(Refusal::Unknown { what: "backup", name: backup.into() })
        })
    }

    fn take_archive<'a>(
        &'a self,
        actor: &'a Actor,
        backup: &'a str,
        _: Option<&'a str>,
        _: &'a mut dyn Source,
    ) -> Pending<'a, Result<BackupView, Refusal>> {
        Box::pin(async move {
            actor.must(Permission::Manage)?;
            Err(Refusal::Unknown { what: "backup", name: backup.into() })
        })
    }

    fn perform_once<'a>(&'a self, actor: &'a Actor, call: Call, own: &'a OwnKey) -> Pending<'a, Result<Once, Refusal>> {
        Box::pin(async move {
            let of = (actor.id.clone(), own.key.clone());
            let print = |keyed: &Keyed| keyed.request == own.print;
            match self.state().keys.get(&of) {
                Some(keyed) if !print(keyed) => return Ok(Once::Other),
                Some(Keyed { answer: Some((status, body)), .. }) => return Ok(Once::Answered(*status, body.clone())),
                Some(_) => return Ok(Once::Underway),
                None => (),
            }
            let first = Keyed { request: own.print.clone(), answer: None };
            self.state().keys.insert(of.clone(), first);
            // Also where a fault of the program ends it.
            let taken = Taken(self, of.clone());
            let operation = call.operation.declaration();
            let answer = self.perform(actor, call).await;
            if let Some(kept) = (own.kept)(&operation, answer.as_ref())
                && let Some(keyed) = self.state().keys.get_mut(&of)
            {
                keyed.answer = Some(kept);
            }
            drop(taken);
            answer.map(Once::Done)
        })
    }
}

/// A key whose request is done just now.
struct Taken<'a>(&'a Double, (String, String));

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.keys.get(&self.1).is_some_and(|keyed| keyed.answer.is_none()) {
            state.keys.remove(&self.1);
        }
    }
}
