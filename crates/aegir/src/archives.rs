//! Archives of backups on standard output and input: as they are for a person, with an answer for a front end.

use std::io::{self, Write};

use aegir_domain::{ArchiveAnswer, BackupName, ReceivedAnswer, Remedy};
use aegir_provision::backup::{self, Pieces};

use crate::args::Manner;
use crate::compose::Composed;
use crate::failure::Failure;
use crate::lists;
use crate::speak::out;

/// Writes the archive of a backup; before it, for a front end, how long it is, or why there is none.
pub(crate) fn send(composed: &Composed, manner: Manner, name: &BackupName) -> Result<u8, Failure> {
    let parts = &composed.parts;
    let (bytes, archive) = match (backup::open(&parts.home, &parts.files, name), manner.protocol) {
        (Ok(found), _) => found,
        (Err(fault), None) => return Err(fault.into()),
        (Err(fault), Some(_)) => {
            lists::json(&ArchiveAnswer::Refused(fault.report()));
            return Ok(0);
        }
    };
    if manner.protocol.is_some() {
        lists::json(&ArchiveAnswer::Bytes(bytes));
    }
    let mut to = io::stdout().lock();
    // A file that grows or shrinks meanwhile would be taken for whole.
    let sent = io::copy(&mut io::Read::take(archive, bytes), &mut to).map_err(ArchiveFault::NotSent)?;
    to.flush().map_err(ArchiveFault::NotSent)?;
    match sent == bytes {
        true => Ok(0),
        false => Err(ArchiveFault::Short { name: name.clone(), bytes, sent }.into()),
    }
}

/// Takes in an archive.
pub(crate) fn receive(composed: &Composed, manner: Manner, name: &BackupName) -> Result<u8, Failure> {
    let parts = &composed.parts;
    let input = io::stdin().lock();
    let received = match manner.protocol {
        // A person's file ends where it ends; a front end says where, since it may be cut off.
        None => backup::receive(parts, name, &mut { input }),
        Some(_) => backup::receive(parts, name, &mut Pieces::of(input)),
    };
    match (received, manner.protocol) {
        (Ok(mut found), Some(_)) => {
            if let Some(manifest) = &mut found.manifest {
                manifest.packages.clear();
            }
            lists::json(&ReceivedAnswer::There(Box::new(found)));
        }
        (Err(fault), Some(_)) => lists::json(&ReceivedAnswer::Refused(fault.report())),
        (Ok(found), None) if manner.json => lists::json(&found),
        (Ok(found), None) => {
            out(&format!("The backup is `{}`", parts.home.backups().join(found.backup.as_str()).display()))
        }
        (Err(fault), None) => return Err(fault.into()),
    }
    Ok(0)
}

#[derive(Debug, thiserror::Error)]
enum ArchiveFault {
    #[error("the archive could not be written to standard output")]
    NotSent(#[source] io::Error),
    #[error("`{name}` has {bytes} bytes, and only {sent} could be read")]
    Short { name: BackupName, bytes: u64, sent: u64 },
}

impl Remedy for ArchiveFault {}
