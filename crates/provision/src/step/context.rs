//! Contexts: saved and forgotten.

use aegir_domain::{Context, ContextName, Fault};
use aegir_recipe::{Action, Check, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::contexts::{ContextFault, text_of};

/// What is saved under a name now, as text, so that it can be put back.
pub(crate) struct SavedText {
    pub(crate) name: ContextName,
}

impl Check<World> for SavedText {
    type Output = Option<String>;
    const NAME: &'static str = "saved-context";

    fn look(&self, world: &World) -> Result<Option<String>, Fault> {
        Ok(world.contexts().text(&self.name)?)
    }
}

/// Saves a context with a revision one higher than what it replaces.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SaveContext {
    pub(crate) context: Context,
    /// The text of the file before.
    pub(crate) was: Option<String>,
}

impl Action<World> for SaveContext {
    type Output = ();
    const NAME: &'static str = "save-context";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let name = self.context.name();
        if let Some(saved) = world.contexts().find(&name)?
            && saved != self.context
            && saved.revision() >= self.context.revision()
        {
            let from = self.context.revision().saturating_sub(1);
            return Err(ContextFault::Stale { name, has: saved.revision(), from }.into());
        }
        world.files().write(&world.home().context(&name), text_of(&self.context).as_bytes(), 0o600)?;
        Ok(())
    }
}

impl Undo<World> for SaveContext {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        put_back(world, &self.context.name(), self.was.as_deref())
    }
}

/// Forgets a context.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ForgetContext {
    pub(crate) name: ContextName,
    /// The text of the file before.
    pub(crate) was: Option<String>,
}

impl Action<World> for ForgetContext {
    type Output = ();
    const NAME: &'static str = "forget-context";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&world.home().context(&self.name))?;
        Ok(())
    }
}

impl Undo<World> for ForgetContext {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        put_back(world, &self.name, self.was.as_deref())
    }
}

fn put_back(world: &World, name: &ContextName, was: Option<&str>) -> Result<(), Fault> {
    let path = world.home().context(name);
    match was {
        Some(text) => world.files().write(&path, text.as_bytes(), 0o600)?,
        None => world.files().remove_file(&path)?,
    };
    Ok(())
}
