//! Ends all that runs for a home, and keeps anything new from starting: before the home goes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_host::Lock;
use aegir_host::locks::try_take_one;
use rustix::process::Signal;

use crate::fault::StackFault;
use crate::leftovers;
use crate::places::Places;
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
pub fn end(home: &Path, say: &dyn Fn(&str)) -> Result<Ended, StackFault> {
    let places = Places::of(home);
    let path = places.run.join("up.lock");
    for (stage, (signal, patience)) in STAGES.into_iter().enumerate() {
        let Some(running) = Running::find(home)? else { break };
        say(&match stage {
            0 => format!("ending `aegir up` (process {}): its tasks first, then its services", running.pid),
            1 => format!("process {} has not ended yet: ending it at once", running.pid),
            _ => format!("process {} does not end: killing it", running.pid),
        });
        if running.signal(home, signal, patience)? {
            break;
        }
        if stage + 1 == STAGES.len() {
            return Err(running.in_use(home));
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
