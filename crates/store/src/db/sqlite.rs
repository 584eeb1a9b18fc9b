//! SQLite: one writer, some readers, one file that nobody else reads.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use tokio::sync::{Mutex, MutexGuard};

use super::Link;
use crate::StoreFault;

/// The first SQLite without the race that can damage a file in write-ahead mode.
const OLDEST: [u32; 3] = [3, 51, 3];
/// How long a writer waits for one of another process.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// A journal that grew beyond this is cut when it is next emptied.
const JOURNAL_LIMIT: &str = "67108864";

/// A file, with its writer and its readers.
pub(crate) struct Sqlite {
    path: PathBuf,
    options: SqliteConnectOptions,
    writer: Mutex<Option<Writer>>,
    readers: SqlitePool,
}

/// The connection that writes, and how hard it holds on to what it wrote.
pub(crate) struct Writer {
    pub(crate) connection: SqliteConnection,
    pub(crate) synced: bool,
}

impl Sqlite {
    /// Opens the file, and makes it if it is not there.
    pub(crate) async fn open(path: &Path) -> Result<Sqlite, StoreFault> {
        let file = path.to_owned();
        let only_read = prepare_file(&file).map_err(|error| cannot_open(path, error))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .pragma("journal_size_limit", JOURNAL_LIMIT)
            .pragma("cache_size", "-8000")
            .pragma("temp_store", "memory")
            .pragma("trusted_schema", "off")
            .disable_statement_logging();
        // For the writer alone: to say it takes the lock of one who writes, and readers wait for nobody.
        let readers = options.clone().pragma("query_only", "on");
        let options = options.auto_vacuum(SqliteAutoVacuum::Incremental);
        let writer = match (connect(&options, path).await, only_read) {
            (Ok(writer), _) => writer,
            // The driver only says that it cannot; why not, the system said.
            (Err(StoreFault::Open { .. }), Some(why)) => return Err(cannot_open(path, why)),
            (Err(fault), _) => return Err(fault),
        };
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .min_connections(0)
            .acquire_timeout(PATIENCE)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(readers);
        Ok(Sqlite { path: path.to_owned(), options, writer: Mutex::new(Some(writer)), readers })
    }

    /// The writer, when its turn has come; nothing in the guard: it must be opened anew.
    pub(crate) async fn writer(&self) -> Result<MutexGuard<'_, Option<Writer>>, StoreFault> {
        match tokio::time::timeout(PATIENCE * 3, self.writer.lock()).await {
            Ok(guard) => Ok(guard),
            Err(_) => Err(StoreFault::Locked { statement: "wait for the writer", source: None }),
        }
    }

    pub(crate) async fn reopen(&self) -> Result<Writer, StoreFault> {
        connect(&self.options, &self.path).await
    }

    pub(crate) async fn reader(&self) -> Result<Link, StoreFault> {
        let connection = self.readers.acquire().await;
        connection.map(Link::Reader).map_err(|error| StoreFault::of("open for reading", error))
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = self.writer.lock().await.take() {
            // The last one to close empties the journal into the file. If that fails, the next one to open does.
            let _ = sqlx::Connection::close(writer.connection).await;
        }
    }
}

async fn connect(options: &SqliteConnectOptions, path: &Path) -> Result<Writer, StoreFault> {
    let opened = options.connect().await.map_err(|error| match StoreFault::of("open", error) {
        // The driver's own words, which begin with the path, are the best there are.
        StoreFault::Denied { source, .. } | StoreFault::Statement { source, .. } => cannot_open(path, source),
        fault => fault,
    });
    let mut connection = opened?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection)
        .await
        .map_err(|error| StoreFault::of("ask for the version", error))?;
    if !is_new_enough(&version) {
        return Err(StoreFault::OldSqlite { found: version });
    }
    Ok(Writer { connection, synced: true })
}

fn is_new_enough(version: &str) -> bool {
    let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    parts.as_slice() >= OLDEST.as_slice()
}

/// Makes the file if it is not there, and keeps others from it. A link in its place is not followed. Gives why it may
/// only be read, if so.
fn prepare_file(path: &Path) -> io::Result<Option<io::Error>> {
    const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(NOFOLLOW).open(path);
    let (file, only_read) = match file {
        // A file that may only be read says so where it is written.
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            (OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(path)?, Some(error))
        }
        file => (file?, None),
    };
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        match file.set_permissions(fs::Permissions::from_mode(mode & 0o700)) {
            // Where nothing can be written, a mode cannot either.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => (),
            done => done?,
        }
    }
    Ok(only_read)
}

pub(crate) fn cannot_open(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreFault {
    StoreFault::Open { address: format!("sqlite:{}", path.display()), source: source.into() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_sqlite_that_can_damage_its_file_is_refused() {
        for (version, fits) in [("3.51.3", true), ("3.52.0", true), ("4.0", true), ("3.51.2", false), ("3.46.0", false)]
        {
            assert_eq!(super::is_new_enough(version), fits, "{version}");
        }
    }
}
