//! Decides what begins next, for every server whose lease it has.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use aegir_domain::{AttemptId, NodeId, ServerName, Transport};
use aegir_store::{Fence, Page, ServerList, ServerRecord, StoreFault};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Pace;
use super::cron::CronRuns;
use super::recorder::{Begin, Recorder};
use super::takeover::Look;
use crate::{Hosting, Place, Refusal};

/// How many tasks are claimed in one transaction.
const BATCH: usize = 16;
/// How often the home is looked at while nothing is known of this machine, in milliseconds.
const SEARCH: i64 = 5_000;

/// Starts tasks and records what becomes of them, until it is told to stop.
pub struct Dispatcher {
    hosting: Hosting,
    /// Who holds the leases: the name of this control node.
    holder: String,
    pace: Pace,
    leases: HashMap<NodeId, (Fence, i64)>,
    /// Attempts that a recorder follows.
    followed: Followed,
    recorders: JoinSet<()>,
    /// Machines that are being asked what was done there by hand.
    looks: JoinSet<Looked>,
    looking: HashSet<NodeId>,
    looked: HashMap<NodeId, i64>,
    /// When this machine's home was last looked at, where no server of it is known.
    looked_at_home: Option<i64>,
    looking_at_home: bool,
    /// Cron of sites, where it is run.
    cron: Option<CronRuns>,
    /// Cron that falls due later is left to the next time; `None`: none is.
    due_by: Option<i64>,
    /// What keeps a server's queue from being worked on, and will not pass by itself.
    trouble: Option<StoreFault>,
}

/// What was looked at.
enum Looked {
    /// A machine.
    Server(NodeId),
    /// The home of this one.
    Home,
}

/// Attempts that somebody follows.
pub(super) type Followed = Arc<Mutex<HashSet<AttemptId>>>;

/// What a dispatcher did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Once {
    /// The tasks that it began.
    pub begun: Vec<NodeId>,
    /// Those that somebody had begun, and that it attached to.
    pub attached: Vec<NodeId>,
    /// The servers that were another control node's to work on.
    pub elsewhere: Vec<ServerName>,
}

impl Once {
    fn add(&mut self, other: Once) {
        self.begun.extend(other.begun);
        // One that lost contact is attached to more than once.
        let known: HashSet<NodeId> = self.begun.iter().chain(&self.attached).copied().collect();
        self.attached.extend(other.attached.into_iter().filter(|task| !known.contains(task)));
        self.elsewhere.extend(other.elsewhere);
    }
}

impl Dispatcher {
    /// A dispatcher for the control node `holder`.
    pub fn new(hosting: Hosting, holder: impl Into<String>) -> Dispatcher {
        Dispatcher {
            hosting,
            holder: holder.into(),
            pace: Pace::default(),
            leases: HashMap::new(),
            followed: Arc::default(),
            recorders: JoinSet::new(),
            looks: JoinSet::new(),
            looking: HashSet::new(),
            looked: HashMap::new(),
            looked_at_home: None,
            looking_at_home: false,
            cron: None,
            due_by: None,
            trouble: None,
        }
    }

    /// The same, which runs cron of sites when it is due.
    pub fn with_cron(mut self) -> Dispatcher {
        self.cron = Some(CronRuns::default());
        self
    }

    /// The same, which waits as `pace` says.
    pub fn at(mut self, pace: Pace) -> Dispatcher {
        self.pace = pace;
        self
    }

    /// Starts and records tasks until `stop` says so. Those that run go on without us, and are attached to by
    /// whoever comes next.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut heard = self.hosting.store().heard();
        if let Some(cron) = &mut self.cron {
            cron.goes_on = true;
        }
        loop {
            if *stop.borrow() {
                break;
            }
            heard.mark_unchanged();
            if let Err(fault) = self.turn().await {
                tracing::warn!(fault = %fault, "the queue cannot be worked on just now");
            }
            let wake = self.hosting.clone();
            tokio::select! {
                told = stop.changed() => if told.is_err() {
                    // Whoever could have told us is gone.
                    break;
                },
                () = wake.0.wake.notified() => (),
                Ok(()) = heard.changed() => (),
                Some(_) = self.recorders.join_next() => (),
                () = cron_ended(&mut self.cron) => (),
                () = tokio::time::sleep(self.pace.turn) => (),
            }
        }
        self.leave().await;
    }

    /// Does what there is to do now, and waits until all that it began has ended: for those who want a crontab. What
    /// runs on a machine that does not answer is left to the next time.
    pub async fn once(self) -> Result<Once, Refusal> {
        self.once_until(std::future::pending()).await
    }

    /// The same, but for what is left to the next time when `told` ends.
    pub async fn once_until(mut self, told: impl Future<Output = ()>) -> Result<Once, Refusal> {
        let began = Instant::now();
        // Where many sites have cron, one or another is always due: it would never end.
        self.due_by = Some(self.hosting.now());
        let mut told = std::pin::pin!(told);
        let mut all = Once::default();
        let result = loop {
            tokio::select! {
                asked = self.hosting.ask_open_bulk_runs() => if let Err(fault) = asked {
                    break Err(fault.into());
                },
                // What of bulk runs was not asked yet is asked by whoever comes next.
                () = &mut told => break Ok(all),
            }
            match self.turn().await {
                Ok(done) => {
                    // Whose a server is now: it may have been free again since.
                    all.elsewhere.clear();
                    all.add(done);
                }
                Err(refusal) => break Err(refusal),
            }
            // A look may have very much to record; whoever says nothing at all is given up before.
            let patient = began.elapsed() < self.pace.first_word.max(self.pace.patience * 2);
            let looked = self.looks.is_empty() || !patient;
            let cron_ended_too = self.cron.as_ref().is_none_or(CronRuns::is_empty);
            if looked && cron_ended_too && (self.recorders.is_empty() || self.all_are_lost().await?) {
                // What ended just now may have made room.
                match self.hosting.ask_open_bulk_runs().await {
                    Ok(0) => (),
                    Ok(_) => continue,
                    Err(fault) => break Err(fault.into()),
                }
                break self.trouble.take().map_or(Ok(all), |fault| Err(fault.into()));
            }
            let wake = self.hosting.clone();
            tokio::select! {
                () = &mut told => break Ok(all),
                Some(_) = self.recorders.join_next() => (),
                Some(looked) = self.looks.join_next() => self.has_looked(looked),
                () = cron_ended(&mut self.cron) => (),
                () = wake.0.wake.notified() => (),
                () = tokio::time::sleep(self.pace.turn) => (),
            }
        };
        self.leave().await;
        result
    }

    /// Whether nothing that we follow is on a machine that answers.
    async fn all_are_lost(&self) -> Result<bool, StoreFault> {
        let followed: Vec<AttemptId> =
            self.followed.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        // One that ended just now makes room for others.
        if followed.is_empty() {
            return Ok(false);
        }
        self.hosting
            .store()
            .read(async |read| {
                for attempt in followed {
                    if read.attempt(attempt).await?.is_some_and(|attempt| attempt.lost.is_none()) {
                        return Ok(false);
                    }
                }
                Ok(true)
            })
            .await
    }

    /// Works on every server that is ours.
    async fn turn(&mut self) -> Result<Once, Refusal> {
        let mut done = Once::default();
        self.trouble = None;
        while self.recorders.try_join_next().is_some() {}
        while let Some(looked) = self.looks.try_join_next() {
            self.has_looked(looked);
        }
        if self.hosting.0.look.swap(false, Ordering::AcqRel) {
            // A look that is underway may have begun before; another one follows it.
            self.looked.clear();
            self.looked_at_home = None;
        }
        let servers = self.servers().await?;
        if !servers.iter().any(|server| server.transport == Transport::Local) {
            self.look_at_home();
        }
        for server in servers {
            // One server in trouble does not keep the others.
            match self.work_on(&server).await {
                Ok(on_it) => done.add(on_it),
                Err(StoreFault::Superseded { .. }) => {
                    self.leases.remove(&server.node.id);
                }
                Err(fault) if fault.may_pass() => {
                    tracing::warn!(server = %server.context.name, fault = %fault, "its queue waits");
                }
                Err(fault) => {
                    tracing::error!(server = %server.context.name, fault = %fault, "its queue stands still");
                    self.trouble = Some(fault);
                }
            }
        }
        Ok(done)
    }

    /// Where no server of this machine is known, its home may hold some that were saved by hand. Nobody waits for it:
    /// a home that says nothing keeps no other machine's queue.
    fn look_at_home(&mut self) {
        let now = self.hosting.now();
        let due = self.looked_at_home.is_none_or(|last| now < last || now - last >= SEARCH);
        if !due || std::mem::replace(&mut self.looking_at_home, true) {
            return;
        }
        self.looked_at_home = Some(now);
        let (hosting, pace) = (self.hosting.clone(), self.pace);
        self.looks.spawn(async move {
            match super::takeover::look_at_home(&hosting, pace).await {
                Ok(true) => hosting.wake(),
                Ok(false) => (),
                Err(fault) => tracing::warn!(fault = %fault, "what is saved in the home is not known"),
            }
            Looked::Home
        });
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
        let Some(fence) = self.fence(server, now).await? else {
            done.elsewhere.push(server.context.name.clone());
            return Ok(done);
        };
        let place = Place { server: server.context.name.clone(), transport: server.transport.clone() };
        // What a node before us left, and what ended without us.
        let active = self.hosting.store().read(async |read| read.active_attempts(id).await).await?;
        for attempt in active {
            if self.follow(attempt.id) {
                done.attached.push(attempt.task);
                self.record(attempt.id, attempt.task, place.clone(), fence.clone(), Begin::of(&attempt));
            }
        }
        loop {
            let ids: Vec<AttemptId> = (0..BATCH).map(|_| self.hosting.0.outside.attempt()).collect();
            let claimed = self.hosting.store().write(async |tx| tx.claim_tasks(id, &ids, &fence, now).await).await?;
            let some = claimed.len();
            for claimed in claimed {
                if self.follow(claimed.attempt) {
                    done.begun.push(claimed.task.id);
                    self.record(claimed.attempt, claimed.task.id, place.clone(), fence.clone(), Begin::Start);
                }
            }
            if some < BATCH {
                break;
            }
        }
        if let Some(cron) = &mut self.cron {
            cron.begin_due(&self.hosting, server, &fence, self.due_by.unwrap_or(now)).await?;
        }
        self.look(id, place, fence, now);
        Ok(done)
    }

    /// The proof that a server is ours to work on; nothing, if somebody else has it.
    async fn fence(&mut self, server: &ServerRecord, now: i64) -> Result<Option<Fence>, StoreFault> {
        let id = server.node.id;
        let lease = i64::try_from(self.pace.lease.as_millis()).unwrap_or(aegir_store::LONGEST_LEASE);
        let store = self.hosting.store();
        let fence = match self.leases.get(&id) {
            // One that lasts longer than it was taken for was taken before the clock went back.
            Some((fence, until)) if (lease / 2..=lease).contains(&(*until - now)) => return Ok(Some(fence.clone())),
            Some((fence, _)) => {
                let fence = fence.clone();
                store.write_soon(async |tx| tx.renew_lease(&fence, lease, now).await).await?;
                fence
            }
            None => {
                let (name, holder) = (format!("dispatch:{}", server.context.name), &self.holder);
                let outside = &self.hosting.0.outside;
                let taken = store.write(async |tx| {
                    let held = match tx.take_lease(&name, holder, lease, now).await? {
                        Ok(fence) => return Ok(Some(fence)),
                        Err(held) => held,
                    };
                    // Nobody has to wait for one that was killed; the fence keeps out what it may have sent last.
                    if !outside.is_gone(&held.holder) {
                        return Ok(None);
                    }
                    tx.end_lease(&held).await?;
                    tx.take_lease(&name, holder, lease, now).await.map(Result::ok)
                });
                match taken.await? {
                    Some(fence) => fence,
                    None => return Ok(None),
                }
            }
        };
        self.leases.insert(id, (fence.clone(), now + lease));
        Ok(Some(fence))
    }

    /// Now and then asks the machine what was done there by hand; never twice at once.
    fn look(&mut self, server: NodeId, place: Place, fence: Fence, now: i64) {
        let pause = i64::try_from(self.pace.look.as_millis()).unwrap_or(i64::MAX);
        let due = self.looked.get(&server).is_none_or(|last| now - last >= pause || now < *last);
        if !due || !self.looking.insert(server) {
            return;
        }
        self.looked.insert(server, now);
        let (hosting, followed, pace) = (self.hosting.clone(), self.followed.clone(), self.pace);
        let look = Look { hosting, server, place, fence, followed, pace };
        self.looks.spawn(async move {
            if let Err(fault) = look.take_over().await {
                tracing::warn!(server = %look.place.server, fault = %fault, "what was done there by hand is not known");
            }
            Looked::Server(server)
        });
    }

    fn has_looked(&mut self, looked: Result<Looked, tokio::task::JoinError>) {
        match looked {
            Ok(Looked::Server(server)) => {
                self.looking.remove(&server);
            }
            Ok(Looked::Home) => self.looking_at_home = false,
            // Which one it was is not told: any may be looked at again.
            Err(_) => {
                self.looking.clear();
                self.looking_at_home = false;
            }
        }
    }

    /// Notes that a recorder follows the attempt; no, if one does already.
    fn follow(&self, attempt: AttemptId) -> bool {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt)
    }

    fn record(&mut self, attempt: AttemptId, task: NodeId, place: Place, fence: Fence, begin: Begin) {
        let recorder = Recorder { hosting: self.hosting.clone(), attempt, task, place, fence, pace: self.pace };
        let followed = self.followed.clone();
        self.recorders.spawn(async move { follow_to_its_end(recorder, begin, &followed).await });
    }

    /// Lets others take over at once.
    async fn leave(&mut self) {
        self.recorders.abort_all();
        self.looks.abort_all();
        if let Some(cron) = &mut self.cron {
            cron.leave().await;
        }
        while self.recorders.join_next().await.is_some() {}
        while self.looks.join_next().await.is_some() {}
        for (fence, _) in std::mem::take(&mut self.leases).into_values() {
            // If it cannot be said, it is found out when the lease ends.
            let _ = self.hosting.store().write(async |tx| tx.leave_lease(&fence).await).await;
        }
    }
}

/// Waits until a run of cron has ended; for ever, if none is run.
async fn cron_ended(cron: &mut Option<CronRuns>) {
    match cron {
        Some(cron) => cron.ended().await,
        None => std::future::pending().await,
    }
}

/// Follows an attempt, and makes it known when nobody does any more.
pub(super) async fn follow_to_its_end(recorder: Recorder, begin: Begin, followed: &Followed) {
    /// Also when it is given up half way, or panics.
    struct Follows<'a>(&'a Followed, AttemptId);
    impl Drop for Follows<'_> {
        fn drop(&mut self) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
        }
    }
    let follows = Follows(followed, recorder.attempt);
    recorder.run(begin).await;
    drop(follows);
    // Room is free again, and perhaps what somebody waited for.
    recorder.hosting.wake();
}
