//! What is kept beside objects and tasks: settings, fields of the operator's own, the audit, numbers, changes.

use aegir_domain::Remedy as _;
use aegir_hosting::{Actor, Answer, Call, Effect, Front as _, OperationId as Id, Refusal, Setting};
use serde_json::{Value, json};

use crate::ground::{Ground, add_site, edit_site, on_both, on_task, verify_site};
use crate::of_everything::changes;

fn set(name: &str, value: &str) -> Call {
    Call::of(Id::SettingSet).about(name).with("value", value)
}

#[test]
fn a_setting_has_a_kind_and_a_default_and_goes_back_to_it() {
    on_both(async |ground| {
        let all = ground.items(Call::of(Id::SettingList)).await;
        assert_eq!(all.len(), Setting::ALL.len());
        for setting in &all {
            assert_eq!(setting["value"], setting["default"], "{setting}");
        }
        // The queue works by what the settings say, before anybody said anything.
        assert_eq!(ground.shown(Call::of(Id::QueueShow)).await["most"], Setting::TasksAtOnce.default());

        ground.ask(set("tasks_at_once", "3")).await.unwrap();
        let shown = ground.shown(Call::of(Id::SettingShow).about("tasks_at_once")).await;
        assert_eq!((&shown["value"], &shown["changed_by"]), (&json!(3), &json!("anna")));
        assert_eq!(ground.shown(Call::of(Id::QueueShow)).await["most"], 3);
        ground.ask(Call::of(Id::SettingSet).about("tasks_at_once")).await.unwrap();
        assert_eq!(ground.shown(Call::of(Id::QueueShow)).await["most"], Setting::TasksAtOnce.default());
        assert_eq!(
            ground.shown(Call::of(Id::SettingShow).about("tasks_at_once")).await["value"],
            Setting::TasksAtOnce.default()
        );

        for (name, value) in [
            ("tasks_at_once", "0"),
            ("tasks_at_once", "many"),
            ("keep_copies", "-1"),
            ("news_mail_to", "nobody"),
            ("news_webhook", "ftp://example.org"),
            ("news_webhook", "not an address"),
            ("news_mail_by", "pigeon"),
            ("news_mail_by", "smtps://user:password@example.org"),
        ] {
            let refusal = ground.refused(set(name, value)).await;
            assert!(matches!(refusal, Refusal::Bad(_)) && refusal.remedy().is_some(), "{name} {value}: {refusal:?}");
        }
        assert!(matches!(ground.refused(set("colour", "red")).await, Refusal::Unknown { .. }));
        for good in ["sendmail", "smtp://localhost:25", "smtps://user@mail.example.org"] {
            ground.ask(set("news_mail_by", good)).await.unwrap();
        }
        let mut dry = set("tasks_at_once", "5");
        dry.dry_run = true;
        ground.ask(dry).await.unwrap();
        assert_eq!(
            ground.shown(Call::of(Id::SettingShow).about("tasks_at_once")).await["value"],
            Setting::TasksAtOnce.default()
        );
    });
}

#[test]
fn a_secret_setting_is_told_to_nobody() {
    on_both(async |ground| {
        let name = "news_mail_password";
        let answer = ground.shown(Call::of(Id::SettingSet).about(name).with("secret", "tops3cret")).await;
        assert!(!answer.to_string().contains("tops3cret"));
        let shown = ground.shown(Call::of(Id::SettingShow).about(name)).await;
        assert_eq!((&shown["value"], &shown["changed_by"]), (&json!("set"), &json!("anna")));
        assert!(matches!(ground.refused(set(name, "tops3cret")).await, Refusal::Bad(_)));
        let wrong = Call::of(Id::SettingSet).about("keep_copies").with("secret", "tops3cret");
        assert!(matches!(ground.refused(wrong).await, Refusal::Bad(_)));
        assert!(!ground.everything().await.contains("tops3cret"));
        ground.ask(Call::of(Id::SettingSet).about(name)).await.unwrap();
        assert!(ground.shown(Call::of(Id::SettingShow).about(name)).await["value"].is_null());
    });
}

#[test]
fn fields_of_the_operators_own_hold_what_their_kind_allows() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let add =
            |kind: &str, name: &str, of: &str| Call::of(Id::FieldAdd).about(name).with("kind", kind).with("type", of);
        for (name, of) in [("ticket", "number"), ("owner", "text"), ("paid", "yes-no"), ("until", "date")] {
            ground.ask(add("site", name, of)).await.unwrap();
        }
        assert!(matches!(ground.refused(add("site", "ticket", "text")).await, Refusal::Taken { .. }));
        ground.ask(add("server", "ticket", "text")).await.unwrap();
        assert_eq!(ground.items(Call::of(Id::FieldList)).await.len(), 5);

        for bad in ["ticket=many", "paid=perhaps", "until=2026-13-01", "colour=red", "ticket", "=7"] {
            let refusal = ground.refused(edit_site("a.test").with("field", bad)).await;
            assert!(matches!(&refusal, Refusal::Bad(bad) if bad.bad[0].parameter == "field"), "{bad}: {refusal:?}");
        }
        assert_eq!(ground.items(Call::of(Id::TaskList).with("object", "@a.test")).await.len(), 1);
        ground
            .queue(edit_site("a.test").with("field", json!(["ticket=42", "owner=Ann = Bob", "until=2026-12-24"])))
            .await;
        ground.queue(add_site("b.test").with("field", "ticket=7")).await;
        ground.work().await;
        let fields = |site: Value| site["fields"].clone();
        let shown = fields(ground.shown(Call::of(Id::SiteShow).about("a.test")).await);
        assert_eq!(shown, json!({ "ticket": "42", "owner": "Ann = Bob", "until": "2026-12-24" }));
        assert_eq!(fields(ground.shown(Call::of(Id::SiteShow).about("b.test")).await), json!({ "ticket": "7" }));
        ground.queue(edit_site("a.test").with("field", "ticket=")).await;
        ground.work().await;
        ground.ask(Call::of(Id::FieldDelete).about("owner").with("kind", "site")).await.unwrap();
        let shown = fields(ground.shown(Call::of(Id::SiteShow).about("a.test")).await);
        assert_eq!(shown, json!({ "until": "2026-12-24" }));
        let gone = Call::of(Id::FieldDelete).about("owner").with("kind", "site");
        assert!(matches!(ground.refused(gone).await, Refusal::Unknown { .. }));
    });
}

#[test]
fn a_field_that_is_required_is_given_of_each_new_object_and_not_emptied() {
    on_both(async |ground| {
        ground.fleet(&["old.test"]).await;
        let add = Call::of(Id::FieldAdd).about("ticket").with("kind", "site").with("type", "number");
        ground.ask(add.with("required", true)).await.unwrap();
        assert_eq!(ground.items(Call::of(Id::FieldList)).await[0]["required"], true);

        for call in [
            add_site("new.test"),
            add_site("new.test").with("field", "ticket="),
            Call { dry_run: true, ..add_site("new.test") },
            Call { dry_run: true, ..add_site("new.test").with("field", "ticket=many") },
            edit_site("old.test").with("field", json!(["ticket=1", "ticket="])),
        ] {
            let refusal = ground.refused(call.clone()).await;
            assert!(matches!(&refusal, Refusal::Bad(bad) if bad.bad[0].parameter == "field"), "{call:?}: {refusal:?}");
            assert!(refusal.remedy().unwrap().contains("number"), "{refusal:?}");
        }
        // What was there before has none, and may have other changes.
        ground.queue(edit_site("old.test").with("alias", "www.old.test")).await;
        ground.queue(add_site("new.test").with("field", "ticket=7")).await;
        ground.work().await;
        assert_eq!(ground.shown(Call::of(Id::SiteShow).about("new.test")).await["fields"], json!({ "ticket": "7" }));
    });
}

#[test]
fn the_audit_holds_every_change_and_every_refusal() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let audit = async |ground: &Ground| ground.items(Call::of(Id::AuditList).with("limit", 500)).await;
        let mut held = audit(&ground).await.len();
        assert_eq!(held, 3);
        for id in Id::ALL {
            let asked = ground.ask(Call::of(id)).await;
            let now = audit(&ground).await;
            let expected = held + usize::from(!id.declaration().reads());
            assert_eq!(now.len(), expected, "{id:?}");
            if now.len() > held {
                let word = asked.as_ref().err().map_or("done", |refusal| refusal.word());
                assert_eq!((&now[0]["operation"], &now[0]["answer"]), (&json!(id.declaration().slug()), &json!(word)));
            }
            held = now.len();
        }
        let nobody = Actor::of_token(7, "nobody", aegir_hosting::Permissions::default());
        ground.hosting.perform(&nobody, Call::of(Id::SiteList)).await.unwrap_err();
        let last = &audit(&ground).await[0];
        assert_eq!(
            (&last["actor"], &last["door"], &last["answer"]),
            (&json!("token nobody"), &json!("token"), &json!("forbidden"))
        );
        let mut dry = Call::of(Id::SiteDisable).about("a.test");
        dry.dry_run = true;
        ground.ask(dry).await.unwrap();
        assert_eq!(audit(&ground).await.len(), held + 1);

        // It can be asked by whom, what, and to what it was done.
        ground.queue(verify_site("a.test")).await;
        let found = async |name: &str, value: &str| ground.items(Call::of(Id::AuditList).with(name, value)).await.len();
        assert_eq!(found("object", "@a.test").await, 2, "added, and verified");
        assert_eq!(found("actor", "token nobody").await, 1);
        assert_eq!(found("operation", "site verify").await, 2);
        // What was given is told, and no secret with it.
        ground.ask(Call::of(Id::SettingSet).about("news_mail_password").with("secret", "hush")).await.unwrap();
        ground.ask(set("tasks_at_once", "3")).await.unwrap();
        let now = audit(&ground).await;
        assert_eq!((&now[0]["parameters"], &now[1]["parameters"]), (&json!({ "value": "3" }), &json!({})));
    });
}

#[test]
fn a_number_leads_to_whatever_has_it() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let mut kinds = Vec::new();
        for number in 1..=7 {
            let shown = ground.shown(Call::of(Id::NodeShow).about(number.to_string())).await;
            kinds.push(shown["kind"].as_str().unwrap().to_owned());
            assert_eq!(shown["id"], number);
        }
        assert_eq!(kinds, ["client", "server", "task", "platform", "task", "site", "task"]);
        assert_eq!(ground.shown(Call::of(Id::NodeShow).about("@a.test")).await["id"], 6);
        assert_eq!(ground.shown(Call::of(Id::NodeShow).about("#6")).await["id"], 6);
        for gone in ["99", "@gone.test", "gone.test", "-1", "99999999999999999999"] {
            assert!(
                matches!(ground.refused(Call::of(Id::NodeShow).about(gone)).await, Refusal::Unknown { .. }),
                "{gone}"
            );
        }
    });
}

#[test]
fn changes_are_told_in_order_and_whoever_looked_away_too_long_is_told_so() {
    on_both(async |ground| {
        let since = async |number: Option<i64>| ground.hosting.changes(&ground.anna, number, 500).await.unwrap();
        let begin = since(None).await;
        assert_eq!((begin.len(), begin[0].what.as_str()), (1, "now"));
        ground.fleet(&["a.test"]).await;
        let changes = since(Some(begin[0].number)).await;
        assert!(changes.windows(2).all(|two| two[0].number < two[1].number));
        let of_task: Vec<_> =
            changes.iter().filter(|change| change.node == 7).map(|change| change.what.as_str()).collect();
        assert_eq!(of_task, ["created", "began", "spoke", "ended"]);
        let reset = since(Some(1_000_000)).await;
        assert_eq!((reset.len(), reset[0].what.as_str()), (1, "reset"));
        // Waiting for a change ends when there is one.
        let began = std::time::Instant::now();
        let (_, _) = tokio::join!(ground.hosting.changed(), async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            ground.queue(verify_site("a.test")).await;
        });
        assert!(began.elapsed() < std::time::Duration::from_millis(800), "{:?}", began.elapsed());
        for _ in 0..15 {
            ground.hosting.changed().await;
        }
        ground.ask(Call::of(Id::SiteList)).await.expect("waiting costs no connection for good");
    });
}

#[test]
fn what_would_be_done_is_told_and_not_done() {
    on_both(async |ground| {
        let there = ground.front().furnish().await;
        // All that is kept, but for who asked for what.
        let kept = async || {
            let sums = ground.store().sums().await.unwrap();
            sums.into_iter().filter(|table| table.name != "audit").collect::<Vec<_>>()
        };
        let before = kept().await;
        let mut told = Vec::new();
        for id in Id::ALL {
            let calls = changes(id, &there);
            assert_eq!(calls.is_empty(), id.declaration().reads(), "{id:?} has a call here, if it changes anything");
            for call in calls {
                let dry = ground.ask(Call { dry_run: true, ..call.clone() }).await;
                let dry = dry.unwrap_or_else(|refusal| panic!("{call:?}: {refusal:?}"));
                assert_eq!(kept().await, before, "{call:?}");
                told.push((call, dry));
            }
        }

        // And it would have been done: the same without the word does change something.
        for (call, dry) in told {
            let before = kept().await;
            let answer = ground.ask(call.clone()).await.unwrap_or_else(|refusal| panic!("{call:?}: {refusal:?}"));
            match call.operation.declaration().effect {
                Effect::Tries => assert_eq!(kept().await, before, "{call:?}"),
                _ => assert_ne!(kept().await, before, "{call:?}"),
            }
            match (dry, answer) {
                (Answer::WouldQueue { object, requests }, Answer::Queued(queued)) => {
                    assert_eq!((requests.len(), object), (1, queued.object), "{call:?}");
                    assert!(requests[0]["kind"].is_string(), "{call:?}");
                }
                (Answer::Object(_), Answer::Object(_)) => {}
                // What would be tried.
                (Answer::WouldQueue { requests, .. }, Answer::Object(_)) => assert_eq!(requests.len(), 1, "{call:?}"),
                (dry, answer) => panic!("{call:?}: {dry:?} was told, and {answer:?} came of it"),
            }
        }
    });
}

#[test]
fn a_task_that_has_ended_would_not_be_cancelled_either() {
    on_both(async |ground| {
        let there = ground.front().furnish().await;

        let refusal =
            ground.refused(Call { dry_run: true, ..on_task(Id::TaskCancel, aegir_domain::NodeId(there.ended)) }).await;

        assert!(matches!(refusal, Refusal::Conflict { .. }), "{refusal:?}");
    });
}

#[test]
fn the_control_database_is_tended_at_the_start_and_each_day() {
    crate::ground::on(aegir_store::Dialect::Sqlite, async |ground| {
        ground.fleet(&["a.test"]).await;
        let journal = ground.dir.path().join("control.sqlite-wal");
        let is_empty = async || std::fs::metadata(&journal).is_ok_and(|journal| journal.len() == 0);
        assert!(!is_empty().await);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let chores = tokio::spawn(aegir_hosting::do_chores(ground.hosting.clone(), stopped));
        ground.until("the journal is emptied", is_empty).await;

        ground.outside.jump(23 * 60 * 60 * 1000);
        ground.queue(verify_site("a.test")).await;
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        assert!(!is_empty().await, "more often than once a day");
        ground.outside.jump(2 * 60 * 60 * 1000);
        ground.ask(Call::of(Id::ServerVerify).about("web1")).await.unwrap();
        ground.until("it is emptied again", is_empty).await;
        stop.send(true).unwrap();
        chores.await.unwrap();
    });
}
