//! Follows a bulk run until it ends or pauses. Whoever follows can leave at any moment; the run goes on.

use std::time::Duration;

use aegir_domain::exit_code;
use aegir_host::{Clock, SystemClock};
use aegir_hosting::view::{BulkFailureView, BulkView};
use aegir_hosting::{Call, OperationId};
use serde_json::Value;
use tokio::time::sleep;

use super::asked::Ask;
use super::door::{Door, read_as};
use super::follow::{Interrupts, came};
use super::perform::tell_who_starts_it;
use super::problem::Problem;
use super::screen::Screen;
use super::table::one_line;
use super::teller::{Teller, Voice};
use crate::failure::Failure;
use crate::speak::{err, out, plain};

/// How often we look how it stands.
const LOOKING: Duration = Duration::from_millis(500);

/// The operations whose answer is a run that can be followed, and whether it is unless somebody says otherwise.
pub(crate) fn follows(operation: OperationId) -> Option<bool> {
    match operation {
        OperationId::PlatformMigrate => Some(true),
        OperationId::BulkStart | OperationId::BulkRetry | OperationId::BulkResume | OperationId::BulkGoBack => {
            Some(false)
        }
        _ => None,
    }
}

/// Follows the run that was begun or goes on.
pub(crate) async fn follow_run(door: &mut Door, ask: &Ask, begun: &Value, screen: Screen) -> Result<u8, Failure> {
    let Some(id) = begun.get("id").and_then(Value::as_i64) else { return Ok(0) };
    door.work();
    let mut interrupts = Interrupts::listen().ok();
    let voice = if ask.manner.json { Voice::Document } else { Voice::Sentences };
    let mut teller = Teller::new(voice, ask.manner.verbose, screen, 0);
    teller.say(&format!("Bulk run {id} goes on; `aegir bulk pause {id}` has it pause."));
    let mut told = Told::default();
    loop {
        let run = tokio::select! {
            run = look(door, id) => run?,
            () = came(&mut interrupts) => return Ok(left(door, id)),
        };
        told.tell(&run, &mut teller);
        if run.ended || is_at_rest(&run) {
            return Ok(summed_up(&run, ask));
        }
        let now = i64::try_from(SystemClock.unix_ms()).unwrap_or(i64::MAX);
        teller.show(now, Some(&in_a_line(&run)));
        tokio::select! {
            () = sleep(LOOKING) => (),
            () = came(&mut interrupts) => return Ok(left(door, id)),
        }
    }
}

async fn look(door: &mut Door, id: i64) -> Result<BulkView, Problem> {
    read_as(door.object(Call::of(OperationId::BulkShow).about(id.to_string())).await?)
}

/// Whether it is paused, and what was asked has ended.
fn is_at_rest(run: &BulkView) -> bool {
    let goes_on = ["waiting", "running", "out-of-contact", "rehearsing"];
    run.state == "paused" && goes_on.iter().all(|state| !run.states.contains_key(*state))
}

/// What was told of a run so far.
#[derive(Default)]
struct Told {
    waves: usize,
    paused: bool,
}

impl Told {
    /// Tells which waves have ended, and that it pauses.
    fn tell(&mut self, run: &BulkView, teller: &mut Teller) {
        if run.waves.len() > 1 {
            for wave in run.waves.iter().skip(self.waves).take_while(|wave| wave.ended) {
                let of = run.waves.len();
                let (number, all, failed) = (wave.wave, wave.all, wave.failed);
                teller.say(&format!(
                    "Wave {number} of {of} has ended: {} of {all} succeeded, {failed} failed.",
                    wave.succeeded
                ));
                self.waves += 1;
            }
        }
        let paused = run.state == "paused";
        if paused && !self.paused {
            teller.say(&format!("It is paused{}; what has begun goes to its end.", why(run)));
        }
        self.paused = paused;
    }
}

fn why(run: &BulkView) -> String {
    let why =
        run.halt.as_ref().and_then(|halt| halt.why.clone().or_else(|| halt.by.as_ref().map(|by| format!("by {by}"))));
    why.map(|why| format!(": {}", one_line(&why))).unwrap_or_default()
}

fn in_a_line(run: &BulkView) -> String {
    let count = |states: &[&str]| states.iter().filter_map(|state| run.states.get(*state)).sum::<u64>();
    let running = count(&["running", "waiting", "rehearsing", "out-of-contact"]);
    let open = count(&["not-asked", "rehearsed"]);
    let ended = run.all - running - open;
    let left = run.left_ms.map(|ms| format!(", about {} min left", ms.div_ceil(60_000))).unwrap_or_default();
    format!("{ended} of {} ended, {} failed, {running} underway{left}", run.all, run.failed)
}

fn left(door: &Door, id: i64) -> u8 {
    tell_who_starts_it(door);
    err(&format!(
        "Bulk run {id} goes on. To see it: `aegir bulk show {id}`; to have it pause: `aegir bulk pause {id}`"
    ));
    exit_code::DETACHED
}

/// Says what became of all, failures grouped by their causes, and gives the exit code.
fn summed_up(run: &BulkView, ask: &Ask) -> u8 {
    if ask.manner.json {
        out(&format!("{:#}", serde_json::to_value(run).unwrap_or_default()));
    } else {
        out(&format!("{} of {} succeeded.", run.succeeded, run.all));
    }
    run.failures.iter().for_each(complain);
    let id = run.id;
    if run.state == "paused" {
        err(&format!("\nTo go on: `aegir bulk resume {id} --wait`; to end it: `aegir bulk stop {id}`"));
    } else if run.failed > 0 {
        err(&format!("\nTo try those again: `aegir bulk retry {id} --wait`"));
    }
    let is_whole = run.failed == 0 && run.ended && run.state == "ended";
    if is_whole { 0 } else { exit_code::PARTLY_FAILED }
}

fn complain(failure: &BulkFailureView) {
    err(&plain(&format!("\n{} {}: {}", failure.count, failure.state, failure.cause)));
    if let Some(remedy) = &failure.remedy {
        err(&plain(&format!("  how to fix it: {remedy}")));
    }
    let named = failure.objects.iter().map(|object| {
        let task = object.task.map(|task| format!(" (task {task})")).unwrap_or_default();
        format!("{}{task}", one_line(&object.name))
    });
    let more = if failure.count > failure.objects.len() as u64 { ", …" } else { "" };
    err(&format!("  {}{more}", named.collect::<Vec<_>>().join(", ")));
}
