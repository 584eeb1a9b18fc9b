//! Build platform: puts code into a new folder of the home and saves it as a platform, or leaves nothing.
//!
//! The code is put together beside its place, under a name that belongs to the task, and appears there
//! whole. A tree that is copied is only read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{
    BuildPlatform, BuiltFrom, CodeFolder, Context, ContextName, Fault, PlatformContext, PlatformName, PlatformRoot,
    PlatformSource, Remedy, ServerName,
};
use aegir_host::Wanted;
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::code::{CopyCode, MakeProject, PlaceCode, UnpackDemo};
use super::sources::bring;
use crate::World;
use crate::service::composer::{Composer, REGISTRY_LIMIT};
use crate::service::php;
use crate::site::Room;
use crate::step::context::SaveContext;
use crate::step::file::converge_folder;

/// Room for a project of Composer with its downloads (facts: a tree of Drupal 10 or 11 takes 130 MB).
pub(super) const PROJECT_ROOM: u64 = 500 << 20;
const DEMO_ROOM: u64 = 20 << 20;

/// Puts code into a new folder and saves it as a platform.
pub(crate) struct Build {
    pub(crate) asked: BuildPlatform,
}

impl Recipe<World> for Build {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let BuildPlatform { platform, server, php, source } = &self.asked;
        let name = run.check(PlatformIsNew { platform: platform.clone(), server: server.clone() })?;
        let php = run.check(PhpIsThere { platform: name.clone(), php: php.clone(), server: server.clone() })?;
        let platforms = run.world().home().platforms();
        let place = platforms.join(platform.as_str());
        let aside = platforms.join(format!(".{}", run.world().trash_name(platform.as_str())));
        let mut built = None;

        match source {
            PlatformSource::Copy { from } => {
                let tree = run.check(TreeCanBeCopied { from: from.clone(), php })?;
                run.check(Room { at: platforms.clone(), bytes: tree.bytes + tree.bytes / 10 })?;
                converge_folder(run, platforms, 0o755, false)?;
                run.step(CopyCode { from: tree.project, docroot: tree.docroot, to: aside.clone() })?;
            }
            PlatformSource::Composer { package, constraint, registry } => {
                let composer = Composer { php: php.program.clone(), registry: registry.clone() };
                let constraint = match constraint {
                    Some(constraint) => constraint.clone(),
                    None => newest_for(&php)?,
                };
                run.check(RegistryAnswers { composer: composer.clone(), package: package.clone() })?;
                run.check(Room { at: platforms.clone(), bytes: PROJECT_ROOM })?;
                converge_folder(run, platforms, 0o755, false)?;
                run.step(MakeProject { composer, package: package.clone(), constraint, to: aside.clone() })?;
            }
            PlatformSource::Demo => {
                run.check(Room { at: platforms.clone(), bytes: DEMO_ROOM })?;
                converge_folder(run, platforms, 0o755, false)?;
                run.step(UnpackDemo { to: aside.clone() })?;
            }
            PlatformSource::Archive { .. }
            | PlatformSource::Git { .. }
            | PlatformSource::Project { .. }
            | PlatformSource::MakeFile { .. } => {
                built = Some(bring(run, source, &php, &aside)?);
            }
        }
        let code = run.check(IsDrupal { at: aside.clone(), docroot: docroot_of(source) })?;
        run.step(PlaceCode { from: aside, to: place.clone() })?;
        let root = root_in(&place.join(code.docroot))?;
        let context = PlatformContext {
            name: platform.clone(),
            revision: 1,
            root: root.clone(),
            server: server.clone(),
            php: self.asked.php.clone(),
            facts: None,
            built: built.clone(),
        };
        run.step(SaveContext { context: Context::Platform(context), was: None })?;

        run.say(format!("Drupal {} lies at `{root}`", code.core));
        run.answer("platform", platform.as_str());
        run.answer("root", root.as_str());
        run.answer("core", code.core);
        let BuiltFrom { commit, sha256, lock } = built.unwrap_or_default();
        let answers = [("commit", commit.map(String::from)), ("sha256", sha256.map(String::from)), ("lock", lock)];
        for (name, value) in answers {
            if let Some(value) = value {
                run.answer(name, value);
            }
        }
        run.point_of_no_return(Afterwards::new())
    }
}

/// Where the document root was said to lie.
fn docroot_of(source: &PlatformSource) -> Option<CodeFolder> {
    match source {
        PlatformSource::Archive { docroot, .. }
        | PlatformSource::Git { docroot, .. }
        | PlatformSource::Project { docroot, .. } => docroot.clone(),
        _ => None,
    }
}

fn root_in(path: &Path) -> Result<PlatformRoot, Fault> {
    Ok(path.to_string_lossy().parse::<PlatformRoot>()?)
}

/// The newest Drupal for this PHP.
fn newest_for(php: &php::Facts) -> Result<aegir_domain::ComposerConstraint, Fault> {
    let constraint = aegir_drupal::platform::constraint_for_php(&php.version);
    let constraint = constraint.and_then(|constraint| constraint.parse().ok());
    constraint
        .ok_or_else(|| BuildFault::PhpTooOld { program: php.program.clone(), version: php.version.clone() }.into())
}

/// Nobody has the name, and nothing lies where the code will.
struct PlatformIsNew {
    platform: PlatformName,
    server: ServerName,
}

impl Check<World> for PlatformIsNew {
    type Output = PlatformName;
    const NAME: &'static str = "platform-is-new";

    fn look(&self, world: &World) -> Result<PlatformName, Fault> {
        let server = world.contexts().server(&self.server)?;
        if server.http.is_none() {
            return Err(BuildFault::NoWebService { server: server.name }.into());
        }
        if world.contexts().find(&ContextName::Platform(self.platform.clone()))?.is_some() {
            return Err(BuildFault::Known { platform: self.platform.clone() }.into());
        }
        let place = world.home().platforms().join(self.platform.as_str());
        match world.files().kind(&place)? {
            None => Ok(self.platform.clone()),
            Some(_) => Err(BuildFault::InTheWay { path: place }.into()),
        }
    }
}

/// What the PHP of the platform is.
struct PhpIsThere {
    platform: PlatformName,
    server: ServerName,
    php: Option<PathBuf>,
}

impl Check<World> for PhpIsThere {
    type Output = php::Facts;
    const NAME: &'static str = "php-is-there";

    fn look(&self, world: &World) -> Result<php::Facts, Fault> {
        let to_be = PlatformContext {
            name: self.platform.clone(),
            revision: 0,
            root: root_in(&world.home().platforms().join(self.platform.as_str()))?,
            server: self.server.clone(),
            php: self.php.clone(),
            facts: None,
            built: None,
        };
        php::facts(world, &to_be)
    }
}

/// A tree is Drupal, and all of its code can be read.
struct TreeCanBeCopied {
    from: PathBuf,
    php: php::Facts,
}

/// A tree on this machine.
struct Found {
    /// What is copied: the document root, or the project that it belongs to.
    project: PathBuf,
    /// The document root in it; empty if it is that itself.
    docroot: PathBuf,
    bytes: u64,
}

impl Check<World> for TreeCanBeCopied {
    type Output = Found;
    const NAME: &'static str = "tree-can-be-copied";

    fn look(&self, world: &World) -> Result<Found, Fault> {
        let unlike = |reason: &str| BuildFault::NoTree { path: self.from.clone(), reason: reason.to_owned() };
        if !self.from.is_absolute() {
            return Err(unlike("it is no absolute path").into());
        }
        let Some(real) = world.files().real(&self.from)? else {
            return Err(unlike("there is nothing").into());
        };
        if world.home().path().starts_with(&real) {
            return Err(unlike("the home lies in it").into());
        }
        let code = aegir_drupal::platform::read(&real)?;
        php::new_enough(&self.php, &code.php_minimum)?;
        // Given the document root of a project, its `vendor` beside it is needed too.
        let above = code.docroot.parent().filter(|above| code.docroot == real && project_of(above, &code.docroot));
        let project = above.unwrap_or(&real).to_owned();
        if project != real {
            world.say(format!("`{}` belongs to the project `{}`, which is copied", real.display(), project.display()));
        }
        let docroot = code.docroot.strip_prefix(&project).unwrap_or(Path::new("")).to_owned();
        let survey = world.files().survey(&project, &mut |path, is_folder| wanted(&docroot, path, is_folder))?;
        if let Some(first) = survey.unreadable.first() {
            let (path, more) = (first.clone(), survey.unreadable.len() - 1);
            return Err(BuildFault::Unreadable { path, more, tree: project }.into());
        }
        if let Some(path) = survey.special.first() {
            return Err(BuildFault::Special { path: path.clone() }.into());
        }
        if code.sites.iter().any(|site| site.has_settings) {
            world.say("Its sites are left out: a platform is code");
        }
        Ok(Found { project, docroot, bytes: survey.bytes })
    }
}

/// Whether `docroot` loads its code from `vendor` of the folder above it.
pub(super) fn project_of(above: &Path, docroot: &Path) -> bool {
    above.join("composer.json").is_file()
        && above.join("vendor/autoload.php").is_file()
        && !docroot.join("vendor/autoload.php").is_file()
        && docroot.join("autoload.php").is_file()
}

/// Whether an entry of a tree is code.
pub(super) fn wanted(docroot: &Path, path: &Path, is_folder: bool) -> Wanted {
    let of_sites = path.strip_prefix(docroot).is_ok_and(|path| aegir_drupal::platform::is_of_sites(path, is_folder));
    if of_sites { Wanted::No } else { Wanted::Yes }
}

/// A registry has the package.
struct RegistryAnswers {
    composer: Composer,
    package: aegir_domain::ComposerPackage,
}

impl Check<World> for RegistryAnswers {
    type Output = ();
    const NAME: &'static str = "registry-answers";
    const LIMIT: Duration = REGISTRY_LIMIT;

    fn look(&self, world: &World) -> Result<(), Fault> {
        self.composer.ask_for(world, &self.package)
    }
}

/// What was put together is Drupal.
struct IsDrupal {
    at: PathBuf,
    /// Where it was said to lie in there.
    docroot: Option<CodeFolder>,
}

struct Built {
    docroot: PathBuf,
    core: String,
}

impl Check<World> for IsDrupal {
    type Output = Built;
    const NAME: &'static str = "is-drupal";

    fn look(&self, _: &World) -> Result<Built, Fault> {
        let said = self.docroot.as_ref().map_or(Path::new(""), |docroot| Path::new(docroot.as_str()));
        let code = aegir_drupal::platform::read(&self.at.join(said))?;
        let docroot = code.docroot.strip_prefix(&self.at).unwrap_or(said).to_owned();
        Ok(Built { docroot, core: code.core.to_string() })
    }
}

/// Why a platform cannot be built.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildFault {
    #[error("the server `{server}` offers no web service")]
    NoWebService { server: ServerName },
    #[error("there is a platform `{platform}` already")]
    Known { platform: PlatformName },
    #[error("`{}` is there already", path.display())]
    InTheWay { path: PathBuf },
    #[error("`{}` cannot be copied: {reason}", path.display())]
    NoTree { path: PathBuf, reason: String },
    #[error("Ægir may not read `{}`{}", path.display(), more_of(*more))]
    Unreadable { path: PathBuf, more: usize, tree: PathBuf },
    #[error("`{}` is a pipe, a socket or a device, which cannot be copied", path.display())]
    Special { path: PathBuf },
    #[error("no Drupal that is still made runs on PHP {version} (`{}`)", program.display())]
    PhpTooOld { program: PathBuf, version: String },
}

fn more_of(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(" and {count} more of that tree"),
    }
}

impl Remedy for BuildFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            BuildFault::NoWebService { server } => {
                format!("add one with `aegir provision save @server_{server} --http nginx …`")
            }
            BuildFault::Known { platform } => {
                format!("choose another name, or look at what it is: `aegir provision show @platform_{platform}`")
            }
            BuildFault::InTheWay { path } => format!(
                "choose another name; or, if it is a platform, save it as it is with \
                 `aegir provision save @platform_NAME --root {} --server NAME`",
                path.display()
            ),
            BuildFault::NoTree { .. } => "give the folder with Drupal's `index.php`, or the project around it".into(),
            BuildFault::Unreadable { tree, .. } => format!(
                "let Ægir's user read it, as with `chmod -R o+rX {0}`, or give a copy that it may read",
                tree.display()
            ),
            BuildFault::Special { .. } => "remove it, or give a copy without it".into(),
            BuildFault::PhpTooOld { .. } => "name a newer PHP with `--php`, 8.1 at least".into(),
        })
    }
}
