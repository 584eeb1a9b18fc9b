//! Sites that Ægir lets go of: compared with what they were before it had them, and served by servers that know nothing
//! of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::story::Site;
use super::web::get;
use super::{Lab, free_port, run, spawn, until};

/// The code of a platform with its sites, and the tables of one of them.
pub struct AsItWas {
    /// What each file and link below the document root holds.
    files: BTreeMap<String, String>,
    /// What the rows of each table sum up to.
    tables: BTreeMap<String, String>,
    /// Its accounts, with the hashes of their passwords.
    accounts: Vec<String>,
}

/// Tables that Drupal writes while it is asked and signed in to; of accounts, the times of that. Since 10.2, whatever rebuilds
/// caches has Drupal note in `search_dataset` that its help is to be indexed anew; the cron of a visit does that.
const WRITTEN_BY_VISITS: [&str; 12] = [
    "cache",
    "flood",
    "history",
    "key_value",
    "router",
    "search_",
    "semaphore",
    "sequences",
    "sessions",
    "users",
    "variable",
    "watchdog",
];

impl AsItWas {
    /// What there is now, less what the names of the tables begin with.
    pub fn of(lab: &Lab, root: &Path, database: &str, prefix: &str) -> AsItWas {
        let mut files = BTreeMap::new();
        walk(root, root, &mut files);
        let up = lab.up();
        let sum = |table: String| {
            let sums = up.sql(&format!("CHECKSUM TABLE `{database}`.`{table}`")).concat();
            let sum = sums.split('\t').next_back().unwrap().to_owned();
            (table.strip_prefix(prefix).unwrap().to_owned(), sum)
        };
        let tables: BTreeMap<String, String> =
            up.sql(&format!("SHOW TABLES FROM `{database}`")).into_iter().map(sum).collect();
        let users = if tables.contains_key("users_field_data") { "users_field_data" } else { "users" };
        let asked = format!("SELECT uid, name, pass, mail FROM `{database}`.`{prefix}{users}` ORDER BY uid");
        AsItWas { files, tables, accounts: up.sql(&asked) }
    }

    /// Of a site that was taken in, used and let go of, all is as it was but what is named here.
    pub fn is_left(&self, now: &AsItWas, site: &str) {
        let folder = format!("sites/{site}/");
        let is_ours = |path: &str| {
            let own = path.strip_prefix(&folder).unwrap_or(path);
            ["settings.php", "imported.settings.php", "local.settings.php"].contains(&own)
                || ["sites/sites.php", "sites/local.sites.php"].contains(&path)
                || own.starts_with("private")
                || own == "files/.htaccess"
                // What whoever visits has Drupal make: its compiled templates, and up to 10.0 styles and scripts in one file.
                || ["files/php/", "files/css/", "files/js/"].iter().any(|folder| own.starts_with(folder))
        };
        let paths: BTreeSet<&String> = self.files.keys().chain(now.files.keys()).collect();
        let others = paths.into_iter().filter(|path| self.files.get(*path) != now.files.get(*path));
        let others: Vec<&String> = others.filter(|path| !is_ours(path)).collect();
        assert_eq!(others, [""; 0], "files that nobody said would change");
        let imported = now.files.get(&format!("{folder}imported.settings.php"));
        assert_eq!(imported, self.files.get(&format!("{folder}settings.php")), "their settings, to the byte");

        let tables: BTreeSet<&String> = self.tables.keys().chain(now.tables.keys()).collect();
        let others = tables.into_iter().filter(|table| self.tables.get(*table) != now.tables.get(*table));
        let is_written = |table: &str| WRITTEN_BY_VISITS.iter().any(|begins| table.starts_with(begins));
        let others: Vec<&String> = others.filter(|table| !is_written(table)).collect();
        assert_eq!(others, [""; 0], "tables that nobody said would change");
        assert_eq!(self.accounts, now.accounts);
    }
}

fn walk(root: &Path, dir: &Path, all: &mut BTreeMap<String, String>) {
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let found = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        if found.is_dir() {
            walk(root, &path, all);
        } else if found.is_symlink() {
            all.insert(name, fs::read_link(&path).unwrap().display().to_string());
        } else {
            let mut hasher = DefaultHasher::new();
            fs::read(&path).unwrap().hash(&mut hasher);
            all.insert(name, format!("{:016x}", hasher.finish()));
        }
    }
}

/// Lets go of a site that was taken in; it is as `before`, and runs on with Ægir and without.
pub fn is_let_go_of_well(lab: &Lab, root: &Path, site: &Site, before: &AsItWas) {
    let at = format!("@{}", site.name);
    let credentials = fs::read_to_string(lab.home().join(format!("credentials/{}.json", site.name))).unwrap();
    let credentials: serde_json::Value = serde_json::from_str(&credentials).unwrap();

    let said = lab.provision(&["eject", &at]).done().says("is not Ægir's any more, and runs on");

    assert!(!said.all().contains(credentials["db_passwd"].as_str().unwrap()), "{}", said.all());
    lab.provision(&["show", &at]).ends(1);
    let settings = root.join("sites").join(&site.name).join("settings.php");
    assert_eq!(fs::metadata(&settings).unwrap().permissions().mode() & 0o007, 0, "not for everybody to read");
    let made = lab.up().sql(&format!("SHOW CREATE DATABASE `{}`", site.database)).concat();
    assert!(!made.contains("COMMENT"), "{made}");
    site.answers(lab);
    before.is_left(&AsItWas::of(lab, root, &site.database, ""), &site.name);
    if lab.http == "nginx" {
        Plain::serves(lab, site);
    }
}

/// An nginx and a php-fpm that read what Ægir leaves, and nothing else of it.
struct Plain(Vec<Child>);

impl Plain {
    fn serves(lab: &Lab, site: &Site) {
        let beside = lab.beside().join("plain");
        fs::create_dir(&beside).unwrap();
        let vhost = fs::read_to_string(left(lab, &site.name).join("vhost.conf")).unwrap();
        let (socket, port) = (beside.join("php.sock"), free_port());
        let theirs = format!("/run/php/{}.sock", site.name);
        let listen = format!("listen {};", lab.up().listen());
        assert!(vhost.contains(&theirs) && vhost.contains(&listen), "{vhost}");
        let vhost = vhost.replace(&theirs, &socket.display().to_string());
        let vhost = vhost.replace(&listen, &format!("listen 127.0.0.1:{port};"));
        let at = beside.display();
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
            .concat();
        let nginx = format!(
            "daemon off; pid {at}/nginx.pid; error_log {at}/nginx.log; events {{}}\n\
             http {{ access_log off; {temp} include {at}/vhost.conf; }}\n"
        );
        let fpm = format!(
            "[global]\nerror_log = {at}/fpm.log\n[plain]\nlisten = {}\npm = static\npm.max_children = 1\n",
            socket.display()
        );
        for (name, text) in [("vhost.conf", vhost), ("nginx.conf", nginx), ("fpm.conf", fpm)] {
            fs::write(beside.join(name), text).unwrap();
        }
        fs::copy("/etc/nginx/fastcgi_params", beside.join("fastcgi_params")).unwrap();
        lab.give(&beside);
        let mut plain = Plain(Vec::new());
        plain.starts(lab, &fpm_program(), &["-F", "-y", &format!("{at}/fpm.conf")]);
        plain.starts(lab, "nginx", &["-e", &format!("{at}/nginx.log"), "-c", &format!("{at}/nginx.conf")]);
        until("a plain nginx listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        until("a plain php-fpm listens", || std::os::unix::net::UnixStream::connect(&socket).is_ok());

        let page = get(([127, 0, 0, 1], port).into(), &site.name, "/");

        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.title().contains(&site.title), "{}", page.title());
        let hidden = format!("/sites/{}/settings.php", site.name);
        assert_eq!(get(([127, 0, 0, 1], port).into(), &site.name, &hidden).status, 403);
        drop(plain);
        fs::remove_dir_all(&beside).unwrap();
    }

    fn starts(&mut self, lab: &Lab, program: &str, words: &[&str]) {
        let mut command = lab.as_owner(program);
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").args(words);
        self.0.push(spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())));
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Their workers go with a master that is asked to end.
            run(std::process::Command::new("kill").arg(child.id().to_string()));
            let _ = child.wait();
        }
    }
}

fn fpm_program() -> String {
    let names = ["php-fpm8.4", "php-fpm8.3", "php-fpm8.2", "php-fpm8.1", "php-fpm"];
    let found = names.into_iter().find(|name| Path::new("/usr/sbin").join(name).exists());
    found.expect("Ægir's own runs, so there is one").to_owned()
}

/// What lies in the home for whoever looks after a site from now on.
fn left(lab: &Lab, site: &str) -> PathBuf {
    let found = fs::read_dir(lab.home().join("ejected")).unwrap().map(|entry| entry.unwrap().path());
    let begins = format!("{site}-");
    let mut found = found.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&begins));
    found.next().unwrap()
}
