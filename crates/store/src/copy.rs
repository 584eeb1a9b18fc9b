//! Copies a whole control database into an empty one, of either kind; counted, and held against the original.

use std::cmp::Ordering;

use ring::digest::{Context, SHA256};

use crate::db::{Dialect, Query, ROWS_AT_ONCE, Value};
use crate::tables::{TABLES, Table};
use crate::{Read, Store, StoreFault, Tx};

/// How many rows are read at once.
const BATCH: u32 = 500;

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// The SHA-256 of all that is in it, the same on either side and in either kind of database.
    pub checksum: String,
}

/// Copies everything from one control database to another, which must be empty, of whichever kinds.
///
/// What is copied is one moment of the source; the target has all of it or none. Secrets are copied as they are
/// sealed: the key file goes with them. Each table is counted and summed on both sides.
pub async fn copy_all(from: &Store, to: &Store) -> Result<Vec<CopiedTable>, StoreFault> {
    from.long_snapshot(async |source| {
        to.write(async |target| {
            make_room(target).await?;
            let mut copied = Vec::new();
            for table in TABLES {
                let read = over(source, table, Some(&mut *target)).await?;
                let written = over(target, table, None).await?;
                if read != written {
                    let why = format!("{} rows became {}, or something in them changed", read.rows, written.rows);
                    return Err(StoreFault::Copy { table: table.name, why });
                }
                if table.numbered {
                    let last = source.last_number(table).await?;
                    target.set_last_number(table, last).await?;
                }
                copied.push(read);
            }
            if let Some(key) = source.known_key().await? {
                target.know_key(&key).await?;
            }
            Ok(copied)
        })
        .await
    })
    .await
}

impl Store {
    /// Counts and sums all tables, as [`copy_all`] does.
    pub async fn sums(&self) -> Result<Vec<CopiedTable>, StoreFault> {
        self.long_snapshot(async |read| {
            let mut sums = Vec::new();
            for table in TABLES {
                sums.push(over(read, table, None).await?);
            }
            Ok(sums)
        })
        .await
    }
}

/// Refuses a target that holds anything; takes away what every new one begins with.
async fn make_room(target: &mut Tx) -> Result<(), StoreFault> {
    for table in TABLES {
        let begins_with = match table.name {
            "node" | "client" | "queue" => 1,
            _ => 0,
        };
        let found = over(target, table, None).await?.rows;
        if found > begins_with {
            let what = format!("the target (its table `{}` is not empty)", table.name);
            return Err(StoreFault::Taken { what, source: None });
        }
    }
    for delete in ["DELETE FROM queue", "DELETE FROM client", "DELETE FROM node"] {
        target.run("make room", Query::new(delete)).await?;
    }
    Ok(())
}

/// Goes over a table in the order of its key; writes what it reads to `into`, if that is given.
async fn over(source: &mut Read, table: &Table, mut into: Option<&mut Tx>) -> Result<CopiedTable, StoreFault> {
    let mut sum = Context::new(&SHA256);
    let mut rows = 0;
    let mut last: Option<Vec<Value>> = None;
    loop {
        let page = source.ask("read a table", page_of(table, last.take())).await?;
        let mut values = Vec::with_capacity(page.len() * table.columns.len());
        for row in &page {
            for (column, kind) in table.columns {
                let value = row.value(column, *kind)?;
                add(&mut sum, &value);
                values.push(value);
            }
        }
        rows += page.len() as u64;
        last = values.rchunks(table.columns.len()).next().map(|row| row[..table.key].to_vec());
        let full = page.len() == BATCH as usize;
        if let (Some(target), false) = (into.as_deref_mut(), page.is_empty()) {
            let mut values = values.into_iter().peekable();
            while values.peek().is_some() {
                let some = values.by_ref().take(ROWS_AT_ONCE * table.columns.len()).collect();
                target.run("write a table", insert(table, some)).await?;
            }
        }
        if !full {
            break;
        }
    }
    let checksum = sum.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(CopiedTable { name: table.name, rows, checksum })
}

fn page_of(table: &Table, behind: Option<Vec<Value>>) -> Query {
    let mut query = Query::new("SELECT ");
    list(&mut query, table.columns.iter().map(|(name, _)| *name));
    query.push(" FROM ").push(table.name);
    let key = || table.columns[..table.key].iter().map(|(name, _)| *name);
    if let Some(behind) = behind {
        query.push(" WHERE (");
        list(&mut query, key());
        query.push(") > ").bind_all(behind);
    }
    query.push(" ORDER BY ");
    list(&mut query, key());
    query.push(" LIMIT ").bind(i64::from(BATCH));
    query
}

fn insert(table: &Table, values: Vec<Value>) -> Query {
    let mut query = Query::new("INSERT INTO ");
    query.push(table.name).push(" (");
    list(&mut query, table.columns.iter().map(|(name, _)| *name));
    query.push(") VALUES ");
    let mut values = values.into_iter().peekable();
    while values.peek().is_some() {
        query.bind_all(values.by_ref().take(table.columns.len()));
        query.push(if values.peek().is_some() { ", " } else { "" });
    }
    query
}

fn list(query: &mut Query, names: impl Iterator<Item = &'static str>) {
    for (place, name) in names.enumerate() {
        query.push(if place > 0 { ", " } else { "" }).push(name);
    }
}

/// Adds a value so that no two different rows read the same: its kind, its length, its bytes.
fn add(sum: &mut Context, value: &Value) {
    let mut add = |kind: u8, bytes: Option<&[u8]>| {
        sum.update(&[kind, u8::from(bytes.is_some())]);
        if let Some(bytes) = bytes {
            sum.update(&(bytes.len() as u64).to_be_bytes());
            sum.update(bytes);
        }
    };
    match value {
        Value::Int(value) => add(1, value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice)),
        Value::Text(value) => add(2, value.as_ref().map(String::as_bytes)),
        Value::Bytes(value) => add(3, value.as_deref()),
        Value::Bool(value) => add(4, value.map(|value| [u8::from(value)]).as_ref().map(<[u8; 1]>::as_slice)),
    }
}

impl Read {
    /// The highest number that the database ever gave in this table: those of deleted rows are not given again.
    async fn last_number(&mut self, table: &Table) -> Result<i64, StoreFault> {
        let mut query = Query::default();
        match self.dialect() {
            Dialect::Sqlite => {
                query.push("SELECT COALESCE(MAX(seq), 0) AS last FROM sqlite_sequence WHERE name = ").bind(table.name);
            }
            Dialect::Postgres => {
                query.push("SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM ").push(table.name);
                query.push("_").push(table.columns[0].0).push("_seq");
            }
        }
        self.ask("last number", query).await?.first().map_or(Ok(0), |row| row.get("last"))
    }
}

impl Tx {
    async fn set_last_number(&mut self, table: &Table, last: i64) -> Result<(), StoreFault> {
        match self.dialect() {
            Dialect::Sqlite => {
                let mut forget = Query::new("DELETE FROM sqlite_sequence WHERE name = ");
                forget.bind(table.name);
                self.run("set last number", forget).await?;
                let mut set = Query::new("INSERT INTO sqlite_sequence (name, seq) VALUES ");
                set.bind_all([Value::from(table.name), Value::from(last)]);
                self.run("set last number", set).await?;
            }
            Dialect::Postgres => {
                let mut set = Query::new("SELECT setval(pg_get_serial_sequence(");
                set.bind(table.name).push(", ").bind(table.columns[0].0).push("), ").bind(last.max(1));
                // Of a sequence that gave no number yet, 1 is the first and not the last.
                set.push(", ").bind(last.cmp(&0) == Ordering::Greater).push(")");
                self.ask("set last number", set).await?;
            }
        }
        Ok(())
    }
}
