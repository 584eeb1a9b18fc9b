//! The services of a stack, and how each is asked to end.

use std::fmt;
use std::time::Duration;

use aegir_domain::HttpEngine;
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
    /// The web server, where it is nginx.
    Nginx,
    /// The web server, where it is Apache.
    Apache,
}

impl Service {
    /// In the order of their start: each may need those before it. A stack has one of the last two.
    pub(crate) const ALL: [Service; 4] = [Service::Mariadb, Service::PhpFpm, Service::Nginx, Service::Apache];

    /// The product, of a web server.
    pub(crate) fn engine(self) -> Option<HttpEngine> {
        match self {
            Service::Nginx => Some(HttpEngine::Nginx),
            Service::Apache => Some(HttpEngine::Apache),
            Service::Mariadb | Service::PhpFpm => None,
        }
    }

    /// Its place in an orderly stop, the last first: PHP finishes what it does, then who asked it for
    /// that, then who both relied on.
    pub(crate) fn stays(self) -> u8 {
        match self {
            Service::Mariadb => 2,
            Service::Nginx | Service::Apache => 1,
            Service::PhpFpm => 0,
        }
    }

    /// Its name for people and for folders.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Mariadb => "mariadb",
            Service::PhpFpm => "php-fpm",
            Service::Nginx => "nginx",
            Service::Apache => "apache",
        }
    }

    /// Asks it to finish what it does, and how long it may take.
    pub(crate) fn orderly(self) -> (Signal, Duration) {
        match self {
            Service::Mariadb => (Signal::TERM, Duration::from_secs(60)),
            Service::PhpFpm => (Signal::QUIT, Duration::from_secs(10)),
            Service::Nginx => (Signal::QUIT, Duration::from_secs(5)),
            Service::Apache => (Signal::WINCH, Duration::from_secs(7)),
        }
    }

    /// Whether `program`, the file that a process runs, is one that runs this service.
    pub(crate) fn is_run_by(self, program: &str) -> bool {
        match self {
            Service::Mariadb => program.starts_with("mariadb") || program.starts_with("mysqld"),
            Service::PhpFpm => program.starts_with("php-fpm"),
            Service::Nginx => program.starts_with("nginx"),
            Service::Apache => program.starts_with("apache2") || program.starts_with("httpd"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Service::Mariadb => "MariaDB",
            Service::PhpFpm => "php-fpm",
            Service::Nginx => "nginx",
            Service::Apache => "Apache",
        })
    }
}
