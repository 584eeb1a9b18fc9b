//! The API on real sockets: with the real front end behind it, or with the double.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aegir_hosting::{Front, Permission};
use aegir_lab::pretend::{Furnished, PretendFront};
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

/// The API on a socket and on a port of loopback.
pub struct Served {
    pub machine: Arc<Machine>,
    pub address: SocketAddr,
    pub socket: PathBuf,
    pub home: TempDir,
    /// The token that `ask` and `follow` send, which may everything.
    pub token: String,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

/// The API with the double behind it: what breaks, is slow, or waits for a test.
pub struct Stage {
    pub double: Arc<Double>,
    served: Served,
}

/// The API with the real front end behind it, whose machines pretend: `web1`, `d10` and `a.test` are in service.
pub struct Real {
    pub front: PretendFront,
    served: Served,
}

/// Whose the home is in these tests.
pub fn me() -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::metadata("/proc/self").unwrap();
    (own.uid(), own.gid())
}

impl Deref for Stage {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Served {
        &mut self.served
    }
}

impl Deref for Real {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Stage {
        let (double, served) = Served::start(limits, async |_| {
            let double = Arc::new(Double::new());
            (double.clone(), double, "token-of-all".to_owned())
        });
        Stage { double, served }
    }

    /// A task that waits, of the site `a.test`.
    pub fn a_task(&self) -> i64 {
        self.ask("POST", "/api/v1/sites/a.test/verify", None).json()["task"].as_i64().unwrap()
    }
}

impl Real {
    /// With one site in service.
    pub fn new() -> Real {
        Real::with(async |front| front.first_site().await)
    }

    /// With something of everything.
    pub fn furnished() -> (Real, Furnished) {
        let mut found = None;
        let real = Real::with(async |front| found = Some(front.furnish().await));
        (real, found.unwrap())
    }

    fn with(begin: impl AsyncFnOnce(&PretendFront) + Send) -> Real {
        let (front, served) = Served::start(Limits::default(), async |home: &Path| {
            let front = PretendFront::in_folder(home).await;
            begin(&front).await;
            let token = front.token("all", &Permission::ALL).await;
            (front.clone(), Arc::new(front.hosting), token)
        });
        Real { front, served }
    }

    /// Has all that waits carried out.
    pub fn work(&self) {
        self.runtime.block_on(self.front.work());
    }
}

impl Served {
    /// Serves what `begin` makes in the folder of a home, until this goes.
    fn start<T: Send, F: Front + 'static>(
        limits: Limits,
        begin: impl AsyncFnOnce(&Path) -> (T, Arc<F>, String) + Send,
    ) -> (T, Served) {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("aegir.sock");
        let way = SocketWay { path: socket.clone(), owner: me() };
        let ways = Ways { socket: Some(way), tcp: Some(([127, 0, 0, 1], 0).into()), ..Ways::default() };
        let machine = Arc::new(Machine::default());
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (made, front, token) = runtime.block_on(begin(home.path()));
        let server = runtime.block_on(Server::bind(front, machine.clone(), ways, limits)).unwrap();
        let address = server.address().unwrap();
        let serving = std::thread::spawn(move || runtime.block_on(server.serve(async { drop(stopped.await) })));
        let served =
            Served { machine, address, socket, home, token, runtime: handle, stop: Some(stop), serving: Some(serving) };
        (made, served)
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
        self.talk().ask(request(method, path, &self.token, headers, body))
    }

    /// Follows events, with the token that may everything.
    pub fn follow(&self, path: &str, last: Option<&str>) -> Events {
        let headers: Vec<_> = last.into_iter().map(|last| ("Last-Event-ID", last)).collect();
        self.talk().follow(request("GET", path, &self.token, &headers, None))
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

impl Drop for Served {
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
