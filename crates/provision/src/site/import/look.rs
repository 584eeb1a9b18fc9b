//! What an import looks at before it touches anything: by the task itself, and by whoever asks what it would do.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aegir_domain::protocol::{Level, Said};
use aegir_domain::{
    Context, Fault, FoundToImport, GrantHost, ImportSite, PlatformContext, PlatformName, RefreshCopy, Remedy, Secrets,
    SiteName, Task, TimeZoneName,
};
use aegir_drupal::Family;
use aegir_drupal::driver::FoundSettings;
use aegir_recipe::Teller;

use super::copy::{self, PASSWORD};
use super::data::{Data, TheirData, Theirs};
use super::own_lines::{IMPORTED, LOCAL};
use super::there::{SiteIsThere, TheirSettings};
use super::{mentions, own_lines};
use crate::service::php;
use crate::site::compare::{RunProgram, held_still, looking_and_telling};
use crate::site::facts::{self, DatabaseReady, PhpReady, PlatformReady, PlatformServed, Served};
use crate::site::looks::{Looks, OnlyAsks};
use crate::task::locks_of;
use crate::{Contexts, World, WorldParts};

/// What was found, where all is well.
pub(super) struct Ready {
    pub(super) ready: facts::Ready,
    pub(super) family: Family,
    pub(super) found: FoundSettings,
    pub(super) data: Data,
    pub(super) hosts: Vec<GrantHost>,
    /// The time zones that its PHP lists.
    pub(super) zones: Vec<String>,
}

/// All that must hold.
pub(super) fn all(asked: &ImportSite, run: &mut impl Looks) -> Result<Ready, Fault> {
    let ready = run.look(PlatformReady { platform: asked.platform.clone(), profile: None })?;
    let platform = &ready.platform;
    run.look(PlatformServed { platform: platform.clone(), site: Served::There })?;
    run.look(SiteIsThere { asked: asked.clone(), root: platform.root.clone() })?;
    let facts = run.look(PhpReady { platform: platform.clone(), time_zone: TimeZoneName::utc(), engine: None })?;
    let family = php::family(platform, &ready.core)?;
    let found = run.look(TheirSettings { site: asked.site.clone(), platform: platform.clone(), family })?;
    let folder = platform.root.site_dir(&asked.site);
    let data = run.look(TheirData { server: asked.db_server.clone(), found: found.database.clone(), folder })?;
    let hosts = run.look(DatabaseReady { server: data.server.clone(), php: platform.clone(), core: ready.major })?;
    Ok(Ready { ready, family, found, data, hosts, zones: facts.time_zones })
}

/// What an import would find and do, in place or as a copy; it changes nothing. `secrets` are those that the task would get.
pub fn look_at_import(
    parts: &Arc<WorldParts>,
    asked: &ImportSite,
    secrets: &Secrets,
    run_program: RunProgram,
) -> Result<FoundToImport, Fault> {
    let task = Task::ImportSite(Box::new(asked.clone()));
    look_before(parts, &task, run_program, |world| match &asked.copy_of {
        Some(source) => copy::look_at(asked, source, secrets.get(PASSWORD).cloned(), &mut OnlyAsks(world)),
        None => look_at(asked, world),
    })
}

/// What bringing a copy up to date would find and do, for the last time or not; it changes nothing. `secrets` are those that the
/// task would get.
pub fn look_at_refresh(
    parts: &Arc<WorldParts>,
    asked: &RefreshCopy,
    secrets: &Secrets,
    run_program: RunProgram,
) -> Result<FoundToImport, Fault> {
    look_before(parts, &Task::RefreshCopy(asked.clone()), run_program, |world| {
        copy::look_at_refresh(asked, secrets.get(PASSWORD).cloned(), &mut OnlyAsks(world))
    })
}

/// Looks while nobody changes what the task would lock, and adds what was said meanwhile.
fn look_before(
    parts: &Arc<WorldParts>,
    task: &Task,
    run_program: RunProgram,
    look: impl Fn(&World) -> Result<FoundToImport, Fault>,
) -> Result<FoundToImport, Fault> {
    let contexts = Contexts::new(&parts.home, &parts.files);
    let heard = Arc::new(Heard::default());
    let world = looking_and_telling(parts, run_program, heard.clone());
    let found = held_still(parts, "a look at a site", || locks_of(task, &contexts), || look(&world))?;
    Ok(FoundToImport { told: heard.take(), ..found })
}

/// The same of a site that is taken in where it lies.
fn look_at(asked: &ImportSite, world: &World) -> Result<FoundToImport, Fault> {
    let ready = all(asked, &mut OnlyAsks(world))?;
    let folder = ready.ready.platform.root.site_dir(&asked.site);
    let (database, tables) = match &ready.data.theirs {
        Theirs::Tables { database, tables } => (database.clone(), tables.len()),
        Theirs::File { path } => (path.display().to_string(), 0),
    };
    Ok(FoundToImport {
        site: asked.site.clone(),
        platform: asked.platform.clone(),
        db_server: ready.data.server.clone(),
        changes: changes(asked, &ready, &folder),
        mentions: mentions::of(world.files(), &asked.site, &asked.aliases),
        told: Vec::new(),
        database,
        tables,
        let_go: own_lines::was_let_go(world.files().read(&folder.join("settings.php"))?.as_deref()),
    })
}

/// What would become of it, in sentences.
fn changes(asked: &ImportSite, ready: &Ready, folder: &Path) -> Vec<String> {
    let folder = folder.display();
    let data = match &ready.data.theirs {
        Theirs::Tables { database, tables } => format!(
            "{} tables of `{database}` become tables of a new database on `{}`, with an account of their own; `{database}` and \
             its account are left, empty of this site",
            tables.len(),
            ready.data.server
        ),
        Theirs::File { path } => {
            format!("`{}` is copied into the folder of databases, and left where it is", path.display())
        }
    };
    let mut changes = vec![
        format!("`{folder}/settings.php` becomes `{IMPORTED}` beside it; Ægir writes its own in its place"),
        format!("`{folder}/{LOCAL}` reads `{IMPORTED}` for what is the site's own"),
        data,
        format!("folders that a site needs are made in `{folder}`, and modes and groups put right"),
        "the site gets its line in `sites/sites.php`, a vhost, and a record".to_owned(),
    ];
    if !asked.aliases.is_empty() {
        let names: Vec<String> = asked.aliases.iter().map(ToString::to_string).collect();
        changes.push(format!("it answers to {} too", names.join(", ")));
    }
    changes
}

/// What is said while one only looks.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Teller for Heard {
    fn tell(&self, said: Said) {
        if let Said::Log { text, level: Level::Info | Level::Warning, .. } = said {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }
}

/// The platform and the name of the site that somebody means: by its name, or by the path of its folder.
pub fn find_site_to_import(
    parts: &WorldParts,
    meant: &str,
    platform: Option<&PlatformName>,
) -> Result<(PlatformName, SiteName), Fault> {
    let path = Path::new(meant);
    let platforms: Vec<PlatformContext> = Contexts::new(&parts.home, &parts.files)
        .all()?
        .into_iter()
        .filter_map(|context| match context {
            Context::Platform(found) if platform.is_none_or(|wanted| found.name == *wanted) => Some(found),
            _ => None,
        })
        .collect();
    if path.is_absolute() {
        let real = parts.files.real(path)?.unwrap_or_else(|| path.to_owned());
        let (Some(sites), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(WhereFault::NoPlatform { path: meant.to_owned() }.into());
        };
        let is_its = |found: &&PlatformContext| found.root.path().join("sites") == sites;
        let Some(found) = platforms.iter().find(is_its) else {
            return Err(WhereFault::NoPlatform { path: meant.to_owned() }.into());
        };
        let name = name.to_string_lossy();
        if name == "default" {
            return Err(WhereFault::Default { path: meant.to_owned() }.into());
        }
        return Ok((found.name.clone(), name.parse()?));
    }
    let site: SiteName = meant.trim_start_matches('@').parse()?;
    let has = |found: &&PlatformContext| matches!(parts.files.kind(&found.root.site_dir(&site)), Ok(Some(_)));
    let those: Vec<&PlatformContext> = platforms.iter().filter(has).collect();
    match those.as_slice() {
        [one] => Ok((one.name.clone(), site)),
        [] => match platform {
            // The task itself says what is wrong with it.
            Some(platform) => Ok((platform.clone(), site)),
            None => Err(WhereFault::Nowhere { site }.into()),
        },
        _ => Err(WhereFault::Several { site, those: those.iter().map(|found| found.name.clone()).collect() }.into()),
    }
}

/// Why nobody knows which site is meant.
#[derive(Debug, thiserror::Error)]
enum WhereFault {
    #[error("`{path}` is no folder below `sites` of a platform that is known here")]
    NoPlatform { path: String },
    #[error("`{path}` has no name that visitors could type")]
    Default { path: String },
    #[error("no platform that is known here has a folder `sites/{site}`")]
    Nowhere { site: SiteName },
    #[error("several platforms have a folder `sites/{site}`: {}", those.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Several { site: SiteName, those: Vec<PlatformName> },
}

impl Remedy for WhereFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            WhereFault::NoPlatform { .. } | WhereFault::Nowhere { .. } => {
                "make the code a platform first, with `aegir provision save @platform_NAME --root PATH` and `aegir provision verify \
                 @platform_NAME`, then ask again"
                    .into()
            }
            WhereFault::Default { path } => format!(
                "make a copy of it under a name that visitors type, with `aegir provision import {path} --copy --name NAME`; or give the site a \
                 folder of such a name beside it, and have its settings and its database say so where they say `sites/default`"
            ),
            WhereFault::Several { .. } => "say which with `--platform NAME`".into(),
        })
    }
}
