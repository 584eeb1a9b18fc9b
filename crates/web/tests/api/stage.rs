//! The API on real sockets, with the double behind it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aegir_web::{Limits, Outside, Server, SocketWay, WayFault, Ways};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::client::{Events, Reply, Talk};
use crate::double::{Double, NOW};

/// A machine: its hour, its users, and what was written to its log.
#[derive(Default)]
pub struct Machine {
    pub told: Mutex<Vec<String>>,
}

impl Outside for Machine {
    fn now(&self) -> Duration {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        BEGAN.get_or_init(Instant::now).elapsed()
    }

    fn unix_ms(&self) -> u64 {
        NOW.unsigned_abs()
    }

    fn user(&self, uid: u32) -> Option<String> {
        (uid == 0).then(|| "root".to_owned())
    }

    fn tell(&self, what: &str) {
        self.told.lock().unwrap().push(what.to_owned());
    }
}

pub struct Stage {
    pub double: Arc<Double>,
    pub machine: Arc<Machine>,
    pub address: SocketAddr,
    pub socket: PathBuf,
    pub home: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

/// Whose the home is in these tests.
pub fn me() -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::metadata("/proc/self").unwrap();
    (own.uid(), own.gid())
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Stage {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("aegir.sock");
        let way = SocketWay { path: socket.clone(), owner: me() };
        let ways = Ways { socket: Some(way), tcp: Some(([127, 0, 0, 1], 0).into()) };
        let double = Arc::new(Double::new());
        let machine = Arc::new(Machine::default());
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let (front, outside) = (double.clone(), machine.clone());
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind(front, outside, ways, limits).await.unwrap();
                bound.send(server.address().unwrap()).unwrap();
                server.serve(async { drop(stopped.await) }).await;
            });
        });
        let address = address.recv().unwrap();
        Stage { double, machine, address, socket, home, stop: Some(stop), serving: Some(serving) }
    }

    /// A connection over TCP.
    pub fn talk(&self) -> Talk {
        Talk::tcp(self.address)
    }

    /// Asks once, with the token that may everything.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.ask_with(method, path, &[], body)
    }

    /// The same, with more headers.
    pub fn ask_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Reply {
        self.talk().ask(request(method, path, "token-of-all", headers, body))
    }

    /// Follows events, with the token that may everything.
    pub fn follow(&self, path: &str, last: Option<&str>) -> Events {
        let headers: Vec<_> = last.into_iter().map(|last| ("Last-Event-ID", last)).collect();
        self.talk().follow(request("GET", path, "token-of-all", &headers, None))
    }

    /// A task that waits, of the site `a.test`.
    pub fn a_task(&self) -> i64 {
        self.ask("POST", "/api/v1/sites/a.test/verify", None).json()["task"].as_i64().unwrap()
    }

    /// Tells the server to end; it goes on with what was begun.
    pub fn tell_to_end(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the server has ended.
    pub fn join(&mut self) {
        self.tell_to_end();
        if let Some(serving) = self.serving.take() {
            serving.join().unwrap();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tell_to_end();
    }
}

/// A whole request.
pub fn request(method: &str, path: &str, token: &str, headers: &[(&str, &str)], body: Option<&Value>) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    match body {
        None => text + "\r\n",
        Some(body) => {
            let body = body.to_string();
            text + &format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }
    }
}

/// Tries to open ways in.
pub fn bind(ways: Ways) -> Result<(), WayFault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bound = Server::bind(Arc::new(Double::new()), Arc::new(Machine::default()), ways, Limits::default());
    runtime.block_on(bound).map(drop)
}

/// Waits until `holds`, which it must within some seconds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it never came to be that {what}");
}
