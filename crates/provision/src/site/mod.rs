//! Tasks about sites, a file each, and what they share.

mod clone;
mod compare;
mod cron;
mod delete;
mod deploy;
mod disable;
mod drop_formers;
mod drush;
mod eject;
mod enable;
mod facts;
mod go_back;
mod import;
mod install;
mod layout;
mod log;
mod login;
mod looks;
mod migrate;
mod probe;
mod rebuild_caches;
mod rename;
mod restore;
pub(crate) mod translation;
mod update;
mod verify;
mod welcome;
mod writes;

pub(crate) use clone::Clone;
pub use compare::{PackagesFit, RunProgram, compare_site, compare_sites};
pub use cron::run_cron;
pub(crate) use delete::Delete;
pub(crate) use deploy::archive::ArchiveFormer;
pub(crate) use deploy::coming::MakeComing;
pub(crate) use deploy::database::{CopyDatabase, CopyMoment, MakeTables};
pub(crate) use deploy::fence::{HoldStill, LetGo, LowerFence, RaiseFence};
pub(crate) use deploy::files::{CopyFiles, TopUpFiles};
pub(crate) use deploy::former::BringBack;
pub(crate) use deploy::own::{BringCredentials, KeepCredentials, MakeOwn, ReplaceCredentials, Sanitise, TakeSalt};
pub(crate) use deploy::rehearsal::EndRehearsal;
pub(crate) use deploy::relocate::Relocate;
pub(crate) use deploy::updates::{Rebuild, RunUpdates};
pub(crate) use disable::Disable;
pub(crate) use drop_formers::DropFormers;
pub use drush::drush_uri;
pub(crate) use eject::{Eject, WriteLiteral, WriteParting};
pub(crate) use enable::Enable;
pub(crate) use facts::{Room, names_are_free};
pub(crate) use go_back::GoBack;
pub(crate) use import::{
    CarryOwnSettings, CopyTheirFiles, CopyTheirTables, Import, KeepSourcePassword, KeepTheirSalt, LeaveDefault,
    OpenCopy, Refresh, TakeFile, TakeTables,
};
pub use import::{MeantSite, find_site_to_import, look_at_import, look_at_refresh, proposed_name};
pub(crate) use install::{Install, RunInstaller};
pub(crate) use layout::{
    DropFolderMark, FileNow, MakeSiteFolder, SettleModes, WriteCredentials, set_folder_aside, write_settings,
};
pub use log::{SiteLog, log_tail};
pub(crate) use login::Login;
pub(crate) use migrate::Migrate;
pub(crate) use probe::Packages;
pub(crate) use rebuild_caches::RebuildCaches;
pub(crate) use rename::Rename;
pub(crate) use restore::Restore;
pub(crate) use update::Update;
pub(crate) use verify::{FlushCaches, Verify};
pub use welcome::welcome;
pub use writes::writes_since;
