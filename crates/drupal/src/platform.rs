//! Reads what a copy of Drupal's code is: its version, profiles, packages and sites.
//!
//! ```text
//!   a path ─► docroot (itself, or web/, docroot/, html/) ─► core ─► profiles, packages, sites
//! ```
//!
//! Nothing of the code is run. What is wrong with the code as a whole is a [`PlatformFault`]; what is
//! wrong with a part of it is a [`Finding`], and the rest is read nevertheless.
//!
//! ## Invariants
//!
//! - Reads only, and only beneath the given path: a symbolic link that leads out of it is a finding.
//! - No file is read further than [`LARGEST_FILE`], no folder deeper than [`DEEPEST_FOLDER`].

mod core;
mod packages;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aegir_domain::{Code, MachineName, PackageCode, PackageKind, Reach, Remedy, Requirements};

use crate::{CoreVersion, Family};
use tree::Tree;

/// Files of code are not read further than this.
pub const LARGEST_FILE: u64 = 4 << 20;

/// Folders are not searched deeper than this.
pub const DEEPEST_FOLDER: usize = 14;

/// What a platform's code was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformFacts {
    /// The folder with `index.php`.
    pub docroot: PathBuf,
    /// How it is driven.
    pub family: Family,
    /// The version of its core.
    pub core: CoreVersion,
    /// The oldest PHP that it runs on, as it says itself.
    pub php_minimum: String,
    /// The databases that its core has drivers for, by Drupal's names: `mysql`, `sqlite`.
    pub drivers: Vec<&'static str>,
    /// The profiles that a site can be installed from, by name.
    pub profiles: Vec<Profile>,
    /// Every package, in the order in which Drupal searches: of two with the same name the later is loaded.
    pub packages: Vec<PackageCode>,
    /// What packages require, by path and name; those that require nothing but a core are not among them.
    pub requirements: BTreeMap<(String, String), Requirements>,
    /// What lies under `sites/`.
    pub sites: Vec<SiteDirectory>,
    /// What is amiss with parts of it.
    pub findings: Vec<Finding>,
    distributions: BTreeMap<String, String>,
}

/// What a site can be installed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its machine name.
    pub name: MachineName,
    /// Its title.
    pub title: String,
    /// Whether it is kept from lists.
    pub hidden: bool,
    /// Whether it came with Drupal's core.
    pub of_core: bool,
    /// The distribution it is the heart of, if it says so.
    pub distribution: Option<String>,
}

/// A directory under `sites/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteDirectory {
    /// Its name.
    pub name: String,
    /// Whether it holds a `settings.php`.
    pub has_settings: bool,
    /// Where it leads, if it is a symbolic link.
    pub link: Option<PathBuf>,
    /// Whether an older Ægir kept it: it holds a `drushrc.php`.
    pub has_drushrc: bool,
}

/// Something amiss with a part of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether sites can live with it.
    pub severity: Severity,
    /// The file or folder, relative to the docroot.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Whether sites can live with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// They can.
    Warning,
    /// They cannot: core or a profile is broken.
    Error,
}

/// Where the docroot of the platform at `root` lies: there, or in a folder of it. Reads no package.
pub fn docroot(root: &Path) -> Result<PathBuf, PlatformFault> {
    let tree = Tree::open(root)?;
    let core = core::find(&tree)?;
    Ok(tree.within(&core.docroot)?.path().to_path_buf())
}

/// Reads the platform at `root`: a docroot, or a project with one in it.
pub fn read(root: &Path) -> Result<PlatformFacts, PlatformFault> {
    let tree = Tree::open(root)?;
    let core = core::find(&tree)?;
    let tree = tree.within(&core.docroot)?;
    let mut facts = PlatformFacts {
        docroot: tree.path().to_path_buf(),
        family: core.family,
        core: core.version,
        php_minimum: core.php_minimum,
        drivers: core::drivers(&tree)?,
        profiles: Vec::new(),
        packages: Vec::new(),
        requirements: BTreeMap::new(),
        sites: sites(&tree)?,
        findings: Vec::new(),
        distributions: BTreeMap::new(),
    };
    packages::read(&tree, &mut facts)?;
    facts.profiles = profiles(&mut facts);
    Ok(facts)
}

impl PlatformFacts {
    /// The profile that a site gets if none is named: a distribution's own, else `standard`, else the
    /// first that may be chosen.
    pub fn default_profile(&self) -> Option<&Profile> {
        let visible = || self.profiles.iter().filter(|profile| !profile.hidden);
        visible()
            .find(|profile| profile.distribution.is_some())
            .or_else(|| visible().find(|profile| profile.name.as_str() == "standard"))
            .or_else(|| visible().next())
    }

    /// The profile of that name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name.as_str() == name)
    }

    /// What a site in directory `site`, installed from `profile`, loads: one package for each name.
    pub fn loaded(&self, profile: &str, site: &str) -> BTreeMap<(PackageKind, &str), &PackageCode> {
        self.packages
            .iter()
            .filter(|package| match &package.reach {
                Reach::Core | Reach::Platform => true,
                Reach::Profile(name) => name == profile,
                Reach::Site(name) => name == site,
            })
            .map(|package| ((package.kind, package.name.as_str()), package))
            .collect()
    }

    /// A package with what it requires.
    pub fn code(&self, package: &PackageCode) -> Code {
        let requires = self.requirements.get(&(package.path.clone(), package.name.clone()));
        Code { package: package.clone(), requires: requires.cloned().unwrap_or_default() }
    }

    /// What no site can live with.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }
}

/// Whether `path`, below a document root, belongs to a site or lists sites, and so is no code of the
/// platform: what lies in `sites/` but for `sites/all`, and examples of settings.
pub fn is_of_sites(path: &Path, is_folder: bool) -> bool {
    let mut parts = path.iter().map(|part| part.to_string_lossy());
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    if first.as_deref() != Some("sites") {
        return false;
    }
    match (second.as_deref(), third.as_deref()) {
        (None | Some("all"), _) => false,
        // The folder itself, and what new settings are made from.
        (Some("default"), None) => false,
        (Some("default"), Some(name)) => !name.starts_with("default."),
        (Some(_), None) if is_folder => true,
        (Some(name), None) => matches!(name, "sites.php" | "local.sites.php"),
        (Some(_), Some(_)) => true,
    }
}

/// The releases of Drupal that a PHP of this version can run, as a constraint for Composer: the newest
/// major one (facts: Drupal 10 needs PHP 8.1, Drupal 11 needs 8.3). Nothing for a PHP that none of
/// those still made can use.
pub fn constraint_for_php(version: &str) -> Option<&'static str> {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    match (numbers.next()?, numbers.next().unwrap_or(0)) {
        (8, 0) | (..8, _) => None,
        (8, 1 | 2) => Some("^10"),
        _ => Some("^11"),
    }
}

fn sites(tree: &Tree) -> Result<Vec<SiteDirectory>, PlatformFault> {
    let mut sites = Vec::new();
    for entry in tree.list("sites")? {
        let folder = format!("sites/{}", entry.name);
        let is_site = (entry.is_folder || entry.link.is_some()) && !matches!(entry.name.as_str(), "all" | "simpletest");
        if is_site && !entry.name.starts_with('.') {
            let holds = |file: &str| tree.is_file(&format!("{folder}/{file}")).unwrap_or(false);
            let (has_settings, has_drushrc) = (holds("settings.php"), holds("drushrc.php"));
            sites.push(SiteDirectory { name: entry.name, has_settings, link: entry.link, has_drushrc });
        }
    }
    Ok(sites)
}

/// The profiles among the packages; the last of each name.
fn profiles(facts: &mut PlatformFacts) -> Vec<Profile> {
    let mut profiles = BTreeMap::new();
    for package in facts.packages.iter().filter(|package| package.kind == PackageKind::Profile) {
        match package.name.parse::<MachineName>() {
            Ok(name) => {
                let profile = Profile {
                    name,
                    title: package.title.clone(),
                    hidden: package.hidden,
                    of_core: package.reach == Reach::Core,
                    distribution: facts.distributions.get(&package.name).cloned(),
                };
                profiles.insert(package.name.clone(), profile);
            }
            Err(bad) => facts.findings.push(Finding {
                severity: Severity::Warning,
                path: package.path.clone(),
                reason: bad.to_string(),
            }),
        }
    }
    profiles.into_values().collect()
}

/// Why a path is no platform.
#[derive(Debug, thiserror::Error)]
pub enum PlatformFault {
    /// There is nothing, or something else.
    #[error("`{}` is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A link leads out of it.
    #[error("`{}` leads out of the platform", path.display())]
    LeadsOut {
        /// The link.
        path: PathBuf,
    },
    /// There is no Drupal.
    #[error("`{}` holds no Drupal: there is neither `core/lib/Drupal.php` nor `includes/bootstrap.inc`, there or in {}", path.display(), core::FOLDERS_AS_TEXT)]
    NotDrupal {
        /// The path.
        path: PathBuf,
    },
    /// It is something that we do not drive.
    #[error("`{}` holds {found}, which Ægir does not host", path.display())]
    Unsupported {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// The file that holds the version does not hold one.
    #[error("cannot find {what} in `{}`", path.display())]
    NoVersion {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Composer did not run.
    #[error("`{}` lacks the libraries that it needs: there is no `{missing}`", path.display())]
    VendorMissing {
        /// The docroot.
        path: PathBuf,
        /// The file.
        missing: String,
    },
}

impl Remedy for PlatformFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            PlatformFault::NotADirectory { .. } => "give the folder that holds Drupal's code".into(),
            PlatformFault::Unreadable { path, .. } => {
                let path = path.display();
                format!("as its owner run `chmod -R u+rX,g+rX '{path}'`, or as root `chown -R aegir: '{path}'`")
            }
            PlatformFault::LeadsOut { path } => {
                format!("put the folder itself in the place of the link `{}`", path.display())
            }
            PlatformFault::NotDrupal { .. } => {
                "give the folder with Drupal's `index.php`, or the Composer project around it".into()
            }
            PlatformFault::Unsupported { .. } => "use Drupal 7, or Drupal 8.8 or later; Drupal 6 needs a PHP of the past, and for Backdrop there is no driver".into(),
            PlatformFault::NoVersion { .. } => "restore the file from the release of Drupal it came with".into(),
            PlatformFault::VendorMissing { .. } => "run `composer install` in the project, then verify again".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_code_has_nothing_of_its_sites() {
        for (path, is_folder) in [
            ("sites/a.test", true),
            ("sites/a.test/settings.php", false),
            ("sites/default/settings.php", false),
            ("sites/default/files", true),
            ("sites/sites.php", false),
        ] {
            assert!(is_of_sites(Path::new(path), is_folder), "{path}");
        }
        for (path, is_folder) in [
            ("index.php", false),
            ("sites", true),
            ("sites/all/modules", true),
            ("sites/default", true),
            ("sites/default/default.settings.php", false),
            ("sites/example.sites.php", false),
            ("sites/development.services.yml", false),
            ("modules/sites/x", true),
        ] {
            assert!(!is_of_sites(Path::new(path), is_folder), "{path}");
        }
    }

    #[test]
    fn the_newest_drupal_that_php_can_run_is_chosen() {
        let chosen = ["7.4.33", "8.0.30", "8.1.2", "8.2.29", "8.3.0", "8.10.1", "9.0"].map(constraint_for_php);
        assert_eq!(chosen, [None, None, Some("^10"), Some("^10"), Some("^11"), Some("^11"), Some("^11")]);
    }
}
