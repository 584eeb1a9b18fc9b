//! What a machine forgets when the power goes: every change that was not synced.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Remembers, for each change that was not synced, what was there before.
#[derive(Default)]
pub struct PowerMemory(Mutex<Vec<Change>>);

struct Change {
    path: PathBuf,
    was: Node,
    /// Whether its content was synced, and whether its name was.
    content: bool,
    name: bool,
    /// How many times [`PowerMemory::mark`] was called before it.
    mark: u64,
    /// No change, but a call of `mark`.
    is_mark: bool,
}

/// What a power loss did to one change that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It had reached the disk after all.
    Kept,
    /// It had not.
    Lost,
    /// The file's name had, and nothing of its content.
    Empty,
    /// And half of its content.
    Half,
    /// And its length, of which the first half reads as zeros.
    Hole,
}

impl Fate {
    /// One of them.
    pub fn of(chance: u64) -> Fate {
        [Fate::Kept, Fate::Lost, Fate::Empty, Fate::Half, Fate::Hole][(chance % 5) as usize]
    }

    /// Has it befall the content of a file that is there.
    pub fn befall(self, path: &Path) {
        let Ok(mut bytes) = fs::read(path) else { return };
        let half = bytes.len() / 2;
        match self {
            Fate::Kept => (),
            Fate::Lost => drop(fs::remove_file(path)),
            Fate::Empty => drop(fs::write(path, b"")),
            Fate::Half => drop(fs::write(path, &bytes[..half])),
            Fate::Hole => {
                bytes[..half].fill(0);
                let _ = fs::write(path, bytes);
            }
        }
    }
}

/// Something in a file system, with all below it.
enum Node {
    Absent,
    File { bytes: Vec<u8>, mode: u32, gid: u32 },
    Link(PathBuf),
    Dir { mode: u32, gid: u32, entries: Vec<(PathBuf, Node)> },
}

impl PowerMemory {
    pub(super) fn before_change(&self, path: &Path) {
        let mut changes = self.changes();
        let mark = changes.last().map_or(0, |last| last.mark);
        let was = Node::read(path);
        changes.push(Change { path: path.to_owned(), was, content: false, name: false, mark, is_mark: false });
    }

    pub(super) fn synced(&self, below: &Path) {
        self.changes().retain(|change| change.is_mark || !change.path.starts_with(below));
    }

    /// A file's content is synced, or the names in a folder.
    pub(super) fn synced_alone(&self, path: &Path) {
        self.changes().retain_mut(|change| {
            change.content |= change.path == path;
            change.name |= change.path.parent() == Some(path);
            // A folder's content is its names, which are changes of their own; so is that nothing is there.
            change.is_mark || !change.name || !change.content && change.path.is_file()
        });
    }

    /// Has a fate of its own befall each change that was not synced: a power loss before the first sync of
    /// something may leave any of it.
    pub fn lose_some(&self, fate: impl Fn(u64) -> Fate) {
        for (turn, change) in (0..).zip(self.changes().drain(..).rev().filter(|change| !change.is_mark)) {
            match fate(turn) {
                Fate::Lost if !change.name => in_its_folder(&change.path, || change.was.put_back(&change.path)),
                Fate::Lost => Fate::Empty.befall(&change.path),
                fate if !change.content && change.path.is_file() => fate.befall(&change.path),
                _ => (),
            }
        }
    }

    /// Marks a moment at which a journaling file system may have written everything down.
    pub fn mark(&self) {
        let mut changes = self.changes();
        let mark = changes.last().map_or(0, |last| last.mark) + 1;
        let (path, was) = (PathBuf::new(), Node::Absent);
        changes.push(Change { path, was, content: false, name: false, mark, is_mark: true });
    }

    /// The number of the last mark.
    pub fn marks(&self) -> u64 {
        self.changes().last().map_or(0, |last| last.mark)
    }

    /// Puts back what was there before each change behind the mark `from`, last change first. With 0
    /// everything that was not synced is lost. Says how many changes that were.
    pub fn lose_power(&self, from: u64) -> usize {
        let mut lost = 0;
        for change in self.changes().drain(..).rev().filter(|change| !change.is_mark && change.mark >= from) {
            in_its_folder(&change.path, || change.was.put_back(&change.path));
            lost += 1;
        }
        lost
    }

    fn changes(&self) -> std::sync::MutexGuard<'_, Vec<Change>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    fn read(path: &Path) -> Node {
        let Ok(found) = fs::symlink_metadata(path) else { return Node::Absent };
        let (mode, gid) = (found.mode() & 0o7777, found.gid());
        if found.is_symlink() {
            Node::Link(fs::read_link(path).unwrap_or_default())
        } else if found.is_dir() {
            let listed = fs::read_dir(path).into_iter().flatten().flatten();
            let entries = listed.map(|entry| (entry.path(), Node::read(&entry.path()))).collect();
            Node::Dir { mode, gid, entries }
        } else {
            Node::File { bytes: fs::read(path).unwrap_or_default(), mode, gid }
        }
    }

    /// Has `path` be this again. What cannot be put back shows in the comparison that follows.
    fn put_back(&self, path: &Path) {
        let there = fs::symlink_metadata(path).ok();
        let stays = matches!(self, Node::Dir { .. }) && there.as_ref().is_some_and(|there| there.is_dir());
        match there {
            Some(there) if there.is_dir() && !stays => drop(crate::folder::remove(path)),
            Some(_) if !stays => drop(fs::remove_file(path)),
            _ => (),
        }
        match self {
            Node::Absent => (),
            Node::Link(target) => drop(symlink(target, path)),
            Node::File { bytes, mode, gid } => {
                let _ = fs::write(path, bytes);
                settle(path, *mode, *gid);
            }
            Node::Dir { mode, gid, entries } => {
                let _ = fs::create_dir(path);
                let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
                for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                    if !entries.iter().any(|(known, _)| *known == entry.path()) {
                        Node::Absent.put_back(&entry.path());
                    }
                }
                for (path, node) in entries {
                    node.put_back(path);
                }
                settle(path, *mode, *gid);
            }
        }
    }
}

/// A folder that Drupal locked is open for that moment.
fn in_its_folder(path: &Path, act: impl FnOnce()) {
    let folder = path.parent().unwrap_or(path);
    let mode = fs::metadata(folder).map_or(0o700, |found| found.mode() & 0o7777);
    let locked = mode & 0o700 != 0o700;
    if locked {
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o700));
    }
    act();
    if locked {
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(mode));
    }
}

/// Group first: a change of group drops set-gid.
fn settle(path: &Path, mode: u32, gid: u32) {
    let _ = std::os::unix::fs::chown(path, None, Some(gid));
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
}
