//! What tasks answer, beside how they ended: what they found or made, for a front end to remember.
//!
//! Each field is one of [`crate::protocol::Ending::answer`], by its name.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BackupManifest, BackupName, Instance, Langcode, MachineName, PackageCode};

/// What a verify of a server found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServerAnswer {
    /// The version of Ægir that looked.
    pub aegir: String,
    /// What the web server says it is: `nginx/1.22.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<String>,
    /// What the database server says it is: `MariaDB 10.11.6`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// How much room the home has, in bytes.
    pub room: u64,
    /// What was changed, in words.
    pub changes: Vec<String>,
}

/// What a verify of a platform found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformAnswer {
    /// Drupal's version.
    pub core: String,
    /// The version of the PHP that its sites run on.
    pub php: String,
    /// The profile that a site gets if none is named.
    pub default_profile: MachineName,
    /// All packages, in the order in which Drupal searches: of two with one kind and name that a site can load, it
    /// loads the later.
    #[serde(default)]
    pub packages: Vec<PackageCode>,
    /// The database engines that its PHP and its Drupal both speak: `mariadb`, `sqlite`. Absent where a version of Ægir
    /// answers that does not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engines: Option<Vec<MachineName>>,
    /// The languages that sites of its profiles can be installed in without fetching anything; English goes without
    /// saying.
    #[serde(default)]
    pub languages: Vec<ProfileLanguage>,
    /// The sites in it that nothing is saved of.
    #[serde(default)]
    pub found_sites: Vec<FoundSite>,
    /// What was changed, in words.
    #[serde(default)]
    pub changes: Vec<String>,
}

/// A language that a site of a profile can be installed in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ProfileLanguage {
    /// The profile.
    pub profile: MachineName,
    /// The language.
    pub language: Langcode,
}

/// A site in a platform's code that nothing is saved of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundSite {
    /// Its folder in `sites/`: as a rule, its name. `default` only where its settings lead to data, or nobody can tell
    /// without running them.
    pub folder: String,
    /// Where the folder leads, if it is a symbolic link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<PathBuf>,
    /// Whether an older Ægir kept it: its `drushrc.php` is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_old_aegir: bool,
    /// How many packages lie in its own folder.
    #[serde(default)]
    pub packages: usize,
}

/// What a verify of a site found, or its install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SiteAnswer {
    /// The version of Drupal that runs it.
    pub core: String,
    /// What it has enabled, what left a schema behind, and what else lies in its own folder; absent while it waits for
    /// its installer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<Instance>>,
    /// Where its installer is to be called, if it waits for somebody to do so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installer: Option<String>,
    /// What was changed, in words.
    #[serde(default)]
    pub changes: Vec<String>,
}

/// What a backup of a site made, or a verify of one found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupAnswer {
    /// The backup.
    pub backup: BackupName,
    /// Its size, in bytes.
    pub bytes: u64,
    /// What it says of itself; archives of classic Aegir say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<BackupManifest>,
    /// What of the site's folder Ægir's user may not read, and is therefore not in it: the first hundred, relative to
    /// that folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// What changed while it was read, or is a pipe, a socket or a device; likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub odd: Vec<String>,
}
