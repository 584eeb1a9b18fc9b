//! Tasks and the queue.

use super::route::PanelRoute;

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    Vec::new()
}
