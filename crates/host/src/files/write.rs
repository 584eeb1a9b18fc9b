//! Writes files: whole, with their final mode, and durable; and appends to those that grow.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Gid, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use std::os::unix::ffi::OsStrExt;

use super::place::{Place, taken, unlink_at, with_permission};
use super::{Changed, FileFault, Files, Recorder};

const WRITE: &str = "write";

impl Files {
    /// Has `path` hold `bytes`, with this mode, once it returns even after a power loss. Its group is
    /// what a new file in that folder gets; see [`Files::write_for`].
    pub fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<Changed, FileFault> {
        self.put(path, bytes, mode, None)
    }

    /// The same, belonging to the group `gid`: for what the web server reads.
    pub fn write_for(&self, path: &Path, bytes: &[u8], mode: u32, gid: u32) -> Result<Changed, FileFault> {
        self.put(path, bytes, mode, Some(gid))
    }

    fn put(&self, path: &Path, bytes: &[u8], mode: u32, gid: Option<u32>) -> Result<Changed, FileFault> {
        let place = self.place(WRITE, path)?;
        match place.stat(WRITE)? {
            None => (),
            Some(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {
                let as_wanted = found.st_mode & 0o7777 == mode && gid.is_none_or(|gid| gid == found.st_gid);
                if as_wanted && place.holds(bytes, found.st_size) {
                    return Ok(Changed::when(place.clear_coming(WRITE)?));
                }
            }
            Some(found) => return Err(taken(WRITE, path, FileType::from_raw_mode(found.st_mode))),
        }
        self.before_change(path);
        place.write_coming(bytes, mode, gid)?;
        place.arrive(WRITE, RenameFlags::empty())?;
        self.synced(path);
        Ok(Changed::Yes)
    }

    /// Makes a file whose name must be free. One that holds the same already is fine.
    pub fn write_new(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<Changed, FileFault> {
        let place = self.place(WRITE, path)?;
        self.before_change(path);
        place.write_coming(bytes, mode, None)?;
        let arrived = place.arrive(WRITE, RenameFlags::NOREPLACE);
        if let Err(fault) = arrived {
            let found = place.stat(WRITE)?;
            let same = found.is_some_and(|found| {
                FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
                    && found.st_mode & 0o7777 == mode
                    && place.holds(bytes, found.st_size)
            });
            return if same { Ok(Changed::No) } else { Err(fault) };
        }
        self.synced(path);
        Ok(Changed::Yes)
    }

    /// Makes a file that does nothing but hold `bytes` of room on its file system, for whoever removes it
    /// to have them. One that is there already stays.
    pub fn reserve(&self, path: &Path, bytes: u64) -> Result<Changed, FileFault> {
        if self.kind(path)?.is_some() {
            return Ok(Changed::No);
        }
        self.write(path, b"", 0o600)?;
        let fault = |source: io::Error| FileFault::new("keep room in", path, source);
        let file = std::fs::OpenOptions::new().write(true).open(path).map_err(fault)?;
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(Changed::Yes),
            // A file system that cannot keep room has none to keep.
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(Changed::Yes),
            Err(error) => {
                self.remove_file(path)?;
                Err(fault(error.into()))
            }
        }
    }

    /// Opens a file to append to, made with `mode` if it is not there.
    pub fn append_to(&self, path: &Path, mode: u32) -> Result<Append, FileFault> {
        const DOING: &str = "append to";
        let place = self.place(DOING, path)?;
        let fault = |error: Errno| FileFault::new(DOING, path, error.into());
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file: File = match place.open(flags, Mode::empty()) {
            Ok(fd) => fd.into(),
            Err(Errno::NOENT) => {
                self.before_change(path);
                let create = flags | OFlags::CREATE | OFlags::EXCL;
                let fd = place.change_entries(DOING, |_| place.open(create, Mode::RUSR | Mode::WUSR))?;
                rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode)).map_err(fault)?;
                rustix::fs::fsync(&fd).map_err(fault)?;
                place.sync_folder(DOING)?;
                self.synced(path);
                fd.into()
            }
            Err(error) => return Err(fault(error)),
        };
        let found = file.metadata().map_err(|error| FileFault::new(DOING, path, error))?;
        if !found.is_file() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, a socket or a device");
            return Err(FileFault::new(DOING, path, error));
        }
        Ok(Append { file, path: path.to_owned(), length: found.len(), recorder: self.recorder.clone() })
    }
}

impl Place {
    /// Whether the file there holds just `bytes`. One that cannot be read does not.
    fn holds(&self, bytes: &[u8], size: i64) -> bool {
        if u64::try_from(size) != Ok(bytes.len() as u64) {
            return false;
        }
        let Ok(fd) = self.open(OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()) else { return false };
        let mut found = Vec::with_capacity(bytes.len());
        File::from(fd).take(bytes.len() as u64 + 1).read_to_end(&mut found).is_ok() && found == bytes
    }

    /// Writes and syncs the file that is to arrive here. On an error nothing is left of it.
    fn write_coming(&self, bytes: &[u8], mode: u32, gid: Option<u32>) -> Result<(), FileFault> {
        let mut file = self.create_coming(WRITE)?;
        let written = file.write_all(bytes).and_then(|()| finish(&file, mode, gid));
        written.map_err(|error| {
            self.drop_coming();
            FileFault::new(WRITE, &self.path, error)
        })
    }

    /// Makes the file that is to arrive here, readable by nobody else yet.
    pub(super) fn create_coming(&self, doing: &'static str) -> Result<File, FileFault> {
        self.clear_coming(doing)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = self.coming();
        let made =
            self.change_entries(doing, |dir| rustix::fs::openat(dir, name.as_bytes(), flags, Mode::RUSR | Mode::WUSR))?;
        Ok(made.into())
    }

    /// Gives the finished file its name, durably.
    pub(super) fn arrive(&self, doing: &'static str, how: RenameFlags) -> Result<(), FileFault> {
        let coming = self.coming();
        let arrived = self.change_entries(doing, |dir| {
            rustix::fs::renameat_with(dir, coming.as_bytes(), dir, self.name.as_bytes(), how)
        });
        if arrived.is_err() {
            self.drop_coming();
        }
        arrived?;
        self.sync_folder(doing)
    }

    /// Removes a file that will not arrive. That this may fail too adds nothing to the error that
    /// led here; the next one that writes this name removes it.
    pub(super) fn drop_coming(&self) {
        let _ = with_permission(std::os::fd::AsFd::as_fd(&self.dir), || {
            unlink_at(std::os::fd::AsFd::as_fd(&self.dir), &self.coming())
        });
    }
}

/// Gives a new file its group, then its mode (a change of group may drop bits), and syncs it.
pub(super) fn finish(file: &File, mode: u32, gid: Option<u32>) -> io::Result<()> {
    if let Some(gid) = gid {
        rustix::fs::fchown(file, None, Some(Gid::from_raw(gid)))?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?;
    if rustix::fs::fstat(file)?.st_mode & 0o7777 != mode {
        return Err(Errno::PERM.into());
    }
    rustix::fs::fsync(file)?;
    Ok(())
}

/// A file that grows: a journal, a log of events. Meant for one writer.
pub struct Append {
    file: File,
    path: PathBuf,
    length: u64,
    recorder: Option<Arc<dyn Recorder>>,
}

impl std::fmt::Debug for Append {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Append").field("path", &self.path).field("length", &self.length).finish_non_exhaustive()
    }
}

impl Append {
    /// Adds `bytes` at the end; with `sync` they survive a power loss once it returns. On an error
    /// nothing of them is left, so that no half line stands before the next.
    pub fn append(&mut self, bytes: &[u8], sync: bool) -> Result<(), FileFault> {
        if let Some(recorder) = &self.recorder {
            recorder.before_change(&self.path);
        }
        if let Err(error) = self.file.write_all(bytes) {
            let _ = self.file.set_len(self.length);
            return Err(self.fault(error));
        }
        self.length += bytes.len() as u64;
        if sync { self.sync() } else { Ok(()) }
    }

    /// Makes durable what was appended.
    pub fn sync(&mut self) -> Result<(), FileFault> {
        self.file.sync_data().map_err(|error| self.fault(error))?;
        if let Some(recorder) = &self.recorder {
            recorder.synced(&self.path);
        }
        Ok(())
    }

    /// Cuts the file down to its first `length` bytes, durably: takes off a torn last line.
    pub fn cut(&mut self, length: u64) -> Result<(), FileFault> {
        if let Some(recorder) = &self.recorder {
            recorder.before_change(&self.path);
        }
        self.file.set_len(length.min(self.length)).map_err(|error| self.fault(error))?;
        self.length = self.length.min(length);
        self.sync()
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    fn fault(&self, error: io::Error) -> FileFault {
        FileFault::new("append to", &self.path, error)
    }
}
