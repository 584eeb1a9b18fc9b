//! Install: makes a new site, in service when it ends, or leaves nothing of it.
//!
//! The installer runs before the site is published, so that nobody sees a half-made one.

use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{
    Context, Database, DbName, Fault, InstallMethod, InstallSite, Langcode, MachineName, Marker, PlatformContext,
    PlatformRoot, SiteAnswer, SiteContext,
};
use aegir_drupal::Family;
use aegir_drupal::driver::{Booted, DriverFault, FaultKind, Install as Installer, Installed, Operation};
use aegir_recipe::{Action, Afterwards, Committed, Recipe, Run, Undo};
use serde::{Deserialize, Serialize};

use super::facts::{DatabaseReady, NameIsFree, PhpReady, PlatformReady, PlatformServed, Room, Served};
use super::layout::{self, MakeSiteFolder, SettleModes, WriteCredentials};
use super::probe::{Links, Packages, SiteAnswers};
use super::translation::{self, TranslationReady};
use crate::World;
use crate::service::code_ahead::CodeAhead;
use crate::service::php::{self, Asker};
use crate::step::context::SaveContext;
use crate::step::database::{CreateDatabase, CreateDatabaseUser};
use crate::step::file::{make_folder, put};
use crate::step::secret::MakeSecret;
use crate::step::sites_php::ListSite;
use crate::step::vhost::PublishVhost;

/// What a new site takes at the most before its first upload, in bytes (facts, section 1: 36 MB with its database).
const ROOM: u64 = 100 << 20;

/// Makes a new site.
pub(crate) struct Install {
    pub(crate) asked: InstallSite,
}

impl Recipe<World> for Install {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let InstallSite { site, platform, db_server, .. } = &self.asked;

        let ready = run.check(PlatformReady { platform: platform.clone(), profile: self.asked.profile.clone() })?;
        run.check(PlatformServed { platform: ready.platform.clone(), site: Served::New })?;
        run.check(NameIsFree {
            site: site.clone(),
            now: None,
            names: std::iter::once(site.host()).chain(self.asked.aliases.iter().cloned()).collect(),
            redirect: self.asked.redirect.clone(),
            root: ready.platform.root.clone(),
        })?;
        run.check(PhpReady {
            platform: ready.platform.clone(),
            time_zone: self.asked.time_zone.clone(),
            engine: None,
        })?;
        let hosts =
            run.check(DatabaseReady { server: db_server.clone(), php: ready.platform.clone(), core: ready.major })?;
        let mut translation = None;
        if self.asked.language != Langcode::english() && self.asked.method == InstallMethod::Profile {
            translation = run.check(TranslationReady {
                platform: ready.platform.clone(),
                profile: ready.profile.clone(),
                language: self.asked.language.clone(),
                core: ready.core.clone(),
            })?;
        }
        run.check(Room { at: ready.platform.root.path().join("sites"), bytes: ROOM })?;

        let mint = &run.world().parts.mint;
        let attempt = run.world().task.attempt;
        let database = Database {
            name: DbName::for_site(site, mint.random()),
            marker: Marker::new(site, attempt),
            hosts: hosts.clone(),
        };
        let context = self.context(&ready.platform, ready.profile.clone(), database.clone(), &ready.core);
        let root = ready.platform.root.clone();

        run.step(MakeSecret { name: "database".into() })?;
        run.step(MakeSecret { name: "hash-salt".into() })?;
        run.step(CreateDatabase {
            server: db_server.clone(),
            name: database.name.clone(),
            marker: database.marker.clone(),
        })?;
        run.step(CreateDatabaseUser { server: db_server.clone(), name: database.name.clone(), hosts })?;
        run.step(MakeSiteFolder { root: root.clone(), site: site.clone(), attempt })?;
        run.step(WriteCredentials { site: site.clone(), server: db_server.clone(), name: database.name.clone() })?;
        layout::write_settings(run, &context, &ready.platform)?;
        run.step(ListSite {
            platform: platform.clone(),
            root: root.clone(),
            site: site.clone(),
            names: context.names(),
            were: Vec::new(),
        })?;
        if !context.awaits_installer {
            run.step(RunInstaller {
                root: root.clone(),
                platform: ready.platform.clone(),
                site: Box::new(context.clone()),
                translation,
            })?;
        }
        run.step(SettleModes { root: root.clone(), site: site.clone() })?;
        run.step(SaveContext { context: Context::Site(Box::new(context.clone())), was: None })?;
        run.step(PublishVhost::new(&context, &ready.platform))?;
        Links { site: &context, root: &root }.make(run)?;
        let mut found = SiteAnswer { core: context.core.clone(), packages: None, installer: None, changes: Vec::new() };
        if context.awaits_installer {
            let address = Asker::of(run.world(), &context, &ready.platform)?.installer_address();
            run.say(format!("Everything is ready. Call the installer at {address}, then verify the site"));
            found.installer = Some(address);
        } else {
            let code = CodeAhead::begin(root.path());
            run.check(SiteAnswers { site: context.clone(), platform: ready.platform.clone() })?;
            let packages = Packages { site: context.clone(), core: context.core.clone(), code };
            found.packages = Some(run.check(packages)?);
            let link = run.check(super::login::MakeLink { site: site.clone(), account: 1 })?;
            run.secret_answer("login_link", link.url);
        }

        if let Some(welcome) = &self.asked.welcome {
            run.say(welcome.to_string());
        }
        run.answer_with(&found);
        run.answer("site", site.as_str());
        run.answer("database", database.name.as_str());
        run.answer("profile", ready.profile.as_str());
        run.point_of_no_return(Afterwards::new().cleanup(layout::DropFolderMark { root, site: site.clone(), attempt }))
    }
}

impl Install {
    fn context(&self, platform: &PlatformContext, profile: MachineName, database: Database, core: &str) -> SiteContext {
        let asked = self.asked.clone();
        let title = asked.title.unwrap_or_else(|| asked.site.as_title());
        SiteContext {
            name: asked.site,
            revision: 1,
            platform: platform.name.clone(),
            db_server: asked.db_server,
            database,
            profile,
            language: asked.language,
            time_zone: asked.time_zone,
            title,
            account: asked.account,
            mail: asked.mail,
            aliases: asked.aliases,
            redirect: asked.redirect,
            client: asked.client,
            core: core.to_owned(),
            awaits_installer: asked.method == InstallMethod::Manual,
            disabled: false,
            quiet: aegir_domain::Quiet::default(),
            copy_of: None,
            cron: asked.cron,
            formers: Vec::new(),
        }
    }
}

/// Runs Drupal's own installer, in one process of PHP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunInstaller {
    pub(crate) root: PlatformRoot,
    pub(crate) platform: PlatformContext,
    pub(crate) site: Box<SiteContext>,
    /// The file with the site's language, if it need not be fetched.
    #[serde(default)]
    pub(crate) translation: Option<PathBuf>,
}

impl Action<World> for RunInstaller {
    type Output = ();
    const NAME: &'static str = "run-installer";
    const LIMIT: Duration = Duration::from_secs(3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let site = &self.site;
        self.bring_translation(world)?;
        let asker = Asker::of(world, site, &self.platform)?;
        let installer = Installer {
            profile: site.profile.clone(),
            language: site.language.clone(),
            title: site.title.clone(),
            mail: site.mail.clone(),
            account: site.account.clone(),
            account_mail: site.mail.clone(),
            // Nobody is told it: the first administrator comes in by a one-time link.
            account_password: world.parts.mint.password(),
            time_zone: site.time_zone.clone(),
            country: None,
            translation_server: world.parts.settings.translation_server.clone(),
        };
        let limit = Duration::from_secs(world.parts.settings.install_limit);
        let installed = match asker.install(installer, limit) {
            Err(fault) if is_installed_already(&fault) => already_so(&asker).ok_or(fault)?,
            result => result?,
        };
        if installed.langcode != site.language.as_str() {
            world.warn(format!(
                "The site speaks `{}`: the profile has no translation for `{}`",
                installed.langcode, site.language
            ));
        }
        world.say(format!("Drupal {} is installed with the profile `{}`", installed.core_version, installed.profile));
        Ok(())
    }
}

impl RunInstaller {
    /// Puts the translation where the installer of Drupal 8 and later looks; that of Drupal 7 finds it itself.
    fn bring_translation(&self, world: &World) -> Result<(), Fault> {
        let Some(from) = &self.translation else { return Ok(()) };
        if php::family(&self.platform, &self.site.core)? == Family::Seven {
            return Ok(());
        }
        let folder = self.root.site_dir(&self.site.name).join("files/translations");
        make_folder(world, &folder, 0o2770, Some(world.parts.web_gid))?;
        let name = translation::file_name(&self.site.core, &self.site.language);
        if let Some(bytes) = world.files().read(from)? {
            put(world, &folder.join(name), &bytes, 0o660, Some(world.parts.web_gid))?;
        }
        Ok(())
    }
}

fn is_installed_already(fault: &Fault) -> bool {
    fault.downcast_ref::<DriverFault>().and_then(DriverFault::kind) == Some(&FaultKind::AlreadyInstalled)
}

/// What an earlier run of this step installed, if it came to its end.
fn already_so(asker: &Asker<'_>) -> Option<Installed> {
    let booted: Booted = asker.ask(Operation::Boot, Duration::from_secs(120)).ok()?;
    booted.installed.then_some(Installed {
        core_version: booted.core_version,
        site_path: booted.site_path,
        site_name: booted.site_name,
        profile: booted.profile,
        langcode: booted.langcode,
        install_time: booted.install_time,
    })
}

impl Undo<World> for RunInstaller {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // What it wrote lies in the database and the folder that earlier steps made; it writes nowhere else.
        Ok(())
    }
}
