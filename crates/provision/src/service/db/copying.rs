//! A database held still, measured, and copied on its own server.
//!
//! Where tables are copied one by one, several connections share the work: nobody may write meanwhile. Large ones are
//! copied as files where that can be (`as_files.rs`). A database that is a file is copied by its own engine, as it is at
//! one moment.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use aegir_domain::{Database, DbName, DbService, Fault, Remedy, ServerName};
use aegir_drivers::db::dump::makes_table;
use aegir_drivers::db::{DbDriver, Place, Statement};
use aegir_host::{Connection, Kind, Trouble, own_uid};

use super::as_files::AsFiles;
use super::dump::{Dumped, Loader, NoTable, Sink};
use super::views::Beside;
use super::{DbFault, DbServer, text_of};

/// How long one statement of a copy may take: a table can be large.
const COPYING: Duration = Duration::from_secs(4 * 3600);
/// How long requests that are being answered get to come to their end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at who is connected.
const PAUSE: Duration = Duration::from_millis(50);
/// So many looks in a row must find nobody connected: who was let in just now may not be connected yet.
const QUIET_LOOKS: u32 = 5;
/// So many looks in a row must find PHP at nothing: who was let in just now may be on the way to it.
const IDLE_LOOKS: u32 = 2;
/// More connections than this do not copy any faster.
const MOST: usize = 8;
/// So many rows are copied before they are made to stay, and the rest of their table.
const MANY_ROWS: u64 = 10_000;
/// So many statements of a dump, each of about a megabyte, may be read and not loaded yet.
const PIECES_ON_THE_WAY: usize = 8;

/// Whether a database that is copied is written to meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Nobody may write to it.
    Still,
    /// It is: the copy is as it is at one moment, which takes longer.
    Not,
}

impl DbServer<'_> {
    /// Waits until nobody is at anything that may write to `name`, for five seconds at the most: until `is_idle` says
    /// that PHP is at nothing at all, or nobody was connected as its user for a while. Where neither can be told, it waits
    /// that long.
    pub(crate) fn drain(&self, name: &DbName, is_idle: &dyn Fn() -> bool) -> Result<(), Fault> {
        let clock = &self.world.parts.clock;
        let ask = self.driver.ask_connections(name);
        let began = clock.now();
        let (mut idle, mut quiet) = (0, 0);
        while clock.now().saturating_sub(began) < PATIENCE {
            let connected = match &ask {
                Some(ask) => Some(!self.rows(ask.text().expose())?.is_empty()),
                None => None,
            };
            quiet = if connected == Some(false) { quiet + 1 } else { 0 };
            idle = if connected != Some(true) && is_idle() { idle + 1 } else { 0 };
            if idle == IDLE_LOOKS || quiet == QUIET_LOOKS {
                break;
            }
            clock.sleep(PAUSE);
        }
        Ok(())
    }

    /// Has nobody write to a site's database any more: its user may not, and its connections are ended.
    pub(crate) fn hold_still(&self, database: &Database) -> Result<(), Fault> {
        if let Place::File { mode, .. } = self.driver.place(&database.name) {
            let file = self.file(&database.name);
            self.world.files().set_mode(&file, mode & !0o222)?;
            return Ok(());
        }
        let Database { name, hosts, .. } = database;
        self.granting(self.driver.revoke_writes(name, hosts), || self.driver.revoke_table_writes(name, hosts))?;
        // What was connected keeps the rights that it had then.
        self.end_connections(&database.name)
    }

    /// Takes [`DbServer::hold_still`] back. A database that is gone is fine.
    pub(crate) fn let_go(&self, database: &Database) -> Result<(), Fault> {
        if let Place::File { mode, .. } = self.driver.place(&database.name) {
            let file = self.file(&database.name);
            if self.world.files().kind(&file)?.is_some() {
                self.world.files().set_mode(&file, mode)?;
            }
            return self.open_what_lies_beside(&file, mode);
        }
        let Database { name, hosts, .. } = database;
        self.granting(self.driver.grant(name, hosts), || self.driver.grant_tables(name, hosts))
    }

    /// What SQLite keeps beside a file got the file's mode when it was made: while it was held still, whoever read it
    /// made what nobody could write to afterwards.
    fn open_what_lies_beside(&self, file: &Path, mode: u32) -> Result<(), Fault> {
        let files = self.world.files();
        for end in ["-wal", "-shm", "-journal"] {
            let beside = PathBuf::from(format!("{}{end}", file.display()));
            if files.stat(&beside)?.is_some_and(|stat| stat.kind == Kind::File && stat.uid == own_uid()) {
                let opened = files.set_group(&beside, self.world.parts.web_gid);
                match opened.and_then(|_| files.set_mode(&beside, mode)) {
                    // Whoever used it last took it away.
                    Err(fault) if fault.trouble() == Trouble::Missing => (),
                    result => {
                        result?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What a database takes on disk, in bytes; on a server, about that.
    pub(crate) fn size(&self, name: &DbName) -> Result<u64, Fault> {
        match self.driver.ask_size(name) {
            Some(ask) => {
                Ok(text_of(self.rows(ask.text().expose())?).and_then(|bytes| bytes.parse().ok()).unwrap_or_default())
            }
            None => Ok(self.world.files().stat(&self.file(name))?.map_or(0, |stat| stat.size)),
        }
    }

    /// Refuses a database that holds what a copy would lack, and what `to` could not hold, where it is to be.
    pub(crate) fn must_be_copyable(&self, name: &DbName, to: &DbServer<'_>) -> Result<(), Fault> {
        let beside = self.beside_to_copy(name)?;
        to.must_take(&beside)?;
        match self.server == to.server || matches!(self.service, DbService::Sqlite {}) {
            true => Ok(()),
            false => to.must_hold(name.as_str(), &self.held_by(name.as_str())?),
        }
    }

    /// Views and triggers of a database, all of which can be made in another one.
    fn beside_to_copy(&self, name: &DbName) -> Result<Beside, Fault> {
        let beside = self.beside_tables(name)?;
        match beside.bound.is_empty() {
            true => Ok(beside),
            false => Err(CopyFault::MoreThanTables { name: name.clone(), more: beside.bound }.into()),
        }
    }

    /// Has the empty database `to` of `other`, this server or one of its kind, hold what `from` holds, less the rows
    /// of caches. What an earlier try left in it goes first. Of what [`DbServer::make_tables`] made for it, the tables `waiting` wait
    /// for a file.
    pub(crate) fn copy_database(
        &self,
        from: &Database,
        held: Held,
        other: &DbServer<'_>,
        to: &Database,
        waiting: &[String],
    ) -> Result<(), Fault> {
        self.must_bear(&from.name, &from.marker)?;
        other.must_bear(&to.name, &to.marker)?;
        let caches = self.caches(&from.name)?;
        match (&self.service, &other.service) {
            (DbService::Sqlite {}, DbService::Sqlite {}) => self.copy_file(from, other, to, &caches),
            (DbService::Mariadb { .. }, DbService::Mariadb { .. })
                if self.server == other.server && held == Held::Still =>
            {
                self.copy_tables(&from.name, &to.name, &caches, waiting)
            }
            (DbService::Mariadb { .. }, DbService::Mariadb { .. }) => {
                self.copy_across(&from.name, other, &to.name, &caches)
            }
            _ => Err(self.other_engine(other)),
        }
    }

    /// Refuses `other` for a copy of what this server holds, unless both are of one kind.
    pub(crate) fn must_be_of_a_kind(&self, other: &DbServer<'_>) -> Result<(), Fault> {
        match self.engine() == other.engine() {
            true => Ok(()),
            false => Err(self.other_engine(other)),
        }
    }

    fn other_engine(&self, other: &DbServer<'_>) -> Fault {
        let (from, to) = (self.server.clone(), other.server.clone());
        CopyFault::OtherEngine { from, to, engine: self.engine(), other: other.engine() }.into()
    }

    /// From one server to another: what is read of the one is loaded into the other as it comes, and lies on no disk
    /// in between.
    fn copy_across(
        &self,
        from: &DbName,
        other: &DbServer<'_>,
        to: &DbName,
        caches: &BTreeSet<String>,
    ) -> Result<(), Fault> {
        other.drop_beside(to)?;
        for table in other.names(to, &other.driver.ask_tables(to))? {
            other.run(&other.driver.drop_table(to, &table))?;
        }
        let loader = other.loader(to, &self.world.task_secret("database")?)?;
        let dumped = self.pour(loader, |sink| self.dump_into(from, caches, sink))?;
        match dumped.not_included.is_empty() {
            true => Ok(()),
            // It came to be there since it was looked at.
            false => Err(CopyFault::MoreThanTables { name: from.clone(), more: dumped.not_included }.into()),
        }
    }

    /// Has `loader` load what `dump` writes, while it is written.
    pub(super) fn pour(
        &self,
        mut loader: Loader,
        dump: impl FnOnce(&mut dyn Sink) -> Result<Dumped, Fault>,
    ) -> Result<Dumped, Fault> {
        thread::scope(|scope| {
            let (mut sink, pieces) = mpsc::sync_channel::<Vec<u8>>(PIECES_ON_THE_WAY);
            let loading = scope.spawn(move || {
                for piece in pieces {
                    loader.read(&piece)?;
                }
                loader.end()
            });
            let dumped = dump(&mut sink);
            drop(sink);
            let loaded = loading.join().map_err(|_| CopyFault::Broken)?;
            match (dumped, loaded) {
                (Ok(dumped), Ok(())) => Ok(dumped),
                // Where the reader found nobody listening, the cause is the loader's.
                (_, Err(fault)) => Err(fault.into()),
                (Err(fault), Ok(())) => Err(fault),
            }
        })
    }

    /// The new file is made beside its place, since it bears the marker of what it is a copy of at first.
    fn copy_file(
        &self,
        from: &Database,
        other: &DbServer<'_>,
        to: &Database,
        caches: &BTreeSet<String>,
    ) -> Result<(), Fault> {
        self.copy_of_file(&self.file(&from.name), other, to, caches)
    }

    /// The same of any file of SQLite.
    pub(super) fn copy_of_file(
        &self,
        source: &Path,
        other: &DbServer<'_>,
        to: &Database,
        caches: &BTreeSet<String>,
    ) -> Result<(), Fault> {
        let (files, databases) = (self.world.files(), &self.world.parts.databases);
        let target = other.file(&to.name);
        let coming = target.with_extension("coming");
        files.remove_file(&coming)?;
        if let Some(copy) = self.driver.copy_whole(&coming) {
            databases.sqlite_to_read(source)?.run(copy.text().expose())?;
        }
        let mut connection = databases.sqlite(&coming)?;
        for table in caches {
            connection.run(&format!("DELETE FROM \"{}\"", table.replace('"', "\"\"")))?;
        }
        connection.run(self.driver.drop_table(&to.name, "aegir_marker").text().expose())?;
        for statement in self.driver.create(&self.product()?, &to.name, &to.marker) {
            connection.run(statement.text().expose())?;
        }
        drop(connection);
        if let Place::File { mode, .. } = self.driver.place(&to.name) {
            files.set_group(&coming, self.world.parts.web_gid)?;
            files.set_mode(&coming, mode)?;
        }
        // What SQLite kept beside the file that was there belongs to that one.
        for end in ["", "-wal", "-shm", "-journal"] {
            files.remove_file(&PathBuf::from(format!("{}{end}", target.display())))?;
        }
        files.rename(&coming, &target)?;
        Ok(())
    }

    /// Makes the tables that a copy is to fill, where rows are copied table by table: making them takes longer than
    /// filling small ones. What is there already goes first. Gives the tables that wait for a file, without which they are none.
    pub(crate) fn make_tables(
        &self,
        from: &Database,
        other: &DbServer<'_>,
        to: &Database,
    ) -> Result<Vec<String>, Fault> {
        other.must_bear(&to.name, &to.marker)?;
        if self.server != other.server || matches!(self.service, DbService::Sqlite {}) {
            return Ok(Vec::new());
        }
        self.drop_beside(&to.name)?;
        for table in self.names(&to.name, &self.driver.ask_tables(&to.name))? {
            self.run(&self.driver.drop_table(&to.name, &table))?;
        }
        let tables = self.names(&from.name, &self.driver.ask_tables(&from.name))?;
        self.share(&from.name, &to.name, tables, |work, connection, table| {
            work.have_table(connection, table, false).map(|()| 0)
        })?;
        let caches = self.caches(&from.name)?;
        self.make_wait(&from.name, &to.name, |table| caches.contains(table))
    }

    /// The tables whose rows can be made again.
    fn caches(&self, name: &DbName) -> Result<BTreeSet<String>, Fault> {
        Ok(self.names(name, &self.driver.ask_caches(name))?.into_iter().collect())
    }

    fn copy_tables(
        &self,
        from: &DbName,
        to: &DbName,
        caches: &BTreeSet<String>,
        waiting: &[String],
    ) -> Result<(), Fault> {
        let beside = self.beside_to_copy(from)?;
        self.drop_beside(to)?;
        let mut tables = self.names(from, &self.driver.ask_tables(from))?;
        // The large ones first: else one of them goes on alone at the end.
        tables.sort_by_key(|table| waiting.iter().position(|waiting| waiting == table).unwrap_or(waiting.len()));
        let as_files = self.as_files(from, to, waiting);
        let there: BTreeSet<String> = self.names(to, &self.driver.ask_tables(to))?.into_iter().collect();
        for table in there.iter().filter(|table| !tables.contains(table)) {
            self.run(&self.driver.drop_table(to, table))?;
        }
        self.share(from, to, tables, |work, connection, table| {
            let mut is_there = there.contains(table);
            if let Some(as_files) = as_files.as_ref().filter(|as_files| is_there && as_files.awaits(table)) {
                if work.fill_as_file(connection, as_files, table)? {
                    return Ok(0);
                }
                is_there = false;
            }
            work.have_table(connection, table, is_there)?;
            if caches.contains(table) { Ok(0) } else { work.copy_rows(connection, table) }
        })?;
        if let Some(told) = as_files.and_then(AsFiles::told) {
            self.world.say(told);
        }
        self.make_beside(to, &beside)
    }

    /// Does `what` with each of `tables` of `from`, on several connections in `to`, and has it stay.
    fn share(
        &self,
        from: &DbName,
        to: &DbName,
        tables: Vec<String>,
        what: impl Fn(&Work<'_>, &mut dyn Connection, &str) -> Result<u64, Fault> + Sync,
    ) -> Result<(), Fault> {
        let count = usize::from(self.world.parts.settings.copy_connections).clamp(1, MOST);
        let connections =
            (0..count).map(|number| self.connect_to_copy(to, number)).collect::<Result<Vec<_>, Fault>>()?;
        let work = Work { driver: self.driver, from, to, tables: Mutex::new(tables.into()) };
        let (work, what) = (&work, &what);
        let mut connections = connections.into_iter();
        let Some(first) = connections.next() else { return Ok(()) };
        thread::scope(|scope| {
            let others: Vec<_> =
                connections.map(|connection| scope.spawn(move || work.all(connection, what))).collect();
            let mut done = work.all(first, what);
            for other in others {
                done = done.and(other.join().unwrap_or_else(|_| Err(CopyFault::Broken.into())));
            }
            done
        })
    }

    /// A connection in the database `to`, under a name by which it is found if we die.
    pub(super) fn connect_to_copy(&self, to: &DbName, number: usize) -> Result<Box<dyn Connection>, Fault> {
        let DbService::Mariadb { at, account, .. } = &self.service else {
            return Err(DbFault::None { server: self.server.clone() }.into());
        };
        let password = self.password()?;
        let mut connection = self.world.parts.databases.mariadb(at, account, &password, Some(to.as_str()), COPYING)?;
        let lock = connection.rows(&format!("SELECT GET_LOCK('{}', 60)", self.lock_of_copy(number)))?;
        if text_of(lock).as_deref() != Some("1") {
            return Err(DbFault::StillAtIt { server: self.server.clone() }.into());
        }
        for statement in self.driver.before_copying() {
            connection.run(statement.text().expose())?;
        }
        Ok(connection)
    }

    fn lock_of_copy(&self, number: usize) -> String {
        format!("aegir {} copy {number}", self.world.task.attempt)
    }

    /// Ends what a killed process of this attempt still copies: the server itself would go on to the end of a table.
    pub(crate) fn end_copying(&self) -> Result<(), Fault> {
        if matches!(self.service, DbService::Sqlite {}) {
            return Ok(());
        }
        for number in 0..MOST {
            let ask = format!("SELECT IS_USED_LOCK('{}')", self.lock_of_copy(number));
            let Some(id) = text_of(self.rows(&ask)?).and_then(|id| id.parse::<u64>().ok()) else { continue };
            // One that ended by itself meanwhile is as good.
            let _ = self.connected(|connection, _| Ok(connection.run(&format!("KILL CONNECTION {id}"))?));
        }
        Ok(())
    }

    pub(super) fn names(&self, name: &DbName, ask: &Statement) -> Result<Vec<String>, Fault> {
        let rows = self.rows_in(name, ask)?.into_iter();
        Ok(rows.filter_map(|row| Some(String::from_utf8_lossy(&row.into_iter().next()??).into_owned())).collect())
    }
}

impl Sink for SyncSender<Vec<u8>> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.send(bytes.to_vec()).map_err(|_| CopyFault::Broken)?)
    }
}

/// What the connections of one copy share.
struct Work<'a> {
    driver: &'a dyn DbDriver,
    from: &'a DbName,
    to: &'a DbName,
    /// Those that nobody took up yet.
    tables: Mutex<VecDeque<String>>,
}

impl Work<'_> {
    /// Takes up one table after the other, until none is left. `what` gives how many rows it wrote.
    fn all(
        &self,
        mut connection: Box<dyn Connection>,
        what: &(impl Fn(&Work<'_>, &mut dyn Connection, &str) -> Result<u64, Fault> + Sync),
    ) -> Result<(), Fault> {
        let commit = self.driver.commit();
        let mut rows = 0;
        loop {
            let table = self.tables.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(table) = table else { break };
            match what(self, &mut *connection, &table) {
                Ok(more) => rows += more,
                Err(fault) => {
                    // The others have nothing more to do.
                    self.tables.lock().unwrap_or_else(PoisonError::into_inner).clear();
                    return Err(fault);
                }
            }
            if rows > MANY_ROWS {
                connection.run(commit.text().expose())?;
                rows = 0;
            }
        }
        connection.run(commit.text().expose())?;
        Ok(())
    }

    /// The statement that makes a table like the one of `of`.
    fn shape(&self, connection: &mut dyn Connection, of: &DbName, table: &str) -> Result<String, Fault> {
        let ask = self.driver.ask_table(of, table);
        let shape = ask.map(|ask| connection.rows(ask.text().expose())).transpose()?.unwrap_or_default();
        match shape.into_iter().next().and_then(|row| row.into_iter().nth(1)) {
            Some(Some(shape)) => {
                let shape = String::from_utf8_lossy(&shape).into_owned();
                // It is run as it is, and rows are read of what it makes.
                match makes_table(&shape) {
                    true => Ok(shape),
                    false => Err(NoTable { database: of.to_string(), table: table.to_owned() }.into()),
                }
            }
            _ => Err(CopyFault::NoShape { table: table.to_owned() }.into()),
        }
    }

    /// Has an empty table be in `to`, of the shape that it has in `from`, where it counts on from the same number. One
    /// that was made earlier will do if that is all true of it.
    fn have_table(&self, connection: &mut dyn Connection, table: &str, is_there: bool) -> Result<(), Fault> {
        let statement = self.shape(connection, self.from, table)?;
        if is_there {
            let (shape, next) = self.driver.shape(&statement);
            let (made, counts_from) = self.driver.shape(&self.shape(connection, self.to, table)?);
            let any = self.driver.ask_any_row(self.to, table);
            if made == shape && connection.rows(any.text().expose())?.is_empty() {
                let count_on = next.filter(|_| next != counts_from);
                if let Some(count_on) = count_on.and_then(|next| self.driver.count_on(self.to, table, next)) {
                    connection.run(count_on.text().expose())?;
                }
                return Ok(());
            }
            connection.run(self.driver.drop_table(self.to, table).text().expose())?;
        }
        connection.run(&statement)?;
        Ok(())
    }

    /// Has a table that waits for a file hold what the one of `from` holds. If not, it is gone.
    fn fill_as_file(
        &self,
        connection: &mut dyn Connection,
        as_files: &AsFiles<'_>,
        table: &str,
    ) -> Result<bool, Fault> {
        let (shape, _) = self.driver.shape(&self.shape(connection, self.from, table)?);
        let (made, _) = self.driver.shape(&self.shape(connection, self.to, table)?);
        if made == shape {
            return as_files.copy(connection, table);
        }
        as_files.give_up(connection, table, "its shape changed meanwhile".into())?;
        Ok(false)
    }

    fn copy_rows(&self, connection: &mut dyn Connection, table: &str) -> Result<u64, Fault> {
        match self.driver.copy_rows(self.from, self.to, table) {
            Some(copy) => Ok(connection.run(copy.text().expose())?),
            None => Ok(0),
        }
    }
}

/// Why a database cannot be copied.
#[derive(Debug, thiserror::Error)]
enum CopyFault {
    #[error("the database `{name}` holds what a copy would lack: {}", more.join("; "))]
    MoreThanTables { name: DbName, more: Vec<String> },
    #[error("the database server does not say how the table `{table}` is made")]
    NoShape { table: String },
    #[error("copying the database came to a sudden end")]
    Broken,
    #[error("the database server `{from}` is of the kind {engine}, and `{to}` of the kind {other}")]
    OtherEngine { from: ServerName, to: ServerName, engine: &'static str, other: &'static str },
}

impl Remedy for CopyFault {
    fn remedy(&self) -> Option<String> {
        match self {
            CopyFault::MoreThanTables { .. } => Some(
                "views and triggers are copied where all that they name is in the site's own database; routines and events \
                 are not: remove what is named here, and make it again afterwards"
                    .into(),
            ),
            CopyFault::OtherEngine { engine, .. } => {
                Some(format!("a site's data cannot change their kind: name a server that offers {engine}"))
            }
            CopyFault::NoShape { .. } | CopyFault::Broken => None,
        }
    }
}
