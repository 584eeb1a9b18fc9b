//! What reasons are called, and the way out of each: the one place that has the words.

use std::fmt;

use super::Reason;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::CoreNewer { now, there } => write!(f, "Drupal {now} becomes {there}"),
            Reason::CoreOlder { now, there } => write!(
                f,
                "Drupal would go back from {now} to {there}, which does not know the site's data and does not notice"
            ),
            Reason::CoreUnclear { now, there } => {
                write!(f, "whether Drupal {there} is newer than {now} cannot be told from their versions")
            }
            Reason::MajorSkipped { now, there } => {
                write!(f, "Drupal {now} cannot be updated to {there} without the versions between")
            }
            Reason::NoUpdatePath { now, there } => {
                write!(f, "no update leads from Drupal {now} to {there}: they keep their data in other ways")
            }
            Reason::PhpTooOld { needs, has } => write!(f, "PHP {needs} is needed, and the platform's PHP is {has}"),
            Reason::PhpUnknown { needs } => {
                write!(f, "the platform's PHP could not be asked whether it is {needs} or later")
            }
            Reason::PhpLacks { extension } => write!(f, "the platform's PHP lacks the extension `{extension}`"),
            Reason::DatabaseTooOld { product, needs, has } => {
                write!(f, "{product} {needs} is needed, and the site's database server is {has}")
            }
            Reason::NoDatabaseDriver { driver } => {
                write!(f, "the platform's Drupal has no driver `{driver}` for the site's database")
            }
            Reason::ProfileMissing { profile, .. } => {
                write!(f, "the platform lacks the profile `{profile}` that the site was installed from")
            }
            Reason::ProfileRenamed { profile, there } => {
                write!(
                    f,
                    "the profile `{profile}` that the site was installed from is called `{there}` on the platform"
                )
            }
            Reason::CodeBroken { path, why } => write!(f, "`{path}` of the platform is broken: {why}"),
            Reason::Travels => write!(f, "lies in the site's own folder, and moves with it"),
            Reason::Missing { already: false } => write!(f, "is enabled, and its code is not on the platform"),
            Reason::Missing { already: true } => {
                write!(f, "is enabled, and its code is neither where the site is now nor on the platform")
            }
            Reason::MissingAllowed => write!(f, "is enabled, and its code is not on the platform, as was allowed"),
            Reason::LeftBehind => {
                write!(f, "is disabled but not uninstalled, and its code is not on the platform")
            }
            Reason::SchemaNewer { now, there } => write!(f, "updates would run, from {now} to {there}"),
            Reason::SchemaOlder { now, there: 0 } => {
                write!(f, "update {now} ran in the site, and the platform's older code has none")
            }
            Reason::SchemaOlder { now, there } => {
                write!(f, "update {now} ran in the site, and the platform's code ends with {there}")
            }
            Reason::SchemaUnclear { now } => {
                write!(f, "update {now} ran in the site, and the platform's code has no updates to compare it with")
            }
            Reason::UpdatesGone { now, needs } => {
                write!(f, "the site is at update {now}, and the platform's code no longer has those up to {needs}")
            }
            Reason::VersionNewer { now, there } => write!(f, "{now} becomes {there}"),
            Reason::VersionOlder { now, there } => write!(f, "would go back from {now} to {there}"),
            Reason::CoreRefused { needs, core } => write!(f, "runs on Drupal {needs}, and the platform's is {core}"),
            Reason::DependencyMissing { name } => write!(f, "needs `{name}`, which is not on the platform"),
            Reason::DependencyVersion { name, needs, has } => {
                write!(f, "needs `{name}` in a version that is {needs}, and the platform's is {has}")
            }
            Reason::DependencyDisabled { name } => {
                write!(f, "needs `{name}`, which the site has not enabled")
            }
        }
    }
}

impl Reason {
    /// The way out, if there is one.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Reason::CoreOlder { now, .. } => {
                format!(
                    "choose a platform with Drupal {now} or later; to go back, restore a backup that was made before the update"
                )
            }
            Reason::CoreUnclear { .. } => "compare the dates of the two; a release tells more than a snapshot".into(),
            Reason::MajorSkipped { now, .. } => format!(
                "move it to a platform with the last release of Drupal {next} first, and from there to the next",
                next = now.saturating_add(1)
            ),
            Reason::NoUpdatePath { .. } => {
                "keep it on the Drupal that it has, by a platform of the same major version; or install a new site on \
                 the platform, enable its modules `migrate_drupal` and `migrate_drupal_ui`, and have those take over \
                 users, content and files from this one, at `/upgrade`"
                    .into()
            }
            Reason::PhpTooOld { needs, .. } => format!("give the platform a PHP that is {needs} or later"),
            Reason::PhpUnknown { .. } => "verify the platform: that tells what is wrong with its PHP".into(),
            Reason::PhpLacks { extension } => {
                format!("install PHP's extension `{extension}`, then verify the platform")
            }
            Reason::DatabaseTooOld { needs, .. } => {
                format!("bring the database server to {needs} or later, or move the site to another server")
            }
            Reason::NoDatabaseDriver { .. } => "choose a platform whose Drupal has that driver".into(),
            Reason::ProfileMissing { has, .. } if has.is_empty() => "add the profile to the platform's code".into(),
            Reason::ProfileMissing { has, .. } => {
                format!("add the profile to the platform's code; it has: {}", has.join(", "))
            }
            Reason::ProfileRenamed { profile, .. } => {
                format!("add the code of `{profile}` to the platform too, until the site has changed its profile")
            }
            Reason::CodeBroken { .. } => "put that part's code there anew, then verify the platform".into(),
            Reason::Missing { .. } => {
                "add its code to the platform, or uninstall it in the site; or allow by name that it be missing".into()
            }
            Reason::MissingAllowed => {
                "uninstall it in the site first: without its code Drupal 8 and later refuse to update, and Drupal 7 \
                 disables it"
                    .into()
            }
            Reason::LeftBehind => "uninstall it in the site first, or add its code to the platform".into(),
            Reason::SchemaOlder { .. } | Reason::VersionOlder { .. } => {
                "put the site's version of it, or a later one, on the platform".into()
            }
            Reason::SchemaUnclear { .. } => "see whether the platform's version of it is not older".into(),
            Reason::UpdatesGone { .. } => "move the site to a platform with an earlier version of it first".into(),
            Reason::CoreRefused { core, .. } => {
                format!("put a version of it on the platform that runs on Drupal {core}")
            }
            Reason::DependencyMissing { name } => format!("add the code of `{name}` to the platform"),
            Reason::DependencyVersion { name, needs, .. } => {
                format!("put a version of `{name}` on the platform that is {needs}")
            }
            Reason::DependencyDisabled { name } => {
                format!("if its update does not, enable `{name}` in the site afterwards")
            }
            Reason::CoreNewer { .. } | Reason::SchemaNewer { .. } | Reason::VersionNewer { .. } | Reason::Travels => {
                return None;
            }
        })
    }
}
