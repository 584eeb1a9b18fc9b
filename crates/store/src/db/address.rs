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

/// What PostgreSQL's own programs need to reach the same database.
pub struct ProgramsAccess {
    /// Variables for them; none holds a secret.
    pub variables: Vec<(&'static str, String)>,
    /// A line for their password file, if the address has a password.
    pub password_line: Option<Password>,
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

impl PostgresAddress {
    /// The same for PostgreSQL's own programs, as `pg_dump`.
    pub fn for_programs(&self) -> Result<ProgramsAccess, BadAddress> {
        let options = self.options()?;
        let host = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => options.get_host().trim_matches(['[', ']']).to_owned(),
        };
        let mode = match options.get_ssl_mode() {
            PgSslMode::Disable => "disable",
            PgSslMode::Allow => "allow",
            PgSslMode::Prefer => "prefer",
            PgSslMode::Require => "require",
            PgSslMode::VerifyCa => "verify-ca",
            PgSslMode::VerifyFull => "verify-full",
        };
        let mut variables = vec![
            ("PGHOST", host),
            ("PGPORT", options.get_port().to_string()),
            ("PGUSER", options.get_username().to_owned()),
            ("PGDATABASE", options.get_database().unwrap_or_default().to_owned()),
            ("PGSSLMODE", mode.to_owned()),
        ];
        variables.extend(options.get_options().map(|options| ("PGOPTIONS", options.to_owned())));
        let mut password = self.user_part().and_then(|user| user.split_once(':')).map(|(_, text)| decoded(text));
        for (name, value) in self.query() {
            match name {
                "password" => password = Some(value),
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => variables.push(("PGSSLROOTCERT", value)),
                "sslcert" | "ssl-cert" => variables.push(("PGSSLCERT", value)),
                "sslkey" | "ssl-key" => variables.push(("PGSSLKEY", value)),
                _ => (),
            }
        }
        let password_line = password
            .map(|password| Password::new(format!("*:*:*:*:{}\n", password.replace('\\', "\\\\").replace(':', "\\:"))));
        Ok(ProgramsAccess { variables, password_line })
    }

    /// What is before the `@` of the host.
    fn user_part(&self) -> Option<&str> {
        let (_, rest) = self.url.expose().split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        authority.rsplit_once('@').map(|(user, _)| user)
    }

    fn query(&self) -> impl Iterator<Item = (&str, String)> {
        let text = self.url.expose().split('#').next().unwrap_or_default();
        let query = text.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name, decoded(&value.replace('+', " "))))
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
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
    fn programs_are_told_the_same_and_the_password_apart() {
        let told = |text: &str| match text.parse::<StoreAddress>().unwrap() {
            StoreAddress::Postgres(address) => {
                let access = address.for_programs().unwrap();
                let line = access.password_line.map(|line| line.expose().to_owned());
                (access.variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(), line)
            }
            StoreAddress::Sqlite(_) => unreachable!(),
        };
        let (variables, line) =
            told("postgres://ae%67ir:h%3Au%5Cn%40ter@db.example.org:6432/control?sslrootcert=/etc/ca+1.pem");
        assert_eq!(
            variables,
            [
                "PGHOST=db.example.org",
                "PGPORT=6432",
                "PGUSER=aegir",
                "PGDATABASE=control",
                "PGSSLMODE=verify-full",
                "PGSSLROOTCERT=/etc/ca 1.pem"
            ]
        );
        assert_eq!(line.as_deref(), Some("*:*:*:*:h\\:u\\\\n@ter\n"));
        let (variables, line) = told("postgres://aegir@%2Frun%2Fpostgresql/control?password=hunter2");
        assert_eq!((variables[0].as_str(), line.as_deref()), ("PGHOST=/run/postgresql", Some("*:*:*:*:hunter2\n")));
        assert!(variables.iter().all(|variable| !variable.contains("hunter2")));
        assert_eq!(
            told("postgres://aegir@[::1]:5433/control"),
            (
                vec![
                    "PGHOST=::1".to_owned(),
                    "PGPORT=5433".to_owned(),
                    "PGUSER=aegir".to_owned(),
                    "PGDATABASE=control".to_owned(),
                    "PGSSLMODE=prefer".to_owned(),
                ],
                None,
            )
        );
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
