//! The front end itself: what is remembered, what is queued, and the door to both.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aegir_domain::{AttemptId, HostName, NodeId, Password, Remedy};
use aegir_store::{SecretKey, Store, StoreFault, Tx};
use serde_json::{Map, Value};
use tokio::sync::{Notify, RwLock};

use crate::people::derive::Deriver;
use crate::use_case::Underway;
use crate::{BackEnds, BadParameter, BadParameters, Postman, Refusal, TaskTypes};

/// How long a secret answer waits for whoever asked, in milliseconds.
pub(crate) const SECRET_WAITS: i64 = 15 * 60 * 1000;

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
    /// Wakes whoever asks the objects of bulk runs.
    pub(crate) bulk: Notify,
    /// Something was done on a machine of ours without us: dispatchers are to look now, and not at their next time.
    pub(crate) look: AtomicBool,
    pub(crate) underway: Underway,
    /// The tokens whose use is being written down.
    pub(crate) noting: Mutex<HashSet<i64>>,
    /// The sessions whose use is being written down.
    pub(crate) noting_sessions: Mutex<HashSet<i64>>,
    pub(crate) deriver: Deriver,
    /// Held by each trash that is being emptied for somebody.
    pub(crate) emptying: Arc<RwLock<()>>,
    /// Where the panel of this process answers, once it does.
    panel: OnceLock<String>,
    /// Where task types of the operator's own are read from, once that was said.
    task_types: OnceLock<Arc<dyn TaskTypes>>,
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
        Hosting(Arc::new(Inner {
            store,
            back_ends,
            outside,
            postman,
            key,
            wake: Notify::new(),
            bulk: Notify::new(),
            look: AtomicBool::new(false),
            underway: Underway::default(),
            noting: Mutex::default(),
            noting_sessions: Mutex::default(),
            deriver: Deriver::default(),
            emptying: Arc::default(),
            panel: OnceLock::new(),
            task_types: OnceLock::new(),
        }))
    }

    /// Says where task types of the operator's own are read from. Said once; the first word holds.
    pub fn task_types_are_in(&self, types: Arc<dyn TaskTypes>) {
        let _ = self.0.task_types.set(types);
    }

    pub(crate) fn task_types(&self) -> Option<Arc<dyn TaskTypes>> {
        self.0.task_types.get().cloned()
    }

    /// Says where the panel answers, so that links to it are told whole. Said once; the first word holds.
    pub fn panel_is_at(&self, address: SocketAddr) {
        let _ = self.0.panel.set(panel_at(address));
    }

    /// Says by which name a web server with TLS leads to the panel: links are told with that, if it is said first.
    pub fn panel_is_behind(&self, host: &HostName) {
        let _ = self.0.panel.set(format!("https://{host}"));
    }

    /// Where the panel of this process answers: `http://localhost:8088`; `None`: it has none.
    pub fn panel(&self) -> Option<&str> {
        self.0.panel.get().map(String::as_str)
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
        // What ended may have made room for the next objects of a bulk run.
        self.0.bulk.notify_one();
    }

    /// Keeps the secret part of a task's answer, sealed, for whoever asked for it. What cannot be sealed is lost, and
    /// keeps no end from being recorded.
    pub(crate) async fn keep_answer(
        &self,
        tx: &mut Tx,
        task: NodeId,
        answer: &Map<String, Value>,
        now: i64,
    ) -> Result<(), StoreFault> {
        let text = Password::new(serde_json::to_string(answer).unwrap_or_default());
        match tx.keep_answer(task, &text, &self.0.key, now).await {
            Err(fault @ StoreFault::Sealed { .. }) => {
                tracing::warn!(%task, fault = %fault, "what it answers in secret cannot be kept");
                Ok(())
            }
            kept => kept,
        }
    }

    /// Whether one waits for `asker`.
    pub(crate) async fn answer_waits(&self, task: NodeId, asker: &str) -> Result<bool, StoreFault> {
        let since = self.now() - SECRET_WAITS;
        self.store().read(async |read| read.answer_waits(task, asker, since).await).await
    }

    /// Gives it away: once, and to nobody else, on whichever control node.
    pub(crate) async fn take_answer(
        &self,
        task: NodeId,
        asker: &str,
    ) -> Result<Option<Map<String, Value>>, StoreFault> {
        let since = self.now() - SECRET_WAITS;
        // Most who ask have nothing waiting, and need not wait for their turn to write.
        let names = self.store().read(async |read| read.secret_names(task).await).await?;
        if names.is_empty() {
            return Ok(None);
        }
        let taken = self.store().write(async |tx| tx.take_answer(task, asker, &self.0.key, since).await).await?;
        Ok(taken.and_then(|text| serde_json::from_str(text.expose()).ok()))
    }
}

/// How the address of a panel is written that listens here: `http://localhost:8088`. As a browser is to be told it,
/// for it keeps sessions by this name.
pub fn panel_at(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip == IpAddr::from([127, 0, 0, 1]) || ip == IpAddr::V6(Ipv6Addr::LOCALHOST) => {
            format!("http://localhost:{}", address.port())
        }
        _ => format!("http://{address}"),
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
