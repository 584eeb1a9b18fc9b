//! What a make file says of one project or library.

use super::Note;
use super::address::{self, Guard};
use super::download::{self, Downloaded};
use super::fault::Problem;
use super::fetch::{Checksum, Digest, Fetch, Kind, Origin, Patch};
use super::plan::{Ground, Wanted};
use super::tree::{Key, Node, Place, Value};

/// A project or a library as it is read: its keys, each taken once.
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) at: Place,
    keys: Vec<(&'a str, &'a Node)>,
    pub(super) found: Found,
}

/// What reading finds: mistakes, and what is worth a word.
#[derive(Default)]
pub(super) struct Found {
    pub(super) problems: Vec<(Place, Problem)>,
    pub(super) notes: Vec<Note>,
}

impl Found {
    pub(super) fn refuse(&mut self, at: &Place, problem: Problem) {
        self.problems.push((at.clone(), problem));
    }

    pub(super) fn note(&mut self, at: &Place, text: String) {
        self.notes.push(Note { at: at.clone(), text });
    }

    /// A value, or its mistake kept.
    pub(super) fn keep<T>(&mut self, at: &Place, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.refuse(at, problem)).ok()
    }
}

/// What is taken without a word: it changes nothing, or is read elsewhere.
const SILENT: [&str; 3] = ["lock", "_type", "contrib_destination"];

impl<'a> Entry<'a> {
    /// Reads what lies under a name, with what the file says of all of its kind beneath.
    pub(super) fn new(wanted: &'a Wanted<'a>, defaults: Option<&'a Node>) -> Entry<'a> {
        let mut keys: Vec<(&str, &Node)> = Vec::new();
        let own = wanted.node.map(Node::keys).unwrap_or_default();
        for (key, node) in own.iter().chain(defaults.map(Node::keys).unwrap_or_default()) {
            if let Key::Named(key) = key
                && keys.iter().all(|(there, _)| there != key)
            {
                keys.push((key.as_str(), node));
            }
        }
        Entry { name: wanted.name.clone(), at: wanted.at.clone(), keys, found: Found::default() }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<&'a Node> {
        let at = self.keys.iter().position(|(there, _)| *there == key)?;
        Some(self.keys.remove(at).1)
    }

    /// The text under `key`; of nothing, and of an empty text, none.
    fn text(&mut self, key: &'static str) -> Option<(&'a str, &'a Place)> {
        let node = self.take(key)?;
        match &node.value {
            Value::Text(text) => Some((text.trim(), &node.at)).filter(|(text, _)| !text.is_empty()),
            Value::Nothing => None,
            Value::Keys(_) => {
                self.found.refuse(&node.at, Problem::NoText { key: key.to_owned() });
                None
            }
        }
    }

    fn path(&mut self, key: &'static str) -> Option<String> {
        let (text, at) = self.text(key)?;
        self.found.keep(at, address::inside(text, key)).filter(|path| !path.is_empty())
    }

    fn is(&mut self, key: &'static str, otherwise: bool) -> bool {
        match self.text(key) {
            None => otherwise,
            Some((text, _)) => !matches!(text.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off"),
        }
    }

    fn kind(&mut self, is_library: bool) -> Option<Kind> {
        let said = self.text("type");
        if is_library {
            return Some(Kind::Library);
        }
        match said {
            None => (self.name == "drupal").then_some(Kind::Core),
            Some((text, at)) => {
                let kind = Kind::read(&text.to_ascii_lowercase());
                if kind.is_none() {
                    self.found.refuse(at, Problem::OtherType { name: self.name.clone() });
                }
                kind
            }
        }
    }

    /// What is fetched for it. Mistakes are in `found`.
    pub(super) fn fetch(&mut self, is_library: bool, ground: &Ground, wanted: &Wanted<'_>) -> Option<Fetch> {
        let name = address::name(&self.name);
        let name = self.found.keep(&self.at.clone(), name)?;
        let kind = self.kind(is_library);
        let overwrite = self.is("overwrite", false);
        let recursion = self.is("do_recursion", true) && kind != Some(Kind::Library);
        let subdir = self.path("subdir").unwrap_or_default();
        let directory = self.text("directory_name").map(|(text, at)| self.found.keep(at, one_folder(text)));
        let directory = directory.unwrap_or_else(|| Some(name.clone()))?;
        let destination = self.path("destination");
        let is_placed = matches!(kind, Some(Kind::Library | Kind::Profile));
        if destination.is_some() && !is_placed {
            let text = format!("`destination` of `{name}` is left out: only libraries and profiles have one");
            self.found.note(&self.at.clone(), text);
        }
        let downloaded = download::read(self, kind, ground, wanted);
        let patches = self.patches(ground);
        self.leave_out();
        let Downloaded { origin, checksums, subtree, filename, is_chosen } = downloaded?;
        let destination = destination.filter(|_| is_placed);
        let contrib = ground.contrib.clone();
        let fetch = Fetch {
            name,
            kind,
            origin,
            checksums,
            subtree,
            filename,
            contrib,
            subdir,
            directory,
            destination,
            overwrite,
            patches,
            recursion,
        };
        if fetch.guard() == Guard::Open && !is_chosen {
            let is_git = matches!(fetch.origin, Origin::Git { .. });
            self.found.refuse(&self.at, Problem::Open { name: fetch.name.clone(), is_git });
        }
        Some(fetch)
    }

    fn patches(&mut self, ground: &Ground) -> Vec<Patch> {
        let Some(list) = self.take("patch") else { return Vec::new() };
        if list.text().is_some_and(|text| !text.is_empty()) {
            self.found.refuse(&list.at, Problem::NoList { key: "patch".into() });
        }
        list.keys().iter().filter_map(|(_, node)| self.patch(node, ground)).collect()
    }

    fn patch(&mut self, node: &Node, ground: &Ground) -> Option<Patch> {
        let (url, checksums) = match &node.value {
            Value::Nothing => return None,
            Value::Text(text) => (text.as_str(), Vec::new()),
            Value::Keys(_) => {
                let Some(url) = node.get("url").and_then(Node::text) else {
                    self.found.refuse(&node.at, Problem::NoAddress { name: self.name.clone() });
                    return None;
                };
                (url, checksums_in(&mut self.found, |key| node.get(key)))
            }
        };
        let origin = download::file(url, ground);
        let patch = Patch { origin: self.found.keep(&node.at, origin)?, checksums };
        if patch.guard() == Guard::Open {
            self.found.refuse(&node.at, Problem::OpenPatch { name: self.name.clone() });
        }
        Some(patch)
    }

    /// Tells of keys that mean nothing here, and refuses those that would do something else.
    fn leave_out(&mut self) {
        let name = self.name.clone();
        for (key, node) in std::mem::take(&mut self.keys) {
            match key {
                key if SILENT.contains(&key) => (),
                "l10n_path" | "l10n_url" | "l10n_server" | "translations" => self
                    .found
                    .note(&node.at, format!("`{key}` of `{name}` is left out: each site fetches its own translations")),
                "options" | "working-copy" => {
                    self.found
                        .note(&node.at, format!("`{key}` of `{name}` is left out: a platform is no working copy"));
                }
                key if key.starts_with("post") || key.starts_with("pre-") || key.starts_with("pre_") => {
                    self.found.refuse(&node.at, Problem::Commands { key: key.to_owned() });
                }
                key => self.found.note(&node.at, format!("`{key}` of `{name}` means nothing and is left out")),
            }
        }
    }
}

fn one_folder(text: &str) -> Result<String, Problem> {
    let path = address::inside(text, "directory_name")?;
    if path.is_empty() {
        return Err(Problem::BadPath { key: "directory_name", path });
    }
    Ok(path)
}

/// The checksums among keys.
pub(super) fn checksums_in<'a>(found: &mut Found, get: impl Fn(&str) -> Option<&'a Node>) -> Vec<Checksum> {
    let mut checksums = Vec::new();
    for digest in Digest::ALL {
        let Some(node) = get(digest.as_str()) else { continue };
        let Some(text) = node.text().filter(|text| !text.trim().is_empty()) else { continue };
        checksums.extend(found.keep(&node.at, Checksum::read(digest, text)));
    }
    checksums
}
