//! The panel over the real front end, whose machines pretend, with a gate that counts who comes and can be shut.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use aegir_lab::pretend::PretendFront;
use aegir_web::{Limits, PanelWay, Server, Ways};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

use crate::client::{Events, Reply, Talk};
use crate::gate::{ADMIN, Gate};
use crate::machine::Machine;

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
        let machine = Arc::new(Machine::of(&front));
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
        let reply = self.as_(ADMIN, path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// A stream.
    pub fn follow(&self, path: &str, last: Option<&str>) -> Events {
        let headers: Vec<_> = last.into_iter().map(|last| ("Last-Event-ID", last)).collect();
        Talk::tcp(self.address).follow(request(path, ADMIN, &headers))
    }

    /// What comes of a file that is sent in pieces, without its head.
    pub fn download(&self, path: &str) -> String {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        let asked = request(path, ADMIN, &[("Connection", "close")]);
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
