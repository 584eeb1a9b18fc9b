//! Who asked for what, through which door, and what they were told.

use aegir_domain::NodeId;

use crate::StoreFault;
use crate::db::{Query, Row, Tx, statements, values};
use crate::page::{Direction, Order, Page, Parts, Span};

/// Something that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// When.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// Through which door: `panel`, `api`, `command`.
    pub face: String,
    /// Which operation.
    pub operation: String,
    /// On which object, if it is known.
    pub object: Option<NodeId>,
    /// The object as it was named.
    pub name: Option<String>,
    /// What they were told: `done`, `queued`, `forbidden`, `refused`.
    pub answer: String,
    /// More of it; no secret is in it.
    pub detail: Option<serde_json::Value>,
}

/// The audit, the newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditList {
    /// Of one actor.
    pub actor: Option<String>,
    /// On one object.
    pub object: Option<NodeId>,
    /// Of one operation.
    pub operation: Option<String>,
    /// Then.
    pub at: Span,
    /// Which part.
    pub page: Page,
}

statements! {
    ADD_AUDIT =
        "INSERT INTO audit (at, actor, face, operation, object, name, answer, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
}

impl Tx {
    /// Writes down what somebody asked for.
    pub async fn record_audit(&mut self, record: &AuditRecord) -> Result<(), StoreFault> {
        let AuditRecord { at, actor, face, operation, object, name, answer, detail } = record;
        let values = values![*at, actor, face, operation, *object, name.as_ref(), answer, detail.as_ref()];
        self.execute(&ADD_AUDIT, values).await.map(drop)
    }
}

impl Parts for AuditList {
    type Item = AuditRecord;
    const LIST: &'static str = "audit";
    const COLUMNS: &'static str = "audit.at, audit.actor, audit.face, audit.operation, audit.object, audit.name,
        audit.answer, audit.detail";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(" FROM audit WHERE TRUE");
        if let Some(actor) = &self.actor {
            query.push(" AND audit.actor = ").bind(actor);
        }
        if let Some(object) = self.object {
            query.push(" AND audit.object = ").bind(object);
        }
        if let Some(operation) = &self.operation {
            query.push(" AND audit.operation = ").bind(operation);
        }
        self.at.on("audit.at", query);
    }

    fn order(&self) -> Order {
        Order { name: "newest", key: None, id: "audit.id", direction: Direction::Down }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<AuditRecord, StoreFault> {
        Ok(AuditRecord {
            at: row.get("at")?,
            actor: row.get("actor")?,
            face: row.get("face")?,
            operation: row.get("operation")?,
            object: row.maybe("object")?,
            name: row.maybe("name")?,
            answer: row.get("answer")?,
            detail: row.maybe_json("detail")?,
        })
    }
}
