//! Whether a stack runs in a home, seen from outside; and having it end.

use std::path::Path;
use std::time::Duration;

use aegir_host::locks::{holder, is_free};
use rustix::process::Signal;

use crate::daemon::{signal_one, wait_until};
use crate::fault::StackFault;
use crate::process_table;

/// An orderly end: what tasks take back, and each service's patience.
const PATIENCE: Duration = Duration::from_secs(180);

/// The process that keeps the stack of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its number; 0 if it wrote none yet.
    pub pid: i32,
    /// Its command line, where that can be read.
    pub program: Option<String>,
}

impl Running {
    /// Who keeps the stack of `home`, if anybody does.
    pub fn find(home: &Path) -> Result<Option<Running>, StackFault> {
        // `run` can be a link to a shorter path.
        let lock = home.join("run/up.lock");
        if !lock.exists() || is_free(&lock).map_err(StackFault::Lock)? {
            return Ok(None);
        }
        let pid = holder(&lock).parse().unwrap_or(0);
        Ok(Some(Running { pid, program: process_table::command_line(pid) }))
    }

    /// Asks it to end in order, and waits until it let go of `home`.
    pub fn end(&self, home: &Path) -> Result<(), StackFault> {
        if self.pid > 1 {
            signal_one(self.pid, Signal::TERM);
        }
        let gone = wait_until(PATIENCE, || matches!(Running::find(home), Ok(None)));
        if gone { Ok(()) } else { Err(StackFault::StaysUp { pid: self.pid, seconds: PATIENCE.as_secs() }) }
    }
}
