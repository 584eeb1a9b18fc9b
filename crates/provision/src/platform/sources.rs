//! The lines by which code comes from elsewhere: from an archive, a git repository, a project with a lock file, a make file.
//!
//! ```text
//!   it can be had ─► room ─► fetched into the task's own folder ─► links stay in it ─► its packages, if a lock file names them
//! ```
//!
//! What was fetched is not trusted to be what it says: names, sizes and links are bounded before it lies in its place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{BuiltFrom, CodeFolder, CommitId, Fault, PlatformSource, Remedy};
use aegir_recipe::{Check, Run};

use super::build::{BuildFault, PROJECT_ROOM, wanted};
use super::code::{CheckOut, CopyCode, FetchArchive, InstallPackages};
use super::make;
use crate::World;
use crate::service::composer::Composer;
use crate::service::fetch::{FetchedArchive, UNPACKED};
use crate::service::git::{ASK_LIMIT, GitCheckout};
use crate::service::php;
use crate::site::Room;
use crate::step::file::converge_folder;

/// The file that names each package of a project with its version and checksum, or commit.
const LOCK: &str = "composer.lock";

/// Has the code of `source` lie whole in the folder `aside` of the task, and tells what exactly it is.
pub(super) fn bring(
    run: &mut Run<'_, World>,
    source: &PlatformSource,
    php: &php::Facts,
    aside: &Path,
) -> Result<BuiltFrom, Fault> {
    let mut built = BuiltFrom::default();
    match source {
        PlatformSource::Archive { from, sha256, strip, .. } => {
            let archive = FetchedArchive { from: from.clone(), sha256: sha256.clone(), strip: *strip };
            let size = run.check(ArchiveIsThere { archive: archive.clone() })?;
            make_room(run, aside, size.map_or(PROJECT_ROOM, |size| size.saturating_mul(UNPACKED)))?;
            let scratch = beside(aside, "fetched");
            built.sha256 = Some(run.step(FetchArchive { archive, scratch, to: aside.to_owned() })?);
        }
        PlatformSource::Git { from, reference, submodules, .. } => {
            let checkout = GitCheckout { from: from.clone(), reference: reference.clone(), submodules: *submodules };
            let commit = run.check(RepositoryAnswers { checkout: checkout.clone() })?;
            make_room(run, aside, PROJECT_ROOM)?;
            built.commit = Some(run.step(CheckOut { checkout, commit, to: aside.to_owned() })?);
        }
        PlatformSource::Project { from, docroot } => {
            let project = run.check(ProjectIsLocked { from: from.clone(), docroot: docroot.clone() })?;
            make_room(run, aside, project.bytes + PROJECT_ROOM)?;
            run.step(CopyCode { from: project.at, docroot: project.docroot, to: aside.to_owned() })?;
        }
        PlatformSource::MakeFile { from, releases, alone } => {
            let asked = make::Asked { from: from.clone(), releases: releases.clone(), alone: *alone };
            built.sha256 = Some(make::bring(run, &asked, aside)?);
        }
        PlatformSource::Copy { .. } | PlatformSource::Composer { .. } | PlatformSource::Demo => (),
    }
    // Also before Composer writes, which would follow them.
    run.check(LinksStay { at: aside.to_owned() })?;
    let packages = run.check(PackagesAreNamed { at: aside.to_owned() })?;
    built.lock = packages.lock;
    if packages.missing {
        let composer = Composer { php: php.program.clone(), registry: None };
        run.step(InstallPackages { composer, project: aside.to_owned() })?;
        run.check(LinksStay { at: aside.to_owned() })?;
    }
    Ok(built)
}

pub(super) fn make_room(run: &mut Run<'_, World>, aside: &Path, bytes: u64) -> Result<(), Fault> {
    let platforms = aside.parent().unwrap_or(aside).to_owned();
    run.check(Room { at: platforms.clone(), bytes })?;
    converge_folder(run, platforms, 0o755, false)?;
    Ok(())
}

/// A name beside a folder of the task's, which is the task's too.
pub(super) fn beside(aside: &Path, what: &str) -> PathBuf {
    let name = aside.file_name().unwrap_or_default().to_string_lossy();
    aside.with_file_name(format!("{name}.{what}"))
}

/// An archive can be had, as far as that can be told without fetching it.
struct ArchiveIsThere {
    archive: FetchedArchive,
}

impl Check<World> for ArchiveIsThere {
    /// Its size, if it is known.
    type Output = Option<u64>;
    const NAME: &'static str = "archive-is-there";

    fn look(&self, world: &World) -> Result<Option<u64>, Fault> {
        self.archive.look(world)
    }
}

/// A repository has what is asked of it.
struct RepositoryAnswers {
    checkout: GitCheckout,
}

impl Check<World> for RepositoryAnswers {
    type Output = Option<CommitId>;
    const NAME: &'static str = "repository-answers";
    const LIMIT: Duration = ASK_LIMIT;

    fn look(&self, world: &World) -> Result<Option<CommitId>, Fault> {
        self.checkout.ask(world)
    }
}

/// A folder of this machine is a project that says exactly which packages it has.
struct ProjectIsLocked {
    from: PathBuf,
    docroot: Option<CodeFolder>,
}

/// A project on this machine.
struct Project {
    at: PathBuf,
    /// The folder in it that will be the document root, as far as that can be told.
    docroot: PathBuf,
    bytes: u64,
}

impl Check<World> for ProjectIsLocked {
    type Output = Project;
    const NAME: &'static str = "project-is-locked";

    fn look(&self, world: &World) -> Result<Project, Fault> {
        let unlike = |reason: &str| BuildFault::NoTree { path: self.from.clone(), reason: reason.to_owned() };
        if !self.from.is_absolute() {
            return Err(unlike("it is no absolute path").into());
        }
        let Some(at) = world.files().real(&self.from)? else { return Err(unlike("there is nothing").into()) };
        if world.home().path().starts_with(&at) {
            return Err(unlike("the home lies in it").into());
        }
        if !at.join("composer.json").is_file() {
            return Err(SourceFault::NoProject { path: at }.into());
        }
        if !at.join(LOCK).is_file() {
            return Err(SourceFault::NoLock.into());
        }
        // Its Drupal may be yet to come; sites of it that lie there already are left out.
        let docroot = match &self.docroot {
            Some(docroot) => PathBuf::from(docroot.as_str()),
            None => ["web", "docroot", "html"].into_iter().find(|name| at.join(name).is_dir()).unwrap_or("").into(),
        };
        let survey = world.files().survey(&at, &mut |path, is_folder| wanted(&docroot, path, is_folder))?;
        if let Some(first) = survey.unreadable.first() {
            let (path, more) = (first.clone(), survey.unreadable.len() - 1);
            return Err(BuildFault::Unreadable { path, more, tree: at }.into());
        }
        if let Some(path) = survey.special.first() {
            return Err(BuildFault::Special { path: path.clone() }.into());
        }
        Ok(Project { at, docroot, bytes: survey.bytes })
    }
}

/// What is not there of a project is named exactly by its lock file.
struct PackagesAreNamed {
    at: PathBuf,
}

/// What is known of the packages of some code.
struct Packages {
    /// What its lock file says of its content, if it has one.
    lock: Option<String>,
    /// Whether they are still to be installed.
    missing: bool,
}

impl Check<World> for PackagesAreNamed {
    type Output = Packages;
    const NAME: &'static str = "packages-are-named";

    fn look(&self, world: &World) -> Result<Packages, Fault> {
        let missing = !self.at.join("vendor/autoload.php").is_file();
        let Some(text) = world.files().read_unlinked(&self.at.join(LOCK))? else {
            // Without a lock file Composer would choose anew at each build, and none could be repeated.
            let is_project = self.at.join("composer.json").is_file();
            return match missing && is_project && aegir_drupal::platform::docroot(&self.at).is_err() {
                true => Err(SourceFault::NoLock.into()),
                false => Ok(Packages { lock: None, missing: false }),
            };
        };
        let lock: Lock = serde_json::from_slice(&text).map_err(|source| SourceFault::BadLock { source })?;
        if missing && !self.at.join("composer.json").is_file() {
            return Err(SourceFault::LockAlone.into());
        }
        Ok(Packages { lock: lock.content_hash, missing })
    }
}

/// What is read of a lock file.
#[derive(serde::Deserialize)]
struct Lock {
    #[serde(rename = "content-hash")]
    content_hash: Option<String>,
}

/// No link of what was fetched leads out of it: the web server would follow it.
struct LinksStay {
    at: PathBuf,
}

impl Check<World> for LinksStay {
    type Output = ();
    const NAME: &'static str = "links-stay";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let links = world.files().links_out_of(&self.at)?;
        match links.is_empty() {
            true => Ok(()),
            false => Err(SourceFault::LeadsOut { links: aegir_host::told_names(&links) }.into()),
        }
    }
}

/// Why code from elsewhere is not taken.
#[derive(Debug, thiserror::Error)]
enum SourceFault {
    #[error("`{}` is no project of Composer: it has no `composer.json`", path.display())]
    NoProject { path: PathBuf },
    #[error("the project has no lock file (`{LOCK}`), so nobody can tell which packages it is made of")]
    NoLock,
    #[error("the code has a lock file (`{LOCK}`) and no `composer.json`")]
    LockAlone,
    #[error("the lock file `{LOCK}` cannot be read")]
    BadLock { source: serde_json::Error },
    #[error("links in it lead out of it: `{}`", links.join("`, `"))]
    LeadsOut { links: Vec<String> },
}

impl Remedy for SourceFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            SourceFault::NoProject { .. } => "give the folder with `composer.json` and `composer.lock`".into(),
            SourceFault::NoLock => {
                "make one with `composer update` where the project is worked on, and put it beside `composer.json`"
                    .into()
            }
            SourceFault::LockAlone => "put the `composer.json` beside it that it was made from".into(),
            SourceFault::BadLock { .. } => {
                "make it anew with `composer update --lock` where the project is worked on".into()
            }
            SourceFault::LeadsOut { .. } => "take them out, or have them lead to files of the code itself".into(),
        })
    }
}
