//! The database of a new self: a copy of what the site has, on its server or on another one.

use std::time::Duration;

use aegir_domain::{Database, Fault, ServerName, SiteContext};
use aegir_recipe::{Action, Check, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::{DbServer, Held};

/// A site's database is its own, and can be copied; gives its size in bytes.
pub(crate) struct DatabaseToCopy {
    pub(crate) site: SiteContext,
    /// The server that is to hold the copy.
    pub(crate) to: ServerName,
}

impl Check<World> for DatabaseToCopy {
    type Output = u64;
    const NAME: &'static str = "database-to-copy";

    fn look(&self, world: &World) -> Result<u64, Fault> {
        let server = DbServer::of(world, &self.site.db_server)?;
        let Database { name, marker, .. } = &self.site.database;
        server.must_bear(name, marker)?;
        let to = DbServer::beside_another(world, &self.to)?;
        server.must_be_of_a_kind(&to)?;
        server.must_be_copyable(name, &to)?;
        server.size(name)
    }
}

/// Copies a database that is written to, as it is at one moment, into an empty one of the same server or of another one
/// of its kind: for what is tried on it, not to be kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CopyMoment {
    pub(crate) server: ServerName,
    pub(crate) from: Database,
    /// Whose `to` is.
    pub(crate) to_server: ServerName,
    pub(crate) to: Database,
}

impl Action<World> for CopyMoment {
    type Output = ();
    const NAME: &'static str = "copy-moment";
    const LIMIT: Duration = Duration::from_secs(4 * 3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let other = DbServer::beside_another(world, &self.to_server)?;
        DbServer::of(world, &self.server)?.copy_database(&self.from, Held::Not, &other, &self.to, &[])
    }
}

impl Undo<World> for CopyMoment {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // What it filled goes with the step that made it.
        Ok(())
    }
}

/// Makes the tables that a copy is to fill, empty, while the site goes on: [`CopyDatabase`] makes only those anew that
/// are of another shape by then. Gives the tables that wait for a file, which are for that one step to fill.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeTables {
    pub(crate) server: ServerName,
    pub(crate) from: Database,
    /// Whose `to` is.
    pub(crate) to_server: ServerName,
    pub(crate) to: Database,
}

impl Action<World> for MakeTables {
    type Output = Vec<String>;
    const NAME: &'static str = "make-tables";

    fn apply(&self, world: &World) -> Result<Vec<String>, Fault> {
        let other = DbServer::beside_another(world, &self.to_server)?;
        DbServer::of(world, &self.server)?.make_tables(&self.from, &other, &self.to)
    }
}

impl Undo<World> for MakeTables {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // They go with the step that made the database, once nothing makes any more of them.
        DbServer::of(world, &self.server)?.end_copying()
    }
}

/// Copies a database that nobody writes to into an empty one, of the same server or of another one of its kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CopyDatabase {
    pub(crate) server: ServerName,
    pub(crate) from: Database,
    /// Whose `to` is.
    pub(crate) to_server: ServerName,
    pub(crate) to: Database,
    /// What [`MakeTables`] gave.
    #[serde(default)]
    pub(crate) waiting: Vec<String>,
}

impl Action<World> for CopyDatabase {
    type Output = ();
    const NAME: &'static str = "copy-database";
    const LIMIT: Duration = Duration::from_secs(4 * 3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let began = world.parts.clock.now();
        let other = DbServer::beside_another(world, &self.to_server)?;
        DbServer::of(world, &self.server)?.copy_database(&self.from, Held::Still, &other, &self.to, &self.waiting)?;
        let took = world.parts.clock.now().saturating_sub(began);
        world.say(format!(
            "Copied the database `{}` to `{}` in {:.1} s",
            self.from.name,
            self.to.name,
            took.as_secs_f64()
        ));
        Ok(())
    }
}

impl Undo<World> for CopyDatabase {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // What it filled goes with the step that made it, once nothing fills it any more.
        DbServer::of(world, &self.server)?.end_copying()
    }
}
