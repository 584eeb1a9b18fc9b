//! The control database itself, by the real program and on real databases: copies, upgrades, and moves to another.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

// The server of the store's own tests: one text, so that both are kept the same.
#[path = "../../../store/tests/store/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "only some of it is of use here")]
#[path = "../back_ends/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;

mod copies;
mod ground;
mod moves;
mod restored;
mod upgrades;
