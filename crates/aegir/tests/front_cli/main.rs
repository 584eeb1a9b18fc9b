//! The command line of the front end: the built program against a small front end that keeps its state in
//! memory, and writes down what it is asked.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes are what is tested")]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod batch;
mod completion;
mod contract;
mod double;
mod following;
mod lists;
mod manual;
mod requests;
mod selection;
mod shapes;
mod stage;
mod terminal;
