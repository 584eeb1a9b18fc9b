//! Brings the schema forward: every migration that is not there yet, all in one transaction.

use ring::digest::{SHA256, digest};

use super::{Dialect, Sql, Tx, values};
use crate::StoreFault;

/// One step of the schema, in both dialects.
pub(crate) struct Migration {
    pub(crate) number: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

/// All of them, from 1 on. They only ever grow: a text that was released is never changed.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        sqlite: include_str!("../../migrations/sqlite/0001_first.sql"),
        postgres: include_str!("../../migrations/postgres/0001_first.sql"),
    },
    Migration {
        number: 2,
        sqlite: include_str!("../../migrations/sqlite/0002_people.sql"),
        postgres: include_str!("../../migrations/postgres/0002_people.sql"),
    },
    Migration {
        number: 3,
        sqlite: include_str!("../../migrations/sqlite/0003_bulk.sql"),
        postgres: include_str!("../../migrations/postgres/0003_bulk.sql"),
    },
    Migration {
        number: 4,
        sqlite: include_str!("../../migrations/sqlite/0004_formers.sql"),
        postgres: include_str!("../../migrations/postgres/0004_formers.sql"),
    },
    Migration {
        number: 5,
        sqlite: include_str!("../../migrations/sqlite/0005_cron.sql"),
        postgres: include_str!("../../migrations/postgres/0005_cron.sql"),
    },
    Migration {
        number: 6,
        sqlite: include_str!("../../migrations/sqlite/0006_waves.sql"),
        postgres: include_str!("../../migrations/postgres/0006_waves.sql"),
    },
    Migration {
        number: 7,
        sqlite: include_str!("../../migrations/sqlite/0007_letters.sql"),
        postgres: include_str!("../../migrations/postgres/0007_letters.sql"),
    },
];

const LOCK_SCHEMA: &str = "SELECT pg_advisory_xact_lock(7018141438805370222)";
const TABLES: Sql = Sql::each(
    "count tables",
    "SELECT COUNT(*) AS tables, COALESCE(SUM(name = 'meta'), 0) AS ours
       FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    // A schema of a server may hold other things too: there only our own table tells.
    "SELECT COUNT(*) AS tables, COUNT(*) AS ours
       FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'meta'",
);
/// Which migrations were done; it is there before the first of them.
const META: Sql = Sql::each(
    "make meta",
    "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE meta (name TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, value TEXT COLLATE \"C\" NOT NULL)",
);
const RECORD: Sql = Sql::same("record migration", "INSERT INTO meta (name, value) VALUES ($1, $2)");
const RECORDED: Sql = Sql::same("read migrations", "SELECT name, value FROM meta WHERE name LIKE 'migration-%'");

/// A control database that an older version of the program left: from which schema to which it is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The schema that is there.
    pub from: i64,
    /// The newest that this program knows.
    pub to: i64,
}

/// Brings the schema forward. A database of a newer version is refused, and so is one of something else.
///
/// One that was in use is left as it is, and the answer says so, unless it is `ready`: whoever says that has made
/// of this very schema what must be there first, a copy.
pub(crate) async fn migrate(tx: &mut Tx, address: &str, ready: Option<Upgrade>) -> Result<Option<Upgrade>, StoreFault> {
    let dialect = tx.dialect();
    if dialect == Dialect::Postgres {
        tx.link()?.rows("lock the schema", LOCK_SCHEMA, Vec::new(), false).await?;
    }
    let tables = tx.row(&TABLES, Vec::new()).await?;
    let (there, ours) = match tables {
        Some(row) => (row.get::<i64>("tables")? > 0, row.get::<i64>("ours")? > 0),
        None => (false, false),
    };
    if there && !ours {
        return Err(StoreFault::Foreign { address: address.to_owned() });
    }
    if !ours {
        tx.execute(&META, Vec::new()).await?;
    }
    let mut found = 0;
    if ours {
        for row in tx.rows(&RECORDED, Vec::new()).await? {
            let name: String = row.get("name")?;
            let number = name.trim_start_matches("migration-").parse::<i64>();
            let number = number.map_err(|bad| StoreFault::unreadable(name, bad))?;
            found = found.max(number);
            let known = MIGRATIONS.iter().find(|migration| migration.number == number);
            if known.is_some_and(|known| row.get::<String>("value").is_ok_and(|sum| sum != known.checksum(dialect))) {
                return Err(StoreFault::Altered { number });
            }
        }
        let known = MIGRATIONS.last().map_or(0, |last| last.number);
        if found > known {
            return Err(StoreFault::Newer { address: address.to_owned(), found, known });
        }
        let upgrade = Upgrade { from: found, to: known };
        if found < known && ready != Some(upgrade) {
            return Ok(Some(upgrade));
        }
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > found) {
        tx.link()?.script("migrate", migration.text(dialect)).await?;
        let name = format!("migration-{:04}", migration.number);
        tx.execute(&RECORD, values![name, migration.checksum(dialect)]).await?;
    }
    Ok(None)
}

impl Migration {
    fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    fn checksum(&self, dialect: Dialect) -> String {
        let sum = digest(&SHA256, self.text(dialect).as_bytes());
        sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
