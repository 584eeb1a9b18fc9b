//! Writes files: whole, with their final mode, and durable, at once or when that is asked for.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use rustix::fs::{FileType, Gid, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use std::os::unix::ffi::OsStrExt;

use super::place::{Place, taken, unlink_at, with_permission};
use super::{Changed, FileFault, Files};

const WRITE: &str = "write";

impl Files {
    /// Has `path` hold `bytes`, with this mode, once it returns even after a power loss. Its group is
    /// what a new file in that folder gets; see [`Files::write_for`].
    pub fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<Changed, FileFault> {
        self.put(path, bytes, mode, None, Lasts::AtOnce)
    }

    /// The same, but durable only once [`Files::sync`] was called for `path` and for its folder. After a power
    /// loss before that it may be missing, empty or torn: for what can be done without, or told to be torn.
    pub fn write_unsynced(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<Changed, FileFault> {
        self.put(path, bytes, mode, None, Lasts::OnceSynced)
    }

    /// Makes durable what the file `path` holds, or the names that the folder `path` has, and nothing below
    /// those. What is not there needs no sync.
    pub fn sync(&self, path: &Path) -> Result<(), FileFault> {
        const DOING: &str = "sync";
        let Some(place) = self.place_if_there(DOING, path)? else { return Ok(()) };
        let opened = place.open(OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).map_err(io::Error::from);
        let Some(there) = super::absent(opened, DOING, path)? else { return Ok(()) };
        rustix::fs::fsync(&there).map_err(|error| FileFault::new(DOING, path, error.into()))?;
        self.synced_alone(path);
        Ok(())
    }

    /// The same as [`Files::write`], belonging to the group `gid`: for what the web server reads.
    pub fn write_for(&self, path: &Path, bytes: &[u8], mode: u32, gid: u32) -> Result<Changed, FileFault> {
        self.put(path, bytes, mode, Some(gid), Lasts::AtOnce)
    }

    fn put(&self, path: &Path, bytes: &[u8], mode: u32, gid: Option<u32>, lasts: Lasts) -> Result<Changed, FileFault> {
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
        self.before_write(WRITE, path)?;
        place.write_coming(bytes, mode, gid, lasts)?;
        self.arrived(&place, RenameFlags::empty(), lasts)?;
        Ok(Changed::Yes)
    }

    fn arrived(&self, place: &Place, how: RenameFlags, lasts: Lasts) -> Result<(), FileFault> {
        place.arrive_unsynced(WRITE, how)?;
        if lasts == Lasts::AtOnce {
            place.sync_folder(WRITE)?;
            self.synced(&place.path);
        }
        Ok(())
    }

    /// Makes a file whose name must be free. One that holds the same already is fine.
    pub fn write_new(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<Changed, FileFault> {
        self.put_new(path, bytes, mode, Lasts::AtOnce)
    }

    /// The same, as durable as what [`Files::write_unsynced`] writes.
    pub fn write_new_unsynced(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<Changed, FileFault> {
        self.put_new(path, bytes, mode, Lasts::OnceSynced)
    }

    fn put_new(&self, path: &Path, bytes: &[u8], mode: u32, lasts: Lasts) -> Result<Changed, FileFault> {
        let place = self.place(WRITE, path)?;
        self.before_change(path);
        self.before_write(WRITE, path)?;
        place.write_coming(bytes, mode, None, lasts)?;
        let arrived = self.arrived(&place, RenameFlags::NOREPLACE, lasts);
        if let Err(fault) = arrived {
            let found = place.stat(WRITE)?;
            let same = found.is_some_and(|found| {
                FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
                    && found.st_mode & 0o7777 == mode
                    && place.holds(bytes, found.st_size)
            });
            return if same { Ok(Changed::No) } else { Err(fault) };
        }
        Ok(Changed::Yes)
    }

    /// Makes a file that does nothing but hold `bytes` of room on its file system, for whoever removes it
    /// to have them. One that is there already stays. As durable as what [`Files::write_unsynced`] writes.
    pub fn reserve(&self, path: &Path, bytes: u64) -> Result<Changed, FileFault> {
        if self.kind(path)?.is_some() {
            return Ok(Changed::No);
        }
        self.write_unsynced(path, b"", 0o600)?;
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

    /// Writes the file that is to arrive here, and syncs it if it is to last at once. On an error nothing is left of it.
    fn write_coming(&self, bytes: &[u8], mode: u32, gid: Option<u32>, lasts: Lasts) -> Result<(), FileFault> {
        let mut file = self.create_coming(WRITE)?;
        let written = file.write_all(bytes).and_then(|()| match lasts {
            Lasts::AtOnce => finish(&file, mode, gid),
            Lasts::OnceSynced => settle(&file, mode, gid),
        });
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
        self.arrive_unsynced(doing, how)?;
        self.sync_folder(doing)
    }

    fn arrive_unsynced(&self, doing: &'static str, how: RenameFlags) -> Result<(), FileFault> {
        let coming = self.coming();
        let arrived = self.change_entries(doing, |dir| {
            rustix::fs::renameat_with(dir, coming.as_bytes(), dir, self.name.as_bytes(), how)
        });
        if arrived.is_err() {
            self.drop_coming();
        }
        arrived
    }

    /// Removes a file that will not arrive. That this may fail too adds nothing to the error that
    /// led here; the next one that writes this name removes it.
    pub(super) fn drop_coming(&self) {
        let _ = with_permission(std::os::fd::AsFd::as_fd(&self.dir), || {
            unlink_at(std::os::fd::AsFd::as_fd(&self.dir), &self.coming())
        });
    }
}

/// When a file would survive a power loss.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasts {
    /// Once it is written.
    AtOnce,
    /// Once it and its folder were synced.
    OnceSynced,
}

/// Gives a new file its group and mode, and syncs it.
pub(super) fn finish(file: &File, mode: u32, gid: Option<u32>) -> io::Result<()> {
    settle(file, mode, gid)?;
    rustix::fs::fsync(file)?;
    Ok(())
}

/// Gives a new file its group, then its mode: a change of group may drop bits.
fn settle(file: &File, mode: u32, gid: Option<u32>) -> io::Result<()> {
    if let Some(gid) = gid {
        rustix::fs::fchown(file, None, Some(Gid::from_raw(gid)))?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?;
    if rustix::fs::fstat(file)?.st_mode & 0o7777 != mode {
        return Err(Errno::PERM.into());
    }
    Ok(())
}
