//! A whole Ægir in a temporary folder: the program, a home, the private stack, and a shell to type in.

#![allow(dead_code, reason = "each program of tests uses a part")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

pub mod by_hand;
pub mod disk;
pub mod in_default;
pub mod let_go;
pub mod real;
pub mod said;
pub mod stack;
pub mod story;
pub mod translations;
pub mod web;
pub mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use said::Said;
use stack::Up;

/// As whom Ægir runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The stack by root, with workers as `aegir-web`; everything else as `aegir`.
    TwoUsers,
    /// All of it as somebody without privileges.
    Person,
}

/// The first way that this machine allows: two users, if we are root.
pub fn way() -> Way {
    let two = rustix::process::geteuid().is_root() && aegir_stack::Users::find("aegir", "aegir-web").is_ok();
    if two { Way::TwoUsers } else { Way::Person }
}

/// The web server that the private stack has: the one that `AEGIR_TEST_HTTP` names, else that of the program
/// of tests.
pub fn http() -> &'static str {
    match std::env::var("AEGIR_TEST_HTTP").as_deref() {
        Ok("nginx") => "nginx",
        Ok("apache") => "apache",
        Ok(other) => panic!("AEGIR_TEST_HTTP is `{other}`, and neither `nginx` nor `apache`"),
        Err(_) if env!("CARGO_CRATE_NAME").ends_with("_on_apache") => "apache",
        Err(_) => "nginx",
    }
}

/// The program under test: the one that was built for the tests, or that which `AEGIR_TEST_PROGRAM` names.
pub fn program() -> String {
    std::env::var("AEGIR_TEST_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_aegir").to_owned())
}

/// A whole Ægir in a temporary folder.
pub struct Lab {
    dir: tempfile::TempDir,
    pub way: Way,
    pub up: Option<Up>,
    /// The web server of its stack.
    pub http: &'static str,
}

impl Lab {
    /// The program and an empty home, with nothing running.
    pub fn bare(way: Way) -> Lab {
        // Not below the folder of the checkout, which others may not enter; and short, for sockets.
        let dir = tempfile::Builder::new().prefix("ae").tempdir_in("/tmp").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = dir.path().join("aegir");
        let built = self::program();
        fs::hard_link(&built, &program).or_else(|_| fs::copy(&built, &program).map(drop)).unwrap();
        let lab = Lab { dir, way, up: None, http: http() };
        fs::create_dir(lab.home()).unwrap();
        lab.give(&lab.home());
        lab
    }

    /// The same, with the private stack running and the server `@server_localhost` verified.
    pub fn start(way: Way) -> Lab {
        Lab::start_on(way, http())
    }

    /// The same, on this web server.
    pub fn start_on(way: Way, http: &'static str) -> Lab {
        let mut lab = Lab::bare(way);
        lab.http = http;
        lab.start_stack(&[]);
        lab.provision(&["save", "@server_localhost", "--private-stack"]).done();
        lab.provision(&["verify", "@server_localhost"]).done();
        lab
    }

    /// With the private stack running, and nothing saved.
    pub fn started(way: Way, args: &[&str]) -> Lab {
        let mut lab = Lab::bare(way);
        lab.start_stack(args);
        lab
    }

    /// Starts the private stack.
    pub fn start_stack(&mut self, args: &[&str]) {
        let port = free_port().to_string();
        let home = self.home().display().to_string();
        let mut words = vec!["--home", &home, "up", "--only-services"];
        // A stack that ran before has its port and its web server.
        if !self.home().join("stack/ports.json").exists() {
            words.extend(["--port", &port, "--http", self.http]);
        }
        words.extend(args);
        let command = match self.way {
            Way::TwoUsers => {
                let mut command = Command::new(self.program());
                command.args(words).env("AEGIR_SETUP_NOTES", self.notes());
                command
            }
            Way::Person => self.as_user(&words),
        };
        self.up = Some(Up::start(command, self.home()));
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("h")
    }

    /// The folder of what the web server is told.
    pub fn http_folder(&self) -> PathBuf {
        self.home().join("config/server_localhost").join(self.http)
    }

    /// Where setup would have written down what it did to the machine.
    pub fn notes(&self) -> PathBuf {
        self.dir.path().join("notes")
    }

    /// A folder beside the home.
    pub fn beside(&self) -> &Path {
        self.dir.path()
    }

    /// The processes that this home has: those whose command line names it.
    pub fn processes(&self) -> Vec<String> {
        let home = self.home().display().to_string();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let lines = entries.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
        let lines = lines.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        lines.filter(|line| line.contains(&home)).collect()
    }

    pub fn program(&self) -> PathBuf {
        self.dir.path().join("aegir")
    }

    /// A command of any program as the user that Ægir runs as.
    pub fn as_owner(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        if !rustix::process::geteuid().is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        match self.way {
            Way::TwoUsers => command.args(["--reuid=aegir", "--regid=aegir", "--init-groups"]),
            Way::Person => command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]),
        };
        command.arg(program);
        command
    }

    /// A command of our program as the user that Ægir runs as.
    pub fn as_user(&self, words: &[&str]) -> Command {
        let mut command = self.as_owner(self.program());
        command.args(words).current_dir("/").env_remove("AEGIR_HOME").env_remove("AEGIR_DRILL");
        command.env("AEGIR_SETUP_NOTES", self.notes());
        command
    }

    /// The command line `aegir --home … provision WORDS…`.
    pub fn line(&self, words: &[&str]) -> Command {
        let home = self.home().display().to_string();
        let mut all = vec!["--home", &home, "provision"];
        all.extend(words);
        self.as_user(&all)
    }

    /// Types `aegir WORDS…`, and waits for its end: what the front end answers.
    pub fn front(&self, words: &[&str]) -> Said {
        let home = self.home().display().to_string();
        let all = [&["--home", &home], words].concat();
        Said::of(self.as_user(&all).stdin(Stdio::null()), &all)
    }

    /// The same, with `input` on standard input.
    pub fn front_with(&self, words: &[&str], input: &[u8]) -> Said {
        let home = self.home().display().to_string();
        let all = [&["--home", &home], words].concat();
        Said::with_input(&mut self.as_user(&all), &all, input)
    }

    /// Types `aegir provision WORDS…`, and waits for its end.
    pub fn provision(&self, words: &[&str]) -> Said {
        Said::of(self.line(words).stdin(Stdio::null()), words)
    }

    /// Takes a site out of service, which goes before its delete; without a backup.
    pub fn is_taken_out(&self, site: &str) {
        self.provision(&["disable", &format!("@{site}"), "--no-backup"]).done();
    }

    /// Deletes a site that is in service: it is disabled first. No backup is made.
    pub fn delete(&self, site: &str) {
        self.is_taken_out(site);
        self.provision(&["delete", &format!("@{site}"), &format!("--confirm={site}"), "--no-backup"]).done();
    }

    /// The same, with `input` on standard input.
    pub fn provision_with(&self, words: &[&str], input: &[u8]) -> Said {
        Said::with_input(&mut self.line(words), words, input)
    }

    /// Types a line and goes on while it runs.
    pub fn begin(&self, words: &[&str]) -> Child {
        spawn(self.line(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// Puts a program of an operator's own below a folder of the home, so that everybody may read and run it.
    pub fn put_program(&self, folder: &str, place: &str, text: &str) {
        let folder = self.home().join(folder);
        let path = folder.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        for path in path.ancestors().take_while(|path| path.starts_with(&folder)) {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        self.give(&folder);
    }

    /// Gives `path`, and all below it, to the user that Ægir runs as.
    pub fn give(&self, path: &Path) {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let owner = match self.way {
            Way::TwoUsers => "aegir:aegir-web",
            Way::Person => "65534:65534",
        };
        run(Command::new("chown").arg("-R").arg(owner).arg(path));
    }

    /// Makes a demo code base in `platforms/`, and gives its project folder.
    pub fn assemble(&self, fixture: &str) -> PathBuf {
        let place = self.home().join("platforms").join(fixture);
        self.assemble_at(fixture, &place);
        place
    }

    /// Makes a demo code base at `place`.
    pub fn assemble_at(&self, fixture: &str, place: &Path) {
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        run(Command::new(root().join("fixtures/platforms/assemble")).arg(fixture).arg(place));
        self.give(place);
    }

    /// Saves and verifies a code base as a platform.
    pub fn save_platform(&self, name: &str, project: &Path) {
        let (name, project) = (format!("@platform_{name}"), project.display().to_string());
        self.provision(&["save", &name, "--root", &project, "--server", "localhost"]).done();
        self.provision(&["verify", &name]).done();
    }

    /// A demo platform, saved and verified as `@platform_NAME`.
    pub fn platform(&self, name: &str, fixture: &str) {
        self.save_platform(name, &self.assemble(fixture));
    }

    /// Installs a site on a platform, in MariaDB, with the profile `minimal`.
    pub fn install(&self, site: &str, platform: &str) -> Said {
        let site = format!("@{site}");
        self.provision(&["install", &site, "--platform", platform, "--db-server", "localhost", "--profile", "minimal"])
    }

    /// The running stack.
    pub fn up(&self) -> &Up {
        self.up.as_ref().unwrap()
    }

    /// The folder of the newest attempt.
    pub fn newest_attempt(&self) -> PathBuf {
        let tasks = fs::read_dir(self.home().join("tasks")).unwrap().flatten().map(|entry| entry.path());
        tasks.filter(|path| path.join("request").exists()).max().unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The stack goes before its folder.
        drop(self.up.take());
    }
}

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Says that a test leaves something out for want of a program. On a build machine, which has whatever `scripts/setup`
/// installs, nothing is left out.
pub fn lacks(program: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "this machine has no `{program}`: run `scripts/setup`");
    eprintln!("skipped: this machine has no `{program}`; `scripts/setup` installs it");
}

/// A port that nobody has just now; from the range where few look for one.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a command. A copy of our program can be busy for a moment: another test that starts one just
/// while it is written holds it open.
pub fn spawn(command: &mut Command) -> Child {
    let mut child = None;
    until("the program is not busy", || {
        match command.spawn() {
            Ok(started) => child = Some(started),
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => (),
            Err(error) => panic!("{command:?}: {error}"),
        }
        child.is_some()
    });
    child.unwrap()
}

/// Runs a command that must succeed.
pub fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// Waits up to a minute.
pub fn until(what: &str, done: impl FnMut() -> bool) {
    within(Duration::from_secs(60), what, done);
}

/// Waits up to `limit`.
pub fn within(limit: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < limit, "waited {limit:?} until {what}");
        std::thread::sleep(Duration::from_millis(4));
    }
}

/// Ends a process as a power cut would.
pub fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}
