//! Where the control database is: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aegir_domain::{Password, Remedy};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where the control database is. Neither `Display` nor `Debug` tells the password in it.
#[derive(Clone)]
pub enum StoreAddress {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A server.
    Postgres(PostgresAddress),
}

/// A database on a PostgreSQL server.
#[derive(Clone)]
pub struct PostgresAddress {
    shown: String,
    url: Password,
}

/// An address that names no control database. It shows nothing of what was given: that may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the address of the control database cannot be used: {why}")]
pub struct BadAddress {
    why: String,
}

impl Remedy for BadAddress {
    fn remedy(&self) -> Option<String> {
        Some("give `sqlite:/var/aegir/hostmaster/control.sqlite`, or `postgres://USER:PASSWORD@HOST/DATABASE`, with `?host=/run/postgresql` for a socket".into())
    }
}

impl StoreAddress {
    /// A file of this machine.
    pub fn file(path: impl AsRef<Path>) -> StoreAddress {
        StoreAddress::Sqlite(path.as_ref().to_owned())
    }
}

impl FromStr for StoreAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return match path {
                "" => Err(bad("it names no file")),
                path if path.contains(['?', '\0']) => Err(bad("the path of the file holds a character that cannot be")),
                path => Ok(StoreAddress::file(path)),
            };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(bad("it begins with neither `sqlite:` nor `postgres://`"));
        }
        let options: PgConnectOptions = text.parse().map_err(|_| bad("it is no address of a PostgreSQL database"))?;
        let Some(database) = options.get_database().map(str::to_owned) else {
            return Err(bad("it names no database"));
        };
        let place = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let shown = format!("postgres://{}@{place}/{database}", options.get_username());
        Ok(StoreAddress::Postgres(PostgresAddress { shown, url: Password::new(text) }))
    }
}

fn bad(why: &str) -> BadAddress {
    BadAddress { why: why.to_owned() }
}

impl PostgresAddress {
    /// The driver's options. A server elsewhere must prove who it is, unless the address says otherwise.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, BadAddress> {
        let url = self.url.expose();
        let options: PgConnectOptions = url.parse().map_err(|_| bad("it is no address of a PostgreSQL database"))?;
        let says_mode = url.split_once('?').is_some_and(|(_, query)| {
            query.split('&').any(|pair| pair.starts_with("sslmode=") || pair.starts_with("ssl-mode="))
        });
        let near = options.get_socket().is_some()
            || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]")
            || options.get_host().starts_with('/');
        Ok(match (says_mode, near) {
            (true, _) => options,
            (false, true) => options.ssl_mode(PgSslMode::Prefer),
            (false, false) => options.ssl_mode(PgSslMode::VerifyFull),
        })
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreAddress::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            StoreAddress::Postgres(address) => f.write_str(&address.shown),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_password() {
        for text in [
            "postgres://aegir:hunter2@db.example.org/aegir",
            "postgres://aegir@db.example.org/aegir?password=hunter2",
            "postgres://aegir:hunter2@%2Frun%2Fpostgresql/aegir",
        ] {
            let address: StoreAddress = text.parse().unwrap();
            assert!(!format!("{address} {address:?}").contains("hunter2"), "{address}");
        }
        for text in ["postgres://aegir:hunter2@[::1/aegir", "mysql://aegir:hunter2@x/y", "postgres://a:hunter2@h"] {
            let fault = text.parse::<StoreAddress>().unwrap_err();
            assert!(!format!("{fault} {fault:?} {:?}", fault.remedy()).contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn a_server_elsewhere_must_prove_who_it_is() {
        let mode = |text: &str| match text.parse::<StoreAddress>().unwrap() {
            StoreAddress::Postgres(address) => address.options().unwrap().get_ssl_mode(),
            StoreAddress::Sqlite(_) => unreachable!(),
        };
        assert!(matches!(mode("postgres://a@db.example.org/x"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://a@localhost/x"), PgSslMode::Prefer));
        assert!(matches!(mode("postgres://a@db.example.org/x?sslmode=require"), PgSslMode::Require));
    }
}
