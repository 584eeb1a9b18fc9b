//! Back ends that only pretend: they live in memory, and keep the contract of the real ones.
//!
//! A machine knows attempts by their ids and runs none twice, keeps its lines and its contexts, and answers who asks for
//! what it never had. It can be told to be slow, to say nothing, to be out of reach for a while or for good, to break
//! streams off in the middle, to tell lines again, and to have a worker die.

mod archives;
mod cron;
mod front;
mod looks;
mod machine;
mod outside;
mod plan;
mod sites;
mod task_types;
mod trash;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aegir_domain::protocol::{Cancelled, FoundAttempt, Line, Request};
use aegir_domain::{
    AttemptId, BackupName, Compared, Context, CronAnswer, Fault, FaultReport, FormerName, FoundBackup, ImportAnswer,
    LogAnswer, LogKind, Remedy, ServerName, SiteName, SshAddress, TrashAnswer, TrashEmptied, TrashName, TrashThing,
    Trial, Tried, WritesAnswer,
};
use aegir_hosting::{
    Asking, BackEnds, Comparison, Emptying, FoundFolder, GivenArchive, HostKeys, Lines, Lost, Place, Sought, Source,
};
use serde_json::Value;
use tokio::sync::watch;

pub use archives::byte_of_archive;
pub use front::{A_LOOK, Furnished, PACE, PretendFront, add_platform, add_server, copy_site, package};
pub use machine::{Began, Machine};
pub use outside::{PretendOutside, PretendPostman, Sent};
pub use plan::{Ends, Plan, Reach};
pub use task_types::{PretendTypes, Reading};

/// The public key of a front end whose back ends pretend.
const OUR_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0d aegir";

/// The back ends of any number of machines, each of which is there once somebody names it.
#[derive(Clone)]
pub struct PretendBackEnds {
    outside: Arc<PretendOutside>,
    machines: Arc<Mutex<BTreeMap<ServerName, Arc<Machine>>>>,
}

impl PretendBackEnds {
    /// Machines whose clock is that of `outside`.
    pub fn new(outside: Arc<PretendOutside>) -> PretendBackEnds {
        PretendBackEnds { outside, machines: Arc::default() }
    }

    /// The machine of a server.
    ///
    /// # Panics
    ///
    /// If `name` is no name of a server.
    pub fn machine(&self, name: &str) -> Arc<Machine> {
        self.of(&name.parse().expect("the name of a server"))
    }

    fn of(&self, name: &ServerName) -> Arc<Machine> {
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Machine::new(name.clone(), self.outside.clone());
        machines.entry(name.clone()).or_insert_with(new).clone()
    }

    /// What lies on all of them, and what is at work there: they outlive a front end that ends.
    pub fn written_down(&self) -> Value {
        self.machines().iter().map(|machine| (machine.name.to_string(), machine.written_down())).collect()
    }

    /// Goes on with what was [written down](Self::written_down). What was at work says its lines from the first one
    /// again, for whoever attaches and asks for those that are missing.
    ///
    /// # Panics
    ///
    /// If it is something else.
    pub fn take_up(&self, written: &Value) {
        for (name, written) in written.as_object().expect("machines by their names") {
            self.machine(name).take_up(written);
        }
    }

    /// All machines that were ever named.
    pub fn machines(&self) -> Vec<Arc<Machine>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl BackEnds for PretendBackEnds {
    fn start<'a>(&'a self, place: &'a Place, request: &'a Request) -> Asking<'a, Box<dyn Lines>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Start).await?;
            machine.is_known_to(place)?;
            machine.ask(request);
            Ok(machine.lines(request.attempt, 1, Secret::Taken))
        })
    }

    fn attach<'a>(&'a self, place: &'a Place, attempt: AttemptId, from: u64) -> Asking<'a, Box<dyn Lines>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Attach).await?;
            machine.is_known_to(place)?;
            machine.recover(attempt);
            Ok(machine.lines(attempt, from, Secret::Taken))
        })
    }

    fn watch<'a>(&'a self, place: &'a Place, attempt: AttemptId, from: u64) -> Asking<'a, Box<dyn Lines>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Attach).await?;
            machine.is_known_to(place)?;
            machine.recover(attempt);
            Ok(machine.lines(attempt, from, Secret::Left))
        })
    }

    fn cancel<'a>(&'a self, place: &'a Place, attempt: AttemptId) -> Asking<'a, Cancelled> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Cancel).await?;
            machine.is_known_to(place)?;
            machine.cancel(attempt)
        })
    }

    fn attempts<'a>(&'a self, place: &'a Place, sought: &'a Sought) -> Asking<'a, Vec<FoundAttempt>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.found(sought))
        })
    }

    fn contexts<'a>(&'a self, place: &'a Place) -> Asking<'a, Vec<Context>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.saved())
        })
    }

    fn try_services<'a>(&'a self, place: &'a Place, trial: &'a Trial) -> Asking<'a, Vec<Tried>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.tried(trial))
        })
    }

    fn compare<'a>(&'a self, place: &'a Place, comparison: &'a Comparison) -> Asking<'a, Vec<Compared>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(comparison.sites.iter().map(|site| machine.compared(site, comparison)).collect())
        })
    }

    fn written_since<'a>(
        &'a self,
        place: &'a Place,
        site: &'a SiteName,
        former: Option<&'a FormerName>,
    ) -> Asking<'a, WritesAnswer> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.written_since(site, former))
        })
    }

    fn site_log<'a>(
        &'a self,
        place: &'a Place,
        site: &'a SiteName,
        kind: LogKind,
        lines: u16,
    ) -> Asking<'a, LogAnswer> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.site_log(site, kind, lines))
        })
    }

    fn look_at_import<'a>(&'a self, place: &'a Place, site: &'a FoundFolder) -> Asking<'a, ImportAnswer> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.found_to_import(site))
        })
    }

    fn run_cron<'a>(&'a self, place: &'a Place, site: &'a SiteName, _: Duration) -> Asking<'a, CronAnswer> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Cron).await?;
            machine.is_known_to(place)?;
            Ok(machine.cron(site).await)
        })
    }

    fn trash<'a>(&'a self, place: &'a Place) -> Asking<'a, Vec<TrashThing>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.trash())
        })
    }

    fn way_out_of_trash<'a>(&'a self, place: &'a Place, name: &'a TrashName) -> Asking<'a, TrashAnswer> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.way_out_of_trash(name))
        })
    }

    fn empty_trash<'a>(&'a self, place: &'a Place, emptying: &'a Emptying) -> Asking<'a, TrashEmptied> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Trash).await?;
            machine.is_known_to(place)?;
            Ok(machine.empty_trash(emptying))
        })
    }

    fn backups<'a>(&'a self, place: &'a Place, site: Option<&'a SiteName>) -> Asking<'a, Vec<FoundBackup>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(machine.backups(site))
        })
    }

    fn send_archive<'a>(
        &'a self,
        place: &'a Place,
        backup: &'a BackupName,
    ) -> Asking<'a, Result<GivenArchive, FaultReport>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(archives::give(&machine, backup))
        })
    }

    fn receive_archive<'a>(
        &'a self,
        place: &'a Place,
        backup: &'a BackupName,
        from: &'a mut dyn Source,
    ) -> Asking<'a, Result<FoundBackup, FaultReport>> {
        Box::pin(async move {
            let machine = self.of(&place.server);
            machine.reached(Call::Look).await?;
            machine.is_known_to(place)?;
            Ok(archives::take(&machine, backup, from).await)
        })
    }

    fn host_keys<'a>(&'a self, server: &'a ServerName, address: &'a SshAddress) -> Asking<'a, HostKeys> {
        Box::pin(async move {
            let machine = self.of(server);
            let shown = machine.reached(Call::Look).await.map(|()| machine.host_key()).map_err(|lost| lost.source);
            Ok(HostKeys { ours: OUR_KEY.into(), trusted: address.host_key.clone(), shown })
        })
    }
}

/// What a machine is asked, for the count of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// See [`BackEnds::start`].
    Start,
    /// See [`BackEnds::attach`].
    Attach,
    /// See [`BackEnds::cancel`].
    Cancel,
    /// See [`BackEnds::run_cron`].
    Cron,
    /// See [`BackEnds::empty_trash`].
    Trash,
    /// See [`BackEnds::attempts`], [`BackEnds::contexts`], [`BackEnds::try_services`], [`BackEnds::compare`],
    /// [`BackEnds::written_since`], [`BackEnds::site_log`], [`BackEnds::look_at_import`], [`BackEnds::trash`], [`BackEnds::way_out_of_trash`], [`BackEnds::backups`] and [`BackEnds::host_keys`].
    Look,
}

/// What an attempt says, as a front end hears it.
struct PretendLines {
    machine: Arc<Machine>,
    attempt: AttemptId,
    next: u64,
    secret: Secret,
    /// How many lines until this stream breaks off.
    left: Option<u64>,
    ended: bool,
    /// Changes with the machine.
    moved: watch::Receiver<u64>,
}

/// What becomes of the part of an answer that is told only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secret {
    /// Whoever follows gets it.
    Taken,
    /// It stays where it is.
    Left,
}

/// What a stream comes to when it is asked for its next line.
enum Heard {
    Line(Line, bool),
    /// Nothing yet.
    Wait,
    Lost(Lost),
}

impl Lines for PretendLines {
    fn next(&mut self) -> Asking<'_, Option<Line>> {
        Box::pin(async move {
            loop {
                if self.ended {
                    return Ok(None);
                }
                self.moved.mark_unchanged();
                match self.machine.hear(self.attempt, self.next, self.secret) {
                    Heard::Lost(lost) => return Err(lost),
                    Heard::Line(..) if self.left == Some(0) => {
                        // A pipe that is closed tells no more than that.
                        self.ended = true;
                        return Ok(None);
                    }
                    Heard::Line(line, last) => {
                        self.next = line.n + 1;
                        self.left = self.left.map(|left| left - 1);
                        self.ended = last;
                        return Ok(Some(line));
                    }
                    Heard::Wait => {
                        // The machine outlives its streams: `self.machine` holds it.
                        let _ = self.moved.changed().await;
                    }
                }
            }
        })
    }
}

/// What a machine that pretends says no with.
#[derive(Debug, thiserror::Error)]
pub enum PretendFault {
    /// It cannot be reached.
    #[error("connection refused")]
    Unreachable,
    /// It shows another key than it is known by.
    #[error("it shows another key")]
    OtherKey,
    /// No key of it is trusted.
    #[error("it is not known by which key it is to be known")]
    NoKey,
    /// It knows no such attempt.
    #[error("there is no attempt `{0}`")]
    UnknownAttempt(AttemptId),
    /// It was told to refuse.
    #[error("it was told to say no")]
    Told,
    /// It was told to fail.
    #[error("it was told to fail")]
    Failed,
    /// It was told to refuse or to fail, and with which words.
    #[error("{what}")]
    Because {
        /// What it says.
        what: &'static str,
        /// The way out.
        remedy: &'static str,
    },
    /// Its database server wants another password than it was given.
    #[error("the database server refuses the password of `aegir`")]
    Password(ServerName),
    /// An undo was told to fail.
    #[error("the undo was told to fail")]
    UndoFailed,
    /// What is owed was told to fail.
    #[error("what is owed was told to fail")]
    Owed,
    /// Somebody cancelled it.
    #[error("it was cancelled")]
    Cancelled,
    /// Its worker had died.
    #[error("its worker died")]
    Died,
    /// There is no such object.
    #[error("there is no `{0}` here")]
    Absent(String),
    /// There is one already.
    #[error("there is a `{0}` already")]
    There(String),
    /// The change was made from something else than is saved.
    #[error("`{name}` has revision {has} now, and this change was made from revision {from}")]
    Stale {
        /// Of what.
        name: String,
        /// Which revision is saved.
        has: u64,
        /// Which the change was made from.
        from: u64,
    },
}

impl Remedy for PretendFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            PretendFault::Password(server) => {
                format!("give `{server}` the right one (`aegir server edit {server} --db-password`), and try again")
            }
            PretendFault::Because { remedy, .. } => (*remedy).into(),
            _ => "tell it otherwise".into(),
        })
    }
}

/// A contact that failed.
fn lost(server: &ServerName, fault: PretendFault, passing: bool) -> Lost {
    Lost {
        server: server.clone(),
        passing,
        unknown_attempt: matches!(fault, PretendFault::UnknownAttempt(_)),
        source: Fault::from(fault).report(),
    }
}
