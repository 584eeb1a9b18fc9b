//! The front end's faces over HTTP: the API, and the panel for people. They ask the front end, and decide nothing.
//!
//! ```text
//!   socket in the home ─┐                                       ┌─► hosting::Front::perform
//!                       ├─► guard ─► who asks ─► call ─► once ──┤
//!   loopback, tokens ───┘  (sizes)                              └─► events: pages of lines, one at a time
//!   loopback, sessions ───► panel::door ─► page ──────────────────► the same
//! ```
//!
//! ## Invariants
//!
//! - It knows `hosting::Front` and nothing behind it.
//! - Addresses, the OpenAPI document and the reading of parameters come from `hosting`'s declarations; there is no
//!   second list of them.
//! - No answer is without one who was let in, and none of a failure without a problem document.
//! - What a person asked for is done and remembered though their connection ends before the answer.

pub mod api;
mod outside;
pub mod panel;
mod serve;
mod socket;
mod unread;

pub use outside::Outside;
pub use panel::PanelWay;
pub use serve::{Limits, Server, SocketWay, WayFault, Ways};
