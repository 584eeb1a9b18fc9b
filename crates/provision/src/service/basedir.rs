//! What the PHP of a site may open: when a visitor asks, when Ægir asks, and on the command line.
//!
//! A site's code is not ours, and all sites' PHP is one user: these folders keep a site from the others.
//! Where one user runs all, a site may be asked on the command line. There they include the whole root, since
//! Drupal changes into it, and PHP cannot allow a folder without all that is below.

use std::path::{Path, PathBuf};

use aegir_domain::{DbService, Fault, PlatformContext, SiteContext, SiteFolder};
use aegir_drivers::http::{EntryKind, SharedPaths, shared_paths, site_paths};
use aegir_host::{Files, Kind};

use crate::World;

/// What the PHP of all sites of `platform` may open.
pub(crate) fn of_platform(world: &World, platform: &PlatformContext) -> Result<SharedPaths, Fault> {
    let files = world.files();
    let root = platform.root.path();
    // In a project of Composer the code that the root includes lies beside it.
    let project = match root.parent() {
        Some(above) if is_project(files, above) => entries(files, above)?,
        _ => Vec::new(),
    };
    Ok(shared_paths(&platform.root, &entries(files, root)?, &project))
}

/// What the PHP of `site` may open besides what all sites of its platform may.
pub(crate) fn of_site(world: &World, site: &SiteContext, platform: &PlatformContext) -> Result<Vec<PathBuf>, Fault> {
    let mut more = outside(world, site)?;
    if site.awaits_installer {
        // The installer of Drupal 8 changes into the root itself.
        more.push(platform.root.path().to_owned());
    }
    Ok(site_paths(&platform.root, &site.name, &more))
}

/// What it may open while Ægir asks about it, besides what the caller adds: no more than for visitors.
pub(crate) fn of_question(
    world: &World,
    site: &SiteContext,
    platform: &PlatformContext,
) -> Result<Vec<PathBuf>, Fault> {
    let SharedPaths { busiest, rest } = of_platform(world, platform)?;
    let own = site_paths(&platform.root, &site.name, &outside(world, site)?);
    Ok([busiest, own, rest].concat())
}

/// What the PHP of a site that is not ours may open while its settings are read, besides what the caller adds.
pub(crate) fn of_stranger(world: &World, site: &SiteFolder, platform: &PlatformContext) -> Result<Vec<PathBuf>, Fault> {
    let SharedPaths { busiest, rest } = of_platform(world, platform)?;
    Ok([busiest, vec![platform.root.folder(site).join("")], rest].concat())
}

/// What it may open on the command line, besides what the caller adds.
pub(crate) fn may_open_on_command_line(
    world: &World,
    site: &SiteContext,
    platform: &PlatformContext,
) -> Result<Vec<PathBuf>, Fault> {
    let root = platform.root.path();
    let code = root.parent().filter(|above| is_project(world.files(), above)).unwrap_or(root);
    let mut paths = vec![code.to_owned()];
    paths.extend(outside(world, site)?);
    Ok(paths)
}

/// What lies outside the platform.
fn outside(world: &World, site: &SiteContext) -> Result<Vec<PathBuf>, Fault> {
    let mut paths = vec![world.home().config().join("includes")];
    let server = world.contexts().server(&site.db_server)?;
    if matches!(server.db, Some(DbService::Sqlite {})) {
        paths.push(world.home().databases().join(site.database.name.as_str()));
    }
    Ok(paths)
}

/// What lies in a folder, less what is hidden.
fn entries(files: &Files, folder: &Path) -> Result<Vec<(String, EntryKind)>, Fault> {
    let mut entries = Vec::new();
    for name in files.list(folder)?.into_iter().filter(|name| !name.starts_with('.')) {
        let kind = match files.kind(&folder.join(&name))? {
            Some(Kind::Dir) => EntryKind::Folder,
            _ => EntryKind::File,
        };
        entries.push((name, kind));
    }
    Ok(entries)
}

fn is_project(files: &Files, folder: &Path) -> bool {
    let has = |name| matches!(files.kind(&folder.join(name)), Ok(Some(_)));
    has("composer.json") && has("vendor")
}
