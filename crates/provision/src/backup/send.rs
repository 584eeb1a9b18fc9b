//! Gives out the archive of a backup: as it lies there, to be read from its beginning.

use aegir_domain::{BackupName, Fault, Home};
use aegir_host::{Files, OpenFile};

use super::archive::BackupFault;

/// The archive of the backup `name`, and how many bytes it has. Whoever has begun to read it can read all of it, also
/// where the backup is deleted meanwhile.
pub fn open(home: &Home, files: &Files, name: &BackupName) -> Result<OpenFile, Fault> {
    let found = files.open(&home.backups().join(name.as_str()))?;
    found.ok_or_else(|| BackupFault::Missing { name: name.clone() }.into())
}
