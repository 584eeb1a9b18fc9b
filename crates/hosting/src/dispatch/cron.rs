//! Runs cron of sites when it is due: no timer for each site, and no task.
//!
//! ```text
//!   each turn, for each server that is ours:  due by next_run ─► room? ─► take: next_run moves on ─► back end ─► what came of it
//! ```
//!
//! ## Invariants
//!
//! - Sites of one interval run evenly over it, each at the same moment of it: that follows from their numbers.
//! - What fell due while nobody ran it runs once, and not at once with all others.
//! - Nothing is taken without the fence of the server's lease, and nothing is run that was not taken.
//! - What one site's cron comes to keeps no other's.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aegir_domain::{ContextName, CronAnswer, CronInterval, CronResult, FaultReport, NodeId, ServerName, SiteName};
use aegir_store::{DueCron, EndedCron, Fence, Node, ServerRecord, StoreFault, Tx};
use tokio::task::JoinSet;

use super::outcome::post;
use crate::news::{News, What};
use crate::use_case::{cron_interval, number};
use crate::{Hosting, Lost, Place, Setting};

/// So many failures in a row are news.
const NEWS: u64 = 3;
/// What nobody looked at for so long, in milliseconds, was not run meanwhile: a front end that stood still, or a machine
/// that slept.
const OUTAGE: i64 = 2 * MINUTE;
/// What is later than that after an outage has its time chosen anew.
const LATE: i64 = MINUTE;
/// What fell due in an outage runs within this time, if its next turn does not come sooner.
const CATCH_UP: i64 = 60 * MINUTE;
/// What was left out for a task is tried again after this time, if its next turn does not come sooner.
const AGAIN: i64 = 5 * MINUTE;
/// How many are given their time in one transaction.
const BATCH: u32 = 200;
/// The longest that is kept of what was said, in characters.
const LONGEST: usize = 1_000;
const MINUTE: i64 = 60_000;

/// The runs of cron that this process waits for.
#[derive(Default)]
pub(super) struct CronRuns {
    runs: JoinSet<(NodeId, NodeId)>,
    /// The sites of each server that cron runs on now.
    running: HashMap<NodeId, HashSet<NodeId>>,
    /// When each server was looked at last, and could have had something begun.
    looked: HashMap<NodeId, i64>,
    /// Whether it is looked at all the time, so that a pause was none of ours.
    pub(super) goes_on: bool,
}

/// What the settings say.
struct Limits {
    every: CronInterval,
    at_once: usize,
    per_server: usize,
    time: Duration,
}

impl CronRuns {
    /// Whether none is waited for.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Begins what is due on a server, as far as there is room.
    pub(super) async fn begin_due(
        &mut self,
        hosting: &Hosting,
        server: &ServerRecord,
        fence: &Fence,
        now: i64,
    ) -> Result<(), StoreFault> {
        self.collect();
        let id = server.node.id;
        if server.paused {
            return Ok(());
        }
        // Nearly always there is nothing, and that costs one look at an index.
        if hosting.store().read(async |read| read.due_cron(id, now, 1).await).await?.is_empty() {
            self.looked.insert(id, now);
            return Ok(());
        }
        let Some(limits) = limits(hosting).await? else { return Ok(()) };
        // Only now: a pause is an outage too, and what fell due in it is not begun in one go.
        let last = self.looked.insert(id, now);
        choose_times(hosting, server.node.id, limits.every, fence, now).await?;
        if self.goes_on && last.is_none_or(|last| now < last || now - last >= OUTAGE) {
            spread_late(hosting, server.node.id, limits.every, fence, now).await?;
        }
        let here = self.running.entry(server.node.id).or_default();
        let room = limits.per_server.saturating_sub(here.len()).min(limits.at_once.saturating_sub(self.runs.len()));
        if room == 0 {
            return Ok(());
        }
        // One that takes longer than its interval is not begun a second time before it has ended.
        let wanted = u32::try_from(room.saturating_add(here.len())).unwrap_or(u32::MAX);
        let due = hosting.store().read(async |read| read.due_cron(id, now, wanted).await).await?;
        let free: Vec<DueCron> = due.into_iter().filter(|due| !here.contains(&due.site)).take(room).collect();
        for due in free {
            let ContextName::Site(name) = due.name.clone() else { continue };
            let every = due.every.unwrap_or(limits.every);
            let next = every.minutes().map(|_| next_turn(due.site, length(every), now));
            if !hosting.store().write(async |tx| tx.take_cron(&due, next, fence).await).await? {
                continue;
            }
            here.insert(due.site);
            let place = Place { server: server.context.name.clone(), transport: server.transport.clone() };
            let run = Run { hosting: hosting.clone(), place, fence: fence.clone(), site: due.site, name, next };
            let limit = limits.time;
            self.runs.spawn(async move {
                let site = run.site;
                if let Err(fault) = run.run(limit).await {
                    tracing::warn!(%site, fault = %fault, "what its cron came to is not known");
                }
                (id, site)
            });
        }
        Ok(())
    }

    /// Waits until one has ended; for ever, if none runs.
    pub(super) async fn ended(&mut self) {
        match self.runs.join_next().await {
            Some(ended) => self.has_ended(ended),
            None => std::future::pending().await,
        }
    }

    /// Waits for nothing any more. What runs goes on where it runs, and its end is not recorded.
    pub(super) async fn leave(&mut self) {
        self.runs.shutdown().await;
        self.running.clear();
    }

    fn collect(&mut self) {
        while let Some(ended) = self.runs.try_join_next() {
            self.has_ended(ended);
        }
    }

    fn has_ended(&mut self, ended: Result<(NodeId, NodeId), tokio::task::JoinError>) {
        match ended {
            Ok((server, site)) => {
                self.running.entry(server).or_default().remove(&site);
            }
            // Which one it was is not told.
            Err(_) if self.runs.is_empty() => self.running.clear(),
            Err(_) => (),
        }
    }
}

/// What the settings say; nothing while the queue is paused: then nothing is begun.
async fn limits(hosting: &Hosting) -> Result<Option<Limits>, StoreFault> {
    let store = hosting.store();
    store
        .read(async |read| {
            if read.queue().await?.paused {
                return Ok(None);
            }
            let many = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
            Ok(Some(Limits {
                every: cron_interval(read).await?,
                at_once: many(number(read, Setting::CronAtOnce).await?),
                per_server: many(number(read, Setting::CronPerServer).await?),
                time: Duration::from_secs(u64::from(number(read, Setting::CronSeconds).await?)),
            }))
        })
        .await
}

/// Gives each site its time that has none yet.
async fn choose_times(
    hosting: &Hosting,
    server: NodeId,
    every: CronInterval,
    fence: &Fence,
    now: i64,
) -> Result<(), StoreFault> {
    loop {
        // Nothing that has its time is due by then.
        let new = hosting.store().read(async |read| read.due_cron(server, 0, BATCH).await).await?;
        if new.is_empty() {
            return Ok(());
        }
        let at = |due: &DueCron| next_turn(due.site, length(due.every.unwrap_or(every)), now);
        move_all(hosting, &new, at, fence).await?;
    }
}

/// Has what fell due in an outage run soon, but not at once with all others.
async fn spread_late(
    hosting: &Hosting,
    server: NodeId,
    every: CronInterval,
    fence: &Fence,
    now: i64,
) -> Result<(), StoreFault> {
    loop {
        let late = hosting.store().read(async |read| read.due_cron(server, now - LATE, BATCH).await).await?;
        if late.is_empty() {
            return Ok(());
        }
        let at = |due: &DueCron| {
            let length = length(due.every.unwrap_or(every));
            next_turn(due.site, length, now).min(now + 1 + place_within(due.site, length.min(CATCH_UP)))
        };
        move_all(hosting, &late, at, fence).await?;
    }
}

async fn move_all(
    hosting: &Hosting,
    all: &[DueCron],
    at: impl Fn(&DueCron) -> i64 + Send + Sync,
    fence: &Fence,
) -> Result<(), StoreFault> {
    hosting
        .store()
        .write(async |tx| {
            for due in all {
                tx.take_cron(due, Some(at(due)), fence).await?;
            }
            Ok(())
        })
        .await
}

/// In milliseconds. What runs not at all is never due.
fn length(every: CronInterval) -> i64 {
    i64::from(every.minutes().unwrap_or(10_080)) * MINUTE
}

/// When the turn of a site comes next, after `now`.
fn next_turn(site: NodeId, length: i64, now: i64) -> i64 {
    let place = place_within(site, length);
    (now - place).div_euclid(length).saturating_add(1).saturating_mul(length).saturating_add(place)
}

/// The place of a site in a time of this length: numbers that follow each other lie far apart, and all together evenly.
fn place_within(site: NodeId, length: i64) -> i64 {
    // Multiplied by 2^64 divided by the golden ratio, the numbers fill the whole range without lumps (Knuth, 6.4).
    let spread = site.0.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let length = u128::from(length.max(1).cast_unsigned());
    i64::try_from((u128::from(spread) * length) >> 64).unwrap_or(0)
}

/// A run of cron that was taken.
struct Run {
    hosting: Hosting,
    place: Place,
    fence: Fence,
    site: NodeId,
    name: SiteName,
    next: Option<i64>,
}

impl Run {
    async fn run(self, limit: Duration) -> Result<(), StoreFault> {
        let Run { hosting, place, fence, site, name, next } = self;
        let began = hosting.now();
        let answer = hosting.0.back_ends.run_cron(&place, &name, limit).await;
        let now = hosting.now();
        let left_out = matches!(answer, Ok(CronAnswer::NotNow(_)));
        let ended = match &answer {
            Ok(answer) => ended_of(answer, began, now),
            Err(lost) => ended_without(lost, began, now),
        };
        hosting
            .store()
            .write(async |tx| {
                tx.check_fence(&fence).await?;
                let node = tx.need_node(site).await?;
                end_cron(tx, &node, &place.server, &ended, now).await?;
                if left_out && next.is_some() {
                    tx.hasten_cron(site, now + AGAIN).await?;
                }
                Ok(())
            })
            .await
    }
}

/// What is remembered of a run that a back end told the end of.
fn ended_of(answer: &CronAnswer, began: i64, now: i64) -> EndedCron {
    let waited = (now - began).max(0);
    let (took, said) = match answer {
        CronAnswer::Ran(run) => {
            let said = (!run.complaints.is_empty()).then(|| run.complaints.join("; "));
            (i64::try_from(run.took).unwrap_or(waited), said)
        }
        CronAnswer::Busy => (waited, None),
        CronAnswer::NotNow(why) => (waited, Some(why.clone())),
        CronAnswer::Failed(fault) => (waited, Some(in_a_line(fault))),
    };
    EndedCron { began, took, result: answer.result(), said: said.map(|said| shortened(&said)) }
}

/// What is remembered of a run whose end nobody heard of: nothing is known to be wrong with the site.
fn ended_without(lost: &Lost, began: i64, now: i64) -> EndedCron {
    let said = format!("{lost}: {}", in_a_line(&lost.source));
    EndedCron { began, took: (now - began).max(0), result: CronResult::LeftOut, said: Some(shortened(&said)) }
}

fn in_a_line(fault: &FaultReport) -> String {
    let parts = std::iter::once(&fault.message).chain(&fault.because);
    parts.map(String::as_str).collect::<Vec<_>>().join(": ")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Writes down how a run ended, and makes it news when it failed too often, and when it does so no more.
async fn end_cron(
    tx: &mut Tx,
    site: &Node,
    server: &ServerName,
    ended: &EndedCron,
    now: i64,
) -> Result<(), StoreFault> {
    let what = match tx.end_cron(site.id, ended).await? {
        (before, failures) if before < NEWS && failures == NEWS => What::CronFails,
        (before, 0) if before >= NEWS => What::CronRuns,
        _ => return Ok(()),
    };
    let fault = FaultReport {
        message: ended.said.clone().unwrap_or_default(),
        because: Vec::new(),
        remedy: site.name.as_ref().and_then(|name| match name {
            ContextName::Site(name) => Some(format!("put right what is named, then run `aegir site cron {name}`")),
            _ => None,
        }),
    };
    let news = News {
        what,
        task: None,
        operation: "site-cron".into(),
        object: site.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        server: server.to_string(),
        asked_by: "Ægir".into(),
        at: now,
        fault: (what == What::CronFails).then_some(fault),
        undone: Vec::new(),
        left: Vec::new(),
    };
    post(tx, &news, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * MINUTE;

    #[test]
    fn a_thousand_sites_have_their_turns_evenly_over_the_hour() {
        let now = 1_767_225_600_000;
        let mut each_minute = vec![0; 60];
        for site in 1..=1_000 {
            let at = next_turn(NodeId(site * 3), HOUR, now);
            assert!(now < at && at <= now + HOUR, "{site}");
            each_minute[usize::try_from((at - now - 1) / MINUTE).unwrap()] += 1;
        }

        assert!(each_minute.iter().all(|count| (10..=24).contains(count)), "{each_minute:?}");
    }

    #[test]
    fn a_site_has_its_turn_once_in_each_interval_and_always_at_the_same_moment_of_it() {
        for (site, length) in [(7, MINUTE), (8, HOUR), (9, 7 * 24 * HOUR)] {
            let first = next_turn(NodeId(site), length, 1_767_225_600_000);
            assert_eq!(next_turn(NodeId(site), length, first - 1), first);
            assert_eq!(next_turn(NodeId(site), length, first), first + length);
            assert_eq!(next_turn(NodeId(site), length, first + length / 2), first + length);
        }
    }

    #[test]
    fn what_is_said_of_a_run_is_kept_short() {
        let fault = FaultReport { message: "æ".repeat(3_000), because: Vec::new(), remedy: None };

        let ended = ended_of(&CronAnswer::Failed(fault), 5, 9);

        assert_eq!(ended.said.map(|said| said.chars().count()), Some(LONGEST + 1));
        assert_eq!((ended.took, ended.result), (4, CronResult::Failed));
    }
}
