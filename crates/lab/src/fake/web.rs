//! The fake web server and php-fpm: they answer from what they read at their last reload.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{DbEngine, Password};
use aegir_host::{Answer, Databases, PhpPage, PhpRun, ServiceFault, Services, Web, WebAddress, WebFault};
use serde::{Deserialize, Serialize};

use super::nginx::{BROKEN, map_of};
use super::{FakeDatabases, Machine, Trouble, drupal, read_state, write_state};

/// What a service runs with: every file of its configuration, as it was when it was last read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// By path within `config/` of the home.
    pub files: BTreeMap<String, String>,
}

impl Running {
    /// What `service` runs with now.
    pub fn of(machine: &Machine, service: &str) -> Running {
        read_state(&machine.state("web").join(service))
    }

    /// What it would run with if it read its configuration now.
    fn on_disk(machine: &Machine, service: &str) -> Running {
        let config = machine.home.config();
        let mut running = Running::default();
        for server in folders(&config) {
            // A main configuration of the stack includes these; a server that has none does not run.
            read_below(&server.join(service), &config, &mut running.files);
        }
        running
    }
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn read_below(folder: &Path, base: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_below(&path, base, files);
        } else if path.extension().is_some_and(|suffix| suffix == "conf" || suffix == "more") {
            let name = path.strip_prefix(base).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// Reloads the two.
pub struct FakeServices(pub Arc<Machine>);

impl FakeServices {
    /// Starts both, with what lies on disk.
    pub fn start(&self) {
        for service in ["nginx", "php-fpm"] {
            self.read(service);
        }
    }

    /// Starts the one that was in trouble.
    pub(crate) fn come_up(&self, service: Trouble) {
        match service {
            Trouble::WebDown => self.read("nginx"),
            Trouble::PhpDown => self.read("php-fpm"),
            _ => (),
        }
    }

    fn read(&self, service: &str) {
        let found = Running::on_disk(&self.0, service);
        // Like the real ones: with a configuration that cannot be read, the old one runs on.
        if !found.files.values().any(|text| text.contains(BROKEN)) {
            write_state(&self.0.state("web").join(service), &found);
        }
    }
}

impl Services for FakeServices {
    fn reload(&self, service: &str) -> Result<String, ServiceFault> {
        self.0.moment();
        if is_down(&self.0, service) {
            return Err(ServiceFault::NotRunning {
                asked: format!("reload {service}"),
                socket: self.0.home.run().join("control.sock"),
                source: io::ErrorKind::ConnectionRefused.into(),
            });
        }
        self.read(service);
        Ok("reloaded".into())
    }

    fn status(&self) -> Result<String, ServiceFault> {
        Ok("nginx runs, php-fpm runs".into())
    }
}

fn is_down(machine: &Machine, service: &str) -> bool {
    machine.has(if service == "php-fpm" { Trouble::PhpDown } else { Trouble::WebDown })
}

/// Asks the two.
pub struct FakeWeb(pub Arc<Machine>);

impl Web for FakeWeb {
    fn get(&self, at: &WebAddress, host: &str, path: &str, _: Duration) -> Result<Answer, WebFault> {
        let unreachable = || WebFault::Unreachable { at: at.clone(), source: io::ErrorKind::ConnectionRefused.into() };
        if is_down(&self.0, "nginx") {
            return Err(unreachable());
        }
        let running = Running::of(&self.0, "nginx");
        match at {
            WebAddress::Unix(_) => {
                let generation = running.files.iter().find(|(path, _)| path.ends_with("/generation.conf"));
                match generation {
                    Some((_, text)) if path == "/generation" => {
                        Ok(answer(200, text.split('"').nth(1).unwrap_or_default()))
                    }
                    Some(_) => Ok(answer(404, "")),
                    None => Err(unreachable()),
                }
            }
            WebAddress::Tcp(_) => Ok(self.page(&running, host.split(':').next().unwrap_or_default())),
        }
    }

    fn ping_php(&self, socket: &Path, _: &str, _: Duration) -> Result<String, WebFault> {
        let at = WebAddress::Unix(socket.to_owned());
        let pool = self.pool(socket).filter(|_| !is_down(&self.0, "php-fpm"));
        let pool = pool.ok_or_else(|| WebFault::Unreachable { at, source: io::ErrorKind::NotFound.into() })?;
        Ok(setting(&pool, "ping.response").unwrap_or_default())
    }

    fn run_php(&self, socket: &Path, run: &PhpRun<'_>, limit: Duration) -> Result<PhpPage, WebFault> {
        self.0.moment();
        self.ping_php(socket, "", limit)?;
        let question: serde_json::Value = serde_json::from_str(run.input.expose()).unwrap_or_default();
        let open = question["open"].as_str();
        let may_open = |path: &Path| open.is_some_and(|open| open.split(':').any(|open| path.starts_with(open)));
        if !run.page.is_file() || !may_open(run.page) || !may_open(run.script) {
            return Ok(PhpPage { body: b"File not found.\n".to_vec(), errors: "Primary script unknown".into() });
        }
        let mut said = String::new();
        let end = drupal::run(&self.0, run.script, run.input.expose(), &mut |line| said += &format!("{line}\n"));
        Ok(PhpPage { body: (end.stdout + "\n" + &said).into_bytes(), errors: end.stderr })
    }

    fn busy_php(&self, socket: &Path, _: &str, limit: Duration) -> Result<Vec<String>, WebFault> {
        // Whoever asked has waited for the answer.
        self.ping_php(socket, "", limit).map(|_| Vec::new())
    }

    fn resolves(&self, _: &str, _: Duration) -> bool {
        true
    }
}

impl FakeWeb {
    /// The pool that listens on `socket`, as php-fpm last read it.
    fn pool(&self, socket: &Path) -> Option<String> {
        let running = Running::of(&self.0, "php-fpm");
        // A file can hold several, each under a heading.
        let pools =
            running.files.into_values().flat_map(|text| text.split("\n[").map(str::to_owned).collect::<Vec<_>>());
        let listens = |text: &String| setting(text, "listen").is_some_and(|at| Path::new(&at) == socket);
        pools.into_iter().find(listens)
    }

    /// The front page of the site that answers to `host`.
    fn page(&self, running: &Running, host: &str) -> Answer {
        let names = map_in(running, "/vhost.d/");
        let wildcard = |name: &str| names.get(&format!("*.{}", name.split_once('.')?.1));
        let Some(named) = names.get(host).or_else(|| wildcard(host)) else {
            return answer(404, "no site has this name");
        };
        let entry = names.get(named).unwrap_or(named);
        if let Some(target) = entry.strip_prefix("-> ") {
            return Answer { headers: vec![("location".into(), format!("http://{target}/"))], ..answer(301, "") };
        }
        if entry == "out of service" {
            return answer(503, entry);
        }
        self.front_page(running, entry)
    }

    fn front_page(&self, running: &Running, entry: &str) -> Answer {
        let value = |name: &str| {
            let mut lines = entry.lines().filter_map(|line| line.trim_start().split_once(" = "));
            lines.find(|(line, _)| *line == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        let (root, site) = (PathBuf::from(value("root")), value("site"));
        if root.as_os_str().is_empty() {
            return answer(404, "this is no entry of a site");
        }
        if Path::new(&value("fence")).exists() {
            return answer(503, "back soon");
        }
        let socket = value("php");
        if is_down(&self.0, "php-fpm") || self.pool(Path::new(socket.trim_start_matches("unix:"))).is_none() {
            return answer(502, "no PHP answers");
        }
        let shared = map_in(running, "/platforms/").remove(&value("platform")).unwrap_or_default();
        let may_open = |path: &Path| {
            let lines = shared.lines().filter_map(|line| line.trim_start().split_once(" = "));
            let mut paths = lines.flat_map(|(_, paths)| paths.split(':')).filter(|open| !open.is_empty());
            paths.any(|open| path.starts_with(open))
        };
        if !may_open(&root.join("index.php")) {
            return answer(500, "open_basedir keeps PHP from the platform's code");
        }
        if !root.join("index.php").is_file() || !root.join("sites").join(&site).join("settings.php").is_file() {
            return answer(404, "the site has no folder");
        }
        let param = value;
        let answers = match param("db_type").as_str() {
            "sqlite" => FakeDatabases(self.0.clone()).sqlite(Path::new(&param("db_name"))).map(|_| ()),
            _ => {
                let (account, name, password) = (param("db_user"), param("db_name"), Password::new(param("db_passwd")));
                let at = match param("db_socket").as_str() {
                    "" => DbEngine::Tcp { host: param("db_host"), port: 3306 },
                    socket => DbEngine::Socket(socket.into()),
                };
                let connected =
                    FakeDatabases(self.0.clone()).mariadb(&at, &account, &password, Some(&name), Duration::ZERO);
                connected.map(|_| ())
            }
        };
        match answers {
            Ok(()) => answer(200, &format!("<title>{site}</title>")),
            Err(fault) => answer(500, &fault.to_string()),
        }
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// What the web server has in a map that includes the files of one folder.
fn map_in(running: &Running, folder: &str) -> BTreeMap<String, String> {
    running.files.iter().filter(|(path, _)| path.contains(folder)).flat_map(|(_, text)| map_of(text)).collect()
}

/// The value of a setting of a pool.
fn setting(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.split('=').next().is_some_and(|key| key.trim() == name))?;
    Some(line.split_once('=')?.1.trim().trim_matches('"').to_owned())
}
