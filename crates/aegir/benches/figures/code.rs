//! The code bases that are measured: real trees if some are given, else our own demo ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Lab, run};

/// Where a project keeps its document root; the first is the project itself.
const FOLDERS: [&str; 4] = [".", "web", "docroot", "html"];

/// A code base, and where its name comes from.
pub struct Code {
    /// As it is printed.
    pub name: String,
    /// A tree to copy, or the name of a demo code base.
    tree: Option<PathBuf>,
}

/// A platform of a lab.
pub struct Platform {
    /// As it is printed.
    pub name: String,
    /// As Ægir calls it.
    pub id: String,
    /// Its document root.
    pub root: PathBuf,
    /// `7`, or `8` for all later ones.
    pub family: &'static str,
    /// What its sites are installed with.
    pub profile: &'static str,
}

/// The trees in the folder `given`; without one, the demo code bases.
pub fn all(given: Option<&Path>) -> Vec<Code> {
    let Some(folder) = given else {
        return ["seven-1.0", "ten-1.0"].map(|name| Code { name: name.into(), tree: None }).into();
    };
    let mut trees: Vec<PathBuf> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    trees.retain(|tree| FOLDERS.iter().any(|inside| tree.join(inside).join("index.php").exists()));
    trees.sort_unstable();
    assert!(!trees.is_empty(), "there is no Drupal in {}", folder.display());
    let name = |tree: &Path| tree.file_name().unwrap_or_default().to_string_lossy().into_owned();
    trees.into_iter().map(|tree| Code { name: name(&tree), tree: Some(tree) }).collect()
}

/// A line of releases of one major version.
pub struct Line {
    /// The oldest of those that are given.
    pub from: Code,
    /// The newest, if there are several.
    pub to: Option<Code>,
}

/// The lines of releases among the code bases of [`all`]; of our demo ones, each with its next release.
pub fn lines(given: Option<&Path>) -> Vec<Line> {
    if given.is_none() {
        let demo = |name: &str| Code { name: name.into(), tree: None };
        let line = |shape: &str| Line { from: demo(&format!("{shape}-1.0")), to: Some(demo(&format!("{shape}-1.1"))) };
        return ["seven", "ten"].map(line).into();
    }
    let mut of_each: BTreeMap<String, Vec<(Vec<u32>, Code)>> = BTreeMap::new();
    for code in all(given) {
        let version = code.tree.as_deref().and_then(version);
        // What does not tell its version is a line of its own.
        let major = version.as_ref().map_or(code.name.clone(), |version| format!("{:04}", version[0]));
        of_each.entry(major).or_default().push((version.unwrap_or_default(), code));
    }
    let in_order = |mut releases: Vec<(Vec<u32>, Code)>| {
        releases.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut releases = releases.into_iter().map(|(_, code)| code);
        Line { from: releases.next().unwrap(), to: releases.next_back() }
    };
    of_each.into_values().map(in_order).collect()
}

/// Which Drupal a tree is, as its code says it.
fn version(tree: &Path) -> Option<Vec<u32>> {
    let places = [("includes/bootstrap.inc", "define('VERSION', '"), ("core/lib/Drupal.php", "const VERSION = '")];
    let roots = FOLDERS.iter().map(|inside| tree.join(inside)).filter(|root| root.join("index.php").exists());
    let texts = roots.flat_map(|root| places.map(|(file, before)| (fs::read_to_string(root.join(file)), before)));
    texts.into_iter().find_map(|(text, before)| {
        let version = text.ok()?.split_once(before)?.1.split('\'').next()?.to_owned();
        version.split('.').map(|part| part.parse().ok()).collect()
    })
}

impl Code {
    /// Copies it below the home of `lab`, as a platform that is saved and verified.
    pub fn become_platform(&self, lab: &Lab) -> Platform {
        self.become_platform_beside(lab, "")
    }

    /// The same once more: its name ends on `beside`.
    pub fn become_platform_beside(&self, lab: &Lab, beside: &str) -> Platform {
        let mut id: String = self.name.chars().filter(char::is_ascii_alphanumeric).collect();
        id.push_str(beside);
        let copy = lab.home().join("platforms").join(&id);
        match &self.tree {
            Some(tree) => {
                fs::create_dir_all(copy.parent().unwrap()).unwrap();
                run(Command::new("cp").arg("-a").arg(fs::canonicalize(tree).unwrap()).arg(&copy));
                lab.give(&copy);
            }
            None => lab.assemble_at(&self.name, &copy),
        }
        let inside = FOLDERS.iter().find(|inside| copy.join(inside).join("index.php").exists()).unwrap();
        let root = fs::canonicalize(copy.join(inside)).unwrap();
        lab.save_platform(&id, &root);
        let family = if root.join("core/lib/Drupal.php").exists() { "8" } else { "7" };
        let has = |folder: &str| root.join(folder).join("standard").is_dir();
        let profile = if has("profiles") || has("core/profiles") { "standard" } else { "minimal" };
        Platform { name: self.name.clone(), id, root, family, profile }
    }
}
