//! The text of a dump: plain SQL, as `mariadb` and `mysql` load it into an empty database.
//!
//! A row of a table is written as a value of a multi-row `INSERT`. Text between quotes has its quotes doubled and the
//! rest escaped as both programs read it; what is no UTF-8 is written in hexadecimal digits, so that a dump is text
//! from its first byte to its last.

use std::fmt::Write;

use super::statement::quoted;

/// What a dump begins with. Numbers that count up keep their zero (Drupal's anonymous account has the number 0), and
/// tables may come in any order.
pub const DUMP_BEGIN: &str = "\
SET NAMES utf8mb4;
SET TIME_ZONE = '+00:00';
SET UNIQUE_CHECKS = 0;
SET FOREIGN_KEY_CHECKS = 0;
SET SQL_MODE = 'NO_AUTO_VALUE_ON_ZERO';
";

/// What a whole dump ends with.
pub const DUMP_END: &str = "-- The dump ends here.\n";

/// How long an `INSERT` may get before another one begins, in bytes: far less than any server refuses.
const LONGEST_INSERT: usize = 1 << 20;

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// As the server prints them.
    Number,
    /// Between quotes.
    Text,
    /// As bytes.
    Binary,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How its values are written.
    pub kind: ColumnKind,
}

impl Column {
    /// A column as `information_schema.COLUMNS` tells it: its name, `DATA_TYPE` and `EXTRA`. Nothing if its values are
    /// computed from others, and cannot be given.
    pub fn of(name: &str, data_type: &str, extra: &str) -> Option<Column> {
        let extra = extra.to_ascii_uppercase();
        // `DEFAULT_GENERATED` is how MySQL says that a default is an expression.
        let computed = extra.contains("VIRTUAL") || extra.contains("STORED") || extra.contains("PERSISTENT");
        let kind = match data_type.to_ascii_lowercase().as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "year" => {
                ColumnKind::Number
            }
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "bit" | "geometry" | "point"
            | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection" => {
                ColumnKind::Binary
            }
            _ => ColumnKind::Text,
        };
        (!computed).then(|| Column { name: name.to_owned(), kind })
    }
}

/// Asks for the tables of the database `name`: name, `BASE TABLE` or what else it is, and engine.
pub fn ask_kinds(name: &str) -> String {
    format!(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = {} AND TABLE_NAME <> 'aegir_marker' ORDER BY TABLE_NAME",
        quoted(name)
    )
}

/// Asks for all columns of the database `name`: table, name, `DATA_TYPE` and `EXTRA`.
pub fn ask_columns(name: &str) -> String {
    format!(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, EXTRA FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = {} ORDER BY TABLE_NAME, ORDINAL_POSITION",
        quoted(name)
    )
}

/// What makes a connection see the database as it is at one moment, however long it reads.
pub const ONE_MOMENT: [&str; 3] = [
    "SET SESSION TIME_ZONE = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
];

/// A name between back-ticks.
pub fn name_of(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Has a table be what it is, by that name, until the transaction ends. It gives no row.
pub fn hold(database: &str, table: &str) -> String {
    format!("SELECT 1 FROM {}.{} LIMIT 0", name_of(database), name_of(table))
}

/// Whether what `SHOW CREATE TABLE` says makes a table or a sequence, and no view, of which it tells as well.
pub fn makes_table(create: &str) -> bool {
    ["CREATE TABLE ", "CREATE SEQUENCE "].iter().any(|kind| create.starts_with(kind))
}

/// Asks for the rows of a table.
pub fn ask_rows(database: &str, table: &str, columns: &[Column]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| name_of(&column.name)).collect();
    format!("SELECT {} FROM {}.{}", columns.join(", "), name_of(database), name_of(table))
}

/// What comes before the rows of a table: `create` is what `SHOW CREATE TABLE` says.
pub fn table_begins(table: &str, create: &str) -> String {
    format!("\nDROP TABLE IF EXISTS {};\n{create};\n", name_of(table))
}

/// What `SHOW CREATE TABLE` says of the table `table`, for one that is called `new`; `called` tells what others are called that
/// it refers to.
pub fn made_as(create: &str, table: &str, new: &str, called: &dyn Fn(&str) -> Option<String>) -> String {
    let known = format!("CREATE TABLE {} ", name_of(table));
    let rest = match create.strip_prefix(&known) {
        Some(rest) => rest,
        None => create.find('(').map_or("", |at| &create[at..]),
    };
    let mut made = format!("CREATE TABLE {} ", name_of(new));
    let mut rest = rest;
    const REFERS: &str = " REFERENCES `";
    while let Some(at) = rest.find(REFERS) {
        let (before, after) = rest.split_at(at + REFERS.len());
        let Some(end) = after.find('`') else { break };
        let there = &after[..end];
        made.push_str(before);
        made.push_str(&called(there).unwrap_or_else(|| there.to_owned()));
        rest = &after[end..];
    }
    made + rest
}

/// The rows of one table, collected to statements.
pub struct Inserts {
    head: String,
    kinds: Vec<ColumnKind>,
    text: String,
}

impl Inserts {
    /// Of `table`, whose rows have these columns.
    pub fn new(table: &str, columns: &[Column]) -> Inserts {
        let names: Vec<String> = columns.iter().map(|column| name_of(&column.name)).collect();
        let head = format!("INSERT INTO {} ({}) VALUES\n", name_of(table), names.join(", "));
        Inserts { head, kinds: columns.iter().map(|column| column.kind).collect(), text: String::new() }
    }

    /// Adds a row; gives a statement whenever one is long enough.
    pub fn row(&mut self, row: &[Option<Vec<u8>>]) -> Option<String> {
        if self.text.is_empty() {
            self.text.push_str(&self.head);
        } else {
            self.text.push_str(",\n");
        }
        self.text.push('(');
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            let kind = self.kinds.get(at).copied().unwrap_or(ColumnKind::Text);
            write_value(&mut self.text, kind, value.as_deref());
        }
        self.text.push(')');
        if self.text.len() < LONGEST_INSERT { None } else { self.end() }
    }

    /// The last statement, if rows are left.
    pub fn end(&mut self) -> Option<String> {
        if self.text.is_empty() {
            return None;
        }
        self.text.push_str(";\n");
        Some(std::mem::take(&mut self.text))
    }
}

fn write_value(text: &mut String, kind: ColumnKind, value: Option<&[u8]>) {
    let Some(value) = value else { return text.push_str("NULL") };
    match (kind, std::str::from_utf8(value)) {
        (ColumnKind::Number, Ok(number)) if is_number(number) => text.push_str(number),
        (ColumnKind::Binary, Ok(value)) if !value.is_empty() => {
            text.push_str("_binary");
            quote(text, value);
        }
        (_, Ok(value)) => quote(text, value),
        (_, Err(_)) => {
            text.push_str("x'");
            for byte in value {
                // Writing to a text cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\'');
        }
    }
}

/// A value as it stands in a statement, for a connection whose names are utf8mb4.
pub(super) fn literal(value: Option<&[u8]>) -> String {
    let mut text = String::new();
    write_value(&mut text, ColumnKind::Text, value);
    text
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
}

fn quote(text: &mut String, value: &str) {
    text.push('\'');
    for c in value.chars() {
        match c {
            '\'' => text.push_str("''"),
            '\\' => text.push_str("\\\\"),
            '\0' => text.push_str("\\0"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\u{1a}' => text.push_str("\\Z"),
            c => text.push(c),
        }
    }
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        [("id", "int", ""), ("t`x", "varchar", ""), ("b", "longblob", "")]
            .into_iter()
            .filter_map(|(name, kind, extra)| Column::of(name, kind, extra))
            .collect()
    }

    #[test]
    fn rows_become_statements_that_mean_them() {
        let mut inserts = Inserts::new("a`b", &columns());
        let bytes = |text: &[u8]| Some(text.to_vec());

        assert_eq!(inserts.row(&[bytes(b"1"), bytes(b"it's\r\n\\ \0"), bytes(b"\xff\x00")]), None);
        assert_eq!(inserts.row(&[None, bytes(b""), bytes(b"O:1")]), None);

        assert_eq!(
            inserts.end().unwrap(),
            "INSERT INTO `a``b` (`id`, `t``x`, `b`) VALUES\n(1,'it''s\\r\\n\\\\ \\0',x'ff00'),\n(NULL,'',_binary'O:1');\n"
        );
        assert_eq!(inserts.end(), None);
    }

    #[test]
    fn a_statement_ends_before_a_server_refuses_it() {
        let mut inserts = Inserts::new("t", &columns()[1..2]);
        let row = [Some(vec![b'a'; LONGEST_INSERT / 2])];
        assert!(inserts.row(&row).is_none());
        assert!(inserts.row(&row).unwrap().ends_with(";\n"));
        assert_eq!(inserts.end(), None);
    }

    #[test]
    fn what_is_computed_is_not_given() {
        assert_eq!(Column::of("a", "int", "VIRTUAL GENERATED"), None);
        assert!(Column::of("a", "timestamp", "DEFAULT_GENERATED").is_some());
    }

    #[test]
    fn a_number_that_is_none_is_quoted() {
        let mut text = String::new();
        write_value(&mut text, ColumnKind::Number, Some(b"1);DROP"));
        assert_eq!(text, "'1);DROP'");
    }

    #[test]
    fn a_view_is_no_table_though_it_is_told_as_one() {
        assert!(makes_table("CREATE TABLE `a` (\n") && makes_table("CREATE SEQUENCE `a` start with 1"));
        assert!(!makes_table(
            "CREATE ALGORITHM=UNDEFINED DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW `CREATE TABLE ` AS select"
        ));
        assert!(!makes_table("CREATE OR REPLACE VIEW `a` AS select") && !makes_table(""));
    }

    #[test]
    fn a_table_is_made_under_another_name_and_refers_to_others_by_theirs() {
        let create = "CREATE TABLE `old_a` (\n  `id` int,\n  CONSTRAINT `c` FOREIGN KEY (`id`) REFERENCES `old_b` (`id`),\n  \
                      CONSTRAINT `d` FOREIGN KEY (`id`) REFERENCES `else` (`id`)\n) ENGINE=InnoDB COMMENT='of `old_a` (x)'";
        let called = |name: &str| name.strip_prefix("old_").map(str::to_owned);

        let made = made_as(create, "old_a", "a", &called);

        assert!(made.starts_with("CREATE TABLE `a` (\n"), "{made}");
        assert!(made.contains("REFERENCES `b` (") && made.contains("REFERENCES `else` ("), "{made}");
        assert!(made.ends_with("COMMENT='of `old_a` (x)'"), "{made}");
    }
}
