//! Choices narrow each other, by what the verify of each platform found.

use aegir_domain::{TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::Plan;
use serde_json::{Value, json};

use crate::ground::{Ground, add_site, on_both, package};

/// Two servers for databases, one of each kind, and two platforms: an old one that fetches no languages and has no
/// driver for SQLite, and a new one that speaks both.
async fn a_fleet_of_two_kinds(ground: &Ground) {
    ground.server("web1").await;
    let files = Call::of(Id::ServerAdd).about("files").with("db", "sqlite");
    let files = ground.queue(files).await;
    ground.work().await;
    ground.assert_state(files, TaskState::Succeeded).await;
    let profiles = |names: &[&str], version: &str| names.iter().map(|name| package("profile", name, version)).collect();
    let old = Plan {
        core: Some("7.105"),
        packages: profiles(&["standard", "commons"], "7.105"),
        engines: Some(vec!["mariadb"]),
        languages: vec![("commons", "nl"), ("standard", "de")],
        ..Plan::default()
    };
    let new = Plan {
        packages: profiles(&["standard", "umami"], "10.3.6"),
        languages: vec![("standard", "fr"), ("umami", "es"), ("umami", "fr")],
        ..Plan::default()
    };
    ground.machine().plan(TaskKind::VerifyPlatform, "@platform_d7", old);
    ground.machine().plan(TaskKind::VerifyPlatform, "@platform_d10", new);
    for name in ["d7", "d10"] {
        ground.platform(name, "web1").await;
    }
}

/// What remains for a parameter once others are chosen.
async fn remaining(ground: &Ground, parameter: &str, chosen: &[(&str, &str)]) -> Value {
    let mut call = Call::of(Id::SiteOptions);
    for (name, value) in chosen {
        call = call.with(name, *value);
    }
    ground.shown(call).await[parameter]["values"].clone()
}

#[test]
fn databases_and_languages_are_those_that_the_verify_of_a_platform_found() {
    on_both(async |ground| {
        a_fleet_of_two_kinds(&ground).await;
        let ground = &ground;
        let on = async |parameter, chosen| remaining(ground, parameter, chosen).await;

        assert_eq!(on("db_server", &[]).await, json!(["web1", "files"]));
        assert_eq!(on("db_server", &[("platform", "d7")]).await, json!(["web1"]));
        assert_eq!(on("db_server", &[("platform", "d10")]).await, json!(["web1", "files"]));
        assert_eq!(on("platform", &[("db_server", "files")]).await, json!(["d10"]));
        assert_eq!(on("db_server", &[("profile", "commons")]).await, json!(["web1"]));

        assert_eq!(on("language", &[]).await, json!(["de", "en", "es", "fr", "nl"]));
        assert_eq!(on("language", &[("platform", "d7")]).await, json!(["de", "en", "nl"]));
        assert_eq!(on("language", &[("platform", "d7"), ("profile", "commons")]).await, json!(["en", "nl"]));
        assert_eq!(on("language", &[("profile", "standard"), ("platform", "d10")]).await, json!(["en", "fr"]));
        assert_eq!(on("platform", &[("language", "nl"), ("profile", "standard")]).await, json!(["d10"]));
    });
}

#[test]
fn a_site_that_does_not_fit_together_is_refused_with_the_reason() {
    on_both(async |ground| {
        a_fleet_of_two_kinds(&ground).await;
        let began = ground.machine().began().len();
        let on_d7 = || add_site("a.test").with("platform", "d7");
        for (call, parameter, why) in [
            (on_d7().with("db_server", "files"), "platform", "does not go with the rest"),
            (on_d7().with("language", "nl"), "platform", "does not go with the rest"),
            (on_d7().with("profile", "umami"), "platform", "does not go with the rest"),
        ] {
            let refusal = ground.refused(call).await;
            let Refusal::Bad(bad) = &refusal else { panic!("{refusal:?}") };
            assert_eq!(bad.bad[0].parameter, parameter, "{refusal:?}");
            assert!(bad.bad[0].why.contains(why), "{refusal:?}");
            assert!(bad.bad[0].remedy.as_ref().unwrap().contains("aegir site options"), "{refusal:?}");
        }
        let why = |call: Call| async {
            let Refusal::Bad(bad) = ground.refused(call).await else { panic!("another refusal") };
            bad.bad.iter().map(|bad| bad.why.clone()).collect::<Vec<_>>().join("; ")
        };
        let files = why(on_d7().with("db_server", "files")).await;
        assert!(files.contains("the platform cannot use `files`, whose databases are sqlite"), "{files}");
        let dutch = why(on_d7().with("language", "nl")).await;
        assert!(dutch.contains("the profile `standard` of `d7` had no translation to `nl`"), "{dutch}");
        assert_eq!(ground.machine().began().len(), began, "no back end was asked");

        // What fits is queued; Drupal 10 fetches a language that is not at hand.
        for call in [
            add_site("b.test").with("platform", "d7").with("profile", "commons").with("language", "nl"),
            add_site("d.test").with("platform", "d10").with("language", "fi"),
        ] {
            let task = ground.queue(call).await;
            ground.work().await;
            ground.assert_state(task, TaskState::Succeeded).await;
        }
        ground.queue(add_site("c.test").with("db_server", "files")).await;
        let placed = ground.shown(Call::of(Id::SiteShow).about("c.test")).await;
        assert_eq!((&placed["platform"], &placed["db_server"]), (&json!("d10"), &json!("files")));
    });
}

#[test]
fn a_platform_that_lost_a_driver_is_offered_for_less_after_its_next_verify() {
    on_both(async |ground| {
        a_fleet_of_two_kinds(&ground).await;
        let gone = Plan { engines: Some(Vec::new()), ..Plan::default() };
        ground.machine().plan(TaskKind::VerifyPlatform, "@platform_d10", gone);
        ground.queue(Call::of(Id::PlatformVerify).about("d10")).await;
        ground.work().await;

        assert_eq!(remaining(&ground, "platform", &[]).await, json!(["d7"]));
        assert_eq!(remaining(&ground, "db_server", &[("platform", "d10")]).await, json!([]));
        let refusal = ground.refused(add_site("a.test").with("platform", "d10")).await;
        assert!(matches!(refusal, Refusal::Bad(_)), "{refusal:?}");
    });
}
