//! The panel over the real front end, whose machines pretend, with a gate that counts who comes and can be shut.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aegir_domain::Password;
use aegir_hosting::{
    Actor, Factor, Invitation, NotLetIn, Opened, Outside as _, Pending, People, Permission, Refusal, Session, SignIn,
};
use aegir_lab::pretend::PretendFront;
use aegir_web::{Limits, Outside, PanelWay, Server, Ways};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

use crate::client::{Events, Reply, Talk};

/// The secret of somebody who may everything.
pub const ALL: &str = "all";
/// The secret of somebody who only looks.
pub const VIEWER: &str = "viewer";

struct Machine(Instant, PretendFront);

impl Outside for Machine {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        self.1.outside.now().unsigned_abs()
    }

    fn user(&self, _: u32) -> Option<String> {
        None
    }

    fn tell(&self, what: &str) {
        eprintln!("{what}");
    }
}

/// Who comes in.
#[derive(Default)]
pub struct Gate {
    /// How often a session was used.
    pub uses: AtomicU64,
    /// How often it was only asked whether one holds.
    pub peeks: AtomicU64,
    /// Whether all sessions have ended.
    pub shut: AtomicBool,
}

impl Gate {
    fn whose(&self, secret: &str) -> Option<Session> {
        let may: &[Permission] = match secret {
            _ if self.shut.load(Ordering::SeqCst) => return None,
            ALL => &Permission::ALL,
            VIEWER => &[Permission::View],
            _ => return None,
        };
        let actor = Actor { may: may.iter().copied().collect(), ..Actor::of_machine(secret) };
        Some(Session { id: 1, account: secret.into(), actor, has_factor: false })
    }
}

fn not_asked<T: Send>() -> Pending<'static, Result<T, NotLetIn>> {
    Box::pin(async { Err(NotLetIn::Wrong) })
}

impl People for Gate {
    fn link<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Option<Invitation>, Refusal>> {
        Box::pin(async { Ok(None) })
    }

    fn enter<'a>(&'a self, _: &'a str, _: Password, _: &'a str) -> Pending<'a, Result<Opened, NotLetIn>> {
        not_asked()
    }

    fn sign_in<'a>(&'a self, _: SignIn, _: &'a str) -> Pending<'a, Result<Opened, NotLetIn>> {
        not_asked()
    }

    fn session<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Session>, Refusal>> {
        self.uses.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(self.whose(secret)) })
    }

    fn peek<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Session>, Refusal>> {
        self.peeks.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(self.whose(secret)) })
    }

    fn sign_out<'a>(&'a self, _: &'a Session) -> Pending<'a, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }

    fn change_password<'a>(&'a self, _: &'a Session, _: Password, _: Password) -> Pending<'a, Result<(), NotLetIn>> {
        not_asked()
    }

    fn offer_factor<'a>(&'a self, _: &'a Session) -> Pending<'a, Result<Factor, NotLetIn>> {
        not_asked()
    }

    fn confirm_factor<'a>(&'a self, _: &'a Session, _: &'a str) -> Pending<'a, Result<Vec<String>, NotLetIn>> {
        not_asked()
    }

    fn drop_factor<'a>(&'a self, _: &'a Session, _: Password) -> Pending<'a, Result<(), NotLetIn>> {
        not_asked()
    }
}

/// A panel that is served until it goes.
pub struct Panel {
    pub front: PretendFront,
    pub gate: Arc<Gate>,
    address: SocketAddr,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    /// Ends the dispatcher when it goes.
    pub working: Option<watch::Sender<bool>>,
    _home: TempDir,
}

impl Panel {
    /// Over what `begin` makes of an empty front end.
    pub fn over(begin: impl AsyncFnOnce(&PretendFront)) -> Panel {
        Panel::with(Limits::default(), begin)
    }

    /// The same, within other bounds.
    pub fn with(limits: Limits, begin: impl AsyncFnOnce(&PretendFront)) -> Panel {
        let home = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let front = runtime.block_on(made(home.path(), begin));
        let gate = Arc::new(Gate::default());
        let ways = Ways {
            tcp: Some(([127, 0, 0, 1], 0).into()),
            panel: Some(PanelWay { people: gate.clone(), host: None }),
            ..Ways::default()
        };
        let machine = Arc::new(Machine(Instant::now(), front.clone()));
        let bound = Server::bind(Arc::new(front.hosting.clone()), machine, ways, limits);
        let server = runtime.block_on(bound).unwrap();
        let address = server.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        std::thread::spawn(move || runtime.block_on(server.serve(async { drop(stopped.await) })));
        Panel { front, gate, address, runtime: handle, stop: Some(stop), working: None, _home: home }
    }

    /// Does something with its front end.
    pub fn does<T>(&self, act: impl Future<Output = T>) -> T {
        self.runtime.block_on(act)
    }

    /// Has what is queued carried out from now on.
    pub fn works(&mut self) {
        let (stop, told) = watch::channel(false);
        let front = self.front.clone();
        self.runtime.spawn(async move { front.work_until(told).await });
        self.working = Some(stop);
    }

    /// A page, as the holder of a session sees it.
    pub fn as_(&self, secret: &str, path: &str) -> Reply {
        Talk::tcp(self.address).ask(request(path, secret, &[]))
    }

    /// A page that is there, as whoever may everything sees it.
    pub fn page(&self, path: &str) -> String {
        let reply = self.as_(ALL, path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// A stream.
    pub fn follow(&self, path: &str, last: Option<&str>) -> Events {
        let headers: Vec<_> = last.into_iter().map(|last| ("Last-Event-ID", last)).collect();
        Talk::tcp(self.address).follow(request(path, ALL, &headers))
    }

    /// What comes of a file that is sent in pieces, without its head.
    pub fn download(&self, path: &str) -> String {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        let asked = request(path, ALL, &[("Connection", "close")]);
        stream.write_all(asked.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let mut text = String::new();
        let mut rest = body;
        while let Some((size, chunk)) = rest.split_once("\r\n") {
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                return text;
            }
            text += &chunk[..size];
            rest = &chunk[size + 2..];
        }
        panic!("the file breaks off");
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

async fn made(home: &Path, begin: impl AsyncFnOnce(&PretendFront)) -> PretendFront {
    let front = PretendFront::in_folder(home).await;
    begin(&front).await;
    front
}

fn request(path: &str, secret: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-aegir={secret}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n"
}

/// What stands between `from` and `to`, each time.
pub fn between<'a>(page: &'a str, from: &'a str, to: &'a str) -> Vec<&'a str> {
    page.split(from).skip(1).filter_map(|rest| rest.split_once(to)).map(|(text, _)| text).collect()
}
