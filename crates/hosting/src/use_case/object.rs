//! Finds objects by their names, and says how they stand.

use std::collections::{HashMap, HashSet};

use aegir_domain::{
    Context, ContextName, HostName, NodeId, ObjectStatus, PlatformName, ServerName, SiteName, Task, TaskLock,
    TaskState, locks_of,
};
use aegir_store::{FormersThere, PlatformRecord, Read, ServerRecord, SiteRecord, StoreFault};
use serde_json::json;

use super::Asked;
use crate::{Answer, Copied, Hosting, Made, Operation, OperationId, Outstanding, Refusal, Standing, available, stays};

/// How many sites are named whose former selves lie on a platform.
const NAMED: u32 = 3;

/// What is saved of some objects.
pub(super) type KnownContexts = HashMap<ContextName, Context>;

/// The operation of a task, by the word that is kept.
pub(crate) fn operation_named(slug: &str) -> Option<OperationId> {
    OperationId::ALL.into_iter().find(|id| id.declaration().slug() == slug)
}

pub(super) async fn server_named(read: &mut Read, name: &ServerName) -> Result<ServerRecord, Refusal> {
    let unknown = || Refusal::Unknown { what: "server", name: name.to_string() };
    let node = read.node_named(&ContextName::Server(name.clone())).await?.ok_or_else(unknown)?;
    read.server(node.id).await?.ok_or_else(unknown)
}

pub(super) async fn platform_named(read: &mut Read, name: &PlatformName) -> Result<PlatformRecord, Refusal> {
    let unknown = || Refusal::Unknown { what: "platform", name: name.to_string() };
    let node = read.node_named(&ContextName::Platform(name.clone())).await?.ok_or_else(unknown)?;
    read.platform(node.id).await?.ok_or_else(unknown)
}

pub(super) async fn site_named(read: &mut Read, name: &SiteName) -> Result<SiteRecord, Refusal> {
    let unknown = || Refusal::Unknown { what: "site", name: name.to_string() };
    let node = read.node_named(&ContextName::Site(name.clone())).await?.ok_or_else(unknown)?;
    read.site(node.id).await?.ok_or_else(unknown)
}

/// Fails if an object has that name.
pub(super) async fn must_be_free(read: &mut Read, asked: &Asked<'_>, name: &ContextName) -> Result<(), Refusal> {
    match read.node_named(name).await? {
        None => Ok(()),
        Some(node) => {
            let by = format!("the {} `{}`", node.kind, node.title);
            Err(Refusal::Taken { name: asked.name.to_owned(), by })
        }
    }
}

/// Fails if another site than `but` answers to that host name.
pub(super) async fn must_be_nobodys(read: &mut Read, host: &HostName, but: Option<NodeId>) -> Result<(), Refusal> {
    match read.who_has(host).await?.filter(|site| Some(*site) != but) {
        None => must_be_nobodys_soon(read, host, but).await,
        Some(site) => {
            let by = short_name(read, site).await?;
            Err(Refusal::Taken { name: host.to_string(), by: format!("the site `{by}`") })
        }
    }
}

/// Fails if another site than `but` is about to be called so: a task that is to rename it has not ended.
async fn must_be_nobodys_soon(read: &mut Read, host: &HostName, but: Option<NodeId>) -> Result<(), Refusal> {
    let operations = [OperationId::SiteRename, OperationId::SiteGoBack];
    let list = aegir_store::TaskList {
        state: vec![TaskState::Waiting, TaskState::Running, TaskState::OutOfContact],
        operation: operations.iter().filter_map(|id| id.declaration().slug().parse().ok()).collect(),
        page: aegir_store::Page::first(aegir_store::LONGEST_PAGE),
        ..aegir_store::TaskList::default()
    };
    for task in read.list(&list).await?.rows.into_iter().filter(|task| Some(task.object) != but) {
        let takes = match serde_json::from_value(task.parameters["request"].clone()) {
            Ok(Task::RenameSite { to, .. }) => to.host() == *host,
            Ok(Task::GoBackSite { .. }) => match read.site(task.object).await?.and_then(|site| site.context) {
                Some(context) => context
                    .formers
                    .iter()
                    .filter_map(|former| former.names.as_ref())
                    .any(|names| names.site.host() == *host || names.aliases.contains(host)),
                None => false,
            },
            _ => false,
        };
        if takes {
            let by = format!("task {}, which gives it to the site `{}`", task.id, short(&task.object_name));
            return Err(Refusal::Taken { name: host.to_string(), by });
        }
    }
    Ok(())
}

/// How an object stands, as far as that decides what can be asked of it.
pub(crate) async fn standing(read: &mut Read, node: &aegir_store::Node, used_by: u64) -> Result<Standing, StoreFault> {
    let name = node.name.clone().ok_or_else(|| StoreFault::Absent { what: format!("name of node `{}`", node.id) })?;
    let outstanding = read
        .tasks_that_count(node.id)
        .await?
        .into_iter()
        .filter(|task| !task.state.is_ended())
        .filter_map(|task| {
            let operation = operation_named(task.operation.as_str())?;
            Some(Outstanding { task: task.id.0, operation, runs: task.state != TaskState::Waiting })
        })
        .collect();
    let state = match node.status {
        Some(ObjectStatus::New) => Made::NotYet,
        Some(ObjectStatus::Failed) => Made::Failed,
        Some(ObjectStatus::Deleted) => Made::Gone,
        Some(ObjectStatus::Enabled | ObjectStatus::Disabled) | None => Made::Yes,
    };
    let disabled = node.status == Some(ObjectStatus::Disabled);
    let site = match name {
        ContextName::Site(_) => read.site(node.id).await?.and_then(|site| site.context),
        _ => None,
    };
    let unsound = match (&name, node.status) {
        (ContextName::Site(_), Some(ObjectStatus::Enabled)) => {
            node.verified.is_none() || site.as_ref().is_none_or(|site| site.awaits_installer)
        }
        _ => false,
    };
    let copied = match site.and_then(|site| site.copy_of) {
        None => Copied::No,
        Some(source) if source.database.is_some() => Copied::WithPassword,
        Some(_) => Copied::Yes,
    };
    let drifts = read.drift(node.id).await?.is_some();
    let (formers, locked) = match name {
        ContextName::Platform(_) => {
            let locked = read.platform(node.id).await?.is_some_and(|platform| platform.locked);
            (read.formers_on(node.id, NAMED).await?, locked)
        }
        _ => (FormersThere::default(), false),
    };
    Ok(Standing { name, state, disabled, unsound, locked, used_by, formers, outstanding, drifts, copied })
}

/// Refuses what cannot be asked of an object now.
pub(super) async fn must_be_available(
    read: &mut Read,
    operation: &Operation,
    node: &aegir_store::Node,
    used_by: u64,
) -> Result<(), Refusal> {
    Ok(available(operation, &standing(read, node, used_by).await?)?)
}

/// Refuses to put something on an object that somebody has asked to go.
pub(super) async fn must_stay(read: &mut Read, node: &aegir_store::Node) -> Result<(), Refusal> {
    Ok(stays(&standing(read, node, 0).await?)?)
}

/// Refuses to put a site on a platform that somebody has asked to go, or that takes none.
pub(super) async fn must_take_sites(read: &mut Read, platform: &PlatformRecord) -> Result<(), Refusal> {
    must_stay(read, &platform.node).await?;
    let Some(name) = platform.node.name.as_ref().filter(|_| platform.locked).map(short) else { return Ok(()) };
    Err(Refusal::Conflict {
        what: format!("the platform `{name}` is locked: it takes no more sites"),
        remedy: Some(format!("name another one, or open it with `aegir platform unlock {name}`")),
    })
}

/// The objects that somebody has asked to go.
pub(super) async fn going(read: &mut Read) -> Result<HashSet<NodeId>, StoreFault> {
    let operations = [OperationId::PlatformForget, OperationId::PlatformDelete, OperationId::ServerForget];
    let list = aegir_store::TaskList {
        state: vec![TaskState::Waiting, TaskState::Running, TaskState::OutOfContact],
        operation: operations.iter().filter_map(|id| id.declaration().slug().parse().ok()).collect(),
        page: aegir_store::Page::first(aegir_store::LONGEST_PAGE),
        ..aegir_store::TaskList::default()
    };
    Ok(read.list(&list).await?.rows.into_iter().map(|task| task.object).collect())
}

/// What the back end will lock for `task`, by what is saved of the objects it is about.
pub(super) fn locks(task: &Task, known: &KnownContexts) -> Vec<TaskLock> {
    let found: Result<_, std::convert::Infallible> = locks_of(task, &|name| Ok(known.get(name).cloned()));
    match found {
        Ok(locks) => locks,
        Err(never) => match never {},
    }
}

/// The same, where all that matters is at hand.
pub(crate) fn known_locks(task: &Task, contexts: impl IntoIterator<Item = Context>) -> Vec<TaskLock> {
    locks(task, &contexts.into_iter().map(|context| (context.name(), context)).collect())
}

/// How many objects refer to a server: its platforms, and sites that have their database there.
pub(super) async fn users_of(read: &mut Read, server: NodeId) -> Result<u64, StoreFault> {
    let count = |total| match total {
        aegir_store::Total::Exactly(count) | aegir_store::Total::MoreThan(count) => count,
    };
    let live = vec![ObjectStatus::New, ObjectStatus::Enabled, ObjectStatus::Disabled, ObjectStatus::Failed];
    let platforms = aegir_store::PlatformList {
        server: Some(server),
        status: live.clone(),
        ..aegir_store::PlatformList::default()
    };
    let sites = aegir_store::SiteList { db_server: Some(server), status: live, ..aegir_store::SiteList::default() };
    Ok(count(read.count(&platforms).await?) + count(read.count(&sites).await?))
}

/// What is saved of a platform.
pub(super) fn known_platform(known: &mut KnownContexts, platform: &PlatformRecord) {
    if let Some(context) = &platform.context {
        known.insert(ContextName::Platform(context.name.clone()), Context::Platform(context.clone()));
    }
}

/// What is saved of a site.
pub(super) fn known_site(known: &mut KnownContexts, site: &SiteRecord) {
    if let Some(context) = &site.context {
        known.insert(ContextName::Site(context.name.clone()), Context::Site(Box::new(context.clone())));
    }
}

/// The name of a node, without its `@` and prefix.
pub(super) async fn short_name(read: &mut Read, id: NodeId) -> Result<String, StoreFault> {
    let name = read.node(id).await?.and_then(|node| node.name);
    Ok(name.map_or_else(|| format!("#{id}"), |name| short(&name)))
}

/// A name without its `@` and prefix.
pub(super) fn short(name: &ContextName) -> String {
    match name {
        ContextName::Server(name) => name.to_string(),
        ContextName::Platform(name) => name.to_string(),
        ContextName::Site(name) => name.to_string(),
    }
}

impl Hosting {
    /// The same as [`Hosting::drop_failed`] if the object was never made; nothing if it was, or is not known.
    pub(super) async fn drop_if_never_made(
        &self,
        asked: &Asked<'_>,
        name: &ContextName,
    ) -> Result<Option<Answer>, Refusal> {
        let node = self.store().read(async |read| read.node_named(name).await).await?;
        match node.is_some_and(|node| node.status == Some(ObjectStatus::Failed)) {
            true => self.drop_failed(asked, name).await.map(Some),
            false => Ok(None),
        }
    }

    /// Takes an object that was never made from the lists.
    pub(super) async fn drop_failed(&self, asked: &Asked<'_>, name: &ContextName) -> Result<Answer, Refusal> {
        let now = self.now();
        self.change(asked, async |tx| {
            let unknown = || Refusal::Unknown { what: asked.operation.subject.word(), name: asked.name.to_owned() };
            let node = tx.node_named(name).await?.ok_or_else(unknown)?;
            must_be_available(tx, asked.operation, &node, 0).await?;
            if !asked.dry_run {
                tx.delete_object(node.id, now).await?;
                crate::dispatch::cancel_what_waits(tx, node.id, &asked.actor.name, now).await?;
                tx.record_deed(node.id, &asked.actor.name, &asked.operation.slug(), None, now).await?;
            }
            Ok(Answer::Object(json!({ "name": name.to_string(), "deleted": !asked.dry_run })))
        })
        .await
    }
}
