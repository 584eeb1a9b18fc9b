//! Archives of backups that are pretended: as long as their records say, with bytes that anybody can tell.

use std::sync::Arc;

use aegir_domain::{BackupName, Fault, FaultReport, FoundBackup};
use aegir_hosting::{Asking, GivenArchive, Pieces, Source};

use super::{Call, Machine, PretendFault};

/// How much is given at once.
const PIECE: u64 = 64 << 10;

/// The byte of an archive at a place.
pub fn byte_of_archive(at: u64) -> u8 {
    u8::try_from(at % 251).unwrap_or_default()
}

struct Bytes {
    at: u64,
    end: u64,
    machine: Arc<Machine>,
}

impl Pieces for Bytes {
    fn next(&mut self) -> Asking<'_, Option<Vec<u8>>> {
        let piece: Vec<u8> = (self.at..self.end.min(self.at + PIECE)).map(byte_of_archive).collect();
        self.at += piece.len() as u64;
        Box::pin(async move {
            self.machine.reached(Call::Look).await?;
            Ok((!piece.is_empty()).then_some(piece))
        })
    }
}

pub(super) fn give(machine: &Arc<Machine>, backup: &BackupName) -> Result<GivenArchive, FaultReport> {
    let found = machine.backups(Some(&backup.site())).into_iter().find(|found| found.backup == *backup);
    let Some(found) = found else {
        return Err(Fault::from(PretendFault::Absent(backup.to_string())).report());
    };
    let pieces = Box::new(Bytes { at: 0, end: found.bytes, machine: machine.clone() });
    Ok(GivenArchive { bytes: found.bytes, pieces })
}

/// Takes in what has the bytes that an archive has, as far as they come.
pub(super) async fn take(
    machine: &Machine,
    backup: &BackupName,
    from: &mut dyn Source,
) -> Result<FoundBackup, FaultReport> {
    let refused = |why: &str| Err(Fault::from(PretendFault::Absent(why.into())).report());
    let mut bytes = 0_u64;
    loop {
        match from.next().await {
            Err(_) => return refused("the end of the archive"),
            Ok(None) => break,
            Ok(Some(piece)) => {
                if (bytes..).zip(&piece).any(|(at, byte)| byte_of_archive(at) != *byte) {
                    return refused("the manifest of the archive");
                }
                bytes += piece.len() as u64;
            }
        }
    }
    if bytes == 0 {
        return refused("the manifest of the archive");
    }
    let there = machine.backups(Some(&backup.site()));
    let is_free = |name: &BackupName| !there.iter().any(|found| found.backup == *name);
    let mut names = std::iter::once(backup.clone()).chain((2..).map(|turn| backup.in_turn(turn)));
    let name = names.find(is_free).unwrap_or_else(|| backup.clone());
    let found = FoundBackup { backup: name, bytes, manifest: None, fault: None };
    machine.put_backup(found.clone());
    Ok(found)
}
