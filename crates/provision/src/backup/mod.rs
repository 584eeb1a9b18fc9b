//! Backups: a site's folder and database in one archive, that `tar`, `zstd` and `mariadb` can make a site of again.
//!
//! ```text
//!   backups/www.example.org-20261121.021530.tar.zst
//!     manifest.json       what the site was: first, so that a list of backups need not read the rest
//!     database.sql        one moment of the database (`database.sqlite` where it is a file)
//!     site/…              the folder sites/www.example.org/, less what holds credentials
//!     checksums.sha256    of all files before it: last, so that an archive which lacks its end shows
//! ```
//!
//! It is written in a folder of the task's own beside its place, and renamed when it is whole and durable. Archives of
//! classic Aegir (`.tar.gz`, `.tar.bz2`, `.tar`, the site's folder at the top with `database.sql` in it) are read.

mod archive;
mod create;
mod delete;
mod list;
mod pack;
mod place;
mod ready;
mod receive;
mod send;
mod trial;
mod unpack;
mod verify;

pub(crate) use archive::{Archive, BackupFault, names_in};
pub(crate) use create::{Backup, Why, make};
pub(crate) use delete::Delete;
pub use list::{Listed, listed};
pub(crate) use pack::{Dump, DumpDatabase, PackSite, pack, size};
pub(crate) use place::{KeepBackup, MakeWorkFolder, RemoveWork, work};
pub(crate) use ready::{CanBackUp, CanBackUpWhatIsLeft, Ready, archive_needs, irreplaceable, left_out, wanted};
pub use receive::{Pieces, receive};
pub use send::open;
pub(crate) use trial::{ArchiveSound, LastBackupSound, Sound};
pub(crate) use unpack::{LoadDump, RemoveAside, UnpackDump, UnpackSite};
pub(crate) use verify::Verify;
