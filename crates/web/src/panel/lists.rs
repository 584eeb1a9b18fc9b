//! Lists of objects: filtered, sorted, paged, all of it in the address.
//!
//! ```text
//!   address ─► query (what can be read of it, what is wrong) ─► the front end ─► rows of cells ─► a page, or a file
//! ```
//!
//! ## Invariants
//!
//! - Filters and orders are the parameters of the list's operation; there is no second list of them.
//! - A filter that cannot be read is told beside its place, and no row is shown as if it were not there.
//! - What a cell is, is said once: a page shows it, a file writes it.

mod around;
mod bar;
mod cell;
mod empty;
mod file;
mod fleet;
mod page;
mod query;
mod table;
mod which;

pub(super) use around::name_of;
pub(super) use bar::{Control, label_of};
pub(super) use cell::Cell;
pub(super) use empty::counted;
pub(super) use table::Table;
pub(super) use which::{Beside, PLATFORMS, SITES, TASKS};

use super::route::{Needs, PanelRoute};

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    let all = which::ALL.into_iter();
    all.map(|list| PanelRoute::get(&list.path(), Needs::May(list.operation().needs), |it| Box::pin(page::show(it))))
        .collect()
}
