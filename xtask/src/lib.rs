//! What keeps the house in order: rules that a compiler does not know and a reviewer forgets.
//!
//! A library, so that the same rules run as a test (`tests/tidy.rs`) and by hand
//! (`cargo xtask tidy`). A tool of the developers: it is never part of the program, so it
//! may read the environment and the machine's files as it likes.

pub mod source;
pub mod tidy;
pub mod tree;
