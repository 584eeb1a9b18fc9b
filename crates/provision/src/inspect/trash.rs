//! What lies in the trash of a home and of its platforms.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aegir_domain::Home;

use super::Known;

/// One trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trash {
    /// Its folder.
    pub folder: PathBuf,
    /// How many things lie in it.
    pub things: usize,
    /// How many bytes they take.
    pub bytes: u64,
}

/// How many files are counted before it is enough: a look must not take minutes.
pub(crate) const ENOUGH: usize = 200_000;

/// The trash folders of `home`, with what lies in them.
pub fn trash(home: &Home, known: &Known) -> Vec<Trash> {
    let sites = known.platforms.iter().map(|platform| Home::trash_beside(&platform.root.path().join("sites")));
    let platforms = known.platforms.iter().filter_map(|platform| platform.root.path().parent().map(Home::trash_beside));
    let own = [home.path().to_owned(), home.platforms(), home.databases()].map(|place| Home::trash_beside(&place));
    let folders: BTreeSet<PathBuf> = own.into_iter().chain(sites).chain(platforms).collect();
    let mut left = ENOUGH;
    folders
        .into_iter()
        .filter_map(|folder| {
            let things = fs::read_dir(&folder).ok()?.count();
            (things > 0).then(|| Trash { things, bytes: size(&folder, &mut left), folder })
        })
        .collect()
}

/// The size of what lies at `path`, of `left` files at the most; nothing if there is nothing.
pub(crate) fn size_of(path: &Path, left: &mut usize) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => size(path, left),
        Ok(found) => found.len(),
        Err(_) => 0,
    }
}

fn size(folder: &Path, left: &mut usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut bytes = 0;
    for entry in entries.flatten() {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let Ok(found) = entry.metadata() else { continue };
        bytes += if found.is_dir() { size(&entry.path(), left) } else { found.len() };
    }
    bytes
}
