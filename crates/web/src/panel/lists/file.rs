//! A list as a file of comma-separated values (RFC 4180), for spreadsheets.

use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::cell::{Cell, Column, Row};
use super::query::Query;
use super::which::{Beside, List};
use crate::api::Problem;
use crate::panel::reply;
use crate::panel::visit::Visit;

/// The most rows in a file.
pub(super) const MOST_ROWS: usize = 10_000;
/// How many are asked for at once.
const AT_ONCE: usize = 500;

/// All rows that match, up to a bound; the file's name says whether that was reached.
pub(super) async fn answer(
    visit: &Visit,
    list: &List,
    query: &Query,
    beside: &Beside,
) -> Result<Response<Body>, Problem> {
    let mut text = line(query.columns.iter().map(|column| column.title.to_owned()));
    let mut call = query.call.clone().with("limit", AT_ONCE);
    call.parameters.remove("cursor");
    let mut count = 0;
    let whole = loop {
        let (items, next, _) = visit.list::<Value>(call.clone().uncounted()).await?;
        for row in (list.rows)(items, &query.columns, beside)?.iter().take(MOST_ROWS - count) {
            text.push_str(&line(cells_of(row, &query.columns)));
            count += 1;
        }
        match next {
            None => break true,
            Some(_) if count >= MOST_ROWS => break false,
            Some(next) => call = call.with("cursor", next),
        }
    };
    let title = list.title.to_lowercase().replace(' ', "-");
    let name = if whole { format!("{title}.csv") } else { format!("{title}-first-{count}.csv") };
    Ok(reply::file(&name, "text/csv; charset=utf-8", text))
}

fn cells_of(row: &Row, columns: &[Column]) -> impl Iterator<Item = String> {
    debug_assert_eq!(row.cells.len(), columns.len(), "a cell for each column");
    row.cells.iter().map(Cell::plain)
}

/// A row of such a file.
pub(in crate::panel) fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.map(|cell| quoted(&harmless(cell))).collect();
    format!("{}\r\n", cells.join(","))
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: String) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    }
}

fn quoted(text: &str) -> String {
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_breaks_its_line() {
        let cells =
            ["plain", "=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "a,b", "say \"hi\"", "two\nlines", "", "a=b"];

        let written = line(cells.into_iter().map(str::to_owned));

        assert_eq!(
            written,
            "plain,'=1+1,'+1,'-1,'@SUM(A1),'\tx,\"'\r=1\",\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",,a=b\r\n"
        );
    }
}
