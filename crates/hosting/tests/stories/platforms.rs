//! Platforms that take no more sites, and platforms that go.

use aegir_domain::TaskKind;
use aegir_hosting::{Call, OperationId as Id};
use serde_json::json;

use crate::ground::{add_site, on_both};

fn of(id: Id, name: &str) -> Call {
    Call::of(id).about(name)
}

fn can(shown: &serde_json::Value, verb: &str) -> bool {
    let all = shown["operations"].as_array().unwrap();
    all.iter().any(|one| one["verb"] == verb && one["available"] == json!(true))
}

#[test]
fn a_locked_platform_takes_no_sites_in_any_way_and_lets_them_go() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        assert!(can(&ground.shown(of(Id::PlatformShow, "d11")).await, "lock"));

        let tasks = ground.tasks().await;
        let locked = ground.shown(of(Id::PlatformLock, "d11")).await;

        assert_eq!(locked["locked"], json!(true));
        assert!(!can(&locked, "lock") && can(&locked, "unlock"), "{locked}");
        assert_eq!(ground.tasks().await, tasks, "nothing is queued");
        assert_eq!(ground.refused(of(Id::PlatformLock, "d11")).await.to_string(), "`@platform_d11` is locked already");
        let onto = [
            of(Id::SiteMigrate, "a.test").with("platform", "d11"),
            of(Id::SiteClone, "a.test").with("as", "copy.test").with("platform", "d11"),
        ];
        for call in onto.clone() {
            assert_eq!(
                ground.refused(call).await.to_string(),
                "the platform `d11` is locked: it takes no more sites",
                "no site comes to it"
            );
        }
        let found = ground.refused(of(Id::SiteImport, "found.test").with("platform", "d11")).await.to_string();
        assert_eq!(found, "the platform `d11` is locked: it takes no more sites");
        let new = ground.refused(add_site("new.test").with("platform", "d11")).await.to_string();
        assert!(new.contains("d11") && new.contains("takes no new sites"), "{new}");
        let offered = ground.shown(Call::of(Id::SiteOptions)).await;
        assert!(!offered["platforms"].to_string().contains("d11"), "{offered}");

        ground.shown(of(Id::PlatformLock, "d10")).await;
        ground.shown(of(Id::PlatformUnlock, "d11")).await;
        ground.queue(onto[0].clone()).await;
        ground.work().await;
        assert_eq!(ground.shown(of(Id::SiteShow, "a.test")).await["platform"], "d11", "what lives there may go");
        ground.queue(of(Id::PlatformVerify, "d10")).await;
        ground.work().await;
        assert_eq!(ground.shown(of(Id::PlatformShow, "d10")).await["locked"], json!(true), "a verify opens nothing");
    });
}

#[test]
fn a_platform_is_deleted_only_when_nothing_lives_on_it_and_its_name_was_typed() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        let delete = |name: &str, typed: &str| of(Id::PlatformDelete, name).with("confirm", typed);

        let used = ground.refused(delete("d10", "d10")).await.to_string();
        assert_eq!(used, "`@platform_d10` is in use: 1 site lives on it");
        let unsure = ground.refused(delete("d11", "d10")).await.to_string();
        assert!(unsure.contains("`d10` is not the name of the platform"), "{unsure}");

        ground.queue(delete("d11", "d11")).await;
        assert!(
            ground.refused(of(Id::SiteMigrate, "a.test").with("platform", "d11")).await.to_string().contains("d11")
        );
        ground.work().await;

        assert!(ground.machine().context("@platform_d11").is_none());
        assert!(ground.machine().began().iter().any(|began| began.kind == TaskKind::DeletePlatform));
        let left = ground.items(Call::of(Id::PlatformList)).await;
        assert!(left.iter().all(|platform| platform["name"] != "d11"), "{left:?}");
        ground.platform("d11", "web1").await;
        assert_eq!(ground.shown(of(Id::PlatformShow, "d11")).await["locked"], json!(false), "its name was free");
    });
}
