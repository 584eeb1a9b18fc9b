//! Views and triggers that go along with tables of theirs, which become tables of ours by another name.
//!
//! A server gives a table that has triggers no name in another database. So these are dropped where they are, and whoever takes
//! that back makes them again as they were: with the same text, for the same account, in the same order. Views are left: without
//! their tables they show nothing, and with them what they did. In our database both are made anew, by its own account.

use std::collections::BTreeSet;

use aegir_domain::{Database, DbService, Fault};
use aegir_drivers::db::dump::DUMP_BEGIN;
use aegir_drivers::db::{theirs, views};
use aegir_host::{Row, SqlKind};
use serde::{Deserialize, Serialize};

use super::views::Beside;
use super::{DbFault, DbServer, LIMIT, is_kind, text_of};

/// Views and triggers beside tables of theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Along {
    /// Both, as they stand in a dump.
    text: String,
    /// Triggers as they are there, in the order in which they act.
    triggers: Vec<AsItWas>,
    /// Whether there are views.
    pub(crate) has_views: bool,
}

/// A trigger, with all that its server keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AsItWas {
    name: String,
    table: String,
    /// What made it, with whom it runs as.
    statement: String,
    sql_mode: String,
    charset: String,
    collation: String,
}

impl Along {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether there are triggers: they act on no row that is written while they are away.
    pub(crate) fn has_triggers(&self) -> bool {
        !self.triggers.is_empty()
    }
}

impl DbServer<'_> {
    /// What goes along with all tables of `from`, and what cannot: what it is, its name, and why.
    pub(crate) fn along(&self, from: &str) -> Result<(Along, Vec<String>), Fault> {
        let beside = self.connected(|connection, _| Beside::read(connection, from))?;
        self.must_take(&beside)?;
        let mut bound = beside.bound;
        let mut along = Along { text: beside.text, triggers: Vec::new(), has_views: beside.has_views };
        let triggers = self.rows(views::ask_triggers(from).text().expose())?;
        if triggers.is_empty() {
            return Ok((along, bound));
        }
        let grants = self.rows("SHOW GRANTS")?;
        let named = MayName::by(&grants.into_iter().flatten().flatten().collect::<Vec<_>>());
        let gone = match named {
            MayName::Known => self.triggers_of_nobody(from)?,
            _ => BTreeSet::new(),
        };
        let collation = text_of(self.rows(theirs::ask_collation(from).text().expose())?).unwrap_or_default();
        for row in triggers {
            let (name, table) = (text(&row, 0), text(&row, 1));
            let told = self.rows(theirs::ask_trigger(from, &name).text().expose())?;
            let told = told.first().map(|row| [1, 2, 3, 4, 5].map(|at| text(row, at))).unwrap_or_default();
            let [sql_mode, statement, charset, its_collation, of_database] = told;
            let why = match () {
                () if statement.is_empty() => "whose statement the server does not tell this account",
                () if named == MayName::None => "which this account may not make again for whom it runs as",
                () if gone.contains(&name) => {
                    "which runs as an account that is gone, and which this account may not make again so"
                }
                () if !theirs::can_be_said(&statement, &charset) => "whose text is in a character set of its own",
                () if of_database != collation => "which was made while its database compared texts otherwise",
                () => {
                    along.triggers.push(AsItWas {
                        name,
                        table,
                        statement,
                        sql_mode,
                        charset,
                        collation: its_collation,
                    });
                    continue;
                }
            };
            bound.push(format!("trigger `{name}`, {why}"));
        }
        Ok((along, bound))
    }

    /// The triggers of `from` that run as an account that is not there, as far as this account may see.
    fn triggers_of_nobody(&self, from: &str) -> Result<BTreeSet<String>, Fault> {
        let accounts = match self.rows(theirs::ask_accounts().text().expose()) {
            Err(fault) if is_kind(&fault, &[SqlKind::NotAllowed]) => Vec::new(),
            accounts => accounts?,
        };
        let accounts: BTreeSet<String> = accounts.iter().map(|row| text(row, 0)).collect();
        let more = self.rows(theirs::ask_more_than_tables(from).text().expose())?;
        let triggers = more.iter().filter(|row| text(row, 0) == "trigger" && !accounts.contains(&text(row, 2)));
        Ok(triggers.map(|row| text(row, 1)).collect())
    }

    /// Has nothing be in the way of the tables of `from`.
    pub(super) fn clear_the_way(&self, from: &str, along: &Along) -> Result<(), Fault> {
        along.triggers.iter().try_for_each(|trigger| self.run(&views::drop_trigger(from, &trigger.name)))
    }

    /// Makes what came along in a database of ours that has the tables, as that database's own account.
    pub(super) fn make_along(&self, to: &Database, along: &Along) -> Result<(), Fault> {
        if along.is_empty() {
            return Ok(());
        }
        // What an earlier try made.
        self.drop_beside(&to.name)?;
        let mut loader = self.loader(&to.name, &self.world.task_secret("database")?)?;
        loader.read(DUMP_BEGIN.as_bytes())?;
        loader.read(along.text.as_bytes())?;
        Ok(loader.end()?)
    }

    /// Takes [`DbServer::make_along`] back: nothing is in the way of the tables any more.
    pub(super) fn drop_along(&self, to: &Database, along: &Along) -> Result<(), Fault> {
        if along.is_empty() { Ok(()) } else { self.drop_beside(&to.name) }
    }

    /// Takes [`DbServer::clear_the_way`] back, once the tables are there again.
    pub(super) fn make_as_they_were(&self, from: &str, along: &Along) -> Result<(), Fault> {
        let (DbService::Mariadb { at, account, .. }, true) = (&self.service, along.has_triggers()) else {
            return Ok(());
        };
        let there = self.rows(views::ask_triggers(from).text().expose())?;
        let there: BTreeSet<String> = there.iter().map(|row| text(row, 0)).collect();
        // Those of one table act in the order in which they are made.
        let lack: BTreeSet<&str> =
            along.triggers.iter().filter(|one| !there.contains(&one.name)).map(|one| one.table.as_str()).collect();
        if lack.is_empty() {
            return Ok(());
        }
        if text_of(self.rows(theirs::ask_exists(from).text().expose())?).is_none() {
            return Err(DbFault::Gone { server: self.server.clone(), database: from.to_owned() }.into());
        }
        // What a connection takes on to make one again would stay with it.
        let databases = &self.world.parts.databases;
        let mut connection = databases.mariadb(at, account, &self.password()?, Some(from), LIMIT)?;
        let again = || along.triggers.iter().filter(|one| lack.contains(one.table.as_str()));
        for trigger in again() {
            connection.run(views::drop_trigger(from, &trigger.name).text().expose())?;
        }
        for trigger in again() {
            let as_made = theirs::as_made(&trigger.sql_mode, &trigger.charset, &trigger.collation);
            connection.run(as_made.text().expose())?;
            connection.run(&trigger.statement)?;
        }
        Ok(())
    }
}

/// For whom our account may make a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MayName {
    None,
    /// For accounts that are there.
    Known,
    /// For whomever.
    Any,
}

impl MayName {
    /// By what a server tells of its rights.
    fn by(rights: &[Vec<u8>]) -> MayName {
        let rights: Vec<_> = rights.iter().map(|right| String::from_utf8_lossy(right)).collect();
        let everywhere: Vec<&str> = rights.iter().filter_map(|right| Some(right.split_once(" ON *.* ")?.0)).collect();
        let has = |name: &str| everywhere.iter().any(|rights| rights.contains(name));
        // MySQL has a right of its own to name one that has the right of the system's accounts, and one to name one that is gone; who
        // has all rights, which it lists, has these or `SUPER`.
        match has("SYSTEM_USER") && (has("SET_USER_ID") || has("SET_ANY_DEFINER")) {
            _ if has("ALL PRIVILEGES") || has("SET USER") => MayName::Any,
            true if has("ALLOW_NONEXISTENT_DEFINER") || has("SUPER") => MayName::Any,
            true => MayName::Known,
            false => MayName::None,
        }
    }
}

fn text(row: &Row, at: usize) -> String {
    row.get(at).and_then(Option::as_deref).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_make_a_trigger_for_another_account_is_told_by_its_rights() {
        let by =
            |rights: &[&str]| MayName::by(&rights.iter().map(|right| right.as_bytes().to_vec()).collect::<Vec<_>>());
        for rights in [
            &["GRANT ALL PRIVILEGES ON *.* TO `aegir`@`localhost` WITH GRANT OPTION"][..],
            &["GRANT SELECT, TRIGGER, SET USER ON *.* TO `aegir`@`localhost`"],
            // All rights, as MySQL 8.0 and 8.4 tell of them.
            &[
                "GRANT SELECT, PROCESS, SUPER, TRIGGER ON *.* TO `aegir`@`%` WITH GRANT OPTION",
                "GRANT BACKUP_ADMIN,SET_USER_ID,SYSTEM_USER ON *.* TO `aegir`@`%` WITH GRANT OPTION",
            ],
            &["GRANT ALLOW_NONEXISTENT_DEFINER,SET_ANY_DEFINER,SYSTEM_USER ON *.* TO `aegir`@`%`"],
        ] {
            assert_eq!(by(rights), MayName::Any, "{rights:?}");
        }
        for rights in [
            &["GRANT SELECT, TRIGGER ON *.* TO `aegir`@`%`", "GRANT SET_ANY_DEFINER,SYSTEM_USER ON *.* TO `aegir`@`%`"]
                [..],
            &["GRANT SET_USER_ID ON *.* TO `aegir`@`%`", "GRANT SYSTEM_USER ON *.* TO `aegir`@`%` WITH GRANT OPTION"],
        ] {
            assert_eq!(by(rights), MayName::Known, "{rights:?}");
        }
        for rights in [
            &["GRANT ALL PRIVILEGES ON `a`.* TO `aegir`@`localhost`"][..],
            &["GRANT SELECT, TRIGGER, SUPER ON *.* TO `aegir`@`localhost` WITH GRANT OPTION"],
            &["GRANT BACKUP_ADMIN,SET_ANY_DEFINER,XA_RECOVER_ADMIN ON *.* TO `aegir`@`%`"],
            &["GRANT SUPER ON *.* TO `aegir`@`%`", "GRANT SET_USER_ID ON *.* TO `aegir`@`%`"],
        ] {
            assert_eq!(by(rights), MayName::None, "{rights:?}");
        }
    }
}
