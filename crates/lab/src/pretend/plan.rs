//! How a machine that pretends behaves: in a task, and towards whoever asks.

use std::time::Duration;

use aegir_domain::protocol::{Level, Said};
use aegir_domain::{PackageCode, TaskKind};

/// How a task goes.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// How long it pauses at each of its lines.
    pub pause: Duration,
    /// What it says on its way.
    pub says: Vec<Said>,
    /// How many short lines it says on its way, besides.
    pub floods: u64,
    /// Whether it waits to be released, or cancelled, before it ends.
    pub holds: bool,
    /// Whether its worker dies before the point of no return.
    pub dies: bool,
    /// Whether there is nothing for it to do, where it looks first.
    pub nothing: bool,
    /// How it ends.
    pub ends: Ends,
    /// What it says when it refuses or fails, and the way out; else that it was told to.
    pub because: Option<(&'static str, &'static str)>,
    /// The packages that a verify finds.
    pub packages: Vec<PackageCode>,
    /// The sites that a verify of a platform finds.
    pub found_sites: Vec<String>,
    /// The database engines that one finds; none named: all.
    pub engines: Option<Vec<&'static str>>,
    /// The languages that one finds at hand, each of a profile.
    pub languages: Vec<(&'static str, &'static str)>,
    /// The version of Drupal that one finds, if not the usual one.
    pub core: Option<&'static str>,
}

impl Plan {
    /// It waits to be released.
    pub fn holds() -> Plan {
        Plan { holds: true, ..Plan::default() }
    }

    /// It ends so.
    pub fn ends(ends: Ends) -> Plan {
        Plan { ends, ..Plan::default() }
    }

    /// It ends so, with these words and this way out.
    pub fn ends_because(ends: Ends, what: &'static str, remedy: &'static str) -> Plan {
        Plan { ends, because: Some((what, remedy)), ..Plan::default() }
    }

    /// Its worker dies.
    pub fn dies() -> Plan {
        Plan { dies: true, ..Plan::default() }
    }

    /// It says a sentence more.
    pub fn saying(mut self, text: impl Into<String>) -> Plan {
        self.says.push(Said::Log { level: Level::Info, text: text.into(), output: None });
        self
    }
}

/// How a task ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// It succeeds.
    #[default]
    Succeeded,
    /// A check says no.
    Refused,
    /// It fails, and is undone.
    RolledBack,
    /// It fails, and so does an undo.
    Stuck,
    /// It succeeds, and owes a clean-up.
    Untidy,
}

/// Whether a machine can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// It can.
    #[default]
    Answers,
    /// It cannot; trying again soon may help.
    Away,
    /// It cannot, and trying again soon is of no use: what it says is of another version.
    Foreign,
    /// It takes what it is sent, and says nothing.
    Mute,
}

/// Which tasks a plan is for.
#[derive(Clone, Debug)]
pub(super) struct For {
    pub(super) kind: Option<TaskKind>,
    /// The name of the object: `@a.test`.
    pub(super) object: Option<String>,
    /// How many more times; `None`: always.
    pub(super) times: Option<u32>,
}
