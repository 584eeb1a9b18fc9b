//! Changes what lies under one name: folders, links, modes, groups, names.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, RenameFlags};
use rustix::io::Errno;

use super::place::{Held, Place, chmod_held, taken, unlink_at, with_permission};
use super::{Changed, FileFault, Files, Trouble, stat_at};
use crate::accounts::own_uid;

impl Files {
    /// Has a folder lie at `path` with this mode. The folder above it must be there.
    pub fn make_dir(&self, path: &Path, mode: u32) -> Result<Changed, FileFault> {
        self.dir(path, mode, None)
    }

    /// The same, belonging to the group `gid`. The group comes first: giving it may drop set-gid.
    pub fn make_dir_for(&self, path: &Path, mode: u32, gid: u32) -> Result<Changed, FileFault> {
        self.dir(path, mode, Some(gid))
    }

    fn dir(&self, path: &Path, mode: u32, gid: Option<u32>) -> Result<Changed, FileFault> {
        const DOING: &str = "make the folder";
        let place = self.place(DOING, path)?;
        let mut changed = Changed::No;
        if place.stat(DOING)?.is_none() {
            self.before_change(path);
            self.before_write(DOING, path)?;
            let name = place.name.as_bytes();
            // Open to nobody else until it has its group and mode.
            let made = place.change_entries(DOING, |dir| match rustix::fs::mkdirat(dir, name, Mode::RWXU) {
                Err(Errno::EXIST) => Ok(false),
                done => done.map(|()| true),
            })?;
            changed = Changed::when(made);
        }
        let Some(held) = place.hold(DOING)? else {
            return Err(FileFault::new(DOING, path, Errno::NOENT.into()));
        };
        if held.kind() != FileType::Directory {
            return Err(taken(DOING, path, held.kind()));
        }
        changed = changed | self.give(&held, path, None, gid)?;
        Ok(changed | self.chmod(&place, mode)?)
    }

    /// Has folders lie at `path` and wherever one is missing above it, up to the base; those that are
    /// made have this mode, and so has the last in any case.
    pub fn make_dirs(&self, path: &Path, mode: u32) -> Result<Changed, FileFault> {
        let base = self.base_of(path).unwrap_or(path);
        let mut missing = Vec::new();
        for above in path.ancestors().skip(1).take_while(|above| above.starts_with(base)) {
            if self.stat(above)?.is_some() {
                break;
            }
            missing.push(above);
        }
        let mut changed = Changed::No;
        for dir in missing.into_iter().rev() {
            changed = changed | self.make_dir(dir, mode)?;
        }
        Ok(changed | self.make_dir(path, mode)?)
    }

    /// Has `path` have this mode.
    pub fn set_mode(&self, path: &Path, mode: u32) -> Result<Changed, FileFault> {
        self.chmod(&self.place("change the mode of", path)?, mode)
    }

    fn chmod(&self, place: &Place, mode: u32) -> Result<Changed, FileFault> {
        const DOING: &str = "change the mode of";
        let held = there(place.hold(DOING)?, DOING, &place.path)?;
        if held.mode() == mode {
            return Ok(Changed::No);
        }
        self.before_change(&place.path);
        held.chmod(mode).map_err(|error| FileFault::new(DOING, &place.path, error.into()))?;
        Ok(Changed::Yes)
    }

    /// Has `path` belong to the group `gid`; its mode stays.
    pub fn set_group(&self, path: &Path, gid: u32) -> Result<Changed, FileFault> {
        const DOING: &str = "give to another group";
        let held = there(self.place(DOING, path)?.hold(DOING)?, DOING, path)?;
        self.give(&held, path, None, Some(gid))
    }

    /// Has `path` belong to this user and group; its mode stays. Needs root.
    pub fn set_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<Changed, FileFault> {
        const DOING: &str = "change the owner of";
        let held = there(self.place(DOING, path)?.hold(DOING)?, DOING, path)?;
        self.give(&held, path, Some(uid), Some(gid))
    }

    fn give(&self, held: &Held, path: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<Changed, FileFault> {
        let uid = uid.filter(|uid| *uid != held.stat.st_uid);
        let gid = gid.filter(|gid| *gid != held.stat.st_gid);
        if uid.is_none() && gid.is_none() {
            return Ok(Changed::No);
        }
        self.before_change(path);
        let doing = if uid.is_some() { "change the owner of" } else { "give to another group" };
        let given = held.chown(uid, gid).and_then(|()| held.chmod(held.mode()));
        given.map_err(|error| FileFault::new(doing, path, error.into()))?;
        Ok(Changed::Yes)
    }

    /// Has a symbolic link to `target` lie at `path`. A link to elsewhere is replaced, anything else
    /// is not.
    pub fn make_link(&self, target: &Path, path: &Path) -> Result<Changed, FileFault> {
        const DOING: &str = "make the link";
        let place = self.place(DOING, path)?;
        if let Some(found) = place.stat(DOING)? {
            let kind = FileType::from_raw_mode(found.st_mode);
            if kind != FileType::Symlink {
                return Err(taken(DOING, path, kind));
            }
            let now = rustix::fs::readlinkat(&place.dir, place.name.as_bytes(), Vec::new());
            let now = now.map_err(|error| FileFault::new(DOING, path, error.into()))?;
            if now.as_bytes() == target.as_os_str().as_bytes() {
                return Ok(Changed::when(place.clear_coming(DOING)?));
            }
        }
        self.before_change(path);
        self.before_write(DOING, path)?;
        place.clear_coming(DOING)?;
        let coming = place.coming();
        place.change_entries(DOING, |dir| {
            rustix::fs::symlinkat(target.as_os_str().as_bytes(), dir, coming.as_bytes())
        })?;
        place.arrive(DOING, RenameFlags::empty())?;
        self.synced(path);
        Ok(Changed::Yes)
    }

    /// Gives `from` the name `to`, which must be free, on the same file system. If `from` is gone and
    /// `to` is there, it was done before.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<Changed, FileFault> {
        const DOING: &str = "rename";
        let source = self.place(DOING, from)?;
        let target = self.place(DOING, to)?;
        let Some(found) = source.stat(DOING)? else {
            if target.stat(DOING)?.is_some() {
                return Ok(Changed::No);
            }
            return Err(FileFault::new(DOING, from, Errno::NOENT.into()));
        };
        self.move_to(DOING, &source, &target, found)?;
        Ok(Changed::Yes)
    }

    fn move_to(
        &self,
        doing: &'static str,
        source: &Place,
        target: &Place,
        found: rustix::fs::Stat,
    ) -> Result<(), FileFault> {
        if target.stat(doing)?.is_some() {
            return Err(FileFault::new(doing, &target.path, Errno::EXIST.into()));
        }
        self.before_change(&source.path);
        self.before_change(&target.path);
        // The kernel writes a folder's way up when it moves, so the folder itself must be writable.
        let mode = found.st_mode & 0o7777;
        let is_dir = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        let closed = is_dir && mode & 0o200 == 0 && found.st_uid == own_uid();
        let held = if closed { source.hold(doing)? } else { None };
        let set = |mode| match &held {
            Some(held) => chmod_held(held.fd.as_fd(), mode),
            None => Ok(()),
        };
        let moved = set(mode | 0o700).and_then(|()| {
            with_permission(source.dir.as_fd(), || with_permission(target.dir.as_fd(), || rename_free(source, target)))
        });
        let moved = set(mode).and(moved);
        moved.map_err(|error| FileFault::new(doing, &source.path, error.into()))
    }

    /// Has no file, link or the like lie at `path`. A folder is refused.
    pub fn remove_file(&self, path: &Path) -> Result<Changed, FileFault> {
        const DOING: &str = "remove";
        let Some(place) = self.place_if_there(DOING, path)? else { return Ok(Changed::No) };
        let left = place.clear_coming(DOING)?;
        match place.stat(DOING)? {
            None => return Ok(Changed::when(left)),
            Some(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => {
                return Err(taken(DOING, path, FileType::Directory));
            }
            Some(_) => (),
        }
        self.before_change(path);
        let removed = place.change_entries(DOING, |dir| unlink_at(dir, &place.name))?;
        Ok(Changed::when(removed || left))
    }

    /// Has no folder lie at `path`. One that is not empty is refused.
    pub fn remove_empty_dir(&self, path: &Path) -> Result<Changed, FileFault> {
        const DOING: &str = "remove the folder";
        let Some(place) = self.place_if_there(DOING, path)? else { return Ok(Changed::No) };
        let Some(found) = place.stat(DOING)? else { return Ok(Changed::No) };
        let kind = FileType::from_raw_mode(found.st_mode);
        if kind != FileType::Directory {
            return Err(taken(DOING, path, kind));
        }
        self.before_change(path);
        let name = place.name.as_bytes();
        let removed = place.change_entries(DOING, |dir| match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) => Ok(false),
            done => done.map(|()| true),
        })?;
        Ok(Changed::when(removed))
    }
}

/// What was held, or that it is missing.
fn there(held: Option<Held>, doing: &'static str, path: &Path) -> Result<Held, FileFault> {
    held.ok_or_else(|| FileFault::because(doing, path, Trouble::Missing, "it is not there"))
}

/// Renames, never over something.
fn rename_free(source: &Place, target: &Place) -> Result<(), Errno> {
    let (from, to) = (source.name.as_bytes(), target.name.as_bytes());
    match rustix::fs::renameat_with(&source.dir, from, &target.dir, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot promise it; ours are locked names, so looking first is enough.
        Err(Errno::INVAL | Errno::NOSYS) if stat_at(&target.dir, &target.name)?.is_none() => {
            rustix::fs::renameat(&source.dir, from, &target.dir, to)
        }
        done => done,
    }
}
