//! A site moves to another platform and goes back: what is asked of the back end, and what is told of it afterwards.

use aegir_domain::{Context, Task, TaskKind};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use serde_json::json;

use crate::ground::on_both;

fn migrate(site: &str, platform: &str) -> Call {
    Call::of(Id::SiteMigrate).about(site).with("platform", platform)
}

#[test]
fn a_site_is_moved_and_goes_back_and_its_fence_and_former_selves_are_told() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        let before = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert!(before.get("formers").is_none() && before.get("fenced_ms").is_none(), "{before}");
        let back = before["operations"].as_array().unwrap().iter().find(|one| one["verb"] == "go-back").unwrap();
        assert_eq!(back["available"], json!(false), "{back}");

        ground.queue(migrate("a.test", "d11")).await;
        ground.work().await;

        let moved = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert_eq!((&moved["platform"], &moved["fenced_ms"]), (&json!("d11"), &json!(2400)), "{moved}");
        let former = &moved["formers"][0];
        assert_eq!((&former["platform"], &former["since"]), (&json!("d10"), &json!(1_767_225_600_000_u64)), "{former}");
        let (name, tasks) = (former["name"].as_str().unwrap().to_owned(), ground.tasks().await);
        let writes = ground.shown(Call::of(Id::SiteWrittenSince).about("a.test")).await;
        assert_eq!((&writes["former"], &writes["since"]), (&json!(name), &former["since"]), "{writes}");
        assert_eq!(writes["counts"][1], json!({ "what": "comments", "count": 12 }));
        assert_eq!(ground.tasks().await, tasks, "nothing is queued by asking");

        ground.queue(Call::of(Id::SiteGoBack).about("a.test").with("former", name.as_str())).await;
        ground.work().await;

        let Some(Context::Site(site)) = ground.machine().context("@a.test") else { panic!("a.test is gone") };
        assert_eq!(site.platform.as_str(), "d10");
        let began = ground.machine().began();
        let asked = began.iter().rev().find(|began| began.kind == TaskKind::GoBackSite).map(|began| &began.task);
        assert!(matches!(asked, Some(Task::GoBackSite { former: Some(former), .. }) if former.as_str() == name));
    });
}

#[test]
fn what_cannot_be_moved_or_gone_back_to_is_refused_before_anything_is_queued() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let tasks = ground.tasks().await;
        for call in [
            migrate("a.test", "d10"),
            migrate("a.test", "nowhere"),
            migrate("none.test", "d10"),
            Call::of(Id::SiteGoBack).about("a.test"),
            Call::of(Id::SiteWrittenSince).about("a.test"),
            Call::of(Id::SiteWrittenSince).about("a.test").with("former", "a.test-20260101.000000-0123456789ab"),
        ] {
            let what = format!("{call:?}");
            let refusal = ground.refused(call).await;
            assert!(matches!(refusal, Refusal::Bad(_) | Refusal::Unknown { .. }), "{what}: {refusal:?}");
        }
        assert_eq!(ground.tasks().await, tasks);
    });
}
