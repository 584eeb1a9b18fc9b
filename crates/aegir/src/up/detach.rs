//! `--detach`, for those whose terminal closes; and `down`, which ends what was left running.
//!
//! The process that stays is a second one, in a session of its own. Until there is a site to see it
//! says everything into a pipe, whose reader prints it; then it lets go of that and writes to
//! `logs/up.log`. So the login link is seen once, and stands in no file.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::Remedy;
use aegir_host::{Clock, OwnProgram, SystemClock};
use aegir_stack::Running;
use rustix::fs::OFlags;

use crate::compose::{Given, OWN_PROGRAM};
use crate::failure::Failure;
use crate::speak::out;

/// Set for the process that stays.
pub(crate) const STAYS: &str = "AEGIR_UP_STAYS";

/// Starts the same line as a process that stays, and tells what it says until it lets go.
pub(super) fn run(given: &Given, home: &Path) -> Result<u8, Failure> {
    let fault = |source| DetachFault::Start { source };
    let words: Vec<String> = given.words.iter().skip(1).filter(|word| *word != "--detach").cloned().collect();
    let (pipe, mut stays) = OwnProgram::new(OWN_PROGRAM, None).stay(&words, &[(STAYS, "1")]).map_err(fault)?;
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        out(&line);
    }
    // One that ends closes its pipe a moment before it has ended.
    let mut ended = None;
    for _ in 0..50 {
        ended = stays.ended().map_err(fault)?;
        if ended.is_some() {
            break;
        }
        SystemClock.sleep(Duration::from_millis(10));
    }
    match ended {
        None => {
            out(&format!("\nIt stays when this terminal closes. What it says goes to `{}`.", log(home).display()));
            out(&format!("`aegir down --home {}` ends it.", home.display()));
            Ok(0)
        }
        Some(code) => Ok(u8::try_from(code).unwrap_or(1)),
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
    // The folder is the home owner's, and we may be root: through a link we would write elsewhere.
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let log = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(no_link).open(log(&given.home()));
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
