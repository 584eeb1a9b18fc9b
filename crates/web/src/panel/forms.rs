//! Operations as forms: made from their declarations, and sent as calls.

use super::route::PanelRoute;

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    Vec::new()
}
