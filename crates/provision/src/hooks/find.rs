//! Which hooks there are for a task, and whether nobody else can have written them.
//!
//! A hook is an executable file below `hooks/`. What others could have written is refused and not passed over: it might be
//! the check that was to keep a task from running.

use std::fmt;
use std::path::{Path, PathBuf};

use aegir_domain::{EVERY_KIND, Fault, HookPhase, TaskKind};
use aegir_host::{FileFault, Files, Kind};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::own_program::{NotOurs, fault_of, ours};

/// One hook, by its place below `hooks/`. Told, it is that place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hook {
    /// A kind of task, or `all`.
    pub(crate) of: String,
    pub(crate) phase: HookPhase,
    /// The name of the file.
    pub(crate) name: String,
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.of, self.phase.folder(), self.name)
    }
}

impl Hook {
    /// Where it lies below `hooks`.
    pub(super) fn path(&self, hooks: &Path) -> PathBuf {
        hooks.join(&self.of).join(self.phase.folder()).join(&self.name)
    }
}

/// What there is for tasks of one kind.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order in which they run.
    pub(super) hooks: Vec<Hook>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) not_ours: Vec<NotOurs>,
}

impl Found {
    /// Those of one phase, in the order in which they run.
    pub(super) fn of(&self, phase: HookPhase) -> impl DoubleEndedIterator<Item = Hook> + '_ {
        self.hooks.iter().filter(move |hook| hook.phase == phase).cloned()
    }
}

/// What lies among hooks and is none.
#[derive(Debug)]
pub(super) struct LeftOut {
    pub(super) path: PathBuf,
    why: &'static str,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no hook: {}", self.path.display(), self.why)
    }
}

/// Whether there is a folder of hooks for tasks of this kind: all that a task without hooks is asked.
pub(super) fn may_be_any(world: &World, kind: TaskKind) -> Result<bool, FileFault> {
    let hooks = world.home().hooks();
    match world.files().kind(&hooks)? {
        None => return Ok(false),
        Some(Kind::Dir) => (),
        // A link, be it to what is not there now: the look that follows refuses it by name.
        Some(_) => return Ok(true),
    }
    let folders = world.files().list(&hooks)?;
    Ok(folders.iter().any(|folder| folder == EVERY_KIND || folder == kind.as_str()))
}

/// The hooks for tasks of this kind, those for every kind first. `owner` is our user.
pub(super) fn find(files: &Files, hooks: &Path, owner: u32, kind: TaskKind) -> Result<Found, FileFault> {
    let mut found = Found::default();
    if !found.passes(files, hooks, owner)? {
        return Ok(found);
    }
    for of in [EVERY_KIND, kind.as_str()] {
        let folder = hooks.join(of);
        if !found.passes(files, &folder, owner)? {
            continue;
        }
        for phase in HookPhase::ALL {
            let folder = folder.join(phase.folder());
            if !found.passes(files, &folder, owner)? {
                continue;
            }
            for name in files.list(&folder)? {
                found.take(files, &folder, owner, Hook { of: of.to_owned(), phase, name })?;
            }
        }
    }
    Ok(found)
}

impl Found {
    /// Whether `folder` is there. One that others may write is not looked into.
    fn passes(&mut self, files: &Files, folder: &Path, owner: u32) -> Result<bool, FileFault> {
        let Some(stat) = files.stat(folder)? else { return Ok(false) };
        match fault_of(&stat, owner, &Kind::Dir) {
            None => Ok(true),
            Some(why) => {
                self.not_ours.push(NotOurs { path: folder.to_owned(), why });
                Ok(false)
            }
        }
    }

    fn take(&mut self, files: &Files, folder: &Path, owner: u32, hook: Hook) -> Result<(), FileFault> {
        let path = folder.join(&hook.name);
        if hook.name.starts_with('.') {
            return Ok(());
        }
        if !is_name(&hook.name) {
            let why = "its name has other characters than letters, digits, `.`, `_` and `-`";
            self.left_out.push(LeftOut { path, why });
            return Ok(());
        }
        let Some(stat) = files.stat(&path)? else { return Ok(()) };
        let left_out = match stat.kind {
            Kind::Dir => Some("it is a folder"),
            Kind::File if stat.mode & 0o111 == 0 => Some("it is not executable"),
            _ => None,
        };
        match (left_out, fault_of(&stat, owner, &Kind::File)) {
            (Some(why), _) => self.left_out.push(LeftOut { path, why }),
            (None, Some(why)) => self.not_ours.push(NotOurs { path, why }),
            (None, None) => self.hooks.push(hook),
        }
        Ok(())
    }
}

/// Editors leave their copies beside a file, as `name~`, executable like it.
fn is_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
}

/// Whether `hook` is still there; a fault if it, or the way to it, is no longer ours.
pub(super) fn is_ours(files: &Files, hooks: &Path, owner: u32, hook: &Hook) -> Result<bool, Fault> {
    let path = hook.path(hooks);
    let folders = [hooks.to_owned(), hooks.join(&hook.of), hooks.join(&hook.of).join(hook.phase.folder())];
    for (path, kind) in folders.iter().map(|folder| (folder, Kind::Dir)).chain([(&path, Kind::File)]) {
        if ours(files, path, owner, &kind)?.is_none() {
            return Ok(false);
        }
    }
    // Without that bit it was switched off.
    Ok(files.stat(&path)?.is_some_and(|stat| stat.mode & 0o111 != 0))
}
