//! Removes trees.
//!
//! Relative to open folders, so that a folder that is swapped for a link on the way is never walked
//! through; never across a mount; whatever the depth.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::place::{chmod_held, unlink_at};
use super::{Changed, FileFault, Files, stat_at};
use crate::accounts::own_uid;

const DOING: &str = "remove";

/// Folders held open at once; what lies deeper is brought up to the top of the tree first.
const DEEPEST: usize = 100;

pub(super) const WALK: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

impl Files {
    /// Has nothing lie at `path`: removes a folder with all below it, a file, or a link (never what it
    /// leads to). Folders of ours without write permission are no obstacle.
    pub fn remove_tree(&self, path: &Path) -> Result<Changed, FileFault> {
        let Some(place) = self.place_if_there(DOING, path)? else { return Ok(Changed::No) };
        let Some(found) = place.stat(DOING)? else { return Ok(Changed::No) };
        if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
            return self.remove_file(path);
        }
        self.before_change(path);
        let at = RefCell::new(path.to_owned());
        let removed = place.change_entries(DOING, |dir| {
            let mut walk = Walk {
                top: open_writable(dir, &place.name)?,
                device: found.st_dev,
                brought_up: 0,
                at: at.replace(path.to_owned()),
            };
            loop {
                let top = rustix::fs::openat(&walk.top, ".", WALK, Mode::empty())?;
                if let Err(error) = walk.empty(&top, 0) {
                    at.replace(walk.at);
                    return Err(error);
                }
                match rustix::fs::unlinkat(dir, place.name.as_bytes(), AtFlags::REMOVEDIR) {
                    // Something was brought up to the top while it was emptied.
                    Err(Errno::NOTEMPTY | Errno::EXIST) if walk.brought_up > 0 => walk.brought_up = 0,
                    Err(Errno::NOENT) => return Ok(()),
                    done => return done,
                }
            }
        });
        removed.map_err(|fault| fault.at(&at.borrow()))?;
        Ok(Changed::Yes)
    }
}

/// One removal of a tree.
struct Walk {
    top: OwnedFd,
    device: u64,
    brought_up: u64,
    /// Where it is; after an error, what could not be removed.
    at: PathBuf,
}

impl Walk {
    /// Removes all that lies in `dir`.
    fn empty(&mut self, dir: &OwnedFd, depth: usize) -> Result<(), Errno> {
        for (name, is_dir) in entries(dir)? {
            self.at.push(&name);
            if is_dir {
                self.remove_dir(dir, &name, depth)?;
            } else {
                unlink_at(dir.as_fd(), &name)?;
            }
            self.at.pop();
        }
        Ok(())
    }

    fn remove_dir(&mut self, dir: &OwnedFd, name: &OsStr, depth: usize) -> Result<(), Errno> {
        let Some(stat) = stat_at(dir, name)? else { return Ok(()) };
        if stat.st_dev != self.device {
            // Something is mounted here: its content is not ours to remove.
            return Err(Errno::XDEV);
        }
        let child = open_writable(dir.as_fd(), name)?;
        if depth >= DEEPEST {
            return bring_up(&self.top, dir, name, &mut self.brought_up);
        }
        self.empty(&child, depth + 1)?;
        rustix::fs::unlinkat(dir, name.as_bytes(), AtFlags::REMOVEDIR)
    }
}

/// Moves a folder that lies too deep, and is writable, to the top of the tree, under a free name.
fn bring_up(top: &OwnedFd, dir: &OwnedFd, name: &OsStr, brought_up: &mut u64) -> Result<(), Errno> {
    loop {
        *brought_up += 1;
        let free = format!(".aegir-deep-{brought_up}");
        match rustix::fs::renameat_with(dir, name.as_bytes(), top, free.as_str(), RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => (),
            done => return done,
        }
    }
}

/// The names in a folder, and which of them are folders.
pub(super) fn entries(dir: &OwnedFd) -> Result<Vec<(OsString, bool)>, Errno> {
    let mut found = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let name = OsString::from_vec(name.to_vec());
        let is_dir = match entry.file_type() {
            FileType::Unknown => {
                stat_at(dir, &name)?.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
            }
            kind => kind == FileType::Directory,
        };
        found.push((name, is_dir));
    }
    Ok(found)
}

/// Opens a folder that is about to be removed; if it is ours it gets every permission first.
fn open_writable(dir: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let hold = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::openat(dir, name.as_bytes(), hold, Mode::empty())?;
    let stat = rustix::fs::fstat(&held)?;
    if stat.st_mode & 0o700 != 0o700 && stat.st_uid == own_uid() {
        chmod_held(held.as_fd(), stat.st_mode & 0o7777 | 0o700)?;
    }
    rustix::fs::openat(&held, ".", WALK, Mode::empty())
}
