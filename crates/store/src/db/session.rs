//! What a use case is handed: [`Read`] to ask, [`Tx`] to change, both for one connection.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use aegir_domain::{NodeId, NodeKind};

use super::{Dialect, Link, Query, Row, Sql, Value, values};
use crate::StoreFault;

/// Asks the control database. Its functions are in the files of the nouns.
pub struct Read {
    link: Option<Link>,
    /// Whether a transaction is open: then the connection goes with it, unless it is ended.
    open: bool,
}

/// Changes the control database: all that is done with one of these happens, or none of it.
///
/// Nothing but this database may be waited for while one is open: on SQLite, every other writer waits.
pub struct Tx {
    read: Read,
    changes: Vec<Change>,
}

/// That something changed, for those who follow.
#[derive(PartialEq)]
pub(crate) struct Change {
    pub(crate) at: i64,
    pub(crate) node: NodeId,
    pub(crate) kind: NodeKind,
    pub(crate) what: &'static str,
}

/// The changes of a transaction get their numbers at its end, one transaction after the other: whoever has
/// seen number n has seen all below it.
const LOCK_CHANGES: Sql = Sql::each("lock changes", "", "SELECT pg_advisory_xact_lock(7018141438805370221)");
const TELL_OTHERS: Sql = Sql::each("tell others", "", "SELECT pg_notify('aegir_change', '')");
const ADD_CHANGE: &str = "INSERT INTO change (at, node, kind, what) VALUES ($1, $2, $3, $4) RETURNING number";

impl Read {
    pub(crate) fn new(link: Link) -> Read {
        Read { link: Some(link), open: false }
    }

    /// The database's kind.
    pub(crate) fn dialect(&self) -> Dialect {
        self.link.as_ref().map_or(Dialect::Sqlite, Link::dialect)
    }

    pub(crate) fn link(&mut self) -> Result<&mut Link, StoreFault> {
        self.link.as_mut().ok_or(StoreFault::Away { statement: "use", source: sqlx::Error::PoolClosed })
    }

    pub(crate) async fn begin(&mut self, name: &'static str, text: &'static str) -> Result<(), StoreFault> {
        // Marked first: a `BEGIN` whose answer is lost may have happened.
        self.open = true;
        let begun = self.link()?.script(name, text).await;
        if matches!(&begun, Err(StoreFault::Locked { .. })) {
            self.open = false;
        }
        begun
    }

    /// Ends the transaction; gives the connection back if it is fit for another.
    pub(crate) async fn end(mut self, text: &'static str) -> Result<Option<Link>, StoreFault> {
        let Some(mut link) = self.link.take() else { return Ok(None) };
        let ended = link.script(text, text).await;
        self.open = false;
        match ended {
            Ok(()) => Ok(Some(link)),
            Err(fault) => {
                link.sever();
                Err(fault)
            }
        }
    }

    /// The connection of a use that opened no transaction.
    pub(crate) fn into_link(mut self) -> Option<Link> {
        if self.open || !self.link.as_ref().is_some_and(Link::is_fit) { None } else { self.link.take() }
    }

    pub(crate) async fn rows(&mut self, sql: &Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreFault> {
        let text = sql.text(self.dialect());
        self.link()?.rows(sql.name, text, values, true).await
    }

    pub(crate) async fn row(&mut self, sql: &Sql, values: Vec<Value>) -> Result<Option<Row>, StoreFault> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    pub(crate) async fn ask(&mut self, name: &'static str, query: Query) -> Result<Vec<Row>, StoreFault> {
        self.link()?.rows(name, &query.text, query.values, false).await
    }

    /// One thing of each of these nodes: `begin` ends with `IN`.
    pub(crate) async fn of_all<'a, T>(
        &mut self,
        name: &'static str,
        begin: &'static str,
        ids: impl IntoIterator<Item = &'a NodeId>,
        end: &'static str,
        of: impl Fn(&Row) -> Result<(NodeId, T), StoreFault>,
    ) -> Result<BTreeMap<NodeId, T>, StoreFault> {
        self.about(name, begin, ids, end).await?.iter().map(of).collect()
    }

    /// All things of each of these nodes, in the order that `end` says: `begin` ends with `IN`.
    pub(crate) async fn each_of<'a, T>(
        &mut self,
        name: &'static str,
        begin: &'static str,
        ids: impl IntoIterator<Item = &'a NodeId>,
        end: &'static str,
        of: impl Fn(&Row) -> Result<(NodeId, T), StoreFault>,
    ) -> Result<BTreeMap<NodeId, Vec<T>>, StoreFault> {
        let mut found: BTreeMap<NodeId, Vec<T>> = BTreeMap::new();
        for row in self.about(name, begin, ids, end).await? {
            let (id, one) = of(&row)?;
            found.entry(id).or_default().push(one);
        }
        Ok(found)
    }

    async fn about<'a>(
        &mut self,
        name: &'static str,
        begin: &'static str,
        ids: impl IntoIterator<Item = &'a NodeId>,
        end: &'static str,
    ) -> Result<Vec<Row>, StoreFault> {
        let mut ids = ids.into_iter().copied().peekable();
        if ids.peek().is_none() {
            return Ok(Vec::new());
        }
        let mut query = Query::new(begin);
        query.bind_all(ids).push(end);
        self.ask(name, query).await
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if let Some(link) = self.link.take()
            && (self.open || !link.is_fit())
        {
            link.sever();
        }
    }
}

impl Tx {
    pub(crate) fn new(read: Read) -> Tx {
        Tx { read, changes: Vec::new() }
    }

    pub(crate) async fn execute(&mut self, sql: &Sql, values: Vec<Value>) -> Result<u64, StoreFault> {
        let text = sql.text(self.dialect());
        self.link()?.execute(sql.name, text, values).await
    }

    pub(crate) async fn run(&mut self, name: &'static str, query: Query) -> Result<u64, StoreFault> {
        self.link()?.execute(name, &query.text, query.values).await
    }

    /// What those who follow are told when this transaction has happened.
    pub(crate) fn note(&mut self, at: i64, node: NodeId, kind: NodeKind, what: &'static str) {
        let change = Change { at, node, kind, what };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Writes the changes down; gives the number of the last one.
    pub(crate) async fn number_changes(&mut self) -> Result<Option<i64>, StoreFault> {
        if self.changes.is_empty() {
            return Ok(None);
        }
        let several_writers = self.dialect() == Dialect::Postgres;
        if several_writers {
            self.rows(&LOCK_CHANGES, Vec::new()).await?;
        }
        let mut last = None;
        for change in std::mem::take(&mut self.changes) {
            let values = values![change.at, change.node, change.kind, change.what];
            let rows = self.link()?.rows("add change", ADD_CHANGE, values, true).await?;
            last = rows.first().map(|row| row.get("number")).transpose()?;
        }
        if several_writers {
            self.rows(&TELL_OTHERS, Vec::new()).await?;
        }
        Ok(last)
    }

    /// Takes back what was noted of a node that is not to be.
    pub(crate) fn forget_change(&mut self, node: NodeId) {
        self.changes.retain(|change| change.node != node);
    }

    pub(crate) fn into_read(self) -> Read {
        self.read
    }
}

impl Deref for Tx {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Read {
        &mut self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, StoreAddress};

    const FILL: Sql = Sql::same("fill", "INSERT INTO setting (name, value, changed, actor) VALUES ($1, $2, 0, '')");

    async fn fill(store: &Store, after: &'static str, limit: usize) -> Result<(), StoreFault> {
        store
            .write(async |tx| {
                tx.link()?.script("limit", after).await?;
                for n in 0..limit {
                    tx.execute(&FILL, values![format!("setting {n}"), "x".repeat(4000)]).await?;
                }
                Ok(())
            })
            .await
    }

    /// SQLite's own answers, brought about by limits that only this layer can set.
    #[test]
    fn a_full_disk_and_one_that_may_only_be_read_are_told_and_leave_nothing() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(&StoreAddress::file(dir.path().join("control.sqlite"))).await.unwrap();

            let full = fill(&store, "PRAGMA max_page_count = 150", 500).await.unwrap_err();
            assert!(matches!(full, StoreFault::Full { .. }), "{full:?}");
            let read_only = fill(&store, "PRAGMA query_only = on", 1).await.unwrap_err();
            assert!(matches!(read_only, StoreFault::ReadOnly { .. }), "{read_only:?}");

            assert!(store.read(async |read| read.settings().await).await.unwrap().is_empty());
            store.close().await;
            let store = Store::open(&StoreAddress::file(dir.path().join("control.sqlite"))).await.unwrap();
            fill(&store, "SELECT 1", 500).await.unwrap();
            store.close().await;
        });
    }
}
