//! The trash of a machine that pretends: the same things lie in any, with those that a test puts there.

use aegir_domain::{FaultReport, TrashAnswer, TrashEmptied, TrashKind, TrashName, TrashState, TrashThing};
use aegir_hosting::Emptying;
use serde_json::json;

use super::{Machine, looks};

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

    /// Takes a thing out of the trash, or says what would come of it.
    pub(super) fn restore_from_trash(&self, name: &TrashName, dry_run: bool) -> TrashAnswer {
        let thing = match self.kept(name) {
            Ok(thing) => thing,
            Err(refused) => return TrashAnswer::Refused(refused),
        };
        match (thing.kind, thing.backup, thing.lay) {
            (TrashKind::Platform, _, Some(folder)) => {
                if !dry_run {
                    self.state().out_of_trash.insert(thing.name);
                    self.tell();
                }
                let was = json!({
                    "name": name.stem(),
                    "server": self.name,
                    "root": folder.join("web"),
                });
                TrashAnswer::Back { folder, was: serde_json::from_value(was).ok() }
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
