//! Services: what drivers describe is done here, once for all drivers of a kind.

mod basedir;
pub(crate) mod code_ahead;
pub(crate) mod composer;
mod db;
pub(crate) mod fetch;
pub(crate) mod fpm;
pub(crate) mod git;
pub(crate) mod http;
pub(crate) mod part;
pub(crate) mod php;

pub(crate) use db::{Along, Beside, DbServer, Held, TheirDatabase, count_of, place_of};

use aegir_domain::Remedy;

/// A service was told to reload and does not answer with its new configuration yet.
#[derive(Debug, thiserror::Error)]
#[error("`{service}` does not run with its new configuration after {seconds} seconds")]
pub(crate) struct ServiceRestarting {
    pub(crate) service: &'static str,
    pub(crate) seconds: u64,
}

impl Remedy for ServiceRestarting {
    fn remedy(&self) -> Option<String> {
        Some(format!("look into the error log of `{}` in `logs/`", self.service))
    }
}

/// A program was ended because somebody asked its task to stop.
#[derive(Debug, thiserror::Error)]
#[error("the task was asked to stop, so {program} was ended")]
pub(crate) struct Stopped {
    pub(crate) program: &'static str,
}

impl Remedy for Stopped {}
