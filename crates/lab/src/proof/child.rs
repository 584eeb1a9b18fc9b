//! A worker that dies, in a process of its own: the test program, started again.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, PoisonError};

use aegir_domain::AttemptId;
use aegir_provision::{Boundary, BoundaryDrill, Worker, recover_all, run_attempt};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

use super::FORKING;
use crate::Lab;
use crate::folder::LabFolder;

/// The test of a program with proofs that calls [`die_as_asked`].
const TEST: &str = "a_worker_that_dies_has_a_process_of_its_own";

/// The variable by which a program started again knows what it is for.
const VARIABLE: &str = "AEGIR_LAB_WORKER";

/// Where a process ends.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum At {
    /// After (or before) it wrote that record of the journal.
    Boundary(bool, u32),
    /// At that touch of the outside.
    Moment(u64),
    /// The same as `Boundary`, while it recovers.
    Recovering(bool, u32),
    /// The same as `Moment`, while it recovers.
    RecoveringMoment(u64),
}

#[derive(Serialize, Deserialize)]
struct Order {
    folder: PathBuf,
    attempt: AttemptId,
    at: At,
}

/// Works on `attempt` in another process, which ends there if it comes so far. Says whether it did.
pub(super) fn run_in_child(lab: &Lab, attempt: AttemptId, at: At) -> bool {
    let order = Order { folder: lab.folder.path().to_owned(), attempt, at };
    let order = serde_json::to_string(&order).expect("an order can be written");
    let program = std::env::current_exe().expect("a test program knows itself");
    let mut command = Command::new(program);
    command.args(["--exact", TEST, "--nocapture"]).env(VARIABLE, order);
    let ended = output_of(&mut command).expect("a test program can be started again");
    let killed = ended.status.signal() == Some(9);
    assert!(
        killed || ended.status.success(),
        "a worker at {at:?} ended with {}: {}{}",
        ended.status,
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    killed
}

/// Runs a program of a test, and gives what it said. It starts while no worker of this process has locks: they would be
/// its own too, and the worker's attempt would seem to be at work for as long as it runs.
pub fn output_of(command: &mut Command) -> io::Result<Output> {
    let child = {
        let _alone = FORKING.write().unwrap_or_else(PoisonError::into_inner);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    };
    child?.wait_with_output()
}

/// In a program that was started again by a proof: works, and dies as asked. In any other: nothing.
pub fn die_as_asked() {
    let Ok(order) = std::env::var(VARIABLE) else { return };
    let Order { folder, attempt, at } = serde_json::from_str(&order).expect("a proof gives a whole order");
    let lab = Lab::of_other(LabFolder::of_other(&folder));
    let at_boundary = |after: bool, record: u32| -> BoundaryDrill {
        Arc::new(move |side, number| {
            if (side == Boundary::After, number) == (after, record) {
                die();
            }
        })
    };
    if let At::Moment(moment) | At::RecoveringMoment(moment) = at {
        lab.machine.at_moments(move |now| {
            if now == moment {
                die();
            }
        });
    }
    match at {
        At::Boundary(after, record) => {
            let worker = Worker { at_boundary: Some(at_boundary(after, record)), ..lab.worker() };
            run_attempt(&worker, attempt).expect("a worker can take up an attempt");
        }
        At::Moment(_) => {
            run_attempt(&lab.worker(), attempt).expect("a worker can take up an attempt");
        }
        At::RecoveringMoment(_) => {
            recover_all(&lab.worker()).expect("what is open can be recovered");
        }
        At::Recovering(after, record) => {
            let worker = Worker { at_boundary: Some(at_boundary(after, record)), ..lab.worker() };
            recover_all(&worker).expect("what is open can be recovered");
        }
    }
}

fn die() {
    kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
}
