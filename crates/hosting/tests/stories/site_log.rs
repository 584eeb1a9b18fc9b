//! What logs have of a site: asked of the machine that has them, each time, and remembered nowhere.

use aegir_hosting::{Actor, Call, OperationId as Id, Permission, Permissions, Refusal, Sort};
use aegir_lab::pretend::Reach;
use serde_json::json;

use crate::ground::on_both;

fn log(site: &str) -> Call {
    Call::of(Id::SiteLog).about(site)
}

#[test]
fn the_newest_lines_of_one_log_are_shown_and_nothing_is_remembered() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let (before, audit) = (ground.tasks().await, ground.items(Call::of(Id::AuditList)).await);

        let shown = ground.shown(log("a.test").with("lines", 3)).await;
        let lines = shown["lines"].as_array().unwrap();
        assert_eq!((&shown["kind"], lines.len()), (&json!("web"), 3));
        assert!(lines[2].as_str().unwrap().contains("20:15:40"), "the newest are kept: {shown}");
        let errors = ground.shown(log("a.test").with("errors", true)).await;
        assert_eq!((&errors["kind"], errors["lines"].as_array().unwrap().len()), (&json!("errors"), 1));
        assert_eq!(ground.shown(log("a.test").with("php", true)).await["lines"], json!([]));

        assert_eq!(ground.tasks().await, before);
        assert_eq!(ground.items(Call::of(Id::AuditList)).await, audit);
    });
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        for bad in [log("a.test").with("errors", true).with("php", true), log("a.test").with("lines", 1001)] {
            assert!(matches!(ground.refused(bad).await, Refusal::Bad(_)));
        }
        assert!(matches!(ground.refused(log("none.test")).await, Refusal::Unknown { .. }));
        let looking = Actor { may: Permissions::from_iter([Permission::View]), ..Actor::of_machine("anna") };
        let refusal = ground.hosting.perform(&looking, log("a.test")).await.unwrap_err();
        assert_eq!(refusal.sort(), Sort::Permission, "visitors' addresses are in it");
        ground.machine().reach(Reach::Away);
        assert!(matches!(ground.refused(log("a.test")).await, Refusal::Lost(_)));
    });
}
