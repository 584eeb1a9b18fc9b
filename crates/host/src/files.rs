//! Files below trusted folders: read, written, moved aside, removed.
//!
//! ```text
//!   base (trusted, may itself be reached by a link) / … no link may be here … / name
//! ```
//!
//! A site's own PHP can write into some of these folders, and could put a symbolic link where a task
//! is about to write. So the way from a base to a name is walked by the kernel (`openat2`), which
//! refuses links, and everything else happens relative to the folder so found.
//!
//! ## Invariants
//!
//! - Nothing outside the bases is ever changed, and no link below them is followed to change something.
//! - Every change may be made twice, and says whether it had to be made ([`Changed`]).
//! - A file appears whole or not at all, with its final mode and group from the first moment.
//! - A folder of ours that lacks write permission (Drupal sets 0555) is made writable for the moment
//!   of a change and then as it was.

mod change;
mod copy;
mod digests;
mod fault;
mod links;
mod pack;
mod place;
mod remove;
mod sums;
mod unpack;
mod write;
mod zipped;

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};

pub use copy::{CopyModes, Survey, Wanted};
pub use digests::Digests;
pub use fault::{FileFault, Trouble};
pub use pack::{Archive, Packed, SUMS, TextFile, Written, told_names};
pub use unpack::{Bounds, Contents, Packing, Unpacked, Unpacking};

/// Whether something had to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was otherwise before.
    Yes,
    /// It was already so.
    No,
}

impl Changed {
    /// Whether it is `Yes`.
    pub fn yes(self) -> bool {
        self == Changed::Yes
    }

    pub(crate) fn when(changed: bool) -> Changed {
        if changed { Changed::Yes } else { Changed::No }
    }
}

impl std::ops::BitOr for Changed {
    type Output = Changed;

    /// `Yes` if one of the two is.
    fn bitor(self, other: Changed) -> Changed {
        Changed::when(self.yes() || other.yes())
    }
}

/// What lies under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link, and what it says.
    Link(PathBuf),
    /// A socket, a pipe, a device.
    Other,
}

/// What is known of a name without following it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Its permissions, with set-gid and sticky: 0o2770.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its size in bytes.
    pub size: u64,
    /// The file system it lies on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// When its content last changed, in nanoseconds since 1970.
    pub modified: i128,
}

/// Room on a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that Ægir's user may still write.
    pub bytes: u64,
    /// Files that may still be made; some file systems have no such limit and say the largest number.
    pub files: u64,
    /// Where the file system is mounted.
    pub file_system: PathBuf,
}

/// Is told of every change, so that the lab can forget what was not synced, and have a disk be full.
pub trait Recorder: Send + Sync {
    /// Something is about to be written at `path`, for which there may be no room.
    fn before_write(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    /// The state of `path`, with all below it, is about to change.
    fn before_change(&self, path: &Path);

    /// `below`, and what lies below it on the same file system, would now survive a power loss.
    fn synced(&self, below: &Path);

    /// The content of the file `path`, or the names in the folder `path`, would now survive one, and nothing else.
    fn synced_alone(&self, path: &Path);
}

/// The files below some trusted folders.
#[derive(Clone)]
pub struct Files {
    bases: Vec<PathBuf>,
    recorder: Option<Arc<dyn Recorder>>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("bases", &self.bases).finish_non_exhaustive()
    }
}

/// A file that is open, before its first byte: how many it has, and they.
pub type OpenFile = (u64, Box<dyn Read + Send>);

/// More than this is read by no one in one piece.
const LONGEST_READ: u64 = 64 * 1024 * 1024;

impl Files {
    /// The files below `bases`, which are absolute.
    pub fn new(bases: Vec<PathBuf>) -> Files {
        Files { bases, recorder: None }
    }

    /// The same, telling `recorder` of every change.
    pub fn with_recorder(mut self, recorder: Arc<dyn Recorder>) -> Files {
        self.recorder = Some(recorder);
        self
    }

    /// The same with one more trusted folder.
    pub fn add_base(mut self, base: impl Into<PathBuf>) -> Files {
        self.bases.push(base.into());
        self
    }

    /// The trusted folders.
    pub fn bases(&self) -> &[PathBuf] {
        &self.bases
    }

    /// The trusted folder that `path` lies below, by its text alone.
    pub fn base_of(&self, path: &Path) -> Option<&Path> {
        let below = self.bases.iter().filter(|base| path.starts_with(base));
        below.max_by_key(|base| base.as_os_str().len()).map(PathBuf::as_path)
    }

    /// Where `path` really lies: absolute, every link followed. Nothing if it is not there. With
    /// [`Files::base_of`] it tells whether a link leads out of the bases (those as they really lie).
    pub fn real(&self, path: &Path) -> Result<Option<PathBuf>, FileFault> {
        absent(fs::canonicalize(path), "find", path)
    }

    /// The content of a file, or nothing if there is none. Links are followed: for what others than
    /// sites write; see [`Files::read_unlinked`]. At most 64 MiB.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileFault> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from);
        let Some(file) = absent(opened, "read", path)? else { return Ok(None) };
        read_whole(file.into(), path).map(Some)
    }

    /// The same, refusing links: for what lies where a site may write.
    pub fn read_unlinked(&self, path: &Path) -> Result<Option<Vec<u8>>, FileFault> {
        let Some(place) = self.place_if_there("read", path)? else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = place.open(flags, Mode::empty()).map_err(io::Error::from);
        let Some(file) = absent(opened, "read", path)? else { return Ok(None) };
        read_whole(file.into(), path).map(Some)
    }

    /// [`Files::read`] as text; what is no UTF-8 is an error.
    pub fn read_text(&self, path: &Path) -> Result<Option<String>, FileFault> {
        let Some(bytes) = self.read(path)? else { return Ok(None) };
        let bad =
            |_| FileFault::new("read", path, io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"));
        String::from_utf8(bytes).map(Some).map_err(bad)
    }

    /// A file of any size, to be read from its beginning, and how many bytes it has; nothing if there is none. Links are
    /// refused, and it stays the same file though its name is given to another one.
    pub fn open(&self, path: &Path) -> Result<Option<OpenFile>, FileFault> {
        let fault = |error: io::Error| FileFault::new("read", path, error);
        let Some(place) = self.place_if_there("read", path)? else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = place.open(flags, Mode::empty()).map_err(io::Error::from);
        let Some(file) = absent(opened, "read", path)? else { return Ok(None) };
        let file = fs::File::from(file);
        let stat = file.metadata().map_err(fault)?;
        if !stat.is_file() {
            return Err(fault(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
        }
        Ok(Some((stat.len(), Box::new(file))))
    }

    /// Up to `at_most` bytes of a file from `offset` on: for following one that grows. Nothing if
    /// there is no such file.
    pub fn read_from(&self, path: &Path, offset: u64, at_most: usize) -> Result<Option<Vec<u8>>, FileFault> {
        use std::os::unix::fs::FileExt;
        let Some(file) = absent(fs::File::open(path), "read", path)? else { return Ok(None) };
        let mut bytes = vec![0; at_most];
        let mut have = 0;
        while have < at_most {
            match file.read_at(&mut bytes[have..], offset + have as u64) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(FileFault::new("read", path, error)),
            }
        }
        bytes.truncate(have);
        Ok(Some(bytes))
    }

    /// What lies at `path`, not following it if it is a link; nothing if nothing does.
    pub fn stat(&self, path: &Path) -> Result<Option<Stat>, FileFault> {
        let Some(found) = absent(fs::symlink_metadata(path), "look at", path)? else { return Ok(None) };
        let kind = if found.is_file() {
            Kind::File
        } else if found.is_dir() {
            Kind::Dir
        } else if found.is_symlink() {
            let Some(target) = absent(fs::read_link(path), "look at", path)? else { return Ok(None) };
            Kind::Link(target)
        } else {
            Kind::Other
        };
        Ok(Some(Stat {
            kind,
            mode: found.mode() & 0o7777,
            uid: found.uid(),
            gid: found.gid(),
            size: found.size(),
            device: found.dev(),
            inode: found.ino(),
            modified: i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec()),
        }))
    }

    /// What kind of thing lies at `path`, not following it; nothing if nothing does.
    pub fn kind(&self, path: &Path) -> Result<Option<Kind>, FileFault> {
        Ok(self.stat(path)?.map(|stat| stat.kind))
    }

    /// The names in a folder, sorted; none if there is no such folder. Names that are no UTF-8 are
    /// given with their bad bytes replaced.
    pub fn list(&self, dir: &Path) -> Result<Vec<String>, FileFault> {
        let Some(entries) = absent(fs::read_dir(dir), "list", dir)? else { return Ok(Vec::new()) };
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<io::Result<Vec<_>>>().map_err(|error| FileFault::new("list", dir, error))?;
        names.sort_unstable();
        Ok(names)
    }

    /// Whether Ægir's user may write to `path`, following links. What is not there cannot be written.
    pub fn may_write(&self, path: &Path) -> Result<bool, FileFault> {
        use rustix::fs::{Access, AtFlags, CWD};
        match rustix::fs::accessat(CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
            Ok(()) => Ok(true),
            Err(
                rustix::io::Errno::ACCESS
                | rustix::io::Errno::PERM
                | rustix::io::Errno::ROFS
                | rustix::io::Errno::NOENT,
            ) => Ok(false),
            Err(error) => Err(FileFault::new("ask for", path, error.into())),
        }
    }

    /// Makes everything durable that was written to the file system `path` lies on.
    pub fn sync_fs(&self, path: &Path) -> Result<(), FileFault> {
        let there = existing(path);
        let fault = |error: io::Error| FileFault::new("sync the file system of", path, error);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(there, flags, Mode::empty()).map_err(|error| fault(error.into()))?;
        rustix::fs::syncfs(&file).map_err(|error| fault(error.into()))?;
        self.synced(&mounted_at(there).map_err(fault)?);
        Ok(())
    }

    /// Room on the file system that `path` lies on, or would.
    pub fn free_space(&self, path: &Path) -> Result<Space, FileFault> {
        let fault = |error: io::Error| FileFault::new("ask for room at", path, error);
        let there = existing(path);
        let space = rustix::fs::statvfs(there).map_err(|error| fault(error.into()))?;
        Ok(Space {
            bytes: space.f_bavail.saturating_mul(space.f_frsize),
            files: if space.f_files == 0 { u64::MAX } else { space.f_favail },
            file_system: mounted_at(there).map_err(fault)?,
        })
    }

    /// The number of the file system that `path` lies on, or would.
    pub fn device(&self, path: &Path) -> Result<u64, FileFault> {
        let found = fs::metadata(existing(path)).map_err(|error| FileFault::new("look at", path, error))?;
        Ok(found.dev())
    }

    fn before_change(&self, path: &Path) {
        if let Some(recorder) = &self.recorder {
            recorder.before_change(path);
        }
    }

    /// Something is about to be written at `path`: one more name, or content.
    fn before_write(&self, doing: &'static str, path: &Path) -> Result<(), FileFault> {
        match &self.recorder {
            Some(recorder) => recorder.before_write(path).map_err(|error| FileFault::new(doing, path, error)),
            None => Ok(()),
        }
    }

    fn synced(&self, below: &Path) {
        if let Some(recorder) = &self.recorder {
            recorder.synced(below);
        }
    }

    fn synced_alone(&self, path: &Path) {
        if let Some(recorder) = &self.recorder {
            recorder.synced_alone(path);
        }
    }
}

/// Turns "there is none" into nothing.
fn absent<T>(result: io::Result<T>, doing: &'static str, path: &Path) -> Result<Option<T>, FileFault> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(FileFault::new(doing, path, error)),
    }
}

fn read_whole(file: fs::File, path: &Path) -> Result<Vec<u8>, FileFault> {
    let fault = |error| FileFault::new("read", path, error);
    let found = file.metadata().map_err(fault)?;
    if found.is_dir() {
        return Err(fault(io::ErrorKind::IsADirectory.into()));
    }
    if !found.is_file() {
        return Err(fault(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, a socket or a device")));
    }
    let mut bytes = Vec::with_capacity(found.len().min(LONGEST_READ) as usize);
    file.take(LONGEST_READ + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > LONGEST_READ {
        return Err(fault(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 64 MiB")));
    }
    Ok(bytes)
}

/// `path`, or the nearest folder above it that exists.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"))
}

/// Where the file system of `path` is mounted.
fn mounted_at(path: &Path) -> io::Result<PathBuf> {
    let path = fs::canonicalize(path)?;
    let device = fs::metadata(&path)?.dev();
    let same = |above: &&Path| fs::metadata(above).is_ok_and(|found| found.dev() == device);
    Ok(path.ancestors().take_while(same).last().unwrap_or(&path).to_owned())
}

/// What lies under `name` in `dir`, not following it.
fn stat_at(dir: impl std::os::fd::AsFd, name: &std::ffi::OsStr) -> rustix::io::Result<Option<rustix::fs::Stat>> {
    match rustix::fs::statat(dir, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}
