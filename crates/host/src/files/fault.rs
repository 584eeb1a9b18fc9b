//! Why something could not be done with a file, and the line that gets past it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aegir_domain::{Cmd, Remedy};
use rustix::io::Errno;

use crate::accounts::{Accounts, own_uid};

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Ægir's user may not.
    NoPermission,
    /// The file system is full.
    NoSpace,
    /// The file system is mounted read only.
    ReadOnly,
    /// It would have to lie on the same file system, and does not.
    OtherFileSystem,
    /// A symbolic link lies where none may.
    Link,
    /// It lies outside the trusted folders.
    Outside,
    /// It is not there.
    Missing,
    /// Something else lies there already.
    Taken,
    /// A file lies where a folder should, or the other way round.
    WrongKind,
    /// This Linux lacks what is needed to write safely.
    KernelTooOld,
    /// Anything else.
    Other,
}

/// Why something could not be done with a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{}`", path.display())]
pub struct FileFault {
    doing: &'static str,
    path: PathBuf,
    trouble: Trouble,
    #[source]
    source: io::Error,
}

impl FileFault {
    /// That `doing` (`write`, `remove`) was attempted with `path`, and why it did not work.
    pub(crate) fn new(doing: &'static str, path: &Path, source: io::Error) -> FileFault {
        FileFault { doing, path: path.to_owned(), trouble: trouble(&source), source }
    }

    /// The same with the reason given in words.
    pub(crate) fn because(doing: &'static str, path: &Path, trouble: Trouble, why: impl Into<String>) -> FileFault {
        FileFault { doing, path: path.to_owned(), trouble, source: io::Error::other(why.into()) }
    }

    /// The same, about another path: the one in a tree that stands in the way.
    pub(crate) fn at(mut self, path: &Path) -> FileFault {
        self.path = path.to_owned();
        self
    }

    /// What kind of trouble it is.
    pub fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// The path it is about.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The owner of what stands in the way, and the line that removes it.
    fn permission_remedy(&self) -> Option<String> {
        let accounts = Accounts::read().unwrap_or_default();
        let us = accounts.name_of(own_uid());
        if self.doing == "give to another group" {
            return Some(format!(
                "as root, put `{us}` into that group with `usermod -aG GROUP {us}`, begin a new session, then retry"
            ));
        }
        if self.doing == "change the owner of" {
            return Some("only root may give a file to another user: run the same as root".into());
        }
        // Entries come and go with the folder's permission, the rest with the thing's own.
        let own = matches!(self.doing, "read" | "list" | "change the mode of" | "append to");
        let in_the_way = if own && self.path.exists() { Some(self.path.as_path()) } else { self.path.parent() };
        let in_the_way = in_the_way?.ancestors().find(|path| path.exists())?;
        let found = in_the_way.metadata().ok()?;
        let line = |program: &str, how: &str| Cmd::new(program).arg(how).arg(in_the_way.to_string_lossy());
        if found.uid() == own_uid() {
            let bits = if found.is_dir() { "u+rwx" } else { "u+rw" };
            return Some(format!("run `{}`, then retry", line("chmod", bits)));
        }
        let owner = accounts.name_of(found.uid());
        Some(format!(
            "`{}` belongs to `{owner}`: as root, run `{}`, then retry",
            in_the_way.display(),
            line("chown", &us)
        ))
    }
}

fn trouble(error: &io::Error) -> Trouble {
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => Trouble::NoPermission,
        Some(Errno::NOSPC | Errno::DQUOT) => Trouble::NoSpace,
        Some(Errno::ROFS) => Trouble::ReadOnly,
        Some(Errno::XDEV) => Trouble::OtherFileSystem,
        Some(Errno::LOOP) => Trouble::Link,
        Some(Errno::NOENT) => Trouble::Missing,
        Some(Errno::EXIST | Errno::NOTEMPTY) => Trouble::Taken,
        Some(Errno::ISDIR | Errno::NOTDIR) => Trouble::WrongKind,
        Some(Errno::NOSYS) => Trouble::KernelTooOld,
        _ => Trouble::Other,
    }
}

impl Remedy for FileFault {
    fn remedy(&self) -> Option<String> {
        let shown = |program: &str, option: &str| Cmd::new(program).args([option, &self.path.to_string_lossy()]);
        let mount = || super::mounted_at(super::existing(&self.path)).unwrap_or_else(|_| self.path.clone());
        match self.trouble {
            Trouble::NoPermission => self.permission_remedy(),
            Trouble::NoSpace => Some(format!(
                "make room on the file system at `{0}` (`df -h {0}`, `df -i {0}`), then retry",
                mount().display()
            )),
            Trouble::ReadOnly => Some(format!("as root, run `mount -o remount,rw {}`, then retry", mount().display())),
            Trouble::OtherFileSystem => {
                Some(format!("put both on one file system: `{}` shows which it is on", shown("df", "-h")))
            }
            Trouble::Link => Some(format!(
                "see with `{}` which part is a symbolic link, put the real thing there, then retry",
                shown("namei", "-l")
            )),
            Trouble::Outside => {
                Some("use a path below `platforms/`, or name its folder among the bases in the settings file".into())
            }
            Trouble::Taken | Trouble::WrongKind => Some(format!(
                "see with `{}` what it is; move it away if nobody needs it, then retry",
                shown("ls", "-ld")
            )),
            Trouble::KernelTooOld => {
                Some("use Linux 5.6 or later, and let a container's filter allow `openat2`".into())
            }
            Trouble::Missing | Trouble::Other => None,
        }
    }
}
