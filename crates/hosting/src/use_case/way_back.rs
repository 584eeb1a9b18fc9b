//! The way back of a bulk run: the sites that it moved or updated are what they were before, all or some of them.
//!
//! Each goes back to the very self that the run left. One that went on since then, was moved again, updated, renamed or
//! restored, is left alone: going back with it would undo what came later. One for which no update waited was left as it
//! was, and has nothing to go back to.

use std::collections::BTreeSet;

use aegir_domain::{Fault, FaultReport, Former, NodeId, PlatformName, Remedy, SiteName, TaskState};
use aegir_store::{BulkEntryList, BulkPlan, BulkRecord, EntryState, NewBulkEntry, Page, Read, StoreFault};
use serde_json::{Map, Value, json};

use super::bulk::{Run, bulk_numbered};
use super::object::site_named;
use super::{Asked, operation_named};
use crate::{Answer, BadParameters, Hosting, OperationId, Refusal};

/// What a run did to sites.
enum Did {
    /// It moved them, from where to where.
    Moved { from: PlatformName, to: PlatformName },
    /// It ran their updates where they live.
    Updated,
}

impl Did {
    /// The word for it.
    fn verb(&self) -> &'static str {
        match self {
            Did::Moved { .. } => "move",
            Did::Updated => "update",
        }
    }

    /// The same, of what is done.
    fn past(&self) -> &'static str {
        match self {
            Did::Moved { .. } => "moved",
            Did::Updated => "updated",
        }
    }

    /// Whether a site that lives on `now` can have been left by it as `former` says.
    fn may_have_left(&self, former: &Former, now: &PlatformName) -> bool {
        match self {
            Did::Moved { from, to } => former.platform == *from && now == to,
            Did::Updated => former.platform == *now,
        }
    }
}

/// A site that a run changed.
struct Changed {
    name: String,
    /// The former selves that it told of at its end.
    left: Vec<String>,
}

impl Hosting {
    pub(super) async fn go_back_with_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let chosen: BTreeSet<String> = asked.given.strs("site").into_iter().map(str::to_owned).collect();
        let (bulk, did, entries) = self
            .store()
            .snapshot(async |read| {
                let bulk = bulk_numbered(read, asked.name).await?;
                let did = did(&bulk)?;
                let sites = sites_changed(read, &bulk, &did).await?;
                if let Some(other) = chosen.iter().find(|name| sites.iter().all(|site| site.name != **name)) {
                    let why = format!("the bulk run {} did not {} `{other}`", bulk.id, did.verb());
                    let remedy = format!("see what it did with `aegir bulk objects {} --state succeeded`", bulk.id);
                    return Err(BadParameters::one(asked.operation, "site", why, remedy).into());
                }
                let mut entries = Vec::new();
                for site in sites.into_iter().filter(|site| chosen.is_empty() || chosen.contains(&site.name)) {
                    entries.push(entry_of(read, site, &did).await?);
                }
                Ok::<_, Refusal>((bulk, did, entries))
            })
            .await?;
        if entries.iter().all(|entry| entry.refused.is_some()) {
            let why = entries.iter().find_map(|entry| entry.refused.as_ref());
            return Err(Refusal::Conflict {
                what: match why {
                    Some(why) => format!("no site of the bulk run {} can go back: {}", bulk.id, why.message),
                    None => format!("the bulk run {} {} no site yet", bulk.id, did.past()),
                },
                remedy: Some(format!("see how it stands with `aegir bulk show {}`", bulk.id)),
            });
        }
        let mut parameters = Map::new();
        if asked.given.flag("although_broken") {
            parameters.insert("although_broken".into(), true.into());
        }
        let run = Run {
            operation: OperationId::SiteGoBack.declaration(),
            parameters,
            plan: BulkPlan { at_once: bulk.plan.at_once, ..BulkPlan::default() },
            entries,
            chosen: json!({ "goes_back": bulk.id, "did": did.verb() }),
        };
        self.begin(asked, run).await
    }
}

/// What the run did to sites.
fn did(bulk: &BulkRecord) -> Result<Did, Refusal> {
    let platform = |value: &Value| value.as_str().and_then(|name| name.parse().ok());
    let (from, to) = (platform(&bulk.chosen["platform"]), platform(&bulk.parameters["platform"]));
    match (operation_named(bulk.operation.as_str()), from, to) {
        (Some(OperationId::SiteMigrate), Some(from), Some(to)) => Ok(Did::Moved { from, to }),
        (Some(OperationId::SiteUpdate), ..) => Ok(Did::Updated),
        _ => Err(Refusal::Conflict {
            what: format!(
                "the bulk run {} neither moves sites nor updates them, so that there is no way back",
                bulk.id
            ),
            remedy: Some(
                "see those that do with `aegir bulk list`: they ask for `site-migrate` or `site-update`".into(),
            ),
        }),
    }
}

/// The sites that the run has changed.
async fn sites_changed(read: &mut Read, bulk: &BulkRecord, did: &Did) -> Result<Vec<Changed>, Refusal> {
    let state = [TaskState::Succeeded, TaskState::Untidy].map(EntryState::Task).to_vec();
    let mut list = BulkEntryList { bulk: bulk.id, state, page: Page::first(aegir_store::LONGEST_PAGE) };
    let mut sites = Vec::new();
    loop {
        let page = read.list(&list).await?;
        for entry in page.rows {
            let left = left_by(read, entry.task).await?;
            // For one that left nothing no update waited.
            if !left.is_empty() || matches!(did, Did::Moved { .. }) {
                sites.push(Changed { name: entry.name, left });
            }
        }
        match page.next {
            Some(next) => list.page = Page::behind(aegir_store::LONGEST_PAGE, next),
            None => return Ok(sites),
        }
    }
}

/// The former selves that this task left: it said so at its end.
async fn left_by(read: &mut Read, task: Option<NodeId>) -> Result<Vec<String>, StoreFault> {
    let Some(task) = task else { return Ok(Vec::new()) };
    let attempts = read.attempts(task).await?;
    Ok(attempts.iter().filter_map(|attempt| attempt.answer.get("former")?.as_str().map(str::to_owned)).collect())
}

/// The site with the self that the run left; or why it cannot go back to that.
async fn entry_of(read: &mut Read, site: Changed, did: &Did) -> Result<NewBulkEntry, Refusal> {
    let Changed { name, left } = site;
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
    let last = context.as_ref().and_then(|site| Some((site.formers.last()?, &site.platform)));
    // It may have gone back since and come again: then that is another self, with what was written meanwhile.
    let is_left = |(former, now): &(&Former, &PlatformName)| {
        did.may_have_left(former, now) && left.iter().any(|left| left == former.name.as_str())
    };
    Ok(match last.filter(is_left) {
        Some((former, _)) => NewBulkEntry { given: Some(json!({ "former": former.name })), ..NewBulkEntry::of(name) },
        None => {
            let refused: FaultReport = Fault::from(WentOn { site: name.clone() }).report();
            NewBulkEntry { refused: Some(refused), ..NewBulkEntry::of(name) }
        }
    })
}

/// A site that is not as the run left it.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{site}` is not as the run left it: it has gone back already, was moved or updated again, or what it was is let go of"
)]
struct WentOn {
    site: String,
}

impl Remedy for WentOn {
    fn remedy(&self) -> Option<String> {
        Some(format!("see what it can go back to with `aegir site show {}`", self.site))
    }
}
