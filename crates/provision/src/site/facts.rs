//! What must hold before a site is made: looked at before anything is touched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{
    Context, ContextName, Fault, GrantHost, HostName, MachineName, PlatformContext, PlatformName, PlatformRoot,
    Redirect, Remedy, ServerName, SiteName, TimeZoneName,
};
use aegir_recipe::Check;

use crate::World;
use crate::service::http::vhost_path;
use crate::service::{DbServer, php};
use crate::step::web_files::{PlatformFiles, Standing};

/// A platform that can take a new site, with the profile it will get.
pub(crate) struct PlatformReady {
    pub(crate) platform: PlatformName,
    pub(crate) profile: Option<MachineName>,
}

pub(crate) struct Ready {
    pub(crate) platform: PlatformContext,
    pub(crate) profile: MachineName,
    pub(crate) core: String,
    /// The major version of its Drupal.
    pub(crate) major: u32,
}

impl Check<World> for PlatformReady {
    type Output = Ready;
    const NAME: &'static str = "platform-ready";

    fn look(&self, world: &World) -> Result<Ready, Fault> {
        let platform = world.contexts().platform(&self.platform)?;
        let server = world.contexts().server(&platform.server)?;
        if server.http.is_none() {
            return Err(SiteFault::NoWebService { server: server.name }.into());
        }
        if platform.facts.is_none() {
            return Err(SiteFault::NotVerified { platform: self.platform.clone() }.into());
        }
        let code = aegir_drupal::platform::read(platform.root.path())?;
        if !code.core.tried() {
            world.warn(format!("Drupal {} was not tried with this version of Ægir", code.core));
        }
        if let Some(error) = code.errors().next() {
            return Err(SiteFault::BrokenCode { path: error.path.clone(), reason: error.reason.clone() }.into());
        }
        let profile = match &self.profile {
            None => match code.default_profile() {
                Some(profile) => profile.name.clone(),
                None => return Err(SiteFault::NoProfile { platform: self.platform.clone() }.into()),
            },
            Some(profile) => profile.clone(),
        };
        if code.profile(profile.as_str()).is_none() {
            let has = code.profiles.iter().filter(|has| !has.hidden).map(|has| has.name.to_string()).collect();
            return Err(SiteFault::ProfileMissing { platform: self.platform.clone(), profile, has }.into());
        }
        Ok(Ready { platform, profile, core: code.core.to_string(), major: code.core.major() })
    }
}

/// The web server knows what the platform's code is now: the PHP of its sites may open no other files.
pub(crate) struct PlatformServed {
    pub(crate) platform: PlatformContext,
    pub(crate) site: Served,
}

/// Of which site it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// One that is to be made: all of its code must be open to it.
    New,
    /// One that is there. Files that came to the root since are told, and are no reason to keep it from
    /// being put right.
    There,
}

impl Check<World> for PlatformServed {
    type Output = ();
    const NAME: &'static str = "platform-served";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let platform = &self.platform.name;
        let found = PlatformFiles { platform: self.platform.clone() }.look(world)?;
        match (found.standing, self.site) {
            (Standing::Current, _) => Ok(()),
            (Standing::Differs, Served::There) => {
                world.warn(format!(
                    "The root of the platform `{platform}` holds other names than at its last verify: PHP may not \
                     open the new ones before `aegir provision verify @platform_{platform}`"
                ));
                Ok(())
            }
            (Standing::Differs, Served::New) | (Standing::Missing, _) => {
                Err(SiteFault::NotServed { platform: platform.clone() }.into())
            }
        }
    }
}

/// Nobody has the site's names, and nothing lies where it will.
pub(crate) struct NameIsFree {
    /// What the site is to be called.
    pub(crate) site: SiteName,
    /// What it is called now, if it is there already: those names are its own.
    pub(crate) now: Option<SiteName>,
    /// All names that it is to answer to, its own first.
    pub(crate) names: Vec<HostName>,
    pub(crate) redirect: Redirect,
    /// The platform that it is to live on.
    pub(crate) root: PlatformRoot,
}

impl Check<World> for NameIsFree {
    type Output = ();
    const NAME: &'static str = "name-is-free";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let NameIsFree { site, names, .. } = self;
        names_are_free(world, self.now.as_ref().unwrap_or(site), names, &self.redirect)?;
        if world.contexts().find(&ContextName::Site(site.clone()))?.is_some() {
            return Err(SiteFault::Taken { name: site.host(), by: site.clone() }.into());
        }
        let folder = self.root.site_dir(site);
        // Names that differ only in case are one folder on some file systems and one host everywhere.
        let sites = self.root.path().join("sites");
        for there in world.files().list(&sites)? {
            if there.eq_ignore_ascii_case(site.as_str()) {
                return Err(SiteFault::InTheWay { path: sites.join(there) }.into());
            }
        }
        for path in [folder, world.home().credentials_of(&ContextName::Site(site.clone()))] {
            if world.files().kind(&path)?.is_some() {
                return Err(SiteFault::InTheWay { path }.into());
            }
        }
        still_answers(world, site)?;
        // Somebody who moves a site here changes its DNS last, so this is only told.
        for name in names.iter().filter(|name| name.wildcard().is_none()).take(5) {
            if !world.parts.web.resolves(name.as_str(), LOOK_UP) {
                world.warn(format!("`{name}` leads nowhere yet: no address was found for it"));
            }
        }
        Ok(())
    }
}

/// Refuses a name by which a web server still answers for a site that Ægir let go of: its file would be replaced.
fn still_answers(world: &World, site: &SiteName) -> Result<(), Fault> {
    for context in world.contexts().all()? {
        if let Context::Server(server) = context
            && server.http.is_some()
        {
            let path = vhost_path(world, &server, site)?;
            if world.files().kind(&path)?.is_some() {
                return Err(SiteFault::StillAnswers { site: site.clone(), server: server.name, path }.into());
            }
        }
    }
    Ok(())
}

/// How long to look for the address of a name.
const LOOK_UP: Duration = Duration::from_secs(2);

/// None of `names` belongs to another site, and a redirect leads to one of them.
pub(crate) fn names_are_free(
    world: &World,
    site: &SiteName,
    names: &[HostName],
    redirect: &Redirect,
) -> Result<(), Fault> {
    for other in world.contexts().sites()?.into_iter().filter(|other| other.name != *site) {
        if let Some(name) = other.names().into_iter().find(|name| names.contains(name)) {
            return Err(SiteFault::Taken { name, by: other.name }.into());
        }
    }
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            return Err(SiteFault::Twice { name: name.clone() }.into());
        }
    }
    match redirect {
        Redirect::To(target) if !names.contains(target) || target.wildcard().is_some() => {
            Err(SiteFault::RedirectElsewhere { site: site.clone(), target: target.clone() }.into())
        }
        _ => Ok(()),
    }
}

/// The PHP of a platform can run it.
pub(crate) struct PhpReady {
    pub(crate) platform: PlatformContext,
    pub(crate) time_zone: TimeZoneName,
    /// The database engine that it must speak to, if that is known.
    pub(crate) engine: Option<&'static str>,
}

impl Check<World> for PhpReady {
    type Output = php::Facts;
    const NAME: &'static str = "php-ready";

    fn look(&self, world: &World) -> Result<php::Facts, Fault> {
        let facts = php::facts(world, &self.platform)?;
        php::fits(&facts, &self.platform, world)?;
        if let Some(engine) = self.engine {
            php::speaks(&facts, engine)?;
        }
        match facts.time_zones.iter().any(|zone| zone == self.time_zone.as_str()) {
            true => Ok(facts),
            false => Err(SiteFault::OldTimeZone { zone: self.time_zone.clone(), php: facts.program.clone() }.into()),
        }
    }
}

/// A database server that can take a new site; gives the hosts its user is granted for.
pub(crate) struct DatabaseReady {
    pub(crate) server: ServerName,
    pub(crate) php: PlatformContext,
    /// The major version of Drupal that it is to serve.
    pub(crate) core: u32,
}

impl Check<World> for DatabaseReady {
    type Output = Vec<GrantHost>;
    const NAME: &'static str = "database-server-ready";

    fn look(&self, world: &World) -> Result<Vec<GrantHost>, Fault> {
        let server = DbServer::of(world, &self.server)?;
        php::speaks(&php::facts(world, &self.php)?, server.engine())?;
        server.check_rights(self.core)?;
        server.grant_hosts()
    }
}

/// There is room on a disk.
pub(crate) struct Room {
    pub(crate) at: PathBuf,
    /// In bytes.
    pub(crate) bytes: u64,
}

impl Check<World> for Room {
    type Output = ();
    const NAME: &'static str = "room";

    fn look(&self, world: &World) -> Result<(), Fault> {
        for place in [self.at.as_path(), world.home().path()] {
            let free = world.files().free_space(place)?.bytes;
            if free < self.bytes {
                return Err(SiteFault::NoRoom { at: place.to_owned(), free, needs: self.bytes }.into());
            }
        }
        Ok(())
    }
}

/// Why a site cannot be made or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteFault {
    #[error("the server `{server}` offers no web service")]
    NoWebService { server: ServerName },
    #[error("the platform `{platform}` was never verified")]
    NotVerified { platform: PlatformName },
    #[error("the web server does not know all of the code of the platform `{platform}`")]
    NotServed { platform: PlatformName },
    #[error("the platform `{platform}` has no profile that can be installed")]
    NoProfile { platform: PlatformName },
    #[error("the platform `{platform}` has no profile `{profile}`")]
    ProfileMissing { platform: PlatformName, profile: MachineName, has: Vec<String> },
    #[error("`{path}` of the platform is broken: {reason}")]
    BrokenCode { path: String, reason: String },
    #[error("the name `{name}` is taken by the site `{by}`")]
    Taken { name: HostName, by: SiteName },
    #[error("the name `{name}` is given twice")]
    Twice { name: HostName },
    #[error("`{}` is in the way", path.display())]
    InTheWay { path: PathBuf },
    #[error("the web server still answers for a `{site}` that Ægir does not look after, by `{}`", path.display())]
    StillAnswers { site: SiteName, server: ServerName, path: PathBuf },
    #[error("the names of `{site}` cannot be redirected to `{target}`: it is none of them")]
    RedirectElsewhere { site: SiteName, target: HostName },
    #[error("the time zone `{zone}` is none that `{}` lists", php.display())]
    OldTimeZone { zone: TimeZoneName, php: PathBuf },
    #[error("`{}` has {} MB left, and a site needs {} MB", at.display(), free >> 20, needs >> 20)]
    NoRoom { at: PathBuf, free: u64, needs: u64 },
}

impl Remedy for SiteFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            SiteFault::NoWebService { server } => {
                format!("add one with `aegir provision save @server_{server} --http nginx …`")
            }
            SiteFault::NotVerified { platform } | SiteFault::NotServed { platform } => {
                format!("run `aegir provision verify @platform_{platform}` first")
            }
            SiteFault::NoProfile { .. } => "look into its `profiles` folder: each profile needs an info file".into(),
            SiteFault::ProfileMissing { has, .. } => format!("choose one of: {}", has.join(", ")),
            SiteFault::BrokenCode { .. } => {
                "correct that file, or put the package's code there anew, then verify the platform".into()
            }
            SiteFault::Taken { by, .. } => format!("choose another name, or take it from `{by}` first"),
            SiteFault::Twice { .. } => "give each name once; the site's own name is no alias".into(),
            SiteFault::InTheWay { path } => {
                format!(
                    "if it is a site to be kept, import it; else move `{}` away, or choose another name",
                    path.display()
                )
            }
            SiteFault::StillAnswers { site, server, path } => format!(
                "to have Ægir look after it again, run `aegir provision import {site}`; else move `{}` away and run `aegir \
                 provision verify @server_{server}`, or choose another name",
                path.display()
            ),
            SiteFault::RedirectElsewhere { target, .. } => {
                format!("add `{target}` to the aliases too, or leave the redirect out")
            }
            SiteFault::OldTimeZone { .. } => {
                "choose today's name of that zone, such as `Asia/Kolkata` for `Asia/Calcutta`".into()
            }
            SiteFault::NoRoom { at, .. } => format!("make room on the disk of `{}`", display(at)),
        })
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
