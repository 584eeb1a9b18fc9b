//! Web servers: puts their files in service, or leaves the server exactly as it was.
//!
//! ```text
//!   render ─► test alone ─► swap in ─► test with all ─► count up ─► reload, merged ─► new workers answer
//!                              └────────── refused: put back ◄─┘
//! ```
//!
//! Alone is tested first where an operator's template takes the place of one of ours, of which nobody knows what it makes.
//! What our own make is tested with all at once, and alone only to say what was wrong with it.
//!
//! Of a web server that ends on what it refuses, who reloads it would test once more: a note says that just this
//! was tested just now ([`aegir_host::Look`]). Its sites know nothing of each other: where all other files are those that
//! were found good together, the changed sites are tested with all that is no site.
//!
//! A lock is held while the server's files differ from what was tested; the reload happens behind a
//! second one, so that tasks that wait there find their change already loaded by another.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{
    Cmd, Fault, HttpService, Password, PlatformContext, Remedy, ServerContext, ServerName, SiteContext, SiteName,
};
use aegir_drivers::http::{
    CoreFamily, HttpDriver, Installer, Internal, MAX_BODY_MB, MainConfig, PlatformConfig, ServerConfig, Vhost,
    VhostMode,
};
use aegir_drivers::{ConfigFile, Templates};
use aegir_host::{FolderState, Launch, Limits, LockMode, Locks, Look, Ran, ServiceFault, WebAddress};

use super::basedir;
use super::php::read_credentials;
use crate::{World, WorldParts};

/// How long new workers may take to answer.
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

/// The web service of one server.
pub(crate) struct HttpServer<'w> {
    world: &'w World,
    config: ServerConfig,
    driver: &'w dyn HttpDriver,
    /// Read once, so that all files of one change are of the same.
    templates: OnceCell<Templates>,
}

/// One file to be put in service, or taken away.
pub(crate) struct Change {
    /// Absolute.
    pub(crate) path: PathBuf,
    /// `None`: it goes.
    pub(crate) text: Option<Password>,
}

/// What the files of a server's web service share.
pub(crate) fn server_config(parts: &WorldParts, server: &ServerContext, http: &HttpService) -> ServerConfig {
    ServerConfig {
        name: server.name.clone(),
        folder: parts.home.http_config(&server.name, http.engine),
        listen: http.listen,
        internal_socket: parts.sockets.join(format!("http/{}.sock", http.engine.as_str())),
        access_log: parts.home.logs().join(format!("{}-access.log", http.engine.as_str())),
        max_body_mb: MAX_BODY_MB,
    }
}

impl<'w> HttpServer<'w> {
    /// That of `server`, which must offer one.
    pub(crate) fn of(world: &'w World, server: &ServerContext) -> Result<HttpServer<'w>, Fault> {
        let Some(http) = &server.http else { return Err(HttpFault::None { server: server.name.clone() }.into()) };
        let driver = world.parts.http_drivers.named(http.engine.as_str())?;
        Ok(HttpServer { world, config: server_config(&world.parts, server, http), driver, templates: OnceCell::new() })
    }

    fn templates(&self) -> Result<&Templates, Fault> {
        if self.templates.get().is_none() {
            let _ = self.templates.set(self.world.templates()?);
        }
        Ok(self.templates.get_or_init(Templates::default))
    }

    /// What the program says it is: `nginx/1.22.1`.
    pub(crate) fn version(&self) -> Result<String, Fault> {
        let cmd = self.driver.ask_version();
        let launch = Launch::new(cmd.clone()).limits(Limits { time: Duration::from_secs(20), ..Limits::default() });
        let ran = self.world.programs.run(&launch, &mut |_| ())?.success(&cmd)?;
        Ok(version_in(&ran))
    }

    /// The folders that its files lie in.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.driver.folders().iter().map(|name| self.config.folder.join(name)).collect()
    }

    /// The files of the server itself, but for the generation number: path and text.
    pub(crate) fn server_files(&self) -> Result<Vec<(PathBuf, String)>, Fault> {
        Ok(self.open(self.driver.server(&self.config, self.templates()?)?))
    }

    /// The files that a platform's code calls for: path, and text or that it must not be there. They hold
    /// no secret. A driver may need none.
    pub(crate) fn platform_files(&self, platform: &PlatformContext) -> Result<Vec<(PathBuf, Option<String>)>, Fault> {
        let config = PlatformConfig {
            name: platform.name.clone(),
            root: platform.root.clone(),
            family: family(platform, "")?,
            open_basedir: basedir::of_platform(self.world, platform)?,
        };
        let files = self.open(self.driver.platform(&self.config, &config, self.templates()?)?);
        Ok(files.into_iter().map(|(path, text)| (path, Some(text).filter(|text| !text.is_empty()))).collect())
    }

    /// Path and text of files that hold no secret: only vhosts do.
    fn open(&self, files: Vec<ConfigFile>) -> Vec<(PathBuf, String)> {
        files.into_iter().map(|file| (self.config.folder.join(&file.path), file.text.expose().to_owned())).collect()
    }

    /// The text of a site's file.
    pub(crate) fn vhost_text(&self, site: &SiteContext, platform: &PlatformContext) -> Result<Password, Fault> {
        let world = self.world;
        // Of a site that is out of service none is told, and what lacks them can be taken out of it too.
        let credentials: Vec<_> = match site.disabled {
            true => Vec::new(),
            false => {
                let credentials = read_credentials(world, &site.name)?;
                let told = credentials.variables().into_iter();
                told.map(|(name, value)| (name.to_owned(), Password::new(value))).collect()
            }
        };
        let vhost = self.vhost(site, platform, credentials)?;
        Ok(self.driver.vhost(&self.config, &vhost, self.templates()?)?.text)
    }

    /// The text of a file by which a server of this product answers for a site that knows nothing of Ægir; PHP of it
    /// answers at `php`. No secret.
    pub(crate) fn standalone_text(
        &self,
        site: &SiteContext,
        platform: &PlatformContext,
        php: PathBuf,
    ) -> Result<String, Fault> {
        let vhost = Vhost { php_socket: php, ..self.vhost(site, platform, Vec::new())? };
        Ok(self.driver.standalone(&self.config, &vhost, self.templates()?)?)
    }

    fn vhost(
        &self,
        site: &SiteContext,
        platform: &PlatformContext,
        credentials: Vec<(String, Password)>,
    ) -> Result<Vhost, Fault> {
        let world = self.world;
        Ok(Vhost {
            site: site.name.clone(),
            aliases: site.aliases.clone(),
            redirect: site.redirect.clone(),
            platform: platform.name.clone(),
            root: platform.root.clone(),
            family: family(platform, &site.core)?,
            php_socket: world.php_socket(&platform.name),
            open_basedir: basedir::of_site(world, site, platform)?,
            temp: platform.root.site_dir(&site.name).join("private/temp"),
            credentials,
            fence: world.home().fence(&site.name),
            pages: site.database.name.clone(),
            before: site.formers.last().map(|former| former.database.name.clone()),
            mode: if site.disabled { VhostMode::Disabled } else { VhostMode::Serving },
            installer: if site.awaits_installer { Installer::Open } else { Installer::Closed },
        })
    }

    /// Puts `changes` in service, or leaves the server as it was. Says whether the server runs with
    /// them when it returns: always, unless it does not run and `tolerate` says that this is fine.
    pub(crate) fn publish(&self, changes: &[Change], server: Down) -> Result<(), Fault> {
        let lock = self.lock("config")?;
        let is_ours = self.templates()?.overrides.is_empty();
        let mut changed = Vec::new();
        for change in changes {
            let before = self.world.files().read(&change.path)?;
            if before.as_deref() == change.text.as_ref().map(|text| text.expose().as_bytes()) {
                // Changes nothing but takes away what a killed process had on its way there.
                self.swap(&change.path, before.as_deref())?;
                continue;
            }
            if let (false, Some(text)) = (is_ours, &change.text) {
                self.test_alone(&change.path, text)?;
            }
            changed.push((change, before));
        }
        if changed.is_empty() && self.world.files().kind(&self.config.folder)?.is_none() {
            // Taken back already, with the folder it lay in.
            return Ok(());
        }
        let was = self.generation()?;
        // Operators' new files are for a verify to load; what is taken back is as it was without them.
        let current = match server {
            Down::Refused => self.is_current()?,
            Down::Tolerated => !is_in_change(was) && self.is_loaded(was)?,
        };
        if changed.is_empty() && current {
            // Likewise of the number itself.
            return match self.world.files().kind(&self.generation_path()?)? {
                Some(_) => self.write_generation(was),
                None => self.swap(&self.generation_path()?, None),
            };
        }
        // Before the first file: a process that dies from here on leaves a number that says so, whatever
        // the files then look like.
        self.write_generation(was | 1)?;
        for (change, before) in &changed {
            if before.is_some() && self.world.files().read(&change.path)? != *before {
                // While its successor was tested.
                warn_that_it_is_replaced(self.world, &change.path);
            }
            self.swap(&change.path, change.text.as_ref().map(|text| text.expose().as_bytes()))?;
        }
        if self.world.files().kind(&self.config.folder.join(self.driver.entry()))?.is_none() {
            // Taken back to before the server had any configuration: there is nothing to test.
            self.swap(&self.generation_path()?, None)?;
            drop(lock);
            let _ = self.world.parts.services.reload(self.driver.service_type());
            return Ok(());
        }
        let after = self.state();
        let looked = after.as_ref().map(|after| self.look(after)).transpose()?;
        let paths: Vec<&Path> = changed.iter().map(|(change, _)| change.path.as_path()).collect();
        let tested = match &after {
            Some(after) if self.are_others_accepted(after, &paths)? => self.test_few(changes),
            _ => self.test_all(changes),
        };
        if let Err(refused) = tested {
            // The old files are known good: the running server was started with them.
            for (change, before) in &changed {
                self.swap(&change.path, before.as_deref())?;
            }
            self.write_generation(was)?;
            for change in changes.iter().filter(|_| is_ours) {
                change.text.as_ref().map_or(Ok(()), |text| self.test_alone(&change.path, text))?;
            }
            return Err(refused);
        }
        let number = (was | 1) + 1;
        self.write_generation(number)?;
        self.world.files().write_unsynced(&self.note_path("loaded"), self.own_files()?.as_bytes(), 0o600)?;
        if let (Some(looked), Some(now)) = (looked, self.state())
            && looked == self.look(&now)?
        {
            // The number alone is another than that which was tested.
            let note = now.look(&[]).note(&*self.world.parts.clock);
            self.world.files().write_unsynced(&self.note_path("tested"), note.as_bytes(), 0o600)?;
            self.world.files().write_unsynced(&self.note_path("accepted"), now.note().as_bytes(), 0o600)?;
        }
        drop(lock);
        match self.reload(number) {
            Err(fault) if server == Down::Tolerated && is_down(&fault) => {
                self.world.warn("The web server does not run; it will start with the new configuration");
                Ok(())
            }
            result => result,
        }
    }

    /// Whether the workers that run now have loaded what lies on disk, operators' own files included.
    pub(crate) fn is_current(&self) -> Result<bool, Fault> {
        let number = self.generation()?;
        let loaded = self.world.files().read_text(&self.note_path("loaded"))?;
        Ok(!is_in_change(number) && self.is_loaded(number)? && loaded == Some(self.own_files()?))
    }

    /// Whether the server accepts all that lies on disk; names the operator's file that it does not.
    pub(crate) fn test(&self) -> Result<(), Fault> {
        let _lock = self.lock("config")?;
        match self.world.files().kind(&self.config.folder.join(self.driver.entry()))? {
            Some(_) => self.test_all(&[]),
            None => Ok(()),
        }
    }

    /// Where something is noted of what this server has read: `loaded`, which of operators' files its workers have, true
    /// only while it runs; `accepted`, all files as they were when last found good together; `tested`, for who reloads it.
    fn note_path(&self, what: &str) -> PathBuf {
        self.world.parts.sockets.join(format!("{}.{what}", self.driver.service_type()))
    }

    /// The files as they are now, of a server whose tests are worth a note: one that ends on what it refuses.
    fn state(&self) -> Option<FolderState> {
        let state = || FolderState::at(&self.config.folder).ok();
        self.driver.ends_on_refusal().then(state).flatten()
    }

    /// All files but that with the number.
    fn look(&self, state: &FolderState) -> Result<Look, Fault> {
        Ok(state.look(&[&self.generation_path()?]))
    }

    /// Whether `changed` are files of sites, and all others are just as they were when all were last found good.
    fn are_others_accepted(&self, now: &FolderState, changed: &[&Path]) -> Result<bool, Fault> {
        let sites = self.config.folder.join("vhost.d");
        let accepted = self.world.files().read_text(&self.note_path("accepted"))?.unwrap_or_default();
        let number = self.generation_path()?;
        let apart: Vec<&Path> = changed.iter().copied().chain([number.as_path()]).collect();
        Ok(changed.iter().all(|path| path.parent() == Some(&sites)) && now.is_like(&accepted, &apart))
    }

    /// Operators' files, each with a sum of its text.
    fn own_files(&self) -> Result<String, Fault> {
        let files = self.world.files();
        let mut all = String::new();
        for folder in ["pre.d", "platform.d", "post.d"].map(|name| self.config.folder.join(name)) {
            if files.kind(&folder)?.is_none() {
                continue;
            }
            for name in files.list(&folder)? {
                let text = files.read(&folder.join(&name))?.unwrap_or_default();
                all.push_str(&format!("{:08x} {}\n", crc32fast::hash(&text), folder.join(&name).display()));
            }
        }
        Ok(all)
    }

    fn swap(&self, path: &Path, bytes: Option<&[u8]>) -> Result<(), Fault> {
        match bytes {
            Some(bytes) => self.world.files().write(path, bytes, 0o600)?,
            None => self.world.files().remove_file(path)?,
        };
        Ok(())
    }

    fn generation_path(&self) -> Result<PathBuf, Fault> {
        Ok(self.config.folder.join(self.driver.generation(0, self.templates()?)?.path))
    }

    fn write_generation(&self, number: u64) -> Result<(), Fault> {
        let file = self.driver.generation(number, self.templates()?)?;
        self.world.files().write(&self.config.folder.join(&file.path), file.text.expose().as_bytes(), file.mode)?;
        Ok(())
    }

    /// The number of the configuration on disk; 0 before the first.
    fn generation(&self) -> Result<u64, Fault> {
        let text = self.world.files().read_text(&self.generation_path()?)?.unwrap_or_default();
        // The only digits between quotes are the answer's.
        Ok(text.split('"').nth(1).and_then(|number| number.trim().trim_end_matches("\\n").parse().ok()).unwrap_or(0))
    }

    fn reload(&self, number: u64) -> Result<(), Fault> {
        let _lock = self.lock("reload")?;
        if self.is_loaded(number)? {
            return Ok(());
        }
        self.world.parts.services.reload(self.driver.service_type())?;
        let clock = &self.world.parts.clock;
        let began = clock.now();
        let mut since = None;
        while clock.now().saturating_sub(began) < RELOAD_LIMIT {
            // Old workers may take a request beside the new ones for a moment: one answer proves nothing.
            since = if self.is_loaded(number)? { since.or(Some(clock.now())) } else { None };
            if since.is_some_and(|since| clock.now().saturating_sub(since) >= self.driver.settles_after()) {
                return Ok(());
            }
            clock.sleep(Duration::from_millis(10));
        }
        Err(super::ServiceRestarting { service: "the web server", seconds: RELOAD_LIMIT.as_secs() }.into())
    }

    /// Whether new requests meet workers with the configuration `number` or a later one.
    fn is_loaded(&self, number: u64) -> Result<bool, Fault> {
        let runs = answering(&self.world.parts, self.driver.internal(&self.config), Duration::from_secs(2));
        Ok(runs.is_some_and(|runs| runs >= number && number > 0))
    }

    fn test_alone(&self, path: &Path, text: &Password) -> Result<(), Fault> {
        if !["vhost.d", "platforms"].iter().any(|folder| path.starts_with(self.config.folder.join(folder))) {
            return Ok(());
        }
        let scratch = self.scratch()?;
        let file = scratch.join("new.conf");
        self.world.files().write_unsynced(&file, text.expose().as_bytes(), 0o600)?;
        let main = self.driver.main_alone(&self.main(&scratch), &file, self.templates()?)?;
        let main_path = scratch.join("alone.conf");
        self.world.files().write_unsynced(&main_path, main.as_bytes(), 0o600)?;
        let result = self.run_test(&self.driver.check(&main_path));
        self.world.files().remove_file(&file)?;
        result.map_err(|said| HttpFault::OwnFile { path: path.to_owned(), said }.into())
    }

    fn test_all(&self, changes: &[Change]) -> Result<(), Fault> {
        self.test_with(changes, None)
    }

    /// All of the server's own and of operators, and of the sites only those in `changes`: for a server whose other
    /// sites were found good, and whose sites know nothing of each other.
    fn test_few(&self, changes: &[Change]) -> Result<(), Fault> {
        let sites = self.scratch()?.join("sites");
        self.world.files().make_dirs(&sites, 0o700)?;
        let mut written = Vec::new();
        for change in changes {
            if let (Some(name), Some(text)) = (change.path.file_name(), &change.text) {
                let path = sites.join(name);
                self.world.files().write_unsynced(&path, text.expose().as_bytes(), 0o600)?;
                written.push(path);
            }
        }
        let result = self.test_with(changes, Some(&sites));
        for path in written {
            self.world.files().remove_file(&path)?;
        }
        result
    }

    fn test_with(&self, changes: &[Change], sites: Option<&Path>) -> Result<(), Fault> {
        let scratch = self.scratch()?;
        let main = MainConfig { sites: sites.map(Path::to_owned), ..self.main(&scratch) };
        let main = self.driver.main(&main, self.templates()?)?;
        let main_path = scratch.join("all.conf");
        self.world.files().write_unsynced(&main_path, main.as_bytes(), 0o600)?;
        self.run_test(&self.driver.check(&main_path)).map_err(|said| {
            let named = self.driver.named_file(&said);
            if let (Some(name), Some(path)) = (doubled_name(&said), &named) {
                let folder = self.config.folder.join("vhost.d");
                if path.starts_with(&folder) {
                    return HttpFault::Doubled { name, path: path.clone(), folder }.into();
                }
            }
            match named.filter(|path| !changes.iter().any(|change| change.path == *path)) {
                Some(path) => HttpFault::Snippet { path, said }.into(),
                None => HttpFault::Refused { server: self.config.name.clone(), said }.into(),
            }
        })
    }

    /// Runs a test; what the server says when it refuses is the error.
    fn run_test(&self, cmd: &Cmd) -> Result<(), String> {
        let launch = Launch::new(cmd.clone()).limits(Limits { time: Duration::from_secs(60), ..Limits::default() });
        match self.world.programs.run(&launch, &mut |_| ()) {
            Ok(ran) => match ran.ended {
                aegir_host::Ended::Code(0) => Ok(()),
                ended => Err(format!("{} ({ended})", without_secrets(&ran.stderr))),
            },
            Err(failed) => Err(Fault::from(failed).report().message),
        }
    }

    fn main(&self, scratch: &Path) -> MainConfig {
        MainConfig {
            server: self.config.clone(),
            user: None,
            pid: scratch.join("pid"),
            error_log: scratch.join("error.log"),
            temp: scratch.join("temp"),
            workers: 1,
            sites: None,
        }
    }

    /// A folder of the task for tests.
    fn scratch(&self) -> Result<PathBuf, Fault> {
        let scratch = self.world.task.path.join("test");
        self.world.files().make_dirs(&scratch.join("temp"), 0o700)?;
        Ok(scratch)
    }

    fn lock(&self, what: &str) -> Result<Locks, Fault> {
        let wanted = [(format!("{what}-server-{}", self.config.name), LockMode::Exclusive)];
        let note = format!("attempt {}", self.world.task.attempt);
        let patience = self.world.parts.settings.patience();
        Ok(aegir_host::locks::take(&self.world.home().locks(), &wanted, patience, &note, &mut |_| ())?)
    }
}

/// Whether the web server has to run for a change to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Down {
    /// It has to.
    Refused,
    /// It need not: the files are what matters, as when a task is taken back.
    Tolerated,
}

/// What a web server has to know of a platform's version, by what its last verify found, or else by `core`.
fn family(platform: &PlatformContext, core: &str) -> Result<CoreFamily, Fault> {
    let core = platform.facts.as_ref().map_or(core, |facts| &facts.core);
    CoreFamily::of_version(core).ok_or_else(|| super::php::PhpFault::NoFamily { core: core.to_owned() }.into())
}

/// The file of a site on `server`.
pub(crate) fn vhost_path(world: &World, server: &ServerContext, site: &SiteName) -> Result<PathBuf, Fault> {
    let http = HttpServer::of(world, server)?;
    Ok(http.config.folder.join(http.driver.vhost_path(site)))
}

/// What a web server says of itself, without the words before it: `nginx/1.22.1` of `nginx version: nginx/1.22.1`.
pub(crate) fn version_in(ran: &Ran) -> String {
    let said = format!("{}{}", ran.stdout, ran.stderr);
    said.lines().next().unwrap_or_default().rsplit(": ").next().unwrap_or_default().trim().to_owned()
}

/// The number of the configuration that answers at `internal`; `None`: nothing does, or none of ours.
pub(crate) fn answering(parts: &WorldParts, internal: Internal, limit: Duration) -> Option<u64> {
    let (at, host) = match internal {
        Internal::Socket(socket) => (WebAddress::Unix(socket), "localhost"),
        Internal::Name { at, host } => (WebAddress::Tcp(at), host),
    };
    parts.web.get(&at, host, "/generation", limit).ok()?.text().trim().parse().ok()
}

/// Whether the files that a number stands for are being changed, or were when a process died: odd ones are.
fn is_in_change(generation: u64) -> bool {
    !generation.is_multiple_of(2)
}

fn is_down(fault: &Fault) -> bool {
    matches!(fault.downcast_ref::<ServiceFault>(), Some(ServiceFault::NotRunning { .. }))
}

/// The name that nginx finds in two files: `conflicting parameter "www.example.org" in …`.
fn doubled_name(said: &str) -> Option<String> {
    let after = said.split_once("conflicting parameter \"")?.1;
    Some(after.split('"').next()?.to_owned())
}

/// Names a file of ours that somebody else wrote into: what it is replaced by has nothing of that.
pub(crate) fn warn_that_it_is_replaced(world: &World, path: &Path) {
    world.warn(format!(
        "`{}` was changed by hand, and is written anew without that: what is to stay belongs into `post.d/`",
        path.display()
    ));
}

/// What a server says may quote a line of a vhost, which holds credentials.
fn without_secrets(said: &str) -> String {
    said.lines()
        .map(
            |line| {
                if line.contains("db_passwd") || line.contains("hash_salt") {
                    "(a line with credentials)"
                } else {
                    line
                }
            },
        )
        .collect::<Vec<_>>()
        .join(" ")
}

/// Why a web server's files cannot be put in service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpFault {
    #[error("the server `{server}` offers no web service")]
    None { server: ServerName },
    #[error("the web server refuses the new file `{}`: {said}", path.display())]
    OwnFile { path: PathBuf, said: String },
    #[error("the web server refuses its configuration because of `{}`: {said}", path.display())]
    Snippet { path: PathBuf, said: String },
    #[error("the name `{name}` stands in `{}` and in the file of another site", path.display())]
    Doubled { name: String, path: PathBuf, folder: PathBuf },
    #[error("the web server of `{server}` refuses its new configuration: {said}")]
    Refused { server: ServerName, said: String },
}

impl Remedy for HttpFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            HttpFault::None { server } => {
                format!("add one with `aegir provision save @server_{server} --http nginx …`")
            }
            HttpFault::OwnFile { .. } => {
                "if a template in `templates/` takes the place of ours, correct it; else this is a fault of Ægir".into()
            }
            HttpFault::Snippet { path, .. } => {
                format!("correct `{0}`, or move it away; then retry. What was running runs on", path.display())
            }
            HttpFault::Doubled { name, folder, .. } => format!(
                "see which files have it: `grep -lF '{name}' {}/*`; then delete the site that it does not belong to, or \
                 take the name from it, and retry. A file whose site is gone may be removed. What was running runs on",
                folder.display()
            ),
            HttpFault::Refused { .. } => "correct what it names, then retry. What was running runs on".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_in_two_files_is_found_in_what_nginx_says() {
        let said = "nginx: [emerg] conflicting parameter \"*.x.test\" in /h/config/server_x/nginx/vhost.d/b.test.conf:16 (ended with status 1)";
        assert_eq!(doubled_name(said).as_deref(), Some("*.x.test"));
        assert_eq!(doubled_name("nginx: [emerg] bind() failed"), None);
    }

    #[test]
    fn a_complaint_does_not_quote_a_password() {
        assert!(!without_secrets("  db_passwd = hunter2").contains("hunter2"));
    }
}
