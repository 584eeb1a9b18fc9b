//! What changed, what is to be sent, who asked, what is set, what was found.

use aegir_domain::TaskState;
use aegir_store::{AuditList, AuditRecord, Changes, DeedList, Page, PrunePolicy, Span, Store, StoreFault};

use crate::ground::{log, on_both};

#[test]
fn whoever_asks_what_changed_misses_nothing() {
    on_both(async |ground| {
        let mut heard = ground.store.heard();
        let server = ground.server("web1").await;
        let start = ground.store.read(async |read| read.last_change().await).await.unwrap();
        tokio::time::timeout(std::time::Duration::from_secs(10), heard.changed()).await.unwrap().unwrap();

        // Many writers, and one who follows: each number once, in order, none left out.
        let mut writers = Vec::new();
        for n in 0..8 {
            let store = ground.store.clone();
            writers.push(tokio::spawn(async move {
                for round in 0..10 {
                    store.write(async |tx| tx.set_title(server, &format!("{n} {round}"), 5).await).await.unwrap();
                }
            }));
        }
        let (mut last, mut seen) = (start, 0);
        while seen < 80 {
            let changes = ground.store.read(async |read| read.changes_since(last, 7).await).await.unwrap();
            let Changes::Since(changes) = changes else { panic!("nothing was pruned") };
            for change in changes {
                assert!(change.number > last);
                last = change.number;
                seen += usize::from(change.node == server);
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(seen, 80);
    });
}

#[test]
fn whoever_was_away_too_long_is_told_so() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        for at in [1_000, 2_000, 3_000] {
            ground.store.write(async |tx| tx.set_title(server, "x", at).await).await.unwrap();
        }
        let policy = PrunePolicy { changes: 0, ..PrunePolicy::default() };
        ground.store.prune(&policy, 5_000_000).await.unwrap();
        let last = ground.store.read(async |read| read.last_change().await).await.unwrap();
        let since = async |n| ground.store.read(async |read| read.changes_since(n, 10).await).await.unwrap();
        assert_eq!(since(0).await, Changes::TooOld(last));
        assert_eq!(since(last).await, Changes::Since(Vec::new()));
        assert_eq!(since(last + 1000).await, Changes::TooOld(last), "as after a restored backup");
    });
}

#[test]
fn another_control_node_hears_of_changes() {
    crate::ground::on(aegir_store::Dialect::Postgres, async |ground| {
        let other = Store::open(&ground.address).await.unwrap();
        let mut heard = other.heard();
        // Until it listens.
        tokio::time::timeout(std::time::Duration::from_secs(10), heard.changed()).await.unwrap().unwrap();
        heard.mark_unchanged();
        ground.server("web1").await;
        tokio::time::timeout(std::time::Duration::from_secs(10), heard.changed()).await.unwrap().unwrap();
        other.close().await;
    });
}

#[test]
fn news_are_sent_once_and_a_sender_that_dies_loses_none() {
    on_both(async |ground| {
        let body = serde_json::json!({ "subject": "stuck" });
        ground.store.write(async |tx| tx.post_news("mail", None, &body, 1_000).await).await.unwrap();
        let take = async |now| ground.store.write(async |tx| tx.take_due_news(10, now).await).await.unwrap();

        assert_eq!(take(999).await.len(), 0);
        let first = take(1_000).await;
        assert_eq!((first[0].tries, &first[0].body), (1, &body));
        assert_eq!(take(1_001).await.len(), 0, "somebody has it in hand");
        let second = take(10_000_000).await;
        assert_eq!((second[0].id, second[0].tries), (first[0].id, 2), "that somebody died");
        let id = first[0].id;
        ground.store.write(async |tx| tx.record_not_sent(id, "no route", Some(20_000_000)).await).await.unwrap();
        assert_eq!(take(19_999_999).await.len(), 0);
        assert_eq!(take(20_000_000).await[0].fault.as_deref(), Some("no route"));
        ground.store.write(async |tx| tx.record_sent(id, 20_000_001).await).await.unwrap();
        assert_eq!(ground.store.read(async |read| read.count_unsent().await).await.unwrap(), 0);
        assert_eq!(take(i64::MAX / 2).await.len(), 0);
    });
}

#[test]
fn what_was_asked_is_written_down() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let record = |n: i64, actor: &str| AuditRecord {
            at: n,
            actor: actor.into(),
            face: "api".into(),
            operation: "verify".into(),
            object: Some(server),
            name: Some("@server_web1".into()),
            answer: "queued".into(),
            detail: None,
        };
        ground
            .store
            .write(async |tx| {
                for n in 0..5 {
                    tx.record_audit(&record(n, if n % 2 == 0 { "anna" } else { "berta" })).await?;
                }
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();
        let list =
            AuditList { actor: Some("anna".into()), at: Span { from: Some(1), until: None }, ..AuditList::default() };
        let listed = ground.store.read(async |read| read.list(&list).await).await.unwrap();
        assert_eq!(listed.rows, [record(4, "anna"), record(2, "anna")]);
    });
}

#[test]
fn a_setting_is_what_it_was_last_changed_to() {
    on_both(async |ground| {
        let set = async |value: u32| {
            ground.store.write(async |tx| tx.change_setting("keep_days", &value, "anna", 5).await).await.unwrap();
        };
        assert_eq!(ground.store.read(async |read| read.setting::<u32>("keep_days").await).await.unwrap(), None);
        set(30).await;
        set(60).await;
        assert_eq!(ground.store.read(async |read| read.setting("keep_days").await).await.unwrap(), Some(60));
        let wrong = ground.store.read(async |read| read.setting::<String>("keep_days").await).await;
        assert!(matches!(wrong, Err(StoreFault::Unreadable { .. })));
        ground.store.write(async |tx| tx.reset_setting("keep_days").await).await.unwrap();
        assert!(ground.store.read(async |read| read.settings().await).await.unwrap().is_empty());
    });
}

#[test]
fn what_was_found_on_a_machine_is_remembered_until_it_is_gone() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
        let record = async |found: &[&str], now| {
            let found = names(found);
            ground.store.write(async |tx| tx.record_found_sites(platform, &found, now).await).await.unwrap();
        };
        record(&["a.test", "b.test", "default"], 10).await;
        ground.store.write(async |tx| tx.forget_found_site(platform, &names(&["default"])[0]).await).await.unwrap();
        record(&["b.test"], 20).await;
        let found = ground.store.read(async |read| read.found_sites(platform).await).await.unwrap();
        assert_eq!(found.iter().map(|f| (f.name.as_str(), f.first, f.last)).collect::<Vec<_>>(), [("b.test", 10, 20)]);

        let mut task = ground.task("verify", platform, server, &[]).await;
        task.actor = "shell".into();
        let stranger = ground.attempt_id();
        let id = ground.store.write(async |tx| tx.record_foreign_task(&task, stranger, 25, 30).await).await.unwrap();
        let fence = ground.fence(server).await;
        let waiting = ground.enqueue("login", platform, server, &[]).await;
        assert_eq!(ground.claim(server, &fence).await, None, "it holds its object");
        ground.store.write(async |tx| tx.record_lines(stranger, &[log(1, "by hand")], &fence, 40).await).await.unwrap();
        ground.succeed(stranger, &fence).await;
        assert_eq!(ground.claim(server, &fence).await.map(|(task, _)| task), Some(waiting));
        let task = ground.store.read(async |read| read.task(id).await).await.unwrap().unwrap();
        assert_eq!((task.state, task.actor.as_str()), (TaskState::Succeeded, "shell"));
    });
}

#[test]
fn what_is_old_goes_and_the_newest_of_each_object_stays() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let fence = ground.fence(server).await;
        let mut tasks = Vec::new();
        for _ in 0..3 {
            let id = ground.enqueue("verify", platform, server, &[]).await;
            let (_, attempt) = ground.claim(server, &fence).await.unwrap();
            let now = ground.now();
            ground.store.write(async |tx| tx.record_lines(attempt, &[log(1, "x")], &fence, now).await).await.unwrap();
            ground.succeed(attempt, &fence).await;
            ground.store.write(async |tx| tx.record_deed(id, "anna", "asked", None, now).await).await.unwrap();
            tasks.push((id, attempt));
        }
        let waiting = ground.enqueue("verify", platform, server, &[]).await;
        let policy = PrunePolicy { tasks: 0, lines: 0, ..PrunePolicy::default() };

        let pruned = ground.store.prune(&policy, ground.now() + 1_000).await.unwrap();

        assert_eq!((pruned.logs, pruned.tasks), (3, 3));
        let there = async |id| ground.store.read(async |read| read.task(id).await).await.unwrap().is_some();
        assert!(!there(tasks[0].0).await && !there(tasks[2].0).await && there(waiting).await);
        let deeds = DeedList { node: tasks[0].0, page: Page::default() };
        assert!(ground.store.read(async |read| read.list(&deeds).await).await.unwrap().rows.is_empty());
        assert_eq!(ground.store.check().await.unwrap(), Vec::<String>::new());
        let (claimed, attempt) = ground.claim(server, &fence).await.unwrap();
        assert_eq!(claimed, waiting);
        ground.succeed(attempt, &fence).await;
        let pruned = ground.store.prune(&policy, ground.now() + 1_000).await.unwrap();
        assert_eq!(pruned.tasks, 0, "the newest stays");
    });
}
