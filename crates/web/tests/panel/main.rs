//! The panel over real sockets, the real front end behind it: what whoever looks at a page sees, and what they are refused.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real sockets and real time are what is tested")]

mod archives;
mod batch;
mod browser;
#[path = "../api/client.rs"]
#[allow(dead_code, reason = "the API's tests use the rest")]
mod client;
mod forms;
mod gate;
mod lists;
mod live_stage;
mod machine;
mod moves;
mod objects;
mod permissions;
mod stage;
mod task_types;
mod tasks;
mod theme;
mod trash;
mod trial;
mod views;
