//! A PostgreSQL server of the tests' own: a temporary folder, a socket, no network.
//!
//! It refuses to run as root, so there it runs as the user `aegir`. Tests share one, also those of other processes,
//! since each has a database of its own. A keeper process starts it for the first that asks, and ends it when none of
//! them has held the lock for some seconds, however they ended; if the keeper is killed, the kernel ends the server.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use sqlx::{ConnectOptions, Connection, Executor};

/// A running server.
pub struct Server {
    /// Its folder, with `data`, its socket and its log.
    dir: PathBuf,
    /// What it runs in, if it is ours.
    own: Option<Own>,
}

struct Own {
    _dir: tempfile::TempDir,
    settings: &'static [&'static str],
    pid: Mutex<Option<rustix::process::Pid>>,
    waiter: Mutex<Option<JoinHandle<()>>>,
}

static DATABASES: AtomicUsize = AtomicUsize::new(0);
/// Told to the keeper: that it is one.
const KEEPER: &str = "AEGIR_TEST_POSTGRES_KEEPER";
/// How long a server is kept that nobody uses.
const LINGER: Duration = Duration::from_secs(3);

/// The server that all tests share.
pub fn shared() -> Arc<Server> {
    // Held as long as this process lives: the keeper waits until nobody does.
    static SHARED: OnceLock<(Arc<Server>, File)> = OnceLock::new();
    let (server, _) = SHARED.get_or_init(|| {
        let (begin, used) = (lock_file("begin"), lock_file("used"));
        flock(&begin, FlockOperation::LockExclusive).unwrap();
        flock(&used, FlockOperation::LockShared).unwrap();
        let note = place().join("postgres-at");
        let there = fs::read_to_string(&note).ok().map(PathBuf::from).filter(|dir| answers(dir));
        let dir = there.unwrap_or_else(|| {
            let dir = start_keeper();
            fs::write(&note, dir.display().to_string()).unwrap();
            dir
        });
        (Arc::new(Server { dir, own: None }), used)
    });
    Arc::clone(server)
}

#[allow(clippy::zombie_processes, reason = "it outlives us, and ends by itself")]
fn start_keeper() -> PathBuf {
    let mut keeper = Command::new(std::env::current_exe().unwrap());
    keeper.args(["--exact", "postgres::a_server_is_kept_while_it_is_used", "--nocapture"]).env(KEEPER, "yes");
    keeper.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = keeper.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let dir =
        lines.map_while(Result::ok).find_map(|line| line.split_once("kept at ").map(|(_, dir)| PathBuf::from(dir)));
    dir.expect("the keeper starts the server; by hand, its test says why not")
}

/// What the keeper does; as a test, the same with a server of its own.
#[test]
fn a_server_is_kept_while_it_is_used() {
    let server = Server::start();
    assert!(answers(&server.dir));
    if std::env::var_os(KEEPER).is_some() {
        println!("kept at {}", server.dir.display());
        // It closes here, so that whoever waits for the end of our output does not wait for us.
        rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null").unwrap()).unwrap();
        loop {
            std::thread::sleep(LINGER);
            let (begin, used) = (lock_file("begin"), lock_file("used"));
            // Nobody begins to use it while we look, or while we end it.
            flock(&begin, FlockOperation::LockExclusive).unwrap();
            if flock(&used, FlockOperation::NonBlockingLockExclusive).is_ok() {
                drop(server);
                return;
            }
        }
    }
    let dir = server.dir.clone();
    drop(server);
    assert!(!answers(&dir) && !dir.exists());
}

fn place() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn lock_file(name: &str) -> File {
    let path = place().join(format!("postgres-{name}.lock"));
    File::options().create(true).truncate(false).write(true).open(path).unwrap()
}

fn answers(dir: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(dir.join(".s.PGSQL.5432")).is_ok()
        && Command::new(program("pg_isready")).arg("-q").arg("-h").arg(dir).status().is_ok_and(|it| it.success())
}

impl Server {
    /// A server that no other test uses, and that may therefore be killed.
    pub fn start() -> Server {
        // Many tests make tables of a few rows.
        Server::with(&["shared_buffers=32MB"])
    }

    /// A server with what PostgreSQL gives itself, for what is measured.
    #[allow(dead_code, reason = "made for benchmarks")]
    pub fn as_it_comes() -> Server {
        Server::with(&[])
    }

    fn with(settings: &'static [&'static str]) -> Server {
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        give_away(dir.path());
        let data = dir.path().join("data");
        copy_as_owner(&prepared(), &data);
        let path = dir.path().to_owned();
        let own = Own { _dir: dir, settings, pid: Mutex::new(None), waiter: Mutex::new(None) };
        let server = Server { dir: path, own: Some(own) };
        server.run();
        server
    }

    /// Starts it, again after [`Server::kill`].
    pub fn run(&self) {
        let log = File::create(self.dir.join("log")).unwrap();
        let mut command = as_owner("postgres");
        command.arg("-D").arg(self.dir.join("data")).arg("-k").arg(&self.dir);
        let own = self.own.as_ref().expect("only a server of one's own is started");
        let common =
            ["listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=200", "autovacuum=off"];
        for setting in common.iter().chain(own.settings) {
            command.arg("-c").arg(setting);
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let (tell, told) = std::sync::mpsc::channel();
        // The kernel ends the server when the thread that started it ends, so that thread waits with it.
        let waiter = std::thread::spawn(move || {
            let mut child = command.spawn().expect("setpriv of util-linux and postgres are there");
            tell.send(child.id()).unwrap();
            child.wait().unwrap();
        });
        let pid = told.recv().unwrap();
        *own.pid.lock().unwrap() = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap());
        *own.waiter.lock().unwrap() = Some(waiter);
        let until = Instant::now() + Duration::from_secs(60);
        while !answers(&self.dir) {
            let log = || fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "PostgreSQL does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&self) {
        let Some(own) = &self.own else { return };
        if let Some(pid) = own.pid.lock().unwrap().take() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
        if let Some(waiter) = own.waiter.lock().unwrap().take() {
            waiter.join().unwrap();
        }
    }

    /// The address of a database here, as `account`.
    pub fn address(&self, account: &str, database: &str) -> String {
        let socket = self.dir.display().to_string().replace('/', "%2F");
        format!("postgres://{account}@{socket}/{database}")
    }

    /// Makes an empty database.
    pub async fn database(&self) -> String {
        let name = format!("t{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}")).await;
        name
    }

    /// Does something as the superuser.
    pub async fn execute(&self, database: &str, sql: &str) {
        let options: sqlx::postgres::PgConnectOptions = self.address("aegir", database).parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A data folder that was made once and is copied since: `initdb` takes seconds.
fn prepared() -> PathBuf {
    let lock = lock_file("prepared");
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let version = Command::new(program("postgres")).arg("--version").output().unwrap().stdout;
    let version: String = String::from_utf8(version).unwrap().chars().filter(char::is_ascii_digit).collect();
    let ready = place().join(format!("postgres-{version}"));
    if !ready.exists() {
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        give_away(dir.path());
        let data = dir.path().join("data");
        let mut initdb = as_owner("initdb");
        initdb
            .args([
                "-U",
                "aegir",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--wal-segsize=1",
                "-D",
            ])
            .arg(&data);
        let done = initdb.current_dir("/").output().unwrap();
        assert!(done.status.success(), "initdb: {}", String::from_utf8_lossy(&done.stderr));
        let half = place().join("postgres-half");
        let _ = fs::remove_dir_all(&half);
        copy(&data, &half);
        fs::rename(&half, &ready).unwrap();
    }
    ready
}

/// A program of PostgreSQL; Debian keeps them in a folder of their version.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.extend(["/usr/bin", "/usr/local/bin"].map(|folder| Path::new(folder).join(name)));
    found.retain(|path| path.exists());
    found.sort();
    found
        .pop()
        .unwrap_or_else(|| panic!("there is no `{name}` here: run scripts/setup, or install Debian's `postgresql`"))
}

/// `name` as somebody who is not root, which dies with us.
fn as_owner(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid=aegir", "--regid=aegir", "--clear-groups"]);
    }
    command.args(["--pdeathsig=QUIT", "--"]).arg(program(name));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
    command
}

fn give_away(path: &Path) {
    if rustix::process::geteuid().is_root() {
        let (uid, gid) = owner();
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
    }
}

fn owner() -> (u32, u32) {
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let line = accounts.lines().find(|line| line.starts_with("aegir:"));
    let line = line.expect("root runs PostgreSQL as the user `aegir`: run scripts/setup");
    let fields: Vec<&str> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn copy_as_owner(from: &Path, to: &Path) {
    copy(from, to);
    fn give(path: &Path) {
        give_away(path);
        if path.is_dir() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
            fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path()));
        }
    }
    give(to);
}
