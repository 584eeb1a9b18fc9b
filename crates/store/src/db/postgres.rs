//! PostgreSQL: a pool, limits on every wait, and word from the other control nodes.

use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};
use tokio::sync::watch;

use super::{Link, PostgresAddress};
use crate::StoreFault;

/// How long the server may work on a statement, in milliseconds; a little later nobody waits any more.
const STATEMENT_LIMIT: &str = "30000";
/// How long somebody waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
const WATCHDOG: Duration = Duration::from_secs(40);
/// For what goes over whole tables.
const LONG_WATCHDOG: Duration = Duration::from_secs(4 * 3600);

/// A pool of connections to one database.
pub(crate) struct Postgres {
    pool: PgPool,
}

impl Postgres {
    pub(crate) async fn open(address: &PostgresAddress, shown: &str) -> Result<Postgres, StoreFault> {
        let options = address
            .options()?
            .application_name("aegir")
            .options([
                ("statement_timeout", STATEMENT_LIMIT),
                ("lock_timeout", "5000"),
                ("idle_in_transaction_session_timeout", "60000"),
                ("client_min_messages", "warning"),
                // Our questions are short: to compile them would take longer than to answer them.
                ("jit", "off"),
                // The server's end; ours is the watchdog, for the driver sets none.
                ("tcp_keepalives_idle", "30"),
                ("tcp_keepalives_interval", "10"),
                ("tcp_keepalives_count", "3"),
            ])
            .disable_statement_logging();
        // One connection first: a pool asks on and on, and tells only that time went by.
        let first = tokio::time::timeout(PATIENCE, options.connect()).await;
        let first = first.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(|error| cannot_connect(shown, error))?;
        // What cannot be said goodbye to has gone.
        let _ = sqlx::Connection::close(first).await;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .min_connections(0)
            .acquire_timeout(PATIENCE)
            .idle_timeout(Duration::from_secs(300))
            .test_before_acquire(true)
            .connect_lazy_with(options);
        Ok(Postgres { pool })
    }

    pub(crate) async fn link(&self) -> Result<Link, StoreFault> {
        let connection = self.pool.acquire().await.map_err(|error| StoreFault::of("connect", error))?;
        Ok(Link::Postgres { connection, limit: WATCHDOG, silent: false })
    }

    /// A connection whose statements may take hours.
    pub(crate) async fn long_link(&self) -> Result<Link, StoreFault> {
        let mut link = self.link().await?;
        link.script("lift the limits", "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            .await?;
        if let Link::Postgres { limit, .. } = &mut link {
            *limit = LONG_WATCHDOG;
        }
        Ok(link)
    }

    /// Passes on that another control node changed something, until the pool is closed.
    pub(crate) fn listen(&self, heard: watch::Sender<u64>) {
        let pool = self.pool.clone();
        tokio::spawn(async move {
            while !pool.is_closed() {
                if let Ok(mut listener) = PgListener::connect_with(&pool).await
                    && listener.listen("aegir_change").await.is_ok()
                {
                    // Something may have happened before we listened.
                    heard.send_modify(|count| *count += 1);
                    while let Ok(Some(_)) = listener.try_recv().await {
                        heard.send_modify(|count| *count += 1);
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

fn cannot_connect(shown: &str, error: sqlx::Error) -> StoreFault {
    match StoreFault::of("connect", error) {
        StoreFault::Statement { source, .. } => {
            StoreFault::Open { address: shown.to_owned(), source: Box::new(source) }
        }
        fault => fault,
    }
}
