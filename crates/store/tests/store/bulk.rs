//! Bulk runs: all objects are written down before the first is asked, and each as it was.

use std::collections::BTreeMap;

use aegir_domain::TaskState;
use aegir_store::{
    Asking, BulkAsker, BulkEntry, BulkEntryList, BulkHalt, BulkList, BulkPlan, EntryState, NewBulk, NewBulkEntry, Page,
    PrunePolicy, StoreFault, Took, Tx,
};
use serde_json::json;

use crate::ground::{Ground, fault, on_both};

/// A bulk run with one object that was asked and one that was not, which is paused.
pub async fn furnish(tx: &mut Tx, now: i64) -> Result<(), StoreFault> {
    let bulk = tx.add_bulk(&new(vec!["a.test".into(), "b.test".into()]), now).await?;
    tx.record_bulk_entry(bulk, 1, Asking::Earnest, &Err(fault("it is gone"))).await?;
    tx.pause_bulk(bulk, None, Some("too many failed"), now).await.map(drop)
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
        plan: BulkPlan::default(),
        entries: names.into_iter().map(NewBulkEntry::of).collect(),
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

        assert_eq!(store.read(async |read| read.open_bulks().await).await.unwrap(), [bulk]);
        let found = store.read(async |read| read.bulk(bulk).await).await.unwrap().unwrap();
        assert_eq!((found.id, found.asker, found.started, found.asked), (bulk, new(Vec::new()).asker, 5, None));
        let open = store.read(async |read| read.open_bulk_entries(bulk, 1, 3).await).await.unwrap();
        let open: Vec<_> = open.into_iter().map(|entry| (entry.place, entry.name)).collect();
        let first: Vec<_> = names.iter().take(3).cloned().enumerate().map(|(n, name)| (n as i64 + 1, name)).collect();
        assert_eq!(open, first);

        let site = ground.site("s00.test", platform, server).await;
        let task = ground.enqueue("site-verify", site, server, &[]).await;
        store
            .write(async |tx| {
                tx.record_bulk_entry(bulk, 1, Asking::Earnest, &Ok(task)).await?;
                tx.record_bulk_entry(bulk, 2, Asking::Earnest, &Err(fault("it is gone"))).await
            })
            .await
            .unwrap();
        let open = store.read(async |read| read.open_bulk_entries(bulk, 1, 1).await).await.unwrap();
        assert_eq!((open[0].place, open[0].name.as_str()), (3, "s02.test"));
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
        assert!(store.read(async |read| read.open_bulks().await).await.unwrap().is_empty());
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
                tx.record_bulk_entry(bulk, 1, Asking::Earnest, &Ok(task)).await?;
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

#[test]
fn a_run_is_asked_wave_by_wave_is_tried_out_before_and_goes_on_where_it_was_halted() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let store = &ground.store;
        let entry = |name: &str, wave| NewBulkEntry { wave, ..NewBulkEntry::of(name) };
        let mut entries = vec![entry("a.test", 1), entry("b.test", 1), entry("c.test", 2), entry("d.test", 2)];
        entries[1].given = Some(json!({ "former": "x" }));
        entries[3].refused = Some(fault("it does not fit"));
        let plan = BulkPlan { at_once: Some(4), stop_after: Some(2), rehearse: true };
        let new = NewBulk { plan, entries, ..new(Vec::new()) };
        let bulk = store.write(async |tx| tx.add_bulk(&new, 5).await).await.unwrap();

        let saved = store.read(async |read| read.bulk(bulk).await).await.unwrap().unwrap();
        assert_eq!((saved.plan, saved.forgiven, saved.passed, saved.halt), (plan, 1, 0, None));
        let site = ground.site("a.test", platform, server).await;
        let (tried, earnest) = (ground.enqueue("site-verify", site, server, &[]).await, Asking::Earnest);
        store.write(async |tx| tx.record_bulk_entry(bulk, 1, Asking::Rehearsal, &Ok(tried)).await).await.unwrap();
        let waves = async || store.read(async |read| read.count_waves(bulk).await).await.unwrap();
        let rehearsed = async || store.read(async |read| read.rehearsed_bulk_entries(bulk, 1, 9).await).await.unwrap();
        let of = async |state| {
            let list = BulkEntryList { bulk, state: vec![state], page: Page::first(9) };
            entries_of(&ground, &list).await
        };
        let first = &waves().await[&1];
        assert_eq!((first.all, first.open, first.rehearsing, first.left(), first.outstanding()), (2, 1, 1, 2, 1));
        assert_eq!(of(EntryState::Rehearsing).await, ["a.test"]);
        assert!(of(EntryState::Task(TaskState::Waiting)).await.is_empty(), "it is only tried out");
        let open = store.read(async |read| read.open_bulk_entries(bulk, 1, 9).await).await.unwrap();
        assert_eq!((open.len(), &open[0].given), (1, &Some(json!({ "former": "x" }))));
        assert!(rehearsed().await.is_empty());
        let second = &waves().await[&2];
        assert_eq!((second.open, second.refused, second.left()), (1, 1, 1));

        let fence = ground.fence(server).await;
        let (_, attempt) = ground.claim(server, &fence).await.unwrap();
        ground.succeed(attempt, &fence).await;
        assert_eq!(waves().await[&1].rehearsed, 1);
        assert_eq!(of(EntryState::Rehearsed).await, ["a.test"]);
        assert_eq!(rehearsed().await[0].name, "a.test");
        let took = store.read(async |read| read.took_in_bulk(bulk).await).await.unwrap();
        assert_eq!(took.tasks, 1);
        let lately = "site-verify".parse().unwrap();
        assert_eq!(store.read(async |read| read.took_lately(&lately, 9).await).await.unwrap(), took);
        assert_eq!(Took::default().each(), None);

        let waits = ground.enqueue("site-verify", site, server, &[]).await;
        store.write(async |tx| tx.record_bulk_entry(bulk, 1, earnest, &Ok(waits)).await).await.unwrap();
        assert_eq!(of(EntryState::Task(TaskState::Waiting)).await, ["a.test"]);
        assert_eq!(waves().await[&1].outstanding(), 1);

        let pause =
            async || store.write(async |tx| tx.pause_bulk(bulk, None, Some("two failed"), 7).await).await.unwrap();
        assert_eq!((pause().await, pause().await), (true, false), "it is paused once");
        assert!(store.read(async |read| read.open_bulks().await).await.unwrap().is_empty());
        let halt = store.read(async |read| read.bulk(bulk).await).await.unwrap().unwrap().halt;
        assert_eq!(halt, Some(BulkHalt { stopped: false, at: 7, by: None, why: Some("two failed".into()) }));
        let resume = async || store.write(async |tx| tx.resume_bulk(bulk, 3, 1).await).await.unwrap();
        assert_eq!((resume().await, resume().await), (true, false));
        let saved = store.read(async |read| read.bulk(bulk).await).await.unwrap().unwrap();
        assert_eq!((saved.halt, saved.forgiven, saved.passed), (None, 3, 1));

        let stop = async || store.write(async |tx| tx.stop_bulk(bulk, "anna", 9).await).await.unwrap();
        assert_eq!(stop().await, Some(vec![waits]));
        assert_eq!(stop().await, None);
        let saved = store.read(async |read| read.bulk(bulk).await).await.unwrap().unwrap();
        assert_eq!(
            (saved.asked, saved.halt.map(|halt| (halt.stopped, halt.by))),
            (Some(9), Some((true, Some("anna".into()))))
        );
        assert!(!pause().await, "it is at its end");

        // What was asked while it was stopped is told, so that it can be taken out.
        let late =
            store.write(async |tx| tx.record_bulk_entry(bulk, 1, Asking::Earnest, &Ok(waits)).await).await.unwrap();
        assert_eq!(late.and_then(|halt| halt.by).as_deref(), Some("anna"));
    });
}

async fn entries_of(ground: &Ground, list: &BulkEntryList) -> Vec<String> {
    entries(ground, list).await.into_iter().map(|entry| entry.name).collect()
}
