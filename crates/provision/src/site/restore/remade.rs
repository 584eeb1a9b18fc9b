//! A self that is made of a backup: where it can be, and all of it that can be made beside a site that lives.

use std::path::PathBuf;

use aegir_domain::{
    BackupName, Database, DbName, Fault, Fit, GrantHost, MachineName, Marker, PlatformContext, PlatformName,
    ServerName, SiteContext, SiteName, TimeZoneName,
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
pub(in crate::site) struct Wanted {
    pub(in crate::site) platform: PlatformName,
    pub(in crate::site) db_server: ServerName,
    /// What the site was installed from, where that is known.
    pub(in crate::site) profile: Option<MachineName>,
    pub(in crate::site) time_zone: TimeZoneName,
    pub(in crate::site) served: Served,
}

/// A place that takes it.
pub(in crate::site) struct Target {
    pub(in crate::site) platform: PlatformContext,
    pub(in crate::site) db_server: ServerName,
    pub(in crate::site) hosts: Vec<GrantHost>,
    pub(in crate::site) core: String,
    /// The profile that it was installed from, or else the platform's own.
    pub(in crate::site) profile: MachineName,
    /// How what is packed fits it, where the archive says what that is.
    pub(in crate::site) fit: Option<Fit>,
    /// What it takes there, in bytes.
    pub(in crate::site) bytes: u64,
}

/// Looks at all that must hold of the place.
pub(in crate::site) fn target(run: &mut Run<'_, World>, sound: &Sound, wanted: Wanted) -> Result<Target, Fault> {
    let (archive, db_server) = (&sound.archive, wanted.db_server);
    let ready = run.check(PlatformReady { platform: wanted.platform, profile: wanted.profile })?;
    let fit = match &archive.manifest {
        Some(manifest) => Some(run.check(BackupFits {
            backup: archive.name.clone(),
            manifest: Box::new(manifest.clone()),
            platform: ready.platform.name.clone(),
            db_server: db_server.clone(),
        })?),
        None => None,
    };
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
    Ok(Target { platform: ready.platform, db_server, hosts, core: ready.core, profile: ready.profile, fit, bytes })
}

impl Target {
    /// A database for a self of `site`, under a name that nothing bears yet.
    pub(in crate::site) fn database(&self, world: &World, site: &SiteName) -> Database {
        Database {
            name: DbName::for_site(site, world.parts.mint.random()),
            marker: Marker::new(site, world.task.attempt),
            hosts: self.hosts.clone(),
        }
    }
}

/// A self that lies beside its place.
pub(in crate::site) struct Made {
    /// Its folder.
    pub(in crate::site) coming: PathBuf,
    /// The folder of the task's own.
    pub(in crate::site) work: PathBuf,
}

/// Makes `new` of the archive: a database of its own with its user, and a folder on the shelf of its platform. It has the
/// salt of the site `salt_of`, or else one of its own.
pub(in crate::site) fn make(
    run: &mut Run<'_, World>,
    sound: &Sound,
    new: &SiteContext,
    to: &PlatformContext,
    salt_of: Option<&SiteName>,
) -> Result<Made, Fault> {
    let Database { name, marker, hosts } = new.database.clone();
    let (server, attempt, backup) = (new.db_server.clone(), run.world().task.attempt, &sound.archive.name);
    let (work, coming) = (work(run.world()), coming::path(&to.root, attempt));

    run.step(MakeSecret { name: "database".into() })?;
    match salt_of {
        Some(site) => run.step(TakeSalt { site: site.clone() })?,
        None => run.step(MakeSecret { name: "hash-salt".into() })?,
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
