//! `drush`: Drush on a site, typed by a person. No task needs it.
//!
//! ```text
//!   NAME ─► the site's platform ─► its own Drush, or the one on the PATH ─► the platform's PHP, in our place
//! ```
//!
//! The site's code runs as whoever types this, and so as Ægir's own user, which no task has it do: the person decides
//! that, each time.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use aegir_domain::{Cmd, PlatformContext, PlatformName, PlatformRoot, Remedy, SiteName};
use aegir_host::{find_program, hand_over};
use aegir_provision::{Contexts, drush_uri};
use clap::Args;

use crate::compose::{Composed, Given};
use crate::failure::Failure;

/// Where Composer puts Drush in a project: what it links for people, and what that leads to.
const IN_A_PROJECT: [&str; 3] = ["vendor/bin/drush", "vendor/drush/drush/drush.php", "vendor/drush/drush/drush"];

/// Runs Drush on a site: its platform's own, or else the one on your PATH.
///
/// The site's code then runs as you, with the rights of Ægir's user: do it with sites that you trust.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct DrushArgs {
    /// The site, as `shop.example.org`
    #[arg(value_name = "SITE", value_parser = site_name)]
    site: SiteName,
    /// What Drush is told: its command, arguments and options
    #[arg(value_name = "WORD", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// A name as the back end has it, with `@`, or as people say it.
fn site_name(text: &str) -> Result<SiteName, String> {
    crate::args::text::<SiteName>(text.strip_prefix('@').unwrap_or(text))
}

/// Becomes Drush, so that its end is ours; returns only where that cannot be.
pub(crate) fn run(given: &Given, args: &DrushArgs) -> Result<u8, Failure> {
    let parts = Composed::of(given)?.parts;
    let contexts = Contexts::new(&parts.home, &parts.files);
    // A disabled site may be one that somebody broke into: none of its code runs, for nobody.
    let site = contexts.site_in_service(&args.site)?;
    let platform = contexts.platform(&site.platform)?;
    let drush = Drush::of(&platform)?;
    let php = platform.php.clone().unwrap_or_else(|| parts.settings.php.clone());
    let uri = drush_uri(&contexts, &site)?;
    let cmd = drush.on(&platform.root, &php, &uri, &parts.home.drush_sites()).args(args.words.iter().cloned());
    // A Drush that is a shell script looks for its PHP by itself.
    let php = php.display().to_string();
    let never = hand_over(&cmd, &[("DRUSH_PHP", php.as_str())], parts.home.path())?;
    match never {}
}

/// A Drush that is there.
#[derive(Debug, PartialEq)]
struct Drush {
    path: PathBuf,
    /// Whether it is a script of PHP, and runs on the platform's.
    of_php: bool,
}

impl Drush {
    /// That of the platform's project, or the one on the path.
    fn of(platform: &PlatformContext) -> Result<Drush, NoDrush> {
        let root = platform.root.path();
        let projects = [Some(root), root.parent()].into_iter().flatten();
        let own = projects.flat_map(own_of).find(|path| path.is_file());
        let path = own.or_else(|| find_program(Path::new("drush")));
        let path = path.ok_or_else(|| NoDrush { platform: platform.name.clone(), root: platform.root.clone() })?;
        Ok(Drush { of_php: is_php(&path), path })
    }

    fn on(&self, root: &PlatformRoot, php: &Path, uri: &str, aliases: &Path) -> Cmd {
        let cmd = match self.of_php {
            true => Cmd::new(php).arg(self.path.to_string_lossy()),
            false => Cmd::new(&self.path),
        };
        let cmd = cmd.arg(format!("--root={root}")).arg(format!("--uri={uri}"));
        cmd.arg(format!("--alias-path={}", aliases.display()))
    }
}

/// Where the Drush of a project may be. What is linked for people becomes, in Drush 8, a script of the shell, with a PHP that it
/// looks for itself: there we go behind it.
fn own_of(project: &Path) -> Vec<PathBuf> {
    let is_eight = project.join("vendor/drush/drush/drush.launcher").is_file();
    IN_A_PROJECT.iter().skip(usize::from(is_eight)).map(|path| project.join(path)).collect()
}

/// Whether a file says by its first line that PHP reads it. Such a file need not be executable.
fn is_php(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(128).read_to_end(&mut begin));
    let text = String::from_utf8_lossy(&begin);
    let first = text.lines().next().unwrap_or_default();
    read.is_ok() && (first.starts_with("<?php") || first.starts_with("#!") && first.contains("php"))
}

/// There is no Drush for a site.
#[derive(Debug, thiserror::Error)]
#[error("the platform `{platform}` has no Drush, and there is none on the PATH")]
struct NoDrush {
    platform: PlatformName,
    root: PlatformRoot,
}

impl Remedy for NoDrush {
    fn remedy(&self) -> Option<String> {
        Some(format!(
            "for Drupal 8 and later, run `composer require drush/drush` in the project of `{}`; for Drupal 7, put \
             Drush 8 on the PATH",
            self.root
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_of_php_is_known_by_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drush");
        for (text, is) in [
            ("#!/usr/bin/env php\n<?php", true),
            ("<?php\n", true),
            ("#!/usr/bin/env bash\n# runs php", false),
            ("", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(is_php(&path), is, "{text}");
        }
    }

    #[test]
    fn behind_what_drush_8_links_for_people_is_what_php_reads() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("vendor/drush/drush");
        std::fs::create_dir_all(&package).unwrap();
        let first = || own_of(folder.path()).remove(0).strip_prefix(folder.path()).unwrap().display().to_string();
        assert_eq!(first(), "vendor/bin/drush");
        std::fs::write(package.join("drush.launcher"), "#!/usr/bin/env sh\n").unwrap();
        assert_eq!(first(), "vendor/drush/drush/drush.php");
    }
}
