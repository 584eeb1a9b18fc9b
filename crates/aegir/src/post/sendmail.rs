//! Gives a letter to the machine's own `sendmail`, which ends with whoever waits for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aegir_domain::{Cmd, Password};
use aegir_host::{Launch, Limits, Programs};

use super::fault::PostFault;
use super::letter::Written;

pub(super) async fn send(
    programs: Arc<dyn Programs>,
    program: &Path,
    written: &Written,
    limit: Duration,
) -> Result<(), PostFault> {
    let (from, to): (&str, &str) = (written.from.as_ref(), written.to.as_ref());
    // Not every `sendmail` takes what follows `-f` for an address, nor `--` for the end of options.
    if let Some(address) = [from, to].into_iter().find(|address| address.starts_with('-')) {
        return Err(PostFault::LikeAnOption { address: address.to_owned() });
    }
    // A line with a dot alone is no end.
    let cmd = Cmd::new(program).args(["-i", "-f", from, "--", to]);
    // Programs of this machine read the line ends of this machine.
    let text = String::from_utf8_lossy(&written.text).replace("\r\n", "\n");
    let limits = Limits { time: limit, output: 16 * 1024, ..Limits::default() };
    let given_up = GivenUp::default();
    let is_given_up = given_up.0.clone();
    let stop = Arc::new(move || is_given_up.load(Ordering::Relaxed));
    let launch = Launch::new(cmd).stdin(Password::new(text)).limits(limits).until(stop);
    let run = move || {
        let ran = programs.run(&launch, &mut |_| ()).and_then(|ran| ran.success(&launch.cmd));
        ran.map(drop).map_err(PostFault::Sendmail)
    };
    let sent = tokio::task::spawn_blocking(run).await.unwrap_or(Err(PostFault::Ended));
    drop(given_up);
    sent
}

/// Dropped, it says so. The thread that waits for the program cannot be dropped, and a program without an end would keep
/// all of us from ending for as long as a letter may take.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
