//! Ends all that runs for a home, and keeps anything new from starting: before the home goes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_host::Lock;
use aegir_host::locks::{processes_at, try_take_one};
use rustix::process::Signal;

use crate::daemon::{signal_one, wait_until};
use crate::fault::StackFault;
use crate::leftovers;
use crate::places::Places;
use crate::process_table::Seen;
use crate::running::Running;

/// How long an `aegir up` gets to end in order, with its tasks taken back; then at once; then it is killed.
const STAGES: [(Signal, Duration); 3] = [
    (Signal::TERM, Duration::from_secs(180)),
    (Signal::TERM, Duration::from_secs(20)),
    (Signal::KILL, Duration::from_secs(10)),
];

/// While it is held, no stack starts in the home.
#[derive(Debug)]
pub struct Ended {
    _lock: Option<Lock>,
}

/// Ends the stack of `home` (given without links), whoever keeps it, and what a killed one left.
///
/// Only the process that holds the home's lock is sent a signal: a number in a file proves nothing.
pub fn end(home: &Path, say: &dyn Fn(&str)) -> Result<Ended, StackFault> {
    let places = Places::of(home);
    let path = places.run.join("up.lock");
    for (stage, (signal, patience)) in STAGES.into_iter().enumerate() {
        let Some(running) = Running::find(home)? else { break };
        let in_use = || StackFault::InUse { home: home.to_owned(), pid: running.pid, program: running.program.clone() };
        if !is_ours(&path, running.pid) || running.pid <= 1 || running.pid == std::process::id().cast_signed() {
            return Err(in_use());
        }
        say(&match stage {
            0 => format!("ending `aegir up` (process {}): its tasks first, then its services", running.pid),
            1 => format!("process {} has not ended yet: ending it at once", running.pid),
            _ => format!("process {} does not end: killing it", running.pid),
        });
        signal_one(running.pid, signal);
        if wait_until(patience, || matches!(Running::find(home), Ok(None))) {
            break;
        }
        if stage + 1 == STAGES.len() {
            return Err(in_use());
        }
    }
    // Where there is no folder for the lock, no stack can be running.
    let lock = match places.run.is_dir() {
        false => None,
        true => match try_take_one(&path, &std::process::id().to_string(), false).map_err(StackFault::Lock)? {
            None => return Err(StackFault::InUse { home: home.to_owned(), pid: 0, program: None }),
            lock => lock,
        },
    };
    leftovers::end(&places, say)?;
    Ok(Ended { _lock: lock })
}

/// Whether `pid` is an `aegir` that holds the lock `path`. What a file says, or links to, proves nothing:
/// root must not be made to end a process of somebody else.
fn is_ours(path: &Path, pid: i32) -> bool {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    let holds = u32::try_from(pid).is_ok_and(|pid| processes_at(path).contains(&pid));
    let runs = Seen::of(pid).and_then(|seen| seen.program()).is_some_and(|program| program.starts_with("aegir"));
    is_file && holds && runs
}

/// Folders outside `home` (given without links) that are its own: for sockets, where its path is too long.
pub fn outside(home: &Path) -> Vec<PathBuf> {
    Places::of(home).outside()
}

/// The first process that is another user's and has the home, if we could not end it.
pub fn kept_by_another(home: &Path) -> Result<Option<Running>, StackFault> {
    let own = rustix::process::geteuid();
    let running = Running::find(home)?;
    let anothers = |running: &Running| {
        std::fs::metadata(format!("/proc/{}", running.pid)).is_ok_and(|found| found.uid() != own.as_raw())
    };
    Ok(running.filter(|running| !own.is_root() && anothers(running)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
