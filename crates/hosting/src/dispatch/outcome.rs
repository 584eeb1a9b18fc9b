//! What an outcome means: for the object, for tasks that follow, and for whoever wants to hear of it.

use aegir_domain::protocol::Ending;
use aegir_domain::{
    AttemptId, Context, ContextName, Fault, FaultReport, Instance, InstanceScope, KeepFormer, NodeId, ObjectStatus,
    Outcome, PackageCode, PlatformAnswer, Remedy, SiteAnswer, Task, TaskState,
};
use aegir_store::{Cancelled, Fence, NewTask, Read, RecordedInstance, StoreFault, TaskRecord, Tx};
use serde_json::json;

use super::home::{Whose, whose};
use super::renamed::{of_the_name_now, renamed};
use crate::making::{changed_platform, changed_server, changed_site};
use crate::news::{News, What};
use crate::use_case::{known_locks, operation_named, parameters};
use crate::{Given, OperationId, Setting};

/// What the back end is asked now for `task`. An edit is made anew from what is saved now, so that nothing which
/// happened while it waited is lost.
pub(super) async fn request_now(read: &mut Read, task: &TaskRecord) -> Result<Result<Task, FaultReport>, StoreFault> {
    let asked: Option<Task> = serde_json::from_value(task.parameters["request"].clone()).ok();
    let Some(asked) = asked else {
        return Ok(Err(Fault::from(OtherVersion).report()));
    };
    let asked = of_the_name_now(asked, &task.object_name, &read.need_node(task.object).await?);
    let asked = asked.keeping(how_former_selves_are_kept(read).await?);
    let Some(operation) = operation_named(task.operation.as_str()) else { return Ok(Ok(asked)) };
    let declared = operation.declaration();
    let given = match task.parameters["given"].as_object().map(|raw| declared.read(raw)) {
        Some(Ok(given)) => given,
        _ => Given::default(),
    };
    let report = |bad: crate::BadParameters| FaultReport::of(&bad);
    Ok(match (operation, asked) {
        (OperationId::SiteEdit, Task::VerifySite { site, .. }) => {
            match read.site(task.object).await?.and_then(|site| site.context) {
                Some(saved) => changed_site(&declared, &saved, &given)
                    .map(|changed| Task::VerifySite { site, context: Some(Box::new(changed)) })
                    .map_err(report),
                None => Ok(Task::VerifySite { site, context: None }),
            }
        }
        (OperationId::PlatformEdit, Task::VerifyPlatform { platform, .. }) => {
            match read.platform(task.object).await?.and_then(|platform| platform.context) {
                Some(saved) => changed_platform(&declared, &saved, &given)
                    .map(|changed| Task::VerifyPlatform { platform, context: Some(changed) })
                    .map_err(report),
                None => Ok(Task::VerifyPlatform { platform, context: None }),
            }
        }
        (OperationId::ServerEdit, Task::VerifyServer { server, .. }) => match read.server(task.object).await? {
            Some(saved) => changed_server(&declared, &saved.context, &given)
                .map(|changed| Task::VerifyServer { server, context: Some(changed) })
                .map_err(report),
            None => Ok(Task::VerifyServer { server, context: None }),
        },
        (_, asked) => Ok(asked),
    })
}

/// How what a site was is kept, as the setting says now.
async fn how_former_selves_are_kept(read: &mut Read) -> Result<KeepFormer, StoreFault> {
    let set: Option<serde_json::Value> = read.setting(Setting::KeepFormer.parameter().name).await?;
    Ok(match set.as_ref().and_then(serde_json::Value::as_str) {
        Some(word) if word == KeepFormer::Archive.as_str() => KeepFormer::Archive,
        _ => KeepFormer::Itself,
    })
}

/// What follows from the end of an attempt. In the transaction that records it.
pub(super) async fn follows(
    tx: &mut Tx,
    task: &TaskRecord,
    operation: Option<OperationId>,
    attempt: AttemptId,
    ending: &Ending,
    now: i64,
) -> Result<(), StoreFault> {
    let happened = matches!(ending.outcome, Outcome::Succeeded | Outcome::Untidy { .. });
    let request: Option<Task> = serde_json::from_value(task.parameters["request"].clone()).ok();
    let node = tx.need_node(task.object).await?;
    let decides = node.status != Some(ObjectStatus::Deleted) && is_newest(tx, task, request.as_ref(), &node).await?;
    match happened {
        _ if !decides => (),
        true => done(tx, task, request.as_ref(), ending, now).await?,
        false => not_done(tx, &node, request.as_ref(), &ending.outcome, now).await?,
    }
    let happened = happened && decides;
    let word = TaskState::from(ending.outcome.kind());
    let detail = json!({ "task": task.id, "outcome": word.as_str() });
    tx.record_deed(task.object, &task.actor, task.operation.as_str(), Some(&detail), now).await?;
    if happened && operation == Some(OperationId::ServerVerify) && task.parameters["given"]["platforms"] == json!(true)
    {
        verify_platforms_of(tx, task, now).await?;
    }
    if happened && matches!(request, Some(Task::BuildPlatform(_) | Task::RestorePlatform { .. })) {
        verify_platform(tx, task.object, task, now).await?;
    }
    if ending.recovered || !matches!(ending.outcome, Outcome::Succeeded) {
        tell(tx, task, attempt, ending, now).await?;
    }
    Ok(())
}

/// Whether what a task came to is the last word on its object. It is not when the task was found on a machine, and
/// another one began on the object since; and what deleted something then did not delete what is here now.
async fn is_newest(
    tx: &mut Tx,
    task: &TaskRecord,
    request: Option<&Task>,
    node: &aegir_store::Node,
) -> Result<bool, StoreFault> {
    let began = task.started.unwrap_or(task.queued);
    if takes_away(request) && node.created > began {
        return Ok(false);
    }
    let newest = aegir_store::TaskList {
        object: Some(task.object),
        page: aegir_store::Page::first(20),
        ..aegir_store::TaskList::default()
    };
    let others = tx.list(&newest).await?.rows;
    Ok(!others.iter().any(|other| other.id != task.id && other.started.is_some_and(|started| started > began)))
}

/// What a task came to cannot be taken over: something else that is remembered stands against it. The outcome is
/// recorded all the same, and what differs is shown.
pub(super) async fn contradicted(
    tx: &mut Tx,
    task: &TaskRecord,
    ending: &Ending,
    why: &StoreFault,
    now: i64,
) -> Result<(), StoreFault> {
    let report = FaultReport::of(why);
    let detail = json!({ "task": task.id, "why": report });
    tx.record_deed(task.object, &task.actor, "could not be taken over", Some(&detail), now).await?;
    let node = tx.need_node(task.object).await?;
    if node.status == Some(ObjectStatus::Deleted) {
        return Ok(());
    }
    tx.set_verified(task.object, None, now).await?;
    // Of something that is called otherwise, the two sides are not of one object.
    if let (Some(ours), Some(theirs)) = (saved(tx, &node).await?, &ending.context)
        && ours != *theirs
        && ours.name() == theirs.name()
    {
        tx.record_drift(task.object, &ours, theirs, now).await?;
    }
    Ok(())
}

/// What is remembered of what a back end has saved of an object.
pub(crate) async fn saved(read: &mut Read, node: &aegir_store::Node) -> Result<Option<Context>, StoreFault> {
    Ok(match &node.name {
        Some(ContextName::Server(_)) => read.server(node.id).await?.map(|server| Context::Server(server.context)),
        Some(ContextName::Platform(_)) => {
            read.platform(node.id).await?.and_then(|platform| platform.context).map(Context::Platform)
        }
        Some(ContextName::Site(_)) => {
            read.site(node.id).await?.and_then(|site| site.context).map(|site| Context::Site(Box::new(site)))
        }
        None => None,
    })
}

/// Whether there is no such object any more once it is done.
fn takes_away(request: Option<&Task>) -> bool {
    matches!(
        request,
        Some(
            Task::DeleteSite { .. } | Task::EjectSite { .. } | Task::DeletePlatform { .. } | Task::ForgetContext { .. }
        )
    )
}

/// The object is as the task wanted it.
async fn done(
    tx: &mut Tx,
    task: &TaskRecord,
    request: Option<&Task>,
    ending: &Ending,
    now: i64,
) -> Result<(), StoreFault> {
    let object = task.object;
    if takes_away(request) {
        tx.delete_object(object, now).await?;
        return cancel_what_waits(tx, object, &task.actor, now).await;
    }
    // A backup says nothing of the object, which can be the server on whose machine it lies.
    if matches!(request, Some(Task::BackupSite { .. } | Task::VerifyBackup { .. } | Task::DeleteBackup { .. })) {
        return Ok(());
    }
    if let Some(context) = &ending.context {
        is_of_its_home(tx, task, context).await?;
        record_context(tx, object, context, &task.actor, now).await?;
    }
    let verified = match request {
        // What it is was not looked at.
        Some(
            Task::Login { .. }
            | Task::SaveContext { .. }
            | Task::DropFormers { .. }
            | Task::RebuildCaches { .. }
            | Task::Custom(_),
        )
        | None => return Ok(()),
        // No update waited: nothing was done.
        Some(Task::UpdateSite { .. }) if ending.answer.get("updates").is_some_and(|waited| waited == 0) => {
            return Ok(());
        }
        Some(Task::DisableSite { .. }) => {
            tx.set_status(object, ObjectStatus::Disabled, now).await?;
            return Ok(());
        }
        // Its code is there; whether it works, its verify tells.
        Some(Task::BuildPlatform(_) | Task::RestorePlatform { .. }) => None,
        Some(_) => Some(now),
    };
    if let Some(Task::ImportSite(import)) = request
        && import.from_default
        && let Some(platform) = tx.node_named(&ContextName::Platform(import.platform.clone())).await?
    {
        // It has left that folder.
        tx.forget_found_site(platform.id, &import.folder()).await?;
    }
    if let Some(Task::CloneSite(clone)) = request
        && let Some(source) = tx.node_named(&ContextName::Site(clone.site.clone())).await?
    {
        let detail = json!({ "task": task.id, "as": clone.to });
        tx.record_deed(source.id, &task.actor, "copied", Some(&detail), now).await?;
    }
    let status = ending.context.as_ref().map_or(ObjectStatus::Enabled, Context::status);
    tx.set_status(object, status, now).await?;
    tx.set_verified(object, verified, now).await?;
    record_answer(tx, task, ending, now).await
}

/// Refuses what a machine says of an object that is kept elsewhere, or stands on one that is.
async fn is_of_its_home(tx: &mut Tx, task: &TaskRecord, context: &Context) -> Result<(), StoreFault> {
    let Some(server) = tx.server(task.server).await? else { return Ok(()) };
    match whose(tx, &server.transport, context).await? {
        Whose::Anothers => {
            let why = format!(
                "stands on something that is known here by that name in another home than that of `@server_{}`",
                server.context.name
            );
            Err(StoreFault::Unfit { node: task.object, why })
        }
        Whose::Its | Whose::Nobodys => Ok(()),
    }
}

/// What waits for an object that has gone will not be begun.
pub(crate) async fn cancel_what_waits(tx: &mut Tx, object: NodeId, actor: &str, now: i64) -> Result<(), StoreFault> {
    for task in tx.tasks_that_count(object).await? {
        if task.state == TaskState::Waiting {
            tx.cancel_task(task.id, actor, now).await?;
        }
    }
    Ok(())
}

/// Takes over what a back end has saved of an object, and its name if that is another one.
pub(crate) async fn record_context(
    tx: &mut Tx,
    object: NodeId,
    context: &Context,
    actor: &str,
    now: i64,
) -> Result<(), StoreFault> {
    match context {
        Context::Server(server) => tx.record_server(object, server, now).await,
        Context::Platform(platform) => tx.record_platform(object, platform, now).await,
        Context::Site(site) => {
            let platform = tx.node_named(&ContextName::Platform(site.platform.clone())).await?;
            let db_server = tx.node_named(&ContextName::Server(site.db_server.clone())).await?;
            match (platform, db_server) {
                (Some(platform), Some(db_server)) => {
                    let was = tx.need_node(object).await?.name;
                    tx.record_site(object, site, platform.id, db_server.id, now).await?;
                    // It is managed now.
                    tx.forget_found_site(platform.id, &site.name.clone().into()).await?;
                    match was.filter(|was| *was != context.name()) {
                        Some(was) => renamed(tx, object, &was, actor, now).await,
                        None => Ok(()),
                    }
                }
                _ => Ok(()),
            }
        }
    }
}

/// Takes over which packages were found.
async fn record_answer(tx: &mut Tx, task: &TaskRecord, ending: &Ending, now: i64) -> Result<(), StoreFault> {
    let answer = serde_json::Value::Object(ending.answer.clone());
    match &task.object_name {
        ContextName::Site(_) => {
            let Ok(answer) = serde_json::from_value::<SiteAnswer>(answer) else { return Ok(()) };
            if let Some(packages) = answer.packages {
                let packages: Vec<_> = packages.into_iter().map(instance_of_site).collect();
                tx.record_packages(task.object, &packages, now).await?;
            }
        }
        ContextName::Platform(_) => {
            let Ok(answer) = serde_json::from_value::<PlatformAnswer>(answer) else { return Ok(()) };
            let packages: Vec<_> = answer.packages.into_iter().map(instance_of_platform).collect();
            tx.record_packages(task.object, &packages, now).await?;
            if let Some(engines) = &answer.engines {
                tx.record_survey(task.object, engines, &answer.languages).await?;
            }
            let found: Vec<_> = answer.found_sites.iter().filter_map(|site| site.folder.parse().ok()).collect();
            tx.record_found_sites(task.object, &found, now).await?;
        }
        ContextName::Server(_) => (),
    }
    Ok(())
}

fn instance_of_site(instance: Instance) -> RecordedInstance {
    RecordedInstance {
        kind: instance.kind,
        name: instance.name,
        version: instance.version,
        scope: instance.reach.as_ref().map_or(InstanceScope::Platform, |reach| reach.scope()),
        enabled: instance.enabled,
        loaded: instance.enabled,
        schema: instance.schema,
        path: instance.path,
    }
}

fn instance_of_platform(code: PackageCode) -> RecordedInstance {
    RecordedInstance {
        kind: code.kind,
        name: code.name,
        version: code.version,
        scope: code.reach.scope(),
        enabled: false,
        loaded: false,
        schema: code.schema,
        path: Some(code.path),
    }
}

/// The object is as it was before, or nobody can tell.
async fn not_done(
    tx: &mut Tx,
    node: &aegir_store::Node,
    request: Option<&Task>,
    outcome: &Outcome,
    now: i64,
) -> Result<(), StoreFault> {
    let object = node.id;
    if node.status == Some(ObjectStatus::New) {
        return tx.set_status(object, ObjectStatus::Failed, now).await;
    }
    let is_verify = matches!(
        request,
        Some(
            Task::VerifySite { context: None, .. }
                | Task::VerifyPlatform { context: None, .. }
                | Task::VerifyServer { context: None, .. }
        )
    );
    // An edit that was taken back left all as it was.
    match is_verify || matches!(outcome, Outcome::Stuck { .. }) {
        true => tx.set_verified(object, None, now).await,
        false => Ok(()),
    }
}

/// Takes a task out of the queue that may have begun just now; then it goes to its end.
pub(crate) async fn take_out(tx: &mut Tx, task: NodeId, actor: &str, now: i64) -> Result<(), StoreFault> {
    if tx.task(task).await?.is_none_or(|task| task.state != TaskState::Waiting) {
        return Ok(());
    }
    if tx.cancel_task(task, actor, now).await? == Cancelled::Before {
        was_not_done(tx, task, actor, now).await?;
    }
    Ok(())
}

/// A task that made an object was cancelled before it began: nothing of the object is there.
pub(crate) async fn was_not_done(tx: &mut Tx, task: NodeId, actor: &str, now: i64) -> Result<(), StoreFault> {
    let Some(task) = tx.task(task).await? else { return Ok(()) };
    let node = tx.need_node(task.object).await?;
    if node.status == Some(ObjectStatus::New) {
        tx.set_status(task.object, ObjectStatus::Failed, now).await?;
    }
    let detail = json!({ "task": task.id, "outcome": "cancelled" });
    tx.record_deed(task.object, actor, task.operation.as_str(), Some(&detail), now).await
}

/// A task that was to make an object is tried again: the object is on its way once more.
pub(crate) async fn is_made_again(tx: &mut Tx, task: &TaskRecord, now: i64) -> Result<(), StoreFault> {
    let node = tx.need_node(task.object).await?;
    match node.status {
        Some(ObjectStatus::Failed) => tx.set_status(task.object, ObjectStatus::New, now).await,
        _ => Ok(()),
    }
}

/// Queues a verify of each platform of a server, as children of the server's.
async fn verify_platforms_of(tx: &mut Tx, task: &TaskRecord, now: i64) -> Result<(), StoreFault> {
    let mut list = aegir_store::PlatformList {
        server: Some(task.object),
        status: vec![ObjectStatus::Enabled],
        page: aegir_store::Page::first(aegir_store::LONGEST_PAGE),
        ..aegir_store::PlatformList::default()
    };
    loop {
        let page = tx.list(&list).await?;
        for platform in &page.rows {
            verify_platform(tx, platform.node.id, task, now).await?;
        }
        match page.next {
            Some(next) => list.page = aegir_store::Page::behind(aegir_store::LONGEST_PAGE, next),
            None => return Ok(()),
        }
    }
}

async fn verify_platform(tx: &mut Tx, platform: NodeId, parent: &TaskRecord, now: i64) -> Result<(), StoreFault> {
    let Some(platform) = tx.platform(platform).await? else { return Ok(()) };
    let Some(context) = platform.context.clone() else { return Ok(()) };
    let request = Task::VerifyPlatform { platform: context.name.clone(), context: None };
    let name = ContextName::Platform(context.name.clone());
    let operation = OperationId::PlatformVerify.declaration();
    let Ok(slug) = operation.slug().parse() else { return Ok(()) };
    let new = NewTask {
        operation: slug,
        object: platform.node.id,
        object_name: name.clone(),
        title: format!("{} {name}", operation.name()),
        parameters: parameters(&json!({}), &request),
        // What a person asked for brings it along.
        priority: parent.priority,
        actor: parent.actor.clone(),
        asker: parent.asker.clone(),
        parent: Some(parent.id),
        owner: platform.node.owner.unwrap_or(aegir_store::ADMIN),
        server: platform.server,
        needs: None,
        locks: known_locks(&request, [Context::Platform(context)]),
    };
    tx.enqueue(&new, now).await.map(drop)
}

/// Has it told that a task did not simply succeed.
async fn tell(tx: &mut Tx, task: &TaskRecord, attempt: AttemptId, ending: &Ending, now: i64) -> Result<(), StoreFault> {
    let what = match &ending.outcome {
        Outcome::Stuck { .. } => What::Stuck,
        _ if ending.recovered => What::Recovered,
        Outcome::Succeeded => return Ok(()),
        Outcome::Refused { .. } => What::Refused,
        Outcome::RolledBack { .. } => What::RolledBack,
        Outcome::Untidy { .. } => What::Untidy,
    };
    // Whoever asked it to stop knows.
    if what == What::RolledBack && task.cancel_asked.is_some() {
        return Ok(());
    }
    let steps = tx.steps(attempt).await?;
    let undone = steps.iter().rev().filter(|step| step.phase == aegir_domain::protocol::Phase::Undone);
    let left = match &ending.outcome {
        Outcome::Stuck { left, .. } => left.clone(),
        _ => Vec::new(),
    };
    let news = News {
        what,
        task: Some(task.id.0),
        operation: task.operation.to_string(),
        object: task.object_name.to_string(),
        server: server_of(tx, task).await?,
        asked_by: task.actor.clone(),
        at: now,
        fault: ending.fault().cloned(),
        undone: undone.map(|step| step.name.clone()).collect(),
        left,
    };
    post(tx, &news, now).await
}

/// Says that the machine of an attempt does not answer, and has that told once.
pub(super) async fn lost(
    tx: &mut Tx,
    task: NodeId,
    attempt: AttemptId,
    lost: &crate::Lost,
    fence: &Fence,
    now: i64,
) -> Result<(), StoreFault> {
    let before = tx.task(task).await?;
    tx.lose_contact(attempt, fence, now).await?;
    let Some(task) = before.filter(|task| task.state == TaskState::Running) else { return Ok(()) };
    let news = News {
        what: What::OutOfContact,
        task: Some(task.id.0),
        operation: task.operation.to_string(),
        object: task.object_name.to_string(),
        server: lost.server.to_string(),
        asked_by: task.actor.clone(),
        at: now,
        fault: Some(lost.source.clone()),
        undone: Vec::new(),
        left: Vec::new(),
    };
    post(tx, &news, now).await
}

/// Has it told once that a running task says nothing.
pub(super) async fn silent(tx: &mut Tx, task: NodeId, minutes: u32, now: i64) -> Result<(), StoreFault> {
    let Some(task) = tx.task(task).await?.filter(|task| task.state == TaskState::Running) else { return Ok(()) };
    let news = News {
        what: What::Silent,
        task: Some(task.id.0),
        operation: task.operation.to_string(),
        object: task.object_name.to_string(),
        server: server_of(tx, &task).await?,
        asked_by: task.actor.clone(),
        at: now,
        fault: Some(Fault::from(SaidNothing { minutes, task: task.id.0 }).report()),
        undone: Vec::new(),
        left: Vec::new(),
    };
    post(tx, &news, now).await
}

async fn server_of(tx: &mut Tx, task: &TaskRecord) -> Result<String, StoreFault> {
    Ok(tx.server(task.server).await?.map(|server| server.context.name.to_string()).unwrap_or_default())
}

/// Has it told that the control database could not be copied.
pub(super) async fn no_copy(tx: &mut Tx, fault: FaultReport, now: i64) -> Result<(), StoreFault> {
    let news = News {
        what: What::NotCopied,
        task: None,
        operation: "copy".into(),
        object: "the control database".into(),
        server: "the control node".into(),
        asked_by: "Ægir".into(),
        at: now,
        fault: Some(fault),
        undone: Vec::new(),
        left: Vec::new(),
    };
    post(tx, &news, now).await
}

pub(super) async fn post(tx: &mut Tx, news: &News, now: i64) -> Result<(), StoreFault> {
    let body = serde_json::to_value(news).unwrap_or_default();
    // Where nobody wants to hear, nothing is kept for later.
    let ways: [(&str, &[Setting]); 2] =
        [("mail", &[Setting::NewsMailTo, Setting::NewsMailBy]), ("webhook", &[Setting::NewsWebhook])];
    for (channel, needs) in ways {
        let mut wanted = true;
        for setting in needs {
            let set: Option<String> = tx.setting(setting.parameter().name).await?;
            wanted &= set.is_some_and(|text| !text.is_empty());
        }
        if wanted {
            tx.post_news(channel, news.task.map(NodeId), &body, now).await?;
        }
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("it has said nothing for {minutes} minutes")]
struct SaidNothing {
    minutes: u32,
    task: i64,
}

impl Remedy for SaidNothing {
    fn remedy(&self) -> Option<String> {
        Some(format!(
            "see its last lines with `aegir task log {0}`; `aegir task cancel {0}` has it stop and take back what it did",
            self.task
        ))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the task was asked for by another version of Ægir, which said it differently")]
struct OtherVersion;

impl Remedy for OtherVersion {
    fn remedy(&self) -> Option<String> {
        Some("ask for the same anew".into())
    }
}
