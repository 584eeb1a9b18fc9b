//! Runs a program of the machine outside any task: to ask its version, or to have a user removed.

use std::time::Duration;

use aegir_domain::Cmd;
use aegir_host::{CommandFailed, Deadline, Launch, Limits, Programs, Ran, TaskPrograms};

use crate::compose::OWN_PROGRAM;

/// How long such a program may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs it to its end, whatever that is.
pub(crate) fn run_now(cmd: Cmd) -> Result<Ran, CommandFailed> {
    // Nobody takes it back, so nobody has to find it again: it dies with us.
    let programs = TaskPrograms::new(OWN_PROGRAM.into(), Box::new(|_| Ok(())), Deadline::none());
    let limits = Limits { time: LIMIT, ..Limits::default() };
    programs.run(&Launch::new(cmd).limits(limits), &mut |_| ())
}
