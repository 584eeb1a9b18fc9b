//! Composer: asked for packages, and has projects made, on the platform's own PHP.
//!
//! It runs in a home of its own below the cache, so that neither the settings of whoever runs Ægir nor
//! their passwords have a part in it. An operator's `auth.json` belongs there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, ComposerConstraint, ComposerPackage, Fault, RegistryAddress, Remedy};
use aegir_host::{Ended, Launch, Limits};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::World;

/// How long a registry may take to say whether it has a package.
pub(crate) const REGISTRY_LIMIT: Duration = Duration::from_secs(60);

/// How Composer is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Composer {
    /// The PHP program that runs it.
    pub(crate) php: PathBuf,
    /// The registry that is asked; `None`: the public one.
    pub(crate) registry: Option<RegistryAddress>,
}

impl Composer {
    /// Asks the registry whether it has `package`. Fails within [`REGISTRY_LIMIT`].
    pub(crate) fn ask_for(&self, world: &World, package: &ComposerPackage) -> Result<(), Fault> {
        let cmd = self.cmd(world)?.args(["show", "--available", "--all", "--format=json", "--no-interaction"]);
        let cmd = cmd.arg(package.as_str());
        let ran = world.programs.run(&self.launch(world, cmd, REGISTRY_LIMIT)?, &mut |_| ())?;
        match ran.ended {
            Ended::Code(0) => Ok(()),
            ended => Err(ComposerFault::NoAnswer {
                registry: self.registry_name(),
                package: package.clone(),
                why: format!("Composer {ended}: {}", last_words(&ran.stderr)),
            }
            .into()),
        }
    }

    /// Has a project of `package` made at `to`, which must not be there.
    pub(crate) fn create_project(
        &self,
        world: &World,
        package: &ComposerPackage,
        constraint: &ComposerConstraint,
        to: &Path,
    ) -> Result<(), Fault> {
        let limit = Duration::from_secs(world.parts.settings.build_limit);
        let cmd = self.cmd(world)?.args(["create-project", "--no-interaction", "--no-progress", "--no-dev"]);
        let cmd = cmd.args(["--prefer-dist", "--no-ansi"]).arg(package.as_str());
        let cmd = cmd.arg(to.to_string_lossy()).arg(constraint.as_str());
        world.say(format!("Composer makes a project of `{package}` {constraint}; this may take some minutes"));
        let launch = self.launch(world, cmd, limit)?;
        self.work(world, launch, limit, |why| ComposerFault::NotMade { package: package.clone(), why })
    }

    /// Has the packages that the lock file in `project` names lie there, and no others.
    pub(crate) fn install(&self, world: &World, project: &Path) -> Result<(), Fault> {
        let limit = Duration::from_secs(world.parts.settings.build_limit);
        let cmd = self.cmd(world)?.args(["install", "--no-dev", "--no-interaction", "--no-progress"]);
        let cmd = cmd.args(["--prefer-dist", "--no-ansi"]);
        world.say("Composer installs what the lock file names; this may take some minutes");
        let launch = self.launch(world, cmd, limit)?.in_dir(project);
        self.work(world, launch, limit, |why| ComposerFault::NotInstalled { why })
    }

    /// Runs Composer, telling how far it is.
    fn work(
        &self,
        world: &World,
        launch: Launch,
        limit: Duration,
        fault: impl FnOnce(String) -> ComposerFault,
    ) -> Result<(), Fault> {
        let launch = launch.telling().until(world.until_cancelled());
        let mut packages = 0;
        let ran = world.programs.run(&launch, &mut |line| {
            let line = line.trim();
            if line.starts_with("- Installing ") {
                packages += 1;
            }
            if line.starts_with("- ") || line.starts_with("Creating ") || line.starts_with("Updating ") {
                world.progress(packages, line.trim_start_matches("- "));
            }
        })?;
        match ran.ended {
            Ended::Code(0) => {
                world.say_with(format!("Composer installed {packages} packages"), ran.stderr);
                Ok(())
            }
            Ended::Stopped => Err(super::Stopped { program: "Composer" }.into()),
            Ended::TimedOut => Err(ComposerFault::TooLong { seconds: limit.as_secs() }.into()),
            ended => {
                let why = format!("Composer {ended}: {}", last_words(&ran.stderr));
                world.say_with("Composer could not put the code together", ran.stderr);
                Err(fault(why).into())
            }
        }
    }

    fn registry_name(&self) -> String {
        self.registry.as_ref().map_or("the public registry of Composer".into(), |address| format!("`{address}`"))
    }

    /// Composer on the platform's PHP: it then checks what that can run.
    fn cmd(&self, world: &World) -> Result<Cmd, Fault> {
        let named = world.parts.settings.composer.to_string_lossy().into_owned();
        let composer = world.find_program(&[named]).ok_or(ComposerFault::Missing)?;
        let cmd = Cmd::new(&self.php).args(["-d", "memory_limit=-1", "-d", "allow_url_fopen=1"]);
        Ok(cmd.arg(composer.to_string_lossy()))
    }

    fn launch(&self, world: &World, cmd: Cmd, limit: Duration) -> Result<Launch, Fault> {
        let home = self.own_home(world)?;
        let launch = super::git::quiet(Launch::new(cmd))
            .in_dir(&home)
            .env("COMPOSER_HOME", home.to_string_lossy())
            .env("COMPOSER_CACHE_DIR", world.home().cache().join("composer/packages").to_string_lossy())
            // It breaks its words to the width of a terminal.
            .env("COLUMNS", "1000")
            .env("COMPOSER_NO_INTERACTION", "1")
            .env("COMPOSER_NO_AUDIT", "1")
            .env("COMPOSER_PROCESS_TIMEOUT", limit.as_secs().to_string())
            .limits(Limits { time: limit, ..Limits::default() });
        Ok(super::fetch::with_proxy(world, launch))
    }

    /// The folder with Composer's own settings for this registry.
    fn own_home(&self, world: &World) -> Result<PathBuf, Fault> {
        let name = match &self.registry {
            None => "public".to_owned(),
            Some(address) => format!("registry-{:08x}", crc32fast::hash(address.as_str().as_bytes())),
        };
        let home = world.home().cache().join("composer").join(name);
        world.files().make_dirs(&home, 0o700)?;
        let config = match &self.registry {
            None => json!({}),
            Some(address) => json!({
                "repositories": [{ "type": "composer", "url": address.as_str() }, { "packagist.org": false }],
                "config": { "secure-http": !address.is_plain_http() },
            }),
        };
        let text = serde_json::to_vec_pretty(&config).unwrap_or_default();
        world.files().write(&home.join("config.json"), &text, 0o600)?;
        Ok(home)
    }
}

/// The lines by which Composer says why it ends, less those on how it is used.
fn last_words(said: &str) -> String {
    let usage = |line: &&str| ["show [", "create-project [", "install ["].iter().any(|word| line.starts_with(word));
    let lines = said.lines().map(str::trim).take_while(|line| !usage(line));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("No composer.json")).collect();
    lines[lines.len().saturating_sub(6)..].join(" ")
}

/// Why Composer did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposerFault {
    #[error("Composer is not installed")]
    Missing,
    #[error("{registry} does not answer for `{package}`: {why}")]
    NoAnswer { registry: String, package: ComposerPackage, why: String },
    #[error("Composer took longer than {seconds} s")]
    TooLong { seconds: u64 },
    #[error("no project of `{package}` could be made: {why}")]
    NotMade { package: ComposerPackage, why: String },
    #[error("the packages of the project could not be installed: {why}")]
    NotInstalled { why: String },
}

impl Remedy for ComposerFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            ComposerFault::Missing => {
                "install the package `composer`, or name its program as `composer` in `hostmaster/aegir.toml`".into()
            }
            ComposerFault::NoAnswer { .. } => "see whether this machine reaches it (through a proxy: `proxy` in \
                 `hostmaster/aegir.toml`), name a registry of your own, or give a copy of Drupal that you have"
                .into(),
            ComposerFault::TooLong { .. } => {
                "try again: what was fetched is kept; or raise `build_limit` in `hostmaster/aegir.toml`".into()
            }
            ComposerFault::NotMade { .. } => {
                "put right what it names; `aegir provision attach` with the attempt shows all that it said".into()
            }
            ComposerFault::NotInstalled { .. } => "put right what it names, in the project and its lock file (passwords \
                 belong into `cache/composer/public/auth.json` of Ægir's home); `aegir provision attach` with the attempt \
                 shows all that it said"
                .into(),
        })
    }
}
