//! The attempts that lie in a home: what each was asked to do, and how it stands.

use std::collections::HashSet;
use std::sync::Arc;

use aegir_domain::protocol::{Ending, FoundAttempt, FoundState, Line, Said};
use aegir_domain::{AttemptId, Context, ContextName, SiteContext, Task};
use aegir_host::{FileFault, Files};
use aegir_recipe::State;
use serde::Deserialize;
use serde_json::Value;

use crate::recovery::open_attempts;
use crate::{Attempt, AttemptFault, ContextFault, Contexts, TaskFolder, WorldParts, read_journal};

/// How much of the end of what an attempt said is read at first, in bytes: more than most last lines have.
const TAIL: u64 = 16 * 1024;

/// Which attempts are listed.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// At most so many.
    pub limit: usize,
    /// Those made since, in milliseconds since 1970; also those on which something is left to do, whenever they were
    /// made. Without it, all.
    pub since: Option<u64>,
    /// These, even if they were made before.
    pub also: Vec<AttemptId>,
    /// Of all these, those made before this one.
    pub before: Option<AttemptId>,
}

/// The attempts of the home that are to be listed, the newest first. One whose request was never finished, or is
/// being written just now, is passed over.
pub fn found_attempts(parts: &Arc<WorldParts>, listed: &Listed) -> Result<Vec<FoundAttempt>, AttemptFault> {
    let names = parts.files.list(&parts.home.tasks())?;
    // Ids begin with the moment they were made.
    let mut ids: Vec<AttemptId> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if let Some(since) = listed.since {
        let mut others: HashSet<AttemptId> = open_attempts(parts)?.into_iter().collect();
        others.extend(&listed.also);
        ids.retain(|id| id.unix_ms() >= since || others.contains(id));
    }
    ids.retain(|id| listed.before.is_none_or(|before| *id < before));
    ids.sort_unstable();
    let mut found = Vec::new();
    for id in ids.into_iter().rev() {
        if found.len() == listed.limit {
            break;
        }
        match Attempt::find(parts, id) {
            Ok(attempt) => found.push(attempt.found(parts)?),
            Err(AttemptFault::Unknown { .. }) => (),
            Err(fault) => return Err(fault),
        }
    }
    Ok(found)
}

impl Attempt {
    /// What it was asked to do, and how it stands.
    pub fn found(&self, parts: &WorldParts) -> Result<FoundAttempt, AttemptFault> {
        let asked = self.folder.asked(&parts.files)?;
        let task = asked.get("task").and_then(|task| Task::deserialize(task).ok());
        Ok(FoundAttempt {
            attempt: self.folder.attempt,
            object: task.as_ref().map(Task::object),
            task,
            asked_by: asked.get("asked_by").and_then(Value::as_str).map(str::to_owned),
            asked_at: asked.get("asked_at").and_then(Value::as_u64).unwrap_or(self.folder.attempt.unix_ms()),
            state: self.state(parts)?,
        })
    }

    /// How it stands.
    pub fn state(&self, parts: &WorldParts) -> Result<FoundState, AttemptFault> {
        // Asked before reading: one that ends in between has said its last line then.
        let alive = self.is_alive();
        if let Some(ending) = self.ending(parts)? {
            return Ok(ending.outcome.kind().into());
        }
        if alive {
            return Ok(FoundState::Running);
        }
        // A full disk can swallow what a worker says; its journal has room set aside.
        let in_journal = read_journal(&self.folder.journal()).ok().and_then(|records| State::of(&records).ended);
        Ok(in_journal.map_or(FoundState::Interrupted, |outcome| outcome.kind().into()))
    }

    /// How it ended, if that is the last that it said. Only the end of what it said is read.
    pub fn ending(&self, parts: &WorldParts) -> Result<Option<Ending>, AttemptFault> {
        let path = self.folder.events();
        let Some(found) = parts.files.stat(&path)? else { return Ok(None) };
        let mut tail = TAIL;
        loop {
            let from = found.size.saturating_sub(tail);
            let at_most = usize::try_from(found.size - from).unwrap_or(usize::MAX);
            let text = parts.files.read_from(&path, from, at_most)?.unwrap_or_default();
            // A line without its end was torn by a crash, or is being written: it was not said yet.
            let Some(text) = text.strip_suffix(b"\n") else { return Ok(None) };
            let begin = text.iter().rposition(|byte| *byte == b'\n');
            if begin.is_none() && from > 0 {
                tail *= 8;
                continue;
            }
            let line: Option<Line> = serde_json::from_slice(&text[begin.map_or(0, |at| at + 1)..]).ok();
            return Ok(line.and_then(|line| match line.said {
                Said::Result(ending) => Some(*ending),
                _ => None,
            }));
        }
    }
}

impl TaskFolder {
    /// The request as it was written down; null where nothing readable is.
    fn asked(&self, files: &Files) -> Result<Value, FileFault> {
        let text = files.read(&self.request())?.unwrap_or_default();
        Ok(serde_json::from_slice(&text).unwrap_or_default())
    }

    /// What is saved of the object that this attempt is about.
    pub fn saved_context(&self, parts: &WorldParts) -> Result<Option<Context>, ContextFault> {
        let asked = self.asked(&parts.files).unwrap_or_default();
        let Some(task) = asked.get("task").and_then(|task| Task::deserialize(task).ok()) else { return Ok(None) };
        let contexts = Contexts::new(&parts.home, &parts.files);
        match (contexts.find(&task.object())?, task) {
            // It is what it was, under the name that it has now.
            (None, Task::RenameSite { to, .. }) => contexts.find(&ContextName::Site(to)),
            // Gone back over a change of its name: what it was until then bears the end of the attempt in its name.
            (None, Task::GoBackSite { .. }) => {
                let attempt = self.attempt.to_string();
                let end = format!("-{}", attempt.rsplit('-').next().unwrap_or_default());
                let is_it =
                    |site: &SiteContext| site.formers.last().is_some_and(|left| left.name.as_str().ends_with(&end));
                Ok(contexts.sites()?.into_iter().find(is_it).map(|site| Context::Site(Box::new(site))))
            }
            (found, _) => Ok(found),
        }
    }
}
