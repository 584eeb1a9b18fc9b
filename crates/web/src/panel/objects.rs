//! Pages of objects: what they are, what can be asked of them, what became of them.

use super::route::PanelRoute;

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    Vec::new()
}
