//! One row of an answer, read by the names of its columns.

use std::fmt::Display;
use std::str::FromStr;

use aegir_domain::NodeId;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::Value;
use crate::StoreFault;

/// One row of an answer.
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column can hold.
pub(crate) trait Cell: Sized {
    fn read(row: &Row, column: &str) -> Result<Option<Self>, sqlx::Error>;
}

macro_rules! is_cell {
    ($($of:ty),*) => { $(
        impl Cell for $of {
            fn read(row: &Row, column: &str) -> Result<Option<Self>, sqlx::Error> {
                match row {
                    // SQLite has no type for what an expression gives: the value itself tells.
                    Row::Sqlite(row) => row.try_get_unchecked::<Option<$of>, _>(column),
                    Row::Postgres(row) => row.try_get::<Option<$of>, _>(column),
                }
            }
        }
    )* };
}
is_cell!(i64, String, Vec<u8>, bool);

impl Cell for NodeId {
    fn read(row: &Row, column: &str) -> Result<Option<Self>, sqlx::Error> {
        Ok(i64::read(row, column)?.map(NodeId))
    }
}

impl Row {
    /// The value of a column that is always there.
    pub(crate) fn get<T: Cell>(&self, column: &str) -> Result<T, StoreFault> {
        self.maybe(column)?.ok_or_else(|| StoreFault::unreadable(column, "it is absent"))
    }

    /// The value of a column, if it has one.
    pub(crate) fn maybe<T: Cell>(&self, column: &str) -> Result<Option<T>, StoreFault> {
        T::read(self, column).map_err(|source| StoreFault::unreadable(column, source))
    }

    /// A text as the type that wrote it.
    pub(crate) fn parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, StoreFault> {
        let text: String = self.get(column)?;
        text.parse().map_err(|bad: T::Err| StoreFault::unreadable(column, bad))
    }

    /// The same, if there is one.
    pub(crate) fn maybe_parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, StoreFault> {
        let text: Option<String> = self.maybe(column)?;
        text.map(|text| text.parse().map_err(|bad: T::Err| StoreFault::unreadable(column, bad))).transpose()
    }

    /// A JSON text as the type that wrote it.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreFault> {
        self.maybe_json(column)?.ok_or_else(|| StoreFault::unreadable(column, "it is absent"))
    }

    /// The same, if there is one.
    pub(crate) fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreFault> {
        let text: Option<String> = self.maybe(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|bad| StoreFault::unreadable(column, bad))).transpose()
    }

    /// A number that is never below zero.
    pub(crate) fn count(&self, column: &str) -> Result<u64, StoreFault> {
        let number: i64 = self.get(column)?;
        u64::try_from(number).map_err(|bad| StoreFault::unreadable(column, bad))
    }

    /// A column as a value, to be written elsewhere as it is.
    pub(crate) fn value(&self, column: &str, kind: ColumnKind) -> Result<Value, StoreFault> {
        Ok(match kind {
            ColumnKind::Int => Value::Int(self.maybe(column)?),
            ColumnKind::Text => Value::Text(self.maybe(column)?),
            ColumnKind::Bytes => Value::Bytes(self.maybe(column)?),
            ColumnKind::Bool => Value::Bool(self.maybe(column)?),
        })
    }
}

/// The kinds of column that a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Int,
    Text,
    Bytes,
    Bool,
}
