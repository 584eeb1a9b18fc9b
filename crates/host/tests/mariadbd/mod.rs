//! A MariaDB server of a test's own: a temporary folder, a socket, no network; gone with the test.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use aegir_domain::{DbEngine, Password};
use aegir_host::{Connection, Databases, RealDatabases, SqlFault, own_uid};

pub struct Server {
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Server {
    /// A new server, or nothing, said aloud, where none is installed.
    pub fn start() -> Option<Server> {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        // A server that starts removes the temporary tables of any other that shares its folder for them.
        install.arg(format!("--datadir={}", data.display())).args(as_root()).env("TMPDIR", dir.path());
        match install.output() {
            Ok(done) if done.status.success() => (),
            Ok(done) => {
                let said = [done.stdout, done.stderr].concat();
                let logs = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
                let logs = logs.filter(|path| path.extension().is_some_and(|end| end == "err"));
                let logs: String = logs.map(|path| fs::read_to_string(path).unwrap()).collect();
                panic!("mariadb-install-db ended with {}: {}{logs}", done.status, String::from_utf8_lossy(&said));
            }
            Err(_) => {
                println!("skipped: no mariadb-install-db here");
                return None;
            }
        }
        let mut server = Server { dir, child: None };
        server.run();
        Some(server)
    }

    /// Starts it again after [`Server::kill`].
    pub fn run(&mut self) {
        let dir = self.dir.path();
        let log = fs::File::create(dir.join("log")).unwrap();
        let plugins =
            ["/usr/lib/mysql/plugin", "/usr/lib64/mysql/plugin"].into_iter().find(|at| fs::exists(at).unwrap());
        let child = Command::new("mariadbd")
            .args([
                "--no-defaults",
                "--skip-networking",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=8M",
            ])
            .args(plugins.map(|at| format!("--plugin-dir={at}")))
            .arg(format!("--datadir={}", dir.join("data").display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--tmpdir={}", dir.display()))
            .arg(format!("--pid-file={}", dir.join("pid").display()))
            .args(as_root())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let until = Instant::now() + Duration::from_secs(60);
        while let Err(fault) = self.connect("root", "") {
            let log = || fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "the server does not answer: {fault:?}\n{}", log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    pub fn at(&self) -> DbEngine {
        DbEngine::Socket(self.socket())
    }

    pub fn connect(&self, account: &str, password: &str) -> Result<Box<dyn Connection>, SqlFault> {
        self.connect_within(account, password, Duration::from_secs(30))
    }

    pub fn connect_within(
        &self,
        account: &str,
        password: &str,
        limit: Duration,
    ) -> Result<Box<dyn Connection>, SqlFault> {
        RealDatabases.mariadb(&self.at(), account, &Password::new(password), None, limit)
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn as_root() -> Option<&'static str> {
    (own_uid() == 0).then_some("--user=root")
}
