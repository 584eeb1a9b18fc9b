//! The stories of the control database, each on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests: real servers and real time")]

mod bulk;
mod copies;
mod crowd;
mod faults;
mod fill;
mod ground;
mod lease;
mod lines;
mod lists;
mod model;
mod news;
mod objects;
mod people;
mod postgres;
mod queue;
mod schema;
mod secrets;
