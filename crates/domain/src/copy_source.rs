//! Copies of somebody's sites: what one is made of, and how it is brought up to date from there.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DbEngine, KeepFormer, SiteName};

/// Somebody's site that a copy is made of. It is only read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopySource {
    /// Its folder, such as `/var/www/html/sites/default`: an absolute path.
    pub folder: PathBuf,
    /// Where its data is; `None`: where its settings say. The secret `source_db_password` goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<SourceDatabase>,
    /// Whether people's addresses and passwords are taken out of the copy.
    #[serde(default)]
    pub sanitise: bool,
}

/// What becomes of a copy of somebody's site: it is as that is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshCopy {
    /// The copy. The secret `source_db_password` goes with it where its source's database was said.
    pub site: SiteName,
    /// Whether it is a copy no more from then on: a site like any other, with mail and cron, that knows no source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<SwitchCopy>,
    /// How what it is now is kept; `None`: as the machine's settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepFormer>,
}

/// How a copy takes the place of its original.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchCopy {
    /// Whether the original may be written to meanwhile, which is then lost; else its Drupal must be in maintenance mode.
    #[serde(default)]
    pub although_live: bool,
}

/// A database on a server that may be known to nobody here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceDatabase {
    /// Where the server answers.
    pub at: DbEngine,
    /// Its name there.
    pub name: String,
    /// The account that may read it.
    pub account: String,
    /// What the names of the site's tables begin with.
    #[serde(default)]
    pub prefix: String,
}
