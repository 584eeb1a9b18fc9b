//! Everything that a line of a task may touch and that is not among its own fields.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aegir_domain::protocol::{Level, Said};
use aegir_domain::{AttemptId, Fault, Home, Password, PlatformName};
use aegir_drivers::Templates;
use aegir_drivers::db::DbDrivers;
use aegir_drivers::http::HttpDrivers;
use aegir_host::{
    Clock, Databases, Deadline, FileFault, Files, Lock, Mint, Programs, Services, SqlFault, SqlKind, Stop, Web,
};
use aegir_recipe::{Ground, Teller};

use crate::{Contexts, Settings};

/// What the binary, or a lab, puts together once; each attempt gets a [`World`] made from it.
pub struct WorldParts {
    /// The home.
    pub home: Home,
    /// Its settings.
    pub settings: Settings,
    /// Files below the home and the bases of platforms.
    pub files: Files,
    /// Connections to databases.
    pub databases: Arc<dyn Databases>,
    /// Services that can be reloaded.
    pub services: Arc<dyn Services>,
    /// Requests to web servers.
    pub web: Arc<dyn Web>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What must be unpredictable.
    pub mint: Arc<dyn Mint>,
    /// Makes the programs of one task: they hold its lock, end by its deadline, and are journalled.
    pub programs: ProgramsOf,
    /// The folder of sockets, by a path short enough for one: `run` of the home, or what that links to.
    pub sockets: PathBuf,
    /// The group of the web server's workers, which may read a site's settings and write its files.
    pub web_gid: u32,
    /// The group that Ægir runs as.
    pub own_gid: u32,
    /// All groups that it is in.
    pub own_groups: Vec<u32>,
    /// User and group of the web server's workers, where they are not our own.
    pub web_user: Option<(String, String)>,
    /// Whether PHP of sites is known to run as our own user wherever it runs, as on a stack that a person started.
    pub one_user: bool,
    /// How database servers are spoken to.
    pub db_drivers: DbDrivers,
    /// How web servers are spoken to.
    pub http_drivers: HttpDrivers,
}

/// Makes what starts programs for one task.
pub type ProgramsOf = Arc<dyn Fn(&Lock, OnGroup, Arc<Deadline>) -> Box<dyn Programs> + Send + Sync>;

/// Is told of each group of processes before its program may act.
pub type OnGroup = Box<dyn Fn(&aegir_host::ProcessGroup) -> Result<(), Fault> + Send + Sync>;

/// The world of one attempt.
pub struct World {
    /// What it is made from.
    pub parts: Arc<WorldParts>,
    /// Programs of this task.
    pub programs: Box<dyn Programs>,
    /// The folder of this attempt.
    pub task: TaskFolder,
    /// Who hears what this task says.
    pub teller: Arc<dyn Teller + Send + Sync>,
    /// By when the current line must end.
    pub deadline: Arc<Deadline>,
    /// Whether a wait for a service was told already.
    pub told_waiting: AtomicBool,
    /// Whether what sites lack, since our account may not grant it, was told already.
    pub told_rights: AtomicBool,
    /// Whether nothing of this task ends any more because somebody wished to cancel it.
    pub goes_on: AtomicBool,
}

impl World {
    /// The home.
    pub fn home(&self) -> &Home {
        &self.parts.home
    }

    /// Files below the home and the bases of platforms.
    pub fn files(&self) -> &Files {
        &self.parts.files
    }

    /// The socket of a platform's PHP pool.
    pub fn php_socket(&self, platform: &PlatformName) -> PathBuf {
        self.parts.sockets.join("php").join(format!("{platform}.sock"))
    }

    /// The socket of the pool that Ægir asks about sites of a platform, in a folder that it alone may enter.
    pub fn ask_socket(&self, platform: &PlatformName) -> PathBuf {
        self.parts.sockets.join("ask").join(format!("{platform}.sock"))
    }

    /// The socket of the pool that runs what takes long, as a site's updates do, in a folder that Ægir alone may enter.
    pub fn update_socket(&self, platform: &PlatformName) -> PathBuf {
        self.parts.sockets.join("upd").join(format!("{platform}.sock"))
    }

    /// What is known of each object.
    pub fn contexts(&self) -> Contexts<'_> {
        Contexts::new(&self.parts.home, &self.parts.files)
    }

    /// Whether somebody asked this task to stop, for a program that is then to end at once. Behind the point of no return
    /// that comes too late: see [`World::go_on`].
    pub fn until_cancelled(&self) -> Stop {
        if self.goes_on.load(Ordering::Relaxed) {
            return Arc::new(|| false);
        }
        let (files, task) = (self.files().clone(), self.task.clone());
        Arc::new(move || task.is_cancelled(&files))
    }

    /// The point of no return was passed: what begins from now on does not end early.
    pub fn go_on(&self) {
        self.goes_on.store(true, Ordering::Relaxed);
    }

    /// Says a sentence to the operator.
    pub fn say(&self, text: impl Into<String>) {
        self.tell(Level::Info, text, None);
    }

    /// Warns the operator.
    pub fn warn(&self, text: impl Into<String>) {
        self.tell(Level::Warning, text, None);
    }

    /// Says a sentence, with a program's output folded under it.
    pub fn say_with(&self, text: impl Into<String>, output: String) {
        self.tell(Level::Info, text, Some(output).filter(|output| !output.trim().is_empty()));
    }

    /// Says how far a long line is.
    pub fn progress(&self, done: u64, text: &str) {
        self.teller.tell(Said::Progress { done, total: 0, text: text.to_owned() });
    }

    /// The secret `name` that an earlier line of this task made, or that came with the request.
    pub fn task_secret(&self, name: &str) -> Result<Password, Fault> {
        let secret = self.task.secret(self.files(), name)?;
        secret.ok_or_else(|| SecretGone { name: name.to_owned() }.into())
    }

    /// A name in a trash that belongs to this task: what it was, when, and the attempt.
    pub fn trash_name(&self, stem: &str) -> String {
        let attempt = self.task.attempt.to_string();
        let end = attempt.rsplit('-').next().unwrap_or_default();
        format!("{stem}-{}-{end}", aegir_domain::stamp(self.parts.clock.unix_ms()))
    }

    /// The first of these programs that this machine has.
    pub fn find_program(&self, names: &[String]) -> Option<PathBuf> {
        names.iter().find_map(|name| aegir_host::find_program(Path::new(name)))
    }

    /// A folder on each file system that a task may change.
    fn file_systems(&self) -> Vec<PathBuf> {
        let parts = &self.parts;
        let home = &parts.home;
        let platforms = self.contexts().all().unwrap_or_default().into_iter().filter_map(|context| match context {
            aegir_domain::Context::Platform(platform) => Some(platform.root.path().join("sites")),
            _ => None,
        });
        let mut seen = std::collections::BTreeSet::new();
        let ours = [home.path().to_owned(), home.platforms(), home.databases(), home.config(), home.tasks()];
        let all = ours.into_iter().chain(parts.settings.platform_bases.clone()).chain(platforms);
        all.filter(|path| parts.files.device(path).is_ok_and(|device| seen.insert(device))).collect()
    }

    fn tell(&self, level: Level, text: impl Into<String>, output: Option<String>) {
        self.teller.tell(Said::Log { level, text: text.into(), output });
    }

    /// Templates that an operator put in the place of ours.
    pub fn templates(&self) -> Result<Templates, FileFault> {
        let mut templates = Templates::default();
        for name in Templates::names() {
            if let Some(text) = self.files().read_text(&self.home().templates().join(name))? {
                templates.overrides.insert(name.to_owned(), text);
            }
        }
        Ok(templates)
    }
}

impl Ground for World {
    fn begin_line(&self, _name: &str, limit: Duration) {
        self.deadline.set(limit);
    }

    fn cancelled(&self) -> bool {
        self.task.is_cancelled(&self.parts.files)
    }

    fn make_durable(&self) -> Result<(), Fault> {
        self.file_systems().iter().try_for_each(|place| self.parts.files.sync_fs(place).map(drop))?;
        Ok(())
    }

    fn before_undo(&self) {
        // Where this fails the undo that needs the room says so.
        let _ = self.files().remove_file(&self.task.reserve());
    }

    fn may_pass(&self, fault: &Fault) -> bool {
        let passing = fault
            .downcast_ref::<SqlFault>()
            .is_some_and(|fault| matches!(fault.kind, SqlKind::Unreachable | SqlKind::Gone))
            || fault.downcast_ref::<crate::service::ServiceRestarting>().is_some();
        if passing && !self.told_waiting.swap(true, Ordering::Relaxed) {
            self.warn("Waiting up to a minute for a service that does not answer");
        }
        passing
    }

    fn pause(&self, time: Duration) {
        self.parts.clock.sleep(time);
    }

    fn elapsed(&self) -> Duration {
        self.parts.clock.now()
    }
}

/// Room that is kept for taking a task back, in bytes: what its undos write at the most, with some to spare.
const RESERVE: u64 = 1 << 20;

/// The folder of one attempt: `tasks/<id>/`.
#[derive(Clone, Debug)]
pub struct TaskFolder {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its folder.
    pub path: PathBuf,
}

impl TaskFolder {
    /// The folder of `attempt` in `home`.
    pub fn new(home: &Home, attempt: AttemptId) -> TaskFolder {
        TaskFolder { attempt, path: home.task(attempt) }
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// What was said.
    pub fn events(&self) -> PathBuf {
        self.path.join("events")
    }

    /// The request, without its secrets.
    pub fn request(&self) -> PathBuf {
        self.path.join("request")
    }

    /// The lock that a living worker and its programs hold.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The lock that a living worker alone holds, and none of its programs.
    pub fn worker_lock(&self) -> PathBuf {
        self.path.join("worker.lock")
    }

    /// Room on the disk that is kept for taking the task back.
    pub fn reserve(&self) -> PathBuf {
        self.path.join("reserve")
    }

    /// What steps are about to replace.
    pub fn kept(&self) -> PathBuf {
        self.path.join("kept")
    }

    /// Secrets of the task.
    pub fn secrets(&self) -> PathBuf {
        self.path.join("secrets")
    }

    /// The mark of a wish to cancel.
    pub fn cancel(&self) -> PathBuf {
        self.path.join("cancel")
    }

    /// The part of the answer that is given once.
    pub fn secret_answer(&self) -> PathBuf {
        self.path.join("answer")
    }

    /// What a worker prints beside its events: only a bug's last words.
    pub fn worker_log(&self) -> PathBuf {
        self.path.join("worker.log")
    }

    /// Makes what the task needs from its first act on, and has it last: the folders of what it keeps, and room for
    /// its undo, without which it could not even be taken back on a full disk.
    pub(crate) fn prepare(&self, home: &Home, files: &Files) -> Result<(), FileFault> {
        // The mark first: by it what is made here is found, and removed.
        files.sync(&home.open_tasks())?;
        files.make_dir(&self.secrets(), 0o700)?;
        files.make_dir(&self.kept(), 0o700)?;
        files.reserve(&self.reserve(), RESERVE)?;
        self.make_durable(home, files)
    }

    /// Has all last that it takes to find the attempt after a power loss, and to know it again when it is asked for
    /// again: its request, the room kept for its undo, its mark, and the way to them.
    pub(crate) fn make_durable(&self, home: &Home, files: &Files) -> Result<(), FileFault> {
        let folders = [self.path.clone(), home.open_tasks(), home.tasks(), home.path().to_owned()];
        [self.request(), self.reserve()].iter().chain(&folders).try_for_each(|path| files.sync(path))
    }

    /// Whether its request is there, and whole: a power loss may leave a part of one, of a task that never acted.
    pub fn is_asked_for(&self, files: &Files) -> Result<bool, FileFault> {
        let text = files.read(&self.request())?;
        Ok(text.is_some_and(|text| serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok()))
    }

    /// Whether somebody wished to cancel.
    pub fn is_cancelled(&self, files: &Files) -> bool {
        matches!(files.kind(&self.cancel()), Ok(Some(_)))
    }

    /// The secret `name` of this task.
    pub fn secret(&self, files: &Files, name: &str) -> Result<Option<Password>, FileFault> {
        Ok(files.read_text(&self.secrets().join(name))?.map(Password::new))
    }

    /// Where the secret `name` of this task lies.
    pub fn secret_path(&self, name: &str) -> PathBuf {
        self.secrets().join(Path::new(name).file_name().unwrap_or_default())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the secret `{name}` of this task is gone")]
struct SecretGone {
    name: String,
}

impl aegir_domain::Remedy for SecretGone {
    fn remedy(&self) -> Option<String> {
        Some("ask for the task again".into())
    }
}
