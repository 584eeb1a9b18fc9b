//! Programs that a task starts: what is asked for, how it ended, and who runs it.
//!
//! A program is a value before it is an act ([`aegir_domain::Cmd`]), so that tests read it and logs
//! print it. Never through a shell; a secret goes by standard input or a file, never by argument,
//! where `ps` would show it.

mod fault;
mod follow;
mod group;
mod kept;
mod task;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{Cmd, Password};

pub use fault::CommandFailed;
pub(crate) use group::{GROUP_VARIABLE, Process, boot_id};
pub use group::{GroupFault, ProcessGroup, end_group, groups_with_arguments};
pub use task::{Deadline, TaskPrograms, find_program};

/// A program to start, with everything it gets. Printed, it shows no value of a variable.
#[derive(Clone)]
pub struct Launch {
    /// The program and its arguments.
    pub cmd: Cmd,
    /// The folder it starts in; `/` if none is named.
    pub dir: Option<PathBuf>,
    /// Variables beside `PATH`, `LANG`, `HOME` and `TMPDIR`; nothing else of our own environment is
    /// handed on. No secret: every child of the program gets them too.
    pub env: Vec<(String, String)>,
    /// What it reads on standard input; may hold secrets. Without it, `/dev/null`.
    pub stdin: Option<Password>,
    /// Whether descriptor 3 is a pipe on which it answers, line by line.
    pub answers: bool,
    /// Whether each line that it writes on standard error is told as it comes, like an answer.
    pub tells: bool,
    /// Asked twice a second; the program is ended once it says yes.
    pub stop: Option<Stop>,
    /// What it may use.
    pub limits: Limits,
}

/// Whether a program is to end before its time.
pub type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Launch")
            .field("cmd", &self.cmd)
            .field("dir", &self.dir)
            .field("env", &names)
            .field("stdin", &self.stdin)
            .field("answers", &self.answers)
            .field("tells", &self.tells)
            .field("stop", &self.stop.is_some())
            .field("limits", &self.limits)
            .finish()
    }
}

impl Launch {
    /// Starts `cmd` with nothing on standard input, and the usual limits.
    pub fn new(cmd: Cmd) -> Launch {
        Launch {
            cmd,
            dir: None,
            env: Vec::new(),
            stdin: None,
            answers: false,
            tells: false,
            stop: None,
            limits: Limits::default(),
        }
    }

    /// The same in the folder `dir`.
    pub fn in_dir(mut self, dir: impl Into<PathBuf>) -> Launch {
        self.dir = Some(dir.into());
        self
    }

    /// The same with one more variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Launch {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The same with `text` on standard input.
    pub fn stdin(mut self, text: Password) -> Launch {
        self.stdin = Some(text);
        self
    }

    /// The same with descriptor 3 as a pipe for answers.
    pub fn answering(mut self) -> Launch {
        self.answers = true;
        self
    }

    /// The same, telling each line of standard error as it comes.
    pub fn telling(mut self) -> Launch {
        self.tells = true;
        self
    }

    /// The same, ended once `stop` says yes.
    pub fn until(mut self, stop: Stop) -> Launch {
        self.stop = Some(stop);
        self
    }

    /// The same with other limits.
    pub fn limits(mut self, limits: Limits) -> Launch {
        self.limits = limits;
        self
    }
}

/// What a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take. The deadline of the task's line holds too.
    pub time: Duration,
    /// How much address space it may have, in bytes.
    pub memory: Option<u64>,
    /// How many bytes of standard output, and of standard error, are kept: of more than that the
    /// first and the last half. A program that writes 256 times as much is ended.
    pub output: usize,
}

impl Default for Limits {
    /// Ten minutes, any memory, 256 KiB of output.
    fn default() -> Self {
        Limits { time: Duration::from_secs(600), memory: None, output: 256 * 1024 }
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit status.
    Code(i32),
    /// By this signal, from elsewhere.
    Signal(i32),
    /// By us: it took longer than it may.
    TimedOut,
    /// By us: it wrote far more than it may.
    OutputTooLong,
    /// By us: somebody wished it, see [`Launch::stop`].
    Stopped,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Code(code) => write!(f, "ended with status {code}"),
            Ended::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Ended::TimedOut => f.write_str("took too long and was ended"),
            Ended::OutputTooLong => f.write_str("wrote too much and was ended"),
            Ended::Stopped => f.write_str("was ended because the task is to stop"),
        }
    }
}

/// What came of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// What it wrote on standard output; the middle is left out where it is more than is kept.
    pub stdout: String,
    /// What it wrote on standard error, likewise.
    pub stderr: String,
    /// Whether both texts are whole.
    pub whole: bool,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// Itself if the program ended with status 0, else the error that says how it ended.
    pub fn success(self, cmd: &Cmd) -> Result<Ran, CommandFailed> {
        match self.ended {
            Ended::Code(0) => Ok(self),
            ended => Err(CommandFailed::failed(cmd, ended, &self)),
        }
    }
}

/// Starts programs and waits for them.
pub trait Programs: Send + Sync {
    /// Runs a program to its end. Each line that it writes on descriptor 3, and on standard error if it
    /// tells, goes to `on_answer` as it comes, without its line end. That it ends with another status than 0 is no error here; see
    /// [`Ran::success`].
    fn run(&self, launch: &Launch, on_answer: &mut dyn FnMut(&str)) -> Result<Ran, CommandFailed>;
}
