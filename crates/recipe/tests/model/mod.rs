//! A small world for proofs of the engine: a map that forgets what was not made durable, lines that
//! fail as told, and a journal that is torn, killed and read again.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aegir_domain::{Fault, Remedy};
use aegir_recipe::{
    Action, Afterwards, Check, Cleanup, Committed, Finish, Ground, Journal, JournalFault, Lines, Recipe, Record, Run,
    Undo,
};
use serde::{Deserialize, Serialize};

pub type Things = BTreeMap<u8, u8>;

#[derive(Default)]
pub struct World {
    pub now: RefCell<Things>,
    pub durable: RefCell<Things>,
    /// Keys whose undo fails for ever.
    pub stuck: RefCell<BTreeSet<u8>>,
    pub time: Cell<u64>,
    pub applied: RefCell<Vec<(&'static str, u8)>>,
    pub cancel_after: Cell<Option<u32>>,
    pub lines_begun: Cell<u32>,
}

impl World {
    pub fn with(things: &Things) -> World {
        let world = World::default();
        *world.now.borrow_mut() = things.clone();
        *world.durable.borrow_mut() = things.clone();
        world
    }

    /// The power goes: each key for which `keep` says no is as it was when last made durable.
    pub fn lose_power(&self, keep: impl Fn(u8) -> bool) {
        let durable = self.durable.borrow().clone();
        let mut now = self.now.borrow_mut();
        for key in 0..=255u8 {
            if !keep(key) {
                match durable.get(&key) {
                    Some(value) => now.insert(key, *value),
                    None => now.remove(&key),
                };
            }
        }
        *self.durable.borrow_mut() = now.clone();
    }

    fn set(&self, key: u8, value: Option<u8>) {
        match value {
            Some(value) => self.now.borrow_mut().insert(key, value),
            None => self.now.borrow_mut().remove(&key),
        };
    }
}

impl Ground for World {
    fn begin_line(&self, _: &str, _: Duration) {
        self.lines_begun.set(self.lines_begun.get() + 1);
    }
    fn cancelled(&self) -> bool {
        self.cancel_after.get().is_some_and(|lines| self.lines_begun.get() >= lines)
    }
    fn make_durable(&self) -> Result<(), Fault> {
        *self.durable.borrow_mut() = self.now.borrow().clone();
        Ok(())
    }
    fn may_pass(&self, _: &Fault) -> bool {
        false
    }
    fn pause(&self, time: Duration) {
        self.time.set(self.time.get() + time.as_millis() as u64);
    }
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.time.get())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("told to fail")]
pub struct Told;
impl Remedy for Told {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fails {
    Never,
    Before,
    HalfWay,
    After,
}

/// A step that writes two keys, `key` and `key + 100`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Put {
    pub key: u8,
    pub value: u8,
    pub was: (Option<u8>, Option<u8>),
    pub fails: Fails,
}

impl Action<World> for Put {
    type Output = ();
    const NAME: &'static str = "put";
    fn apply(&self, world: &World) -> Result<(), Fault> {
        if self.fails == Fails::Before {
            return Err(Told.into());
        }
        world.set(self.key, Some(self.value));
        if self.fails == Fails::HalfWay {
            return Err(Told.into());
        }
        world.set(self.key + 100, Some(self.value));
        if self.fails == Fails::After {
            return Err(Told.into());
        }
        Ok(())
    }
}

impl Undo<World> for Put {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        if world.stuck.borrow().contains(&self.key) {
            return Err(Told.into());
        }
        world.set(self.key, self.was.0);
        world.set(self.key + 100, self.was.1);
        Ok(())
    }
}

/// A line behind the point of no return that fails `fails` times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Late {
    pub key: u8,
    pub fails: u8,
}

impl Late {
    fn go(&self, world: &World, name: &'static str) -> Result<(), Fault> {
        let mut applied = world.applied.borrow_mut();
        applied.push((name, self.key));
        let tries = applied.iter().filter(|line| **line == (name, self.key)).count();
        if tries <= usize::from(self.fails) {
            return Err(Told.into());
        }
        world.set(self.key, Some(200));
        Ok(())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settle(pub Late);
impl Action<World> for Settle {
    type Output = ();
    const NAME: &'static str = "settle";
    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.0.go(world, "settle")
    }
}
impl Finish<World> for Settle {}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sweep(pub Late);
impl Action<World> for Sweep {
    type Output = ();
    const NAME: &'static str = "sweep";
    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.0.go(world, "sweep")
    }
}
impl Cleanup<World> for Sweep {}

/// A check that reads what a step is about to replace.
struct Was(u8);
impl Check<World> for Was {
    type Output = (Option<u8>, Option<u8>);
    const NAME: &'static str = "was";
    fn look(&self, world: &World) -> Result<Self::Output, Fault> {
        let now = world.now.borrow();
        Ok((now.get(&self.0).copied(), now.get(&(self.0 + 100)).copied()))
    }
}

/// A recipe made of what a test wants.
#[derive(Clone, Debug)]
pub struct Plan {
    pub steps: Vec<(u8, u8, Fails)>,
    pub afterwards: Vec<(bool, Late)>,
}

impl Recipe<World> for Plan {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        for (key, value, fails) in &self.steps {
            let was = run.check(Was(*key))?;
            run.step(Put { key: *key, value: *value, was, fails: *fails })?;
        }
        run.answer("steps", self.steps.len());
        run.point_of_no_return(self.afterwards.iter().fold(Afterwards::new(), |all, (must, late)| match must {
            true => all.finish(Settle(late.clone())),
            false => all.cleanup(Sweep(late.clone())),
        }))
    }
}

pub fn lines() -> Lines<World> {
    Lines::new().undo::<Put>().finish::<Settle>().cleanup::<Sweep>()
}

/// The process died: what a killed journal throws.
pub struct Killed;

/// A journal that kills its process at a record, before or after it is written, and that knows what was synced.
#[derive(Default)]
pub struct Mortal {
    pub records: Vec<Record>,
    pub synced: usize,
    pub syncs: usize,
    /// Appends left until death; odd numbers die after writing, even ones before.
    pub fuse: Option<u32>,
    /// The append at which the disk refuses, counted from now.
    pub refuses: Option<u32>,
}

impl Journal for Mortal {
    fn append(&mut self, record: &Record, sync: bool) -> Result<(), JournalFault> {
        if let Some(left) = &mut self.refuses {
            if *left == 0 {
                return Err(JournalFault::Refused(std::io::Error::other("no room")));
            }
            *left -= 1;
        }
        match &mut self.fuse {
            Some(0) => std::panic::panic_any(Killed),
            Some(1) => {
                self.write(record, sync);
                std::panic::panic_any(Killed)
            }
            Some(left) => *left -= 2,
            None => (),
        }
        self.write(record, sync);
        Ok(())
    }
}

impl Mortal {
    fn write(&mut self, record: &Record, sync: bool) {
        self.records.push(record.clone());
        if sync {
            self.synced = self.records.len();
            self.syncs += 1;
        }
    }
}

pub struct Silence;
impl aegir_recipe::Teller for Silence {
    fn tell(&self, _: aegir_domain::protocol::Said) {}
}

/// What was told of lines: the names at each place.
#[derive(Default)]
pub struct Heard(RefCell<BTreeMap<u32, BTreeSet<String>>>);

impl Heard {
    pub fn places(&self) -> BTreeMap<u32, BTreeSet<String>> {
        self.0.borrow().clone()
    }
}

impl aegir_recipe::Teller for Heard {
    fn tell(&self, said: aegir_domain::protocol::Said) {
        if let aegir_domain::protocol::Said::Step { line, name, .. } = said {
            self.0.borrow_mut().entry(line).or_default().insert(name);
        }
    }
}
