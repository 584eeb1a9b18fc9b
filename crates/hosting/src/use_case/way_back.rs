//! The way back of a batch: the sites that a bulk run moved are what they were before, all or some of them.
//!
//! Each goes back to the very self that the run left. One that went on since then, was moved again, renamed or restored,
//! is left alone: going back with it would undo what came later.

use std::collections::BTreeSet;

use aegir_domain::{Fault, FaultReport, Former, NodeId, PlatformName, Remedy, SiteName, TaskState};
use aegir_store::{BulkEntryList, BulkPlan, BulkRecord, EntryState, NewBulkEntry, Page, Read, StoreFault};
use serde_json::{Map, Value, json};

use super::bulk::{Run, bulk_numbered};
use super::object::site_named;
use super::{Asked, operation_named};
use crate::{Answer, BadParameters, Hosting, OperationId, Refusal};

/// From where to where a run moved sites.
struct Moved {
    from: PlatformName,
    to: PlatformName,
}

/// A site that a run moved.
struct MovedSite {
    name: String,
    /// What moved it.
    task: Option<NodeId>,
}

impl Hosting {
    pub(super) async fn go_back_with_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let chosen: BTreeSet<String> = asked.given.strs("site").into_iter().map(str::to_owned).collect();
        let (bulk, entries) = self
            .store()
            .snapshot(async |read| {
                let bulk = bulk_numbered(read, asked.name).await?;
                let moved = moved(&bulk)?;
                let sites = sites_moved(read, &bulk).await?;
                if let Some(other) = chosen.iter().find(|name| sites.iter().all(|site| site.name != **name)) {
                    let why = format!("the bulk run {} did not move `{other}`", bulk.id);
                    let remedy = format!("see what it moved with `aegir bulk objects {} --state succeeded`", bulk.id);
                    return Err(BadParameters::one(asked.operation, "site", why, remedy).into());
                }
                let mut entries = Vec::new();
                for site in sites.into_iter().filter(|site| chosen.is_empty() || chosen.contains(&site.name)) {
                    entries.push(entry_of(read, site, &moved).await?);
                }
                Ok::<_, Refusal>((bulk, entries))
            })
            .await?;
        if entries.iter().all(|entry| entry.refused.is_some()) {
            let why = entries.iter().find_map(|entry| entry.refused.as_ref());
            return Err(Refusal::Conflict {
                what: match why {
                    Some(why) => format!("no site of the bulk run {} can go back: {}", bulk.id, why.message),
                    None => format!("the bulk run {} moved no site yet", bulk.id),
                },
                remedy: Some(format!("see how it stands with `aegir bulk show {}`", bulk.id)),
            });
        }
        let run = Run {
            operation: OperationId::SiteGoBack.declaration(),
            parameters: Map::new(),
            plan: BulkPlan { at_once: bulk.plan.at_once, ..BulkPlan::default() },
            entries,
            chosen: json!({ "goes_back": bulk.id }),
        };
        self.begin(asked, run).await
    }
}

/// From where to where the run moved sites.
fn moved(bulk: &BulkRecord) -> Result<Moved, Refusal> {
    let platform = |value: &serde_json::Value| value.as_str().and_then(|name| name.parse().ok());
    let moves = operation_named(bulk.operation.as_str()) == Some(OperationId::SiteMigrate);
    let (from, to) = (platform(&bulk.chosen["platform"]), platform(&bulk.parameters["platform"]));
    match (moves, from, to) {
        (true, Some(from), Some(to)) => Ok(Moved { from, to }),
        _ => Err(Refusal::Conflict {
            what: format!("the bulk run {} moves no sites, so that there is no way back", bulk.id),
            remedy: Some("see those that do with `aegir bulk list`: they ask for `site-migrate`".into()),
        }),
    }
}

/// The sites that the run has moved.
async fn sites_moved(read: &mut Read, bulk: &BulkRecord) -> Result<Vec<MovedSite>, Refusal> {
    let state = [TaskState::Succeeded, TaskState::Untidy].map(EntryState::Task).to_vec();
    let mut list = BulkEntryList { bulk: bulk.id, state, page: Page::first(aegir_store::LONGEST_PAGE) };
    let mut sites = Vec::new();
    loop {
        let page = read.list(&list).await?;
        sites.extend(page.rows.into_iter().map(|entry| MovedSite { name: entry.name, task: entry.task }));
        match page.next {
            Some(next) => list.page = Page::behind(aegir_store::LONGEST_PAGE, next),
            None => return Ok(sites),
        }
    }
}

/// The site with the self that the run left; or why it cannot go back to that.
async fn entry_of(read: &mut Read, site: MovedSite, moved: &Moved) -> Result<NewBulkEntry, Refusal> {
    let MovedSite { name, task } = site;
    let found = match name.parse::<SiteName>() {
        Ok(site) => site_named(read, &site).await,
        Err(_) => Err(Refusal::Unknown { what: "site", name: name.clone() }),
    };
    let context = match found {
        Ok(site) => site.context,
        Err(unknown @ Refusal::Unknown { .. }) => {
            return Ok(NewBulkEntry { refused: Some(unknown.report()), ..NewBulkEntry::of(name) });
        }
        Err(other) => return Err(other),
    };
    let lives_there = context.as_ref().is_some_and(|site| site.platform == moved.to);
    let last: Option<&Former> = context.as_ref().and_then(|site| site.formers.last());
    let last = last.filter(|former| lives_there && former.platform == moved.from);
    let left = match last {
        // It may have gone back since and come again: then that is another self, with what was written meanwhile.
        Some(former) if is_left_by(read, task, former).await? => Some(former),
        _ => None,
    };
    Ok(match left {
        Some(former) => NewBulkEntry { given: Some(json!({ "former": former.name })), ..NewBulkEntry::of(name) },
        None => {
            let refused: FaultReport = Fault::from(WentOn { site: name.clone() }).report();
            NewBulkEntry { refused: Some(refused), ..NewBulkEntry::of(name) }
        }
    })
}

/// Whether it is what this task left: it said so at its end.
async fn is_left_by(read: &mut Read, task: Option<NodeId>, former: &Former) -> Result<bool, StoreFault> {
    let Some(task) = task else { return Ok(false) };
    let attempts = read.attempts(task).await?;
    Ok(attempts
        .iter()
        .any(|attempt| attempt.answer.get("former").and_then(Value::as_str) == Some(former.name.as_str())))
}

/// A site that is not as the run left it.
#[derive(Debug, thiserror::Error)]
#[error("`{site}` is not as the run left it: it has gone back already, was moved again, or what it was is let go of")]
struct WentOn {
    site: String,
}

impl Remedy for WentOn {
    fn remedy(&self) -> Option<String> {
        Some(format!("see what it can go back to with `aegir site show {}`", self.site))
    }
}
