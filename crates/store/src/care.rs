//! Care of the control database: backups, checks, and what is done now and then.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::{Executor as _, Row as _};

use crate::db::{Dialect, Query, Sql};
use crate::{Store, StoreFault};

/// Everything that the program asks in fixed words, by file.
fn statements() -> impl Iterator<Item = &'static Sql> {
    [
        crate::account::STATEMENTS,
        crate::attempt::STATEMENTS,
        crate::audit::STATEMENTS,
        crate::bulk::STATEMENTS,
        crate::client::STATEMENTS,
        crate::backup::STATEMENTS,
        crate::cron::STATEMENTS,
        crate::former::STATEMENTS,
        crate::found::STATEMENTS,
        crate::lease::STATEMENTS,
        crate::line::STATEMENTS,
        crate::news::STATEMENTS,
        crate::node::STATEMENTS,
        crate::one_time_link::STATEMENTS,
        crate::package::STATEMENTS,
        crate::platform::STATEMENTS,
        crate::prune::STATEMENTS,
        crate::queue::STATEMENTS,
        crate::saved_view::STATEMENTS,
        crate::secret::STATEMENTS,
        crate::server::STATEMENTS,
        crate::session::STATEMENTS,
        crate::setting::STATEMENTS,
        crate::site::STATEMENTS,
        crate::task::STATEMENTS,
        crate::token::STATEMENTS,
        crate::wrong_try::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}

/// What must hold of the rows, whatever the database thinks of their pages: what would be found, and how it is said.
const RULES: [(&str, &str); 5] = [
    (
        "SELECT task.id FROM task WHERE task.state IN ('running', 'out-of-contact')
            AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.task = task.id AND attempt.state <> 'ended')",
        "runs and has no attempt that does",
    ),
    (
        "SELECT task AS id FROM attempt WHERE state <> 'ended'
            AND NOT EXISTS (SELECT 1 FROM task WHERE task.id = attempt.task AND task.state IN ('running', 'out-of-contact'))",
        "has ended, and one of its attempts has not",
    ),
    (
        "SELECT task_lock.task AS id FROM task_lock JOIN task ON task.id = task_lock.task
          WHERE task.state NOT IN ('waiting', 'running', 'out-of-contact')",
        "has ended and holds a lock",
    ),
    (
        "SELECT site.id FROM site JOIN node ON node.id = site.id WHERE node.status <> 'deleted'
            AND NOT EXISTS (SELECT 1 FROM domain WHERE domain.site = site.id)",
        "is a site without a name",
    ),
    (
        "SELECT id FROM node WHERE kind = 'task' AND NOT EXISTS (SELECT 1 FROM task WHERE task.id = node.id)",
        "is the number of a task that is not there",
    ),
];

impl Store {
    /// Looks whether the control database is whole: pages, references, and what must hold of tasks and sites. Gives
    /// what is wrong; nothing is mended.
    pub async fn check(&self) -> Result<Vec<String>, StoreFault> {
        let dialect = self.dialect();
        self.long_snapshot(async |read| {
            let mut wrong = Vec::new();
            if dialect == Dialect::Sqlite {
                for row in read.ask("integrity_check", Query::new("PRAGMA integrity_check(20)")).await? {
                    let said: String = row.get("integrity_check")?;
                    if said != "ok" {
                        wrong.push(said);
                    }
                }
                for row in read.ask("foreign_key_check", Query::new("PRAGMA foreign_key_check")).await? {
                    let (table, parent): (String, String) = (row.get("table")?, row.get("parent")?);
                    wrong.push(format!("a row of `{table}` refers to one of `{parent}` that is not there"));
                }
            }
            for (rule, says) in RULES {
                for row in read.ask("check", Query::new(rule)).await?.iter().take(20) {
                    wrong.push(format!("node {} {says}", row.get::<i64>("id")?));
                }
            }
            Ok(wrong)
        })
        .await
    }

    /// Has the database read every statement of this program; gives those that it does not understand. Other than
    /// nothing means that schema and program do not belong together.
    pub async fn check_statements(&self) -> Result<Vec<String>, StoreFault> {
        let dialect = self.dialect();
        self.read(async |read| {
            let mut refused = Vec::new();
            for sql in statements() {
                if let Err(fault) = read.link()?.prepare(sql.name, sql.text(dialect)).await {
                    let why = std::error::Error::source(&fault).map(ToString::to_string).unwrap_or_default();
                    refused.push(format!("{}: {why}", sql.name));
                }
            }
            Ok(refused)
        })
        .await
    }

    /// Writes a whole copy of an SQLite database to a new file, mode 0600, and looks whether it is whole. Others go on
    /// writing meanwhile; the copy is of one moment. A failure leaves no file.
    ///
    /// A PostgreSQL database is backed up by `pg_dump`, which whoever asks for a backup runs; here it is refused.
    pub async fn backup_to(&self, path: &Path) -> Result<(), StoreFault> {
        let Some(sqlite) = self.sqlite() else {
            return Err(StoreFault::Absent { what: "file to copy: PostgreSQL is backed up by `pg_dump`".into() });
        };
        let file = |source: io::Error| StoreFault::File { path: path.display().to_string(), source };
        // An empty file is what `VACUUM INTO` accepts, and it keeps the mode.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(file)?;
        let copied = self.copy_into(sqlite, path).await.and_then(|()| made.sync_all().map_err(file));
        let copied = copied.and_then(|()| match path.parent() {
            Some(folder) if folder != Path::new("") => {
                File::open(folder).and_then(|folder| folder.sync_all()).map_err(file)
            }
            _ => Ok(()),
        });
        if copied.is_err() {
            let _ = std::fs::remove_file(path);
        }
        copied
    }

    async fn copy_into(&self, sqlite: &crate::db::Sqlite, path: &Path) -> Result<(), StoreFault> {
        let mut writer = sqlite.reopen().await?;
        let name = path.to_str().ok_or_else(|| StoreFault::File {
            path: path.display().to_string(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "the path is no UTF-8"),
        })?;
        let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut writer.connection).await;
        copied.map_err(|error| StoreFault::of("copy", error))?;
        let _ = sqlx::Connection::close(writer.connection).await;

        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
        let mut copy =
            sqlx::ConnectOptions::connect(&options).await.map_err(|error| StoreFault::of("read copy", error))?;
        let rows = copy.fetch_all(sqlx::raw_sql("PRAGMA integrity_check(1)")).await;
        let rows = rows.map_err(|error| StoreFault::of("check copy", error))?;
        let said: String = rows.first().and_then(|row| row.try_get_unchecked(0).ok()).unwrap_or_default();
        let _ = sqlx::Connection::close(copy).await;
        match said.as_str() {
            "ok" => Ok(()),
            said => Err(StoreFault::Corrupt { statement: "check copy", source: said.to_owned().into() }),
        }
    }

    /// What is good now and then, as once an hour: the database learns how its tables are filled, by which it decides
    /// how to look for something; SQLite gives back room, and empties its journal. PostgreSQL does the rest by itself,
    /// and this too, but not at once after many rows came.
    pub async fn tend(&self) -> Result<(), StoreFault> {
        let Some(sqlite) = self.sqlite() else { return self.analyze().await };
        let mut place = sqlite.writer().await?;
        let mut writer = match place.take() {
            Some(writer) => writer,
            None => sqlite.reopen().await?,
        };
        for (name, text) in [
            ("optimize", "PRAGMA optimize"),
            ("give back room", "PRAGMA incremental_vacuum(2000)"),
            ("empty the journal", "PRAGMA wal_checkpoint(TRUNCATE)"),
        ] {
            writer.connection.execute(sqlx::raw_sql(text)).await.map_err(|error| StoreFault::of(name, error))?;
        }
        *place = Some(writer);
        Ok(())
    }

    /// Which schema it has: the number of its last migration.
    pub fn schema(&self) -> i64 {
        crate::db::MIGRATIONS.last().map_or(0, |last| last.number)
    }
}
