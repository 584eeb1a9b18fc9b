//! What an installation keeps beside objects: settings, fields, tokens, accounts, sessions, features.

use super::route::PanelRoute;

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    Vec::new()
}
