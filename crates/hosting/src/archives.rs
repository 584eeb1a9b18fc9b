//! Archives on their way between a back end and whoever has them, or wants them: piece by piece, never whole in memory.

use std::future::Future;
use std::pin::Pin;

use aegir_domain::BackupName;

use crate::Asking;

/// What a back end gives out.
pub trait Pieces: Send {
    /// The next piece, or nothing after the last one. Contact that was lost is told, so that nobody takes half of it for
    /// all.
    fn next(&mut self) -> Asking<'_, Option<Vec<u8>>>;
}

/// The next piece of what somebody sends, or nothing after the last one.
pub type Coming<'a> = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, CutOff>> + Send + 'a>>;

/// What somebody sends to a back end.
pub trait Source: Send {
    /// The next piece; see [`Coming`].
    fn next(&mut self) -> Coming<'_>;
}

/// Whoever sent something went away, or said nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was sent broke off: {why}")]
pub struct CutOff {
    /// How.
    pub why: String,
}

/// An archive that a back end gives out.
pub struct GivenArchive {
    /// How many bytes it has.
    pub bytes: u64,
    /// These.
    pub pieces: Box<dyn Pieces>,
}

/// An archive for whoever asked for it.
pub struct Download {
    /// The backup.
    pub name: BackupName,
    /// Its bytes.
    pub archive: GivenArchive,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("name", &self.name).field("bytes", &self.archive.bytes).finish_non_exhaustive()
    }
}
