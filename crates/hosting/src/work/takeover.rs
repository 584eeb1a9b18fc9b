//! What was done on a machine by hand: found, recorded, and never silently written over.
//!
//! ```text
//!   attempt nobody here began     ─► a task of its own, followed like any other
//!   object nobody here knows      ─► recorded
//!   newer record, nothing pending ─► taken over
//!   else a record that differs    ─► drift, with both sides and a choice
//! ```

use std::collections::HashSet;
use std::sync::PoisonError;

use aegir_domain::protocol::FoundAttempt;
use aegir_domain::{Context, ContextName, NodeId, ObjectStatus, Priority, Transport};
use aegir_store::{Fence, NewPlatform, NewServer, NewSite, NewTask, Page, Read, Span, StoreFault, TaskList, Tx};
use serde_json::json;

use super::Pace;
use super::dispatcher::{Followed, follow_to_its_end};
use super::outcome::{record_context, saved};
use super::recorder::{Begin, Recorder, contradicts};
use crate::use_case::{known_locks, parameters};
use crate::{Hosting, OperationId, Place, Setting};

/// How many of a machine's newest attempts are looked at.
const NEWEST: usize = 500;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// Who did what was done by hand, where nobody said.
const BY_HAND: &str = "by hand";

/// Looks at a machine, and records what is not known here.
pub(super) async fn take_over(
    hosting: &Hosting,
    server: NodeId,
    place: &Place,
    fence: &Fence,
    followed: &Followed,
    pace: Pace,
) -> Result<(), TakeOverFault> {
    let asked = hosting.now();
    let contexts = in_time(pace, place, hosting.0.back_ends.contexts(place)).await?;
    take_contexts(hosting, server, fence, contexts, asked).await?;
    let attempts = in_time(pace, place, hosting.0.back_ends.attempts(place, NEWEST)).await?;
    let days = hosting.store().read(async |read| crate::use_case::number(read, Setting::KeepTasksDays).await).await?;
    let kept_since = asked - i64::from(days) * DAY;
    for found in attempts.into_iter().rev() {
        // What is so old was let go of here, or would be.
        if found.state.has_ended() && i64::try_from(found.asked_at).is_ok_and(|at| at < kept_since) {
            continue;
        }
        let known = hosting.store().read(async |read| read.attempt(found.attempt).await).await?;
        if known.is_some() {
            continue;
        }
        let Some(task) = take_attempt(hosting, server, fence, &found).await? else { continue };
        if !found.state.has_ended() {
            // It may take long; the next turn follows it like any other.
            hosting.wake();
            continue;
        }
        if followed.lock().unwrap_or_else(PoisonError::into_inner).insert(found.attempt) {
            let recorder = Recorder {
                hosting: hosting.clone(),
                attempt: found.attempt,
                task,
                place: place.clone(),
                fence: fence.clone(),
                pace,
            };
            // One after the other, the oldest first: each is read at once.
            follow_to_its_end(recorder, Begin::Attach { from: 1 }, followed).await;
        }
    }
    Ok(())
}

/// A machine that never answers is given up for now.
async fn in_time<T>(pace: Pace, place: &Place, asking: crate::Asking<'_, T>) -> Result<T, TakeOverFault> {
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
/// hand; what else is there is found on them. Says whether there was one.
pub(super) async fn look_at_home(hosting: &Hosting, pace: Pace) -> Result<bool, TakeOverFault> {
    let Ok(server) = "localhost".parse() else { return Ok(false) };
    let place = Place { server, transport: Transport::Local };
    let contexts = in_time(pace, &place, hosting.0.back_ends.contexts(&place)).await?;
    let mut found = false;
    for context in contexts.iter().filter(|context| matches!(context, Context::Server(_))) {
        let now = hosting.now();
        let taken = hosting.store().write(async |tx| match tx.node_named(&context.name()).await? {
            Some(_) => Ok(()),
            None => take_found(tx, None, context, now).await,
        });
        taken.await?;
        found = true;
    }
    Ok(found)
}

/// Servers first, then platforms, then sites: each refers to those before it. What was `asked` before a task ended is
/// older than what that task told, so it says nothing of its object.
async fn take_contexts(
    hosting: &Hosting,
    server: NodeId,
    fence: &Fence,
    mut contexts: Vec<Context>,
    asked: i64,
) -> Result<(), StoreFault> {
    contexts.sort_by_key(|context| match context {
        Context::Server(_) => 0,
        Context::Platform(_) => 1,
        Context::Site(_) => 2,
    });
    for context in contexts {
        // Nearly all are as they are remembered: that is asked without keeping anybody from writing.
        if hosting.store().read(async |read| is_known(read, &context).await).await? {
            continue;
        }
        let now = hosting.now();
        let taken = hosting
            .store()
            .write(async |tx| {
                tx.check_fence(fence).await?;
                match touched_since(tx, server, asked).await?.contains(&context.name()) {
                    true => Ok(()),
                    false => take_context(tx, server, &context, now).await,
                }
            })
            .await;
        match taken {
            // One that contradicts what is remembered does not keep the others.
            Err(fault) if contradicts(&fault) => {
                tracing::warn!(object = %context.name(), fault = %fault, "what lies there cannot be taken over");
            }
            taken => taken?,
        }
    }
    Ok(())
}

/// Whether an object is remembered as it is there, and nobody said otherwise.
async fn is_known(read: &mut Read, theirs: &Context) -> Result<bool, StoreFault> {
    let Some(node) = read.node_named(&theirs.name()).await? else { return Ok(false) };
    Ok(saved(read, &node).await?.is_some_and(|ours| ours == *theirs)
        && node.status == Some(ObjectStatus::Enabled)
        && read.drift(node.id).await?.is_none())
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
        Some(ours) if ours == *theirs && node.status == Some(ObjectStatus::Enabled) => {
            tx.settle_drift(node.id, now).await
        }
        // A task that is not over will tell itself what it changed.
        _ if busy => Ok(()),
        Some(ours) if theirs.revision() <= ours.revision() && node.status == Some(ObjectStatus::Enabled) => {
            match tx.drift(node.id).await?.is_some_and(|drift| drift.theirs == *theirs && drift.ours == ours) {
                true => Ok(()),
                false => tx.record_drift(node.id, &ours, theirs, now).await,
            }
        }
        _ => {
            record_context(tx, node.id, theirs, now).await?;
            tx.settle_drift(node.id, now).await?;
            if node.status != Some(ObjectStatus::Enabled) {
                tx.set_status(node.id, ObjectStatus::Enabled, now).await?;
            }
            tx.record_deed(node.id, BY_HAND, "changed", None, now).await
        }
    }
}

/// Takes over an object that nobody here knows, if what it refers to is known.
async fn take_found(tx: &mut Tx, found_on: Option<NodeId>, theirs: &Context, now: i64) -> Result<(), StoreFault> {
    let Some(id) = add_found(tx, found_on, theirs, now).await? else { return Ok(()) };
    record_context(tx, id, theirs, now).await?;
    tx.set_status(id, ObjectStatus::Enabled, now).await?;
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

/// Makes a task of an attempt that nobody here began. Nothing, if its object is not known.
async fn take_attempt(
    hosting: &Hosting,
    server: NodeId,
    fence: &Fence,
    found: &FoundAttempt,
) -> Result<Option<NodeId>, StoreFault> {
    let Some(request) = &found.task else { return Ok(None) };
    let name = request.object();
    let Some(operation) = OperationId::of_request(request) else { return Ok(None) };
    let declared = operation.declaration();
    let now = hosting.now();
    hosting
        .store()
        .write(async |tx| {
            tx.check_fence(fence).await?;
            let Some(node) = tx.node_named(&name).await? else { return Ok(None) };
            let Ok(slug) = declared.slug().parse() else { return Ok(None) };
            let new = NewTask {
                operation: slug,
                object: node.id,
                object_name: name.clone(),
                title: format!("{} {name}", declared.name()),
                parameters: parameters(&json!({}), request),
                priority: Priority::Person,
                actor: found.asked_by.clone().unwrap_or_else(|| BY_HAND.into()),
                // Whoever asked in a shell has the answer there.
                asker: String::new(),
                parent: None,
                owner: node.owner.unwrap_or(aegir_store::ADMIN),
                server,
                needs: None,
                locks: known_locks(request, []),
            };
            let asked_at = i64::try_from(found.asked_at).unwrap_or(now);
            match tx.record_foreign_task(&new, found.attempt, asked_at, now).await {
                Ok(id) => Ok(Some(id)),
                // Something of ours runs on it; the next look finds this one again.
                Err(StoreFault::Taken { .. }) => Ok(None),
                Err(fault) => Err(fault),
            }
        })
        .await
}
