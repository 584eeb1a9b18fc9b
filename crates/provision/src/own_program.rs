//! How programs of an operator's own are run: hooks and those of task types, which lie in the home.
//!
//! Whoever can write one, or a folder on the way to it, has their program run as us: so what belongs to others than root
//! and us, or what others may write, is refused and not passed over.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, Fault, Password, Remedy};
use aegir_host::{FileFault, Files, Kind, Launch, Limits, Ran, Stat};

use crate::World;

/// How much of what such a program writes is kept, of standard output and of standard error each, in bytes.
const OUTPUT: usize = 32 * 1024;

/// One run of such a program.
pub(crate) struct OwnProgram {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// What it reads.
    pub(crate) input: Password,
    /// What it finds in its environment, beside what every program does.
    pub(crate) variables: Vec<(String, String)>,
    /// How long it may take.
    pub(crate) time: Duration,
    /// Whether somebody who cancels the task ends it at once.
    pub(crate) can_be_cancelled: bool,
}

impl OwnProgram {
    /// Runs it to its end, whatever that is.
    pub(crate) fn run(self, world: &World) -> Result<Ran, Fault> {
        let mut launch = Launch::new(Cmd::new(self.path)).in_dir(world.home().path()).stdin(self.input);
        for (name, value) in self.variables {
            launch = launch.env(name, value);
        }
        if self.can_be_cancelled {
            launch = launch.until(world.until_cancelled());
        }
        let limits = Limits { time: self.time, memory: Some(world.parts.settings.program_memory), output: OUTPUT };
        Ok(world.programs.run(&launch.limits(limits), &mut |_| ())?)
    }
}

/// What it wrote, in one text: what it says comes before what it complains of.
pub(crate) fn output(ran: &Ran) -> String {
    let mut text = ran.stdout.clone();
    if !text.is_empty() && !text.ends_with('\n') && !ran.stderr.is_empty() {
        text.push('\n');
    }
    text.push_str(&ran.stderr);
    text
}

/// A program, or a folder on the way to one, that somebody else may have written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{}` {why}, so that others could have a program of theirs run here", path.display())]
pub struct NotOurs {
    pub(crate) path: PathBuf,
    pub(crate) why: Why,
}

/// By what it may be somebody else's.
#[derive(Clone, Debug)]
pub(crate) enum Why {
    Owner(u32),
    Mode(u32),
    Kind,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Owner(uid) => write!(f, "belongs to the user {uid}"),
            Why::Mode(mode) => write!(f, "may be written by others (mode {mode:04o})"),
            Why::Kind => f.write_str("is a link, or something else that is neither a file nor a folder"),
        }
    }
}

impl Remedy for NotOurs {
    fn remedy(&self) -> Option<String> {
        let path = self.path.display();
        Some(match self.why {
            Why::Owner(_) => format!("look at what it does, then run `chown aegir {path}` as root, or remove it"),
            Why::Mode(_) => format!("look at what it does, then run `chmod go-w {path}`, or remove it"),
            Why::Kind => format!("put what it stands for in the place of `{path}`, or remove it"),
        })
    }
}

/// Why somebody else may have written what `stat` is of, if they may. `owner` is our user.
pub(crate) fn fault_of(stat: &Stat, owner: u32, kind: &Kind) -> Option<Why> {
    match stat {
        stat if stat.kind != *kind => Some(Why::Kind),
        stat if stat.uid != owner && stat.uid != 0 => Some(Why::Owner(stat.uid)),
        stat if stat.mode & 0o022 != 0 => Some(Why::Mode(stat.mode)),
        _ => None,
    }
}

/// What `path` is, if it is there at all and nobody else can have written it.
pub(crate) fn ours(files: &Files, path: &Path, owner: u32, kind: &Kind) -> Result<Option<Stat>, OursFault> {
    let Some(stat) = files.stat(path)? else { return Ok(None) };
    match fault_of(&stat, owner, kind) {
        None => Ok(Some(stat)),
        Some(why) => Err(NotOurs { path: path.to_owned(), why }.into()),
    }
}

/// Whether something is ours cannot be told, or it is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OursFault {
    #[error(transparent)]
    File(#[from] FileFault),
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
}

impl Remedy for OursFault {
    fn remedy(&self) -> Option<String> {
        match self {
            OursFault::File(fault) => fault.remedy(),
            OursFault::NotOurs(fault) => fault.remedy(),
        }
    }
}
