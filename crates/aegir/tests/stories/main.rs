//! Stories through the outer door: the program, typed by a person, on a private stack with demo code bases.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

#[allow(dead_code, reason = "only some of it is of use here")]
#[path = "../post/mail_server.rs"]
mod mail_server;
#[path = "../support/mod.rs"]
mod support;

mod adoptions;
mod asked;
mod backups;
mod bad_places;
mod boundaries;
mod compare;
mod cron;
mod databases;
mod destroy;
mod doctor;
mod drush;
mod faults;
mod first_hour;
mod hostile;
mod import_copies;
mod imports;
mod installers;
mod kills;
mod languages;
mod large_tables;
mod logins;
mod main_job;
mod modes;
mod moved_boundaries;
mod moved_under_load;
mod moves;
mod names;
mod out_of_service;
mod remade_boundaries;
mod restores;
mod secrets;
mod session;
mod strangers;
mod tables_ahead;
mod two_servers;
mod updates;
mod views;
mod views_guarded;
mod welcome;
