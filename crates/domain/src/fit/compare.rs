//! Compares what a site has with what a platform offers. Pure: whoever asks has read both.
//!
//! Drupal's own checks come with its updates, on data that is already copied, and it makes none of a way back: its
//! older code finds nothing to do. What can be known before is told here.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::{Fit, PackageFit, Reason, Standing, Verdict};
use crate::version::Version;
use crate::{Instance, PackageCode, PackageKind, PlatformName, Reach, Requirements, SiteName, core_allowed};

/// A site, as it is compared.
#[derive(Clone, Debug)]
pub struct SiteSide {
    /// Its name.
    pub name: SiteName,
    /// The version of the Drupal whose code runs it.
    pub core: String,
    /// The profile that it was installed from.
    pub profile: String,
    /// The code of that profile, if it was found.
    pub profile_code: Option<PackageCode>,
    /// Its packages, as its database and the code that it loads have them.
    pub packages: Vec<Instance>,
    /// The code in its own folder.
    pub own: Vec<Code>,
}

/// A platform, as a site is compared with it.
#[derive(Clone, Debug)]
pub struct PlatformSide {
    /// Its name.
    pub name: PlatformName,
    /// The version of its Drupal.
    pub core: String,
    /// The oldest PHP that this runs on.
    pub php_minimum: String,
    /// The version of its PHP, if that could be asked.
    pub php: Option<String>,
    /// What a site of the profile can load: one package for each kind and name.
    pub packages: Vec<Code>,
    /// What else was found to stand in the way: of its PHP, the database, the code as a whole.
    pub obstacles: Vec<Reason>,
}

/// A package's code, with what it requires.
#[derive(Clone, Debug)]
pub struct Code {
    /// The package.
    pub package: PackageCode,
    /// What it requires besides a core.
    pub requires: Requirements,
}

type Key<'a> = (PackageKind, &'a str);

/// How `site` would fare on `platform`. Of what is enabled, the names in `allow_missing` may be missing.
pub fn compare(site: &SiteSide, platform: &PlatformSide, allow_missing: &BTreeSet<String>) -> Fit {
    let mut reasons = platform.obstacles.clone();
    reasons.extend(of_core(site, platform));
    reasons.extend(of_php(&platform.php_minimum, platform, true));
    let mut packages = Vec::new();
    // From 8 on a new major version is an update like any other. Before, it is another system, whose packages have
    // other names and numbers: comparing them would tell nothing.
    let is_before_eight = |core: &str| Version::of(core).major().is_some_and(|major| major < 8);
    if is_before_eight(&site.core) == is_before_eight(&platform.core) {
        reasons.extend(of_profile(site, platform));
        let there = Offer::of(site, platform, allow_missing);
        packages = site.packages.iter().filter_map(|instance| there.fit(instance)).collect();
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict()));
    let verdicts = reasons.iter().map(Reason::verdict).chain(packages.iter().map(|package| package.verdict));
    Fit {
        site: site.name.clone(),
        platform: platform.name.clone(),
        core_now: site.core.clone(),
        core_there: platform.core.clone(),
        profile: site.profile.clone(),
        verdict: verdicts.max().unwrap_or(Verdict::Fits),
        reasons,
        packages,
    }
}

fn of_core(site: &SiteSide, platform: &PlatformSide) -> Option<Reason> {
    let (now, there) = (Version::of(&site.core), Version::of(&platform.core));
    let (from, to) = (site.core.clone(), platform.core.clone());
    match now.major().zip(there.major()) {
        Some((..8, 8..)) => return Some(Reason::NoUpdatePath { now: from, there: to }),
        Some((now, there)) if there > now.saturating_add(1) => return Some(Reason::MajorSkipped { now, there }),
        _ => (),
    }
    match there.released_after(&now) {
        Some(Ordering::Equal) => None,
        Some(Ordering::Greater) => Some(Reason::CoreNewer { now: from, there: to }),
        Some(Ordering::Less) => Some(Reason::CoreOlder { now: from, there: to }),
        None if from == to => None,
        None => Some(Reason::CoreUnclear { now: from, there: to }),
    }
}

/// Whether the platform's PHP is `needs` or later; that it is not known is told once.
fn of_php(needs: &str, platform: &PlatformSide, of_core: bool) -> Option<Reason> {
    let Some(has) = &platform.php else { return of_core.then(|| Reason::PhpUnknown { needs: needs.to_owned() }) };
    let is_older = Version::of(has).released_after(&Version::of(needs)) == Some(Ordering::Less);
    is_older.then(|| Reason::PhpTooOld { needs: needs.to_owned(), has: has.clone() })
}

fn of_profile(site: &SiteSide, platform: &PlatformSide) -> Option<Reason> {
    let profiles = || platform.packages.iter().map(|code| &code.package).filter(|of| of.kind == PackageKind::Profile);
    let own =
        site.own.iter().any(|code| code.package.kind == PackageKind::Profile && code.package.name == site.profile);
    if own || site.profile.is_empty() || profiles().any(|profile| profile.name == site.profile) {
        return None;
    }
    // The same project or title under another name: somebody renamed it.
    let renamed = profiles().find(|there| {
        site.profile_code.as_ref().is_some_and(|now| {
            let same_project = now.project.is_some() && now.project == there.project;
            same_project || now.title == there.title && now.title != now.name
        })
    });
    let profile = site.profile.clone();
    Some(match renamed {
        Some(there) => Reason::ProfileRenamed { profile, there: there.name.clone() },
        None => {
            let has = profiles().filter(|there| !there.hidden).map(|there| there.name.clone()).collect();
            Reason::ProfileMissing { profile, has }
        }
    })
}

/// What the site would load on the platform.
struct Offer<'a> {
    core: &'a str,
    platform: &'a PlatformSide,
    codes: BTreeMap<Key<'a>, &'a Code>,
    enabled: BTreeSet<Key<'a>>,
    /// Told of the site as a whole.
    profile: &'a str,
    allow_missing: &'a BTreeSet<String>,
}

impl<'a> Offer<'a> {
    fn of(site: &'a SiteSide, platform: &'a PlatformSide, allow_missing: &'a BTreeSet<String>) -> Offer<'a> {
        let key = |code: &'a Code| ((code.package.kind, code.package.name.as_str()), code);
        // What lies in the site's own folder is found last, and so is what Drupal loads.
        let codes = platform.packages.iter().chain(&site.own).map(key).collect();
        let enabled = site.packages.iter().filter(|instance| instance.enabled);
        let enabled = enabled.map(|instance| (instance.kind, instance.name.as_str())).collect();
        Offer { core: &platform.core, platform, codes, enabled, profile: &site.profile, allow_missing }
    }

    /// How a package fares; nothing for one that does not matter.
    fn fit(&self, instance: &Instance) -> Option<PackageFit> {
        let code = self.codes.get(&(instance.kind, instance.name.as_str())).copied();
        let travels = matches!(instance.reach, Some(Reach::Site(_)));
        let mut reasons = Vec::new();
        match code {
            None => reasons.extend(self.missing(instance)),
            Some(code) if travels => {
                reasons.push(Reason::Travels);
                reasons.extend(instance.enabled.then(|| self.requirements(instance, code)).into_iter().flatten());
            }
            Some(code) => {
                reasons.extend(change_of_version(instance, &code.package));
                if instance.enabled {
                    reasons.extend(change_of_schema(instance, code));
                    reasons.extend(self.requirements(instance, code));
                }
            }
        }
        if !instance.enabled {
            // That something newer is there matters to nobody who has not enabled it.
            reasons.retain(|reason| reason.verdict() != Verdict::Upgrades);
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict()));
        if !instance.enabled && reasons.is_empty() {
            return None;
        }
        Some(PackageFit {
            kind: instance.kind,
            name: instance.name.clone(),
            enabled: instance.enabled,
            verdict: reasons.first().map_or(Verdict::Fits, Reason::verdict),
            now: Standing { version: instance.version.clone(), schema: instance.schema },
            there: code.map(|code| Standing { version: code.package.version.clone(), schema: code.package.schema }),
            reasons,
        })
    }

    fn missing(&self, instance: &Instance) -> Option<Reason> {
        let already = instance.path.is_none();
        match instance.enabled {
            // Said of the site as a whole, with what is there in its place.
            true if instance.kind == PackageKind::Profile && instance.name == self.profile => None,
            true if self.allow_missing.contains(&instance.name) => Some(Reason::MissingAllowed),
            true => Some(Reason::Missing { already }),
            false => (!already).then_some(Reason::LeftBehind),
        }
    }

    /// What the code of an enabled package requires, and does not get.
    fn requirements(&self, instance: &Instance, code: &Code) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if let Some(needs) = &code.package.core
            && core_allowed(needs, self.core) == Some(false)
        {
            reasons.push(Reason::CoreRefused { needs: needs.clone(), core: self.core.to_owned() });
        }
        reasons.extend(code.requires.php.as_deref().and_then(|needs| of_php(needs, self.platform, false)));
        for dependency in &code.requires.dependencies {
            let key = (dependency.kind, dependency.name.as_str());
            let is_enabled = self.enabled.contains(&key);
            // A site may have uninstalled what its profile once installed.
            if instance.kind == PackageKind::Profile && !is_enabled {
                continue;
            }
            let name = dependency.name.clone();
            let Some(there) = self.codes.get(&key) else {
                // Where it is enabled too, that is told of itself.
                reasons.extend((!is_enabled).then_some(Reason::DependencyMissing { name }));
                continue;
            };
            let version = there.package.version.as_deref();
            if dependency.allows(version) == Some(false) {
                let needs = dependency.versions.clone().unwrap_or_default();
                reasons.push(Reason::DependencyVersion { name, needs, has: version.unwrap_or_default().to_owned() });
            } else if !is_enabled {
                reasons.push(Reason::DependencyDisabled { name });
            }
        }
        reasons
    }
}

/// That the code of a package has another version. Of core's own packages that is told once, of the core.
fn change_of_version(instance: &Instance, there: &PackageCode) -> Option<Reason> {
    if instance.reach == Some(Reach::Core) && there.reach == Reach::Core {
        return None;
    }
    let (now, there) = (instance.version.as_ref()?, there.version.as_ref()?);
    let versions = (now.clone(), there.clone());
    match Version::of(there).released_after(&Version::of(now))? {
        Ordering::Greater => Some(Reason::VersionNewer { now: versions.0, there: versions.1 }),
        Ordering::Less => Some(Reason::VersionOlder { now: versions.0, there: versions.1 }),
        Ordering::Equal => None,
    }
}

/// The schema of a module that never had an update: 0 of Drupal 7, 8000 of the later ones.
fn is_first_schema(schema: i64) -> bool {
    schema <= 0 || schema == 8000
}

/// What would become of the schema of an enabled package.
fn change_of_schema(instance: &Instance, code: &Code) -> Option<Reason> {
    let now = instance.schema?;
    let since = code.requires.updates_since;
    if let Some(needs) = since.filter(|needs| *needs > now) {
        return Some(Reason::UpdatesGone { now, needs });
    }
    // Code whose updates are gone knows their effects all the same.
    match code.package.schema.max(since) {
        Some(there) if there > now => Some(Reason::SchemaNewer { now, there }),
        Some(there) if there < now && !is_first_schema(now) => Some(Reason::SchemaOlder { now, there }),
        Some(_) => None,
        None if is_first_schema(now) => None,
        None => {
            let (was, is) = (instance.version.as_deref(), code.package.version.as_deref());
            let order = Version::of(is.unwrap_or_default()).released_after(&Version::of(was.unwrap_or_default()));
            Some(match order {
                Some(Ordering::Less) => Reason::SchemaOlder { now, there: 0 },
                _ => Reason::SchemaUnclear { now },
            })
        }
    }
}
