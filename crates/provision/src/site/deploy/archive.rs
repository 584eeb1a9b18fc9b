//! Packs what a site was into a backup, and lets go of the rest of it: behind the point of no return, so that nobody
//! waits for it, of what nobody writes to any more.
//!
//! ```text
//!   dump, pack ─► backup in its place ─► the record names it ─► folder, credentials and database go
//! ```
//!
//! Each is on the disk before the next begins, and whoever finds it half done goes on from what the record says. As long
//! as that names no backup the former self is whole, and one can go back to it.

use std::time::Duration;

use aegir_domain::{
    BACKUP_FORMAT, BackupDump, BackupManifest, BackupName, BackupRecord, Context, ContextName, Fault, Former,
    FormerName, Instance, LeftBy, SiteContext, SiteName, TaskKind,
};
use aegir_host::SqlFault;
use aegir_recipe::{Action, Cleanup, Ground};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::backup::{
    Archive, BackupFault, Dump, DumpDatabase, archive_needs, irreplaceable, left_out, pack, size, wanted, work,
};
use crate::service::DbServer;
use crate::service::php::credentials_at;
use crate::step::context::SaveContext;
use crate::step::database::DropDatabase;

/// Packs a former self.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ArchiveFormer {
    /// What the site is called now.
    pub(crate) site: SiteName,
    pub(crate) former: FormerName,
    /// What the site was.
    pub(crate) was: Box<SiteContext>,
    /// What it had enabled.
    pub(crate) packages: Vec<Instance>,
    /// Why it was left.
    pub(crate) by: TaskKind,
}

impl Action<World> for ArchiveFormer {
    type Output = ();
    const NAME: &'static str = "archive-former";
    /// For hundreds of gigabytes.
    const LIMIT: Duration = Duration::from_secs(24 * 3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        // It came too late for whoever wished to cancel.
        world.go_on();
        let name = ContextName::Site(self.site.clone());
        let Some(Context::Site(site)) = world.contexts().find(&name)? else { return Ok(()) };
        // Somebody went back to it, or let go of it, since this was owed.
        let Some(former) = site.formers.iter().find(|former| former.name == self.former).cloned() else {
            return Ok(());
        };
        if former.archive.is_none() {
            let packed = self.pack(world, &former);
            let removed = world.files().remove_tree(&work(world));
            let Some(backup) = packed? else { return Ok(()) };
            removed?;
            record(world, *site, &former.name, backup)?;
        }
        let_go(world, &former)
    }
}

impl Cleanup<World> for ArchiveFormer {}

impl ArchiveFormer {
    /// Makes the backup; nothing, and it says why, if that would not be all of the former self.
    fn pack(&self, world: &World, former: &Former) -> Result<Option<BackupName>, Fault> {
        let files = world.files();
        let platform = world.contexts().platform(&former.platform)?;
        let name = match self.place(world, former)? {
            Place::Made(name) => {
                world.make_durable()?;
                return Ok(Some(name));
            }
            Place::Free(name) => name,
        };
        let (backups, folder, work) = (world.home().backups(), former.folder(&platform.root), work(world));
        let data = match data_of(world, former)? {
            Data::Odd(why) => return stays(world, former, &why),
            Data::Plain(data) => data,
        };
        let credentials = credentials_at(world, &world.home().credentials_of_former(&former.name))?;
        let left_out = left_out(world, Some(&credentials), &folder)?;
        if let Some(path) = irreplaceable(&left_out) {
            return stays(world, former, &format!("`{}` is in no backup, as it holds credentials", path.display()));
        }
        let survey = files.survey(&folder, &mut |path, _| wanted(&left_out, path))?;
        let (free, needs) = (files.free_space(&backups)?.bytes, archive_needs(survey.bytes, data.bytes));
        if free < needs {
            return Err(BackupFault::NoRoom { at: backups, free, needs }.into());
        }

        files.make_dir(&backups, 0o700)?;
        files.remove_tree(&work)?;
        files.make_dir(&work, 0o700)?;
        let dump = work.join(data.dump_name);
        let database = former.database.name.clone();
        let dumped =
            DumpDatabase { server: former.db_server.clone(), name: database, to: dump.clone() }.apply(world)?;
        let manifest = BackupManifest {
            files_bytes: survey.bytes,
            files_entries: survey.entries,
            left_out: left_out.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            ..self.manifest(world, former, &data, &dumped)
        };
        let aside = work.join("archive");
        let packed = pack(world, &folder, &manifest, &dump, &aside)?;
        if !packed.unreadable.is_empty() || !dumped.not_included.is_empty() {
            return stays(world, former, "a backup would not have all of it");
        }
        files.rename(&aside, &backups.join(name.as_str()))?;
        world.make_durable()?;
        world.say(format!(
            "What it was is the backup `{name}`: {} in the place of {}",
            size(packed.bytes),
            size(former.bytes)
        ));
        Ok(Some(name))
    }

    /// Where the backup lies, or is to: it is called what the site was then, and by the moment it was left.
    fn place(&self, world: &World, former: &Former) -> Result<Place, Fault> {
        let mut turn = 1;
        loop {
            let name = BackupName::of(&self.was.name, millis(former), turn);
            let path = world.home().backups().join(name.as_str());
            if world.files().kind(&path)?.is_none() {
                return Ok(Place::Free(name));
            }
            // What cannot be read is another one's.
            let found = Archive::open(world.files(), path, &name).ok().and_then(|archive| archive.manifest);
            if found.and_then(|manifest| manifest.left).is_some_and(|left| left.former == former.name) {
                return Ok(Place::Made(name));
            }
            turn += 1;
            if turn > 9999 {
                return Err(BackupFault::NoName { site: self.was.name.clone() }.into());
            }
        }
    }

    /// What the archive says of itself, as far as that is known before its files are looked at.
    fn manifest(&self, world: &World, former: &Former, data: &PlainData, dumped: &Dump) -> BackupManifest {
        let was = &self.was;
        BackupManifest {
            format: BACKUP_FORMAT,
            aegir: env!("CARGO_PKG_VERSION").into(),
            made: millis(former),
            site: was.name.clone(),
            title: was.title.clone(),
            language: was.language.clone(),
            platform: former.platform.clone(),
            core: former.core.clone(),
            profile: was.profile.clone(),
            record: Some(BackupRecord::of(was)),
            packages: self.packages.clone(),
            dump: BackupDump {
                file: data.dump_name.into(),
                engine: data.engine.into(),
                name: former.database.name.clone(),
                bytes: dumped.bytes,
                sha256: dumped.sha256.clone(),
                not_consistent: dumped.not_consistent.clone(),
                not_included: dumped.not_included.clone(),
            },
            files_bytes: 0,
            files_entries: 0,
            lacks: Vec::new(),
            left_out: Vec::new(),
            left: Some(LeftBy { task: self.by, attempt: world.task.attempt, former: former.name.clone() }),
            made_by: None,
            note: None,
        }
    }
}

/// The place of a backup.
enum Place {
    /// It is there, whole: an earlier try made it.
    Made(BackupName),
    /// Nothing is there.
    Free(BackupName),
}

/// When a former self was left, in milliseconds since 1970.
fn millis(former: &Former) -> u64 {
    u64::try_from(former.since).unwrap_or_default().saturating_mul(1000)
}

/// Its database, as far as that matters to what packs it.
enum Data {
    Plain(PlainData),
    /// It holds what a dump lacks.
    Odd(String),
}

struct PlainData {
    engine: &'static str,
    dump_name: &'static str,
    /// Its size.
    bytes: u64,
}

/// Looks at its database. The connection ends with that: an attempt has one at a time to a server.
fn data_of(world: &World, former: &Former) -> Result<Data, Fault> {
    let server = DbServer::of(world, &former.db_server)?;
    let name = &former.database.name;
    server.must_bear(name, &former.database.marker)?;
    // It is to be had back where it is.
    match server.must_be_copyable(name, &server) {
        // What the server did not say may be said when it is asked again.
        Err(fault) if fault.downcast_ref::<SqlFault>().is_some() => Err(fault),
        Err(fault) => Ok(Data::Odd(fault.report().message)),
        Ok(()) => {
            let (engine, dump_name, bytes) = (server.engine(), server.dump_name(), server.size(name)?);
            Ok(Data::Plain(PlainData { engine, dump_name, bytes }))
        }
    }
}

/// Says why a former self stays what it is.
fn stays<T>(world: &World, former: &Former, why: &str) -> Result<Option<T>, Fault> {
    world.warn(format!(
        "What it was stays as it is, as `{}`, and is not packed: {why}. `aegir provision go-back` returns to it",
        former.name
    ));
    Ok(None)
}

/// Has the record of a site say where its former self is.
fn record(world: &World, site: SiteContext, name: &FormerName, backup: BackupName) -> Result<(), Fault> {
    let mut recorded = SiteContext { revision: site.revision + 1, ..site };
    if let Some(former) = recorded.formers.iter_mut().find(|former| former.name == *name) {
        former.archive = Some(backup);
    }
    SaveContext { context: Context::Site(Box::new(recorded)), was: None }.apply(world)?;
    world.make_durable()
}

/// Removes what is in the archive.
fn let_go(world: &World, former: &Former) -> Result<(), Fault> {
    let platform = ContextName::Platform(former.platform.clone());
    if let Some(Context::Platform(platform)) = world.contexts().find(&platform)? {
        world.files().remove_tree(&former.folder(&platform.root))?;
    }
    world.files().remove_file(&world.home().credentials_of_former(&former.name))?;
    DropDatabase { server: former.db_server.clone(), database: former.database.clone() }.apply(world)
}
