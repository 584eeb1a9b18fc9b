//! Reads archives: those that Ægir packs, and those of others (`tar`, alone or within `gzip`, `bzip2`, `xz` or `zstd`; and
//! `zip`, in `zipped`).
//!
//! What is read was perhaps made by somebody who means harm. So names are looked at before anything bears them, links
//! may not lead out of the tree that is unpacked, nothing but files, folders and links is made, and no more is read
//! than was allowed before.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{Gid, Mode, OFlags, Timespec, Timestamps};
use tar::{Archive as Tar, EntryType};

use super::pack::SUMS;
use super::sums::{self, Summed};
use super::{Changed, FileFault, Files, Kind, Trouble, zipped};

pub(super) const DOING: &str = "read the archive";
const UNPACK: &str = "unpack";

/// The longest list of sums, or other file of the archive itself, that is read.
const LONGEST: u64 = 256 << 20;

/// How long what stands before an entry may be, its name and where it leads to among it.
const LONGEST_HEAD: u64 = 1 << 20;

/// How much memory what is within `xz` may ask for, in KiB. `xz -9` asks for half of it; a file may say 4 GB.
const XZ_MEMORY: u32 = 128 << 10;

/// What an archive may hold at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The bytes of all files together.
    pub bytes: u64,
    /// How many files, folders and links.
    pub entries: u64,
}

/// What was found in an archive that was read from its beginning to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The bytes of all files.
    pub bytes: u64,
    /// How many files, folders and links.
    pub entries: u64,
    /// Its files, each with its SHA-256 in hexadecimal digits.
    pub files: BTreeMap<PathBuf, String>,
    /// Whether it ends with the sums of its files, all of which are right.
    pub summed: bool,
}

/// How a tree is unpacked.
#[derive(Clone, Debug)]
pub struct Unpacking<'a> {
    /// The folder in the archive whose content is wanted; empty: all of it.
    pub below: &'a Path,
    /// The folder it goes to, which is there.
    pub into: &'a Path,
    /// What the archive may hold.
    pub bounds: Bounds,
    /// The group of everything below these folders of the tree, where it has the rights that the owner has: what the
    /// web server's workers own, or wrote.
    pub shared: (&'a [&'a str], u32),
}

/// What was unpacked, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// How many files, folders and links.
    pub entries: u64,
    /// The bytes of all files.
    pub bytes: u64,
    /// Links that lead out of the tree, and were not made.
    pub left_out: Vec<PathBuf>,
}

/// What is read from, with how much of it may be read next.
///
/// What stands before an entry, its name among it, is held in memory whole, and a few bytes of an archive can be
/// unpacked to a name that no memory holds.
struct Rationed<R> {
    from: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Rationed<R> {
    fn new(from: R) -> (Rationed<R>, Rc<Cell<u64>>) {
        let left = Rc::new(Cell::new(LONGEST_HEAD));
        (Rationed { from, left: left.clone() }, left)
    }
}

impl<R: Read> Read for Rationed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a name in it is longer than any name can be"));
        }
        let most = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.from.read(&mut into[..most])?;
        self.left.set(left - count as u64);
        Ok(count)
    }
}

/// Reads what nobody wanted of an entry; behind it comes what stands before the next one.
fn rest(entry: &mut dyn Read, ration: &Cell<u64>) -> io::Result<()> {
    io::copy(entry, &mut io::sink())?;
    ration.set(LONGEST_HEAD);
    Ok(())
}

/// An entry, whose name leads nowhere but below the top of the archive.
pub(super) struct Member {
    pub(super) name: PathBuf,
    pub(super) what: What,
    pub(super) mode: u32,
    /// In seconds of Unix time; 0 if it is not told.
    pub(super) modified: u64,
}

/// What is done with each entry, given what it holds.
pub(super) type OnMember<'a> = dyn FnMut(Member, &mut dyn Read) -> Result<(), FileFault> + 'a;

pub(super) enum What {
    Folder,
    File,
    Link(PathBuf),
}

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `zstd` around a `tar`.
    Zstd,
    /// `gzip` around a `tar`.
    Gzip,
    /// `bzip2` around a `tar`.
    Bzip2,
    /// `xz` around a `tar`.
    Xz,
    /// A `zip`.
    Zip,
    /// None of these: a `tar` alone, or no archive.
    Plain,
}

impl Packing {
    /// As the first bytes of a file say; six are enough.
    pub fn of(first: &[u8]) -> Packing {
        match first {
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [b'B', b'Z', b'h', ..] => Packing::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Packing::Xz,
            // The second is one that holds nothing.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Packing::Zip,
            _ => Packing::Plain,
        }
    }
}

impl Files {
    /// The content of the file `name` that lies among the first entries of an archive, or nothing if it does not.
    pub fn read_archived(&self, archive: &Path, name: &str, longest: u64) -> Result<Option<Vec<u8>>, FileFault> {
        // Ours comes first, and that of others is not looked for in all of it.
        const FIRST: u64 = 8;
        let fault = |error: io::Error| FileFault::new(DOING, archive, error);
        let (rationed, ration) = Rationed::new(self.unpacked(archive)?);
        let mut tar = Tar::new(rationed);
        for entry in tar.entries().map_err(fault)?.take(FIRST as usize) {
            let mut entry = entry.map_err(fault)?;
            ration.set(u64::MAX);
            if entry.path_bytes().as_ref() != name.as_bytes() {
                rest(&mut entry, &ration).map_err(fault)?;
                continue;
            }
            if entry.size() > longest {
                return Err(bad(archive, format!("`{name}` in it is too long")));
            }
            let mut bytes = Vec::new();
            entry.take(longest).read_to_end(&mut bytes).map_err(fault)?;
            return Ok(Some(bytes));
        }
        Ok(None)
    }

    /// Reads an archive whole and changes nothing: whether all of its names are good, whether it has an end, and
    /// whether its sums are right if it has any.
    pub fn look_through_archive(&self, archive: &Path, bounds: Bounds) -> Result<Contents, FileFault> {
        let mut contents = Contents::default();
        let mut listed = None;
        self.each_member(archive, bounds, &mut |member, content| {
            contents.entries += 1;
            if !matches!(member.what, What::File) {
                return Ok(());
            }
            let fault = |error| FileFault::new(DOING, archive, error);
            if listed.is_some() {
                return Err(bad(archive, "something follows the list of its sums"));
            }
            if member.name == Path::new(SUMS) {
                let mut bytes = Vec::new();
                content.take(LONGEST).read_to_end(&mut bytes).map_err(fault)?;
                listed = Some(bytes);
                return Ok(());
            }
            let mut summed = Summed::new(content);
            contents.bytes += io::copy(&mut summed, &mut io::sink()).map_err(fault)?;
            contents.files.insert(member.name, summed.sum());
            Ok(())
        })?;
        let Some(listed) = listed else { return Ok(contents) };
        let Some(listed) = sums::read(&listed) else {
            return Err(bad(archive, format!("`{SUMS}` in it is no list of sums")));
        };
        for (sum, name) in &listed {
            match contents.files.get(name) {
                Some(there) if there == sum => (),
                Some(_) => return Err(bad(archive, format!("`{}` in it is not what was packed", name.display()))),
                None => return Err(bad(archive, format!("`{}` is not in it any more", name.display()))),
            }
        }
        if listed.len() != contents.files.len() {
            return Err(bad(archive, "it holds files that were not packed with the rest"));
        }
        contents.summed = true;
        Ok(contents)
    }

    /// Has one file of an archive lie at `to`, readable by its owner alone. `false` if it has no such file.
    pub fn unpack_file(&self, archive: &Path, name: &str, to: &Path, bounds: Bounds) -> Result<bool, FileFault> {
        let mut found = false;
        self.each_member(archive, bounds, &mut |member, content| {
            if member.name == Path::new(name) && matches!(member.what, What::File) {
                self.remove_file(to)?;
                self.before_change(to);
                self.unpack_bytes(to, 0o600, None, member.modified, content)?;
                found = true;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Has what lies below a folder of an archive, which may also be a `zip`, lie in a folder. What lies there already
    /// stays, and is replaced where the archive has a file of that name. Not synced; see [`Files::sync_fs`].
    pub fn unpack_tree(
        &self,
        archive: &Path,
        how: &Unpacking<'_>,
        wanted: &mut dyn FnMut(&Path) -> bool,
    ) -> Result<Unpacked, FileFault> {
        self.before_change(how.into);
        let mut unpacked = Unpacked::default();
        // Their own modes may forbid that anything is put into them.
        let mut folders = Vec::new();
        let mut on_member = |member: Member, content: &mut dyn Read| {
            let Ok(below) = member.name.strip_prefix(how.below) else { return Ok(()) };
            if below.as_os_str().is_empty() || !wanted(below) {
                return Ok(());
            }
            let to = how.into.join(below);
            if let Some(parent) = to.parent() {
                self.make_dirs_quietly(how.into, parent)?;
            }
            let (group, mode) = shared(how, below, member.mode);
            unpacked.entries += 1;
            match &member.what {
                What::Folder => {
                    self.make_dirs_quietly(how.into, &to)?;
                    folders.push((to, group, mode));
                }
                What::File => unpacked.bytes += self.unpack_bytes(&to, mode, group, member.modified, content)?,
                What::Link(target) if stays_within(below, target) => self.unpack_link(&to, target)?,
                What::Link(_) => {
                    unpacked.entries -= 1;
                    unpacked.left_out.push(below.to_owned());
                }
            }
            Ok(())
        };
        match self.opened(archive)? {
            (file, Packing::Zip) => zipped::each_member(file, archive, how.bounds, &mut on_member)?,
            _ => self.each_member(archive, how.bounds, &mut on_member)?,
        }
        for (folder, group, mode) in folders.into_iter().rev() {
            self.settle_folder(&folder, group, mode)?;
        }
        Ok(unpacked)
    }

    /// Makes the folders that are missing between two; what is there already is as it was.
    fn make_dirs_quietly(&self, top: &Path, folder: &Path) -> Result<(), FileFault> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|path| *path != top && path.starts_with(top))
            .filter(|path| !matches!(self.kind(path), Ok(Some(Kind::Dir))))
            .collect();
        for path in missing.into_iter().rev() {
            let place = self.place(UNPACK, path)?;
            use std::os::unix::ffi::OsStrExt;
            let name = place.name.as_bytes();
            place.change_entries(UNPACK, |dir| match rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o770)) {
                Err(rustix::io::Errno::EXIST) => Ok(()),
                made => made,
            })?;
        }
        Ok(())
    }

    fn settle_folder(&self, folder: &Path, group: Option<u32>, mode: u32) -> Result<Changed, FileFault> {
        let place = self.place(UNPACK, folder)?;
        let Some(held) = place.hold(UNPACK)? else { return Ok(Changed::No) };
        let fault = |error: rustix::io::Errno| FileFault::new(UNPACK, folder, error.into());
        if group.is_some_and(|group| group != held.stat.st_gid) {
            held.chown(None, group).map_err(fault)?;
        }
        super::place::chmod_held(std::os::fd::AsFd::as_fd(&held.fd), mode).map_err(fault)?;
        Ok(Changed::Yes)
    }

    fn unpack_bytes(
        &self,
        to: &Path,
        mode: u32,
        group: Option<u32>,
        modified: u64,
        content: &mut dyn Read,
    ) -> Result<u64, FileFault> {
        let place = self.place(UNPACK, to)?;
        let fault = |error: io::Error| FileFault::new(UNPACK, to, error);
        if let Some(there) = place.stat(UNPACK)? {
            match rustix::fs::FileType::from_raw_mode(there.st_mode) {
                rustix::fs::FileType::Directory => {
                    return Err(super::place::taken(UNPACK, to, rustix::fs::FileType::Directory));
                }
                _ => place.change_entries(UNPACK, |dir| super::place::unlink_at(dir, &place.name))?,
            };
        }
        self.before_write(UNPACK, to)?;
        use std::os::unix::ffi::OsStrExt;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = place.name.as_bytes();
        let made = place.change_entries(UNPACK, |dir| rustix::fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR))?;
        let mut file: File = made.into();
        let bytes = io::copy(content, &mut file).map_err(fault)?;
        let settled = || -> Result<(), rustix::io::Errno> {
            if let Some(group) = group {
                rustix::fs::fchown(&file, None, Some(Gid::from_raw(group)))?;
            }
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            let time = Timespec { tv_sec: i64::try_from(modified).unwrap_or(0), tv_nsec: 0 };
            rustix::fs::futimens(&file, &Timestamps { last_access: time, last_modification: time })
        };
        settled().map_err(|error| fault(error.into()))?;
        Ok(bytes)
    }

    fn unpack_link(&self, to: &Path, target: &Path) -> Result<(), FileFault> {
        let place = self.place(UNPACK, to)?;
        use std::os::unix::ffi::OsStrExt;
        place.change_entries(UNPACK, |dir| {
            super::place::unlink_at(dir, &place.name)?;
            rustix::fs::symlinkat(target.as_os_str().as_bytes(), dir, place.name.as_bytes())
        })
    }

    /// An archive, and how it is packed, as its first bytes say.
    fn opened(&self, archive: &Path) -> Result<(File, Packing), FileFault> {
        let fault = |error: io::Error| FileFault::new(DOING, archive, error);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.place(DOING, archive)?.open(flags, Mode::empty());
        let mut file: File = opened.map_err(|error| fault(error.into()))?.into();
        if !file.metadata().map_err(fault)?.is_file() {
            return Err(bad(archive, "it is no file"));
        }
        let mut first = [0; 6];
        let have = read_up_to(&mut file, &mut first).map_err(fault)?;
        io::Seek::rewind(&mut file).map_err(fault)?;
        Ok((file, Packing::of(&first[..have])))
    }

    /// An archive that is `tar`, out of what it is compressed with.
    fn unpacked(&self, archive: &Path) -> Result<Box<dyn Read>, FileFault> {
        let fault = |error: io::Error| FileFault::new(DOING, archive, error);
        let (file, packing) = self.opened(archive)?;
        let file = BufReader::with_capacity(1 << 17, file);
        Ok(match packing {
            Packing::Zstd => Box::new(zstd::Decoder::with_buffer(file).map_err(fault)?),
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
            Packing::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(file, true, XZ_MEMORY)),
            Packing::Zip => return Err(bad(archive, "it is a `zip`, where a `tar` is wanted")),
            Packing::Plain => Box::new(file),
        })
    }

    /// Goes through the members of an archive, in their order.
    fn each_member(&self, archive: &Path, bounds: Bounds, on_member: &mut OnMember<'_>) -> Result<(), FileFault> {
        let fault = |error: io::Error| FileFault::new(DOING, archive, error);
        let (rationed, ration) = Rationed::new(self.unpacked(archive)?);
        let mut tar = Tar::new(rationed);
        let (mut bytes, mut entries) = (0_u64, 0_u64);
        for entry in tar.entries().map_err(fault)? {
            let mut entry = entry.map_err(fault)?;
            ration.set(u64::MAX);
            entries += 1;
            bytes = bytes.saturating_add(entry.size());
            if entries > bounds.entries || bytes > bounds.bytes {
                return Err(too_much(archive, bounds));
            }
            let name = entry.path().map_err(fault)?.into_owned();
            let Some(name) = plain(&name) else {
                return Err(bad(
                    archive,
                    format!("the name `{}` in it leads elsewhere", sums::shown(name.as_os_str())),
                ));
            };
            let what = match entry.header().entry_type() {
                EntryType::Directory => What::Folder,
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => What::File,
                EntryType::Symlink => match entry.link_name().map_err(fault)? {
                    Some(target) => What::Link(target.into_owned()),
                    None => return Err(bad(archive, "a link in it leads nowhere")),
                },
                EntryType::XGlobalHeader => {
                    rest(&mut entry, &ration).map_err(fault)?;
                    continue;
                }
                _ => {
                    let name = sums::shown(name.as_os_str());
                    return Err(bad(
                        archive,
                        format!("`{name}` in it is neither a file nor a folder nor a symbolic link"),
                    ));
                }
            };
            // Neither set-user-id nor the sticky bit is a site's affair.
            let mode = entry.header().mode().map_err(fault)? & 0o2777;
            let modified = entry.header().mtime().unwrap_or_default();
            // The top itself, as `tar` packs it with `.`.
            if !name.as_os_str().is_empty() {
                on_member(Member { name, what, mode, modified }, &mut entry)?;
            }
            rest(&mut entry, &ration).map_err(fault)?;
        }
        ration.set(u64::MAX);
        // `entries` stops at the end mark; what is compressed may go on, and be broken there.
        io::copy(&mut tar.into_inner().take(LONGEST), &mut io::sink()).map_err(fault)?;
        Ok(())
    }
}

fn read_up_to(file: &mut File, into: &mut [u8]) -> io::Result<usize> {
    let mut have = 0;
    while have < into.len() {
        match file.read(&mut into[have..])? {
            0 => break,
            count => have += count,
        }
    }
    Ok(have)
}

/// A name without `.`; nothing if it begins at the root or goes up.
pub(super) fn plain(name: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => (),
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

/// Whether a link at `at` that says `target` leads to something in the tree.
pub(super) fn stays_within(at: &Path, target: &Path) -> bool {
    let mut depth = at.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => (),
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

/// Group and mode of something that is unpacked.
fn shared(how: &Unpacking<'_>, below: &Path, mode: u32) -> (Option<u32>, u32) {
    let (folders, group) = how.shared;
    match folders.iter().any(|folder| below.starts_with(folder)) {
        true => (Some(group), mode | (mode & 0o700) >> 3),
        false => (None, mode | (mode & 0o700) & 0o600),
    }
}

/// An archive that holds more than it may.
pub(super) fn too_much(archive: &Path, bounds: Bounds) -> FileFault {
    let Bounds { bytes, entries } = bounds;
    let why = format!("it holds more than the {} MB or the {entries} files that there is room for", bytes >> 20);
    FileFault::because(DOING, archive, Trouble::NoSpace, why)
}

pub(super) fn bad(archive: &Path, why: impl Into<String>) -> FileFault {
    FileFault::because(DOING, archive, Trouble::Other, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_below_the_top() {
        for (name, expected) in [("a/b", Some("a/b")), ("./a", Some("a")), (".", Some("")), ("a/./b/", Some("a/b"))] {
            assert_eq!(plain(Path::new(name)), expected.map(PathBuf::from), "{name}");
        }
        for name in ["/a", "..", "a/../b", "../a", "a/.."] {
            assert_eq!(plain(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_link_leads_within_the_tree_or_is_none() {
        for (at, target) in [("a", "b"), ("a/b", "../c"), ("a/b", "c/../../d"), ("a", "./b")] {
            assert!(stays_within(Path::new(at), Path::new(target)), "{at} {target}");
        }
        for (at, target) in [("a", "/etc/passwd"), ("a", ".."), ("a/b", "../../c"), ("a", "b/../../c")] {
            assert!(!stays_within(Path::new(at), Path::new(target)), "{at} {target}");
        }
    }
}
