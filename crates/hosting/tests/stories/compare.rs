//! Whether a site fits a platform: asked of the back end that has both, and remembered nowhere.

use aegir_hosting::{Call, OperationId as Id, Refusal, Sort};
use aegir_lab::pretend::Reach;
use serde_json::json;

use crate::ground::{add_platform, add_server, on_both};

fn compare(site: &str, platform: &str) -> Call {
    Call::of(Id::SiteCompare).about(site).with("to", platform)
}

#[test]
fn a_site_is_compared_with_what_is_on_its_own_machine() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.platform("d11", "web1").await;
        let (before, audit) = (ground.tasks().await, ground.items(Call::of(Id::AuditList)).await);

        let same = ground.shown(compare("a.test", "d10")).await;
        assert_eq!((&same["fits"], &same["verdict"]), (&json!(true), &json!("fits")));
        let other = ground.shown(compare("a.test", "d11")).await;
        assert_eq!((&other["fits"], &other["verdict"]), (&json!(false), &json!("error")), "{other}");
        let module = &other["packages"][0];
        assert_eq!((&module["name"], &module["reasons"][0]["reason"]), (&json!("left_out"), &json!("missing")));
        assert!(module["reasons"][0]["remedy"].as_str().unwrap().contains("uninstall it"), "{module}");
        let allowed = ground.shown(compare("a.test", "d11").with("allow_missing", "left_out")).await;
        assert_eq!((&allowed["fits"], &allowed["verdict"]), (&json!(true), &json!("warning")));

        assert_eq!(ground.tasks().await, before, "nothing is queued by looking");
        assert_eq!(ground.items(Call::of(Id::AuditList)).await, audit);
    });
}

#[test]
fn what_cannot_be_compared_is_told_with_the_way_out() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        for call in [compare("none.test", "d10"), compare("a.test", "none")] {
            let refusal = ground.refused(call).await;
            assert!(matches!(refusal, Refusal::Unknown { .. }), "{refusal:?}");
        }
        // It is known here, and its back end has not heard of it yet.
        ground.queue(add_platform("waits").with("server", "web1")).await;
        let refusal = ground.refused(compare("a.test", "waits")).await;
        assert_eq!((refusal.sort(), refusal.word()), (Sort::Conflict, "conflict"), "{refusal:?}");

        let key = ground.back_ends.machine("web2").host_key().to_string();
        ground.queue(add_server("web2").with("ssh_host", "web2.test").with("ssh_host_key", key)).await;
        ground.work().await;
        ground.platform("far", "web2").await;
        let refusal = ground.refused(compare("a.test", "far")).await;
        assert!(refusal.to_string().contains("another machine"), "{refusal:?}");

        ground.machine().reach(Reach::Away);
        let refusal = ground.refused(compare("a.test", "d10")).await;
        assert!(matches!(refusal, Refusal::Lost(_)), "{refusal:?}");
    });
}
