//! A home, its control database of either kind, and the front end that serves it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use aegir_domain::protocol::{Line, Said};
use aegir_domain::{AttemptId, NodeId};
use aegir_store::{AttemptRecord, Dialect, LeaseRecord, Read, Store, StoreAddress, StoreFault};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::postgres;
use crate::stage::{as_owner, events, processes};
use crate::support::said::Said as Told;
use crate::support::{Lab, kill, spawn, until, way, within};

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Tells a story on SQLite and on PostgreSQL. What fails says on which.
pub fn on_both(story: impl Fn(House)) {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        println!("on {dialect:?}");
        story(House::new(dialect));
    }
}

/// A home with a control database.
pub struct House {
    pub lab: Lab,
    pub home: PathBuf,
    pub address: String,
}

impl House {
    /// In a lab of its own.
    pub fn new(dialect: Dialect) -> House {
        House::of(Lab::bare(way()), dialect)
    }

    /// In a lab that is there.
    pub fn of(lab: Lab, dialect: Dialect) -> House {
        let home = lab.home();
        let address = match dialect {
            Dialect::Sqlite => format!("sqlite:{}", home.join("hostmaster/control.sqlite").display()),
            Dialect::Postgres => {
                let address = new_database();
                remember_by(&lab, &home, &address);
                address
            }
        };
        House { lab, home, address }
    }

    /// Types `aegir --home … WORDS…`, and waits for its end; one that does not come to it is killed.
    pub fn aegir(&self, words: &[&str]) -> Told {
        let home = self.home.display().to_string();
        let words = [&["--home", &home], words].concat();
        let mut line = self.lab.as_user(&words);
        let child = spawn(line.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
        let process = child.id();
        let (ended, has_ended) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if has_ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                    kill(process);
                }
            });
            let told = Told::whole(child, &words);
            drop(ended);
            told
        })
    }

    /// The same, with the answer as JSON.
    pub fn asks(&self, words: &[&str]) -> Value {
        let said = self.aegir(&[words, &["--json"]].concat()).done();
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}\n{}", said.all()))
    }

    /// Queues a task, and leaves it alone.
    pub fn queues(&self, words: &[&str]) -> NodeId {
        NodeId(self.asks(&[words, &["--no-wait"]].concat())["task"].as_i64().unwrap())
    }

    /// Starts its front end.
    pub fn serve(&self) -> Served {
        Served::start(&self.lab, &self.home)
    }

    /// The same, with more words.
    pub fn serve_with(&self, words: &[&str]) -> Served {
        Served::start_with(&self.lab, &self.home, words)
    }

    /// Asks the control database, as the user that it belongs to.
    pub fn read<T: Send>(&self, ask: impl AsyncFnOnce(&mut Read) -> Result<T, StoreFault> + Send) -> T {
        let address: StoreAddress = self.address.parse().unwrap();
        as_owner(&self.lab, async || {
            let store = Store::open(&address).await.unwrap();
            let answer = store.read(ask).await.unwrap();
            store.close().await;
            answer
        })
    }

    /// The leases that somebody holds.
    pub fn leases(&self) -> Vec<LeaseRecord> {
        let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
        let mut leases = self.read(async |read| read.leases().await);
        leases.retain(|lease| lease.is_held(now));
        leases
    }

    /// The only attempt of a task.
    pub fn attempt(&self, task: NodeId) -> AttemptRecord {
        let mut attempts = self.read(async |read| read.attempts(task).await);
        assert_eq!(attempts.len(), 1, "{attempts:?}");
        attempts.remove(0)
    }

    /// The lines that are stored of an attempt.
    pub fn stored(&self, attempt: AttemptId) -> Vec<Line> {
        self.read(async |read| {
            let mut lines = Vec::new();
            loop {
                let page = read.lines(attempt, lines.len() as u64 + 1, 500).await?;
                if page.is_empty() {
                    return Ok(lines);
                }
                lines.extend(page.into_iter().map(|record| record.line));
            }
        })
    }

    /// How a task stands.
    pub fn state(&self, task: NodeId) -> String {
        self.read(async |read| Ok(read.task(task).await?.unwrap().state.as_str().to_owned()))
    }

    /// Waits until a task stands so.
    pub fn until_state(&self, task: NodeId, state: &str) {
        let mut now = String::new();
        until(&format!("task {task} is {state}"), || {
            now = self.state(task);
            now == state
        });
    }

    /// Waits until an object is in service.
    pub fn until_enabled(&self, name: &str) {
        until(&format!("{name} is enabled"), || {
            let name = name.parse().unwrap();
            let node = self.read(async |read| read.node_named(&name).await);
            node.is_some_and(|node| node.status == Some(aegir_domain::ObjectStatus::Enabled))
        });
    }

    /// Waits until something of a task that is held is stored, and gives its attempt.
    pub fn until_it_waits(&self, task: NodeId) -> AttemptId {
        self.until_state(task, "running");
        let attempt = self.attempt(task).id;
        until("its first lines are stored", || {
            let stored = self.stored(attempt);
            stored.iter().any(|line| crate::stage::waits(&line.said))
        });
        attempt
    }

    /// A task was run once, and all that its worker said is stored.
    #[track_caller]
    pub fn is_told_whole(&self, task: NodeId, state: &str) {
        assert_eq!(self.state(task), state);
        let attempt = self.attempt(task);
        let (mut stored, said) = (self.stored(attempt.id), events(&self.lab, attempt.id));
        // Its answer is kept beside its lines.
        if let Some(Line { said: Said::Result(ending), .. }) = stored.last_mut() {
            ending.answer = attempt.answer;
        }
        assert!(matches!(said.last(), Some(Line { said: Said::Result(_), .. })), "{said:?}");
        assert_eq!(stored, said);
    }
}

/// An empty database on the PostgreSQL that tests share.
pub fn new_database() -> String {
    let server = postgres::shared();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(server.database());
    server.address("aegir", &database)
}

/// Has the front end of a home use the control database at `address`.
pub fn remember_by(lab: &Lab, home: &Path, address: &str) {
    let folder = home.join("hostmaster");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let file = folder.join("control-database");
    fs::write(&file, format!("{address}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    lab.give(&folder);
}

/// A front end that runs.
pub struct Served {
    child: Child,
    log: PathBuf,
}

impl Served {
    /// Starts that of a home as its owner, and waits until it answers.
    pub fn start(lab: &Lab, home: &Path) -> Served {
        Served::start_with(lab, home, &[])
    }

    fn start_with(lab: &Lab, home: &Path, words: &[&str]) -> Served {
        let log = home.with_extension("front-end-log");
        let said = fs::File::options().create(true).append(true).open(&log).unwrap();
        let home_word = home.display().to_string();
        let mut command = lab.as_user(&[&["--home", &home_word, "serve"], words].concat());
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let mut served = Served { child: spawn(&mut command), log };
        until("the front end answers", || {
            let ended = served.child.try_wait().unwrap();
            assert!(ended.is_none(), "the front end ended: {ended:?}\n{}", served.said());
            // One that was killed left its socket behind, and nobody listens there.
            UnixStream::connect(home.join("run/aegir.sock")).is_ok()
        });
        served
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as a power cut would.
    pub fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Has it end in order.
    pub fn stop(mut self) {
        kill_process(Pid::from_raw(self.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended:?}\n{}", self.said());
    }

    /// Waits until it has taken over an attempt that another one began, and tells how long that took.
    pub fn attaches(&self, house: &House, attempt: AttemptId) -> Duration {
        let began = Instant::now();
        let words = format!(" attach {attempt} ");
        within(Duration::from_secs(60), "it attaches", || {
            assert!(Path::new(&format!("/proc/{}/exe", self.id())).exists(), "it ended:\n{}", self.said());
            // What the one before it started may still be there.
            processes(|line| line.contains(&words)).into_iter().any(|process| is_below(process, self.id()))
        });
        let took = began.elapsed();
        assert!(self.holds(&house.leases()));
        took
    }

    /// Whether one of the leases is its own.
    pub fn holds(&self, leases: &[LeaseRecord]) -> bool {
        let own = format!(":{}:", self.id());
        leases.iter().any(|lease| lease.holder.contains(&own))
    }
}

/// Whether a process was started by another, or by one that was.
fn is_below(mut process: u32, above: u32) -> bool {
    while process > 1 && process != above {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        process = parent.unwrap_or(0);
    }
    process == above
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the front end said:\n{}", self.said());
        }
    }
}
