//! Copies files and trees.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use super::place::{Held, Place, taken, with_permission};
use super::remove::{WALK, entries};
use super::write::finish;
use super::{Changed, FileFault, Files};

const DOING: &str = "copy";

impl Files {
    /// Has `to` be a copy of the file `from`, with `mode` or else the mode of `from`. Neither may be a
    /// link. It arrives whole.
    pub fn copy_file(&self, from: &Path, to: &Path, mode: Option<u32>) -> Result<Changed, FileFault> {
        let source = self.place(DOING, from)?;
        let Some(found) = source.stat(DOING)? else {
            return Err(FileFault::new(DOING, from, Errno::NOENT.into()));
        };
        let kind = FileType::from_raw_mode(found.st_mode);
        if kind != FileType::RegularFile {
            return Err(refused(from, kind));
        }
        let target = self.place(DOING, to)?;
        self.copy_one(&source, &found, &target, mode.unwrap_or(found.st_mode & 0o7777))
    }

    fn copy_one(&self, source: &Place, found: &Stat, target: &Place, mode: u32) -> Result<Changed, FileFault> {
        if let Some(there) = target.stat(DOING)? {
            let kind = FileType::from_raw_mode(there.st_mode);
            if kind != FileType::RegularFile {
                return Err(taken(DOING, &target.path, kind));
            }
            if there.st_mode & 0o7777 == mode && same_content(found, &there) {
                return Ok(Changed::when(target.clear_coming(DOING)?));
            }
        }
        self.before_change(&target.path);
        self.before_write(DOING, &target.path)?;
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| FileFault::new(DOING, &path, error)
        };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let from: File = source.open(flags, Mode::empty()).map_err(|error| fault(&source.path)(error.into()))?.into();
        let coming = target.create_coming(DOING)?;
        let copied = stream(&from, &coming)
            .and_then(|()| finish(&coming, mode, None))
            .and_then(|()| Ok(rustix::fs::futimens(&coming, &times(found))?));
        if let Err(error) = copied {
            target.drop_coming();
            return Err(fault(&target.path)(error));
        }
        target.arrive(DOING, RenameFlags::empty())?;
        self.synced(&target.path);
        Ok(Changed::Yes)
    }

    /// Has all that lies in the folder `from` lie in the folder `to` as well: modes and, where we may,
    /// groups are kept, links stay links. What only `to` has is left there. Files of the same size and
    /// time are taken to be equal, so a copy can be topped up. Not synced; see [`Files::sync_fs`].
    pub fn copy_tree(&self, from: &Path, to: &Path) -> Result<Changed, FileFault> {
        self.copy_what_is_wanted(from, to, CopyModes::Same, &mut |_, _| Wanted::Yes)
    }

    /// What [`Files::copy_what_is_wanted`] would copy: how much it is, and what of it cannot be copied.
    /// `from` may lie anywhere; it is only looked at.
    pub fn survey(&self, from: &Path, wanted: &mut dyn FnMut(&Path, bool) -> Wanted) -> Result<Survey, FileFault> {
        let mut survey = Survey::default();
        let mut folders = vec![from.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    survey.unreadable.push(folder);
                    continue;
                }
                Err(error) => return Err(FileFault::new("look at", &folder, error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| FileFault::new("look at", &folder, error))?;
                let path = entry.path();
                let found = entry.metadata().map_err(|error| FileFault::new("look at", &path, error))?;
                match wanted(path.strip_prefix(from).unwrap_or(&path), found.is_dir()) {
                    Wanted::Yes => (),
                    Wanted::No => continue,
                    Wanted::Stop => return Ok(survey),
                }
                survey.entries += 1;
                survey.bytes += found.len();
                if found.is_dir() {
                    folders.push(path);
                } else if found.is_file() {
                    let may = rustix::fs::accessat(rustix::fs::CWD, &path, Access::READ_OK, AtFlags::EACCESS);
                    survey.unreadable.extend(may.is_err().then_some(path));
                } else if !found.is_symlink() {
                    survey.special.push(path);
                }
            }
        }
        Ok(survey)
    }

    /// Has all below the folder `dir` have the modes of code, see [`CopyModes::OfCode`]. Links stay.
    pub fn set_modes_of_code(&self, dir: &Path) -> Result<Changed, FileFault> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| FileFault::new("look at", &path, error)
        };
        let mut changed = self.set_mode(dir, 0o755)?;
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(fault(&folder))? {
                let path = entry.map_err(fault(&folder))?.path();
                let found = std::fs::symlink_metadata(&path).map_err(fault(&path))?;
                if found.is_symlink() {
                    continue;
                }
                let mode = if found.is_dir() { 0o755 } else { file_of_code(found.mode()) };
                if found.mode() & 0o7777 != mode {
                    changed = changed | self.set_mode(&path, mode)?;
                }
                if found.is_dir() {
                    folders.push(path);
                }
            }
        }
        Ok(changed)
    }

    /// The same of what `wanted` wants: it is asked of each entry, by its path below `from` and whether
    /// it is a folder.
    pub fn copy_what_is_wanted(
        &self,
        from: &Path,
        to: &Path,
        modes: CopyModes,
        wanted: &mut dyn FnMut(&Path, bool) -> Wanted,
    ) -> Result<Changed, FileFault> {
        let source = self.place(DOING, from)?;
        let target = self.place(DOING, to)?;
        let Some(held) = source.hold(DOING)? else {
            return Err(FileFault::new(DOING, from, Errno::NOENT.into()));
        };
        if held.kind() != FileType::Directory {
            return Err(refused(from, held.kind()));
        }
        self.before_change(to);
        Walk { files: self, from, to, modes, wanted }.dir(
            (source.dir.as_fd(), from),
            (target.dir.as_fd(), to),
            (&source.name, &target.name),
        )
    }
}

/// What a copy has of what it is a copy of, besides its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyModes {
    /// Its mode, and its group where we may.
    Same,
    /// Whether it is a program. Everybody may read it and we may write it: for code.
    OfCode,
}

impl CopyModes {
    fn mode(self, source: &Stat) -> u32 {
        let mode = source.st_mode & 0o7777;
        match self {
            CopyModes::Same => mode,
            CopyModes::OfCode if FileType::from_raw_mode(source.st_mode) == FileType::Directory => 0o755,
            CopyModes::OfCode => file_of_code(mode),
        }
    }
}

fn file_of_code(mode: u32) -> u32 {
    if mode & 0o111 == 0 { 0o644 } else { 0o755 }
}

/// What would be copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The bytes of all files.
    pub bytes: u64,
    /// How many files, folders and links there are.
    pub entries: u64,
    /// What Ægir's user may not read.
    pub unreadable: Vec<PathBuf>,
    /// Pipes, sockets and devices.
    pub special: Vec<PathBuf>,
}

/// Whether an entry of a tree is to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It is.
    Yes,
    /// It is left out, with all below it.
    No,
    /// Nothing more is.
    Stop,
}

/// One copying of a tree.
struct Walk<'a> {
    files: &'a Files,
    from: &'a Path,
    to: &'a Path,
    modes: CopyModes,
    wanted: &'a mut dyn FnMut(&Path, bool) -> Wanted,
}

type At<'a> = (std::os::fd::BorrowedFd<'a>, &'a Path);

impl Walk<'_> {
    /// Copies the folder `names.0` in `from` to `names.1` in `to`; the paths are those of the two
    /// folders themselves, for messages.
    fn dir(&mut self, from: At<'_>, to: At<'_>, names: (&OsStr, &OsStr)) -> Result<Changed, FileFault> {
        let bad_from = |error: Errno| FileFault::new(DOING, from.1, error.into());
        let bad_to = |error: Errno| FileFault::new(DOING, to.1, error.into());
        let source = rustix::fs::openat(from.0, names.0.as_bytes(), WALK, Mode::empty()).map_err(bad_from)?;
        let stat = rustix::fs::fstat(&source).map_err(bad_from)?;
        let (target, made) = Walk::folder(to, names.1)?;

        let mut changed = Changed::when(made);
        for (name, is_dir) in entries(&source).map_err(bad_from)? {
            let (path, target_path) = (from.1.join(&name), to.1.join(&name));
            // A copy into itself would never end.
            if path == self.to {
                continue;
            }
            match (self.wanted)(path.strip_prefix(self.from).unwrap_or(&path), is_dir) {
                Wanted::Yes => (),
                Wanted::No => continue,
                Wanted::Stop => {
                    let why = "it is to stop".to_owned();
                    return Err(FileFault::because(DOING, &path, super::Trouble::Other, why));
                }
            }
            let at = ((source.as_fd(), path.as_path()), (target.as_fd(), target_path.as_path()));
            changed = changed
                | match is_dir {
                    true => self.dir(at.0, at.1, (&name, &name))?,
                    false => self.leaf(at.0, at.1, &name)?,
                };
        }
        let held = Held { stat: rustix::fs::fstat(&target).map_err(bad_to)?, fd: target };
        Ok(changed | self.as_source(&held, &stat).map_err(bad_to)?)
    }

    /// The folder to copy into, made if it is missing, and writable for now.
    fn folder(to: At<'_>, name: &OsStr) -> Result<(OwnedFd, bool), FileFault> {
        let fault = |error: Errno| FileFault::new(DOING, to.1, error.into());
        let made = with_permission(to.0, || match rustix::fs::mkdirat(to.0, name.as_bytes(), Mode::RWXU) {
            Err(Errno::EXIST) => Ok(false),
            done => done.map(|()| true),
        });
        let made = made.map_err(fault)?;
        let target = rustix::fs::openat(to.0, name.as_bytes(), WALK, Mode::empty());
        Ok((target.map_err(fault)?, made))
    }

    /// Copies what is no folder.
    fn leaf(&self, from: At<'_>, to: At<'_>, name: &OsStr) -> Result<Changed, FileFault> {
        let bad_from = |error: Errno| FileFault::new(DOING, from.1, error.into());
        let bad_to = |error: Errno| FileFault::new(DOING, to.1, error.into());
        let Some(stat) = super::stat_at(from.0, name).map_err(bad_from)? else { return Ok(Changed::No) };
        let there = super::stat_at(to.0, name).map_err(bad_to)?;
        let same_kind = |there: &Stat| there.st_mode & 0o170_000 == stat.st_mode & 0o170_000;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                let read = |dir| rustix::fs::readlinkat(dir, name.as_bytes(), Vec::new());
                let target = read(from.0).map_err(bad_from)?;
                if there.as_ref().is_some_and(same_kind) && read(to.0).map_err(bad_to)? == target {
                    return Ok(Changed::No);
                }
                Walk::clear(to, name, there.as_ref())?;
                with_permission(to.0, || rustix::fs::symlinkat(target.as_c_str(), to.0, name.as_bytes()))
                    .map_err(bad_to)?;
                Ok(Changed::Yes)
            }
            FileType::RegularFile => {
                let equal = |there: &Stat| {
                    same_kind(there) && there.st_mode & 0o7777 == self.modes.mode(&stat) && same_content(&stat, there)
                };
                if there.as_ref().is_some_and(equal) {
                    return Ok(Changed::No);
                }
                Walk::clear(to, name, there.as_ref())?;
                self.files.before_write(DOING, to.1)?;
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let source: File =
                    rustix::fs::openat(from.0, name.as_bytes(), flags, Mode::empty()).map_err(bad_from)?.into();
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let create = || rustix::fs::openat(to.0, name.as_bytes(), flags, Mode::RUSR | Mode::WUSR);
                let target: File = with_permission(to.0, create).map_err(bad_to)?.into();
                stream(&source, &target).map_err(|error| FileFault::new(DOING, to.1, error))?;
                let held = Held { stat: rustix::fs::fstat(&target).map_err(bad_to)?, fd: target.into() };
                self.as_source(&held, &stat).map_err(bad_to)?;
                rustix::fs::futimens(&held.fd, &times(&stat)).map_err(bad_to)?;
                Ok(Changed::Yes)
            }
            kind => Err(refused(from.1, kind)),
        }
    }

    /// Removes what stands in the way of a file or link.
    fn clear(to: At<'_>, name: &OsStr, there: Option<&Stat>) -> Result<(), FileFault> {
        let Some(there) = there else { return Ok(()) };
        if FileType::from_raw_mode(there.st_mode) == FileType::Directory {
            return Err(taken(DOING, to.1, FileType::Directory));
        }
        let remove = || rustix::fs::unlinkat(to.0, name.as_bytes(), AtFlags::empty());
        with_permission(to.0, remove).map_err(|error| FileFault::new(DOING, to.1, error.into()))
    }

    /// Gives a copy the group (where we may) and then the mode that it is to have.
    fn as_source(&self, held: &Held, source: &Stat) -> Result<Changed, Errno> {
        let mut changed = Changed::No;
        if self.modes == CopyModes::Same && held.stat.st_gid != source.st_gid {
            match held.chown(None, Some(source.st_gid)) {
                Ok(()) => changed = Changed::Yes,
                // We are not in that group. Whoever needs another group than a new file gets sets it.
                Err(Errno::PERM) => (),
                Err(error) => return Err(error),
            }
        }
        let mode = self.modes.mode(source);
        if changed.yes() || held.mode() != mode {
            super::place::chmod_held(held.fd.as_fd(), mode)?;
            changed = Changed::Yes;
        }
        Ok(changed)
    }
}

fn same_content(one: &Stat, other: &Stat) -> bool {
    one.st_size == other.st_size && one.st_mtime == other.st_mtime && one.st_mtime_nsec == other.st_mtime_nsec
}

fn times(stat: &Stat) -> Timestamps {
    let modified = Timespec { tv_sec: stat.st_mtime as _, tv_nsec: stat.st_mtime_nsec as _ };
    Timestamps { last_access: modified, last_modification: modified }
}

fn refused(path: &Path, kind: FileType) -> FileFault {
    let what = match kind {
        FileType::Symlink => return taken(DOING, path, kind),
        FileType::Directory => "a folder",
        FileType::RegularFile => "a file",
        _ => "a pipe, a socket or a device, which cannot be copied",
    };
    FileFault::because(DOING, path, super::Trouble::WrongKind, format!("it is {what}"))
}

/// Copies the content, within the kernel where the file systems allow.
fn stream(from: &File, to: &File) -> io::Result<()> {
    loop {
        match rustix::fs::copy_file_range(from, None, to, None, 1 << 30) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => (),
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => break,
            Err(error) => return Err(error.into()),
        }
    }
    // What the kernel would not copy, or nothing: both descriptors stand where it stopped.
    let (mut from, mut to) = (from, to);
    io::copy(&mut from, &mut to).map(|_| ())
}
