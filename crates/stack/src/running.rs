//! Whether a stack runs in a home, seen from outside; and having it end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_host::locks::{holder, is_free, processes_at};
use rustix::process::Signal;

use crate::daemon::{signal_one, wait_until};
use crate::fault::StackFault;
use crate::process_table::{self, Seen};

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
        let lock = lock_of(home);
        if !lock.exists() || is_free(&lock).map_err(StackFault::Lock)? {
            return Ok(None);
        }
        let pid = holder(&lock).parse().unwrap_or(0);
        Ok(Some(Running { pid, program: process_table::command_line(pid) }))
    }

    /// Asks it to end in order, and waits until it let go of `home`.
    pub fn end(&self, home: &Path) -> Result<(), StackFault> {
        match self.signal(home, Signal::TERM, PATIENCE)? {
            true => Ok(()),
            false => Err(StackFault::StaysUp { pid: self.pid, seconds: PATIENCE.as_secs() }),
        }
    }

    /// Sends it a signal, and says whether it let go of `home` in time.
    ///
    /// Only the process that holds the home's lock is sent one: a number in a file proves nothing.
    pub(crate) fn signal(&self, home: &Path, signal: Signal, patience: Duration) -> Result<bool, StackFault> {
        let own = std::process::id().cast_signed();
        if self.pid <= 1 || self.pid == own || !is_ours(&lock_of(home), self.pid) {
            return Err(self.in_use(home));
        }
        signal_one(self.pid, signal);
        Ok(wait_until(patience, || matches!(Running::find(home), Ok(None))))
    }

    /// That it has `home`.
    pub(crate) fn in_use(&self, home: &Path) -> StackFault {
        StackFault::InUse { home: home.to_owned(), pid: self.pid, program: self.program.clone() }
    }
}

/// The lock of `home`. `run` can be a link to a shorter path.
fn lock_of(home: &Path) -> PathBuf {
    home.join("run/up.lock")
}

/// Whether `pid` is an `aegir` that holds the lock `path`. What a file says, or links to, proves nothing:
/// root must not be made to end a process of somebody else.
fn is_ours(path: &Path, pid: i32) -> bool {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    let holds = u32::try_from(pid).is_ok_and(|pid| processes_at(path).contains(&pid));
    let runs = Seen::of(pid).and_then(|seen| seen.program()).is_some_and(|program| program.starts_with("aegir"));
    is_file && holds && runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use aegir_host::locks::try_take_one;

    #[test]
    fn nobody_is_ended_for_a_number_in_a_file_or_a_link_to_what_they_have_open() {
        let dir = tempfile::tempdir().unwrap();
        let own = std::process::id().cast_signed();
        let lock = dir.path().join("up.lock");
        let _held = try_take_one(&lock, "", false).unwrap().unwrap();

        assert!(is_ours(&lock, own), "this program's name begins as ours does");
        assert!(!is_ours(&lock, 1));
        std::os::unix::fs::symlink(&lock, dir.path().join("link")).unwrap();
        assert!(!is_ours(&dir.path().join("link"), own));
        std::fs::write(dir.path().join("other"), own.to_string()).unwrap();
        assert!(!is_ours(&dir.path().join("other"), own));
    }

    #[test]
    fn down_ends_nobody_whom_only_a_file_names() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("run")).unwrap();
        let _held = try_take_one(&home.path().join("run/up.lock"), "1", false).unwrap().unwrap();

        let found = Running::find(home.path()).unwrap().unwrap();

        assert_eq!(found.pid, 1);
        assert!(matches!(found.end(home.path()), Err(StackFault::InUse { pid: 1, .. })));
    }
}
