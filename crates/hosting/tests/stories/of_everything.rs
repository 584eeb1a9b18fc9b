//! A front end in which there is something of everything, and a call of each operation that would change it.

use aegir_domain::{Context, NodeId, TaskKind};
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Ends, Plan};

use crate::ground::{
    Ground, add_platform, add_server, add_site, delete_site, edit_site, log_in, on_task, package, verify_site,
};

/// What can be asked something.
pub struct There {
    pub waiting: NodeId,
    pub ended: NodeId,
}

/// Fills an empty front end: each list has an entry, and what one operation is asked about no other is.
pub async fn of_everything(ground: &Ground) -> There {
    for server in ["web1", "web2", "web3"] {
        ground.server(server).await;
    }
    let plan = Plan {
        packages: vec![package("module", "views", "3.1")],
        found_sites: vec!["found.test".into()],
        ..Plan::default()
    };
    ground.machine().plan(TaskKind::VerifyPlatform, None, plan);
    for platform in ["d10", "d11", "d12"] {
        ground.platform(platform, "web1").await;
    }
    for site in ["edit", "verify", "login", "delete", "cancel", "retry", "ours", "theirs"] {
        ground.queue(add_site(&format!("{site}.test")).with("platform", "d10")).await;
    }
    ground.machine().plan_once(TaskKind::InstallSite, "@failed.test", Plan::ends(Ends::RolledBack));
    ground.queue(add_site("failed.test").with("platform", "d10")).await;
    ground.work().await;
    let ended = ground.queue(verify_site("retry.test")).await;
    ground.work().await;
    for name in ["@ours.test", "@theirs.test"] {
        let Some(Context::Site(mut site)) = ground.machine().context(name) else { panic!("there is no {name}") };
        site.mail = "theirs@example.org".parse().unwrap();
        ground.machine().put_context(Context::Site(site));
    }
    ground.look().await;
    ground.token("spare", &[aegir_hosting::Permission::View]).await;
    ground.ask(Call::of(Id::FieldAdd).about("spare").with("kind", "site")).await.unwrap();
    There { waiting: ground.queue(verify_site("cancel.test")).await, ended }
}

/// Calls of an operation that change something there; none of one that only reads.
pub fn changes(id: Id, there: &There) -> Vec<Call> {
    let of = Call::of(id);
    match id {
        Id::ServerAdd => vec![add_server("new")],
        Id::ServerEdit => vec![of.about("web1").with("title", "other").with("db_password", "x")],
        Id::ServerVerify => vec![of.about("web2")],
        Id::ServerForget => vec![of.about("web3")],
        Id::PlatformAdd => vec![add_platform("d13").with("server", "web1")],
        Id::PlatformEdit => vec![of.about("d11").with("title", "other")],
        Id::PlatformVerify => vec![of.about("d10")],
        Id::PlatformForget => vec![of.about("d12")],
        Id::SiteAdd => vec![add_site("new.test").with("platform", "d10")],
        Id::SiteEdit => vec![edit_site("edit.test").with("alias", "www.edit.test").with("field", "spare=1")],
        Id::SiteVerify => vec![verify_site("verify.test")],
        Id::SiteLogin => vec![log_in("login.test")],
        // One that was never made goes at once.
        Id::SiteDelete => vec![delete_site("delete.test"), delete_site("failed.test")],
        Id::TaskCancel => vec![on_task(id, there.waiting)],
        Id::TaskRetry => vec![on_task(id, there.ended)],
        Id::QueuePause | Id::QueueResume | Id::QueueDrain => vec![of],
        Id::TokenAdd => vec![of.about("new").with("scope", "view")],
        Id::TokenRevoke => vec![of.about("spare")],
        Id::SettingSet => vec![of.about("tasks_at_once").with("value", "3")],
        Id::FieldAdd => vec![of.about("new").with("kind", "site")],
        Id::FieldDelete => vec![of.about("spare").with("kind", "site")],
        Id::DriftResolve => {
            vec![of.clone().about("@ours.test").with("take", "ours"), of.about("@theirs.test").with("take", "theirs")]
        }
        Id::ServerList
        | Id::ServerShow
        | Id::PlatformList
        | Id::PlatformShow
        | Id::SiteList
        | Id::SiteShow
        | Id::SiteOptions
        | Id::PackageList
        | Id::PackageShow
        | Id::TaskList
        | Id::TaskShow
        | Id::TaskLog
        | Id::QueueShow
        | Id::TokenList
        | Id::SettingList
        | Id::SettingShow
        | Id::FieldList
        | Id::FoundSiteList
        | Id::DriftList
        | Id::AuditList
        | Id::NodeShow
        | Id::NodeHistory => Vec::new(),
    }
}
