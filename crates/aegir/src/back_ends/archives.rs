//! Archives through a conversation: out as a line and the bytes behind it, in as pieces that each say how long they are.

use std::time::Duration;

use aegir_domain::{ArchiveAnswer, FaultReport, FoundBackup, ReceivedAnswer, ServerName};
use aegir_hosting::{Asking, GivenArchive, Pieces, Source};
use tokio::time::timeout;

use super::fault::TalkFault;
use super::talk::Talk;

/// How long a machine may take to its next bytes, or to take ours.
const NEXT: Duration = Duration::from_secs(120);
/// How long it may take to look through what it was sent.
const LOOKING: Duration = Duration::from_secs(24 * 3600);
/// The longest piece that is sent at once, in bytes.
const PIECE: usize = 1 << 20;

/// The bytes of an archive.
struct Archive {
    talk: Talk,
    server: ServerName,
    /// How many are still to come.
    left: u64,
}

/// Reads how long the archive is, or why there is none.
pub(super) async fn give(mut talk: Talk, server: &ServerName) -> Result<Result<GivenArchive, FaultReport>, TalkFault> {
    let line = timeout(NEXT, talk.line()).await.unwrap_or(Err(TalkFault::Silent { limit: NEXT }))?;
    let Some(line) = line else {
        talk.must_have_ended_well().await?;
        return Err(TalkFault::garbage(b""));
    };
    Ok(match serde_json::from_slice(&line).map_err(|_| TalkFault::garbage(&line))? {
        ArchiveAnswer::Refused(report) => Err(report),
        ArchiveAnswer::Bytes(bytes) => {
            let pieces = Box::new(Archive { talk, server: server.clone(), left: bytes });
            Ok(GivenArchive { bytes, pieces })
        }
    })
}

impl Archive {
    async fn piece(&mut self) -> Result<Option<Vec<u8>>, TalkFault> {
        if self.left == 0 {
            self.talk.must_have_ended_well().await?;
            return Ok(None);
        }
        let piece = timeout(NEXT, self.talk.bytes()).await.unwrap_or(Err(TalkFault::Silent { limit: NEXT }))?;
        let Some(piece) = piece else {
            self.talk.must_have_ended_well().await?;
            return Err(TalkFault::BrokeOff { how: format!("{} bytes before its end", self.left) });
        };
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => self.left = left,
            None => return Err(TalkFault::garbage(b"more bytes than it has")),
        }
        Ok(Some(piece))
    }
}

impl Pieces for Archive {
    fn next(&mut self) -> Asking<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            let piece = self.piece().await;
            piece.map_err(|fault| fault.lost(&self.server))
        })
    }
}

/// Sends what `from` gives, and reads what became of it.
pub(super) async fn take(mut talk: Talk, from: &mut dyn Source) -> Result<Result<FoundBackup, FaultReport>, TalkFault> {
    let whole = loop {
        let piece = match from.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break true,
            // It hears no end, and so removes what it has.
            Err(_) => break false,
        };
        for piece in piece.chunks(PIECE) {
            let length = u32::try_from(piece.len()).unwrap_or_default().to_be_bytes();
            // A program that takes no more has said why, or will by how it ends.
            if !(talk.tell(&length, NEXT).await? && talk.tell(piece, NEXT).await?) {
                return answer(talk).await;
            }
        }
    };
    if whole {
        talk.tell(&[0; 4], NEXT).await?;
    }
    talk.hush();
    answer(talk).await
}

async fn answer(mut talk: Talk) -> Result<Result<FoundBackup, FaultReport>, TalkFault> {
    let line = timeout(LOOKING, talk.line()).await.unwrap_or(Err(TalkFault::Silent { limit: LOOKING }))?;
    talk.must_have_ended_well().await?;
    let line = line.unwrap_or_default();
    Ok(match serde_json::from_slice(&line).map_err(|_| TalkFault::garbage(&line))? {
        ReceivedAnswer::There(found) => Ok(*found),
        ReceivedAnswer::Refused(report) => Err(report),
    })
}
