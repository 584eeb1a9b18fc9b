//! The fake host: real files, and a machine whose database server, web server, PHP, clock and mint
//! are pretended.
//!
//! ```text
//!   <lab>/live/home/…        the home and its platforms: real files, real locks
//!   <lab>/live/machine/db    the database server: a file of SQLite for each database, and its accounts
//!   <lab>/live/machine/web   what the web server and php-fpm run with: a copy made at each reload
//!   <lab>/live/machine/flags what is amiss: `db-down`, `install-dies`, …
//! ```
//!
//! ## Invariants
//!
//! - The state of every fake lies in files and is changed by atomic replacement, so that a process that
//!   is killed leaves what a real one would, and another process goes on from there.
//! - Each touch of the outside (a file about to change, a statement, a program, a reload) is a *moment*,
//!   numbered from 1, at which a proof may end the process.

mod clock;
mod database;
mod disk;
mod drupal;
mod mint;
mod nginx;
mod power;
mod programs;
mod sql;
mod triggers;
mod web;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aegir_domain::Home;
use aegir_host::Recorder;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use clock::FakeClock;
pub use database::FakeDatabases;
pub use mint::FakeMint;
pub use power::{Fate, PowerMemory};
pub use programs::COMMIT;
pub use programs::FakePrograms;
pub(crate) use programs::{COMPOSER, CURL, GIT};
pub use web::{FakeServices, FakeWeb, Running};

pub(crate) use database::{ACCOUNT, Account, DatabaseEntry, DbState, PASSWORD};
pub use drupal::{NEEDS_UPDATES, OWN_INSTALL};
pub(crate) use drupal::{SETTINGS_SAY, install_by_hand, literal_settings};
pub(crate) use triggers::Trigger;

/// Something that is amiss on the machine, until it is put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The database server does not run.
    DatabaseDown,
    /// Our account may neither create databases nor grant.
    DatabaseRights,
    /// The web server does not run.
    WebDown,
    /// php-fpm does not run.
    PhpDown,
    /// Drupal's installer dies half way.
    InstallDies,
    /// Drupal's installer never ends.
    InstallHangs,
    /// Drupal's installer prints notices and false answers, and ends well.
    InstallNoisy,
    /// An update of a site dies half way.
    UpdateDies,
    /// An update of a site fails.
    UpdateFails,
    /// The front page of every site that was updated, or whose caches were rebuilt, is an error.
    PageBroken,
    /// PHP is too old for any platform.
    PhpOld,
}

impl Trouble {
    fn flag(self) -> &'static str {
        match self {
            Trouble::DatabaseDown => "db-down",
            Trouble::DatabaseRights => "db-no-rights",
            Trouble::WebDown => "nginx-down",
            Trouble::PhpDown => "php-fpm-down",
            Trouble::InstallDies => "install-dies",
            Trouble::InstallHangs => "install-hangs",
            Trouble::InstallNoisy => "install-noisy",
            Trouble::UpdateDies => "update-dies",
            Trouble::UpdateFails => "update-fails",
            Trouble::PageBroken => "page-broken",
            Trouble::PhpOld => "php-old",
        }
    }
}

type AtMoment = Box<dyn Fn(u64) + Send + Sync>;

/// What all fakes of one lab share.
pub struct Machine {
    folder: PathBuf,
    /// The home that the machine serves.
    pub home: Home,
    moments: AtomicU64,
    at_moment: Mutex<Option<AtMoment>>,
    programs: Mutex<Vec<String>>,
    power: Mutex<Option<Arc<PowerMemory>>>,
    disk: disk::Disk,
    /// The locks that open connections to its database server have.
    locks: Mutex<BTreeSet<String>>,
}

impl Machine {
    /// The machine whose state lies in `folder`.
    pub fn new(folder: impl Into<PathBuf>, home: Home) -> Arc<Machine> {
        Arc::new(Machine {
            folder: folder.into(),
            home,
            moments: AtomicU64::new(0),
            at_moment: Mutex::new(None),
            programs: Mutex::new(Vec::new()),
            power: Mutex::new(None),
            disk: disk::Disk::default(),
            locks: Mutex::default(),
        })
    }

    /// Where the state of a fake lies.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Has something go amiss.
    pub fn begin(&self, trouble: Trouble) {
        let flags = self.state("flags");
        fs::create_dir_all(&flags).expect("the lab's folder can be written");
        fs::write(flags.join(trouble.flag()), b"").expect("the lab's folder can be written");
    }

    /// Puts it right.
    pub fn end(&self, trouble: Trouble) {
        let _ = fs::remove_file(self.state("flags").join(trouble.flag()));
    }

    /// Whether something is amiss.
    pub fn has(&self, trouble: Trouble) -> bool {
        self.state("flags").join(trouble.flag()).exists()
    }

    /// Counts a touch of the outside; a proof may end the process in here.
    pub(crate) fn moment(&self) {
        let now = self.moments.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(at_moment) = &*self.at_moment.lock().unwrap_or_else(PoisonError::into_inner) {
            at_moment(now);
        }
    }

    /// How many moments have passed.
    pub fn moments(&self) -> u64 {
        self.moments.load(Ordering::SeqCst)
    }

    /// Counts moments from 1 again.
    pub fn count_moments(&self) {
        self.moments.store(0, Ordering::SeqCst);
        *self.at_moment.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Counts moments from 1 again, and calls `act` at each.
    pub fn at_moments(&self, act: impl Fn(u64) + Send + Sync + 'static) {
        self.moments.store(0, Ordering::SeqCst);
        *self.at_moment.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(act));
    }

    /// Counts what is written from 1 again, and has the writes with the numbers `full` find no room.
    pub fn fill_disk(&self, full: Range<u64>) {
        self.disk.begin(full);
    }

    /// How much was written since that was counted, whether there was room for it or not.
    pub fn writes(&self) -> u64 {
        self.disk.writes()
    }

    /// Remembers from now on what is not synced.
    pub fn remember_power(&self) -> Arc<PowerMemory> {
        let memory = Arc::new(PowerMemory::default());
        *self.power.lock().unwrap_or_else(PoisonError::into_inner) = Some(memory.clone());
        memory
    }

    /// Remembers it no more.
    pub fn forget_power(&self) {
        *self.power.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn power(&self) -> Option<Arc<PowerMemory>> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn ran(&self, line: String) {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// The programs that were run, with the lab's own paths shortened.
    pub fn programs_run(&self) -> Vec<String> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Files tell the machine of every change.
pub(crate) struct Watch(pub(crate) Arc<Machine>);

impl Recorder for Watch {
    fn before_write(&self, _: &Path) -> io::Result<()> {
        self.0.disk.write()
    }

    fn before_change(&self, path: &Path) {
        self.0.moment();
        if let Some(power) = self.0.power() {
            power.before_change(path);
        }
    }

    fn synced(&self, below: &Path) {
        if let Some(power) = self.0.power() {
            power.synced(below);
        }
    }

    fn synced_alone(&self, path: &Path) {
        if let Some(power) = self.0.power() {
            power.synced_alone(path);
        }
    }
}

/// Reads a state file; what was never written is empty.
pub(crate) fn read_state<T: DeserializeOwned + Default>(path: &Path) -> T {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).expect("a state file of the lab is whole"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => T::default(),
        Err(error) => panic!("the lab's folder can be read: {error}"),
    }
}

/// Replaces a state file in one go.
pub(crate) fn write_state<T: Serialize>(path: &Path, state: &T) {
    let coming = path.with_extension("coming");
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&coming, serde_json::to_vec(state).expect("a state can be written as JSON")))
        .and_then(|()| fs::rename(&coming, path));
    written.expect("the lab's folder can be written");
}
