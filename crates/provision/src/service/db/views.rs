//! Views and triggers of a database: read as they are to be made in another one, and made there.
//!
//! They are made behind the rows, so that no trigger acts on rows that are copied, and by the site's own account: what they
//! do is what that account may do, whoever made them first.

use std::collections::BTreeSet;

use aegir_domain::{DbName, DbService, Fault, Password};
use aegir_drivers::db::dump::DUMP_BEGIN;
use aegir_drivers::db::{theirs, views};
use aegir_host::{Connection, Row, SqlFault, SqlKind};

use super::{DbFault, DbServer, TRUST, text_of};

/// What a database holds besides its tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside {
    /// Views and triggers, as they stand in a dump.
    pub(super) text: String,
    /// What can be made in no other database: what it is, its name, and why.
    pub(crate) bound: Vec<String>,
    pub(super) has_views: bool,
    /// Triggers that are in the text, behind the views.
    pub(super) triggers: Vec<String>,
    /// How much of the text makes views.
    of_views: usize,
}

impl Beside {
    /// All of this, and nothing that can come along.
    pub(crate) fn that_stays(bound: Vec<String>) -> Beside {
        Beside { bound, ..Beside::default() }
    }

    /// Of the database `name`, as far as the account sees it. The connection may be in another database afterwards.
    pub(super) fn read(connection: &mut dyn Connection, name: &str) -> Result<Beside, Fault> {
        let mut beside = Beside::default();
        let (mut names, mut bound, mut has_triggers) = (Vec::new(), BTreeSet::new(), false);
        for row in connection.rows(theirs::ask_more_than_tables(name).text().expose())? {
            match text(&row, 0).as_str() {
                "view" => names.push(text(&row, 1)),
                "trigger" => has_triggers = true,
                kind => beside.bound.push(format!("{kind} `{}`", text(&row, 1))),
            }
        }
        beside.has_views = !names.is_empty();
        if beside.has_views {
            bound = beside.read_views(connection, name, &names)?;
        }
        beside.of_views = beside.text.len();
        if has_triggers {
            beside.read_triggers(connection, name, &names, bound)?;
        }
        Ok(beside)
    }

    /// Which of the views cannot come along.
    fn read_views(
        &mut self,
        connection: &mut dyn Connection,
        name: &str,
        names: &[String],
    ) -> Result<BTreeSet<String>, Fault> {
        let whole: BTreeSet<String> = firsts(connection.rows(views::ask_whole(name).text().expose())?);
        // What is told from outside names every database; what is told from within, only others.
        let outside = shown(connection, "information_schema", name, names)?;
        let within = shown(connection, name, name, names)?;
        let (mut made, mut bound) = (Vec::new(), BTreeSet::new());
        for ((view, within), outside) in names.iter().zip(&within).zip(&outside) {
            let told = match (within, outside) {
                (Some(_), Some(_)) if !whole.contains(view) => Err(views::Bound::Broken),
                (Some(within), Some(outside)) => {
                    views::view(view, &text(within, 1), &text(outside, 1), &text(within, 3))
                }
                _ => Err(views::Bound::Untold),
            };
            match told {
                Ok(view) => made.push(view),
                Err(why) => {
                    self.bound.push(format!("view `{view}`, {why}"));
                    bound.insert(view.clone());
                }
            }
        }
        let (made, fallen) = views::without(made, bound);
        self.bound.extend(fallen.iter().map(|(view, why)| format!("view `{view}`, {why}")));
        let (made, round) = views::in_order(made);
        self.bound.extend(round.iter().map(|view| format!("view `{}`, {}", view.name, views::Bound::Round)));
        self.text.extend(made.iter().map(views::view_in_dump));
        let made: BTreeSet<&str> = made.iter().map(|view| view.name.as_str()).collect();
        Ok(names.iter().filter(|name| !made.contains(name.as_str())).cloned().collect())
    }

    fn read_triggers(
        &mut self,
        connection: &mut dyn Connection,
        name: &str,
        known: &[String],
        bound: BTreeSet<String>,
    ) -> Result<(), Fault> {
        for (trigger, told) in triggers_of(connection, name, known, bound)? {
            match told {
                Ok(made) => {
                    self.text.push_str(&made);
                    self.triggers.push(trigger);
                }
                Err(why) => self.bound.push(format!("trigger `{trigger}`, {why}")),
            }
        }
        Ok(())
    }

    /// Leaves triggers where they are.
    pub(super) fn leave_triggers(&mut self) {
        self.text.truncate(self.of_views);
        let left = std::mem::take(&mut self.triggers).into_iter();
        self.bound.extend(left.map(|trigger| format!("trigger `{trigger}`, which {UNTRUSTED}")));
    }
}

/// Why a trigger is not made.
const UNTRUSTED: &str = "the new server lets no site's account make, since it writes a log for replicas";

/// A trigger by its name, and as it stands in a dump, if it can.
type ToldTrigger = (String, Result<String, views::Bound>);

/// The triggers of the database `name` in the order in which they act: each by its name, and as it stands in a dump. `known`
/// are its views, `bound` those of them that cannot come along.
fn triggers_of(
    connection: &mut dyn Connection,
    name: &str,
    known: &[String],
    bound: BTreeSet<String>,
) -> Result<Vec<ToldTrigger>, Fault> {
    let rows = connection.rows(views::ask_triggers(name).text().expose())?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut tables = firsts(connection.rows(theirs::ask_kinds(name).text().expose())?);
    tables.extend(known.iter().cloned());
    let mut others = firsts(connection.rows(views::ask_databases().text().expose())?);
    others.remove(name);
    // Which everybody may read.
    others.remove("information_schema");
    let routines = firsts(connection.rows(views::ask_routines(name).text().expose())?);
    let is_blind = text_of(connection.rows(views::ask_blind_to_case().text().expose())?).as_deref() == Some("1");
    let around =
        views::Around { database: name.to_owned(), tables, bound, routines, others, is_blind_to_case: is_blind };
    let told = rows.iter().map(|row| {
        let trigger = views::Trigger::of([0, 1, 2, 3, 4, 5, 6].map(|at| text(row, at)));
        let made = trigger.in_dump(&around);
        (trigger.name, made)
    });
    Ok(told.collect())
}

/// What the server tells of each view of `name` to who is in `place`; nothing of those that it does not tell.
fn shown(
    connection: &mut dyn Connection,
    place: &str,
    name: &str,
    views: &[String],
) -> Result<Vec<Option<Row>>, Fault> {
    connection.run(views::enter(place).text().expose())?;
    let mut shown = Vec::new();
    for view in views {
        shown.push(match connection.rows(views::ask_view(name, view).text().expose()) {
            Ok(rows) => rows.into_iter().next(),
            Err(SqlFault { kind: SqlKind::NotAllowed | SqlKind::NoSuch, .. }) => None,
            Err(fault) => return Err(fault.into()),
        });
    }
    Ok(shown)
}

impl DbServer<'_> {
    /// What a database of this server holds besides its tables. A copy of a file has it all anyway.
    pub(super) fn beside_tables(&self, name: &DbName) -> Result<Beside, Fault> {
        match &self.service {
            DbService::Mariadb { .. } => self.connected(|connection, _| Beside::read(connection, name.as_str())),
            DbService::Sqlite {} => Ok(Beside::default()),
        }
    }

    /// Refuses this server for what holds triggers, if it lets no site's account make any.
    pub(crate) fn must_take(&self, beside: &Beside) -> Result<(), Fault> {
        match !beside.triggers.is_empty() && self.distrusts()? {
            true => Err(DbFault::NoTriggers { server: self.server.clone() }.into()),
            false => Ok(()),
        }
    }

    /// Leaves triggers where they are, if this server lets no site's account make any.
    pub(crate) fn leave_untrusted(&self, beside: &mut Beside) -> Result<(), Fault> {
        if !beside.triggers.is_empty() && self.distrusts()? {
            beside.leave_triggers();
        }
        Ok(())
    }

    /// What to say of a dump that holds these triggers, if its own server would not load it.
    pub(crate) fn would_not_load(&self, triggers: &[String]) -> Result<Option<String>, Fault> {
        if triggers.is_empty() || !self.distrusts()? {
            return Ok(None);
        }
        Ok(Some(format!(
            "`{}` lets no site's account make triggers, since it writes a log for replicas: what is restored there needs {}. \
             Before that, {TRUST}",
            self.server,
            triggers.iter().map(|trigger| format!("`{trigger}`")).collect::<Vec<_>>().join(", ")
        )))
    }

    /// Whether this server lets no site's account make triggers.
    pub(super) fn distrusts(&self) -> Result<bool, Fault> {
        match &self.service {
            DbService::Mariadb { .. } => {
                Ok(text_of(self.rows(views::ask_distrusts().text().expose())?).as_deref() == Some("1"))
            }
            DbService::Sqlite {} => Ok(false),
        }
    }

    /// Makes what `beside` holds in a database that this task filled with rows, as that database's own user.
    pub(super) fn make_beside(&self, name: &DbName, beside: &Beside) -> Result<(), Fault> {
        if beside.text.is_empty() {
            return Ok(());
        }
        let mut loader = self.loader(name, &self.world.task_secret("database")?)?;
        loader.read(DUMP_BEGIN.as_bytes())?;
        loader.read(beside.text.as_bytes())?;
        Ok(loader.end()?)
    }

    /// Changes rows of a database that this task made, by a connection of its own user in it: none of its triggers acts on that,
    /// since what Ægir puts right in a copy is not what the site does. They are kept in the database meanwhile, so that who does
    /// it again after a sudden end finds them; `are_kept` says whether there is a table of that name.
    pub(super) fn without_triggers<T>(
        &self,
        name: &DbName,
        password: &Password,
        connection: &mut dyn Connection,
        are_kept: bool,
        what: impl FnOnce(&mut dyn Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if matches!(self.service, DbService::Sqlite {}) {
            return what(connection);
        }
        // One that could not be made again stays, and acts.
        let told = triggers_of(connection, name.as_str(), &[], BTreeSet::new())?;
        let told: Vec<(String, String)> =
            told.into_iter().filter_map(|(name, made)| Some((name, made.ok()?))).collect();
        let kept = match are_kept {
            true => text_of(connection.rows(views::ask_kept().text().expose())?),
            false => None,
        };
        let kept = match kept {
            Some(kept) => kept,
            None if told.is_empty() => return what(connection),
            None => {
                let kept: String = told.iter().map(|(_, made)| made.as_str()).collect();
                connection.run(views::drop_kept().text().expose())?;
                for statement in views::keep_triggers(&kept) {
                    connection.run(statement.text().expose())?;
                }
                kept
            }
        };
        for (trigger, _) in &told {
            connection.run(views::drop_trigger(name.as_str(), trigger).text().expose())?;
        }
        let result = what(connection)?;
        let mut loader = self.loader(name, password)?;
        loader.read(DUMP_BEGIN.as_bytes())?;
        loader.read(kept.as_bytes())?;
        loader.end()?;
        connection.run(views::drop_kept().text().expose())?;
        Ok(result)
    }

    /// Removes views and triggers from a database that this task fills: what an earlier try left.
    pub(super) fn drop_beside(&self, name: &DbName) -> Result<(), Fault> {
        if matches!(self.service, DbService::Sqlite {}) {
            return Ok(());
        }
        for row in self.rows(theirs::ask_more_than_tables(name.as_str()).text().expose())? {
            match text(&row, 0).as_str() {
                "view" => self.run(&views::drop_view(name.as_str(), &text(&row, 1)))?,
                "trigger" => self.run(&views::drop_trigger(name.as_str(), &text(&row, 1)))?,
                _ => (),
            }
        }
        Ok(())
    }
}

fn firsts(rows: Vec<Row>) -> BTreeSet<String> {
    rows.iter().map(|row| text(row, 0)).collect()
}

fn text(row: &Row, at: usize) -> String {
    row.get(at).and_then(Option::as_deref).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}
