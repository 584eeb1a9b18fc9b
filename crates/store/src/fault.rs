//! What goes wrong with the control database, and how to get past it.

use std::error::Error;
use std::fmt::Display;
use std::io;

use aegir_domain::{NodeId, Remedy};

use crate::BadAddress;

/// Why the control database did not do what it was asked. Whatever it was, nothing of the transaction remains.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// Its address is none.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// It cannot be opened.
    #[error("cannot open the control database `{address}`")]
    Open {
        /// Where, without a password.
        address: String,
        /// Why not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The program was built with an SQLite that can damage the file.
    #[error("this build holds SQLite {found}, which can damage a database that several processes use")]
    OldSqlite {
        /// Its version.
        found: String,
    },
    /// The file is a database of something else.
    #[error("`{address}` is a database, and not one of Ægir's")]
    Foreign {
        /// Where.
        address: String,
    },
    /// A newer version of the program wrote it.
    #[error("the control database `{address}` has the schema {found}, and this version of Ægir knows {known}")]
    Newer {
        /// Where.
        address: String,
        /// The schema that is there.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It was made by another text of the same migration.
    #[error("the control database was made by another text of migration {number} than the one in this program")]
    Altered {
        /// Which migration.
        number: i64,
    },
    /// Somebody else holds it.
    #[error("the control database is locked by somebody else (`{statement}`)")]
    Locked {
        /// What was asked.
        statement: &'static str,
        /// The database's own words, if it said some.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// There is no room.
    #[error("the control database has no room left (`{statement}`)")]
    Full {
        /// What was asked.
        statement: &'static str,
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// It cannot be written.
    #[error("the control database can only be read (`{statement}`)")]
    ReadOnly {
        /// What was asked.
        statement: &'static str,
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// It is damaged, or is no database.
    #[error("the control database is damaged (`{statement}`)")]
    Corrupt {
        /// What was asked.
        statement: &'static str,
        /// The database's own words, or the finding of a check.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Its server cannot be reached, or went away.
    #[error("the server of the control database cannot be reached (`{statement}`)")]
    Away {
        /// What was asked.
        statement: &'static str,
        /// The driver's words.
        #[source]
        source: sqlx::Error,
    },
    /// The account may not.
    #[error("the account of the control database may not do this (`{statement}`)")]
    Denied {
        /// What was asked.
        statement: &'static str,
        /// The server's words.
        #[source]
        source: sqlx::Error,
    },
    /// It took too long.
    #[error("the control database did not answer in time (`{statement}`)")]
    TimedOut {
        /// What was asked.
        statement: &'static str,
        /// The server's words, if it said some.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// Something that must be there once is there already.
    #[error("{what} is taken")]
    Taken {
        /// What, in the reader's words.
        what: String,
        /// The database's words, if it was its guard that said no.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    Absent {
        /// What, in the reader's words.
        what: String,
    },
    /// Somebody else has taken the lease over since.
    #[error("the lease `{lease}` has gone to another holder: fence {fence}, and now {now}")]
    Superseded {
        /// Which lease.
        lease: String,
        /// The fence of who asked.
        fence: i64,
        /// The fence of who has it.
        now: i64,
    },
    /// Something cannot be done to an object or a task as it is.
    #[error("`{node}` {why}")]
    Unfit {
        /// Which.
        node: NodeId,
        /// Why not.
        why: String,
    },
    /// What is stored is not what this program stores.
    #[error("what is stored as `{column}` cannot be read")]
    Unreadable {
        /// Where.
        column: String,
        /// Why not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A secret cannot be opened.
    #[error("the secret `{name}` of `{owner}` cannot be opened: {why}")]
    Sealed {
        /// Whose.
        owner: NodeId,
        /// Which.
        name: String,
        /// Why not.
        why: String,
    },
    /// The second factor of an account cannot be opened.
    #[error("the second factor of the account {account} cannot be opened: {why}")]
    SealedFactor {
        /// The number of the account.
        account: i64,
        /// Why not.
        why: String,
    },
    /// The key is not the one that belongs to this database.
    #[error("this control database belongs to the key `{known}`, and the key file here holds `{given}`")]
    OtherKey {
        /// The id of the one that belongs to it.
        known: String,
        /// The id of the one that was given.
        given: String,
    },
    /// A cursor is of another list.
    #[error("this cursor is of another list, or was changed")]
    BadCursor,
    /// A copy did not come out the same.
    #[error("the copy of `{table}` is not the same: {why}")]
    Copy {
        /// Which table.
        table: &'static str,
        /// What differs.
        why: String,
    },
    /// A file beside the database.
    #[error("cannot write `{path}`")]
    File {
        /// Which.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The database said no in another way.
    #[error("the control database refused `{statement}`")]
    Statement {
        /// What was asked.
        statement: &'static str,
        /// Its words.
        #[source]
        source: sqlx::Error,
    },
}

impl Remedy for StoreFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            StoreFault::Address(bad) => return bad.remedy(),
            StoreFault::Open { address, .. } if address.starts_with("sqlite:") => {
                "make sure that its folder exists, belongs to the user `aegir`, and can be written (`findmnt -T` shows how its file system is mounted)".into()
            }
            StoreFault::Open { .. } => {
                "check address, account and password in the settings; `psql` with the same address tells more".into()
            }
            StoreFault::OldSqlite { .. } => {
                "build with the `libsqlite3-sys` that the workspace pins (SQLite 3.51.3 or newer)".into()
            }
            StoreFault::Foreign { .. } => "name another file in the settings; nothing was changed in this one".into(),
            StoreFault::Newer { .. } => {
                "install the version of Ægir that was used last, or a newer one; or restore the backup made before the upgrade".into()
            }
            StoreFault::Altered { .. } => {
                "use the released program that made it; a build of one's own must not change a migration".into()
            }
            StoreFault::Locked { .. } => {
                "retry; if it lasts, look for another program that holds the file open (`fuser -v` names it)".into()
            }
            StoreFault::Full { .. } => "make room on its file system (`df -h`), then retry".into(),
            StoreFault::ReadOnly { .. } => {
                "make file and folder writable for the user `aegir`; on PostgreSQL, use the primary server, not a standby".into()
            }
            StoreFault::Corrupt { .. } => {
                "stop Ægir, keep a copy of the file as it is, and restore the newest backup of the control database".into()
            }
            StoreFault::Away { .. } => {
                "check that the server runs and listens where the settings say (`pg_isready`), then retry; nothing was lost".into()
            }
            StoreFault::Denied { .. } => {
                "make the account the owner of its database: `ALTER DATABASE … OWNER TO …`, and of its tables".into()
            }
            StoreFault::TimedOut { .. } => "retry; if it lasts, look at the server's load and at locks that are held".into(),
            StoreFault::Superseded { .. } => {
                "nothing: the other control node goes on with the same tasks".into()
            }
            StoreFault::Sealed { .. } => {
                "put back the key file that belongs to this database, or give the secret anew".into()
            }
            StoreFault::SealedFactor { .. } => {
                "put back the key file that belongs to this database, or drop the factor: `aegir account link NAME`".into()
            }
            StoreFault::OtherKey { .. } => {
                "copy the key file `control.key` from a control node that works with this database in place of the one here"
                    .into()
            }
            StoreFault::BadCursor => "ask for the first page again, with the same filter and order".into(),
            StoreFault::Copy { .. } => "the target was left empty; retry into a database that nobody else uses".into(),
            _ => return None,
        })
    }
}

impl StoreFault {
    /// What the driver said, by what it means.
    pub(crate) fn of(statement: &'static str, source: sqlx::Error) -> StoreFault {
        match &source {
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default().into_owned();
                match code.parse::<i64>() {
                    // SQLite numbers its faults; PostgreSQL's codes that are numbers all have five digits.
                    Ok(number) if code.len() < 5 => of_sqlite(number, statement, source),
                    _ => of_postgres(&code, statement, source),
                }
            }
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                StoreFault::Away { statement, source }
            }
            // A server that dies while it speaks.
            sqlx::Error::Protocol(_) => StoreFault::Away { statement, source },
            sqlx::Error::PoolTimedOut => StoreFault::TimedOut { statement, source: Some(source) },
            _ => StoreFault::Statement { statement, source },
        }
    }

    pub(crate) fn unreadable(column: impl Display, source: impl Display) -> StoreFault {
        // The text alone: an error of a parser may not live as long as the fault.
        StoreFault::Unreadable { column: column.to_string(), source: source.to_string().into() }
    }

    /// The same, but a guard's «already there» is told as `what` being taken.
    pub(crate) fn taken(self, what: impl FnOnce() -> String) -> StoreFault {
        match self {
            StoreFault::Taken { source, .. } => StoreFault::Taken { what: what(), source },
            other => other,
        }
    }

    /// Whether asking again, a little later, may do.
    pub fn may_pass(&self) -> bool {
        matches!(self, StoreFault::Locked { .. } | StoreFault::Away { .. } | StoreFault::TimedOut { .. })
    }
}

fn of_sqlite(code: i64, statement: &'static str, source: sqlx::Error) -> StoreFault {
    match code & 0xff {
        5 | 6 => StoreFault::Locked { statement, source: Some(source) },
        8 => StoreFault::ReadOnly { statement, source },
        11 | 26 => StoreFault::Corrupt { statement, source: Box::new(source) },
        13 => StoreFault::Full { statement, source },
        // Primary key, unique, row id.
        19 if matches!(code >> 8, 6 | 8 | 10) => StoreFault::Taken { what: statement.to_owned(), source: Some(source) },
        3 | 14 | 23 => StoreFault::Denied { statement, source },
        _ => StoreFault::Statement { statement, source },
    }
}

fn of_postgres(code: &str, statement: &'static str, source: sqlx::Error) -> StoreFault {
    match code {
        "23505" => StoreFault::Taken { what: statement.to_owned(), source: Some(source) },
        // A lock that was not had, a deadlock, two that decided on the same.
        "55P03" | "40P01" | "40001" => StoreFault::Locked { statement, source: Some(source) },
        "57014" => StoreFault::TimedOut { statement, source: Some(source) },
        "53100" | "53200" => StoreFault::Full { statement, source },
        "25006" => StoreFault::ReadOnly { statement, source },
        "XX001" | "XX002" => StoreFault::Corrupt { statement, source: Box::new(source) },
        "42501" => StoreFault::Denied { statement, source },
        "53300" | "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "3D000" => {
            StoreFault::Away { statement, source }
        }
        code if code.starts_with("08") => StoreFault::Away { statement, source },
        code if code.starts_with("28") => StoreFault::Denied { statement, source },
        _ => StoreFault::Statement { statement, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_says_is_told_by_what_it_means() {
        let of = |code| of_postgres(code, "x", sqlx::Error::PoolClosed);
        assert!(matches!(of("53100"), StoreFault::Full { .. }));
        assert!(matches!(of("57014"), StoreFault::TimedOut { .. }));
        assert!(matches!(of("57P01"), StoreFault::Away { .. }));
        assert!(matches!(of("08006"), StoreFault::Away { .. }));
        assert!(matches!(of("40P01"), StoreFault::Locked { .. }));
        assert!(matches!(of("XX001"), StoreFault::Corrupt { .. }));
        assert!(matches!(of("28P01"), StoreFault::Denied { .. }));
        assert!(matches!(of("22001"), StoreFault::Statement { .. }));
    }

    #[test]
    fn what_sqlite_says_is_told_by_what_it_means() {
        // Extended codes: of a journal that cannot be read, of a snapshot that is busy, of a key.
        let of = |code| of_sqlite(code, "x", sqlx::Error::PoolClosed);
        assert!(matches!(of(5 | (2 << 8)), StoreFault::Locked { .. }));
        assert!(matches!(of(19 | (8 << 8)), StoreFault::Taken { .. }));
        assert!(matches!(of(19 | (3 << 8)), StoreFault::Statement { .. }));
        assert!(matches!(of(11 | (1 << 8)), StoreFault::Corrupt { .. }));
        assert!(matches!(of(26), StoreFault::Corrupt { .. }));
    }
}
