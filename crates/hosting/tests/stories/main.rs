//! The stories of the front end, each on SQLite and on PostgreSQL: the real rules, dispatcher, recorder and store, and
//! machines that pretend.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests: real servers and real time")]

mod ground;
// The server of the store's own tests: one text, so that both are kept the same.
#[path = "../../../store/tests/store/postgres.rs"]
mod postgres;
mod queue;
mod straight;
