//! Hands this process over to a program that a person asked for by name.
//!
//! Unlike what a task starts it is the person's own doing: it has their terminal, their environment, their folder and
//! their signals, and its end is ours. So it *becomes* this process, and nothing of us is left to get in between.

use std::convert::Infallible;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use aegir_domain::Cmd;

use crate::{CommandFailed, find_program};

/// Becomes the program of `cmd`, with `env` besides what the person has; returns only if that cannot be.
///
/// Who came by `sudo -u` may stand in a folder that they may not enter, or have a home that is another's: programs get
/// `home` in the place of either.
pub fn hand_over(cmd: &Cmd, env: &[(&str, &str)], home: &Path) -> Result<Infallible, CommandFailed> {
    let shown = || cmd.program.display().to_string();
    let program = find_program(&cmd.program).ok_or_else(|| CommandFailed::NotFound { program: shown() })?;
    let mut command = Command::new(program);
    command.args(&cmd.args).envs(env.iter().copied());
    if std::fs::read_dir(".").is_err() {
        command.current_dir(home);
    }
    let may_write = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    if !std::env::var_os("HOME").is_some_and(|home| may_write(Path::new(&home))) {
        command.env("HOME", home);
    }
    Err(CommandFailed::Start { program: shown(), source: command.exec() })
}
