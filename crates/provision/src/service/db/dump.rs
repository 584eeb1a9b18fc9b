//! A database to a file, and back: as it was at one moment, however long that takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use aegir_domain::{DbName, DbService, Fault, Marker, Password, Remedy};
use aegir_drivers::db::Place;
use aegir_drivers::db::dump::{self, Column, DUMP_BEGIN, DUMP_END, Inserts, ONE_MOMENT};
use aegir_drivers::db::script::{Loaded, Script, ScriptFault, loaded};
use aegir_host::{Connection, Row, SqlFault, TextFile};

use super::views::Beside;
use super::{DbServer, TRUST};
use crate::World;
use crate::service::Stopped;
use crate::step::file::put_mode;

/// How long one statement of a dump may take when it is loaded: some change a whole table.
const LOADING: Duration = Duration::from_secs(3600);

/// How much of a dump is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// What a dump is not a faithful picture of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dumped {
    /// Tables that may have changed while they were read.
    pub(crate) not_consistent: Vec<String>,
    /// What is neither a table nor can be made in another database, and is not in it: what it is, its name, and why.
    pub(crate) not_included: Vec<String>,
    /// Triggers that are in it.
    pub(crate) triggers: Vec<String>,
}

impl DbServer<'_> {
    /// What the file with a dump of this server's is called.
    pub(crate) fn dump_name(&self) -> &'static str {
        match self.service {
            DbService::Mariadb { .. } => "database.sql",
            DbService::Sqlite {} => "database.sqlite",
        }
    }

    /// Writes a database to a file, as it is at one moment.
    pub(crate) fn dump(&self, name: &DbName, to: &Path) -> Result<Dumped, Fault> {
        if let Place::File { .. } = self.driver.place(name) {
            return self.dump_file(name, to);
        }
        let mut file = self.world.files().begin_file(to)?;
        let dumped = self.dump_into(name, &BTreeSet::new(), &mut file)?;
        file.end()?;
        Ok(dumped)
    }

    /// Writes a database of a server to `to`, as it is at one moment; of the tables `empty` no rows.
    pub(super) fn dump_into(
        &self,
        name: &DbName,
        empty: &BTreeSet<String>,
        to: &mut dyn Sink,
    ) -> Result<Dumped, Fault> {
        self.connected(|connection, _| {
            let mut dump = Dump::begin(self.world, connection, name.as_str(), to)?;
            dump.empty.clone_from(empty);
            dump.write()
        })
    }

    fn dump_file(&self, name: &DbName, to: &Path) -> Result<Dumped, Fault> {
        // The engine writes into a file that is there and empty, whose mode is ours to choose.
        self.world.files().begin_file(to)?.end()?;
        let mut connection = self.world.parts.databases.sqlite_to_read(&self.file(name))?;
        connection.run(&format!("VACUUM INTO '{}'", to.to_string_lossy().replace('\'', "''")))?;
        Ok(Dumped::default())
    }

    /// Loads the dump `from` into a database of ours, which is empty: as that database's own user, who can touch no
    /// other one, whatever the dump says.
    pub(crate) fn load(
        &self,
        name: &DbName,
        marker: &Marker,
        password: Option<&Password>,
        from: &Path,
    ) -> Result<(), Fault> {
        self.must_bear(name, marker)?;
        match (&self.service, password) {
            (DbService::Mariadb { .. }, Some(password)) => self.load_from(from, self.loader(name, password)?),
            (DbService::Mariadb { .. }, None) => Err(LoadFault::NoUser { name: name.clone() }.into()),
            (DbService::Sqlite {}, _) => self.load_file(name, marker, from),
        }
    }

    fn load_from(&self, from: &Path, mut loader: Loader) -> Result<(), Fault> {
        let stop = self.world.until_cancelled();
        let mut offset = 0;
        loop {
            let piece = self.world.files().read_from(from, offset, PIECE)?.unwrap_or_default();
            if piece.is_empty() {
                return Ok(loader.end()?);
            }
            if stop() {
                return Err(Stopped { program: "the load of the dump" }.into());
            }
            offset += piece.len() as u64;
            loader.read(&piece)?;
        }
    }

    /// What loads a dump into a database of this server, as that database's own user.
    pub(super) fn loader(&self, name: &DbName, password: &Password) -> Result<Loader, Fault> {
        let DbService::Mariadb { at, .. } = &self.service else {
            return Err(LoadFault::NoUser { name: name.clone() }.into());
        };
        let databases = &self.world.parts.databases;
        Ok(Loader::new(databases.mariadb(at, name.as_str(), password, Some(name.as_str()), LOADING)?))
    }

    /// Has the file of a database be the file `from`, with our marker.
    fn load_file(&self, name: &DbName, marker: &Marker, from: &Path) -> Result<(), Fault> {
        let mut connection = self.world.parts.databases.sqlite(from)?;
        // In one file: what a journal beside it holds would not be copied.
        connection.rows("PRAGMA journal_mode = DELETE")?;
        connection.run("DROP TABLE IF EXISTS aegir_marker")?;
        for statement in self.driver.create(&self.product()?, name, marker) {
            connection.run(statement.text().expose())?;
        }
        drop(connection);
        let file = self.file(name);
        self.world.files().copy_file(from, &file, None)?;
        let Place::File { mode, .. } = self.driver.place(name) else { return Ok(()) };
        put_mode(self.world, &file, mode, self.world.parts.web_gid)
    }
}

/// Where the text of a dump goes.
pub(super) trait Sink {
    /// Takes the next bytes of it.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault>;
}

impl Sink for TextFile {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.write(bytes)?)
    }
}

/// One writing of a dump.
pub(super) struct Dump<'a> {
    world: &'a World,
    connection: &'a mut dyn Connection,
    name: &'a str,
    /// Tables whose rows stay out.
    empty: BTreeSet<String>,
    /// What each table is called in the dump, where that is not what it is called; others stay out.
    called: Option<BTreeMap<String, String>>,
    /// Whether triggers stay out: whoever loads it may make none.
    pub(super) without_triggers: bool,
    to: &'a mut dyn Sink,
    columns: BTreeMap<String, Vec<Column>>,
    tables: Vec<Row>,
}

impl<'a> Dump<'a> {
    /// Opens the moment that is dumped, and looks at what there is.
    pub(super) fn begin(
        world: &'a World,
        connection: &'a mut dyn Connection,
        name: &'a str,
        to: &'a mut dyn Sink,
    ) -> Result<Dump<'a>, Fault> {
        for statement in ONE_MOMENT {
            connection.run(statement)?;
        }
        let tables = connection.rows(&dump::ask_kinds(name))?;
        let mut columns: BTreeMap<String, Vec<Column>> = BTreeMap::new();
        for row in connection.rows(&dump::ask_columns(name))? {
            let of_table = columns.entry(text(&row, 0)).or_default();
            of_table.extend(Column::of(&text(&row, 1), &text(&row, 2), &text(&row, 3)));
        }
        Ok(Dump {
            world,
            connection,
            name,
            empty: BTreeSet::new(),
            called: None,
            without_triggers: false,
            to,
            columns,
            tables,
        })
    }

    /// Takes these tables alone, under these names, and of caches no rows.
    pub(super) fn calling(mut self, called: BTreeMap<String, String>) -> Dump<'a> {
        let is_cache = |here: &str| here == "cache" || (here.starts_with("cache_") && here != "cache_form");
        let caches = self.columns.iter().filter(|(table, columns)| {
            called.get(*table).is_some_and(|here| is_cache(here)) && columns.iter().any(|column| column.name == "cid")
        });
        self.empty = caches.map(|(table, _)| table.clone()).collect();
        self.called = Some(called);
        self
    }

    /// What a table is called in the dump.
    fn name_in_dump(&self, table: &str) -> Option<String> {
        match &self.called {
            Some(called) => called.get(table).cloned(),
            None => Some(table.to_owned()),
        }
    }

    pub(super) fn write(mut self) -> Result<Dumped, Fault> {
        let mut dumped = Dumped::default();
        // Under other names of tables they would be made of nothing.
        let all_as_there = self.called.iter().flatten().all(|(there, here)| there == here);
        let mut beside = match all_as_there {
            true => Beside::read(self.connection, self.name)?,
            false => Beside::default(),
        };
        if self.without_triggers {
            beside.leave_triggers();
        }
        self.to.take(DUMP_BEGIN.as_bytes())?;
        for row in std::mem::take(&mut self.tables) {
            let (table, kind, engine) = (text(&row, 0), text(&row, 1), text(&row, 2));
            // A sequence is a table of one row; a table that keeps its past is one with the rows of now.
            if kind == "VIEW" {
                continue;
            }
            let Some(here) = self.name_in_dump(&table) else { continue };
            if !engine.eq_ignore_ascii_case("InnoDB") {
                dumped.not_consistent.push(table.clone());
            }
            self.table(&table, &here)?;
        }
        // Behind all rows: no trigger is to act on any of them.
        self.to.take(beside.text.as_bytes())?;
        dumped.not_included.extend(beside.bound);
        dumped.triggers = beside.triggers;
        self.to.take(DUMP_END.as_bytes())?;
        self.connection.run("COMMIT")?;
        Ok(dumped)
    }

    /// Writes a table, which is called `here` in the dump.
    fn table(&mut self, table: &str, here: &str) -> Result<(), Fault> {
        let columns = self.columns.remove(table).unwrap_or_default();
        // Until the end of the transaction nobody gives its name to something else, whose rows may be of what this account
        // sees and the site does not.
        self.connection.rows(&dump::hold(self.name, table))?;
        let ask = format!("SHOW CREATE TABLE {}.{}", dump::name_of(self.name), dump::name_of(table));
        let mut create = self.connection.rows(&ask)?.first().map(|row| text(row, 1)).unwrap_or_default();
        if !dump::makes_table(&create) {
            return Err(NoTable { database: self.name.to_owned(), table: table.to_owned() }.into());
        }
        if self.called.is_some() {
            create = dump::made_as(&create, table, here, &|other| self.name_in_dump(other));
        }
        self.to.take(dump::table_begins(here, &create).as_bytes())?;
        if columns.is_empty() || self.empty.contains(table) {
            return Ok(());
        }
        let mut inserts = Inserts::new(here, &columns);
        let (to, stop) = (&mut self.to, self.world.until_cancelled());
        let mut fault: Option<Fault> = None;
        self.connection.each_row(&dump::ask_rows(self.name, table, &columns), &mut |row| {
            let Some(statement) = inserts.row(&row) else { return true };
            fault = to.take(statement.as_bytes()).err();
            if stop() {
                fault = Some(Stopped { program: "the dump" }.into());
            }
            fault.is_none()
        })?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        if let Some(statement) = inserts.end() {
            self.to.take(statement.as_bytes())?;
        }
        Ok(())
    }
}

fn text(row: &Row, at: usize) -> String {
    row.get(at).and_then(Option::as_deref).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

/// One loading of a dump, whose text comes piece by piece.
pub(super) struct Loader {
    connection: Box<dyn Connection>,
    script: Script,
}

impl Loader {
    fn new(connection: Box<dyn Connection>) -> Loader {
        Loader { connection, script: Script::default() }
    }

    /// Takes the next bytes.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<(), LoadFault> {
        let connection = &mut *self.connection;
        self.script.read(piece, &mut |statement| run(connection, statement))
    }

    /// There is no more.
    pub(super) fn end(mut self) -> Result<(), LoadFault> {
        let connection = &mut *self.connection;
        self.script.end(&mut |statement| run(connection, statement))
    }
}

fn run(connection: &mut dyn Connection, statement: &[u8]) -> Result<(), LoadFault> {
    match loaded(statement) {
        Loaded::Skip => Ok(()),
        Loaded::Run(sql) => connection.run(&sql).map(drop).map_err(LoadFault::Refused),
    }
}

/// It was one when the tables were listed.
#[derive(Debug, thiserror::Error)]
#[error("`{table}` of the database `{database}` is no table any more: something else bears its name now")]
pub(super) struct NoTable {
    pub(super) database: String,
    pub(super) table: String,
}

impl Remedy for NoTable {
    fn remedy(&self) -> Option<String> {
        Some("its site makes views and changes their names while it is read; look at what does that, then retry".into())
    }
}

/// Why a dump cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadFault {
    #[error("a statement of the dump was refused")]
    Refused(#[source] SqlFault),
    #[error("the dump cannot be read to its end")]
    Broken(#[source] ScriptFault),
    #[error("the database `{name}` has no user to load a dump as")]
    NoUser { name: DbName },
}

impl From<ScriptFault> for LoadFault {
    fn from(fault: ScriptFault) -> LoadFault {
        LoadFault::Broken(fault)
    }
}

impl Remedy for LoadFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            LoadFault::Refused(SqlFault { code: 1419, .. }) => TRUST.into(),
            LoadFault::Refused(fault) => fault.remedy().unwrap_or_else(|| {
                "a dump is loaded as the user of the site's database alone: take out of it what needs more, such as \
                 routines and events"
                    .into()
            }),
            LoadFault::Broken(fault) => return fault.remedy(),
            LoadFault::NoUser { .. } => return None,
        })
    }
}
