//! The fake web server and php-fpm: they answer from what they read at their last reload.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{DbEngine, Password};
use aegir_host::{Answer, Databases, ServiceFault, Services, Web, WebAddress, WebFault};
use serde::{Deserialize, Serialize};

use super::nginx::BROKEN;
use super::{FakeDatabases, Machine, Trouble, read_state, write_state};

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
        } else if path.extension().is_some_and(|suffix| suffix == "conf") {
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

    fn resolves(&self, _: &str, _: Duration) -> bool {
        true
    }
}

impl FakeWeb {
    /// The pool that listens on `socket`, as php-fpm last read it.
    fn pool(&self, socket: &Path) -> Option<String> {
        let running = Running::of(&self.0, "php-fpm");
        let listens = |text: &String| setting(text, "listen").is_some_and(|at| Path::new(&at) == socket);
        running.files.into_values().find(listens)
    }

    /// The front page of the site that answers to `host`.
    fn page(&self, running: &Running, host: &str) -> Answer {
        for (path, text) in &running.files {
            if !path.contains("/vhost.d/") {
                continue;
            }
            for block in text.split("server {").skip(1) {
                let names = directive(block, "server_name").unwrap_or_default();
                if !names.split_whitespace().any(|name| name.trim_matches('"') == host) {
                    continue;
                }
                if let Some(target) = directive(block, "return 301") {
                    return Answer { headers: vec![("location".into(), target)], ..answer(301, "") };
                }
                return self.front_page(block);
            }
        }
        answer(404, "no site has this name")
    }

    fn front_page(&self, block: &str) -> Answer {
        let value = |name: &str| directive(block, name).unwrap_or_default().trim_matches('"').to_owned();
        let (root, site) = (PathBuf::from(value("root")), value("set $aegir_site"));
        if root.as_os_str().is_empty() {
            return answer(503, "out of service");
        }
        let fence = block.split("-f ").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        if Path::new(fence.trim().trim_matches('"')).exists() {
            return answer(503, "back soon");
        }
        let socket = value("fastcgi_pass");
        if is_down(&self.0, "php-fpm") || self.pool(Path::new(socket.trim_start_matches("unix:"))).is_none() {
            return answer(502, "no PHP answers");
        }
        if !root.join("index.php").is_file() || !root.join("sites").join(&site).join("settings.php").is_file() {
            return answer(404, "the site has no folder");
        }
        let param = |name: &str| value(&format!("fastcgi_param {name}"));
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

/// The value of a directive of nginx: what stands between its name and the semicolon.
fn directive(block: &str, name: &str) -> Option<String> {
    let line = block
        .lines()
        .map(str::trim)
        .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '\t'])))?;
    Some(line[name.len()..].trim().trim_end_matches(';').to_owned())
}

/// The value of a setting of a pool.
fn setting(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.split('=').next().is_some_and(|key| key.trim() == name))?;
    Some(line.split_once('=')?.1.trim().trim_matches('"').to_owned())
}
