//! Has each machine remove for good what was deleted there long ago.
//!
//! For how long it is kept, the machine's own settings say: there it lies, and there is the room. So nothing of it is
//! remembered here, and no task is made of it ([0050](../../../../docs/decisions/0050-the-trash-is-emptied-by-a-rename.md)).

use aegir_domain::TrashEmptied;
use aegir_store::StoreFault;

use crate::{Emptying, Hosting, Lost, Place};

impl Hosting {
    /// Asks each machine, one after the other, to empty its trash of what is due; says how many things went. A machine that
    /// does not answer is asked the next time.
    pub async fn empty_trash(&self) -> Result<usize, StoreFault> {
        let homes = self.store().read(async |read| crate::use_case::homes(read).await).await?;
        let mut went = 0;
        for (_, place) in homes {
            let emptied = self.0.back_ends.empty_trash(&place, &Emptying::default()).await;
            went += trace_emptied(&place, emptied);
        }
        Ok(went)
    }
}

/// Tells in the log what went from a trash; says how many things that is.
pub(crate) fn trace_emptied(place: &Place, emptied: Result<TrashEmptied, Lost>) -> usize {
    let emptied = match emptied {
        Ok(emptied) => emptied,
        Err(lost) => {
            tracing::warn!(fault = %lost, "its trash is not emptied for now");
            return 0;
        }
    };
    for thing in &emptied.removed {
        tracing::info!(server = %place.server, thing = thing.name, bytes = thing.bytes, "gone from the trash");
    }
    for fault in &emptied.faults {
        tracing::warn!(server = %place.server, fault = %aegir_domain::Report(fault), "stays in the trash");
    }
    emptied.removed.len()
}
