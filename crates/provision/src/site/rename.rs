//! Rename: gives a site another name, with the folder that bears it.
//!
//! Its folder and its database are copied beside it under the new name, and put right there: what it was stays whole,
//! and is kept ([0032](../../../../docs/decisions/0032-a-rename-is-a-copy-beside.md)).

use std::path::PathBuf;

use aegir_domain::{
    Context, ContextName, Database, DbName, Fault, Former, HostName, KeepFormer, Marker, Names, OldName,
    PlatformContext, Redirect, Remedy, SiteAnswer, SiteContext, SiteName, TaskKind,
};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::deploy::database::{CopyDatabase, DatabaseToCopy, MakeTables};
use super::deploy::fence::{FenceStands, HoldStill, LowerFence, NotFenced, RaiseFence};
use super::deploy::files::{CopyFiles, FilesToCopy, TopUpFiles};
use super::deploy::former;
use super::deploy::keeping::{Keeping, Leaving};
use super::deploy::own::{KeepCredentials, TakeSalt};
use super::deploy::relocate::Relocate;
use super::deploy::updates::{Rebuild, Visit, VisitNow};
use super::facts::{DatabaseReady, NameIsFree, PhpReady, PlatformReady, PlatformServed, Ready, Room, Served};
use super::layout::{self, SettleModes, WriteCredentials};
use super::probe::{Links, Packages};
use crate::World;
use crate::service::code_ahead::CodeAhead;
use crate::step::context::{ForgetContext, SaveContext, SavedText};
use crate::step::database::{CreateDatabase, CreateDatabaseUser};
use crate::step::file::{Keep, TakeAway};
use crate::step::secret::MakeSecret;
use crate::step::sites_php::list;
use crate::step::vhost::{RenameVhost, keep_of};

/// What a copy takes besides its files and its database, in bytes.
const ROOM: u64 = 50 << 20;

/// Gives a site another name.
pub(crate) struct Rename {
    pub(crate) site: SiteName,
    pub(crate) to: SiteName,
    pub(crate) old_name: OldName,
    pub(crate) keep: Option<KeepFormer>,
}

impl Recipe<World> for Rename {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let Renamable { site, platform } = run.check(MayRename { site: self.site.clone(), to: self.to.clone() })?;
        let names = self.names(&site);
        let ready = self.check_place(run, &site, &platform, &names)?;
        let hosts =
            run.check(DatabaseReady { server: site.db_server.clone(), php: platform.clone(), core: ready.major })?;
        let folder = platform.root.site_dir(&site.name);
        let files = run.check(FilesToCopy { folder: folder.clone() })?;
        let data = run.check(DatabaseToCopy { site: site.clone(), to: site.db_server.clone() })?;
        let (bytes, sites) = (files + data, platform.root.path().join("sites"));
        run.check(Room { at: sites.clone(), bytes: bytes + ROOM })?;
        let (beside, by) = (Some((sites, bytes + ROOM)), TaskKind::RenameSite);
        let leaving = Leaving { site: &site, platform: &platform, files, data, beside, by };
        let keeping = Keeping::decide(run, self.keep, leaving)?;
        let was = run.check(VisitNow { site: site.clone(), platform: platform.clone() })?;

        let world = run.world();
        let attempt = world.task.attempt;
        let former = former::name(world, &site.name)?;
        let mut renamed = SiteContext {
            name: names.site.clone(),
            aliases: names.aliases.clone(),
            redirect: names.redirect.clone(),
            database: Database {
                name: DbName::for_site(&names.site, world.parts.mint.random()),
                marker: Marker::new(&names.site, attempt),
                hosts,
            },
            revision: site.revision + 1,
            ..site.clone()
        };
        self.warn_of_names(run, &site, &renamed);

        let waiting = self.make_copy(run, &site, &renamed, &platform)?;
        let since = run.world().parts.clock.unix_ms();
        for name in [&site.name, &renamed.name] {
            // Pages of the old name are of no use under the new one.
            run.step(RaiseFence { site: name.clone(), attempt, since, shown: None })?;
        }
        run.step(HoldStill {
            server: site.db_server.clone(),
            database: site.database.clone(),
            platform: Some(site.platform.clone()),
        })?;
        list(run, &platform, &site.name, Vec::new())?;
        list(run, &platform, &renamed.name, renamed.names())?;
        run.step(CopyDatabase {
            server: site.db_server.clone(),
            from: site.database.clone(),
            to_server: site.db_server.clone(),
            to: renamed.database.clone(),
            waiting,
        })?;
        run.step(TopUpFiles { from: folder, root: platform.root.clone(), site: renamed.name.clone(), coming: None })?;
        run.step(Relocate {
            server: site.db_server.clone(),
            database: renamed.database.clone(),
            from: site.name.clone().into(),
            from_root: platform.root.clone(),
            to: renamed.name.clone(),
            to_root: platform.root.clone(),
        })?;
        run.step(Rebuild { site: Box::new(renamed.clone()), platform: platform.clone() })?;
        run.check(Visit { site: renamed.clone(), platform: platform.clone(), was, in_service: false })?;
        run.step(SettleModes { root: platform.root.clone(), site: renamed.name.clone() })?;

        // What it was before has the name that it had.
        for former in renamed.formers.iter_mut().filter(|former| former.names.is_none()) {
            former.names = Some(Box::new(Names::of(&site)));
        }
        let former = Former {
            names: Some(Box::new(Names::of(&site))),
            ..Former::of(&site, former, (since / 1000) as i64, bytes)
        };
        renamed.formers.push(former.clone());
        self.switch(run, &site, &renamed, &platform, &former)?;

        let code = CodeAhead::begin(platform.root.path());
        let packages = run.check(Packages { site: renamed.clone(), core: renamed.core.clone(), code })?;
        run.answer_with(&SiteAnswer {
            core: renamed.core.clone(),
            packages: Some(packages),
            installer: None,
            changes: vec![format!("the name: `{}`", renamed.name)],
        });
        run.answer("site", renamed.name.as_str());
        run.answer("was", site.name.as_str());
        run.answer("former", former.name.as_str());
        run.answer("fenced_ms", run.world().parts.clock.unix_ms().saturating_sub(since));
        let afterwards = Afterwards::new()
            .finish(LowerFence { site: renamed.name.clone(), attempt, shown: None })
            .finish(LowerFence { site: site.name, attempt, shown: None })
            .cleanup(layout::DropFolderMark { root: platform.root, site: renamed.name.clone(), attempt });
        let afterwards = keeping.afterwards(run, afterwards, &former, &renamed.name);
        run.point_of_no_return(afterwards)
    }
}

impl Rename {
    /// What it is to be called, and what it answers to besides.
    fn names(&self, site: &SiteContext) -> Names {
        let (old, new) = (site.name.host(), self.to.host());
        let mut aliases: Vec<HostName> = site.aliases.iter().filter(|alias| **alias != new).cloned().collect();
        if self.old_name != OldName::Gone {
            aliases.push(old.clone());
        }
        let redirect = match (&site.redirect, self.old_name) {
            // What led to its own name still does.
            (Redirect::To(to), _) if to == &old => Redirect::To(new),
            (Redirect::To(to), _) => Redirect::To(to.clone()),
            (Redirect::None, OldName::Redirect) => Redirect::To(new),
            (Redirect::None, _) => Redirect::None,
        };
        Names { site: self.to.clone(), aliases, redirect }
    }

    /// What must hold of the name, and of the platform that the site stays on.
    fn check_place(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        platform: &PlatformContext,
        names: &Names,
    ) -> Result<Ready, Fault> {
        let ready =
            run.check(PlatformReady { platform: platform.name.clone(), profile: Some(site.profile.clone()) })?;
        run.check(PlatformServed { platform: platform.clone(), site: Served::There })?;
        run.check(NameIsFree {
            site: names.site.clone(),
            now: Some(site.name.clone()),
            names: std::iter::once(names.site.host()).chain(names.aliases.iter().cloned()).collect(),
            redirect: names.redirect.clone(),
            root: platform.root.clone(),
        })?;
        run.check(PhpReady { platform: platform.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        run.check(NotFenced { site: site.name.clone() })?;
        run.check(NotFenced { site: names.site.clone() })?;
        Ok(ready)
    }

    /// Says what visitors of its other names will notice, and what only its owner can put right.
    fn warn_of_names(&self, run: &Run<'_, World>, site: &SiteContext, renamed: &SiteContext) {
        let others: Vec<String> = site
            .aliases
            .iter()
            .filter(|alias| **alias != renamed.name.host())
            .map(|alias| format!("`{alias}`"))
            .collect();
        if site.redirect.is_none() && !renamed.redirect.is_none() && !others.is_empty() {
            run.world().warn(format!(
                "With the old name, {} lead to `{}` too from now on; `--old-name alias` has each answer by itself",
                others.join(", "),
                renamed.name
            ));
        }
    }

    /// All of the renamed site that can be made while it is written to. Gives the tables that wait for a file.
    fn make_copy(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        renamed: &SiteContext,
        platform: &PlatformContext,
    ) -> Result<Vec<String>, Fault> {
        let Database { name, marker, hosts } = renamed.database.clone();
        let (server, attempt) = (site.db_server.clone(), run.world().task.attempt);
        run.step(MakeSecret { name: "database".into() })?;
        run.step(TakeSalt { site: site.name.clone() })?;
        run.step(CreateDatabase { server: server.clone(), name: name.clone(), marker })?;
        run.step(CreateDatabaseUser { server, name, hosts })?;
        let from = platform.root.site_dir(&site.name);
        run.step(CopyFiles { from, root: platform.root.clone(), site: renamed.name.clone(), attempt, coming: false })?;
        layout::write_settings(run, renamed, platform)?;
        run.step(MakeTables {
            server: site.db_server.clone(),
            from: site.database.clone(),
            to_server: renamed.db_server.clone(),
            to: renamed.database.clone(),
        })
    }

    /// Puts the site in service under its new name, behind the fence, and what it was on its shelf.
    fn switch(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        renamed: &SiteContext,
        platform: &PlatformContext,
        former: &Former,
    ) -> Result<(), Fault> {
        let (old, new) = (ContextName::Site(site.name.clone()), ContextName::Site(renamed.name.clone()));
        let vhost = keep_of(run, site, platform)?;
        run.step(KeepCredentials { site: site.name.clone(), former: former.name.clone() })?;
        run.step(WriteCredentials {
            site: renamed.name.clone(),
            server: renamed.db_server.clone(),
            name: renamed.database.name.clone(),
        })?;
        let path = run.world().home().credentials_of(&old);
        let was = run.step(Keep { path: path.clone(), name: "credentials".into() })?;
        run.step(TakeAway { path, was })?;
        let was = run.check(SavedText { name: new })?;
        run.step(SaveContext { context: Context::Site(Box::new(renamed.clone())), was })?;
        let was = run.check(SavedText { name: old.clone() })?;
        run.step(ForgetContext { name: old, was })?;
        RenameVhost::take(run, vhost, renamed, platform, &site.name)?;
        run.check(FenceStands { site: renamed.clone(), platform: platform.clone() })?;
        Links { site, root: &platform.root }.remove(run)?;
        Links { site: renamed, root: &platform.root }.make(run)?;
        former::shelve(run, site, platform, &former.name)
    }
}

/// A site that can be given another name.
struct MayRename {
    site: SiteName,
    to: SiteName,
}

/// The site, and the platform it lives on.
struct Renamable {
    site: SiteContext,
    platform: PlatformContext,
}

impl Check<World> for MayRename {
    type Output = Renamable;
    const NAME: &'static str = "may-rename";

    fn look(&self, world: &World) -> Result<Renamable, Fault> {
        let site = world.contexts().site_in_service(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        if site.name == self.to {
            return Err(RenameFault::SameName { site: site.name }.into());
        }
        if site.awaits_installer {
            return Err(RenameFault::NotInstalled { site: site.name }.into());
        }
        let folder = platform.root.site_dir(&site.name);
        match world.files().kind(&folder)? {
            Some(aegir_host::Kind::Dir) => Ok(Renamable { site, platform }),
            _ => Err(RenameFault::NoFolder { folder }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum RenameFault {
    #[error("the site is called `{site}` already")]
    SameName { site: SiteName },
    #[error("Drupal is not installed into `{site}` yet")]
    NotInstalled { site: SiteName },
    #[error("`{}` is no folder of a site", folder.display())]
    NoFolder { folder: PathBuf },
}

impl Remedy for RenameFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            RenameFault::SameName { .. } => "give another name".into(),
            RenameFault::NotInstalled { site } => {
                format!(
                    "call its installer, then run `aegir provision verify @{site}`; or delete it and install it anew"
                )
            }
            RenameFault::NoFolder { .. } => "put the folder back from a backup, then verify the site".into(),
        })
    }
}
