//! Why a site, or one of its packages, fits a platform or does not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Verdict;

/// One reason. Those about a package leave its name to whoever holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// The platform's Drupal is newer.
    CoreNewer {
        /// The site's.
        now: String,
        /// The platform's.
        there: String,
    },
    /// The platform's Drupal is older. Drupal notices nothing, and runs on data that it does not know.
    CoreOlder {
        /// The site's.
        now: String,
        /// The platform's.
        there: String,
    },
    /// Which of the two is older cannot be told from their versions.
    CoreUnclear {
        /// The site's.
        now: String,
        /// The platform's.
        there: String,
    },
    /// Drupal is updated from one major version to the next.
    MajorSkipped {
        /// The site's.
        now: u32,
        /// The platform's.
        there: u32,
    },
    /// No update leads from this Drupal to that one.
    NoUpdatePath {
        /// The site's.
        now: String,
        /// The platform's.
        there: String,
    },
    /// The platform's PHP is older than its Drupal, or a package, needs.
    PhpTooOld {
        /// At least this.
        needs: String,
        /// What it is.
        has: String,
    },
    /// The platform's PHP could not be asked.
    PhpUnknown {
        /// What it must be at least.
        needs: String,
    },
    /// The platform's PHP lacks what the site's database is reached by.
    PhpLacks {
        /// The extension.
        extension: String,
    },
    /// The site's database server is older than the platform's Drupal needs.
    DatabaseTooOld {
        /// The product.
        product: String,
        /// At least this.
        needs: String,
        /// What it is.
        has: String,
    },
    /// The platform's Drupal has no driver for the site's database.
    NoDatabaseDriver {
        /// The database, by Drupal's name: `sqlite`.
        driver: String,
    },
    /// The platform lacks the site's profile.
    ProfileMissing {
        /// The profile.
        profile: String,
        /// Those that it has.
        has: Vec<String>,
    },
    /// The platform has the site's profile under another name.
    ProfileRenamed {
        /// The site's.
        profile: String,
        /// How it is called there.
        there: String,
    },
    /// A part of the platform's code is broken.
    CodeBroken {
        /// The file or folder.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// It lies in the site's own folder, and goes where that goes.
    Travels,
    /// It is enabled, and its code is not on the platform.
    Missing {
        /// Whether the site has to do without its code already.
        already: bool,
    },
    /// The same, and somebody said that the site may do without.
    MissingAllowed,
    /// It is not enabled, has left something in the database, and could not be uninstalled there.
    LeftBehind,
    /// Updates would run.
    SchemaNewer {
        /// The last that ran in the site.
        now: i64,
        /// The latest that the code has.
        there: i64,
    },
    /// Updates ran in the site that the platform's code does not know.
    SchemaOlder {
        /// The last that ran in the site.
        now: i64,
        /// The latest that the code has; 0 if none.
        there: i64,
    },
    /// Updates ran in the site, and the platform's code has none at all.
    SchemaUnclear {
        /// The last that ran in the site.
        now: i64,
    },
    /// Updates that the site has not run are no longer in the platform's code.
    UpdatesGone {
        /// The last that ran in the site.
        now: i64,
        /// The one that must have.
        needs: i64,
    },
    /// The platform's code of it is newer.
    VersionNewer {
        /// The site's.
        now: String,
        /// The platform's.
        there: String,
    },
    /// The platform's code of it is older.
    VersionOlder {
        /// The site's.
        now: String,
        /// The platform's.
        there: String,
    },
    /// It says itself that it does not run on the platform's Drupal.
    CoreRefused {
        /// Which it runs on.
        needs: String,
        /// The platform's.
        core: String,
    },
    /// The platform lacks another package that it needs.
    DependencyMissing {
        /// The other.
        name: String,
    },
    /// The platform has another version of a package than it needs.
    DependencyVersion {
        /// The other.
        name: String,
        /// What is needed of it.
        needs: String,
        /// What is there.
        has: String,
    },
    /// The site has not enabled another package that it needs there.
    DependencyDisabled {
        /// The other.
        name: String,
    },
}

impl Reason {
    /// The word that programs know it by: `core-older`.
    pub fn word(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// What comes of it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Reason::Travels => Verdict::Fits,
            Reason::CoreNewer { .. } | Reason::SchemaNewer { .. } | Reason::VersionNewer { .. } => Verdict::Upgrades,
            Reason::CoreUnclear { .. }
            | Reason::PhpUnknown { .. }
            | Reason::MissingAllowed
            | Reason::LeftBehind
            | Reason::SchemaUnclear { .. }
            | Reason::VersionOlder { .. }
            | Reason::DependencyDisabled { .. } => Verdict::Warning,
            Reason::CoreOlder { .. }
            | Reason::MajorSkipped { .. }
            | Reason::NoUpdatePath { .. }
            | Reason::PhpTooOld { .. }
            | Reason::PhpLacks { .. }
            | Reason::DatabaseTooOld { .. }
            | Reason::NoDatabaseDriver { .. }
            | Reason::ProfileMissing { .. }
            | Reason::ProfileRenamed { .. }
            | Reason::CodeBroken { .. }
            | Reason::Missing { .. }
            | Reason::SchemaOlder { .. }
            | Reason::UpdatesGone { .. }
            | Reason::CoreRefused { .. }
            | Reason::DependencyMissing { .. }
            | Reason::DependencyVersion { .. } => Verdict::Error,
        }
    }
}
