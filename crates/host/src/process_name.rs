//! A name for a process that no other one ever bears, by which others of its machine learn that it is gone.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use rustix::process::{Pid, test_kill_process};

use crate::programs::{Process, boot_id};

/// A process: by its number, and by what tells it from all that had the number before and will have it after.
///
/// Written as `MACHINE:PID:BEGAN:BOOT:SPACE`; the machine's name is for people, and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessName {
    machine: String,
    pid: u32,
    /// When it began, in ticks since the machine did.
    began: u64,
    /// Which boot of which machine: no two are alike.
    boot: String,
    /// The space that its number is of: containers of one machine count each for themselves.
    space: u64,
}

impl ProcessName {
    /// This process.
    pub fn of_this() -> io::Result<ProcessName> {
        let pid = std::process::id();
        let stat = fs::read_to_string(stat_of(pid))?;
        let process = Process::in_stat(&stat).ok_or(io::ErrorKind::InvalidData)?;
        Ok(ProcessName {
            machine: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid,
            began: process.started,
            boot: boot_id(),
            space: own_space()?,
        })
    }

    /// Whether it has ended, for certain. Of another machine, another boot or another container nothing is known
    /// here, and of a process that is hidden from us no more than that somebody has its number.
    pub fn is_gone(&self) -> bool {
        if self.boot.is_empty() || self.boot != boot_id() || !own_space().is_ok_and(|space| space == self.space) {
            return false;
        }
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return false };
        if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            return true;
        }
        match fs::read_to_string(stat_of(self.pid)) {
            // One that nobody has waited for yet does nothing any more.
            Ok(stat) => Process::in_stat(&stat).is_none_or(|process| process.started != self.began),
            Err(_) => false,
        }
    }
}

fn stat_of(pid: u32) -> String {
    format!("/proc/{pid}/stat")
}

fn own_space() -> io::Result<u64> {
    Ok(fs::metadata("/proc/self/ns/pid")?.ino())
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProcessName { machine, pid, began, boot, space } = self;
        write!(f, "{machine}:{pid}:{began}:{boot}:{space}")
    }
}

/// A text is the name of no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not of the form `MACHINE:PID:BEGAN:BOOT:SPACE`")]
pub struct BadProcessName;

impl FromStr for ProcessName {
    type Err = BadProcessName;

    fn from_str(text: &str) -> Result<ProcessName, BadProcessName> {
        let mut parts = text.rsplitn(5, ':');
        let mut part = || parts.next().ok_or(BadProcessName);
        let (space, boot, began, pid, machine) = (part()?, part()?, part()?, part()?, part()?);
        Ok(ProcessName {
            machine: machine.to_owned(),
            pid: pid.parse().map_err(|_| BadProcessName)?,
            began: began.parse().map_err(|_| BadProcessName)?,
            boot: boot.to_owned(),
            space: space.parse().map_err(|_| BadProcessName)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A process that lives, and its name.
    fn other() -> (std::process::Child, ProcessName) {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let stat = fs::read_to_string(stat_of(child.id())).unwrap();
        let began = Process::in_stat(&stat).unwrap().started;
        let name = ProcessName { pid: child.id(), began, ..ProcessName::of_this().unwrap() };
        (child, name)
    }

    #[test]
    fn a_process_is_gone_once_it_was_killed_and_not_before() {
        assert!(!ProcessName::of_this().unwrap().is_gone());
        let (mut child, name) = other();
        assert!(!name.is_gone());

        child.kill().unwrap();
        while !name.is_gone() {
            // Dead, and not waited for: that is enough.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.wait().unwrap();

        assert!(name.is_gone());
    }

    #[test]
    fn a_number_that_was_given_again_is_another_process() {
        let own = ProcessName::of_this().unwrap();

        assert!(ProcessName { began: own.began + 1, ..own }.is_gone());
    }

    #[test]
    fn of_another_machine_boot_or_container_nothing_is_known() {
        let (mut child, name) = other();
        child.kill().unwrap();
        child.wait().unwrap();
        for unknown in [
            ProcessName { boot: "f0f0f0f0-0000-4000-8000-000000000000".into(), ..name.clone() },
            ProcessName { boot: String::new(), ..name.clone() },
            ProcessName { space: name.space + 1, ..name.clone() },
            ProcessName { pid: 0, ..name },
        ] {
            assert!(!unknown.is_gone(), "{unknown}");
        }
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let own = ProcessName { machine: "odd:name".into(), ..ProcessName::of_this().unwrap() };

        assert_eq!(own.to_string().parse(), Ok(own));
        for other in ["", "web1:42", "web1:x:1:b:1", "web1:1:x:b:1", "web1:1:1:b:x", "1:1:b:1"] {
            assert_eq!(other.parse::<ProcessName>(), Err(BadProcessName), "{other}");
        }
    }
}
