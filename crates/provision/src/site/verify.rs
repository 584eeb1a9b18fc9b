//! Verify site: brings a site to what its context says. It says what it changed, changes nothing
//! where nothing is to do, and takes back what it changed when it fails.

use std::path::Path;
use std::time::Duration;

use aegir_domain::{Context, ContextName, Fault, Instance, PlatformContext, SiteAnswer, SiteContext, SiteName};
use aegir_drupal::driver::{Booted, DriverFault, FaultKind, Operation};
use aegir_drupal::htaccess;
use aegir_host::{Kind, own_uid};
use aegir_recipe::{Action, Afterwards, Check, Cleanup, Committed, Recipe, Run};
use serde::{Deserialize, Serialize};

use super::facts::{PhpReady, PlatformServed, Served, names_are_free};
use super::layout::{self, FOLDERS, FileNow, Group, LOCAL_SETTINGS, LOCAL_SETTINGS_MODE};
use super::probe::{FrontPage, Links, Packages};
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::service::fpm::LONGEST_QUESTION;
use crate::service::php::Asker;
use crate::step::context::{SaveContext, SavedText};
use crate::step::file::{MakeFolder, SetMode, SetModes, Want, converge};
use crate::step::sites_php::{ListSite, listed};
use crate::step::vhost::{PublishVhost, vhost_is_current};
use crate::{World, context_task};

/// Brings a site to what its context says.
pub(crate) struct Verify {
    pub(crate) site: SiteName,
    /// What its record is to say first.
    pub(crate) context: Option<Box<SiteContext>>,
}

impl Recipe<World> for Verify {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        if let Some(context) = &self.context {
            context_task::save(run, &Context::Site(context.clone()))?;
        }
        let Known { site, platform } = run.check(KnownSite { site: self.site.clone() })?;
        run.check(PlatformServed { platform: platform.clone(), site: Served::There })?;
        run.check(PhpReady { platform: platform.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        run.check(DatabaseAnswers { site: site.clone() })?;
        let root = platform.root.clone();
        let folder = root.site_dir(&site.name);
        let known = site.clone();
        let mut site = site;
        if site.awaits_installer {
            site.awaits_installer = !run.check(InstallerDone { site: site.clone(), platform: platform.clone() })?;
        }

        let mut changes = Vec::new();
        settle_modes(run, &folder, &mut changes)?;
        let settings = layout::write_settings(run, &site, &platform)?;
        let settings_changed = !settings.is_empty();
        changes.extend(settings.iter().map(|path| format!("`{}`", path.display())));
        settle_guards(run, &folder, &mut changes)?;
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
        let mut packages = None;
        if site.disabled {
            // None of its code runs, so Drupal is asked nothing; the database is.
            let code = CodeAhead::begin(platform.root.path());
            packages = Some(run.check(Packages { site: site.clone(), core: site.core.clone(), code })?);
        } else if !site.awaits_installer {
            let (booted, found) = self.look_inside(run, &site, &platform)?;
            site.core = booted.core_version;
            packages = Some(found);
        }
        if site != known {
            let was = run.check(SavedText { name: ContextName::Site(site.name.clone()) })?;
            let changed = SiteContext { revision: known.revision + 1, ..site.clone() };
            run.step(SaveContext { context: Context::Site(Box::new(changed)), was })?;
            changes.push("what is known of it".into());
        }

        match changes.is_empty() {
            true => run.say("Nothing was to change"),
            false => run.say(format!("Changed: {}", changes.join(", "))),
        }
        let mut installer = None;
        if site.awaits_installer {
            let address = Asker::of(run.world(), &site, &platform)?.installer_address();
            run.say(format!("It waits for somebody to call its installer at {address}"));
            installer = Some(address);
        }
        let site_is_disabled = site.disabled;
        run.answer_with(&SiteAnswer { core: site.core, packages, installer, changes });
        let mut afterwards = Afterwards::new();
        if settings_changed && !site_is_disabled {
            afterwards = afterwards.cleanup(FlushCaches { site: site.name.clone() });
        }
        run.point_of_no_return(afterwards)
    }
}

impl Verify {
    /// Asks Drupal, the database and the web server about an installed site.
    fn look_inside(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        platform: &PlatformContext,
    ) -> Result<(Booted, Vec<Instance>), Fault> {
        // The code of a platform takes as long to read as Drupal takes to boot, which waits for PHP.
        let code = CodeAhead::begin(platform.root.path());
        let booted = run.check(Boots { site: site.clone(), platform: platform.clone() })?;
        let packages = run.check(Packages { site: site.clone(), core: booted.core_version.clone(), code })?;
        let page = run.check(FrontPage { site: site.clone(), platform: platform.clone() })?;
        if let Some(trouble) = page {
            // The site's own affair, as in maintenance mode: what is ours is in order all the same.
            run.world().warn(trouble);
        }
        Ok((booted, packages))
    }
}

/// Gives the folders of a site the modes that they should have, and makes those that are missing. Says what it changed.
pub(super) fn settle_modes(run: &mut Run<'_, World>, folder: &Path, changes: &mut Vec<String>) -> Result<(), Fault> {
    for off in run.check(ModesOff { folder: folder.to_owned() })? {
        changes.push(off.to_string());
        match off {
            Off::Missing { path, mode, group } => run.step(MakeFolder { path, mode, group: Some(group) })?,
            Off::Differs(set) => run.step(set)?,
            Off::Below { modes, .. } => {
                // In parts, each of which the journal holds with ease.
                for modes in modes.chunks(200) {
                    run.step(SetModes { modes: modes.to_vec() })?;
                }
            }
        }
    }
    Ok(())
}

/// Has what guards a site's folders in Apache lie in them. Says what it changed.
pub(super) fn settle_guards(run: &mut Run<'_, World>, folder: &Path, changes: &mut Vec<String>) -> Result<(), Fault> {
    for (path, readable) in htaccess::GUARDED {
        let guard = folder.join(path).join(".htaccess");
        if matches!(run.world().files().kind(&guard)?, Some(Kind::Link(_) | Kind::Dir | Kind::Other)) {
            run.world().warn(format!("`{}` is no file: it is left alone", guard.display()));
            continue;
        }
        let current = run.check(FileNow { path: guard.clone() })?;
        let stands = current.bytes.as_ref().is_some_and(|text| htaccess::guards(&String::from_utf8_lossy(text)));
        if !stands {
            let (text, group) = (htaccess::text(readable), Some(run.world().parts.web_gid));
            let keep_as = format!("htaccess-{}", path.replace('/', "-"));
            let want = Want { path: &guard, text: &text, mode: htaccess::MODE, group, keep_as: &keep_as };
            converge(run, &current, want)?;
            changes.push(format!("`{}`", guard.display()));
        }
    }
    Ok(())
}

/// Whether somebody has installed a site that was made ready for it.
struct InstallerDone {
    site: SiteContext,
    platform: PlatformContext,
}

impl Check<World> for InstallerDone {
    type Output = bool;
    const NAME: &'static str = "installer-done";

    fn look(&self, world: &World) -> Result<bool, Fault> {
        let asker = Asker::of(world, &self.site, &self.platform)?;
        match asker.ask::<Booted>(Operation::Boot, Duration::from_secs(60)) {
            Ok(booted) => Ok(booted.installed),
            Err(fault) => match fault.downcast_ref::<DriverFault>().and_then(DriverFault::kind) {
                Some(FaultKind::NotInstalled) => Ok(false),
                _ => Err(fault),
            },
        }
    }
}

/// A site that is saved and whose folder is there.
pub(crate) struct KnownSite {
    pub(crate) site: SiteName,
}

pub(crate) struct Known {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
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
pub(crate) struct DatabaseAnswers {
    pub(crate) site: SiteContext,
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
    Missing {
        path: std::path::PathBuf,
        mode: u32,
        group: u32,
    },
    Differs(SetMode),
    /// Code below a folder of the site's own packages.
    Below {
        folder: std::path::PathBuf,
        modes: Vec<SetMode>,
    },
}

impl std::fmt::Display for Off {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Off::Missing { path, .. } => write!(f, "the folder `{}`", path.display()),
            Off::Differs(set) => write!(f, "the mode of `{}`", set.path.display()),
            Off::Below { folder, modes } => write!(f, "{} modes below `{}`", modes.len(), folder.display()),
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
        for packages in CODE {
            let folder = self.folder.join(packages);
            let mut modes = Vec::new();
            below(world, &folder, 0, &mut modes)?;
            if !modes.is_empty() {
                off.push(Off::Below { folder, modes });
            }
        }
        let local = self.folder.join("local.settings.php");
        if matches!(world.files().kind(&local)?, Some(Kind::File)) {
            off.extend(differs(world, local, LOCAL_SETTINGS_MODE, world.parts.web_gid)?.map(Off::Differs));
        }
        Ok(off)
    }
}

/// Folders of a site's own packages: all below is code, which our group may change (M3).
const CODE: [&str; 3] = ["modules", "themes", "libraries"];

/// What lies below `folder` with another mode than code has. Links are passed over.
fn below(world: &World, folder: &std::path::Path, depth: u32, modes: &mut Vec<SetMode>) -> Result<(), Fault> {
    if depth > 24 || !matches!(world.files().kind(folder)?, Some(Kind::Dir)) {
        return Ok(());
    }
    let group = Group::Ours.id(world);
    for name in world.files().list(folder)? {
        let path = folder.join(name);
        match world.files().kind(&path)? {
            Some(Kind::Dir) => {
                modes.extend(lacks(world, path.clone(), 0o2775, group)?);
                below(world, &path, depth + 1, modes)?;
            }
            Some(Kind::File) => modes.extend(lacks(world, path, 0o664, group)?),
            _ => (),
        }
    }
    Ok(())
}

/// What lacks some of the bits of `mode`. What it has beyond them, as a program has, stays.
fn lacks(world: &World, path: std::path::PathBuf, mode: u32, group: u32) -> Result<Option<SetMode>, Fault> {
    let Some(stat) = world.files().stat(&path)? else { return Ok(None) };
    differs(world, path, mode | (stat.mode & 0o7777), group)
}

fn differs(world: &World, path: std::path::PathBuf, mode: u32, group: u32) -> Result<Option<SetMode>, Fault> {
    let Some(stat) = world.files().stat(&path)? else { return Ok(None) };
    let right = stat.mode & 0o7777 == mode && stat.gid == group;
    if !right && (stat.uid != own_uid() || !world.parts.own_groups.contains(&stat.gid)) {
        // What cannot be given back is not taken: an undo would fail.
        world.warn(format!(
            "`{0}` belongs to another user or group and is left alone; as root, run `chown aegir:aegir-web {0}`",
            path.display()
        ));
        return Ok(None);
    }
    let mode_was = stat.mode & 0o7777;
    Ok((mode_was != mode || stat.gid != group).then_some(SetMode {
        path,
        mode,
        group: Some(group),
        mode_was,
        group_was: stat.gid,
    }))
}

/// Drupal boots the site, from its own folder.
pub(crate) struct Boots {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
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
        let name = ContextName::Site(self.site.clone());
        let Some(Context::Site(site)) = world.contexts().find(&name)? else { return Ok(()) };
        let platform = world.contexts().platform(&site.platform)?;
        let _: aegir_drupal::driver::Flushed =
            Asker::of(world, &site, &platform)?.ask(Operation::Flush, LONGEST_QUESTION)?;
        Ok(())
    }
}

impl Cleanup<World> for FlushCaches {}
