//! SQLite: a file for each site in the folder of databases, and no server.
//!
//! The marker is the name of the one column of a table in the file, `aegir_marker`: asking for a column
//! of a table that is not there is no error. Whoever can open the file is its user, so the file's mode is
//! all the protection there is; removing it is moving the file aside.

use std::path::Path;

use aegir_domain::{DbName, GrantHost, Marker, Password};

use super::{
    Access, At, Checkpoint, CopyAsFile, DbDriver, InTable, Limits, Place, Product, ProductKind, Statement, numbers,
};
use crate::DriverFault;

/// SQLite 3.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

impl DbDriver for Sqlite {
    fn service_type(&self) -> &'static str {
        "sqlite"
    }

    fn ask_version(&self) -> Statement {
        Statement::plain("SELECT sqlite_version()")
    }

    fn product(&self, version: &str) -> Result<Product, DriverFault> {
        let version = numbers(version).ok_or_else(|| DriverFault::Version {
            product: "SQLite",
            version: version.to_owned(),
            why: "its version cannot be understood".into(),
        })?;
        Ok(Product { kind: ProductKind::Sqlite, version })
    }

    /// `product` is the SQLite of the platform's PHP, not ours.
    fn oldest(&self, _: &Product, core: u32) -> (u32, u32, u32) {
        match core {
            ..=7 => (3, 3, 7),
            8 => (3, 7, 11),
            9 | 10 => (3, 26, 0),
            _ => (3, 45, 0),
        }
    }

    /// Readable and writable by the web group, since PHP of the web opens it; so must its folder be,
    /// where SQLite keeps its journal.
    fn place(&self, name: &DbName) -> Place {
        Place::File { name: format!("{name}.sqlite"), mode: 0o660 }
    }

    /// To be run in a new file.
    fn create(&self, _: &Product, _: &DbName, marker: &Marker) -> Vec<Statement> {
        let marker = marker.as_str().replace('"', "\"\"");
        vec![Statement::plain(format!("CREATE TABLE aegir_marker (\"{marker}\")"))]
    }

    fn mark(&self, _: &Product, _: &DbName, marker: &Marker) -> Vec<Statement> {
        let marker = marker.as_str().replace('"', "\"\"");
        vec![Statement::plain(format!("CREATE TABLE IF NOT EXISTS aegir_marker (\"{marker}\")"))]
    }

    fn unmark(&self, _: &Product, _: &DbName) -> Vec<Statement> {
        vec![Statement::plain("DROP TABLE IF EXISTS aegir_marker")]
    }

    fn ask_marker(&self, _: &Product, _: &DbName) -> Statement {
        Statement::plain("SELECT name FROM pragma_table_info('aegir_marker')")
    }

    fn ask_exists(&self, _: &DbName) -> Option<Statement> {
        None
    }

    fn ask_tables(&self, _: &DbName) -> Statement {
        Statement::plain(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             AND name <> 'aegir_marker' ORDER BY name",
        )
    }

    fn create_user(&self, _: &DbName, _: &[GrantHost], _: &Password) -> Vec<Statement> {
        Vec::new()
    }

    fn grant(&self, _: &DbName, _: &[GrantHost]) -> Vec<Statement> {
        Vec::new()
    }

    fn grant_tables(&self, _: &DbName, _: &[GrantHost]) -> Vec<Statement> {
        Vec::new()
    }

    fn revoke_table_writes(&self, _: &DbName, _: &[GrantHost]) -> Vec<Statement> {
        Vec::new()
    }

    fn revoke_writes(&self, _: &DbName, _: &[GrantHost]) -> Vec<Statement> {
        Vec::new()
    }

    fn ask_connections(&self, _: &DbName) -> Option<Statement> {
        None
    }

    fn end_connections(&self, _: &Product, _: &DbName) -> Vec<Statement> {
        Vec::new()
    }

    fn drop_user(&self, _: &DbName, _: &[GrantHost]) -> Vec<Statement> {
        Vec::new()
    }

    fn drop_database(&self, _: &DbName) -> Vec<Statement> {
        Vec::new()
    }

    /// A copy of the file has them all.
    fn ask_more_than_tables(&self, _: &DbName) -> Statement {
        Statement::plain("SELECT name FROM sqlite_master WHERE 0")
    }

    fn ask_caches(&self, _: &DbName) -> Statement {
        Statement::plain(
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'cid' \
             WHERE m.type = 'table' AND (m.name = 'cache' OR substr(m.name, 1, 6) = 'cache_') AND m.name <> 'cache_form'",
        )
    }

    fn ask_size(&self, _: &DbName) -> Option<Statement> {
        None
    }

    fn before_copying(&self) -> Vec<Statement> {
        Vec::new()
    }

    fn begin(&self) -> Statement {
        Statement::plain("BEGIN")
    }

    fn commit(&self) -> Statement {
        Statement::plain("COMMIT")
    }

    fn copy_whole(&self, to: &Path) -> Option<Statement> {
        Some(Statement::plain(format!("VACUUM INTO '{}'", to.to_string_lossy().replace('\'', "''"))))
    }

    fn ask_table(&self, _: &DbName, _: &str) -> Option<Statement> {
        None
    }

    fn shape(&self, statement: &str) -> (String, Option<u64>) {
        (statement.to_owned(), None)
    }

    fn count_on(&self, _: &DbName, _: &str, _: u64) -> Option<Statement> {
        None
    }

    fn ask_any_row(&self, _: &DbName, table: &str) -> Statement {
        Statement::plain(format!("SELECT 1 FROM {} LIMIT 1", named(table)))
    }

    fn copy_rows(&self, _: &DbName, _: &DbName, _: &str) -> Option<Statement> {
        None
    }

    fn ask_large_tables(&self, _: &DbName, _: u64) -> Option<Statement> {
        None
    }

    fn ask_data_directory(&self) -> Option<Statement> {
        None
    }

    fn copy_as_file(&self, _: &DbName, _: &DbName, _: &str) -> Option<CopyAsFile> {
        None
    }

    fn end_statement(&self, _: &str) -> Option<Statement> {
        None
    }

    fn checkpoint(&self) -> Option<Checkpoint> {
        None
    }

    fn empty_table(&self, table: &str) -> Statement {
        Statement::plain(format!("DELETE FROM {}", named(table)))
    }

    fn drop_table(&self, _: &DbName, table: &str) -> Statement {
        Statement::plain(format!("DROP TABLE IF EXISTS \"{}\"", table.replace('"', "\"\"")))
    }

    fn ask_columns(&self, _: &DbName) -> Statement {
        Statement::plain(
            "SELECT m.name, c.name, c.type, CASE WHEN c.pk > 0 THEN 'PRI' ELSE '' END \
             FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name, c.cid",
        )
    }

    fn before_putting(&self) -> Vec<Statement> {
        Vec::new()
    }

    fn ask_holding(&self, table: &str, keys: &[String], columns: &[String], part: &str, limits: Limits) -> Statement {
        let keys: Vec<String> = keys.iter().map(|key| named(key)).collect();
        let part = literal(Some(part.as_bytes()));
        let holds: Vec<String> = columns.iter().map(|column| format!("INSTR({}, {part}) > 0", named(column))).collect();
        Statement::plain(format!(
            "SELECT {keys}, {} FROM {} WHERE {} ORDER BY {keys} LIMIT {} OFFSET {}",
            holds.join(", "),
            named(table),
            holds.join(" OR "),
            limits.count,
            limits.passed,
            keys = keys.join(", "),
        ))
    }

    /// What was bytes stays bytes: SQLite keeps the kind of each value.
    fn put_value(&self, in_table: &InTable<'_>, known_by: &[Option<Vec<u8>>], value: &[u8]) -> Statement {
        let (table, column, set) = (named(in_table.table), named(in_table.column), literal(Some(value)));
        Statement::plain(format!(
            "UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'blob' THEN CAST({set} AS BLOB) ELSE {set} END \
             WHERE {}",
            known(in_table, known_by)
        ))
    }

    fn ask_value(&self, in_table: &InTable<'_>, known_by: &[Option<Vec<u8>>]) -> Statement {
        let (table, column) = (named(in_table.table), named(in_table.column));
        Statement::plain(format!("SELECT {column} FROM {table} WHERE {}", known(in_table, known_by)))
    }

    fn params(&self, access: &Access<'_>) -> Vec<(String, Password)> {
        let path = match access.at {
            At::File(path) => path.to_string_lossy().into_owned(),
            At::Server(_) => String::new(),
        };
        vec![("db_type".into(), Password::new("sqlite")), ("db_name".into(), Password::new(path))]
    }
}

/// The name of a table or a column, which packages choose.
fn named(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The condition that a row has these keys.
fn known(in_table: &InTable<'_>, known_by: &[Option<Vec<u8>>]) -> String {
    let pairs = in_table.keys.iter().zip(known_by);
    let is = pairs.map(|(key, value)| format!("{} IS {}", named(key), literal(value.as_deref())));
    is.collect::<Vec<_>>().join(" AND ")
}

/// A value as text. SQLite has no escapes, and a text would end at its first zero.
fn literal(value: Option<&[u8]>) -> String {
    let Some(value) = value else { return "NULL".into() };
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains('\0') => format!("'{}'", text.replace('\'', "''")),
        _ => format!("CAST(x'{}' AS TEXT)", value.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}
