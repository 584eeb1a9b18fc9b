//! A list as a table: what templates read, on its own page and on those of objects.

use aegir_hosting::{Call, Shape};
use serde_json::Value;

use super::cell::{Column, Row};
use super::query::Query;
use super::which::{Beside, List};
use crate::api::Problem;
use crate::panel::visit::Visit;

/// A table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// What it is a table of.
    pub(crate) label: String,
    /// The heads of its columns.
    pub(crate) heads: Vec<Head>,
    /// Its rows, a cell for each head.
    pub(crate) rows: Vec<Row>,
    /// Whether rows can be ticked: each is then sent by the text of its first cell.
    pub(crate) pick: bool,
}

/// The head of a column.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// What it says.
    pub(crate) title: &'static str,
    /// Where it leads, if the list can be in its order; and the order as it is now.
    pub(crate) sort: Option<(String, &'static str)>,
    /// Whether numbers stand below it.
    pub(crate) is_number: bool,
}

impl Table {
    /// A table of these rows, whose heads lead to other orders of the list.
    pub(super) fn of_list(list: &List, query: &Query, rows: Vec<Row>) -> Table {
        let words = match query.operation.parameter("sort").map(|sort| sort.shape) {
            Some(Shape::Choice(words)) => words,
            _ => &[],
        };
        let now = query.sort().unwrap_or_default();
        let sort = |column: &Column| {
            let down = format!("-{}", column.key);
            let (can_up, can_down) = (words.contains(&column.key), words.contains(&down.as_str()));
            let (to, order) = match (now == column.key, now == down) {
                (true, _) if can_down => (down.as_str(), "ascending"),
                (true, _) => (column.key, "ascending"),
                (_, true) => (column.key, "descending"),
                _ => (column.key, "none"),
            };
            (can_up || can_down).then(|| (query.sorted(to), order))
        };
        Table::with_heads(list, &query.columns, rows, sort)
    }

    fn with_heads(
        list: &List,
        columns: &[Column],
        rows: Vec<Row>,
        sort: impl Fn(&Column) -> Option<(String, &'static str)>,
    ) -> Table {
        let is_number = |place: usize| rows.iter().any(|row| row.cells.get(place).is_some_and(|cell| cell.is_number()));
        let heads = columns.iter().enumerate().map(|(place, column)| Head {
            title: column.title,
            sort: sort(column),
            is_number: is_number(place),
        });
        Table { label: list.title.to_owned(), heads: heads.collect(), rows, pick: false }
    }

    /// The first rows of a list, for the page of an object; `columns` by their words. Says whether there are more.
    pub(crate) async fn some(
        visit: &Visit,
        list: &List,
        call: Call,
        columns: &[&str],
        beside: &Beside,
    ) -> Result<(Table, bool), Problem> {
        let (items, next, _) = visit.list::<Value>(call.uncounted()).await?;
        Ok((Table::of_items(list, items, columns, beside)?, next.is_some()))
    }

    /// A table of entries that were asked for before.
    pub(crate) fn of_items(
        list: &List,
        items: Vec<Value>,
        columns: &[&str],
        beside: &Beside,
    ) -> Result<Table, Problem> {
        let columns: Vec<Column> =
            columns.iter().filter_map(|key| list.columns.iter().find(|column| column.key == *key)).copied().collect();
        let rows = (list.rows)(items, &columns, beside)?;
        Ok(Table::with_heads(list, &columns, rows, |_| None))
    }
}
