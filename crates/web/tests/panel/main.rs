//! The panel over real sockets: what people are promised who look at it.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real sockets and real time are what is tested")]

#[path = "../api/client.rs"]
#[allow(dead_code, reason = "the API's tests use the rest")]
mod client;
mod live_stage;
mod tasks;
