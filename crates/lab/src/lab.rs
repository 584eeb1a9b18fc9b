//! A lab: a whole installation in a temporary folder, on a machine that is pretended.
//!
//! The back end is the real one, and so are its files and locks. When a lab is dropped it checks what
//! must always hold: no task left open, no vhost without a site, no database and no account without an
//! owner, no secret kept by a task that ended.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::protocol::{Ending, Line, Request, Said, VERSION};
use aegir_domain::{
    AttemptId, Context, ContextName, DbEngine, DbService, Former, Home, HttpEngine, HttpService, InstallSite,
    MachineName, OutcomeKind, Password, PlatformContext, PlatformName, Report, Secrets, ServerContext, ServerName,
    SiteContext, SiteName, Task,
};
use aegir_drivers::Templates;
use aegir_drivers::db::DbDrivers;
use aegir_drivers::http::{HttpDrivers, MAX_BODY_MB, ServerConfig};
use aegir_host::{Clock, Databases, Files, Mint, RealDatabases, Row, WebAddress, own_gid, own_uid};
use aegir_provision::{Attempt, Contexts, Settings, Worker, WorldParts, read_journal, run_attempt, task_type};
use aegir_recipe::Record;
use aegir_recipe::proof::Drill;

use crate::fake::{
    ACCOUNT, DbState, FakeClock, FakeDatabases, FakeMint, FakePrograms, FakeServices, FakeWeb, Machine, PASSWORD, Watch,
};
use crate::fake::{COMPOSER, CURL, GIT};
use crate::folder::LabFolder;
use crate::let_go::LetGo;
use crate::theirs::THEIRS;
use crate::{Code, Snapshot};

/// The group that the web server's workers have in a lab of root.
const WEB_GID: u32 = 33;

/// A whole installation in a temporary folder.
pub struct Lab {
    pub(crate) folder: LabFolder,
    /// The pretended machine.
    pub machine: Arc<Machine>,
    /// Its clock.
    pub clock: Arc<FakeClock>,
    /// What the back end is given.
    pub parts: Arc<WorldParts>,
    mess: Cell<bool>,
}

impl Lab {
    /// An empty home on a machine whose services run.
    pub fn new() -> Lab {
        let lab = Lab::at(LabFolder::new());
        let home = lab.home();
        for (path, mode) in [
            (home.path().to_owned(), 0o711),
            (home.platforms(), 0o755),
            (home.locks(), 0o700),
            (home.run(), 0o711),
            (home.run().join("php"), 0o711),
            (home.run().join("http"), 0o711),
            (home.logs(), 0o700),
        ] {
            fs::create_dir(&path).expect("the lab's folder can be written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("the lab's folder can be written");
        }
        DbState::begin(&lab.machine);
        FakeServices(lab.machine.clone()).start();
        lab
    }

    /// The lab in a folder that another process made.
    pub(crate) fn of_other(folder: LabFolder) -> Lab {
        let lab = Lab::at(folder);
        lab.may_leave_a_mess();
        lab
    }

    fn at(folder: LabFolder) -> Lab {
        let home = Home::new(folder.live().join("home"));
        let machine = Machine::new(folder.live().join("machine"), home.clone());
        let clock = Arc::new(FakeClock::default());
        let programs = machine.clone();
        let parts = WorldParts {
            // One connection copies: moments are to come in the same order each time.
            settings: Settings {
                lock_patience: 2,
                composer: COMPOSER.into(),
                git: GIT.into(),
                curl: CURL.into(),
                copy_connections: 1,
                ..Settings::default()
            },
            files: Files::new(vec![home.path().to_owned()]).with_recorder(Arc::new(Watch(machine.clone()))),
            databases: Arc::new(FakeDatabases(machine.clone())),
            services: Arc::new(FakeServices(machine.clone())),
            web: Arc::new(FakeWeb(machine.clone())),
            clock: clock.clone(),
            mint: Arc::new(FakeMint(machine.clone())),
            programs: Arc::new(move |_, on_group, _| Box::new(FakePrograms::new(programs.clone(), on_group))),
            sockets: home.run(),
            web_gid: if own_uid() == 0 { WEB_GID } else { own_gid() },
            own_gid: own_gid(),
            own_groups: vec![own_gid(), WEB_GID],
            web_user: None,
            // As root's stack has it: what php-fpm cannot answer, nobody does.
            one_user: false,
            db_drivers: DbDrivers::standard(),
            http_drivers: HttpDrivers::standard(),
            home,
        };
        Lab { folder, machine, clock, parts: Arc::new(parts), mess: Cell::new(false) }
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.parts.home
    }

    /// What is known of each object.
    pub fn contexts(&self) -> Contexts<'_> {
        Contexts::new(&self.parts.home, &self.parts.files)
    }

    /// What a server with nginx and the fake database server is.
    pub fn server_context(&self, name: &str) -> ServerContext {
        ServerContext {
            name: parsed(name),
            revision: 0,
            http: Some(HttpService { engine: HttpEngine::Nginx, listen: parsed("127.0.0.1:8080"), php_socket: None }),
            db: Some(DbService::Mariadb {
                at: DbEngine::Socket(self.home().run().join("mariadb.sock")),
                account: ACCOUNT.into(),
                grant_hosts: Vec::new(),
            }),
        }
    }

    /// Has the web server run with what the private stack writes before the server was ever verified.
    pub fn stack_runs(&self, server: &str) {
        let name: ServerName = parsed(server);
        let config = ServerConfig {
            folder: self.home().http_config(&name, HttpEngine::Nginx),
            name,
            listen: parsed("127.0.0.1:8080"),
            internal_socket: self.home().run().join("http/nginx.sock"),
            access_log: self.home().logs().join("nginx-access.log"),
            max_body_mb: MAX_BODY_MB,
        };
        let driver = self.parts.http_drivers.named("nginx").expect("there is a driver of nginx");
        for folder in driver.folders() {
            fs::create_dir_all(config.folder.join(folder)).expect("the lab's folder can be written");
        }
        let templates = Templates::default();
        let mut files = driver.server(&config, &templates).expect("the server's files can be rendered");
        files.push(driver.generation(0, &templates).expect("the generation can be rendered"));
        for file in files {
            let path = config.folder.join(&file.path);
            let written = fs::write(&path, file.text.expose());
            let written = written.and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(file.mode)));
            written.expect("the lab's folder can be written");
        }
        self.restart_services();
    }

    /// Saves and verifies a server with nginx and the fake database server.
    pub fn server(&self, name: &str) {
        self.save(Context::Server(self.server_context(name)));
        self.must(Task::VerifyServer { server: parsed(name), context: None });
    }

    /// Saves and verifies a server that has databases alone.
    pub fn database_server(&self, name: &str) {
        self.save(Context::Server(ServerContext { http: None, ..self.server_context(name) }));
        self.must(Task::VerifyServer { server: parsed(name), context: None });
    }

    /// Saves and verifies a server whose databases are files.
    pub fn file_server(&self, name: &str) {
        let server = ServerContext { http: None, db: Some(DbService::Sqlite {}), ..self.server_context(name) };
        self.save(Context::Server(server));
        self.must(Task::VerifyServer { server: parsed(name), context: None });
    }

    /// Puts a code base into the home, and gives its docroot.
    pub fn code(&self, name: &str, code: Code) -> PathBuf {
        code.make(&self.home().platforms().join(name))
    }

    /// Saves a platform with this code on the server `localhost`.
    pub fn save_platform(&self, name: &str, code: Code) {
        let root = self.code(name, code);
        self.save(Context::Platform(PlatformContext {
            name: parsed(name),
            revision: 0,
            root: parsed(&root.to_string_lossy()),
            server: parsed("localhost"),
            php: None,
            facts: None,
            built: None,
        }));
    }

    /// Saves and verifies a platform with this code on the server `localhost`.
    pub fn platform(&self, name: &str, code: Code) {
        self.save_platform(name, code);
        self.must(Task::VerifyPlatform { platform: parsed(name), context: None });
    }

    /// What is asked for a new site on `platform`, with its data on `localhost`.
    pub fn new_site(&self, name: &str, platform: &str) -> InstallSite {
        InstallSite {
            site: parsed(name),
            method: aegir_domain::InstallMethod::Profile,
            platform: parsed::<PlatformName>(platform),
            db_server: parsed::<ServerName>("localhost"),
            profile: None,
            language: aegir_domain::Langcode::english(),
            time_zone: aegir_domain::TimeZoneName::utc(),
            title: None,
            mail: parsed("admin@example.org"),
            account: parsed("admin"),
            aliases: Vec::new(),
            redirect: aegir_domain::Redirect::None,
            client: parsed::<MachineName>("admin"),
            cron: None,
            welcome: None,
        }
    }

    /// Installs a site on `platform`.
    pub fn install(&self, name: &str, platform: &str) -> SiteContext {
        self.must(Task::InstallSite(Box::new(self.new_site(name, platform))));
        self.site(name)
    }

    /// A site, as it is known.
    pub fn site(&self, name: &str) -> SiteContext {
        self.contexts().site(&parsed::<SiteName>(name)).expect("the site is saved")
    }

    /// The folder of a site.
    pub fn site_folder(&self, name: &str) -> PathBuf {
        let site = self.site(name);
        self.contexts().platform(&site.platform).expect("the platform is saved").root.site_dir(&site.name)
    }

    /// Puts a hook at `place` below `hooks/`, such as `all/check.d/quiet`; its lines are what fake hooks understand.
    pub fn hook(&self, place: &str, text: &str) {
        let path = self.home().hooks().join(place);
        let marks = self.home().path().join("marks");
        let made = [path.parent().unwrap_or(&path), &marks].iter().try_for_each(fs::create_dir_all);
        let written = made.and_then(|()| fs::write(&path, text));
        let written = written.and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
        written.expect("the lab's folder can be written");
        // Whatever the umask of the test: what others may write is no hook.
        for folder in path.ancestors().skip(1).take(2) {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("the lab's folder can be written");
        }
    }

    /// Adds a task type: its manifest, and its programs by name, whose lines are what fake hooks understand.
    pub fn task_type(&self, name: &str, manifest: &str, programs: &[(&str, &str)]) {
        let folder = self.home().task_types().join(name);
        let made = [&folder, &self.home().path().join("marks")].iter().try_for_each(fs::create_dir_all);
        made.and_then(|()| fs::write(folder.join("task.toml"), manifest)).expect("the lab's folder can be written");
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        for (program, text) in programs {
            let path = folder.join(program);
            let written = fs::write(&path, text).and_then(|()| mode(&path, 0o755));
            written.expect("the lab's folder can be written");
        }
        // Whatever the umask of the test: what others may write is no task type.
        let modes = [(&folder, 0o755), (&self.home().task_types(), 0o755), (&folder.join("task.toml"), 0o644)];
        modes.iter().try_for_each(|(path, bits)| mode(path, *bits)).expect("the lab's folder can be written");
    }

    /// Starts the web server and php-fpm anew, with what lies on disk.
    pub fn restart_services(&self) {
        FakeServices(self.machine.clone()).start();
    }

    /// The status that a visitor of the front page of `name` gets.
    pub fn visit(&self, name: &str) -> u16 {
        let at = WebAddress::Tcp(([127, 0, 0, 1], 8080).into());
        self.parts.web.get(&at, name, "/", Duration::from_secs(1)).expect("the web server answers").status
    }

    /// The password of a site's database, and its salt.
    pub fn credentials(&self, site: &str) -> (String, String) {
        let path = self.home().credentials_of(&ContextName::Site(parsed(site)));
        let text = fs::read_to_string(path).expect("the site has credentials");
        let read: serde_json::Value = serde_json::from_str(&text).expect("credentials are JSON");
        let of = |name: &str| read[name].as_str().unwrap_or_default().to_owned();
        (of("db_passwd"), of("hash_salt"))
    }

    /// What the database of a site on the fake server answers: the first column of each row.
    pub fn rows_of(&self, site: &str, query: &str) -> Vec<String> {
        let file = DbState::file(&self.machine, self.site(site).database.name.as_str());
        let mut connection = RealDatabases.sqlite(&file).expect("the site has a database");
        let rows = connection.rows(query).expect("a test asks what there is");
        let first = |row: Row| row.into_iter().next().flatten().unwrap_or_default();
        rows.into_iter().map(|row| String::from_utf8_lossy(&first(row)).into_owned()).collect()
    }

    /// Has the database `name` bear another mark, as if somebody had put theirs in its place.
    pub fn remark_database(&self, name: &str, comment: &str) {
        let mut state = DbState::read(&self.machine);
        state.databases.get_mut(name).expect("the database is there").comment = comment.to_owned();
        state.write(&self.machine);
    }

    /// Saves a context.
    pub fn save(&self, context: Context) {
        self.must(Task::SaveContext { context });
    }

    /// Runs a task that must succeed.
    #[track_caller]
    pub fn must(&self, task: Task) -> Ending {
        let kind = task.kind().as_str();
        let ending = self.run(task);
        let fault = ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default();
        assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded, "{kind}: {fault}");
        ending
    }

    /// Takes a site out of service, which goes before its delete; without a backup.
    pub fn is_taken_out(&self, site: &str) {
        self.must(Task::DisableSite { site: parsed(site), no_backup: true });
    }

    /// Deletes a site that is in service: it is disabled first. No backup is made.
    #[track_caller]
    pub fn delete(&self, site: &str) -> Ending {
        self.is_taken_out(site);
        self.must(Task::DeleteSite { site: parsed(site), confirm: site.to_owned(), no_backup: true })
    }

    /// Runs a task.
    pub fn run(&self, task: Task) -> Ending {
        let attempt = self.ask(task);
        self.work_on(attempt, &self.worker())
    }

    /// Runs a task that must be refused, and gives what it says.
    pub fn refuses(&self, task: Task) -> String {
        let ending = self.run(task);
        assert_eq!(ending.outcome.kind(), OutcomeKind::Refused, "{ending:?}");
        ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default()
    }

    /// The same with secrets that come with the request.
    pub fn run_with(&self, task: Task, secrets: Secrets) -> Ending {
        let request = Request { secrets, ..self.request(task) };
        Attempt::ask(&self.parts, &request).expect("a task can be asked for");
        self.work_on(request.attempt, &self.worker())
    }

    /// Asks for a task, and leaves it to a worker.
    pub fn ask(&self, task: Task) -> AttemptId {
        let request = self.request(task);
        Attempt::ask(&self.parts, &request).expect("a task can be asked for");
        request.attempt
    }

    /// The request of a new attempt. Each secret field of a task type is given the lab's password.
    pub fn request(&self, task: Task) -> Request {
        let mint: &dyn Mint = &*self.parts.mint;
        let attempt = AttemptId::from_parts(self.clock.unix_ms(), mint.random());
        let mut secrets = Secrets::default();
        if let Task::SaveContext {
            context: Context::Server(ServerContext { db: Some(DbService::Mariadb { .. }), .. }),
        } = &task
        {
            secrets.insert("db_password", Password::new(PASSWORD));
        }
        if let Task::Custom(custom) = &task
            && let Ok(found) = task_type(&self.parts.files, &self.home().task_types(), own_uid(), &custom.task_type)
        {
            found.manifest.secret_fields().for_each(|name| secrets.insert(name.as_str(), Password::new(PASSWORD)));
        }
        Request { protocol: VERSION, attempt, task, secrets, asked_by: Some("a test".into()) }
    }

    /// A worker to whom nothing happens.
    pub fn worker(&self) -> Worker {
        Worker { parts: self.parts.clone(), drill: Drill::default(), at_boundary: None }
    }

    /// Works on an attempt in this process.
    pub fn work_on(&self, attempt: AttemptId, worker: &Worker) -> Ending {
        let _no_forks = crate::proof::no_forks();
        run_attempt(worker, attempt).expect("a worker can take up an attempt")
    }

    /// What an attempt said, line by line.
    pub fn said(&self, attempt: AttemptId) -> Vec<Said> {
        let text = fs::read_to_string(self.home().task(attempt).join("events")).expect("an attempt has events");
        let line = |line: &str| serde_json::from_str::<Line>(line).expect("an event is a line of the protocol").said;
        text.lines().map(line).collect()
    }

    /// The journal of an attempt.
    pub fn journal(&self, attempt: AttemptId) -> Vec<Record> {
        read_journal(&self.home().task(attempt).join("journal")).expect("a journal can be read")
    }

    /// The world now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.machine)
    }

    /// Copies everything, to go back to.
    pub fn save_all(&self) {
        self.folder.save();
    }

    /// Goes back to what was copied, and to the beginning of time.
    pub fn restore_all(&self) {
        self.folder.restore();
        self.clock.rewind();
    }

    /// Has chance and time go on as from what was copied, so that what was tried once can be done the same way.
    pub(crate) fn rewind(&self) {
        self.folder.restore_file("machine/mint");
        self.clock.rewind();
    }

    /// Does not check, when it is dropped, that nothing was left behind.
    pub fn may_leave_a_mess(&self) {
        self.mess.set(true);
    }

    /// What must never be, and is.
    pub fn mess(&self) -> Vec<String> {
        let mut mess = Vec::new();
        let open = list(&self.home().open_tasks());
        mess.extend(open.iter().map(|attempt| format!("the task {attempt} is open")));
        let sites = self.contexts().sites().unwrap_or_default();
        let servers = self.contexts().all().unwrap_or_default();
        let let_go = LetGo::of(&servers);
        for server in servers.iter().filter_map(|context| match context {
            Context::Server(server) => Some(&server.name),
            _ => None,
        }) {
            for vhost in list(&self.home().http_config(server, HttpEngine::Nginx).join("vhost.d")) {
                let site = vhost.strip_suffix(".conf").unwrap_or(&vhost);
                if !let_go.sites.contains(site) && !sites.iter().any(|known| known.name.as_str() == site) {
                    mess.push(format!("the vhost `{vhost}` belongs to no site"));
                }
            }
        }
        let state = DbState::read(&self.machine);
        // One that was packed has nothing but its backup any more.
        let formers: Vec<_> =
            sites.iter().flat_map(|site| &site.formers).filter(|former| former.archive.is_none()).collect();
        let owned = |name: &str| {
            sites.iter().any(|site| site.database.name.as_str() == name)
                || formers.iter().any(|former| former.database.name.as_str() == name)
        };
        // What somebody made by hand is theirs, and so is what was let go of.
        let owned = |name: &str| owned(name) || name.starts_with(THEIRS) || let_go.databases.contains(name);
        let databases = state.databases.keys().filter(|name| !owned(name));
        mess.extend(databases.map(|name| format!("the database `{name}` belongs to no site")));
        for account in state.accounts.keys() {
            let name = account.split('@').next().unwrap_or_default();
            if name != ACCOUNT && !owned(name) {
                mess.push(format!("the account `{account}` belongs to no site"));
            }
        }
        for name in list(&self.home().databases()).iter().filter(|name| !owned(name)) {
            mess.push(format!("the folder `databases/{name}` belongs to no site"));
        }
        let of_former = |file: &String| formers.iter().any(|former| *file == format!("former_{}.json", former.name));
        for credentials in list(&self.home().credentials()).into_iter().filter(|file| !of_former(file)) {
            let name = credentials.trim_end_matches(".json").parse::<ContextName>();
            if !name.is_ok_and(|name| self.home().context(&name).exists()) {
                mess.push(format!("the credentials `{credentials}` are of nobody"));
            }
        }
        for platform in self.contexts().all().unwrap_or_default().iter().filter_map(|context| match context {
            Context::Platform(platform) => Some(platform),
            _ => None,
        }) {
            for kept in list(&Former::shelf(&platform.root)) {
                let owned = |former: &&Former| former.name.as_str() == kept && former.platform == platform.name;
                if !formers.iter().copied().any(|former| owned(&former)) {
                    mess.push(format!("the former self `{kept}` is of no site"));
                }
            }
        }
        mess.extend(list(&self.home().fences()).iter().map(|site| format!("the site `{site}` is fenced")));
        for attempt in list(&self.home().tasks()).iter().filter(|name| *name != "open" && !open.contains(name)) {
            for part in ["kept", "secrets"] {
                if self.home().tasks().join(attempt).join(part).exists() {
                    mess.push(format!("the task {attempt} ended and still has its `{part}`"));
                }
            }
        }
        mess
    }
}

impl Default for Lab {
    fn default() -> Self {
        Lab::new()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !self.mess.get() && !std::thread::panicking() {
            let mess = self.mess();
            assert!(mess.is_empty(), "what must never be: {}", mess.join("; "));
        }
    }
}

fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A name that a test wrote.
pub(crate) fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("a test wrote a name that is none: `{text}`"))
}
