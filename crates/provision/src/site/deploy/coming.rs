//! The folder of a self that cannot be made where it will live, since the site still lives there.

use std::path::PathBuf;

use aegir_domain::{AttemptId, Fault, Former, PlatformRoot, SiteName};
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::site::layout::{make_site_folder, mark, remove_site_folder};

/// Where the folder of a self lies until it is put in service: on the shelf of its platform, which PHP does not enter.
pub(crate) fn path(root: &PlatformRoot, attempt: AttemptId) -> PathBuf {
    Former::shelf(root).join(format!(".coming-{attempt}"))
}

/// Makes that folder. It bears the mark of the attempt, also once it was moved to where the site lives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeComing {
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
}

impl Action<World> for MakeComing {
    type Output = ();
    const NAME: &'static str = "make-coming";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        make_site_folder(world, &path(&self.root, self.attempt), self.attempt)
    }
}

impl Undo<World> for MakeComing {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let folder = path(&self.root, self.attempt);
        if world.files().kind(&folder)?.is_some() {
            // It is known by its own name. Its mark may be gone with the undo of what moved it.
            world.files().write(&mark(&folder, self.attempt), b"", 0o600)?;
        }
        remove_site_folder(world, &self.root, &self.site, &folder, self.attempt)
    }
}
