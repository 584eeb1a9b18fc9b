//! The disk that fills up: what is written in the home and by the database server has numbers, and some of them find no
//! room.

use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

/// How much was written, and when there is no room.
#[derive(Default)]
pub(super) struct Disk(Mutex<State>);

#[derive(Default)]
struct State {
    writes: u64,
    full: Range<u64>,
}

impl Disk {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts writes from 1 again, and has those with the numbers `full` find no room.
    pub(super) fn begin(&self, full: Range<u64>) {
        self.with(|state| *state = State { writes: 0, full });
    }

    pub(super) fn writes(&self) -> u64 {
        self.with(|state| state.writes)
    }

    /// Something is about to be written.
    pub(super) fn write(&self) -> io::Result<()> {
        let is_full = self.with(|state| {
            state.writes += 1;
            state.full.contains(&state.writes)
        });
        match is_full {
            true => Err(Errno::NOSPC.into()),
            false => Ok(()),
        }
    }
}
