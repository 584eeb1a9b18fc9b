//! What a front end whose machines pretend is served with: its own hour, no users, and the terminal as its log.

use std::time::{Duration, Instant};

use aegir_hosting::Outside as _;
use aegir_lab::pretend::PretendFront;
use aegir_web::Outside;

/// The machine that such a front end is served on.
pub struct Machine {
    began: Instant,
    front: PretendFront,
}

impl Machine {
    /// Of this front end.
    pub fn of(front: &PretendFront) -> Machine {
        Machine { began: Instant::now(), front: front.clone() }
    }
}

impl Outside for Machine {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        self.front.outside.now().unsigned_abs()
    }

    fn user(&self, _: u32) -> Option<String> {
        None
    }

    fn tell(&self, what: &str) {
        eprintln!("{what}");
    }
}
