//! All tables, their columns and keys: what a copy goes over, and what both schemas are held against.

use crate::db::ColumnKind::{self, Bool, Bytes, Int, Text};

/// A table.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, ColumnKind)],
    /// How many of the first columns make its key.
    pub(crate) key: usize,
    /// Whether its key is numbered by the database.
    pub(crate) numbered: bool,
}

const fn table(
    name: &'static str,
    key: usize,
    numbered: bool,
    columns: &'static [(&'static str, ColumnKind)],
) -> Table {
    Table { name, columns, key, numbered }
}

/// Every table but `meta`, which belongs to the database it lies in. A table stands behind those it refers to.
pub(crate) const TABLES: &[Table] = &[
    table(
        "node",
        1,
        true,
        &[
            ("id", Int),
            ("kind", Text),
            ("name", Text),
            ("title", Text),
            ("status", Text),
            ("owner", Int),
            ("created", Int),
            ("changed", Int),
            ("verified", Int),
        ],
    ),
    table(
        "history",
        1,
        true,
        &[("id", Int), ("node", Int), ("at", Int), ("actor", Text), ("what", Text), ("detail", Text)],
    ),
    table("client", 1, false, &[("id", Int), ("machine_name", Text)]),
    table(
        "server",
        1,
        false,
        &[
            ("id", Int),
            ("transport", Text),
            ("address", Text),
            ("task_limit", Int),
            ("paused", Bool),
            ("revision", Int),
            ("context", Text),
        ],
    ),
    table("service", 2, false, &[("server", Int), ("kind", Text), ("service_type", Text), ("port", Int)]),
    table("server_ip", 2, false, &[("server", Int), ("ip", Text)]),
    table(
        "platform",
        1,
        false,
        &[
            ("id", Int),
            ("server", Int),
            ("root", Text),
            ("source", Text),
            ("core", Text),
            ("php", Text),
            ("default_profile", Text),
            ("locked", Bool),
            ("live", Bool),
            ("surveyed", Bool),
            ("revision", Int),
            ("context", Text),
        ],
    ),
    table("platform_engine", 2, false, &[("platform", Int), ("engine", Text)]),
    table("platform_language", 3, false, &[("platform", Int), ("profile", Text), ("language", Text)]),
    table(
        "site",
        1,
        false,
        &[
            ("id", Int),
            ("platform", Int),
            ("db_server", Int),
            ("profile", Text),
            ("language", Text),
            ("core", Text),
            ("revision", Int),
            ("context", Text),
        ],
    ),
    table(
        "domain",
        1,
        false,
        &[("name", Text), ("site", Int), ("kind", Text), ("target", Text), ("tls_mode", Text), ("certificate", Text)],
    ),
    table("former", 2, false, &[("site", Int), ("name", Text), ("platform", Int), ("since", Int), ("asked", Int)]),
    table(
        "cron",
        1,
        false,
        &[
            ("site", Int),
            ("every", Text),
            ("next_run", Int),
            ("began", Int),
            ("took", Int),
            ("result", Text),
            ("said", Text),
            ("failures", Int),
        ],
    ),
    table("package", 1, false, &[("id", Int), ("kind", Text), ("name", Text)]),
    table("release", 1, true, &[("id", Int), ("package", Int), ("version", Text)]),
    table(
        "instance",
        1,
        true,
        &[
            ("id", Int),
            ("node", Int),
            ("package", Int),
            ("release", Int),
            ("scope", Text),
            ("enabled", Bool),
            ("loaded", Bool),
            ("schema", Int),
            ("path", Text),
        ],
    ),
    table(
        "task",
        1,
        false,
        &[
            ("id", Int),
            ("operation", Text),
            ("object", Int),
            ("object_name", Text),
            ("parameters", Text),
            ("state", Text),
            ("priority", Int),
            ("actor", Text),
            ("asker", Text),
            ("parent", Int),
            ("owner", Int),
            ("server", Int),
            ("needs", Int),
            ("attempts", Int),
            ("queued", Int),
            ("started", Int),
            ("ended", Int),
            ("cancel_asked", Int),
            ("cancel_actor", Text),
        ],
    ),
    table("task_lock", 2, false, &[("task", Int), ("name", Text), ("exclusive", Bool), ("held", Bool)]),
    table(
        "attempt",
        1,
        true,
        &[
            ("id", Int),
            ("uuid", Text),
            ("task", Int),
            ("number", Int),
            ("server", Int),
            ("state", Text),
            ("next_line", Int),
            ("outcome", Text),
            ("fault", Text),
            ("left_behind", Text),
            ("answer", Text),
            ("changed", Bool),
            ("recovered", Bool),
            ("lost", Int),
            ("started", Int),
            ("ended", Int),
        ],
    ),
    table(
        "line",
        2,
        false,
        &[
            ("attempt", Int),
            ("n", Int),
            ("at", Int),
            ("kind", Text),
            ("level", Text),
            ("text", Text),
            ("text_bytes", Int),
            ("output", Text),
            ("output_bytes", Int),
        ],
    ),
    table(
        "step",
        2,
        false,
        &[("attempt", Int), ("line", Int), ("name", Text), ("phase", Text), ("at", Int), ("took", Int)],
    ),
    table("queue", 1, false, &[("name", Text), ("paused", Bool), ("task_limit", Int), ("server_limit", Int)]),
    table("lease", 1, false, &[("name", Text), ("holder", Text), ("fence", Int), ("until", Int)]),
    table(
        "field",
        1,
        true,
        &[("id", Int), ("kind", Text), ("name", Text), ("label", Text), ("field_type", Text), ("required", Bool)],
    ),
    table("field_value", 2, false, &[("node", Int), ("field", Int), ("value", Text)]),
    table("setting", 1, false, &[("name", Text), ("value", Text), ("changed", Int), ("actor", Text)]),
    table(
        "audit",
        1,
        true,
        &[
            ("id", Int),
            ("at", Int),
            ("actor", Text),
            ("face", Text),
            ("operation", Text),
            ("object", Int),
            ("name", Text),
            ("answer", Text),
            ("detail", Text),
        ],
    ),
    table(
        "secret",
        2,
        false,
        &[("owner", Int), ("name", Text), ("key_id", Text), ("nonce", Bytes), ("sealed", Bytes), ("changed", Int)],
    ),
    table(
        "token",
        1,
        true,
        &[
            ("id", Int),
            ("name", Text),
            ("hash", Bytes),
            ("scopes", Text),
            ("actor", Text),
            ("created", Int),
            ("expires", Int),
            ("last_used", Int),
            ("revoked", Int),
        ],
    ),
    table(
        "idempotency",
        2,
        false,
        &[("actor", Text), ("key", Text), ("request", Bytes), ("at", Int), ("status", Int), ("answer", Text)],
    ),
    table("drift", 1, false, &[("node", Int), ("found", Int), ("ours", Text), ("theirs", Text)]),
    table(
        "backup",
        1,
        true,
        &[
            ("id", Int),
            ("site", Int),
            ("server", Int),
            ("task", Int),
            ("kind", Text),
            ("description", Text),
            ("file", Text),
            ("size", Int),
            ("checksum", Text),
            ("core", Text),
            ("source_db", Text),
            ("made", Int),
        ],
    ),
    table("found_site", 2, false, &[("platform", Int), ("name", Text), ("first", Int), ("last", Int)]),
    table("change", 1, true, &[("number", Int), ("at", Int), ("node", Int), ("kind", Text), ("what", Text)]),
    table(
        "outbox",
        1,
        true,
        &[
            ("id", Int),
            ("channel", Text),
            ("task", Int),
            ("body", Text),
            ("created", Int),
            ("tries", Int),
            ("next_try", Int),
            ("sent", Int),
            ("fault", Text),
        ],
    ),
    table(
        "account",
        1,
        true,
        &[
            ("id", Int),
            ("name", Text),
            ("password", Text),
            ("factor_key", Text),
            ("factor_nonce", Bytes),
            ("factor_sealed", Bytes),
            ("factor_since", Int),
            ("factor_step", Int),
            ("created", Int),
            ("blocked", Int),
        ],
    ),
    table("recovery_code", 2, false, &[("account", Int), ("hash", Bytes), ("used", Int)]),
    table(
        "one_time_link",
        1,
        true,
        &[
            ("id", Int),
            ("hash", Bytes),
            ("account", Int),
            ("created", Int),
            ("until", Int),
            ("made_by", Text),
            ("used", Int),
        ],
    ),
    table(
        "session",
        1,
        true,
        &[
            ("id", Int),
            ("hash", Bytes),
            ("account", Int),
            ("opened", Int),
            ("last_used", Int),
            ("until", Int),
            ("browser", Text),
            ("ended", Int),
        ],
    ),
    table("wrong_try", 1, false, &[("who", Text), ("tries", Int), ("last", Int), ("closed", Int)]),
    table(
        "saved_view",
        1,
        true,
        &[("id", Int), ("account", Int), ("section", Text), ("name", Text), ("query", Text), ("position", Int)],
    ),
    table(
        "bulk",
        1,
        true,
        &[
            ("id", Int),
            ("operation", Text),
            ("parameters", Text),
            ("chosen", Text),
            ("actor", Text),
            ("asker", Text),
            ("door", Text),
            ("may", Text),
            ("started", Int),
            ("asked", Int),
            ("at_once", Int),
            ("stop_after", Int),
            ("rehearse", Bool),
            ("halted", Int),
            ("halted_by", Text),
            ("halted_why", Text),
            ("stopped", Bool),
            ("forgiven", Int),
            ("passed", Int),
        ],
    ),
    table(
        "bulk_entry",
        2,
        false,
        &[
            ("bulk", Int),
            ("place", Int),
            ("name", Text),
            ("task", Int),
            ("refused", Text),
            ("wave", Int),
            ("given", Text),
            ("rehearsal", Int),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Query;
    use crate::{Store, StoreAddress, StoreFault};

    #[test]
    fn every_column_of_every_table_is_copied() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(&StoreAddress::file(dir.path().join("control.sqlite"))).await.unwrap();
            let schema = "SELECT t.name AS tbl, c.name AS col, c.type AS type, c.pk AS pk
                            FROM sqlite_master t JOIN pragma_table_info(t.name) c
                           WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'meta'
                           ORDER BY t.name, c.cid";
            let rows = store.read(async |read| read.ask("schema", Query::new(schema)).await).await.unwrap();
            let there = rows.iter().map(|row| {
                let kind = match row.get::<String>("type")?.as_str() {
                    "TEXT" => Text,
                    "BLOB" => Bytes,
                    "BOOLEAN" => Bool,
                    _ => Int,
                };
                Ok((row.get("tbl")?, row.get("col")?, kind, row.get::<i64>("pk")? > 0))
            });
            let there: Vec<(String, String, ColumnKind, bool)> = there.collect::<Result<_, StoreFault>>().unwrap();
            let mut ours: Vec<_> = TABLES
                .iter()
                .flat_map(|table| {
                    table.columns.iter().enumerate().map(|(place, (column, kind))| {
                        (table.name.to_owned(), (*column).to_owned(), *kind, place < table.key)
                    })
                })
                .collect();
            ours.sort_by(|a, b| a.0.cmp(&b.0));
            assert_eq!(ours, there);
            store.close().await;
        });
    }
}
