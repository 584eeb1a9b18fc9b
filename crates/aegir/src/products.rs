//! The products that a person may name on the command line.

use aegir_domain::HttpEngine;
use clap::ValueEnum;

/// A web server.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Http {
    /// nginx
    Nginx,
    /// Apache httpd, with its event MPM
    Apache,
}

impl From<Http> for HttpEngine {
    fn from(http: Http) -> HttpEngine {
        match http {
            Http::Nginx => HttpEngine::Nginx,
            Http::Apache => HttpEngine::Apache,
        }
    }
}

/// What keeps the data of sites.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Db {
    /// MariaDB or MySQL
    Mariadb,
    /// A file for each site
    Sqlite,
}
