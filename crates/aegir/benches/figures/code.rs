//! The code bases that are measured: real trees if some are given, else our own demo ones.

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

impl Code {
    /// Copies it below the home of `lab`, as a platform that is saved and verified.
    pub fn become_platform(&self, lab: &Lab) -> Platform {
        let id: String = self.name.chars().filter(char::is_ascii_alphanumeric).collect();
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
