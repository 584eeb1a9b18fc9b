//! What can be asked of tasks.

use std::str::FromStr;

use aegir_domain::{NodeId, Task};
use aegir_store::{Cancelled, Direction, NameMatch, Queued as Stored, Read, TaskList, TaskRecord, TaskSort};

use super::around::Around;
use super::object::{
    KnownContexts, known_platform, known_site, locks, must_be_available, operation_named, server_named, users_of,
};
use super::shown::{cursor_page, line_view, of_page, task_alone_in_list, task_in_list, task_view};
use super::{Asked, shown};
use crate::{Answer, BadParameters, Hosting, OperationId, Permission, Queued, Refusal};

impl Hosting {
    pub(super) async fn list_tasks(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        self.store()
            .read(async |read| {
                let mut list = TaskList {
                    state: asked.each("state")?,
                    operation: asked.each("operation")?,
                    object_name: given.str("object").map(|name| NameMatch::Is(name.to_owned())),
                    actor: given.str("asked_by").map(str::to_owned),
                    parent: given.str("parent").and_then(|number| number.parse().ok()).map(NodeId),
                    sort: TaskSort::default(),
                    direction: match given.str("sort") {
                        Some("queued") => Direction::Up,
                        _ => Direction::Down,
                    },
                    page: cursor_page(asked)?,
                    ..TaskList::default()
                };
                if let Some(name) = given.text("server") {
                    list.server = Some(server_named(read, &name).await?.node.id);
                }
                let (page, total) = shown::listed(read, asked, &list).await?;
                let around = Around::tasks(read, &page.rows).await?;
                let items = page.rows.iter().map(|task| task_in_list(&around, task)).collect();
                of_page(items, page.next, total)
            })
            .await
    }

    pub(super) async fn show_task(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.number()?;
        self.store()
            .snapshot(async |read| {
                let task = task_numbered(read, id).await?;
                Ok(Answer::Object(shown::json(&task_view(read, &task).await?)))
            })
            .await
    }

    /// Lines of an attempt. `next` is the number of the line to go on with, also where there is none yet.
    pub(super) async fn task_log(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.number()?;
        let given = asked.given;
        let from = given.number("from").and_then(|from| u64::try_from(from).ok()).unwrap_or(1).max(1);
        let limit = given.number("limit").and_then(|limit| u32::try_from(limit).ok()).unwrap_or(500);
        self.store()
            .snapshot(async |read| {
                task_numbered(read, id).await?;
                let attempts = read.attempts(id).await?;
                let wanted = given.number("attempt");
                let attempt = match wanted {
                    Some(number) => attempts.iter().find(|attempt| i64::try_from(attempt.number) == Ok(number)),
                    None => attempts.last(),
                };
                let Some(attempt) = attempt else {
                    return match wanted {
                        Some(number) => Err(Refusal::Unknown { what: "attempt", name: number.to_string() }),
                        None => Ok(Answer::Page { items: Vec::new(), next: None, total: Some(0) }),
                    };
                };
                let lines = read.lines(attempt.id, from, limit).await?;
                let next = lines.last().map_or(from, |line| line.line.n + 1);
                let items = lines.iter().map(|line| shown::json(&line_view(attempt.number, line))).collect();
                let more = next < attempt.next_line;
                Ok(Answer::Page { items, next: more.then(|| next.to_string()), total: Some(attempt.next_line - 1) })
            })
            .await
    }

    pub(super) async fn cancel_task(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.number()?;
        let now = self.now();
        let also_needed = self.needed_for(id).await?;
        let had_ended = |state| Refusal::Conflict {
            what: format!("task {id} had ended before: it is {state}"),
            remedy: Some(format!("see `aegir task show {id}`")),
        };
        if asked.dry_run {
            let task = self.store().read(async |read| {
                let task = task_numbered(read, id).await?;
                must_for(asked, &task, also_needed)?;
                if task.state.is_ended() {
                    return Err(had_ended(task.state));
                }
                task_alone_in_list(read, &task).await
            });
            return Ok(Answer::Object(shown::json(&task.await?)));
        }
        let answer = self
            .change(asked, async |tx| {
                let task = task_numbered(tx, id).await?;
                must_for(asked, &task, also_needed)?;
                match tx.cancel_task(id, &asked.actor.name, now).await? {
                    Cancelled::Before => crate::dispatch::was_not_done(tx, id, &asked.actor.name, now).await?,
                    Cancelled::Asked { .. } => (),
                    Cancelled::TooLate(state) => return Err(had_ended(state)),
                }
                let task = task_numbered(tx, id).await?;
                Ok(Answer::Object(shown::json(&task_alone_in_list(tx, &task).await?)))
            })
            .await?;
        // Whoever records it asks its back end; that also happens if we die right here.
        self.wake();
        Ok(answer)
    }

    pub(super) async fn retry_task(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.number()?;
        let now = self.now();
        let also_needed = self.needed_for(id).await?;
        let answer = self
            .change(asked, async |tx| {
                let task = task_numbered(tx, id).await?;
                must_for(asked, &task, also_needed)?;
                if !task.state.is_ended() {
                    return Err(Refusal::Conflict {
                        what: format!("task {id} has not ended: it is {}", task.state),
                        remedy: Some(format!("follow it with `aegir task follow {id}`")),
                    });
                }
                let node = tx.need_node(task.object).await?;
                if node.status == Some(aegir_domain::ObjectStatus::Deleted) {
                    return Err(crate::Unavailable::Gone { name: task.object_name.clone() }.into());
                }
                let request: Option<Task> = serde_json::from_value(task.parameters["request"].clone()).ok();
                let request =
                    request.map(|request| crate::dispatch::of_the_name_now(request, &task.object_name, &node));
                let operation = operation_named(task.operation.as_str());
                let (Some(request), Some(operation)) = (request, operation) else {
                    return Err(Refusal::Conflict {
                        what: format!("task {id} was asked for by another version of Ægir, and cannot be asked again"),
                        remedy: Some("ask for the same anew".into()),
                    });
                };
                may_be_retried(tx, operation, &task, &node).await?;
                let known = known_of(tx, task.object).await?;
                let object = task.object_name.to_string();
                if asked.dry_run {
                    let request = serde_json::to_value(&request).unwrap_or_default();
                    return Ok(Answer::WouldQueue { object, requests: vec![request] });
                }
                let queued =
                    tx.retry_task(id, &locks(&request, &known), (&asked.actor.name, &asked.actor.id), now).await?;
                let known = matches!(queued, Stored::Already(_));
                if let Stored::Already(waits) = queued
                    && let Some(other) = tx.task(waits).await?
                    && other.parameters["given"] != task.parameters["given"]
                {
                    return Err(Refusal::Conflict {
                        what: format!("task {waits} waits to do the same to `{object}`, with other parameters"),
                        remedy: Some(format!(
                            "wait until it has ended, or take it back with `aegir task cancel {waits}`"
                        )),
                    });
                }
                crate::dispatch::is_made_again(tx, &task, now).await?;
                Ok(Answer::Queued(Queued { task: queued.task().0, object, known }))
            })
            .await?;
        self.wake();
        Ok(answer)
    }
}

/// Refuses whoever may not ask for what the task does: to have it done again, or to stop it, takes what asking for it
/// takes, and what is needed besides. One that no operation of this version asks for takes the right to change objects.
fn must_for(asked: &Asked<'_>, task: &TaskRecord, also_needed: Option<Permission>) -> Result<(), Refusal> {
    let needs = operation_named(task.operation.as_str()).map_or(Permission::Manage, |id| id.declaration().needs);
    asked.actor.must(needs)?;
    match also_needed {
        Some(needs) => Ok(asked.actor.must(needs)?),
        None => Ok(()),
    }
}

impl Asked<'_> {
    /// All values of a filter. One that is none is refused: a filter that is dropped would mean everything.
    fn each<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Vec<T>, Refusal> {
        let read = |text: &str| {
            text.parse().map_err(|bad: T::Err| {
                BadParameters::one(self.operation, name, bad.to_string(), "leave it out, or give another").into()
            })
        };
        self.given.strs(name).into_iter().map(read).collect()
    }

    fn number(&self) -> Result<NodeId, Refusal> {
        let unknown = |_| Refusal::Unknown { what: "task", name: self.name.to_owned() };
        self.name.parse().map(NodeId).map_err(unknown)
    }
}

async fn task_numbered(read: &mut Read, id: NodeId) -> Result<aegir_store::TaskRecord, Refusal> {
    read.task(id).await?.ok_or_else(|| Refusal::Unknown { what: "task", name: id.to_string() })
}

/// Refuses what could not be asked for anew either.
async fn may_be_retried(
    read: &mut Read,
    operation: OperationId,
    task: &TaskRecord,
    node: &aegir_store::Node,
) -> Result<(), Refusal> {
    let request: Option<Task> = serde_json::from_value(task.parameters["request"].clone()).ok();
    if makes_its_object(operation, request.as_ref(), node) {
        return match node.status {
            Some(status) if status.is_there() => Err(Refusal::Conflict {
                what: format!("`{}` is made already", task.object_name),
                remedy: Some("verify it, which brings it to what is said of it".into()),
            }),
            _ => Ok(()),
        };
    }
    let used_by = match operation {
        OperationId::ServerForget => users_of(read, node.id).await?,
        OperationId::PlatformForget | OperationId::PlatformDelete => read.count_sites_on(node.id).await?,
        _ => 0,
    };
    must_be_available(read, &operation.declaration(), node, used_by).await
}

/// Whether a task is to make the object that it is about. A backup makes one where it was gone, or is to be a new one.
fn makes_its_object(operation: OperationId, request: Option<&Task>, node: &aegir_store::Node) -> bool {
    use OperationId as Id;
    match (operation, request) {
        (Id::ServerAdd | Id::PlatformAdd | Id::SiteAdd | Id::SiteImport | Id::SiteCopy | Id::SiteClone, _) => true,
        (Id::TrashRestore, Some(Task::RestorePlatform { .. })) => true,
        (Id::BackupRestore, Some(Task::RestoreBackup { new_site, .. })) => {
            new_site.is_some() || !node.status.is_some_and(aegir_domain::ObjectStatus::is_there)
        }
        _ => false,
    }
}

/// What is saved of the object `id` and of what it lives on.
async fn known_of(read: &mut Read, id: NodeId) -> Result<KnownContexts, Refusal> {
    let mut known = KnownContexts::new();
    if let Some(site) = read.site(id).await? {
        known_site(&mut known, &site);
        if let Some(platform) = read.platform(site.platform).await? {
            known_platform(&mut known, &platform);
        }
    } else if let Some(platform) = read.platform(id).await? {
        known_platform(&mut known, &platform);
    }
    Ok(known)
}
