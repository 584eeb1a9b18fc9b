//! Large tables copied as the files that they are, on a server whose data directory is ours.
//!
//! The server holds a table still and writes all of it down, its file is copied, and the server takes the copy for the
//! table of the other database. That is done where the data directory lies in our home and belongs to the user that
//! we are, as the private stack's does, and for tables whose files hold all of them. Whatever goes otherwise than
//! expected has a table copied row by row, as the small ones are: this is a shorter way, and never the only one.
//!
//! A server that starts after a crash opens each file that its journal names, and stops where two of them say that they are
//! the same one, as a table and its copy do until the server has taken the copy over. So while the site goes on, the tables that
//! wait for a file are made and lose their own, and the server makes a checkpoint: from then on no part of the journal that it
//! would read names the place where the copy comes to lie.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use aegir_domain::{DbEngine, DbName, DbService, Fault, Remedy};
use aegir_drivers::db::{Checkpoint, CopyAsFile, DbDriver, Statement};
use aegir_host::{Connection, CopyModes, Files, Kind, Wanted};

use super::{DbServer, text_of};

/// Smaller tables are copied row by row in less time than a change of files takes, in bytes.
const LARGE: u64 = 16 << 20;
/// How long a checkpoint may take. The site goes on meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(20);

/// Two databases of a server of our own, and the tables of the second that wait for the files of the first.
pub(super) struct AsFiles<'a> {
    driver: &'a dyn DbDriver,
    files: &'a Files,
    from: (&'a DbName, PathBuf),
    to: (&'a DbName, PathBuf),
    waiting: &'a [String],
    done: Mutex<Vec<String>>,
    /// Those that were copied row by row after all, and why.
    not_done: Mutex<Vec<(String, String)>>,
}

impl DbServer<'_> {
    /// Has the large tables of `to`, which are there and empty, wait for the files of those of `from`, and gives their names.
    /// Where that cannot be, none of them waits.
    pub(super) fn make_wait(
        &self,
        from: &DbName,
        to: &DbName,
        less: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, Fault> {
        let Some(checkpoint) = self.driver.checkpoint() else { return Ok(Vec::new()) };
        let Some(ask) = self.driver.ask_large_tables(from, LARGE) else { return Ok(Vec::new()) };
        let large: Vec<String> =
            self.names(from, &ask).unwrap_or_default().into_iter().filter(|table| !less(table)).collect();
        if self.as_files(from, to, &large).is_none() {
            return Ok(Vec::new());
        }
        let ways = large.iter().filter_map(|table| self.driver.copy_as_file(from, to, table));
        let room = ways.map(|way| self.run(&way.make_room)).collect::<Result<Vec<()>, Fault>>();
        match room.and_then(|_| self.reach(to, &checkpoint)) {
            Ok(()) => Ok(large),
            Err(fault) => {
                self.world.say(format!("Large tables are copied row by row: {}", fault.report()));
                // They are made anew when they are filled.
                large.iter().try_for_each(|table| self.run(&self.driver.drop_table(to, table)))?;
                Ok(Vec::new())
            }
        }
    }

    /// Has the journal be read from behind everything that is in it now.
    fn reach(&self, to: &DbName, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let (written, _) = self.positions(checkpoint)?;
        let mut beside = self.connect_to_copy(to, 0)?;
        let id = text_of(beside.rows("SELECT CONNECTION_ID()")?).unwrap_or_default();
        thread::scope(|scope| {
            let making = scope.spawn(move || beside.run(checkpoint.make.text().expose()));
            let looked = self.look_until(written, checkpoint, || making.is_finished());
            // A server that is written to all the time makes one after the other, until it has caught up.
            while !making.is_finished() {
                // One that came to its end just now, or with its server, needs no end.
                let _ = self.driver.end_statement(&id).map(|end| self.run(&end));
                self.world.parts.clock.sleep(PAUSE);
            }
            let made = making.join().map_err(|_| NoWay::Silent)?;
            match looked? {
                read_from if read_from >= written => Ok(()),
                read_from => {
                    made?;
                    Err(NoWay::Before { read_from, written }.into())
                }
            }
        })
    }

    /// From where the journal is read, when that is `written` or later, nothing more is done about it, or it took too long.
    fn look_until(&self, written: u64, checkpoint: &Checkpoint, is_over: impl Fn() -> bool) -> Result<u64, Fault> {
        let clock = &self.world.parts.clock;
        let began = clock.now();
        loop {
            let over = is_over() || clock.now().saturating_sub(began) > PATIENCE;
            let (_, read_from) = self.positions(checkpoint)?;
            if over || read_from >= written {
                return Ok(read_from);
            }
            clock.sleep(PAUSE);
        }
    }

    fn positions(&self, checkpoint: &Checkpoint) -> Result<(u64, u64), Fault> {
        let row = self.rows(checkpoint.ask.text().expose())?.into_iter().next().unwrap_or_default();
        let mut numbers = row.into_iter().map(|value| String::from_utf8_lossy(&value?).parse().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(written), Some(read_from)) => Ok((written, read_from)),
            _ => Err(NoWay::Silent.into()),
        }
    }

    /// How the tables that wait are filled; nothing where that cannot be found out, or none does.
    pub(super) fn as_files<'a>(
        &'a self,
        from: &'a DbName,
        to: &'a DbName,
        waiting: &'a [String],
    ) -> Option<AsFiles<'a>> {
        let DbService::Mariadb { at: DbEngine::Socket(_), .. } = &self.service else { return None };
        if waiting.is_empty() {
            return None;
        }
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
        ours.then_some(AsFiles { driver: self.driver, files, from, to, waiting, done, not_done })
    }
}

impl AsFiles<'_> {
    /// Whether a table waits for its file.
    pub(super) fn awaits(&self, table: &str) -> bool {
        self.waiting.iter().any(|waiting| waiting == table)
    }

    /// Has a table that waits hold what the old one does. If not, it is gone, and only a connection that is lost is an error.
    pub(super) fn copy(&self, connection: &mut dyn Connection, table: &str) -> Result<bool, Fault> {
        match self.try_to_copy(connection, table) {
            Ok(()) => {
                self.done.lock().unwrap_or_else(PoisonError::into_inner).push(table.to_owned());
                Ok(true)
            }
            Err(fault) => {
                self.give_up(connection, table, fault.report().to_string())?;
                Ok(false)
            }
        }
    }

    /// Lets a table of the copy go that waits for a file, which nothing may remain of: what is made in its place is another one.
    pub(super) fn give_up(&self, connection: &mut dyn Connection, table: &str, why: String) -> Result<(), Fault> {
        let copy = self.way(table)?;
        self.remove_all(&copy.files)?;
        connection.run(self.driver.drop_table(self.to.0, table).text().expose())?;
        self.remove_all(&copy.files)?;
        self.not_done.lock().unwrap_or_else(PoisonError::into_inner).push((table.to_owned(), why));
        Ok(())
    }

    fn try_to_copy(&self, connection: &mut dyn Connection, table: &str) -> Result<(), Fault> {
        let copy = self.way(table)?;
        let mut run = |statements: &[Statement]| -> Result<(), Fault> {
            statements.iter().try_for_each(|statement| connection.run(statement.text().expose()).map(drop))?;
            Ok(())
        };
        let copied = run(&copy.hold).and_then(|()| self.copy_files(&copy.files));
        // Whether they were copied or not: while it holds the table, the connection does nothing else.
        run(&copy.let_go)?;
        copied?;
        run(std::slice::from_ref(&copy.take))?;
        // What tells the server of the shape of the table is of no more use, and was not removed by it.
        self.remove_all(&copy.files[1..])
    }

    fn way(&self, table: &str) -> Result<CopyAsFile, Fault> {
        Ok(self.driver.copy_as_file(self.from.0, self.to.0, table).ok_or(NoWay::Kind)?)
    }

    fn copy_files(&self, names: &[String]) -> Result<(), Fault> {
        let ((_, from), (_, to)) = (&self.from, &self.to);
        let is_one = |path: &Path| names.iter().any(|name| path == Path::new(name));
        let mut wanted = |path: &Path, _: bool| if is_one(path) { Wanted::Yes } else { Wanted::No };
        // Not synced: the server writes the copy once more, and syncs that.
        self.files.copy_what_is_wanted(from, to, CopyModes::Same, &mut wanted)?;
        Ok(())
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

/// Why a table is not copied as a file.
#[derive(Debug, thiserror::Error)]
enum NoWay {
    #[error("this kind of server copies no table as a file")]
    Kind,
    #[error("the database server does not say how far its journal is")]
    Silent,
    #[error("the database server would read its journal from {read_from}, which is before {written}")]
    Before { read_from: u64, written: u64 },
}

impl Remedy for NoWay {}
