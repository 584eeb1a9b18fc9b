//! What faces show of things: stable shapes, the same in the API, on the command line and on pages.
//!
//! Times are milliseconds since 1970. Fields are added, never taken away or given another meaning, within
//! one version of the API.

mod attempt;
mod backup;
mod bulk;
mod cron;
mod fit;
mod machine;
mod package;
mod people;
mod task_type;
mod trash;
mod writes;

pub use attempt::{AttemptView, LineView, StepView};
pub use backup::{BackupView, FormerView, OUT_OF_CONTACT};
pub use bulk::{
    BatchPlanView, BulkFailureView, BulkHaltView, BulkObjectView, BulkPlanView, BulkView, BulkWaveView, PlannedWaveView,
};
pub use cron::CronView;
pub use fit::{FitView, PackageFitView, ReasonView};
pub use machine::{HostKeyView, KeyView, TriedServiceView, TriedView};
pub use package::{InstalledView, InstanceView, PackageView, ReleaseView};
pub use people::{AccountLinkView, AccountView, BlockedAccountView, DeletedAccountView, EndedSessionView, SessionView};
pub use task_type::TaskTypeView;
pub use trash::{TrashEmptiedView, TrashView};
pub use writes::{WriteCountView, WritesView};

use std::collections::BTreeMap;

use aegir_domain::BuiltFrom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What any object has in common with the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeView {
    /// Its number, in one space with all others.
    pub id: i64,
    /// `server`, `platform`, `site`, `client`, `package`, `task`.
    pub kind: String,
    /// Its name; a package's and a client's is its machine name, a task's is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is called on pages.
    pub title: String,
    /// `new`, `enabled`, `failed`, `deleted`; of a task, its state.
    pub status: String,
    /// Whose it is: the machine name of a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// When it was made.
    pub created: i64,
    /// When it last changed.
    pub changed: i64,
    /// When a verify last succeeded, if none failed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<i64>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerView {
    /// What it has in common with other objects.
    #[serde(flatten)]
    pub node: NodeView,
    /// Its revision, to be sent back with an edit.
    pub revision: u64,
    /// Its services.
    pub services: Vec<ServiceView>,
    /// Its addresses.
    #[serde(default)]
    pub ips: Vec<String>,
    /// `local`, or `ssh USER@HOST:PORT`.
    pub transport: String,
    /// How it is reached, where its back end is on another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<SshView>,
    /// How many tasks may run there at once, where that is not the setting's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_tasks: Option<u32>,
    /// Whether no task is started there.
    pub paused: bool,
    /// The operator's own fields.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// What can be asked of it now.
    #[serde(default)]
    pub operations: Vec<AvailableView>,
}

/// How a server on another machine is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SshView {
    /// Its name or address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user that its home belongs to.
    pub user: String,
    /// The home there.
    pub home: String,
    /// The program there, where it is not found by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The fingerprint of the key that it must show, once an operator trusts one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
}

/// A service of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceView {
    /// `http`, `db`.
    pub kind: String,
    /// The product: `nginx`.
    pub service_type: String,
    /// Where it answers, in words.
    pub at: String,
}

/// A platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformView {
    /// What it has in common with other objects.
    #[serde(flatten)]
    pub node: NodeView,
    /// Its revision, to be sent back with an edit.
    pub revision: u64,
    /// Its document root, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The server that serves it.
    pub server: String,
    /// Its version of Drupal, once verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// The PHP program, where it is not the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub php: Option<String>,
    /// The profile that a site gets if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_profile: Option<String>,
    /// Where its code came from, if Ægir made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
    /// What exactly it was built from, if that has a number: a commit, a checksum, what its lock file says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<BuiltFrom>,
    /// Whether it takes no new sites.
    pub locked: bool,
    /// How many sites live on it.
    pub sites: u64,
    /// The operator's own fields.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// What can be asked of it now.
    #[serde(default)]
    pub operations: Vec<AvailableView>,
}

/// A site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SiteView {
    /// What it has in common with other objects.
    #[serde(flatten)]
    pub node: NodeView,
    /// Its revision, to be sent back with an edit.
    pub revision: u64,
    /// The platform it lives on.
    pub platform: String,
    /// The server that serves it.
    pub server: String,
    /// The server that has its database.
    pub db_server: String,
    /// Its database, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// What it was installed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Its language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Its version of Drupal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// All its names.
    pub domains: Vec<DomainView>,
    /// Whether somebody still has to install it, in a browser.
    pub awaits_installer: bool,
    /// Its cron.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<CronView>,
    /// For how long its visitors were told to come back when it was last moved or went back, in milliseconds; told of
    /// a site alone, and not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fenced_ms: Option<u64>,
    /// The number of the task that did that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fenced_by: Option<i64>,
    /// What it is a copy of, if it is one of somebody's site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<CopySourceView>,
    /// What it was before it was moved, where that is kept; the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formers: Vec<FormerView>,
    /// The operator's own fields.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// What can be asked of it now.
    #[serde(default)]
    pub operations: Vec<AvailableView>,
}

/// Somebody's site that a site is a copy of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CopySourceView {
    /// Its folder, on the machine of the copy.
    pub folder: String,
    /// Whether people's addresses and passwords are taken out of the copy.
    pub sanitised: bool,
    /// Whether its database was named with a password, which is said again for each refresh, in a shell.
    pub wants_password: bool,
}

/// A name of a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DomainView {
    /// The name.
    pub name: String,
    /// `main`, `alias`, `redirect`.
    pub kind: String,
    /// Where it leads, if that is another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `off`, `offered`, `required`.
    pub tls: String,
}

/// An operation, and whether an object can have it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AvailableView {
    /// Its verb: `verify`.
    pub verb: String,
    /// Whether it can be asked for now.
    pub available: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskView {
    /// Its number.
    pub id: i64,
    /// What it does: `site-verify`.
    pub operation: String,
    /// Of a type of the operator's own: what that was called for people when the task was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The number of its object.
    pub object: i64,
    /// The name of its object, which stays when that goes.
    pub object_name: String,
    /// `waiting`, `running`, `out-of-contact`, or how it ended.
    pub state: String,
    /// Who asked.
    pub asked_by: String,
    /// The task that called for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<i64>,
    /// The server whose back end carries it out.
    pub server: String,
    /// When it was queued.
    pub queued: i64,
    /// When its first attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<i64>,
    /// When its last attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
    /// What a waiting task waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Whether somebody asked it to stop.
    #[serde(default)]
    pub cancelling: bool,
    /// What it was asked to do; secrets left out.
    #[serde(default)]
    pub parameters: Value,
    /// Its attempts, the first one first; in lists, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// Tasks that it called for; in lists, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<i64>,
}

/// The queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueView {
    /// Whether no task is started.
    pub paused: bool,
    /// Servers on which none is started.
    #[serde(default)]
    pub paused_servers: Vec<String>,
    /// How many may run at once.
    pub most: u32,
    /// How many run.
    pub running: u64,
    /// How many are out of contact.
    pub out_of_contact: u64,
    /// How many wait.
    pub waiting: u64,
    /// Those that run, and the next that wait, with what they wait for.
    pub tasks: Vec<TaskView>,
}

/// A token, never its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenView {
    /// What it is called.
    pub label: String,
    /// What its holder may.
    pub scopes: Vec<String>,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub created: i64,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<i64>,
    /// The token itself: told once, when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A token that lets nobody in any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RevokedTokenView {
    /// What it was called.
    pub label: String,
    /// Whether it was revoked, and not only asked what would be.
    pub revoked: bool,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettingView {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// The value that holds.
    pub value: Value,
    /// The value that holds where nobody set one.
    pub default: Value,
    /// Who set it, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<i64>,
}

/// A field of the operator's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldView {
    /// Which objects have it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How it is called on pages.
    pub title: String,
    /// `text`, `number`, `yes-no`, `date`.
    #[serde(rename = "type")]
    pub field_type: String,
    /// Whether every new object is given a value of it, which is not emptied afterwards.
    #[serde(default)]
    pub required: bool,
}

/// A field that was taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedFieldView {
    /// Which objects had it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it was taken away, and not only asked what would be.
    pub deleted: bool,
}

/// A site that was found and is not managed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundSiteView {
    /// The platform it was found on.
    pub platform: String,
    /// Its folder below `sites/`.
    pub name: String,
    /// When it was first seen.
    pub first: i64,
    /// When it was last seen.
    pub last: i64,
    /// Whether nobody is asked to decide about it: the setting `import_found` is off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
}

/// A difference between what is remembered and what a back end has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DriftView {
    /// The object.
    pub name: String,
    /// When it was found.
    pub found: i64,
    /// What is remembered here.
    pub ours: Value,
    /// What the back end has.
    pub theirs: Value,
}

/// Something that became of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryView {
    /// When.
    pub at: i64,
    /// By whom.
    pub actor: String,
    /// What.
    pub what: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// Something that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditView {
    /// When.
    pub at: i64,
    /// By whom.
    pub actor: String,
    /// Through which door: `machine` (by a user of this machine), `token`, `panel` (by a person who signed in, or tried
    /// to), or `own` (by Ægir itself).
    pub door: String,
    /// What: `site-verify`; at the panel's door, `panel-sign-in` and its like.
    pub operation: String,
    /// About what, as it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What it was answered with: `done`, `queued`, or the word of the refusal, such as `forbidden`; at the panel's door
    /// `wrong` or `wrong-code` too.
    pub answer: String,
    /// What was given; secrets left out, and nothing of what could not be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
}

/// Something that changed, for whoever follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeView {
    /// Its number; they only grow.
    pub number: i64,
    /// When.
    pub at: i64,
    /// The number of the object or task.
    pub node: i64,
    /// Its kind.
    pub kind: String,
    /// What: `made`, `changed`, `deleted`, `queued`, `started`, `lines`, `ended`.
    pub what: String,
}
