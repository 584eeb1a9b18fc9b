//! For tests: whole installations in temporary folders, on a machine that is pretended.
//!
//! Only ever a development dependency: nothing here may reach a server.

#![allow(clippy::disallowed_methods, reason = "a lab is where the outside is pretended")]

pub mod fake;
mod folder;
mod lab;
mod let_go;
pub mod pretend;
pub mod proof;
mod snapshot;
mod theirs;
mod trees;

pub use lab::Lab;
pub use snapshot::Snapshot;
pub use theirs::{ByHand, THEIR_PASSWORD, THEIR_SALT};
pub use trees::Code;
