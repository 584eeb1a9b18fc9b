//! Databases that somebody else made: their names are any text, and their tables move to a database of ours.
//!
//! On one server that is a change of names: no row is read, however many there are. MariaDB and MySQL hold both names
//! locked meanwhile; of a server that dies half way each table has one of the two, so whoever takes it back asks which.

use aegir_domain::DbName;

use super::Statement;
use super::mariadb::back_ticked;
use super::statement::quoted;

/// Asks whether the database is there: one row, or none.
pub fn ask_exists(database: &str) -> Statement {
    Statement::plain(format!(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        quoted(database)
    ))
}

/// Asks for what it holds: name, `BASE TABLE` or what else it is, and engine.
pub fn ask_kinds(database: &str) -> Statement {
    Statement::plain(format!(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} ORDER BY TABLE_NAME",
        quoted(database)
    ))
}

/// Asks for what stays with it when tables go: views, triggers, routines, events. What it is, its name, and of a view or
/// trigger the account that it runs as.
pub fn ask_more_than_tables(database: &str) -> Statement {
    let database = quoted(database);
    Statement::plain(format!(
        "SELECT 'view', TABLE_NAME, DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {database} \
         UNION ALL SELECT 'trigger', TRIGGER_NAME, DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {database} \
         UNION ALL SELECT 'routine', ROUTINE_NAME, DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {database} \
         UNION ALL SELECT 'event', EVENT_NAME, DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {database}"
    ))
}

/// Asks for a trigger as somebody made it: name, mode, statement, character set, collation, and what its database compared texts
/// by then.
pub fn ask_trigger(database: &str, trigger: &str) -> Statement {
    Statement::plain(format!("SHOW CREATE TRIGGER {}", qualified(database, trigger)))
}

/// Asks for all accounts of a server, as it tells whom a trigger runs as.
pub fn ask_accounts() -> Statement {
    Statement::plain("SELECT CONCAT(User, '@', Host) FROM mysql.user")
}

/// Asks by what the database compares texts.
pub fn ask_collation(database: &str) -> Statement {
    Statement::plain(format!(
        "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        quoted(database)
    ))
}

/// Has a connection be as one that made a trigger: its server keeps that with it.
pub fn as_made(sql_mode: &str, charset: &str, collation: &str) -> Statement {
    Statement::plain(format!(
        "SET SQL_MODE = {}, CHARACTER_SET_CLIENT = {}, COLLATION_CONNECTION = {}",
        quoted(sql_mode),
        quoted(charset),
        quoted(collation)
    ))
}

/// Whether a connection that is in a character set says the same by this text as one that is in UTF-8.
pub fn can_be_said(text: &str, charset: &str) -> bool {
    charset.starts_with("utf8") || (text.is_ascii() && charset != "swe7")
}

/// Asks who is connected to it: account and host of each, but of whoever asks.
pub fn ask_connections(database: &str) -> Statement {
    Statement::plain(format!(
        "SELECT CONCAT(USER, '@', HOST) FROM information_schema.PROCESSLIST WHERE DB = {} AND ID <> CONNECTION_ID()",
        quoted(database)
    ))
}

/// Asks how much it takes, in bytes.
pub fn ask_size(database: &str) -> Statement {
    Statement::plain(format!(
        "SELECT CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS UNSIGNED) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = {}",
        quoted(database)
    ))
}

/// Has tables of theirs be tables of ours. Each pair is what one is called there and here; none is no statement.
pub fn take(from: &str, to: &DbName, tables: &[(String, String)]) -> Option<Statement> {
    let pairs = tables.iter().map(|(there, here)| (qualified(from, there), qualified(to.as_str(), here)));
    rename(pairs)
}

/// The same backwards.
pub fn give_back(from: &str, to: &DbName, tables: &[(String, String)]) -> Option<Statement> {
    let pairs = tables.iter().map(|(there, here)| (qualified(to.as_str(), here), qualified(from, there)));
    rename(pairs)
}

fn rename(pairs: impl Iterator<Item = (String, String)>) -> Option<Statement> {
    let pairs: Vec<String> = pairs.map(|(is, becomes)| format!("{is} TO {becomes}")).collect();
    (!pairs.is_empty()).then(|| Statement::plain(format!("RENAME TABLE {}", pairs.join(", "))))
}

fn qualified(database: &str, table: &str) -> String {
    format!("{}.{}", back_ticked(database), back_ticked(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_of_theirs_stays_between_its_quotes() {
        let to: DbName = "a_test_aaaaaaaa".parse().unwrap();
        let moved = take("their`s", &to, &[("old_node".into(), "node".into())]).unwrap();

        assert_eq!(moved.to_string(), "RENAME TABLE `their``s`.`old_node` TO `a_test_aaaaaaaa`.`node`");
        assert!(ask_kinds("o'd\\").to_string().contains("TABLE_SCHEMA = 'o''d\\\\' "));
    }

    #[test]
    fn a_text_means_the_same_where_it_is_read_as_it_was_written() {
        assert!(can_be_said("SET @a = 'ä'", "utf8mb4") && can_be_said("SET @a = 1", "latin1"));
        assert!(!can_be_said("SET @a = 'ä'", "latin1") && !can_be_said("SET @a = '}'", "swe7"));
    }

    #[test]
    fn what_was_taken_is_given_back() {
        let to: DbName = "a_test_aaaaaaaa".parse().unwrap();
        let tables = [("x_a".to_owned(), "a".to_owned()), ("x_b".to_owned(), "b".to_owned())];

        let back = give_back("Theirs", &to, &tables).unwrap();

        assert_eq!(
            back.to_string(),
            "RENAME TABLE `a_test_aaaaaaaa`.`a` TO `Theirs`.`x_a`, `a_test_aaaaaaaa`.`b` TO `Theirs`.`x_b`"
        );
        assert_eq!(give_back("Theirs", &to, &[]), None);
    }
}
