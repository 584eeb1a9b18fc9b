//! The first page: what failed, what runs, what needs a decision.

use super::route::PanelRoute;

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    Vec::new()
}
