//! From an archive to a folder and a database: the side of backups that a restore needs too.

use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{BackupName, DbName, Fault, Marker, ServerName};
use aegir_host::Unpacking;
use aegir_recipe::{Action, Cleanup, Undo};
use serde::{Deserialize, Serialize};

use super::archive::{Archive, BackupFault};
use crate::World;
use crate::service::DbServer;

/// How long a site may take that has hundreds of gigabytes.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

/// What the web server's workers own in a site's folder, and must be able to write.
const SHARED: [&str; 2] = ["files", "private"];

/// What archives have at their top, or had in classic Aegir, that is nothing of a site's folder.
const NOT_OF_SITES: [&str; 4] = ["settings.php", "drushrc.php", "database.sql", "database.sqlite"];

/// Unpacks the folder of a site into one that an earlier step made, and whose undo removes it with all that is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UnpackSite {
    pub(crate) backup: BackupName,
    pub(crate) into: PathBuf,
}

impl Action<World> for UnpackSite {
    type Output = ();
    const NAME: &'static str = "unpack-site";
    const LIMIT: Duration = LIMIT;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let archive = Archive::find(world, &self.backup)?;
        let how = Unpacking {
            below: archive.site_folder(),
            into: &self.into,
            bounds: archive.bounds(world.files(), &self.into)?,
            shared: (&SHARED, world.parts.web_gid),
        };
        let is_site = |path: &std::path::Path| !NOT_OF_SITES.iter().any(|name| path == std::path::Path::new(name));
        let unpacked = world.files().unpack_tree(&archive.path, &how, &mut |path| is_site(path))?;
        for link in aegir_host::told_names(&unpacked.left_out) {
            world.warn(format!("The link `{link}` leads out of the site's folder, and was not made"));
        }
        world.say(format!("Unpacked {} files and folders", unpacked.entries));
        Ok(())
    }
}

impl Undo<World> for UnpackSite {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // The folder goes with the step that made it.
        Ok(())
    }
}

/// Unpacks the dump into a file of the task's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UnpackDump {
    pub(crate) backup: BackupName,
    pub(crate) to: PathBuf,
}

impl Action<World> for UnpackDump {
    type Output = ();
    const NAME: &'static str = "unpack-dump";
    const LASTS: bool = false;
    const LIMIT: Duration = LIMIT;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let archive = Archive::find(world, &self.backup)?;
        let folder = self.to.parent().unwrap_or(&self.to);
        let bounds = archive.bounds(world.files(), folder)?;
        if !world.files().unpack_file(&archive.path, archive.dump(), &self.to, bounds)? {
            return Err(BackupFault::NoDump { name: archive.name.clone(), dump: archive.dump().into() }.into());
        }
        let Some(manifest) = &archive.manifest else { return Ok(()) };
        let (bytes, sha256) = world.files().sum_of(&self.to)?;
        match bytes == manifest.dump.bytes && sha256 == manifest.dump.sha256 {
            true => Ok(()),
            false => Err(BackupFault::OtherDump { name: archive.name }.into()),
        }
    }
}

impl Undo<World> for UnpackDump {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&self.to)?;
        Ok(())
    }
}

/// Loads a dump into a database that an earlier step created, as its own user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoadDump {
    pub(crate) server: ServerName,
    pub(crate) name: DbName,
    pub(crate) marker: Marker,
    pub(crate) from: PathBuf,
}

impl Action<World> for LoadDump {
    type Output = ();
    const NAME: &'static str = "load-dump";
    const LIMIT: Duration = LIMIT;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let password = world.task_secret("database")?;
        DbServer::of(world, &self.server)?.load(&self.name, &self.marker, Some(&password), &self.from)?;
        world.say(format!("Loaded the dump into the database `{}`", self.name));
        Ok(())
    }
}

impl Undo<World> for LoadDump {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // What it loaded goes with the database.
        Ok(())
    }
}

/// Removes what a step of this task set aside, under a name that belongs to the task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RemoveAside {
    pub(crate) path: PathBuf,
}

impl Action<World> for RemoveAside {
    type Output = ();
    const NAME: &'static str = "remove-aside";
    const LIMIT: Duration = Duration::from_secs(600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_tree(&self.path)?;
        Ok(())
    }
}

impl Cleanup<World> for RemoveAside {}
