//! The trash of a machine that pretends: the same things lie in any, with those that a test puts there.

use std::path::{Path, PathBuf};

use aegir_domain::{
    Context, FaultReport, PlatformContext, PlatformName, ServerName, Task, TrashAnswer, TrashEmptied, TrashKind,
    TrashName, TrashState, TrashThing,
};
use aegir_hosting::Emptying;

use super::machine::State;
use super::{Machine, PretendFault, looks};

/// For how long things are kept.
const DAYS: u32 = 30;

impl Machine {
    /// What lies in its trash.
    pub fn trash(&self) -> Vec<TrashThing> {
        let state = self.state();
        let all = looks::trash().into_iter().chain(state.trash.iter().cloned());
        all.filter(|thing| !state.out_of_trash.contains(&thing.name)).collect()
    }

    fn kept(&self, name: &TrashName) -> Result<TrashThing, FaultReport> {
        let refused = |message: String| FaultReport {
            message,
            because: Vec::new(),
            remedy: Some("`aegir trash list` shows what is there".into()),
        };
        let thing = self.trash().into_iter().find(|thing| thing.name == name.as_str());
        let thing = thing.ok_or_else(|| refused(format!("there is no `{name}` in the trash")))?;
        match thing.state {
            TrashState::Kept | TrashState::HalfRemoved => Ok(thing),
            TrashState::InUse(_) | TrashState::NotOurs => Err(refused(format!("`{name}` is left alone"))),
        }
    }

    /// How a thing would come out of the trash.
    pub(super) fn way_out_of_trash(&self, name: &TrashName) -> TrashAnswer {
        let thing = match self.kept(name) {
            Ok(thing) => thing,
            Err(refused) => return TrashAnswer::Refused(refused),
        };
        match (thing.kind, thing.backup, thing.lay) {
            (TrashKind::Platform, _, Some(folder)) => {
                let name = name.stem().parse().ok();
                let was = name.and_then(|name| platform(&name, &self.name, &folder)).map(Box::new);
                TrashAnswer::Back { folder, was }
            }
            (_, Some(backup), _) => TrashAnswer::ByBackup { backup },
            _ => TrashAnswer::Refused(FaultReport {
                message: format!("`{name}` are files alone"),
                because: Vec::new(),
                remedy: None,
            }),
        }
    }

    /// Has what is to go, go.
    pub(super) fn empty_trash(&self, emptying: &Emptying) -> TrashEmptied {
        let mut emptied = TrashEmptied::default();
        let now = i64::try_from(self.now()).unwrap_or(i64::MAX);
        let is_due = |thing: &TrashThing| thing.is_due(emptying.older_than.unwrap_or(DAYS), now);
        match emptying.names.is_empty() {
            true => emptied.removed = self.trash().into_iter().filter(is_due).collect(),
            false => match emptying.names.iter().map(|name| self.kept(name)).collect() {
                Ok(all) => emptied.removed = all,
                Err(refused) => emptied.faults.push(refused),
            },
        }
        if !emptying.dry_run {
            let names = emptied.removed.iter().map(|thing| thing.name.clone());
            self.state().out_of_trash.extend(names);
            self.tell();
        }
        emptied
    }
}

/// What is saved once a task has taken the code of a platform out of the trash.
pub(super) fn taken_out(state: &State, task: &Task) -> Result<Context, PretendFault> {
    let Task::RestorePlatform { platform: name, server, thing } = task else { return Err(PretendFault::Failed) };
    if state.contexts.contains_key(&task.object()) {
        return Err(PretendFault::There(task.object().to_string()));
    }
    let lay = lay(state, thing).ok_or_else(|| PretendFault::Absent(thing.to_string()))?;
    platform(name, server, &lay).map(Context::Platform).ok_or(PretendFault::Failed)
}

/// Where a thing lay that lies in the trash.
fn lay(state: &State, name: &TrashName) -> Option<PathBuf> {
    let all = looks::trash().into_iter().chain(state.trash.iter().cloned());
    let lies = |thing: &TrashThing| thing.name == name.as_str() && !state.out_of_trash.contains(&thing.name);
    all.filter(lies).find_map(|thing| thing.lay)
}

/// A platform whose code comes back.
fn platform(name: &PlatformName, server: &ServerName, lay: &Path) -> Option<PlatformContext> {
    let root = lay.join("web").to_str()?.parse().ok()?;
    Some(PlatformContext {
        name: name.clone(),
        revision: 1,
        root,
        server: server.clone(),
        php: None,
        facts: None,
        built: None,
    })
}
