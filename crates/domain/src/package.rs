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
