//! Reads `zip`, which others pack; by the lines of `unpack` for names, links and bounds.
//!
//! What a `zip` holds is told by a list at its end, which is read first: whatever that says is judged before anything is
//! unpacked. A name may be in it once, so that no two readers take it for two different trees.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use zip::result::ZipError;
use zip::{CompressionMethod, DateTime, ExtraField, ZipArchive};

use super::FileFault;
use super::sums::shown;
use super::unpack::{Bounds, DOING, Member, OnMember, What, bad, plain, too_much};

/// How much is read for the list of what is in it, in bytes: some hundred thousand names.
const LONGEST_LIST: u64 = 64 << 20;
/// The longest target of a link, in bytes, as the kernel has it.
const LONGEST_TARGET: u64 = 4096;

/// What kind of file a mode says, and which these are.
const KINDS: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// A file of which no more may be read than was allowed.
struct Rationed {
    from: BufReader<File>,
    left: Rc<Cell<u64>>,
}

impl Read for Rationed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its list of names is longer than any code needs"));
        }
        let most = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.from.read(&mut into[..most])?;
        self.left.set(left - count as u64);
        Ok(count)
    }
}

impl Seek for Rationed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.from.seek(to)
    }
}

/// An entry as the list tells it.
struct Listed {
    name: PathBuf,
    /// The kind of file, with the bits of [`KINDS`].
    kind: u32,
    mode: u32,
}

/// Goes through the members of the `zip` that lies at `archive`, in the order of its list.
pub(super) fn each_member(
    file: File,
    archive: &Path,
    bounds: Bounds,
    on_member: &mut OnMember<'_>,
) -> Result<(), FileFault> {
    let left = Rc::new(Cell::new(LONGEST_LIST));
    let file = Rationed { from: BufReader::with_capacity(1 << 16, file), left: left.clone() };
    let mut zip = ZipArchive::new(file).map_err(|error| fault(archive, error))?;
    left.set(u64::MAX);
    let listed = list(&zip, archive, bounds)?;
    for (index, entry) in listed.into_iter().enumerate() {
        let mut content = zip.by_index(index).map_err(|error| fault(archive, error))?;
        let what = match entry.kind {
            FOLDER => What::Folder,
            LINK => What::Link(target(&mut content, archive, &entry.name)?),
            _ => What::File,
        };
        // Some programs tell the moment once more, in UTC.
        let exact = content.extra_data_fields().find_map(|field| match field {
            ExtraField::ExtendedTimestamp(times) => times.mod_time().map(u64::from),
            _ => None,
        });
        let modified = exact.or_else(|| content.last_modified().map(seconds)).unwrap_or_default();
        let Listed { name, mode, .. } = entry;
        if !name.as_os_str().is_empty() {
            on_member(Member { name, what, mode, modified }, &mut content)?;
        }
        // Its sum is compared at its end.
        io::copy(&mut content, &mut io::sink()).map_err(|error| FileFault::new(DOING, archive, error))?;
    }
    Ok(())
}

/// What is in it, in the order of its list, judged whole.
fn list(zip: &ZipArchive<Rationed>, archive: &Path, bounds: Bounds) -> Result<Vec<Listed>, FileFault> {
    if zip.has_duplicate_names() {
        return Err(bad(archive, "a name is in it more than once"));
    }
    let count = zip.len();
    if count as u64 > bounds.entries {
        return Err(too_much(archive, bounds));
    }
    let (mut listed, mut names, mut bytes) = (Vec::with_capacity(count), BTreeSet::new(), 0_u64);
    for index in 0..count {
        let entry = zip.by_index_data(index).map_err(|error| fault(archive, error))?;
        let said = shown(OsString::from_vec(entry.name_raw().to_vec()).as_os_str());
        let wrong = |why: &str| bad(archive, format!("`{said}` in it {why}"));
        if entry.encrypted() {
            return Err(wrong("is encrypted, and nobody is asked for its password"));
        }
        if !matches!(entry.compression(), CompressionMethod::STORE | CompressionMethod::DEFLATE) {
            return Err(wrong("is compressed in a way that few programs read; `zip` has stored and deflated files"));
        }
        bytes = bytes.saturating_add(entry.size());
        if bytes > bounds.bytes {
            return Err(too_much(archive, bounds));
        }
        let name = entry.name().map_err(|error| fault(archive, error))?;
        if name.contains('\\') {
            return Err(wrong("has a name with backslashes, which may be folders or not"));
        }
        let name = match plain(Path::new(name.as_ref())) {
            Some(name) if !name.as_os_str().as_bytes().contains(&0) => name,
            _ => return Err(bad(archive, format!("the name `{said}` in it leads elsewhere"))),
        };
        if !names.insert(name.clone()) {
            return Err(wrong("is there more than once"));
        }
        // Some programs say nothing of kinds and modes.
        let mode = entry.unix_mode().unwrap_or_default();
        let kind = match (mode & KINDS, entry.is_dir()) {
            (0 | FOLDER, true) => FOLDER,
            (0 | FILE, false) => FILE,
            (LINK, false) => LINK,
            _ => return Err(wrong("is neither a file nor a folder nor a symbolic link")),
        };
        let mode = match (mode & 0o777, kind) {
            (0, FOLDER) => 0o755,
            (0, _) => 0o644,
            (mode, _) => mode,
        };
        listed.push(Listed { name, kind, mode });
    }
    Ok(listed)
}

/// Where a link leads, which is its content.
fn target(content: &mut dyn Read, archive: &Path, name: &Path) -> Result<PathBuf, FileFault> {
    let mut target = Vec::new();
    let read = content.take(LONGEST_TARGET).read_to_end(&mut target);
    read.map_err(|error| FileFault::new(DOING, archive, error))?;
    match target.is_empty() || target.len() as u64 == LONGEST_TARGET || target.contains(&0) {
        true => Err(bad(archive, format!("the link `{}` in it leads nowhere", shown(name.as_os_str())))),
        false => Ok(OsString::from_vec(target).into()),
    }
}

/// A moment in seconds of Unix time, as if it had been told in UTC: a `zip` tells the hour of its maker's wall.
fn seconds(at: DateTime) -> u64 {
    let (year, month) = (u64::from(at.year()), u64::from(at.month()));
    // Years that begin in March, so that the day that some have more is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + u64::from(at.day()) - 1;
    // Of the first of March of the year 0 until 1970.
    let days = days.saturating_sub(719_468);
    ((days * 24 + u64::from(at.hour())) * 60 + u64::from(at.minute())) * 60 + u64::from(at.second())
}

fn fault(archive: &Path, error: ZipError) -> FileFault {
    match error {
        ZipError::Io(error) => FileFault::new(DOING, archive, error),
        other => bad(archive, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_seconds() {
        let at = |year, month, day, hour| seconds(DateTime::from_date_and_time(year, month, day, hour, 0, 2).unwrap());

        assert_eq!(at(1980, 1, 1, 0), 315_532_802);
        assert_eq!(at(2000, 2, 29, 12), 951_825_602);
        assert_eq!(at(2026, 11, 23, 4), 1_795_406_402);
    }
}
