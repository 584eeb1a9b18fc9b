//! What faces show of packages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackageView {
    /// Its number.
    pub id: i64,
    /// `module`, `theme`, `profile`, `theme-engine`.
    pub kind: String,
    /// Its machine name.
    pub name: String,
    /// How many sites have it enabled.
    pub sites: u64,
    /// Its releases, with how many places each is installed in; in lists, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<ReleaseView>,
    /// Where it is installed; in lists, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceView>,
    /// Where the next page of those places begins, for the parameter `cursor`; absent: this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A version of a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseView {
    /// The version, as its code says it.
    pub version: String,
    /// In how many places it is installed.
    pub installed: u64,
    /// On how many sites it is enabled.
    pub enabled: u64,
}

/// A package where it is installed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceView {
    /// The platform or site.
    pub object: String,
    /// `site` or `platform`.
    #[serde(default)]
    pub of: String,
    /// The version.
    pub version: String,
    /// `platform`, `profile`, `site`.
    pub scope: String,
    /// Whether it is enabled there.
    pub enabled: bool,
    /// The number of its last schema update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<i64>,
}

/// A package that a site has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstalledView {
    /// Its machine name.
    pub name: String,
    /// `module`, `theme`, `profile`, `theme-engine`.
    pub kind: String,
    /// What people call it.
    pub title: String,
    /// The version, as its code says it; empty: it says none.
    pub version: String,
    /// Whether it is enabled there.
    pub enabled: bool,
    /// The number of its last schema update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<i64>,
    /// For whom its code lies where it lies: `platform`, `profile`, `site`.
    pub scope: String,
    /// Where its code lies, below the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
