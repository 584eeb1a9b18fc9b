//! Copies of sites that somebody else looks after: made, brought up to date, and switched to; and what stands against it.

use aegir_domain::{CopySource, KeepFormer, RefreshCopy, SwitchCopy, Task, TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Plan, copy_site};
use serde_json::{Value, json};

use crate::ground::{Ground, on_both};

const FOLDER: &str = "/var/www/html/sites/default";

fn refresh(site: &str) -> Call {
    Call::of(Id::SiteRefresh).about(site)
}

fn switch(site: &str) -> Call {
    Call::of(Id::SiteSwitch).about(site)
}

async fn site(ground: &Ground, name: &str) -> Value {
    ground.shown(Call::of(Id::SiteShow).about(name)).await
}

/// What is told of an operation of a site; nothing: it is not told.
fn told(site: &Value, verb: &str) -> Option<Value> {
    site["operations"].as_array().unwrap().iter().find(|one| one["verb"] == verb).cloned()
}

/// The last task of a kind that a machine began.
fn last(ground: &Ground, kind: TaskKind) -> Task {
    ground.machine().began().into_iter().rfind(|began| began.kind == kind).expect("one began").task
}

/// A copy that was made in a shell, whose database was named with a password or not.
async fn copied_by_hand(ground: &Ground, with_password: bool) {
    let mut source = json!({ "folder": FOLDER });
    if with_password {
        let at = json!({ "socket": "/run/mysqld/mysqld.sock" });
        source["database"] = json!({ "at": at, "name": "theirs", "account": "reader" });
    }
    let task = json!({
        "kind": "import-site", "site": "copy.test", "platform": "d10", "client": "admin", "copy_of": source,
    });
    by_hand(ground, serde_json::from_value(task).unwrap()).await;
}

async fn by_hand(ground: &Ground, task: Task) {
    let attempt = ground.machine().by_hand(task);
    ground.until("it has ended there", async || ground.machine().has_ended(attempt)).await;
    ground.look().await;
    ground.look().await;
}

#[test]
fn a_copy_is_made_brought_up_to_date_and_takes_the_place_of_its_original() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.queue(copy_site("copy.test").with("sanitise", true).with("alias", vec!["www.copy.test"])).await;
        assert_eq!(site(&ground, "copy.test").await["status"], "new", "its name is its own at once");
        ground.work().await;

        let Task::ImportSite(asked) = last(&ground, TaskKind::ImportSite) else { panic!() };
        let source = CopySource { folder: FOLDER.into(), database: None, sanitise: true };
        assert_eq!((asked.copy_of, asked.platform.as_str(), asked.aliases.len()), (Some(source), "d10", 1));
        let copy = site(&ground, "copy.test").await;
        let of = json!({ "folder": FOLDER, "sanitised": true, "wants_password": false });
        assert_eq!((&copy["status"], &copy["copy_of"]), (&json!("enabled"), &of), "{copy}");
        let other = site(&ground, "a.test").await;
        assert!(other.get("copy_of").is_none(), "{other}");
        for verb in ["refresh", "switch"] {
            assert_eq!(told(&copy, verb).unwrap()["available"], true, "{copy}");
            assert_eq!(told(&other, verb), None, "it is no copy");
        }

        ground.queue(refresh("copy.test").with("keep_former", "archive")).await;
        ground.work().await;

        let name = || "copy.test".parse().unwrap();
        let keep = Some(KeepFormer::Archive);
        let asked = RefreshCopy { site: name(), switch: None, keep };
        assert_eq!(last(&ground, TaskKind::RefreshCopy), Task::RefreshCopy(asked));
        let copy = site(&ground, "copy.test").await;
        assert_eq!((&copy["copy_of"], &copy["fenced_ms"]), (&of, &json!(2400)), "{copy}");

        ground.queue(switch("copy.test").with("although_live", true)).await;
        ground.work().await;

        let asked = RefreshCopy {
            site: name(),
            switch: Some(SwitchCopy { although_live: true }),
            keep: Some(KeepFormer::Itself),
        };
        assert_eq!(last(&ground, TaskKind::RefreshCopy), Task::RefreshCopy(asked));
        let switched = site(&ground, "copy.test").await;
        assert!(switched.get("copy_of").is_none() && told(&switched, "refresh").is_none(), "{switched}");
        assert_eq!(switched["id"], copy["id"], "it is the same site");
        let tasks = ground.tasks().await;
        for call in [refresh("copy.test"), switch("copy.test"), refresh("a.test")] {
            let refusal = ground.refused(call).await;
            assert!(refusal.to_string().contains("is no copy of somebody's site"), "{refusal}");
        }
        assert_eq!(ground.tasks().await, tasks);
    });
}

#[test]
fn a_switch_that_is_refused_leaves_a_copy_that_can_be_switched_later() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.queue(copy_site("copy.test")).await;
        ground.work().await;
        ground.machine().plan_once(TaskKind::RefreshCopy, "@copy.test", Plan::ends(Ends::Refused));

        let refused = ground.queue(switch("copy.test")).await;
        ground.work().await;

        ground.assert_state(refused, TaskState::Refused).await;
        assert_eq!(site(&ground, "copy.test").await["copy_of"]["folder"], FOLDER);
        ground.ask(crate::ground::on_task(Id::TaskRetry, refused)).await.unwrap();
        ground.work().await;
        assert!(site(&ground, "copy.test").await.get("copy_of").is_none());
    });
}

#[test]
fn where_a_password_is_wanted_the_command_for_a_shell_is_told() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        copied_by_hand(&ground, true).await;
        let copy = site(&ground, "copy.test").await;
        assert_eq!(copy["copy_of"]["wants_password"], true, "{copy}");
        let tasks = ground.tasks().await;

        for (call, verb) in [(refresh("copy.test"), "refresh"), (switch("copy.test"), "switch")] {
            assert!(told(&copy, verb).unwrap()["why_not"].as_str().unwrap().contains("password"), "{copy}");
            let refusal = ground.refused(call).await;
            let remedy = aegir_domain::Remedy::remedy(&refusal).unwrap();
            let command = format!("`aegir provision import copy.test --{verb} --source-db-password-file -`");
            assert!(remedy.contains(&command), "{remedy}");
        }
        assert_eq!(ground.tasks().await, tasks);
    });
}

#[test]
fn what_is_asked_in_a_shell_is_found_and_the_record_follows() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let asked = |switch| Task::RefreshCopy(RefreshCopy { site: "copy.test".parse().unwrap(), switch, keep: None });
        copied_by_hand(&ground, false).await;
        by_hand(&ground, asked(None)).await;
        assert_eq!(site(&ground, "copy.test").await["copy_of"]["folder"], FOLDER);
        ground.outside.jump(5_000);
        by_hand(&ground, asked(Some(SwitchCopy::default()))).await;

        assert!(site(&ground, "copy.test").await.get("copy_of").is_none());
        let tasks = ground.items(Call::of(Id::TaskList).with("object", "@copy.test")).await;
        let mut operations: Vec<_> = tasks.iter().map(|task| task["operation"].as_str().unwrap()).collect();
        operations.sort_unstable();
        assert_eq!(operations, ["site-copy", "site-refresh", "site-switch"]);
    });
}

#[test]
fn what_cannot_be_copied_is_refused_before_anything_is_queued() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        ground.ask(Call::of(Id::PlatformLock).about("d11")).await.unwrap();
        let web2 = Call::of(Id::ServerAdd).about("web2").with("http", "nginx").with("listen", "127.0.0.1:8082");
        ground.queue(web2).await;
        ground.work().await;
        ground.platform("d12", "web2").await;
        let tasks = ground.tasks().await;
        let copy = |name: &str| copy_site(name);

        let bad = [
            copy("copy.test").with("folder", "sites/default"),
            copy("copy.test").with("folder", "/var/www/../etc"),
            copy("copy.test").with("platform", "d12"),
            Call::of(Id::SiteCopy).about("copy.test").with("platform", "d10"),
            Call::of(Id::SiteCopy).about("copy.test").with("folder", FOLDER),
        ];
        for call in bad {
            let refusal = ground.refused(call.clone()).await;
            assert!(matches!(refusal, Refusal::Bad(_)), "{call:?}: {refusal:?}");
        }
        let locked = ground.refused(copy("copy.test").with("platform", "d11")).await;
        assert!(locked.to_string().contains("is locked"), "{locked}");
        for call in [copy("a.test"), copy("copy.test").with("alias", vec!["a.test"])] {
            let refusal = ground.refused(call).await;
            assert!(matches!(refusal, Refusal::Taken { .. }), "{refusal:?}");
        }
        assert_eq!(ground.tasks().await, tasks);

        // It can hold its data elsewhere.
        ground.queue(copy("copy.test").with("platform", "d12").with("db_server", "web1")).await;
    });
}
