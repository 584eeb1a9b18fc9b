//! Views of lists that people save for themselves: what they filter and sort by, under a name of theirs.

use crate::StoreFault;
use crate::db::{Read, Row, Tx, statements, values};

/// A view of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// Which list, by the operation that lists it: `site-list`.
    pub section: String,
    /// What its account calls it.
    pub name: String,
    /// The query of its address.
    pub query: String,
    /// Its place among the others of the list.
    pub position: i64,
}

statements! {
    VIEWS =
        "SELECT section, name, query, position FROM saved_view WHERE account = $1 AND section = $2
          ORDER BY position, name";
    SAVE_VIEW =
        "INSERT INTO saved_view (account, section, name, query, position)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account, section, name)
         DO UPDATE SET query = excluded.query, position = excluded.position";
    DROP_VIEW = "DELETE FROM saved_view WHERE account = $1 AND section = $2 AND name = $3";
}

impl Read {
    /// The views that an account has of a list, in their order.
    pub async fn saved_views(&mut self, account: i64, section: &str) -> Result<Vec<SavedView>, StoreFault> {
        self.rows(&VIEWS, values![account, section]).await?.iter().map(SavedView::of).collect()
    }
}

impl Tx {
    /// Saves a view, in place of the one that had this name.
    pub async fn save_view(&mut self, account: i64, view: &SavedView) -> Result<(), StoreFault> {
        let SavedView { section, name, query, position } = view;
        self.execute(&SAVE_VIEW, values![account, section, name, query, *position]).await.map(drop)
    }

    /// Forgets a view. Says whether there was one.
    pub async fn drop_view(&mut self, account: i64, section: &str, name: &str) -> Result<bool, StoreFault> {
        Ok(self.execute(&DROP_VIEW, values![account, section, name]).await? == 1)
    }
}

impl SavedView {
    fn of(row: &Row) -> Result<SavedView, StoreFault> {
        Ok(SavedView {
            section: row.get("section")?,
            name: row.get("name")?,
            query: row.get("query")?,
            position: row.get("position")?,
        })
    }
}
