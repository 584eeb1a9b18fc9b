//! Bulk runs: all objects are written down before the first is asked, and each as it was.

use std::collections::BTreeMap;

use aegir_domain::TaskState;
use aegir_store::{
    BulkAsker, BulkEntry, BulkEntryList, BulkList, EntryState, NewBulk, Page, PrunePolicy, StoreFault, Tx,
};
use serde_json::json;

use crate::ground::{Ground, fault, on_both};

/// A bulk run with one object that was asked and one that was not.
pub async fn furnish(tx: &mut Tx, now: i64) -> Result<(), StoreFault> {
    let bulk = tx.add_bulk(&new(vec!["a.test".into(), "b.test".into()]), now).await?;
    tx.record_bulk_entry(bulk, 1, &Err(fault("it is gone"))).await
}

fn new(names: Vec<String>) -> NewBulk {
    NewBulk {
        operation: "site-verify".parse().unwrap(),
        parameters: json!({}),
        chosen: json!({ "filter": ["status=failed"] }),
        asker: BulkAsker {
            name: "anna".into(),
            id: "account 1".into(),
            door: "panel".into(),
            may: vec!["view".into(), "operate".into()],
        },
        names,
    }
}

async fn entries(ground: &Ground, list: &BulkEntryList) -> Vec<BulkEntry> {
    ground.store.read(async |read| read.list(list).await).await.unwrap().rows
}

#[test]
fn objects_are_asked_in_their_order_and_each_once() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let names: Vec<String> = (0..70).map(|n| format!("s{n:02}.test")).collect();
        let store = &ground.store;
        let bulk = store.write(async |tx| tx.add_bulk(&new(names.clone()), 5).await).await.unwrap();

        let found = store.read(async |read| read.next_open_bulk().await).await.unwrap().unwrap();
        assert_eq!((found.id, found.asker, found.started, found.asked), (bulk, new(Vec::new()).asker, 5, None));
        let open = store.read(async |read| read.open_bulk_entries(bulk, 3).await).await.unwrap();
        let first: Vec<_> = names.iter().take(3).cloned().enumerate().map(|(n, name)| (n as i64 + 1, name)).collect();
        assert_eq!(open, first);

        let site = ground.site("s00.test", platform, server).await;
        let task = ground.enqueue("site-verify", site, server, &[]).await;
        store
            .write(async |tx| {
                tx.record_bulk_entry(bulk, 1, &Ok(task)).await?;
                tx.record_bulk_entry(bulk, 2, &Err(fault("it is gone"))).await
            })
            .await
            .unwrap();
        let open = store.read(async |read| read.open_bulk_entries(bulk, 1).await).await.unwrap();
        assert_eq!(open, [(3, "s02.test".to_owned())]);
        let counts = store.read(async |read| read.count_bulk(bulk).await).await.unwrap();
        assert_eq!((counts.all, counts.open, counts.refused, counts.gone), (70, 68, 1, 0));
        assert_eq!(counts.states, BTreeMap::from([(TaskState::Waiting, 1)]));

        let of = |state| BulkEntryList { bulk, state, page: Page::first(500) };
        let waiting = entries(&ground, &of(vec![EntryState::Task(TaskState::Waiting)])).await;
        assert_eq!(waiting.iter().map(|entry| (entry.place, entry.task)).collect::<Vec<_>>(), [(1, Some(task))]);
        let refused = entries(&ground, &of(vec![EntryState::Refused, EntryState::Task(TaskState::Stuck)])).await;
        assert_eq!(refused.iter().map(|entry| &entry.name).collect::<Vec<_>>(), ["s01.test"]);
        assert_eq!(refused[0].refused, Some(fault("it is gone")));
        assert_eq!(entries(&ground, &of(vec![EntryState::Open])).await.len(), 68);
        assert_eq!(entries(&ground, &of(Vec::new())).await.len(), 70);

        store.write(async |tx| tx.end_bulk(bulk, 9).await).await.unwrap();
        assert_eq!(store.read(async |read| read.next_open_bulk().await).await.unwrap(), None);
    });
}

#[test]
fn what_a_task_failed_by_is_told_of_its_object() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let site = ground.site("a.test", platform, server).await;
        let task = ground.enqueue("site-verify", site, server, &[]).await;
        let bulk = ground
            .store
            .write(async |tx| {
                let bulk = tx.add_bulk(&new(vec!["a.test".into()]), 5).await?;
                tx.record_bulk_entry(bulk, 1, &Ok(task)).await?;
                Ok::<_, StoreFault>(bulk)
            })
            .await
            .unwrap();
        let fence = ground.fence(server).await;
        let (_, attempt) = ground.claim(server, &fence).await.unwrap();
        ground.succeed(attempt, &fence).await;

        let all = BulkEntryList { bulk, state: Vec::new(), page: Page::default() };
        let [entry] = &entries(&ground, &all).await[..] else { panic!("it has one object") };
        assert_eq!((entry.state, &entry.fault), (Some(TaskState::Succeeded), &None));
    });
}

#[test]
fn bulk_runs_go_when_they_are_as_old_as_tasks_and_not_before_all_was_asked() {
    on_both(async |ground| {
        let (open, asked) = ground
            .store
            .write(async |tx| {
                let open = tx.add_bulk(&new(vec!["a.test".into()]), 5).await?;
                let asked = tx.add_bulk(&new((0..450).map(|n| format!("s{n}.test")).collect()), 5).await?;
                tx.end_bulk(asked, 10).await?;
                Ok::<_, StoreFault>((open, asked))
            })
            .await
            .unwrap();
        let policy = PrunePolicy { tasks: 1_000, ..PrunePolicy::default() };
        let left = async || {
            let rows = ground.store.read(async |read| read.list(&BulkList::default()).await).await.unwrap().rows;
            rows.into_iter().map(|bulk| bulk.id).collect::<Vec<_>>()
        };

        ground.store.prune(&policy, 1_009).await.unwrap();
        assert_eq!(left().await, [asked, open]);
        ground.store.prune(&policy, 1_011).await.unwrap();
        assert_eq!(left().await, [open]);
        let gone = BulkEntryList { bulk: asked, state: Vec::new(), page: Page::default() };
        assert_eq!(entries(&ground, &gone).await, []);
    });
}
