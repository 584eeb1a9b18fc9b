//! The schema: the same on both, as the program thinks it is, and refused where it is not ours.

use std::collections::BTreeMap;

use aegir_domain::Remedy;
use aegir_store::{Dialect, Store, StoreFault, Upgrade};
use sqlx::{ConnectOptions, Connection, Row};

use crate::ground::{Ground, on_both};

/// Tables with their columns (name, kind, whether it must be filled), keys and indices.
type Schema = BTreeMap<String, (Vec<(String, &'static str, bool)>, Vec<String>, BTreeMap<String, String>)>;

#[test]
fn every_statement_is_understood_by_both() {
    on_both(async |ground| {
        assert_eq!(ground.store.check_statements().await.unwrap(), Vec::<String>::new());
    });
}

#[test]
fn both_migrations_end_in_the_same_schema() {
    let schemas = std::sync::Mutex::new(Vec::new());
    on_both(async |ground| {
        let schema = match ground.store.dialect() {
            Dialect::Sqlite => sqlite_schema(&ground).await,
            Dialect::Postgres => postgres_schema(&ground).await,
        };
        schemas.lock().unwrap().push(schema);
    });
    let schemas = schemas.into_inner().unwrap();

    assert_eq!(schemas[0].keys().collect::<Vec<_>>(), schemas[1].keys().collect::<Vec<_>>());
    for (name, table) in &schemas[0] {
        assert_eq!(*table, schemas[1][name], "the table `{name}`");
    }
    assert!(schemas[0].len() > 25, "they were read at all");
}

#[test]
fn a_database_that_is_there_is_opened_again() {
    on_both(async |ground| {
        ground.server("web1").await;
        let again = Store::open(&ground.address).await.unwrap();
        let sums = again.sums().await.unwrap();
        assert_eq!(sums, ground.store.sums().await.unwrap());
        assert_eq!(again.check().await.unwrap(), Vec::<String>::new());
        again.close().await;
    });
}

#[test]
fn a_database_of_a_newer_version_or_of_a_changed_migration_is_refused() {
    on_both(async |ground| {
        for (change, newer) in [
            ("INSERT INTO meta (name, value) VALUES ('migration-9999', 'x')", true),
            ("DELETE FROM meta WHERE name = 'migration-9999'", true),
            ("UPDATE meta SET value = 'x' WHERE name = 'migration-0001'", false),
        ] {
            ground.store.close().await;
            raw(&ground, change).await;
            match (Store::open(&ground.address).await, newer) {
                (Ok(store), true) if change.starts_with("DELETE") => store.close().await,
                (Err(fault @ StoreFault::Newer { found: 9999, .. }), true) => {
                    assert!(fault.remedy().is_some_and(|remedy| remedy.contains("version")));
                }
                (Err(StoreFault::Altered { number: 1 }), false) => (),
                (other, _) => panic!("{change}: {other:?}"),
            }
        }
    });
}

/// Does something behind the store's back.
pub async fn raw(ground: &Ground, sql: &'static str) {
    match ground.store.dialect() {
        Dialect::Sqlite => {
            let mut connection = sqlite(ground).await;
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        Dialect::Postgres => {
            let mut connection = postgres(ground).await;
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

pub async fn sqlite(ground: &Ground) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(ground.dir.path().join("control.sqlite"));
    options.connect().await.unwrap()
}

pub async fn postgres(ground: &Ground) -> sqlx::PgConnection {
    let options: sqlx::postgres::PgConnectOptions = ground.url().parse().unwrap();
    options.connect().await.unwrap()
}

async fn sqlite_schema(ground: &Ground) -> Schema {
    let mut connection = sqlite(ground).await;
    let mut schema = Schema::new();
    let tables = sqlx::query(
        "SELECT t.name AS tbl, c.name AS col, c.type AS type, c.[notnull] AS filled, c.pk AS pk
           FROM sqlite_master t JOIN pragma_table_info(t.name) c
          WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid",
    );
    for row in tables.fetch_all(&mut connection).await.unwrap() {
        let table = schema.entry(row.get("tbl")).or_default();
        table.0.push((row.get("col"), kind(row.get("type")), row.get::<i64, _>("filled") == 1));
        if row.get::<i64, _>("pk") > 0 {
            table.1.push(row.get("col"));
        }
    }
    let indices = sqlx::query(
        "SELECT t.name AS tbl, i.name AS idx, i.[unique] AS uniq, i.partial AS partial, x.name AS col
           FROM sqlite_master t JOIN pragma_index_list(t.name) i JOIN pragma_index_xinfo(i.name) x
          WHERE t.type = 'table' AND i.origin = 'c' AND x.key = 1 ORDER BY i.name, x.seqno",
    );
    for row in indices.fetch_all(&mut connection).await.unwrap() {
        let index =
            schema.get_mut(&row.get::<String, _>("tbl")).unwrap().2.entry(row.get("idx")).or_insert_with(|| {
                format!("unique {} partial {}:", row.get::<i64, _>("uniq") == 1, row.get::<i64, _>("partial") == 1)
            });
        index.push(' ');
        index.push_str(&row.get::<Option<String>, _>("col").unwrap_or_else(|| "(expression)".into()));
    }
    schema
}

async fn postgres_schema(ground: &Ground) -> Schema {
    let mut connection = postgres(ground).await;
    let mut schema = Schema::new();
    let tables = sqlx::query(
        "SELECT c.table_name::text AS tbl, c.column_name::text AS col, c.data_type::text AS type,
                c.is_nullable = 'NO' AS filled,
                EXISTS (SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                         WHERE i.indisprimary AND i.indrelid = c.table_name::regclass AND a.attname = c.column_name) AS pk
           FROM information_schema.columns c WHERE c.table_schema = 'public' ORDER BY c.table_name, c.ordinal_position",
    );
    for row in tables.fetch_all(&mut connection).await.unwrap() {
        let table = schema.entry(row.get("tbl")).or_default();
        table.0.push((row.get("col"), kind(row.get("type")), row.get("filled")));
        if row.get("pk") {
            table.1.push(row.get("col"));
        }
    }
    let indices = sqlx::query(
        "SELECT i.indrelid::regclass::text AS tbl, i.indexrelid::regclass::text AS idx, i.indisunique AS uniq,
                i.indpred IS NOT NULL AS partial, k.n, a.attname::text AS col
           FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
           CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k (att, n)
           LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att AND k.att > 0
          WHERE NOT i.indisprimary ORDER BY 2, k.n",
    );
    for row in indices.fetch_all(&mut connection).await.unwrap() {
        let index =
            schema.get_mut(&row.get::<String, _>("tbl")).unwrap().2.entry(row.get("idx")).or_insert_with(|| {
                format!("unique {} partial {}:", row.get::<bool, _>("uniq"), row.get::<bool, _>("partial"))
            });
        index.push(' ');
        index.push_str(&row.get::<Option<String>, _>("col").unwrap_or_else(|| "(expression)".into()));
    }
    schema
}

fn kind(of: String) -> &'static str {
    match of.to_lowercase().as_str() {
        "integer" | "bigint" => "int",
        "text" => "text",
        "blob" | "bytea" => "bytes",
        "boolean" => "bool",
        other => panic!("a column of the type {other}"),
    }
}

/// A control database of the schema before the first one: all that it has is the list of its migrations.
async fn made_old(ground: &Ground) {
    ground.store.close().await;
    match ground.store.dialect() {
        Dialect::Sqlite => {
            std::fs::write(ground.dir.path().join("control.sqlite"), "").unwrap();
            raw(ground, "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)").await;
        }
        Dialect::Postgres => {
            raw(
                ground,
                "DROP SCHEMA public CASCADE; CREATE SCHEMA public;
                 CREATE TABLE meta (name TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, value TEXT COLLATE \"C\" NOT NULL)",
            )
            .await;
        }
    }
    raw(ground, "INSERT INTO meta (name, value) VALUES ('mark', 'old')").await;
}

#[test]
fn what_a_database_of_the_first_schema_holds_is_there_after_it_was_brought_forward() {
    const SQLITE: &str = include_str!("../../migrations/sqlite/0001_first.sql");
    const POSTGRES: &str = include_str!("../../migrations/postgres/0001_first.sql");
    on_both(async |ground| {
        made_old(&ground).await;
        let first = match ground.store.dialect() {
            Dialect::Sqlite => SQLITE,
            Dialect::Postgres => POSTGRES,
        };
        raw(&ground, first).await;
        let sum = ring::digest::digest(&ring::digest::SHA256, first.as_bytes());
        let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let recorded = format!("INSERT INTO meta (name, value) VALUES ('migration-0001', '{sum}')");
        raw(&ground, recorded.leak()).await;
        raw(&ground, "UPDATE node SET title = 'as it was' WHERE id = 1").await;

        let store = Store::open_after(&ground.address, async |_, seen| {
            assert_eq!(seen, Upgrade { from: 1, to: 7 });
            Ok::<_, StoreFault>(())
        });
        let store = store.await.unwrap();

        let (title, account) = store
            .write(async |tx| {
                Ok::<_, StoreFault>((tx.need_node(aegir_store::ADMIN).await?.title, tx.add_account("anna", 1).await?))
            })
            .await
            .unwrap();
        assert_eq!((title.as_str(), account), ("as it was", 1));
        assert_eq!(store.check_statements().await.unwrap(), Vec::<String>::new());
        store.close().await;
    });
}

/// The schema as it was before what sites were had a table of its own, in both dialects.
const BEFORE_FORMERS: [(&str, &str); 3] = [
    (include_str!("../../migrations/sqlite/0001_first.sql"), include_str!("../../migrations/postgres/0001_first.sql")),
    (
        include_str!("../../migrations/sqlite/0002_people.sql"),
        include_str!("../../migrations/postgres/0002_people.sql"),
    ),
    (include_str!("../../migrations/sqlite/0003_bulk.sql"), include_str!("../../migrations/postgres/0003_bulk.sql")),
];

#[test]
fn what_sites_were_before_they_were_moved_is_found_in_their_contexts_when_a_database_is_brought_forward() {
    on_both(async |ground| {
        made_old(&ground).await;
        for (number, (sqlite, postgres)) in BEFORE_FORMERS.iter().enumerate() {
            let text = if ground.store.dialect() == Dialect::Sqlite { sqlite } else { postgres };
            raw(&ground, text).await;
            let sum = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
            let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let number = number + 1;
            raw(&ground, format!("INSERT INTO meta (name, value) VALUES ('migration-{number:04}', '{sum}')").leak())
                .await;
        }
        raw(
            &ground,
            r#"INSERT INTO node (id, kind, name, title, status, created, changed)
               VALUES (11, 'server', '@server_web1', 'web1', 'enabled', 1, 1),
                      (12, 'platform', '@platform_d10', 'd10', 'deleted', 1, 1),
                      (13, 'platform', '@platform_d10', 'd10', 'enabled', 1, 1),
                      (14, 'site', '@a.test', 'a.test', 'enabled', 1, 1),
                      (15, 'site', '@b.test', 'b.test', 'deleted', 1, 1),
                      (16, 'site', '@c.test', 'c.test', 'enabled', 1, 1),
                      (17, 'site', '@d.test', 'd.test', 'new', 1, 1);
               INSERT INTO server (id, transport, address, paused, revision, context)
               VALUES (11, '"local"', '', FALSE, 0, '{}');
               INSERT INTO platform (id, server, locked, live, surveyed, revision)
               VALUES (12, 11, FALSE, FALSE, FALSE, 0), (13, 11, FALSE, TRUE, FALSE, 0);
               INSERT INTO site (id, platform, db_server, revision, context)
               VALUES (14, 13, 11, 1, '{"formers":[{"name":"a.test-1","platform":"d10","since":7,"bytes":1},
                                                   {"name":"a.test-2","platform":"gone","since":9,"bytes":1}]}'),
                      (15, 13, 11, 1, '{"formers":[{"name":"b.test-1","platform":"d10","since":7,"bytes":1}]}'),
                      (16, 13, 11, 1, '{"revision":1,"quiet":{"cron":true}}'),
                      (17, 13, 11, 1, NULL);"#,
        )
        .await;

        let store = Store::open_after(&ground.address, async |_, seen| {
            assert_eq!(seen, Upgrade { from: 3, to: 7 });
            Ok::<_, StoreFault>(())
        });
        let store = store.await.unwrap();

        let (old, there) = store
            .read(async |read| {
                let there = read.formers_on(aegir_domain::NodeId(13), 5).await?;
                Ok::<_, StoreFault>((read.old_formers(9000, 0, 10).await?, there))
            })
            .await
            .unwrap();
        // Cron of what is in service has its time chosen, but for a copy that is kept from it.
        let server = aegir_domain::NodeId(11);
        let due = store.read(async |read| read.due_cron(server, 0, 10).await).await.unwrap();
        assert_eq!(due.iter().map(|due| due.site.0).collect::<Vec<_>>(), [14]);
        let off = store.read(async |read| read.cron_of(aegir_domain::NodeId(16)).await).await.unwrap();
        assert_eq!(off.unwrap().every, Some(aegir_domain::CronInterval::Off));
        let old: Vec<_> = old.iter().map(|former| (former.site.0, former.name.as_str())).collect();
        assert_eq!(old, [(14, "a.test-1"), (14, "a.test-2")]);
        assert_eq!((there.count, there.sites), (1, vec!["@a.test".parse().unwrap()]));
        store.close().await;
    });
}

#[test]
fn what_must_be_done_before_an_upgrade_is_done_with_the_database_as_it_was_and_a_failure_of_it_upgrades_nothing() {
    on_both(async |ground| {
        made_old(&ground).await;
        let upgrade = Upgrade { from: 0, to: 7 };

        let failed = Store::open_after(&ground.address, async |_, seen| {
            assert_eq!(seen, upgrade);
            Err(StoreFault::Absent { what: "room for a copy".into() })
        });
        assert!(matches!(failed.await, Err(StoreFault::Absent { .. })));

        let seen = std::sync::atomic::AtomicU32::new(0);
        let store = Store::open_after(&ground.address, async |old, now| {
            assert_eq!(now, upgrade, "nothing was brought forward");
            seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            assert!(old.sums().await.is_err(), "the tables are not there yet");
            Ok::<_, StoreFault>(())
        });
        let store = store.await.unwrap();
        assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
        assert_eq!(store.check_statements().await.unwrap(), Vec::<String>::new());
        store.close().await;

        // Neither one that is new nor one that is of this version has anything to be kept from.
        let untouched = Store::open_after(&ground.address, async |_, seen| panic!("{seen:?}"));
        let untouched: Result<Store, StoreFault> = untouched.await;
        untouched.unwrap().close().await;
    });
}
