//! Copies of the control database: one each night, one before every upgrade, and one when somebody asks.
//!
//! ```text
//!   SQLite      ─► the store itself writes a copy of one moment   NAME.sqlite
//!   PostgreSQL  ─► pg_dump, then pg_restore reads it through      NAME.dump
//! ```
//!
//! ## Invariants
//!
//! - A copy has its name once it is whole and was checked; what is half done has another, and goes.
//! - A copy is its owner's alone, and so is the file by which `pg_dump` is told a password, which goes at once.
//! - Only files that bear the name of a copy are ever removed.

mod fault;
mod postgres;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aegir_domain::Home;
use aegir_host::{Clock, Files, Programs};
use aegir_store::{Dialect, Store, StoreAddress, Upgrade};

pub use fault::CopyFault;

/// A night, in milliseconds.
const NIGHT: u64 = 24 * 60 * 60 * 1000;
/// How many copies are kept that were made before the same upgrade: one that fails is tried again.
const OF_AN_UPGRADE: usize = 3;

/// Makes copies of the control database of a home.
pub struct Copies {
    home: Home,
    programs: Arc<dyn Programs>,
    clock: Arc<dyn Clock>,
    dump: PathBuf,
    restore: PathBuf,
}

impl Copies {
    /// For a home, with what copying needs of the machine.
    pub fn new(home: Home, programs: Arc<dyn Programs>, clock: Arc<dyn Clock>) -> Copies {
        Copies { home, programs, clock, dump: "pg_dump".into(), restore: "pg_restore".into() }
    }

    /// The same with other programs than the `pg_dump` and `pg_restore` that are found.
    pub fn with_programs(mut self, dump: impl Into<PathBuf>, restore: impl Into<PathBuf>) -> Copies {
        (self.dump, self.restore) = (dump.into(), restore.into());
        self
    }

    /// Where they lie.
    pub fn folder(&self) -> PathBuf {
        self.home.backups().join("hostmaster")
    }

    /// Makes the copy of a night, unless there is a fresh one; lets go of those that are more than `keep`.
    pub async fn make_if_due(&self, store: &Store, keep: usize) -> Result<Option<PathBuf>, CopyFault> {
        let files = self.files();
        self.make_folder(&files)?;
        let now = self.clock.unix_ms();
        let ending = ending_of(store);
        let made = self.moments(&files, "control-", ending)?;
        // One from the time to come was made before the clock went back: that night is over in any case.
        let is_fresh = made.iter().any(|at| (*at..at.saturating_add(NIGHT)).contains(&now));
        if is_fresh {
            return Ok(None);
        }
        let path = self.folder().join(format!("control-{now:013}{ending}"));
        self.copy_to(store, &path).await?;
        self.let_go(&files, "control-", ending, keep.max(1), now)?;
        Ok(Some(path))
    }

    /// Makes the copy without which no upgrade begins.
    pub async fn before_upgrade(&self, store: &Store, upgrade: Upgrade) -> Result<PathBuf, CopyFault> {
        let fault = |source: CopyFault| CopyFault::BeforeUpgrade { to: upgrade.to, source: Box::new(source) };
        self.copy_for(store, upgrade).await.map_err(fault)
    }

    async fn copy_for(&self, store: &Store, upgrade: Upgrade) -> Result<PathBuf, CopyFault> {
        let files = self.files();
        self.make_folder(&files)?;
        let now = self.clock.unix_ms();
        let ending = ending_of(store);
        let name = format!("before-{:04}-", upgrade.to);
        let path = self.folder().join(format!("{name}{now:013}{ending}"));
        self.copy_to(store, &path).await?;
        self.let_go(&files, &name, ending, OF_AN_UPGRADE, now)?;
        Ok(path)
    }

    /// Writes a whole copy to a new file, of its owner alone, and looks whether it can be read again. A failure leaves
    /// no file.
    pub async fn copy_to(&self, store: &Store, path: &Path) -> Result<(), CopyFault> {
        match store.address() {
            StoreAddress::Sqlite(_) => {
                let files = self.files_for(path);
                let part = self.part_for(&files, path)?;
                store.backup_to(&part).await?;
                files.rename(&part, path)?;
                Ok(())
            }
            StoreAddress::Postgres(address) => self.dump_to(address, path).await,
        }
    }

    /// Where a copy is written before it has its name; both must be free.
    fn part_for(&self, files: &Files, path: &Path) -> Result<PathBuf, CopyFault> {
        let part = half_of(path);
        // Among our own, it is what a machine left that went down in the middle; elsewhere it is somebody's.
        if path.starts_with(self.folder()) {
            files.remove_file(&part)?;
        }
        for path in [path, &part] {
            if files.kind(path)?.is_some() {
                return Err(CopyFault::Taken { path: path.to_owned() });
            }
        }
        Ok(part)
    }

    /// The files of the home.
    fn files(&self) -> Files {
        Files::new(vec![self.home.path().to_owned()])
    }

    /// The same, and those of the folder of a copy.
    fn files_for(&self, path: &Path) -> Files {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("/"));
        self.files().add_base(folder)
    }

    fn make_folder(&self, files: &Files) -> Result<(), CopyFault> {
        files.make_dirs(&self.folder(), 0o700)?;
        Ok(())
    }

    /// When the copies of a name were made, the first one first.
    fn moments(&self, files: &Files, name: &str, ending: &str) -> Result<Vec<u64>, CopyFault> {
        let found = files.list(&self.folder())?;
        let mut moments: Vec<u64> = found.iter().filter_map(|file| moment(file, name, ending)).collect();
        moments.sort_unstable();
        Ok(moments)
    }

    /// Keeps so many copies of a name: the one that was just made, and the newest.
    fn let_go(&self, files: &Files, name: &str, ending: &str, keep: usize, now: u64) -> Result<(), CopyFault> {
        let mut moments = self.moments(files, name, ending)?;
        // After the clock went back, the one of now is not the last by its name.
        moments.retain(|at| *at != now);
        let too_many = (moments.len() + 1).saturating_sub(keep);
        for at in moments.into_iter().take(too_many) {
            files.remove_file(&self.folder().join(format!("{name}{at:013}{ending}")))?;
        }
        // What a machine left that went down in the middle; one of today may be somebody's who is at it.
        let half = format!("{ending}.part");
        for at in self.moments(files, name, &half)?.into_iter().filter(|at| at.saturating_add(NIGHT) <= now) {
            files.remove_file(&self.folder().join(format!("{name}{at:013}{half}")))?;
        }
        Ok(())
    }
}

/// A copy that is not whole yet.
fn half_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn ending_of(store: &Store) -> &'static str {
    match store.dialect() {
        Dialect::Sqlite => ".sqlite",
        Dialect::Postgres => ".dump",
    }
}

/// When a copy was made, by its name.
fn moment(file: &str, name: &str, ending: &str) -> Option<u64> {
    let number = file.strip_prefix(name)?.strip_suffix(ending)?;
    let is_ours = number.len() >= 13 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_ours.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn only_our_own_copies_are_taken_for_such() {
        let moment = |file| moment(file, "control-", ".sqlite");
        assert_eq!(moment("control-1700000000000.sqlite"), Some(1_700_000_000_000));
        for other in [
            "control.sqlite",
            "control-1700000000000.sqlite.part",
            "mine.sqlite",
            "control-x.sqlite",
            "control-17.sqlite",
            "control-+700000000000.sqlite",
            "before-0002-1700000000000.sqlite",
        ] {
            assert_eq!(moment(other), None, "{other}");
        }
    }
}
