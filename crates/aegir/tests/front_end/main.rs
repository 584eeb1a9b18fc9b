//! The front end as the process that people run: killed, started again, two of them, and none at all.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

// The server of the store's own tests: one text, so that both are kept the same.
#[allow(dead_code, reason = "only some of it is of use here")]
#[path = "../../../store/tests/store/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "only some of it is of use here")]
#[path = "../back_ends/sshd.rs"]
mod sshd;
#[allow(dead_code, reason = "only some of it is of use here")]
#[path = "../back_ends/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;

mod killed;
mod newer;
mod nobody;
mod people;
mod served;
mod two;
