//! What a site's folder holds, with which modes, and the files that Ægir writes into it.

use std::path::{Path, PathBuf};

use aegir_domain::{
    AttemptId, ContextName, DbName, Fault, Home, PlatformContext, PlatformRoot, ServerName, SiteContext, SiteName,
};
use aegir_drupal::htaccess;
use aegir_drupal::settings::Settings;
use aegir_host::{FileFault, Kind, Trouble};
use aegir_recipe::{Action, Check, Cleanup, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::{DbServer, php};
use crate::step::file::{Current, MakeFolder, SetAside, Want, converge, make_folder, put};

/// The folders of a site (inventory, section 18): path, mode, whether the web group owns it. The first is its own.
pub(crate) const FOLDERS: [(&str, u32, Group); 10] = [
    ("", 0o2750, Group::Web),
    ("modules", 0o2775, Group::Ours),
    ("themes", 0o2775, Group::Ours),
    ("libraries", 0o2775, Group::Ours),
    ("files", 0o2770, Group::Web),
    ("private", 0o2770, Group::Web),
    ("private/files", 0o2770, Group::Web),
    ("private/temp", 0o2770, Group::Web),
    ("private/config", 0o2770, Group::Web),
    ("private/config/sync", 0o2770, Group::Web),
];

/// The mode of `settings.php`: our user and the web group read it, nobody writes it.
pub(crate) const SETTINGS_MODE: u32 = 0o440;
/// The mode of `local.settings.php`.
pub(crate) const LOCAL_SETTINGS_MODE: u32 = 0o640;
/// What `local.settings.php` holds when it is made. Never touched again.
pub(crate) const LOCAL_SETTINGS: &str =
    "<?php\n\n// Your own settings of this site. Ægir made this file once and leaves it alone.\n";

/// Whose group a folder has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// That of the web server's workers.
    Web,
    /// That of the user that Ægir runs as.
    Ours,
}

impl Group {
    pub(crate) fn id(self, world: &World) -> u32 {
        match self {
            Group::Web => world.parts.web_gid,
            Group::Ours => world.parts.own_gid,
        }
    }
}

/// A file that Ægir writes for a site.
pub(crate) struct SiteFile {
    /// What it is kept under while it is replaced.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) mode: u32,
    pub(crate) group: Option<u32>,
}

/// The files that a site's context calls for, besides its vhost: settings, and the Drush alias.
pub(crate) fn settings_files(
    world: &World,
    site: &SiteContext,
    platform: &PlatformContext,
) -> Result<Vec<SiteFile>, Fault> {
    let settings = settings_of(world, site, platform)?;
    let template = world.files().read_text(&world.home().templates().join(settings.template_name()))?;
    Ok(vec![SiteFile {
        name: "settings.php".into(),
        text: settings.render(template.as_deref())?,
        mode: SETTINGS_MODE,
        group: Some(world.parts.web_gid),
    }])
}

/// Has the files that a site's context calls for be in its folder as they should; gives those that were not.
pub(crate) fn write_settings(
    run: &mut Run<'_, World>,
    site: &SiteContext,
    platform: &PlatformContext,
) -> Result<Vec<PathBuf>, Fault> {
    write_settings_in(run, site, platform, &platform.root.site_dir(&site.name))
}

/// The same in `folder`, for a site that comes to its place later.
pub(crate) fn write_settings_in(
    run: &mut Run<'_, World>,
    site: &SiteContext,
    platform: &PlatformContext,
    folder: &Path,
) -> Result<Vec<PathBuf>, Fault> {
    let mut changed = Vec::new();
    for file in settings_files(run.world(), site, platform)? {
        let path = folder.join(&file.name);
        let current = run.check(FileNow { path: path.clone() })?;
        let want = Want { path: &path, text: &file.text, mode: file.mode, group: file.group, keep_as: &file.name };
        if converge(run, &current, want)? {
            changed.push(path);
        }
    }
    Ok(changed)
}

/// Has a site's folder lie in the trash of its platform; gives where.
pub(crate) fn set_folder_aside(
    run: &mut Run<'_, World>,
    root: &PlatformRoot,
    site: &SiteName,
) -> Result<PathBuf, Fault> {
    let trash = Home::trash_beside(&root.path().join("sites"));
    if run.world().files().kind(&trash)? != Some(Kind::Dir) {
        run.step(MakeFolder { path: trash.clone(), mode: 0o700, group: None })?;
    }
    let folder = root.site_dir(site);
    let mode = run.world().files().stat(&folder)?.map_or(0o2750, |stat| stat.mode & 0o7777);
    let aside = run.world().trash_name(site.as_str());
    run.step(SetAside { path: folder, trash: trash.clone(), name: aside.clone(), mode })?;
    Ok(trash.join(aside))
}

/// What the `settings.php` of a site depends on.
pub(crate) fn settings_of(world: &World, site: &SiteContext, platform: &PlatformContext) -> Result<Settings, Fault> {
    Ok(Settings {
        site: site.name.clone(),
        family: php::family(platform, &site.core)?,
        names: site.aliases.clone(),
        quiet: site.kept_from(),
        home: world.home().clone(),
    })
}

/// Where the `settings.php` of a site lies.
pub(crate) fn settings_path(site: &SiteContext, platform: &PlatformContext) -> PathBuf {
    platform.root.site_dir(&site.name).join("settings.php")
}

/// The vhost file of a site.
pub(crate) fn vhost_path(world: &World, platform: &PlatformContext, site: &SiteName) -> Result<PathBuf, Fault> {
    let server = world.contexts().server(&platform.server)?;
    crate::service::http::vhost_path(world, &server, site)
}

/// Looks at a file that may be about to be replaced.
pub(crate) struct FileNow {
    pub(crate) path: PathBuf,
}

impl Check<World> for FileNow {
    type Output = Current;
    const NAME: &'static str = "file-now";

    fn look(&self, world: &World) -> Result<Current, Fault> {
        Current::of(world, &self.path)
    }
}

/// The mark of a folder that an attempt is making: by it, its undo knows the folder from one that others made.
pub(crate) fn mark(folder: &Path, attempt: AttemptId) -> PathBuf {
    folder.join(format!(".aegir-{attempt}"))
}

/// Makes the folder of a new site, with all that must be there before Drupal is installed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeSiteFolder {
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
}

impl Action<World> for MakeSiteFolder {
    type Output = ();
    const NAME: &'static str = "make-site-folder";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let folder = self.root.site_dir(&self.site);
        make_site_folder(world, &folder, self.attempt)?;
        world.say(format!("Made the folder `{}`", folder.display()));
        Ok(())
    }
}

impl Undo<World> for MakeSiteFolder {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        remove_site_folder(world, &self.root, &self.site, &self.root.site_dir(&self.site), self.attempt)
    }
}

/// Makes `folder` with all that a site's must have, and the mark of `attempt`.
pub(crate) fn make_site_folder(world: &World, folder: &Path, attempt: AttemptId) -> Result<(), Fault> {
    let files = world.files();
    if files.kind(folder)?.is_some() && files.kind(&mark(folder, attempt))?.is_none() && !files.list(folder)?.is_empty()
    {
        return Err(super::facts::SiteFault::InTheWay { path: folder.to_owned() }.into());
    }
    files.make_dir(folder, 0o750)?;
    files.write(&mark(folder, attempt), b"", 0o600)?;
    for (path, mode, group) in FOLDERS {
        make_folder(world, &folder.join(path), mode, Some(group.id(world)))?;
    }
    for (path, readable) in htaccess::GUARDED {
        let guard = folder.join(path).join(".htaccess");
        put(world, &guard, htaccess::text(readable).as_bytes(), htaccess::MODE, Some(world.parts.web_gid))?;
    }
    let local = folder.join("local.settings.php");
    if files.kind(&local)?.is_none() {
        put(world, &local, LOCAL_SETTINGS.as_bytes(), LOCAL_SETTINGS_MODE, Some(world.parts.web_gid))?;
    }
    Ok(())
}

/// Removes what [`make_site_folder`] made for `site`, with all that came into it; a folder without the mark is left, unless
/// nothing else is in it than the beginning of one.
pub(crate) fn remove_site_folder(
    world: &World,
    root: &PlatformRoot,
    site: &SiteName,
    folder: &Path,
    attempt: AttemptId,
) -> Result<(), Fault> {
    let files = world.files();
    if files.kind(folder)?.is_none() {
        return Ok(());
    }
    if files.kind(&mark(folder, attempt))?.is_none() {
        // Whoever died while the mark was written left the file that was to bear its name.
        files.remove_file(&mark(folder, attempt))?;
    }
    if files.kind(&mark(folder, attempt))?.is_some() || files.list(folder)?.is_empty() {
        // A request that is still being answered may write into it meanwhile.
        for _ in 0..20 {
            match empty(world, folder, attempt) {
                Err(fault) if fault.trouble() == Trouble::NoPermission => {
                    // The web server's user made folders that we may not empty; the top one is ours.
                    let trash = aegir_domain::Home::trash_beside(&root.path().join("sites"));
                    files.make_dir(&trash, 0o700)?;
                    files.rename(folder, &trash.join(world.trash_name(site.as_str())))?;
                    return Ok(());
                }
                Err(_) => world.parts.clock.sleep(std::time::Duration::from_millis(250)),
                Ok(()) => return Ok(()),
            }
        }
        empty(world, folder, attempt)?;
    }
    Ok(())
}

/// Removes the folder. The mark goes last of what lies in it, so that a half-removed one is still known as ours.
fn empty(world: &World, folder: &Path, attempt: AttemptId) -> Result<(), FileFault> {
    let files = world.files();
    for name in files.list(folder)? {
        if folder.join(&name) != mark(folder, attempt) {
            files.set_mode(folder, 0o750)?;
            files.remove_tree(&folder.join(name))?;
        }
    }
    files.remove_tree(folder)?;
    Ok(())
}

/// Takes the mark out of a folder that was made for good.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DropFolderMark {
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
}

impl Action<World> for DropFolderMark {
    type Output = ();
    const NAME: &'static str = "drop-folder-mark";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&mark(&self.root.site_dir(&self.site), self.attempt))?;
        Ok(())
    }
}

impl Cleanup<World> for DropFolderMark {}

/// Brings the modes of a new site's folder back to what they should be, after Drupal hardened them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SettleModes {
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
}

impl Action<World> for SettleModes {
    type Output = ();
    const NAME: &'static str = "settle-modes";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let folder = self.root.site_dir(&self.site);
        for (path, mode, group) in FOLDERS {
            make_folder(world, &folder.join(path), mode, Some(group.id(world)))?;
        }
        for (name, mode) in [("settings.php", SETTINGS_MODE), ("local.settings.php", LOCAL_SETTINGS_MODE)] {
            let path = folder.join(name);
            if world.files().kind(&path)?.is_some() {
                world.files().set_group(&path, world.parts.web_gid)?;
                world.files().set_mode(&path, mode)?;
            }
        }
        Ok(())
    }
}

impl Undo<World> for SettleModes {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // The folder goes with the step that made it.
        Ok(())
    }
}

/// Writes a new site's credentials, from the secrets of the task: for the command line, and for the vhost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WriteCredentials {
    pub(crate) site: SiteName,
    pub(crate) server: ServerName,
    pub(crate) name: DbName,
}

impl Action<World> for WriteCredentials {
    type Output = ();
    const NAME: &'static str = "write-credentials";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let server = DbServer::of(world, &self.server)?;
        let credentials =
            server.credentials(&self.name, &world.task_secret("database")?, &world.task_secret("hash-salt")?);
        let path = world.home().credentials_of(&ContextName::Site(self.site.clone()));
        world.files().write(&path, credentials.expose().to_string().as_bytes(), 0o400)?;
        Ok(())
    }
}

impl Undo<World> for WriteCredentials {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let name = ContextName::Site(self.site.clone());
        world.files().remove_file(&world.home().credentials_of(&name))?;
        Ok(())
    }
}
