//! Delete: takes a site away. Everything that can be moved aside is; the database goes last.
//!
//! What is in service is refused: it is disabled first, so that nobody loses a site that others use, whoever asks.
//! Until the point of no return each line can be taken back, and is. By then a last backup was made of what there is of
//! it, behind a web server that no longer knows it, and read whole again.

use std::time::Duration;

use aegir_domain::{
    ContextName, Fault, Former, Instance, PlatformContext, Remedy, SiteContext, SiteName, SitePart, TaskKind,
};
use aegir_host::Kind;
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::deploy::former;
use super::layout;
use super::probe::{Links, Packages, what_visitors_get};
use crate::World;
use crate::backup::{CanBackUpWhatIsLeft, LastBackupSound, Ready, Why, make};
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::step::context::{ForgetContext, SavedText};
use crate::step::database::DropDatabase;
use crate::step::file::{Keep, MakeFolder, SetAside, TakeAway};
use crate::step::sites_php::{ListSite, listed};
use crate::step::vhost::WithdrawVhost;
use crate::trash::how_long;

/// Takes a site away.
pub(crate) struct Delete {
    pub(crate) site: SiteName,
    pub(crate) confirm: String,
    /// Whether no backup is made.
    pub(crate) no_backup: bool,
}

impl Recipe<World> for Delete {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        run.check(Confirmed { site: self.site.clone(), typed: self.confirm.clone() })?;
        let there = run.check(WhatIsThere { site: self.site.clone() })?;
        if there.is_whole() {
            run.check(NobodyUsesIt { site: there.site.clone(), platform: there.platform.clone() })?;
        }
        let ready = match self.no_backup {
            true => None,
            false => run.check(CanBackUpWhatIsLeft {
                site: there.site.clone(),
                platform: there.platform.clone(),
                has_files: there.folder_mode.is_some(),
                has_database: there.has_database,
            })?,
        };
        let site = there.site;
        let name = ContextName::Site(site.name.clone());
        let saved = run.check(SavedText { name: name.clone() })?;

        let vhost = layout::vhost_path(run.world(), &there.platform, &site.name)?;
        let was = run.step(Keep { path: vhost.clone(), name: "vhost".into() })?;
        run.step(WithdrawVhost { server: there.platform.server.clone(), site: site.name.clone(), was })?;
        let mut afterwards = Afterwards::new();
        if let Some(ready) = ready {
            let packages = run.check(PackagesLeft { ready: ready.clone() })?;
            let made = make(run, &ready, packages, Why::before(TaskKind::DeleteSite))?;
            run.check(LastBackupSound { backup: made.answer.backup.clone() })?;
            run.say(format!("The last backup of it is `{}`", made.path.display()));
            run.answer_with(&made.answer);
            afterwards = afterwards.cleanup(made.clean_up());
        }
        run.step(ListSite {
            platform: site.platform.clone(),
            root: there.platform.root.clone(),
            site: site.name.clone(),
            names: Vec::new(),
            were: there.listed,
        })?;
        let mut trash = None;
        if let Some(mode) = there.folder_mode {
            if run.world().files().kind(&there.trash)?.is_none() {
                run.step(MakeFolder { path: there.trash.clone(), mode: 0o700, group: None })?;
            }
            let aside = run.world().trash_name(site.name.as_str());
            run.step(SetAside {
                path: there.platform.root.site_dir(&site.name),
                trash: there.trash.clone(),
                name: aside.clone(),
                mode,
            })?;
            trash = Some(there.trash.join(aside));
        }
        Links { site: &site, root: &there.platform.root }.remove(run)?;
        let credentials = run.world().home().credentials_of(&name);
        let was = run.step(Keep { path: credentials.clone(), name: "credentials".into() })?;
        run.step(TakeAway { path: credentials, was })?;
        for former in &site.formers {
            former::discard(run, former)?;
        }
        run.step(ForgetContext { name, was: saved })?;

        run.answer("site", site.name.as_str());
        if let Some(trash) = trash {
            let until = how_long(run.world().parts.settings.trash_days);
            run.say(format!("The files of `{}` lie in `{}`, {until}", site.name, trash.display()));
            run.answer("trash", trash.to_string_lossy());
        }
        let own = DropDatabase { server: site.db_server.clone(), database: site.database.clone() };
        let dropped = |former: Former| DropDatabase { server: former.db_server, database: former.database };
        // A backup outlives its site: one that was made of a former self is a backup like any other from now on.
        let formers = site.formers.into_iter().filter(|former| former.archive.is_none()).map(dropped);
        run.point_of_no_return(formers.fold(afterwards.cleanup(own), Afterwards::cleanup))
    }
}

/// The name was typed again.
struct Confirmed {
    site: SiteName,
    typed: String,
}

impl Check<World> for Confirmed {
    type Output = ();
    const NAME: &'static str = "confirmed";

    fn look(&self, _: &World) -> Result<(), Fault> {
        match self.typed == self.site.as_str() {
            true => Ok(()),
            false => Err(NotConfirmed { site: self.site.clone() }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("deleting `{site}` was not confirmed")]
struct NotConfirmed {
    site: SiteName,
}

impl Remedy for NotConfirmed {
    fn remedy(&self) -> Option<String> {
        Some(format!("to delete it, add `--confirm={}`", self.site))
    }
}

/// Which packages a site that goes has, for its last backup, as far as its database tells.
struct PackagesLeft {
    ready: Ready,
}

impl Check<World> for PackagesLeft {
    type Output = Vec<Instance>;
    const NAME: &'static str = "packages-left";

    fn look(&self, world: &World) -> Result<Vec<Instance>, Fault> {
        let Ready { site, platform, lacks, .. } = &self.ready;
        if lacks.contains(&SitePart::Database) {
            return Ok(Vec::new());
        }
        let code = CodeAhead::begin(platform.root.path());
        let found = Packages { site: site.clone(), core: site.core.clone(), code }.look(world);
        Ok(found.unwrap_or_else(|fault| {
            world.warn(format!("Which packages it has cannot be told: {}", fault.report().message));
            Vec::new()
        }))
    }
}

/// What there is of a site. Parts that are missing are no reason to keep the rest.
struct WhatIsThere {
    site: SiteName,
}

struct There {
    site: SiteContext,
    platform: PlatformContext,
    /// The mode of its folder, if there is one.
    folder_mode: Option<u32>,
    /// Whether there is a database that bears its mark.
    has_database: bool,
    /// The trash on the file system of the folder.
    trash: std::path::PathBuf,
    /// Its names in `sites.php`.
    listed: Vec<aegir_domain::HostName>,
}

impl There {
    /// Whether it can be in service at all: what is half made, or lacks a part, goes without being disabled first.
    fn is_whole(&self) -> bool {
        self.has_database && self.folder_mode.is_some() && !self.site.awaits_installer
    }
}

impl Check<World> for WhatIsThere {
    type Output = There;
    const NAME: &'static str = "what-is-there";

    fn look(&self, world: &World) -> Result<There, Fault> {
        let site = world.contexts().site(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        let folder = platform.root.site_dir(&site.name);
        let folder_mode = match world.files().kind(&folder)? {
            None => None,
            Some(Kind::Dir) => world.files().stat(&folder)?.map(|stat| stat.mode & 0o7777),
            Some(_) => return Err(NoFolder { folder }.into()),
        };
        let server = DbServer::of(world, &site.db_server)?;
        let has_database = server.bears(&site.database.name, &site.database.marker)?;
        if !has_database {
            world.warn(format!(
                "The database `{}` does not bear the mark of this site, or is gone: it is left alone",
                site.database.name
            ));
        }
        let listed = listed(world, &platform.root, &site.name)?;
        let trash = aegir_domain::Home::trash_beside(&platform.root.path().join("sites"));
        Ok(There { site, platform, folder_mode, has_database, trash, listed })
    }
}

/// It is disabled, or answers nobody anyway. Its record alone does not tell: what is broken may not come so far that it
/// could be disabled.
struct NobodyUsesIt {
    site: SiteContext,
    platform: PlatformContext,
}

impl Check<World> for NobodyUsesIt {
    type Output = ();
    const NAME: &'static str = "nobody-uses-it";
    const LIMIT: Duration = Duration::from_secs(120);

    fn look(&self, world: &World) -> Result<(), Fault> {
        if self.site.disabled {
            return Ok(());
        }
        match what_visitors_get(world, &self.site, &self.platform) {
            Ok(Ok(status)) => Err(InService { site: self.site.name.clone(), status }.into()),
            Ok(Err(silent)) => {
                world.say(format!("It was not disabled, and is out of service all the same: {silent}"));
                Ok(())
            }
            Err(fault) => {
                world.say(format!("It was not disabled, and does not answer: {}", fault.report().message));
                Ok(())
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{site}` is in service: its front page answers {status}")]
struct InService {
    site: SiteName,
    status: u16,
}

impl Remedy for InService {
    fn remedy(&self) -> Option<String> {
        let site = &self.site;
        Some(format!(
            "disable it first with `aegir site disable {site}`, or `aegir provision disable @{site}` where no front end \
             looks after it, with `--no-backup` if its backup is what fails; then delete it"
        ))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{}` is no folder", folder.display())]
struct NoFolder {
    folder: std::path::PathBuf,
}

impl Remedy for NoFolder {
    fn remedy(&self) -> Option<String> {
        Some(format!(
            "look at what `{}` leads to; remove the link by hand, then delete the site again",
            self.folder.display()
        ))
    }
}
