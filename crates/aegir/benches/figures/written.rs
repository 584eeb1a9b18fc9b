//! How much is written to the disk, as the kernel counts it: `write_bytes` in `/proc/PID/io`, of this process and all
//! that come from it.
//!
//! A process that ended is in the sum of whoever waited for it, so the whole family's sum only grows, whoever comes and
//! goes; what lost its parent becomes ours (`PR_SET_CHILD_SUBREAPER`) instead of the machine's first process's. The
//! family has the services of the private stack in it: what the database's server writes counts, once it wrote what
//! it still had in memory alone.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, getpid, getsid, set_child_subreaper, waitpid};

use crate::support::Lab;

/// Has all that comes from us counted, also what outlives its parent.
pub fn count_all() {
    set_child_subreaper(Some(getpid())).unwrap();
}

/// What was written so far, in bytes, once the database's server has nothing left to write.
pub fn so_far(lab: &Lab) -> u64 {
    settle(lab);
    let family = Process::family();
    family.iter().filter_map(|process| process.written()).sum()
}

/// What has the database's server write changed pages as soon and as fast as it can.
const EAGER: [(&str, u32); 4] = [
    ("innodb_io_capacity_max", 100_000),
    ("innodb_io_capacity", 50_000),
    ("innodb_max_dirty_pages_pct_lwm", 0),
    ("innodb_max_dirty_pages_pct", 0),
];

/// Has the database's server write all changed pages.
fn settle(lab: &Lab) {
    let up = lab.up();
    let asked = EAGER.map(|(name, _)| format!("@@{name}")).join(", ");
    let were = up.sql(&format!("SELECT {asked}")).remove(0);
    for (name, value) in EAGER {
        up.run_sql(&format!("SET GLOBAL {name} = {value}"));
    }
    let began = Instant::now();
    let dirty = || {
        let row = up.sql("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'").remove(0);
        row.split('\t').next_back().unwrap().parse::<u64>().unwrap()
    };
    // It changes pages of its own now and then.
    while dirty() > 20 && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Backwards, since no limit may be above the one that is next to it.
    for ((name, _), was) in EAGER.iter().rev().zip(were.rsplit('\t')) {
        up.run_sql(&format!("SET GLOBAL {name} = {was}"));
    }
}

/// A process, as `/proc` shows it.
struct Process {
    pid: i32,
    parent: i32,
    session: i32,
    has_ended: bool,
}

impl Process {
    /// We and all that come from us. Of those that became ours, the ones that ended are waited for, as whoever started them would
    /// have: that puts what they wrote into our own sum.
    fn family() -> Vec<Process> {
        let (us, our_session) = (getpid().as_raw_nonzero().get(), getsid(None).unwrap().as_raw_nonzero().get());
        for process in Process::all() {
            // What we started ourselves is of our session, and is waited for where it was started.
            if process.parent == us && process.has_ended && process.session != our_session {
                let _ = waitpid(Pid::from_raw(process.pid), WaitOptions::NOHANG);
            }
        }
        let all = Process::all();
        let parents: BTreeMap<i32, i32> = all.iter().map(|process| (process.pid, process.parent)).collect();
        let is_ours = |process: &Process| {
            let line = std::iter::successors(Some(process.pid), |pid| parents.get(pid).copied());
            line.take(100).any(|pid| pid == us)
        };
        all.into_iter().filter(is_ours).collect()
    }

    fn all() -> Vec<Process> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(Process::read).collect()
    }

    /// Nothing if it is gone.
    fn read(pid: i32) -> Option<Process> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before it may have anything in it.
        let words: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| words.get(at)?.parse().ok();
        Some(Process { pid, parent: number(1)?, session: number(3)?, has_ended: words.first() == Some(&"Z") })
    }

    fn written(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/io", self.pid)).ok()?;
        text.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse().ok()
    }
}
