//! Back ends as the front end reaches them: real processes, a real ssh, and real ways to break both.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

#[path = "../support/mod.rs"]
mod support;

mod archives;
mod local;
mod ssh;
mod sshd;
mod stage;
mod together;
