//! Packages and where they are installed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, word_enum};

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

impl PackageKind {
    /// All of them.
    pub const ALL: [PackageKind; 4] =
        [PackageKind::Module, PackageKind::Theme, PackageKind::Profile, PackageKind::ThemeEngine];

    /// The word, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            PackageKind::Module => "module",
            PackageKind::Theme => "theme",
            PackageKind::Profile => "profile",
            PackageKind::ThemeEngine => "theme-engine",
        }
    }
}

impl std::str::FromStr for PackageKind {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        PackageKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            BadText::new(text, "a kind of package", "it is none of the known words")
                .instead("give one of `module`, `theme`, `profile`, `theme-engine`")
        })
    }
}

word_enum! {
    /// For whom the code of an instance lies where it lies.
    InstanceScope, "the scope of an instance" {
        /// For every site of the platform.
        Platform = "platform",
        /// For sites of one profile.
        Profile = "profile",
        /// For one site.
        Site = "site",
    }
}

/// Which sites can load a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Every site; it came with Drupal's core.
    Core,
    /// Sites installed from this profile.
    Profile(String),
    /// Every site.
    Platform,
    /// The site in this directory.
    Site(String),
}

impl Reach {
    /// For whom that is, in a word.
    pub fn scope(&self) -> InstanceScope {
        match self {
            Reach::Core | Reach::Platform => InstanceScope::Platform,
            Reach::Profile(_) => InstanceScope::Profile,
            Reach::Site(_) => InstanceScope::Site,
        }
    }
}

/// A package as it lies in a platform's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageCode {
    /// What it is.
    pub kind: PackageKind,
    /// Its machine name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its folder, relative to the docroot.
    pub path: String,
    /// Its version; a package of core has core's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Which cores it runs on, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// The project on drupal.org it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The number of its latest schema update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<i64>,
    /// Whether it is kept from lists.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Which sites can load it.
    pub reach: Reach,
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
    /// The folder of the code that the site loads, relative to the docroot, if it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which sites can load that code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
}
