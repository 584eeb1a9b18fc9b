//! A front end in a lab: it runs as the user that the home belongs to, as it always does.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use aegir_domain::protocol::{Ending, Line, Request, Said, VERSION};
use aegir_domain::{
    AttemptId, Context, DbService, Home, Password, Secrets, ServerContext, ServerName, SshAddress, Task, Transport,
};
use aegir_host::{LockMode, Locks, OwnProgram};
use aegir_hosting::{BackEnds, Lines, Lost, Place};
use aegir_outside::back_ends::ProcessBackEnds;
use rustix::process::{Gid, Uid};

use crate::support::{Lab, Way, free_port};

/// Runs `front_end` on a thread of its own that has become the home's owner.
pub fn as_owner<T: Send>(lab: &Lab, front_end: impl AsyncFnOnce() -> T + Send) -> T {
    let become_it = || {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let users = aegir_stack::Users::find("aegir", "aegir-web");
        let (uid, gids) = match lab.way {
            Way::TwoUsers => users.map(|users| (users.aegir.uid, vec![users.aegir.gid, users.web.gid])).unwrap(),
            Way::Person => (65534, vec![65534]),
        };
        let gids: Vec<Gid> = gids.into_iter().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(uid), gids[0]);
        // Of this thread alone: what it starts and writes is the owner's.
        rustix::thread::set_thread_groups(&gids).unwrap();
        rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            become_it();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(in_time(front_end()))
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What hangs fails.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(180), work).await.expect("it ends within three minutes")
}

/// The back ends that the front end of the lab's home reaches.
pub fn back_ends(lab: &Lab) -> ProcessBackEnds {
    back_ends_of(lab, &lab.program())
}

/// The same with another program of our own.
pub fn back_ends_of(lab: &Lab, program: &Path) -> ProcessBackEnds {
    ProcessBackEnds::new(Home::new(lab.home()), OwnProgram::new(program, None))
}

/// The public key of the lab's front end, which is told though no machine answers yet.
pub async fn public_key(lab: &Lab) -> String {
    public_key_of(&back_ends(lab)).await
}

/// That of any front end.
pub async fn public_key_of(back_ends: &ProcessBackEnds) -> String {
    let (host, user) = ("127.0.0.1".parse().unwrap(), "nobody".parse().unwrap());
    let home = "/var/aegir".parse().unwrap();
    let nowhere = SshAddress { host, user, port: free_port(), host_key: None, home, program: None };
    let keys = back_ends.host_keys(&"web2".parse().unwrap(), &nowhere).await.unwrap();
    assert!(keys.shown.unwrap_err().message.contains("cannot be reached"));
    keys.ours
}

/// This machine.
pub fn here() -> Place {
    Place { server: "localhost".parse().unwrap(), transport: Transport::Local }
}

/// An attempt that nobody had before.
pub fn new_attempt() -> AttemptId {
    let mint: &dyn aegir_host::Mint = &aegir_host::SystemMint;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    AttemptId::from_parts(u64::try_from(now.as_millis()).unwrap(), mint.random())
}

/// A request for a task.
pub fn request(task: Task) -> Request {
    let secrets = Secrets::default();
    Request { protocol: VERSION, attempt: new_attempt(), task, secrets, asked_by: Some("a test".into()) }
}

/// The same, with a secret that stands nowhere else.
pub fn request_with_secret(task: Task, secret: &str) -> Request {
    let mut request = request(task);
    request.secrets.insert("db_password", Password::new(secret));
    request
}

/// Saves a server with SQLite: a task that needs no service.
pub fn save(server: &str) -> Task {
    let name: ServerName = server.parse().unwrap();
    let context = ServerContext { name, revision: 0, http: None, db: Some(DbService::Sqlite {}) };
    Task::SaveContext { context: Context::Server(context) }
}

/// Verifies it: some sixty lines.
pub fn verify(server: &str) -> Task {
    Task::VerifyServer { server: server.parse().unwrap(), context: None }
}

/// Holds a server, so that tasks on it wait.
pub fn hold(lab: &Lab, server: &str) -> Locks {
    let folder = lab.home().join("locks");
    let wanted = [(format!("server-{server}"), LockMode::Exclusive)];
    let held = aegir_host::locks::take(&folder, &wanted, Duration::from_secs(10), "a test", &mut |_| ()).unwrap();
    lab.give(&folder);
    held
}

/// All lines to come, and why there were no more, if not for the result.
pub async fn rest(lines: &mut dyn Lines) -> (Vec<Line>, Option<Lost>) {
    let mut told = Vec::new();
    loop {
        match lines.next().await {
            Ok(Some(line)) => told.push(line),
            Ok(None) => return (told, None),
            Err(lost) => return (told, Some(lost)),
        }
    }
}

/// All lines to come, the last of which is the result.
#[track_caller]
pub fn whole((told, lost): (Vec<Line>, Option<Lost>)) -> Vec<Line> {
    assert!(lost.is_none(), "{lost:?}\n{told:?}");
    assert!(matches!(told.last(), Some(Line { said: Said::Result(_), .. })), "{told:?}");
    told
}

/// The lines up to the first that `is` the one.
pub async fn until_line(lines: &mut dyn Lines, is: impl Fn(&Said) -> bool) -> Vec<Line> {
    let mut told = Vec::new();
    loop {
        let line = lines.next().await.unwrap().expect("the line comes before the end");
        let found = is(&line.said);
        told.push(line);
        if found {
            return told;
        }
    }
}

/// Whether a task waits for another.
pub fn waits(said: &Said) -> bool {
    matches!(said, Said::Log { text, .. } if text.starts_with("Waiting for"))
}

/// The result.
pub fn ending(told: &[Line]) -> &Ending {
    match &told.last().unwrap().said {
        Said::Result(ending) => ending,
        other => panic!("{other:?}"),
    }
}

/// What an attempt said, as it lies in its folder.
pub fn events(lab: &Lab, attempt: AttemptId) -> Vec<Line> {
    let text = fs::read_to_string(lab.home().join("tasks").join(attempt.to_string()).join("events")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The processes that follow an attempt or ask something of this home.
pub fn followers(lab: &Lab) -> Vec<u32> {
    let begin = format!("--home {} provision --json --protocol 1 ", lab.home().display());
    processes(|words| words.contains(&begin) && !is_ssh(words))
}

/// The processes of ssh that keep a connection.
pub fn masters(lab: &Lab) -> Vec<u32> {
    let folder = lab.home().join("run/ssh").display().to_string();
    processes(|words| is_ssh(words) && words.contains(&folder) && words.contains(" -N "))
}

fn is_ssh(words: &str) -> bool {
    words.split(' ').next().is_some_and(|program| program.rsplit('/').next() == Some("ssh"))
}

/// The processes whose words are such.
pub fn processes(are: impl Fn(&str) -> bool) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let words = |pid: u32| {
        String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).replace('\0', " ")
    };
    pids.filter(|pid| are(&words(*pid))).collect()
}
