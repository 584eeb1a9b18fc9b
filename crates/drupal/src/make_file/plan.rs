//! From a make file to what is fetched, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::address::Address;
use super::entry::{Entry, Found};
use super::fault::{MakeFileFault, Problem};
use super::fetch::{Fetch, Kind};
use super::read::Core;
use super::tree::{Key, Node, Place, Value};
use super::{MakeFile, Note};

/// What is fetched, in order: the core, profiles, modules, themes, projects of which their files tell what they are, libraries;
/// of projects and of libraries those last that are laid over others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Each of them.
    pub fetches: Vec<Fetch>,
    /// What the file's writer should know.
    pub notes: Vec<Note>,
}

/// From where, and into what, a make file is read.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Where projects come from of which only a version is said.
    pub releases: ReleaseSource,
    /// The folder of the file, for what it names on this machine; `None`: it may name nothing there.
    pub folder: Option<PathBuf>,
    /// For the make file of a project: what is around it.
    pub within: Option<Within>,
}

/// What is around the make file of a project.
#[derive(Clone, Debug)]
pub struct Within {
    /// Below what of the document root its modules lie ([`Fetch::contrib_below`]).
    pub contrib: String,
    /// The Drupal that is built.
    pub major: u32,
    /// The projects of the files around it, whose versions hold.
    pub taken: BTreeSet<String>,
}

/// Where releases of projects come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseSource {
    /// The folder of their archives, `NAME-VERSION.tar.gz`.
    pub archives: Address,
    /// The folder of their git repositories, `NAME.git`.
    pub git: Address,
    /// Whether whoever asks for the build named it, and so answers for how it is reached.
    pub is_chosen: bool,
}

impl ReleaseSource {
    /// Drupal's own.
    pub fn of_drupal() -> Result<ReleaseSource, Problem> {
        Ok(ReleaseSource {
            archives: Address::read("https://ftp.drupal.org/files/projects")?,
            git: Address::read("https://git.drupalcode.org/project")?,
            is_chosen: false,
        })
    }

    /// Archives from elsewhere, laid out as Drupal's own are.
    pub fn chosen(archives: Address) -> Result<ReleaseSource, Problem> {
        Ok(ReleaseSource { archives, is_chosen: true, ..ReleaseSource::of_drupal()? })
    }
}

/// The names that the make file of a project may have, in the order in which they are looked for.
pub fn nested_names(project: &str) -> [String; 4] {
    [
        format!("{project}.make.yml"),
        format!("{project}.make"),
        "drupal-org.make.yml".to_owned(),
        "drupal-org.make".to_owned(),
    ]
}

/// What all entries of a file share.
pub(super) struct Ground<'a> {
    pub(super) contrib: String,
    pub(super) releases: &'a ReleaseSource,
    pub(super) folder: Option<&'a PathBuf>,
    core: &'a Core,
}

impl Ground<'_> {
    /// The archive of a release.
    pub(super) fn release(
        &self,
        name: &str,
        kind: Option<Kind>,
        version: Option<&str>,
        variant: Option<&str>,
    ) -> Result<Address, Problem> {
        let is_core = kind == Some(Kind::Core);
        let version = match (version, &self.core.release) {
            (Some(version), _) => version,
            (None, Some(release)) if is_core && name == "drupal" => release,
            (None, _) => return Err(Problem::NoVersion { name: name.to_owned() }),
        };
        let version = full_version(version, is_core, self.core.major).ok_or_else(|| Problem::BadVersion {
            name: name.to_owned(),
            version: version.chars().filter(|c| !c.is_control()).take(60).collect(),
        })?;
        let variant = match variant.map(str::trim) {
            None | Some("" | "profile-only" | "projects") if is_core && name != "drupal" => "-core",
            None | Some("" | "profile-only" | "projects" | "full") => "",
            Some("core") => "-core",
            Some("no-core") => "-no-core",
            Some(_) => return Err(Problem::OtherVariant { name: name.to_owned() }),
        };
        Ok(self.releases.archives.below(&format!("{name}-{version}{variant}.tar.gz")))
    }
}

/// The version as archives are named after: `3.7` of a module for Drupal 7 is `7.x-3.7`. A major version alone, which
/// stands for its newest release, is none.
fn full_version(version: &str, is_core: bool, major: u32) -> Option<String> {
    let fits = version.len() <= 60
        && version.starts_with(|c: char| c.is_ascii_digit())
        && version.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b))
        && !version.contains("..");
    let (numbers, _) = version.split_once('-').unwrap_or((version, ""));
    let is_branch = numbers.split_once('.').is_none_or(|(_, minor)| minor == "x");
    let has_core = version.split_once(".x-").is_some_and(|(core, rest)| {
        core.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with(|c: char| c.is_ascii_digit())
    });
    let is_open = |of: &str| {
        let (numbers, rest) = of.split_once('-').unwrap_or((of, ""));
        (numbers.ends_with(".x") || !numbers.contains('.')) && !rest.starts_with("dev")
    };
    if !fits {
        return None;
    }
    if has_core {
        let (_, own) = version.split_once(".x-")?;
        return (!is_open(own)).then(|| version.to_owned());
    }
    if is_open(version) {
        return None;
    }
    let is_semantic = numbers.split('.').count() == 3 && !is_branch && major >= 8;
    Some(if is_core || is_semantic { version.to_owned() } else { format!("{major}.x-{version}") })
}

/// An entry of a list of projects or libraries.
pub(super) struct Wanted<'a> {
    pub(super) name: String,
    pub(super) at: Place,
    /// What is said of it; `None`: its name alone.
    pub(super) node: Option<&'a Node>,
    /// The version, where that alone is said.
    pub(super) version: Option<(&'a str, &'a Place)>,
}

impl MakeFile {
    /// What is fetched for it. All mistakes are told at once.
    pub fn plan(&self, scope: &Scope) -> Result<Plan, MakeFileFault> {
        let core = Place { ..self.root.get("core").map_or(&self.root.at, |node| &node.at).clone() };
        let mut found = Found { notes: self.notes.clone(), ..Found::default() };
        let contrib = match &scope.within {
            Some(within) => within.contrib.clone(),
            None if self.core.major == 7 => "sites/all".to_owned(),
            None => String::new(),
        };
        if let Some(within) = &scope.within
            && within.major != self.core.major
        {
            found.refuse(&core, Problem::OtherMajor { major: self.core.major, built: within.major });
        }
        let ground = Ground { contrib, releases: &scope.releases, folder: scope.folder.as_ref(), core: &self.core };
        let mut fetches = self.fetches("projects", false, &ground, &mut found);
        let mut cores = fetches.iter().filter(|(_, fetch)| fetch.kind == Some(Kind::Core));
        match (&scope.within, cores.next(), cores.next()) {
            (None, None, _) => found.refuse(&self.root.at, Problem::NoCore),
            (None, Some(_), Some((at, _))) => found.refuse(at, Problem::TwoCores),
            // A distribution's own file names the core that it was made for; it is that which is built.
            (Some(_), ..) => fetches.retain(|(_, fetch)| fetch.kind != Some(Kind::Core)),
            _ => (),
        }
        if let Some(within) = &scope.within {
            fetches.retain(|(_, fetch)| !within.taken.contains(&fetch.name));
        }
        fetches.extend(self.fetches("libraries", true, &ground, &mut found));
        fetches.sort_by_key(|(_, fetch)| order(fetch));
        apart(&fetches, &mut found);
        if !found.problems.is_empty() {
            return Err(MakeFileFault::all(found.problems));
        }
        Ok(Plan { fetches: fetches.into_iter().map(|(_, fetch)| fetch).collect(), notes: found.notes })
    }

    fn fetches(&self, key: &str, is_library: bool, ground: &Ground<'_>, found: &mut Found) -> Vec<(Place, Fetch)> {
        let defaults = self.root.get("defaults").and_then(|defaults| defaults.get(key));
        let mut fetches = Vec::new();
        for wanted in self.wanted(key, is_library, found) {
            let mut entry = Entry::new(&wanted, defaults);
            let fetch = entry.fetch(is_library, ground, &wanted);
            found.problems.append(&mut entry.found.problems);
            found.notes.append(&mut entry.found.notes);
            fetches.extend(fetch.map(|fetch| (wanted.at.clone(), fetch)));
        }
        fetches
    }

    /// The entries of a list, each name once.
    fn wanted(&self, key: &str, is_library: bool, found: &mut Found) -> Vec<Wanted<'_>> {
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        for (key, node) in self.root.get(key).map(Node::keys).unwrap_or_default() {
            let named = match key {
                Key::Named(name) if !name.bytes().all(|b| b.is_ascii_digit()) => Some(name),
                _ => None,
            };
            let at = node.at.clone();
            let entry = match (named, &node.value) {
                (_, Value::Nothing) => continue,
                // Drush takes these for «not that one» too.
                (Some(_), Value::Text(text)) if matches!(text.to_ascii_lowercase().as_str(), "" | "false" | "0") => {
                    continue;
                }
                (Some(_), Value::Text(_)) if is_library => {
                    found.refuse(&at, Problem::NoList { key: "libraries".into() });
                    continue;
                }
                (Some(name), Value::Text(version)) => {
                    let version = if is_any(version) { None } else { Some((version.as_str(), &node.at)) };
                    Wanted { name: name.clone(), at, node: None, version }
                }
                (Some(name), Value::Keys(_)) => Wanted { name: name.clone(), at, node: Some(node), version: None },
                (None, Value::Text(name)) => Wanted { name: name.trim().to_owned(), at, node: None, version: None },
                (None, Value::Keys(_)) => {
                    found.refuse(&at, Problem::BadKey);
                    continue;
                }
            };
            match wanted.iter_mut().find(|there| there.name == entry.name) {
                None => wanted.push(entry),
                // A name alone adds nothing to what is said of it elsewhere.
                Some(_) if entry.node.is_none() && entry.version.is_none() => (),
                Some(there) if there.node.is_none() && there.version.is_none() => *there = entry,
                Some(_) => found.refuse(&entry.at, Problem::Twice { name: entry.name }),
            }
        }
        wanted
    }
}

fn is_any(version: &str) -> bool {
    matches!(version.trim(), "" | "*" | "~")
}

fn order(fetch: &Fetch) -> u8 {
    match fetch.kind {
        Some(Kind::Core) => 0,
        Some(Kind::Library) if fetch.overwrite => 7,
        Some(Kind::Library) => 6,
        // What is laid over something comes behind it.
        _ if fetch.overwrite => 5,
        Some(Kind::Profile) => 1,
        Some(Kind::Module) => 2,
        Some(Kind::Theme) => 3,
        None => 4,
    }
}

/// No two lie in the same folder, but where the file says so.
fn apart(fetches: &[(Place, Fetch)], found: &mut Found) {
    let mut places: BTreeMap<String, &str> = BTreeMap::new();
    for (at, fetch) in fetches {
        let Some(kind) = fetch.kind else { continue };
        let place = fetch.place(kind);
        if let Some(other) = places.get(&place).filter(|_| !fetch.overwrite && kind != Kind::Core) {
            let (name, other) = (fetch.name.clone(), (*other).to_owned());
            found.refuse(at, Problem::SamePlace { name, other, place: place.clone() });
        }
        places.insert(place, &fetch.name);
    }
}
