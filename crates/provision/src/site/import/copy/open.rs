//! The copy of a site that shows its maintenance page: that is the site's own affair, and the copy shows its pages.

use aegir_domain::{Database, Fault, ServerName};
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::DbServer;

/// Ends the maintenance mode of Drupal in a database that this task made and nobody uses yet; its user has the secret `database`
/// for its password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OpenCopy {
    pub(crate) server: ServerName,
    /// The copy.
    pub(crate) database: Database,
}

impl Action<World> for OpenCopy {
    type Output = ();
    const NAME: &'static str = "open-copy";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let password = world.task_secret("database")?;
        DbServer::of(world, &self.server)?.end_maintenance(&self.database, &password)?;
        world.say("The original is in maintenance mode; the copy is not");
        Ok(())
    }
}

impl Undo<World> for OpenCopy {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // It wrote into the copy that an earlier step made, and nowhere else.
        Ok(())
    }
}
