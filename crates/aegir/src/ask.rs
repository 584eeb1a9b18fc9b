//! Asks for an attempt, and starts the worker that carries it out.

use std::sync::Arc;

use aegir_domain::protocol::{Request, VERSION};
use aegir_domain::{AttemptId, Cmd, Secrets, Task};
use aegir_host::{Detached, Mint, start_detached};
use aegir_provision::{Asked, Attempt, AttemptFault, WorldParts};

use crate::compose::{Composed, OWN_PROGRAM};
use crate::failure::Failure;
use crate::owner;

/// An attempt, and what it takes to start a worker for it.
pub(crate) struct Followed {
    pub(crate) id: AttemptId,
    pub(crate) attempt: Attempt,
    pub(crate) parts: Arc<WorldParts>,
    /// Its worker, if we started one.
    pub(crate) worker: Option<Detached>,
    /// Whether the part of the answer that is told only once is left to somebody else.
    pub(crate) leaves_secret: bool,
}

impl Followed {
    /// Asks for what `request` says, and starts a worker unless one was started for it before.
    pub(crate) fn ask(composed: &Composed, request: &Request) -> Result<Followed, Failure> {
        // Read by the worker; a mistake in it is told here, before anything is made.
        composed.worker()?;
        let (attempt, asked) = Attempt::ask(&composed.parts, request)?;
        let parts = composed.parts.clone();
        let mut followed = Followed { id: request.attempt, attempt, parts, worker: None, leaves_secret: false };
        if asked == Asked::New {
            followed.start(composed.drill.as_deref())?;
        }
        Ok(followed)
    }

    /// An attempt that was asked for before.
    pub(crate) fn find(composed: &Composed, id: AttemptId) -> Result<Followed, Failure> {
        let attempt = Attempt::find(&composed.parts, id)?;
        Ok(Followed { id, attempt, parts: composed.parts.clone(), worker: None, leaves_secret: false })
    }

    /// Starts a worker.
    pub(crate) fn start(&mut self, drill: Option<&str>) -> Result<(), AttemptFault> {
        let home = self.parts.home.path().to_string_lossy().into_owned();
        let cmd = Cmd::new(OWN_PROGRAM).args(["--home".to_owned(), home]);
        let cmd = cmd.args(["provision", "worker"]).arg(self.id.to_string());
        let mut env = self.parts.settings.variables.clone();
        env.extend(drill.map(|drill| ("AEGIR_DRILL".to_owned(), drill.to_owned())));
        let log = self.attempt.folder.worker_log();
        self.worker = Some(start_detached(&cmd, &env, &log).map_err(AttemptFault::NoWorker)?);
        Ok(())
    }

    /// Whether anybody works on it.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.worker.as_mut().is_some_and(Detached::is_running) || self.attempt.is_alive()
    }
}

/// The request of a person: a new attempt.
pub(crate) fn by_hand(parts: &WorldParts, task: Task, secrets: Secrets) -> Request {
    let mint: &dyn Mint = &*parts.mint;
    Request {
        protocol: VERSION,
        attempt: AttemptId::from_parts(parts.clock.unix_ms(), mint.random()),
        task,
        secrets,
        asked_by: Some(owner::own_name()),
    }
}
