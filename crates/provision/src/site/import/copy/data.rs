//! The data of somebody's site: looked at, and copied, by an account that may read it and needs no other right.

use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{Context, Database, DbEngine, Fault, Password, Remedy, ServerName};
use aegir_drivers::db::dump::name_of;
use aegir_drupal::PhpValue;
use aegir_drupal::driver::FoundDatabase;
use aegir_host::{Connection, Kind};
use aegir_recipe::{Action, Check, Undo};
use serde::{Deserialize, Serialize};

use super::source::{PASSWORD, Stored, must_not_be_ours};
use crate::World;
use crate::service::{DbServer, TheirDatabase, place_of};
use crate::site::import::data::{can_be_taken, of_one_site, some, what_is_beside};

/// How long a look may take.
const SOON: Duration = Duration::from_secs(60);
/// How long one statement of a copy may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// A site's data can be read, and a server of ours can hold it.
pub(super) struct SourceData {
    pub(super) found: FoundDatabase,
    /// The code of the site: paths of files may begin there.
    pub(super) root: PathBuf,
    /// The site's own folder.
    pub(super) folder: PathBuf,
    /// The server that is to hold the copy.
    pub(super) to: ServerName,
}

/// What there is of it.
pub(super) struct Readable {
    pub(super) place: Place,
    /// How much it is, about.
    pub(super) bytes: u64,
    pub(super) stored: Stored,
    /// Whether the site shows its maintenance page.
    pub(super) in_maintenance: bool,
}

/// Where it lies.
#[derive(Clone)]
pub(super) enum Place {
    /// On a server: what each table is called there and will be here.
    Tables { at: DbEngine, account: String, database: String, tables: Vec<(String, String)> },
    /// In a file of SQLite.
    File { path: PathBuf },
}

impl Readable {
    /// The file that it lies in, if it does.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match &self.place {
            Place::File { path } => Some(path.clone()),
            Place::Tables { .. } => None,
        }
    }

    /// What its database, or its file, is called, and how many tables are copied from there; 0 of a file.
    pub(super) fn named(&self) -> (String, usize) {
        match &self.place {
            Place::Tables { database, tables, .. } => (database.clone(), tables.len()),
            Place::File { path } => (path.display().to_string(), 0),
        }
    }
}

/// What a database of Drupal 7 says of folders; `variable` is that table, as a statement names it.
fn stored(connection: &mut dyn Connection, variable: &str) -> Result<Stored, Fault> {
    let ask = format!("SELECT name, value FROM {variable} WHERE name IN ('file_public_path', 'file_private_path')");
    let mut stored = Stored::default();
    for row in connection.rows(&ask)? {
        let [name, value] = <[_; 2]>::try_from(row).unwrap_or_default().map(Option::unwrap_or_default);
        let path = PhpValue::read(&value).ok().and_then(|value| value.to_text()).filter(|path| !path.is_empty());
        match name.as_slice() {
            b"file_public_path" => stored.public_files = path,
            _ => stored.private_files = path,
        }
    }
    Ok(stored)
}

/// Whether the database of a Drupal says that it is in maintenance mode. The names are those of its tables, as a statement
/// names them, where it has them.
fn in_maintenance(
    connection: &mut dyn Connection,
    variable: Option<&str>,
    key_value: Option<&str>,
) -> Result<bool, Fault> {
    let asks = [
        variable.map(|table| format!("SELECT value FROM {table} WHERE name = 'maintenance_mode'")),
        key_value.map(|table| {
            format!("SELECT value FROM {table} WHERE collection = 'state' AND name = 'system.maintenance_mode'")
        }),
    ];
    for ask in asks.iter().flatten() {
        let value = connection.rows(ask)?.into_iter().next().and_then(|row| row.into_iter().next().flatten());
        let value = value.and_then(|value| PhpValue::read(&value).ok());
        if value.and_then(|value| value.to_int()).is_some_and(|on| on != 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Check<World> for SourceData {
    type Output = Readable;
    const NAME: &'static str = "source-data";
    const LIMIT: Duration = Duration::from_secs(120);

    fn look(&self, world: &World) -> Result<Readable, Fault> {
        let found = &self.found;
        can_be_taken(found)?;
        let here = DbServer::of(world, &self.to)?;
        let (is_file, takes_files) = (found.driver == "sqlite", here.address().is_none());
        if is_file != takes_files {
            return Err(ReadFault::OtherEngine { driver: found.driver.clone(), server: self.to.clone() }.into());
        }
        if is_file { self.file(world) } else { self.tables(world) }
    }
}

impl SourceData {
    fn file(&self, world: &World) -> Result<Readable, Fault> {
        let path = self.root.join(&self.found.name);
        match world.files().stat(&path)? {
            Some(stat) if stat.kind == Kind::File => {
                let real = world.files().real(&path)?.unwrap_or_else(|| path.clone());
                must_not_be_ours(world, &self.folder, &real)?;
                let mut connection = world.parts.databases.sqlite_to_read(&path)?;
                let mut has = |table: &'static str| -> Result<Option<&'static str>, Fault> {
                    let ask = format!("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{table}'");
                    Ok((!connection.rows(&ask)?.is_empty()).then_some(table))
                };
                let (variable, key_value) = (has("variable")?, has("key_value")?);
                let stored = match variable {
                    Some(variable) => stored(&mut *connection, variable)?,
                    None => Stored::default(),
                };
                let in_maintenance = in_maintenance(&mut *connection, variable, key_value)?;
                Ok(Readable { place: Place::File { path }, bytes: stat.size, stored, in_maintenance })
            }
            _ => Err(ReadFault::NoFile { path }.into()),
        }
    }

    fn tables(&self, world: &World) -> Result<Readable, Fault> {
        let found = &self.found;
        let at = known_place(world, found)?.unwrap_or_else(|| place_of(found));
        let (account, database) = (found.user.clone(), found.name.clone());
        let theirs = TheirDatabase::new(world, at.clone(), found);
        let (held, bytes) = theirs.held().map_err(|source| ReadFault::NotLetIn {
            account: account.clone(),
            database: database.clone(),
            source: source.report(),
        })?;
        let tables = of_one_site(found, &held.tables)?;
        let here = DbServer::of(world, &self.to)?;
        here.must_hold(&database, &held)?;
        let mut beside = what_is_beside(&theirs, found, held.more)?;
        here.leave_untrusted(&mut beside)?;
        let stays = beside.bound;
        if !stays.is_empty() {
            world.warn(format!(
                "What is no table stays behind: {}. Make it in the copy's database, if the site needs it",
                stays.join("; ")
            ));
        }
        let odd = held.not_of_a_moment.iter().filter(|table| tables.iter().any(|(theirs, _)| theirs == *table));
        let odd: Vec<&str> = odd.map(String::as_str).collect();
        if !odd.is_empty() {
            world.warn(format!("Tables that are not of InnoDB can change while they are copied: {}", some(&odd)));
        }
        world.say(format!("{} tables of `{database}` are to be copied", tables.len()));
        let named = |name: &str| {
            let found = tables.iter().find(|(_, here)| here == name);
            found.map(|(table, _)| format!("{}.{}", name_of(&database), name_of(table)))
        };
        let (variable, key_value) = (named("variable"), named("key_value"));
        let mut connection = theirs.connect(SOON)?;
        let stored = match &variable {
            Some(variable) => stored(&mut *connection, variable)?,
            None => Stored::default(),
        };
        let in_maintenance = in_maintenance(&mut *connection, variable.as_deref(), key_value.as_deref())?;
        Ok(Readable { place: Place::Tables { at, account, database, tables }, bytes, stored, in_maintenance })
    }
}

/// Where a server is that is known here and that the settings lead to: their `localhost` may be any socket.
fn known_place(world: &World, found: &FoundDatabase) -> Result<Option<DbEngine>, Fault> {
    for context in world.contexts().all()? {
        if let Context::Server(server) = context
            && server.db.is_some()
        {
            let server = DbServer::of(world, &server.name)?;
            if server.is_at(found) {
                return Ok(server.address().cloned());
            }
        }
    }
    Ok(None)
}

/// Keeps the password of the site's data with the task, as its secret: it stands in settings that we only read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeepSourcePassword {
    /// In no journal; to take the line back it is not needed.
    #[serde(skip)]
    pub(crate) password: Option<Password>,
}

impl Action<World> for KeepSourcePassword {
    type Output = ();
    const NAME: &'static str = "keep-source-password";
    const LASTS: bool = false;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        if let Some(password) = &self.password {
            world.files().write(&world.task.secret_path(PASSWORD), password.expose().as_bytes(), 0o600)?;
        }
        Ok(())
    }
}

impl Undo<World> for KeepSourcePassword {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&world.task.secret_path(PASSWORD))?;
        Ok(())
    }
}

/// A connection to a database that is only read, by the account whose password this task keeps.
pub(super) fn connect_to_read(
    world: &World,
    at: &DbEngine,
    account: &str,
    database: &str,
) -> Result<Box<dyn Connection>, Fault> {
    let found = FoundDatabase {
        driver: "mysql".into(),
        host: String::new(),
        port: String::new(),
        socket: String::new(),
        name: database.to_owned(),
        user: account.to_owned(),
        password: world.task_secret(PASSWORD)?,
        prefix: String::new(),
        shared_tables: Vec::new(),
    };
    TheirDatabase::new(world, at.clone(), &found).connect(LONGEST)
}

/// Has a database that this task made hold what is in the tables of somebody's site, as it is at one moment. That is read alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CopyTheirTables {
    pub(crate) at: DbEngine,
    pub(crate) account: String,
    /// Their database, by any name.
    pub(crate) from: String,
    /// What each table is called there and here.
    pub(crate) tables: Vec<(String, String)>,
    pub(crate) server: ServerName,
    pub(crate) to: Database,
}

impl Action<World> for CopyTheirTables {
    type Output = ();
    const NAME: &'static str = "copy-their-tables";
    const LIMIT: Duration = Duration::from_secs(4 * 3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let theirs = connect_to_read(world, &self.at, &self.account, &self.from)?;
        DbServer::of(world, &self.server)?.fill_from(theirs, &self.from, &self.tables, &self.to)?;
        world.say(format!("Copied {} tables of `{}` to `{}`", self.tables.len(), self.from, self.to.name));
        Ok(())
    }
}

impl Undo<World> for CopyTheirTables {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // What it filled goes with the step that made it; theirs was only read.
        Ok(())
    }
}

/// Why the data of a site cannot be read, or held.
#[derive(Debug, thiserror::Error)]
enum ReadFault {
    #[error("the account `{account}` is not let into the database `{database}` of the site")]
    NotLetIn { account: String, database: String, source: aegir_domain::FaultReport },
    #[error("there is no file `{}` with the site's data", path.display())]
    NoFile { path: PathBuf },
    #[error("the site keeps its data by the driver `{driver}`, and the server `{server}` takes no such data")]
    OtherEngine { driver: String, server: ServerName },
}

impl Remedy for ReadFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            ReadFault::NotLetIn { .. } => {
                "say where its data is, and who may read it, with `--source-db NAME --source-db-account NAME --source-db-password-file -`; \
                 the right `SELECT` is enough"
                    .into()
            }
            ReadFault::NoFile { .. } => "see that Ægir's user is let into its folder; links are not followed".into(),
            ReadFault::OtherEngine { driver, .. } => {
                format!("name a server for `{driver}` with `--db-server NAME`: a site's data cannot change their kind")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_journal() {
        let line = KeepSourcePassword { password: Some(Password::new("a-secret")) };
        assert_eq!(serde_json::to_string(&line).unwrap(), "{}");
    }
}
