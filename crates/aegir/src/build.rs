//! `build`: where the code of a new platform comes from.

use std::path::PathBuf;

use aegir_domain::{
    BuildPlatform, ComposerConstraint, ComposerPackage, ContextName, PlatformName, PlatformSource, RegistryAddress,
    ServerName,
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
}

impl BuildArgs {
    /// What is asked of the back end.
    pub(crate) fn build(self) -> Result<BuildPlatform, Failure> {
        let source = match (self.source.copy, self.source.composer) {
            (Some(from), _) => PlatformSource::Copy { from: std::path::absolute(&from).unwrap_or(from) },
            (None, Some(package)) => {
                PlatformSource::Composer { package, constraint: self.constraint, registry: self.registry }
            }
            (None, None) => PlatformSource::Demo,
        };
        let platform: PlatformName = match self.name {
            ContextName::Platform(platform) => platform,
            other => {
                let what = format!("`{other}` is no name of a platform");
                return Err(Failure::usage(Usage::new(what, "give one such as `@platform_drupal10`")));
            }
        };
        Ok(BuildPlatform { platform, server: self.server, php: self.php, source })
    }
}
