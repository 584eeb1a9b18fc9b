//! What stands in a list: columns, and cells of a few sorts, which are shown on pages and written to files.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::{Problem, ProblemKind};
use crate::panel::frame::Tone;
use crate::panel::marks::Marks;
use crate::panel::times::iso;
use crate::panel::words::size;

/// A column of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its word in the address.
    pub(crate) key: &'static str,
    /// Its head.
    pub(crate) title: &'static str,
    /// Whether it is shown where nobody chose.
    pub(crate) usual: bool,
}

/// A column that is shown where nobody chose.
pub(super) const fn usual(key: &'static str, title: &'static str) -> Column {
    Column { key, title, usual: true }
}

/// A column that is shown where somebody wants it.
pub(super) const fn spare(key: &'static str, title: &'static str) -> Column {
    Column { key, title, usual: false }
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Nothing is known, or there is nothing.
    Nothing,
    /// Words.
    Text(String),
    /// A name or a path, as machines write it.
    Code(String),
    /// A number.
    Number(u64),
    /// How much room something takes, in bytes.
    Size(u64),
    /// A time.
    Time(i64),
    /// How long it took, in milliseconds.
    Lasted(i64),
    /// How long it has gone on since then.
    Since(i64),
    /// A text that leads somewhere.
    Link {
        /// The text.
        text: String,
        /// Where it leads.
        href: String,
    },
    /// How something stands.
    State(Tone, String),
    /// Health, and whether both sides say the same.
    Marks(Marks),
}

impl Cell {
    /// Words; nothing where there are none.
    pub(super) fn text(text: impl Into<String>) -> Cell {
        let text = text.into();
        if text.is_empty() { Cell::Nothing } else { Cell::Text(text) }
    }

    /// Words that may be absent.
    pub(super) fn maybe(text: Option<&str>) -> Cell {
        text.map_or(Cell::Nothing, Cell::text)
    }

    /// A time that may be absent.
    pub(super) fn when(at: Option<i64>) -> Cell {
        at.map_or(Cell::Nothing, Cell::Time)
    }

    /// A text that leads to a page.
    pub(super) fn link(text: &str, href: String) -> Cell {
        if text.is_empty() { Cell::Nothing } else { Cell::Link { text: text.to_owned(), href } }
    }

    /// Yes or no.
    pub(super) fn yes(yes: bool) -> Cell {
        Cell::Text(if yes { "yes" } else { "no" }.to_owned())
    }

    /// As a file has it.
    pub(super) fn plain(&self) -> String {
        match self {
            Cell::Nothing => String::new(),
            Cell::Text(text) | Cell::Code(text) | Cell::Link { text, .. } | Cell::State(_, text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Size(bytes) => size(*bytes),
            Cell::Time(at) | Cell::Since(at) => iso(at),
            Cell::Lasted(milliseconds) => format!("{}.{:03}", milliseconds / 1000, milliseconds.rem_euclid(1000)),
            Cell::Marks(marks) => format!("{}, {}", marks.health.1, marks.sync.1),
        }
    }

    /// Whether it stands at the right, as numbers do.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Cell::Number(_) | Cell::Size(_) | Cell::Lasted(_) | Cell::Since(_))
    }
}

/// A row: its cells, in the order of the columns that are shown. The first one leads to what the row is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Its cells.
    pub(crate) cells: Vec<Cell>,
}

impl Row {
    /// What the row is about, as its first cell says it.
    pub(crate) fn name(&self) -> String {
        self.cells.first().map(Cell::plain).unwrap_or_default()
    }
}

/// Rows of what was answered, a cell for each column.
pub(super) fn rows_of<T: DeserializeOwned>(
    items: Vec<Value>,
    columns: &[Column],
    cell: impl Fn(&T, &str) -> Cell,
) -> Result<Vec<Row>, Problem> {
    let rows = items.into_iter().map(|item| {
        let item: T = serde_json::from_value(item).map_err(|error| {
            let why: String = error.to_string().chars().take(200).collect();
            Problem::new(ProblemKind::Broken, format!("a row of a list cannot be read: {why}"), "please report it")
        })?;
        Ok(Row { cells: columns.iter().map(|column| cell(&item, column.key)).collect() })
    });
    rows.collect()
}
