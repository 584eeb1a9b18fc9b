//! Decides what begins next, for every server whose lease it has.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aegir_domain::{AttemptId, NodeId, Transport};
use aegir_store::{Fence, Page, ServerList, ServerRecord, StoreFault};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::recorder::{Begin, Recorder};
use crate::{Hosting, Place, Refusal};

/// How long a lease holds, in milliseconds.
const LEASE: i64 = 30_000;
/// How often what nobody told us of is looked for.
const TURN: Duration = Duration::from_secs(1);
/// How many tasks are claimed in one transaction.
const BATCH: usize = 16;
/// How often a machine is asked what was done there by hand.
const LOOK: Duration = Duration::from_secs(60);
/// How often the home is looked at while nothing is known of this machine.
const SEARCH: Duration = Duration::from_secs(5);

/// Starts tasks and records what becomes of them, until it is told to stop.
pub struct Dispatcher {
    hosting: Hosting,
    /// Who holds the leases: the name of this control node.
    holder: String,
    leases: HashMap<NodeId, (Fence, i64)>,
    /// Attempts that a recorder follows.
    followed: Arc<Mutex<HashSet<AttemptId>>>,
    recorders: JoinSet<()>,
    looked: HashMap<NodeId, Duration>,
    looked_at_home: Option<Duration>,
}

/// What one turn of a dispatcher did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Once {
    /// How many tasks it began.
    pub begun: usize,
    /// How many it attached to again.
    pub attached: usize,
}

impl Dispatcher {
    /// A dispatcher for the control node `holder`.
    pub fn new(hosting: Hosting, holder: impl Into<String>) -> Dispatcher {
        Dispatcher {
            hosting,
            holder: holder.into(),
            leases: HashMap::new(),
            followed: Arc::default(),
            recorders: JoinSet::new(),
            looked: HashMap::new(),
            looked_at_home: None,
        }
    }

    /// Starts and records tasks until `stop` says so. Those that run go on without us, and are attached to by
    /// whoever comes next.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut heard = self.hosting.store().heard();
        loop {
            if *stop.borrow() {
                break;
            }
            if let Err(fault) = self.turn().await {
                tracing::warn!(fault = %fault, "the queue cannot be worked on just now");
            }
            let wake = self.hosting.clone();
            tokio::select! {
                _ = stop.changed() => (),
                _ = wake.0.wake.notified() => (),
                _ = heard.changed() => (),
                Some(_) = self.recorders.join_next() => (),
                () = tokio::time::sleep(TURN) => (),
            }
        }
        self.leave().await;
    }

    /// Does what there is to do now, and waits until all that it began has ended: for those who want a crontab.
    pub async fn once(mut self) -> Result<Once, Refusal> {
        let mut all = Once::default();
        loop {
            let done = self.turn().await?;
            all.begun += done.begun;
            all.attached += done.attached;
            if self.recorders.is_empty() {
                break;
            }
            let wake = self.hosting.clone();
            tokio::select! {
                _ = self.recorders.join_next() => (),
                () = wake.0.wake.notified() => (),
                () = tokio::time::sleep(TURN) => (),
            }
        }
        self.leave().await;
        Ok(all)
    }

    /// Works on every server that is ours.
    async fn turn(&mut self) -> Result<Once, Refusal> {
        let mut done = Once::default();
        let mut servers = self.servers().await?;
        if !servers.iter().any(|server| server.transport == Transport::Local) && self.look_at_home().await? {
            servers = self.servers().await?;
        }
        for server in servers {
            // One server in trouble does not keep the others.
            match self.work_on(&server).await {
                Ok(on_it) => {
                    done.begun += on_it.begun;
                    done.attached += on_it.attached;
                }
                Err(StoreFault::Superseded { .. }) => {
                    self.leases.remove(&server.node.id);
                }
                Err(fault) if fault.may_pass() => {
                    tracing::warn!(server = %server.context.name, fault = %fault, "its queue waits");
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(done)
    }

    /// Where no server of this machine is known, its home may hold some that were saved by hand. Says whether it did.
    async fn look_at_home(&mut self) -> Result<bool, StoreFault> {
        let now = Duration::from_millis(u64::try_from(self.hosting.now()).unwrap_or_default());
        if self.looked_at_home.is_some_and(|last| last <= now && now - last < SEARCH) {
            return Ok(false);
        }
        self.looked_at_home = Some(now);
        match super::takeover::look_at_home(&self.hosting, &self.holder, LEASE).await {
            Ok(found) => Ok(found),
            Err(super::takeover::TakeOverFault::Store(fault)) => Err(fault),
            Err(fault) => {
                tracing::warn!(fault = %fault, "what is saved in the home is not known");
                Ok(false)
            }
        }
    }

    async fn servers(&self) -> Result<Vec<ServerRecord>, StoreFault> {
        self.hosting
            .store()
            .read(async |read| {
                let mut all = Vec::new();
                let mut list = ServerList { page: Page::first(aegir_store::LONGEST_PAGE), ..ServerList::default() };
                loop {
                    let page = read.list(&list).await?;
                    all.extend(page.rows);
                    match page.next {
                        Some(next) => list.page = Page::behind(aegir_store::LONGEST_PAGE, next),
                        None => break,
                    }
                }
                Ok(all)
            })
            .await
    }

    async fn work_on(&mut self, server: &ServerRecord) -> Result<Once, StoreFault> {
        let id = server.node.id;
        let now = self.hosting.now();
        let mut done = Once::default();
        let fence = match self.leases.get(&id) {
            Some((fence, until)) if *until - now > LEASE / 2 => fence.clone(),
            Some((fence, _)) => {
                let fence = fence.clone();
                self.hosting.store().write_soon(async |tx| tx.renew_lease(&fence, LEASE, now).await).await?;
                self.leases.insert(id, (fence.clone(), now + LEASE));
                fence
            }
            None => {
                let (name, holder) = (format!("dispatch:{}", server.context.name), self.holder.clone());
                let taken =
                    self.hosting.store().write(async |tx| tx.take_lease(&name, &holder, LEASE, now).await).await?;
                let Ok(fence) = taken else { return Ok(done) };
                self.leases.insert(id, (fence.clone(), now + LEASE));
                fence
            }
        };
        let place = Place { server: server.context.name.clone(), transport: server.transport.clone() };
        // What a node before us left, and what ended without us.
        let active = self.hosting.store().read(async |read| read.active_attempts(id).await).await?;
        for attempt in active {
            if self.follow(attempt.id) {
                done.attached += 1;
                let begin = Begin::Attach { from: attempt.next_line };
                self.record(attempt.id, attempt.task, place.clone(), fence.clone(), begin);
            }
        }
        loop {
            let ids: Vec<AttemptId> = (0..BATCH).map(|_| self.hosting.0.outside.attempt()).collect();
            let claimed = self.hosting.store().write(async |tx| tx.claim_tasks(id, &ids, &fence, now).await).await?;
            let some = claimed.len();
            for claimed in claimed {
                if self.follow(claimed.attempt) {
                    done.begun += 1;
                    self.record(claimed.attempt, claimed.task.id, place.clone(), fence.clone(), Begin::Start);
                }
            }
            if some < BATCH {
                break;
            }
        }
        self.look(id, place, fence);
        Ok(done)
    }

    /// Now and then asks the machine what was done there by hand.
    fn look(&mut self, server: NodeId, place: Place, fence: Fence) {
        let now = Duration::from_millis(u64::try_from(self.hosting.now()).unwrap_or_default());
        let due = self.looked.get(&server).is_none_or(|last| now.saturating_sub(*last) >= LOOK || now < *last);
        if due {
            self.looked.insert(server, now);
            let (hosting, followed) = (self.hosting.clone(), self.followed.clone());
            self.recorders.spawn(async move {
                if let Err(fault) = super::takeover::take_over(&hosting, server, &place, &fence, &followed).await {
                    tracing::warn!(server = %place.server, fault = %fault, "what was done there by hand is not known");
                }
            });
        }
    }

    /// Notes that a recorder follows the attempt; no, if one does already.
    fn follow(&self, attempt: AttemptId) -> bool {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt)
    }

    fn record(&mut self, attempt: AttemptId, task: NodeId, place: Place, fence: Fence, begin: Begin) {
        let recorder = Recorder { hosting: self.hosting.clone(), attempt, task, place, fence };
        let followed = self.followed.clone();
        self.recorders.spawn(async move {
            recorder.run(begin).await;
            followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
            recorder_ended(&recorder);
        });
    }

    /// Lets others take over at once.
    async fn leave(&mut self) {
        self.recorders.abort_all();
        while self.recorders.join_next().await.is_some() {}
        for (fence, _) in std::mem::take(&mut self.leases).into_values() {
            // If it cannot be said, it is found out when the lease ends.
            let _ = self.hosting.store().write(async |tx| tx.leave_lease(&fence).await).await;
        }
    }
}

/// Room is free again, and perhaps what somebody waited for.
fn recorder_ended(recorder: &Recorder) {
    recorder.hosting.wake();
}
