//! Where a backup is made, and how it comes to its place.

use std::path::PathBuf;

use aegir_domain::Fault;
use aegir_recipe::{Action, Cleanup, Undo};
use serde::{Deserialize, Serialize};

use crate::World;

/// The folder beside the backups that belongs to this task: on the same file system as they are.
pub(crate) fn work(world: &World) -> PathBuf {
    world.home().backups().join(format!(".{}", world.task.attempt))
}

/// Makes the folder in which this task works.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeWorkFolder {
    pub(crate) path: PathBuf,
}

impl Action<World> for MakeWorkFolder {
    type Output = ();
    const NAME: &'static str = "make-work-folder";
    const LASTS: bool = false;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        world.files().make_dir(&self.path, 0o700)?;
        Ok(())
    }
}

impl Undo<World> for MakeWorkFolder {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_tree(&self.path)?;
        Ok(())
    }
}

/// Removes it, with all that is still in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RemoveWork {
    pub(crate) path: PathBuf,
}

impl Action<World> for RemoveWork {
    type Output = ();
    const NAME: &'static str = "remove-work-folder";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_tree(&self.path)?;
        Ok(())
    }
}

impl Cleanup<World> for RemoveWork {}

/// Gives a finished archive its place, or takes a backup from it to the task's own folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeepBackup {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    /// The number of the file, by which it is known from another one of that name.
    pub(crate) inode: u64,
}

impl Action<World> for KeepBackup {
    type Output = ();
    const NAME: &'static str = "keep-backup";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        world.files().rename(&self.from, &self.to)?;
        Ok(())
    }
}

impl Undo<World> for KeepBackup {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let files = world.files();
        let is_ours = files.stat(&self.to)?.is_some_and(|stat| stat.inode == self.inode);
        // The folder that it came from may be gone by now: an undo may run twice, and so may those before it.
        let has_way_back = self.from.parent().is_some_and(|folder| matches!(files.kind(folder), Ok(Some(_))));
        if is_ours && has_way_back && files.kind(&self.from)?.is_none() {
            files.rename(&self.to, &self.from)?;
        }
        Ok(())
    }
}
