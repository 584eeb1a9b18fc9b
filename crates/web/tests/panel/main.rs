//! The panel over real HTTP: what a person sees of it and can do with it, whatever they send.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real sockets and real time are what is tested")]

mod forms;
mod gate;
mod stage;
