//! Looks at what lies in the trash, and at what the tasks that put it there remember of it.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aegir_domain::{
    AttemptId, BackupName, Context, ContextName, Fault, PlatformContext, Task, TaskKind, TrashKind, TrashName,
    TrashState, TrashThing,
};
use aegir_host::{Kind, own_uid};
use aegir_recipe::{Action, Record};
use serde::Deserialize;

use super::{GOING, folders};
use crate::step::context::ForgetContext;
use crate::step::file::SetAside;
use crate::{TaskFolder, WorldParts, contexts, inspect, read_journal};

/// What is in the trash, the oldest first; how much it is is not counted. What only the attempt `own` speaks of is in
/// nobody's use.
pub(super) fn things(parts: &WorldParts, own: Option<AttemptId>) -> Result<Vec<TrashThing>, Fault> {
    // First this, then the tasks: see above.
    let entries = entries(parts)?;
    let mut open = Open::read(parts)?;
    open.0.retain(|(attempt, _)| Some(*attempt) != own);
    let known = attempts(parts)?;
    let days = parts.settings.trash_days;
    let mut things: Vec<TrashThing> =
        entries.iter().map(|(folder, entry)| thing(parts, &open, &known, folder, entry).kept_for(days)).collect();
    things.sort_by(|one, other| (one.since, &one.name).cmp(&(other.since, &other.name)));
    Ok(things)
}

/// Counts what each takes.
pub(super) fn measure(things: &mut [TrashThing]) {
    let mut left = inspect::ENOUGH;
    for thing in things {
        thing.bytes = inspect::size_of(&thing.folder.join(&thing.name), &mut left);
    }
}

/// The trash folders that are ours, with the names in each.
fn entries(parts: &WorldParts) -> Result<Vec<(PathBuf, String)>, Fault> {
    let mut found = Vec::new();
    for folder in folders(parts)? {
        // Of most places there is none, and what nobody may look into has none of ours.
        let Ok(Some(stat)) = parts.files.stat(&folder) else { continue };
        if stat.kind == Kind::Dir && stat.uid == own_uid() {
            found.extend(parts.files.list(&folder)?.into_iter().map(|name| (folder.clone(), name)));
        }
    }
    Ok(found)
}

/// The attempts that lie in the home, by how their ids end.
fn attempts(parts: &WorldParts) -> Result<HashMap<String, AttemptId>, Fault> {
    let names = parts.files.list(&parts.home.tasks())?;
    let ids = names.iter().filter_map(|name| Some((name.rsplit('-').next()?.to_owned(), name.parse().ok()?)));
    Ok(ids.collect())
}

/// What the task that named a thing remembers of it.
pub(super) fn past_of(parts: &WorldParts, folder: &Path, name: &TrashName) -> Result<Past, Fault> {
    let attempt = attempts(parts)?.get(name.end()).copied();
    Ok(attempt.map(|attempt| Past::of(parts, attempt, folder, name)).unwrap_or_default())
}

/// The attempts that have not ended, with what their journals say, as it lies there.
pub(super) struct Open(Vec<(AttemptId, Vec<u8>)>);

impl Open {
    pub(super) fn read(parts: &WorldParts) -> Result<Open, Fault> {
        let mut open = Vec::new();
        if parts.files.kind(&parts.home.open_tasks())?.is_some() {
            for name in parts.files.list(&parts.home.open_tasks())? {
                let Ok(attempt) = name.parse::<AttemptId>() else { continue };
                let journal = TaskFolder::new(&parts.home, attempt).journal();
                open.push((attempt, parts.files.read(&journal)?.unwrap_or_default()));
            }
        }
        Ok(Open(open))
    }

    /// The attempt that may still put a thing back: it named it, or its journal, whole or damaged, speaks of it.
    pub(super) fn has(&self, name: &TrashName) -> Option<AttemptId> {
        let text = name.as_str().as_bytes();
        let speaks = |journal: &[u8]| journal.windows(text.len()).any(|part| part == text);
        self.0.iter().find(|(attempt, journal)| name.is_by(*attempt) || speaks(journal)).map(|(attempt, _)| *attempt)
    }
}

/// What is known of an entry of a trash.
fn thing(
    parts: &WorldParts,
    open: &Open,
    known: &HashMap<String, AttemptId>,
    folder: &Path,
    entry: &str,
) -> TrashThing {
    let (text, state) = match entry.strip_suffix(GOING) {
        Some(text) => (text, TrashState::HalfRemoved),
        None => (entry, TrashState::Kept),
    };
    let mut thing = TrashThing {
        name: entry.to_owned(),
        folder: folder.to_owned(),
        kind: TrashKind::Other,
        state: TrashState::NotOurs,
        by: None,
        lay: None,
        backup: None,
        since: changed(&folder.join(entry)),
        until: None,
        bytes: 0,
    };
    let Ok(name) = text.parse::<TrashName>() else { return thing };
    let is_ours = matches!(parts.files.kind(&folder.join(entry)), Ok(Some(Kind::Dir | Kind::File)));
    let Some(attempt) = known.get(name.end()).filter(|_| is_ours) else { return thing };
    thing.state = match (state, open.has(&name)) {
        (TrashState::Kept, Some(attempt)) => TrashState::InUse(attempt),
        (state, _) => state,
    };
    let past = Past::of(parts, *attempt, folder, &name);
    // What a site was bears the name that the move gave it, long before it came here.
    thing.since = if past.aside.is_some() { name.moment() } else { thing.since.max(name.moment()) };
    thing.kind = past.kind(folder);
    if let Some(aside) = past.aside {
        thing.by = past.task.as_ref().map(|task| format!("{} {}", task.kind().as_str(), task.object()));
        thing.lay = Some(aside.path);
        thing.backup = past.backup;
    }
    thing
}

/// When a name came to where it is, at the latest, in milliseconds since 1970. A rename is a change of what is renamed.
fn changed(path: &Path) -> i64 {
    fs::symlink_metadata(path).map_or(0, |found| found.ctime().saturating_mul(1000))
}

/// What was known of a platform that was forgotten, if this build can read it.
fn saved(parts: &WorldParts, forgotten: &ForgetContext) -> Option<PlatformContext> {
    let text = forgotten.was.as_deref()?;
    match contexts::read(&forgotten.name, text, parts.home.context(&forgotten.name)) {
        Ok(Context::Platform(platform)) => Some(platform),
        _ => None,
    }
}

/// What the task that named a thing remembers of it.
#[derive(Default)]
pub(super) struct Past {
    task: Option<Task>,
    /// The line that moved it.
    pub(super) aside: Option<SetAside>,
    backup: Option<BackupName>,
    /// What was known of the platform whose code it was.
    pub(super) platform: Option<PlatformContext>,
}

impl Past {
    /// Reads the journal of `attempt`; of one that cannot be read nothing is known.
    pub(super) fn of(parts: &WorldParts, attempt: AttemptId, folder: &Path, name: &TrashName) -> Past {
        let mut past = Past::default();
        let records = read_journal(&TaskFolder::new(&parts.home, attempt).journal()).unwrap_or_default();
        for record in records {
            match record {
                Record::Head { task, .. } => past.task = Task::deserialize(task).ok(),
                Record::Begun { name: line, inputs, .. } if line == SetAside::NAME => {
                    let aside = SetAside::deserialize(inputs).ok();
                    let is_it = |aside: &SetAside| aside.trash == folder && aside.name == name.as_str();
                    past.aside = past.aside.or(aside.filter(is_it));
                }
                Record::Begun { name: line, inputs, .. } if line == ForgetContext::NAME => {
                    let forgotten = ForgetContext::deserialize(inputs).ok();
                    let platform = forgotten.filter(|forgotten| matches!(forgotten.name, ContextName::Platform(_)));
                    past.platform = platform.and_then(|forgotten| saved(parts, &forgotten));
                }
                Record::Committed { answer, .. } => {
                    past.backup = answer.get("backup").and_then(|backup| backup.as_str()?.parse().ok());
                }
                _ => (),
            }
        }
        past
    }

    /// What it was.
    fn kind(&self, folder: &Path) -> TrashKind {
        let beside_sites = folder.parent().and_then(Path::file_name).is_some_and(|name| name == "sites");
        match (&self.aside, self.task.as_ref().map(Task::kind)) {
            (Some(_), Some(TaskKind::DeletePlatform)) => TrashKind::Platform,
            (Some(_), _) if beside_sites => TrashKind::Site,
            (None, _) if beside_sites => TrashKind::FormerSelf,
            _ => TrashKind::Other,
        }
    }
}
