//! Locks between processes: files in `locks/` of the home, held with `flock`, never unlinked.
//!
//! All that a task needs is taken at once or not at all, in the order of names, so that no two tasks
//! wait for each other. A lock goes with the last process that has its descriptor, however that ends.
//! A file says who holds it; what it says is for people, and proves nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use aegir_domain::{LockMode, Remedy};
use rustix::fs::FlockOperation;
use rustix::io::{Errno, FdFlags};

/// Why locks were not had.
#[derive(Debug, thiserror::Error)]
pub enum LockFault {
    /// Somebody else holds one.
    #[error("`{name}` is held by {by}")]
    Held {
        /// The lock.
        name: String,
        /// Who holds it, as its file says.
        by: String,
    },
    /// Whoever waited gave it up.
    #[error("given up while `{name}` was held by {by}")]
    GivenUp {
        /// The lock.
        name: String,
        /// Who holds it, as its file says.
        by: String,
    },
    /// A lock file cannot be used.
    #[error("cannot lock `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Remedy for LockFault {
    fn remedy(&self) -> Option<String> {
        match self {
            LockFault::Held { .. } => Some("wait until that has ended, or cancel it, then retry".into()),
            LockFault::File { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!("as root, give `{}` to Ægir's user with `chown`, then retry", path.display()))
            }
            LockFault::GivenUp { .. } | LockFault::File { .. } => None,
        }
    }
}

/// For how long locks are waited for.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// At the most.
    pub limit: Duration,
    /// Asked again and again while others hold them: whether to wait no more.
    pub ends: &'a dyn Fn() -> bool,
}

impl From<Duration> for Patience<'_> {
    fn from(limit: Duration) -> Self {
        Patience { limit, ends: &|| false }
    }
}

/// Locks that are held; dropping them lets go of them.
#[derive(Debug)]
pub struct Locks {
    held: Vec<Lock>,
}

impl Locks {
    /// The files of the locks that are held, in the order in which they were taken.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.held.iter().map(|lock| lock.path.as_path())
    }
}

/// A lock that is held; dropping it lets go of it, unless a program that inherited it still lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    mode: LockMode,
    inheritable: bool,
}

impl Lock {
    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its descriptor, for [`crate::TaskPrograms::keeping`].
    pub fn raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Who holds an inherited lock is still true while the program lives.
        if self.mode == LockMode::Exclusive && !self.inheritable {
            let _ = self.file.set_len(0);
        }
    }
}

/// Takes all of `wanted` in the folder `dir`, waiting for `patience`. `note` says who we are, for
/// those who will wait for us; `on_wait` is told whom we wait for, once for each.
pub fn take<'a>(
    dir: &Path,
    wanted: &[(String, LockMode)],
    patience: impl Into<Patience<'a>>,
    note: &str,
    on_wait: &mut dyn FnMut(&str),
) -> Result<Locks, LockFault> {
    let mut wanted = wanted.to_vec();
    // Sorted by name, the stronger mode last; one descriptor for each name, since two of one process
    // would keep each other out.
    wanted.sort_unstable();
    wanted.reverse();
    wanted.dedup_by(|weaker, stronger| weaker.0 == stronger.0);
    wanted.reverse();
    if let Some((name, _)) =
        wanted.iter().find(|(name, _)| name.is_empty() || name.starts_with('.') || name.contains('/'))
    {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "it is no name for a lock");
        return Err(LockFault::File { path: dir.join(name), source });
    }

    let patience = patience.into();
    let until = Instant::now() + patience.limit;
    let mut told = None;
    loop {
        let (name, by) = match take_now(dir, &wanted, note)? {
            Ok(locks) => return Ok(locks),
            Err(held) => held,
        };
        if Instant::now() >= until {
            return Err(LockFault::Held { name, by });
        }
        let whom = (name, by);
        if told.as_ref() != Some(&whom) {
            on_wait(&format!("`{}`, held by {}", whom.0, whom.1));
            told = Some(whom.clone());
        }
        if (patience.ends)() {
            return Err(LockFault::GivenUp { name: whom.0, by: whom.1 });
        }
        thread::sleep(Duration::from_millis(50).min(until.saturating_duration_since(Instant::now())));
    }
}

type Held = (String, String);

fn take_now(dir: &Path, wanted: &[(String, LockMode)], note: &str) -> Result<Result<Locks, Held>, LockFault> {
    let mut held = Vec::with_capacity(wanted.len());
    for (name, mode) in wanted {
        let path = dir.join(name);
        match attempt(&path, *mode, false, note)? {
            Some(lock) => held.push(lock),
            None => return Ok(Err((name.clone(), holder(&path)))),
        }
    }
    Ok(Ok(Locks { held }))
}

/// Takes the lock `path` alone if it is free now. One that is `inheritable` goes on to every program
/// that is started while it is held, and is free again only when the last of them has ended: it tells
/// whether anything of a task is still alive.
pub fn try_take_one(path: &Path, note: &str, inheritable: bool) -> Result<Option<Lock>, LockFault> {
    attempt(path, LockMode::Exclusive, inheritable, note)
}

fn attempt(path: &Path, mode: LockMode, inheritable: bool, note: &str) -> Result<Option<Lock>, LockFault> {
    let fault = |source: io::Error| LockFault::File { path: path.to_owned(), source };
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let opened =
        OpenOptions::new().read(true).write(true).create(true).mode(0o600).custom_flags(flags as i32).open(path);
    let mut file = opened.map_err(fault)?;
    let operation = match mode {
        LockMode::Shared => FlockOperation::NonBlockingLockShared,
        LockMode::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match rustix::fs::flock(&file, operation) {
            Ok(()) => break,
            Err(Errno::INTR) => (),
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(fault(error.into())),
        }
    }
    // What a process that was killed left there is no longer true.
    match mode {
        LockMode::Exclusive => {
            file.set_len(0).map_err(fault)?;
            // On a full disk nobody learns who we are, and we hold the lock all the same.
            let _ = file.write_all(note.as_bytes());
        }
        LockMode::Shared if file.metadata().map_err(fault)?.len() > 0 => file.set_len(0).map_err(fault)?,
        LockMode::Shared => (),
    }
    if inheritable {
        // Away from the low numbers, which programs are promised for other things.
        let high: OwnedFd = rustix::io::fcntl_dupfd_cloexec(&file, 100).map_err(|error| fault(error.into()))?;
        rustix::io::fcntl_setfd(&high, FdFlags::empty()).map_err(|error| fault(error.into()))?;
        file = high.into();
    }
    Ok(Some(Lock { file, path: path.to_owned(), mode, inheritable }))
}

/// Who holds the lock `path`, as its file says.
pub fn holder(path: &Path) -> String {
    let mut text = String::new();
    let _ = File::open(path).and_then(|file| file.take(1000).read_to_string(&mut text));
    match text.trim() {
        "" => "tasks that share it".to_owned(),
        text => text.to_owned(),
    }
}

/// Whether nobody holds the lock `path`; one that was never made is free.
pub fn is_free(path: &Path) -> Result<bool, LockFault> {
    let fault = |source: io::Error| LockFault::File { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(fault(error)),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(fault(error.into())),
    }
}

/// The processes that have the lock `path` open, as far as we may see: those that a program left
/// behind outside its group are among them.
pub fn processes_at(path: &Path) -> Vec<u32> {
    let Ok(wanted) = std::fs::metadata(path) else { return Vec::new() };
    let same = |fd: std::fs::DirEntry| {
        std::fs::metadata(fd.path()).is_ok_and(|found| found.dev() == wanted.dev() && found.ino() == wanted.ino())
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten().any(same)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(names: &[(&str, LockMode)]) -> Vec<(String, LockMode)> {
        names.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect()
    }

    const NOW: Duration = Duration::ZERO;
    use LockMode::{Exclusive, Shared};

    #[test]
    fn sites_share_a_platform_that_nobody_removes_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let take = |names, note| take(dir.path(), &wants(names), NOW, note, &mut |_| ());

        let one = take(&[("site a.test", Exclusive), ("platform d10", Shared)], "task 1").unwrap();
        let two = take(&[("site b.test", Exclusive), ("platform d10", Shared)], "task 2").unwrap();

        let refused = take(&[("site a.test", Exclusive)], "task 3").unwrap_err();
        assert_eq!(refused.to_string(), "`site a.test` is held by task 1");
        let refused = take(&[("platform d10", Exclusive)], "task 3").unwrap_err();
        assert_eq!(refused.to_string(), "`platform d10` is held by tasks that share it");
        drop((one, two));
        assert!(take(&[("platform d10", Exclusive), ("site a.test", Exclusive)], "task 3").is_ok());
    }

    #[test]
    fn what_cannot_be_had_whole_is_not_had_in_part() {
        let dir = tempfile::tempdir().unwrap();
        let _b = take(dir.path(), &wants(&[("b", Exclusive)]), NOW, "1", &mut |_| ()).unwrap();

        take(dir.path(), &wants(&[("a", Exclusive), ("b", Exclusive)]), NOW, "2", &mut |_| ()).unwrap_err();

        assert!(is_free(&dir.path().join("a")).unwrap());
        assert!(!is_free(&dir.path().join("b")).unwrap());
    }

    #[test]
    fn one_name_wanted_twice_is_had_once_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let both = wants(&[("a", Exclusive), ("a", Shared), ("a", Exclusive)]);

        let held = take(dir.path(), &both, NOW, "1", &mut |_| ()).unwrap();

        assert_eq!(held.files().count(), 1);
        take(dir.path(), &wants(&[("a", Shared)]), NOW, "2", &mut |_| ()).unwrap_err();
    }

    #[test]
    fn a_task_waits_and_says_for_whom() {
        let dir = tempfile::tempdir().unwrap();
        let held = take(dir.path(), &wants(&[("a", Exclusive)]), NOW, "install of a.test", &mut |_| ()).unwrap();
        let mut heard = Vec::new();

        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(200));
                drop(held);
            });
            take(dir.path(), &wants(&[("a", Exclusive)]), Duration::from_secs(20), "2", &mut |whom| {
                heard.push(whom.to_owned());
            })
            .unwrap();
        });

        assert_eq!(heard[0], "`a`, held by install of a.test");
    }

    #[test]
    fn a_name_never_leads_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        for bad in ["", "../a", ".", "a/b"] {
            assert!(take(dir.path(), &wants(&[(bad, Shared)]), NOW, "", &mut |_| ()).is_err(), "{bad}");
        }
    }
}
