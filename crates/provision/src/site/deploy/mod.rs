//! Putting another self of a site in service, in the place of the one it has: what the tasks that do so share.
//!
//! ```text
//!   copy files ─► fence ─► copy database, top up files ─► updates, visit ─► switch ─► shelve the former ══ fence down
//! ```
//!
//! The new self stands where it will live from the start: the name is held, and nothing leads there before the
//! switch. What the site was is never changed: it is held still, and kept.

pub(crate) mod archive;
pub(crate) mod coming;
pub(crate) mod database;
pub(crate) mod fence;
pub(crate) mod files;
pub(crate) mod former;
pub(crate) mod keeping;
pub(crate) mod own;
pub(crate) mod rehearsal;
pub(crate) mod relocate;
pub(crate) mod switch;
pub(crate) mod updates;
