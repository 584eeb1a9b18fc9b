//! The nightly copies of the control database, and that there is none, which is news.

use std::time::Duration;

use aegir_domain::FaultReport;
use aegir_host::{Clock, SystemClock};
use aegir_hosting::Hosting;
use aegir_outside::copies::{Copies, CopyFault};
use tokio::sync::watch;

/// How often we look whether a night has passed.
const LOOK: Duration = Duration::from_secs(10 * 60);
/// How long the same is not told again.
const TOLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a copy each night, and one at the start if the last is older than a night.
pub(crate) async fn make_copies(hosting: Hosting, copies: Copies, mut stop: watch::Receiver<bool>) {
    let mut told: Option<Duration> = None;
    while !*stop.borrow() {
        match make_if_due(&hosting, &copies).await {
            Ok(()) => told = None,
            Err(fault) => {
                tracing::warn!(fault = %fault, "the control database was not copied");
                if told.is_none_or(|at| SystemClock.now().saturating_sub(at) >= TOLD) {
                    match hosting.tell_of_no_copy(FaultReport::of(&fault)).await {
                        Ok(()) => told = Some(SystemClock.now()),
                        Err(fault) => tracing::warn!(fault = %fault, "that there is no copy cannot be told just now"),
                    }
                }
            }
        }
        tokio::select! {
            _ = stop.changed() => (),
            () = tokio::time::sleep(LOOK) => (),
        }
    }
}

/// Makes a copy if the last is older than a night.
pub(crate) async fn make_if_due(hosting: &Hosting, copies: &Copies) -> Result<(), CopyFault> {
    let keep = hosting.copies_kept().await?;
    copies.make_if_due(hosting.store(), keep).await.map(drop)
}
