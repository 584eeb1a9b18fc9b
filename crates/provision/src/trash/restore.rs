//! How a thing comes out of the trash: the code of a platform by the task that moves it back and saves what was known of it
//! (`platform/restore.rs`), a site by the task that restores its last backup, since its database does not lie here. Here it
//! is only looked at.

use std::path::PathBuf;

use aegir_domain::{
    AttemptId, BackupName, ContextName, Fault, PlatformContext, PlatformName, Remedy, SiteName, TrashKind, TrashName,
    TrashState,
};
use aegir_host::Kind;

use super::empty::kept;
use super::look;
use crate::step::file::SetAside;
use crate::{Contexts, WorldParts};

/// How a thing comes back.
#[derive(Clone, Debug)]
pub enum WayBack {
    /// The code of a platform, by the task that takes it out.
    Platform {
        /// Where it will lie.
        folder: PathBuf,
        /// What was known of it, and will be.
        was: Box<PlatformContext>,
    },
    /// A site, by the task that restores this, which has all that it was.
    ByBackup {
        /// The last backup of the site.
        backup: BackupName,
    },
}

/// Which task brings a thing back, if its name and its place are free. Nothing is moved.
pub fn way_out_of_trash(parts: &WorldParts, name: &TrashName) -> Result<WayBack, Fault> {
    let things = look::things(parts, None)?;
    let thing = kept(&things, name)?;
    let path = thing.folder.join(&thing.name);
    match (&thing.kind, &thing.backup) {
        (TrashKind::Platform, _) => {
            let Comes { aside, was } = code(parts, name, None)?;
            Ok(WayBack::Platform { folder: aside.path, was })
        }
        (TrashKind::Site, Some(backup)) => {
            let site: SiteName = name.stem().parse()?;
            let context = Contexts::new(&parts.home, &parts.files).find(&ContextName::Site(site.clone()))?;
            if context.is_some() {
                return Err(NotBack::NameInUse { site, backup: backup.clone() }.into());
            }
            match parts.files.kind(&parts.home.backups().join(backup.as_str()))? {
                Some(Kind::File) => Ok(WayBack::ByBackup { backup: backup.clone() }),
                _ => Err(NotBack::BackupGone { backup: backup.clone(), path }.into()),
            }
        }
        _ => Err(NotBack::ByHand { path }.into()),
    }
}

/// The code of a platform that can come back.
pub(crate) struct Comes {
    /// How it came into the trash.
    pub(crate) aside: SetAside,
    /// What was known of it.
    pub(crate) was: Box<PlatformContext>,
}

/// The code of that name, if nobody but the task `own` speaks of it, and both its place and its name are free.
pub(crate) fn code_in_trash(parts: &WorldParts, name: &TrashName, own: AttemptId) -> Result<Comes, Fault> {
    code(parts, name, Some(own))
}

fn code(parts: &WorldParts, name: &TrashName, own: Option<AttemptId>) -> Result<Comes, Fault> {
    let things = look::things(parts, own)?;
    let thing = kept(&things, name)?;
    let path = thing.folder.join(&thing.name);
    if thing.kind != TrashKind::Platform {
        return Err(NotBack::NoPlatform { path }.into());
    }
    let past = look::past_of(parts, &thing.folder, name)?;
    let (Some(aside), Some(was)) = (past.aside, past.platform) else {
        return Err(NotBack::Unreadable { path }.into());
    };
    if thing.state != TrashState::Kept || parts.files.kind(&aside.path)?.is_some() {
        return Err(NotBack::Taken { path, place: aside.path }.into());
    }
    match aside.path.parent() {
        Some(beside) if parts.files.kind(beside)? != Some(Kind::Dir) => {
            return Err(NotBack::NoPlace { beside: beside.to_owned() }.into());
        }
        Some(_) => (),
        None => return Err(NotBack::Unreadable { path }.into()),
    }
    let context = Contexts::new(&parts.home, &parts.files).find(&ContextName::Platform(was.name.clone()))?;
    if context.is_some() {
        return Err(NotBack::PlatformThere { platform: was.name, path }.into());
    }
    Ok(Comes { aside, was: Box::new(was) })
}

/// Why a thing stays in the trash.
#[derive(Debug, thiserror::Error)]
enum NotBack {
    #[error("`{}` cannot be put back: something lies at `{}` again", path.display(), place.display())]
    Taken { path: PathBuf, place: PathBuf },
    #[error("the folder `{}`, in which it lay, is gone", beside.display())]
    NoPlace { beside: PathBuf },
    #[error("there is a platform `{platform}` again")]
    PlatformThere { platform: PlatformName, path: PathBuf },
    #[error("`{}` is not the code of a platform", path.display())]
    NoPlatform { path: PathBuf },
    #[error("what was known of the platform of `{}` cannot be read any more", path.display())]
    Unreadable { path: PathBuf },
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
            NotBack::PlatformThere { platform, path } => format!(
                "delete or forget `{platform}` first; or move `{}` by hand to where it is to lie, and add it under another name",
                path.display()
            ),
            NotBack::NoPlatform { .. } => "`aegir trash list` shows what each thing was".into(),
            NotBack::Unreadable { path } => format!(
                "move `{}` by hand to where it is to lie, and add it with `aegir platform add NAME --root FOLDER`",
                path.display()
            ),
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
