//! Back ends over processes: that of this machine, and those of others behind ssh.
//!
//! ```text
//!   front end ─► start, attach ─► aegir provision run | attach …   here: our own program
//!                  lines ◄────── standard output                   there: the same words behind ssh
//! ```
//!
//! ## Invariants
//!
//! - What is started here only follows an attempt; its death, or ours, never touches the work.
//! - Words for another machine are fixed, or of types that are one word in any shell; secrets cross on standard
//!   input alone.
//! - An end without a result is lost contact, never a failed task.

mod archives;
mod fault;
mod known_hosts;
mod lines;
mod seats;
mod ssh;
mod talk;

use std::time::Duration;

use aegir_domain::protocol::{Cancelled, FoundAttempt, Request, VERSION};
use aegir_domain::{
    AttemptId, BackupName, Compared, Context, CronAnswer, FaultReport, FormerName, FoundBackup, Home, ImportAnswer,
    LogAnswer, LogKind, ServerName, SiteName, SshAddress, Transport, TrashAnswer, TrashEmptied, TrashName, TrashThing,
    Trial, Tried, WritesAnswer,
};
use aegir_host::OwnProgram;
use aegir_hosting::{
    Asking, BackEnds, Comparison, Emptying, FoundFolder, GivenArchive, HostKeys, Lines, Lost, Place, Sought, Source,
};
use serde::de::DeserializeOwned;

use self::fault::TalkFault;
use self::lines::Followed;
use self::ssh::Ssh;
use self::talk::Talk;

/// How long an answer to a question may take, all of it.
const ANSWER: Duration = Duration::from_secs(120);
/// For how long what was deleted may take to go for good. What is left goes the next time.
const EMPTYING: Duration = Duration::from_secs(6 * 3600);

/// How many lines an answer may have: as many objects as a home has at the most, and more.
const LONGEST_ANSWER: usize = 100_000;
/// How long it may be, in bytes.
const LARGEST_ANSWER: usize = 128 << 20;

/// The back ends of all servers, as processes.
pub struct ProcessBackEnds {
    home: Home,
    program: OwnProgram,
    ssh: Ssh,
}

impl ProcessBackEnds {
    /// Those that the front end of `home` reaches; `program` is our own, as the user that the home belongs to.
    pub fn new(home: Home, program: OwnProgram) -> ProcessBackEnds {
        ProcessBackEnds { ssh: Ssh::new(home.clone()), home, program }
    }

    /// Has the back end at `place` read `words`, and what comes with them on standard input.
    async fn say(&self, place: &Place, words: &[&str], input: &[u8]) -> Result<Talk, TalkFault> {
        let mut talk = self.begin(place, words).await?;
        talk.say(input).await?;
        Ok(talk)
    }

    /// The same, while more is to come on standard input.
    async fn begin(&self, place: &Place, words: &[&str]) -> Result<Talk, TalkFault> {
        let version = VERSION.to_string();
        let words = [&["provision", "--json", "--protocol", &version], words].concat();
        Ok(match &place.transport {
            Transport::Local => {
                let home = self.home.path().to_str().ok_or(TalkFault::HomeIsNoText)?;
                let words = [&["--home", home], &words[..]].concat();
                Talk::begin(self.program.speak(&words).map_err(TalkFault::NotStarted)?, None)?
            }
            Transport::Ssh(address) => {
                let program = address.program.as_ref().map_or("aegir", |program| program.as_str());
                let words = [&[program, "--home", address.home.as_str()], &words[..]].concat();
                self.ssh.run(&place.server, address, &words).await?
            }
        })
    }

    /// Follows what an attempt says.
    async fn listen(
        &self,
        place: &Place,
        words: &[&str],
        input: &[u8],
        attempt: AttemptId,
        from: u64,
    ) -> Result<Box<dyn Lines>, Lost> {
        let talk = self.say(place, words, input).await.map_err(|fault| fault.lost(&place.server))?;
        Ok(Box::new(Followed::new(talk, place.server.clone(), attempt, from)))
    }

    /// Asks, and reads each line of the answer.
    async fn ask<T: DeserializeOwned>(&self, place: &Place, words: &[&str], input: &[u8]) -> Result<Vec<T>, Lost> {
        self.ask_within(ANSWER, place, words, input).await
    }

    /// The same, of what may take as long as `limit`.
    async fn ask_within<T: DeserializeOwned>(
        &self,
        limit: Duration,
        place: &Place,
        words: &[&str],
        input: &[u8],
    ) -> Result<Vec<T>, Lost> {
        let asked = async {
            let mut talk = self.say(place, words, input).await?;
            let mut answer = Vec::new();
            let mut bytes = 0;
            while let Some(line) = talk.line().await? {
                bytes += line.len();
                // Whoever answers without an end would have all our memory.
                if answer.len() == LONGEST_ANSWER || bytes > LARGEST_ANSWER {
                    return Err(TalkFault::TooMuch { lines: LONGEST_ANSWER, bytes: LARGEST_ANSWER });
                }
                answer.push(serde_json::from_slice(&line).map_err(|_| TalkFault::garbage(&line))?);
            }
            talk.must_have_ended_well().await?;
            match talk.is_torn() {
                // Half a list must not be taken for a whole one.
                true => Err(TalkFault::BrokeOff { how: "in the middle of a line".into() }),
                false => Ok(answer),
            }
        };
        let answered = tokio::time::timeout(limit, asked).await.unwrap_or(Err(TalkFault::Silent { limit }));
        answered.map_err(|fault| fault.lost(&place.server))
    }
}

impl BackEnds for ProcessBackEnds {
    fn start<'a>(&'a self, place: &'a Place, request: &'a Request) -> Asking<'a, Box<dyn Lines>> {
        Box::pin(async move {
            let text = request.expose();
            self.listen(place, &["run"], text.as_bytes(), request.attempt, 1).await
        })
    }

    fn attach<'a>(&'a self, place: &'a Place, attempt: AttemptId, from: u64) -> Asking<'a, Box<dyn Lines>> {
        Box::pin(async move {
            let (id, from) = (attempt.to_string(), from.max(1));
            self.listen(place, &["attach", &id, "--from", &from.to_string()], b"", attempt, from).await
        })
    }

    fn watch<'a>(&'a self, place: &'a Place, attempt: AttemptId, from: u64) -> Asking<'a, Box<dyn Lines>> {
        Box::pin(async move {
            let (id, from) = (attempt.to_string(), from.max(1));
            let words = ["attach", &id, "--from", &from.to_string(), "--leave-secret"];
            self.listen(place, &words, b"", attempt, from).await
        })
    }

    fn cancel<'a>(&'a self, place: &'a Place, attempt: AttemptId) -> Asking<'a, Cancelled> {
        Box::pin(async move {
            let answer = self.ask(place, &["cancel", &attempt.to_string()], b"").await?;
            answer.into_iter().next().ok_or_else(|| TalkFault::garbage(b"").lost(&place.server))
        })
    }

    fn attempts<'a>(&'a self, place: &'a Place, sought: &'a Sought) -> Asking<'a, Vec<FoundAttempt>> {
        Box::pin(async move {
            let Sought { since, also, before, limit } = sought;
            let mut words = vec!["--limit".to_owned(), limit.to_string(), "--since".into(), since.to_string()];
            words.extend(also.iter().flat_map(|attempt| ["--also".into(), attempt.to_string()]));
            words.extend(before.iter().flat_map(|attempt| ["--before".into(), attempt.to_string()]));
            let words: Vec<&str> = ["tasks"].into_iter().chain(words.iter().map(String::as_str)).collect();
            self.ask(place, &words, b"").await
        })
    }

    fn contexts<'a>(&'a self, place: &'a Place) -> Asking<'a, Vec<Context>> {
        Box::pin(async move { self.ask(place, &["show"], b"").await })
    }

    fn try_services<'a>(&'a self, place: &'a Place, trial: &'a Trial) -> Asking<'a, Vec<Tried>> {
        Box::pin(async move { self.ask(place, &["try"], trial.expose().as_bytes()).await })
    }

    fn compare<'a>(&'a self, place: &'a Place, comparison: &'a Comparison) -> Asking<'a, Vec<Compared>> {
        Box::pin(async move {
            let Comparison { sites, platform, allow_missing } = comparison;
            let mut words = vec!["compare"];
            words.extend(sites.iter().map(SiteName::as_str));
            words.extend(["--to", platform.as_str()]);
            words.extend(allow_missing.iter().flat_map(|name| ["--allow-missing", name.as_str()]));
            let answer: Vec<Compared> = self.ask(place, &words, b"").await?;
            match answer.len() == sites.len() {
                true => Ok(answer),
                false => Err(TalkFault::garbage(b"").lost(&place.server)),
            }
        })
    }

    fn written_since<'a>(
        &'a self,
        place: &'a Place,
        site: &'a SiteName,
        former: Option<&'a FormerName>,
    ) -> Asking<'a, WritesAnswer> {
        Box::pin(async move {
            let mut words = vec!["written-since", site.as_str()];
            words.extend(former.iter().flat_map(|former| ["--former", former.as_str()]));
            let answer = self.ask(place, &words, b"").await?;
            answer.into_iter().next().ok_or_else(|| TalkFault::garbage(b"").lost(&place.server))
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
            let lines = lines.to_string();
            let mut words = vec!["log", site.as_str(), "--lines", &lines];
            match kind {
                LogKind::Web => (),
                LogKind::Errors => words.push("--errors"),
                LogKind::Php => words.push("--php"),
            }
            let answer = self.ask(place, &words, b"").await?;
            answer.into_iter().next().ok_or_else(|| TalkFault::garbage(b"").lost(&place.server))
        })
    }

    fn look_at_import<'a>(&'a self, place: &'a Place, site: &'a FoundFolder) -> Asking<'a, ImportAnswer> {
        Box::pin(async move {
            let FoundFolder { folder, name, platform, db_server, aliases } = site;
            let mut words = vec!["import", folder.as_str(), "--dry-run", "--platform", platform.as_str()];
            words.extend(name.iter().flat_map(|name| ["--name", name.as_str()]));
            words.extend(db_server.iter().flat_map(|server| ["--db-server", server.as_str()]));
            words.extend(aliases.iter().flat_map(|alias| ["--alias", alias.as_str()]));
            let answer = self.ask(place, &words, b"").await?;
            answer.into_iter().next().ok_or_else(|| TalkFault::garbage(b"").lost(&place.server))
        })
    }

    fn run_cron<'a>(&'a self, place: &'a Place, site: &'a SiteName, limit: Duration) -> Asking<'a, CronAnswer> {
        Box::pin(async move {
            let seconds = limit.as_secs().to_string();
            let words = ["cron", site.as_str(), "--limit", &seconds];
            let answer = self.ask_within(limit + ANSWER, place, &words, b"").await?;
            answer.into_iter().next().ok_or_else(|| TalkFault::garbage(b"").lost(&place.server))
        })
    }

    fn trash<'a>(&'a self, place: &'a Place) -> Asking<'a, Vec<TrashThing>> {
        Box::pin(async move { self.ask(place, &["trash-list"], b"").await })
    }

    fn way_out_of_trash<'a>(&'a self, place: &'a Place, name: &'a TrashName) -> Asking<'a, TrashAnswer> {
        Box::pin(async move {
            let words = ["trash-restore", name.as_str(), "--dry-run"];
            let answer = self.ask(place, &words, b"").await?;
            answer.into_iter().next().ok_or_else(|| TalkFault::garbage(b"").lost(&place.server))
        })
    }

    fn empty_trash<'a>(&'a self, place: &'a Place, emptying: &'a Emptying) -> Asking<'a, TrashEmptied> {
        Box::pin(async move {
            let Emptying { older_than, names, dry_run } = emptying;
            let days = older_than.map(|days| days.to_string());
            let mut words = vec!["trash-empty"];
            words.extend(days.iter().flat_map(|days| ["--older-than", days]));
            words.extend(names.iter().map(TrashName::as_str));
            words.extend(dry_run.then_some("--dry-run"));
            let answer = self.ask_within(EMPTYING, place, &words, b"").await?;
            answer.into_iter().next().ok_or_else(|| TalkFault::garbage(b"").lost(&place.server))
        })
    }

    fn backups<'a>(&'a self, place: &'a Place, site: Option<&'a SiteName>) -> Asking<'a, Vec<FoundBackup>> {
        Box::pin(async move {
            let words: Vec<&str> = ["backups"].into_iter().chain(site.map(SiteName::as_str)).collect();
            self.ask(place, &words, b"").await
        })
    }

    fn send_archive<'a>(
        &'a self,
        place: &'a Place,
        backup: &'a BackupName,
    ) -> Asking<'a, Result<GivenArchive, FaultReport>> {
        Box::pin(async move {
            let given = async {
                let talk = self.say(place, &["backup-send", backup.as_str()], b"").await?;
                archives::give(talk, &place.server).await
            };
            given.await.map_err(|fault| fault.lost(&place.server))
        })
    }

    fn receive_archive<'a>(
        &'a self,
        place: &'a Place,
        backup: &'a BackupName,
        from: &'a mut dyn Source,
    ) -> Asking<'a, Result<FoundBackup, FaultReport>> {
        Box::pin(async move {
            let taken = async {
                let talk = self.begin(place, &["backup-receive", backup.as_str()]).await?;
                archives::take(talk, from).await
            };
            taken.await.map_err(|fault| fault.lost(&place.server))
        })
    }

    fn host_keys<'a>(&'a self, server: &'a ServerName, address: &'a SshAddress) -> Asking<'a, HostKeys> {
        Box::pin(async move { self.ssh.host_keys(server, address).await.map_err(|fault| fault.lost(server)) })
    }
}
