//! What must hold before a backup is made, and what of the site's folder is left out of it.

use std::path::{Path, PathBuf};

use aegir_domain::{BackupName, Fault, PlatformContext, SiteContext, SiteName, SitePart};
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
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
    pub(crate) engine: &'static str,
    pub(crate) dump_name: &'static str,
    /// What is left out of its folder, relative to it.
    pub(crate) left_out: Vec<PathBuf>,
    pub(crate) files_bytes: u64,
    pub(crate) files_entries: u64,
    /// What of the site is not there any more.
    pub(crate) lacks: Vec<SitePart>,
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
        ready(world, &server, site, platform, Some(&credentials), Vec::new())
    }
}

/// Whether what is left of a site that goes can be backed up, and whether there is room for that. Nothing, if nothing is
/// left of it.
pub(crate) struct CanBackUpWhatIsLeft {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
    pub(crate) has_files: bool,
    pub(crate) has_database: bool,
}

impl Check<World> for CanBackUpWhatIsLeft {
    type Output = Option<Ready>;
    const NAME: &'static str = "can-back-up-what-is-left";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(600);

    fn look(&self, world: &World) -> Result<Option<Ready>, Fault> {
        let mut lacks = Vec::new();
        for (is_there, part) in [(self.has_files, SitePart::Files), (self.has_database, SitePart::Database)] {
            if !is_there {
                lacks.push(part);
            }
        }
        match &lacks[..] {
            [_, _] => {
                world.warn("Neither its folder nor its database is there: there is nothing to back up");
                return Ok(None);
            }
            [part] => {
                let gone = part.as_str();
                world.warn(format!("Its {gone} cannot be in the last backup: there is no such thing of it any more"));
            }
            _ => (),
        }
        // Of a broken site they may be lost; then nobody can tell in which of its files they stand.
        let credentials = php::read_credentials(world, &self.site.name).ok();
        let server = DbServer::of(world, &self.site.db_server)?;
        ready(world, &server, self.site.clone(), self.platform.clone(), credentials.as_ref(), lacks).map(Some)
    }
}

/// What is to be known of a site before it is packed, less what it `lacks`; refuses if there is no room.
fn ready(
    world: &World,
    server: &DbServer<'_>,
    site: SiteContext,
    platform: PlatformContext,
    credentials: Option<&Credentials>,
    lacks: Vec<SitePart>,
) -> Result<Ready, Fault> {
    let (mut out, mut files_bytes, mut files_entries) = (Vec::new(), 0, 0);
    if !lacks.contains(&SitePart::Files) {
        let folder = platform.root.site_dir(&site.name);
        out = left_out(world, credentials, &folder)?;
        let survey = world.files().survey(&folder, &mut |path, _| wanted(&out, path))?;
        (files_bytes, files_entries) = (survey.bytes, survey.entries);
    }
    let database = match lacks.contains(&SitePart::Database) {
        true => 0,
        false => server.size(&site.database.name)?,
    };
    let needs = archive_needs(files_bytes, database);
    let at = world.home().path().to_owned();
    let free = world.files().free_space(&world.home().backups())?.bytes;
    if free < needs {
        return Err(BackupFault::NoRoom { at, free, needs }.into());
    }
    Ok(Ready {
        engine: server.engine(),
        dump_name: server.dump_name(),
        left_out: out,
        files_bytes,
        files_entries,
        lacks,
        site,
        platform,
    })
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
pub(crate) fn left_out(world: &World, credentials: Option<&Credentials>, folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let secrets = credentials.map(|told| [told.db_passwd.expose(), told.hash_salt.expose()]);
    let secrets: Vec<&[u8]> =
        secrets.iter().flatten().map(|secret| secret.as_bytes()).filter(|secret| secret.len() >= 8).collect();
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
