//! The stories of the front end, each on SQLite and on PostgreSQL: the real rules, dispatcher, recorder and store, and
//! machines that pretend.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests: real servers and real time")]

mod backups;
mod bad;
mod batch;
mod blocked;
mod bulk;
mod by_hand;
mod choices;
mod compare;
mod copied;
mod cron;
mod disabled;
mod ground;
mod imports;
mod kept;
mod lease;
mod loss;
mod moves;
mod names;
mod news;
mod of_everything;
mod once;
mod other_homes;
mod paging;
mod people;
mod platforms;
// The server of the store's own tests: one text, so that both are kept the same.
#[path = "../../../store/tests/store/postgres.rs"]
mod postgres;
mod queue;
mod search;
mod secrets;
mod site_log;
mod ssh;
mod straight;
mod task_types;
mod theirs;
mod trash;
mod trial;
mod trouble;
mod welcome;
mod who;
