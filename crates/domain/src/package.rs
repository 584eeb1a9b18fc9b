//! Packages and where they are installed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What sort of thing a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PackageKind {
    /// A module.
    Module,
    /// A theme.
    Theme,
    /// An installation profile.
    Profile,
    /// A theme engine (Drupal 7).
    ThemeEngine,
}

/// A package as a site has it: enabled or not, with which schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// What it is.
    pub kind: PackageKind,
    /// Its machine name, as the database has it.
    pub name: String,
    /// Whether the site has it enabled.
    pub enabled: bool,
    /// The number of the last schema update that ran; `None` where there is no schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<i64>,
    /// The version that its code says, if the code was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}
