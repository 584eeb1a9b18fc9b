//! Lists of objects: filtered, sorted, paged, all of it in the address.

use super::route::PanelRoute;

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    Vec::new()
}
