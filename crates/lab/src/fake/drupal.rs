//! The fake Drupal: what the driver scripts would do and answer, for code bases of any version.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{DbEngine, Password};
use aegir_drupal::{Family, PhpValue};
use aegir_host::{Connection, Databases, Ended, Row, SqlFault};
use serde_json::{Value, json};

use super::programs::End;
use super::{FakeDatabases, Machine, Trouble, Watch};
use aegir_host::Recorder;

/// When every site of a lab was installed.
const INSTALLED: i64 = 1_767_323_045;

/// In the folder of a site: the updates of a module of its own, a name on each line.
pub const OWN_INSTALL: &str = "modules/own/own.install";

/// A line there: the module's code does not work before they ran.
pub const NEEDS_UPDATES: &str = "// Its page needs them.";

/// In settings that a lab wrote, what a PHP that read them would answer stands behind this.
pub(crate) const SETTINGS_SAY: &str = "// These settings say: ";

/// Runs a driver script: reads the question, acts, and tells its answer or fault line by line.
pub(super) fn run(machine: &Arc<Machine>, script: &Path, input: &str, tell: &mut dyn FnMut(&str)) -> End {
    let Ok(question) = serde_json::from_str::<Value>(input) else {
        return refuse(tell, "bad-input", "the question is no JSON");
    };
    let operation = script.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let site = match Site::of(machine, &question) {
        Ok(site) => site,
        Err((kind, message)) => return refuse(tell, kind, &message),
    };
    let result = match operation.as_str() {
        "install" => return site.install(tell),
        "boot" => site.boot(),
        "settings" => Ok(site.settings()),
        "login" => site.login(),
        "flush" => site.flush(),
        "cron" => site.cron(),
        "pending" => site.pending(),
        "updates" => return site.update(tell),
        "visit" => site.visit(),
        "front" => site.front(),
        "pages" => Ok(json!({ "paths": ["", "user/login"] })),
        "requirements" => Ok(json!({ "findings": [] })),
        _ => Err(("bad-input", format!("no script is named {operation}"))),
    };
    match result {
        Ok(answer) => {
            tell(&json!({ "answer": answer }).to_string());
            End::well("")
        }
        Err((kind, message)) => refuse(tell, kind, &message),
    }
}

/// Has somebody install Drupal by hand, and gives what it told last.
pub(crate) fn install_by_hand(machine: &Arc<Machine>, question: &Value) -> String {
    let mut told = String::new();
    run(machine, Path::new("install.php"), &question.to_string(), &mut |line| told = line.to_owned());
    told
}

fn refuse(tell: &mut dyn FnMut(&str), kind: &str, message: &str) -> End {
    tell(&json!({ "fault": { "kind": kind, "message": message } }).to_string());
    End::badly(0, "")
}

type Refusal = (&'static str, String);

struct Site<'a> {
    machine: &'a Arc<Machine>,
    question: &'a Value,
    folder: PathBuf,
    family: Family,
    core: String,
    profiles: Vec<String>,
}

impl<'a> Site<'a> {
    fn of(machine: &'a Arc<Machine>, question: &'a Value) -> Result<Site<'a>, Refusal> {
        let root = PathBuf::from(text(question, "root"));
        let code = aegir_drupal::platform::read(&root).map_err(|fault| ("php-error", fault.to_string()))?;
        let folder = root.join("sites").join(text(question, "site"));
        if !folder.join("settings.php").is_file() {
            return Err(("wrong-site", "Drupal finds no settings.php there".into()));
        }
        if code.family == Family::Eight && !root.join("sites/sites.php").is_file() {
            return Err(("wrong-site", "without sites.php there is only sites/default".into()));
        }
        let profiles = code.profiles.iter().map(|profile| profile.name.to_string()).collect();
        Ok(Site { machine, question, folder, family: code.family, core: code.core.to_string(), profiles })
    }

    fn say(&self, name: &str) -> &str {
        text(self.question, name)
    }

    fn connect(&self) -> Result<Box<dyn Connection>, Refusal> {
        let credentials = &self.question["credentials"];
        let say = |name| text(credentials, name);
        let databases = FakeDatabases(self.machine.clone());
        let connected = match say("db_type") {
            "sqlite" => databases.sqlite(Path::new(say("db_name"))),
            _ => {
                let at = match say("db_socket") {
                    "" => DbEngine::Tcp { host: say("db_host").into(), port: 3306 },
                    socket => DbEngine::Socket(socket.into()),
                };
                let password = Password::new(say("db_passwd"));
                databases.mariadb(&at, say("db_user"), &password, Some(say("db_name")), Duration::ZERO)
            }
        };
        connected.map_err(refused)
    }

    fn site_path(&self) -> String {
        format!("sites/{}", self.say("site"))
    }

    fn install(&self, tell: &mut dyn FnMut(&str)) -> End {
        let machine = self.machine;
        let result = self.install_in(tell);
        match result {
            Ok(None) if machine.has(Trouble::InstallHangs) => {
                End { ended: Ended::TimedOut, stdout: String::new(), stderr: String::new() }
            }
            Ok(None) => End::badly(255, "PHP Fatal error:  Uncaught Error: Call to undefined function gone()"),
            Ok(Some(answer)) => {
                let noisy = machine.has(Trouble::InstallNoisy);
                tell(&json!({ "answer": answer }).to_string());
                if noisy {
                    tell("{\"answer\": {\"site_path\": \"sites/elsewhere\"}}");
                }
                End::well(if noisy { "Notice: Undefined index: x in noise.inc on line 3\n" } else { "" })
            }
            Err((kind, message)) => refuse(tell, kind, &message),
        }
    }

    /// Nothing if it stopped half way.
    fn install_in(&self, tell: &mut dyn FnMut(&str)) -> Result<Option<Value>, Refusal> {
        let profile = self.say("profile");
        if !self.profiles.iter().any(|known| known == profile) {
            return Err(("unknown-profile", format!("the platform has no profile `{profile}`")));
        }
        let mut database = self.connect()?;
        if self.is_installed(&mut *database) {
            return Err(("already-installed", "the database holds tables".into()));
        }
        self.about_to_change();
        mode(&self.folder, 0o755);
        let files = self.folder.join("files");
        for (number, statement) in (1..).zip(self.tables()) {
            self.write(&mut *database, &statement)?;
            if number == 2 {
                make_dir(&files.join("css"), 0o2775);
                guard(&files.join(".htaccess"), "SetHandler Drupal_Security_Do_Not_Remove_See_SA_2006_006\n", 0o444);
                if self.machine.has(Trouble::InstallDies) || self.machine.has(Trouble::InstallHangs) {
                    return Ok(None);
                }
            }
            tell(&json!({ "progress": { "task": format!("task_{number}"), "ms": 1 } }).to_string());
        }
        if self.family == Family::Eight {
            make_dir(&files.join("php"), 0o2777);
            guard(&files.join("php/.htaccess"), "Require all denied\n", 0o444);
        }
        // Drupal's own hardening.
        mode(&self.folder.join("settings.php"), 0o444);
        mode(&self.folder, 0o555);
        Ok(Some(json!({
            "core_version": self.core,
            "site_path": self.site_path(),
            "site_name": self.say("title"),
            "profile": profile,
            "langcode": self.say("langcode"),
            "install_time": INSTALLED,
        })))
    }

    /// PHP syncs nothing: all of the folder is at stake.
    fn about_to_change(&self) {
        Watch(self.machine.clone()).before_change(&self.folder);
    }

    fn is_installed(&self, database: &mut dyn Connection) -> bool {
        let table = if self.family == Family::Seven { "variable" } else { "config" };
        database.rows(&format!("SELECT name FROM {table}")).is_ok()
    }

    fn write(&self, database: &mut dyn Connection, sql: &str) -> Result<(), Refusal> {
        database.run(sql).map(|_| ()).map_err(refused)
    }

    /// The statements of an installation.
    fn tables(&self) -> Vec<String> {
        let (profile, title, mail) = (self.say("profile"), self.say("title"), self.say("mail"));
        let row = |table: &str, values: &[Vec<u8>]| {
            let hex = |value: &Vec<u8>| value.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let values: Vec<String> = values.iter().map(|value| format!("CAST(x'{}' AS TEXT)", hex(value))).collect();
            format!("INSERT INTO {table} VALUES ({})", values.join(", "))
        };
        let plain = |text: &str| text.as_bytes().to_vec();
        let account = [plain("1"), plain(self.say("account_name")), plain(self.say("account_mail"))];
        match self.family {
            Family::Seven => {
                let variable = |name: &str, value: PhpValue| row("variable", &[plain(name), value.write()]);
                let module = |name: &str, kind: &str, file: &str, schema: &str| {
                    row("system", &[plain(file), plain(name), plain(kind), plain("1"), plain(schema)])
                };
                vec![
                    "CREATE TABLE variable (name TEXT PRIMARY KEY, value TEXT)".into(),
                    "CREATE TABLE system (filename TEXT PRIMARY KEY, name TEXT, type TEXT, status INT, schema_version INT)".into(),
                    module("system", "module", "modules/system/system.module", "7084"),
                    module(profile, "module", &format!("profiles/{profile}/{profile}.profile"), "0"),
                    module("bartik", "theme", "themes/bartik/bartik.info", "-1"),
                    "CREATE TABLE users (uid TEXT PRIMARY KEY, name TEXT, mail TEXT)".into(),
                    row("users", &account),
                    variable("site_name", php_text(title)),
                    variable("site_mail", php_text(mail)),
                    variable("install_profile", php_text(profile)),
                    variable("install_time", PhpValue::Int(INSTALLED)),
                    variable("logo_path", php_text(&format!("{}/files/logo.png", self.site_path()))),
                    variable("cron_key", php_text("the first key")),
                    "CREATE TABLE cache (cid TEXT, data TEXT)".into(),
                    variable("install_task", php_text("done")),
                ]
            }
            Family::Eight => {
                let config = |name: &str, value: PhpValue| row("config", &[plain(""), plain(name), value.write()]);
                let key_value = |collection: &str, name: &str, value: PhpValue| {
                    row("key_value", &[plain(collection), plain(name), value.write()])
                };
                let logo = format!("{}/files/logo.png", self.site_path());
                let modules = php_map([("system", PhpValue::Int(0)), (profile, PhpValue::Int(1000))]);
                let extension = php_map([
                    ("module", modules),
                    ("theme", php_map([("olivero", PhpValue::Int(0))])),
                    ("profile", php_text(profile)),
                ]);
                vec![
                    "CREATE TABLE config (collection TEXT, name TEXT, data TEXT, PRIMARY KEY (collection, name))"
                        .into(),
                    "CREATE TABLE key_value (collection TEXT, name TEXT, value TEXT, PRIMARY KEY (collection, name))"
                        .into(),
                    config(
                        "system.site",
                        php_map([("uuid", php_text("the first")), ("name", php_text(title)), ("mail", php_text(mail))]),
                    ),
                    config("olivero.settings", php_map([("logo", php_map([("path", php_text(&logo))]))])),
                    key_value("state", "system.cron_key", php_text("the first key")),
                    config("system.theme", php_map([("default", php_text("olivero"))])),
                    "CREATE TABLE users_field_data (uid TEXT PRIMARY KEY, name TEXT, mail TEXT)".into(),
                    row("users_field_data", &account),
                    key_value("system.schema", "system", PhpValue::Int(10300)),
                    key_value("state", "install_time", PhpValue::Int(INSTALLED)),
                    "CREATE TABLE cache_default (cid TEXT, data TEXT)".into(),
                    config("core.extension", extension),
                ]
            }
        }
    }

    /// What stands in its settings behind the words that a lab writes there; else they give no database.
    fn settings(&self) -> Value {
        let text = fs::read_to_string(self.folder.join("settings.php")).unwrap_or_default();
        if text.contains(aegir_drupal::settings::LITERAL) {
            return literal_settings(&text);
        }
        let told = text.lines().find_map(|line| line.strip_prefix(SETTINGS_SAY));
        told.and_then(|told| serde_json::from_str(told).ok())
            .unwrap_or_else(|| json!({ "database": null, "hash_salt": "" }))
    }

    /// What the site says of itself, by the name of its configuration.
    fn values(&self) -> Result<(PhpValue, String), Refusal> {
        let mut database = self.connect()?;
        if !self.is_installed(&mut *database) {
            return Err(("not-installed", "the database holds no Drupal".into()));
        }
        let sql = match self.family {
            Family::Seven => "SELECT name, value FROM variable ORDER BY name",
            Family::Eight => "SELECT name, data FROM config ORDER BY name",
        };
        let rows = database.rows(sql).map_err(refused)?;
        let account = match self.family {
            Family::Seven => "SELECT name FROM users",
            Family::Eight => "SELECT name FROM users_field_data",
        };
        let account = database.rows(account).map_err(refused)?.first().map(|row| column(row, 0)).unwrap_or_default();
        let entries = rows.iter().filter_map(|row| {
            let value = PhpValue::read(row.get(1)?.as_deref()?).ok()?;
            Some((php_text(&column(row, 0)), value))
        });
        Ok((PhpValue::Array(entries.collect()), account))
    }

    fn boot(&self) -> Result<Value, Refusal> {
        let (values, _) = self.values()?;
        let at = |path: &[&str]| {
            let found = path.iter().try_fold(&values, |value, key| value.get(key));
            found.and_then(PhpValue::to_text).unwrap_or_default()
        };
        let (name, mail, profile) = match self.family {
            Family::Seven => (at(&["site_name"]), at(&["site_mail"]), at(&["install_profile"])),
            Family::Eight => {
                (at(&["system.site", "name"]), at(&["system.site", "mail"]), at(&["core.extension", "profile"]))
            }
        };
        let driver = self.question["credentials"]["db_type"].clone();
        Ok(json!({
            "core_version": self.core,
            "site_path": self.site_path(),
            "site_name": name,
            "site_mail": mail,
            "profile": profile,
            "langcode": "en",
            "install_time": INSTALLED,
            "installed": true,
            "database_driver": driver,
            "maintenance": false,
            "public_files": format!("{}/files", self.site_path()),
            "php_version": "8.2.7",
        }))
    }

    fn login(&self) -> Result<Value, Refusal> {
        let (_, name) = self.values()?;
        let uid = self.question["uid"].as_u64().unwrap_or(1);
        if uid != 1 {
            return Err(("no-account", format!("the site has no account {uid}")));
        }
        let url = format!("{}/user/reset/{uid}/{INSTALLED}/a-hash", self.say("uri"));
        Ok(json!({ "url": url, "uid": uid, "name": name, "valid_seconds": 86400 }))
    }

    /// What a visitor would get.
    fn visit(&self) -> Result<Value, Refusal> {
        self.values()?;
        let mut database = self.connect()?;
        let mut has = |table| database.rows(&format!("SELECT 1 FROM {table}")).is_ok();
        let is_touched = has("updated") || has("rebuilt");
        let mut says = |ask| database.rows(ask).is_ok_and(|rows| !rows.is_empty());
        let is_closed = says("SELECT 1 FROM variable WHERE name = 'maintenance_mode'")
            || says("SELECT 1 FROM key_value WHERE name = 'system.maintenance_mode'");
        let is_broken = self.own_install().contains(NEEDS_UPDATES) && !self.own_updates(&mut *database).is_empty();
        let status = match is_broken || is_touched && self.machine.has(Trouble::PageBroken) {
            true => 500,
            false if is_closed => 503,
            false => 200,
        };
        Ok(json!({ "status": status, "said": self.say("site") }))
    }

    /// What a module in the site's own folder has of updates: a name on each line.
    fn own_install(&self) -> String {
        fs::read_to_string(self.folder.join(OWN_INSTALL)).unwrap_or_default()
    }

    /// Those of its updates that did not run yet.
    fn own_updates(&self, database: &mut dyn Connection) -> Vec<String> {
        let ran = database.rows("SELECT core FROM updated").unwrap_or_default();
        let ran: BTreeSet<String> = ran.iter().map(|row| column(row, 0)).collect();
        let text = self.own_install();
        let names = text.lines().filter(|line| line.contains("_update_"));
        names.filter(|name| !ran.contains(*name)).map(str::to_owned).collect()
    }

    /// The updates of its own module; those of Drupal itself come with other code alone.
    fn pending(&self) -> Result<Value, Refusal> {
        self.values()?;
        let mut database = self.connect()?;
        let updates = self.own_updates(&mut *database);
        let updates: Vec<Value> =
            updates.iter().map(|name| json!({ "name": name, "description": "What it does." })).collect();
        Ok(json!({ "core_version": self.core, "updates": updates }))
    }

    fn update(&self, tell: &mut dyn FnMut(&str)) -> End {
        match self.update_in(tell) {
            Ok(Some(answer)) => {
                tell(&json!({ "answer": answer }).to_string());
                End::well("")
            }
            Ok(None) => End::badly(255, "PHP Fatal error:  Uncaught Error: Call to undefined function gone()"),
            Err((kind, message)) => refuse(tell, kind, &message),
        }
    }

    /// Notes the version of the code in the database, as an update would. Nothing if it dies half way.
    fn update_in(&self, tell: &mut dyn FnMut(&str)) -> Result<Option<Value>, Refusal> {
        self.values()?;
        let mut database = self.connect()?;
        let insert = |ran: &str| format!("INSERT OR IGNORE INTO updated VALUES ('{ran}')");
        let mut updates = vec![
            ("system_update_1".into(), "CREATE TABLE IF NOT EXISTS updated (core TEXT PRIMARY KEY)".to_owned()),
            ("system_update_2".into(), insert(&self.core)),
        ];
        updates.extend(self.own_updates(&mut *database).into_iter().map(|name| (name.clone(), insert(&name))));
        self.about_to_change();
        for (name, statement) in &updates {
            self.write(&mut *database, statement)?;
            let update = json!({ "name": name, "ms": 12, "output": "Done." });
            tell(&json!({ "update": update }).to_string());
            if self.machine.has(Trouble::UpdateDies) {
                return Ok(None);
            }
            if self.machine.has(Trouble::UpdateFails) {
                return Err(("update-failed", format!("{name} failed")));
            }
        }
        guard(&self.folder.join("files/.updated"), "An update wrote this.\n", 0o664);
        // Drupal hardens its folder whenever it looks at its requirements.
        mode(&self.folder, 0o555);
        Ok(Some(json!({ "core_version": self.core, "findings": [], "entity_changes": [] })))
    }

    /// A page with the site's name; a site without one has no page.
    fn front(&self) -> Result<Value, Refusal> {
        let name = self.boot()?["site_name"].as_str().map(str::to_owned).unwrap_or_default();
        let status = if name.is_empty() { 500 } else { 200 };
        Ok(json!({ "site_path": self.site_path(), "status": status, "bytes": name.len() }))
    }

    fn flush(&self) -> Result<Value, Refusal> {
        let mut database = self.connect()?;
        let table = if self.family == Family::Seven { "cache" } else { "cache_default" };
        self.write(&mut *database, &format!("DELETE FROM {table}"))?;
        self.write(&mut *database, "CREATE TABLE IF NOT EXISTS rebuilt (at TEXT)")?;
        Ok(json!({ "site_path": self.site_path() }))
    }

    /// Notes that it ran. A table `cron_running` is somebody who runs it already, a table `cron_complains` a module that
    /// throws.
    fn cron(&self) -> Result<Value, Refusal> {
        self.values()?;
        let mut database = self.connect()?;
        let mut has = |table| database.rows(&format!("SELECT 1 FROM {table}")).is_ok();
        if has("cron_running") {
            return Ok(json!({ "ran": false, "ms": 1 }));
        }
        let complaints: &[&str] = if has("cron_complains") { &["Exception: no such feed"] } else { &[] };
        self.write(&mut *database, "CREATE TABLE IF NOT EXISTS cron_ran (at TEXT)")?;
        self.write(&mut *database, "INSERT INTO cron_ran VALUES ('now')")?;
        Ok(json!({ "ran": true, "ms": 31, "complaints": complaints }))
    }
}

fn refused(fault: SqlFault) -> Refusal {
    ("database-unreachable", fault.to_string())
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn column(row: &Row, at: usize) -> String {
    row.get(at).and_then(Option::as_deref).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

fn php_text(text: &str) -> PhpValue {
    PhpValue::Text(text.as_bytes().to_vec())
}

fn php_map<'k>(entries: impl IntoIterator<Item = (&'k str, PhpValue)>) -> PhpValue {
    PhpValue::Array(entries.into_iter().map(|(key, value)| (php_text(key), value)).collect())
}

fn make_dir(path: &Path, bits: u32) {
    fs::create_dir_all(path).expect("PHP may write to the site's files");
    mode(path, bits);
}

/// Writes a guard of Drupal's own where there is none.
fn guard(path: &Path, content: &str, bits: u32) {
    if path.exists() {
        return;
    }
    fs::write(path, content).expect("PHP may write to the site's files");
    mode(path, bits);
}

fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("PHP may change what it owns");
}

/// What settings say that Ægir wrote out when it let go of a site.
pub(crate) fn literal_settings(text: &str) -> Value {
    let quoted =
        |line: &str| Some(line.split_once(" => '").or(line.split_once(" = '"))?.1.split('\'').next()?.to_owned());
    let told = |key: &str| {
        let begins = format!("'{key}' => ");
        text.lines().map(str::trim).find(|line| line.starts_with(&begins)).and_then(quoted).unwrap_or_default()
    };
    let salt = text.lines().find(|line| line.contains("hash_salt") && line.contains(" = '")).and_then(quoted);
    json!({
        "database": {
            "driver": told("driver"), "name": told("database"), "user": told("username"), "password": told("password"),
            "host": told("host"), "port": told("port"), "socket": told("unix_socket"), "prefix": "",
        },
        "hash_salt": salt,
    })
}
