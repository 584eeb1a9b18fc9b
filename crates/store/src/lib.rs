//! Where it is remembered: the control database, SQLite or PostgreSQL, and the only SQL on it.
//!
//! ```text
//!   Store ── read ──▶ Read    asks: sites, tasks, what a task waits for, …
//!         ── write ─▶ Tx      changes, and asks too; all of it happens, or none
//! ```
//!
//! One file per noun; each has the statements it needs and the functions by which others use them, named by what the
//! field says: `claim_tasks`, `record_lines`. Times are milliseconds since 1970 and come in as arguments.
//!
//! ## Invariants
//!
//! - An object's change and the task that follows from it are one transaction: both are functions of one [`Tx`].
//! - One task at a time is on an object, whoever claims ([`Tx::claim_tasks`]).
//! - What dispatching and recording write carries a [`Fence`]; a late dispatcher writes nothing.
//! - No secret is stored in the open, and none is told by a fault.

mod account;
mod attempt;
mod audit;
mod backup;
mod bulk;
mod bulk_entry;
mod care;
mod client;
mod copy;
mod cron;
mod db;
mod fault;
mod former;
mod found;
mod lease;
mod line;
mod news;
mod node;
mod one_time_link;
mod package;
mod page;
mod platform;
mod prune;
mod queue;
mod saved_view;
mod secret;
mod server;
mod session;
mod setting;
mod site;
mod store;
mod tables;
mod task;
mod token;
mod wrong_try;

pub use account::AccountRecord;
pub use attempt::{AttemptRecord, Recorded};
pub use audit::{AuditList, AuditRecord};
pub use backup::{BackupKind, BackupRecord, NewBackup, NoBackupKind};
pub use bulk::{
    Asking, BulkAsker, BulkCounts, BulkHalt, BulkList, BulkPlan, BulkRecord, NewBulk, NewBulkEntry, OpenEntry, Took,
};
pub use bulk_entry::{BulkEntry, BulkEntryList, EntryState};
pub use client::ClientRecord;
pub use copy::{CopiedTable, copy_all};
pub use cron::{CronRecord, DueCron, EndedCron};
pub use db::{BadAddress, Dialect, PostgresAddress, ProgramsAccess, Read, StoreAddress, Tx, Upgrade};
pub use fault::StoreFault;
pub use former::{FormersThere, OldFormer};
pub use found::{DriftRecord, FoundSite};
pub use lease::{Fence, LONGEST_LEASE, LeaseRecord};
pub use line::{FOLD, FULL_PAGE, LONGEST_LINES, LineRecord, StepRecord};
pub use news::{ChangeRecord, Changes, NewsRecord};
pub use node::{ADMIN, Deed, DeedList, Node, ObjectSort};
pub use one_time_link::{LinkRecord, NewLink};
pub use package::{
    InstalledList, InstalledPackage, PackageList, PackageRecord, PlaceList, RecordedInstance, ReleaseRecord,
};
pub use page::{
    Cursor, Direction, LONGEST_CURSOR, LONGEST_PAGE, Listed, Listing, NameMatch, NodesOf, Page, Span, Total,
};
pub use platform::{NewPlatform, PlatformList, PlatformRecord};
pub use prune::{PrunePolicy, Pruned};
pub use queue::{Cancelled, Claimed, NewTask, QueueRecord, Queued, WaitingFor};
pub use saved_view::SavedView;
pub use secret::{KeyFault, SecretKey};
pub use server::{NewServer, ServerList, ServerRecord};
pub use session::{NewSession, SessionList, SessionRecord};
pub use setting::{Field, SettingRecord};
pub use site::{Domain, HasPackage, NewSite, SiteList, SiteRecord};
pub use store::Store;
pub use task::{PastTask, TaskList, TaskRecord, TaskSort};
pub use token::{NewToken, Repeated, TokenRecord};
pub use wrong_try::{Patience, Waits};
