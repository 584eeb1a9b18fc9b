//! What the front end asks of back ends, wherever they are.
//!
//! A back end carries out attempts and says lines. What can be lost is contact, never the work: a
//! stream that ends before its last line tells nothing of how the attempt ended.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use aegir_domain::protocol::{Line, Request};
use aegir_domain::{AttemptId, Context, FaultReport, Remedy, ServerName, Task};

/// What is asked, until it is answered.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, Lost>> + Send + 'a>>;

/// The back ends of all servers.
///
/// Every request can be repeated: an attempt is known by its id, and is never run twice.
pub trait BackEnds: Send + Sync {
    /// Has the back end at `place` carry out `request`, and listens from the first line on. If it knows the
    /// attempt already, it attaches.
    fn start<'a>(&'a self, place: &'a Place, request: &'a Request) -> Asking<'a, Box<dyn Lines>>;

    /// Listens to an attempt from line `from` on (1 is the first). An attempt whose worker died is
    /// recovered by that.
    fn attach<'a>(&'a self, place: &'a Place, attempt: AttemptId, from: u64) -> Asking<'a, Box<dyn Lines>>;

    /// Asks an attempt to stop before its next line, and to take back what it did.
    fn cancel<'a>(&'a self, place: &'a Place, attempt: AttemptId) -> Asking<'a, ()>;

    /// The attempts that lie there, the newest first, at most `limit`.
    fn attempts<'a>(&'a self, place: &'a Place, limit: usize) -> Asking<'a, Vec<FoundAttempt>>;

    /// All contexts that are saved there.
    fn contexts<'a>(&'a self, place: &'a Place) -> Asking<'a, Vec<Context>>;
}

/// What an attempt says, line by line.
pub trait Lines: Send {
    /// The next line, or nothing after the last one: the result. What comes late is waited for; what
    /// was lost is said as such. Dropping the stream does not touch the attempt.
    fn next(&mut self) -> Asking<'_, Option<Line>>;
}

/// Where a back end is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The server whose back end it is.
    pub server: ServerName,
    /// How it is reached.
    pub transport: Transport,
}

/// How a back end is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// On this machine, with the front end's own home.
    Local,
    /// On another one, over ssh.
    Ssh(SshAddress),
}

/// Where ssh leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAddress {
    /// Host name or address.
    pub host: String,
    /// Port; `None`: what ssh's own settings say.
    pub port: Option<u16>,
    /// User; `None`: what ssh's own settings say.
    pub user: Option<String>,
    /// The home there.
    pub home: PathBuf,
    /// The program there; `None`: `aegir`, found as the login finds it.
    pub program: Option<PathBuf>,
}

/// An attempt as it lies in a machine's task folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAttempt {
    /// Its id.
    pub attempt: AttemptId,
    /// What it was asked to do, if this build understands it.
    pub task: Option<Task>,
    /// Who asked, as was said there.
    pub asked_by: Option<String>,
    /// When it was asked for, in milliseconds since 1970.
    pub asked_at: u64,
    /// Whether it ended.
    pub ended: bool,
}

/// A back end that cannot be reached, or answers what nobody understands.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no contact with the back end of `@server_{server}`")]
pub struct Lost {
    /// The server.
    pub server: ServerName,
    /// Whether trying again soon may help: a connection that broke, and not a version that differs.
    pub passing: bool,
    /// Why.
    pub source: FaultReport,
}

impl Remedy for Lost {
    fn remedy(&self) -> Option<String> {
        self.source.remedy.clone()
    }
}
