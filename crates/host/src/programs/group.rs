//! The process group of a program, and how to end it later by what was written down of it.
//!
//! A number alone does not name a process for long, since numbers are used again. A group is known by
//! its number, the boot of the machine, and either the start time of its leader or, once the leader is
//! gone, a variable that every program gets from `aegir exec` and hands on to its children.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use aegir_domain::Remedy;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

/// The variable that names the group a program belongs to.
pub(crate) const GROUP_VARIABLE: &str = "AEGIR_GROUP";

/// A process group as it is written down before its program may act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessGroup {
    /// Its number, which is also its leader's.
    pub pgid: u32,
    /// When its leader started, in ticks since the machine did (`/proc/<pid>/stat`, field 22).
    pub started: u64,
    /// Which boot of the machine that was.
    pub boot: String,
}

/// Why a process group could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum GroupFault {
    /// The system does not let us end it.
    #[error("cannot end the process group {pgid}")]
    End {
        /// Its number.
        pgid: u32,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It was ended, and did not go.
    #[error("the process group {pgid} does not end, not even by SIGKILL")]
    Stays {
        /// Its number.
        pgid: u32,
    },
}

impl Remedy for GroupFault {
    fn remedy(&self) -> Option<String> {
        match self {
            GroupFault::End { pgid, .. } => Some(format!(
                "see whose it is with `ps -g {pgid} -o pid,user,args`, end it as that user, then run `aegir provision recover`"
            )),
            GroupFault::Stays { pgid } => Some(format!(
                "see what it waits for with `ps -g {pgid} -o pid,stat,wchan,args` (often a disk), then run `aegir provision recover`"
            )),
        }
    }
}

/// The groups led by processes of this machine whose arguments, after the program, are `words`.
pub fn groups_with_arguments(words: &[&str]) -> Vec<ProcessGroup> {
    let wanted: Vec<u8> = words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let leads = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let program = line.iter().position(|byte| *byte == 0).map_or(line.len(), |end| end + 1);
        line[program..] == wanted
    };
    pids.filter(leads).filter_map(ProcessGroup::led_by).collect()
}

impl ProcessGroup {
    /// The group led by the process `pid`, if that is alive.
    pub fn led_by(pid: u32) -> Option<ProcessGroup> {
        let process = Process::read(pid)?;
        Some(ProcessGroup { pgid: pid, started: process.started, boot: boot_id() })
    }

    /// What [`GROUP_VARIABLE`] holds in its members.
    pub(crate) fn variable(&self) -> String {
        format!("{}:{}:{}", self.pgid, self.started, self.boot)
    }

    /// Its members that are alive, if it is still the group that was written down.
    fn members(&self) -> Vec<u32> {
        if self.boot != boot_id() {
            return Vec::new();
        }
        let members: Vec<(u32, Process)> = processes().filter(|(_, process)| process.group == self.pgid).collect();
        // While one member lives, its group's number is not given to anybody else: one that is ours
        // proves that all are.
        let ours = members.iter().any(|(pid, process)| match *pid == self.pgid {
            true => process.started == self.started,
            false => variable_of(*pid).is_some_and(|variable| variable == self.variable()),
        });
        if ours { members.iter().map(|(pid, _)| *pid).collect() } else { Vec::new() }
    }
}

/// Ends `group` if it is still the one that was written down: SIGTERM, and after `patience` SIGKILL.
/// Says whether anything of it was alive. Returns once nothing is.
///
/// A number that now belongs to somebody else is left alone.
pub fn end_group(group: &ProcessGroup, patience: Duration) -> Result<bool, GroupFault> {
    let end = |source: io::Error| GroupFault::End { pgid: group.pgid, source };
    let Some(pgid) = i32::try_from(group.pgid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    if group.pgid < 2 || group.members().is_empty() {
        return Ok(false);
    }
    for (signal, patience) in [(Signal::TERM, patience), (Signal::KILL, Duration::from_secs(10))] {
        match kill_process_group(pgid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => (),
            Err(error) => return Err(end(error.into())),
        }
        let until = Instant::now() + patience;
        loop {
            if group.members().is_empty() {
                return Ok(true);
            }
            if Instant::now() >= until {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    Err(GroupFault::Stays { pgid: group.pgid })
}

/// What the system says of a process.
pub(crate) struct Process {
    group: u32,
    /// When it started, in ticks since the machine did.
    pub(crate) started: u64,
}

impl Process {
    /// The process `pid`, if it is alive; one that has ended and was not yet waited for is not.
    fn read(pid: u32) -> Option<Process> {
        Process::in_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The same, by the text of its `stat`.
    pub(crate) fn in_stat(stat: &str) -> Option<Process> {
        // The name, field 2, stands in parentheses and may itself hold spaces and parentheses.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        Some(Process { group: fields.get(2)?.parse().ok()?, started: fields.get(19)?.parse().ok()? })
    }
}

fn processes() -> impl Iterator<Item = (u32, Process)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, Process::read(pid)?))
    })
}

fn variable_of(pid: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = environment
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(GROUP_VARIABLE.as_bytes())?.strip_prefix(b"="))?;
    String::from_utf8(value.to_vec()).ok()
}

/// Which boot of which machine this is.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_used_again_is_left_alone() {
        let own = std::process::id();
        let process = Process::read(own).unwrap();
        let group = |started, boot: String| ProcessGroup { pgid: process.group, started, boot };

        let other_start = group(1, boot_id());
        let other_boot = group(Process::read(process.group).map_or(0, |leader| leader.started), "another".into());

        assert!(!end_group(&other_start, Duration::ZERO).unwrap());
        assert!(!end_group(&other_boot, Duration::ZERO).unwrap());
        assert!(!end_group(&group(0, boot_id()), Duration::ZERO).unwrap());
    }
}
