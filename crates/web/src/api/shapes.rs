//! What each operation is answered with, as a shape: from the views that it is made of.

use aegir_domain::{Context, FoundToImport, LogTail};
use aegir_hosting::OperationId;
use aegir_hosting::view::{
    AccountLinkView, AccountView, AuditView, BackupView, BatchPlanView, BlockedAccountView, BulkObjectView,
    BulkPlanView, BulkView, ChangeView, CronView, DeletedAccountView, DeletedFieldView, DriftView, EndedSessionView,
    FieldView, FitView, FoundSiteView, HistoryView, HostKeyView, InstalledView, LineView, NodeView, PackageView,
    PlatformView, QueueView, RevokedTokenView, ServerView, SessionView, SettingView, SiteView, TaskTypeView, TaskView,
    TokenView, TrashEmptiedView, TrashView, TriedView, WritesView,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub(super) struct PageView<T> {
    /// Its entries.
    pub(super) items: Vec<T>,
    /// Where the next page begins, for the parameter `cursor` (of a log: `from`); null: this is the last one.
    pub(super) next: Option<String>,
    /// How many there are in all, if that was counted; counting ends at a bound.
    pub(super) total: Option<u64>,
}

/// A task that was queued.
#[derive(Serialize, JsonSchema)]
pub(super) struct QueuedView {
    /// Its number.
    pub(super) task: i64,
    /// What it is about: `@example.org`.
    pub(super) object: String,
    /// Whether it waited already, so that nothing was added.
    pub(super) known: bool,
}

/// What would be done.
#[derive(Serialize, JsonSchema)]
pub(super) struct PlanView {
    /// The object it would be about.
    pub(super) object: String,
    /// What the back end would be asked, one after the other.
    pub(super) requests: Vec<Value>,
}

/// Why a request was not done (RFC 9457).
#[derive(Serialize, JsonSchema)]
pub(super) struct ProblemView {
    /// Its sort: `urn:aegir:problem:taken`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Its sort, for people.
    pub(super) title: &'static str,
    /// The status of HTTP.
    pub(super) status: u16,
    /// What is wrong with this request.
    pub(super) detail: String,
    /// How to get past it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
    /// Why, the nearest cause first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) because: Vec<String>,
    /// Each parameter that cannot be taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parameters: Vec<BadParameterView>,
}

/// A parameter that cannot be taken.
#[derive(Serialize, JsonSchema)]
pub(super) struct BadParameterView {
    /// Its name.
    pub(super) parameter: String,
    /// What is wrong.
    pub(super) why: String,
    /// What to give instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// Which values remain for a new site, given those that are chosen.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OptionsView {
    /// Platforms that go with the rest, the best first.
    platform: RemainingView,
    /// Profiles that go with the rest.
    profile: RemainingView,
    /// Database servers that go with the rest, the best first.
    db_server: RemainingView,
    /// Languages that are at hand without being fetched.
    language: RemainingView,
    /// What was chosen and does not go with the rest.
    conflicts: Vec<ConflictView>,
}

/// The values that remain for one parameter.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RemainingView {
    /// Each of them.
    values: Vec<String>,
    /// The only one that is left.
    only: Option<String>,
}

/// A choice that does not go with the others.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConflictView {
    /// The parameter.
    parameter: String,
    /// Why.
    why: String,
}

/// Shapes by name, each written once.
pub(super) struct Shapes(SchemaGenerator);

impl Shapes {
    pub(super) fn new() -> Shapes {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Shapes(settings.into_generator())
    }

    pub(super) fn of<T: JsonSchema>(&mut self) -> Schema {
        self.0.subschema_for::<T>()
    }

    /// All that were named.
    pub(super) fn all(mut self) -> Map<String, Value> {
        self.0.take_definitions(true)
    }

    /// What `operation` answers, when it does what is asked at once.
    pub(super) fn answered(&mut self, operation: OperationId) -> Schema {
        use OperationId as Id;
        match operation {
            Id::ServerList => self.of::<PageView<ServerView>>(),
            Id::ServerShow => self.of::<ServerView>(),
            Id::ServerTry => self.of::<TriedView>(),
            Id::ServerHostKey | Id::ServerTrust => self.of::<HostKeyView>(),
            Id::ServerTrash | Id::TrashList => self.of::<PageView<TrashView>>(),
            Id::TrashEmpty => self.of::<TrashEmptiedView>(),
            Id::PlatformList => self.of::<PageView<PlatformView>>(),
            Id::PlatformShow | Id::PlatformLock | Id::PlatformUnlock => self.of::<PlatformView>(),
            Id::SiteList => self.of::<PageView<SiteView>>(),
            Id::SiteShow => self.of::<SiteView>(),
            Id::SitePackages => self.of::<PageView<InstalledView>>(),
            Id::SiteCompare => self.of::<FitView>(),
            Id::SiteWrittenSince => self.of::<WritesView>(),
            Id::SiteLog => self.of::<LogTail>(),
            Id::SiteCron => self.of::<CronView>(),
            Id::BackupList => self.of::<PageView<BackupView>>(),
            Id::BackupShow => self.of::<BackupView>(),
            Id::SiteOptions => self.of::<OptionsView>(),
            Id::PackageList => self.of::<PageView<PackageView>>(),
            Id::PackageShow => self.of::<PackageView>(),
            Id::TaskList => self.of::<PageView<TaskView>>(),
            Id::TaskShow | Id::TaskCancel => self.of::<TaskView>(),
            Id::TaskLog => self.of::<PageView<LineView>>(),
            Id::QueueShow | Id::QueuePause | Id::QueueResume | Id::QueueDrain => self.of::<QueueView>(),
            Id::BulkList => self.of::<PageView<BulkView>>(),
            Id::BulkShow
            | Id::BulkStart
            | Id::BulkRetry
            | Id::BulkPause
            | Id::BulkResume
            | Id::BulkStop
            | Id::BulkGoBack
            | Id::PlatformMigrate => self.of::<BulkView>(),
            Id::BulkObjects => self.of::<PageView<BulkObjectView>>(),
            Id::TokenList => self.of::<PageView<TokenView>>(),
            Id::TokenAdd => self.of::<TokenView>(),
            Id::TokenRevoke => self.of::<RevokedTokenView>(),
            Id::AccountList => self.of::<PageView<AccountView>>(),
            Id::AccountAdd | Id::AccountLink => self.of::<AccountLinkView>(),
            Id::AccountBlock | Id::AccountUnblock => self.of::<BlockedAccountView>(),
            Id::AccountDelete => self.of::<DeletedAccountView>(),
            Id::SessionList => self.of::<PageView<SessionView>>(),
            Id::SessionEnd => self.of::<EndedSessionView>(),
            Id::SettingList => self.of::<PageView<SettingView>>(),
            Id::SettingShow | Id::SettingSet => self.of::<SettingView>(),
            Id::FieldList => self.of::<PageView<FieldView>>(),
            Id::FieldAdd => self.of::<FieldView>(),
            Id::FieldDelete => self.of::<DeletedFieldView>(),
            Id::TaskTypeList => self.of::<PageView<TaskTypeView>>(),
            Id::FoundSiteList => self.of::<PageView<FoundSiteView>>(),
            Id::FoundSiteShow => self.of::<FoundToImport>(),
            Id::DriftList => self.of::<PageView<DriftView>>(),
            Id::AuditList => self.of::<PageView<AuditView>>(),
            // Whatever bears the number; what has no view of its own is shown as what all have in common.
            Id::NodeShow => {
                let each = [
                    self.of::<ServerView>(),
                    self.of::<PlatformView>(),
                    self.of::<SiteView>(),
                    self.of::<PackageView>(),
                    self.of::<TaskView>(),
                    self.of::<NodeView>(),
                ];
                json_schema!({ "anyOf": each })
            }
            Id::NodeHistory => self.of::<PageView<HistoryView>>(),
            // What queues a task is answered with the task, where somebody waits for its end.
            Id::ServerAdd
            | Id::ServerVerify
            | Id::ServerForget
            | Id::PlatformAdd
            | Id::PlatformEdit
            | Id::PlatformVerify
            | Id::PlatformForget
            | Id::PlatformDelete
            | Id::SiteAdd
            | Id::SiteImport
            | Id::SiteCopy
            | Id::SiteEdit
            | Id::SiteVerify
            | Id::SiteLogin
            | Id::SiteMigrate
            | Id::SiteUpdate
            | Id::SiteGoBack
            | Id::SiteDropFormer
            | Id::SiteClone
            | Id::SiteRename
            | Id::SiteRefresh
            | Id::SiteSwitch
            | Id::SiteBackup
            | Id::SiteRebuildCaches
            | Id::ServerRun
            | Id::PlatformRun
            | Id::SiteRun
            | Id::BackupVerify
            | Id::BackupRestore
            | Id::TrashRestore
            | Id::BackupDelete
            | Id::SiteDisable
            | Id::SiteEnable
            | Id::SiteEject
            | Id::SiteDelete
            | Id::TaskRetry => self.of::<TaskView>(),
            // Where a server is that is not made yet is changed at once.
            Id::ServerEdit => {
                let each = [self.of::<TaskView>(), self.of::<ServerView>()];
                json_schema!({ "anyOf": each })
            }
            // What the back end has is taken over at once.
            Id::DriftResolve => {
                let each = [self.of::<TaskView>(), self.of::<Context>()];
                json_schema!({ "anyOf": each })
            }
        }
    }

    /// What a dry run of `operation` is answered with, where that is no other shape of the same.
    pub(super) fn planned(&mut self, operation: OperationId) -> Option<Schema> {
        match operation {
            OperationId::PlatformMigrate => Some(self.of::<BatchPlanView>()),
            OperationId::BulkStart | OperationId::BulkRetry | OperationId::BulkGoBack => {
                Some(self.of::<BulkPlanView>())
            }
            _ => None,
        }
    }

    /// What is told of a change.
    pub(super) fn change(&mut self) -> Schema {
        self.of::<ChangeView>()
    }

    /// What is told of a line.
    pub(super) fn line(&mut self) -> Schema {
        self.of::<LineView>()
    }
}

#[cfg(test)]
mod tests {
    use aegir_hosting::{Chosen, Offer, options};

    use super::*;

    #[test]
    fn the_options_of_a_site_have_the_shape_that_is_told() {
        let chosen = Chosen { platform: "gone".parse().ok(), ..Chosen::default() };

        let json = options(&Offer::default(), &chosen).as_json();

        let read: OptionsView = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), json);
    }
}
