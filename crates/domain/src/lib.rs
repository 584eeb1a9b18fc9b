//! What things are, in the words of the field: sites, platforms, servers, tasks, the protocol.
//!
//! Text becomes a type here, once, at the edge; a form, a command line, a journal and a context
//! file are all read by the same lines.
//!
//! ## Invariants
//!
//! - No I/O, no async, no clock, no randomness: what must be unpredictable is passed in.
//! - A value of these types can be joined to a path, written into a vhost or passed as an argument
//!   as its documentation says; nobody downstream checks it again.
//! - Nothing that can be printed or serialised holds a secret ([`Password`] can be neither).

mod adoption;
mod answer;
mod attempt;
mod backup;
mod command;
mod context;
mod context_name;
mod copy_source;
mod cron;
mod database;
mod fault;
mod fetched;
mod finding;
mod fit;
mod former;
mod home;
mod hook;
mod host_name;
mod import;
mod lock;
mod lock_mode;
mod node;
mod outcome;
mod package;
mod panel_account;
mod path;
mod person;
mod platform_source;
pub mod protocol;
mod queue;
mod requirement;
mod secret;
mod site_log;
mod site_name;
mod stamp;
mod task;
mod task_kind;
mod task_type;
mod text;
mod time_zone;
mod tls;
mod transport;
mod trash;
mod trial;
mod version;
mod welcome;
mod writes;

pub use adoption::{Adopted, AdoptedKind, Adoption, Fate};
pub use answer::{BackupAnswer, FoundSite, PlatformAnswer, ProfileLanguage, ServerAnswer, SiteAnswer};
pub use attempt::AttemptId;
pub use backup::{
    ArchiveAnswer, BACKUP_FORMAT, BackupDump, BackupManifest, BackupName, BackupRecord, FoundBackup, LeftBy,
    ReceivedAnswer, SitePart,
};
pub use command::Cmd;
pub use context::{
    Context, Database, DbEngine, DbService, HttpEngine, HttpService, PlatformContext, PlatformFacts, Quiet, Redirect,
    ServerContext, SiteContext,
};
pub use context_name::{ContextName, PlatformName, ServerName};
pub use copy_source::{CopySource, RefreshCopy, SourceDatabase, SwitchCopy};
pub use cron::{CronAnswer, CronInterval, CronResult, CronRun};
pub use database::{DbName, GrantHost, Marker};
pub use fault::{Fault, FaultReport, Remedy, Report};
pub use fetched::{ArchivePlace, BuiltFrom, CodeFolder, CommitId, GitAddress, GitRef, ReleaseFolder, Sha256Sum};
pub use finding::{Finding, Health};
pub use fit::{Code, Compared, Fit, PackageFit, PlatformSide, Reason, SiteSide, Standing, Verdict, compare};
pub use former::{Former, FormerName, KeepFormer, Names};
pub use home::Home;
pub use hook::{EVERY_KIND, HOOK_VERSION, HookInput, HookObjects, HookPhase};
pub use host_name::HostName;
pub use import::{FoundToImport, ImportAnswer, Mention};
pub use lock::{Known, locks_of, locks_to_compare, with_names, with_servers};
pub use lock_mode::LockMode;
pub use node::{NodeId, NodeKind, ObjectStatus};
pub use outcome::{Left, Outcome, OutcomeKind, exit_code};
pub use package::{Instance, InstanceScope, PackageCode, PackageKind, Reach};
pub use panel_account::PanelAccountName;
pub use path::PlatformRoot;
pub use person::{AccountName, EmailAddress};
pub use platform_source::{BuildPlatform, ComposerConstraint, ComposerPackage, PlatformSource, RegistryAddress};
pub use queue::{AttemptState, OperationName, Priority, TaskLock, TaskState};
pub use requirement::{Dependency, Requirements, core_allowed};
pub use secret::{Password, Secrets};
pub use site_log::{LogAnswer, LogKind, LogTail, MOST_LOG_LINES};
pub use site_name::{SiteFolder, SiteName};
pub use stamp::stamp;
pub use task::{CloneSite, ImportSite, InstallMethod, InstallSite, MigrateSite, OldName, Rehearse, Task};
pub use task_kind::TaskKind;
pub use task_type::{
    BadField, BadManifest, CustomTask, FieldKind, MANIFEST, TASK_TYPE_VERSION, TaskManifest, TypeField, TypeInput,
    TypeObject, TypePermission, TypePhase,
};
pub use text::{BadText, Langcode, MachineName, Note, Title};
pub use time_zone::TimeZoneName;
pub use tls::{DomainKind, TlsMode};
pub use transport::{HostKey, RemotePath, SshAddress, SshHost, SshUser, Transport};
pub use trash::{TrashAnswer, TrashEmptied, TrashKind, TrashName, TrashState, TrashThing};
pub use trial::{ServiceKind, Trial, Tried};
pub use version::Version;
pub use welcome::{LONGEST_TEMPLATE, ProfileTemplate, Welcome, WelcomeAnswer, WelcomeFacts};
pub use writes::{WriteCount, Writes, WritesAnswer};
