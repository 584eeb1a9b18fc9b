//! The command line itself, with no service running: what it refuses, what it prints, how it ends.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes are what is tested")]

#[path = "../support/mod.rs"]
mod support;

mod adopt;
mod bad_words;
mod front_end;
mod help;
mod hooks;
mod make_files;
mod owners;
mod requests;
mod sources;
mod task_types;
