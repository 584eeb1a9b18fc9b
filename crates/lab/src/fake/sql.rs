//! What the fake database server makes of a statement.
//!
//! The statements of the drivers are understood by their shape; whatever else comes is Drupal's, and
//! goes to the SQLite file of its database.

use std::fs;
use std::sync::{Arc, PoisonError};

use aegir_host::{Databases, RealDatabases, Row, SqlFault, SqlKind};

use super::database::{Account, DatabaseEntry, DbState};
use super::{Machine, Trouble};

/// By what every database compares texts.
pub(super) const COLLATION: &str = "utf8mb4_general_ci";

/// A connection, and who is at its other end.
pub(super) struct Session {
    pub(super) machine: Arc<Machine>,
    /// The account it was let in as: `name@host`.
    pub(super) account: String,
    /// How the server sees it.
    pub(super) seen: String,
    pub(super) database: Option<String>,
    /// Those that it has until it ends.
    pub(super) locks: Vec<String>,
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut taken = self.machine.locks.lock().unwrap_or_else(PoisonError::into_inner);
        self.locks.iter().for_each(|lock| {
            taken.remove(lock);
        });
    }
}

/// What a statement gives.
pub(super) enum Answer {
    Changed(u64),
    Rows(Vec<Row>),
}

impl Session {
    pub(super) fn answer(&mut self, sql: &str) -> Result<Answer, SqlFault> {
        self.machine.moment();
        if self.machine.has(Trouble::DatabaseDown) {
            return Err(no(SqlKind::Gone, 2013, "Lost connection to server during query", sql));
        }
        let state = DbState::read(&self.machine);
        if !state.accounts.contains_key(&self.account) {
            return Err(no(SqlKind::Gone, 1927, "Connection was killed", sql));
        }
        let statement = Statement::read(sql);
        let shape: Vec<&str> = statement.shape.iter().map(String::as_str).collect();
        if matches!(shape[..], ["INSERT" | "REPLACE" | "UPDATE" | "CREATE" | "ALTER" | "GRANT", ..])
            && self.machine.disk.write().is_err()
        {
            return Err(no(SqlKind::Other, 1021, "Disk full (No space left on device)", sql));
        }
        if let Some(answer) = self.on_triggers(&state, &statement, sql) {
            return answer;
        }
        match statement.source().as_str() {
            "INFORMATION_SCHEMA.SCHEMATA" => return Ok(schemata(&state, &statement)),
            "INFORMATION_SCHEMA.TABLES" => return self.tables(&state, &statement),
            "INFORMATION_SCHEMA.PROCESSLIST" => return Ok(Answer::Rows(Vec::new())),
            "INFORMATION_SCHEMA.COLUMNS" if statement.values.iter().any(|value| value == "cid") => {
                return self.caches(&state, &statement);
            }
            "INFORMATION_SCHEMA.COLUMNS" => return self.columns(&state, &statement),
            "MYSQL.USER" | "MYSQL.GLOBAL_PRIV" => return Ok(hosts(&state, &statement)),
            _ => (),
        }
        match shape.as_slice() {
            ["SELECT", "VERSION", "(", ")"] => Ok(one("10.11.6-MariaDB-0+deb12u1")),
            ["SELECT", "USER" | "CURRENT_USER", ..] => Ok(one(&self.seen)),
            ["SELECT", "GET_LOCK", ..] => Ok(one(if self.takes(&statement.values[0]) { "1" } else { "0" })),
            ["SELECT", "IS_USED_LOCK", ..] => Ok(Answer::Rows(vec![vec![None]])),
            ["INSERT", "INTO", "`", ".", "`", "SELECT", "*", "FROM", "`", ".", "`"] => {
                self.administrator(&state, sql)?;
                self.copy_rows(&statement)
            }
            ["RENAME", "TABLE", ..] => {
                self.administrator(&state, sql)?;
                self.rename_tables(&state, &statement, sql)
            }
            ["SHOW", "GRANTS", ..] => Ok(Answer::Rows(self.grants(&state))),
            ["CREATE" | "ALTER" | "DROP", "DATABASE", ..]
            | ["CREATE" | "ALTER" | "DROP", "USER", ..]
            | ["GRANT" | "REVOKE", ..] => {
                self.administrator(&state, sql)?;
                self.administer(state, &shape, &statement, sql)
            }
            ["KILL", ..] | ["SET", ..] | ["FLUSH", ..] | ["START", "TRANSACTION", ..] | ["COMMIT"] => {
                Ok(Answer::Changed(0))
            }
            ["USE", "`"] => {
                self.database = Some(statement.values[0].clone());
                Ok(Answer::Changed(0))
            }
            _ => self.pass_on(&state, &statement, sql),
        }
    }

    /// Takes a lock, unless another connection has it: nobody waits here, since only who asks could let go of it.
    fn takes(&mut self, lock: &str) -> bool {
        let mut taken = self.machine.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = taken.insert(lock.to_owned());
        if is_free {
            self.locks.push(lock.to_owned());
        }
        is_free || self.locks.iter().any(|mine| mine == lock)
    }

    pub(super) fn administrator(&self, state: &DbState, sql: &str) -> Result<(), SqlFault> {
        let may = state.accounts[&self.account].grants.contains_key("*");
        match may && !self.machine.has(Trouble::DatabaseRights) {
            true => Ok(()),
            false => {
                let message = format!("Access denied for user '{}'", self.seen.replace('@', "'@'"));
                Err(no(SqlKind::NotAllowed, 1044, &message, sql))
            }
        }
    }

    fn administer(
        &self,
        mut state: DbState,
        shape: &[&str],
        statement: &Statement,
        sql: &str,
    ) -> Result<Answer, SqlFault> {
        let values: Vec<&str> = statement.values.iter().map(String::as_str).collect();
        let user = |at: usize| format!("{}@{}", values[at], values[at + 1]);
        match shape {
            ["CREATE", "DATABASE", rest @ ..] => {
                let name = values[0].to_owned();
                if state.databases.contains_key(&name) {
                    if rest.starts_with(&["IF", "NOT", "EXISTS"]) {
                        return Ok(Answer::Changed(0));
                    }
                    return Err(no(SqlKind::Exists, 1007, "Can't create database; database exists", sql));
                }
                let comment = if rest.contains(&"COMMENT") { values[values.len() - 1] } else { "" }.to_owned();
                let options: Vec<&str> =
                    rest.iter().copied().filter(|word| word.len() > 1 && *word != "COMMENT").collect();
                // What a database of that name left behind when the server died is no part of it.
                fs::write(DbState::file(&self.machine, &name), b"").expect("the lab's folder can be written");
                state
                    .databases
                    .insert(name, DatabaseEntry { comment, options: options.join(" "), ..DatabaseEntry::default() });
            }
            ["ALTER", "DATABASE", .., "COMMENT", "'"] => match state.databases.get_mut(values[0]) {
                Some(entry) => entry.comment = values[1].to_owned(),
                None => return Err(no(SqlKind::NoSuch, 1008, "Can't alter database; database doesn't exist", sql)),
            },
            ["DROP", "DATABASE", rest @ ..] => {
                let known = state.databases.remove(values[0]).is_some();
                if !known && !rest.starts_with(&["IF", "EXISTS"]) {
                    return Err(no(SqlKind::NoSuch, 1008, "Can't drop database; database doesn't exist", sql));
                }
                state.write(&self.machine);
                let _ = fs::remove_file(DbState::file(&self.machine, values[0]));
                return Ok(Answer::Changed(0));
            }
            ["CREATE", "USER", rest @ ..] => {
                let exists = state.accounts.contains_key(&user(0));
                if exists && rest.starts_with(&["IF", "NOT", "EXISTS"]) {
                    return Ok(Answer::Changed(0));
                }
                if exists {
                    return Err(no(SqlKind::Exists, 1396, "Operation CREATE USER failed", sql));
                }
                let password = values.get(2).copied().unwrap_or_default().to_owned();
                state.accounts.insert(user(0), Account { password, ..Account::default() });
            }
            ["ALTER", "USER", ..] => match state.accounts.get_mut(&user(0)) {
                Some(account) => account.password = values[2].to_owned(),
                None => return Err(no(SqlKind::NoSuch, 1396, "Operation ALTER USER failed", sql)),
            },
            ["DROP", "USER", rest @ ..] => {
                let known = state.accounts.remove(&user(0)).is_some();
                if !known && !rest.starts_with(&["IF", "EXISTS"]) {
                    return Err(no(SqlKind::NoSuch, 1396, "Operation DROP USER failed", sql));
                }
            }
            ["GRANT", rights @ .., "ON", "`", ".", "*", "TO", "'", "@", "'"] => {
                let Some(account) = state.accounts.get_mut(&user(1)) else {
                    return Err(no(SqlKind::NoSuch, 1133, "Can't find any matching row in the user table", sql));
                };
                let has = account.grants.entry(values[0].to_owned()).or_default();
                has.extend(listed(rights));
                has.sort();
                has.dedup();
            }
            ["REVOKE", rights @ .., "ON", "`", ".", "*", "FROM", "'", "@", "'"] => {
                let rights = listed(rights);
                let account = state.accounts.get_mut(&user(1));
                let Some(has) = account.and_then(|account| account.grants.get_mut(values[0])) else {
                    return Err(no(SqlKind::NoSuch, 1141, "There is no such grant defined", sql));
                };
                has.retain(|right| !rights.contains(right));
            }
            _ => panic!("the lab's database server does not know this statement yet: {shape:?}"),
        }
        state.write(&self.machine);
        Ok(Answer::Changed(0))
    }

    fn grants(&self, state: &DbState) -> Vec<Row> {
        let account = &state.accounts[&self.account];
        let line = |(on, rights): (&String, &Vec<String>)| {
            let rights =
                if rights.iter().any(|right| right == "ALL") { "ALL PRIVILEGES".into() } else { rights.join(", ") };
            let on = if on == "*" { "*.*".to_owned() } else { format!("`{on}`.*") };
            let option =
                if on == "*.*" && !self.machine.has(Trouble::DatabaseRights) { " WITH GRANT OPTION" } else { "" };
            vec![Some(format!("GRANT {rights} ON {on} TO `{}`{option}", self.account.replace('@', "`@`")).into_bytes())]
        };
        account.grants.iter().map(line).collect()
    }

    fn tables(&self, state: &DbState, statement: &Statement) -> Result<Answer, SqlFault> {
        let name = &statement.values[0];
        if !state.databases.contains_key(name) {
            return Ok(Answer::Rows(Vec::new()));
        }
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
        let rows = RealDatabases.sqlite(&DbState::file(&self.machine, name))?.rows(sql)?;
        let asked: Vec<&str> = statement.shape.iter().skip(1).take(3).map(String::as_str).collect();
        Ok(match asked.as_slice() {
            ["COUNT", ..] => one(&rows.len().to_string()),
            ["CAST", ..] => one("1048576"),
            [_, ",", "TABLE_TYPE"] => {
                let more = ["BASE TABLE", "InnoDB"].map(|word| Some(word.as_bytes().to_vec()));
                Answer::Rows(rows.into_iter().map(|row| row.into_iter().chain(more.clone()).collect()).collect())
            }
            _ => Answer::Rows(rows),
        })
    }

    /// The tables of caches, by their shape.
    fn caches(&self, state: &DbState, statement: &Statement) -> Result<Answer, SqlFault> {
        let name = &statement.values[0];
        if !state.databases.contains_key(name) {
            return Ok(Answer::Rows(Vec::new()));
        }
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%(cid %' AND name LIKE 'cache%'";
        Ok(Answer::Rows(RealDatabases.sqlite(&DbState::file(&self.machine, name))?.rows(sql)?))
    }

    /// All rows of a table, to another database.
    fn copy_rows(&self, statement: &Statement) -> Result<Answer, SqlFault> {
        let [to, table, from, _] = statement.values.as_slice() else { return Ok(Answer::Changed(0)) };
        let mut real = RealDatabases.sqlite(&DbState::file(&self.machine, to))?;
        real.run(&format!("ATTACH DATABASE '{}' AS origin", DbState::file(&self.machine, from).display()))?;
        real.run(&format!("INSERT INTO main.`{table}` SELECT * FROM origin.`{table}`")).map(Answer::Changed)
    }

    /// Tables to other databases, all of them at once.
    fn rename_tables(&self, state: &DbState, statement: &Statement, sql: &str) -> Result<Answer, SqlFault> {
        for pair in statement.values.chunks(4) {
            let [from, table, to, new] = pair else { return Err(no(SqlKind::Other, 1064, "odd names", sql)) };
            if !state.databases.contains_key(from) || !state.databases.contains_key(to) {
                return Err(no(SqlKind::NoSuch, 1049, "Unknown database", sql));
            }
            if from != to && state.databases[from].triggers.iter().any(|trigger| trigger.table == *table) {
                return Err(no(SqlKind::Other, 1435, "Trigger in wrong schema", sql));
            }
            let mut real = RealDatabases.sqlite(&DbState::file(&self.machine, from))?;
            let made = real.rows(&format!("SELECT sql FROM sqlite_master WHERE name = '{table}'"))?;
            let made = made
                .into_iter()
                .flatten()
                .flatten()
                .next()
                .ok_or_else(|| no(SqlKind::NoSuch, 1146, "Table doesn't exist", sql))?;
            let made = String::from_utf8_lossy(&made).into_owned();
            let columns = made.find('(').map_or("", |at| &made[at..]);
            real.run(&format!("ATTACH DATABASE '{}' AS other", DbState::file(&self.machine, to).display()))?;
            real.run(&format!("CREATE TABLE other.{new} {columns}"))?;
            real.run(&format!("INSERT INTO other.`{new}` SELECT * FROM main.`{table}`"))?;
            real.run(&format!("DROP TABLE main.`{table}`"))?;
        }
        Ok(Answer::Changed(0))
    }

    /// Table, name, type and, if it is asked for, whether rows are known by it, of each column of a database.
    fn columns(&self, state: &DbState, statement: &Statement) -> Result<Answer, SqlFault> {
        let name = &statement.values[0];
        if !state.databases.contains_key(name) {
            return Ok(Answer::Rows(Vec::new()));
        }
        let asks_for_keys = statement.shape.iter().any(|word| word == "COLUMN_KEY");
        let last = if asks_for_keys { "CASE WHEN c.pk > 0 THEN 'PRI' ELSE '' END" } else { "''" };
        let sql = format!(
            "SELECT t.name, c.name, CASE c.type WHEN 'INT' THEN 'int' ELSE 'text' END, {last} \
                   FROM sqlite_master t JOIN pragma_table_info(t.name) c \
                   WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid"
        );
        Ok(Answer::Rows(RealDatabases.sqlite(&DbState::file(&self.machine, name))?.rows(&sql)?))
    }

    /// Drupal's own: to the SQLite file of the database that it names, or that the connection is in.
    fn pass_on(&self, state: &DbState, statement: &Statement, sql: &str) -> Result<Answer, SqlFault> {
        let qualified = statement.shape.windows(3).position(|three| three == ["`", ".", "`"]);
        let database = match qualified {
            // Values are counted by the quotes that they stand between.
            Some(at) => {
                let before = statement.shape[..at].iter().filter(|word| *word == "`" || *word == "'").count();
                statement.values.get(before)
            }
            None => self.database.as_ref(),
        };
        let Some(database) = database else {
            return Err(no(SqlKind::Other, 1046, "No database selected", sql));
        };
        let right = statement.shape.first().map(String::as_str).filter(|word| *word != "SHOW" && *word != "REPLACE");
        if !state.accounts[&self.account].may(database, right) {
            return Err(no(SqlKind::NotAllowed, 1142, "command denied to user", sql));
        }
        if !state.databases.contains_key(database) {
            return Err(no(SqlKind::NoSuch, 1049, "Unknown database", sql));
        }
        let sql = sql
            .replace(&format!("`{database}`."), "")
            .replace(" ENGINE=InnoDB", "")
            .replace(" AS BINARY)", " AS BLOB)");
        let mut real = RealDatabases.sqlite(&DbState::file(&self.machine, database))?;
        if sql.starts_with("SHOW CREATE TABLE") {
            let table = statement.values.last().map(|table| table.replace('\'', "''")).unwrap_or_default();
            return real.rows(&format!("SELECT name, sql FROM sqlite_master WHERE name = '{table}'")).map(Answer::Rows);
        }
        let writes = sql.starts_with("INSERT") || sql.starts_with("UPDATE");
        let sql = if writes && sql.contains('\\') { as_sqlite(&sql) } else { sql };
        if let (true, Some(table)) = (sql.starts_with("DROP TABLE"), statement.values.last()) {
            self.without_table(state.clone(), database, table);
        }
        match statement.shape.first().is_some_and(|word| word == "SELECT") {
            true => real.rows(&sql).map(Answer::Rows),
            false => real.run(&sql).map(Answer::Changed),
        }
    }
}

/// The same statement with values in which a backslash means no escape.
fn as_sqlite(sql: &str) -> String {
    let mut text = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find('\'') {
        text.push_str(&rest[..at]);
        let (value, after) = quoted(&rest[at + 1..], '\'');
        let mut bytes = Vec::new();
        let mut chars = value.chars();
        while let Some(c) = chars.next() {
            let c = match c {
                '\\' => match chars.next() {
                    Some('0') => '\0',
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('Z') => '\u{1a}',
                    other => other.unwrap_or('\\'),
                },
                c => c,
            };
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("CAST(x'{hex}' AS TEXT)"));
        rest = after;
    }
    text + rest
}

fn schemata(state: &DbState, statement: &Statement) -> Answer {
    let Some((name, entry)) = statement.values.first().and_then(|name| state.databases.get_key_value(name)) else {
        return Answer::Rows(Vec::new());
    };
    let columns = statement.shape.iter().skip(1).take_while(|word| *word != "FROM").filter(|word| *word != ",");
    let row: Row = columns
        .map(|column| match column.as_str() {
            "SCHEMA_COMMENT" => Some(entry.comment.clone().into_bytes()),
            "DEFAULT_COLLATION_NAME" => Some(COLLATION.into()),
            _ => Some(name.clone().into_bytes()),
        })
        .collect();
    let unmarked = statement.values.len() > 1 && entry.comment.is_empty();
    Answer::Rows(if unmarked { Vec::new() } else { vec![row] })
}

/// The hosts of an account.
fn hosts(state: &DbState, statement: &Statement) -> Answer {
    let rows = state.accounts.keys().filter_map(|account| {
        let (name, host) = account.rsplit_once('@')?;
        (Some(name) == statement.values.first().map(String::as_str)).then(|| vec![Some(host.as_bytes().to_vec())])
    });
    Answer::Rows(rows.collect())
}

/// Rights as a list: words between commas.
fn listed(words: &[&str]) -> Vec<String> {
    words.split(|word| *word == ",").map(|words| words.join(" ")).collect()
}

fn one(value: &str) -> Answer {
    Answer::Rows(vec![vec![Some(value.as_bytes().to_vec())]])
}

pub(super) fn no(kind: SqlKind, code: u32, message: &str, sql: &str) -> SqlFault {
    let doing = sql.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    SqlFault { kind, code, state: "HY000".into(), message: message.into(), doing: format!("`{doing}`") }
}

/// A statement as its shape (words in capitals, signs, a back-tick or an apostrophe for what stands
/// between two of them) and the values between quotes, in order.
pub(super) struct Statement {
    pub(super) shape: Vec<String>,
    pub(super) values: Vec<String>,
}

impl Statement {
    fn read(sql: &str) -> Statement {
        let mut statement = Statement { shape: Vec::new(), values: Vec::new() };
        let mut rest = sql.trim();
        while let Some(c) = rest.chars().next() {
            if c == '\'' || c == '`' {
                let (value, after) = quoted(&rest[1..], c);
                statement.shape.push(c.to_string());
                statement.values.push(value);
                rest = after;
            } else if c.is_alphanumeric() || c == '_' {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                statement.shape.push(rest[..end].to_uppercase());
                rest = &rest[end..];
            } else {
                if !c.is_whitespace() {
                    statement.shape.push(c.to_string());
                }
                rest = &rest[c.len_utf8()..];
            }
        }
        statement
    }

    /// Which table of the server's own it reads.
    pub(super) fn source(&self) -> String {
        self.shape.iter().skip_while(|word| *word != "FROM").skip(1).take(3).map(String::as_str).collect()
    }
}

/// What stands before the closing quote, which is doubled within, and what comes behind it.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    while let Some(end) = rest.find(quote) {
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if !rest.starts_with(quote) {
            break;
        }
        value.push(quote);
        rest = &rest[1..];
    }
    (value, rest)
}
