//! What can be asked of any number: what it stands for, what became of it, and who asked for what.

use aegir_domain::{ContextName, NodeId, NodeKind};
use aegir_store::{AuditList, AuditRecord, DeedList, Node, Read, StoreFault};
use serde_json::Value;

use super::Asked;
use super::shown::{self, cursor_page, of_page};
use crate::view::{AuditView, HistoryView};
use crate::{Actor, Answer, Call, Hosting, Operation, Refusal, Subject};

impl Hosting {
    pub(super) async fn show_node(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let node = node_called(read, asked.name).await?;
                let view = match node.kind {
                    NodeKind::Server => match read.server(node.id).await? {
                        Some(server) => shown::json(&shown::server_view(read, &server).await?),
                        None => Value::Null,
                    },
                    NodeKind::Platform => match read.platform(node.id).await? {
                        Some(platform) => shown::json(&shown::platform_view(read, &platform).await?),
                        None => Value::Null,
                    },
                    NodeKind::Site => match read.site(node.id).await? {
                        Some(site) => shown::json(&shown::site_view(read, &site).await?),
                        None => Value::Null,
                    },
                    NodeKind::Task => match read.task(node.id).await? {
                        Some(task) => shown::json(&shown::task_view(read, &task).await?),
                        None => Value::Null,
                    },
                    NodeKind::Client | NodeKind::Package => shown::json(&shown::node_view(&node)),
                };
                let mut view = view;
                view["kind"] = node.kind.as_str().into();
                Ok(Answer::Object(view))
            })
            .await
    }

    pub(super) async fn node_history(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let node = node_called(read, asked.name).await?;
                let list = DeedList { node: node.id, page: cursor_page(asked)? };
                let page = read.list(&list).await?;
                let items: Vec<HistoryView> = page
                    .rows
                    .into_iter()
                    .map(|deed| HistoryView { at: deed.at, actor: deed.actor, what: deed.what, detail: deed.detail })
                    .collect();
                of_page(items, page.next, None)
            })
            .await
    }

    pub(super) async fn list_audit(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        self.store()
            .snapshot(async |read| {
                let mut list = AuditList {
                    actor: given.str("actor").map(str::to_owned),
                    operation: given.str("operation").map(str::to_owned),
                    page: cursor_page(asked)?,
                    ..AuditList::default()
                };
                if let Some(name) = given.str("object") {
                    list.object = Some(node_called(read, name).await?.id);
                }
                let page = read.list(&list).await?;
                let items: Vec<AuditView> = page
                    .rows
                    .into_iter()
                    .map(|record| AuditView {
                        at: record.at,
                        actor: record.actor,
                        door: record.face,
                        operation: record.operation,
                        object: record.name,
                        answer: record.answer,
                        parameters: record.detail,
                    })
                    .collect();
                of_page(items, page.next, None)
            })
            .await
    }

    /// Writes down what was asked for and what came of it. That it cannot be written keeps nobody from what they
    /// asked for.
    pub(super) async fn write_audit(
        &self,
        actor: &Actor,
        operation: &Operation,
        call: &Call,
        answer: &Result<Answer, Refusal>,
    ) {
        let at = self.now();
        // Only what could be taken is kept: a secret could stand anywhere in the rest.
        let detail = match answer {
            Err(Refusal::Bad(_)) => None,
            _ => operation.read(&call.parameters).ok().map(|given| given.as_json()),
        };
        let record = AuditRecord {
            at,
            actor: actor.name.clone(),
            face: actor.door.as_str().into(),
            operation: operation.slug(),
            object: None,
            name: call.name.as_ref().map(|name| name.chars().take(300).collect()),
            answer: match answer {
                Ok(Answer::Queued(_)) => "queued",
                Ok(_) => "done",
                Err(refusal) => refusal.word(),
            }
            .into(),
            detail,
        };
        let written = self
            .store()
            .write_soon(async |tx| {
                let mut record = record;
                if let Some(name) = &record.name {
                    record.object = object_of(tx, operation, name).await?;
                }
                tx.record_audit(&record).await
            })
            .await;
        if let Err(fault) = written {
            tracing::warn!(fault = %fault, operation = operation.slug(), "what was asked for is not in the audit");
        }
    }
}

/// A node by its number or name.
async fn node_called(read: &mut Read, text: &str) -> Result<Node, Refusal> {
    let unknown = || Refusal::Unknown { what: "node", name: text.to_owned() };
    let node = match text.strip_prefix('#').unwrap_or(text).parse::<i64>() {
        Ok(number) => read.node(NodeId(number)).await?,
        Err(_) => match format!("@{}", text.strip_prefix('@').unwrap_or(text)).parse::<ContextName>() {
            Ok(name) => read.node_named(&name).await?,
            Err(_) => None,
        },
    };
    node.ok_or_else(unknown)
}

/// The number of what an operation was about, if what it is about has one.
async fn object_of(read: &mut Read, operation: &Operation, name: &str) -> Result<Option<NodeId>, StoreFault> {
    let name = match operation.subject {
        Subject::Server => name.parse().map(ContextName::Server),
        Subject::Platform => name.parse().map(ContextName::Platform),
        Subject::Site => name.parse().map(ContextName::Site),
        Subject::Drift => name.parse(),
        Subject::Task | Subject::Node => {
            return Ok(node_called(read, name).await.ok().map(|node| node.id));
        }
        _ => return Ok(None),
    };
    match name {
        Ok(name) => Ok(read.node_named(&name).await?.map(|node| node.id)),
        Err(_) => Ok(None),
    }
}
