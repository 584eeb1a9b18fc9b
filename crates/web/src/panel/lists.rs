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
mod views;
mod which;

pub(super) use around::{import_of, name_of};
pub(super) use bar::{Control, label_of};
pub(super) use cell::Cell;
pub(super) use empty::counted;
pub(super) use file::line;
pub(super) use table::Table;
pub(super) use which::{Beside, INSTALLED, PLATFORMS, SITES, TASKS, TRASH};

use which::List;

use super::route::{Needs, PanelRoute};

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    let needs = |list: &List| Needs::May(list.operation().needs);
    let all = which::ALL.into_iter().filter(|list| ![INSTALLED.id, TRASH.id].contains(&list.id));
    all.map(|list| PanelRoute::get(&list.path(), needs(&list), |it| Box::pin(page::show(it))))
        .chain([PanelRoute::get(&INSTALLED.path(), needs(&INSTALLED), |it| Box::pin(page::show_installed(it)))])
        .chain([PanelRoute::get(&TRASH.path(), needs(&TRASH), |it| Box::pin(page::show_trash(it)))])
        .chain([
            PanelRoute::post("/views/save", Needs::Session, |it| Box::pin(views::save(it))),
            PanelRoute::post("/views/drop", Needs::Session, |it| Box::pin(views::drop(it))),
        ])
        .collect()
}
