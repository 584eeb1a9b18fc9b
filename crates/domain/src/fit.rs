//! Whether a site fits a platform: what would become of each of its packages there, and why.
//!
//! A report is data: reasons have their words in one place, and whoever shows them asks for those.

mod compare;
mod reason;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FaultReport, PackageKind, PlatformName, SiteName};

pub use compare::{Code, PlatformSide, SiteSide, compare};
pub use reason::Reason;

/// What comes of a comparison, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is as it was.
    Fits,
    /// It becomes newer; updates may run.
    Upgrades,
    /// It can be done, and somebody should know.
    Warning,
    /// It cannot be done.
    Error,
}

impl Verdict {
    /// All of them, from the worst to the best.
    pub const WORST_FIRST: [Verdict; 4] = [Verdict::Error, Verdict::Warning, Verdict::Upgrades, Verdict::Fits];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Fits => "fits",
            Verdict::Upgrades => "upgrades",
            Verdict::Warning => "warning",
            Verdict::Error => "error",
        }
    }
}

/// How a site would fare on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fit {
    /// The site.
    pub site: SiteName,
    /// The platform that it would move to.
    pub platform: PlatformName,
    /// The version of Drupal that runs the site now.
    pub core_now: String,
    /// The one that would run it there.
    pub core_there: String,
    /// The profile that it was installed from.
    pub profile: String,
    /// The worst of all that follows: what would come of moving it.
    pub verdict: Verdict,
    /// What concerns the site as a whole, the worst first.
    pub reasons: Vec<Reason>,
    /// Its packages by kind and name: the enabled ones, those in its own folder, and others of which there is something
    /// to say. Empty where the platform's Drupal cannot take over what the site has.
    pub packages: Vec<PackageFit>,
}

/// What a back end answers that was asked to compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    /// The report.
    Fit(Box<Fit>),
    /// Why there is none.
    Refused(FaultReport),
}

/// How one package of a site would fare on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageFit {
    /// What it is.
    pub kind: PackageKind,
    /// Its machine name.
    pub name: String,
    /// Whether the site has it enabled.
    pub enabled: bool,
    /// The worst of its reasons.
    pub verdict: Verdict,
    /// What the site has of it.
    pub now: Standing,
    /// What it would have there; absent where the platform lacks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<Standing>,
    /// Why, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// What is known of a package at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The version that its code says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The number of its latest schema update: of those that ran in the site, or of those that the code has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<i64>,
}

impl Fit {
    /// Whether nothing stands in the way of moving the site there.
    pub fn is_allowed(&self) -> bool {
        self.verdict != Verdict::Error
    }

    /// All reasons of that verdict, each with the package it concerns.
    pub fn reasons(&self, verdict: Verdict) -> impl Iterator<Item = (Option<&PackageFit>, &Reason)> {
        let whole = self.reasons.iter().map(|reason| (None, reason));
        let packages = self.packages.iter();
        let packages = packages.flat_map(|package| package.reasons.iter().map(move |reason| (Some(package), reason)));
        whole.chain(packages).filter(move |(_, reason)| reason.verdict() == verdict)
    }

    /// The packages of that verdict.
    pub fn packages(&self, verdict: Verdict) -> impl Iterator<Item = &PackageFit> {
        self.packages.iter().filter(move |package| package.verdict == verdict)
    }
}
