//! What the tests of drivers share: vhosts read from text, and real servers in a temporary folder.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a test ends where its stage cannot be set")]
#![allow(clippy::disallowed_methods, reason = "drivers start nothing; their tests ask the real programs")]

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use aegir_domain::{Cmd, Password, Redirect};
use aegir_drivers::http::{
    CoreFamily, Installer, MAX_BODY_MB, MainConfig, PlatformConfig, ServerConfig, SharedPaths, Vhost, VhostMode,
    site_paths,
};

/// The folder that rendered examples speak of.
pub const FOLDER: &str = "/srv/config/server_test/nginx";

/// Reads `key  value` lines.
pub fn pairs(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.split_once(char::is_whitespace).unwrap_or((line, "")))
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect()
}

pub fn server(folder: &Path, listen: SocketAddr) -> ServerConfig {
    ServerConfig {
        name: "test".parse().unwrap(),
        folder: folder.to_owned(),
        listen,
        internal_socket: folder.with_file_name("internal.sock"),
        access_log: folder.with_file_name("access.log"),
        max_body_mb: MAX_BODY_MB,
    }
}

pub fn main_config(server: ServerConfig) -> MainConfig {
    let run = server.folder.parent().unwrap().to_owned();
    MainConfig {
        server,
        user: None,
        pid: run.join("nginx.pid"),
        error_log: run.join("error.log"),
        temp: run.join("temp"),
        workers: 1,
        sites: None,
    }
}

pub fn vhost(input: &BTreeMap<String, String>) -> Vhost {
    let site = input["site"].clone();
    let words = |key: &str| input.get(key).map(|text| text.split_whitespace().collect::<Vec<_>>()).unwrap_or_default();
    let root = input.get("platform").map_or("/platforms/d10", String::as_str);
    Vhost {
        aliases: words("aliases").into_iter().map(|name| name.parse().unwrap()).collect(),
        redirect: input.get("redirect").map_or(Redirect::None, |name| Redirect::To(name.parse().unwrap())),
        platform: input.get("on").map_or("d10", String::as_str).parse().unwrap(),
        root: root.parse().unwrap(),
        family: match input.get("family").map(String::as_str) {
            Some("seven") => CoreFamily::Seven,
            _ => CoreFamily::Eight,
        },
        php_socket: input.get("php").map_or("/run/php/d10.sock".into(), PathBuf::from),
        open_basedir: match input.contains_key("open") {
            true => words("open").into_iter().map(PathBuf::from).collect(),
            false => site_paths(&root.parse().unwrap(), &site.parse().unwrap(), &[]),
        },
        temp: format!("{root}/sites/{site}/private/temp").into(),
        credentials: vec![
            ("db_type".into(), Password::new("mysql")),
            ("db_passwd".into(), Password::new(input.get("password").map_or("not a \"secret\"", String::as_str))),
        ],
        pages: input.get("pages").map_or("aegir_pages", String::as_str).parse().unwrap(),
        before: input.get("before").map(|before| before.parse().unwrap()),
        fence: input.get("fence").map_or("/srv/run/fences/f".into(), PathBuf::from),
        mode: match input.get("mode").map(String::as_str) {
            Some("disabled") => VhostMode::Disabled,
            _ => VhostMode::Serving,
        },
        installer: match input.get("installer").map(String::as_str) {
            Some("open") => Installer::Open,
            _ => Installer::Closed,
        },
        site: site.parse().unwrap(),
    }
}

pub fn platform(input: &BTreeMap<String, String>) -> PlatformConfig {
    let root = input["platform"].clone();
    let paths = |key: &str| {
        let words = input.get(key).map(|text| text.split_whitespace().collect::<Vec<_>>()).unwrap_or_default();
        words.into_iter().map(|name| format!("{root}/{name}").into()).collect()
    };
    PlatformConfig {
        name: input.get("on").map_or("d10", String::as_str).parse().unwrap(),
        root: root.parse().unwrap(),
        family: CoreFamily::Eight,
        open_basedir: SharedPaths { busiest: paths("busiest"), rest: paths("rest") },
    }
}

/// Whether `program` is installed; says so if it is not, since a test then shows less.
pub fn installed(program: &str) -> bool {
    let found = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists());
    if !found {
        eprintln!("SKIPPED: `{program}` is not installed");
    }
    found
}

pub fn php_fpm() -> Option<String> {
    ["php-fpm8.4", "php-fpm8.3", "php-fpm8.2", "php-fpm8.1", "php-fpm"]
        .into_iter()
        .find(|name| installed(name))
        .map(Into::into)
}

pub fn command(cmd: &Cmd) -> Command {
    let mut command = Command::new(&cmd.program);
    command.args(&cmd.args).stdin(Stdio::null());
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

pub fn output(cmd: &Cmd) -> Output {
    command(cmd).output().unwrap()
}

/// Asserts that `cmd` ends well, and shows what it said.
pub fn succeeds(cmd: &Cmd) {
    let output = output(cmd);
    assert!(output.status.success(), "{cmd}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A program that ends with its test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        for _ in 0..50 {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until `ready`, at most ten seconds.
pub fn wait_for(what: &str, ready: impl Fn() -> bool) {
    for _ in 0..500 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} did not come up");
}

pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Whether the test runs as root, where servers need to be told whom to become.
pub fn am_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}
