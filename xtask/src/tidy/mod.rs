//! The house rules, each with its reason and the way out.
//!
//! A rule earns its place by what it cost to live without it; a message that does not say
//! why is a nuisance. A rule is a function of the [`Tree`] that adds to the [`Report`], and
//! knows nothing of the others. Each has a small bad tree in its tests that it must refuse.

mod edges;
mod inventory;
mod leftovers;
mod lines;
mod outside;
mod proofs;
mod shape;

use std::fmt;
use std::io;
use std::path::Path;

use crate::tree::Tree;

/// The head of a crate's root that nobody has begun yet.
const NOT_BEGUN: &str = "//! (to come)";

/// Whether the crate in this folder (`crates/host/`) is a name and nothing more yet.
fn is_not_begun(tree: &Tree, folder: &str) -> bool {
    ["lib.rs", "main.rs"]
        .iter()
        .any(|root| tree.file(&format!("{folder}src/{root}")).is_some_and(|file| file.text.starts_with(NOT_BEGUN)))
}

/// Something that breaks a rule.
#[derive(Debug)]
pub struct Finding {
    /// Where: a path, with a line where there is one.
    pub place: String,
    /// What is wrong, why it matters, and the way out.
    pub message: String,
}

/// What the rules say of a tree.
#[derive(Debug, Default)]
pub struct Report {
    /// What breaks a rule.
    pub findings: Vec<Finding>,
    /// What a reader should know and need not mend.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether every rule holds.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.findings.push(Finding { place: place.into(), message: message.into() });
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { place, message } in &self.findings {
            writeln!(f, "{place}: {message}\n")?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        match self.findings.len() {
            0 => writeln!(f, "tidy: every rule holds"),
            1 => writeln!(f, "tidy: one thing to mend"),
            count => writeln!(f, "tidy: {count} things to mend"),
        }
    }
}

/// Holds every rule against the project at `root`.
pub fn check(root: &Path) -> io::Result<Report> {
    let tree = Tree::read(root)?;
    let mut report = Report::default();
    for rule in
        [edges::check, shape::check, outside::check, lines::check, proofs::check, inventory::check, leftovers::check]
    {
        rule(&tree, &mut report);
    }
    Ok(report)
}

#[cfg(test)]
mod bad_trees {
    //! Small trees in a temporary folder, to show that each rule can fail.

    use std::fs;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Report;
    use crate::tree::Tree;

    static COUNT: AtomicUsize = AtomicUsize::new(0);

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// What `rule` says of a tree of these files.
    pub(super) fn judge(rule: fn(&Tree, &mut Report), files: &[(&str, &str)]) -> Report {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Folder(std::env::temp_dir().join(format!("tidy-{}-{count}", std::process::id())));
        fs::create_dir_all(&folder.0).unwrap();
        for (path, text) in files {
            let path = folder.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut report = Report::default();
        rule(&Tree::read(&folder.0).unwrap(), &mut report);
        report
    }

    /// The places of what `rule` refuses in a tree of these files.
    pub(super) fn refused(rule: fn(&Tree, &mut Report), files: &[(&str, &str)]) -> Vec<String> {
        judge(rule, files).findings.into_iter().map(|finding| finding.place).collect()
    }
}
