//! Services that are tried before anything is said of them for good.

use aegir_hosting::{Call, OperationId as Id, Refusal};
use aegir_lab::pretend::Reach;
use serde_json::{Value, json};

use crate::ground::{Ground, on_both};

fn trial(name: &str) -> Call {
    Call::of(Id::ServerTry).about(name)
}

/// A database server as somebody would have it.
fn database(call: Call, host: &str, account: &str) -> Call {
    call.with("db", "mariadb").with("db_host", host).with("db_account", account)
}

/// What was seen of a service.
fn health<'a>(tried: &'a Value, kind: &str) -> &'a str {
    let services = tried["services"].as_array().unwrap();
    let service = services.iter().find(|service| service["kind"] == kind).unwrap_or_else(|| panic!("{tried}"));
    service["findings"][0]["health"].as_str().unwrap()
}

async fn adds(ground: &Ground) {
    let add = database(Call::of(Id::ServerAdd).about("db1"), "db.test", "aegir").with("db_password", "kept");
    ground.queue(add).await;
    ground.work().await;
}

#[test]
fn what_is_still_to_be_added_is_tried_and_nothing_is_remembered_but_that() {
    on_both(async |ground| {
        ground.back_ends.machine("db1").wants_password("right");
        let (before, call) = (ground.items(Call::of(Id::ServerList)).await, database(trial("db1"), "db.test", "aegir"));

        let wrong = ground.shown(call.clone().with("db_password", "hidden")).await;
        let right = ground
            .shown(call.clone().with("db_password", "right").with("http", "nginx").with("listen", "127.0.0.1:80"))
            .await;

        assert_eq!((health(&wrong, "db"), &wrong["works"]), ("problem", &json!(false)));
        assert!(wrong["services"][0]["findings"][0]["remedy"].as_str().unwrap().contains("password"));
        assert_eq!((health(&right, "db"), health(&right, "http"), &right["works"]), ("ok", "ok", &json!(true)));
        let only = ground
            .shown(call.clone().with("http", "nginx").with("listen", "127.0.0.1:80").with("service", "http"))
            .await;
        assert_eq!(only["services"].as_array().unwrap().len(), 1);
        assert_eq!(ground.items(Call::of(Id::ServerList)).await, before);
        assert!(ground.tasks().await.is_empty());
        // That it was asked is in the audit, and no secret of it anywhere.
        let audit = ground.items(Call::of(Id::AuditList).with("operation", "server try")).await;
        assert_eq!(audit.len(), 3, "{audit:?}");
        assert!(!ground.everything().await.contains("hidden"));

        let nobody = ground.refused(trial("db1")).await;
        assert!(matches!(nobody, Refusal::Unknown { .. }), "{nobody:?}");
        let lacks = ground.refused(trial("db1").with("db", "mariadb")).await;
        assert!(matches!(lacks, Refusal::Bad(_)), "{lacks:?}");
        let none = ground.refused(call.with("service", "http")).await;
        assert!(matches!(none, Refusal::Bad(_)), "{none:?}");
    });
}

#[test]
fn a_password_that_is_kept_is_tried_where_it_belongs_and_sent_nowhere_else() {
    on_both(async |ground| {
        adds(&ground).await;
        ground.back_ends.machine("db1").wants_password("kept");

        assert_eq!(health(&ground.shown(trial("db1")).await, "db"), "ok");
        for call in [
            database(trial("db1"), "elsewhere.test", "aegir"),
            database(trial("db1"), "db.test", "other"),
            trial("db1").with("db_port", 3307),
        ] {
            assert_eq!(health(&ground.shown(call.clone()).await, "db"), "problem", "{call:?}");
        }
        // Nor to another machine that says it were the server's.
        let behind = database(Call::of(Id::ServerAdd).about("web2"), "db.test", "aegir").with("db_password", "kept");
        let key = ground.back_ends.machine("web2").host_key().to_string();
        ground.queue(behind.with("ssh_host", "192.0.2.7").with("ssh_host_key", key)).await;
        ground.work().await;
        ground.back_ends.machine("web2").wants_password("kept");
        assert_eq!(health(&ground.shown(trial("web2")).await, "db"), "ok");
        for (what, value) in
            [("ssh_host", "192.0.2.8"), ("ssh_user", "other"), ("home", "/srv/other"), ("ssh_program", "/x")]
        {
            let tried = ground.shown(trial("web2").with(what, value)).await;
            assert_eq!(health(&tried, "db"), "problem", "{what}");
        }
        // An edit that is only tried changes nothing.
        let saved = ground.shown(Call::of(Id::ServerShow).about("db1")).await;
        assert_eq!(saved["services"][0]["at"], "db.test:3306");
    });
}

#[test]
fn a_back_end_that_cannot_be_reached_is_what_is_told() {
    on_both(async |ground| {
        adds(&ground).await;
        assert_eq!(health(&ground.shown(trial("db1").with("service", "back-end")).await, "back-end"), "ok");
        ground.back_ends.machine("db1").reach(Reach::Foreign);

        let tried = ground.shown(trial("db1")).await;

        assert_eq!((health(&tried, "back-end"), &tried["works"]), ("problem", &json!(false)));
        assert_eq!(tried["services"].as_array().unwrap().len(), 1);
    });
}
