//! What was deleted and lies aside: told, and removed for good once nobody misses it; and how it comes back, which is a
//! task's ([0061](../../../../docs/decisions/0061-what-comes-out-of-the-trash-is-a-task.md)).
//!
//! To remove is no task, since it is one rename and what follows from that
//! ([0050](../../../../docs/decisions/0050-the-trash-is-emptied-by-a-rename.md)): a thing is called [`GOING`] by it, and from
//! then on it only goes.
//!
//! ## Invariants
//!
//! - What goes was named by a task of this home, and no task that has not ended speaks of it.
//! - Looked at in this order: first what lies there, then which tasks are open. What a task is about to put there is in its
//!   journal before.
//! - Whoever changes a trash holds one lock.

mod empty;
mod look;
mod restore;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aegir_domain::{Context, Fault, Home, TrashThing};
use aegir_host::{Kind, LockMode, Locks};

use crate::{Contexts, WorldParts};

pub use empty::{Emptying, empty_trash};
pub(crate) use restore::{Comes, code_in_trash};
pub use restore::{WayBack, way_out_of_trash};

/// What a thing's name ends with once its removal was begun. No name of a thing that is kept ends so.
const GOING: &str = ".going";

/// The lock of whoever changes a trash. No object is called like that.
const LOCK: &str = "trash";

/// For how long what goes there lies there, in words for whoever had it go: `days` is the setting.
pub(crate) fn how_long(days: u32) -> String {
    match days {
        0 => "until somebody empties the trash".into(),
        1 => "for a day".into(),
        days => format!("for {days} days"),
    }
}

/// All that lies in the trash folders of the home, the oldest first.
pub fn list_trash(parts: &WorldParts) -> Result<Vec<TrashThing>, Fault> {
    let mut things = look::things(parts, None)?;
    look::measure(&mut things);
    Ok(things)
}

/// Where a trash may be, whether one is there or not.
fn folders(parts: &WorldParts) -> Result<BTreeSet<PathBuf>, Fault> {
    let home = &parts.home;
    let bases = parts.settings.bases(home);
    let mut places: BTreeSet<PathBuf> = [home.path().to_owned(), home.databases()].into();
    for base in bases {
        // Platforms may lie in folders of a base, and the last one of such a folder may be gone.
        if parts.files.kind(&base)? == Some(Kind::Dir) {
            places.extend(parts.files.list(&base)?.into_iter().map(|name| base.join(name)));
        }
        places.insert(base);
    }
    for context in Contexts::new(home, &parts.files).all()? {
        if let Context::Platform(platform) = context {
            let root = platform.root.path();
            places.insert(root.join("sites"));
            places.extend(
                [root.parent(), root.parent().and_then(Path::parent)].into_iter().flatten().map(Path::to_owned),
            );
        }
    }
    Ok(places.iter().map(|place| Home::trash_beside(place)).collect())
}

/// Until it is dropped, nobody else changes a trash.
pub(crate) fn lock(parts: &WorldParts) -> Result<Locks, Fault> {
    // A home in which nothing was asked yet has none.
    parts.files.make_dir(&parts.home.locks(), 0o700)?;
    let wanted = [(LOCK.to_owned(), LockMode::Exclusive)];
    Ok(aegir_host::locks::take(&parts.home.locks(), &wanted, parts.settings.patience(), "the trash", &mut |_| ())?)
}
