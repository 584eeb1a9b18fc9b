//! The door to the control database: open it, ask it, change it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::SqliteConnection;
use tokio::sync::watch;

use crate::db::{self, Link, Postgres, Sqlite};
use crate::{Dialect, Read, StoreAddress, StoreFault, Tx, Upgrade};

/// The control database. Cheap to clone; all clones share one writer (SQLite) or one pool (PostgreSQL).
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    address: StoreAddress,
    engine: Engine,
    /// Counts what was heard of changes; the numbers themselves are in the table.
    heard: watch::Sender<u64>,
    /// Whether this program listens to the other control nodes: once, for as long as the store is open.
    listens: AtomicBool,
}

enum Engine {
    Sqlite(Box<Sqlite>),
    Postgres(Postgres),
}

impl Engine {
    /// A connection to ask by.
    async fn reader(&self) -> Result<Link, StoreFault> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.reader().await,
            Engine::Postgres(postgres) => postgres.link().await,
        }
    }
}

/// What must have happened before a change counts as made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// It is on the disk.
    Synced,
    /// It will be: a loss of power may take back the last moments, in order, never the middle.
    Soon,
}

impl Store {
    /// Opens the control database, makes it if it is not there (SQLite), and brings its schema forward.
    ///
    /// One of a newer version is refused, and so is a file that is a database of something else.
    pub async fn open(address: &StoreAddress) -> Result<Store, StoreFault> {
        Store::open_after(address, async |_, _| Ok(())).await
    }

    /// The same; where an older version of the program left it, `before` is done first, with the store as it is: that
    /// is the moment for a copy. If it fails, nothing is brought forward.
    pub async fn open_after<E, F>(address: &StoreAddress, before: F) -> Result<Store, E>
    where
        E: From<StoreFault>,
        F: AsyncFn(&Store, Upgrade) -> Result<(), E>,
    {
        let engine = match address {
            StoreAddress::Sqlite(path) => Engine::Sqlite(Box::new(Sqlite::open(path).await?)),
            StoreAddress::Postgres(at) => Engine::Postgres(Postgres::open(at, &address.to_string()).await?),
        };
        let heard = watch::Sender::new(0);
        let store = Store(Arc::new(Inner { address: address.clone(), engine, heard, listens: AtomicBool::new(false) }));
        let shown = address.to_string();
        let mut ready = None;
        // Once more if another process brought it forward meanwhile, to another schema than ours.
        while let Some(upgrade) = store.write(async |tx| db::migrate(tx, &shown, ready).await).await? {
            if let Err(fault) = before(&store, upgrade).await {
                store.close().await;
                return Err(fault);
            }
            ready = Some(upgrade);
        }
        Ok(store)
    }

    /// Where it is.
    pub fn address(&self) -> &StoreAddress {
        &self.0.address
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match &self.0.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Asks. Each question sees what was committed when it was asked; for several that must agree, see [`Store::snapshot`].
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreFault>,
        F: AsyncFnOnce(&mut Read) -> Result<T, E>,
    {
        let mut read = Read::new(self.0.engine.reader().await?);
        let answer = work(&mut read).await;
        drop(read.into_link());
        answer
    }

    /// Asks several questions of one moment.
    pub async fn snapshot<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreFault>,
        F: AsyncFnOnce(&mut Read) -> Result<T, E>,
    {
        let (answer, _) = self.of_one_moment(self.0.engine.reader().await?, work).await?;
        answer
    }

    /// The same for questions that may take hours.
    pub(crate) async fn long_snapshot<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        F: AsyncFnOnce(&mut Read) -> Result<T, StoreFault>,
    {
        let link = match &self.0.engine {
            Engine::Sqlite(sqlite) => sqlite.reader().await?,
            Engine::Postgres(postgres) => postgres.long_link().await?,
        };
        let (answer, link) = self.of_one_moment(link, work).await?;
        // It has lost its limits, and must not be handed on.
        if let Some(link) = link {
            link.sever();
        }
        answer
    }

    /// Has PostgreSQL count anew how its tables are filled.
    pub(crate) async fn analyze(&self) -> Result<(), StoreFault> {
        let Engine::Postgres(postgres) = &self.0.engine else { return Ok(()) };
        let mut link = postgres.long_link().await?;
        let learned = link.script("analyze", "ANALYZE").await;
        // It has lost its limits, and must not be handed on.
        link.sever();
        learned
    }

    async fn of_one_moment<T, E, F>(&self, link: Link, work: F) -> Result<(Result<T, E>, Option<Link>), StoreFault>
    where
        E: From<StoreFault>,
        F: AsyncFnOnce(&mut Read) -> Result<T, E>,
    {
        let begin = match self.dialect() {
            Dialect::Sqlite => "BEGIN",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        };
        let mut read = Read::new(link);
        read.begin("begin to read", begin).await?;
        let answer = work(&mut read).await;
        let link = read.end("ROLLBACK").await?;
        Ok((answer, link))
    }

    /// Changes: all that `work` does happens, and is on the disk when this returns, or none of it does.
    ///
    /// `work` waits for nothing but this transaction. A fault of it takes everything back, and so does giving up
    /// the future half way.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreFault>,
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    {
        self.change(Durability::Synced, work).await
    }

    /// The same for what may be lost with the power, since it can be had again: lines of a task.
    pub async fn write_soon<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreFault>,
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    {
        self.change(Durability::Soon, work).await
    }

    async fn change<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        E: From<StoreFault>,
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    {
        match &self.0.engine {
            Engine::Sqlite(sqlite) => {
                let mut place = sqlite.writer().await?;
                // Taken out: if this future is given up, the connection goes, and the transaction with it.
                let mut writer = match place.take() {
                    Some(writer) => writer,
                    None => sqlite.reopen().await?,
                };
                if writer.synced != (durability == Durability::Synced) {
                    writer.synced = durability == Durability::Synced;
                    set_synchronous(&mut writer.connection, writer.synced).await?;
                }
                let synced = writer.synced;
                let mut tx = Tx::new(Read::new(Link::Writer(writer.connection)));
                if let Err(fault) = tx.begin("begin", "BEGIN IMMEDIATE").await {
                    if let Some(Link::Writer(connection)) = tx.into_read().into_link() {
                        *place = Some(db::Writer { connection, synced });
                    }
                    return Err(fault.into());
                }
                let (answer, link) = self.finish(tx, work).await;
                if let Some(Link::Writer(connection)) = link {
                    *place = Some(db::Writer { connection, synced });
                }
                answer
            }
            Engine::Postgres(postgres) => {
                let mut tx = Tx::new(Read::new(postgres.link().await?));
                let begin = match durability {
                    Durability::Synced => "BEGIN",
                    Durability::Soon => "BEGIN; SET LOCAL synchronous_commit = off",
                };
                tx.begin("begin", begin).await?;
                self.finish(tx, work).await.0
            }
        }
    }

    /// Does the work in an open transaction and ends it, one way or the other.
    async fn finish<T, E, F>(&self, mut tx: Tx, work: F) -> (Result<T, E>, Option<Link>)
    where
        E: From<StoreFault>,
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    {
        let mut answer = work(&mut tx).await;
        let mut told = None;
        if answer.is_ok() {
            match tx.number_changes().await {
                Ok(number) => told = number,
                Err(fault) => answer = Err(fault.into()),
            }
        }
        let end = if answer.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match tx.into_read().end(end).await {
            Ok(link) => {
                if told.is_some() && answer.is_ok() {
                    self.0.heard.send_modify(|count| *count += 1);
                }
                (answer, link)
            }
            Err(fault) if answer.is_ok() => (Err(fault.into()), None),
            // What went wrong first is what counts; the connection is gone, and the transaction with it.
            Err(_) => (answer, None),
        }
    }

    /// Wakes up whenever something was changed: by this program, and, on PostgreSQL, by any other control node.
    /// What it was is told by [`Read::changes_since`].
    pub fn heard(&self) -> watch::Receiver<u64> {
        // Before it listens: whoever asks first hears that, too.
        let heard = self.0.heard.subscribe();
        if let Engine::Postgres(postgres) = &self.0.engine
            && !self.0.listens.swap(true, Ordering::Relaxed)
        {
            postgres.listen(self.0.heard.clone());
        }
        heard
    }

    /// Ends all connections. SQLite's journal is emptied into its file.
    pub async fn close(&self) {
        match &self.0.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }

    pub(crate) fn sqlite(&self) -> Option<&Sqlite> {
        match &self.0.engine {
            Engine::Sqlite(sqlite) => Some(sqlite),
            Engine::Postgres(_) => None,
        }
    }
}

async fn set_synchronous(connection: &mut SqliteConnection, synced: bool) -> Result<(), StoreFault> {
    let text = if synced { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
    let done = sqlx::Executor::execute(connection, sqlx::raw_sql(text)).await;
    done.map(drop).map_err(|error| StoreFault::of("set how to sync", error))
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.0.address)
    }
}
