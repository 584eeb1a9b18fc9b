//! A database that somebody else made for a site: found by what its settings say, and taken over.
//!
//! Its tables become tables of a database of ours, by another name on the same server; a file is copied and left where it
//! lies. What their account may do is not changed: it has nothing left to do it to.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aegir_domain::{Database, DbEngine, DbName, DbService, Fault, Password};
use aegir_drivers::db::{ProductKind, theirs};
use aegir_drupal::driver::FoundDatabase;
use aegir_host::{Connection, Row};

use super::along::Along;
use super::dump::{Dump, Dumped};
use super::views::Beside;
use super::{DbFault, DbServer, LIMIT, text_of};
use crate::World;

/// Names of this machine.
const HERE: [&str; 4] = ["", "localhost", "127.0.0.1", "::1"];

/// How long it looks again whether somebody is connected.
const PAUSE: Duration = Duration::from_millis(200);
/// How many looks in a row find nobody, before nobody is there: a request that was begun may be about to connect.
const QUIET_LOOKS: u32 = 5;

/// The tables of a file whose rows are made again when they are missed.
const CACHES_OF_A_FILE: &str =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND (name = 'cache' OR name LIKE 'cache\\_%' ESCAPE '\\')";

/// What a database of theirs holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its tables.
    pub(crate) tables: Vec<String>,
    /// Those of them that are not of one moment when they are read, as MyISAM's are.
    pub(crate) not_of_a_moment: Vec<String>,
    /// Those that MariaDB alone can hold: what each is, and its name.
    pub(crate) of_mariadb: Vec<String>,
    /// What stays behind when tables go: what it is, its name, and whom it runs as.
    pub(crate) more: Vec<String>,
    /// Each of these by what it is and its name alone.
    pub(crate) names_of_more: Vec<String>,
}

impl Held {
    /// By what a server tells of tables, and of what is none.
    fn of(kinds: Vec<Row>, more: Vec<Row>) -> Held {
        let mut held = Held::default();
        let text = |value: Option<Vec<u8>>| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
        for row in kinds {
            let [name, kind, engine] = <[_; 3]>::try_from(row).unwrap_or_default().map(text);
            if kind == "VIEW" {
                continue;
            }
            if !engine.eq_ignore_ascii_case("InnoDB") {
                held.not_of_a_moment.push(name.clone());
            }
            match kind.as_str() {
                "SEQUENCE" => held.of_mariadb.push(format!("sequence `{name}`")),
                "SYSTEM VERSIONED" => held.of_mariadb.push(format!("table `{name}`, which keeps its past")),
                _ => (),
            }
            held.tables.push(name);
        }
        for row in more {
            let [kind, name, runs_as] = <[_; 3]>::try_from(row).unwrap_or_default().map(text);
            held.more.push(format!("the {kind} `{name}` of `{runs_as}`"));
            held.names_of_more.push(format!("{kind} `{name}`"));
        }
        held
    }
}

impl DbServer<'_> {
    /// Whether a site with these settings speaks to this server, as far as its address says.
    pub(crate) fn is_at(&self, found: &FoundDatabase) -> bool {
        match &self.service {
            DbService::Sqlite {} => found.driver == "sqlite",
            DbService::Mariadb { at, .. } => found.driver != "sqlite" && leads_to(found, at),
        }
    }

    /// Where it answers; a file answers nowhere.
    pub(crate) fn address(&self) -> Option<&DbEngine> {
        match &self.service {
            DbService::Mariadb { at, .. } => Some(at),
            DbService::Sqlite {} => None,
        }
    }

    /// Logs in as the site does.
    pub(crate) fn let_in(&self, found: &FoundDatabase) -> Result<(), Fault> {
        match &self.service {
            DbService::Mariadb { at, .. } => {
                self.world.parts.databases.mariadb(at, &found.user, &found.password, Some(&found.name), LIMIT)?;
            }
            DbService::Sqlite {} => {
                self.world
                    .parts
                    .databases
                    .sqlite_to_read(Path::new(&found.name))?
                    .rows("SELECT 1 FROM sqlite_master")?;
            }
        }
        Ok(())
    }

    /// What a database of theirs on this server holds.
    pub(crate) fn held_by(&self, database: &str) -> Result<Held, Fault> {
        let kinds = self.rows(theirs::ask_kinds(database).text().expose())?;
        let more = self.rows(theirs::ask_more_than_tables(database).text().expose())?;
        Ok(Held::of(kinds, more))
    }

    /// How much a database of theirs takes, about, in bytes.
    pub(crate) fn size_of_theirs(&self, database: &str) -> Result<u64, Fault> {
        match &self.service {
            DbService::Mariadb { .. } => {
                let size = text_of(self.rows(theirs::ask_size(database).text().expose())?);
                Ok(size.and_then(|size| size.parse().ok()).unwrap_or_default())
            }
            DbService::Sqlite {} => {
                Ok(self.world.files().stat(Path::new(database))?.map(|stat| stat.size).unwrap_or_default())
            }
        }
    }

    /// Waits until nobody is connected to a database of theirs, and gives who still is after `patience`. Of a file nobody can
    /// tell, so it waits that long.
    pub(crate) fn wait_until_left(&self, database: &str, patience: Duration) -> Result<Vec<String>, Fault> {
        let clock = &self.world.parts.clock;
        let (began, mut quiet) = (clock.now(), 0);
        loop {
            let connected = match &self.service {
                DbService::Mariadb { .. } => Some(self.rows(theirs::ask_connections(database).text().expose())?),
                DbService::Sqlite {} => None,
            };
            quiet = if connected.as_ref().is_some_and(Vec::is_empty) { quiet + 1 } else { 0 };
            if quiet == QUIET_LOOKS || clock.now().saturating_sub(began) >= patience {
                let names = connected.into_iter().flatten().flatten().flatten();
                return Ok(names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect());
            }
            clock.sleep(PAUSE);
        }
    }

    /// Has tables of theirs be tables of ours, with what goes along; those that are already are left.
    pub(crate) fn take_tables(
        &self,
        from: &str,
        to: &Database,
        tables: &[(String, String)],
        along: &Along,
    ) -> Result<(), Fault> {
        self.must_bear(&to.name, &to.marker)?;
        self.clear_the_way(from, along)?;
        let there: BTreeSet<String> = self.held_by(from)?.tables.into_iter().collect();
        let wanted: Vec<_> = tables.iter().filter(|(name, _)| there.contains(name)).cloned().collect();
        if let Some(statement) = theirs::take(from, &to.name, &wanted) {
            self.run(&statement)?;
        }
        self.make_along(to, along)
    }

    /// Takes [`DbServer::take_tables`] back. A database of ours that is not there has none of theirs.
    pub(crate) fn give_tables_back(
        &self,
        from: &str,
        to: &Database,
        tables: &[(String, String)],
        along: &Along,
    ) -> Result<(), Fault> {
        if self.bears(&to.name, &to.marker)? {
            let here: BTreeSet<String> = self.names(&to.name, &self.driver.ask_tables(&to.name))?.into_iter().collect();
            let wanted: Vec<_> = tables.iter().filter(|(_, name)| here.contains(name)).cloned().collect();
            if let Some(statement) = theirs::give_back(from, &to.name, &wanted) {
                if text_of(self.rows(theirs::ask_exists(from).text().expose())?).is_none() {
                    return Err(DbFault::Gone { server: self.server.clone(), database: from.to_owned() }.into());
                }
                self.drop_along(to, along)?;
                self.run(&statement)?;
            }
        }
        self.make_as_they_were(from, along)
    }

    /// Has a database of ours, which this task made and nobody uses yet, hold what is in tables of theirs, on whatever server.
    /// It is read as it is at one moment, by an account that may read it and needs no other right.
    pub(crate) fn fill_from(
        &self,
        theirs: Box<dyn Connection>,
        from: &str,
        tables: &[(String, String)],
        to: &Database,
    ) -> Result<Dumped, Fault> {
        self.must_bear(&to.name, &to.marker)?;
        // What an earlier try left.
        self.drop_beside(&to.name)?;
        for table in self.names(&to.name, &self.driver.ask_tables(&to.name))? {
            self.run(&self.driver.drop_table(&to.name, &table))?;
        }
        let loader = self.loader(&to.name, &self.world.task_secret("database")?)?;
        let mut theirs = theirs;
        let without_triggers = self.distrusts()?;
        self.pour(loader, |sink| {
            let mut dump = Dump::begin(self.world, &mut *theirs, from, sink)?;
            dump.without_triggers = without_triggers;
            dump.calling(tables.iter().cloned().collect()).write()
        })
    }

    /// Has a database of ours hold what the file `from` holds, as it is at one moment; without the rows of caches, if those
    /// are of no use.
    pub(crate) fn take_file(&self, from: &Path, to: &Database, without_caches: bool) -> Result<(), Fault> {
        self.must_bear(&to.name, &to.marker)?;
        let mut caches = BTreeSet::new();
        if without_caches {
            let mut connection = self.world.parts.databases.sqlite_to_read(from)?;
            let rows = connection.rows(CACHES_OF_A_FILE)?;
            let names = rows.into_iter().flatten().flatten();
            caches.extend(names.map(|name| String::from_utf8_lossy(&name).into_owned()));
        }
        self.copy_of_file(from, self, to, &caches)
    }

    /// Refuses this server for tables of the database `of` that it could not hold, if it is no MariaDB.
    pub(crate) fn must_hold(&self, of: &str, held: &Held) -> Result<(), Fault> {
        let product = self.product()?.kind;
        if held.of_mariadb.is_empty() || product == ProductKind::MariaDb {
            return Ok(());
        }
        let (server, product, of) = (self.server.clone(), product.as_str(), of.to_owned());
        Err(DbFault::OnlyMariaDb { server, product, of, tables: held.of_mariadb.clone() }.into())
    }

    /// Whether this server is the same as that of `other`, whatever each is called here.
    pub(crate) fn is_same(&self, other: &DbServer<'_>) -> bool {
        match (&self.service, &other.service) {
            (DbService::Mariadb { at: one, .. }, DbService::Mariadb { at: two, .. }) => one == two,
            (DbService::Sqlite {}, DbService::Sqlite {}) => true,
            _ => false,
        }
    }

    /// Whether a database of ours is theirs: the same name on a server, or the same file.
    pub(crate) fn is_named(&self, ours: &DbName, theirs: &str) -> bool {
        match &self.service {
            DbService::Mariadb { .. } => ours.as_str() == theirs,
            DbService::Sqlite {} => self.file(ours) == Path::new(theirs),
        }
    }
}

/// A database that is only read, on a server that no record of ours may name.
pub(crate) struct TheirDatabase<'w> {
    world: &'w World,
    at: DbEngine,
    account: String,
    password: Password,
    database: String,
}

impl<'w> TheirDatabase<'w> {
    /// What `found` leads to; `at` says where, if that is known.
    pub(crate) fn new(world: &'w World, at: DbEngine, found: &FoundDatabase) -> TheirDatabase<'w> {
        let (account, password, database) = (found.user.clone(), found.password.clone(), found.name.clone());
        TheirDatabase { world, at, account, password, database }
    }

    /// Logs in, with the time that a statement may take.
    pub(crate) fn connect(&self, limit: Duration) -> Result<Box<dyn Connection>, Fault> {
        let databases = &self.world.parts.databases;
        Ok(databases.mariadb(&self.at, &self.account, &self.password, Some(&self.database), limit)?)
    }

    /// What is there, and how much it takes in bytes, as far as the account may see.
    pub(crate) fn held(&self) -> Result<(Held, u64), Fault> {
        let mut connection = self.connect(LIMIT)?;
        let mut rows = |ask: aegir_drivers::db::Statement| connection.rows(ask.text().expose());
        let kinds = rows(theirs::ask_kinds(&self.database))?;
        let more = rows(theirs::ask_more_than_tables(&self.database))?;
        let size = text_of(rows(theirs::ask_size(&self.database))?).and_then(|size| size.parse().ok()).unwrap_or(0);
        Ok((Held::of(kinds, more), size))
    }

    /// Views and triggers that are there, as far as the account is told what makes them.
    pub(crate) fn beside(&self) -> Result<Beside, Fault> {
        Beside::read(&mut *self.connect(LIMIT)?, &self.database)
    }
}

/// Where settings say that a server is, for a client that knows nothing of it: `localhost` is a socket where a Debian has it.
pub(crate) fn place_of(found: &FoundDatabase) -> DbEngine {
    const USUAL: &str = "/run/mysqld/mysqld.sock";
    let port = found.port.parse().unwrap_or(3306);
    match found.host.as_str() {
        _ if !found.socket.is_empty() => DbEngine::Socket(found.socket.clone().into()),
        "" | "localhost" if found.port.is_empty() && Path::new(USUAL).exists() => DbEngine::Socket(USUAL.into()),
        "" | "localhost" => DbEngine::Tcp { host: "127.0.0.1".into(), port },
        host => DbEngine::Tcp { host: host.to_owned(), port },
    }
}

/// Whether what settings say of a server leads to `at`. A client of MySQL takes `localhost` for a socket, and PHP knows
/// where that is without being told.
fn leads_to(found: &FoundDatabase, at: &DbEngine) -> bool {
    let is_here = |host: &str| HERE.contains(&host.to_ascii_lowercase().as_str());
    match at {
        DbEngine::Socket(path) if !found.socket.is_empty() => Path::new(&found.socket) == path,
        DbEngine::Socket(_) => is_here(&found.host) && matches!(found.port.as_str(), "" | "3306"),
        DbEngine::Tcp { host, port } => {
            let theirs = if found.port.is_empty() { "3306" } else { &found.port };
            let same_host = host.eq_ignore_ascii_case(&found.host) || (is_here(host) && is_here(&found.host));
            found.socket.is_empty() && same_host && theirs == port.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_mariadb_alone_can_hold_are_told_apart() {
        let row = |name: &str, kind: &str, engine: &str| [name, kind, engine].map(|text| Some(text.into())).to_vec();
        let kinds = vec![
            row("past", "SYSTEM VERSIONED", "InnoDB"),
            row("numbers", "SEQUENCE", "InnoDB"),
            row("node", "BASE TABLE", "MyISAM"),
            row("seen", "VIEW", ""),
        ];

        let held = Held::of(kinds, vec![row("odd", "EVENT", "")]);

        assert_eq!(held.tables, ["past", "numbers", "node"]);
        assert_eq!(held.of_mariadb, ["table `past`, which keeps its past", "sequence `numbers`"]);
        assert_eq!(held.not_of_a_moment, ["node"]);
    }

    fn at(host: &str, port: &str, socket: &str) -> FoundDatabase {
        FoundDatabase {
            driver: "mysql".into(),
            host: host.into(),
            port: port.into(),
            socket: socket.into(),
            name: "theirs".into(),
            user: "theirs".into(),
            password: aegir_domain::Password::new(""),
            prefix: String::new(),
            shared_tables: Vec::new(),
        }
    }

    #[test]
    fn a_server_is_known_by_where_it_is() {
        let here = DbEngine::Tcp { host: "127.0.0.1".into(), port: 3306 };
        let socket = DbEngine::Socket("/run/mysqld/mysqld.sock".into());
        let there = DbEngine::Tcp { host: "db.example.org".into(), port: 3307 };

        assert!(leads_to(&at("localhost", "", ""), &here) && leads_to(&at("localhost", "", ""), &socket));
        assert!(leads_to(&at("", "", "/run/mysqld/mysqld.sock"), &socket));
        assert!(leads_to(&at("DB.example.org", "3307", ""), &there));
        assert!(!leads_to(&at("localhost", "3307", ""), &here));
        assert!(!leads_to(&at("", "", "/tmp/other.sock"), &socket));
        assert!(!leads_to(&at("db.example.org", "", ""), &there));
        assert!(!leads_to(&at("localhost", "", "/run/mysqld/mysqld.sock"), &here));
    }
}
