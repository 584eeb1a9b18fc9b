//! Verify platform: checks a platform's code, and brings what Ægir keeps in it to what it should be.
//! It never changes the code itself.

mod build;
mod code;
mod delete;
mod make;
mod restore;
mod sources;

use std::path::{Path, PathBuf};

use aegir_domain::{
    Context, ContextName, Fault, FoundSite, PackageCode, PlatformAnswer, PlatformContext, PlatformFacts, PlatformName,
    PlatformRoot, ProfileLanguage, Reach, Remedy, SiteFolder,
};
use aegir_drupal::{plain_settings, sites_php};
use aegir_host::Kind;
use aegir_recipe::{Action, Afterwards, Check, Committed, Recipe, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::contexts::Contexts;
use crate::service::fpm::PoolOf;
use crate::service::http::Down;
use crate::service::php;
use crate::site::{FileNow, translation};
use crate::step::context::{SaveContext, SavedText};
use crate::step::file::{Current, Keep, MakeFolder, Want, Was, converge, converge_folder};
use crate::step::web_files::{PlatformFiles, PublishPlatform, Replaced, Standing};
use crate::{World, context_task};

pub(crate) use build::Build;
pub(crate) use code::{CheckOut, CopyCode, FetchArchive, InstallPackages, MakeProject, PlaceCode, UnpackDemo};
pub(crate) use delete::{Delete, WithdrawPool, withdraw};
pub(crate) use make::{FetchPart, PlacePart};
pub(crate) use restore::{Restore, TakeOut};

use build::project_of;

/// Brings a platform to what its context says.
pub(crate) struct Verify {
    pub(crate) platform: PlatformName,
    /// What its record is to say first.
    pub(crate) context: Option<PlatformContext>,
}

impl Recipe<World> for Verify {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        if let Some(context) = &self.context {
            context_task::save(run, &Context::Platform(context.clone()))?;
        }
        let Code { platform, facts, found_sites, packages, drivers, languages } =
            run.check(CodeIsSound { platform: self.platform.clone() })?;
        let php = run.check(PhpRuns { platform: platform.clone(), needs: facts.php_minimum.clone() })?;
        let mut changes: Vec<String> = Vec::new();

        let trash = aegir_domain::Home::trash_beside(&platform.root.path().join("sites"));
        if run.world().files().kind(&trash)?.is_none() {
            run.step(MakeFolder { path: trash, mode: 0o700, group: None })?;
            changes.push("the trash".into());
        }
        // PHP may open only what is there when it asks, so this folder must be.
        for (path, mode) in shared_folders(&facts.core) {
            changes.extend(converge_folder(run, platform.root.path().join(path), mode, true)?);
        }
        let path = platform.root.path().join(sites_php::FILE);
        let current = run.check(FileNow { path: path.clone() })?;
        if let Some(text) = self.sites_php(run, &platform, &current)? {
            converge(run, &current, Want { path: &path, text: &text, mode: 0o644, group: None, keep_as: "sites.php" })?;
            changes.push("`sites.php`".into());
        }
        if pool_is_off(run.world(), &platform)? {
            let path = PoolOf::new(run.world(), &platform).path();
            let was = run.step(Keep { path, name: "pool".into() })?;
            run.step(PublishPool { platform: platform.clone(), was })?;
            changes.push("its PHP pool".into());
        }
        let server = run.world().contexts().server(&platform.server)?;
        if server.http.is_some() {
            let found = PlatformContext { facts: Some(facts.clone()), ..platform.clone() };
            changes.extend(web_files(run, &found)?);
        }
        if platform.facts.as_ref() != Some(&facts) {
            let was = run.check(SavedText { name: ContextName::Platform(platform.name.clone()) })?;
            let context =
                PlatformContext { revision: platform.revision + 1, facts: Some(facts.clone()), ..platform.clone() };
            run.step(SaveContext { context: Context::Platform(context), was })?;
            changes.push("what is known of it".into());
        }

        match changes.is_empty() {
            true => run.say("Nothing was to change"),
            false => run.say(format!("Changed: {}", changes.join(", "))),
        }
        run.say(format!("Drupal {} on PHP {}; {} packages", facts.core, php.version, packages.len()));
        let PlatformFacts { core, default_profile, .. } = facts;
        let engines = php::engines(&php, &drivers);
        if engines.is_empty() {
            run.say("Neither MariaDB nor SQLite can be used here: its PHP or its Drupal has no driver, so no site can live on it");
        }
        let engines = Some(engines);
        let php = php.version;
        run.answer_with(&PlatformAnswer {
            core,
            php,
            default_profile,
            packages,
            engines,
            languages,
            found_sites,
            changes,
        });
        run.point_of_no_return(Afterwards::new())
    }
}

impl Verify {
    /// The text that `sites.php` should have, if it is not a file of ours yet. One that somebody else
    /// made is moved to where their lines belong.
    fn sites_php(
        &self,
        run: &mut Run<'_, World>,
        platform: &PlatformContext,
        current: &Current,
    ) -> Result<Option<String>, Fault> {
        let text = current.bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let ours = text.as_deref().is_some_and(sites_php::is_ours);
        if let (Some(text), false) = (&text, ours) {
            let path = platform.root.path().join(sites_php::LOCAL_FILE);
            let there = run.check(FileNow { path: path.clone() })?;
            if there.bytes.is_some() {
                return Err(PlatformFault::TwoLists { root: platform.root.clone() }.into());
            }
            converge(run, &there, Want { path: &path, text, mode: 0o644, group: None, keep_as: "local.sites.php" })?;
            run.say(format!("Moved the lines of `sites.php` to `{}`", path.display()));
        }
        let mut entries = Vec::new();
        for site in run.world().contexts().sites()?.into_iter().filter(|site| site.platform == platform.name) {
            entries.extend(site.names().into_iter().map(|name| (name, site.name.clone())));
        }
        let listed = text.as_deref().filter(|_| ours).map(sites_php::read).unwrap_or_default();
        let same = ours && listed.len() == entries.len() && entries.iter().all(|entry| listed.contains(entry));
        Ok((!same).then(|| sites_php::render(entries.iter().map(|(name, site)| (name, site)))))
    }
}

/// A platform whose code can be read and is Drupal.
struct CodeIsSound {
    platform: PlatformName,
}

struct Code {
    platform: PlatformContext,
    facts: PlatformFacts,
    found_sites: Vec<FoundSite>,
    packages: Vec<PackageCode>,
    drivers: Vec<&'static str>,
    languages: Vec<ProfileLanguage>,
}

impl Check<World> for CodeIsSound {
    type Output = Code;
    const NAME: &'static str = "code-is-sound";

    fn look(&self, world: &World) -> Result<Code, Fault> {
        let platform = world.contexts().platform(&self.platform)?;
        root_is_acceptable(world, &platform.name, &platform.root)?;
        let sites = platform.root.path().join("sites");
        if !world.files().may_write(&sites)? {
            return Err(PlatformFault::NotOurs { path: sites }.into());
        }
        let code = aegir_drupal::platform::read(platform.root.path())?;
        if !code.core.tried() {
            world.warn(format!("Drupal {} was not tried with this version of Ægir", code.core));
        }
        for finding in &code.findings {
            world.warn(format!("`{}`: {}", finding.path, finding.reason));
        }
        if let Some(error) = code.errors().next() {
            return Err(PlatformFault::Broken { path: error.path.clone(), reason: error.reason.clone() }.into());
        }
        if let Some(path) = writable_by_sites(world, &platform.root)? {
            world.warn(format!(
                "PHP of every site may write to `{0}`, and so change what the others run; as root, run `chmod -R go-w {0}`",
                path.display()
            ));
        }
        let default_profile = match code.default_profile() {
            Some(profile) => profile.name.clone(),
            None => return Err(PlatformFault::NoProfile { root: platform.root.clone() }.into()),
        };
        let known: Vec<String> = world.contexts().sites()?.iter().map(|site| site.name.to_string()).collect();
        let in_folder = |name: &str| code.packages.iter().filter(|package| is_of_site(package, name)).count();
        let found_sites: Vec<FoundSite> = code
            .sites
            .iter()
            .filter(|site| site.has_settings && !known.contains(&site.name))
            .filter(|site| site.name != SiteFolder::of_default().as_str() || is_installed(world, &platform.root))
            .map(|site| FoundSite {
                folder: site.name.clone(),
                link: site.link.clone(),
                of_old_aegir: site.has_drushrc,
                packages: in_folder(&site.name),
            })
            .collect();
        if !found_sites.is_empty() {
            let names: Vec<&str> = found_sites.iter().map(|site| site.folder.as_str()).collect();
            world.say(format!("Found sites that Ægir does not know: {}", names.join(", ")));
        }
        let facts =
            PlatformFacts { core: code.core.to_string(), default_profile, php_minimum: code.php_minimum.clone() };
        let names = code.profiles.iter().map(|profile| &profile.name);
        let languages = translation::at_hand(world, platform.root.path(), code.family, names)?;
        Ok(Code { platform, facts, found_sites, packages: code.packages, drivers: code.drivers, languages })
    }
}

/// Whether a site was installed in `sites/default`, whose settings every code base may have without. Nothing of them is run.
fn is_installed(world: &World, root: &PlatformRoot) -> bool {
    let settings = root.folder(&SiteFolder::of_default()).join("settings.php");
    match world.files().read(&settings) {
        Ok(text) => plain_settings::may_have_data(&String::from_utf8_lossy(&text.unwrap_or_default())),
        // Kept from us: an installer of Drupal does so, and a look tells more.
        Err(_) => true,
    }
}

/// Whether a package lies in the folder of this site.
fn is_of_site(package: &PackageCode, name: &str) -> bool {
    matches!(&package.reach, Reach::Site(site) if site == name)
}

/// The platform's PHP is there and new enough.
struct PhpRuns {
    platform: PlatformContext,
    needs: String,
}

impl Check<World> for PhpRuns {
    type Output = php::Facts;
    const NAME: &'static str = "php-runs";

    fn look(&self, world: &World) -> Result<php::Facts, Fault> {
        let facts = php::facts(world, &self.platform)?;
        php::new_enough(&facts, &self.needs)?;
        php::fits(&facts, &self.platform, world)?;
        Ok(facts)
    }
}

/// Whether a platform may lie at `root`: inside the allowed bases once links are followed, a Drupal,
/// and nobody else's.
pub(crate) fn root_is_acceptable(world: &World, name: &PlatformName, root: &PlatformRoot) -> Result<(), Fault> {
    let path = root.path();
    let Some(real) = world.files().real(path)? else {
        return Err(PlatformFault::Missing { root: root.clone() }.into());
    };
    if !matches!(world.files().kind(&real)?, Some(Kind::Dir)) {
        return Err(PlatformFault::NoFolder { root: root.clone() }.into());
    }
    let bases = world.parts.settings.bases(world.home());
    let inside = |path: &Path| {
        bases.iter().any(|base| {
            let base = world.files().real(base).ok().flatten().unwrap_or_else(|| base.clone());
            path.starts_with(&base) && path != base
        })
    };
    if inside(&real) && real != path {
        return Err(PlatformFault::Linked { root: root.clone(), real }.into());
    }
    if !inside(&real) {
        return Err(PlatformFault::Outside { root: root.clone(), real, bases }.into());
    }
    let docroot = aegir_drupal::platform::docroot(path)?;
    if docroot != path {
        return Err(PlatformFault::NotTheRoot { root: root.clone(), docroot }.into());
    }
    for other in Contexts::new(world.home(), world.files()).all()? {
        let Context::Platform(other) = other else { continue };
        let same = other.root == *root
            || world.files().real(other.root.path()).is_ok_and(|other| other.as_deref() == Some(real.as_path()));
        if other.name != *name && same {
            return Err(PlatformFault::Taken { root: root.clone(), by: other.name }.into());
        }
    }
    Ok(())
}

/// The first of the root and what lies in it that the workers of the web server may write, where they are not
/// ourselves. What lies deeper is as its folder in nearly every tree.
fn writable_by_sites(world: &World, root: &PlatformRoot) -> Result<Option<PathBuf>, Fault> {
    let parts = &world.parts;
    let root = root.path();
    let names = world.files().list(root)?;
    for path in std::iter::once(root.to_owned()).chain(names.iter().map(|name| root.join(name))) {
        let Some(stat) = world.files().stat(&path)? else { continue };
        let is_link = matches!(stat.kind, Kind::Link(_));
        let theirs = stat.gid == parts.web_gid && stat.gid != parts.own_gid && stat.mode & 0o020 != 0;
        if !is_link && (theirs || stat.mode & 0o002 != 0) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The folders of a platform that all its sites share (M6); Drupal 8 and later keep code elsewhere.
fn shared_folders(core: &str) -> Vec<(&'static str, u32)> {
    let mut folders = vec![("sites/all", 0o755)];
    if core.starts_with("7.") {
        folders.extend(["sites/all/modules", "sites/all/themes", "sites/all/libraries"].map(|path| (path, 0o2775)));
    }
    folders
}

/// Brings what the web server has of a platform to what its code calls for, and says whether it changed anything.
fn web_files(run: &mut Run<'_, World>, platform: &PlatformContext) -> Result<Option<String>, Fault> {
    let found = run.check(PlatformFiles { platform: platform.clone() })?;
    if found.standing == Standing::Current && found.loaded {
        return Ok(None);
    }
    let files = found.files;
    let files = Replaced::keep(run, files, "platform")?;
    run.step(PublishPlatform { server: platform.server.clone(), files })?;
    Ok(Some("what the web server knows of it".into()))
}

fn pool_is_off(world: &World, platform: &PlatformContext) -> Result<bool, Fault> {
    let pool = PoolOf::new(world, platform);
    let Some(text) = world.files().read_text(&pool.path())? else { return Ok(true) };
    let generation = PoolOf::generation(&text);
    Ok(text != pool.text(generation)? || !pool.answers(generation))
}

/// Puts a platform's PHP pool in service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublishPool {
    pub(crate) platform: PlatformContext,
    pub(crate) was: Was,
}

impl Action<World> for PublishPool {
    type Output = ();
    const NAME: &'static str = "publish-pool";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let pool = PoolOf::new(world, &self.platform);
        let has = world.files().read_text(&pool.path())?.map_or(0, |text| PoolOf::generation(&text));
        pool.publish(Some(&pool.text(has + 1)?), Down::Refused)
    }
}

impl Undo<World> for PublishPool {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        bring_pool_back(world, &self.platform, &self.was)
    }
}

/// Has php-fpm run a platform's pool as it was.
fn bring_pool_back(world: &World, platform: &PlatformContext, was: &Was) -> Result<(), Fault> {
    let pool = PoolOf::new(world, platform);
    let text = match was {
        Was::Absent => None,
        Was::Kept { name, .. } => match world.files().read_text(&world.task.kept().join(name))? {
            Some(text) => Some(text),
            None => return Ok(()),
        },
    };
    // The file alone proves nothing: an undo may have died before php-fpm read it.
    let stands = world.files().read_text(&pool.path())? == text;
    match text.as_deref().is_some_and(|text| stands && pool.answers(PoolOf::generation(text))) {
        true => pool.swap(text.as_deref()),
        false => pool.publish(text.as_deref(), Down::Tolerated),
    }
}

/// Why a platform cannot be used.
#[derive(Debug, thiserror::Error)]
enum PlatformFault {
    #[error("there is nothing at `{root}`")]
    Missing { root: PlatformRoot },
    #[error("`{root}` is no folder")]
    NoFolder { root: PlatformRoot },
    #[error("`{root}` leads to `{}`, outside the folders where platforms may lie", real.display())]
    Outside { root: PlatformRoot, real: PathBuf, bases: Vec<PathBuf> },
    #[error("`{root}` is reached through a symbolic link")]
    Linked { root: PlatformRoot, real: PathBuf },
    #[error("`{root}` is no document root: that is `{}`", docroot.display())]
    NotTheRoot { root: PlatformRoot, docroot: PathBuf },
    #[error("`{root}` is the platform `{by}` already")]
    Taken { root: PlatformRoot, by: PlatformName },
    #[error("Ægir may not write to `{}`", path.display())]
    NotOurs { path: PathBuf },
    #[error("the platform at `{root}` has no profile that can be installed")]
    NoProfile { root: PlatformRoot },
    #[error("`{path}` of the platform is broken: {reason}")]
    Broken { path: String, reason: String },
    #[error("`{root}` has a `sites.php` of somebody else's, and a `local.sites.php` too")]
    TwoLists { root: PlatformRoot },
}

impl Remedy for PlatformFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            PlatformFault::Missing { .. } => "put the code there first, or correct the path".into(),
            PlatformFault::NoFolder { .. } => "give the folder with `index.php`".into(),
            PlatformFault::Outside { bases, .. } => {
                let bases: Vec<_> = bases.iter().map(|base| format!("`{}`", base.display())).collect();
                format!(
                    "move it below {}, or name its folder as one of `platform_bases` in `hostmaster/aegir.toml`",
                    bases.join(" or ")
                )
            }
            PlatformFault::Linked { real, .. } => format!("give the path it leads to, `{}`", real.display()),
            PlatformFault::NotTheRoot { docroot, .. } => format!("give `{}`", docroot.display()),
            PlatformFault::Taken { by, .. } => format!("use `@platform_{by}`"),
            PlatformFault::NotOurs { path } => {
                format!(
                    "as root, run `chown -R aegir: {0}` (with the user that Ægir runs as), then retry",
                    path.display()
                )
            }
            PlatformFault::NoProfile { .. } => {
                "look into its `profiles` folder: each profile needs an info file".into()
            }
            PlatformFault::Broken { .. } => "correct that file, or put the package's code there anew".into(),
            PlatformFault::TwoLists { .. } => {
                "merge the two by hand into `sites/local.sites.php`, and remove `sites/sites.php`".into()
            }
        })
    }
}
