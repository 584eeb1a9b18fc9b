//! Real web servers on a stage of files: every probe has something to find there.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, see common")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use aegir_drivers::Templates;
use aegir_drivers::http::rules::{Expected, Probe, Script, rules};
use aegir_drivers::http::{
    Apache, CoreFamily, EntryKind, HttpDriver, Internal, MainConfig, PlatformConfig, Vhost, shared_paths,
};
use aegir_drivers::php::{self, Asks, Children, FpmMain, Pool, Programs};

use crate::common::*;

/// A web server with both families of platforms, each with the sites `a` and `b`.
pub struct Stage {
    pub driver: &'static dyn HttpDriver,
    pub home: tempfile::TempDir,
    pub main: MainConfig,
    pub main_path: PathBuf,
    pub address: SocketAddr,
    _servers: Vec<Running>,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

const SCRIPT: &str = r#"<?php
if (($_GET['run'] ?? '') !== '') { include __DIR__ . '/sites/' . $_GET['run']; exit; }
echo 'EXECUTED NAME ', json_encode($_SERVER, JSON_UNESCAPED_SLASHES);
"#;

impl Stage {
    /// `None` where the server or php-fpm is missing, which is said.
    pub fn set(driver: &'static dyn HttpDriver) -> Option<Stage> {
        let program = driver.run(Path::new("/")).program;
        let (true, Some(fpm)) = (installed(&program.to_string_lossy()), php_fpm()) else { return None };
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let nobody = am_root().then(|| ("nobody".to_owned(), "nogroup".to_owned()));
        let (folder, address) = (home.path().join(driver.service_type()), free_address());
        let mut main = main_config(server(&folder, address));
        main.user = nobody.clone();
        fs::create_dir_all(&main.temp).unwrap();
        for name in driver.folders() {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let templates = Templates::default();
        for file in driver.server(&main.server, &templates).unwrap() {
            write(&folder.join(&file.path), file.text.expose());
        }
        let main_path = home.path().join("main.conf");
        write(&main_path, &driver.main(&main, &templates).unwrap());
        let pool = Pool {
            name: "all".into(),
            user: nobody.clone(),
            listen: home.path().join("php.sock"),
            listen_owner: nobody,
            asks: Asks::Visitors,
            // One process, so that one site's request follows another's.
            children: Children::OnDemand { max: 1, idle_seconds: 60 },
            generation: 1,
            programs: Programs::Refused,
            request_seconds: 30,
            slow_log: None,
            temp: "/tmp".into(),
            settings: Vec::new(),
        };
        let pool = pool.file(&templates).unwrap();
        write(&home.path().join("pools").join(&pool.path), pool.text.expose());
        let fpm_main = FpmMain {
            pid: home.path().join("fpm.pid"),
            error_log: home.path().join("fpm.log"),
            pools: home.path().join("pools"),
            reload_seconds: 10,
        };
        let fpm_path = home.path().join("fpm.conf");
        write(&fpm_path, &fpm_main.text(&templates).unwrap());

        let mut stage = Stage { driver, home, main, main_path, address, _servers: Vec::new() };
        stage.generation(1);
        for family in CoreFamily::ALL {
            stage.platform(family);
            stage.publish_platform(family);
            for letter in ["a", "b"] {
                let site = format!("{letter}.{}.test", family.as_str());
                stage.publish(&stage.vhost(family, &format!("site {site}")));
            }
        }
        let server = command(&driver.run(&stage.main_path)).spawn().unwrap();
        let fpm = command(&php::run(Path::new(&fpm), &fpm_path)).spawn().unwrap();
        stage._servers = vec![Running(server), Running(fpm)];
        wait_for("the web server", || TcpStream::connect(address).is_ok());
        // php-fpm gives a socket to the server after it made it, and listens last.
        wait_for("php-fpm", || UnixStream::connect(stage.home.path().join("php.sock")).is_ok());
        Some(stage)
    }

    pub fn generation(&self, number: u64) {
        let file = self.driver.generation(number, &Templates::default()).unwrap();
        write(&self.main.server.folder.join(&file.path), file.text.expose());
    }

    pub fn root(&self, family: CoreFamily) -> PathBuf {
        self.home.path().join("platforms").join(family.as_str())
    }

    pub fn vhost(&self, family: CoreFamily, more: &str) -> Vhost {
        let home = self.home.path();
        let place = format!(
            "on {}\nplatform {}\nphp {}\n",
            family.as_str(),
            self.root(family).display(),
            home.join("php.sock").display()
        );
        let mut vhost = vhost(&pairs(&format!("family {}\n{place}{more}", family.as_str())));
        vhost.fence = home.join(format!("{}.fence", vhost.site));
        vhost
    }

    /// Publishes what the sites of a platform share.
    pub fn publish_platform(&self, family: CoreFamily) {
        let root = self.root(family).to_str().unwrap().parse().unwrap();
        let entries =
            ["index.php", "update.php", "cron.php", "core/", "modules/"].map(|name| match name.strip_suffix('/') {
                Some(folder) => (folder.to_owned(), EntryKind::Folder),
                None => (name.to_owned(), EntryKind::File),
            });
        let open_basedir = shared_paths(&root, &entries, &[]);
        self.put_platform(&PlatformConfig { name: family.as_str().parse().unwrap(), root, family, open_basedir });
    }

    pub fn put_platform(&self, platform: &PlatformConfig) {
        for file in self.driver.platform(&self.main.server, platform, &Templates::default()).unwrap() {
            if !file.text.expose().is_empty() {
                write(&self.main.server.folder.join(&file.path), file.text.expose());
            }
        }
    }

    pub fn publish(&self, vhost: &Vhost) {
        let file = self.driver.vhost(&self.main.server, vhost, &Templates::default()).unwrap();
        write(&self.main.server.folder.join(&file.path), file.text.expose());
    }

    pub fn reload(&self, generation: u64) {
        self.generation(generation);
        succeeds(&self.driver.check(&self.main_path));
        succeeds(&self.driver.reload(&self.main_path));
        let expected = format!("\r\n\r\n{generation}");
        let answers = || {
            let text = match self.driver.internal(&self.main.server) {
                Internal::Socket(socket) => UnixStream::connect(socket).and_then(|stream| ask(stream, "localhost")),
                Internal::Name { at, host } => TcpStream::connect(at).and_then(|stream| ask(stream, host)),
            };
            text.is_ok_and(|text| text.ends_with(&expected))
        };
        let since = std::cell::Cell::new(std::time::Instant::now());
        wait_for("the new generation", || {
            if !answers() {
                since.set(std::time::Instant::now());
            }
            // nginx starts the new workers, sleeps 100 ms, then tells the old ones to quit.
            since.get().elapsed() > Duration::from_millis(200)
        });
    }

    /// Everything that a probe asks for exists, so that only a rule can keep it from being shown.
    pub fn platform(&self, family: CoreFamily) {
        let root = self.root(family);
        let (a, b) = (format!("a.{}.test", family.as_str()), format!("b.{}.test", family.as_str()));
        for script in Script::ALL {
            write(&root.join(format!("{}.php", script.name())), &SCRIPT.replace("NAME", script.name()));
        }
        for name in [&a, &b] {
            fs::create_dir_all(root.join("sites").join(name).join("private/temp")).unwrap();
            write(&root.join("sites").join(name).join("secret.php"), "<?php echo 'SECRET';");
            write(
                &root.join("sites").join(name).join("open.php"),
                "<?php echo json_encode(['own' => is_readable(__DIR__ . '/secret.php'), \
                 'other' => @file_get_contents($_GET['path']) !== false, 'temp' => sys_get_temp_dir(), \
                 'upload' => ini_get('upload_tmp_dir'), 'exec' => function_exists('exec')], JSON_UNESCAPED_SLASHES);",
            );
        }
        write(&root.join("sites").join(&a).join("files/robots.txt"), &format!("FILE sites/{a}/files/robots.txt"));
        write(
            &root.join("sites").join(&a).join("accel.php"),
            &format!(
                "<?php foreach (['X-Accel-Redirect', 'X-Sendfile', 'X-LIGHTTPD-send-file'] as $name) {{\n\
                 header($name . ': ' . ($name[2] == 'A' ? '' : __DIR__ . '/../..') . '/sites/{b}/secret.php');\n}}"
            ),
        );
        write(
            &root.join("sites").join(&a).join("located.php"),
            &format!("<?php header('Location: /sites/{b}/secret.php'); http_response_code(200);"),
        );
        for probe in rules().iter().flat_map(|rule| rule.probes) {
            let path = fill(probe.path, &a, &b);
            let path = normal(&path);
            if let Expected::File(file) = probe.expected {
                let file = fill(file, &a, &b);
                write(&root.join(&file), &format!("FILE {file}"));
            } else if !matches!(probe.expected, Expected::Executed(_))
                && !path.contains('\0')
                && !root.join(&path).exists()
            {
                let file = root.join(&path);
                // What lies below a file cannot be made; asking for it is the trick.
                if fs::create_dir_all(file.parent().unwrap()).is_ok() && !path.is_empty() {
                    let _ = fs::write(file, "LEAKED <?php echo 'EXECUTED evil';");
                }
            }
        }
    }

    pub fn ask(&self, host: &str, method: &str, path: &str) -> Answer {
        self.ask_with(host, method, path, "")
    }

    /// With more lines in the head, each ended.
    pub fn ask_with(&self, host: &str, method: &str, path: &str, lines: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let port = self.address.port();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}:{port}\r\nProxy: http://evil.test\r\nReferer: http://x.test/y?secret\r\n\
             PHP_ADMIN_VALUE: open_basedir=evil.test\r\nPHP_VALUE: memory_limit=1\r\ndb_passwd: evil.test\r\n\
             AEGIR_SCRIPT: /evil.test\r\n{lines}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn get(&self, host: &str, path: &str) -> Answer {
        self.ask(host, "GET", path)
    }
}

pub fn fill(path: &str, site: &str, other: &str) -> String {
    path.replace("{site}", site).replace("{other}", other)
}

/// The path of a request as a server understands it.
pub fn normal(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    let mut decoded = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    let mut parts: Vec<String> = Vec::new();
    for part in String::from_utf8(decoded).unwrap().split('/') {
        match part {
            "" | "." => (),
            ".." => drop(parts.pop()),
            part => parts.push(part.to_owned()),
        }
    }
    parts.join("/")
}

pub fn holds(probe: &Probe, answer: &Answer, site: &str) -> bool {
    let shows = |word: &str| answer.body.contains(word);
    match probe.expected {
        Expected::Status(status) => answer.status == status && !shows("EXECUTED") && !shows("LEAKED"),
        Expected::Malformed => [400, 404].contains(&answer.status) && !shows("EXECUTED") && !shows("LEAKED"),
        Expected::File(file) => answer.status == 200 && answer.body == format!("FILE {}", fill(file, site, "")),
        Expected::Executed(script) => answer.status == 200 && shows(&format!("EXECUTED {} ", script.name())),
    }
}

/// Asks for the generation number.
fn ask(mut stream: impl Read + Write, host: &str) -> std::io::Result<String> {
    write!(stream, "GET /generation HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Apache, as Debian has it.
pub fn apache() -> &'static Apache {
    static APACHE: OnceLock<Apache> = OnceLock::new();
    APACHE.get_or_init(Apache::default)
}
