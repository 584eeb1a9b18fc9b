//! The private stack of a lab, run as `aegir up`, so that it can be killed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aegir_domain::{DbEngine, Password};
use aegir_host::{Databases, RealDatabases};
use aegir_stack::Endpoints;

use super::{spawn, within};

/// How long a stack may take to begin, on a machine that has much else to do: a new one makes the files of its database.
const BEGINS: Duration = Duration::from_secs(180);

/// A stack that runs.
pub struct Up {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    home: PathBuf,
}

impl Up {
    /// Starts it, and waits until it says that it runs.
    pub fn start(command: Command, home: PathBuf) -> Up {
        Up::start_until(command, home, "The private stack runs")
    }

    /// Starts it, and waits until it says `told`.
    pub fn start_until(mut command: Command, home: PathBuf, told: &str) -> Up {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(&mut command);
        let said = Arc::new(Mutex::new(Vec::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                BufReader::new(pipe).lines().map_while(Result::ok).for_each(|line| said.lock().unwrap().push(line));
            });
        }
        let mut up = Up { child, said, home };
        within(BEGINS, "the private stack runs", || {
            let ended = up.child.try_wait().unwrap();
            assert!(ended.is_none(), "the private stack ended:\n{}", up.said());
            up.said().contains(told)
        });
        up
    }

    /// What it said.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops it with Ctrl-C, and waits for its end.
    pub fn stop(&mut self) {
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let _ = self.child.wait();
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints::load(&self.home).unwrap()
    }

    pub fn listen(&self) -> SocketAddr {
        self.endpoints().listen
    }

    /// The process of `service`, if it runs.
    pub fn pid(&self, service: &str) -> Option<u32> {
        let mut stream = UnixStream::connect(self.endpoints().control).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        writeln!(stream, "status").ok()?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).ok()?;
        let prefix = format!("{service}=");
        answer.trim_end().split(' ').find_map(|word| word.strip_prefix(&prefix)?.parse().ok())
    }

    /// Runs a statement by the stack's own account, and gives all rows, a line each.
    pub fn sql(&self, statement: &str) -> Vec<String> {
        let rows = self.connect().rows(statement).unwrap();
        let text =
            |value: Option<Vec<u8>>| value.map_or("NULL".into(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        rows.into_iter().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join("\t")).collect()
    }

    /// Runs a statement that answers no rows.
    pub fn run_sql(&self, statement: &str) {
        self.connect().run(statement).unwrap();
    }

    /// A connection by the stack's own account.
    pub fn connect(&self) -> Box<dyn aegir_host::Connection> {
        let endpoints = self.endpoints();
        let text = fs::read(&endpoints.db_credentials).unwrap();
        let credentials: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let password = Password::new(credentials["password"].as_str().unwrap());
        let at: DbEngine = endpoints.db.unwrap();
        RealDatabases.mariadb(&at, &endpoints.db_account, &password, None, Duration::from_secs(20)).unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.stop();
        }
    }
}
