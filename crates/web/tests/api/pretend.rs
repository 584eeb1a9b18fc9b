//! The API over a front end that only pretends, for programs that try it out: `scripts/test-api`.
//!
//! Says `ADDRESS TOKEN` on one line, carries out what is queued, and ends when its standard input does.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a stage for tests")]

mod double;

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aegir_hosting::Permission;
use aegir_web::{Limits, Outside, Server, Ways};

use crate::double::Double;

struct Machine(Instant);

impl Outside for Machine {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        double::NOW.unsigned_abs()
    }

    fn user(&self, _: u32) -> Option<String> {
        None
    }

    fn tell(&self, what: &str) {
        eprintln!("{what}");
    }
}

#[tokio::main]
async fn main() {
    let double = Arc::new(Double::new());
    let token = double.token("pretend", Permission::ALL);
    let ways = Ways { socket: None, tcp: Some(([127, 0, 0, 1], 0).into()) };
    let outside = Arc::new(Machine(Instant::now()));
    // Whoever tries the API sends wrong tokens, and wants to see each refused.
    let limits = Limits { wrong_tokens: u32::MAX, ..Limits::default() };
    let server = Server::bind(double.clone(), outside, ways, limits).await.unwrap();
    println!("{} {token}", server.address().unwrap());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            double.carry_out();
        }
    });
    let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    server.serve(async { drop(end.await) }).await;
}
