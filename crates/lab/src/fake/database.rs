//! The fake database server: accounts and databases in a state file, the tables of each database in a
//! file of SQLite.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{DbEngine, Password};
use aegir_host::{Connection, Databases, RealDatabases, Row, SqlFault, SqlKind};
use serde::{Deserialize, Serialize};

use super::sql::{Answer, Session};
use super::triggers::Trigger;
use super::{Machine, Trouble, read_state, write_state};

/// The account that Ægir uses on the fake server.
pub(crate) const ACCOUNT: &str = "aegir";
/// Its password.
pub(crate) const PASSWORD: &str = "the-lab's-own";

/// What the server knows beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DbState {
    /// Databases by name.
    pub(crate) databases: BTreeMap<String, DatabaseEntry>,
    /// Accounts by `name@host`.
    pub(crate) accounts: BTreeMap<String, Account>,
}

/// A database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseEntry {
    /// Its comment: our marker.
    pub(crate) comment: String,
    /// What stands between its name and its comment.
    pub(crate) options: String,
    /// Its triggers, in the order in which they act.
    pub(crate) triggers: Vec<Trigger>,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Its password.
    pub(crate) password: String,
    /// What it may do, by the pattern of databases.
    pub(crate) grants: BTreeMap<String, Vec<String>>,
}

impl Account {
    /// Whether it may do anything on the database `name`.
    pub(crate) fn may_use(&self, name: &str) -> bool {
        self.may(name, None)
    }

    /// Whether it may do `what` on the database `name`.
    pub(crate) fn may(&self, name: &str, what: Option<&str>) -> bool {
        self.grants.iter().any(|(pattern, rights)| {
            let here = pattern == "*" || pattern.replace("\\_", "_") == name;
            here && what.is_none_or(|what| rights.iter().any(|right| right == what || right == "ALL"))
        })
    }
}

impl DbState {
    pub(crate) fn read(machine: &Machine) -> DbState {
        read_state(&machine.state("db").join("state.json"))
    }

    pub(crate) fn write(&self, machine: &Machine) {
        write_state(&machine.state("db").join("state.json"), self);
    }

    /// Where the tables of the database `name` lie.
    pub(crate) fn file(machine: &Machine, name: &str) -> PathBuf {
        machine.state("db").join(format!("{name}.sqlite"))
    }

    /// A server with our account and nothing else.
    pub(crate) fn begin(machine: &Machine) {
        let grants = BTreeMap::from([("*".to_owned(), vec!["ALL".to_owned()])]);
        let account = Account { password: PASSWORD.to_owned(), grants };
        let accounts = BTreeMap::from([(format!("{ACCOUNT}@localhost"), account)]);
        DbState { databases: BTreeMap::new(), accounts }.write(machine);
    }
}

/// Connects to the fake server; files of SQLite are real.
pub struct FakeDatabases(pub Arc<Machine>);

impl Databases for FakeDatabases {
    fn mariadb(
        &self,
        at: &DbEngine,
        account: &str,
        password: &Password,
        database: Option<&str>,
        _: Duration,
    ) -> Result<Box<dyn Connection>, SqlFault> {
        let doing = format!("connecting to the database server as `{account}`");
        let no = |kind, code, message: String| {
            let state = if code == 0 { "" } else { "28000" };
            SqlFault { kind, code, state: state.into(), message, doing: doing.clone() }
        };
        if self.0.has(Trouble::DatabaseDown) {
            return Err(no(SqlKind::Unreachable, 0, "Connection refused (os error 111)".into()));
        }
        let from = match at {
            DbEngine::Socket(_) => "localhost",
            DbEngine::Tcp { .. } => "127.0.0.1",
        };
        let state = DbState::read(&self.0);
        let known = [from, "localhost", "%"]
            .into_iter()
            .find_map(|host| state.accounts.get_key_value(&format!("{account}@{host}")))
            .filter(|(_, known)| known.password == password.expose());
        let Some((name, known)) = known else {
            let message = format!("Access denied for user '{account}'@'{from}' (using password: YES)");
            return Err(no(SqlKind::PasswordRefused, 1045, message));
        };
        if let Some(database) = database {
            if !known.may_use(database) {
                let message = format!("Access denied for user '{account}'@'{from}' to database '{database}'");
                return Err(no(SqlKind::NotAllowed, 1044, message));
            }
            if !state.databases.contains_key(database) {
                return Err(no(SqlKind::NoSuch, 1049, format!("Unknown database '{database}'")));
            }
        }
        Ok(Box::new(Fake(Session {
            machine: self.0.clone(),
            account: name.clone(),
            seen: format!("{account}@{from}"),
            database: database.map(str::to_owned),
            locks: Vec::new(),
        })))
    }

    fn sqlite(&self, file: &Path) -> Result<Box<dyn Connection>, SqlFault> {
        Ok(Box::new(Counted { machine: self.0.clone(), real: RealDatabases.sqlite(file)? }))
    }

    fn sqlite_to_read(&self, file: &Path) -> Result<Box<dyn Connection>, SqlFault> {
        Ok(Box::new(Counted { machine: self.0.clone(), real: RealDatabases.sqlite_to_read(file)? }))
    }
}

struct Fake(Session);

impl Connection for Fake {
    fn run(&mut self, sql: &str) -> Result<u64, SqlFault> {
        Ok(match self.0.answer(sql)? {
            Answer::Changed(count) => count,
            Answer::Rows(_) => 0,
        })
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, SqlFault> {
        Ok(match self.0.answer(sql)? {
            Answer::Changed(_) => Vec::new(),
            Answer::Rows(rows) => rows,
        })
    }

    fn each_row(&mut self, sql: &str, on_row: &mut dyn FnMut(Row) -> bool) -> Result<(), SqlFault> {
        self.rows(sql)?.into_iter().all(on_row);
        Ok(())
    }
}

/// A real file, whose statements are moments too.
struct Counted {
    machine: Arc<Machine>,
    real: Box<dyn Connection>,
}

impl Connection for Counted {
    fn run(&mut self, sql: &str) -> Result<u64, SqlFault> {
        self.machine.moment();
        let takes_room = ["INSERT", "REPLACE", "UPDATE", "CREATE", "VACUUM"].iter().any(|word| sql.starts_with(word));
        if takes_room && self.machine.disk.write().is_err() {
            let message = "database or disk is full (No space left on device)".into();
            return Err(SqlFault {
                kind: SqlKind::Other,
                code: 13,
                state: String::new(),
                message,
                doing: "a statement".into(),
            });
        }
        self.real.run(sql)
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, SqlFault> {
        self.machine.moment();
        self.real.rows(sql)
    }

    fn each_row(&mut self, sql: &str, on_row: &mut dyn FnMut(Row) -> bool) -> Result<(), SqlFault> {
        self.machine.moment();
        self.real.each_row(sql, on_row)
    }
}
