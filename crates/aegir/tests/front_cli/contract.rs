//! The real API takes what the command line sends: every example is asked of it, over its own socket.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use aegir_hosting::view::{BackupView, ChangeView};
use aegir_hosting::{
    Actor, Answer, Call, Download, Effect, Front, Names, Once, OperationId, OwnKey, Pending, Permission, Queued,
    Refusal, Source,
};
use aegir_web::{Limits, Outside, Server, SocketWay, Ways};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::requests::{example, words};
use crate::support::said::Said;
use crate::support::{Lab, way};

/// A front end that takes everything in, writes it down, and has one task: 42, of two attempts.
#[derive(Default)]
struct Taker {
    calls: Mutex<Vec<Call>>,
    lines: Mutex<u64>,
    ended: Mutex<bool>,
}

impl Front for Taker {
    fn perform<'a>(&'a self, _: &'a Actor, call: Call) -> Pending<'a, Result<Answer, Refusal>> {
        let operation = call.operation.declaration();
        let answer = match (call.operation, operation.effect) {
            _ if call.dry_run => {
                Answer::WouldQueue { object: "@a.test".into(), requests: vec![json!({ "kind": "x" })] }
            }
            (OperationId::TaskShow, _) => Answer::Object(self.task()),
            (OperationId::TaskLog, _) => self.log(&call),
            (_, Effect::Lists) => Answer::Page { items: Vec::new(), next: None, total: Some(0) },
            (_, Effect::Queues) => Answer::Queued(Queued { task: 42, object: "@a.test".into(), known: false }),
            _ => Answer::Object(json!({})),
        };
        self.calls.lock().unwrap().push(call);
        Box::pin(async { Ok(answer) })
    }

    fn changed(&self) -> Pending<'_, ()> {
        Box::pin(async { tokio::time::sleep(Duration::from_millis(20)).await })
    }

    fn actor_of_token<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Option<Actor>, Refusal>> {
        Box::pin(async { Ok(None) })
    }

    fn secret_answer<'a>(&'a self, _: &'a Actor, _: i64) -> Pending<'a, Result<Option<Map<String, Value>>, Refusal>> {
        Box::pin(async { Ok(json!({ "login_link": "http://a.test/user/reset" }).as_object().cloned()) })
    }

    fn secret_waits<'a>(&'a self, _: &'a Actor, _: i64) -> Pending<'a, Result<bool, Refusal>> {
        Box::pin(async { Ok(true) })
    }

    fn changes<'a>(&'a self, _: &'a Actor, _: Option<i64>, _: usize) -> Pending<'a, Result<Vec<ChangeView>, Refusal>> {
        Box::pin(async { Ok(Vec::new()) })
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

    fn perform_once<'a>(&'a self, actor: &'a Actor, call: Call, _: &'a OwnKey) -> Pending<'a, Result<Once, Refusal>> {
        Box::pin(async move { Ok(Once::Done(self.perform(actor, call).await?)) })
    }
}

impl Taker {
    fn task(&self) -> Value {
        let attempt = |number: u32| json!({ "id": "a", "number": number, "state": "ended", "started": 0, "changed": true, "lines": 2 });
        let state = if *self.ended.lock().unwrap() { "succeeded" } else { "running" };
        json!({
            "id": 42, "operation": "site-login", "object": 7, "object_name": "@a.test", "state": state,
            "asked_by": "aegir", "server": "localhost", "queued": 0, "started": 0, "ended": 10,
            "attempts": [attempt(1), attempt(2)],
        })
    }

    fn log(&self, call: &Call) -> Answer {
        // In a query there are only texts.
        let number = |name: &str| {
            let given = call.parameters.get(name);
            given.and_then(|given| given.as_u64().or_else(|| given.as_str()?.parse().ok())).unwrap_or(1)
        };
        let last = if number("attempt") == 2 { *self.lines.lock().unwrap() } else { 2 };
        let lines = (number("from")..=last).take(number("limit") as usize);
        let items = lines.map(|n| {
            json!({ "attempt": number("attempt"), "n": n, "at": 0, "kind": "log", "level": "info", "text": format!("line {n}") })
        });
        Answer::Page { items: items.collect(), next: None, total: None }
    }
}

struct Machine;

impl Outside for Machine {
    fn now(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn unix_ms(&self) -> u64 {
        1_000
    }

    fn user(&self, uid: u32) -> Option<String> {
        Some(uid.to_string())
    }

    fn tell(&self, what: &str) {
        panic!("{what}");
    }
}

/// The real API on the socket of a home.
pub struct Served {
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Served {
    fn start(home: &Path, front: Arc<Taker>) -> Served {
        Served::begin(home, async || front)
    }

    /// With the front end that `begin` makes.
    pub fn begin<F: Front + 'static>(home: &Path, begin: impl AsyncFnOnce() -> Arc<F>) -> Served {
        let owner = std::fs::metadata(home).unwrap();
        let socket = SocketWay { path: home.join("run/aegir.sock"), owner: (owner.uid(), owner.gid()) };
        let ways = Ways { socket: Some(socket), ..Ways::default() };
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let front = runtime.block_on(begin());
        let server = runtime.block_on(Server::bind(front, Arc::new(Machine), ways, Limits::default())).unwrap();
        let serving = std::thread::spawn(move || runtime.block_on(server.serve(async { drop(stopped.await) })));
        Served { stop: Some(stop), serving: Some(serving) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.serving.take().unwrap().join().unwrap();
    }
}

/// A home with the folder for a socket.
pub fn home_for_a_front_end() -> Lab {
    let lab = Lab::bare(way());
    let run = lab.home().join("run");
    std::fs::create_dir(&run).unwrap();
    std::fs::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o750)).unwrap();
    lab.give(&lab.home());
    lab
}

fn stage() -> (Lab, Arc<Taker>, Served) {
    let lab = home_for_a_front_end();
    let front = Arc::new(Taker::default());
    let served = Served::start(&lab.home(), front.clone());
    (lab, front, served)
}

fn begin(lab: &Lab, typed: &[&str]) -> std::process::Child {
    let home = lab.home().display().to_string();
    let mut command = lab.as_user(&[&["--home", home.as_str()], typed].concat());
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    crate::support::spawn(command.stderr(std::process::Stdio::piped()))
}

pub fn aegir(lab: &Lab, typed: &[&str]) -> Said {
    Said::whole(begin(lab, typed), typed)
}

#[test]
fn the_api_reads_each_example_as_what_was_typed() {
    let (lab, front, _served) = stage();
    let secret = lab.home().join("secret");
    std::fs::write(&secret, "a long secret\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    lab.give(&secret);
    for id in OperationId::ALL {
        let operation = id.declaration();
        let line = example(&operation).0.replace("SECRET", &secret.display().to_string());
        let typed = words(line.trim().strip_prefix("aegir ").unwrap());
        front.calls.lock().unwrap().clear();

        let said = aegir(&lab, &typed.iter().map(String::as_str).collect::<Vec<_>>());

        assert_eq!(said.code, 0, "{}", said.all());
        let call = front.calls.lock().unwrap().first().cloned().unwrap_or_else(|| panic!("{}", said.all()));
        assert_eq!(call.operation, id, "{line}");
        assert_eq!(call.name.is_some(), !matches!(operation.names, Names::None), "{line}");
        assert_eq!(call.dry_run, line.contains("--dry-run"));
        let given = operation.read(&call.parameters).unwrap_or_else(|bad| panic!("{line}: {bad}"));
        assert!(operation.parameters.iter().all(|parameter| given.has(parameter.name)), "{line}");
    }
}

#[test]
fn a_task_is_followed_through_the_api_and_its_restart() {
    let (lab, front, served) = stage();
    let typed = ["task", "follow", "42"];
    *front.lines.lock().unwrap() = 300;
    let child = begin(&lab, &typed);
    std::thread::sleep(Duration::from_millis(500));

    // It ends in order, and another one takes its place.
    drop(served);
    *front.lines.lock().unwrap() = 700;
    std::thread::sleep(Duration::from_millis(500));
    let _served = Served::start(&lab.home(), front.clone());
    *front.ended.lock().unwrap() = true;

    let said = Said::whole(child, &typed).done().says("Done: site-login of @a.test (task 42) succeeded");
    let told: Vec<u64> = said.out.lines().filter_map(|line| line.strip_prefix("line ")?.parse().ok()).collect();
    assert_eq!(told, (1..=700).collect::<Vec<_>>());
}

#[test]
fn what_the_api_tells_once_is_told() {
    let (lab, front, _served) = stage();
    *front.ended.lock().unwrap() = true;

    let said = aegir(&lab, &["site", "login", "a.test"]).done();

    assert_eq!(said.out, "http://a.test/user/reset\n");
}
