//! Programs of the stack: those that stay as children of ours, and those that run and end.
//!
//! Each has a process group of its own, so that Ctrl-C in a terminal reaches us alone and the
//! workers of a dead master can be ended by its number; each is sent SIGTERM by the kernel when the
//! thread that started it ends, so that nothing outlives a killed `aegir up`: on SIGTERM the
//! masters of nginx and php-fpm take their workers along, and `mariadbd` closes its files.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use aegir_host::{Clock, SystemClock};
use rustix::fs::Mode;
use rustix::process::{Pid, Signal};

use crate::account::Account;
use crate::fault::{LogTail, StackFault};
use crate::files::{self, Owner};
use crate::process_table::{self, Seen};

/// How often we look whether something happened that nobody tells us.
const LOOK: Duration = Duration::from_millis(20);

/// The moment, for limits of time.
pub(crate) fn now() -> Duration {
    SystemClock.now()
}

/// A program to be started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    /// Where it runs. Not the home: a folder that its user may enter.
    pub(crate) folder: PathBuf,
    /// Its folder for temporary files, if the machine's will not do.
    pub(crate) temporary: Option<PathBuf>,
    /// As whom; `None`: as ourselves.
    pub(crate) account: Option<Account>,
    /// Takes what it says.
    pub(crate) log: PathBuf,
    pub(crate) log_owner: Owner,
}

impl Launch {
    #[allow(
        clippy::disallowed_methods,
        reason = "children that stay belong to this crate; host runs programs to their end"
    )]
    fn command(&self) -> Result<Command, StackFault> {
        let log = files::append(&self.log, self.log_owner, 0o640)?;
        let again = log.try_clone().map_err(|source| self.fault(source))?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.folder).process_group(0);
        command.stdin(Stdio::null()).stdout(log).stderr(again);
        if let Some(folder) = &self.temporary {
            command.env("TMPDIR", folder);
        }
        if let Some(account) = &self.account {
            command.gid(account.gid).uid(account.uid);
        }
        let parent = rustix::process::getpid();
        let prepare = move || {
            rustix::process::umask(Mode::RWXO);
            rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
            // The parent may have ended before the line above; then nothing would end us.
            if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        };
        // SAFETY: runs in the child between fork and exec; makes three system calls, and neither
        // allocates nor takes a lock.
        #[allow(unsafe_code, reason = "the only way to ask for a signal at our death on behalf of a child")]
        unsafe {
            command.pre_exec(prepare);
        }
        Ok(command)
    }

    fn fault(&self, source: io::Error) -> StackFault {
        StackFault::Spawn { program: self.program.clone(), source }
    }

    /// Starts it as a child that stays.
    pub(crate) fn stay(&self) -> Result<Daemon, StackFault> {
        let said_before = size(&self.log);
        let child = self.command()?.spawn().map_err(|source| self.fault(source))?;
        let pid = child.id().cast_signed();
        let began = Seen::of(pid).map_or(0, |seen| seen.began);
        Ok(Daemon { child, pid, began, log: self.log.clone(), said_before })
    }

    /// Runs it to its end with `input`, and says what it said.
    pub(crate) fn run(&self, input: &[u8], limit: Duration) -> Result<Ran, StackFault> {
        let said_before = size(&self.log);
        let mut child = self.command()?.stdin(Stdio::piped()).spawn().map_err(|source| self.fault(source))?;
        if let Some(mut pipe) = child.stdin.take() {
            match pipe.write_all(input) {
                // One that ends early tells why by its status.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(self.fault(error)),
                _ => (),
            }
        }
        let until = now() + limit;
        loop {
            if let Some(status) = child.try_wait().map_err(|source| self.fault(source))? {
                return Ok(Ran { status, said: tail(&self.log, said_before) });
            }
            if now() >= until {
                signal_group(child.id().cast_signed(), Signal::KILL);
                child.wait().map_err(|source| self.fault(source))?;
                return Err(StackFault::TooLong { program: self.program.clone(), seconds: limit.as_secs() });
            }
            std::thread::sleep(LOOK / 4);
        }
    }
}

/// What a program that ran to its end left.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) said: LogTail,
}

/// A child that stays.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) pid: i32,
    pub(crate) began: u64,
    log: PathBuf,
    said_before: u64,
}

impl Daemon {
    /// How it ended, if it did. Its workers may live on: see [`Daemon::sweep`].
    pub(crate) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(how(status)),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Sends a signal to the child alone.
    pub(crate) fn signal(&mut self, signal: Signal) {
        // While it was not waited for its number is its own; after that there is nobody to send to.
        if self.ended().is_none() {
            signal_one(self.pid, signal);
        }
    }

    /// Whether the child and all of its group have ended.
    pub(crate) fn is_gone(&mut self) -> bool {
        self.ended().is_some() && process_table::members(self.pid).is_empty()
    }

    /// Ends at once what is left of the group, and waits for it.
    pub(crate) fn sweep(&mut self) {
        let until = now() + Duration::from_secs(5);
        while !self.is_gone() && now() < until {
            signal_group(self.pid, Signal::KILL);
            std::thread::sleep(LOOK);
        }
    }

    /// What it has said since it began.
    pub(crate) fn said(&self) -> LogTail {
        tail(&self.log, self.said_before)
    }
}

/// A status in words.
pub(crate) fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Looks every few milliseconds whether `done`, until `limit`; says whether it was.
pub(crate) fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let until = now() + limit;
    loop {
        if done() {
            return true;
        }
        if now() >= until {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}

pub(crate) fn signal_one(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // That there is none is what we want in the end.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

pub(crate) fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

pub(crate) fn size(log: &Path) -> u64 {
    log.metadata().map_or(0, |metadata| metadata.len())
}

/// The last lines that `log` took after its first `before` bytes.
pub(crate) fn tail(log: &Path, before: u64) -> LogTail {
    const BYTES: u64 = 8192;
    const LINES: usize = 40;
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(before.max(end.saturating_sub(BYTES))))?;
        let mut bytes = Vec::new();
        file.take(BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_else(|error| format!("(cannot be read: {error})"));
    let lines: Vec<&str> = text.lines().collect();
    let text = match lines.len() {
        0 => "(nothing)".to_owned(),
        count => lines[count.saturating_sub(LINES)..].join("\n"),
    };
    LogTail { log: log.to_owned(), text }
}
