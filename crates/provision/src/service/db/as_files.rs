//! Large tables copied as the files that they are, on a server whose data directory is ours.
//!
//! The server holds a table still and writes all of it down, its file is copied, and the server takes the copy for the
//! table of the other database. That is done where the data directory lies in our home and belongs to the user that
//! we are, as the private stack's does, and for tables whose files hold all of them. Whatever goes otherwise than
//! expected has a table copied row by row, as the small ones are: this is a shorter way, and never the only one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aegir_domain::{DbEngine, DbName, DbService, Fault};
use aegir_drivers::db::DbDriver;
use aegir_host::{Connection, CopyModes, Files, Kind, Wanted};

use super::{DbServer, text_of};

/// Smaller tables are copied row by row in less time than a change of files takes, in bytes.
const LARGE: u64 = 16 << 20;

/// Two databases of a server of our own, and the tables of the first whose files can be copied.
pub(super) struct AsFiles<'a> {
    driver: &'a dyn DbDriver,
    files: &'a Files,
    from: (&'a DbName, PathBuf),
    to: (&'a DbName, PathBuf),
    /// With their sizes in bytes.
    tables: BTreeMap<String, u64>,
    done: Mutex<Vec<String>>,
    /// Those that were copied row by row after all, and why.
    not_done: Mutex<Vec<(String, String)>>,
}

impl DbServer<'_> {
    /// What can be copied as files; nothing where that cannot be found out.
    pub(super) fn as_files<'a>(&'a self, from: &'a DbName, to: &'a DbName) -> Option<AsFiles<'a>> {
        let DbService::Mariadb { at: DbEngine::Socket(_), .. } = &self.service else { return None };
        let tables = self.large_tables(from).filter(|tables| !tables.is_empty())?;
        let data = PathBuf::from(text_of(self.rows(self.driver.ask_data_directory()?.text().expose()).ok()?)?);
        if !data.starts_with(self.world.home().path()) {
            return None;
        }
        let files = self.world.files();
        let is_ours = |folder: &Path| {
            matches!(files.kind(folder), Ok(Some(Kind::Dir))) && files.may_write(folder).is_ok_and(|may| may)
        };
        let (from, to) = ((from, data.join(from.as_str())), (to, data.join(to.as_str())));
        let (done, not_done) = (Mutex::default(), Mutex::default());
        let ours = is_ours(&from.1) && is_ours(&to.1);
        ours.then_some(AsFiles { driver: self.driver, files, from, to, tables, done, not_done })
    }

    /// The tables of `name` that are large and whole in their files, with their sizes.
    fn large_tables(&self, name: &DbName) -> Option<BTreeMap<String, u64>> {
        let rows = self.rows_in(name, &self.driver.ask_large_tables(name, LARGE)?).ok()?;
        let table = |row: aegir_host::Row| {
            let mut values = row.into_iter().flatten().map(|value| String::from_utf8_lossy(&value).into_owned());
            Some((values.next()?, values.next()?.parse().ok()?))
        };
        Some(rows.into_iter().filter_map(table).collect())
    }
}

impl AsFiles<'_> {
    /// How large a table is that can be copied so.
    pub(super) fn size(&self, table: &str) -> Option<u64> {
        self.tables.get(table).copied()
    }

    /// Has a table of the new database, which is there and empty, hold what the old one's does. If not, it is gone, and
    /// only a connection that is lost is an error.
    pub(super) fn copy(&self, connection: &mut dyn Connection, table: &str) -> Result<bool, Fault> {
        match self.try_to_copy(connection, table) {
            Ok(()) => {
                self.done.lock().unwrap_or_else(PoisonError::into_inner).push(table.to_owned());
                Ok(true)
            }
            Err(fault) => {
                connection.run(self.driver.drop_table(self.to.0, table).text().expose())?;
                self.remove_copies(table)?;
                let why = (table.to_owned(), fault.report().to_string());
                self.not_done.lock().unwrap_or_else(PoisonError::into_inner).push(why);
                Ok(false)
            }
        }
    }

    fn try_to_copy(&self, connection: &mut dyn Connection, table: &str) -> Result<(), Fault> {
        let Some(copy) = self.driver.copy_as_file(self.from.0, self.to.0, table) else { return Err(NoWay.into()) };
        let mut run = |statement: &aegir_drivers::db::Statement| connection.run(statement.text().expose());
        run(&copy.make_room)?;
        for statement in &copy.hold {
            run(statement)?;
        }
        let copied = self.copy_files(&copy.files);
        // Whether they were copied or not: while it holds the table, the connection does nothing else.
        run(&copy.let_go)?;
        copied?;
        run(&copy.take)?;
        // What tells the server of the shape of the table is of no more use, and was not removed by it.
        self.remove_all(&copy.files[1..])
    }

    fn copy_files(&self, names: &[String]) -> Result<(), Fault> {
        let ((_, from), (_, to)) = (&self.from, &self.to);
        let is_one = |path: &Path| names.iter().any(|name| path == Path::new(name));
        let mut wanted = |path: &Path, _: bool| if is_one(path) { Wanted::Yes } else { Wanted::No };
        // Not synced: the server writes the copy once more, and syncs that.
        self.files.copy_what_is_wanted(from, to, CopyModes::Same, &mut wanted)?;
        Ok(())
    }

    fn remove_copies(&self, table: &str) -> Result<(), Fault> {
        let Some(copy) = self.driver.copy_as_file(self.from.0, self.to.0, table) else { return Ok(()) };
        self.remove_all(&copy.files)
    }

    fn remove_all(&self, names: &[String]) -> Result<(), Fault> {
        names.iter().try_for_each(|name| self.files.remove_file(&self.to.1.join(name)).map(drop))?;
        Ok(())
    }

    /// What to say of it.
    pub(super) fn told(self) -> Option<String> {
        let done = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let not_done = self.not_done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let as_files = (!done.is_empty()).then(|| format!("copied as files: {}", done.join(", ")));
        let by_rows = not_done.iter().map(|(table, why)| format!("copied row by row: {table} ({why})"));
        let all: Vec<String> = as_files.into_iter().chain(by_rows).collect();
        (!all.is_empty()).then(|| format!("Large tables, {}", all.join("; ")))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("this kind of server copies no table as a file")]
struct NoWay;

impl aegir_domain::Remedy for NoWay {}
