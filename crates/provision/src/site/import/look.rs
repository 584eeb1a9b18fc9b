//! What an import looks at before it touches anything: by the task itself, and by whoever asks what it would do.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aegir_domain::protocol::{Level, Said};
use aegir_domain::{
    Context, ContextName, Fault, FoundToImport, GrantHost, ImportSite, PlatformContext, PlatformName, PlatformRoot,
    Redirect, RefreshCopy, Remedy, Secrets, SiteFolder, SiteName, Task, TimeZoneName,
};
use aegir_drupal::driver::FoundSettings;
use aegir_drupal::{Family, plain_settings, sites_php};
use aegir_recipe::Teller;

use super::copy::{self, PASSWORD};
use super::data::{Data, TheirData, Theirs};
use super::leave::MayLeaveDefault;
use super::own_lines::{IMPORTED, LOCAL};
use super::there::{SiteIsThere, TheirSettings};
use super::{mentions, own_lines};
use crate::service::php;
use crate::site::compare::{RunProgram, held_still, looking_and_telling};
use crate::site::facts::{self, DatabaseReady, NameIsFree, PhpReady, PlatformReady, PlatformServed, Room, Served};
use crate::site::looks::{Looks, OnlyAsks};
use crate::task::locks_of;
use crate::{Contexts, World, WorldParts};

/// What a site takes besides its data where that is copied, in bytes.
const ROOM: u64 = 50 << 20;

/// What was found, where all is well.
pub(super) struct Ready {
    pub(super) ready: facts::Ready,
    pub(super) family: Family,
    pub(super) found: FoundSettings,
    pub(super) data: Data,
    pub(super) hosts: Vec<GrantHost>,
    /// The time zones that its PHP lists.
    pub(super) zones: Vec<String>,
    /// What stays in `sites/default`, where the site leaves that.
    pub(super) shipped: Option<Vec<String>>,
}

/// All that must hold.
pub(super) fn all(asked: &ImportSite, run: &mut impl Looks) -> Result<Ready, Fault> {
    let ready = run.look(PlatformReady { platform: asked.platform.clone(), profile: None })?;
    let platform = &ready.platform;
    run.look(PlatformServed { platform: platform.clone(), site: Served::There })?;
    if asked.from_default {
        run.look(NameIsFree {
            site: asked.site.clone(),
            now: None,
            names: std::iter::once(asked.site.host()).chain(asked.aliases.iter().cloned()).collect(),
            redirect: Redirect::None,
            root: platform.root.clone(),
        })?;
    }
    run.look(SiteIsThere { asked: asked.clone(), root: platform.root.clone() })?;
    let facts = run.look(PhpReady { platform: platform.clone(), time_zone: TimeZoneName::utc(), engine: None })?;
    let family = php::family(platform, &ready.core)?;
    let (site, lies_in) = (asked.site.clone(), asked.folder());
    let folder = platform.root.folder(&lies_in);
    let shipped = match asked.from_default {
        true => Some(run.look(MayLeaveDefault { asked, root: &platform.root })?),
        false => None,
    };
    let found = run.look(TheirSettings { site, folder: lies_in, platform: platform.clone(), family })?;
    let data = run.look(TheirData {
        server: asked.db_server.clone(),
        found: found.database.clone(),
        folder,
        copied: asked.from_default,
    })?;
    if asked.from_default {
        run.look(Room { at: platform.root.path().join("sites"), bytes: data.bytes + ROOM })?;
    }
    let hosts = run.look(DatabaseReady { server: data.server.clone(), php: platform.clone(), core: ready.major })?;
    Ok(Ready { ready, family, found, data, hosts, zones: facts.time_zones, shipped })
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
    let root = &ready.ready.platform.root;
    let folder = root.folder(&asked.folder());
    let (database, tables) = match &ready.data.theirs {
        Theirs::Tables { database, tables } => (database.clone(), tables.len()),
        Theirs::File { path } => (path.display().to_string(), 0),
    };
    Ok(FoundToImport {
        site: asked.site.clone(),
        from_default: asked.from_default,
        platform: asked.platform.clone(),
        db_server: ready.data.server.clone(),
        changes: changes(asked, &ready, root),
        mentions: mentions::of(world.files(), &asked.site, &asked.aliases),
        told: Vec::new(),
        database,
        tables,
        let_go: own_lines::was_let_go(world.files().read(&folder.join("settings.php"))?.as_deref()),
    })
}

/// What would become of it, in sentences.
fn changes(asked: &ImportSite, ready: &Ready, root: &PlatformRoot) -> Vec<String> {
    let (left, folder) = (root.folder(&asked.folder()), root.site_dir(&asked.site));
    let (left, folder) = (left.display(), folder.display());
    let data = match &ready.data.theirs {
        Theirs::Tables { database, tables } if asked.from_default => format!(
            "{} tables of `{database}` are copied into a new database on `{}`, with an account of their own, and what they say of \
             `sites/default` is put right there; `{database}` and its account are left as they are",
            tables.len(),
            ready.data.server
        ),
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
    let mut changes = Vec::new();
    if let Some(shipped) = &ready.shipped {
        changes.push(match shipped.is_empty() {
            true => format!("what lies in `{left}` comes to lie in `{folder}`"),
            false => format!("what lies in `{left}` comes to lie in `{folder}`, but for {}", shipped.join(", ")),
        });
        changes.push("the site answers with an error while its tables are copied and its caches made anew".to_owned());
    }
    if !ready.data.along.is_empty() {
        changes.push("views and triggers come along, and run as that account".to_owned());
    }
    changes.extend([
        format!("`{folder}/settings.php` becomes `{IMPORTED}` beside it; Ægir writes its own in its place"),
        format!("`{folder}/{LOCAL}` reads `{IMPORTED}` for what is the site's own"),
        data,
        format!("folders that a site needs are made in `{folder}`, and modes and groups put right"),
        "the site gets its line in `sites/sites.php`, a vhost, and a record".to_owned(),
    ]);
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

/// The site that somebody means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeantSite {
    /// The platform that it lies in.
    pub platform: PlatformName,
    /// Its name, which is that of its folder, or is to be.
    pub site: SiteName,
    /// Whether it lies in `sites/default` until now.
    pub from_default: bool,
}

/// The site that somebody means: by its name, or by the path of its folder. What lies in `sites/default` is called `default`, and
/// `name` says what it is to be called; any other has its name.
pub fn find_site_to_import(
    parts: &WorldParts,
    meant: &str,
    platform: Option<&PlatformName>,
    name: Option<&SiteName>,
) -> Result<MeantSite, Fault> {
    let platforms: Vec<PlatformContext> = Contexts::new(&parts.home, &parts.files)
        .all()?
        .into_iter()
        .filter_map(|context| match context {
            Context::Platform(found) if platform.is_none_or(|wanted| found.name == *wanted) => Some(found),
            _ => None,
        })
        .collect();
    let path = Path::new(meant);
    let (found, folder) = match path.is_absolute() {
        true => {
            let found = at_path(parts, path, &platforms)?;
            (Some(found.0.clone()), found.1)
        }
        false => {
            let folder: SiteFolder = meant.trim_start_matches('@').parse()?;
            (with_folder(parts, &folder, &platforms)?.cloned(), folder)
        }
    };
    let platform = match (found, platform) {
        (Some(found), _) if folder == SiteFolder::of_default() => {
            let site = match name {
                Some(name) => name.clone(),
                None => return Err(without_a_name(parts, &found).into()),
            };
            return Ok(MeantSite { platform: found.name, site, from_default: true });
        }
        (Some(found), _) => found.name,
        // The task itself says what is wrong with it.
        (None, Some(platform)) if folder != SiteFolder::of_default() => platform.clone(),
        (None, _) => return Err(WhereFault::Nowhere { folder }.into()),
    };
    let site: SiteName = folder.as_str().parse()?;
    match name {
        Some(name) if *name != site => Err(WhereFault::HasAName { site, name: name.clone() }.into()),
        _ => Ok(MeantSite { platform, site, from_default: false }),
    }
}

/// The platform that a folder lies in, and the folder.
fn at_path<'a>(
    parts: &WorldParts,
    path: &Path,
    platforms: &'a [PlatformContext],
) -> Result<(&'a PlatformContext, SiteFolder), Fault> {
    let no_platform = || WhereFault::NoPlatform { path: path.display().to_string() };
    let real = parts.files.real(path)?.unwrap_or_else(|| path.to_owned());
    let (Some(sites), Some(name)) = (real.parent(), real.file_name()) else { return Err(no_platform().into()) };
    let found = platforms.iter().find(|found| found.root.path().join("sites") == sites).ok_or_else(no_platform)?;
    Ok((found, name.to_string_lossy().parse()?))
}

/// The one platform with such a folder; none is nothing.
fn with_folder<'a>(
    parts: &WorldParts,
    folder: &SiteFolder,
    platforms: &'a [PlatformContext],
) -> Result<Option<&'a PlatformContext>, Fault> {
    // Every code has a folder `default`: there is a site in it where there are settings.
    let is_there = |found: &&PlatformContext| {
        let path = found.root.folder(folder);
        let path = if *folder == SiteFolder::of_default() { path.join("settings.php") } else { path };
        matches!(parts.files.kind(&path), Ok(Some(_)))
    };
    let those: Vec<&PlatformContext> = platforms.iter().filter(is_there).collect();
    match those.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => {
            let those = those.iter().map(|found| found.name.clone()).collect();
            Err(WhereFault::Several { folder: folder.clone(), those }.into())
        }
    }
}

/// What a site in `sites/default` of a platform is to be called, if something says how it is asked for.
pub fn proposed_name(parts: &WorldParts, platform: &PlatformName) -> Result<Option<SiteName>, Fault> {
    let platform = Contexts::new(&parts.home, &parts.files).platform(platform)?;
    Ok(proposed_names(parts, &platform).into_iter().next())
}

/// Asks for a name, and proposes one where something says how the site is asked for.
fn without_a_name(parts: &WorldParts, platform: &PlatformContext) -> WhereFault {
    let path = platform.root.folder(&SiteFolder::of_default()).display().to_string();
    WhereFault::Default { path, proposed: proposed_names(parts, platform) }
}

/// The names by which a site in `sites/default` seems to be asked for, as far as nobody has them here; the likeliest is the first.
fn proposed_names(parts: &WorldParts, platform: &PlatformContext) -> Vec<SiteName> {
    let folder = platform.root.folder(&SiteFolder::of_default());
    let text = |path: &Path| {
        let bytes = parts.files.read(path).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let led = sites_php::led_to_default(&text(&platform.root.path().join(sites_php::LOCAL_FILE)));
    let said = plain_settings::names_in(&text(&folder.join("settings.php")));
    let contexts = Contexts::new(&parts.home, &parts.files);
    let is_known = |name: &SiteName| {
        matches!(parts.files.kind(&platform.root.site_dir(name)), Ok(Some(_)))
            || matches!(contexts.find(&ContextName::Site(name.clone())), Ok(Some(_)))
    };
    let mut proposed: Vec<SiteName> = Vec::new();
    for name in led.into_iter().chain(said).filter_map(|name| name.as_str().parse::<SiteName>().ok()) {
        // What has no dot is the name of a machine at best.
        if name.as_str().contains('.') && !is_known(&name) && !proposed.contains(&name) {
            proposed.push(name);
        }
    }
    proposed
}

/// Why nobody knows which site is meant.
#[derive(Debug, thiserror::Error)]
enum WhereFault {
    #[error("`{path}` is no folder below `sites` of a platform that is known here")]
    NoPlatform { path: String },
    #[error("`{path}` has no name that visitors could type")]
    Default { path: String, proposed: Vec<SiteName> },
    #[error("the site has the name `{site}`, and cannot be taken in as `{name}`")]
    HasAName { site: SiteName, name: SiteName },
    #[error("no platform that is known here has {}", described(folder))]
    Nowhere { folder: SiteFolder },
    #[error("several platforms have {}: {}", described(folder), those.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Several { folder: SiteFolder, those: Vec<PlatformName> },
}

fn described(folder: &SiteFolder) -> String {
    match *folder == SiteFolder::of_default() {
        true => "a site in `sites/default`".into(),
        false => format!("a folder `sites/{folder}`"),
    }
}

impl Remedy for WhereFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            WhereFault::NoPlatform { .. } | WhereFault::Nowhere { .. } => {
                "make the code a platform first, with `aegir provision save @platform_NAME --root PATH` and `aegir provision verify \
                 @platform_NAME`, then ask again"
                    .into()
            }
            WhereFault::Default { path, proposed } => {
                let others = match proposed.get(1..) {
                    Some(others @ [_, ..]) => {
                        let others: Vec<String> = others.iter().take(5).map(|name| format!("`--alias {name}`")).collect();
                        format!("; it seems to have other names, for {}", others.join(" "))
                    }
                    _ => String::new(),
                };
                let name = proposed.first().map_or("NAME", SiteName::as_str);
                format!(
                    "take it in under the name that visitors type, with `aegir provision import {path} --name {name}`, which gives it \
                     a folder of that name{others}; or make a copy of it, with `--copy --platform @PLATFORM` besides"
                )
            }
            WhereFault::HasAName { site, name } => format!(
                "take it in without `--name`, then rename it with `aegir provision rename @{site} {name}`; or give the name with \
                 `--alias {name}`"
            ),
            WhereFault::Several { .. } => "say which with `--platform NAME`".into(),
        })
    }
}
