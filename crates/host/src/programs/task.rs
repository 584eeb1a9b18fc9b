//! Runs the programs of a task, each behind `aegir exec` and each written down before it acts.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aegir_domain::Fault;
use rustix::io::FdFlags;

use super::follow::{Ends, Pipes, follow};
use super::{CommandFailed, Launch, ProcessGroup, Programs, Ran};
use crate::exec::Order;

/// Until when the current line of a task may take. Shared between whoever runs the lines and whoever
/// runs their programs.
#[derive(Debug, Default)]
pub struct Deadline(Mutex<Option<Instant>>);

impl Deadline {
    /// One that is not set: there is no hurry.
    pub fn none() -> Arc<Deadline> {
        Arc::default()
    }

    /// From now on there is as much time as `left`.
    pub fn set(&self, left: Duration) {
        self.put(Instant::now().checked_add(left));
    }

    /// There is no hurry any more.
    pub fn clear(&self) {
        self.put(None);
    }

    /// The time that is left; nothing if there is no hurry.
    pub fn left(&self) -> Option<Duration> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    fn put(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

type OnGroup = Box<dyn Fn(&ProcessGroup) -> Result<(), Fault> + Send + Sync>;

/// The programs of a task. They get nothing of our environment but a path to programs, and die with us.
///
/// That they die with us is the kernel's doing, and to it "us" is the *thread* that started them: run
/// them from one that lives as long as the task.
pub struct TaskPrograms {
    exe: PathBuf,
    before_exe: Vec<OsString>,
    on_group: OnGroup,
    deadline: Arc<Deadline>,
    keep: Vec<RawFd>,
    home: PathBuf,
    tmp: PathBuf,
    path: OsString,
    grace: Duration,
}

impl TaskPrograms {
    /// The programs of a task; `exe` is our own binary, `on_group` writes down a group durably before
    /// its program may act, `deadline` is that of the task's current line.
    pub fn new(exe: PathBuf, on_group: OnGroup, deadline: Arc<Deadline>) -> TaskPrograms {
        TaskPrograms {
            exe,
            before_exe: vec!["exec".into()],
            on_group,
            deadline,
            keep: Vec::new(),
            home: "/nonexistent".into(),
            tmp: "/tmp".into(),
            path: search_path(),
            grace: Duration::from_secs(5),
        }
    }

    /// The same, whose programs inherit the descriptor of `lock`, which must be an inheritable one and
    /// must stay held as long as programs are run.
    pub fn keeping(mut self, lock: &crate::Lock) -> TaskPrograms {
        self.keep.push(lock.raw_fd());
        self
    }

    /// The same with `HOME` and `TMPDIR`. Without it, programs have no home, and `/tmp`.
    pub fn with_home(mut self, home: impl Into<PathBuf>, tmp: impl Into<PathBuf>) -> TaskPrograms {
        self.home = home.into();
        self.tmp = tmp.into();
        self
    }

    /// The same, giving programs that long between SIGTERM and SIGKILL (else five seconds).
    pub fn with_grace(mut self, grace: Duration) -> TaskPrograms {
        self.grace = grace;
        self
    }

    /// The same for a binary whose subcommand is not `exec` but all of these words.
    pub fn with_subcommand(mut self, words: impl IntoIterator<Item = OsString>) -> TaskPrograms {
        self.before_exe = words.into_iter().collect();
        self
    }

    /// Starts `aegir exec` with all pipes, and gives what is ours of them.
    fn start(&self, launch: &Launch, program: PathBuf) -> io::Result<Started> {
        let (go_read, go) = io::pipe()?;
        let answers = if launch.answers { Some(io::pipe()?) } else { None };
        let order = Order {
            parent: std::process::id(),
            go: go_read.as_raw_fd(),
            answers: answers.as_ref().map(|(_, write)| write.as_raw_fd()),
            keep: self.keep.clone(),
            memory: launch.limits.memory,
            cpu: None,
            umask: 0o007,
            program: program.into(),
            args: launch.cmd.args.iter().map(OsString::from).collect(),
        };

        let mut command = Command::new(&self.exe);
        command.args(&self.before_exe).args(order.to_args()).env_clear();
        command.env("PATH", &self.path).env("LANG", "C.UTF-8").env("HOME", &self.home).env("TMPDIR", &self.tmp);
        command.envs(launch.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(launch.dir.as_deref().unwrap_or(Path::new("/")));
        command.stdin(if launch.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let handed_on = OnExec { go: go_read.into(), answers: answers.as_ref().map(|(_, write)| write.as_raw_fd()) };
        handed_on.prepare(&mut command);
        let child = command.spawn()?;
        // Our copies of the child's ends must go, or we would wait for ourselves.
        drop(handed_on);
        let answers = answers.map(|(read, _)| read);
        Ok(Started { child, go, answers: answers.map(OwnedFd::from) })
    }
}

/// The descriptors that `aegir exec` gets by number.
struct OnExec {
    go: OwnedFd,
    answers: Option<RawFd>,
}

impl OnExec {
    /// Has the two descriptors stay open in the child, and only there: were the flag taken off here,
    /// a program started by another thread just now would get them too.
    fn prepare(&self, command: &mut Command) {
        let fds = [Some(self.go.as_raw_fd()), self.answers];
        let keep_open = move || {
            for fd in fds.into_iter().flatten() {
                // SAFETY: both are open in the parent until `spawn` returns, so they are here.
                #[expect(unsafe_code, reason = "an owned descriptor cannot be carried over the fork")]
                rustix::io::fcntl_setfd(unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) }, FdFlags::empty())?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec only a system call is made; nothing is allocated or locked.
        #[expect(unsafe_code, reason = "the only way to change a flag in the child alone")]
        unsafe {
            command.pre_exec(keep_open);
        }
    }
}

struct Started {
    child: Child,
    go: io::PipeWriter,
    answers: Option<OwnedFd>,
}

impl Programs for TaskPrograms {
    fn run(&self, launch: &Launch, on_answer: &mut dyn FnMut(&str)) -> Result<Ran, CommandFailed> {
        let began = Instant::now();
        let shown = || launch.cmd.program.display().to_string();
        let program = find_program(&launch.cmd.program).ok_or_else(|| CommandFailed::NotFound { program: shown() })?;
        if let Some(dir) = launch.dir.as_deref().filter(|dir| !dir.is_dir()) {
            let why = format!("the folder `{}`, in which it is to start, is not there", dir.display());
            return Err(CommandFailed::Start { program: shown(), source: io::Error::other(why) });
        }
        let started =
            self.start(launch, program).map_err(|source| CommandFailed::Start { program: shown(), source })?;
        let Started { mut child, mut go, answers } = started;

        let written_down = match ProcessGroup::led_by(child.id()) {
            Some(group) => (self.on_group)(&group)
                .map_err(|fault| CommandFailed::NotWrittenDown { program: shown(), source: fault.report() }),
            None => Err(CommandFailed::Start { program: shown(), source: io::Error::other("it died at once") }),
        };
        if let Err(fault) = written_down {
            // It ends by itself, having done nothing, when nobody can say go any more.
            drop(go);
            let said = child.wait_with_output().map(|output| output.stderr).unwrap_or_default();
            return Err(match fault {
                CommandFailed::Start { program, .. } if !said.is_empty() => {
                    let said = String::from_utf8_lossy(&said).trim().to_owned();
                    CommandFailed::Start { program, source: io::Error::other(said) }
                }
                fault => fault,
            });
        }
        // If it died before this, following it will say so.
        let _ = io::Write::write_all(&mut go, b"g");
        drop(go);

        let pipes = Pipes {
            stdin: child.stdin.take().map(OwnedFd::from),
            stdout: child.stdout.take().map(OwnedFd::from),
            stderr: child.stderr.take().map(OwnedFd::from),
            answers,
        };
        let until = [Some(launch.limits.time), self.deadline.left()].into_iter().flatten().min();
        let until = until.and_then(|left| Instant::now().checked_add(left));
        let input = launch.stdin.as_ref().map_or("", |text| text.expose()).as_bytes();
        let ends = Ends { until, grace: self.grace, output: launch.limits.output, stop: launch.stop.clone() };
        let followed = follow(&mut child, pipes, input, &ends, launch.tells, on_answer);
        let (ended, out, err) = followed.map_err(|source| CommandFailed::Follow { program: shown(), source })?;
        Ok(Ran {
            ended,
            stdout: out.text(),
            stderr: err.text(),
            whole: out.is_whole() && err.is_whole(),
            took: began.elapsed(),
        })
    }
}

/// Where programs are looked for: our own path, and where the system keeps those of administrators.
fn search_path() -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&own).filter(|folder| folder.is_absolute()).collect();
    for folder in ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
        if !folders.iter().any(|known| known == Path::new(folder)) {
            folders.push(folder.into());
        }
    }
    std::env::join_paths(folders).unwrap_or(own)
}

/// Where a program is: a path as it is if something runnable lies there, a name where the system keeps
/// programs.
pub fn find_program(program: &Path) -> Option<PathBuf> {
    let runnable =
        |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    if program.as_os_str().as_encoded_bytes().contains(&b'/') {
        // One that is there and may not be run is for the system to refuse, with its own reason.
        return program.exists().then(|| program.to_owned());
    }
    std::env::split_paths(&search_path()).map(|folder| folder.join(program)).find(|path| runnable(path))
}
