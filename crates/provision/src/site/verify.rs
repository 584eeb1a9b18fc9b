//! Verify site: brings a site to what its context says. It says what it changed, changes nothing
//! where nothing is to do, and takes back what it changed when it fails.

use std::time::Duration;

use aegir_domain::{Context, ContextName, Fault, Instance, PlatformContext, SiteContext, SiteName};
use aegir_drupal::driver::{Booted, Operation};
use aegir_host::Kind;
use aegir_recipe::{Action, Afterwards, Check, Cleanup, Committed, Recipe, Run};
use serde::{Deserialize, Serialize};

use super::facts::{PhpReady, names_are_free};
use super::layout::{self, FOLDERS, FileNow, LOCAL_SETTINGS, LOCAL_SETTINGS_MODE};
use super::probe::{Links, SiteAnswers};
use crate::World;
use crate::service::DbServer;
use crate::service::php::Asker;
use crate::step::context::{SaveContext, SavedText};
use crate::step::file::{MakeFolder, SetMode, Want, converge};
use crate::step::sites_php::{ListSite, listed};
use crate::step::vhost::{PublishVhost, vhost_is_current};

/// Brings a site to what its context says.
pub(crate) struct Verify {
    pub(crate) site: SiteName,
}

impl Recipe<World> for Verify {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let Known { site, platform } = run.check(KnownSite { site: self.site.clone() })?;
        run.check(PhpReady { platform: platform.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        run.check(DatabaseAnswers { site: site.clone() })?;
        let root = platform.root.clone();
        let folder = root.site_dir(&site.name);

        let mut changes = Vec::new();
        for off in run.check(ModesOff { folder: folder.clone() })? {
            changes.push(format!("the mode of `{}`", off.path().display()));
            match off {
                Off::Missing { path, mode, group } => run.step(MakeFolder { path, mode, group: Some(group) })?,
                Off::Differs(set) => run.step(set)?,
            }
        }
        let mut settings_changed = false;
        for file in layout::settings_files(run.world(), &site, &platform)? {
            let current = run.check(FileNow { path: file.path.clone() })?;
            let want =
                Want { path: &file.path, text: &file.text, mode: file.mode, group: file.group, keep_as: &file.name };
            if converge(run, &current, want)? {
                settings_changed = true;
                changes.push(format!("`{}`", file.path.display()));
            }
        }
        let local = folder.join("local.settings.php");
        let current = run.check(FileNow { path: local.clone() })?;
        if current.bytes.is_none() {
            let group = Some(run.world().parts.web_gid);
            let want = Want {
                path: &local,
                text: LOCAL_SETTINGS,
                mode: LOCAL_SETTINGS_MODE,
                group,
                keep_as: "local.settings.php",
            };
            converge(run, &current, want)?;
            changes.push("`local.settings.php`".into());
        }
        let names = site.names();
        let were = listed(run.world(), &root, &site.name)?;
        if were.iter().any(|name| !names.contains(name)) || names.iter().any(|name| !were.contains(name)) {
            run.step(ListSite {
                platform: platform.name.clone(),
                root: root.clone(),
                site: site.name.clone(),
                names,
                were,
            })?;
            changes.push("the names in `sites.php`".into());
        }
        if !vhost_is_current(run.world(), &site, &platform)? {
            PublishVhost::replacing(run, &site, &platform)?;
            changes.push("the vhost".into());
        }
        if (Links { site: &site, root: &root }).make(run)? {
            changes.push("the links to it".into());
        }
        let booted: Booted = run.check(Boots { site: site.clone(), platform: platform.clone() })?;
        let packages = run.check(Packages { site: site.clone(), core: booted.core_version.clone() })?;
        run.check(SiteAnswers { site: site.clone(), platform: platform.clone() })?;
        if booted.core_version != site.core {
            let name = ContextName::Site(site.name.clone());
            let was = run.check(SavedText { name })?;
            let changed =
                SiteContext { core: booted.core_version.clone(), revision: site.revision + 1, ..site.clone() };
            run.step(SaveContext { context: Context::Site(Box::new(changed)), was })?;
            changes.push(format!("its version of Drupal, {} before", site.core));
        }

        match changes.is_empty() {
            true => run.say("Nothing was to change"),
            false => run.say(format!("Changed: {}", changes.join(", "))),
        }
        run.answer("core", booted.core_version);
        run.answer("changes", changes);
        run.answer("packages", serde_json::to_value(packages).unwrap_or_default());
        let mut afterwards = Afterwards::new();
        if settings_changed {
            afterwards = afterwards.cleanup(FlushCaches { site: site.name.clone() });
        }
        run.point_of_no_return(afterwards)
    }
}

/// A site that is saved and whose folder is there.
struct KnownSite {
    site: SiteName,
}

struct Known {
    site: SiteContext,
    platform: PlatformContext,
}

impl Check<World> for KnownSite {
    type Output = Known;
    const NAME: &'static str = "known-site";

    fn look(&self, world: &World) -> Result<Known, Fault> {
        let site = world.contexts().site(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        names_are_free(world, &site.name, &site.names(), &site.redirect)?;
        let folder = platform.root.site_dir(&site.name);
        match world.files().kind(&folder)? {
            Some(Kind::Dir) => Ok(Known { site, platform }),
            _ => Err(Gone { site: site.name, folder }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the folder `{}` of the site `{site}` is gone", folder.display())]
struct Gone {
    site: SiteName,
    folder: std::path::PathBuf,
}

impl aegir_domain::Remedy for Gone {
    fn remedy(&self) -> Option<String> {
        Some(format!(
            "put it back from a backup, or delete the site with `aegir provision delete @{0} --confirm={0}`",
            self.site
        ))
    }
}

/// The site's own account reaches its own database.
struct DatabaseAnswers {
    site: SiteContext,
}

impl Check<World> for DatabaseAnswers {
    type Output = ();
    const NAME: &'static str = "database-answers";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let server = DbServer::of(world, &self.site.db_server)?;
        server.must_bear(&self.site.database.name, &self.site.database.marker)
    }
}

/// A folder or file whose mode or group is not what it should be.
pub(crate) enum Off {
    Missing { path: std::path::PathBuf, mode: u32, group: u32 },
    Differs(SetMode),
}

impl Off {
    fn path(&self) -> &std::path::Path {
        match self {
            Off::Missing { path, .. } => path,
            Off::Differs(set) => &set.path,
        }
    }
}

/// Finds what has other modes than it should: Drupal hardens its folder and its settings now and then.
struct ModesOff {
    folder: std::path::PathBuf,
}

impl Check<World> for ModesOff {
    type Output = Vec<Off>;
    const NAME: &'static str = "modes-off";

    fn look(&self, world: &World) -> Result<Vec<Off>, Fault> {
        let mut off = Vec::new();
        for (path, mode, group) in FOLDERS {
            let path = self.folder.join(path);
            let group = group.id(world);
            match world.files().kind(&path)? {
                None => off.push(Off::Missing { path, mode, group }),
                Some(Kind::Dir) => off.extend(differs(world, path, mode, group)?.map(Off::Differs)),
                // An operator's link or mount stays theirs.
                Some(_) => world.warn(format!("`{}` is no folder: its modes are left alone", path.display())),
            }
        }
        let local = self.folder.join("local.settings.php");
        if matches!(world.files().kind(&local)?, Some(Kind::File)) {
            off.extend(differs(world, local, LOCAL_SETTINGS_MODE, world.parts.web_gid)?.map(Off::Differs));
        }
        Ok(off)
    }
}

fn differs(world: &World, path: std::path::PathBuf, mode: u32, group: u32) -> Result<Option<SetMode>, Fault> {
    let Some(stat) = world.files().stat(&path)? else { return Ok(None) };
    let mode_was = stat.mode & 0o7777;
    Ok((mode_was != mode || stat.gid != group).then(|| SetMode {
        path,
        mode,
        group: Some(group),
        mode_was,
        group_was: stat.gid,
    }))
}

/// Drupal boots the site, from its own folder.
struct Boots {
    site: SiteContext,
    platform: PlatformContext,
}

impl Check<World> for Boots {
    type Output = Booted;
    const NAME: &'static str = "site-boots";
    const LIMIT: Duration = Duration::from_secs(180);

    fn look(&self, world: &World) -> Result<Booted, Fault> {
        let booted: Booted =
            Asker::of(world, &self.site, &self.platform)?.ask(Operation::Boot, Duration::from_secs(120))?;
        match booted.site_path == format!("sites/{}", self.site.name) {
            true => Ok(booted),
            false => Err(Elsewhere { site: self.site.name.clone(), path: booted.site_path }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("Drupal takes `{path}` for the folder of the site `{site}`")]
struct Elsewhere {
    site: SiteName,
    path: String,
}

impl aegir_domain::Remedy for Elsewhere {
    fn remedy(&self) -> Option<String> {
        Some("look into `sites/local.sites.php` of the platform for a line that leads the name elsewhere".into())
    }
}

/// Which packages the site has, straight from its database.
struct Packages {
    site: SiteContext,
    core: String,
}

impl Check<World> for Packages {
    type Output = Vec<Instance>;
    const NAME: &'static str = "packages";

    fn look(&self, world: &World) -> Result<Vec<Instance>, Fault> {
        let packages = DbServer::of(world, &self.site.db_server)?.packages(&self.site, &self.core)?;
        world.say(format!("{} packages are enabled", packages.iter().filter(|package| package.enabled).count()));
        Ok(packages)
    }
}

/// Rebuilds a site's caches, once its settings changed for good.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FlushCaches {
    pub(crate) site: SiteName,
}

impl Action<World> for FlushCaches {
    type Output = ();
    const NAME: &'static str = "flush-caches";
    const LIMIT: Duration = Duration::from_secs(300);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let site = world.contexts().site(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        let _: aegir_drupal::driver::Flushed =
            Asker::of(world, &site, &platform)?.ask(Operation::Flush, Duration::from_secs(240))?;
        Ok(())
    }
}

impl Cleanup<World> for FlushCaches {}
