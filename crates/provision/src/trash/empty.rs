//! Empties the trash: what lay there for long enough, or was named, is removed for good.
//!
//! ```text
//!   kept ──rename──► NAME.going ──► gone
//!          synced      a crash in here leaves it to the next time
//! ```

use aegir_domain::{Fault, FaultReport, Remedy, TrashEmptied, TrashName, TrashState, TrashThing};
use aegir_host::Trouble;

use super::{GOING, lock, look};
use crate::WorldParts;

/// What is to go.
#[derive(Clone, Debug, Default)]
pub struct Emptying {
    /// What lies there for so many days; nothing: as long as the settings say.
    pub older_than: Option<u32>,
    /// Only these, however long they lie there.
    pub names: Vec<TrashName>,
    /// Whether it is only told.
    pub dry_run: bool,
}

/// Removes what is to go for good, and says what went. One thing that cannot be removed keeps no other from going. Where
/// the settings keep everything and no age is given, only what was half removed goes.
pub fn empty_trash(parts: &WorldParts, asked: &Emptying) -> Result<TrashEmptied, Fault> {
    let _lock = lock(parts)?;
    let things = look::things(parts, None)?;
    let mut going = match asked.names.is_empty() {
        true => due(parts, asked, things),
        false => named(&asked.names, &things)?,
    };
    look::measure(&mut going);
    let mut emptied = TrashEmptied::default();
    for thing in going {
        match if asked.dry_run { Ok(()) } else { remove(parts, &thing) } {
            Ok(()) => emptied.removed.push(thing),
            Err(fault) => emptied.faults.push(fault.report()),
        }
    }
    Ok(emptied)
}

fn due(parts: &WorldParts, asked: &Emptying, things: Vec<TrashThing>) -> Vec<TrashThing> {
    let now = i64::try_from(parts.clock.unix_ms()).unwrap_or(i64::MAX);
    let days = asked.older_than.or(Some(parts.settings.trash_days).filter(|days| *days > 0));
    let is_due = |thing: &TrashThing| match days {
        Some(days) => thing.is_due(days, now),
        None => thing.state == TrashState::HalfRemoved,
    };
    things.into_iter().filter(is_due).collect()
}

fn named(names: &[TrashName], things: &[TrashThing]) -> Result<Vec<TrashThing>, Fault> {
    let find = |name: &TrashName| {
        let thing = kept(things, name)?;
        Ok(thing.clone())
    };
    names.iter().map(find).collect()
}

/// The one thing of this name, if nobody needs it.
pub(super) fn kept<'a>(things: &'a [TrashThing], name: &TrashName) -> Result<&'a TrashThing, TrashFault> {
    let mut found = things.iter().filter(|thing| thing.name == name.as_str());
    let Some(thing) = found.next() else { return Err(TrashFault::NotThere { name: name.clone() }) };
    if let Some(other) = found.next() {
        return Err(TrashFault::Twice {
            name: name.clone(),
            in_one: thing.folder.clone(),
            in_other: other.folder.clone(),
        });
    }
    match thing.state {
        TrashState::Kept | TrashState::HalfRemoved => Ok(thing),
        TrashState::InUse(attempt) => Err(TrashFault::InUse { name: name.clone(), attempt }),
        TrashState::NotOurs => Err(TrashFault::NotOurs { path: thing.folder.join(&thing.name) }),
    }
}

fn remove(parts: &WorldParts, thing: &TrashThing) -> Result<(), Fault> {
    let files = &parts.files;
    let mut path = thing.folder.join(&thing.name);
    if thing.state == TrashState::Kept {
        let going = thing.folder.join(format!("{}{GOING}", thing.name));
        files.rename(&path, &going)?;
        // What is half removed must never be found under its old name, and be put back.
        files.sync(&thing.folder)?;
        path = going;
    }
    match files.remove_tree(&path) {
        Ok(_) => Ok(files.sync(&thing.folder)?),
        Err(fault) if fault.trouble() == Trouble::NoPermission => {
            Err(TrashFault::OfOthers { path, source: FaultReport::of(&fault) }.into())
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Why a thing in the trash is left alone.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrashFault {
    #[error("there is no `{name}` in the trash")]
    NotThere { name: TrashName },
    #[error("`{name}` lies in two trash folders")]
    Twice { name: TrashName, in_one: std::path::PathBuf, in_other: std::path::PathBuf },
    #[error("`{name}` belongs to a task that has not ended, which may put it back")]
    InUse { name: TrashName, attempt: aegir_domain::AttemptId },
    #[error("no task of this home put `{}` there", path.display())]
    NotOurs { path: std::path::PathBuf },
    #[error("`{}` holds what belongs to somebody else, and cannot be removed whole", path.display())]
    OfOthers { path: std::path::PathBuf, source: FaultReport },
}

impl Remedy for TrashFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            TrashFault::NotThere { .. } => "`aegir trash list` shows what is there".into(),
            TrashFault::Twice { in_one, in_other, .. } => {
                format!(
                    "look into `{}` and `{}`, and give one of the two another name",
                    in_one.display(),
                    in_other.display()
                )
            }
            TrashFault::InUse { attempt, .. } => {
                format!(
                    "see how it stands with `aegir provision attach {attempt}`; `aegir provision recover` ends what broke off"
                )
            }
            TrashFault::NotOurs { path } => format!("look what it is, and move or remove `{}` by hand", path.display()),
            TrashFault::OfOthers { path, .. } => format!("as root: `rm -r --one-file-system {}`", path.display()),
        })
    }
}
