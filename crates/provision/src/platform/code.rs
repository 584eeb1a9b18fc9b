//! The steps that put code together and put it in its place.

use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{CommitId, ComposerConstraint, ComposerPackage, Fault, Sha256Sum};
use aegir_host::{CopyModes, Wanted};
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use super::build::wanted;
use crate::World;
use crate::service::composer::Composer;
use crate::service::fetch::FetchedArchive;
use crate::service::git::GitCheckout;

/// How many entries are copied between two words about it.
const WORD_EVERY: u64 = 2000;
/// The time of what is fetched and built is `build_limit`; this only ends what that does not.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 3600);

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

/// Fetches an archive and unpacks it. Any folder of the task's own will do, be it for a whole platform or a part of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FetchArchive {
    pub(crate) archive: FetchedArchive,
    /// A folder for the meantime, beside `to` and the task's own.
    pub(crate) scratch: PathBuf,
    pub(crate) to: PathBuf,
}

impl Action<World> for FetchArchive {
    type Output = Sha256Sum;
    const NAME: &'static str = "fetch-archive";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<Sha256Sum, Fault> {
        remove(world, &self.to)?;
        self.archive.unpack(world, &self.scratch, &self.to)
    }
}

impl Undo<World> for FetchArchive {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        remove(world, &self.scratch)?;
        remove(world, &self.to)
    }
}

/// Checks out a commit of a git repository. Any folder of the task's own will do, as for an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CheckOut {
    pub(crate) checkout: GitCheckout,
    /// The commit, if an earlier line learned it.
    pub(crate) commit: Option<CommitId>,
    pub(crate) to: PathBuf,
}

impl Action<World> for CheckOut {
    type Output = CommitId;
    const NAME: &'static str = "check-out";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<CommitId, Fault> {
        remove(world, &self.to)?;
        self.checkout.check_out(world, self.commit.as_ref(), &self.to)
    }
}

impl Undo<World> for CheckOut {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        remove(world, &self.to)
    }
}

/// Has Composer install what the lock file of a project names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstallPackages {
    pub(crate) composer: Composer,
    /// The project, which is the task's own.
    pub(crate) project: PathBuf,
}

impl Action<World> for InstallPackages {
    type Output = ();
    const NAME: &'static str = "install-packages";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.composer.install(world, &self.project)?;
        world.files().set_modes_of_code(&self.project)?;
        Ok(())
    }
}

impl Undo<World> for InstallPackages {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // What it puts where is for the project to say; the whole of it belongs to the task, and goes.
        remove(world, &self.project)
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
