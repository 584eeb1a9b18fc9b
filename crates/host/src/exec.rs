//! `aegir exec`: the few lines between us and every program that a task starts.
//!
//! ```text
//!   aegir exec --parent PID --go FD [--answers FD] [--keep FD]… [--memory BYTES] [--cpu SECONDS]
//!              --umask MODE -- PROGRAM ARGS…
//! ```
//!
//! It leads a process group of its own, dies with its parent, has its limits, and becomes the program
//! only when a byte comes on the go descriptor, which is after the group has been written down. If
//! the parent dies before, there is nothing to clean up.
//!
//! ## Invariants
//!
//! - The program has the descriptors 0, 1, 2, 3 if it answers, and those named with `--keep` (the
//!   lock of the task), and no other.
//! - The environment is what the parent chose, and the variable that names the group.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, parent_id};
use std::process::Command;

use rustix::fs::Mode;
use rustix::io::FdFlags;
use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::programs::{GROUP_VARIABLE, ProcessGroup};

/// What is asked of `aegir exec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) parent: u32,
    pub(crate) go: RawFd,
    pub(crate) answers: Option<RawFd>,
    pub(crate) keep: Vec<RawFd>,
    pub(crate) memory: Option<u64>,
    pub(crate) cpu: Option<u64>,
    pub(crate) umask: u32,
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
}

impl Order {
    /// The arguments after `aegir exec`.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        let mut option = |name: &str, value: String| args.extend([name.into(), value.into()]);
        option("--parent", self.parent.to_string());
        option("--go", self.go.to_string());
        self.answers.iter().for_each(|fd| option("--answers", fd.to_string()));
        self.keep.iter().for_each(|fd| option("--keep", fd.to_string()));
        self.memory.iter().for_each(|bytes| option("--memory", bytes.to_string()));
        self.cpu.iter().for_each(|seconds| option("--cpu", seconds.to_string()));
        option("--umask", format!("{:04o}", self.umask));
        args.push("--".into());
        args.push(self.program.clone());
        args.extend(self.args.iter().cloned());
        args
    }

    fn read(args: impl IntoIterator<Item = OsString>) -> Result<Order, String> {
        let mut order = Order { go: -1, umask: 0o007, ..Order::default() };
        let mut args = args.into_iter();
        loop {
            let name = args.next().ok_or("no `--` and program")?;
            let name = name.to_str().ok_or("an option that is no text")?;
            if name == "--" {
                break;
            }
            let value =
                args.next().and_then(|value| value.into_string().ok()).ok_or(format!("`{name}` lacks its value"))?;
            let bad = || format!("`{name}` cannot be `{value}`");
            let fd = || value.parse::<RawFd>().ok().filter(|fd| *fd > 2).ok_or_else(bad);
            let number = || value.parse::<u64>().map_err(|_| bad());
            match name {
                "--parent" => order.parent = value.parse().map_err(|_| bad())?,
                "--go" => order.go = fd()?,
                "--answers" => order.answers = Some(fd()?),
                "--keep" => order.keep.push(fd()?),
                "--memory" => order.memory = Some(number()?),
                "--cpu" => order.cpu = Some(number()?),
                "--umask" => {
                    order.umask = u32::from_str_radix(&value, 8).ok().filter(|mask| *mask <= 0o777).ok_or_else(bad)?;
                }
                _ => return Err(format!("there is no option `{name}`")),
            }
        }
        order.program = args.next().ok_or("no program")?;
        order.args = args.collect();
        if order.parent == 0 || order.go < 0 {
            return Err("`--parent` or `--go` is missing".into());
        }
        Ok(order)
    }
}

/// What the subcommand `exec` of the binary calls, with the arguments after that word. Becomes the
/// program, or ends the process with 125 (a broken order), 126 (it may not be run) or 127 (it is not
/// there), as `env` and `timeout` do.
pub fn exec_main(args: impl IntoIterator<Item = OsString>) -> ! {
    let (status, why) = match Order::read(args) {
        Ok(order) => match become_program(&order) {
            Ok(never) => match never {},
            Err(error) if error.kind() == io::ErrorKind::NotFound => (127, shown(&order, &error)),
            Err(error) => (126, shown(&order, &error)),
        },
        Err(why) => (125, why),
    };
    eprintln!("aegir exec: {why}");
    std::process::exit(status)
}

fn shown(order: &Order, error: &io::Error) -> String {
    format!("cannot start `{}`: {error}", order.program.display())
}

fn become_program(order: &Order) -> io::Result<std::convert::Infallible> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before the line above; then nobody would ever tell us.
    if parent_id() != order.parent {
        std::process::exit(125);
    }
    let own = Pid::from_raw(std::process::id() as i32);
    if own != Some(rustix::process::getpgrp()) {
        rustix::process::setpgid(None, None)?;
    }
    wait_for_go(order.go);

    if let Some(bytes) = order.memory {
        limit(Resource::As, bytes)?;
    }
    if let Some(seconds) = order.cpu {
        limit(Resource::Cpu, seconds)?;
    }
    limit(Resource::Core, 0)?;
    rustix::process::umask(Mode::from_raw_mode(order.umask));
    if let Some(answers) = order.answers {
        answer_on_three(answers)?;
    }
    close_others(order)?;

    let mut command = Command::new(&order.program);
    command.args(&order.args);
    if let Some(group) = ProcessGroup::led_by(std::process::id()) {
        command.env(GROUP_VARIABLE, group.variable());
    }
    Err(command.exec())
}

/// Returns when a byte comes; ends the process if none will.
fn wait_for_go(go: RawFd) {
    // SAFETY: the number was handed to this process for this purpose, and nothing else here uses it.
    #[expect(unsafe_code, reason = "a descriptor comes as a number in an argument")]
    let mut go = unsafe { File::from_raw_fd(go) };
    let mut byte = [0];
    if !matches!(go.read(&mut byte), Ok(1)) {
        std::process::exit(125);
    }
}

fn answer_on_three(answers: RawFd) -> io::Result<()> {
    // SAFETY: the number was handed to this process for this purpose, and nothing else here uses it.
    #[expect(unsafe_code, reason = "a descriptor comes as a number in an argument")]
    let answers = unsafe { OwnedFd::from_raw_fd(answers) };
    if answers.as_raw_fd() == 3 {
        rustix::io::fcntl_setfd(&answers, FdFlags::empty())?;
        std::mem::forget(answers);
        return Ok(());
    }
    // SAFETY: whatever has this number is closed by `dup2`; nothing in this process owns it, and it
    // stays open until the program takes over.
    #[expect(unsafe_code, reason = "the descriptor is chosen by its number, which is the promise to the program")]
    let mut three = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(3) });
    rustix::io::dup2(&answers, &mut three)?;
    Ok(())
}

/// Has every descriptor close when the program takes over, but those that are promised.
fn close_others(order: &Order) -> io::Result<()> {
    let stays = |fd: RawFd| fd <= 2 || (fd == 3 && order.answers.is_some()) || order.keep.contains(&fd);
    let open = fs::read_dir("/proc/self/fd")?.collect::<io::Result<Vec<_>>>()?;
    for fd in open.iter().filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok()) {
        let flags = if stays(fd) { FdFlags::empty() } else { FdFlags::CLOEXEC };
        // SAFETY: only a flag is changed, on a number that is open or, like that of the folder just
        // read, was; then the system says so, and it matters to nobody.
        #[expect(unsafe_code, reason = "descriptors are known by number here")]
        let _ = rustix::io::fcntl_setfd(unsafe { BorrowedFd::borrow_raw(fd) }, flags);
    }
    Ok(())
}

fn limit(resource: Resource, at: u64) -> io::Result<()> {
    let may = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let at = Some(at.min(may));
    Ok(rustix::process::setrlimit(resource, Rlimit { current: at, maximum: at })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let order = Order {
            parent: 77,
            go: 9,
            answers: Some(10),
            keep: vec![100],
            memory: Some(1 << 30),
            cpu: None,
            umask: 0o007,
            program: "/bin/echo".into(),
            args: vec!["--".into(), "--go".into(), "".into()],
        };

        assert_eq!(Order::read(order.to_args()).unwrap(), order);
    }

    #[test]
    fn a_broken_order_starts_nothing() {
        let read = |line: &str| Order::read(line.split(' ').map(OsString::from));
        for bad in ["--parent 1 --go 5", "--parent 1 --go 5 --", "--go 5 -- a", "--parent 1 --go 2 -- a", "--x 1 -- a"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
