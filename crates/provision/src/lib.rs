//! The back end: carries out tasks, one process per attempt, on the machine that has the platform.
//!
//! ```text
//!  request ──► attempt folder ──► worker ──► recipe ──► steps ──► services ──► host
//!                 events ◄────────── says ──────────┘               │
//!                 journal ◄───────── remembers ─────────────────────┘
//! ```
//!
//! It works with no front end and knows no control database; what it knows of a site lies in that
//! site's context.
//!
//! ## Invariants
//!
//! - A worker writes only to its own folder; who asked for it follows that folder and can die.
//! - Every line that a journal may name is listed in [`lines`].
//! - Nothing here starts a program, opens a connection or reads the clock but through [`World`].
//! - Objects are locked before anything of them is read, and unfinished tasks that lock the same
//!   objects are recovered before a new one begins.

mod attempt;
pub mod backup;
mod context_task;
mod contexts;
mod events;
mod found;
mod hooks;
pub mod inspect;
mod journal_file;
mod lines;
mod own_program;
mod platform;
mod recovery;
mod server;
mod service;
mod settings;
mod site;
mod step;
mod task;
mod task_types;
mod trash;
mod worker;
mod world;

pub use attempt::{Asked, Attempt, AttemptFault};
pub use contexts::{ContextFault, Contexts};
pub use events::{EventReader, Events};
pub use found::{Listed, found_attempts};
pub use hooks::look as look_at_hooks;
pub use journal_file::Boundary;
pub use journal_file::{FileJournal, read_journal};
pub use lines::lines;
pub use recovery::{Recovered, recover_all};
pub use settings::{SETTING_VARIABLE, Settings, SettingsFault};
pub use site::{
    MeantSite, PackagesFit, RunProgram, SiteLog, compare_site, compare_sites, drush_uri, find_site_to_import, log_tail,
    look_at_import, look_at_refresh, proposed_name, run_cron, welcome, writes_since,
};
pub use task_types::{FoundType, TaskType, TaskTypeFault, look as look_at_task_types, task_type, task_types};
pub use trash::{Emptying, WayBack, empty_trash, list_trash, way_out_of_trash};
pub use worker::{BoundaryDrill, Worker, run_attempt};
pub use world::{OnGroup, ProgramsOf, TaskFolder, World, WorldParts};
