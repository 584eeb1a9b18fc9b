//! `--detach`, for those whose terminal closes; and `down`, which ends what was left running.
//!
//! The process that stays is a second one, in a session of its own. Until there is a site to see it
//! says everything into a pipe, whose reader prints it; then it lets go of that and writes to
//! `logs/up.log`. So the login link is seen once, and stands in no file.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aegir_domain::Remedy;
use aegir_stack::Running;

use crate::compose::{Given, OWN_PROGRAM};
use crate::failure::Failure;
use crate::speak::out;

/// Set for the process that stays.
pub(crate) const STAYS: &str = "AEGIR_UP_STAYS";

/// Starts the same line as a process that stays, and tells what it says until it lets go.
#[allow(clippy::disallowed_methods, reason = "our own program once more; host runs those of tasks")]
pub(super) fn run(given: &Given, home: &Path) -> Result<u8, Failure> {
    let fault = |source| DetachFault::Start { source };
    let (read, write) = io::pipe().map_err(fault)?;
    let again = write.try_clone().map_err(fault)?;
    let mut command = Command::new(OWN_PROGRAM);
    command.args(given.words.iter().skip(1).filter(|word| *word != "--detach"));
    command.env(STAYS, "1").stdin(Stdio::null()).stdout(write).stderr(again);
    // SAFETY: between fork and exec only a system call is made; nothing is allocated or locked.
    #[expect(unsafe_code, reason = "the only way to leave the session before the first signal can come")]
    unsafe {
        command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
    }
    let mut child = command.spawn().map_err(fault)?;
    // Our copies of the pipe's end, or it would never come to one.
    drop(command);
    for line in BufReader::new(read).lines().map_while(Result::ok) {
        out(&line);
    }
    match child.try_wait().map_err(fault)? {
        None => {
            out(&format!("\nIt stays when this terminal closes. What it says goes to `{}`.", log(home).display()));
            out(&format!("`aegir down --home {}` ends it.", home.display()));
            Ok(0)
        }
        Some(status) => Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
    }
}

fn log(home: &Path) -> PathBuf {
    home.join("logs/up.log")
}

/// From here on what is said goes to the log, if we are the process that stays.
pub(super) fn let_go(given: &Given) {
    if !given.stays {
        return;
    }
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(log(&given.home()));
    let Ok(log) = log.or_else(|_| OpenOptions::new().write(true).open("/dev/null")) else { return };
    // Whoever reads the pipe sees its end, and goes.
    let _ = rustix::stdio::dup2_stdout(&log).and_then(|()| rustix::stdio::dup2_stderr(&log));
}

/// Ends the `aegir up` of a home, in order: tasks roll back, then its services stop.
pub(crate) fn down(given: &Given) -> Result<u8, Failure> {
    let home = given.home();
    match Running::find(&home)? {
        None => out(&format!("Nothing runs in `{}`.", home.display())),
        Some(running) => {
            out(&format!("Asking process {} to stop.", running.pid));
            running.end(&home)?;
            out("It has stopped.");
        }
    }
    Ok(0)
}

#[derive(Debug, thiserror::Error)]
enum DetachFault {
    #[error("cannot start a process that stays")]
    Start {
        #[source]
        source: io::Error,
    },
}

impl Remedy for DetachFault {}
