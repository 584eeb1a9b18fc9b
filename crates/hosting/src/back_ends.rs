//! What the front end asks of back ends, wherever they are.
//!
//! A back end carries out attempts and says lines. What can be lost is contact, never the work: a
//! stream that ends before its last line tells nothing of how the attempt ended.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use aegir_domain::protocol::{Cancelled, FoundAttempt, Line, Request};
use aegir_domain::{
    AttemptId, BackupName, Compared, Context, CronAnswer, FaultReport, FormerName, FoundBackup, HostName, ImportAnswer,
    LogAnswer, LogKind, MachineName, PlatformName, Remedy, ServerName, SiteFolder, SiteName, SshAddress, Transport,
    TrashAnswer, TrashEmptied, TrashName, TrashThing, Trial, Tried, WritesAnswer,
};

use crate::{GivenArchive, HostKeys, Source};

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
    /// recovered by that. One that is not known there is told by the first line that is asked for.
    fn attach<'a>(&'a self, place: &'a Place, attempt: AttemptId, from: u64) -> Asking<'a, Box<dyn Lines>>;

    /// The same for an attempt that somebody else began, as in a shell: the part of its answer that is told only once
    /// is left to them.
    fn watch<'a>(&'a self, place: &'a Place, attempt: AttemptId, from: u64) -> Asking<'a, Box<dyn Lines>>;

    /// Asks an attempt to stop before its next line, and to take back what it did; tells one that had ended
    /// apart.
    fn cancel<'a>(&'a self, place: &'a Place, attempt: AttemptId) -> Asking<'a, Cancelled>;

    /// The attempts that lie there and are sought, the newest first.
    fn attempts<'a>(&'a self, place: &'a Place, sought: &'a Sought) -> Asking<'a, Vec<FoundAttempt>>;

    /// All contexts that are saved there.
    fn contexts<'a>(&'a self, place: &'a Place) -> Asking<'a, Vec<Context>>;

    /// Tries the services that a server would offer, and saves nothing of it; a line for each.
    fn try_services<'a>(&'a self, place: &'a Place, trial: &'a Trial) -> Asking<'a, Vec<Tried>>;

    /// Tells whether sites fit a platform of the same home: of each, in the order in which they are named. All of it is
    /// only looked at.
    fn compare<'a>(&'a self, place: &'a Place, comparison: &'a Comparison) -> Asking<'a, Vec<Compared>>;

    /// Tells what was written to a site since it left a former self, the latest if none is named. Nothing is changed.
    fn written_since<'a>(
        &'a self,
        place: &'a Place,
        site: &'a SiteName,
        former: Option<&'a FormerName>,
    ) -> Asking<'a, WritesAnswer>;

    /// The last `lines` lines that a log has of a site, as many of them as are given at once.
    fn site_log<'a>(&'a self, place: &'a Place, site: &'a SiteName, kind: LogKind, lines: u16)
    -> Asking<'a, LogAnswer>;

    /// Tells what taking in a site would find and do. All of it is only looked at.
    fn look_at_import<'a>(&'a self, place: &'a Place, site: &'a FoundFolder) -> Asking<'a, ImportAnswer>;

    /// Runs cron of a site, for at most `limit`, and tells what came of it.
    fn run_cron<'a>(&'a self, place: &'a Place, site: &'a SiteName, limit: Duration) -> Asking<'a, CronAnswer>;

    /// What lies in the trash there, and until when.
    fn trash<'a>(&'a self, place: &'a Place) -> Asking<'a, Vec<TrashThing>>;

    /// How a thing would come out of the trash there: what was known of a platform, or the backup that a site is restored
    /// from; or why not. Nothing is moved.
    fn way_out_of_trash<'a>(&'a self, place: &'a Place, name: &'a TrashName) -> Asking<'a, TrashAnswer>;

    /// Has what is to go from the trash there go for good, and tells what went.
    fn empty_trash<'a>(&'a self, place: &'a Place, emptying: &'a Emptying) -> Asking<'a, TrashEmptied>;

    /// The backups that lie there, those of one site if one is named; without the packages of what each says of itself.
    fn backups<'a>(&'a self, place: &'a Place, site: Option<&'a SiteName>) -> Asking<'a, Vec<FoundBackup>>;

    /// Gives out the archive of a backup that lies there, or says why not.
    fn send_archive<'a>(
        &'a self,
        place: &'a Place,
        backup: &'a BackupName,
    ) -> Asking<'a, Result<GivenArchive, FaultReport>>;

    /// Has the archive that `from` gives be a backup there, under this name or, if that is taken, another one of its
    /// site and moment; or says why not. Of what is no backup, or breaks off, nothing stays.
    fn receive_archive<'a>(
        &'a self,
        place: &'a Place,
        backup: &'a BackupName,
        from: &'a mut dyn Source,
    ) -> Asking<'a, Result<FoundBackup, FaultReport>>;

    /// By which keys the machine of `server` and this front end know each other over ssh. The machine is asked for its
    /// key, and told no more than that somebody asks.
    fn host_keys<'a>(&'a self, server: &'a ServerName, address: &'a SshAddress) -> Asking<'a, HostKeys>;
}

/// What is to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The sites.
    pub sites: Vec<SiteName>,
    /// The platform that they would move to.
    pub platform: PlatformName,
    /// Packages that may be missing there though sites have them enabled.
    pub allow_missing: Vec<MachineName>,
}

/// A site that lies on a platform and that nobody looks after, as somebody asks about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFolder {
    /// Its folder below `sites/`.
    pub folder: SiteFolder,
    /// What it would be called, if that is `sites/default`; `None`: what something there proposes.
    pub name: Option<SiteName>,
    /// The platform that it lies on.
    pub platform: PlatformName,
    /// The server that has its data; `None`: the one that its settings lead to.
    pub db_server: Option<ServerName>,
    /// Other names it would answer to.
    pub aliases: Vec<HostName>,
}

/// What is to go from a trash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emptying {
    /// What lies there for so many days; nothing: for as long as that machine's settings say.
    pub older_than: Option<u32>,
    /// Only these, however long they lie there.
    pub names: Vec<TrashName>,
    /// Whether it is only told.
    pub dry_run: bool,
}

/// Which attempts are sought on a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Those made since, in milliseconds since 1970 by the clock of that machine. What has not ended is sought
    /// whenever it was made.
    pub since: u64,
    /// These, however they stand.
    pub also: Vec<AttemptId>,
    /// Of all these, those older than this one: the last of the page before.
    pub before: Option<AttemptId>,
    /// At most so many.
    pub limit: usize,
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

/// A back end that cannot be reached, or answers what nobody understands.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no contact with the back end of `@server_{server}`")]
pub struct Lost {
    /// The server.
    pub server: ServerName,
    /// Whether trying again soon may help: a connection that broke, and not a version that differs.
    pub passing: bool,
    /// Whether it answered that it knows no such attempt: that was never asked for there, or was pruned.
    pub unknown_attempt: bool,
    /// Why.
    pub source: FaultReport,
}

impl Remedy for Lost {
    fn remedy(&self) -> Option<String> {
        self.source.remedy.clone()
    }
}
