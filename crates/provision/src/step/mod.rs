//! Steps that several tasks share: each keeps doing and undoing together.
//!
//! A step that replaces something copies nothing itself: [`file::Keep`] did, one line earlier.

pub(crate) mod context;
pub(crate) mod database;
pub(crate) mod file;
pub(crate) mod secret;
pub(crate) mod sites_php;
pub(crate) mod vhost;
pub(crate) mod web_files;
