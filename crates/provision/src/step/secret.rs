//! Secrets that a task makes for itself.

use aegir_domain::Fault;
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use crate::World;

/// Makes a random secret of 32 characters and keeps it with the task, for later lines to use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeSecret {
    pub(crate) name: String,
}

impl Action<World> for MakeSecret {
    type Output = ();
    const NAME: &'static str = "make-secret";
    const LASTS: bool = false;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let path = world.task.secret_path(&self.name);
        // One that is there already may have been used.
        if world.files().kind(&path)?.is_none() {
            world.files().write(&path, world.parts.mint.password().expose().as_bytes(), 0o600)?;
        }
        Ok(())
    }
}

impl Undo<World> for MakeSecret {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&world.task.secret_path(&self.name))?;
        Ok(())
    }
}
