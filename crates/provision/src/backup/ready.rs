//! What must hold before a backup is made, and what of the site's folder is left out of it.

use std::path::{Path, PathBuf};

use aegir_domain::{BackupName, Fault, PlatformContext, SiteContext, SiteName};
use aegir_drupal::driver::Credentials;
use aegir_host::{Files, Kind, Wanted};
use aegir_recipe::Check;

use super::archive::BackupFault;
use crate::World;
use crate::service::{DbServer, php};

/// Files of the site's folder that are never in a backup: Ægir writes the first anew, and all of them are where
/// credentials are written.
const NEVER: [&str; 3] = ["settings.php", "drushrc.php", ".env"];

/// Room for what an archive has besides its files, in bytes.
const MARGIN: u64 = 16 << 20;

/// A site that can be backed up.
pub(crate) struct Ready {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
    pub(crate) engine: &'static str,
    pub(crate) dump_name: &'static str,
    /// What is left out of its folder, relative to it.
    pub(crate) left_out: Vec<PathBuf>,
    pub(crate) files_bytes: u64,
    pub(crate) files_entries: u64,
}

/// Whether a site can be backed up, and whether there is room for that.
pub(crate) struct CanBackUp {
    pub(crate) site: SiteName,
}

impl Check<World> for CanBackUp {
    type Output = Ready;
    const NAME: &'static str = "can-back-up";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(600);

    fn look(&self, world: &World) -> Result<Ready, Fault> {
        let site = world.contexts().site(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        if site.awaits_installer {
            return Err(BackupFault::AwaitsInstaller { site: self.site.clone() }.into());
        }
        let folder = platform.root.site_dir(&site.name);
        if world.files().kind(&folder)? != Some(Kind::Dir) {
            return Err(BackupFault::NoFolder { folder }.into());
        }
        let server = DbServer::of(world, &site.db_server)?;
        server.must_bear(&site.database.name, &site.database.marker)?;
        let credentials = php::read_credentials(world, &site.name)?;
        let left_out = left_out(world, &credentials, &folder)?;
        let survey = world.files().survey(&folder, &mut |path, _| wanted(&left_out, path))?;
        let database = server.size(&site.database.name)?;
        let needs = archive_needs(survey.bytes, database);
        let at = world.home().path().to_owned();
        let free = world.files().free_space(&world.home().backups())?.bytes;
        if free < needs {
            return Err(BackupFault::NoRoom { at, free, needs }.into());
        }
        Ok(Ready {
            engine: server.engine(),
            dump_name: server.dump_name(),
            left_out,
            files_bytes: survey.bytes,
            files_entries: survey.entries,
            site,
            platform,
        })
    }
}

/// What an archive of so many bytes of files and of data takes at the most while it is made: the dump lies beside it until
/// it is done, and neither is larger than what it is made of by more than quotes and commas.
pub(crate) fn archive_needs(files: u64, data: u64) -> u64 {
    files + data * 3 + MARGIN
}

/// Whether something of a site's folder is packed.
pub(crate) fn wanted(left_out: &[PathBuf], path: &Path) -> Wanted {
    match left_out.iter().any(|out| out == path) {
        true => Wanted::No,
        false => Wanted::Yes,
    }
}

/// What is left out of a site's folder: what is there to hold credentials, and what holds the site's own at its top.
pub(crate) fn left_out(world: &World, credentials: &Credentials, folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let secrets = [credentials.db_passwd.expose(), credentials.hash_salt.expose()];
    let secrets: Vec<&[u8]> =
        secrets.iter().map(|secret| secret.as_bytes()).filter(|secret| secret.len() >= 8).collect();
    let mut out = Vec::new();
    for name in world.files().list(folder)? {
        let named = NEVER.contains(&name.as_str()) || name.starts_with(".env.") || name.starts_with(".aegir-");
        if named || holds(world.files(), &folder.join(&name), &secrets) {
            if !named {
                world.warn(format!("`{name}` holds the site's own credentials: it is not in the backup"));
            }
            out.push(PathBuf::from(name));
        }
    }
    Ok(out)
}

/// The first of what is left out that is nowhere else: Ægir does not write it anew.
pub(crate) fn irreplaceable(left_out: &[PathBuf]) -> Option<&Path> {
    let is_ours = |path: &Path| {
        let name = path.to_string_lossy();
        name == "settings.php" || name == "drushrc.php" || name.starts_with(".aegir-")
    };
    left_out.iter().map(PathBuf::as_path).find(|path| !is_ours(path))
}

/// Whether a file of some length holds one of these. One that cannot be read is not packed either.
fn holds(files: &Files, path: &Path, secrets: &[&[u8]]) -> bool {
    const LONGEST: u64 = 4 << 20;
    let is_short =
        files.stat(path).is_ok_and(|stat| stat.is_some_and(|stat| stat.kind == Kind::File && stat.size <= LONGEST));
    if !is_short {
        return false;
    }
    let Ok(Some(bytes)) = files.read_unlinked(path) else { return false };
    secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == *secret))
}

/// A name for a new backup that none has.
pub(crate) struct FreeName {
    pub(crate) site: SiteName,
}

impl Check<World> for FreeName {
    type Output = BackupName;
    const NAME: &'static str = "free-name";

    fn look(&self, world: &World) -> Result<BackupName, Fault> {
        let now = world.parts.clock.unix_ms();
        let mut turn = 1;
        loop {
            let name = BackupName::of(&self.site, now, turn);
            if turn == 9999 || world.files().kind(&world.home().backups().join(name.as_str()))?.is_none() {
                return Ok(name);
            }
            turn += 1;
        }
    }
}
