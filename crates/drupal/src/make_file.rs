//! Make files of Drush: which core, modules, themes, profiles and libraries a code base is put together from.
//!
//! Pure. A file becomes a tree in which each key knows its line ([`MakeFile::read`]), and the tree becomes a plan
//! ([`MakeFile::plan`]): what is fetched from where, by which checksum it is known, what is patched, and where below the
//! document root it comes to lie. Nothing is fetched here, so that a file can be judged whole before anything is done.
//!
//! What the file says and we do not do is either refused (the code base would be another one than it asks for) or told as a
//! note (it would be the same).

mod address;
mod download;
mod entry;
mod fault;
mod fetch;
mod ini;
mod patch;
mod plan;
mod read;
mod tree;
mod yaml;

pub use address::{Address, Guard};
pub use fault::{MakeFileFault, Problem};
pub use fetch::{Checksum, Digest, Fetch, Kind, Origin, Patch};
pub use patch::{BadPatch, files_of_patch};
pub use plan::{Plan, ReleaseSource, Scope, Within, nested_names};
pub use read::{LARGEST, MakeFile};
pub use tree::Place;

/// What the file says that changes nothing of what is built, and that its writer should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where it stands.
    pub at: Place,
    /// What is told, without a full stop.
    pub text: String,
}
