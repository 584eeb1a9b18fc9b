//! What every object, task and package has: its number, its standing, its history.

use std::collections::{BTreeMap, BTreeSet};

use aegir_domain::{ContextName, NodeId, NodeKind, ObjectStatus};

use crate::StoreFault;
use crate::db::{Query, Read, Row, Tx, statements, values};
use crate::page::{Direction, Order, Page, Parts};

/// The client that owns everything until there are others.
pub const ADMIN: NodeId = NodeId(1);

/// One number, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The number.
    pub id: NodeId,
    /// What it stands for.
    pub kind: NodeKind,
    /// The name of its context; clients, packages and tasks have none.
    pub name: Option<ContextName>,
    /// What people call it.
    pub title: String,
    /// Where it stands; of a task, see [`crate::TaskRecord::state`].
    pub status: Option<ObjectStatus>,
    /// Whose it is, if it is an object.
    pub owner: Option<NodeId>,
    /// When it came to be, in milliseconds since 1970.
    pub created: i64,
    /// When it last changed.
    pub changed: i64,
    /// When it was last verified; `None`: never, or the last time failed.
    pub verified: Option<i64>,
}

/// An object that does not exist yet.
pub(crate) struct NewNode<'a> {
    pub(crate) kind: NodeKind,
    pub(crate) name: Option<&'a ContextName>,
    pub(crate) title: &'a str,
    pub(crate) status: Option<ObjectStatus>,
    pub(crate) owner: Option<NodeId>,
    pub(crate) now: i64,
}

/// Something that was done to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// When.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What, in a word: `created`, `verified`.
    pub what: String,
    /// More of it.
    pub detail: Option<serde_json::Value>,
}

/// The history of a node, the newest first.
#[derive(Clone, Debug)]
pub struct DeedList {
    /// Of which node.
    pub node: NodeId,
    /// Which part.
    pub page: Page,
}

statements! {
    FIND_NODE =
        "SELECT id, kind, name, title, status, owner, created, changed, verified
           FROM node
          WHERE id = $1";
    /// The one that has the name now; deleted ones had it before.
    FIND_NAMED =
        "SELECT id, kind, name, title, status, owner, created, changed, verified
           FROM node
          WHERE name = $1 AND status <> 'deleted'";
    /// Another one of the name may have been there since, and may be gone too.
    FIND_DELETED =
        "SELECT id, kind, name, title, status, owner, created, changed, verified
           FROM node
          WHERE kind = $1 AND name = $2 AND status = 'deleted' AND created <= $3
          ORDER BY id DESC LIMIT 1";
    ADD_NODE =
        "INSERT INTO node (kind, name, title, status, owner, created, changed)
         VALUES ($1, $2, $3, $4, $5, $6, $6)
         RETURNING id";
    SET_STATUS =
        "UPDATE node SET status = $2, changed = $3 WHERE id = $1 AND status <> 'deleted' RETURNING kind";
    SET_VERIFIED =
        "UPDATE node SET verified = $2, changed = $3 WHERE id = $1 AND status <> 'deleted' RETURNING kind";
    SET_TITLE =
        "UPDATE node SET title = $2, changed = $3 WHERE id = $1 AND status <> 'deleted' RETURNING kind";
    SET_NAME = "UPDATE node SET name = $2 WHERE id = $1 AND name <> $2 AND status <> 'deleted'";
    SET_OWNER =
        "UPDATE node SET owner = $2, changed = $3 WHERE id = $1 AND status <> 'deleted' RETURNING kind";
    TOUCH =
        "UPDATE node SET changed = $2 WHERE id = $1 RETURNING kind";
    LOCK_NODE =
        "SELECT id, kind, name, title, status, owner, created, changed, verified FROM node WHERE id = $1"
      | "SELECT id, kind, name, title, status, owner, created, changed, verified FROM node WHERE id = $1 FOR UPDATE";
    RECORD_DEED =
        "INSERT INTO history (node, at, actor, what, detail) VALUES ($1, $2, $3, $4, $5)";
    SITES_LEFT =
        "SELECT COUNT(*) AS left_over
           FROM site JOIN node ON node.id = site.id
          WHERE (site.platform = $1 OR site.db_server = $1) AND node.status <> 'deleted'";
    PLATFORMS_LEFT =
        "SELECT COUNT(*) AS left_over
           FROM platform JOIN node ON node.id = platform.id
          WHERE platform.server = $1 AND node.status <> 'deleted'";
    FREE_DOMAINS = "DELETE FROM domain WHERE site = $1";
    FREE_ROOT = "UPDATE platform SET live = FALSE WHERE id = $1";
    DROP_INSTANCES = "DELETE FROM instance WHERE node = $1";
    DROP_SECRETS = "DELETE FROM secret WHERE owner = $1";
    DROP_DRIFT = "DELETE FROM drift WHERE node = $1";
    DROP_FORMERS = "DELETE FROM former WHERE site = $1";
    DROP_CRON = "DELETE FROM cron WHERE site = $1";
}

impl Read {
    /// What a number stands for.
    pub async fn node(&mut self, id: NodeId) -> Result<Option<Node>, StoreFault> {
        self.row(&FIND_NODE, values![id]).await?.as_ref().map(Node::of).transpose()
    }

    /// The names of those of these nodes that have one.
    pub async fn names(&mut self, ids: &BTreeSet<NodeId>) -> Result<BTreeMap<NodeId, ContextName>, StoreFault> {
        let of = |row: &Row| Ok((row.get("id")?, row.parse("name")?));
        self.of_all("names", "SELECT id, name FROM node WHERE name IS NOT NULL AND id IN ", ids, "", of).await
    }

    /// The object that has this name now.
    pub async fn node_named(&mut self, name: &ContextName) -> Result<Option<Node>, StoreFault> {
        self.row(&FIND_NAMED, values![name]).await?.as_ref().map(Node::of).transpose()
    }

    /// What is left of the deleted object that had this name at a moment. What tells the moment may know whole seconds alone.
    pub async fn deleted_at(
        &mut self,
        kind: NodeKind,
        name: &ContextName,
        moment: i64,
    ) -> Result<Option<Node>, StoreFault> {
        let values = values![kind, name, moment.saturating_add(999)];
        self.row(&FIND_DELETED, values).await?.as_ref().map(Node::of).transpose()
    }

    /// What a number stands for, which must be there.
    pub async fn need_node(&mut self, id: NodeId) -> Result<Node, StoreFault> {
        self.node(id).await?.ok_or_else(|| StoreFault::Absent { what: format!("node `{id}`") })
    }
}

impl Tx {
    /// Adds to the history of a node.
    pub async fn record_deed(
        &mut self,
        node: NodeId,
        actor: &str,
        what: &str,
        detail: Option<&serde_json::Value>,
        now: i64,
    ) -> Result<(), StoreFault> {
        self.execute(&RECORD_DEED, values![node, now, actor, what, detail]).await.map(drop)
    }

    /// Says where an object stands. A deleted one stays so; see [`Tx::delete_object`].
    pub async fn set_status(&mut self, id: NodeId, status: ObjectStatus, now: i64) -> Result<(), StoreFault> {
        if status == ObjectStatus::Deleted {
            return self.delete_object(id, now).await;
        }
        let row = self.row(&SET_STATUS, values![id, status, now]).await?;
        self.changed(id, row, "status", now)
    }

    /// Says that an object was verified, or, with `None`, that it cannot be relied on.
    pub async fn set_verified(&mut self, id: NodeId, at: Option<i64>, now: i64) -> Result<(), StoreFault> {
        let row = self.row(&SET_VERIFIED, values![id, at, now]).await?;
        self.changed(id, row, "verified", now)
    }

    /// Gives an object another title.
    pub async fn set_title(&mut self, id: NodeId, title: &str, now: i64) -> Result<(), StoreFault> {
        let row = self.row(&SET_TITLE, values![id, title, now]).await?;
        self.changed(id, row, "changed", now)
    }

    /// Calls an object otherwise; says whether it was called otherwise before. A name that another one has is refused.
    pub(crate) async fn set_name(&mut self, id: NodeId, name: &ContextName) -> Result<bool, StoreFault> {
        let renamed = self.execute(&SET_NAME, values![id, name]).await;
        Ok(renamed.map_err(|fault| fault.taken(|| format!("the name `{name}`")))? > 0)
    }

    /// Gives an object to another client.
    pub async fn set_owner(&mut self, id: NodeId, owner: NodeId, now: i64) -> Result<(), StoreFault> {
        let row = self.row(&SET_OWNER, values![id, owner, now]).await?;
        self.changed(id, row, "changed", now)
    }

    /// Takes an object out of the world: its name, its domains and its root are free, its packages and secrets are
    /// forgotten; number, history and tasks stay. One that others still stand on is refused.
    pub async fn delete_object(&mut self, id: NodeId, now: i64) -> Result<(), StoreFault> {
        let Some(node) = self.lock_node(id).await? else {
            return Err(StoreFault::Absent { what: format!("object `{id}`") });
        };
        if node.status == Some(ObjectStatus::Deleted) {
            return Ok(());
        }
        if !matches!(node.kind, NodeKind::Server | NodeKind::Platform | NodeKind::Site) {
            return Err(StoreFault::Unfit { node: id, why: format!("is a {} and no object to delete", node.kind) });
        }
        for (left_over, what) in [(&SITES_LEFT, "sites"), (&PLATFORMS_LEFT, "platforms")] {
            let row = self.row(left_over, values![id]).await?;
            let count: i64 = row.map_or(Ok(0), |row| row.get("left_over"))?;
            if count > 0 {
                return Err(StoreFault::Unfit { node: id, why: format!("still has {count} {what}") });
            }
        }
        for statement in
            [&FREE_DOMAINS, &FREE_ROOT, &DROP_INSTANCES, &DROP_SECRETS, &DROP_DRIFT, &DROP_FORMERS, &DROP_CRON]
        {
            self.execute(statement, values![id]).await?;
        }
        let row = self.row(&SET_STATUS, values![id, ObjectStatus::Deleted, now]).await?;
        self.changed(id, row, "deleted", now)
    }

    pub(crate) async fn add_node(&mut self, new: NewNode<'_>) -> Result<NodeId, StoreFault> {
        let values = values![new.kind, new.name, new.title, new.status, new.owner, new.now];
        let row = self.row(&ADD_NODE, values).await.map_err(|fault| {
            fault.taken(|| new.name.map_or_else(|| new.title.to_owned(), |name| format!("the name `{name}`")))
        })?;
        let id = row.map_or(Ok(NodeId(0)), |row| row.get("id"))?;
        self.note(new.now, id, new.kind, "created");
        Ok(id)
    }

    /// The node, which nobody else changes until this transaction ends.
    pub(crate) async fn lock_node(&mut self, id: NodeId) -> Result<Option<Node>, StoreFault> {
        self.row(&LOCK_NODE, values![id]).await?.as_ref().map(Node::of).transpose()
    }

    pub(crate) async fn touch(&mut self, id: NodeId, what: &'static str, now: i64) -> Result<(), StoreFault> {
        let row = self.row(&TOUCH, values![id, now]).await?;
        self.changed(id, row, what, now)
    }

    fn changed(&mut self, id: NodeId, row: Option<Row>, what: &'static str, now: i64) -> Result<(), StoreFault> {
        let Some(row) = row else { return Err(StoreFault::Absent { what: format!("object `{id}`") }) };
        self.note(now, id, row.parse("kind")?, what);
        Ok(())
    }
}

impl Node {
    pub(crate) fn of(row: &Row) -> Result<Node, StoreFault> {
        Ok(Node {
            id: row.get("id")?,
            kind: row.parse("kind")?,
            name: row.maybe_parse("name")?,
            title: row.get("title")?,
            status: row.maybe_parse("status")?,
            owner: row.maybe("owner")?,
            created: row.get("created")?,
            changed: row.get("changed")?,
            verified: row.maybe("verified")?,
        })
    }
}

impl Parts for DeedList {
    type Item = Deed;
    const LIST: &'static str = "history";
    const COLUMNS: &'static str = "at, actor, what, detail";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(" FROM history WHERE node = ").bind(self.node);
    }

    fn order(&self) -> Order {
        Order { name: "newest", key: None, id: "id", direction: Direction::Down }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<Deed, StoreFault> {
        Ok(Deed {
            at: row.get("at")?,
            actor: row.get("actor")?,
            what: row.get("what")?,
            detail: row.maybe_json("detail")?,
        })
    }
}

/// In which order objects are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ObjectSort {
    /// By name.
    #[default]
    Name,
    /// By number: the oldest first.
    Number,
    /// By the last change.
    Changed,
    /// By the last verify; those that cannot be relied on first.
    Verified,
}

impl ObjectSort {
    pub(crate) fn order(self, direction: Direction) -> Order {
        let (name, key) = match self {
            ObjectSort::Name => ("name", Some("node.name")),
            ObjectSort::Number => ("number", None),
            ObjectSort::Changed => ("changed", Some("node.changed")),
            ObjectSort::Verified => ("verified", Some("COALESCE(node.verified, 0)")),
        };
        Order { name, key, id: "node.id", direction }
    }
}
