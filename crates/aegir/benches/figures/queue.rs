//! The whole queue: the program as it is released, asked over HTTP, with its control database, its back end, and sites
//! that are verified for good. `aegir serve` is a process of its own, whose memory is read.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::goal::{Goals, Times};
use crate::support::{Lab, free_port, until, way};

/// How many small sites there are.
const SITES: usize = 30;
/// How often all of them are verified.
const ROUNDS: usize = 4;
/// How often the way from a request to the first line of its task is measured.
const REQUESTS: usize = 200;

/// Measures it.
pub fn measure(goals: &mut Goals) {
    let lab = Lab::start(way());
    let front = FrontEnd::start(&lab);
    goals.memory("the front end's process with nothing in it", front.memory(), 40.0);

    lab.front(&["server", "add", "files", "--db", "sqlite"]).done();
    lab.front(&["platform", "add", "ten", "--demo"]).done();
    until("the platform is verified", || front.json("GET", "/platforms/ten")["verified"].is_i64());
    let sites: Vec<String> = (0..SITES).map(|number| format!("s{number:02}.localhost")).collect();
    for site in &sites {
        lab.front(&["site", "add", site, "--platform", "ten", "--db-server", "files", "--profile", "minimal"]).done();
    }
    let mut firsts = Vec::new();
    for number in 0..REQUESTS {
        firsts.push(front.first_line(&sites[number % SITES]));
    }
    let firsts = Times::from(firsts);
    goals.ninety_ninth("from a request to the first line of its task", &firsts, Duration::from_millis(100));

    // Once more what is read from disk for the first time.
    front.verify(&sites);
    let began = Instant::now();
    for _ in 0..ROUNDS {
        front.verify(&sites);
    }
    let each_second = (SITES * ROUNDS) as f64 / began.elapsed().as_secs_f64();
    goals.rate("verifies of small sites through the whole queue", each_second, 10.0);
    goals.memory("the front end's process after them", front.memory(), 150.0);
}

/// A running `aegir serve`.
struct FrontEnd {
    child: Child,
    api: SocketAddr,
    token: String,
}

impl FrontEnd {
    fn start(lab: &Lab) -> FrontEnd {
        let api = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let home = lab.home().display().to_string();
        let mut line = lab.as_user(&["--home", &home, "serve", "--api", &api.to_string()]);
        let child = line.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the front end answers", || TcpStream::connect(api).is_ok());
        let token = lab.front(&["token", "add", "bench", "--scope", "view", "--scope", "operate"]).done();
        FrontEnd { child, api, token: token.out.trim().to_owned() }
    }

    /// Asks, and gives the stream behind the head of the answer.
    fn ask(&self, method: &str, path: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.api).unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "{method} /api/v1{path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 0\r\n\r\n",
            self.token
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        assert!(line.contains(" 200 ") || line.contains(" 202 "), "{method} {path}: {line}");
        while line.trim() != "" {
            line.clear();
            answer.read_line(&mut line).unwrap();
        }
        answer
    }

    fn json(&self, method: &str, path: &str) -> Value {
        let mut text = String::new();
        self.ask(method, path).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{method} {path}: {fault}: {text}"))
    }

    /// Queues a verify, and gives how long it took until the first line of its task came.
    fn first_line(&self, site: &str) -> Duration {
        let began = Instant::now();
        let task = self.json("POST", &format!("/sites/{site}/verify"))["task"].as_i64().unwrap();
        let mut first = None;
        for line in self.ask("GET", &format!("/tasks/{task}/events")).lines().map_while(Result::ok) {
            if line.starts_with("event: line") || line.starts_with("event:line") {
                first = first.or(Some(began.elapsed()));
            }
            if line.starts_with("event: ended") || line.starts_with("event:ended") {
                break;
            }
        }
        first.expect("it says something")
    }

    /// Has all of `sites` verified, and waits until nothing waits or runs.
    fn verify(&self, sites: &[String]) {
        for site in sites {
            self.json("POST", &format!("/sites/{site}/verify"));
        }
        loop {
            let queue = self.json("GET", "/queue");
            if queue["waiting"] == 0 && queue["running"] == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it takes now, in MB.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Its number: `setpriv` becomes what it starts.
    fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for FrontEnd {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_raw(self.process().cast_signed()).unwrap(),
            rustix::process::Signal::TERM,
        );
        let _ = self.child.wait();
    }
}
