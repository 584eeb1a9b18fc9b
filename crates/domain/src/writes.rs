//! What was written to a site since it left a former self: what going back to that would leave out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BackupName, FaultReport, FormerName, PlatformName, SiteName};

/// What a former self of a site lacks, as far as the site's tables tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Writes {
    /// The site.
    pub site: SiteName,
    /// The former self that one would go back to.
    pub former: FormerName,
    /// The platform it lived on.
    pub platform: PlatformName,
    /// The version of Drupal that ran it.
    pub core: String,
    /// Since when nobody wrote to it, in seconds since 1970.
    pub since: i64,
    /// The backup that it is made of again, where it was packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<BackupName>,
    /// What was written since. Only what bears a date is counted: a setting that was changed is not.
    #[serde(default)]
    pub counts: Vec<WriteCount>,
}

/// How much of one thing was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteCount {
    /// What it is, in words: `comments`.
    pub what: String,
    /// How many are new or were changed.
    pub count: u64,
}

/// What a back end answers that was asked what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WritesAnswer {
    /// What was.
    Writes(Box<Writes>),
    /// Why that cannot be told.
    Refused(FaultReport),
}
