//! The list of operations, a file for each subject.

mod backup;
mod bulk;
mod kept;
mod people;
mod platform;
mod server;
mod site;
mod trash;
mod work;

use aegir_domain::{
    AccountName, ArchivePlace, BackupName, BadText, CodeFolder, ComposerConstraint, ComposerPackage, ContextName,
    EmailAddress, FormerName, GitAddress, GitRef, GrantHost, HostKey, HostName, Langcode, MachineName, Note,
    PanelAccountName, PlatformName, RefreshCopy, RegistryAddress, ReleaseFolder, RemotePath, ServerName, Sha256Sum,
    SiteFolder, SiteName, SshHost, SshUser, Task, TimeZoneName, Title, TrashName,
};

use super::parameter::{cursor, line, path, socket, value};
use super::{Operation, Parameter, Presence, Shape, Subject, TextKind};
use crate::host_keys::NamedKey;
use crate::{MailWay, WebhookAddress};

/// Every operation. What each does is a use case that matches on this, so none can be without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is described by its declaration")]
pub enum OperationId {
    ServerList,
    ServerShow,
    ServerAdd,
    ServerEdit,
    ServerVerify,
    ServerTry,
    ServerHostKey,
    ServerTrust,
    /// See `server run`.
    ServerRun,
    ServerTrash,
    ServerForget,
    PlatformList,
    PlatformShow,
    PlatformAdd,
    PlatformEdit,
    PlatformVerify,
    PlatformForget,
    /// See `platform lock`.
    PlatformLock,
    /// See `platform unlock`.
    PlatformUnlock,
    /// See `platform delete`.
    PlatformDelete,
    PlatformMigrate,
    PlatformRun,
    SiteList,
    SiteShow,
    SiteAdd,
    SiteImport,
    SiteCopy,
    SiteOptions,
    SiteEdit,
    SiteVerify,
    SiteLogin,
    SitePackages,
    SiteCompare,
    SiteMigrate,
    SiteUpdate,
    SiteGoBack,
    SiteDropFormer,
    SiteWrittenSince,
    SiteLog,
    SiteClone,
    SiteRename,
    SiteRefresh,
    SiteSwitch,
    SiteBackup,
    SiteCron,
    SiteRebuildCaches,
    SiteRun,
    SiteDisable,
    SiteEnable,
    SiteEject,
    SiteDelete,
    BackupList,
    BackupShow,
    BackupVerify,
    BackupRestore,
    BackupDelete,
    TrashList,
    TrashRestore,
    TrashEmpty,
    PackageList,
    PackageShow,
    TaskList,
    TaskShow,
    TaskLog,
    TaskCancel,
    TaskRetry,
    QueueShow,
    QueuePause,
    QueueResume,
    QueueDrain,
    BulkList,
    BulkShow,
    BulkObjects,
    BulkStart,
    BulkRetry,
    BulkPause,
    BulkResume,
    BulkStop,
    BulkGoBack,
    TokenList,
    TokenAdd,
    TokenRevoke,
    AccountList,
    AccountAdd,
    AccountLink,
    AccountBlock,
    AccountUnblock,
    AccountDelete,
    SessionList,
    SessionEnd,
    SettingList,
    SettingShow,
    SettingSet,
    FieldList,
    FieldAdd,
    FieldDelete,
    TaskTypeList,
    FoundSiteList,
    FoundSiteShow,
    DriftList,
    DriftResolve,
    AuditList,
    NodeShow,
    NodeHistory,
}

impl OperationId {
    /// All of them, in the order of their subjects.
    pub const ALL: [OperationId; 104] = [
        OperationId::ServerList,
        OperationId::ServerShow,
        OperationId::ServerAdd,
        OperationId::ServerEdit,
        OperationId::ServerVerify,
        OperationId::ServerTry,
        OperationId::ServerHostKey,
        OperationId::ServerTrust,
        OperationId::ServerRun,
        OperationId::ServerTrash,
        OperationId::ServerForget,
        OperationId::PlatformList,
        OperationId::PlatformShow,
        OperationId::PlatformAdd,
        OperationId::PlatformEdit,
        OperationId::PlatformVerify,
        OperationId::PlatformForget,
        OperationId::PlatformLock,
        OperationId::PlatformUnlock,
        OperationId::PlatformDelete,
        OperationId::PlatformMigrate,
        OperationId::PlatformRun,
        OperationId::SiteList,
        OperationId::SiteShow,
        OperationId::SiteAdd,
        OperationId::SiteImport,
        OperationId::SiteCopy,
        OperationId::SiteOptions,
        OperationId::SiteEdit,
        OperationId::SiteVerify,
        OperationId::SiteLogin,
        OperationId::SitePackages,
        OperationId::SiteCompare,
        OperationId::SiteMigrate,
        OperationId::SiteUpdate,
        OperationId::SiteGoBack,
        OperationId::SiteDropFormer,
        OperationId::SiteWrittenSince,
        OperationId::SiteLog,
        OperationId::SiteClone,
        OperationId::SiteRename,
        OperationId::SiteRefresh,
        OperationId::SiteSwitch,
        OperationId::SiteBackup,
        OperationId::SiteCron,
        OperationId::SiteRebuildCaches,
        OperationId::SiteRun,
        OperationId::SiteDisable,
        OperationId::SiteEnable,
        OperationId::SiteEject,
        OperationId::SiteDelete,
        OperationId::BackupList,
        OperationId::BackupShow,
        OperationId::BackupVerify,
        OperationId::BackupRestore,
        OperationId::BackupDelete,
        OperationId::TrashList,
        OperationId::TrashRestore,
        OperationId::TrashEmpty,
        OperationId::PackageList,
        OperationId::PackageShow,
        OperationId::TaskList,
        OperationId::TaskShow,
        OperationId::TaskLog,
        OperationId::TaskCancel,
        OperationId::TaskRetry,
        OperationId::QueueShow,
        OperationId::QueuePause,
        OperationId::QueueResume,
        OperationId::QueueDrain,
        OperationId::BulkList,
        OperationId::BulkShow,
        OperationId::BulkObjects,
        OperationId::BulkStart,
        OperationId::BulkRetry,
        OperationId::BulkPause,
        OperationId::BulkResume,
        OperationId::BulkStop,
        OperationId::BulkGoBack,
        OperationId::TokenList,
        OperationId::TokenAdd,
        OperationId::TokenRevoke,
        OperationId::AccountList,
        OperationId::AccountAdd,
        OperationId::AccountLink,
        OperationId::AccountBlock,
        OperationId::AccountUnblock,
        OperationId::AccountDelete,
        OperationId::SessionList,
        OperationId::SessionEnd,
        OperationId::SettingList,
        OperationId::SettingShow,
        OperationId::SettingSet,
        OperationId::FieldList,
        OperationId::FieldAdd,
        OperationId::FieldDelete,
        OperationId::TaskTypeList,
        OperationId::FoundSiteList,
        OperationId::FoundSiteShow,
        OperationId::DriftList,
        OperationId::DriftResolve,
        OperationId::AuditList,
        OperationId::NodeShow,
        OperationId::NodeHistory,
    ];

    /// The operation that would have asked a back end for this; `None`: none does, it is a step of others.
    pub fn of_request(request: &Task) -> Option<OperationId> {
        Some(match request {
            // Asked for in a shell alone.
            Task::SaveContext { .. } => return None,
            Task::ForgetContext { name: ContextName::Server(_) } => OperationId::ServerForget,
            Task::ForgetContext { name: ContextName::Platform(_) } => OperationId::PlatformForget,
            Task::ForgetContext { name: ContextName::Site(_) } => return None,
            Task::VerifyServer { .. } => OperationId::ServerVerify,
            Task::BuildPlatform(_) => OperationId::PlatformAdd,
            Task::VerifyPlatform { .. } => OperationId::PlatformVerify,
            Task::DeletePlatform { .. } => OperationId::PlatformDelete,
            Task::RestorePlatform { .. } => OperationId::TrashRestore,
            Task::InstallSite(_) => OperationId::SiteAdd,
            Task::ImportSite(import) if import.copy_of.is_some() => OperationId::SiteCopy,
            Task::ImportSite(_) => OperationId::SiteImport,
            Task::VerifySite { .. } => OperationId::SiteVerify,
            Task::Login { .. } => OperationId::SiteLogin,
            Task::RebuildCaches { .. } => OperationId::SiteRebuildCaches,
            Task::MigrateSite(_) => OperationId::SiteMigrate,
            Task::UpdateSite { .. } => OperationId::SiteUpdate,
            Task::GoBackSite { .. } => OperationId::SiteGoBack,
            Task::DropFormers { .. } => OperationId::SiteDropFormer,
            Task::CloneSite(_) => OperationId::SiteClone,
            Task::RenameSite { .. } => OperationId::SiteRename,
            Task::RefreshCopy(RefreshCopy { switch: None, .. }) => OperationId::SiteRefresh,
            Task::RefreshCopy(_) => OperationId::SiteSwitch,
            Task::BackupSite { .. } => OperationId::SiteBackup,
            Task::RestoreBackup { .. } => OperationId::BackupRestore,
            Task::VerifyBackup { .. } => OperationId::BackupVerify,
            Task::DeleteBackup { .. } => OperationId::BackupDelete,
            Task::DisableSite { .. } => OperationId::SiteDisable,
            Task::EnableSite { .. } => OperationId::SiteEnable,
            Task::EjectSite { .. } => OperationId::SiteEject,
            Task::DeleteSite { .. } => OperationId::SiteDelete,
            Task::Custom(custom) => match custom.object {
                ContextName::Server(_) => OperationId::ServerRun,
                ContextName::Platform(_) => OperationId::PlatformRun,
                ContextName::Site(_) => OperationId::SiteRun,
            },
        })
    }

    /// What it is declared as.
    pub fn declaration(self) -> Operation {
        use OperationId as Id;
        match self {
            Id::ServerList
            | Id::ServerShow
            | Id::ServerAdd
            | Id::ServerEdit
            | Id::ServerVerify
            | Id::ServerTry
            | Id::ServerHostKey
            | Id::ServerTrust
            | Id::ServerRun
            | Id::ServerTrash
            | Id::ServerForget => server::declared(self),
            Id::PlatformList
            | Id::PlatformShow
            | Id::PlatformAdd
            | Id::PlatformEdit
            | Id::PlatformVerify
            | Id::PlatformForget
            | Id::PlatformLock
            | Id::PlatformUnlock
            | Id::PlatformDelete
            | Id::PlatformMigrate
            | Id::PlatformRun => platform::declared(self),
            Id::SiteList
            | Id::SiteShow
            | Id::SiteAdd
            | Id::SiteImport
            | Id::SiteCopy
            | Id::SiteOptions
            | Id::SiteEdit
            | Id::SiteVerify
            | Id::SiteLogin
            | Id::SitePackages
            | Id::SiteCompare
            | Id::SiteMigrate
            | Id::SiteUpdate
            | Id::SiteGoBack
            | Id::SiteDropFormer
            | Id::SiteWrittenSince
            | Id::SiteLog
            | Id::SiteClone
            | Id::SiteRename
            | Id::SiteRefresh
            | Id::SiteSwitch
            | Id::SiteBackup
            | Id::SiteCron
            | Id::SiteRebuildCaches
            | Id::SiteRun
            | Id::SiteDisable
            | Id::SiteEnable
            | Id::SiteEject
            | Id::SiteDelete => site::declared(self),
            Id::BackupList | Id::BackupShow | Id::BackupVerify | Id::BackupRestore | Id::BackupDelete => {
                backup::declared(self)
            }
            Id::TrashList | Id::TrashRestore | Id::TrashEmpty => trash::declared(self),
            Id::TaskList
            | Id::TaskShow
            | Id::TaskLog
            | Id::TaskCancel
            | Id::TaskRetry
            | Id::QueueShow
            | Id::QueuePause
            | Id::QueueResume
            | Id::QueueDrain => work::declared(self),
            Id::BulkList
            | Id::BulkShow
            | Id::BulkObjects
            | Id::BulkStart
            | Id::BulkRetry
            | Id::BulkPause
            | Id::BulkResume
            | Id::BulkStop
            | Id::BulkGoBack => bulk::declared(self),
            Id::AccountList
            | Id::AccountAdd
            | Id::AccountLink
            | Id::AccountBlock
            | Id::AccountUnblock
            | Id::AccountDelete
            | Id::SessionList
            | Id::SessionEnd => people::declared(self),
            _ => kept::declared(self),
        }
    }
}

/// How often cron can run.
pub(crate) const CRON_RUNS: &[&str] = &["1m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "6h", "12h", "1d", "1w"];
/// The same, or not at all.
const CRON: &[&str] = &["off", "1m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "6h", "12h", "1d", "1w"];

const SERVER: TextKind = TextKind::naming::<ServerName>("SERVER", Subject::Server);
const PLATFORM: TextKind = TextKind::naming::<PlatformName>("PLATFORM", Subject::Platform);
const SITE: TextKind = TextKind::naming::<SiteName>("SITE", Subject::Site);
/// A site that there is not yet: no other's name can be meant.
const NEW_SITE: TextKind = TextKind::of::<SiteName>("SITE");
/// What a site that was found is called: its folder below `sites/`.
const FOLDER: TextKind = TextKind::of::<SiteFolder>("FOLDER");
const HOST: TextKind = TextKind::of::<HostName>("HOST");
const TRASH: TextKind = TextKind::naming::<TrashName>("NAME", Subject::Trash);
const BACKUP: TextKind = TextKind::naming::<BackupName>("BACKUP", Subject::Backup);
const FORMER: TextKind = TextKind::of::<FormerName>("FORMER");
const PROFILE: TextKind = TextKind::of::<MachineName>("PROFILE");
const PACKAGE: TextKind = TextKind::of::<MachineName>("PACKAGE");
const CLIENT: TextKind = TextKind::of::<MachineName>("CLIENT");
const LANGUAGE: TextKind = TextKind::of::<Langcode>("CODE");
const ZONE: TextKind = TextKind::of::<TimeZoneName>("ZONE");
const TITLE: TextKind = TextKind::of::<Title>("TITLE");
const NOTE: TextKind = TextKind::of::<Note>("TEXT");
pub(crate) const EMAIL: TextKind = TextKind::of::<EmailAddress>("ADDRESS");
const ACCOUNT: TextKind = TextKind::of::<AccountName>("ACCOUNT");
const GRANT_HOST: TextKind = TextKind::of::<GrantHost>("HOST");
const COMPOSER_PACKAGE: TextKind = TextKind::of::<ComposerPackage>("VENDOR/PACKAGE");
const CONSTRAINT: TextKind = TextKind::of::<ComposerConstraint>("CONSTRAINT");
const REGISTRY: TextKind = TextKind::of::<RegistryAddress>("URL");
const ARCHIVE: TextKind = TextKind::of::<ArchivePlace>("FILE-OR-URL");
const SHA256: TextKind = TextKind::of::<Sha256Sum>("HEX");
const GIT: TextKind = TextKind::of::<GitAddress>("URL");
const RELEASES: TextKind = TextKind::of::<ReleaseFolder>("URL");
const GIT_REF: TextKind = TextKind::of::<GitRef>("REF");
const CODE_FOLDER: TextKind = TextKind::of::<CodeFolder>("FOLDER");
const SSH_HOST: TextKind = TextKind::of::<SshHost>("HOST");
const SSH_USER: TextKind = TextKind::of::<SshUser>("USER");
const HOST_KEY: TextKind = TextKind::of::<HostKey>("KEY");
const NAMED_KEY: TextKind = TextKind::of::<NamedKey>("KEY");
const REMOTE_PATH: TextKind = TextKind::of::<RemotePath>("PATH");
const PATH: TextKind = TextKind::checked("PATH", path);
const SOCKET: TextKind = TextKind::checked("ADDRESS:PORT", socket);
const LINE: TextKind = TextKind::checked("TEXT", line);
const PLACE: TextKind = TextKind::checked("CURSOR", cursor);
const WAVES: TextKind = TextKind::of::<crate::Waves>("SIZES");
const VALUE: TextKind = TextKind::checked("TEXT", value);
pub(super) use bulk::OPERATIONS_FOR_MANY;
pub(crate) const MAIL_WAY: TextKind = TextKind::of::<MailWay>("WAY");
pub(crate) const WEBHOOK: TextKind = TextKind::of::<WebhookAddress>("URL");

/// Any object by its name as tasks keep it: `@example.org`, `@server_web1`. The `@` may be left out.
const OBJECT: TextKind = TextKind::checked("NAME", object);

fn object(text: &str) -> Result<String, BadText> {
    let name = text.strip_prefix('@').unwrap_or(text);
    format!("@{name}").parse::<ContextName>().map(|name| name.to_string())
}

/// An operation by its name, `site verify`, as the word that is kept, `site-verify`; only one that `is` such.
fn operation_of(text: &str, is: fn(&Operation) -> bool) -> Result<String, BadText> {
    let word = text.trim().replace(' ', "-");
    let operations = || OperationId::ALL.into_iter().map(OperationId::declaration).filter(is);
    if let Some(operation) = operations().find(|operation| operation.slug() == word) {
        return Ok(operation.slug());
    }
    let names: Vec<String> = operations().map(|operation| operation.name()).collect();
    Err(BadText::of(text, "an operation", "there is none of this name", &format!("there are: {}", names.join(", "))))
}

/// What a task of a type of the operator's own is asked with.
const RUN: &[Parameter] = &[
    required("task_type", Shape::Text(TextKind::naming::<MachineName>("TYPE", Subject::TaskType)), "the task type"),
    several(
        "with",
        Shape::Text(TextKind::checked("NAME=VALUE", value_of_field)),
        "a field of its form, as NAME=VALUE",
        "each as its manifest says",
    ),
    optional(
        "sure",
        Shape::Text(LINE),
        "of a dangerous one: the name of the object again",
        "only if it is not dangerous",
    ),
];

/// A field of a form, and what is given for it.
fn value_of_field(text: &str) -> Result<String, BadText> {
    match text.split_once('=').is_some_and(|(name, _)| name.parse::<MachineName>().is_ok()) {
        true => Ok(text.to_owned()),
        // What stands there may be a secret in the wrong place.
        false => Err(BadText::of(
            "…",
            "a field and its value",
            "it is not of the form `NAME=VALUE`",
            "give one such as `hours=2`",
        )),
    }
}

/// A parameter that may be left out; `else_` says what then holds.
const fn optional(name: &'static str, shape: Shape, about: &'static str, else_: &'static str) -> Parameter {
    Parameter { name, about, shape, presence: Presence::Optional(else_), many: false }
}

/// A parameter that is filled in.
const fn default(name: &'static str, shape: Shape, about: &'static str, text: &'static str) -> Parameter {
    Parameter { name, about, shape, presence: Presence::Default(text), many: false }
}

/// A parameter that must be given.
const fn required(name: &'static str, shape: Shape, about: &'static str) -> Parameter {
    Parameter { name, about, shape, presence: Presence::Required, many: false }
}

/// A parameter that may be left out and may have several values.
const fn several(name: &'static str, shape: Shape, about: &'static str, else_: &'static str) -> Parameter {
    Parameter { name, about, shape, presence: Presence::Optional(else_), many: true }
}

const fn flag(name: &'static str, about: &'static str) -> Parameter {
    default(name, Shape::Flag, about, "false")
}

/// How a bulk run is asked.
const WAVES_ARE: &str = "how many are in each wave; one begins when the one before has ended";
const AT_ONCE: Shape = Shape::Number { least: 1, most: 256 };
const STOP_AFTER: Shape = Shape::Number { least: 1, most: 10_000 };
const STOP_AFTER_IS: &str =
    "after how many failures it pauses by itself; it also does behind a wave of which nothing succeeded";

/// How what a site was is kept.
const KEEP_FORMER: Parameter = optional(
    "keep_former",
    Shape::Choice(&["itself", "archive"]),
    "how what a site was is kept: `itself`, so that going back takes a moment, or packed into an `archive`",
    "as the setting `keep_former` says when its turn comes",
);

/// The parameters that each list has.
const LIMIT: Parameter = default("limit", Shape::Number { least: 1, most: 500 }, "how many at the most", "50");
const CURSOR: Parameter =
    optional("cursor", Shape::Text(PLACE), "where the page begins: what the page before said", "at the beginning");
const PACKAGE_KIND: Parameter =
    optional("kind", Shape::Choice(&["module", "theme", "profile", "theme-engine"]), "what sort of thing it is", "all");
const SEARCH: Parameter = optional("search", Shape::Text(LINE), "a part of the name or title", "all");
const OBJECT_STATUS: Parameter =
    several("status", Shape::Choice(&["new", "enabled", "failed", "deleted"]), "how it stands", "all but deleted ones");
const FIELDS: Parameter = several(
    "field",
    Shape::Text(LINE),
    "a field of the operator's own, as NAME=VALUE; an empty value removes it",
    "as they are",
);
