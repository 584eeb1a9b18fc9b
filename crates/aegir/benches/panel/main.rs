//! The panel's goals as figures: how long each page takes, over the fleet that the front end is measured with.
//!
//! 10,000 sites, 200 platforms and 1,000,000 tasks on SQLite, made by the store's own generator; `FLEET=small` makes a tenth
//! of it. Each page is asked for over one connection of loopback, by an account that signed in.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a real server and real time are what is measured")]

#[path = "../../../store/tests/store/fill.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod fill;
#[path = "../../../store/tests/store/ground.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod ground;
#[path = "../../../store/tests/store/postgres.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod postgres;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aegir_hosting::Outside as _;
use aegir_lab::pretend::PretendFront;
use aegir_web::{Limits, Outside, PanelWay, Server, Ways};
use fill::Fleet;
use tokio::sync::oneshot;

/// How often each page is asked for.
const RUNS: usize = 200;
/// What the 95th percentile is to stay below.
const GOAL: Duration = Duration::from_millis(50);

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

fn main() {
    let tenth = if std::env::var("FLEET").is_ok_and(|fleet| fleet == "small") { 10 } else { 1 };
    let fleet = Fleet { sites: 10_000 / tenth, platforms: 200 / tenth, tasks: 1_000_000 / tenth };
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let front = runtime.block_on(PretendFront::in_folder(home.path()));
    let filled = runtime.block_on(fill::fill(front.hosting.store(), fleet)).unwrap();
    let session = runtime.block_on(front.signed_in("anna")).secret;
    let name = |id| {
        let read = front.hosting.store().read(async |read| read.node(id).await);
        let node = runtime.block_on(read).unwrap().unwrap();
        node.name.unwrap().to_string().trim_start_matches(['@']).to_owned()
    };
    let site = name(filled.sites[filled.sites.len() / 2]);
    let platform = name(filled.platforms[0]).trim_start_matches("platform_").to_owned();
    let panel = Some(PanelWay { people: Arc::new(front.hosting.clone()), host: None });
    let ways = Ways { socket: None, tcp: Some(([127, 0, 0, 1], 0).into()), panel };
    let machine = Arc::new(Machine(Instant::now(), front.clone()));
    let server =
        runtime.block_on(Server::bind(Arc::new(front.hosting.clone()), machine, ways, Limits::default())).unwrap();
    let address = server.address().unwrap();
    let (_stop, stopped) = oneshot::channel::<()>();
    runtime.spawn(server.serve(async { drop(stopped.await) }));

    println!("{} sites, {} platforms, {} tasks on SQLite", fleet.sites, fleet.platforms, fleet.tasks);
    let mut missed = 0;
    for path in [
        "/",
        "/sites",
        "/sites?search=example",
        "/sites?platform=drupal_7&sort=-changed",
        &format!("/sites/{site}"),
        &format!("/sites/{site}/packages"),
        "/platforms",
        &format!("/platforms/{platform}"),
        "/servers",
        "/servers/web0",
        "/tasks",
        "/tasks?state=rolled-back",
        "/packages",
        "/found-sites",
        "/drift",
        "/queue",
        "/audit",
        "/settings",
        "/accounts",
        "/do/site-add",
    ] {
        missed += usize::from(!measure(address, session.expose(), path));
    }
    println!("{missed} goals missed");
}

/// How long a page takes, in a line; says whether that is within the goal.
fn measure(address: SocketAddr, session: &str, path: &str) -> bool {
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    let mut took = Vec::with_capacity(RUNS);
    let mut size = 0;
    for _ in 0..RUNS {
        let began = Instant::now();
        let host = format!("localhost:{}", address.port());
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: __Host-aegir={session}\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (status, body) = answer(&mut stream);
        took.push(began.elapsed());
        assert_eq!(status, 200, "{path}");
        size = body;
    }
    took.sort();
    let at = |percent: usize| took[took.len() * percent / 100].as_secs_f64() * 1e3;
    let met = took[took.len() * 95 / 100] < GOAL;
    let (word, p50, p95, most) = (if met { "OK  " } else { "MISS" }, at(50), at(95), at(99));
    println!("{word} {path}: p95 {p95:.1} ms (p50 {p50:.1} ms, p99 {most:.1} ms, {} KB)", size / 1024);
    met
}

/// The status of an answer, and how long its body is.
fn answer(stream: &mut BufReader<TcpStream>) -> (u16, usize) {
    let mut line = || {
        let mut text = String::new();
        stream.read_line(&mut text).unwrap();
        text
    };
    let status = line().split(' ').nth(1).unwrap().parse().unwrap();
    let mut length = 0;
    loop {
        let header = line().to_lowercase();
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status, length)
}
