//! Triggers of the fake database server: told, made, dropped, and in the way of a table that is to go to another database.
//! None of them acts.

use aegir_host::{Row, SqlFault, SqlKind};
use serde::{Deserialize, Serialize};

use super::database::DbState;
use super::sql::{Answer, COLLATION, Session, Statement, no};

/// A trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trigger {
    /// Its name.
    pub(crate) name: String,
    /// Whose rows it watches.
    pub(crate) table: String,
    /// `AFTER`, `INSERT`.
    pub(crate) when: [String; 2],
    /// Whom it runs as.
    pub(crate) definer: String,
    /// What made it, with whom it runs as.
    pub(crate) made: String,
}

impl Trigger {
    /// By what makes it; `account` makes it, and is in `database` if it says no other.
    fn read(statement: &Statement, account: &str, sql: &str) -> Option<Trigger> {
        let at = statement.shape.iter().position(|word| word == "TRIGGER")?;
        let names: Vec<&String> = statement.values.iter().collect();
        let has_definer = statement.shape.get(1).is_some_and(|word| word == "DEFINER");
        let (definer, names) = match has_definer {
            true => (format!("{}@{}", names.first()?, names.get(1)?), &names[2..]),
            false => (account.to_owned(), &names[..]),
        };
        let when = [statement.shape.get(at + 2)?.clone(), statement.shape.get(at + 3)?.clone()];
        let made = match has_definer {
            true => sql.to_owned(),
            false => sql.replacen("CREATE", &format!("CREATE DEFINER=`{}`", definer.replace('@', "`@`")), 1),
        };
        let [name, table] = [names.first()?, names.get(1)?].map(|name| (*name).clone());
        Some(Trigger { name, table, when, definer, made })
    }

    /// What it does, as its server tells it.
    pub(crate) fn action(&self) -> &str {
        self.made.split_once("FOR EACH ROW ").map_or("", |(_, action)| action)
    }
}

impl Session {
    /// What a statement about triggers and views gives, if it is one.
    pub(super) fn on_triggers(
        &self,
        state: &DbState,
        asked: &Statement,
        sql: &str,
    ) -> Option<Result<Answer, SqlFault>> {
        let of = |name: Option<&String>| {
            let entry = name.and_then(|name| state.databases.get(name));
            entry.map(|entry| entry.triggers.clone()).unwrap_or_default()
        };
        let row = |texts: &[&str]| -> Row { texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect() };
        match asked.source().as_str() {
            // Whatever is there besides tables.
            "INFORMATION_SCHEMA.VIEWS" => {
                let triggers = of(asked.values.iter().find(|value| state.databases.contains_key(*value)));
                let rows = triggers.iter().map(|trigger| row(&["trigger", &trigger.name, &trigger.definer]));
                return Some(Ok(Answer::Rows(rows.collect())));
            }
            // There are none.
            "INFORMATION_SCHEMA.ROUTINES" => return Some(Ok(Answer::Rows(Vec::new()))),
            "INFORMATION_SCHEMA.TRIGGERS" => {
                let told = of(asked.values.first());
                let rows = told.iter().map(|trigger| {
                    let [timing, event] = &trigger.when;
                    row(&[&trigger.name, &trigger.table, timing, event, trigger.action(), "", COLLATION])
                });
                return Some(Ok(Answer::Rows(rows.collect())));
            }
            _ => (),
        }
        let shape: Vec<&str> = asked.shape.iter().map(String::as_str).collect();
        match shape.as_slice() {
            ["SELECT", "@", "@", "GLOBAL", ".", "LOG_BIN" | "LOWER_CASE_TABLE_NAMES", ..] => {
                Some(Ok(Answer::Rows(vec![row(&["0"])])))
            }
            ["SHOW", "CREATE", "TRIGGER", ..] => {
                let told = of(asked.values.first()).into_iter().find(|one| Some(&one.name) == asked.values.get(1));
                let told = told.ok_or_else(|| no(SqlKind::NoSuch, 1360, "Trigger does not exist", sql));
                Some(told.map(|trigger| {
                    let told = [&trigger.name, "", &trigger.made, "utf8mb4", COLLATION, COLLATION];
                    Answer::Rows(vec![row(&told)])
                }))
            }
            ["DROP", "VIEW", ..] => Some(Ok(Answer::Changed(0))),
            ["DROP", "TRIGGER", "IF", "EXISTS", "`", ".", "`"] => {
                let [database, name] = asked.values.as_slice() else { return None };
                Some(self.change_triggers(state.clone(), database, sql, |triggers| {
                    triggers.retain(|trigger| trigger.name != *name);
                    Ok(())
                }))
            }
            ["CREATE", "TRIGGER", ..] | ["CREATE", "DEFINER", ..] => {
                let (Some(database), Some(trigger)) = (&self.database, Trigger::read(asked, &self.account, sql)) else {
                    return Some(Err(no(SqlKind::Other, 1046, "No database selected", sql)));
                };
                if shape[1] == "DEFINER"
                    && let Err(fault) = self.administrator(state, sql)
                {
                    return Some(Err(fault));
                }
                Some(self.change_triggers(state.clone(), database, sql, |triggers| {
                    if triggers.iter().any(|other| other.name == trigger.name) {
                        return Err(no(SqlKind::Exists, 1359, "Trigger already exists", sql));
                    }
                    triggers.push(trigger);
                    Ok(())
                }))
            }
            _ => None,
        }
    }

    fn change_triggers(
        &self,
        mut state: DbState,
        database: &str,
        sql: &str,
        change: impl FnOnce(&mut Vec<Trigger>) -> Result<(), SqlFault>,
    ) -> Result<Answer, SqlFault> {
        if !state.accounts[&self.account].may(database, Some("TRIGGER")) {
            return Err(no(SqlKind::NotAllowed, 1142, "TRIGGER command denied to user", sql));
        }
        let Some(entry) = state.databases.get_mut(database) else {
            return Err(no(SqlKind::NoSuch, 1049, "Unknown database", sql));
        };
        change(&mut entry.triggers)?;
        state.write(&self.machine);
        Ok(Answer::Changed(0))
    }

    /// A table that is gone has no triggers.
    pub(super) fn without_table(&self, mut state: DbState, database: &str, table: &str) {
        let Some(entry) = state.databases.get_mut(database) else { return };
        let count = entry.triggers.len();
        entry.triggers.retain(|trigger| trigger.table != table);
        if entry.triggers.len() < count {
            state.write(&self.machine);
        }
    }
}
