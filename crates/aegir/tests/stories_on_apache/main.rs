//! The same stories with Apache as the web server of the private stack.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../stories/asked.rs"]
mod asked;
#[path = "../stories/bad_places.rs"]
mod bad_places;
#[path = "../stories/boundaries.rs"]
mod boundaries;
#[path = "../stories/databases.rs"]
mod databases;
#[path = "../stories/first_hour.rs"]
mod first_hour;
#[path = "../stories/hostile.rs"]
mod hostile;
#[path = "../stories/installers.rs"]
mod installers;
#[path = "../stories/kills.rs"]
mod kills;
#[path = "../stories/main_job.rs"]
mod main_job;
#[path = "../stories/modes.rs"]
mod modes;
#[path = "../stories/out_of_service.rs"]
mod out_of_service;
#[path = "../stories/secrets.rs"]
mod secrets;
