//! The stories of the control database, each on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests: real servers and real time")]

mod ground;
mod lease;
mod lines;
mod postgres;
mod news;
mod objects;
mod queue;
mod schema;
mod secrets;
