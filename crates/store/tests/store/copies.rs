//! Copies and backups: whole, or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aegir_domain::{InstanceScope, NodeKind, PackageKind, Password, ProfileLanguage};
use aegir_store::{
    AuditRecord, Dialect, Field, NewToken, RecordedInstance, SecretKey, Store, StoreAddress, StoreFault, copy_all,
};

use crate::ground::{Ground, log, on, on_both};

/// Something in every table.
async fn furnish(ground: &Ground) {
    let server = ground.server("web1").await;
    let platform = ground.platform("d10", server).await;
    let site = ground.site("ü-no.test".replace('ü', "u").as_str(), platform, server).await;
    let fence = ground.fence(server).await;
    ground.enqueue("verify", site, server, &[]).await;
    let (task, attempt) = ground.claim(server, &fence).await.unwrap();
    let late = ground.enqueue("login", site, server, &[]).await;
    let key = SecretKey::read_or_make(&ground.path("key")).unwrap();
    let now = ground.now();
    let field = Field {
        kind: NodeKind::Site,
        name: "cost_centre".parse().unwrap(),
        label: "Cost centre".into(),
        field_type: "text".into(),
        required: true,
    };
    let instance = RecordedInstance {
        kind: PackageKind::Module,
        name: "views".into(),
        version: None,
        scope: InstanceScope::Platform,
        enabled: true,
        loaded: true,
        schema: None,
        path: Some("modules/vïews".into()),
    };
    let audit = AuditRecord {
        at: now,
        actor: "anna".into(),
        face: "api".into(),
        operation: "verify".into(),
        object: Some(site),
        name: None,
        answer: "queued".into(),
        detail: Some(serde_json::json!({ "a": [1, null, "ß"] })),
    };
    let context = serde_json::from_value(serde_json::json!({
        "kind": "platform", "name": "d10", "root": "/var/aegir/platforms/d10", "server": "web1",
    }))
    .unwrap();
    let was = serde_json::json!({
        "name": "a.test-1", "platform": "d10", "db_server": "web1", "core": "10.3.6", "since": 5, "bytes": 1,
        "database": { "name": "old", "marker": "aegir:a.test:0123456789abcdef" },
    });
    let moved: aegir_domain::SiteContext = serde_json::from_value(serde_json::json!({
        "name": "a.test", "revision": 2, "platform": "d10", "db_server": "web1",
        "database": { "name": "a_test", "marker": "aegir:a.test:0123456789abcdef" },
        "profile": "minimal", "language": "de", "time_zone": "UTC", "title": "A", "account": "admin",
        "mail": "a@a.test", "client": "admin", "core": "10.3.6", "formers": [was],
    }))
    .unwrap();
    ground
        .store
        .write(async |tx| {
            tx.set_status(site, aegir_domain::ObjectStatus::Enabled, now).await?;
            tx.record_site(site, &moved, platform, server, now).await?;
            tx.record_deed(site, "anna", "created", None, now).await?;
            tx.save_field(&field).await?;
            let language = ProfileLanguage { profile: "standard".parse().unwrap(), language: "de".parse().unwrap() };
            tx.record_survey(platform, &["mariadb".parse().unwrap()], &[language]).await?;
            tx.fill_field(site, &field.name, Some("47\"11"), now).await?;
            tx.record_packages(site, &[instance], now).await?;
            let step = aegir_domain::protocol::Said::Step {
                line: 1,
                name: "x".into(),
                phase: aegir_domain::protocol::Phase::Doing,
                took: None,
            };
            let lines = [log(1, "one"), aegir_domain::protocol::Line { n: 2, at: 2, said: step }];
            tx.record_lines(attempt, &lines, &fence, now).await?;
            tx.change_setting("x", &[1, 2], "anna", now).await?;
            tx.record_audit(&audit).await?;
            tx.keep_secret(server, "db_password", &Password::new("hunter2"), &key, now).await?;
            let new = NewToken { name: "ci".into(), scopes: vec!["a".into()], actor: "anna".into(), expires: None };
            tx.add_token(&new, &Password::new("t"), now).await?;
            tx.take_key("anna", "k", b"r", now).await?;
            tx.record_drift(platform, &context, &context, now).await?;
            let backup = aegir_store::NewBackup {
                site,
                server,
                task: Some(task),
                kind: aegir_store::BackupKind::BeforeTask,
                description: "before \"it\"".into(),
                file: "a.test-20261121.101500.tar.zst".into(),
                size: 7,
                checksum: "sha256:00".into(),
                core: "10.3.6".into(),
                database: "MariaDB 10.11.6".into(),
                made: now,
            };
            tx.record_backup(&backup).await?;
            tx.record_found_sites(platform, &["found.test".parse().unwrap()], now).await?;
            tx.post_news("mail", Some(task), &serde_json::json!({}), now).await?;
            crate::people::furnish(tx, &key, now).await?;
            crate::bulk::furnish(tx, now).await?;
            // The last number of all belonged to something that is gone: it must not be given again.
            let gone = tx.cancel_task(late, "anna", now).await?;
            assert_eq!(gone, aegir_store::Cancelled::Before);
            Ok::<_, StoreFault>(())
        })
        .await
        .unwrap();
}

#[test]
fn a_copy_from_sqlite_to_postgresql_and_back_is_equal() {
    on(Dialect::Sqlite, async |first| {
        furnish(&first).await;
        let second = Ground::new(Dialect::Postgres).await;
        let third = Ground::new(Dialect::Sqlite).await;
        let before = first.store.sums().await.unwrap();
        for table in &before {
            assert!(table.rows > 0, "the table `{}` is empty, so that its copy shows nothing", table.name);
        }

        assert_eq!(copy_all(&first.store, &second.store).await.unwrap(), before);
        assert_eq!(copy_all(&second.store, &third.store).await.unwrap(), before);

        assert_eq!(third.store.sums().await.unwrap(), before);
        let key = SecretKey::read(&first.path("key")).unwrap();
        for copy in [&second, &third] {
            assert_eq!(copy.store.check().await.unwrap(), Vec::<String>::new());
            // Numbers go on where they were, and what waits can be claimed: it is a whole installation.
            let mut numbers = Vec::new();
            for ground in [&first, copy] {
                let server = ground.store.read(async |r| r.node_named(&"@server_web1".parse().unwrap()).await).await;
                let server = server.unwrap().unwrap().id;
                numbers.push((
                    server,
                    ground.store.read(async |r| r.secret(server, "db_password", &key).await).await.unwrap(),
                ));
            }
            assert_eq!(numbers[0], numbers[1]);
        }
        let mut next = Vec::new();
        for ground in [&first, &second, &third] {
            next.push(ground.server("web2").await);
        }
        assert!(next[0] == next[1] && next[1] == next[2], "{next:?}");
        second.store.close().await;
        third.store.close().await;
    });
}

#[test]
fn a_number_that_was_given_is_not_given_again_by_a_copy() {
    on(Dialect::Sqlite, async |first| {
        let server = first.server("web1").await;
        let platform = first.platform("d10", server).await;
        let fence = first.fence(server).await;
        for _ in 0..2 {
            first.enqueue("verify", platform, server, &[]).await;
            let (_, attempt) = first.claim(server, &fence).await.unwrap();
            first.succeed(attempt, &fence).await;
        }
        let last = first.enqueue("verify", platform, server, &[]).await;
        let second = Ground::new(Dialect::Postgres).await;
        crate::schema::raw(&first, "DELETE FROM task_lock; DELETE FROM task WHERE state = 'waiting'; DELETE FROM node WHERE id = (SELECT MAX(id) FROM node)").await;

        copy_all(&first.store, &second.store).await.unwrap();

        assert_eq!(second.server("web2").await.0, last.0 + 1);
        second.store.close().await;
    });
}

#[test]
fn a_target_that_holds_anything_is_refused_and_left_as_it_was() {
    on_both(async |target| {
        let source = Ground::new(Dialect::Sqlite).await;
        furnish(&source).await;
        target.server("web9").await;
        let before = target.store.sums().await.unwrap();

        assert!(matches!(copy_all(&source.store, &target.store).await, Err(StoreFault::Taken { .. })));

        assert_eq!(target.store.sums().await.unwrap(), before);
        source.store.close().await;
    });
}

#[test]
fn a_backup_is_whole_while_others_write_and_its_owners_alone() {
    on(Dialect::Sqlite, async |ground| {
        furnish(&ground).await;
        let server = ground.store.read(async |r| r.node_named(&"@server_web1".parse().unwrap()).await).await;
        let server = server.unwrap().unwrap().id;
        let path = ground.path("backup.sqlite");
        let store = ground.store.clone();
        let writing = tokio::spawn(async move {
            for n in 0..50 {
                store.write(async |tx| tx.record_deed(server, "anna", "x", None, n).await).await.unwrap();
            }
        });

        ground.store.backup_to(&path).await.unwrap();
        writing.await.unwrap();

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let copy = Store::open(&StoreAddress::file(&path)).await.unwrap();
        assert_eq!(copy.check().await.unwrap(), Vec::<String>::new());
        let rows = |sums: Vec<aegir_store::CopiedTable>| sums.into_iter().find(|sum| sum.name == "task").unwrap();
        assert_eq!(rows(copy.sums().await.unwrap()), rows(ground.store.sums().await.unwrap()));
        copy.close().await;

        assert!(matches!(ground.store.backup_to(&path).await, Err(StoreFault::File { .. })), "none is overwritten");
        let nowhere = ground.path("no/such/backup.sqlite");
        assert!(matches!(ground.store.backup_to(&nowhere).await, Err(StoreFault::File { .. })));
    });
}

#[test]
fn postgresql_is_not_backed_up_by_a_copy_of_a_file() {
    on(Dialect::Postgres, async |ground| {
        let fault = ground.store.backup_to(&ground.path("backup")).await.unwrap_err();
        assert!(fault.to_string().contains("pg_dump"), "{fault}");
        assert!(!ground.path("backup").exists());
    });
}
