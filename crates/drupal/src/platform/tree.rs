//! Reads files and folders beneath a path, and none beyond it.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::{LARGEST_FILE, PlatformFault};

/// A folder, and how far links may lead.
pub(super) struct Tree {
    /// What is read beneath.
    path: PathBuf,
    /// What links may not leave, without links itself.
    bounds: PathBuf,
}

/// Something in a folder.
pub(super) struct Entry {
    /// Its name.
    pub(super) name: String,
    /// Whether it is a folder, or a link to one within the bounds.
    pub(super) is_folder: bool,
    /// Where it leads, if it is a link.
    pub(super) link: Option<PathBuf>,
    /// Whether it is a link to beyond the bounds, or to nothing.
    pub(super) leads_out: bool,
}

impl Tree {
    pub(super) fn open(path: &Path) -> Result<Tree, PlatformFault> {
        let bounds = fs::canonicalize(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => PlatformFault::NotADirectory { path: path.into() },
            _ => unreadable(path, source),
        })?;
        if !bounds.is_dir() {
            return Err(PlatformFault::NotADirectory { path: path.into() });
        }
        Ok(Tree { path: path.into(), bounds })
    }

    /// A folder of this one, with the same bounds.
    pub(super) fn within(&self, folder: &str) -> Result<Tree, PlatformFault> {
        let path = if folder.is_empty() { self.path.clone() } else { self.path.join(folder) };
        match fs::canonicalize(&path) {
            Ok(real) if real.starts_with(&self.bounds) => Ok(Tree { path, bounds: self.bounds.clone() }),
            Ok(_) => Err(PlatformFault::LeadsOut { path }),
            Err(source) => Err(unreadable(&path, source)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn join(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// Whether there is such a file, within the bounds or not; nothing is read of it.
    pub(super) fn is_file(&self, relative: &str) -> Result<bool, PlatformFault> {
        let path = self.join(relative);
        match fs::metadata(&path) {
            Ok(found) => Ok(found.is_file()),
            Err(source) if source.kind() == ErrorKind::PermissionDenied => Err(unreadable(&path, source)),
            Err(_) => Ok(false),
        }
    }

    /// Whether a link leads to a folder that it lies in.
    pub(super) fn leads_back(&self, link: &str) -> bool {
        let link = self.join(link);
        match (fs::canonicalize(&link), link.parent().map(fs::canonicalize)) {
            (Ok(target), Some(Ok(holder))) => holder.starts_with(target),
            _ => true,
        }
    }

    /// The text of a file; `None` where there is none. What is not UTF-8 in it is replaced.
    pub(super) fn read(&self, relative: &str) -> Result<Option<String>, PlatformFault> {
        let path = self.join(relative);
        let unreadable = |source| unreadable(&path, source);
        // A pipe or a device would be waited for.
        let opened = fs::OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(_) if self.leads_out(&path) => return Err(PlatformFault::LeadsOut { path }),
            Err(error) => return Err(unreadable(error)),
        };
        // Where it lies is asked of what was opened: one question instead of one for each folder above.
        let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(unreadable)?;
        if !real.starts_with(&self.bounds) {
            return Err(PlatformFault::LeadsOut { path });
        }
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn leads_out(&self, path: &Path) -> bool {
        fs::canonicalize(path).is_ok_and(|real| !real.starts_with(&self.bounds))
    }

    /// What a folder holds, by name; nothing where there is no such folder. Names that are not UTF-8
    /// are passed over, as no PHP code can be named so.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<Entry>, PlatformFault> {
        let path = self.join(folder);
        let unreadable = |source| unreadable(&path, source);
        let listed = match fs::read_dir(&path) {
            Ok(listed) => listed,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(unreadable(error)),
        };
        let mut entries = Vec::new();
        for entry in listed {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type().map_err(unreadable)?;
            if !kind.is_symlink() {
                entries.push(Entry { name, is_folder: kind.is_dir(), link: None, leads_out: false });
                continue;
            }
            let real = fs::canonicalize(entry.path()).ok().filter(|real| real.starts_with(&self.bounds));
            entries.push(Entry {
                name,
                is_folder: real.as_ref().is_some_and(|real| real.is_dir()),
                link: Some(fs::read_link(entry.path()).map_err(unreadable)?),
                leads_out: real.is_none(),
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

/// The fault that names what refuses: the folder itself, not what lies somewhere beneath it.
fn unreadable(path: &Path, source: std::io::Error) -> PlatformFault {
    let mut path = path;
    if source.kind() == ErrorKind::PermissionDenied {
        let denied = |path: &Path| fs::metadata(path).is_err_and(|e| e.kind() == ErrorKind::PermissionDenied);
        while let Some(parent) = path.parent().filter(|_| denied(path)) {
            path = parent;
        }
    }
    PlatformFault::Unreadable { path: path.into(), source }
}
