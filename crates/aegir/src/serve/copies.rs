//! Nightly copies of the control database, and how many of them are kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::Remedy;
use aegir_host::{Clock, Files, SystemClock};
use aegir_hosting::Hosting;
use aegir_store::{Dialect, StoreFault};
use tokio::sync::watch;

/// How often we look whether a night has passed.
const LOOK: Duration = Duration::from_secs(10 * 60);
/// A night, in milliseconds.
const NIGHT: u64 = 24 * 60 * 60 * 1000;

/// Makes a copy each night, and one at the start if the last is older than a night.
pub(crate) async fn make_copies(hosting: Hosting, folder: PathBuf, home: PathBuf, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(fault) = make_if_due(&hosting, &folder, &home).await {
            tracing::warn!(fault = %fault, "the control database was not copied");
        }
        tokio::select! {
            _ = stop.changed() => (),
            () = tokio::time::sleep(LOOK) => (),
        }
    }
}

/// Makes a copy unless there is a fresh one; then lets go of those that are too many.
pub(crate) async fn make_if_due(hosting: &Hosting, folder: &Path, home: &Path) -> Result<Option<PathBuf>, CopyFault> {
    // PostgreSQL is copied by its own means; the manual says how.
    if hosting.store().dialect() == Dialect::Postgres {
        return Ok(None);
    }
    let files = Files::new(vec![home.to_owned()]);
    files.make_dirs(folder, 0o700)?;
    let now = SystemClock.unix_ms();
    let copies = copies_in(&files, folder)?;
    let is_fresh = copies.last().and_then(|name| moment(name)).is_some_and(|at| now < at + NIGHT && at <= now);
    if is_fresh {
        return Ok(None);
    }
    let path = folder.join(format!("control-{now:013}.sqlite"));
    hosting.store().backup_to(&path).await?;
    let keep = hosting.copies_kept().await?;
    let mut copies = copies_in(&files, folder)?;
    while copies.len() > keep {
        files.remove_file(&folder.join(copies.remove(0)))?;
    }
    Ok(Some(path))
}

/// The names of copies, the oldest first.
fn copies_in(files: &Files, folder: &Path) -> Result<Vec<String>, CopyFault> {
    let mut names: Vec<String> =
        files.list(folder)?.into_iter().map(|name| name.to_string()).filter(|name| moment(name).is_some()).collect();
    names.sort();
    Ok(names)
}

/// When a copy was made, by its name.
fn moment(name: &str) -> Option<u64> {
    name.strip_prefix("control-")?.strip_suffix(".sqlite")?.parse().ok()
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyFault {
    #[error(transparent)]
    Files(#[from] aegir_host::FileFault),
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl Remedy for CopyFault {
    fn remedy(&self) -> Option<String> {
        match self {
            CopyFault::Files(fault) => fault.remedy(),
            CopyFault::Store(fault) => fault.remedy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn only_our_own_copies_are_taken_for_such() {
        assert_eq!(moment("control-1700000000000.sqlite"), Some(1_700_000_000_000));
        for other in ["control.sqlite", "control-1700000000000.sqlite.part", "mine.sqlite", "control-x.sqlite"] {
            assert_eq!(moment(other), None, "{other}");
        }
    }
}
