//! The layer below: values, rows, statements and transactions, the same for two drivers.
//!
//! A small layer of our own instead of the driver's `Any`, which knows neither our types nor the
//! differences that matter. What the two databases do differently is in this folder, and in the few
//! statements that have two texts.
//!
//! ## Invariants
//!
//! - SQLite has one writer, which begins every transaction with `BEGIN IMMEDIATE`: a transaction that
//!   reads first and then wants to write is refused at once by SQLite, however long one would wait.
//! - A transaction that was not ended takes its connection with it; none is handed on half way.

mod address;
mod link;
mod migrate;
mod postgres;
mod row;
mod session;
mod sql;
mod sqlite;
mod value;

pub use address::{BadAddress, PostgresAddress, ProgramsAccess, StoreAddress};
pub use migrate::Upgrade;
pub use session::{Read, Tx};
pub use sql::Dialect;

pub(crate) use link::Link;
pub(crate) use migrate::{MIGRATIONS, migrate};
pub(crate) use postgres::Postgres;
pub(crate) use row::{ColumnKind, Row};
pub(crate) use sql::{Query, ROWS_AT_ONCE, Sql, statements};
pub(crate) use sqlite::{Sqlite, Writer};
pub(crate) use value::{Value, priority_of, values};
