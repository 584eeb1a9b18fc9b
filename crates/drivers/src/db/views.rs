//! Views and triggers of a site's database, read as the statements that make them anew.
//!
//! Whoever runs these becomes whom they run as: of the account that they ran as until then nothing is left. A view is read
//! as its server tells it, in its own database, where it names no database if all that it is made of lies there. What a
//! trigger does is the text that somebody wrote, which may name any.

use std::collections::BTreeSet;

use super::Statement;
pub use super::action::Around;
use super::action::{in_any_database, text_length};
use super::mariadb::back_ticked;
use super::statement::quoted;

/// A view, as it is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: String,
    /// The statement that makes it, for a connection that is in the database.
    pub statement: String,
    /// What it compares texts by.
    pub collation: String,
    /// What may be tables that it is made of.
    made_of: BTreeSet<String>,
}

/// A trigger, as its server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// Whose rows it watches.
    pub table: String,
    /// `BEFORE INSERT` or another moment.
    pub when: String,
    /// What it does.
    pub action: String,
    /// How the server read it.
    pub sql_mode: String,
    /// What it compares texts by.
    pub collation: String,
}

/// Why a view or a trigger cannot be made in another database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bound {
    /// The server does not tell it all.
    #[error("whose statement the server does not tell this account")]
    Untold,
    /// What it is made of is gone, or whom it runs as.
    #[error("which is made of what is not there, or runs as an account that is gone")]
    Broken,
    /// It would need more than the site's database.
    #[error("which names another database")]
    Elsewhere,
    /// It calls what does not come along.
    #[error("which calls a function or procedure of somebody's")]
    Calls,
    /// Views that are each made of another.
    #[error("which is made of a view that is made of it")]
    Round,
    /// It needs a view that cannot come along.
    #[error("which needs the view `{0}`, which cannot come along")]
    Needs(String),
    /// Quotes are something else there.
    #[error("which was made in a mode that reads quotes otherwise")]
    Mode,
}

/// Asks which views and tables the server finds columns of: a view whose tables are gone has none.
pub fn ask_whole(database: &str) -> Statement {
    Statement::plain(format!(
        "SELECT DISTINCT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {}",
        quoted(database)
    ))
}

/// Asks for a view, as [`view`] reads it: name, statement, character set, collation. What it says depends on the database
/// that the connection is in.
pub fn ask_view(database: &str, view: &str) -> Statement {
    Statement::plain(format!("SHOW CREATE VIEW {}.{}", back_ticked(database), back_ticked(view)))
}

/// Asks for the triggers of a database, as [`Trigger::of`] reads them, in the order in which they act.
pub fn ask_triggers(database: &str) -> Statement {
    Statement::plain(format!(
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT, SQL_MODE, \
         COLLATION_CONNECTION FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {} \
         ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        quoted(database)
    ))
}

/// Asks for the names of a database's functions and procedures.
pub fn ask_routines(database: &str) -> Statement {
    Statement::plain(format!(
        "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {}",
        quoted(database)
    ))
}

/// Asks for the names of all databases.
pub fn ask_databases() -> Statement {
    Statement::plain("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")
}

/// Asks whether the server takes names of databases and tables for the same whatever their case: `1` if it does.
pub fn ask_blind_to_case() -> Statement {
    Statement::plain("SELECT @@GLOBAL.lower_case_table_names <> 0")
}

/// Asks whether a site's account may make triggers: one row with `1` if it may not. A server that writes a log for replicas
/// lets only administrators, unless it is told to trust whoever has the right.
pub fn ask_distrusts() -> Statement {
    Statement::plain("SELECT @@GLOBAL.log_bin = 1 AND @@GLOBAL.log_bin_trust_function_creators = 0")
}

/// Has the connection be in a database.
pub fn enter(database: &str) -> Statement {
    Statement::plain(format!("USE {}", back_ticked(database)))
}

/// Where the triggers of a database are kept while its rows change without them: a table of its own, for as long as that takes.
pub const KEPT: &str = "aegir_triggers";

/// Keeps triggers, as they stand in a dump, in the database that the connection is in. There are servers that take no table
/// without a key.
pub fn keep_triggers(text: &str) -> [Statement; 2] {
    let columns = "id INT PRIMARY KEY, text LONGTEXT CHARACTER SET utf8mb4 NOT NULL";
    [
        Statement::plain(format!("CREATE TABLE {KEPT} ({columns})")),
        Statement::plain(format!("INSERT INTO {KEPT} VALUES (1, {})", quoted(text))),
    ]
}

/// Asks for what [`keep_triggers`] kept: no row where it was stopped before it did.
pub fn ask_kept() -> Statement {
    Statement::plain(format!("SELECT text FROM {KEPT}"))
}

/// Forgets what [`keep_triggers`] kept.
pub fn drop_kept() -> Statement {
    Statement::plain(format!("DROP TABLE IF EXISTS {KEPT}"))
}

/// Removes a view.
pub fn drop_view(database: &str, view: &str) -> Statement {
    Statement::plain(format!("DROP VIEW IF EXISTS {}.{}", back_ticked(database), back_ticked(view)))
}

/// Removes a trigger.
pub fn drop_trigger(database: &str, trigger: &str) -> Statement {
    Statement::plain(format!("DROP TRIGGER IF EXISTS {}.{}", back_ticked(database), back_ticked(trigger)))
}

/// A view by what the server answers to [`ask_view`] in its own database, and in another one.
pub fn view(name: &str, within: &str, outside: &str, collation: &str) -> Result<View, Bound> {
    let (head, body) = cut(within).ok_or(Bound::Untold)?;
    let (_, body_outside) = cut(outside).ok_or(Bound::Untold)?;
    let names = names_in(body);
    // In its own database only what lies in another one is named with it, and then everything is. Of sequences always.
    if (body == body_outside && names_a_database(&names)) || names.iter().any(|name| name.is_of_sequence) {
        return Err(Bound::Elsewhere);
    }
    if names.iter().any(|name| name.is_called) {
        return Err(Bound::Calls);
    }
    let made_of = names.into_iter().filter(|name| name.may_be_table).map(|name| name.text).collect();
    let statement = format!("CREATE {head} VIEW {}{body}", back_ticked(name));
    Ok(View { name: name.to_owned(), statement, collation: collation.to_owned(), made_of })
}

/// Those of the views that can be made while the views `bound` cannot; and each other one with what it is made of.
pub fn without(views: Vec<View>, mut bound: BTreeSet<String>) -> (Vec<View>, Vec<(String, Bound)>) {
    let (mut left, mut fallen) = (views, Vec::new());
    loop {
        let all = left.len();
        left.retain(|view| match view.made_of.iter().find(|name| **name != view.name && bound.contains(*name)) {
            Some(of) => {
                fallen.push((view.name.clone(), Bound::Needs(of.clone())));
                false
            }
            None => true,
        });
        if left.len() == all {
            return (left, fallen);
        }
        bound.extend(fallen.iter().map(|(name, _)| name.clone()));
    }
}

/// The same views, each behind those that it is made of; and those that no order is possible for.
pub fn in_order(views: Vec<View>) -> (Vec<View>, Vec<View>) {
    let (mut made, mut left) = (Vec::new(), views);
    loop {
        let missing: BTreeSet<String> = left.iter().map(|view| view.name.clone()).collect();
        let (waits, ready): (Vec<View>, Vec<View>) = left
            .into_iter()
            .partition(|view| view.made_of.iter().any(|name| *name != view.name && missing.contains(name)));
        if ready.is_empty() {
            return (made, waits);
        }
        made.extend(ready);
        left = waits;
    }
}

/// A view as it stands in a dump.
pub fn view_in_dump(view: &View) -> String {
    format!("\n{}DROP VIEW IF EXISTS {};\n{};\n", compared_by(&view.collation), back_ticked(&view.name), view.statement)
}

/// Has a connection compare texts by `collation`, or as one in UTF-8 does where the server does not know that one.
fn compared_by(collation: &str) -> String {
    // MariaDB lists some once for all character sets, and less the name of any.
    let (name, short) = (quoted(collation), quoted(collation.split_once('_').map_or(collation, |(_, short)| short)));
    format!(
        "SET NAMES utf8mb4;\nSET COLLATION_CONNECTION = COALESCE((SELECT {name} FROM information_schema.COLLATIONS \
         WHERE COLLATION_NAME IN ({name}, {short}) LIMIT 1), @@COLLATION_CONNECTION);\n"
    )
}

impl Trigger {
    /// By a row that answers [`ask_triggers`].
    pub fn of(row: [String; 7]) -> Trigger {
        let [name, table, timing, event, action, sql_mode, collation] = row;
        Trigger { name, table, when: format!("{timing} {event}"), action, sql_mode, collation }
    }

    /// As it stands in a dump of its database, which any database can take. `around` is what it may name.
    pub fn in_dump(&self, around: &Around) -> Result<String, Bound> {
        let modes: Vec<&str> = self.sql_mode.split(',').filter(|mode| !mode.is_empty()).collect();
        if modes.iter().any(|mode| matches!(*mode, "ANSI_QUOTES" | "NO_BACKSLASH_ESCAPES")) {
            return Err(Bound::Mode);
        }
        if self.action.is_empty() {
            return Err(Bound::Untold);
        }
        let action = in_any_database(&self.action, around)?;
        // MySQL 8 knows it no more, and what it forbade is nothing that a trigger does.
        let modes: Vec<&str> = modes.into_iter().filter(|mode| *mode != "NO_AUTO_CREATE_USER").collect();
        let mut number = 0;
        let end = loop {
            let end = format!("${number}$");
            if !action.contains(&end) {
                break end;
            }
            number += 1;
        };
        Ok(format!(
            "\n{}SET SQL_MODE = {};\nDELIMITER {end}\n\
             CREATE TRIGGER {} {} ON {} FOR EACH ROW {action}\n{end}\nDELIMITER ;\n",
            compared_by(&self.collation),
            quoted(&modes.join(",")),
            back_ticked(&self.name),
            self.when,
            back_ticked(&self.table),
        ))
    }
}

/// What comes before ` VIEW` less whom it runs as, and what comes behind its name.
fn cut(create: &str) -> Option<(String, &str)> {
    let (algorithm, rest) = create.strip_prefix("CREATE ")?.split_once(" DEFINER=")?;
    let (_, mut rest) = quoted_name(rest)?;
    if let Some(host) = rest.strip_prefix('@') {
        rest = quoted_name(host)?.1;
    }
    let (security, rest) = rest.strip_prefix(" SQL SECURITY ")?.split_once(" VIEW ")?;
    let (_, mut rest) = quoted_name(rest)?;
    if let Some(name) = rest.strip_prefix('.') {
        rest = quoted_name(name)?.1;
    }
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'=');
    (is_word(algorithm) && is_word(security)).then(|| (format!("{algorithm} SQL SECURITY {security}"), rest))
}

/// A name between back-ticks that the text begins with, and what comes behind.
pub(super) fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('`')?;
    let mut name = String::new();
    loop {
        let at = rest.find('`')?;
        name.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('`') {
            Some(more) => {
                name.push('`');
                rest = more;
            }
            None => return Some((name, rest)),
        }
    }
}

/// A name in the statement of a view.
struct Named {
    text: String,
    is_behind_point: bool,
    is_before_point: bool,
    is_behind_name: bool,
    is_called: bool,
    is_of_sequence: bool,
    may_be_table: bool,
}

/// Whether any name before a point is that of a database, not what the statement calls a table that it makes itself.
fn names_a_database(names: &[Named]) -> bool {
    let is_alone = |name: &Named| !name.is_behind_point && !name.is_before_point;
    let mut own: BTreeSet<&str> =
        names.iter().filter(|name| name.may_be_table).map(|name| name.text.as_str()).collect();
    let pairs = names.iter().zip(names.iter().skip(1));
    let called = pairs.filter(|(table, name)| name.is_behind_name && is_alone(name) && is_alone(table));
    own.extend(called.map(|(_, name)| name.text.as_str()));
    names.iter().any(|name| name.is_before_point && (name.is_behind_point || !own.contains(name.text.as_str())))
}

/// The names between back-ticks in a statement that a server wrote.
fn names_in(body: &str) -> Vec<Named> {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(found) = body[at..].find(['`', '\'']) {
        let begin = at + found;
        if body.as_bytes()[begin] == b'\'' {
            at = begin + text_length(&body[begin..]);
            continue;
        }
        let Some((text, rest)) = quoted_name(&body[begin..]) else { break };
        let before = &body[..begin];
        let is_behind_point = before.ends_with('.');
        let may_be_table =
            !is_behind_point && !rest.starts_with('.') && !before.ends_with(" AS ") && !before.ends_with("` ");
        names.push(Named {
            text,
            is_behind_point,
            is_before_point: rest.starts_with('.'),
            is_behind_name: before.ends_with("` "),
            is_called: rest.starts_with('('),
            is_of_sequence: ["nextval(", "lastval(", "setval("].iter().any(|calls| before.ends_with(calls)),
            may_be_table,
        });
        at = body.len() - rest.len();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::script::{Script, ScriptFault};

    fn shown(name: &str, body: &str) -> String {
        format!("CREATE ALGORITHM=MERGE DEFINER=`ro``ot`@`%` SQL SECURITY INVOKER VIEW {name} AS {body}")
    }

    fn read(name: &str, within: &str, outside: &str) -> Result<View, Bound> {
        view(name, &shown(&format!("`{name}`"), within), &shown(&format!("`db`.`{name}`"), outside), "utf8mb4_bin")
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn around(tables: &[&str], others: &[&str]) -> Around {
        Around { database: "db".into(), tables: set(tables), others: set(others), ..Around::default() }
    }

    fn trigger(action: &str) -> Trigger {
        Trigger::of(
            ["t", "node", "AFTER", "INSERT", action, "STRICT_ALL_TABLES,NO_AUTO_CREATE_USER", "utf8mb4_bin"]
                .map(Into::into),
        )
    }

    #[test]
    fn a_view_is_made_by_whoever_runs_it_as_it_was() {
        let made =
            read("v", "select `node`.`nid` AS `nid` from `node`", "select `db`.`node`.`nid` AS `nid` from `db`.`node`");

        let expected =
            "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `v` AS select `node`.`nid` AS `nid` from `node`";
        assert_eq!(made.unwrap().statement, expected);
    }

    #[test]
    fn a_view_that_needs_more_than_its_database_is_bound_to_it() {
        let elsewhere = "select `other`.`x`.`id` AS `id` from `other`.`x`";
        assert_eq!(read("v", elsewhere, elsewhere), Err(Bound::Elsewhere));
        for alone in [
            "select 1 AS `one`",
            "select `x`.`a` AS `a` from (select 1 AS `a`) `x`",
            "with c as (select 1 AS `a`)select `c`.`a` AS `a`,`d`.`a` AS `b` from (`c` join `c` `d`)",
        ] {
            assert!(read("v", alone, alone).is_ok(), "{alone}");
        }
        for elsewhere in [
            "select count(0) AS `c` from `other`.`x`",
            "select `other`.`id` AS `id` from `other`.`x` `other`",
            "select `x`.`id` AS `other` from (`other`.`x` join (select 1 AS `a`) `y`)",
            "select `other`.`a` AS `a`,`other`.`x`.`id` AS `id` from (`other`.`x` join (select 1 AS `a`) `other`)",
        ] {
            assert_eq!(read("v", elsewhere, elsewhere), Err(Bound::Elsewhere), "{elsewhere}");
        }
        let (within, outside) = ("nextval(`db`.`s`) AS `n` from `t`", "nextval(`db`.`s`) AS `n` from `db`.`t`");
        assert_eq!(read("v", &format!("select {within}"), &format!("select {outside}")), Err(Bound::Elsewhere));
        assert_eq!(
            read("v", "select `other`.`f`(1) AS `a` from `t`", "select `other`.`f`(1) AS `a` from `db`.`t`"),
            Err(Bound::Calls)
        );
        assert_eq!(view("v", "", "", ""), Err(Bound::Untold));
    }

    #[test]
    fn a_view_comes_behind_those_that_it_is_made_of() {
        let of = |name: &str, tables: &str| {
            let body = |before: &str| format!("select {before}'from `c`' AS `b` from {tables}");
            read(name, &body(""), &body("`db`.")).unwrap()
        };
        let views = vec![of("a", "(`c` join `node` on(`c`.`x` = `node`.`x`))"), of("b", "`node` `a`"), of("c", "`b`")];

        let (made, round) = in_order(views);

        let names: Vec<&str> = made.iter().map(|view| view.name.as_str()).collect();
        assert_eq!((names, round.len()), (vec!["b", "c", "a"], 0));
        let (made, round) = in_order(vec![of("a", "`b`"), of("b", "`a`"), of("d", "`node`")]);
        assert_eq!((made.len(), round.len()), (1, 2));
    }

    #[test]
    fn a_view_that_is_made_of_a_bound_one_is_bound_too() {
        let of = |name: &str, tables: &str| {
            let body = |before: &str| format!("select {before}`x` AS `b` from {tables}");
            read(name, &body(""), &body("`db`.")).unwrap()
        };
        let views = vec![of("a", "`b`"), of("b", "(`node` join `odd` on(1))"), of("c", "`node` `odd`"), of("d", "`c`")];

        let (left, fallen) = without(views, set(&["odd"]));

        let names: Vec<&str> = left.iter().map(|view| view.name.as_str()).collect();
        assert_eq!(names, ["c", "d"]);
        let made_of = |name: &str, of: &str| (name.to_owned(), Bound::Needs(of.to_owned()));
        assert_eq!(fallen, [made_of("b", "odd"), made_of("a", "b")]);
    }

    #[test]
    fn a_trigger_names_its_database_no_more() {
        let action = "begin insert into db . `log` values (new.id, 'db.log', \"db.x\"); -- db.log\n \
                      update `db`.log set n = db.log.n + node.n; end";
        let made = trigger(action).in_dump(&around(&["node", "log"], &["node", "other"])).unwrap();

        let expected = "begin insert into `log` values (new.id, 'db.log', \"db.x\"); -- db.log\n update log set n = log.n + node.n; end";
        assert!(
            made.contains(&format!("CREATE TRIGGER `t` AFTER INSERT ON `node` FOR EACH ROW {expected}\n$0$\n")),
            "{made}"
        );
        assert!(made.contains("SET SQL_MODE = 'STRICT_ALL_TABLES';"), "{made}");
    }

    #[test]
    fn a_trigger_that_names_another_database_is_bound_to_it() {
        let bound = |action: &str| trigger(action).in_dump(&around(&["node"], &["node", "other", "new"])).err();

        assert_eq!(bound("insert into other.log values (1)"), Some(Bound::Elsewhere));
        assert_eq!(bound("insert into x select node.log.id from y"), Some(Bound::Elsewhere));
        assert_eq!(bound("insert into `node` . `log` values (1)"), Some(Bound::Elsewhere));
        assert_eq!(bound("set new.title = concat(other, 'other.log', node.title)"), None);
        // What a statement calls a table is none, whatever else bears that name; beside it the database is named all the same.
        for of in ["x other", "x as `other`", "(select 1 as id) other", "x join y other on other.id = x.id"] {
            let reads = format!("insert into log select other.id, 'a' from {of} where other.id > 0");
            assert_eq!(bound(&reads), None, "{reads}");
            assert_eq!(bound(&format!("{reads}; insert into other.log values (1)")), Some(Bound::Elsewhere));
            assert_eq!(bound(&format!("{reads} and other.f(1)")), Some(Bound::Elsewhere));
            assert_eq!(bound(&format!("{reads} and other.log.id")), Some(Bound::Elsewhere));
        }
        assert_eq!(bound("insert into log select a.id from other.x a"), Some(Bound::Elsewhere));
        assert_eq!(bound("set new.a = (select other from x where y in (1) and other.f(1))"), Some(Bound::Elsewhere));
        let quoting = Trigger { sql_mode: "ANSI_QUOTES".into(), ..trigger("set new.a = 1") };
        assert_eq!(quoting.in_dump(&around(&[], &[])), Err(Bound::Mode));
    }

    #[test]
    fn a_comment_hides_the_name_of_no_database() {
        let around = Around { is_blind_to_case: true, ..around(&["log"], &["other"]) };
        for action in [
            "insert into other/**/.log values (1)",
            "insert into other -- is it\n . log values (1)",
            "insert into log select other./* a */log.id from y",
            "/*/ 'x */ insert into other.log values (1)",
            "insert into /* x */ other.log values (1)",
            "insert into OTHER.log values (1)",
        ] {
            assert_eq!(trigger(action).in_dump(&around), Err(Bound::Elsewhere), "{action}");
        }
        let mine = "insert into db/**/.log select DB . # x\n log.id from x other where other/**/.id > 0";
        let made = trigger(mine).in_dump(&around).unwrap();
        assert!(
            made.contains(" EACH ROW insert into log select log.id from x other where other/**/.id > 0\n"),
            "{made}"
        );
        // A server that tells names apart by their case means another one.
        let apart = Around { is_blind_to_case: false, ..around };
        assert!(trigger(mine).in_dump(&apart).unwrap().contains("select DB . # x\n log.id"));
    }

    #[test]
    fn a_trigger_that_needs_a_bound_view_is_bound_too() {
        let around = Around { bound: set(&["odd"]), ..around(&["odd", "node"], &[]) };
        for action in ["insert into odd values (1)", "set new.a = (select max(`odd`.id) from db.`odd`)"] {
            assert_eq!(trigger(action).in_dump(&around), Err(Bound::Needs("odd".into())), "{action}");
        }
        assert!(trigger("set new.odd = 'odd', new.a = odd(1) -- odd").in_dump(&around).is_ok());
    }

    #[test]
    fn a_trigger_that_calls_what_stays_behind_is_bound_to_it() {
        let around = Around { routines: set(&["Odd", "log"]), ..around(&["log"], &["other"]) };
        for action in [
            "set new.a = odd(1)",
            "set new.a = 1 + `odd` /* x */ (1)",
            "set new.a = db.odd(1)",
            "call odd",
            "begin call /* x */ db . ODD; end",
        ] {
            assert_eq!(trigger(action).in_dump(&around), Err(Bound::Calls), "{action}");
        }
        for action in ["insert into log (a) values (1)", "set new.odd = concat('odd(1)', odd) -- odd(1)"] {
            assert!(trigger(action).in_dump(&around).is_ok(), "{action}");
        }
    }

    #[test]
    fn what_ends_a_trigger_in_a_dump_is_not_in_it() {
        let made = trigger("set new.a = '$0$ $1$'").in_dump(&around(&[], &[])).unwrap();
        assert!(made.contains("DELIMITER $2$\n") && made.contains("\n$2$\nDELIMITER ;\n"), "{made}");
    }

    #[test]
    fn a_trigger_is_one_statement_to_whoever_loads_the_dump() {
        let action = "begin set new.a = 'x;'; set new.b = 2; end -- done";
        let made = trigger(action).in_dump(&around(&[], &[])).unwrap() + "SELECT 1;\n";
        let mut found = Vec::new();
        let mut on = |statement: &[u8]| {
            found.push(String::from_utf8_lossy(statement).into_owned());
            Ok::<(), ScriptFault>(())
        };
        let mut script = Script::default();
        script.read(made.as_bytes(), &mut on).unwrap();
        script.end(&mut on).unwrap();

        let expected = format!("CREATE TRIGGER `t` AFTER INSERT ON `node` FOR EACH ROW {action}");
        assert_eq!(found[3..], [expected, "SELECT 1".to_owned()]);
    }
}
