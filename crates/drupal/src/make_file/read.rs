//! Reading a make file with all that it includes, and the few lines that speak of the whole.

use std::sync::Arc;

use super::Note;
use super::fault::{MakeFileFault, Problem};
use super::tree::{Key, MOST, Node, Place, Value};
use super::{ini, yaml};

/// A larger file is refused; in bytes. The largest distributions have some 100 kB.
pub const LARGEST: usize = 1 << 20;
const MOST_INCLUDES: usize = 100;
const DEEPEST_INCLUDE: usize = 8;

/// A make file, with what it includes laid beneath it.
#[derive(Clone, Debug)]
pub struct MakeFile {
    pub(super) root: Node,
    pub(super) core: Core,
    pub(super) notes: Vec<Note>,
}

/// Which Drupal a file is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Core {
    pub(super) major: u32,
    /// The release, where the file names one: `core = 7.98`.
    pub(super) release: Option<String>,
}

impl MakeFile {
    /// Reads a file. `name` ends with `.yml` or `.yaml` if it is YAML; `include` gives the text of a file that it names, whose
    /// path is relative, stays below the folder of the first file, and is told with the folder of the file that names it.
    pub fn read(
        name: &str,
        text: &str,
        include: &mut dyn FnMut(&str) -> Result<String, String>,
    ) -> Result<MakeFile, MakeFileFault> {
        let mut reader = Reader { include, files: 0, keys: 0 };
        let root = reader.whole(name, text, 0)?;
        let mut notes = Vec::new();
        let core = core(&root).and_then(|core| api(&root, &mut notes).map(|()| core))?;
        for (key, node) in root.keys() {
            about_the_whole(key, node, &mut notes)?;
        }
        Ok(MakeFile { root, core, notes })
    }

    /// Which Drupal it is for.
    pub fn major(&self) -> u32 {
        self.core.major
    }
}

struct Reader<'a> {
    include: &'a mut dyn FnMut(&str) -> Result<String, String>,
    files: usize,
    keys: usize,
}

impl Reader<'_> {
    /// A file over what it includes, below what overrides it.
    fn whole(&mut self, name: &str, text: &str, depth: usize) -> Result<Node, MakeFileFault> {
        let file: Arc<str> = name.into();
        let at = Place { file: file.clone(), line: 0 };
        if text.len() > LARGEST {
            return Err(MakeFileFault::one(at, Problem::TooLarge { most: LARGEST }));
        }
        let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        let node = if is_yaml { yaml::read(&file, text) } else { ini::read(&file, text) };
        let node = node.map_err(|(line, problem)| MakeFileFault::one(Place { file: file.clone(), line }, problem))?;
        self.keys += node.count();
        if self.keys > MOST {
            return Err(MakeFileFault::one(at, Problem::TooMany { most: MOST }));
        }
        let mut root = Node { at, value: Value::Keys(Vec::new()) };
        for included in self.named(name, &node, "includes", depth)? {
            root.overlay(included);
        }
        let over = self.named(name, &node, "overrides", depth)?;
        root.overlay(node);
        for over in over {
            root.overlay(over);
        }
        Ok(root)
    }

    fn named(&mut self, name: &str, node: &Node, key: &str, depth: usize) -> Result<Vec<Node>, MakeFileFault> {
        let Some(list) = node.get(key) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for (_, entry) in list.keys() {
            let refuse = |problem| MakeFileFault::one(entry.at.clone(), problem);
            let Some(path) = entry.text() else { return Err(refuse(Problem::IncludeNotHere)) };
            let Some(path) = beside(name, path) else { return Err(refuse(Problem::IncludeNotHere)) };
            self.files += 1;
            if self.files > MOST_INCLUDES || depth >= DEEPEST_INCLUDE {
                return Err(refuse(Problem::IncludesWithoutEnd { most: MOST_INCLUDES, deepest: DEEPEST_INCLUDE }));
            }
            let text = (self.include)(&path).map_err(|why| refuse(Problem::NoInclude { path: path.clone(), why }))?;
            found.push(self.whole(&path, &text, depth + 1)?);
        }
        Ok(found)
    }
}

/// The path of an included file, as seen from the folder of the first; `None` if it lies elsewhere.
fn beside(name: &str, path: &str) -> Option<String> {
    let path = path.trim();
    if path.is_empty() || path.starts_with('/') || path.contains("://") || path.contains(['\\', '\0', '\n']) {
        return None;
    }
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => (),
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn core(root: &Node) -> Result<Core, MakeFileFault> {
    let Some(node) = root.get("core") else {
        return Err(MakeFileFault::one(root.at.clone(), Problem::NoCoreVersion));
    };
    let refuse = || MakeFileFault::one(node.at.clone(), Problem::BadCoreVersion);
    let text = node.text().ok_or_else(refuse)?.trim();
    let (major, rest) = text.split_once('.').unwrap_or((text, "x"));
    let is_number = major.len() <= 3 && major.bytes().all(|b| b.is_ascii_digit());
    let major: u32 = Some(major).filter(|_| is_number).and_then(|major| major.parse().ok()).ok_or_else(refuse)?;
    let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    let is_release = plain && rest.starts_with(|c: char| c.is_ascii_digit());
    if rest.len() > 40 || !(rest == "x" || is_release) {
        return Err(refuse());
    }
    if major < 7 {
        return Err(MakeFileFault::one(node.at.clone(), Problem::TooOld { major }));
    }
    Ok(Core { major, release: is_release.then(|| text.to_owned()) })
}

fn api(root: &Node, notes: &mut Vec<Note>) -> Result<(), MakeFileFault> {
    match root.get("api") {
        None => notes
            .push(Note { at: root.at.clone(), text: "it does not say `api = 2`, which is taken for granted".into() }),
        Some(node) if node.text().is_some_and(|text| text.trim() == "2") => (),
        Some(node) => return Err(MakeFileFault::one(node.at.clone(), Problem::OtherApi)),
    }
    Ok(())
}

fn about_the_whole(key: &Key, node: &Node, notes: &mut Vec<Note>) -> Result<(), MakeFileFault> {
    let Key::Named(name) = key else {
        return Err(MakeFileFault::one(node.at.clone(), Problem::BadKey));
    };
    let note = |text: String| Note { at: node.at.clone(), text };
    match name.as_str() {
        "core" | "api" | "includes" | "overrides" => (),
        "projects" | "libraries" | "defaults" => {
            if node.text().is_some_and(|text| !text.is_empty()) {
                return Err(MakeFileFault::one(node.at.clone(), Problem::NoList { key: name.clone() }));
            }
        }
        "translations" => notes.push(note("translations are left out: each site fetches its own".into())),
        name if name.starts_with("post") || name.starts_with("pre-") || name.starts_with("pre_") => {
            return Err(MakeFileFault::one(node.at.clone(), Problem::Commands { key: name.to_owned() }));
        }
        name => notes.push(note(format!("`{name}` means nothing in a make file and is left out"))),
    }
    Ok(())
}
