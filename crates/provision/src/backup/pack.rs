//! The two steps that read a site: its database to a file, and that with its folder into an archive.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{BackupManifest, DbName, Fault, PlatformRoot, ServerName, SitePart};
use aegir_host::{Packed, told_names};
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use super::archive::{MANIFEST, SITE};
use super::ready::wanted;
use crate::World;
use crate::service::DbServer;

/// How long either may take: for hundreds of gigabytes.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

/// Writes a site's database to a file of the task's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DumpDatabase {
    pub(crate) server: ServerName,
    pub(crate) name: DbName,
    pub(crate) to: PathBuf,
}

/// A dump that was written.
#[derive(Default)]
pub(crate) struct Dump {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) not_consistent: Vec<String>,
    pub(crate) not_included: Vec<String>,
}

impl Action<World> for DumpDatabase {
    type Output = Dump;
    const NAME: &'static str = "dump-database";
    const LASTS: bool = false;
    const LIMIT: Duration = LIMIT;

    fn apply(&self, world: &World) -> Result<Dump, Fault> {
        let server = DbServer::of(world, &self.server)?;
        let dumped = server.dump(&self.name, &self.to)?;
        let (bytes, sha256) = world.files().sum_of(&self.to)?;
        for (names, what) in [
            (
                quoted(&dumped.not_consistent),
                "may have changed while they were read, since their engine has no transactions",
            ),
            (dumped.not_included.join("; "), "is not in the backup, since no other database could take it"),
        ] {
            if !names.is_empty() {
                world.warn(format!("Of the database, {names} {what}"));
            }
        }
        if let Some(why) = server.would_not_load(&dumped.triggers)? {
            world.warn(why);
        }
        world.say(format!("Dumped the database `{}`: {}", self.name, size(bytes)));
        Ok(Dump { bytes, sha256, not_consistent: dumped.not_consistent, not_included: dumped.not_included })
    }
}

impl Undo<World> for DumpDatabase {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&self.to)?;
        Ok(())
    }
}

/// Packs manifest, dump and folder into an archive of the task's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PackSite {
    pub(crate) root: PlatformRoot,
    pub(crate) manifest: Box<BackupManifest>,
    pub(crate) dump: PathBuf,
    pub(crate) to: PathBuf,
}

/// An archive that was packed.
pub(crate) struct PackedSite {
    pub(crate) bytes: u64,
    pub(crate) inode: u64,
    pub(crate) unreadable: Vec<String>,
    pub(crate) odd: Vec<String>,
}

impl Action<World> for PackSite {
    type Output = PackedSite;
    const NAME: &'static str = "pack-site";
    const LASTS: bool = false;
    const LIMIT: Duration = LIMIT;

    fn apply(&self, world: &World) -> Result<PackedSite, Fault> {
        let folder = self.root.site_dir(&self.manifest.site);
        pack(world, &folder, &self.manifest, &self.dump, &self.to)
    }
}

impl Undo<World> for PackSite {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&self.to)?;
        Ok(())
    }
}

/// Packs a manifest, a dump and a folder into the archive `to`, which is durable then.
pub(crate) fn pack(
    world: &World,
    folder: &Path,
    manifest: &BackupManifest,
    dump: &Path,
    to: &Path,
) -> Result<PackedSite, Fault> {
    let files = world.files();
    let left_out: Vec<PathBuf> = manifest.left_out.iter().map(PathBuf::from).collect();
    let text = serde_json::to_vec_pretty(manifest).map_err(NoManifest)?;
    let stop = world.until_cancelled();
    let mut seen = 0_u64;

    let mut archive = files.begin_archive(to)?;
    archive.put(MANIFEST, &text, manifest.made / 1000)?;
    let has = |part| !manifest.lacks.contains(&part);
    if has(SitePart::Database) {
        files.pack_file(&mut archive, &manifest.dump.file, dump, 0o600)?;
    }
    if has(SitePart::Files) {
        files.pack_tree(&mut archive, SITE, folder, &mut |path, is_dir| {
            seen += 1;
            if seen.is_multiple_of(500) {
                world.progress(seen, "packing files");
            }
            match is_dir && stop() {
                true => aegir_host::Wanted::Stop,
                false => wanted(&left_out, path),
            }
        })?;
    }
    let written = files.end_archive(archive)?;
    tell(world, &written.packed);
    let of_files = format!("{seen} files and folders");
    let what = match (has(SitePart::Files), has(SitePart::Database)) {
        (true, true) => format!("{of_files} and the database"),
        (true, false) => of_files,
        (false, _) => "the database".into(),
    };
    world.say(format!("Packed {what}: {}", size(written.bytes)));
    let odd: Vec<PathBuf> = [written.packed.special, written.packed.cut].concat();
    Ok(PackedSite {
        bytes: written.bytes,
        inode: written.inode,
        unreadable: told_names(&written.packed.unreadable),
        odd: told_names(&odd),
    })
}

/// Names what is not in the archive as it was.
fn tell(world: &World, packed: &Packed) {
    for (paths, what) in [
        (&packed.unreadable, "may not be read by Ægir's user, and is not in the backup"),
        (&packed.special, "is a pipe, a socket or a device, and is not in the backup"),
        (&packed.cut, "got shorter while it was read: the backup has it with zeros at its end"),
    ] {
        for name in told_names(paths).iter().take(20) {
            world.warn(format!("`{name}` {what}"));
        }
        if paths.len() > 20 {
            world.warn(format!("The same goes for {} more: the answer of this task lists them", paths.len() - 20));
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A size as people say it.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the manifest cannot be written")]
struct NoManifest(#[source] serde_json::Error);

impl aegir_domain::Remedy for NoManifest {}
