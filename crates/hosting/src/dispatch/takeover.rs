//! What was done on a machine by hand: found, recorded, and never silently written over.
//!
//! ```text
//!   attempt nobody here began     ─► a task of its own, followed like any other
//!   object nobody here knows      ─► recorded
//!   newer record, nothing pending ─► taken over
//!   record that left another name ─► the site of that name, which is called otherwise
//!   else a record that differs    ─► drift, with both sides and a choice
//!   name that is another home's   ─► left alone, and told once
//! ```

use std::collections::{BTreeSet, HashSet};

use aegir_domain::{AttemptId, Context, ContextName, Fault, NodeId, ObjectStatus, Remedy, Transport};
use aegir_store::{Fence, NewPlatform, NewServer, NewSite, Page, Read, Span, StoreFault, TaskList, Tx};
use serde::{Deserialize, Serialize};

use super::Pace;
use super::dispatcher::Followed;
use super::home::{Whose, whose};
use super::outcome::{self, record_context, saved};
use super::recorder::contradicts;
use super::renamed::{Before, Renamed, before, databases_of, perhaps_renamed};
use crate::news::{News, What};
use crate::{Hosting, Place};

/// Who did what was done by hand, where nobody said.
pub(super) const BY_HAND: &str = "by hand";
/// How many names a message holds.
const NAMED: usize = 5;
/// How many names a history holds.
const SHOWN: usize = 100;

/// A look at a machine, which records what is not known here.
pub(super) struct Look {
    pub(super) hosting: Hosting,
    pub(super) server: NodeId,
    pub(super) place: Place,
    pub(super) fence: Fence,
    pub(super) followed: Followed,
    pub(super) pace: Pace,
}

/// What is remembered from one look at a machine to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    /// All attempts that were made before are recorded, or are none of ours; by the clock of that machine.
    pub(super) until: Option<u64>,
    /// But for these, which could not be recorded yet.
    pub(super) waiting: BTreeSet<AttemptId>,
    /// Objects that lie there under names that are here those of objects in other homes.
    pub(super) namesakes: BTreeSet<ContextName>,
}

impl Look {
    /// Looks, and takes over.
    pub(super) async fn take_over(&self) -> Result<(), TakeOverFault> {
        let asked = self.hosting.now();
        let contexts = in_time(self.pace, &self.place, self.hosting.0.back_ends.contexts(&self.place)).await?;
        let renamed = self.take_contexts(contexts, asked).await?;
        self.take_attempts(asked, &renamed).await
    }

    /// Servers first, then platforms, then sites: each refers to those before it. What was `asked` before a task ended
    /// is older than what that task told, so it says nothing of its object. Answers with what was called otherwise before.
    async fn take_contexts(&self, mut contexts: Vec<Context>, asked: i64) -> Result<Renamed, StoreFault> {
        let store = self.hosting.store();
        let renamed_first = store.read(async |read| perhaps_renamed(read, &contexts).await).await?;
        contexts.sort_by_key(|context| match context {
            Context::Server(_) => 0,
            Context::Platform(_) => 1,
            Context::Site(_) if renamed_first.contains(&context.name()) => 2,
            Context::Site(_) => 3,
        });
        let mut namesakes = BTreeSet::new();
        let mut renamed = Renamed::new();
        let databases = databases_of(&contexts);
        for context in contexts {
            // Nearly all are as they are remembered: that is asked without keeping anybody from writing.
            match store.read(async |read| self.standing(read, &context).await).await? {
                Standing::Known => continue,
                Standing::Namesake => {
                    namesakes.insert(context.name());
                    continue;
                }
                Standing::New => (),
            }
            let now = self.hosting.now();
            let taken = store
                .write(async |tx| {
                    tx.check_fence(&self.fence).await?;
                    let touched = touched_since(tx, self.server, asked).await?.contains(&context.name());
                    if touched || self.standing(tx, &context).await? != Standing::New {
                        return Ok(None);
                    }
                    match before(tx, &self.place.transport, &context, &databases).await? {
                        Before::Nothing => take_context(tx, self.server, &context, now).await.map(|()| None),
                        Before::Unsettled => Ok(None),
                        Before::Was(id, was) => {
                            record_context(tx, id, &context, BY_HAND, now).await?;
                            tx.settle_drift(id, now).await?;
                            Ok(Some((was, context.name())))
                        }
                    }
                })
                .await;
            match taken {
                Ok(Some((was, is))) => drop(renamed.insert(was, is)),
                // One that contradicts what is remembered does not keep the others.
                Err(fault) if contradicts(&fault) => {
                    tracing::warn!(object = %context.name(), fault = %fault, "what lies there cannot be taken over");
                }
                taken => drop(taken?),
            }
        }
        self.tell_of(namesakes).await?;
        Ok(renamed)
    }

    /// How what lies there stands to what is remembered.
    async fn standing(&self, read: &mut Read, theirs: &Context) -> Result<Standing, StoreFault> {
        let node = read.node_named(&theirs.name()).await?;
        let ours = match &node {
            Some(node) => saved(read, node).await?,
            None => None,
        };
        if let (Some(node), Some(ours)) = (&node, &ours)
            && ours == theirs
            && node.status.is_some_and(ObjectStatus::is_there)
            && read.drift(node.id).await?.is_none()
        {
            return Ok(Standing::Known);
        }
        Ok(match whose(read, &self.place.transport, theirs).await? {
            Whose::Its => Standing::New,
            Whose::Nobodys => Standing::Known,
            // A copy, for those there who use what is kept elsewhere; each home counts its revisions by itself.
            Whose::Anothers if ours.is_some_and(|ours| ours.with_revision(theirs.revision()) == *theirs) => {
                Standing::Known
            }
            Whose::Anothers => Standing::Namesake,
        })
    }

    /// What is remembered of the last look.
    pub(super) async fn seen(&self) -> Result<Seen, StoreFault> {
        let name = seen_name(self.server);
        Ok(self.hosting.store().read(async |read| read.setting(&name).await).await?.unwrap_or_default())
    }

    /// Remembers it for the next one.
    pub(super) async fn remember(&self, tx: &mut Tx, seen: &Seen, now: i64) -> Result<(), StoreFault> {
        tx.check_fence(&self.fence).await?;
        tx.change_setting(&seen_name(self.server), seen, BY_HAND, now).await
    }

    /// Says, once, what lies there under names that are others' here.
    async fn tell_of(&self, namesakes: BTreeSet<ContextName>) -> Result<(), StoreFault> {
        let seen = self.seen().await?;
        if seen.namesakes == namesakes {
            return Ok(());
        }
        let now = self.hosting.now();
        let new: Vec<&ContextName> = namesakes.difference(&seen.namesakes).collect();
        let report = Fault::from(Namesakes::of(&new, &self.place)).report();
        if !new.is_empty() {
            tracing::warn!(server = %self.place.server, "{}", report.message);
        }
        let seen = Seen { namesakes: namesakes.clone(), ..seen };
        self.hosting
            .store()
            .write(async |tx| {
                self.remember(tx, &seen, now).await?;
                if new.is_empty() {
                    return Ok(());
                }
                let shown = &new[..new.len().min(SHOWN)];
                let detail = serde_json::json!({ "names": shown, "count": new.len(), "why": report });
                tx.record_deed(self.server, BY_HAND, "namesakes found", Some(&detail), now).await?;
                let news = News {
                    what: What::Namesakes,
                    task: None,
                    operation: "look".into(),
                    object: ContextName::Server(self.place.server.clone()).to_string(),
                    server: self.place.server.to_string(),
                    asked_by: String::new(),
                    at: now,
                    fault: Some(report.clone()),
                    undone: Vec::new(),
                    left: Vec::new(),
                };
                outcome::post(tx, &news, now).await
            })
            .await
    }
}

/// Where a look's memory is kept: beside the settings, for it is a value with a name.
fn seen_name(server: NodeId) -> String {
    format!("seen_on_{server}")
}

/// How a context that was found stands to what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// There is nothing to do about it.
    Known,
    /// It is to be taken over, or differs.
    New,
    /// Its name is here that of something else.
    Namesake,
}

/// Objects on a machine under names that are those of others here.
#[derive(Debug, thiserror::Error)]
#[error(
    "on `@server_{server}` lies {names} too, which is the name here of what is kept in another home, or stands on such"
)]
struct Namesakes {
    names: String,
    server: aegir_domain::ServerName,
}

impl Namesakes {
    fn of(names: &[&ContextName], place: &Place) -> Namesakes {
        let mut text: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        if names.len() > NAMED {
            text.push(format!("{} more", names.len() - NAMED));
        }
        Namesakes { names: text.join(", "), server: place.server.clone() }
    }
}

impl Remedy for Namesakes {
    fn remedy(&self) -> Option<String> {
        Some(
            "it is left alone, there and here; to have it here, save it there under a name of its own with \
             `aegir provision save`, and what stands on it likewise"
                .into(),
        )
    }
}

/// A machine that never answers is given up for now.
pub(super) async fn in_time<T>(pace: Pace, place: &Place, asking: crate::Asking<'_, T>) -> Result<T, TakeOverFault> {
    match tokio::time::timeout(pace.first_word, asking).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(TakeOverFault::Silent { server: place.server.clone() }),
    }
}

/// Why a machine could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeOverFault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Lost(#[from] crate::Lost),
    #[error("`@server_{server}` says nothing")]
    Silent { server: aegir_domain::ServerName },
}

/// Looks into the home of this machine while no server of it is known, and records those that were saved there by
/// hand; what else is there is found on them. Says whether there was one that was not known.
pub(super) async fn look_at_home(hosting: &Hosting, pace: Pace) -> Result<bool, TakeOverFault> {
    let Ok(server) = "localhost".parse() else { return Ok(false) };
    let place = Place { server, transport: Transport::Local };
    let contexts = in_time(pace, &place, hosting.0.back_ends.contexts(&place)).await?;
    let mut found = false;
    for context in contexts.iter().filter(|context| matches!(context, Context::Server(_))) {
        let now = hosting.now();
        let taken = hosting.store().write(async |tx| match tx.node_named(&context.name()).await? {
            Some(_) => Ok(false),
            None => take_found(tx, None, context, now).await.map(|()| true),
        });
        found |= taken.await?;
    }
    Ok(found)
}

/// The objects on which tasks ended since.
async fn touched_since(read: &mut Read, server: NodeId, since: i64) -> Result<HashSet<ContextName>, StoreFault> {
    let list = TaskList {
        server: Some(server),
        ended: Span { from: Some(since), until: None },
        sort: aegir_store::TaskSort::Ended,
        page: Page::first(aegir_store::LONGEST_PAGE),
        ..TaskList::default()
    };
    Ok(read.list(&list).await?.rows.into_iter().map(|task| task.object_name).collect())
}

async fn take_context(tx: &mut Tx, server: NodeId, theirs: &Context, now: i64) -> Result<(), StoreFault> {
    let name = theirs.name();
    let Some(node) = tx.node_named(&name).await? else {
        return take_found(tx, Some(server), theirs, now).await;
    };
    let busy = tx.tasks_that_count(node.id).await?.iter().any(|task| !task.state.is_ended());
    match saved(tx, &node).await? {
        Some(ours) if ours == *theirs && node.status.is_some_and(ObjectStatus::is_there) => {
            tx.settle_drift(node.id, now).await
        }
        // A task that is not over will tell itself what it changed.
        _ if busy => Ok(()),
        Some(ours) if theirs.revision() <= ours.revision() && node.status.is_some_and(ObjectStatus::is_there) => {
            match tx.drift(node.id).await?.is_some_and(|drift| drift.theirs == *theirs && drift.ours == ours) {
                true => Ok(()),
                false => tx.record_drift(node.id, &ours, theirs, now).await,
            }
        }
        _ => {
            record_context(tx, node.id, theirs, BY_HAND, now).await?;
            tx.settle_drift(node.id, now).await?;
            if node.status != Some(theirs.status()) {
                tx.set_status(node.id, theirs.status(), now).await?;
            }
            tx.record_deed(node.id, BY_HAND, "changed", None, now).await
        }
    }
}

/// Takes over an object that nobody here knows, if what it refers to is known.
async fn take_found(tx: &mut Tx, found_on: Option<NodeId>, theirs: &Context, now: i64) -> Result<(), StoreFault> {
    let Some(id) = add_found(tx, found_on, theirs, now).await? else { return Ok(()) };
    record_context(tx, id, theirs, BY_HAND, now).await?;
    tx.set_status(id, theirs.status(), now).await?;
    tx.record_deed(id, BY_HAND, "found", None, now).await
}

/// Adds an object that was made by hand; nothing, if what it refers to is not known.
async fn add_found(
    tx: &mut Tx,
    found_on: Option<NodeId>,
    context: &Context,
    now: i64,
) -> Result<Option<NodeId>, StoreFault> {
    let owner = aegir_store::ADMIN;
    Ok(Some(match context {
        Context::Server(server) => {
            let like = match found_on {
                Some(found_on) => tx.server(found_on).await?,
                None => None,
            };
            let new = NewServer {
                context: server.clone(),
                title: server.name.to_string(),
                // It was found in that machine's home, so that is where its back end is.
                transport: like.as_ref().map_or_else(Default::default, |like| like.transport.clone()),
                task_limit: like.and_then(|like| like.task_limit),
                ips: Vec::new(),
                owner,
            };
            tx.add_server(&new, now).await?
        }
        Context::Platform(platform) => {
            let Some(server) = tx.node_named(&ContextName::Server(platform.server.clone())).await? else {
                return Ok(None);
            };
            let new = NewPlatform {
                name: platform.name.clone(),
                title: platform.name.to_string(),
                server: server.id,
                root: Some(platform.root.clone()),
                source: None,
                php: platform.php.clone(),
                owner,
            };
            tx.add_platform(&new, now).await?
        }
        Context::Site(site) => {
            let platform = tx.node_named(&ContextName::Platform(site.platform.clone())).await?;
            let db_server = tx.node_named(&ContextName::Server(site.db_server.clone())).await?;
            let (Some(platform), Some(db_server)) = (platform, db_server) else { return Ok(None) };
            let new = NewSite {
                name: site.name.clone(),
                title: site.title.to_string(),
                platform: platform.id,
                db_server: db_server.id,
                profile: Some(site.profile.clone()),
                language: site.language.clone(),
                aliases: site.aliases.clone(),
                redirect: site.redirect.clone(),
                owner,
            };
            tx.add_site(&new, now).await?
        }
    }))
}
