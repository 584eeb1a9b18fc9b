//! Lists: a filter, an order, a page; the same for all of them.
//!
//! A page begins behind the last row of the one before (keyset paging), so rows that come or go meanwhile
//! neither double nor hide others, and the thousandth page costs what the first does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::StoreFault;
use crate::db::{Dialect, Query, Read, Row};
use crate::node::Node;

/// The longest page.
pub const LONGEST_PAGE: u32 = 500;
/// The longest cursor, in bytes: four times what the longest name takes.
pub const LONGEST_CURSOR: usize = 4096;
/// A count goes no further than this.
const COUNT_LIMIT: i64 = 1000;

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// How many rows; at most [`LONGEST_PAGE`].
    pub limit: u32,
    /// Behind which row; `None`: from the beginning.
    pub after: Option<Cursor>,
}

impl Default for Page {
    fn default() -> Page {
        Page { limit: 50, after: None }
    }
}

impl Page {
    /// The first rows.
    pub fn first(limit: u32) -> Page {
        Page { limit, after: None }
    }

    /// The rows behind `cursor`.
    pub fn behind(limit: u32, cursor: Cursor) -> Page {
        Page { limit, after: Some(cursor) }
    }
}

/// Where a page ended: text that means something to this crate alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

/// What a cursor holds: of which list in which order, and the row.
#[derive(Serialize, Deserialize)]
struct Place(String, Key, i64);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Int(i64),
    Text(String),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = StoreFault;

    fn from_str(text: &str) -> Result<Self, StoreFault> {
        let cursor = Cursor(text.to_owned());
        cursor.place().map(|_| cursor)
    }
}

impl Cursor {
    fn of(place: &Place) -> Cursor {
        let json = serde_json::to_vec(place).unwrap_or_default();
        Cursor(json.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn place(&self) -> Result<Place, StoreFault> {
        if self.0.len() > LONGEST_CURSOR || !self.0.is_ascii() {
            return Err(StoreFault::BadCursor);
        }
        let bytes = self.0.as_bytes().chunks(2).map(|two| {
            let two = std::str::from_utf8(two).ok().filter(|two| two.len() == 2)?;
            u8::from_str_radix(two, 16).ok()
        });
        let bytes: Option<Vec<u8>> = bytes.collect();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(StoreFault::BadCursor)
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// Its rows, in order.
    pub rows: Vec<T>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<Cursor>,
}

/// How many rows a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Exactly(u64),
    /// So many and more; nobody counted on.
    MoreThan(u64),
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Small ones first.
    #[default]
    Up,
    /// Great ones first.
    Down,
}

/// How a list is ordered: by a key, and by number where keys are the same.
pub struct Order {
    pub(crate) name: &'static str,
    /// The expression as the index has it; `None`: the number itself.
    pub(crate) key: Option<&'static str>,
    pub(crate) id: &'static str,
    pub(crate) direction: Direction,
}

mod sealed {
    use super::{Order, Page, Query, Row, StoreFault};

    /// A list of objects, of one selection, each of them a row of `node`.
    pub trait OfNodes {}

    /// What a list is made of.
    pub trait Parts {
        /// What a row is read into.
        type Item;
        /// Its name, in faults and cursors.
        const LIST: &'static str;
        /// What is selected.
        const COLUMNS: &'static str;
        /// Where the columns are, if the rows of a page are chosen first and looked up then: `sort_id` is each one's
        /// number. For lists whose rows are wide and that are filtered by much else; of one selection only.
        const LOOKED_UP_IN: Option<&'static str> = None;

        /// Adds ` FROM … WHERE …` for one of the [`Parts::arms`].
        fn from(&self, arm: usize, query: &mut Query);
        /// How many selections it is put together from: one for each member of a set that an index has
        /// in front of the order.
        fn arms(&self) -> usize {
            1
        }
        fn order(&self) -> Order;
        fn page(&self) -> &Page;
        fn item(row: &Row) -> Result<Self::Item, StoreFault>;
    }
}
pub(crate) use sealed::{OfNodes, Parts};

/// A list that can be asked for: [`Read::list`], [`Read::count`].
pub trait Listing: Parts {}
impl<L: Parts> Listing for L {}

impl Read {
    /// A page of a list.
    pub async fn list<L: Listing>(&mut self, list: &L) -> Result<Listed<L::Item>, StoreFault> {
        let limit = list.page().limit.clamp(1, LONGEST_PAGE);
        let rows = self.ask(L::LIST, query_of(list, limit, self.dialect(), Counted::No)?).await?;
        listed(list, limit, rows)
    }

    /// A page of a list, and how many rows the list has. They are counted only if the page is not the whole list, and
    /// where rows are chosen first, in the same go: what looks at every row looks once.
    pub async fn list_with_total<L: Listing>(&mut self, list: &L) -> Result<(Listed<L::Item>, Total), StoreFault> {
        let limit = list.page().limit.clamp(1, LONGEST_PAGE);
        let is_first = list.page().after.is_none();
        let counted = if is_first && L::LOOKED_UP_IN.is_some() { Counted::Along } else { Counted::No };
        let rows = self.ask(L::LIST, query_of(list, limit, self.dialect(), counted)?).await?;
        let along: Option<i64> = match (counted, rows.first()) {
            (Counted::Along, Some(row)) => Some(row.get("total")?),
            _ => None,
        };
        let listed = listed(list, limit, rows)?;
        let total = match along {
            _ if is_first && listed.next.is_none() => Total::Exactly(listed.rows.len() as u64),
            Some(total) => total_of(total),
            None => self.count(list).await?,
        };
        Ok((listed, total))
    }

    /// How many rows a list has, the pages aside. Counts no further than a thousand.
    pub async fn count<L: Listing>(&mut self, list: &L) -> Result<Total, StoreFault> {
        let mut query = Query::new("SELECT COUNT(*) AS total FROM (");
        query.dialect = Some(self.dialect());
        for arm in 0..list.arms() {
            query.push(if arm > 0 { " UNION ALL " } else { "" });
            query.push("SELECT 1 FROM (SELECT 1 AS one");
            list.from(arm, &mut query);
            query.push(" LIMIT ").bind(COUNT_LIMIT + 1).push(") AS arm");
        }
        query.push(") AS counted");
        let rows = self.ask(L::LIST, query).await?;
        let total: i64 = rows.first().map_or(Ok(0), |row| row.get("total"))?;
        Ok(total_of(total))
    }

    /// How the database would answer, in its own words: for those who look why a list is slow.
    pub async fn explain<L: Listing>(&mut self, list: &L) -> Result<Vec<String>, StoreFault> {
        let query = query_of(list, list.page().limit.clamp(1, LONGEST_PAGE), self.dialect(), Counted::No)?;
        let (how, column) = match self.dialect() {
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN ", "detail"),
            Dialect::Postgres => ("EXPLAIN ", "QUERY PLAN"),
        };
        let mut explained = Query::new(how);
        explained.text.push_str(&query.text);
        explained.values = query.values;
        self.ask("explain", explained).await?.iter().map(|row| row.get(column)).collect()
    }
}

/// Whether a question for a page also tells how many rows the list has, as `total` of each row.
#[derive(Clone, Copy, PartialEq)]
enum Counted {
    No,
    /// Of a first page whose rows are chosen before they are looked up.
    Along,
}

/// The page that `rows` are, of which the last one may only tell that more follow.
fn listed<L: Listing>(list: &L, limit: u32, mut rows: Vec<Row>) -> Result<Listed<L::Item>, StoreFault> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = match rows.last() {
        Some(last) if more => Some(cursor_at::<L>(last, &list.order())?),
        _ => None,
    };
    Ok(Listed { rows: rows.iter().map(L::item).collect::<Result<_, _>>()?, next })
}

/// What a count says that went one further than the bound.
fn total_of(count: i64) -> Total {
    let total = count.min(COUNT_LIMIT).cast_unsigned();
    if count > COUNT_LIMIT { Total::MoreThan(total) } else { Total::Exactly(total) }
}

/// The whole question; one row more than the page has, which tells whether another page follows.
fn query_of<L: Listing>(list: &L, limit: u32, dialect: Dialect, counted: Counted) -> Result<Query, StoreFault> {
    let order = list.order();
    let place = list.page().after.as_ref().map(Cursor::place).transpose()?;
    if let Some(Place(of, ..)) = &place
        && *of != tag::<L>(&order)
    {
        return Err(StoreFault::BadCursor);
    }
    let (behind, run) = match order.direction {
        Direction::Up => (" > ", " ASC"),
        Direction::Down => (" < ", " DESC"),
    };
    let arms = list.arms();
    let mut query = Query::new(if arms > 1 { "SELECT * FROM (" } else { "" });
    query.dialect = Some(dialect);
    let last = i64::from(limit) + 1;
    let chosen = if counted == Counted::Along { COUNT_LIMIT + 1 } else { last };
    if counted == Counted::Along {
        query.push("WITH counted AS MATERIALIZED (");
    } else if L::LOOKED_UP_IN.is_some() {
        query.push("SELECT ").push(L::COLUMNS).push(", chosen.sort_id, chosen.sort_key FROM (");
    }
    for arm in 0..arms {
        query.push(if arm > 0 { " UNION ALL " } else { "" }).push(if arms > 1 { "SELECT * FROM (" } else { "" });
        query.push("SELECT ");
        if L::LOOKED_UP_IN.is_none() {
            query.push(L::COLUMNS).push(", ");
        }
        query.push(order.id).push(" AS sort_id, ").push(order.key.unwrap_or(order.id)).push(" AS sort_key");
        list.from(arm, &mut query);
        if let Some(Place(_, key, id)) = &place {
            match (order.key, key) {
                (None, _) => query.push(" AND ").push(order.id).push(behind).bind(*id),
                (Some(column), key) => {
                    query.push(" AND (").push(column).push(", ").push(order.id).push(")").push(behind).push("(");
                    match key {
                        Key::Int(key) => query.bind(*key),
                        Key::Text(key) => query.bind(key),
                    };
                    query.push(", ").bind(*id).push(")")
                }
            };
        }
        query.push(" ORDER BY ");
        if let Some(key) = order.key {
            query.push(key).push(run).push(", ");
        }
        query.push(order.id).push(run).push(" LIMIT ").bind(chosen);
        query.push(if arms > 1 { ") AS arm" } else { "" });
    }
    if arms > 1 {
        query.push(") AS arms ORDER BY sort_key").push(run).push(", sort_id").push(run);
        query.push(" LIMIT ").bind(last);
    }
    if counted == Counted::Along {
        query.push(") SELECT ").push(L::COLUMNS).push(", chosen.sort_id, chosen.sort_key, ");
        query.push("(SELECT COUNT(*) FROM counted) AS total FROM (SELECT * FROM counted ORDER BY sort_key").push(run);
        query.push(", sort_id").push(run).push(" LIMIT ").bind(last);
    }
    if let Some(tables) = L::LOOKED_UP_IN {
        query.push(") AS chosen ").push(tables);
        query.push(" ORDER BY chosen.sort_key").push(run).push(", chosen.sort_id").push(run);
    }
    Ok(query)
}

fn cursor_at<L: Listing>(row: &Row, order: &Order) -> Result<Cursor, StoreFault> {
    // The key is whichever of the two kinds that a list can be ordered by.
    let key = match row.get::<i64>("sort_key") {
        Ok(key) if order.key.is_none() || !order.name.starts_with("name") => Key::Int(key),
        _ => Key::Text(row.get("sort_key")?),
    };
    Ok(Cursor::of(&Place(tag::<L>(order), key, row.get("sort_id")?)))
}

fn tag<L: Listing>(order: &Order) -> String {
    format!("{} {} {:?}", L::LIST, order.name, order.direction)
}

/// The same list of objects, of which only names and standing are read: what lies beside them is wide, and text to be
/// understood.
#[derive(Clone, Debug)]
pub struct NodesOf<L>(pub L);

impl<L: Parts + OfNodes> Parts for NodesOf<L> {
    type Item = Node;
    const LIST: &'static str = L::LIST;
    const COLUMNS: &'static str =
        "node.id, node.kind, node.name, node.title, node.status, node.owner, node.created, node.changed, node.verified";
    const LOOKED_UP_IN: Option<&'static str> = Some("JOIN node ON node.id = chosen.sort_id");

    fn from(&self, arm: usize, query: &mut Query) {
        self.0.from(arm, query);
    }

    fn order(&self) -> Order {
        self.0.order()
    }

    fn page(&self) -> &Page {
        self.0.page()
    }

    fn item(row: &Row) -> Result<Node, StoreFault> {
        Node::of(row)
    }
}

/// Part of a name that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// It is exactly this.
    Is(String),
    /// It begins with this.
    Begins(String),
    /// It has this in it, or the title has.
    Holds(String),
}

impl NameMatch {
    /// Adds the condition on nodes whose names all begin with `prefix`, which is not a part of what people look for.
    pub(crate) fn on(&self, prefix: &'static str, query: &mut Query) {
        let named = |text: &str| {
            let name = text.trim_start_matches('@').to_ascii_lowercase();
            let short = name.strip_prefix(prefix.trim_start_matches('@')).unwrap_or(&name);
            format!("{prefix}{short}")
        };
        let column = "node.name";
        match self {
            NameMatch::Is(text) => {
                query.push(" AND ").push(column).push(" = ").bind(named(text));
            }
            NameMatch::Begins(text) => {
                // As a range, since that is what an index answers. No name holds the last character there is.
                let from = named(text);
                let to = format!("{from}\u{10ffff}");
                query.push(" AND ").push(column).push(" >= ").bind(from);
                query.push(" AND ").push(column).push(" < ").bind(to);
            }
            NameMatch::Holds(text) => {
                let (short, text) = match (prefix, text.to_ascii_lowercase()) {
                    // Who writes the whole name means the name.
                    (_, text) if text.starts_with('@') => ("node.name", text),
                    ("@server_", text) => ("substr(node.name, 9)", text),
                    ("@platform_", text) => ("substr(node.name, 11)", text),
                    (_, text) => ("substr(node.name, 2)", text),
                };
                holding(&text, &[short, "node.title"], query);
            }
        }
    }
}

/// Adds the condition that one of `columns` has `text` in it. Small letters and capitals of ASCII are the same there,
/// in either database; others are not, since SQLite knows no others.
pub(crate) fn holding(text: &str, columns: &[&'static str], query: &mut Query) {
    let mut pattern = String::from("%");
    for letter in text.to_ascii_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    for (place, column) in columns.iter().enumerate() {
        query.push(if place > 0 { " OR LOWER(" } else { " AND (LOWER(" }).push(column);
        query.push(") LIKE ").bind(&pattern).push(" ESCAPE '\\'");
    }
    query.push(")");
}

/// A span of time, in milliseconds since 1970; either end may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From then on.
    pub from: Option<i64>,
    /// Before then.
    pub until: Option<i64>,
}

impl Span {
    pub(crate) fn on(&self, column: &'static str, query: &mut Query) {
        if let Some(from) = self.from {
            query.push(" AND ").push(column).push(" >= ").bind(from);
        }
        if let Some(until) = self.until {
            query.push(" AND ").push(column).push(" < ").bind(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went_and_rubbish_is_refused() {
        let cursor = Cursor::of(&Place("sites name Up".into(), Key::Text("@ä.test".into()), 7));
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        // A name has at most 255 bytes, since it is a file's somewhere; JSON writes some letters as two.
        for name in ["n".repeat(255), "\"".repeat(255), "ä".repeat(127)] {
            let cursor = Cursor::of(&Place("packages changed Down".into(), Key::Text(name), i64::MAX));
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
            assert!(cursor.to_string().len() < LONGEST_CURSOR / 3, "{}", cursor.to_string().len());
        }
        for bad in ["", "zz", "7", "7b7d", "é", &"00".repeat(4000)] {
            assert!(matches!(bad.parse::<Cursor>(), Err(StoreFault::BadCursor)), "{bad}");
        }
    }
}
