//! The front end itself: what is remembered, what is queued, and the door to both.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aegir_domain::{AttemptId, Remedy};
use aegir_store::{SecretKey, Store, StoreFault};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use crate::{BackEnds, BadParameter, BadParameters, Postman, Refusal};

/// How long a secret answer waits for whoever asked, in milliseconds.
const SECRET_WAITS: i64 = 15 * 60 * 1000;
/// How many of them are kept at the most.
const MOST_SECRETS: usize = 1_000;

/// What the front end needs of the world besides its store: the time, what nobody can guess, and who is gone.
pub trait Outside: Send + Sync {
    /// The time, in milliseconds since 1970.
    fn now(&self) -> i64;

    /// An id for a new attempt.
    fn attempt(&self) -> AttemptId;

    /// A new secret for a token: at least 160 bits that nobody can guess, as letters and digits.
    fn token(&self) -> String;

    /// Whether the control node that calls itself `holder` has ended for certain. What cannot be known from here is
    /// no: its lease then ends by the clock.
    fn is_gone(&self, holder: &str) -> bool;
}

/// The front end. Cheap to clone.
#[derive(Clone)]
pub struct Hosting(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) back_ends: Arc<dyn BackEnds>,
    pub(crate) outside: Arc<dyn Outside>,
    pub(crate) postman: Arc<dyn Postman>,
    /// What secrets in the store are sealed with.
    pub(crate) key: SecretKey,
    /// Wakes dispatchers of this process: something was queued, or ended.
    pub(crate) wake: Notify,
    /// Something was done on a machine of ours without us: dispatchers are to look now, and not at their next time.
    pub(crate) look: AtomicBool,
    secrets: Mutex<HashMap<i64, Kept>>,
}

/// A secret part of an answer, until whoever asked has taken it.
struct Kept {
    actor: String,
    answer: Map<String, Value>,
    until: i64,
}

impl Hosting {
    /// Over a store and back ends. Nothing runs until a [`crate::Dispatcher`] does.
    pub fn new(
        store: Store,
        back_ends: Arc<dyn BackEnds>,
        outside: Arc<dyn Outside>,
        postman: Arc<dyn Postman>,
        key: SecretKey,
    ) -> Hosting {
        let secrets = Mutex::default();
        let (wake, look) = (Notify::new(), AtomicBool::new(false));
        Hosting(Arc::new(Inner { store, back_ends, outside, postman, key, wake, look, secrets }))
    }

    /// The control database.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn now(&self) -> i64 {
        self.0.outside.now()
    }

    /// Has what was done by hand found now: whoever knows that something was need not wait for the next look.
    pub fn look_soon(&self) {
        self.0.look.store(true, Ordering::Release);
        self.wake();
    }

    /// Wakes whoever starts tasks.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_waiters();
        self.0.wake.notify_one();
    }

    /// Keeps the secret part of a task's answer for whoever asked for it.
    pub(crate) fn keep_secret(&self, task: i64, actor: &str, answer: Map<String, Value>) {
        let now = self.now();
        let mut secrets = self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.retain(|_, kept| kept.until > now);
        if secrets.len() < MOST_SECRETS {
            secrets.insert(task, Kept { actor: actor.to_owned(), answer, until: now + SECRET_WAITS });
        }
    }

    /// Gives it away: once, and to nobody else.
    pub(crate) fn take_secret(&self, task: i64, actor: &str) -> Option<Map<String, Value>> {
        let mut secrets = self.0.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        match secrets.get(&task) {
            Some(kept) if kept.actor == actor && kept.until > self.now() => {
                secrets.remove(&task).map(|kept| kept.answer)
            }
            _ => None,
        }
    }
}

impl From<StoreFault> for Refusal {
    fn from(fault: StoreFault) -> Refusal {
        match fault {
            StoreFault::Taken { what, .. } => Refusal::Conflict {
                what: format!("{what} is taken"),
                remedy: Some("choose another one, or free it first".into()),
            },
            StoreFault::BadCursor => Refusal::Bad(BadParameters {
                operation: "list".into(),
                bad: vec![BadParameter { parameter: "cursor".into(), why: fault.to_string(), remedy: fault.remedy() }],
            }),
            StoreFault::Unfit { .. } => Refusal::Conflict { what: fault.to_string(), remedy: fault.remedy() },
            other => Refusal::Store(aegir_domain::FaultReport::of(&other)),
        }
    }
}
