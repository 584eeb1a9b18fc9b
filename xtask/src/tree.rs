//! The files of the project, read once, so that ten rules cost one walk.

use std::io;
use std::path::Path;

use crate::source::Rust;

/// Folders that hold nothing of ours: other people's files, what is built, what runs.
const NOT_OURS: [&str; 5] = [".git", "node_modules", "target", "var", "vendor"];

/// A text file of ours.
pub struct File {
    /// From the root, with `/`: `crates/domain/src/lib.rs`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// All text files of ours, in the order of their names.
pub struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Reads what lies under `root`. Links are not followed; what is no UTF-8 is no text.
    pub fn read(root: &Path) -> io::Result<Tree> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Tree { files })
    }

    /// Every file.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The files of a folder and below it.
    pub fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.path.starts_with(folder))
    }

    /// The Rust files of a folder and below it.
    pub fn rust_under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a File> {
        self.under(folder).filter(|file| file.has_ending("rs"))
    }

    /// The file of that path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The names of the crates under `crates/`, by their folders.
    pub fn crates(&self) -> Vec<&str> {
        let manifests = self.under("crates/").filter_map(|file| file.path.strip_prefix("crates/"));
        manifests.filter_map(|path| path.strip_suffix("/Cargo.toml")).filter(|name| !name.contains('/')).collect()
    }
}

impl File {
    /// What follows the last dot of the name.
    pub fn has_ending(&self, ending: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, last)| last == ending)
    }

    /// The views of a Rust file.
    pub fn rust(&self) -> Rust {
        Rust::new(&self.text)
    }

    /// The crate that the file belongs to, by its folder.
    pub fn crate_name(&self) -> &str {
        self.path.strip_prefix("crates/").unwrap_or(&self.path).split('/').next().unwrap_or_default()
    }

    /// Whether all of the file is a test: it lies in a `tests` folder, or is a module `tests`.
    pub fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
    }
}

fn walk(folder: &Path, path: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let kind = entry.file_type()?;
        let here = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        if NOT_OURS.contains(&name.as_str()) {
            continue; // `.git` is a file in a worktree.
        }
        if kind.is_dir() {
            walk(&entry.path(), &here, files)?;
        } else if kind.is_file() {
            // A file that went while we walked (an editor's, a test's) is not a fault.
            if let Ok(Ok(text)) = std::fs::read(entry.path()).map(String::from_utf8) {
                files.push(File { path: here, text });
            }
        }
    }
    Ok(())
}
