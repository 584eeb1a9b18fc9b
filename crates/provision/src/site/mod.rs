//! Tasks about sites, a file each, and what they share.

mod delete;
mod facts;
mod install;
mod layout;
mod login;
mod probe;
pub(crate) mod translation;
mod verify;

pub(crate) use delete::Delete;
pub(crate) use facts::{Room, names_are_free};
pub(crate) use install::{Install, RunInstaller};
pub(crate) use layout::{DropFolderMark, FileNow, MakeSiteFolder, SettleModes, WriteCredentials, settings_files};
pub(crate) use login::Login;
pub(crate) use probe::Packages;
pub(crate) use verify::{FlushCaches, Verify};
