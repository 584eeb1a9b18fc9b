//! When to stop, and what must happen before the services go.
//!
//! ```text
//!   Ctrl-C        tasks are asked to stop ─► each rolls back at its next line ─► services end in order
//!   again         workers are killed, services end at once; what was begun is told
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;
use std::time::Duration;

use aegir_stack::StopRequest;

use super::back_end::BackEnd;
use super::first_hour::FirstHourFault;
use super::teller::Teller;

/// How often we look whether tasks have ended.
const LOOK: Duration = Duration::from_millis(100);

/// Decides when the services may go.
pub(crate) struct Keeper<'a> {
    back_end: &'a BackEnd,
    teller: &'a Teller,
    /// Tells the first hour to begin no further step.
    stopping: &'a AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tasks: Tasks,
    killed: bool,
    failure: Option<FirstHourFault>,
}

/// How it stands with what runs, once we are to stop.
#[derive(Clone, Copy, Default, PartialEq)]
enum Tasks {
    /// Nobody asked us to stop.
    #[default]
    GoOn,
    /// They are being taken back.
    TakenBack,
    /// None runs any more.
    Ended,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(back_end: &'a BackEnd, teller: &'a Teller, stopping: &'a AtomicBool) -> Keeper<'a> {
        Keeper { back_end, teller, stopping, state: Mutex::default() }
    }

    /// What the services are to do now that somebody asked this. Threads that it needs belong to `scope`.
    pub(crate) fn asked<'scope, 'env: 'scope>(
        &'env self,
        signals: StopRequest,
        scope: &'scope Scope<'scope, 'env>,
    ) -> StopRequest {
        let mut state = self.state();
        let asked = match (signals, &state.failure) {
            (StopRequest::No, Some(_)) => StopRequest::Orderly,
            (asked, _) => asked,
        };
        match (asked, state.tasks) {
            (StopRequest::No, _) => StopRequest::No,
            (StopRequest::AtOnce, _) => {
                if !std::mem::replace(&mut state.killed, true) {
                    drop(state);
                    self.kill();
                }
                StopRequest::AtOnce
            }
            (StopRequest::Orderly, Tasks::GoOn) => {
                state.tasks = Tasks::TakenBack;
                self.stopping.store(true, Ordering::Relaxed);
                scope.spawn(|| self.take_back());
                StopRequest::No
            }
            (StopRequest::Orderly, Tasks::TakenBack) => StopRequest::No,
            (StopRequest::Orderly, Tasks::Ended) => StopRequest::Orderly,
        }
    }

    /// Has every running task stop, and waits for their ends.
    fn take_back(&self) {
        let mut told = Vec::new();
        while !self.state().killed {
            // A back end that does not answer has no task that could be waited for.
            let busy = self.back_end.busy().unwrap_or_default();
            if busy.is_empty() {
                break;
            }
            for task in busy {
                if told.contains(&task.attempt) {
                    continue;
                }
                self.teller.text(&format!("taking back: {} (Ctrl-C again stops at once)", task.what()));
                if let Err(fault) = self.back_end.cancel(task.attempt) {
                    self.teller.warn(&fault.to_string());
                }
                told.push(task.attempt);
            }
            std::thread::sleep(LOOK);
        }
        self.state().tasks = Tasks::Ended;
    }

    /// Ends all workers at once, and says what becomes of what they began.
    fn kill(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let busy = self.back_end.busy().unwrap_or_default();
        self.back_end.stop_following();
        for task in busy {
            self.back_end.kill(task.attempt);
            self.teller.text(&format!(
                "{} was in the middle. The next start takes it back, or carries it on if it was past its point \
                 of no return; `{}` does so by hand",
                task.what(),
                self.back_end.shown(&["recover"])
            ));
        }
    }

    /// The first hour came to its end.
    pub(crate) fn first_hour_ended(&self, ended: Result<(), FirstHourFault>) {
        match ended {
            // Whoever asked us to stop knows.
            Ok(()) | Err(FirstHourFault::Stopping) => (),
            Err(_) if self.stopping.load(Ordering::Relaxed) => (),
            Err(fault) => self.state().failure = Some(fault),
        }
    }

    /// The services are gone: nothing that runs may wait for them.
    pub(crate) fn services_ended(&self) {
        if !self.stopping.load(Ordering::Relaxed) {
            self.kill();
        }
        self.state().killed = true;
    }

    /// Why the first hour did not come to a site, if so.
    pub(crate) fn failure(&self) -> Option<FirstHourFault> {
        self.state().failure.take()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
