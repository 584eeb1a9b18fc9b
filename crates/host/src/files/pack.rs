//! Packs trees and files into an archive: `tar` within `zstd`, so that those two programs unpack it again.
//!
//! The walk goes from open folder to open folder and refuses links: a site's PHP, which can write where it goes, could
//! else have it read what is not the site's. The last file of an archive lists the sums of those before it, taken of
//! what was written: each file is read once, and an archive that lacks its end shows.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use tar::{Builder, EntryType, Header};

use super::remove::{WALK, entries};
use super::sums::{self, Summed};
use super::{FileFault, Files, Wanted};

const DOING: &str = "pack";
const WRITE: &str = "write the archive";

/// The file at the end of an archive, with the sums of all others.
pub const SUMS: &str = "checksums.sha256";

/// How hard the archive is compressed: uploads are mostly compressed already, and a dump gains little from more.
const LEVEL: i32 = 3;

/// Larger files than this are not held in memory before they are packed.
const SMALL: u64 = 1 << 20;

/// An archive that is being written.
pub struct Archive {
    path: PathBuf,
    to: Builder<zstd::Encoder<'static, BufWriter<File>>>,
    sums: Vec<u8>,
    packed: Packed,
}

/// What of a tree could not be packed as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// What Ægir's user may not read, and is not in the archive; relative to the tree.
    pub unreadable: Vec<PathBuf>,
    /// Pipes, sockets and devices, which are not in it; likewise.
    pub special: Vec<PathBuf>,
    /// Files that were cut off while they were read, and are filled with zeros; likewise.
    pub cut: Vec<PathBuf>,
}

/// An archive that was written whole, and is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its number on its file system, by which it is known again.
    pub inode: u64,
    /// What is not in it as it was.
    pub packed: Packed,
}

impl Files {
    /// Begins an archive at `path`, readable by its owner alone. What lay there of an earlier try is removed.
    pub fn begin_archive(&self, path: &Path) -> Result<Archive, FileFault> {
        self.remove_file(path)?;
        self.before_change(path);
        self.before_write(WRITE, path)?;
        let place = self.place(WRITE, path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let fault = |error: io::Error| FileFault::new(WRITE, path, error);
        let file: File = place.open(flags, Mode::RUSR | Mode::WUSR).map_err(|error| fault(error.into()))?.into();
        let mut packer = zstd::Encoder::new(BufWriter::with_capacity(1 << 18, file), LEVEL).map_err(fault)?;
        // Without it a byte that flips on a disk would unpack to something else without a word.
        packer.include_checksum(true).map_err(fault)?;
        let archive =
            Archive { path: path.to_owned(), to: Builder::new(packer), sums: Vec::new(), packed: Packed::default() };
        Ok(archive)
    }

    /// Ends an archive: with its sums, and durable.
    pub fn end_archive(&self, archive: Archive) -> Result<Written, FileFault> {
        let written = archive.end()?;
        self.sync(&written.0)?;
        if let Some(folder) = written.0.parent() {
            self.sync(folder)?;
        }
        Ok(written.1)
    }

    /// The size and the SHA-256 of a file, in hexadecimal digits.
    pub fn sum_of(&self, path: &Path) -> Result<(u64, String), FileFault> {
        let file = self.open_to_pack(path)?;
        let mut summed = Summed::new(file);
        io::copy(&mut summed, &mut io::sink()).map_err(|error| FileFault::new("read", path, error))?;
        Ok((summed.bytes, summed.sum()))
    }

    /// Puts a file of ours into an archive.
    pub fn pack_file(&self, archive: &mut Archive, name: &str, path: &Path, mode: u32) -> Result<(), FileFault> {
        let file = self.open_to_pack(path)?;
        let stat = rustix::fs::fstat(&file).map_err(|error| FileFault::new(DOING, path, error.into()))?;
        let header = header(&stat, EntryType::Regular, stat.st_size as u64, mode);
        let cut = archive.put_stream(Path::new(name), header, file)?;
        match cut {
            false => Ok(()),
            true => {
                let why = io::Error::new(io::ErrorKind::UnexpectedEof, "it got shorter while it was read");
                Err(FileFault::new(DOING, path, why))
            }
        }
    }

    fn open_to_pack(&self, path: &Path) -> Result<File, FileFault> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.place(DOING, path)?.open(flags, Mode::empty());
        Ok(opened.map_err(|error| FileFault::new(DOING, path, error.into()))?.into())
    }

    /// Puts what lies in the folder `dir` into an archive, below the folder `name`: what `wanted` wants, which is
    /// asked of each entry by its path below `dir` and whether it is a folder. What vanishes meanwhile is not in it.
    pub fn pack_tree(
        &self,
        archive: &mut Archive,
        name: &str,
        dir: &Path,
        wanted: &mut dyn FnMut(&Path, bool) -> Wanted,
    ) -> Result<(), FileFault> {
        let place = self.place(DOING, dir)?;
        let fault = |error: Errno| FileFault::new(DOING, dir, error.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        let top = place.open(flags, Mode::empty()).map_err(fault)?;
        let stat = rustix::fs::fstat(&top).map_err(fault)?;
        archive.put_dir(Path::new(name), &stat)?;
        Walk { archive, name: Path::new(name), dir, wanted }.folder(&top, Path::new(""))
    }
}

impl Archive {
    /// Puts a text of ours into it.
    pub fn put(&mut self, name: &str, bytes: &[u8], mtime: u64) -> Result<(), FileFault> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(mtime);
        self.put_stream(Path::new(name), header, bytes).map(drop)
    }

    /// Puts a file with as many bytes as its header says. `true` if there were less.
    fn put_stream(&mut self, name: &Path, mut header: Header, from: impl Read) -> Result<bool, FileFault> {
        let size = header.size().unwrap_or_default();
        let mut exact = Summed::new(Exact { from, left: size, cut: false });
        let put = self.to.append_data(&mut header, name, &mut exact);
        put.map_err(|error| FileFault::new(WRITE, &self.path, error))?;
        let cut = exact.is_cut();
        self.sums.extend(sums::line(&exact.sum(), name));
        Ok(cut)
    }

    fn put_dir(&mut self, name: &Path, stat: &Stat) -> Result<(), FileFault> {
        let mut header = header(stat, EntryType::Directory, 0, stat.st_mode & 0o7777);
        let put = self.to.append_data(&mut header, name, io::empty());
        put.map_err(|error| FileFault::new(WRITE, &self.path, error))
    }

    fn put_link(&mut self, name: &Path, stat: &Stat, target: &Path) -> Result<(), FileFault> {
        let mut header = header(stat, EntryType::Symlink, 0, 0o777);
        let put = self.to.append_link(&mut header, name, target);
        put.map_err(|error| FileFault::new(WRITE, &self.path, error))
    }

    fn end(mut self) -> Result<(PathBuf, Written), FileFault> {
        let path = self.path.clone();
        let fault = |error: io::Error| FileFault::new(WRITE, &path, error);
        let sums = std::mem::take(&mut self.sums);
        self.put(SUMS, &sums, 0)?;
        let file = self.to.into_inner().and_then(zstd::Encoder::finish).map_err(fault)?;
        let file = file.into_inner().map_err(|error| fault(error.into_error()))?;
        rustix::fs::fsync(&file).map_err(|error| fault(error.into()))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| fault(error.into()))?;
        let written = Written { bytes: stat.st_size as u64, inode: stat.st_ino, packed: self.packed };
        Ok((path.clone(), written))
    }
}

/// One packing of a tree.
struct Walk<'a> {
    archive: &'a mut Archive,
    /// The folder in the archive.
    name: &'a Path,
    /// The tree.
    dir: &'a Path,
    wanted: &'a mut dyn FnMut(&Path, bool) -> Wanted,
}

impl Walk<'_> {
    /// Packs what lies in an open folder, which is `at` below the tree.
    fn folder(&mut self, folder: &OwnedFd, at: &Path) -> Result<(), FileFault> {
        let mut found = entries(folder).map_err(|error| self.fault(at, error))?;
        found.sort();
        for (name, is_dir) in found {
            let below = at.join(&name);
            match (self.wanted)(&below, is_dir) {
                Wanted::Yes => (),
                Wanted::No => continue,
                Wanted::Stop => {
                    return Err(FileFault::because(DOING, self.dir, super::Trouble::Other, "it is to stop"));
                }
            }
            self.entry(folder, &name, &below)?;
        }
        Ok(())
    }

    fn entry(&mut self, folder: &OwnedFd, name: &OsStr, below: &Path) -> Result<(), FileFault> {
        let stat = super::stat_at(folder, name).map_err(|error| self.fault(below, error))?;
        // It was there a moment ago.
        let Some(stat) = stat else { return Ok(()) };
        let packed_as = self.name.join(below);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let Some(child) = self.open(folder, name, WALK, below)? else { return Ok(()) };
                let stat = rustix::fs::fstat(&child).map_err(|error| self.fault(below, error))?;
                self.archive.put_dir(&packed_as, &stat)?;
                self.folder(&child, below)
            }
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let Some(file) = self.open(folder, name, flags, below)? else { return Ok(()) };
                self.file(file.into(), &packed_as, below)
            }
            FileType::Symlink => {
                let target = match rustix::fs::readlinkat(folder, name.as_bytes(), Vec::new()) {
                    Ok(target) => PathBuf::from(OsStr::from_bytes(target.as_bytes())),
                    Err(Errno::NOENT | Errno::INVAL) => return Ok(()),
                    Err(error) => return Err(self.fault(below, error)),
                };
                self.archive.put_link(&packed_as, &stat, &target)
            }
            _ => {
                self.archive.packed.special.push(below.to_owned());
                Ok(())
            }
        }
    }

    /// Opens an entry; nothing if it is gone, or is not ours to read, which is told.
    fn open(
        &mut self,
        folder: &OwnedFd,
        name: &OsStr,
        flags: OFlags,
        below: &Path,
    ) -> Result<Option<OwnedFd>, FileFault> {
        match rustix::fs::openat(folder, name.as_bytes(), flags, Mode::empty()) {
            Ok(opened) => Ok(Some(opened)),
            Err(Errno::ACCESS | Errno::PERM) => {
                self.archive.packed.unreadable.push(below.to_owned());
                Ok(None)
            }
            // Gone, or another kind of thing by now.
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(self.fault(below, error)),
        }
    }

    fn file(&mut self, mut file: File, packed_as: &Path, below: &Path) -> Result<(), FileFault> {
        let stat = rustix::fs::fstat(&file).map_err(|error| self.fault(below, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(());
        }
        let mode = stat.st_mode & 0o7777;
        let size = stat.st_size as u64;
        if size <= SMALL {
            // Read first, so that its size is what is packed whatever happens to it meanwhile.
            let mut bytes = Vec::with_capacity(size as usize);
            let read = (&mut file).take(SMALL * 2).read_to_end(&mut bytes);
            read.map_err(|error| FileFault::new(DOING, &self.dir.join(below), error))?;
            let header = header(&stat, EntryType::Regular, bytes.len() as u64, mode);
            return self.archive.put_stream(packed_as, header, bytes.as_slice()).map(drop);
        }
        let cut = self.archive.put_stream(packed_as, header(&stat, EntryType::Regular, size, mode), file)?;
        if cut {
            self.archive.packed.cut.push(below.to_owned());
        }
        Ok(())
    }

    fn fault(&self, below: &Path, error: Errno) -> FileFault {
        FileFault::new(DOING, &self.dir.join(below), error.into())
    }
}

fn header(stat: &Stat, kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or_default());
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header
}

/// Just so many bytes of a file, whether it grows or gets shorter meanwhile.
struct Exact<R> {
    from: R,
    left: u64,
    cut: bool,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let mut count = 0;
        if !self.cut {
            count = self.from.read(&mut into[..most])?;
        }
        if count == 0 {
            self.cut = true;
            into[..most].fill(0);
            count = most;
        }
        self.left -= count as u64;
        Ok(count)
    }
}

impl<R: Read> Summed<Exact<R>> {
    fn is_cut(&self) -> bool {
        self.inner().cut
    }
}

/// The names of a list that is told: the first hundred.
pub fn told_names(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| sums::shown(OsString::from(path).as_os_str());
    paths.iter().take(100).map(name).collect()
}

/// Writes a text file bit by bit, such as a dump; durable once it is ended.
pub struct TextFile {
    path: PathBuf,
    to: BufWriter<File>,
}

impl Files {
    /// Begins a file at `path`, readable by its owner alone. What lay there of an earlier try is removed.
    pub fn begin_file(&self, path: &Path) -> Result<TextFile, FileFault> {
        self.remove_file(path)?;
        self.before_change(path);
        self.before_write(WRITE, path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let opened = self.place("write", path)?.open(flags, Mode::RUSR | Mode::WUSR);
        let file: File = opened.map_err(|error| FileFault::new("write", path, error.into()))?.into();
        Ok(TextFile { path: path.to_owned(), to: BufWriter::with_capacity(1 << 18, file) })
    }
}

impl TextFile {
    /// Writes more of it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FileFault> {
        self.to.write_all(bytes).map_err(|error| FileFault::new("write", &self.path, error))
    }

    /// Has all of it reach the file. Not synced.
    pub fn end(mut self) -> Result<(), FileFault> {
        self.to.flush().map_err(|error| FileFault::new("write", &self.path, error))
    }
}
