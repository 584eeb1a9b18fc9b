//! Rollback is proved, not hoped for.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

static FORKING: RwLock<()> = RwLock::new(());

/// Held while a worker of this process has locks that a child would inherit.
pub(crate) fn no_forks() -> RwLockReadGuard<'static, ()> {
    FORKING.read().unwrap_or_else(PoisonError::into_inner)
}
