//! Ends the tasks of a home: each is asked to take back what it did, named, and waited for.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use aegir_domain::Home;
use aegir_host::{Clock, FileFault, Files, SystemClock, locks};
use aegir_provision::inspect::{self, OpenTask, Standing};
use rustix::process::{Pid, Signal, kill_process};

use crate::speak::out;

/// How long all tasks together may take to take back what they did.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a killed process may take to be gone.
const DYING: Duration = Duration::from_secs(10);

/// Cancels what runs, and ends what does not end by that.
pub(super) fn tasks(home: &Home, files: &Files) -> Result<(), FileFault> {
    let open = inspect::open_tasks(home, files)?;
    let running: Vec<&OpenTask> = open.iter().filter(|task| task.standing == Standing::Running).collect();
    for task in &running {
        out(&format!("Attempt {} ({}) is running: it is cancelled, and taken back", task.folder.attempt, task.what));
        files.write(&task.folder.cancel(), b"", 0o600)?;
    }
    let until = SystemClock.now() + PATIENCE;
    for task in running {
        while lives(task) && SystemClock.now() < until {
            SystemClock.sleep(Duration::from_millis(50));
        }
        if lives(task) {
            out(&format!("Attempt {} does not end by itself: it is killed", task.folder.attempt));
            kill(task);
        }
    }
    Ok(())
}

/// Kills what began after the others were cancelled: nothing that it makes would stay.
pub(super) fn late_comers(home: &Home) {
    let open = inspect::open_tasks(home, &Files::new(Vec::new())).unwrap_or_default();
    open.iter().filter(|task| lives(task)).for_each(kill);
}

fn lives(task: &OpenTask) -> bool {
    !locks::is_free(&task.folder.lock()).unwrap_or(false)
        || !locks::is_free(&task.folder.worker_lock()).unwrap_or(false)
}

/// Kills every process that holds a lock of the attempt: its worker, and what that started.
fn kill(task: &OpenTask) {
    let until = SystemClock.now() + DYING;
    // The owner's processes alone, and by a lock that is a file: a link in its place could name anything.
    let owner = fs::metadata(&task.folder.path).map(|found| found.uid()).ok();
    let is_owners = |pid: &u32| fs::metadata(format!("/proc/{pid}")).map(|found| found.uid()).ok() == owner;
    let holders = || {
        let locks = [task.folder.worker_lock(), task.folder.lock()].into_iter();
        let files = locks.filter(|lock| fs::symlink_metadata(lock).is_ok_and(|found| found.is_file()));
        files.flat_map(|lock| locks::processes_at(&lock)).collect::<Vec<u32>>()
    };
    while lives(task) && SystemClock.now() < until {
        let own = std::process::id();
        for pid in holders().into_iter().filter(|pid| *pid != own).filter(is_owners) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                // One that ended by itself meanwhile is what we want.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        SystemClock.sleep(Duration::from_millis(50));
    }
}
