//! Ctrl-C, `kill` and a closed terminal, as an answer to "shall I stop?".

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::supervise::StopRequest;

/// Remembers SIGINT, SIGTERM and SIGHUP from the moment it is made.
///
/// The first asks for an orderly stop; any after it, once the first was seen, for one at once.
#[derive(Debug)]
pub struct Signals {
    came: Arc<AtomicBool>,
    asked: Cell<StopRequest>,
}

impl Signals {
    /// Begins to listen; from now on these signals no longer end the process by themselves.
    pub fn listen() -> io::Result<Signals> {
        let came = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&came))?;
        }
        Ok(Signals { came, asked: Cell::new(StopRequest::No) })
    }

    /// What was asked for so far.
    pub fn asked(&self) -> StopRequest {
        if self.came.swap(false, Ordering::Relaxed) {
            self.asked.set(match self.asked.get() {
                StopRequest::No => StopRequest::Orderly,
                StopRequest::Orderly | StopRequest::AtOnce => StopRequest::AtOnce,
            });
        }
        self.asked.get()
    }
}
