//! A self that is made of a backup: where it can be, and all of it that can be made beside a site that lives.

use std::path::PathBuf;

use aegir_domain::{
    BackupName, Database, DbName, Fault, GrantHost, MachineName, Marker, PlatformContext, PlatformName, ServerName,
    SiteContext, SiteName, TimeZoneName,
};
use aegir_recipe::{Check, Run};

use super::fits::BackupFits;
use crate::World;
use crate::backup::{BackupFault, LoadDump, MakeWorkFolder, Sound, UnpackDump, UnpackSite, work};
use crate::service::DbServer;
use crate::site::deploy::coming::{self, MakeComing};
use crate::site::deploy::former::make_shelf;
use crate::site::deploy::own::TakeSalt;
use crate::site::facts::{DatabaseReady, PhpReady, PlatformReady, PlatformServed, Room, Served};
use crate::site::layout;
use crate::step::database::{CreateDatabase, CreateDatabaseUser};
use crate::step::secret::MakeSecret;

/// What a site takes besides its files and its database, in bytes.
const ROOM: u64 = 50 << 20;

/// Where a self is to be.
pub(super) struct Wanted {
    pub(super) platform: PlatformName,
    pub(super) db_server: ServerName,
    /// What the site was installed from, where that is known.
    pub(super) profile: Option<MachineName>,
    pub(super) time_zone: TimeZoneName,
    pub(super) served: Served,
}

/// A place that takes it.
pub(super) struct Target {
    pub(super) platform: PlatformContext,
    pub(super) db_server: ServerName,
    pub(super) hosts: Vec<GrantHost>,
    pub(super) core: String,
    /// The profile that it was installed from, or else the platform's own.
    pub(super) profile: MachineName,
}

/// Looks at all that must hold of the place.
pub(super) fn target(run: &mut Run<'_, World>, sound: &Sound, wanted: Wanted) -> Result<Target, Fault> {
    let (archive, db_server) = (&sound.archive, wanted.db_server);
    let ready = run.check(PlatformReady { platform: wanted.platform, profile: wanted.profile })?;
    if let Some(manifest) = &archive.manifest {
        run.check(BackupFits {
            backup: archive.name.clone(),
            manifest: Box::new(manifest.clone()),
            platform: ready.platform.name.clone(),
            db_server: db_server.clone(),
        })?;
    }
    run.check(PlatformServed { platform: ready.platform.clone(), site: wanted.served })?;
    run.check(PhpReady { platform: ready.platform.clone(), time_zone: wanted.time_zone, engine: None })?;
    run.check(EngineFits {
        backup: archive.name.clone(),
        engine: archive.engine().to_owned(),
        server: db_server.clone(),
    })?;
    let hosts =
        run.check(DatabaseReady { server: db_server.clone(), php: ready.platform.clone(), core: ready.major })?;
    // The dump lies beside the database for a while.
    let bytes = sound.contents.bytes * 2 + ROOM;
    run.check(Room { at: ready.platform.root.path().join("sites"), bytes })?;
    Ok(Target { platform: ready.platform, db_server, hosts, core: ready.core, profile: ready.profile })
}

impl Target {
    /// A database for a self of `site`, under a name that nothing bears yet.
    pub(super) fn database(&self, world: &World, site: &SiteName) -> Database {
        Database {
            name: DbName::for_site(site, world.parts.mint.random()),
            marker: Marker::new(site, world.task.attempt),
            hosts: self.hosts.clone(),
        }
    }
}

/// A self that lies beside its place.
pub(super) struct Made {
    /// Its folder.
    pub(super) coming: PathBuf,
    /// The folder of the task's own.
    pub(super) work: PathBuf,
}

/// Makes `new` of the archive: a database of its own with its user, and a folder on the shelf of its platform.
pub(super) fn make(
    run: &mut Run<'_, World>,
    sound: &Sound,
    new: &SiteContext,
    to: &PlatformContext,
    keeps_salt: bool,
) -> Result<Made, Fault> {
    let Database { name, marker, hosts } = new.database.clone();
    let (server, attempt, backup) = (new.db_server.clone(), run.world().task.attempt, &sound.archive.name);
    let (work, coming) = (work(run.world()), coming::path(&to.root, attempt));

    run.step(MakeSecret { name: "database".into() })?;
    match keeps_salt {
        true => run.step(TakeSalt { site: new.name.clone() })?,
        false => run.step(MakeSecret { name: "hash-salt".into() })?,
    }
    run.step(MakeWorkFolder { path: work.clone() })?;
    run.step(CreateDatabase { server: server.clone(), name: name.clone(), marker: marker.clone() })?;
    run.step(CreateDatabaseUser { server: server.clone(), name: name.clone(), hosts })?;
    make_shelf(run, &to.root)?;
    run.step(MakeComing { root: to.root.clone(), site: new.name.clone(), attempt })?;
    run.step(UnpackSite { backup: backup.clone(), into: coming.clone() })?;
    layout::write_settings_in(run, new, to, &coming)?;
    let dump = work.join(sound.archive.dump());
    run.step(UnpackDump { backup: backup.clone(), to: dump.clone() })?;
    run.step(LoadDump { server, name, marker, from: dump })?;
    Ok(Made { coming, work })
}

/// The database of a backup is for what a server offers.
struct EngineFits {
    backup: BackupName,
    engine: String,
    server: ServerName,
}

impl Check<World> for EngineFits {
    type Output = ();
    const NAME: &'static str = "engine-fits";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let offers = DbServer::of(world, &self.server)?.engine();
        match offers == self.engine {
            true => Ok(()),
            false => Err(BackupFault::OtherEngine {
                name: self.backup.clone(),
                engine: self.engine.clone(),
                server: self.server.clone(),
                offers,
            }
            .into()),
        }
    }
}
