//! Finds the packages of a platform, in the order in which Drupal searches for them.
//!
//! Test modules are passed over: no site enables them, and there are five of them for each real one.

use std::collections::BTreeSet;

use aegir_domain::{Dependency, PackageCode, PackageKind, Reach, Requirements};

use super::tree::Tree;
use super::{DEEPEST_FOLDER, Finding, PlatformFacts, PlatformFault, Severity};
use crate::Family;
use crate::info_file::Info;
use crate::info_yaml::{InfoYaml, Texts};

/// Folders that Drupal 7 does not search, and those with tests.
const PASSED_OVER_BY_SEVEN: [&str; 4] = ["tests", "CVS", "node_modules", "bower_components"];

/// Folders that Drupal 8 and later do not search, and those with tests.
const PASSED_OVER_BY_EIGHT: [&str; 15] = [
    "tests",
    "src",
    "lib",
    "vendor",
    "node_modules",
    "bower_components",
    "assets",
    "css",
    "files",
    "images",
    "js",
    "misc",
    "templates",
    "fixtures",
    "includes",
];

/// Reads every package into `facts`.
pub(super) fn read(tree: &Tree, facts: &mut PlatformFacts) -> Result<(), PlatformFault> {
    for place in places(facts) {
        let mut search = Search { tree, facts, place: &place };
        match search.folder(&place.folder, 0) {
            // What a site keeps from us is no matter of the platform's.
            Err(PlatformFault::Unreadable { .. }) if matches!(place.reach, Reach::Site(_)) => {
                search.find(Severity::Warning, &place.folder, "it cannot be read");
            }
            other => other?,
        }
    }
    facts.packages.sort_by_key(|package| rank(facts.family, package));
    Ok(())
}

/// A folder to search.
struct Place {
    folder: String,
    /// What its packages are (Drupal 7, where the place alone tells).
    kind: PackageKind,
    reach: Reach,
}

fn places(facts: &PlatformFacts) -> Vec<Place> {
    let kinds = [("modules", PackageKind::Module), ("themes", PackageKind::Theme), ("profiles", PackageKind::Profile)];
    let mut bases = match facts.family {
        Family::Seven => vec![("", Reach::Core), ("sites/all/", Reach::Platform)],
        Family::Eight => vec![("core/", Reach::Core), ("", Reach::Platform), ("sites/all/", Reach::Platform)],
    };
    let sites: Vec<String> =
        facts.sites.iter().filter(|site| site.link.is_none()).map(|site| format!("sites/{}/", site.name)).collect();
    bases.extend(sites.iter().map(|base| {
        let name = base.trim_start_matches("sites/").trim_end_matches('/');
        (base.as_str(), Reach::Site(name.to_owned()))
    }));
    let mut places = Vec::new();
    for (base, reach) in bases {
        for (folder, kind) in kinds {
            // Drupal 7 knows profiles at one place only.
            if facts.family == Family::Seven && kind == PackageKind::Profile && !base.is_empty() {
                continue;
            }
            places.push(Place { folder: format!("{base}{folder}"), kind, reach: reach.clone() });
        }
    }
    places
}

/// Drupal's order of search: core, profiles, `sites/all`, the root, the site.
fn rank(family: Family, package: &PackageCode) -> u8 {
    match (&package.reach, family) {
        (Reach::Core, _) => 0,
        (Reach::Profile(_), _) => 1,
        (Reach::Platform, Family::Eight) if !package.path.starts_with("sites/") => 3,
        (Reach::Platform, _) => 2,
        (Reach::Site(_), _) => 4,
    }
}

struct Search<'a> {
    tree: &'a Tree,
    facts: &'a mut PlatformFacts,
    place: &'a Place,
}

impl Search<'_> {
    fn folder(&mut self, folder: &str, depth: usize) -> Result<(), PlatformFault> {
        if depth > DEEPEST_FOLDER {
            self.find(Severity::Warning, folder, "folders are nested too deep to be searched");
            return Ok(());
        }
        let entries = self.tree.list(folder)?;
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let (folders, files): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.is_folder);
        // Files first: a profile is known before what lies beneath it.
        for entry in files.into_iter().chain(folders) {
            let path = format!("{folder}/{}", entry.name);
            if entry.leads_out {
                self.find(
                    Severity::Warning,
                    &path,
                    "it is a symbolic link that leads out of the platform, or to nothing",
                );
            } else if entry.is_folder {
                let passed_over = entry.name.starts_with('.') || self.passes_over(&entry.name);
                if entry.link.is_some() && self.tree.leads_back(&path) {
                    self.find(Severity::Warning, &path, "it is a symbolic link to a folder that holds it");
                } else if !passed_over {
                    self.folder(&path, depth + 1)?;
                }
            } else {
                match self.facts.family {
                    Family::Seven => self.file_of_seven(folder, &entry.name, &names)?,
                    Family::Eight => self.file_of_eight(folder, &entry.name)?,
                }
            }
        }
        Ok(())
    }

    fn passes_over(&self, folder: &str) -> bool {
        match self.facts.family {
            Family::Seven => PASSED_OVER_BY_SEVEN.contains(&folder),
            Family::Eight => PASSED_OVER_BY_EIGHT.contains(&folder),
        }
    }

    fn file_of_seven(&mut self, folder: &str, file: &str, names: &BTreeSet<&str>) -> Result<(), PlatformFault> {
        if let Some(name) = file.strip_suffix(".engine") {
            self.add(PackageCode { kind: PackageKind::ThemeEngine, ..self.bare(folder, name) });
            return Ok(());
        }
        let Some(name) = file.strip_suffix(".info") else { return Ok(()) };
        let has = |suffix: &str| names.contains(format!("{name}.{suffix}").as_str());
        // A profile's folder may hold modules and themes beneath it.
        let kind = match self.place.kind {
            PackageKind::Profile if has("profile") => PackageKind::Profile,
            _ if has("module") => PackageKind::Module,
            PackageKind::Profile if folder.contains("/themes/") => PackageKind::Theme,
            PackageKind::Theme => PackageKind::Theme,
            _ => return Ok(()),
        };
        let Some(text) = self.text(folder, file, kind)? else { return Ok(()) };
        let info = Info::read(&text);
        let Some(title) = info.text("name") else {
            self.broken(folder, file, kind, "it gives no `name`");
            return Ok(());
        };
        if kind == PackageKind::Profile {
            let distribution = info.text("distribution_name").map(str::to_owned);
            let exclusive = info.is_set("exclusive").then(|| title.to_owned());
            self.distribution(name, distribution.or(exclusive));
        }
        let package = PackageCode {
            kind,
            title: title.to_owned(),
            version: self.version(info.text("version").map(str::to_owned)),
            core: info.text("core").map(str::to_owned),
            project: info.text("project").map(str::to_owned),
            hidden: info.is_set("hidden"),
            schema: self.schema(folder, name, info_requires_seven(&info))?,
            ..self.bare(folder, name)
        };
        self.add(package);
        Ok(())
    }

    fn file_of_eight(&mut self, folder: &str, file: &str) -> Result<(), PlatformFault> {
        let Some(name) = file.strip_suffix(".info.yml") else { return Ok(()) };
        let Some(text) = self.text(folder, file, self.place.kind)? else { return Ok(()) };
        let info = match InfoYaml::read(&text) {
            Ok(info) => info,
            Err(error) => {
                self.unparsable(folder, file, &text, self.place.kind, &error);
                return Ok(());
            }
        };
        let kind = match info.kind.as_deref() {
            Some("module") => PackageKind::Module,
            Some("theme") => PackageKind::Theme,
            Some("profile") => PackageKind::Profile,
            Some("theme_engine") => PackageKind::ThemeEngine,
            Some(other) => {
                let reason = format!(
                    "its `type` is `{}`, which Drupal does not know",
                    other.chars().take(40).collect::<String>()
                );
                self.broken(folder, file, self.place.kind, &reason);
                return Ok(());
            }
            None => {
                self.broken(folder, file, self.place.kind, "it gives no `type`");
                return Ok(());
            }
        };
        let Some(title) = info.name.clone() else {
            self.unparsable(folder, file, &text, kind, "it gives no `name`");
            return Ok(());
        };
        if info.core_version_requirement.is_none() && info.core.is_none() && self.place.reach != Reach::Core {
            self.unparsable(folder, file, &text, kind, "it gives no `core_version_requirement`");
            return Ok(());
        }
        let requires = info_requires_eight(&info);
        if kind == PackageKind::Profile {
            let title = title.clone();
            self.distribution(name, info.distribution.map(|distribution| distribution.name.unwrap_or(title)));
        }
        let package = PackageCode {
            kind,
            title,
            version: self.version(info.version),
            core: info.core_version_requirement.or(info.core),
            project: info.project,
            hidden: info.hidden.unwrap_or(false),
            schema: self.schema(folder, name, requires)?,
            ..self.bare(folder, name)
        };
        self.add(package);
        Ok(())
    }

    fn bare(&self, folder: &str, name: &str) -> PackageCode {
        PackageCode {
            kind: self.place.kind,
            name: name.to_owned(),
            title: name.to_owned(),
            path: folder.to_owned(),
            version: None,
            core: None,
            project: None,
            schema: None,
            hidden: false,
            reach: self.place.reach.clone(),
        }
    }

    /// A package beneath a profile belongs to the sites of that profile.
    fn add(&mut self, mut package: PackageCode) {
        if self.place.kind == PackageKind::Profile && package.kind != PackageKind::Profile {
            package.reach = Reach::Profile(self.profile_above(&package.path));
        } else if self.facts.family == Family::Seven && package.kind == PackageKind::Profile {
            let with_drupal = ["standard", "minimal", "testing"].contains(&package.name.as_str());
            package.reach = if with_drupal { Reach::Core } else { Reach::Platform };
        }
        self.facts.packages.push(package);
    }

    /// The profile whose folder holds `path`; where none is known, the folder's name.
    fn profile_above(&self, path: &str) -> String {
        let holder = self.facts.packages.iter().rev().find(|package| {
            package.kind == PackageKind::Profile
                && path.strip_prefix(&package.path).is_some_and(|rest| rest.starts_with('/'))
        });
        let own = path.strip_prefix(&self.place.folder).unwrap_or(path).trim_start_matches('/');
        holder.map_or_else(|| own.split('/').next().unwrap_or_default().to_owned(), |package| package.name.clone())
    }

    fn distribution(&mut self, profile: &str, title: Option<String>) {
        if let Some(title) = title {
            self.facts.distributions.insert(profile.to_owned(), title);
        }
    }

    fn version(&self, version: Option<String>) -> Option<String> {
        match version {
            Some(version) if version == "VERSION" => Some(self.facts.core.to_string()),
            other => other,
        }
    }

    /// The highest `N` of `function <name>_update_N(` in its `.install` file. What it `requires` is kept, with what that
    /// file says of updates that are gone.
    fn schema(&mut self, folder: &str, name: &str, requires: Requirements) -> Result<Option<i64>, PlatformFault> {
        let text = match self.tree.read(&format!("{folder}/{name}.install")) {
            Ok(text) => text.unwrap_or_default(),
            Err(PlatformFault::LeadsOut { path }) => {
                self.find(Severity::Warning, &path.display().to_string(), "it leads out of the platform");
                String::new()
            }
            Err(other) => return Err(other),
        };
        let requires = Requirements { updates_since: last_removed(&text, name), ..requires };
        if requires != Requirements::default() {
            self.facts.requirements.insert((folder.to_owned(), name.to_owned()), requires);
        }
        Ok(latest_update(&text, name))
    }

    fn text(&mut self, folder: &str, file: &str, kind: PackageKind) -> Result<Option<String>, PlatformFault> {
        match self.tree.read(&format!("{folder}/{file}")) {
            Err(PlatformFault::LeadsOut { .. }) => {
                self.broken(folder, file, kind, "it leads out of the platform");
                Ok(None)
            }
            other => other,
        }
    }

    /// A file that Drupal 8 and later find by its `type` and then stumble over, whatever the site: their
    /// list of modules or themes ends in an exception.
    fn unparsable(&mut self, folder: &str, file: &str, text: &str, kind: PackageKind, reason: &str) {
        let is_found = text.lines().any(|line| line.starts_with("type:"));
        let is_everybodys = self.place.reach == Reach::Platform && self.place.kind != PackageKind::Profile;
        match is_found && is_everybodys {
            true => self.find(Severity::Error, &format!("{folder}/{file}"), reason),
            false => self.broken(folder, file, kind, reason),
        }
    }

    fn broken(&mut self, folder: &str, file: &str, kind: PackageKind, reason: &str) {
        let severity = match kind == PackageKind::Profile || self.place.reach == Reach::Core {
            true => Severity::Error,
            false => Severity::Warning,
        };
        self.find(severity, &format!("{folder}/{file}"), reason);
    }

    fn find(&mut self, severity: Severity, path: &str, reason: &str) {
        self.facts.findings.push(Finding { severity, path: path.to_owned(), reason: reason.to_owned() });
    }
}

fn latest_update(text: &str, name: &str) -> Option<i64> {
    let prefix = format!("{name}_update_");
    text.match_indices("function")
        .filter_map(|(at, word)| {
            let rest = text[at + word.len()..].trim_start().strip_prefix(&prefix)?;
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[digits..].trim_start().starts_with('(').then(|| rest[..digits].parse().ok()).flatten()
        })
        .max()
}

/// The number that `function <name>_update_last_removed()` returns.
fn last_removed(text: &str, name: &str) -> Option<i64> {
    let (_, rest) = text.split_once(&format!("function {name}_update_last_removed("))?;
    let (body, _) = rest.split_once('}')?;
    let (_, number) = body.split_once("return")?;
    number.split(';').next()?.trim().trim_matches(['\'', '"']).parse().ok()
}

fn info_requires_seven(info: &Info) -> Requirements {
    let listed = match info.get("dependencies") {
        Some(Info::Keys(keys)) => keys.values().collect(),
        _ => Vec::new(),
    };
    let listed = listed.into_iter().filter_map(|one| match one {
        Info::Text(text) => Dependency::of(text),
        Info::Keys(_) => None,
    });
    let dependencies = listed.chain(base_theme(info.text("base theme"))).collect();
    Requirements { php: info.text("php").map(str::to_owned), dependencies, updates_since: None }
}

fn info_requires_eight(info: &InfoYaml) -> Requirements {
    let listed = info.dependencies.as_ref().map(Texts::as_slice).unwrap_or_default();
    let listed = listed.iter().filter_map(|text| Dependency::of(text));
    let dependencies = listed.chain(base_theme(info.base_theme.as_deref())).collect();
    Requirements { php: info.php.clone(), dependencies, updates_since: None }
}

/// A theme that is built upon is needed like a module.
fn base_theme(name: Option<&str>) -> Option<Dependency> {
    let dependency = Dependency::of(name.filter(|name| *name != "false")?)?;
    Some(Dependency { kind: PackageKind::Theme, ..dependency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_update_is_the_highest_number() {
        let text = "<?php\nfunction a_update_7001() {}\nfunction a_update_7010 (&$x) {}\nfunction a_update_7002() {}\n\
                    function ab_update_9999() {}\nfunction a_update_last_removed() {}\nfunction a_update_7777_x() {}\n";
        assert_eq!(latest_update(text, "a"), Some(7010));
        assert_eq!(latest_update("<?php", "a"), None);
    }

    #[test]
    fn the_last_update_that_was_removed_is_what_the_code_says() {
        let text = "<?php\nfunction ab_update_last_removed() { return 1; }\n/** */\nfunction a_update_last_removed() {\n  return 8901;\n}\n";
        assert_eq!(last_removed(text, "a"), Some(8901));
        for odd in ["", "function a_update_last_removed() {", "function a_update_last_removed() { return $x; }"] {
            assert_eq!(last_removed(odd, "a"), None, "{odd}");
        }
    }
}
