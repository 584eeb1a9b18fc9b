//! The whole queue: the program as it is released, asked over HTTP, with its control database, its back end, and sites
//! that are verified for good. `aegir serve` is a process of its own, whose memory is read.

use std::io::BufRead;
use std::time::{Duration, Instant};

use crate::front_end::FrontEnd;
use crate::goal::{Goals, Times};
use crate::support::{Lab, until, way};

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
        firsts.push(first_line(&front, &sites[number % SITES]));
    }
    let firsts = Times::from(firsts);
    goals.ninety_ninth("from a request to the first line of its task", &firsts, Duration::from_millis(100));

    // Once more what is read from disk for the first time.
    verify(&front, &sites);
    let began = Instant::now();
    for _ in 0..ROUNDS {
        verify(&front, &sites);
    }
    let each_second = (SITES * ROUNDS) as f64 / began.elapsed().as_secs_f64();
    goals.rate("verifies of small sites through the whole queue", each_second, 10.0);
    goals.memory("the front end's process after them", front.memory(), 150.0);
}

/// Queues a verify, and gives how long it took until the first line of its task came.
fn first_line(front: &FrontEnd, site: &str) -> Duration {
    let began = Instant::now();
    let task = front.json("POST", &format!("/sites/{site}/verify"))["task"].as_i64().unwrap();
    let mut first = None;
    for line in front.ask("GET", &format!("/tasks/{task}/events")).lines().map_while(Result::ok) {
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
fn verify(front: &FrontEnd, sites: &[String]) {
    for site in sites {
        front.json("POST", &format!("/sites/{site}/verify"));
    }
    loop {
        let queue = front.json("GET", "/queue");
        if queue["waiting"] == 0 && queue["running"] == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
