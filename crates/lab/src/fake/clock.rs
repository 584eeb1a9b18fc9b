//! A clock that moves only when somebody waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aegir_host::Clock;

/// The moment at which every lab begins: 2026-01-02 03:04:05 UTC.
const BEGINNING: u64 = 1_767_323_045_000;

type Alarm = (Duration, Box<dyn FnOnce() + Send>);

/// A clock that moves only when somebody waits.
#[derive(Default)]
pub struct FakeClock {
    /// Milliseconds since the beginning.
    passed: AtomicU64,
    alarm: Mutex<Option<Alarm>>,
}

impl FakeClock {
    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.passed.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
        let due = self.alarm().take_if(|(at, _)| *at <= self.now());
        if let Some((_, act)) = due {
            act();
        }
    }

    /// Calls `act` once that much time has passed; in the place of what was to be called before.
    pub fn in_time(&self, time: Duration, act: impl FnOnce() + Send + 'static) {
        *self.alarm() = Some((self.now() + time, Box::new(act)));
    }

    fn alarm(&self) -> std::sync::MutexGuard<'_, Option<Alarm>> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes back to the beginning.
    pub fn rewind(&self) {
        self.passed.store(0, Ordering::SeqCst);
        *self.alarm() = None;
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
