//! Takes a thing out of the trash: the code of a platform by moving it back; of a site its last backup is named, since its
//! database does not lie here.

use std::path::PathBuf;

use aegir_domain::{
    BackupName, ContextName, Fault, PlatformContext, Remedy, SiteName, TrashKind, TrashName, TrashState, TrashThing,
};
use aegir_host::Kind;

use super::empty::kept;
use super::{lock, look};
use crate::step::file::SetAside;
use crate::{Contexts, WorldParts};

/// What came of it.
#[derive(Clone, Debug)]
pub enum Restored {
    /// The code of a platform lies where it lay. Nobody knows of it yet.
    Platform {
        /// Where.
        folder: PathBuf,
        /// What was known of it.
        was: Option<Box<PlatformContext>>,
    },
    /// This backup has all that the site was; nothing was done yet.
    ByBackup {
        /// The last backup of the site.
        backup: BackupName,
    },
}

/// Moves the code of a platform back to where it lay, if nothing lies there, or says which backup a site can be restored
/// from, if its name is free.
pub fn restore_from_trash(parts: &WorldParts, name: &TrashName) -> Result<Restored, Fault> {
    let _lock = lock(parts)?;
    match way_back(parts, name)? {
        WayBack::ByBackup(backup) => Ok(Restored::ByBackup { backup }),
        WayBack::Move { thing, aside, beside, was } => {
            let path = thing.folder.join(&thing.name);
            parts.files.set_mode(&path, aside.mode)?;
            // Refuses to take the place of what came there meanwhile.
            parts.files.rename(&path, &aside.path)?;
            parts.files.sync(&beside)?;
            parts.files.sync(&thing.folder)?;
            Ok(Restored::Platform { folder: aside.path, was })
        }
    }
}

/// What [`restore_from_trash`] would do now: it refuses the same, and moves nothing.
pub fn would_restore_from_trash(parts: &WorldParts, name: &TrashName) -> Result<Restored, Fault> {
    Ok(match way_back(parts, name)? {
        WayBack::ByBackup(backup) => Restored::ByBackup { backup },
        WayBack::Move { aside, was, .. } => Restored::Platform { folder: aside.path, was },
    })
}

/// How a thing comes back.
enum WayBack {
    /// By a task that restores this.
    ByBackup(BackupName),
    /// By one rename.
    Move { thing: Box<TrashThing>, aside: SetAside, beside: PathBuf, was: Option<Box<PlatformContext>> },
}

fn way_back(parts: &WorldParts, name: &TrashName) -> Result<WayBack, Fault> {
    let things = look::things(parts)?;
    let thing = kept(&things, name)?;
    let path = thing.folder.join(&thing.name);
    match (&thing.kind, &thing.backup) {
        (TrashKind::Platform, _) => {
            let past = look::past_of(parts, &thing.folder, name)?;
            let Some(aside) = past.aside else { return Err(NotBack::ByHand { path }.into()) };
            if thing.state != TrashState::Kept || parts.files.kind(&aside.path)?.is_some() {
                return Err(NotBack::Taken { path, place: aside.path }.into());
            }
            let Some(beside) = aside.path.parent().map(ToOwned::to_owned) else {
                return Err(NotBack::ByHand { path }.into());
            };
            if parts.files.kind(&beside)? != Some(Kind::Dir) {
                return Err(NotBack::NoPlace { beside }.into());
            }
            Ok(WayBack::Move { thing: Box::new(thing.clone()), aside, beside, was: past.platform.map(Box::new) })
        }
        (TrashKind::Site, Some(backup)) => {
            let site: SiteName = name.stem().parse()?;
            let context = Contexts::new(&parts.home, &parts.files).find(&ContextName::Site(site.clone()))?;
            if context.is_some() {
                return Err(NotBack::NameInUse { site, backup: backup.clone() }.into());
            }
            match parts.files.kind(&parts.home.backups().join(backup.as_str()))? {
                Some(Kind::File) => Ok(WayBack::ByBackup(backup.clone())),
                _ => Err(NotBack::BackupGone { backup: backup.clone(), path }.into()),
            }
        }
        _ => Err(NotBack::ByHand { path }.into()),
    }
}

/// Why a thing stays in the trash.
#[derive(Debug, thiserror::Error)]
enum NotBack {
    #[error("`{}` cannot be put back: something lies at `{}` again", path.display(), place.display())]
    Taken { path: PathBuf, place: PathBuf },
    #[error("the folder `{}`, in which it lay, is gone", beside.display())]
    NoPlace { beside: PathBuf },
    #[error("there is a site `{site}` again")]
    NameInUse { site: SiteName, backup: BackupName },
    #[error("the last backup `{backup}` is gone, and with it the database: only files lie at `{}`", path.display())]
    BackupGone { backup: BackupName, path: PathBuf },
    #[error("`{}` are files alone, without a database and without a backup that was made of both", path.display())]
    ByHand { path: PathBuf },
}

impl Remedy for NotBack {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            NotBack::Taken { path, place } => format!(
                "move `{}` away first, or copy what you need out of `{}` by hand",
                place.display(),
                path.display()
            ),
            NotBack::NoPlace { beside } => format!("make it, `mkdir -p {}`, then repeat this", beside.display()),
            NotBack::NameInUse { backup, .. } => format!(
                "make a site under another name of its last backup: `aegir provision restore {backup} --as @NAME`"
            ),
            NotBack::BackupGone { path, .. } | NotBack::ByHand { path } => format!(
                "restore from another backup (`aegir provision backups` lists them), or copy what you need out of `{}` by hand",
                path.display()
            ),
        })
    }
}
