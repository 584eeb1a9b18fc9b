//! What a back end can be asked to do.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountName, BackupName, BuildPlatform, Context, ContextName, CopySource, CronInterval, CustomTask, EmailAddress,
    FormerName, HostName, KeepFormer, Langcode, MachineName, Note, PlatformContext, PlatformName, Redirect,
    RefreshCopy, ServerContext, ServerName, SiteContext, SiteFolder, SiteName, TaskKind, TimeZoneName, Title,
    TrashName,
};

/// One asked-for change, with its parameters; it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Task {
    /// Writes a context. The password of a database server's account comes as the secret `db_password`.
    SaveContext {
        /// What to write. Its revision is the one it was made from; 0 for a new one.
        context: Context,
    },
    /// Removes the record of an object that nothing refers to. Removes nothing else.
    ForgetContext {
        /// Which.
        name: ContextName,
    },
    /// Brings a server's folders and configuration to what its context says, and proves that its services do what they must.
    VerifyServer {
        /// Which.
        server: ServerName,
        /// What its record is to say first, made from the revision that is saved (0: there is none); taken back with
        /// the rest if the verify fails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<ServerContext>,
    },
    /// Puts code into a new folder of the home and saves it as a platform; a verify takes it into service.
    BuildPlatform(Box<BuildPlatform>),
    /// Checks a platform's code and brings what Ægir keeps in it to what it should be.
    VerifyPlatform {
        /// Which.
        platform: PlatformName,
        /// What its record is to say first, made from the revision that is saved (0: there is none); taken back with
        /// the rest if the verify fails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<PlatformContext>,
    },
    /// Takes a platform away that nothing lives on: its code to the trash.
    DeletePlatform {
        /// Which.
        platform: PlatformName,
        /// The name again, typed by who asks.
        confirm: String,
    },
    /// Takes the code of a platform that was deleted out of the trash, and has it be known as it was.
    RestorePlatform {
        /// Which.
        platform: PlatformName,
        /// The server that served it.
        server: ServerName,
        /// What its code is called in the trash.
        thing: TrashName,
    },
    /// Makes a new site.
    InstallSite(Box<InstallSite>),
    /// Brings a site's files, modes, settings and vhost to what its context says.
    VerifySite {
        /// Which.
        site: SiteName,
        /// What its record is to say first, made from the revision that is saved (0: there is none); taken back with
        /// the rest if the verify fails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<Box<SiteContext>>,
    },
    /// Has a site's Drupal rebuild all its caches.
    RebuildCaches {
        /// Which site.
        site: SiteName,
    },
    /// Makes a one-time login link.
    Login {
        /// Which site.
        site: SiteName,
        /// The number of the account; 1 is the first administrator.
        #[serde(default = "first_account")]
        account: u64,
    },
    /// Moves a site to another platform of its machine, and runs its updates on a copy first. What it was is kept.
    MigrateSite(Box<MigrateSite>),
    /// Runs the updates that wait for a site on a copy, where it lives. What it was is kept.
    UpdateSite {
        /// Which site.
        site: SiteName,
        /// Packages that it has enabled and whose code may be missing all the same: machine names. Each is told in the log.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        allow_missing: BTreeSet<MachineName>,
        /// How what it was is kept; `None`: as the machine's settings say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<KeepFormer>,
    },
    /// Has a site be what it was before it was moved. What it is now is kept likewise.
    GoBackSite {
        /// Which site.
        site: SiteName,
        /// Which of its former selves; `None`: the latest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        former: Option<FormerName>,
        /// How what it is now is kept; `None`: as the machine's settings say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<KeepFormer>,
        /// Whether it is put in service though its page is an error, and that of what the site is now is none.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        although_broken: bool,
    },
    /// Lets go of what a site was before it was moved. Nobody can go back to that any more.
    DropFormers {
        /// Which site.
        site: SiteName,
        /// Which of its former selves; `None`: those that were kept for as long as the machine's settings say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        former: Option<FormerName>,
    },
    /// Makes a new site of the content and the files of another, which is only read.
    CloneSite(Box<CloneSite>),
    /// Gives a site another name, with its folder and what its database says of that. What it was is kept.
    RenameSite {
        /// Which site.
        site: SiteName,
        /// What it is to be called.
        to: SiteName,
        /// What becomes of the name that it has.
        #[serde(default)]
        old_name: OldName,
        /// How what it was is kept; `None`: as the machine's settings say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<KeepFormer>,
    },
    /// Takes a site out of service: visitors get a page of the web server's own, and none of its PHP runs.
    DisableSite {
        /// Which.
        site: SiteName,
        /// Whether no backup is made of it first.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        no_backup: bool,
    },
    /// Takes a disabled site into service again, once it boots and its front page answers.
    EnableSite {
        /// Which.
        site: SiteName,
    },
    /// Takes in a site that lies in a platform and that nobody here knows, where it lies. Its data moves to a database
    /// of ours on the same server.
    ImportSite(Box<ImportSite>),
    /// Lets go of a site, which runs on: its settings hold what they need in the open, and Ægir forgets it.
    EjectSite {
        /// Which.
        site: SiteName,
    },
    /// Takes a site away, with a last backup of what there is of it: its files to the trash, its database last.
    DeleteSite {
        /// Which.
        site: SiteName,
        /// The name again, typed by who asks.
        confirm: String,
        /// Whether no backup is made of it first.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        no_backup: bool,
    },
    /// Makes a backup of a site: its folder and its database, in one archive.
    BackupSite {
        /// Which.
        site: SiteName,
        /// What whoever asks says of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Note>,
    },
    /// Proves that a backup is whole, and that a site can be made of it: one is, tried and taken away again.
    VerifyBackup {
        /// Which.
        backup: BackupName,
        /// The platform to try it on; `None`: that of its site.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<PlatformName>,
        /// The server whose database service holds the trial's data; `None`: that of its site.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        db_server: Option<ServerName>,
    },
    /// Has a site be what a backup says, on data that is unpacked beside it. What it is now is kept; a site that is
    /// gone is there again, and one of another name is new.
    RestoreBackup {
        /// Which.
        backup: BackupName,
        /// The name of the new site that it is to be made; `None`: the site that it is of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_site: Option<SiteName>,
        /// The platform it is to live on; `None`: the one it lives on, or lived on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<PlatformName>,
        /// The server whose database service is to hold its data; `None`: the one that does, or did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        db_server: Option<ServerName>,
        /// How what it is now is kept; `None`: as the machine's settings say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<KeepFormer>,
    },
    /// Removes a backup for good.
    DeleteBackup {
        /// Which.
        backup: BackupName,
    },
    /// Runs a task of a type that an operator added to the home.
    Custom(Box<CustomTask>),
    /// Brings a copy of somebody's site up to date from there, made beside what it is. What it was is kept.
    RefreshCopy(RefreshCopy),
}

/// What a copy of a site is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneSite {
    /// The site that is copied.
    pub site: SiteName,
    /// The main name of the copy.
    pub to: SiteName,
    /// The platform it will live on; `None`: that of the site. Updates run where its Drupal is later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformName>,
    /// The server whose database service will hold its data; `None`: that of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_server: Option<ServerName>,
    /// Other names it answers to. Those of the site do not go along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<HostName>,
    /// Whether all but one of its names lead to that one.
    #[serde(default, skip_serializing_if = "Redirect::is_none")]
    pub redirect: Redirect,
    /// Whether addresses and passwords of people are taken out of it.
    #[serde(default)]
    pub sanitise: bool,
    /// Whether it may send mail.
    #[serde(default)]
    pub with_mail: bool,
    /// Whether cron runs on it, as it does on the site.
    #[serde(default)]
    pub with_cron: bool,
}

/// A site that is to be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportSite {
    /// Its name, which is that of its folder below `sites/`.
    pub site: SiteName,
    /// Whether that folder is `sites/default` until now, and is to have the site's name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_default: bool,
    /// The platform that it lies in.
    pub platform: PlatformName,
    /// The server whose database service holds its data; `None`: the one that its settings lead to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_server: Option<ServerName>,
    /// Other names it answers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<HostName>,
    /// Whose it is.
    pub client: MachineName,
    /// What a copy is made of, under the name and on the platform said above; `None`: the site is taken in where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<CopySource>,
}

impl ImportSite {
    /// The folder that it lies in until now.
    pub fn folder(&self) -> SiteFolder {
        match self.from_default {
            true => SiteFolder::of_default(),
            false => self.site.clone().into(),
        }
    }
}

/// What becomes of the name that a site had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OldName {
    /// Visitors of it are sent on to the new one, for good.
    #[default]
    Redirect,
    /// The site answers to it too.
    Alias,
    /// The site answers to it no more.
    Gone,
}

fn first_account() -> u64 {
    1
}

/// How Drupal gets into a new site's database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstallMethod {
    /// Ægir runs Drupal's installer with a profile.
    #[default]
    Profile,
    /// Everything is made ready, and somebody calls the installer in a browser.
    Manual,
}

/// What a new site needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallSite {
    /// Its main name.
    pub site: SiteName,
    /// The platform it will live on.
    pub platform: PlatformName,
    /// The server whose database service will hold its data.
    pub db_server: ServerName,
    /// The profile to install; `None`: the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<MachineName>,
    /// Its default language.
    #[serde(default = "Langcode::english")]
    pub language: Langcode,
    /// Its time zone.
    #[serde(default = "TimeZoneName::utc")]
    pub time_zone: TimeZoneName,
    /// Its title; `None`: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// The address of the site and of its first administrator.
    pub mail: EmailAddress,
    /// The name of its first administrator.
    pub account: AccountName,
    /// Other names it answers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<HostName>,
    /// Whether all but one of its names lead to that one.
    #[serde(default, skip_serializing_if = "Redirect::is_none")]
    pub redirect: Redirect,
    /// Whose it is.
    pub client: MachineName,
    /// How Drupal gets into it.
    #[serde(default)]
    pub method: InstallMethod,
    /// How often Ægir will run cron on it; `None`: nobody says, and it runs cron by itself, when it is visited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<CronInterval>,
}

/// Where a site is to live, and what it may lack there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateSite {
    /// Which site.
    pub site: SiteName,
    /// The platform it is to live on.
    pub platform: PlatformName,
    /// The server whose database service is to hold its data; `None`: the one that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_server: Option<ServerName>,
    /// Packages that it has enabled and the platform may lack all the same: machine names. Each is told in the log.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allow_missing: BTreeSet<MachineName>,
    /// Whether all of it is tried on a copy first, while the site goes on; `None`: only where no site lives on the
    /// platform yet, and less thoroughly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearse: Option<Rehearse>,
    /// How what it was is kept; `None`: as the machine's settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepFormer>,
}

/// How a move is rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rehearse {
    /// It is rehearsed, and that is all.
    Only,
    /// It is rehearsed, and the site moves if all is well.
    First,
}

impl MigrateSite {
    /// To `platform`, with all that the site has.
    pub fn to(site: SiteName, platform: PlatformName) -> MigrateSite {
        MigrateSite { site, platform, db_server: None, allow_missing: BTreeSet::new(), rehearse: None, keep: None }
    }
}

impl Task {
    /// The same, keeping what the site was in this way, where it leaves a former self and does not say how.
    #[must_use]
    pub fn keeping(mut self, how: KeepFormer) -> Task {
        match &mut self {
            Task::MigrateSite(migrate) => migrate.keep.get_or_insert(how),
            Task::RefreshCopy(refresh) => refresh.keep.get_or_insert(how),
            Task::GoBackSite { keep, .. }
            | Task::RenameSite { keep, .. }
            | Task::RestoreBackup { keep, .. }
            | Task::UpdateSite { keep, .. } => keep.get_or_insert(how),
            _ => return self,
        };
        self
    }

    /// Which kind.
    pub fn kind(&self) -> TaskKind {
        match self {
            Task::SaveContext { .. } => TaskKind::SaveContext,
            Task::ForgetContext { .. } => TaskKind::ForgetContext,
            Task::VerifyServer { .. } => TaskKind::VerifyServer,
            Task::BuildPlatform(_) => TaskKind::BuildPlatform,
            Task::VerifyPlatform { .. } => TaskKind::VerifyPlatform,
            Task::DeletePlatform { .. } => TaskKind::DeletePlatform,
            Task::RestorePlatform { .. } => TaskKind::RestorePlatform,
            Task::InstallSite(_) => TaskKind::InstallSite,
            Task::VerifySite { .. } => TaskKind::VerifySite,
            Task::Login { .. } => TaskKind::Login,
            Task::MigrateSite(_) => TaskKind::MigrateSite,
            Task::UpdateSite { .. } => TaskKind::UpdateSite,
            Task::GoBackSite { .. } => TaskKind::GoBackSite,
            Task::RebuildCaches { .. } => TaskKind::RebuildCaches,
            Task::DropFormers { .. } => TaskKind::DropFormers,
            Task::CloneSite(_) => TaskKind::CloneSite,
            Task::RenameSite { .. } => TaskKind::RenameSite,
            Task::DisableSite { .. } => TaskKind::DisableSite,
            Task::EnableSite { .. } => TaskKind::EnableSite,
            Task::ImportSite(_) => TaskKind::ImportSite,
            Task::EjectSite { .. } => TaskKind::EjectSite,
            Task::DeleteSite { .. } => TaskKind::DeleteSite,
            Task::BackupSite { .. } => TaskKind::BackupSite,
            Task::VerifyBackup { .. } => TaskKind::VerifyBackup,
            Task::RestoreBackup { .. } => TaskKind::RestoreBackup,
            Task::DeleteBackup { .. } => TaskKind::DeleteBackup,
            Task::Custom(_) => TaskKind::Custom,
            Task::RefreshCopy(_) => TaskKind::RefreshCopy,
        }
    }

    /// The object it is about.
    pub fn object(&self) -> ContextName {
        match self {
            Task::SaveContext { context } => context.name(),
            Task::ForgetContext { name } => name.clone(),
            Task::VerifyServer { server, .. } => ContextName::Server(server.clone()),
            Task::BuildPlatform(build) => ContextName::Platform(build.platform.clone()),
            Task::VerifyPlatform { platform, .. }
            | Task::DeletePlatform { platform, .. }
            | Task::RestorePlatform { platform, .. } => ContextName::Platform(platform.clone()),
            Task::InstallSite(install) => ContextName::Site(install.site.clone()),
            Task::MigrateSite(migrate) => ContextName::Site(migrate.site.clone()),
            Task::CloneSite(clone) => ContextName::Site(clone.to.clone()),
            Task::ImportSite(import) => ContextName::Site(import.site.clone()),
            Task::VerifySite { site, .. }
            | Task::Login { site, .. }
            | Task::UpdateSite { site, .. }
            | Task::GoBackSite { site, .. }
            | Task::RebuildCaches { site }
            | Task::DropFormers { site, .. }
            | Task::RenameSite { site, .. }
            | Task::DisableSite { site, .. }
            | Task::EnableSite { site }
            | Task::EjectSite { site }
            | Task::DeleteSite { site, .. }
            | Task::BackupSite { site, .. } => ContextName::Site(site.clone()),
            Task::RestoreBackup { new_site: Some(site), .. } => ContextName::Site(site.clone()),
            Task::VerifyBackup { backup, .. } | Task::RestoreBackup { backup, .. } | Task::DeleteBackup { backup } => {
                ContextName::Site(backup.site())
            }
            Task::Custom(custom) => custom.object.clone(),
            Task::RefreshCopy(refresh) => ContextName::Site(refresh.site.clone()),
        }
    }
}
