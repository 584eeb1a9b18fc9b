//! What lies in a platform under the name of a site that nobody here knows, and what that says of itself.

use std::path::{Path, PathBuf};

use aegir_domain::{
    AccountName, ContextName, Fault, HostName, ImportSite, PlatformContext, PlatformRoot, Redirect, Remedy,
    SiteContext, SiteFolder, SiteName, TimeZoneName,
};
use aegir_drupal::driver::FoundSettings;
use aegir_drupal::{Family, PhpValue, sites_php};
use aegir_host::{Kind, Row, own_uid};
use aegir_recipe::Check;

use super::leave::names_can_be_led;
use super::own_lines::{LOCAL, name_of_theirs};
use crate::World;
use crate::service::{DbServer, php};
use crate::site::facts::{SiteFault, names_are_free};

/// A site lies in its folder, its name is nobody's, and all that is to be changed may be.
pub(super) struct SiteIsThere {
    pub(super) asked: ImportSite,
    pub(super) root: PlatformRoot,
}

impl Check<World> for SiteIsThere {
    type Output = ();
    const NAME: &'static str = "site-is-there";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let ImportSite { site, aliases, .. } = &self.asked;
        let names: Vec<HostName> = std::iter::once(site.host()).chain(aliases.iter().cloned()).collect();
        names_are_free(world, site, &names, &Redirect::None)?;
        let name = ContextName::Site(site.clone());
        if world.contexts().find(&name)?.is_some() {
            return Err(SiteFault::Taken { name: site.host(), by: site.clone() }.into());
        }
        let credentials = world.home().credentials_of(&name);
        if world.files().kind(&credentials)?.is_some() {
            return Err(SiteFault::InTheWay { path: credentials }.into());
        }
        let folder = self.root.folder(&self.asked.folder());
        match world.files().kind(&folder)? {
            Some(Kind::Dir) => (),
            Some(_) => return Err(ImportFault::NoFolder { path: folder }.into()),
            None => return Err(ImportFault::NotThere { folder }.into()),
        }
        self.may_be_changed(world, &folder)?;
        if self.asked.from_default {
            return names_can_be_led(world, &self.asked, &self.root);
        }
        self.tell_other_names(world, &names)
    }
}

impl SiteIsThere {
    /// What is moved, and what is written beside it, must be ours to put back.
    fn may_be_changed(&self, world: &World, folder: &Path) -> Result<(), Fault> {
        let files = world.files();
        if files.stat(folder)?.is_some_and(|stat| stat.uid != own_uid()) {
            return Err(ImportFault::NotOurs { path: folder.to_owned() }.into());
        }
        let settings = folder.join("settings.php");
        match files.kind(&settings)? {
            Some(Kind::File) => (),
            Some(_) => return Err(ImportFault::NoFile { path: settings }.into()),
            None => return Err(ImportFault::NoSettings { path: settings }.into()),
        }
        let imported = folder.join(name_of_theirs(world, folder)?);
        if files.kind(&imported)?.is_some() {
            return Err(ImportFault::InTheWay { path: imported }.into());
        }
        let local = folder.join(LOCAL);
        match files.kind(&local)? {
            None => (),
            Some(Kind::File) if files.stat(&local)?.is_none_or(|stat| stat.uid == own_uid()) => (),
            Some(Kind::File) => return Err(ImportFault::NotOurs { path: local }.into()),
            Some(_) => return Err(ImportFault::NoFile { path: local }.into()),
        }
        for name in ["files", "private"] {
            let path = folder.join(name);
            match files.kind(&path)? {
                Some(Kind::Link(target)) => world.warn(format!(
                    "`{}` is a link to `{}` and stays one: PHP of the site may open what lies in its own folder alone",
                    path.display(),
                    target.display()
                )),
                Some(Kind::Dir) if files.device(&path)? != files.device(folder)? => {
                    world.warn(format!("`{}` is a file system of its own, and stays one", path.display()));
                }
                _ => (),
            }
        }
        Ok(())
    }

    /// Names that the platform leads to it and nobody said.
    fn tell_other_names(&self, world: &World, names: &[HostName]) -> Result<(), Fault> {
        let text = world.files().read_text(&self.root.path().join(sites_php::LOCAL_FILE))?.unwrap_or_default();
        for (name, at) in sites_php::read(&text) {
            if at == self.asked.site && !names.contains(&name) {
                world.warn(format!(
                    "`{}` leads `{name}` to the site too: give it with `--alias {name}`, if it is to answer to it here",
                    sites_php::LOCAL_FILE
                ));
            }
        }
        Ok(())
    }
}

/// What the settings of the site say, read by PHP with the rights of a visitor's request.
pub(super) struct TheirSettings {
    pub(super) site: SiteName,
    /// The folder that they lie in.
    pub(super) folder: SiteFolder,
    pub(super) platform: PlatformContext,
    pub(super) family: Family,
}

impl Check<World> for TheirSettings {
    type Output = FoundSettings;
    const NAME: &'static str = "their-settings";

    fn look(&self, world: &World) -> Result<FoundSettings, Fault> {
        let path = self.platform.root.folder(&self.folder).join("settings.php");
        // In whatever it is written, as old ones are: PHP reads it, we look for words of ASCII.
        let bytes = world.files().read(&path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        if text.contains("AegirCredentials") {
            return Err(ImportFault::OfAegir { path }.into());
        }
        let (found, kept_from) =
            php::settings_of_stranger(world, &self.site, &self.folder, &self.platform, self.family)?;
        if found.database.is_none() {
            let reads = ENVIRONMENT.iter().find(|(word, _)| text.contains(word)).map(|(_, what)| *what);
            return Err(ImportFault::NoDatabase { path, reads, kept_from }.into());
        }
        if !kept_from.is_empty() {
            world.warn(format!(
                "Its settings look for what PHP of a site may not open: {}. If it is needed, move it into the folder of the site, and correct what names it",
                kept_from.join(", ")
            ));
        }
        if found.hash_salt.expose().is_empty() {
            return Err(ImportFault::NoSalt { path }.into());
        }
        self.folders_are_its_own(&found)?;
        tell(world, &found);
        Ok(found)
    }
}

/// What settings are written for that get their database from elsewhere, and by which word that is known.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("PRESSFLOW_SETTINGS", "the variable `PRESSFLOW_SETTINGS` of a Pantheon server"),
    ("PANTHEON_ENVIRONMENT", "the variables of a Pantheon server"),
    ("AH_SITE_ENVIRONMENT", "the variables and the folder `/var/www/site-php` of an Acquia server"),
    ("PLATFORM_RELATIONSHIPS", "the variable `PLATFORM_RELATIONSHIPS` of a Platform.sh server"),
    ("$_SERVER['db_", "what another Ægir has its web server say"),
    ("getenv(", "variables of the environment"),
    ("$_ENV", "variables of the environment"),
];

impl TheirSettings {
    /// Its public files lie where the vhost looks for them, its private ones where its PHP may.
    fn folders_are_its_own(&self, found: &FoundSettings) -> Result<(), Fault> {
        let own = format!("sites/{}/", self.folder);
        let root = format!("{}/", self.platform.root.as_str());
        let is_own = |path: &str| {
            let path = path.trim_start_matches("./");
            let path = path.strip_prefix(&root).unwrap_or(path);
            format!("{}/", path.trim_end_matches('/')).strip_prefix(&own).map(str::to_owned)
        };
        let public = &found.public_files;
        if !public.is_empty() && is_own(public).as_deref() != Some("files/") {
            return Err(ImportFault::FilesElsewhere { path: public.clone(), to: format!("{own}files") }.into());
        }
        let private = &found.private_files;
        if !private.is_empty() && is_own(private).is_none_or(|path| path.split('/').any(|part| part == "..")) {
            return Err(ImportFault::FilesElsewhere { path: private.clone(), to: format!("{own}private/files") }.into());
        }
        Ok(())
    }
}

/// Says what goes on as the site's own.
fn tell(world: &World, found: &FoundSettings) {
    if !found.own.is_empty() {
        world.say(format!("The site's own settings go on: {}", found.own.join(", ")));
    }
    if !found.includes.is_empty() {
        world.say(format!("Its settings read {}", found.includes.join(", ")));
    }
    if !found.other_databases.is_empty() {
        world.warn(format!(
            "It has connections to other databases, which Ægir does not look after: {}",
            found.other_databases.join(", ")
        ));
    }
    if !found.base_url.is_empty() {
        world.warn(format!("It calls itself `{}`: from now on it has the address that it is asked by", found.base_url));
    }
}

/// What a site says of itself that no driver script answers.
pub(super) struct SaysOfItself {
    pub(super) site: SiteContext,
    pub(super) family: Family,
    /// The time zones that its PHP lists.
    pub(super) zones: Vec<String>,
}

pub(super) struct Says {
    /// Its first account.
    pub(super) account: Option<AccountName>,
    pub(super) time_zone: Option<TimeZoneName>,
}

impl Check<World> for SaysOfItself {
    type Output = Says;
    const NAME: &'static str = "says-of-itself";

    fn look(&self, world: &World) -> Result<Says, Fault> {
        let server = DbServer::of(world, &self.site.db_server)?;
        let first = |rows: Vec<Row>| rows.into_iter().next()?.into_iter().next()?;
        let (account, zone) = match self.family {
            Family::Seven => (
                "SELECT name FROM users WHERE uid = 1",
                "SELECT value FROM variable WHERE name = 'date_default_timezone'",
            ),
            Family::Eight => (
                "SELECT name FROM users_field_data WHERE uid = 1",
                "SELECT data FROM config WHERE collection = '' AND name = 'system.date'",
            ),
        };
        let account = first(server.rows_of_site(&self.site, account)?);
        let zone = first(server.rows_of_site(&self.site, zone)?).and_then(|value| PhpValue::read(&value).ok());
        let zone = match self.family {
            Family::Seven => zone.and_then(|zone| zone.to_text()),
            Family::Eight => zone.and_then(|date| date.get("timezone")?.get("default")?.to_text()),
        };
        Ok(Says {
            account: account.and_then(|name| String::from_utf8_lossy(&name).parse().ok()),
            time_zone: zone.filter(|zone| self.zones.contains(zone)).and_then(|zone| zone.parse().ok()),
        })
    }
}

/// Why a site cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportFault {
    #[error("there is no folder `{}`", folder.display())]
    NotThere { folder: PathBuf },
    #[error("`{}` is no folder", path.display())]
    NoFolder { path: PathBuf },
    #[error("`{}` is no file", path.display())]
    NoFile { path: PathBuf },
    #[error("`{}` belongs to another user", path.display())]
    NotOurs { path: PathBuf },
    #[error("there is no `{}`: no site was installed there", path.display())]
    NoSettings { path: PathBuf },
    #[error("`{}` is in the way", path.display())]
    InTheWay { path: PathBuf },
    #[error("`{}` is not UTF-8", path.display())]
    OddText { path: PathBuf },
    #[error("`{}` was written by Ægir", path.display())]
    OfAegir { path: PathBuf },
    #[error("`{}` gives no database{}", path.display(), because(reads, kept_from))]
    NoDatabase { path: PathBuf, reads: Option<&'static str>, kept_from: Vec<String> },
    #[error("`{}` gives no salt", path.display())]
    NoSalt { path: PathBuf },
    #[error("the site keeps files in `{path}`")]
    FilesElsewhere { path: String, to: String },
}

fn because(reads: &Option<&'static str>, kept_from: &[String]) -> String {
    match (reads, kept_from) {
        (_, [_, ..]) => format!(": it reads {}, which PHP of a site may not open", kept_from.join(", ")),
        (Some(what), _) => format!(": it takes it from {what}"),
        (None, _) => String::new(),
    }
}

impl Remedy for ImportFault {
    fn remedy(&self) -> Option<String> {
        let show = |path: &Path| path.display().to_string();
        Some(match self {
            ImportFault::NotThere { .. } => {
                "a site is taken in by the name of its folder in a platform: see which there are with `aegir provision verify \
                 @platform_NAME`; code that is no platform yet becomes one with `aegir provision save @platform_NAME --root …`"
                    .into()
            }
            ImportFault::NoFolder { path } | ImportFault::NoFile { path } => {
                format!("put what `{}` leads to in its place, then ask again", show(path))
            }
            ImportFault::NotOurs { path } => format!("as root, run `chown aegir:aegir-web {}`, then ask again", show(path)),
            ImportFault::NoSettings { path } => format!(
                "to make a new site of that name, move `{}` away and run `aegir provision install`",
                show(path.parent().unwrap_or(path))
            ),
            ImportFault::InTheWay { path } => format!("move `{}` away, then ask again", show(path)),
            ImportFault::OddText { path } => format!("save `{}` as UTF-8, then ask again", show(path)),
            ImportFault::OfAegir { .. } => {
                "a site that Ægir made is brought by its backup: `aegir provision restore-backup`".into()
            }
            ImportFault::NoDatabase { .. } => {
                "write `$databases['default']['default']` into it as plain values, then ask again".into()
            }
            ImportFault::NoSalt { .. } => {
                "write `$settings['hash_salt']` into it as the site has it now, then ask again".into()
            }
            ImportFault::FilesElsewhere { to, .. } => {
                format!("move them to `{to}`, have its settings.php say so, then ask again")
            }
        })
    }
}
