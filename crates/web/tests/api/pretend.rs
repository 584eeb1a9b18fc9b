//! The API over the real front end, whose machines pretend, for programs that try it out: `scripts/test-api`.
//!
//! Says `ADDRESS TOKEN` on one line, carries out what is queued, and ends when its standard input does.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a stage for tests")]

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use aegir_hosting::{Call, OperationId, Permission};
use aegir_lab::pretend::PretendFront;
use aegir_web::{Limits, Server, Ways};
use tokio::sync::watch;

#[path = "../panel/machine.rs"]
mod machine;

use machine::Machine;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let front = PretendFront::in_folder(folder.path()).await;
    front.first_site().await;
    let token = front.token("pretend", &Permission::ALL).await;
    let ways = Ways { tcp: Some(([127, 0, 0, 1], 0).into()), ..Ways::default() };
    let outside = Arc::new(Machine::of(&front));
    // Whoever tries the API sends wrong tokens, and wants to see each refused.
    let limits = Limits { wrong_tokens: u32::MAX, ..Limits::default() };
    let server = Server::bind(Arc::new(front.hosting.clone()), outside, ways, limits).await.unwrap();
    println!("{} {token}", server.address().unwrap());
    let (_stop, told) = watch::channel(false);
    let at_work = front.clone();
    tokio::spawn(async move { at_work.work_until(told).await });
    // Whoever pauses the queue and then waits for a task would wait in vain.
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let resume = Call::of(OperationId::QueueResume);
            for call in [resume.clone(), resume.with("server", "web1")] {
                // It may have been forgotten meanwhile.
                let _ = front.ask(call).await;
            }
        }
    });
    let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    server.serve(async { drop(end.await) }).await;
}
