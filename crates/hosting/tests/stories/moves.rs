//! A site moves to another platform and goes back: what is asked of the back end, and what is told of it afterwards.

use aegir_domain::{Context, KeepFormer, Task, TaskKind};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::{Ends, Plan};
use serde_json::json;

use crate::ground::on_both;

const DAY: i64 = 24 * 60 * 60 * 1000;

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
fn a_site_is_updated_where_it_lives_and_what_it_was_is_told() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.queue(Call::of(Id::SiteUpdate).about("a.test")).await;
        ground.queue(Call::of(Id::SiteUpdate).about("b.test").with("keep_former", "archive")).await;
        ground.work().await;

        let updated = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert_eq!((&updated["platform"], &updated["fenced_ms"]), (&json!("d10"), &json!(2400)), "{updated}");
        assert_eq!(updated["formers"][0]["platform"], json!("d10"), "{updated}");
        let began = ground.machine().began();
        let asked = began.iter().filter(|began| began.kind == TaskKind::UpdateSite);
        let mut kept: Vec<_> = asked.map(|began| serde_json::to_value(&began.task).unwrap()).collect();
        // Both run at once.
        kept.sort_by_key(|task| task["site"].to_string());
        let kept: Vec<_> = kept.iter().map(|task| &task["keep"]).collect();
        assert_eq!(kept, [&json!("itself"), &json!("archive")], "the setting says, or whoever asks");

        ground.queue(Call::of(Id::SiteGoBack).about("a.test")).await;
        ground.queue(Call::of(Id::SiteDisable).about("b.test")).await;
        ground.work().await;
        let refusal = ground.refused(Call::of(Id::SiteUpdate).about("b.test")).await;
        assert!(refusal.to_string().contains("disabled"), "{refusal}");
    });
}

#[test]
fn an_update_of_which_none_waits_says_nothing_new_of_the_site() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let before = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        ground.machine().plan(TaskKind::UpdateSite, "@a.test", Plan { nothing: true, ..Plan::default() });
        ground.queue(Call::of(Id::SiteUpdate).about("a.test")).await;
        ground.work().await;

        let after = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        for what in ["verified", "formers", "platform", "fenced_ms", "status"] {
            assert_eq!(after[what], before[what], "{what}: {after}");
        }
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

#[test]
fn what_a_site_was_is_packed_if_the_setting_says_so_when_the_task_begins_and_is_told_as_a_backup_that_the_move_left() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.platform("d11", "web1").await;
        ground.queue(migrate("a.test", "d11")).await;
        ground.set("keep_former", "archive").await;
        ground.work().await;

        let site = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        let (former, archive) = (&site["formers"][0]["name"], &site["formers"][0]["archive"]);
        let list = |kind: Option<&str>| match kind {
            Some(kind) => Call::of(Id::BackupList).with("site", "a.test").with("kind", kind),
            None => Call::of(Id::BackupList).with("site", "a.test"),
        };
        let all = ground.items(list(None)).await;
        assert_eq!(all.len(), 1, "it is told once: {all:?}");
        assert_eq!((&all[0]["name"], &all[0]["left_by"]), (archive, &json!("migrate-site")), "{all:?}");
        let formers = ground.items(list(Some("former"))).await;
        assert_eq!((formers.len(), &formers[0]["name"]), (1, former), "{formers:?}");
        let writes = ground.shown(Call::of(Id::SiteWrittenSince).about("a.test")).await;
        assert_eq!(&writes["archive"], archive, "{writes}");

        ground.set("keep_former", "itself").await;
        ground.queue(migrate("b.test", "d11")).await;
        ground.queue(Call::of(Id::SiteGoBack).about("a.test")).await;
        ground.work().await;

        let began = ground.machine().began();
        let kept = |kind: TaskKind| {
            let of_kind = began.iter().filter(move |began| began.kind == kind);
            of_kind.map(|began| serde_json::to_value(&began.task).unwrap()["keep"].clone()).collect::<Vec<_>>()
        };
        let word = |how: KeepFormer| json!(how.as_str());
        assert_eq!(kept(TaskKind::MigrateSite), [word(KeepFormer::Archive), word(KeepFormer::Itself)]);
        assert_eq!(kept(TaskKind::GoBackSite), [word(KeepFormer::Itself)]);
    });
}

#[test]
fn what_a_site_was_is_kept_as_whoever_moves_it_says_whatever_the_setting_is_and_so_in_a_batch() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test"]).await;
        ground.platform("d11", "web1").await;
        ground.queue(migrate("a.test", "d11").with("keep_former", "archive")).await;
        let batch = Call::of(Id::PlatformMigrate).about("d10").with("to", "d11").with("allow_missing", "left_out");
        let run = ground.shown(batch.with("site", "b.test").with("keep_former", "archive").with("waves", "rest")).await;
        ground.work().await;
        let shown = ground.shown(Call::of(Id::BulkShow).about(run["id"].to_string())).await;
        assert_eq!(shown["succeeded"], 1, "{shown}");
        ground.set("keep_former", "archive").await;
        ground.queue(migrate("c.test", "d11").with("keep_former", "itself")).await;
        ground.work().await;

        let began = ground.machine().began();
        let kept = began.iter().filter(|began| began.kind == TaskKind::MigrateSite).map(|began| {
            let task = serde_json::to_value(&began.task).unwrap();
            (task["site"].as_str().unwrap().to_owned(), task["keep"].clone())
        });
        let archive = |site: &str| (site.to_owned(), json!("archive"));
        let mut kept: Vec<_> = kept.collect();
        kept.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(kept, [archive("a.test"), archive("b.test"), ("c.test".to_owned(), json!("itself"))]);
        let refused = ground.refused(migrate("a.test", "d10").with("keep_former", "nowhere")).await;
        assert!(matches!(refused, Refusal::Bad(_)), "{refused}");
    });
}

#[test]
fn what_a_site_was_is_let_go_of_when_somebody_says_so_and_its_platform_can_then_be_forgotten() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        ground.queue(migrate("a.test", "d11")).await;
        ground.work().await;
        let verified = ground.shown(Call::of(Id::SiteShow).about("a.test")).await["verified"].clone();
        let former = "a.test-20260101.000000-0123456789ab";
        let forget = Call::of(Id::PlatformForget).about("d10");
        let refused = ground.refused(forget.clone()).await;
        assert_eq!(refused.to_string(), "1 former self of a site lies on `@platform_d10`: `@a.test`");
        let shown = ground.shown(Call::of(Id::PlatformShow).about("d10")).await;
        let told = shown["operations"].as_array().unwrap().iter().find(|one| one["verb"] == "forget").unwrap();
        assert_eq!(told["available"], json!(false), "{shown}");
        let drop = Call::of(Id::SiteDropFormer).about("a.test");
        for bad in [drop.clone(), drop.clone().with("former", "a.test-20260101.000000-000000000000")] {
            assert!(matches!(ground.refused(bad).await, Refusal::Bad(_)));
        }

        ground.outside.jump(1000);
        ground.queue(drop.with("former", former)).await;
        ground.work().await;

        let site = ground.shown(Call::of(Id::SiteShow).about("a.test")).await;
        assert!(site.get("formers").is_none(), "{site}");
        assert_eq!(site["verified"], verified, "nobody looked whether it works");
        let began = ground.machine().began();
        let asked = began.iter().rev().find(|began| began.kind == TaskKind::DropFormers).map(|began| &began.task);
        assert!(matches!(asked, Some(Task::DropFormers { former: Some(gone), .. }) if gone.as_str() == former));
        ground.queue(forget).await;
        ground.work().await;
        assert!(ground.machine().context("@platform_d10").is_none());
    });
}

#[test]
fn what_was_kept_for_long_enough_goes_by_itself_a_task_for_each_and_is_asked_for_once_a_day() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test", "c.test"]).await;
        ground.platform("d11", "web1").await;
        for site in ["a.test", "b.test"] {
            ground.queue(migrate(site, "d11")).await;
        }
        ground.work().await;
        let since = 1_767_225_600_000;
        ground.outside.jump(since + 7 * DAY - 60_000 - ground.now());
        assert_eq!(ground.hosting.let_go_of_formers().await.unwrap(), 0, "a minute is left");
        ground.outside.jump(120_000);
        ground.set("keep_former_days", "0").await;
        assert_eq!(ground.hosting.let_go_of_formers().await.unwrap(), 0, "until somebody says so");
        ground.set("keep_former_days", "7").await;
        ground.machine().plan_once(TaskKind::DropFormers, "@b.test", Plan::ends(Ends::RolledBack));

        assert_eq!(ground.hosting.let_go_of_formers().await.unwrap(), 2);
        assert_eq!(ground.hosting.let_go_of_formers().await.unwrap(), 0, "they are asked for");
        let waiting = ground.tasks().await;
        ground.work().await;

        assert_eq!(waiting.iter().filter(|task| task.contains("drop-former")).count(), 2, "{waiting:?}");
        let shown = async |site: &str| ground.shown(Call::of(Id::SiteShow).about(site)).await;
        assert!(shown("a.test").await.get("formers").is_none());
        assert_eq!(shown("b.test").await["formers"].as_array().map(Vec::len), Some(1), "that failed");
        assert_eq!(ground.hosting.let_go_of_formers().await.unwrap(), 0, "it is not asked for each time");
        ground.outside.jump(DAY);
        assert_eq!(ground.hosting.let_go_of_formers().await.unwrap(), 1, "the next day it is");
        ground.work().await;
        assert!(shown("b.test").await.get("formers").is_none());
        let began = ground.machine().began();
        assert_eq!(began.iter().filter(|began| began.kind == TaskKind::DropFormers).count(), 3);
    });
}
