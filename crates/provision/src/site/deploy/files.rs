//! The files of a new self: a copy of what the site has, in the place where it will live.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{AttemptId, Fault, PlatformRoot, Remedy, SiteName};
use aegir_host::{CopyModes, Kind, Survey, Wanted, own_uid};
use aegir_recipe::{Action, Check, Undo};
use serde::{Deserialize, Serialize};

use super::coming::{self, MakeComing};
use crate::World;
use crate::site::facts::SiteFault;
use crate::site::layout::{MakeSiteFolder, mark};

/// Folders whose files the site's own PHP writes.
const WRITTEN: [&str; 2] = ["files", "private"];

/// Folders whose files are made again when they are missed: compiled templates, and what is temporary.
const MADE_AGAIN: [&str; 2] = ["files/php", "private/temp"];

/// Whether an entry of a site's folder goes along. Its settings are made for the place that it is in.
fn goes_along(path: &Path, _: bool) -> Wanted {
    let of_the_place = path.components().count() == 1
        && (path == Path::new("settings.php") || path.to_string_lossy().starts_with(".aegir-"));
    let is_inside = |folder: &&str| path.starts_with(folder) && path != Path::new(folder);
    let is_guard = path.file_name().is_some_and(|name| name == ".htaccess");
    let is_made_again = MADE_AGAIN.iter().any(is_inside) && !is_guard;
    if of_the_place || is_made_again { Wanted::No } else { Wanted::Yes }
}

/// A site's files can all be read and copied; gives what they take, in bytes.
pub(crate) struct FilesToCopy {
    pub(crate) folder: PathBuf,
}

impl Check<World> for FilesToCopy {
    type Output = u64;
    const NAME: &'static str = "files-to-copy";
    const LIMIT: Duration = Duration::from_secs(1800);

    fn look(&self, world: &World) -> Result<u64, Fault> {
        let Survey { bytes, unreadable, special, .. } = world.files().survey(&self.folder, &mut goes_along)?;
        match (unreadable.is_empty(), special.is_empty()) {
            (true, true) => Ok(bytes),
            (false, _) => Err(CopyFault::Unreadable { paths: unreadable }.into()),
            (_, false) => Err(CopyFault::Special { paths: special }.into()),
        }
    }
}

/// Nothing lies where a new self will live.
pub(crate) struct PlaceIsFree {
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
}

impl Check<World> for PlaceIsFree {
    type Output = ();
    const NAME: &'static str = "place-is-free";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let path = self.root.site_dir(&self.site);
        match world.files().kind(&path)? {
            None => Ok(()),
            Some(_) => Err(SiteFault::InTheWay { path }.into()),
        }
    }
}

/// Copies a site's files to where its new self will live, or to the shelf, if it lives there itself. The folder bears the mark of
/// the attempt until that ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CopyFiles {
    pub(crate) from: PathBuf,
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
    /// Whether it comes to its place later.
    #[serde(default)]
    pub(crate) coming: bool,
}

impl CopyFiles {
    fn folder(&self) -> PathBuf {
        match self.coming {
            true => coming::path(&self.root, self.attempt),
            false => self.root.site_dir(&self.site),
        }
    }
}

impl Action<World> for CopyFiles {
    type Output = ();
    const NAME: &'static str = "copy-files";
    const LIMIT: Duration = Duration::from_secs(4 * 3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let files = world.files();
        let folder = self.folder();
        if files.kind(&folder)?.is_some()
            && files.kind(&mark(&folder, self.attempt))?.is_none()
            && !files.list(&folder)?.is_empty()
        {
            return Err(SiteFault::InTheWay { path: folder }.into());
        }
        files.make_dir(&folder, 0o750)?;
        files.write(&mark(&folder, self.attempt), b"", 0o600)?;
        files.copy_what_is_wanted(&self.from, &folder, CopyModes::Same, &mut goes_along)?;
        give_the_group_what_the_owner_had(world, &self.from, &folder)?;
        world.say(format!("Copied the files to `{}`", folder.display()));
        Ok(())
    }
}

impl Undo<World> for CopyFiles {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let (root, site, attempt) = (self.root.clone(), self.site.clone(), self.attempt);
        match self.coming {
            true => MakeComing { root, site, attempt }.undo(world),
            false => MakeSiteFolder { root, site, attempt }.undo(world),
        }
    }
}

/// Brings a copy of a site's files up to date, once nobody writes to them any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TopUpFiles {
    pub(crate) from: PathBuf,
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    /// The attempt whose copy lies on the shelf; `None`: it lies where it will live.
    #[serde(default)]
    pub(crate) coming: Option<AttemptId>,
}

impl Action<World> for TopUpFiles {
    type Output = ();
    const NAME: &'static str = "top-up-files";
    const LIMIT: Duration = Duration::from_secs(4 * 3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let folder = match self.coming {
            Some(attempt) => coming::path(&self.root, attempt),
            None => self.root.site_dir(&self.site),
        };
        for written in WRITTEN {
            prune(world, &self.from, &folder, Path::new(written))?;
        }
        world.files().copy_what_is_wanted(&self.from, &folder, CopyModes::Same, &mut goes_along)?;
        give_the_group_what_the_owner_had(world, &self.from, &folder)
    }
}

impl Undo<World> for TopUpFiles {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // It wrote into what an earlier step made.
        Ok(())
    }
}

/// Removes from a copy what is gone since, or is of another kind, below `at`.
fn prune(world: &World, from: &Path, to: &Path, at: &Path) -> Result<(), Fault> {
    let files = world.files();
    if !matches!(files.kind(&to.join(at))?, Some(Kind::Dir)) {
        return Ok(());
    }
    for name in files.list(&to.join(at))? {
        let path = at.join(name);
        let (was, is) = (files.kind(&from.join(&path))?, files.kind(&to.join(&path))?);
        match (was, is) {
            (Some(Kind::Dir), Some(Kind::Dir)) => prune(world, from, to, &path)?,
            (Some(Kind::File), Some(Kind::File)) | (Some(Kind::Link(_)), Some(Kind::Link(_))) => (),
            _ => {
                files.remove_tree(&to.join(&path))?;
            }
        }
    }
    Ok(())
}

/// What the web server's workers owned is ours in a copy; they reach it as its group, so that gets what they had.
pub(crate) fn give_the_group_what_the_owner_had(world: &World, from: &Path, to: &Path) -> Result<(), Fault> {
    let files = world.files();
    let mut folders: Vec<PathBuf> = WRITTEN.iter().map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        if !matches!(files.kind(&to.join(&folder))?, Some(Kind::Dir)) {
            continue;
        }
        for name in files.list(&to.join(&folder))? {
            let path = folder.join(name);
            let (Some(was), Some(is)) = (files.stat(&from.join(&path))?, files.stat(&to.join(&path))?) else {
                continue;
            };
            let mode = is.mode | (was.mode & 0o700) >> 3;
            if matches!(is.kind, Kind::Dir | Kind::File) && was.uid != own_uid() && mode != is.mode {
                files.set_mode(&to.join(&path), mode)?;
            }
            if matches!(is.kind, Kind::Dir) {
                folders.push(path);
            }
        }
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyFault {
    #[error("of the site's files, {} cannot be read: {}", paths.len(), shown(paths))]
    Unreadable { paths: Vec<PathBuf> },
    #[error("among the site's files are pipes, sockets or devices, which cannot be copied: {}", shown(paths))]
    Special { paths: Vec<PathBuf> },
}

fn shown(paths: &[PathBuf]) -> String {
    let first: Vec<String> = paths.iter().take(5).map(|path| format!("`{}`", path.display())).collect();
    let more = if paths.len() > 5 { ", …" } else { "" };
    first.join(", ") + more
}

impl Remedy for CopyFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            CopyFault::Unreadable { .. } => {
                "the site's own PHP made them so: as root, give their group the right to read them (`chmod g+rX`), then \
                 retry"
                    .into()
            }
            CopyFault::Special { .. } => "move them away, then retry".into(),
        })
    }
}
