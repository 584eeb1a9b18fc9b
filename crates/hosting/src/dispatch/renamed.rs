//! What was asked of a site that is called otherwise since: it is the same site, so what waits for it, or is tried again,
//! is asked of it under the name that it has now.

use std::collections::{HashMap, HashSet};

use aegir_domain::{Context, ContextName, Database, NodeId, SiteName, Task, TaskState, Transport};
use aegir_store::{Node, Read, StoreFault, Tx};
use serde_json::json;

use super::home::is_kept_in;
use crate::use_case::known_locks;

/// How a history says that an object was called otherwise before.
pub(crate) const RENAMED: &str = "renamed";

/// What was asked of an object that was called `asked_as` then, of that which it is called now.
pub(crate) fn of_the_name_now(request: Task, asked_as: &ContextName, node: &Node) -> Task {
    match (asked_as, &node.name) {
        (ContextName::Site(was), Some(ContextName::Site(is))) if was != is => under(request, was, is),
        _ => request,
    }
}

fn under(mut request: Task, was: &SiteName, is: &SiteName) -> Task {
    let site = match &mut request {
        Task::VerifySite { site, context } => {
            // Where it is an edit, it is made from what is saved now.
            *context = None;
            site
        }
        Task::DeleteSite { site, confirm, .. } => {
            *confirm = is.to_string();
            site
        }
        Task::Login { site, .. }
        | Task::GoBackSite { site, .. }
        | Task::RebuildCaches { site }
        | Task::UpdateSite { site, .. }
        | Task::DropFormers { site, .. }
        | Task::RenameSite { site, .. }
        | Task::DisableSite { site, .. }
        | Task::EnableSite { site }
        | Task::EjectSite { site }
        | Task::BackupSite { site, .. } => site,
        Task::MigrateSite(migrate) => &mut migrate.site,
        Task::RefreshCopy(refresh) => &mut refresh.site,
        Task::Custom(custom) => {
            if custom.object == ContextName::Site(was.clone()) {
                custom.object = ContextName::Site(is.clone());
                custom.confirm = custom.confirm.take().map(|_| is.to_string());
            }
            return request;
        }
        // A backup keeps the name that it was made under, and what makes a site names no other.
        _ => return request,
    };
    if site == was {
        site.clone_from(is);
    }
    request
}

/// What follows from an object being called otherwise: its history says so, and what waits for it holds its new name.
pub(super) async fn renamed(
    tx: &mut Tx,
    object: NodeId,
    was: &ContextName,
    actor: &str,
    now: i64,
) -> Result<(), StoreFault> {
    tx.record_deed(object, actor, RENAMED, Some(&json!({ "was": was })), now).await?;
    let node = tx.need_node(object).await?;
    let Some(site) = tx.site(object).await? else { return Ok(()) };
    let platform = tx.platform(site.platform).await?.and_then(|platform| platform.context).map(Context::Platform);
    let site = site.context.map(|site| Context::Site(Box::new(site)));
    for task in tx.tasks_that_count(object).await? {
        let request = serde_json::from_value::<Task>(task.parameters["request"].clone());
        if let (TaskState::Waiting, Ok(request)) = (task.state, request) {
            let request = of_the_name_now(request, &task.object_name, &node);
            tx.hold_instead(task.id, &known_locks(&request, platform.iter().chain(&site).cloned())).await?;
        }
    }
    Ok(())
}

/// What lies on a machine under another name than before: the name before, and that which it has now.
pub(super) type Renamed = HashMap<ContextName, ContextName>;

/// The databases of the sites that lie on a machine.
pub(super) type Databases = HashMap<SiteName, Database>;

/// What a record on a machine that nobody here knows was before.
pub(super) enum Before {
    /// Nothing that is known here.
    Nothing,
    /// This object, under this name.
    Was(NodeId, ContextName),
    /// A task that is under way may be about to make it; what it came to tells more.
    Unsettled,
}

pub(super) fn databases_of(contexts: &[Context]) -> Databases {
    let sites = contexts.iter().filter_map(|context| match context {
        Context::Site(site) => Some((site.name.clone(), site.database.clone())),
        _ => None,
    });
    sites.collect()
}

/// The sites among these that nobody here knows by their names, and that had others: they come first, since what they
/// were called can be another's by now.
pub(super) async fn perhaps_renamed(read: &mut Read, contexts: &[Context]) -> Result<HashSet<ContextName>, StoreFault> {
    let mut unknown = HashSet::new();
    for context in contexts {
        if let Context::Site(site) = context
            && site.formers.iter().any(|former| former.names.is_some())
            && read.node_named(&context.name()).await?.is_none()
        {
            unknown.insert(context.name());
        }
    }
    Ok(unknown)
}

/// Whether what was found, and nobody here knows, is a site that is known by another name: it kept a former self of that
/// name, and nothing there bears that any more, or something else does. `databases` are those of the sites there.
pub(super) async fn before(
    read: &mut Read,
    transport: &Transport,
    found: &Context,
    databases: &Databases,
) -> Result<Before, StoreFault> {
    let Context::Site(found) = found else { return Ok(Before::Nothing) };
    if read.node_named(&ContextName::Site(found.name.clone())).await?.is_some() {
        return Ok(Before::Nothing);
    }
    for (was, left) in found.formers.iter().rev().filter_map(|former| Some((&former.names.as_ref()?.site, former))) {
        let name = ContextName::Site(was.clone());
        let Some(node) = read.node_named(&name).await? else { continue };
        let Some(ours) = read.site(node.id).await?.and_then(|site| site.context) else { continue };
        if !is_kept_in(read, transport, &node).await? {
            continue;
        }
        let is_busy = read.tasks_that_count(node.id).await?.iter().any(|task| !task.state.is_ended());
        match databases.get(was) {
            _ if is_busy => return Ok(Before::Unsettled),
            None => return Ok(Before::Was(node.id, name)),
            // Both records are there while it is being renamed.
            Some(theirs) if *theirs == ours.database => return Ok(Before::Unsettled),
            // Another site has the name since; but this one left what we know under it.
            Some(_) if left.database == ours.database => return Ok(Before::Was(node.id, name)),
            Some(_) => (),
        }
    }
    Ok(Before::Nothing)
}
