//! A machine with a back end: what lies there, and what it is told to do wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aegir_domain::protocol::{Cancelled, FoundAttempt, FoundState, Line, Request, Said};
use aegir_domain::{
    AttemptId, BackupName, Context, ContextName, Finding, FoundBackup, HostKey, Password, ServerName, ServiceKind,
    SiteName, Task, TaskKind, TaskLock, Transport, TrashThing, Trial, Tried, locks_of,
};
use aegir_hosting::{Lines, Lost, Outside, Place, Sought};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::plan::For;
use super::{Call, Heard, Plan, PretendFault, PretendLines, PretendOutside, Reach, Secret, lost};

/// A machine with a back end.
pub struct Machine {
    pub(super) name: ServerName,
    pub(super) outside: Arc<PretendOutside>,
    pub(super) state: Mutex<State>,
    /// Counts whatever happens here.
    pub(super) moved: watch::Sender<u64>,
}

/// What lies there.
#[derive(Default)]
pub(super) struct State {
    pub(super) contexts: BTreeMap<ContextName, Context>,
    pub(super) attempts: BTreeMap<AttemptId, Attempt>,
    pub(super) backups: BTreeMap<BackupName, FoundBackup>,
    /// What lies in its trash besides what lies in any, and what of it all went.
    pub(super) trash: Vec<TrashThing>,
    pub(super) out_of_trash: BTreeSet<String>,
    /// Passwords of database servers, as they were sent.
    passwords: BTreeMap<ContextName, String>,
    /// The password that its database server wants, if not whatever it is given.
    wants: Option<String>,
    /// Objects whose attempts were let go before one began.
    let_go: BTreeSet<String>,
    reach: Reach,
    /// A stream breaks off after so many lines.
    breaks_after: Option<u64>,
    /// Who attaches is told so many lines again.
    repeats: u64,
    plans: Vec<(For, Plan)>,
    pub(super) began: Vec<Began>,
    collisions: Vec<String>,
    most_at_once: usize,
    calls: BTreeMap<Call, u64>,
    told: usize,
    /// How often it was made anew.
    made_anew: u8,
    pub(super) cron: super::cron::PretendCron,
    pub(super) welcome: super::welcome::PretendWelcome,
}

/// An attempt that lies there.
pub(super) struct Attempt {
    pub(super) task: Task,
    asked_by: Option<String>,
    asked_at: u64,
    pub(super) lines: Vec<Line>,
    pub(super) secret: Option<Map<String, Value>>,
    pub(super) worker: Worker,
    pub(super) cancelled: bool,
    pub(super) released: bool,
    locks: Vec<TaskLock>,
}

/// How its worker fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worker {
    Works,
    Died,
    Ended,
}

/// That an attempt began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Began {
    /// Which.
    pub attempt: AttemptId,
    /// What it does.
    pub kind: TaskKind,
    /// The object: `@a.test`.
    pub object: String,
    /// What was asked.
    pub task: Task,
}

impl Machine {
    pub(super) fn new(name: ServerName, outside: Arc<PretendOutside>) -> Arc<Machine> {
        Arc::new(Machine { name, outside, state: Mutex::default(), moved: watch::Sender::new(0) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self) {
        self.moved.send_modify(|count| *count += 1);
    }

    pub(super) fn now(&self) -> u64 {
        self.outside.now().unsigned_abs()
    }

    /// All tasks of a kind on an object go so; of several plans that fit, the last one holds.
    pub fn plan(&self, kind: impl Into<Option<TaskKind>>, object: impl Into<Option<&'static str>>, plan: Plan) {
        self.plan_times(kind, object, None, plan);
    }

    /// The next task of a kind on an object goes so.
    pub fn plan_once(&self, kind: impl Into<Option<TaskKind>>, object: impl Into<Option<&'static str>>, plan: Plan) {
        self.plan_times(kind, object, Some(1), plan);
    }

    fn plan_times(
        &self,
        kind: impl Into<Option<TaskKind>>,
        object: impl Into<Option<&'static str>>,
        times: Option<u32>,
        plan: Plan,
    ) {
        let fits = For { kind: kind.into(), object: object.into().map(str::to_owned), times };
        self.state().plans.push((fits, plan));
    }

    /// What is seen when services are tried here: all of them answer, the database server to whoever has its password.
    pub(super) fn tried(&self, trial: &Trial) -> Vec<Tried> {
        let state = self.state();
        let given = trial.secrets.get("db_password").map(|given| given.expose());
        let lets_in = state.wants.is_none() || state.wants.as_deref() == given;
        let answers = |service, product: &str, findings| Tried { service, product: product.to_owned(), findings };
        let web = trial.server.http.as_ref().map(|http| {
            let told = Finding::ok(format!("it answers at {}", http.listen));
            answers(ServiceKind::Http, http.engine.as_str(), vec![told])
        });
        let database = trial.server.db.as_ref().map(|db| {
            let told = match lets_in {
                true => Finding::ok("it lets us in"),
                false => Finding::problem("it does not let us in", "give the account's own password"),
            };
            answers(ServiceKind::Db, db.as_str(), vec![told])
        });
        web.into_iter().chain(database).collect()
    }

    /// The backups that lie here, those of one site if one is named.
    pub fn backups(&self, site: Option<&SiteName>) -> Vec<FoundBackup> {
        let state = self.state();
        let is_of = |found: &&FoundBackup| site.is_none_or(|site| found.backup.site() == *site);
        state.backups.values().filter(is_of).cloned().collect()
    }

    /// Puts a backup there as somebody with a shell would.
    pub fn put_backup(&self, found: FoundBackup) {
        self.state().backups.insert(found.backup.clone(), found);
    }

    /// Puts a thing into its trash, as a delete would.
    pub fn put_into_trash(&self, thing: TrashThing) {
        self.state().trash.push(thing);
    }

    /// Makes it anew, under its old name: it shows another key over ssh.
    pub fn make_anew(&self) {
        self.state().made_anew += 1;
    }

    /// The key by which it is known over ssh.
    ///
    /// # Panics
    ///
    /// Never: it is made to be one.
    pub fn host_key(&self) -> HostKey {
        let anew = self.state().made_anew;
        let letters: String = self.name.as_str().bytes().chain([anew]).map(|byte| format!("{byte:02x}")).collect();
        let whole = letters.len().next_multiple_of(4);
        format!("ssh-ed25519 AAAA{letters:A<whole$}").parse().expect("a key of letters and digits")
    }

    /// Fails if whoever comes from elsewhere knows it by another key, or by none.
    pub(super) fn is_known_to(&self, place: &Place) -> Result<(), Lost> {
        let Transport::Ssh(address) = &place.transport else { return Ok(()) };
        match &address.host_key {
            Some(key) if *key == self.host_key() => Ok(()),
            Some(_) => Err(lost(&self.name, PretendFault::OtherKey, false)),
            None => Err(lost(&self.name, PretendFault::NoKey, false)),
        }
    }

    /// Whether it can be reached from now on.
    pub fn reach(&self, reach: Reach) {
        self.state().reach = reach;
        self.tell();
    }

    /// Streams break off after so many lines; `None`: they do not.
    pub fn breaks_after(&self, lines: Option<u64>) {
        self.state().breaks_after = lines;
    }

    /// Whoever attaches is told so many lines again.
    pub fn repeats(&self, lines: u64) {
        self.state().repeats = lines;
    }

    /// Lets attempts on an object go on to their ends; if none is at work there, the next one: a task is running as
    /// soon as somebody has claimed it, and its attempt may only come.
    pub fn release(&self, object: &str) {
        let mut state = self.state();
        let at_work =
            |attempt: &&mut Attempt| attempt.worker == Worker::Works && attempt.task.object().to_string() == object;
        let let_go = state.attempts.values_mut().filter(at_work).map(|attempt| attempt.released = true).count();
        if let_go == 0 {
            state.let_go.insert(object.to_owned());
        }
        drop(state);
        self.tell();
    }

    /// Forgets an attempt, without a trace.
    pub fn forget(&self, attempt: AttemptId) {
        self.state().attempts.remove(&attempt);
        self.tell();
    }

    /// Every attempt that began, in order.
    pub fn began(&self) -> Vec<Began> {
        self.state().began.clone()
    }

    /// The objects whose tasks began, in order.
    pub fn objects_began(&self) -> Vec<String> {
        self.state().began.iter().map(|began| began.object.clone()).collect()
    }

    /// How often it was asked something.
    pub fn calls(&self, call: Call) -> u64 {
        self.state().calls.get(&call).copied().unwrap_or(0)
    }

    /// How many attempts it told of, in all, to those who asked what lies there.
    pub fn told(&self) -> usize {
        self.state().told
    }

    /// How many worked at once, at the most.
    pub fn most_at_once(&self) -> usize {
        self.state().most_at_once
    }

    /// Begins to count them anew.
    pub fn count_anew(&self) {
        self.state().most_at_once = 0;
    }

    /// Attempts that worked beside others whose locks keep them out: there must be none.
    pub fn collisions(&self) -> Vec<String> {
        self.state().collisions.clone()
    }

    /// The password that was last sent for a server.
    pub fn password_of(&self, server: &str) -> Option<String> {
        let name: ContextName = server.parse().ok()?;
        self.state().passwords.get(&name).cloned()
    }

    /// From now on its database server takes this password alone: installs fail until it was sent.
    pub fn wants_password(&self, password: &str) {
        self.state().wants = Some(password.to_owned());
    }

    /// What an attempt fails by that needs the database server.
    pub(super) fn locked_out(&self, task: &Task) -> Option<PretendFault> {
        let state = self.state();
        let Task::InstallSite(_) = task else { return None };
        let given = state.passwords.get(&ContextName::Server(self.name.clone()));
        let is_wrong = state.wants.is_some() && state.wants.as_ref() != given;
        is_wrong.then(|| PretendFault::Password(self.name.clone()))
    }

    pub(super) fn written_down(&self) -> Value {
        let state = self.state();
        let at_work = state.attempts.iter().filter(|(_, attempt)| attempt.worker == Worker::Works);
        let at_work: Vec<_> = at_work.map(|(id, attempt)| (id, &attempt.task)).collect();
        json!({ "contexts": state.contexts.values().collect::<Vec<_>>(), "at_work": at_work })
    }

    pub(super) fn take_up(self: &Arc<Self>, written: &Value) {
        let contexts: Vec<Context> = serde_json::from_value(written["contexts"].clone()).expect("contexts");
        let at_work: Vec<(AttemptId, Task)> = serde_json::from_value(written["at_work"].clone()).expect("attempts");
        contexts.into_iter().for_each(|context| self.put_context(context));
        at_work.iter().for_each(|(id, task)| self.begin(*id, task, None));
    }

    /// What is saved of an object.
    pub fn context(&self, name: &str) -> Option<Context> {
        let name: ContextName = name.parse().ok()?;
        self.state().contexts.get(&name).cloned()
    }

    /// Saves a context as somebody with a text editor would; nothing is recorded of that.
    pub fn put_context(&self, context: Context) {
        self.state().contexts.insert(context.name(), context);
    }

    /// Takes a context away in the same manner.
    pub fn drop_context(&self, name: &str) {
        if let Ok(name) = name.parse::<ContextName>() {
            self.state().contexts.remove(&name);
        }
    }

    /// Does a task as somebody in a shell there would.
    pub fn by_hand(self: &Arc<Self>, task: Task) -> AttemptId {
        let attempt = self.outside.attempt();
        self.begin(attempt, &task, Some("root in a shell".into()));
        attempt
    }

    /// Takes what was on its way for long: a request that whoever sent it has given up.
    pub fn arrives(self: &Arc<Self>, attempt: AttemptId, task: Task) {
        self.begin(attempt, &task, None);
    }

    /// Goes on with what is stuck or untidy, as `aegir provision recover` in a shell there would, and brings it to its
    /// end.
    pub fn recover_by_hand(&self, attempt: AttemptId) {
        let state = self.state().attempts.get(&attempt).map(Attempt::state);
        match state {
            Some(FoundState::Stuck) => self.take_back(attempt, &PretendFault::Failed, true),
            Some(FoundState::Untidy) => self.tidy(attempt),
            _ => self.recover(attempt),
        }
    }

    /// The part of an answer that is told only once, if nobody has taken it yet.
    pub fn take_secret(&self, attempt: AttemptId) -> Option<Map<String, Value>> {
        self.state().attempts.get_mut(&attempt)?.secret.take()
    }

    /// All lines that an attempt said.
    pub fn said(&self, attempt: AttemptId) -> Vec<Line> {
        self.state().attempts.get(&attempt).map(|attempt| attempt.lines.clone()).unwrap_or_default()
    }

    /// Whether an attempt has ended there.
    pub fn has_ended(&self, attempt: AttemptId) -> bool {
        self.state().attempts.get(&attempt).is_some_and(|attempt| attempt.worker == Worker::Ended)
    }

    /// Goes on once the machine can be asked; fails if it cannot.
    pub(super) async fn reached(&self, call: Call) -> Result<(), Lost> {
        let mut moved = self.moved.subscribe();
        *self.state().calls.entry(call).or_default() += 1;
        loop {
            let reach = self.state().reach;
            match reach {
                Reach::Answers => return Ok(()),
                Reach::Away => return Err(lost(&self.name, PretendFault::Unreachable, true)),
                Reach::Foreign => return Err(lost(&self.name, PretendFault::Unreachable, false)),
                Reach::Mute => drop(moved.changed().await),
            }
        }
    }

    /// Takes a request. One that it knows is not run again.
    pub(super) fn ask(self: &Arc<Self>, request: &Request) {
        if let Some(password) = request.secrets.get("db_password") {
            self.state().passwords.insert(request.task.object(), Password::expose(password).to_owned());
        }
        if self.state().attempts.contains_key(&request.attempt) {
            return self.recover(request.attempt);
        }
        self.begin(request.attempt, &request.task, request.asked_by.clone());
    }

    fn begin(self: &Arc<Self>, id: AttemptId, task: &Task, asked_by: Option<String>) {
        let plan = {
            let mut state = self.state();
            let object = task.object().to_string();
            let known = |name: &ContextName| Ok::<_, std::convert::Infallible>(state.contexts.get(name).cloned());
            let locks = locks_of(task, &known).unwrap_or_default();
            let beside: Vec<String> = state
                .attempts
                .values()
                .filter(|other| other.worker == Worker::Works)
                .filter(|other| locks.iter().any(|lock| other.locks.iter().any(|held| held.excludes(lock))))
                .map(|other| {
                    format!("{:?} of {object} beside {:?} of {}", task.kind(), other.task.kind(), other.task.object())
                })
                .collect();
            state.collisions.extend(beside);
            state.began.push(Began { attempt: id, kind: task.kind(), object: object.clone(), task: task.clone() });
            let released = state.let_go.remove(&object);
            let attempt = Attempt {
                task: task.clone(),
                asked_by,
                asked_at: self.now(),
                lines: Vec::new(),
                secret: None,
                worker: Worker::Works,
                cancelled: false,
                released,
                locks,
            };
            state.attempts.insert(id, attempt);
            let at_once = state.attempts.values().filter(|attempt| attempt.worker == Worker::Works).count();
            state.most_at_once = state.most_at_once.max(at_once);
            let fits = |fits: &For| {
                fits.times != Some(0)
                    && fits.kind.is_none_or(|kind| kind == task.kind())
                    && fits.object.as_ref().is_none_or(|name| *name == object)
            };
            let found = state.plans.iter_mut().rev().find(|(wanted, _)| fits(wanted));
            found.map_or_else(Plan::default, |(wanted, plan)| {
                wanted.times = wanted.times.map(|times| times - 1);
                plan.clone()
            })
        };
        let machine = self.clone();
        tokio::spawn(async move { machine.work(id, &plan).await });
    }

    pub(super) fn cancel(&self, id: AttemptId) -> Result<Cancelled, Lost> {
        let mut state = self.state();
        let Some(attempt) = state.attempts.get_mut(&id) else {
            return Err(lost(&self.name, PretendFault::UnknownAttempt(id), false));
        };
        let had_ended = attempt.state().has_ended().then(|| attempt.state());
        attempt.cancelled |= had_ended.is_none();
        drop(state);
        self.tell();
        Ok(Cancelled { attempt: id, had_ended })
    }

    pub(super) fn lines(self: &Arc<Self>, attempt: AttemptId, from: u64, secret: Secret) -> Box<dyn Lines> {
        let state = self.state();
        let next = from.saturating_sub(state.repeats).max(1);
        let left = state.breaks_after;
        drop(state);
        let moved = self.moved.subscribe();
        Box::new(PretendLines { machine: self.clone(), attempt, next, secret, left, ended: false, moved })
    }

    /// Line `n` of an attempt, if it was said.
    pub(super) fn hear(&self, id: AttemptId, n: u64, secret: Secret) -> Heard {
        let mut state = self.state();
        match state.reach {
            Reach::Answers => (),
            Reach::Away => return Heard::Lost(lost(&self.name, PretendFault::Unreachable, true)),
            Reach::Foreign => return Heard::Lost(lost(&self.name, PretendFault::Unreachable, false)),
            Reach::Mute => return Heard::Wait,
        }
        let Some(attempt) = state.attempts.get_mut(&id) else {
            return Heard::Lost(lost(&self.name, PretendFault::UnknownAttempt(id), false));
        };
        let place = usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(line) = attempt.lines.get(place) else {
            return match attempt.worker {
                // A worker that dies takes the stream along.
                Worker::Died => Heard::Lost(lost(&self.name, PretendFault::Died, true)),
                _ => Heard::Wait,
            };
        };
        let mut line = line.clone();
        let last = match &mut line.said {
            Said::Result(ending) => {
                // Whoever follows first gets it, once.
                if secret == Secret::Taken {
                    ending.secret_answer = attempt.secret.take();
                }
                true
            }
            _ => false,
        };
        Heard::Line(line, last)
    }

    /// The attempts that are sought, the newest first.
    pub(super) fn found(&self, sought: &Sought) -> Vec<FoundAttempt> {
        let mut state = self.state();
        let is_sought = |id: &AttemptId, attempt: &Attempt| {
            let wanted = id.unix_ms() >= sought.since || attempt.is_open() || sought.also.contains(id);
            wanted && sought.before.is_none_or(|before| *id < before)
        };
        let newest = state.attempts.iter().rev().filter(|(id, attempt)| is_sought(id, attempt)).take(sought.limit);
        let told: Vec<FoundAttempt> = newest
            .map(|(id, attempt)| FoundAttempt {
                attempt: *id,
                task: Some(attempt.task.clone()),
                object: Some(attempt.task.object()),
                asked_by: attempt.asked_by.clone(),
                asked_at: attempt.asked_at,
                state: attempt.state(),
            })
            .collect();
        state.told += told.len();
        told
    }

    pub(super) fn saved(&self) -> Vec<Context> {
        self.state().contexts.values().cloned().collect()
    }

    /// The number of attempts that were begun for a task of the front end; only to say where a story went wrong.
    pub fn attempts_of(&self, object: &str) -> usize {
        self.state().began.iter().filter(|began| began.object == object).count()
    }
}

impl Attempt {
    /// Whether something is left for whoever recovers it.
    fn is_open(&self) -> bool {
        !self.state().has_ended() || matches!(self.state(), FoundState::Stuck | FoundState::Untidy)
    }

    pub(super) fn state(&self) -> FoundState {
        match (self.worker, self.lines.last().map(|line| &line.said)) {
            (Worker::Ended, Some(Said::Result(ending))) => FoundState::from(ending.outcome.kind()),
            (Worker::Died, _) => FoundState::Interrupted,
            _ => FoundState::Running,
        }
    }
}
