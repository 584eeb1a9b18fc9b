//! What `/proc` says of the processes of this machine.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal};

/// A process, as far as it must be told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) pid: i32,
    /// `Z` for one that has ended and was not yet waited for.
    pub(crate) state: char,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    /// When it began, in clock ticks since the machine did: with `pid`, unique until the next boot.
    pub(crate) began: u64,
}

impl Seen {
    /// Reads about `pid`; `None` if there is no such process.
    pub(crate) fn of(pid: i32) -> Option<Seen> {
        Seen::in_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn in_stat(pid: i32, stat: &str) -> Option<Seen> {
        // The second field is the program's name in parentheses, which may itself hold any of both.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let began = fields.nth(16)?.parse().ok()?;
        Some(Seen { pid, state, parent, group, began })
    }

    /// Whether it still does something.
    pub(crate) fn lives(&self) -> bool {
        self.state != 'Z' && self.state != 'X'
    }

    /// Sends it a signal, and never to another that has its number by now.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        // That it has ended meanwhile is no fault; nor is a kernel without such handles (before 5.3), to whoever can wait.
        let Ok(handle) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return };
        if Seen::of(self.pid).is_some_and(|now| now.began == self.began) {
            let _ = rustix::process::pidfd_send_signal(&handle, signal);
        }
    }

    /// The name of the file that it runs, also after a package upgrade removed that file.
    pub(crate) fn program(&self) -> Option<String> {
        let file = fs::read_link(format!("/proc/{}/exe", self.pid)).ok()?;
        let name = file.file_name()?.to_str()?;
        Some(name.strip_suffix(" (deleted)").unwrap_or(name).to_owned())
    }

    /// Its command line, blanks between the arguments.
    pub(crate) fn command_line(&self) -> Option<String> {
        command_line(self.pid)
    }
}

/// The command line of `pid`, blanks between the arguments.
pub(crate) fn command_line(pid: i32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
}

/// All processes of the moment.
pub(crate) fn all() -> Vec<Seen> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| Seen::of(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Those of the group `group` that still do something.
pub(crate) fn members(group: i32) -> Vec<Seen> {
    all().into_iter().filter(|seen| seen.group == group && seen.lives()).collect()
}

/// The children of `parent` that still do something.
pub(crate) fn children(parent: i32) -> Vec<Seen> {
    all().into_iter().filter(|seen| seen.parent == parent && seen.lives()).collect()
}

/// An identifier of this run of the machine; process numbers mean nothing in another one.
pub(crate) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Names the process that listens on TCP `port`, where that can be seen.
pub(crate) fn listener(port: u16) -> Option<String> {
    let listening = |table: &str| {
        let text = fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let (_, local) = fields.get(1)?.rsplit_once(':')?;
            let found = u16::from_str_radix(local, 16).ok()? == port && *fields.get(3)? == "0A";
            found.then(|| (*fields.get(9)?).parse::<u64>().ok()).flatten()
        })
    };
    let inode = listening("/proc/net/tcp").or_else(|| listening("/proc/net/tcp6"))?;
    let socket = format!("socket:[{inode}]");
    let holder = all().into_iter().find(|seen| holds(seen.pid, Path::new(&socket)))?;
    let line = holder.command_line().unwrap_or_default();
    Some(format!("process {} (`{line}`)", holder.pid))
}

fn holds(pid: i32, what: &Path) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a) b (c) S 7 40 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 9 10";

        let seen = Seen::in_stat(42, stat).unwrap();

        assert_eq!(seen, Seen { pid: 42, state: 'S', parent: 7, group: 40, began: 123456 });
    }

    #[test]
    fn this_process_is_seen() {
        let me = Seen::of(std::process::id().try_into().unwrap()).unwrap();

        assert!(me.lives() && me.program().is_some());
    }
}
