//! Speaks with SQLite files.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{ErrorCode, OpenFlags};

use super::mariadb::first_words;
use super::{Connection, Row, SqlFault, SqlKind};

/// The first version without the race of 3.51.2 and before that could harm a file in WAL mode.
const OLDEST: i32 = 3_051_003;

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Reading,
    Writing,
}

pub(super) struct Sqlite {
    conn: rusqlite::Connection,
}

impl Sqlite {
    pub(super) fn open(file: &Path, purpose: For) -> Result<Sqlite, SqlFault> {
        let doing = format!("opening the database `{}`", file.display());
        let no = |kind, message: &str| SqlFault {
            kind,
            code: 0,
            state: String::new(),
            message: message.into(),
            doing: doing.clone(),
        };
        if rusqlite::version_number() < OLDEST {
            let message = format!("this build has SQLite {}, which can harm its files", rusqlite::version());
            return Err(no(SqlKind::Other, &message));
        }
        match std::fs::symlink_metadata(file) {
            Ok(found) if found.is_file() => (),
            Ok(_) => return Err(no(SqlKind::Other, "it is no file")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(no(SqlKind::NoSuch, "there is no such file"));
            }
            Err(error) => return Err(no(SqlKind::Unreachable, &error.to_string())),
        }
        let access = match purpose {
            For::Reading => OpenFlags::SQLITE_OPEN_READ_ONLY,
            For::Writing => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let flags = access
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let conn = rusqlite::Connection::open_with_flags(file, flags).map_err(|error| fault(error, &doing))?;
        conn.busy_timeout(Duration::from_secs(10)).map_err(|error| fault(error, &doing))?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(|error| fault(error, &doing))?;
        // Drupal 8 and later use a collation of their own, which SQLite asks for as soon as an index has it.
        conn.create_collation("NOCASE_UTF8", |a, b| a.to_lowercase().cmp(&b.to_lowercase()))
            .map_err(|error| fault(error, &doing))?;
        Ok(Sqlite { conn })
    }

    fn ask(&mut self, sql: &str, mut on_row: impl FnMut(Row) -> bool) -> Result<u64, SqlFault> {
        let doing = first_words(sql);
        let bad = |error| fault(error, &doing);
        let before = self.conn.total_changes();
        let mut statement = self.conn.prepare(sql).map_err(bad)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(bad)? {
            let values = (0..columns).map(|column| row.get_ref(column).map(bytes));
            if !on_row(values.collect::<rusqlite::Result<Row>>().map_err(bad)?) {
                break;
            }
        }
        drop(rows);
        drop(statement);
        Ok(self.conn.total_changes().saturating_sub(before))
    }
}

impl Connection for Sqlite {
    fn run(&mut self, sql: &str) -> Result<u64, SqlFault> {
        self.ask(sql, |_| true)
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, SqlFault> {
        let mut rows = Vec::new();
        self.ask(sql, |row| {
            rows.push(row);
            true
        })?;
        Ok(rows)
    }

    fn each_row(&mut self, sql: &str, on_row: &mut dyn FnMut(Row) -> bool) -> Result<(), SqlFault> {
        self.ask(sql, on_row).map(drop)
    }
}

fn bytes(value: ValueRef<'_>) -> Option<Vec<u8>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
        ValueRef::Real(number) => Some(number.to_string().into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
    }
}

fn fault(error: rusqlite::Error, doing: &str) -> SqlFault {
    let (code, kind, message) = match &error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            let message = message.clone().unwrap_or_else(|| failure.to_string());
            (failure.extended_code as u32, kind_of(failure.code, &message), message)
        }
        // Others name the statement or its values.
        _ => (0, SqlKind::Other, "the statement or its answer is not what SQLite expects".into()),
    };
    SqlFault { kind, code, state: String::new(), message, doing: doing.to_owned() }
}

fn kind_of(code: ErrorCode, message: &str) -> SqlKind {
    match code {
        ErrorCode::CannotOpen | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => SqlKind::Unreachable,
        ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::AuthorizationForStatementDenied => {
            SqlKind::NotAllowed
        }
        ErrorCode::ConstraintViolation => SqlKind::Exists,
        _ if message.contains("no such") => SqlKind::NoSuch,
        _ if message.contains("already exists") => SqlKind::Exists,
        _ => SqlKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Sqlite) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.sqlite");
        std::fs::write(&file, b"").unwrap();
        let sqlite = Sqlite::open(&file, For::Writing).unwrap();
        (dir, sqlite)
    }

    #[test]
    fn rows_come_as_texts_and_null_as_nothing() {
        let (_dir, mut sqlite) = open();

        sqlite.run("CREATE TABLE t (a, b)").unwrap();
        let changed = sqlite.run("INSERT INTO t VALUES (1, NULL), (2.5, x'00ff')").unwrap();

        assert_eq!(changed, 2);
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let rows = sqlite.rows("SELECT a, b FROM t ORDER BY a").unwrap();
        assert_eq!(rows, [vec![text("1"), None], vec![text("2.5"), Some(vec![0, 255])]]);
        assert_eq!(sqlite.run("SELECT 1").unwrap(), 0);
    }

    #[test]
    fn what_is_missing_and_what_is_there_already_are_told_apart() {
        let (dir, mut sqlite) = open();
        sqlite.run("CREATE TABLE t (a PRIMARY KEY)").unwrap();

        assert_eq!(sqlite.rows("SELECT * FROM missing").unwrap_err().kind, SqlKind::NoSuch);
        assert_eq!(sqlite.run("CREATE TABLE t (a)").unwrap_err().kind, SqlKind::Exists);
        assert_eq!(sqlite.run("GIBBERISH").unwrap_err().kind, SqlKind::Other);
        assert_eq!(Sqlite::open(&dir.path().join("none"), For::Writing).err().unwrap().kind, SqlKind::NoSuch);
        assert_eq!(Sqlite::open(dir.path(), For::Writing).err().unwrap().kind, SqlKind::Other);
    }
}
