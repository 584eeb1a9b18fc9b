//! Speaks with MariaDB and MySQL servers.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use aegir_domain::{DbEngine, Password};
use mysql::prelude::Queryable;
use mysql::{Conn, DriverError, OptsBuilder, SslOpts, Value};

use super::scrub::scrub;
use super::{Connection, Row, SqlFault, SqlKind};

/// The longest packet that the protocol has: what a server takes and gives is for it to say.
const LONGEST_PACKET: usize = 1 << 30;

/// An open connection; none once it was lost.
pub(super) struct MariaDb {
    conn: Option<Conn>,
    limit: Duration,
}

impl MariaDb {
    pub(super) fn connect(
        at: &DbEngine,
        account: &str,
        password: &Password,
        database: Option<&str>,
        limit: Duration,
    ) -> Result<MariaDb, SqlFault> {
        let doing = match at {
            DbEngine::Socket(path) => {
                format!("connecting to the database server at `{}` as `{account}`", path.display())
            }
            DbEngine::Tcp { host, port } => {
                format!("connecting to the database server at `{host}:{port}` as `{account}`")
            }
        };
        let options = || {
            let options = OptsBuilder::new()
                .user(Some(account))
                .pass(Some(password.expose()))
                .db_name(database)
                .read_timeout(Some(limit))
                .write_timeout(Some(limit))
                .tcp_connect_timeout(Some(limit))
                // Else a connection over TCP to this machine would quietly become another one.
                .prefer_socket(false)
                .stmt_cache_size(0)
                // Asks the server for nothing that we know already.
                .max_allowed_packet(Some(LONGEST_PACKET));
            match at {
                DbEngine::Socket(path) => options.socket(Some(path.to_string_lossy())),
                DbEngine::Tcp { host, port } => options.ip_or_hostname(Some(host.as_str())).tcp_port(*port),
            }
        };
        let near = match at {
            DbEngine::Socket(_) => true,
            DbEngine::Tcp { host, .. } => is_loopback(host),
        };
        let opened = if near {
            Conn::new(options())
        } else {
            // Servers make certificates for themselves, which prove nothing, but keep listeners out.
            let tls =
                SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true);
            match Conn::new(options().ssl_opts(tls)) {
                Err(mysql::Error::DriverError(DriverError::TlsNotSupported)) => Conn::new(options()),
                opened => opened,
            }
        };
        match opened {
            Ok(conn) => Ok(MariaDb { conn: Some(conn), limit }),
            Err(error) => Err(connecting(error, doing)),
        }
    }

    fn ask<T>(&mut self, sql: &str, ask: impl FnOnce(&mut Conn) -> mysql::Result<T>) -> Result<T, SqlFault> {
        let doing = first_words(sql);
        let Some(conn) = &mut self.conn else {
            return Err(fault(SqlKind::Gone, "the connection was lost before".into(), doing));
        };
        let began = Instant::now();
        ask(conn).map_err(|error| {
            let mut fault = asking(error, doing, sql);
            if fault.kind == SqlKind::Gone {
                // An answer that comes late would be taken for the next statement's.
                self.conn = None;
                if began.elapsed() >= self.limit {
                    fault.message = format!("no answer within {:?}", self.limit);
                }
            }
            fault
        })
    }
}

impl Connection for MariaDb {
    fn run(&mut self, sql: &str) -> Result<u64, SqlFault> {
        self.ask(sql, |conn| {
            let result = conn.query_iter(sql)?;
            Ok(result.affected_rows())
        })
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, SqlFault> {
        self.ask(sql, |conn| {
            let rows: Vec<mysql::Row> = conn.query(sql)?;
            Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(bytes).collect()).collect())
        })
    }

    fn each_row(&mut self, sql: &str, on_row: &mut dyn FnMut(Row) -> bool) -> Result<(), SqlFault> {
        self.ask(sql, |conn| {
            for row in conn.query_iter(sql)? {
                if !on_row(row?.unwrap().into_iter().map(bytes).collect()) {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// A value as the server prints it; asked in text, it gives nothing but texts.
fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(bytes),
        other => Some(other.as_sql(true).trim_matches('\'').as_bytes().to_vec()),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The first words of a statement, which name it and tell no secret: `CREATE USER`.
pub(super) fn first_words(sql: &str) -> String {
    let words = sql.split_whitespace().take_while(|word| word.bytes().all(|b| b.is_ascii_alphabetic())).take(2);
    let words = words.collect::<Vec<_>>().join(" ").to_ascii_uppercase();
    if words.is_empty() { "a statement".into() } else { format!("`{words}`") }
}

fn fault(kind: SqlKind, message: String, doing: String) -> SqlFault {
    SqlFault { kind, code: 0, state: String::new(), message, doing }
}

fn connecting(error: mysql::Error, doing: String) -> SqlFault {
    match error {
        mysql::Error::MySqlError(error) => {
            let kind = match error.code {
                1045 | 1698 | 1820 | 1862 | 4151 | 1524 | 1251 => SqlKind::PasswordRefused,
                1040 | 1203 | 1226 | 1053 => SqlKind::Unreachable,
                1130 | 1129 => SqlKind::NotAllowed,
                code => kind_of(code, &error.message),
            };
            SqlFault { kind, code: error.code.into(), state: error.state, message: error.message, doing }
        }
        other => {
            let message = match &other {
                mysql::Error::DriverError(DriverError::CouldNotConnect(Some((_, why, _)))) => why.clone(),
                other => other.to_string(),
            };
            let kind = match other {
                mysql::Error::DriverError(DriverError::UnknownAuthPlugin(_) | DriverError::CleartextPluginDisabled) => {
                    SqlKind::Other
                }
                _ => SqlKind::Unreachable,
            };
            fault(kind, message, doing)
        }
    }
}

fn asking(error: mysql::Error, doing: String, sql: &str) -> SqlFault {
    match error {
        mysql::Error::MySqlError(error) => SqlFault {
            kind: kind_of(error.code, &error.message),
            code: error.code.into(),
            state: error.state,
            message: scrub(&error.message, sql),
            doing,
        },
        mysql::Error::IoError(error) => {
            let late = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
            let message = if late { "no answer in time".into() } else { error.to_string() };
            fault(SqlKind::Gone, message, doing)
        }
        mysql::Error::TlsError(_) | mysql::Error::CodecError(_) => fault(SqlKind::Gone, error.to_string(), doing),
        mysql::Error::DriverError(error) => fault(SqlKind::Gone, scrub(&error.to_string(), sql), doing),
        // These hold values; what they say is of no use to an operator.
        _ => fault(SqlKind::Other, "the answer could not be read".into(), doing),
    }
}

/// What the server's error numbers mean to us.
fn kind_of(code: u16, message: &str) -> SqlKind {
    match code {
        1044 | 1045 | 1095 | 1142 | 1143 | 1227 | 1290 | 1370 | 1410 | 1419 | 1698 | 1873 => SqlKind::NotAllowed,
        1053 | 1080 | 1152..=1161 | 1184 | 1927 | 3169 | 4031 => SqlKind::Gone,
        // One number for every statement on users; the message begins `Operation CREATE USER failed`.
        1396 if message.contains("CREATE") => SqlKind::Exists,
        1396 => SqlKind::NoSuch,
        1007 | 1050 | 1062 | 1304 | 1359 | 1537 => SqlKind::Exists,
        1008 | 1049 | 1051 | 1054 | 1091 | 1094 | 1133 | 1141 | 1146 | 1147 | 1269 | 1305 | 1360 | 1539 => {
            SqlKind::NoSuch
        }
        _ => SqlKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_named_by_its_first_words() {
        assert_eq!(first_words("create user 'a' identified by 'b'"), "`CREATE USER`");
        assert_eq!(first_words("SELECT 1"), "`SELECT`");
        assert_eq!(first_words("'secret'"), "a statement");
    }

    #[test]
    fn a_statement_on_users_fails_for_one_of_two_reasons() {
        assert_eq!(kind_of(1396, "Operation CREATE USER failed for 'a'@'%'"), SqlKind::Exists);
        assert_eq!(kind_of(1396, "Operation DROP USER failed for 'a'@'%'"), SqlKind::NoSuch);
    }
}
