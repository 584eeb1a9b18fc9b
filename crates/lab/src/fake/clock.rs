//! A clock that moves only when somebody waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aegir_host::Clock;

/// The moment at which every lab begins: 2026-01-02 03:04:05 UTC.
const BEGINNING: u64 = 1_767_323_045_000;

/// A clock that moves only when somebody waits.
#[derive(Debug, Default)]
pub struct FakeClock {
    /// Milliseconds since the beginning.
    passed: AtomicU64,
}

impl FakeClock {
    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.passed.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }

    /// Goes back to the beginning.
    pub fn rewind(&self) {
        self.passed.store(0, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn unix_ms(&self) -> u64 {
        BEGINNING + self.passed.load(Ordering::SeqCst)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.passed.load(Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) {
        // What waits for less than a millisecond waits nevertheless.
        self.pass(duration.max(Duration::from_millis(1)));
    }
}
