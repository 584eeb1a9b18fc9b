//! `build`: where the code of a new platform comes from.

use std::path::PathBuf;

use aegir_domain::{
    ArchivePlace, BuildPlatform, CodeFolder, ComposerConstraint, ComposerPackage, ContextName, GitAddress, GitRef,
    PlatformName, PlatformSource, RegistryAddress, ReleaseFolder, ServerName, Sha256Sum,
};
use clap::Args;

use crate::args::text;
use crate::failure::Failure;
use crate::provision::Usage;

/// A new platform.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Its name: `@platform_NAME`, which is also that of its folder in `platforms/`
    #[arg(value_name = "@NAME", value_parser = text::<ContextName>)]
    name: ContextName,
    /// The server whose web service will serve it
    #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
    server: ServerName,
    /// The PHP program for its sites' work in a shell [default: the machine's own]
    #[arg(long, value_name = "PROGRAM")]
    php: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Which releases Composer may take, such as `^10.3` [default: the newest that PHP can run]
    #[arg(long, value_name = "CONSTRAINT", requires = "composer", value_parser = text::<ComposerConstraint>)]
    constraint: Option<ComposerConstraint>,
    /// The registry that Composer asks [default: the public one]
    #[arg(long, value_name = "URL", requires = "composer", value_parser = text::<RegistryAddress>)]
    registry: Option<RegistryAddress>,
    /// The checksum of the archive; needed for one that is fetched
    #[arg(long, value_name = "HEX", requires = "archive", value_parser = text::<Sha256Sum>)]
    sha256: Option<Sha256Sum>,
    /// How many folders around the code in the archive are left out [default: the only one at its top]
    #[arg(long, value_name = "N", requires = "archive")]
    strip: Option<u8>,
    /// The branch, tag or commit of the git repository
    #[arg(long = "ref", value_name = "REF", requires = "git", value_parser = text::<GitRef>)]
    reference: Option<GitRef>,
    /// Fetches the repositories within the git repository too
    #[arg(long, requires = "git")]
    submodules: bool,
    /// The folder of the web with archives of releases, `NAME-VERSION.tar.gz` [default: that of drupal.org]
    #[arg(long, value_name = "URL", requires = "make", value_parser = text::<ReleaseFolder>)]
    release_source: Option<ReleaseFolder>,
    /// Leaves alone the make files that lie in projects
    #[arg(long, requires = "make")]
    no_recursion: bool,
    /// The document root within an archive, a git repository or a project [default: where Drupal is found]
    #[arg(long, value_name = "FOLDER", value_parser = text::<CodeFolder>)]
    docroot: Option<CodeFolder>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// Copies this tree, less its sites; the tree is only read
    #[arg(long, value_name = "DIR")]
    copy: Option<PathBuf>,
    /// Has Composer make a project, of this package if one is named
    #[arg(long, value_name = "PACKAGE", num_args = 0..=1, default_missing_value = "drupal/recommended-project",
        value_parser = text::<ComposerPackage>)]
    composer: Option<ComposerPackage>,
    /// Unpacks the demo code base, which is no Drupal
    #[arg(long)]
    demo: bool,
    /// Unpacks this archive: a file (`.zip`; `.tar`, also in gzip, bzip2, xz or zstd), or an address that has one
    #[arg(long, value_name = "FILE-OR-URL", value_parser = place)]
    archive: Option<ArchivePlace>,
    /// Checks out this git repository; what its lock file names is installed too
    #[arg(long, value_name = "URL", requires = "reference", value_parser = text::<GitAddress>)]
    git: Option<GitAddress>,
    /// Copies this project of Composer, and installs what its lock file names; the project is only read
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Puts together what this make file of Drush names: core, projects, libraries, with their patches
    #[arg(long, value_name = "FILE")]
    make: Option<PathBuf>,
}

/// The place of an archive, relative to where this is typed.
fn place(given: &str) -> Result<ArchivePlace, String> {
    let absolute = match given.contains("://") {
        true => given.to_owned(),
        false => std::path::absolute(given).map_or_else(|_| given.to_owned(), |path| path.display().to_string()),
    };
    text::<ArchivePlace>(&absolute)
}

impl BuildArgs {
    /// What is asked of the back end.
    pub(crate) fn build(self) -> Result<BuildPlatform, Failure> {
        let platform = self.name.clone();
        let (server, php) = (self.server.clone(), self.php.clone());
        let source = self.source()?;
        let platform: PlatformName = match platform {
            ContextName::Platform(platform) => platform,
            other => {
                let what = format!("`{other}` is no name of a platform");
                return Err(Failure::usage(Usage::new(what, "give one such as `@platform_drupal10`")));
            }
        };
        Ok(BuildPlatform { platform, server, php, source })
    }

    /// Where its code comes from; of all that can be named, clap lets one through.
    fn source(self) -> Result<PlatformSource, Failure> {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let Source { copy, composer, demo: _, archive, git, project, make } = self.source;
        if let Some(docroot) = self.docroot.as_ref().filter(|_| archive.is_none() && git.is_none() && project.is_none())
        {
            let what = format!("`--docroot {docroot}` is for an archive, a git repository or a project");
            return Err(Failure::usage(Usage::new(what, "leave it out: where Drupal lies is found")));
        }
        let docroot = self.docroot;
        Ok(if let Some(from) = copy {
            PlatformSource::Copy { from: absolute(from) }
        } else if let Some(package) = composer {
            PlatformSource::Composer { package, constraint: self.constraint, registry: self.registry }
        } else if let Some(from) = archive {
            PlatformSource::Archive { from, sha256: self.sha256, strip: self.strip, docroot }
        } else if let (Some(from), Some(reference)) = (git, self.reference) {
            PlatformSource::Git { from, reference, docroot, submodules: self.submodules }
        } else if let Some(from) = project {
            PlatformSource::Project { from: absolute(from), docroot }
        } else if let Some(from) = make {
            PlatformSource::MakeFile { from: absolute(from), releases: self.release_source, alone: self.no_recursion }
        } else {
            PlatformSource::Demo
        })
    }
}
