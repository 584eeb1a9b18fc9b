//! The steps that put code together and put it in its place.

use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{ComposerConstraint, ComposerPackage, Fault};
use aegir_host::{CopyModes, Wanted};
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use super::build::wanted;
use crate::World;
use crate::service::composer::Composer;

/// How many entries are copied between two words about it.
const WORD_EVERY: u64 = 2000;
const LONGEST: Duration = Duration::from_secs(3600);

/// Copies the code of a tree, and nothing of its sites.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CopyCode {
    pub(crate) from: PathBuf,
    /// The document root in it; empty if it is that itself.
    pub(crate) docroot: PathBuf,
    pub(crate) to: PathBuf,
}

impl Action<World> for CopyCode {
    type Output = ();
    const NAME: &'static str = "copy-code";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        // Only read, and by us who may read it; what is written lies in the home.
        let files = world.files().clone().add_base(self.from.clone());
        let mut copied = 0;
        let modes = CopyModes::OfCode;
        files.copy_what_is_wanted(&self.from, &self.to, modes, &mut |path, is_folder| {
            let wanted = wanted(&self.docroot, path, is_folder);
            if wanted == Wanted::Yes {
                copied += 1;
                if copied % WORD_EVERY == 0 {
                    if world.task.is_cancelled(world.files()) {
                        return Wanted::Stop;
                    }
                    world.progress(copied, "copying code");
                }
            }
            wanted
        })?;
        world.say(format!("Copied `{}`: {copied} files and folders", self.from.display()));
        Ok(())
    }
}

impl Undo<World> for CopyCode {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        remove(world, &self.to)
    }
}

/// Has Composer make a project.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeProject {
    pub(crate) composer: Composer,
    pub(crate) package: ComposerPackage,
    pub(crate) constraint: ComposerConstraint,
    pub(crate) to: PathBuf,
}

impl Action<World> for MakeProject {
    type Output = ();
    const NAME: &'static str = "make-project";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        // Composer wants an empty folder; a first run may have left half of one.
        remove(world, &self.to)?;
        self.composer.create_project(world, &self.package, &self.constraint, &self.to)?;
        // A program of a task keeps others out of what it makes, and the web server's workers are others.
        world.files().set_modes_of_code(&self.to)?;
        Ok(())
    }
}

impl Undo<World> for MakeProject {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        remove(world, &self.to)
    }
}

/// Unpacks the demo code base.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UnpackDemo {
    pub(crate) to: PathBuf,
}

impl Action<World> for UnpackDemo {
    type Output = ();
    const NAME: &'static str = "unpack-demo";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        for file in aegir_drupal::demo::files() {
            let path = self.to.join(&file.path);
            if let Some(folder) = path.parent() {
                world.files().make_dirs(folder, 0o755)?;
            }
            world.files().write(&path, &file.bytes, 0o644)?;
        }
        world.files().set_modes_of_code(&self.to)?;
        world.warn("This is the demo code base, not Drupal: enough to try Ægir with");
        Ok(())
    }
}

impl Undo<World> for UnpackDemo {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        remove(world, &self.to)
    }
}

fn remove(world: &World, path: &std::path::Path) -> Result<(), Fault> {
    world.files().remove_tree(path)?;
    Ok(())
}

/// Puts what was put together in its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlaceCode {
    /// A name that belongs to the task.
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
}

impl Action<World> for PlaceCode {
    type Output = ();
    const NAME: &'static str = "place-code";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        // A second run finds it there already; what else may lie there is never replaced.
        world.files().rename(&self.from, &self.to)?;
        Ok(())
    }
}

impl Undo<World> for PlaceCode {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // While `from` is there, `to` is none of ours.
        if world.files().kind(&self.from)?.is_none() && world.files().kind(&self.to)?.is_some() {
            world.files().rename(&self.to, &self.from)?;
        }
        Ok(())
    }
}
