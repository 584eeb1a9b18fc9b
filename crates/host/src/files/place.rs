//! A name in a folder that was reached without following a link.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{FileFault, Files, Trouble, stat_at};
use crate::accounts::own_uid;

/// A name in a folder; the folder is held open, so that nobody can put another in its place.
pub(super) struct Place {
    pub(super) dir: OwnedFd,
    pub(super) name: OsString,
    pub(super) path: PathBuf,
}

const HOLD: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Files {
    /// Finds the folder of `path`, which must lie below a base or be one.
    pub(super) fn place(&self, doing: &'static str, path: &Path) -> Result<Place, FileFault> {
        let fault = |error: Errno| FileFault::new(doing, path, error.into());
        let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let (Some(base), Some(name), true) = (self.base_of(path), path.file_name(), plain && path.is_absolute()) else {
            return Err(FileFault::because(
                doing,
                path,
                Trouble::Outside,
                "it lies outside the folders that Ægir may change",
            ));
        };
        let open_trusted = |dir: &Path| rustix::fs::open(dir, HOLD, Mode::empty()).map_err(fault);
        let dir = if path == base {
            // The way to a base is trusted, and so is the folder it lies in.
            open_trusted(path.parent().unwrap_or(Path::new("/")))?
        } else {
            let base_dir = open_trusted(base)?;
            let between = path.parent().and_then(|parent| parent.strip_prefix(base).ok()).unwrap_or(Path::new(""));
            let between = if between.as_os_str().is_empty() { Path::new(".") } else { between };
            open_below(&base_dir, between, HOLD).map_err(fault)?
        };
        Ok(Place { dir, name: name.to_owned(), path: path.to_owned() })
    }

    /// The same, or nothing if its folder is not there.
    pub(super) fn place_if_there(&self, doing: &'static str, path: &Path) -> Result<Option<Place>, FileFault> {
        match self.place(doing, path) {
            Ok(place) => Ok(Some(place)),
            Err(fault) if fault.trouble() == Trouble::Missing => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// Opens `path` below `dir`; the kernel refuses links and ways out.
fn open_below(dir: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    loop {
        match rustix::fs::openat2(dir, path.as_os_str().as_bytes(), flags, Mode::empty(), resolve) {
            // Something in the folders moved meanwhile, and the kernel wants to look again.
            Err(Errno::AGAIN | Errno::INTR) => (),
            // The call itself never says this; the filter of an old container does, to what it does
            // not know.
            Err(Errno::PERM) => return Err(Errno::NOSYS),
            opened => return opened,
        }
    }
}

impl Place {
    /// Opens what lies there, refusing a link.
    pub(super) fn open(&self, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.dir, self.name.as_bytes(), flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)
    }

    /// Holds what lies there, without any permission on it; nothing if nothing does. A link is refused.
    pub(super) fn hold(&self, doing: &'static str) -> Result<Option<Held>, FileFault> {
        let fault = |error: Errno| FileFault::new(doing, &self.path, error.into());
        let held = match self.open(OFlags::PATH, Mode::empty()) {
            Ok(fd) => Held { stat: rustix::fs::fstat(&fd).map_err(fault)?, fd },
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(fault(error)),
        };
        if held.kind() == FileType::Symlink {
            return Err(FileFault::because(doing, &self.path, Trouble::Link, "it is a symbolic link"));
        }
        Ok(Some(held))
    }

    /// What lies there, not following it.
    pub(super) fn stat(&self, doing: &'static str) -> Result<Option<rustix::fs::Stat>, FileFault> {
        stat_at(&self.dir, &self.name).map_err(|error| FileFault::new(doing, &self.path, error.into()))
    }

    /// Changes entries of the folder; if it is ours and lacks permission for that, it has it for the
    /// moment.
    pub(super) fn change_entries<T>(
        &self,
        doing: &'static str,
        change: impl Fn(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, FileFault> {
        with_permission(self.dir.as_fd(), || change(self.dir.as_fd()))
            .map_err(|error| FileFault::new(doing, &self.path, error.into()))
    }

    /// Makes the entries of the folder durable.
    pub(super) fn sync_folder(&self, doing: &'static str) -> Result<(), FileFault> {
        let fault = |error: Errno| FileFault::new(doing, &self.path, error.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = with_permission(self.dir.as_fd(), || rustix::fs::openat(&self.dir, ".", flags, Mode::empty()));
        rustix::fs::fsync(&folder.map_err(fault)?).map_err(fault)
    }

    /// The name of the file that is on its way to this name.
    ///
    /// It is always the same for one name: what a killed process leaves is found, and removed, by
    /// the next one that writes or removes that name, such as the undo of the killed step.
    pub(super) fn coming(&self) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".aegir-new");
        name
    }

    /// Removes what a killed process left on its way to this name. `true` if there was any.
    pub(super) fn clear_coming(&self, doing: &'static str) -> Result<bool, FileFault> {
        if !matches!(stat_at(&self.dir, &self.coming()), Ok(Some(_))) {
            return Ok(false);
        }
        self.change_entries(doing, |dir| unlink_at(dir, &self.coming()))
    }
}

/// What lies at a place, held by a descriptor.
pub(super) struct Held {
    pub(super) fd: OwnedFd,
    pub(super) stat: rustix::fs::Stat,
}

impl Held {
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    pub(super) fn mode(&self) -> u32 {
        self.stat.st_mode & 0o7777
    }

    /// Sets its mode, and sees to it that it has it: the kernel drops set-gid without a word where
    /// we are not in the group.
    pub(super) fn chmod(&self, mode: u32) -> Result<(), Errno> {
        chmod_held(self.fd.as_fd(), mode)?;
        let now = rustix::fs::fstat(&self.fd)?.st_mode & 0o7777;
        if now == mode { Ok(()) } else { Err(Errno::PERM) }
    }

    pub(super) fn chown(&self, uid: Option<u32>, gid: Option<u32>) -> Result<(), Errno> {
        let uid = uid.map(rustix::fs::Uid::from_raw);
        let gid = gid.map(rustix::fs::Gid::from_raw);
        rustix::fs::chownat(&self.fd, "", uid, gid, AtFlags::EMPTY_PATH)
    }
}

/// Sets the mode of what a descriptor holds, even one that is only held.
pub(super) fn chmod_held(fd: BorrowedFd<'_>, mode: u32) -> Result<(), Errno> {
    // `fchmod` refuses a descriptor that only holds, and `fchmodat2` is newer than Debian 12.
    rustix::fs::chmod(format!("/proc/self/fd/{}", fd.as_raw_fd()), Mode::from_raw_mode(mode))
}

/// Removes a name that is no folder; `false` if it was not there.
pub(super) fn unlink_at(dir: BorrowedFd<'_>, name: &OsStr) -> Result<bool, Errno> {
    match rustix::fs::unlinkat(dir, name.as_bytes(), AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Does `act`; if the folder `dir` forbids it and is ours, it has every permission for the moment.
pub(super) fn with_permission<T>(dir: BorrowedFd<'_>, act: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    let refused = match act() {
        Err(Errno::ACCESS) => Errno::ACCESS,
        done => return done,
    };
    let stat = rustix::fs::fstat(dir)?;
    let mode = stat.st_mode & 0o7777;
    if stat.st_uid != own_uid() || mode & 0o700 == 0o700 {
        return Err(refused);
    }
    chmod_held(dir, mode | 0o700)?;
    let done = act();
    chmod_held(dir, mode)?;
    done
}

/// The error for a name that is taken by another kind of thing.
pub(super) fn taken(doing: &'static str, path: &Path, found: FileType) -> FileFault {
    let (trouble, what) = match found {
        FileType::Symlink => (Trouble::Link, "a symbolic link"),
        FileType::Directory => (Trouble::WrongKind, "a folder"),
        FileType::RegularFile => (Trouble::WrongKind, "a file"),
        _ => (Trouble::WrongKind, "a pipe, a socket or a device"),
    };
    FileFault::because(doing, path, trouble, format!("there is {what} already"))
}
