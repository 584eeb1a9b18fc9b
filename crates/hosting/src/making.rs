//! From what somebody gave to what a back end is asked: pure, with what is remembered passed in.

mod platform;
mod server;
mod site;

pub(crate) use platform::{NewPlatform, changed_platform, new_platform};
pub(crate) use server::{changed_server, new_server};
pub(crate) use site::{changed_site, names_are_sound, new_site};
