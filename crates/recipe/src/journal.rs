//! What is remembered of a task while it runs, and how that is read after a crash.

use aegir_domain::{AttemptId, Fault, Outcome, Remedy};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One record of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The first one: the task, and every object it locks. Durable once the first synced record is.
    Head {
        /// The form of the journal: 1.
        version: u32,
        /// The attempt.
        attempt: AttemptId,
        /// The task, without secrets, for whoever reads the journal.
        task: Value,
        /// The locks it holds, each with how: `exclusive` or `shared`.
        locks: Vec<(String, String)>,
    },
    /// A step begins. Synced before the step acts.
    Begun {
        /// Its place, from 1 on.
        line: u32,
        /// Its name.
        name: String,
        /// Its inputs.
        inputs: Value,
    },
    /// A step is done.
    Done {
        /// Its place.
        line: u32,
    },
    /// A program was started. Written before the program acts, and not synced: a power loss ends the program too.
    Program(ProcessGroup),
    /// The point of no return: all lines that follow. Synced, unless no step began and nothing follows.
    Committed {
        /// Its place in the recipe: lines behind it are told by the places that follow. Records of older versions say 0.
        #[serde(default)]
        line: u32,
        /// The lines.
        afterwards: Vec<AfterLine>,
        /// What the task found or made.
        answer: Map<String, Value>,
        /// Whether anything was changed.
        changed: bool,
    },
    /// A step was undone.
    Undone {
        /// Its place.
        line: u32,
    },
    /// A line behind the point of no return is done.
    Finished {
        /// Its place among them, from 0 on.
        after: u32,
    },
    /// The task ended. Synced if the end took more than the records before it say.
    Ended(Outcome),
}

/// A group of processes that a task started. The start time tells it from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessGroup {
    /// Its number: the id of its first process.
    pub pgid: u32,
    /// When that process started, in clock ticks since the machine did.
    pub started: u64,
    /// Which boot of the machine that was.
    pub boot: String,
}

/// A line behind the point of no return.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AfterLine {
    /// Whether it must happen, or may be owed.
    pub kind: AfterKind,
    /// Its name.
    pub name: String,
    /// Its inputs.
    pub inputs: Value,
}

/// The two kinds of line behind the point of no return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterKind {
    /// Retried until done.
    Finish,
    /// Three tries, then owed.
    Cleanup,
}

/// Where records go.
pub trait Journal {
    /// Appends `record`, and syncs it if `sync`: then all before it, and whatever it takes to find the
    /// journal, survives a power loss too.
    ///
    /// If it cannot, it takes back what it wrote: after `JournalFault::Refused` the record is not in
    /// the journal. After `JournalFault::Lost` nobody knows; the engine then stops where it is.
    fn append(&mut self, record: &Record, sync: bool) -> Result<(), JournalFault>;
}

/// A record could not be appended.
#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    /// It is not in the journal.
    #[error("cannot write to the journal of the task")]
    Refused(#[source] std::io::Error),
    /// Whether it is in the journal, nobody knows.
    #[error("the journal of the task broke, and could not be put right")]
    Lost(#[source] std::io::Error),
}

impl Remedy for JournalFault {
    fn remedy(&self) -> Option<String> {
        Some("see that the disk that holds `tasks/` has room and answers, then run `aegir provision recover`".into())
    }
}

/// A journal in memory, for tests of recipes.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    /// What was appended, in order.
    pub records: Vec<Record>,
    /// How many of them were synced.
    pub syncs: usize,
}

impl Journal for MemoryJournal {
    fn append(&mut self, record: &Record, sync: bool) -> Result<(), JournalFault> {
        self.records.push(record.clone());
        self.syncs += usize::from(sync);
        Ok(())
    }
}

/// What a journal says of how far its task came.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Steps that may have acted and are not undone, first one first: place, name, inputs.
    pub standing: Vec<(u32, String, Value)>,
    /// The lines behind the point of no return, if it was passed, each with whether it is done.
    pub afterwards: Option<Vec<(AfterLine, bool)>>,
    /// The place of the point of no return, if it was passed; at the least that of the last step.
    pub committed_at: u32,
    /// What the task had to say when it passed that point.
    pub answer: Map<String, Value>,
    /// Whether the task had changed anything when it passed that point.
    pub changed: bool,
    /// Groups of programs that it started.
    pub programs: Vec<ProcessGroup>,
    /// How it ended, if it did.
    pub ended: Option<Outcome>,
}

impl State {
    /// Reads the records of one journal.
    ///
    /// That a line was undone or finished counts only once an end was recorded behind it: the record
    /// may have reached the disk before what it tells of did, and then the power went.
    pub fn of(records: &[Record]) -> State {
        let mut state = State::default();
        let mut undone = Vec::new();
        let mut finished = Vec::new();
        for record in records {
            match record {
                Record::Head { .. } | Record::Done { .. } => (),
                Record::Begun { line, name, inputs } => {
                    state.committed_at = state.committed_at.max(*line);
                    state.standing.push((*line, name.clone(), inputs.clone()));
                }
                Record::Program(group) => state.programs.push(group.clone()),
                Record::Committed { line, afterwards, answer, changed } => {
                    state.committed_at = state.committed_at.max(*line);
                    state.afterwards = Some(afterwards.iter().map(|line| (line.clone(), false)).collect());
                    state.answer = answer.clone();
                    state.changed = *changed;
                }
                Record::Undone { line } => undone.push(*line),
                Record::Finished { after } => finished.push(*after as usize),
                Record::Ended(outcome) => {
                    state.standing.retain(|(place, ..)| !undone.contains(place));
                    for (place, line) in state.afterwards.iter_mut().flatten().enumerate() {
                        line.1 |= finished.contains(&place);
                    }
                    state.ended = Some(outcome.clone());
                }
            }
        }
        state
    }

    /// Whether the task may have touched the world: a step began, or something follows its point of no return.
    pub fn may_have_acted(&self) -> bool {
        !self.standing.is_empty() || self.afterwards.as_ref().is_some_and(|after| !after.is_empty())
    }

    /// Whether nothing is left to do: it ended, and nothing is owed.
    pub fn is_closed(&self) -> bool {
        matches!(self.ended, Some(Outcome::Succeeded | Outcome::Refused { .. } | Outcome::RolledBack { .. }))
    }
}

pub(crate) fn fault(error: JournalFault) -> Fault {
    error.into()
}
