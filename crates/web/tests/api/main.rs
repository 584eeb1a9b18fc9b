//! The API over real sockets: what a caller is promised, whoever they are and whatever they send.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real sockets and real time are what is tested")]

mod client;
mod described;
mod double;
mod following;
mod once;
mod permissions;
mod problems;
mod recorded;
mod stage;
mod ways;
