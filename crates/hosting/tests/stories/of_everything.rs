//! Of each operation a call that changes something, where there is something of everything.

use aegir_domain::NodeId;
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Furnished, copy_site};

use crate::ground::{add_platform, add_server, add_site, delete_site, edit_site, log_in, on_task, verify_site};

/// What lies in any trash.
const GONE: &str = "old.example.org-20261118.110640-0123456789ab";

/// Calls of an operation that change something there; none of one that only reads.
pub fn changes(id: Id, there: &Furnished) -> Vec<Call> {
    let of = Call::of(id);
    match id {
        Id::ServerAdd => vec![add_server("new")],
        Id::ServerEdit => vec![of.about("web1").with("title", "other").with("db_password", "x")],
        Id::ServerVerify => vec![of.about("web2")],
        Id::ServerTry => vec![of.about("web1")],
        Id::ServerTrust => {
            vec![of.about("web4").with("key", there.new_key.as_str()).with("instead_of", there.old_key.as_str())]
        }
        Id::ServerForget => vec![of.about("web3")],
        Id::PlatformAdd => vec![add_platform("d13").with("server", "web1")],
        Id::PlatformEdit => vec![of.about("d11").with("title", "other")],
        Id::PlatformVerify => vec![of.about("d10")],
        Id::PlatformForget => vec![of.about("d12")],
        Id::PlatformLock => vec![of.about("d15")],
        Id::PlatformUnlock => vec![of.about("d14")],
        Id::PlatformDelete => vec![of.about("d15").with("confirm", "d15")],
        Id::SiteAdd => vec![add_site("new.test").with("platform", "d10")],
        Id::SiteImport => vec![of.about("found.test").with("platform", "d10")],
        Id::SiteCopy => vec![copy_site("another.test")],
        Id::SiteRefresh | Id::SiteSwitch => vec![of.about("copied.test")],
        Id::SiteEdit => vec![edit_site("edit.test").with("alias", "www.edit.test").with("field", "spare=1")],
        Id::SiteVerify => vec![verify_site("verify.test")],
        Id::SiteLogin => vec![log_in("login.test")],
        Id::SiteMigrate => vec![of.about("migrate.test").with("platform", "d11")],
        Id::SiteUpdate => vec![of.about("verify.test")],
        Id::SiteGoBack => vec![of.about("moved.test")],
        Id::SiteDropFormer => vec![of.about("moved.test").with("former", "moved.test-20260101.000000-0123456789ab")],
        Id::SiteClone => vec![of.about("verify.test").with("as", "copy.test")],
        Id::SiteRename => vec![of.about("migrate.test").with("new_name", "renamed.test")],
        Id::SiteBackup => vec![of.about("verify.test")],
        Id::SiteCron | Id::SiteRebuildCaches => vec![of.about("verify.test")],
        Id::ServerRun => vec![of.about("web1").with("task_type", "mark_server")],
        Id::PlatformRun => vec![of.about("d10").with("task_type", "mark_platform")],
        Id::SiteRun => vec![of.about("verify.test").with("task_type", "mark_site")],
        Id::SiteDisable => vec![of.about("verify.test")],
        Id::SiteEnable => vec![of.about("delete.test")],
        Id::SiteEject => vec![of.about("verify.test")],
        Id::BackupVerify => vec![of.about(there.backup.as_str())],
        Id::BackupRestore => vec![of.about(there.backup.as_str())],
        Id::BackupDelete => vec![of.about(there.backup.as_str()).with("confirm", there.backup.as_str())],
        Id::TrashRestore => vec![of.about("d9-20261118.110641-0123456789ac").with("server", "web1")],
        Id::TrashEmpty => vec![of.with("thing", GONE).with("server", "web1").with("confirm", GONE)],
        // One that was never made goes at once.
        Id::SiteDelete => vec![delete_site("delete.test"), delete_site("failed.test")],
        Id::TaskCancel => vec![on_task(id, NodeId(there.waiting))],
        Id::TaskRetry => vec![on_task(id, NodeId(there.ended))],
        Id::QueuePause | Id::QueueResume | Id::QueueDrain => vec![of],
        Id::BulkStart => vec![of.with("operation", "site verify").with("object", "verify.test")],
        Id::BulkRetry => vec![of.about(there.bulk.to_string())],
        Id::PlatformMigrate => {
            vec![of.about("d10").with("to", "d11").with("site", "verify.test").with("allow_missing", "left_out")]
        }
        Id::BulkPause | Id::BulkStop => vec![of.about(there.going.to_string())],
        Id::BulkResume => vec![of.about(there.paused.to_string())],
        Id::BulkGoBack => vec![of.about(there.moved.to_string())],
        Id::TokenAdd => vec![of.about("new").with("scope", "view")],
        Id::TokenRevoke => vec![of.about("spare")],
        Id::AccountAdd => vec![of.about("new")],
        Id::AccountLink => vec![of.about("spare")],
        Id::AccountBlock => vec![of.about("leaving")],
        // The one that was blocked just before.
        Id::AccountUnblock => vec![of.about("leaving")],
        Id::AccountDelete => vec![of.about("leaving")],
        Id::SessionEnd => vec![of.about(there.session.to_string())],
        Id::SettingSet => vec![of.about("tasks_at_once").with("value", "3")],
        Id::FieldAdd => vec![of.about("new").with("kind", "site")],
        Id::FieldDelete => vec![of.about("spare").with("kind", "site")],
        Id::DriftResolve => {
            vec![of.clone().about("@ours.test").with("take", "ours"), of.about("@theirs.test").with("take", "theirs")]
        }
        Id::ServerList
        | Id::ServerShow
        | Id::ServerHostKey
        | Id::ServerTrash
        | Id::PlatformList
        | Id::PlatformShow
        | Id::SiteList
        | Id::SiteShow
        | Id::SiteOptions
        | Id::SitePackages
        | Id::SiteCompare
        | Id::SiteWrittenSince
        | Id::SiteLog
        | Id::BackupList
        | Id::BackupShow
        | Id::TrashList
        | Id::PackageList
        | Id::PackageShow
        | Id::TaskList
        | Id::TaskShow
        | Id::TaskLog
        | Id::QueueShow
        | Id::BulkList
        | Id::BulkShow
        | Id::BulkObjects
        | Id::TokenList
        | Id::AccountList
        | Id::SessionList
        | Id::SettingList
        | Id::SettingShow
        | Id::FieldList
        | Id::TaskTypeList
        | Id::FoundSiteList
        | Id::FoundSiteShow
        | Id::DriftList
        | Id::AuditList
        | Id::NodeShow
        | Id::NodeHistory => Vec::new(),
    }
}
