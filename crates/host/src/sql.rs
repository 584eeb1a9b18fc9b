//! Connections to database servers; statements come as text and rows go as bytes.
//!
//! What a statement says is the drivers' affair. A statement may hold a password, so its text is in
//! no error; a server's message is freed of what follows `IDENTIFIED BY` ([`SqlFault`]).

mod fault;
mod mariadb;
mod scrub;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use aegir_domain::{DbEngine, Password};

pub use fault::{SqlFault, SqlKind};

/// A row of an answer: each value as the text that the server prints, or nothing for NULL.
pub type Row = Vec<Option<Vec<u8>>>;

/// An open connection.
pub trait Connection: Send {
    /// Runs one statement and gives the number of rows it changed.
    fn run(&mut self, sql: &str) -> Result<u64, SqlFault>;

    /// Runs one statement and gives all rows of its answer.
    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, SqlFault>;

    /// Runs one statement and hands on each row of its answer as it comes, whatever their number; once `on_row` says
    /// no, the others are not handed on.
    fn each_row(&mut self, sql: &str, on_row: &mut dyn FnMut(Row) -> bool) -> Result<(), SqlFault>;
}

/// Opens connections.
pub trait Databases: Send + Sync {
    /// Connects to a MariaDB or MySQL server as `account`. Neither connecting nor any one statement
    /// may take longer than `limit`.
    fn mariadb(
        &self,
        at: &DbEngine,
        account: &str,
        password: &Password,
        database: Option<&str>,
        limit: Duration,
    ) -> Result<Box<dyn Connection>, SqlFault>;

    /// Opens an SQLite database that exists.
    fn sqlite(&self, file: &Path) -> Result<Box<dyn Connection>, SqlFault>;

    /// Opens an SQLite database that belongs to somebody else's code, to read it and nothing more: a
    /// forged journal beside it could else make us delete a file.
    fn sqlite_to_read(&self, file: &Path) -> Result<Box<dyn Connection>, SqlFault>;
}

/// Connects to real servers and files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDatabases;

impl Databases for RealDatabases {
    fn mariadb(
        &self,
        at: &DbEngine,
        account: &str,
        password: &Password,
        database: Option<&str>,
        limit: Duration,
    ) -> Result<Box<dyn Connection>, SqlFault> {
        Ok(Box::new(mariadb::MariaDb::connect(at, account, password, database, limit)?))
    }

    fn sqlite(&self, file: &Path) -> Result<Box<dyn Connection>, SqlFault> {
        Ok(Box::new(sqlite::Sqlite::open(file, sqlite::For::Writing)?))
    }

    fn sqlite_to_read(&self, file: &Path) -> Result<Box<dyn Connection>, SqlFault> {
        Ok(Box::new(sqlite::Sqlite::open(file, sqlite::For::Reading)?))
    }
}
