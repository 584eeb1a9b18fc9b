//! Eject: lets go of a site, which runs on where it lies. The way out.
//!
//! ```text
//!   settings.php        → one that needs nothing of Ægir: the database, its password and the salt stand in it
//!   its vhost           → goes on as it is, until whoever looks after it takes that over
//!   <home>/ejected/…    ← a vhost without Ægir, a crontab line, and what is to be known
//! ```
//!
//! Nothing of its code, its files and its tables is touched. The database bears our marker no more, so nobody here would drop
//! it. What is forgotten last is the record of the site.

mod parting;

use aegir_domain::{ContextName, Fault, PlatformContext, Remedy, SiteContext, SiteName};
use aegir_drupal::sites_php;
use aegir_host::Kind;
use aegir_recipe::{Action, Afterwards, Check, Committed, Recipe, Run, Undo};
use serde::{Deserialize, Serialize};

use super::layout::{self, SETTINGS_MODE};
use super::probe::{Links, SiteAnswers};
use super::verify::Boots;
use crate::World;
use crate::service::{DbServer, php};
use crate::step::context::{ForgetContext, SavedText};
use crate::step::database::UnmarkDatabase;
use crate::step::file::{Keep, MakeFolder, TakeAway, Was, put, put_back};
use crate::step::sites_php::{ListByHand, ListSite, listed};

pub(crate) use parting::WriteParting;

/// Lets go of a site.
pub(crate) struct Eject {
    pub(crate) site: SiteName,
}

impl Recipe<World> for Eject {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let (site, platform) = run.check(CanBeLetGo { site: self.site.clone() })?;
        let name = ContextName::Site(site.name.clone());
        let saved = run.check(SavedText { name: name.clone() })?;

        let settings = layout::settings_path(&site, &platform);
        let was = run.step(Keep { path: settings.clone(), name: "settings.php".into() })?;
        run.step(WriteLiteral { site: Box::new(site.clone()), platform: platform.clone(), was })?;
        let ejected = run.world().home().ejected();
        if run.world().files().kind(&ejected)?.is_none() {
            run.step(MakeFolder { path: ejected.clone(), mode: 0o700, group: None })?;
        }
        let folder = ejected.join(run.world().trash_name(site.name.as_str()));
        run.step(WriteParting { site: Box::new(site.clone()), platform: platform.clone(), folder: folder.clone() })?;
        list_by_hand(run, &site, &platform)?;
        run.check(Boots { site: site.clone(), platform: platform.clone() })?;
        run.check(SiteAnswers { site: site.clone(), platform: platform.clone() })?;
        run.step(UnmarkDatabase { server: site.db_server.clone(), database: site.database.clone() })?;
        Links { site: &site, root: &platform.root }.remove(run)?;
        let credentials = run.world().home().credentials_of(&name);
        let was = run.step(Keep { path: credentials.clone(), name: "credentials".into() })?;
        run.step(TakeAway { path: credentials, was })?;
        run.step(ForgetContext { name, was: saved })?;

        let vhost = layout::vhost_path(run.world(), &platform, &site.name)?;
        run.say(format!("`{}` is not Ægir's any more, and runs on: `{}` is yours", site.name, settings.display()));
        run.say(format!(
            "The web server and php-fpm of Ægir answer for it as before, by `{}`; how to do without them stands in `{}`",
            vhost.display(),
            folder.join(parting::README).display()
        ));
        run.say("Its cron, its backups and its updates are yours from now on");
        run.answer("site", site.name.as_str());
        run.answer("database", site.database.name.as_str());
        run.answer("settings", settings.to_string_lossy());
        run.answer("ejected", folder.to_string_lossy());
        run.point_of_no_return(Afterwards::new())
    }
}

/// Has the names of a site lead to it by lines that nobody writes anew. Its own is that of its folder.
fn list_by_hand(run: &mut Run<'_, World>, site: &SiteContext, platform: &PlatformContext) -> Result<(), Fault> {
    let (wild, names): (Vec<_>, Vec<_>) = site.aliases.iter().cloned().partition(|name| name.wildcard().is_some());
    for name in wild {
        run.say(format!(
            "Have `{name}` lead to the site by a line of your own in `sites/local.sites.php`, if Drupal is to know it"
        ));
    }
    let root = &platform.root;
    let were = listed(run.world(), root, &site.name)?;
    if !names.is_empty() {
        let (platform, site) = (platform.name.clone(), site.name.clone());
        let makes = run.world().files().kind(&root.path().join(sites_php::LOCAL_FILE))?.is_none();
        run.step(ListByHand { platform, root: root.clone(), site, names, makes })?;
    }
    if were.is_empty() {
        return Ok(());
    }
    let (platform, site) = (platform.name.clone(), site.name.clone());
    run.step(ListSite { platform, root: root.clone(), site, names: Vec::new(), were })
}

/// A site that is in service, whole, and has nothing that Ægir alone could return to.
struct CanBeLetGo {
    site: SiteName,
}

impl Check<World> for CanBeLetGo {
    type Output = (SiteContext, PlatformContext);
    const NAME: &'static str = "can-be-let-go";

    fn look(&self, world: &World) -> Result<(SiteContext, PlatformContext), Fault> {
        let site = world.contexts().site(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        let name = || site.name.clone();
        if site.awaits_installer {
            return Err(EjectFault::AwaitsInstaller { site: name() }.into());
        }
        if site.disabled {
            return Err(EjectFault::Disabled { site: name() }.into());
        }
        if !site.formers.is_empty() {
            return Err(EjectFault::HasFormers { site: name(), count: site.formers.len() }.into());
        }
        let folder = platform.root.site_dir(&site.name);
        if world.files().kind(&folder)? != Some(Kind::Dir) {
            return Err(EjectFault::NoFolder { site: name(), folder }.into());
        }
        DbServer::of(world, &site.db_server)?.must_bear(&site.database.name, &site.database.marker)?;
        php::read_credentials(world, &site.name)?;
        Ok((site, platform))
    }
}

/// Writes the settings of a site so that they need nothing of Ægir. They hold a password, so they are rendered when the step
/// acts, and are no input of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WriteLiteral {
    pub(crate) site: Box<SiteContext>,
    pub(crate) platform: PlatformContext,
    /// What it replaces.
    pub(crate) was: Was,
}

impl Action<World> for WriteLiteral {
    type Output = ();
    const NAME: &'static str = "write-literal";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let credentials = php::read_credentials(world, &self.site.name)?;
        let settings = layout::settings_of(world, &self.site, &self.platform)?;
        let template = world.home().templates().join(settings.template_name());
        if world.files().kind(&template)?.is_some() {
            world.warn(format!(
                "Its settings follow our template, not `{}`: what only that says is yours to write into them",
                template.display()
            ));
        }
        let text = settings.render_literal(&credentials)?;
        let path = layout::settings_path(&self.site, &self.platform);
        put(world, &path, text.expose().as_bytes(), SETTINGS_MODE, Some(world.parts.web_gid))?;
        world.say(format!("`{}` holds what it needs, its password among it", path.display()));
        Ok(())
    }
}

impl Undo<World> for WriteLiteral {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        put_back(world, &layout::settings_path(&self.site, &self.platform), &self.was)
    }
}

/// Why a site is not let go of.
#[derive(Debug, thiserror::Error)]
enum EjectFault {
    #[error("Drupal is not installed into `{site}` yet: there is nothing to let go of")]
    AwaitsInstaller { site: SiteName },
    #[error("`{site}` is out of service, so nobody can tell whether it would run on")]
    Disabled { site: SiteName },
    #[error("`{site}` has former selves ({count}), to which Ægir alone could go back")]
    HasFormers { site: SiteName, count: usize },
    #[error("`{site}` has no folder `{}`", folder.display())]
    NoFolder { site: SiteName, folder: std::path::PathBuf },
}

impl Remedy for EjectFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            EjectFault::AwaitsInstaller { site } => {
                format!("call its installer, then run `aegir provision verify @{site}`; or delete it")
            }
            EjectFault::Disabled { site } => {
                format!("take it into service first, with `aegir provision enable @{site}`")
            }
            EjectFault::HasFormers { site, .. } => {
                format!("let go of them first, each with `aegir provision drop-formers @{site} --former NAME`")
            }
            EjectFault::NoFolder { .. } => "put it back, from a backup if need be; then ask again".into(),
        })
    }
}
