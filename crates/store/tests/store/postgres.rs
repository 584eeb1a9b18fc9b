//! A PostgreSQL server of the tests' own: a temporary folder, a socket, no network; gone with the last test that uses it.
//!
//! It refuses to run as root, so there it runs as the user `aegir`. A test process that is killed takes it along: the
//! kernel sends its first process the signal to shut down at once.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Connection, Executor};

/// A running server.
pub struct Server {
    dir: tempfile::TempDir,
    pid: Mutex<Option<rustix::process::Pid>>,
    waiter: Mutex<Option<JoinHandle<()>>>,
}

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// The server that the tests of this process share.
pub fn shared() -> Arc<Server> {
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(Server::start());
    *shared = Arc::downgrade(&server);
    server
}

impl Server {
    /// A server that no other test uses, and that may therefore be killed.
    pub fn start() -> Server {
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        give_away(dir.path());
        let data = dir.path().join("data");
        copy_as_owner(&prepared(), &data);
        let server = Server { dir, pid: Mutex::new(None), waiter: Mutex::new(None) };
        server.run();
        server
    }

    /// Starts it, again after [`Server::kill`].
    pub fn run(&self) {
        let log = File::create(self.dir.path().join("log")).unwrap();
        let mut command = as_owner("postgres");
        command.arg("-D").arg(self.dir.path().join("data")).arg("-k").arg(self.dir.path());
        for setting in [
            "listen_addresses=",
            "fsync=off",
            "full_page_writes=off",
            "shared_buffers=32MB",
            "max_connections=100",
            "autovacuum=off",
        ] {
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
        *self.pid.lock().unwrap() = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap());
        *self.waiter.lock().unwrap() = Some(waiter);
        let until = Instant::now() + Duration::from_secs(60);
        while std::os::unix::net::UnixStream::connect(self.dir.path().join(".s.PGSQL.5432")).is_err()
            || Command::new(program("pg_isready"))
                .arg("-q")
                .arg("-h")
                .arg(self.dir.path())
                .status()
                .is_ok_and(|s| !s.success())
        {
            let log = || fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "PostgreSQL does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&self) {
        if let Some(pid) = self.pid.lock().unwrap().take() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
        if let Some(waiter) = self.waiter.lock().unwrap().take() {
            waiter.join().unwrap();
        }
    }

    /// The address of a database here, as `account`.
    pub fn address(&self, account: &str, database: &str) -> String {
        let socket = self.dir.path().display().to_string().replace('/', "%2F");
        format!("postgres://{account}@{socket}/{database}")
    }

    /// Makes an empty database.
    pub async fn database(&self) -> String {
        let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
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
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = File::create(place.join("postgres.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let version = Command::new(program("postgres")).arg("--version").output().unwrap().stdout;
    let version: String = String::from_utf8(version).unwrap().chars().filter(char::is_ascii_digit).collect();
    let ready = place.join(format!("postgres-{version}"));
    if !ready.exists() {
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        give_away(dir.path());
        let data = dir.path().join("data");
        let mut initdb = as_owner("initdb");
        initdb.args(["-U", "aegir", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]).arg(&data);
        let done = initdb.current_dir("/").output().unwrap();
        assert!(done.status.success(), "initdb: {}", String::from_utf8_lossy(&done.stderr));
        let half = place.join("postgres-half");
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
