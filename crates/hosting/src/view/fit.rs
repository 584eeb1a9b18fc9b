//! What faces show of a comparison of a site with a platform.

use aegir_domain::{Fit, PackageFit, Reason, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a site would fare on a platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FitView {
    /// The site.
    pub site: String,
    /// The platform that it would move to.
    pub platform: String,
    /// Whether nothing stands in the way.
    pub fits: bool,
    /// The worst of all that follows: `error`, `warning`, `upgrades`, `fits`.
    pub verdict: String,
    /// The version of Drupal that runs the site now.
    pub core_now: String,
    /// The one that would run it there.
    pub core_there: String,
    /// The profile that the site was installed from.
    pub profile: String,
    /// What concerns the site as a whole, the worst first.
    pub reasons: Vec<ReasonView>,
    /// Its packages, by kind and name; empty where the two Drupals have no packages in common.
    pub packages: Vec<PackageFitView>,
}

/// How a package of a site would fare on a platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackageFitView {
    /// Its machine name.
    pub name: String,
    /// `module`, `theme`, `profile`, `theme-engine`.
    pub kind: String,
    /// Whether the site has it enabled.
    pub enabled: bool,
    /// The worst of its reasons: `error`, `warning`, `upgrades`, `fits`.
    pub verdict: String,
    /// Its version now, as its code says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_now: Option<String>,
    /// The version that the platform has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_there: Option<String>,
    /// The number of the last schema update that ran in the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_now: Option<i64>,
    /// The number of the latest that the platform's code has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_there: Option<i64>,
    /// Why, the worst first.
    pub reasons: Vec<ReasonView>,
}

/// Why something fits, or does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonView {
    /// The word for it: `core-older`, `missing`.
    pub reason: String,
    /// What comes of it: `error`, `warning`, `upgrades`, `fits`.
    pub verdict: String,
    /// The same in words; of a package, what is to be said behind its name.
    pub text: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl FitView {
    /// Of a report.
    pub fn of(fit: &Fit) -> FitView {
        FitView {
            site: fit.site.to_string(),
            platform: fit.platform.to_string(),
            fits: fit.is_allowed(),
            verdict: fit.verdict.as_str().into(),
            core_now: fit.core_now.clone(),
            core_there: fit.core_there.clone(),
            profile: fit.profile.clone(),
            reasons: fit.reasons.iter().map(ReasonView::of).collect(),
            packages: fit.packages.iter().map(PackageFitView::of).collect(),
        }
    }

    /// The reasons of that verdict, each with the package it concerns.
    pub fn reasons(&self, verdict: Verdict) -> impl Iterator<Item = (Option<&PackageFitView>, &ReasonView)> {
        let whole = self.reasons.iter().map(|reason| (None, reason));
        let packages = self.packages.iter();
        let packages = packages.flat_map(|package| package.reasons.iter().map(move |reason| (Some(package), reason)));
        whole.chain(packages).filter(move |(_, reason)| reason.verdict == verdict.as_str())
    }

    /// The packages of which there is nothing to say but that they fit.
    pub fn unchanged(&self) -> impl Iterator<Item = &PackageFitView> {
        self.packages.iter().filter(|package| package.verdict == Verdict::Fits.as_str() && package.reasons.is_empty())
    }
}

impl PackageFitView {
    fn of(package: &PackageFit) -> PackageFitView {
        let there = package.there.clone().unwrap_or_default();
        PackageFitView {
            name: package.name.clone(),
            kind: package.kind.as_str().into(),
            enabled: package.enabled,
            verdict: package.verdict.as_str().into(),
            version_now: package.now.version.clone(),
            version_there: there.version,
            schema_now: package.now.schema,
            schema_there: there.schema,
            reasons: package.reasons.iter().map(ReasonView::of).collect(),
        }
    }
}

impl ReasonView {
    fn of(reason: &Reason) -> ReasonView {
        ReasonView {
            reason: reason.word(),
            verdict: reason.verdict().as_str().into(),
            text: reason.to_string(),
            remedy: reason.remedy(),
        }
    }
}
