//! A stack that runs as a process of its own, as `aegir up` does, so that it can be killed.

#![allow(dead_code, reason = "each file of tests uses a part")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aegir_stack::{Endpoints, Users};

/// As whom a stack is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By root, as the users `aegir` and `aegir-web`.
    TwoUsers,
    /// By somebody without privileges.
    Person,
}

/// The ways that this machine allows; says which one it leaves out, and why.
pub fn ways() -> Vec<Way> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: the way with two users, which needs root");
        return vec![Way::Person];
    }
    if Users::find("aegir", "aegir-web").is_err() {
        eprintln!("skipped: the way with two users: no users `aegir` and `aegir-web` here");
        return vec![Way::Person];
    }
    vec![Way::TwoUsers, Way::Person]
}

/// A folder that everybody may enter, with a copy of the program in it.
pub struct Place {
    dir: tempfile::TempDir,
    name: &'static str,
    pub way: Way,
}

impl Place {
    pub fn new(way: Way) -> Place {
        Place::named(way, "home")
    }

    /// One whose home has this name.
    pub fn named(way: Way, name: &'static str) -> Place {
        let dir = tempfile::Builder::new().prefix("st").tempdir_in("/tmp").unwrap();
        let open = if way == Way::Person { 0o777 } else { 0o755 };
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(open)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_aegir-stack"), dir.path().join("aegir-stack")).unwrap();
        Place { dir, name, way }
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join(self.name)
    }

    /// The command that starts the stack with `args`.
    pub fn command(&self, args: &[&str]) -> Command {
        let program = self.dir.path().join("aegir-stack");
        let mut command = match self.way {
            Way::Person if rustix::process::geteuid().is_root() => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
                command
            }
            _ => Command::new(program),
        };
        command.arg(self.home()).args(args).current_dir("/");
        if self.way == Way::TwoUsers {
            command.arg("--users");
        }
        command
    }

    /// Starts it and waits until it says that it is ready.
    pub fn up(&self) -> Up {
        let up = self.begin(&[]);
        up.ready()
    }

    pub fn begin(&self, args: &[&str]) -> Up {
        let mut child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                BufReader::new(pipe).lines().map_while(Result::ok).for_each(|line| said.lock().unwrap().push(line));
            });
        }
        Up { child, said, home: self.home() }
    }

    /// The processes of this home, the stack itself left out.
    pub fn processes(&self) -> Vec<String> {
        let list = Command::new("ps").args(["-eo", "pid,user,args"]).output().unwrap();
        let home = format!("{}/stack/", self.home().display());
        let own =
            |line: &&str| line.contains(&home) || self.recorded_groups().iter().any(|group| in_group(line, *group));
        String::from_utf8(list.stdout).unwrap().lines().filter(own).map(str::to_owned).collect()
    }

    fn recorded_groups(&self) -> Vec<i32> {
        let Ok(text) = fs::read(self.home().join("stack/running.json")) else { return Vec::new() };
        let running: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let children = running["children"].as_array().cloned().unwrap_or_default();
        children.iter().map(|child| i32::try_from(child["pid"].as_i64().unwrap()).unwrap()).collect()
    }
}

fn in_group(line: &str, group: i32) -> bool {
    let pid = line.split_whitespace().next().unwrap_or_default();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    fields.split_whitespace().nth(2) == Some(&group.to_string()) && !fields.trim_start().starts_with('Z')
}

/// A stack that runs.
pub struct Up {
    pub child: Child,
    said: Arc<Mutex<Vec<String>>>,
    home: PathBuf,
}

impl Up {
    pub fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// Waits until it is ready; that it ends instead is told at once, with what it said.
    pub fn ready(mut self) -> Up {
        until("it is ready", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() || self.said().contains("ready 127"), "it ended, and said:\n{}", self.said());
            self.said().contains("ready 127")
        });
        self
    }

    pub fn wait_for(&self, word: &str) {
        until(&format!("it says `{word}`, it said:\n{}", self.said()), || self.said().contains(word));
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints::load(&self.home).unwrap()
    }

    /// The status line of nginx's answer to `path`.
    pub fn get(&self, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(self.endpoints().listen) else { return "nobody listens".into() };
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: unknown.test\r\n\r\n").unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.lines().next().unwrap_or_default().to_owned()
    }

    pub fn ask(&self, line: &str) -> String {
        let mut stream = UnixStream::connect(self.endpoints().control).unwrap();
        writeln!(stream, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// The process of `service`, as the stack tells it.
    pub fn pid(&self, service: &str) -> Option<i32> {
        let status = self.ask("status");
        let word = status.split(' ').find_map(|word| word.strip_prefix(&format!("{service}=")).map(str::to_owned))?;
        word.parse().ok()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end; says whether it was a good one.
    pub fn ends(&mut self) -> bool {
        let mut status = None;
        until(&format!("it ends, it said:\n{}", self.said()), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().success()
    }

    /// Stops it with Ctrl-C.
    pub fn stop(mut self) {
        self.signal(rustix::process::Signal::INT);
        assert!(self.ends(), "it said:\n{}", self.said());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn kill(pid: i32) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
}

/// Waits up to half a minute.
pub fn until(what: &str, done: impl FnMut() -> bool) {
    within(Duration::from_secs(30), what, done);
}

pub fn within(limit: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < limit, "waited {limit:?} until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a statement by the stack's account; the password is read as the back end reads it.
pub fn sql(endpoints: &Endpoints, statement: &str) -> Result<Option<String>, String> {
    use aegir_host::Databases;
    let text = fs::read(&endpoints.db_credentials).unwrap();
    let credentials: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let password = aegir_domain::Password::new(credentials["password"].as_str().unwrap());
    let limit = Duration::from_secs(10);
    let db = endpoints.db.as_ref().unwrap();
    let rows = aegir_host::RealDatabases
        .mariadb(db, &endpoints.db_account, &password, None, limit)
        .and_then(|mut connection| connection.rows(statement))
        .map_err(|fault| fault.to_string())?;
    let first = rows.into_iter().next().and_then(|row| row.into_iter().next().flatten());
    Ok(first.map(|bytes| String::from_utf8(bytes).unwrap()))
}

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}
