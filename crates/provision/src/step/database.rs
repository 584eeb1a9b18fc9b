//! A site's database: created with its marker, dropped only by it.

use aegir_domain::{Database, DbName, Fault, GrantHost, Marker, ServerName};
use aegir_recipe::{Action, Cleanup, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::DbServer;

/// Creates an empty database that bears our marker. Its user comes later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CreateDatabase {
    pub(crate) server: ServerName,
    pub(crate) name: DbName,
    pub(crate) marker: Marker,
}

impl Action<World> for CreateDatabase {
    type Output = ();
    const NAME: &'static str = "create-database";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.create_database(&self.name, &self.marker)?;
        world.say(format!("Created the database `{}` on `{}`", self.name, self.server));
        Ok(())
    }
}

impl Undo<World> for CreateDatabase {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.drop_database(&self.name, &self.marker)
    }
}

/// Creates the user of a site's database, with the secret `database` of the task as its password
/// and the least grants that Drupal works with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CreateDatabaseUser {
    pub(crate) server: ServerName,
    pub(crate) name: DbName,
    pub(crate) hosts: Vec<GrantHost>,
}

impl Action<World> for CreateDatabaseUser {
    type Output = ();
    const NAME: &'static str = "create-database-user";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let password = world.task_secret("database")?;
        DbServer::of(world, &self.server)?.create_user(&self.name, &password, &self.hosts)
    }
}

impl Undo<World> for CreateDatabaseUser {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.drop_user(&self.name, &self.hosts)
    }
}

/// Proves that a database server does what sites need, with a database and a user that it drops again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProveDatabaseServer {
    pub(crate) server: ServerName,
    pub(crate) name: DbName,
    pub(crate) marker: Marker,
    pub(crate) hosts: Vec<GrantHost>,
}

impl Action<World> for ProveDatabaseServer {
    type Output = ();
    const NAME: &'static str = "prove-database-server";
    const LASTS: bool = false;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let server = DbServer::of(world, &self.server)?;
        server.create_database(&self.name, &self.marker)?;
        let password = world.parts.mint.password();
        server.create_user(&self.name, &password, &self.hosts)?;
        server.prove(&self.name, &password)?;
        drop(server);
        self.undo(world)
    }
}

impl Undo<World> for ProveDatabaseServer {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let server = DbServer::of(world, &self.server)?;
        server.drop_user(&self.name, &self.hosts)?;
        server.drop_database(&self.name, &self.marker)
    }
}

/// Has a site's database bear our marker no more: it is somebody else's from then on, and is not dropped by us.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UnmarkDatabase {
    pub(crate) server: ServerName,
    pub(crate) database: Database,
}

impl Action<World> for UnmarkDatabase {
    type Output = ();
    const NAME: &'static str = "unmark-database";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.unmark(&self.database.name, &self.database.marker)
    }
}

impl Undo<World> for UnmarkDatabase {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.mark_again(&self.database.name, &self.database.marker)
    }
}

/// Drops a site's user and, last of all, its database, if that bears the site's marker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DropDatabase {
    pub(crate) server: ServerName,
    pub(crate) database: Database,
}

impl Action<World> for DropDatabase {
    type Output = ();
    const NAME: &'static str = "drop-database";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let server = DbServer::of(world, &self.server)?;
        // The marker is asked first: a user of that name may belong to whatever took the place.
        if !server.bears(&self.database.name, &self.database.marker)? {
            return Ok(());
        }
        server.drop_user(&self.database.name, &self.database.hosts)?;
        server.drop_database(&self.database.name, &self.database.marker)?;
        world.say(format!("Dropped the database `{}` on `{}`", self.database.name, self.server));
        Ok(())
    }
}

impl Cleanup<World> for DropDatabase {}
