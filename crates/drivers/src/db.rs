//! Databases: where a site's data lies, and the statements that make, prove and remove it.
//!
//! A driver gives lists of statements; whoever has the connection runs them in order. A database that
//! is a file has the same marker, but no server, so no users: its lists for these are empty.

mod action;
pub mod dump;
mod mariadb;
pub mod script;
mod sqlite;
mod statement;
pub mod theirs;
pub mod views;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aegir_domain::{DbName, GrantHost, Marker, Password};

use crate::DriverFault;

pub use mariadb::{MariaDb, Meaning, meaning, our_account, rights_probe, server_params};
pub use sqlite::Sqlite;
pub use statement::Statement;

/// What differs from one database product to another.
///
/// Every list may be run twice: what exists already, or is gone already, is no error. The exception is
/// [`DbDriver::create`], which must fail when the name is taken.
pub trait DbDriver: Send + Sync {
    /// The service type an administrator chooses: `mariadb`, `sqlite`.
    fn service_type(&self) -> &'static str;

    /// Asks the server for the version that [`DbDriver::product`] reads: one row, one column.
    fn ask_version(&self) -> Statement;

    /// Which product answered.
    fn product(&self, version: &str) -> Result<Product, DriverFault>;

    /// The oldest version of `product` that Drupal of the major version `core` runs on.
    fn oldest(&self, product: &Product, core: u32) -> (u32, u32, u32);

    /// Refuses a product that is too old for Drupal of the major version `core`.
    fn serves(&self, product: &Product, core: u32) -> Result<(), DriverFault> {
        at_least(product, self.oldest(product, core), core)
    }

    /// Where the data of `name` lies.
    fn place(&self, name: &DbName) -> Place;

    /// Makes an empty database that bears `marker`. Where the product can, in one statement; else the
    /// database is without marker for a moment, and then it is empty.
    fn create(&self, product: &Product, name: &DbName, marker: &Marker) -> Vec<Statement>;

    /// Has a database bear `marker` that bears none.
    fn mark(&self, product: &Product, name: &DbName, marker: &Marker) -> Vec<Statement>;

    /// Has a database bear no marker, so that nobody takes it for one of ours any more. Nothing else of it changes.
    fn unmark(&self, product: &Product, name: &DbName) -> Vec<Statement>;

    /// Asks for the marker of `name`: one row with it, or none.
    fn ask_marker(&self, product: &Product, name: &DbName) -> Statement;

    /// Asks whether `name` exists: one row, or none.
    fn ask_exists(&self, name: &DbName) -> Option<Statement>;

    /// Asks for the tables of `name`: one row each, the marker's not among them, and no views.
    fn ask_tables(&self, name: &DbName) -> Statement;

    /// Makes the database's user for each host, with this password, and gives it the least that Drupal needs.
    fn create_user(&self, name: &DbName, hosts: &[GrantHost], password: &Password) -> Vec<Statement>;

    /// Gives a user back what [`DbDriver::revoke_writes`] took.
    fn grant(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement>;

    /// Takes from a user what changes data. Open connections keep it until [`DbDriver::end_connections`].
    fn revoke_writes(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement>;

    /// [`DbDriver::grant`] less views and triggers, by an account of ours that may not grant these.
    fn grant_tables(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement>;

    /// [`DbDriver::revoke_writes`] by such an account.
    fn revoke_table_writes(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement>;

    /// Asks for the connections of a user: a row for each with the statement that ends it.
    fn ask_connections(&self, name: &DbName) -> Option<Statement>;

    /// Ends all connections of a user. Empty where they end one by one, see [`DbDriver::ask_connections`].
    fn end_connections(&self, product: &Product, name: &DbName) -> Vec<Statement>;

    /// Removes a user.
    fn drop_user(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement>;

    /// Removes a database and everything in it. Only after its marker was read and is the right one.
    /// Empty where the data is a file, which is moved aside instead.
    fn drop_database(&self, name: &DbName) -> Vec<Statement>;

    /// Asks for what of `name` is more than tables: views, triggers, routines, events. A row with the name of each.
    fn ask_more_than_tables(&self, name: &DbName) -> Statement;

    /// Asks for the tables of `name` whose rows can be made again, by the shape that Drupal gives all its caches.
    /// Forms that somebody is filling in are none.
    fn ask_caches(&self, name: &DbName) -> Statement;

    /// Asks for the size of `name` in bytes: one row. `None` where the data is a file.
    fn ask_size(&self, name: &DbName) -> Option<Statement>;

    /// Statements for a connection that copies rows: every row is to arrive as it was, and what it copied is there once
    /// it ran [`DbDriver::commit`].
    fn before_copying(&self) -> Vec<Statement>;

    /// Has what a connection writes from now on stay all at once, or not at all.
    fn begin(&self) -> Statement;

    /// Has what a connection wrote stay.
    fn commit(&self) -> Statement;

    /// Copies a whole database into a new file, as it is at one moment. `None` where it is copied table by table.
    fn copy_whole(&self, to: &Path) -> Option<Statement>;

    /// Asks for the statement that makes a table like one of `from`, in the second column of one row. It is for a
    /// connection that is in the database where the table is to be. `None` where the whole is copied.
    fn ask_table(&self, from: &DbName, table: &str) -> Option<Statement>;

    /// The statement that [`DbDriver::ask_table`] answers, less the number that the table counts on from; and that
    /// number, if the table counts.
    fn shape(&self, statement: &str) -> (String, Option<u64>);

    /// Has an empty table count on from `next`.
    fn count_on(&self, name: &DbName, table: &str, next: u64) -> Option<Statement>;

    /// Asks for any row of a table: one, or none.
    fn ask_any_row(&self, name: &DbName, table: &str) -> Statement;

    /// Copies the rows of a table to one of the same name and shape. `None` where the whole is copied.
    fn copy_rows(&self, from: &DbName, to: &DbName, table: &str) -> Option<Statement>;

    /// Asks for the tables of `from` that take `at_least` so many bytes, and whose files hold all of them: a row with the name
    /// of each, the largest first. `None` where a table is no file.
    fn ask_large_tables(&self, from: &DbName, at_least: u64) -> Option<Statement>;

    /// Asks for the folder with a server's data, in which each database has one of its own: one row. `None` where there is no server.
    fn ask_data_directory(&self) -> Option<Statement>;

    /// How the file of a table that [`DbDriver::ask_large_tables`] names becomes the one of an empty table of the same name
    /// and shape. `None` where a table is no file.
    fn copy_as_file(&self, from: &DbName, to: &DbName, table: &str) -> Option<CopyAsFile>;

    /// Ends what the connection of this number is at, if it is at anything, and leaves it open. `None` where there is no server.
    fn end_statement(&self, connection: &str) -> Option<Statement>;

    /// How a server is brought to forget what its journal says of files that are gone. `None` where it has none.
    fn checkpoint(&self) -> Option<Checkpoint>;

    /// Removes all rows of a table. It is for a connection that is in the database.
    fn empty_table(&self, table: &str) -> Statement;

    /// Removes a table.
    fn drop_table(&self, name: &DbName, table: &str) -> Statement;

    /// Asks for the columns of all tables of `name`, in their order: table, column, type, and `PRI` if rows are known
    /// by it.
    fn ask_columns(&self, name: &DbName) -> Statement;

    /// Statements for a connection that writes values as [`DbDriver::put_value`] has them.
    fn before_putting(&self) -> Vec<Statement>;

    /// Asks for the rows of a table in which one of `columns` holds the bytes of `part`, `count` of them from the one behind
    /// `passed` on, in the order of `keys`: these columns, then `1` or `0` for each of `columns`. It is for a connection
    /// that is in the database.
    fn ask_holding(&self, table: &str, keys: &[String], columns: &[String], part: &str, limits: Limits) -> Statement;

    /// Has `column` be `value` in the row that `known_by` are the keys of.
    fn put_value(&self, in_table: &InTable<'_>, known_by: &[Option<Vec<u8>>], value: &[u8]) -> Statement;

    /// Asks for `column` in the row that `known_by` are the keys of.
    fn ask_value(&self, in_table: &InTable<'_>, known_by: &[Option<Vec<u8>>]) -> Statement;

    /// What a site's PHP needs to reach its database, as the `db_*` parameters that `settings.php` reads.
    fn params(&self, access: &Access<'_>) -> Vec<(String, Password)>;
}

/// How the file of a table is copied.
#[derive(Clone, Debug)]
pub struct CopyAsFile {
    /// Takes its own file from the empty table. What the journal says of that file must be behind a [`Checkpoint`] before
    /// another one lies in its place.
    pub make_room: Statement,
    /// Have the table that is copied written down whole, and nobody write to it. They wait for seconds at the most.
    pub hold: Vec<Statement>,
    /// The files to copy from the one database's folder to the other's: the table's own, then what is of use only until it is taken.
    pub files: [String; 2],
    /// Let go of what is held; the copy is made.
    pub let_go: Vec<Statement>,
    /// Has the empty table be what was copied.
    pub take: Statement,
}

/// How a server writes down all that its journal holds, so that it begins to read behind that when it starts after a crash.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Makes it. While somebody writes all the time it is made again and again, until [`DbDriver::end_statement`].
    pub make: Statement,
    /// Asks how far the journal was written, and from where it would be read: one row with both, in bytes of the journal.
    pub ask: Statement,
}

/// Which of the rows that are found are answered.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many of them.
    pub count: usize,
    /// Less so many that come first.
    pub passed: usize,
}

/// A column of a table, and the columns by which the table's rows are known.
#[derive(Clone, Copy, Debug)]
pub struct InTable<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// What rows are known by.
    pub keys: &'a [String],
}

/// Whether a column of this type can hold text.
pub fn holds_text(data_type: &str) -> bool {
    let data_type = data_type.to_ascii_lowercase();
    ["char", "text", "clob", "blob", "binary", "json"].iter().any(|kind| data_type.contains(kind))
}

/// A product and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Which.
    pub kind: ProductKind,
    /// Major, minor and patch number.
    pub version: (u32, u32, u32),
}

/// Products that a database driver tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductKind {
    /// MariaDB.
    MariaDb,
    /// MySQL, or what calls itself so.
    MySql,
    /// SQLite.
    Sqlite,
}

impl ProductKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            ProductKind::MariaDb => "MariaDB",
            ProductKind::MySql => "MySQL",
            ProductKind::Sqlite => "SQLite",
        }
    }
}

/// Where the data of a site lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a server.
    Server,
    /// In a file of this name in the folder of databases.
    File {
        /// The file's name.
        name: String,
        /// Its mode.
        mode: u32,
    },
}

/// How a site's PHP reaches its database.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The database, and its user.
    pub name: &'a DbName,
    /// The user's password; nothing where there is no user.
    pub password: Option<&'a Password>,
    /// Where it answers.
    pub at: At<'a>,
}

/// Where a database answers.
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    /// A server.
    Server(&'a aegir_domain::DbEngine),
    /// A file.
    File(&'a PathBuf),
}

/// The databases that this build can speak to.
#[derive(Clone, Default)]
pub struct DbDrivers(Vec<Arc<dyn DbDriver>>);

impl DbDrivers {
    /// Those that Ægir comes with.
    pub fn standard() -> DbDrivers {
        DbDrivers::default().with(MariaDb).with(Sqlite)
    }

    /// The same and one more.
    pub fn with(mut self, driver: impl DbDriver + 'static) -> DbDrivers {
        self.0.push(Arc::new(driver));
        self
    }

    /// The driver of a service type.
    pub fn named(&self, service_type: &str) -> Result<&dyn DbDriver, DriverFault> {
        self.0.iter().find(|driver| driver.service_type() == service_type).map(|driver| &**driver).ok_or_else(|| {
            let mut known: Vec<_> = self.0.iter().map(|driver| driver.service_type()).collect();
            known.sort_unstable();
            DriverFault::Unknown { kind: "db", name: service_type.to_owned(), known }
        })
    }
}

/// Reads `10.11.6` from the beginning of a version.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let major = parts.next()?.ok()?;
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    Some((major, next(), next()))
}

fn at_least(product: &Product, minimum: (u32, u32, u32), core: u32) -> Result<(), DriverFault> {
    if product.version >= minimum {
        return Ok(());
    }
    let show = |(major, minor, patch): (u32, u32, u32)| format!("{major}.{minor}.{patch}");
    Err(DriverFault::Version {
        product: product.kind.as_str(),
        version: show(product.version),
        why: format!("Drupal {core} needs {} or later", show(minimum)),
    })
}
