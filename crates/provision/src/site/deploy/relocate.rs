//! A copy of a site in another folder: what its database says of the folder that it was copied from is put right.
//!
//! It is done on the copy, before any code of the site runs there, by statements alone: what the code makes again by
//! itself (routes, registries, caches) follows when its caches are rebuilt.

use std::time::Duration;

use aegir_domain::{Database, Fault, PlatformRoot, ServerName, SiteFolder, SiteName};
use aegir_drupal::moved::Moved;
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::DbServer;

/// Puts right what names the folder `from` lived in, in a database that this task made and nobody uses yet.
///
/// The database's user has the task's secret `database` for its password. What cannot be changed safely is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Relocate {
    pub(crate) server: ServerName,
    /// The copy.
    pub(crate) database: Database,
    pub(crate) from: SiteFolder,
    pub(crate) from_root: PlatformRoot,
    pub(crate) to: SiteName,
    pub(crate) to_root: PlatformRoot,
}

impl Action<World> for Relocate {
    type Output = ();
    const NAME: &'static str = "relocate";
    const LIMIT: Duration = Duration::from_secs(4 * 3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let moved = Moved {
            from: self.from.clone(),
            from_root: self.from_root.clone(),
            to: self.to.clone(),
            to_root: self.to_root.clone(),
        };
        let password = world.task_secret("database")?;
        let found = DbServer::of(world, &self.server)?.put_paths_right(&self.database, &password, &moved)?;
        match found.changed.is_empty() {
            true => world.say(format!("Nothing in the database names `{}`", moved.needle())),
            false => world.say(format!("Put `{}` right in {}", moved.needle(), counted(&found.changed))),
        }
        if !found.left.is_empty() {
            world.warn(format!(
                "`{}` stands still in {}: it lies in what only the site's own code can change",
                moved.needle(),
                counted(&found.left)
            ));
        }
        Ok(())
    }
}

impl Undo<World> for Relocate {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // It wrote into the copy that an earlier step made, and nowhere else.
        Ok(())
    }
}

/// `3 values of `system` and 1 of `variable``.
fn counted(tables: &[(String, usize)]) -> String {
    let all: usize = tables.iter().map(|(_, count)| count).sum();
    let named: Vec<String> = tables.iter().take(8).map(|(table, count)| format!("{count} of `{table}`")).collect();
    let more = if tables.len() > 8 { ", …" } else { "" };
    format!("{all} values: {}{more}", named.join(", "))
}
