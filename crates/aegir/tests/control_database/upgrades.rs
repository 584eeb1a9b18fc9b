//! Upgrades: nothing is brought forward without a copy of what was.

use aegir_store::Dialect;

use crate::ground::{Ground, list_of_dump, mode_of, run, tables_of_file};

#[test]
fn a_control_database_of_an_older_version_is_copied_before_it_is_brought_forward() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let ground = Ground::new(dialect);
        run(ground.make_old());

        // Any command that opens it does; the front end's are the usual ones.
        ground.lab.front(&["db", "upgrade"]).done().says("is of schema 7");

        let kept = ground.kept();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(kept[0].starts_with("before-0007-"), "{kept:?}");
        let copy = ground.copy(&kept[0]);
        assert_eq!(mode_of(&copy), 0o600);
        match dialect {
            Dialect::Sqlite => assert_eq!(run(tables_of_file(&copy)), ["meta"], "it is of the moment before"),
            Dialect::Postgres => {
                let list = list_of_dump(&copy);
                assert!(list.contains("TABLE DATA public meta") && !list.contains("public node"), "{list}");
            }
        }
        assert!(run(ground.tables()).contains(&"node".to_owned()));
        ground.lab.front(&["db", "check"]).done().says("is whole (schema 7)");
        ground.furnish();
        ground.listed();
        assert_eq!(ground.kept(), kept, "one that is of this version is not copied for that");
    }
}

#[test]
fn without_a_copy_nothing_is_brought_forward_and_the_way_on_is_named() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let ground = Ground::new(dialect);
        run(ground.make_old());
        let place = ground.forbid_copies();

        for words in [&["db", "upgrade"][..], &["serve"], &["server", "list"], &["db", "check"]] {
            let said = ground.lab.front(words);
            assert_ne!(said.code, 0, "{}", said.all());
            let said = said.says("it could not be copied before its upgrade to schema 7");
            said.says(&place.display().to_string()).remedy("aegir db upgrade --no-copy");
            assert_eq!(run(ground.tables()), ["meta"], "{words:?}");
        }
        assert_eq!(ground.kept(), Vec::<String>::new());

        ground.lab.front(&["db", "upgrade", "--no-copy"]).done().says("is of schema 7");
        assert!(run(ground.tables()).contains(&"node".to_owned()));
        assert_eq!(ground.kept(), Vec::<String>::new());
    }
}

#[test]
fn an_upgrade_that_fails_leaves_the_copy_and_what_was_and_three_copies_at_most() {
    let ground = Ground::new(Dialect::Sqlite);
    run(async {
        ground.make_old().await;
        let file = ground.url.strip_prefix("sqlite:").unwrap().to_owned();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file);
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        // In the way of the first migration.
        sqlx::query("CREATE TABLE task (id INTEGER)").execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    });

    for tries in 1..6 {
        ground.lab.front(&["db", "upgrade"]).ends(1);
        assert_eq!(run(ground.tables()), ["meta", "task"], "none of it was brought forward");
        assert_eq!(ground.kept().len(), tries.min(3), "{:?}", ground.kept());
    }
}
