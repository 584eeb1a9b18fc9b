//! One connection, and the three things it is asked: to do, to answer, to say whether a text is a statement.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Sqlite, SqliteConnection};

use super::value::{for_postgres, for_sqlite};
use super::{Dialect, Row, Value};
use crate::StoreFault;

/// One connection.
pub(crate) enum Link {
    /// The one that writes.
    Writer(SqliteConnection),
    /// One that reads.
    Reader(PoolConnection<Sqlite>),
    /// Either.
    Postgres {
        connection: PoolConnection<Postgres>,
        /// When nobody believes any more that an answer comes: a peer that is gone says nothing.
        limit: Duration,
        /// Nobody waited for its last answer: it may still come, and would be taken for that of the next question.
        silent: bool,
    },
}

/// One of the two drivers' connections.
enum Driver<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection, Duration, &'a mut bool),
}

impl Link {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Link::Writer(_) | Link::Reader(_) => Dialect::Sqlite,
            Link::Postgres { .. } => Dialect::Postgres,
        }
    }

    fn driver(&mut self) -> Driver<'_> {
        match self {
            Link::Writer(connection) => Driver::Sqlite(connection),
            Link::Reader(connection) => Driver::Sqlite(connection),
            Link::Postgres { connection, limit, silent } => Driver::Postgres(connection, *limit, silent),
        }
    }

    /// Does `text`; tells how many rows it touched.
    pub(crate) async fn execute(
        &mut self,
        name: &'static str,
        text: &str,
        values: Vec<Value>,
    ) -> Result<u64, StoreFault> {
        match self.driver() {
            Driver::Sqlite(connection) => {
                let arguments = for_sqlite(values).map_err(|error| refused(name, error))?;
                let done = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(text), arguments).execute(connection).await;
                Ok(done.map_err(|error| StoreFault::of(name, error))?.rows_affected())
            }
            Driver::Postgres(connection, limit, silent) => {
                let arguments = for_postgres(values).map_err(|error| refused(name, error))?;
                let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(text), arguments).execute(connection);
                Ok(within(limit, silent, name, query).await?.rows_affected())
            }
        }
    }

    /// Asks `text`. What is put together anew for each question is not kept by the server: it plans for these values.
    pub(crate) async fn rows(
        &mut self,
        name: &'static str,
        text: &str,
        values: Vec<Value>,
        keep: bool,
    ) -> Result<Vec<Row>, StoreFault> {
        match self.driver() {
            Driver::Sqlite(connection) => {
                let arguments = for_sqlite(values).map_err(|error| refused(name, error))?;
                let query = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(text), arguments).persistent(keep);
                let rows = query.fetch_all(connection).await.map_err(|error| StoreFault::of(name, error))?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Driver::Postgres(connection, limit, silent) => {
                let arguments = for_postgres(values).map_err(|error| refused(name, error))?;
                let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(text), arguments).persistent(keep);
                let rows = within(limit, silent, name, query.fetch_all(connection)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Does several statements of the program, without values.
    pub(crate) async fn script(&mut self, name: &'static str, text: &'static str) -> Result<(), StoreFault> {
        match self.driver() {
            Driver::Sqlite(connection) => {
                connection.execute(sqlx::raw_sql(text)).await.map_err(|error| StoreFault::of(name, error))?;
            }
            Driver::Postgres(connection, limit, silent) => {
                within(limit, silent, name, connection.execute(sqlx::raw_sql(text))).await?;
            }
        }
        Ok(())
    }

    /// Has the database read `text` as a statement, and forget it.
    pub(crate) async fn prepare(&mut self, name: &'static str, text: &str) -> Result<(), StoreFault> {
        use sqlx::SqlSafeStr as _;
        let text = AssertSqlSafe(text).into_sql_str();
        match self.driver() {
            Driver::Sqlite(connection) => {
                connection.prepare(text).await.map_err(|error| StoreFault::of(name, error))?;
                connection.clear_cached_statements().await.map_err(|error| StoreFault::of(name, error))
            }
            Driver::Postgres(connection, limit, silent) => {
                within(limit, silent, name, connection.prepare(text)).await?;
                within(limit, silent, name, connection.clear_cached_statements()).await
            }
        }
    }

    /// Whether it may be used again.
    pub(crate) fn is_fit(&self) -> bool {
        !matches!(self, Link::Postgres { silent: true, .. })
    }

    /// Ends the connection without a word. What was not committed is taken back by whoever held the other end.
    pub(crate) fn sever(self) {
        match self {
            Link::Postgres { connection, .. } => drop(connection.detach()),
            // Given back, it would go to the next one with its transaction open.
            Link::Reader(connection) => drop(connection.detach()),
            // The one that writes is made anew for the next one.
            Link::Writer(_) => (),
        }
    }
}

async fn within<T>(
    limit: Duration,
    silent: &mut bool,
    name: &'static str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreFault> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(|error| StoreFault::of(name, error)),
        Err(_) => {
            *silent = true;
            Err(StoreFault::TimedOut { statement: name, source: None })
        }
    }
}

fn refused(name: &'static str, error: sqlx::error::BoxDynError) -> StoreFault {
    StoreFault::of(name, sqlx::Error::Encode(error))
}
