//! The three services of a stack, and how each is asked to end.

use std::fmt;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

/// A service of the private stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// The database server.
    Mariadb,
    /// What runs PHP.
    PhpFpm,
    /// The web server.
    Nginx,
}

impl Service {
    /// In the order of their start: each may need those before it.
    pub(crate) const ALL: [Service; 3] = [Service::Mariadb, Service::PhpFpm, Service::Nginx];

    /// Its place in an orderly stop, the last first: PHP finishes what it does, then who asked it for
    /// that, then who both relied on.
    pub(crate) fn stays(self) -> u8 {
        match self {
            Service::Mariadb => 2,
            Service::Nginx => 1,
            Service::PhpFpm => 0,
        }
    }

    /// Its name for people and for folders.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Mariadb => "mariadb",
            Service::PhpFpm => "php-fpm",
            Service::Nginx => "nginx",
        }
    }

    /// Asks it to finish what it does, and how long it may take.
    pub(crate) fn orderly(self) -> (Signal, Duration) {
        match self {
            Service::Mariadb => (Signal::TERM, Duration::from_secs(60)),
            Service::PhpFpm => (Signal::QUIT, Duration::from_secs(10)),
            Service::Nginx => (Signal::QUIT, Duration::from_secs(5)),
        }
    }

    /// Whether `program`, the file that a process runs, is one that runs this service.
    pub(crate) fn is_run_by(self, program: &str) -> bool {
        match self {
            Service::Mariadb => program.starts_with("mariadb") || program.starts_with("mysqld"),
            Service::PhpFpm => program.starts_with("php-fpm"),
            Service::Nginx => program.starts_with("nginx"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Service::Mariadb => "MariaDB",
            Service::PhpFpm => "php-fpm",
            Service::Nginx => "nginx",
        })
    }
}
