//! A site's own code, gone bad: what it tries against Ægir and other sites, with all that PHP can do.
//!
//! The attempts are listed in `tests/hostile/`, each with a name. What a site may do is tried too: a door
//! that nothing opens proves nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::json;

use crate::support::story::{Site, save_sqlite_server};
use crate::support::web::get;
use crate::support::world::World;
use crate::support::{Lab, Way, http, root, run, way};

/// What an attempt came to.
#[derive(Debug, Deserialize)]
struct Tried {
    got: Option<String>,
    why: String,
}

impl Tried {
    fn said(&self) -> String {
        format!("got {:?} ({})", self.got, self.why)
    }
}

const MARK: &str = "nobody else may read this";
const SITES: &str = "platforms/seven-1.0/sites";

/// The stage: a site that is bad, one beside it on its platform, and one in SQLite.
struct Stage {
    lab: Lab,
    bad: Site,
    victim: Site,
    small: Site,
}

impl Stage {
    fn set(lab: Lab) -> Stage {
        save_sqlite_server(&lab);
        lab.platform("seven", "seven-1.0");
        lab.platform("ten", "ten-1.0");
        let install = |name, platform, server| Site::install(&lab, name, platform, server, Some("minimal"));
        let bad = install("bad.localhost", "seven", "localhost");
        let victim = install("victim.localhost", "seven", "localhost");
        let small = install("small.localhost", "seven", "files");
        install("far.localhost", "ten", "localhost");
        let stage = Stage { lab, bad, victim, small };
        stage.plant();
        stage.infect();
        for site in [&stage.bad, &stage.victim, &stage.small] {
            site.answers(&stage.lab);
        }
        get(stage.lab.up().listen(), "far.localhost", "/");
        stage
    }

    fn folder(&self, site: &Site) -> PathBuf {
        self.lab.home().join(SITES).join(&site.name)
    }

    /// Puts secrets where others have theirs.
    fn plant(&self) {
        let home = self.lab.home();
        let secret = |path: &Path, text: &str, owner: &str, mode| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            run(Command::new("chown").arg(owner).arg(path));
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        secret(&home.join("hostmaster/key"), MARK, "aegir:aegir", 0o600);
        run(Command::new("chown").arg("aegir:aegir").arg(home.join("hostmaster")));
        // What a site's own PHP writes belongs to the user that all sites' PHP runs as.
        let victim = self.folder(&self.victim);
        secret(&victim.join("private/files/secret.txt"), MARK, "aegir-web:aegir-web", 0o660);
        secret(&victim.join("private/temp/sess_victim"), "mark|s:1:\"x\";", "aegir-web:aegir-web", 0o660);
        secret(&self.folder(&self.bad).join("private/files/own.txt"), MARK, "aegir-web:aegir-web", 0o660);
        let settings = victim.join("local.settings.php");
        let text = format!("<?php\n$GLOBALS['victims_setting'] = '{MARK}';\n");
        secret(&settings, &text, "aegir:aegir-web", 0o640);
    }

    /// The module comes into the bad site as a site's own modules do, and is enabled.
    fn infect(&self) {
        let folder = self.folder(&self.bad).join("modules/hostile");
        run(Command::new("cp").arg("-r").arg(root().join("crates/aegir/tests/hostile")).arg(&folder));
        fs::write(folder.join("targets.json"), self.targets().to_string()).unwrap();
        run(Command::new("chown").arg("-R").arg("aegir:aegir").arg(&folder));
        run(Command::new("chmod").arg("-R").arg("a+rX").arg(&folder));
        let up = self.lab.up();
        let database = &self.bad.database;
        up.run_sql(&format!(
            "INSERT INTO `{database}`.`system` (filename, name, type, owner, status, bootstrap, schema_version, weight, info) \
             VALUES ('sites/bad.localhost/modules/hostile/hostile.module', 'hostile', 'module', '', 1, 0, 0, 0, 'a:0:{{}}')"
        ));
        up.run_sql(&format!(
            "INSERT INTO `{database}`.menu_router (path, page_callback, access_callback, title, number_parts) \
             VALUES ('hostile', 'hostile_page', 'all', '', 1)"
        ));
    }

    /// Our scripts, as php-fpm runs them.
    fn scripts(&self) -> PathBuf {
        // They are written when something is first asked.
        self.lab.provision(&["verify", "@victim.localhost"]).done();
        let all = fs::read_dir(self.lab.home().join("run")).unwrap().flatten().map(|entry| entry.path());
        let mut scripts = all.filter(|path| path.join("prelude.php").exists());
        scripts.next().expect("the scripts lie where php-fpm may read them")
    }

    /// Has the bad site's code make its attempts while Ægir asks it `operation`, by `ask`.
    fn tries_while_asked(&self, operation: &str, ask: impl FnOnce()) {
        let files = self.folder(&self.bad).join("files");
        let sign = files.join(format!("try-{operation}"));
        fs::write(&sign, "").unwrap();
        run(Command::new("chown").arg("aegir:aegir-web").arg(&sign));

        ask();

        let said = fs::read_to_string(files.join(format!("asked-{operation}.json"))).expect("the site's code ran");
        let all: BTreeMap<String, Tried> = serde_json::from_str(&said).unwrap();
        assert!(all.len() > 150, "{operation}: {} attempts", all.len());
        judge(&all);
        self.nothing_was_written();
        self.never_on_the_command_line();
    }

    fn never_on_the_command_line(&self) {
        let trace = self.folder(&self.bad).join("files/was-run-on-the-command-line");
        assert!(!trace.exists(), "the site's code was run on the command line");
    }

    /// The world, less what is the bad site's own.
    fn of_others(&self) -> World {
        let mut world = World::of(&self.lab);
        world.forget(&format!("/{}", self.bad.name));
        world.forget(&self.bad.database);
        world
    }

    /// Has a login link be Drupal's to make, and no longer computed.
    fn has_lines_of_its_own(&self) {
        let local = self.folder(&self.bad).join("local.settings.php");
        let text = fs::read_to_string(&local).unwrap();
        fs::write(&local, text + "$own_salt = 'unused';\n").unwrap();
    }

    /// What the bad site's code knows of the places of others.
    fn targets(&self) -> serde_json::Value {
        let home = self.lab.home();
        let (bad, victim) = (self.folder(&self.bad), self.folder(&self.victim));
        let endpoints = self.lab.up().endpoints();
        let run = endpoints.control.parent().unwrap().to_owned();
        let sqlite = home.join("databases").join(&self.small.database);
        let sqlite = fs::read_dir(&sqlite).unwrap().flatten().map(|entry| entry.path()).next().unwrap();
        let task = self.lab.newest_attempt();
        let vhosts = self.lab.http_folder().join("vhost.d");
        let secrets = [
            home.join("hostmaster/key"),
            home.join("contexts/victim.localhost.json"),
            home.join("contexts/server_localhost.json"),
            home.join("credentials/victim.localhost.json"),
            home.join("stack/mariadb-account.json"),
            home.join("stack/endpoints.json"),
            endpoints.access_log.clone(),
            task.join("journal"),
            task.join("events"),
            task.join("request"),
            vhosts.join("victim.localhost.conf"),
            vhosts.join("bad.localhost.conf"),
            endpoints.http_conf.clone(),
            victim.join("settings.php"),
            victim.join("local.settings.php"),
            victim.join("private/files/secret.txt"),
            victim.join("private/temp/sess_victim"),
            victim.join("files/.htaccess"),
            home.join("platforms/ten-1.0/web/sites/far.localhost/settings.php"),
            home.join("platforms/ten-1.0/web/index.php"),
            sqlite.clone(),
            "/etc/passwd".into(),
            "/etc/shadow".into(),
            "/proc/self/environ".into(),
        ];
        for secret in &secrets {
            assert!(secret.exists(), "{} is not there to be read", secret.display());
        }
        let folders = [
            home.clone(),
            home.join("platforms"),
            home.join("platforms/seven-1.0"),
            home.join(SITES),
            home.join("platforms/ten-1.0/web"),
            home.join("contexts"),
            home.join("tasks"),
            home.join("credentials"),
            home.join("databases"),
            sqlite.parent().unwrap().to_owned(),
            home.join("config/server_localhost/php-fpm/pool.d"),
            vhosts.clone(),
            home.join("cache"),
            home.join("backups"),
            home.join("stack"),
            home.join("stack").join(http()),
            run.clone(),
            run.join("php"),
            run.join("ask"),
            run.join("upd"),
            victim.clone(),
            victim.join("files"),
            victim.join("private/files"),
            victim.join("private/temp"),
            // What nginx keeps of pages.
            run.join("http/pages"),
            "/tmp".into(),
            "/var/tmp".into(),
            "/dev/shm".into(),
            "/etc".into(),
            "/var/spool/cron/crontabs".into(),
            "/var/www".into(),
        ];
        let folders: Vec<_> = folders.into_iter().filter(|folder| folder.is_dir()).collect();
        // What lies above its own is seen as far as it is its own; names of others are not.
        let above = [home.join("platforms/seven-1.0"), home.join(SITES)];
        let closed = folders.iter().filter(|folder| !above.contains(folder));
        let mut patterns: Vec<_> = closed.map(|folder| folder.join("*")).collect();
        patterns.extend([home.join(SITES).join("v*"), home.join("platforms/[t]*")]);
        let scripts = self.scripts();
        let platform = home.join("platforms/seven-1.0");
        let code = [
            platform.join("modules"),
            platform.join("includes"),
            platform.join("sites/all"),
            platform.join("sites/all/modules"),
            bad.join("modules"),
            bad.join("modules/hostile"),
            home.join("config/includes"),
            scripts.clone(),
        ];
        for folder in &code {
            assert!(folder.is_dir(), "{} is not there to be written to", folder.display());
        }
        let unwritable = [
            scripts.join("prelude.php"),
            scripts.join("seven/boot.php"),
            home.join("platforms/seven-1.0/sites/all"),
            bad.join("settings.php"),
            bad.join("local.settings.php"),
            bad.join("modules/hostile/hostile.module"),
            home.join(SITES).join("sites.php"),
            home.join("platforms/seven-1.0/index.php"),
            home.join("platforms/seven-1.0/includes/bootstrap.inc"),
            victim.join("files/.htaccess"),
            victim.join("local.settings.php"),
            sqlite.clone(),
        ];
        let php = run.join("php");
        let mut sockets =
            vec![php.join("seven.sock"), php.join("ten.sock"), php.join("idle.sock"), endpoints.control.clone()];
        sockets.extend([run.join("ask/seven.sock"), run.join("ask/ten.sock")]);
        // Apache listens on no socket.
        if http() == "nginx" {
            sockets.push(endpoints.internal.clone());
        }
        for socket in &sockets {
            assert!(socket.exists(), "{} is not there to be reached", socket.display());
        }
        let account = |name: &str| aegir_stack::Account::find(name).unwrap();
        json!({
            "own_site": bad,
            "own_files": bad.join("files"),
            "own_private": bad.join("private/files/own.txt"),
            "own_mark": MARK,
            "root": home.join("platforms/seven-1.0"),
            "listen": endpoints.listen.to_string(),
            "secrets": secrets,
            "closed_folders": folders,
            "code_folders": code,
            "patterns": patterns,
            "unwritable": unwritable,
            "other_sqlite": sqlite,
            "other_database": self.victim.database,
            "others_code": [victim.join("settings.php"), victim.join("local.settings.php")],
            "others_are_named": "victim.localhost",
            "sockets": sockets,
            "mariadb": run.join("mariadb.sock"),
            "db_account": endpoints.db_account,
            "processes": processes(&["nginx", "apache2", "php-fpm", "mariadbd", "aegir"]),
            "web_uid": account("aegir-web").uid,
            "aegir_uid": account("aegir").uid,
            "aegir_gid": account("aegir").gid,
            "http_gid": group("aegir-http"),
        })
    }

    /// Nothing that an attempt can have written lies outside the bad site's own folder.
    fn nothing_was_written(&self) {
        // Also that of another stage, which may be tried at the same time.
        let own = format!("{SITES}/{}/", self.bad.name);
        let found = Command::new("find")
            .args(["/tmp", "/var", "/etc", "/run", "/dev/shm", "/dev/mqueue"])
            .args(["-name", "*hostile-was-here*", "-o", "-name", "*hostilewashere*"])
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        // A table of its own database, as long as an attempt has it.
        let database = format!("/mariadb/data/{}_", self.bad.name.replace('.', "_"));
        let outside = found.lines().filter(|path| !path.contains(&own) && !path.contains(&database));
        let outside: Vec<&str> = outside.collect();
        assert!(outside.is_empty(), "written outside its own folder: {outside:#?}");
    }
}

/// Processes of others, by the beginning of their names.
fn processes(names: &[&str]) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let name = |pid: &str| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let pids = all.filter_map(|entry| entry.file_name().into_string().ok());
    pids.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()))
        .filter(|pid| names.iter().any(|begins| name(pid).starts_with(begins)))
        .collect()
}

fn group(name: &str) -> Option<u32> {
    let groups = fs::read_to_string("/etc/group").unwrap();
    let line = groups.lines().find_map(|line| line.strip_prefix(&format!("{name}:")))?;
    line.split(':').nth(1)?.parse().ok()
}

/// What came of each attempt: those of a site's own affairs must succeed, and no other.
#[track_caller]
fn judge(all: &BTreeMap<String, Tried>) {
    if std::env::var_os("AEGIR_TEST_TELLS").is_some() {
        all.iter().for_each(|(name, tried)| eprintln!("{name}: {}", tried.said()));
    }
    let wrong = |(name, tried): &(&String, &Tried)| name.starts_with("own: ") == tried.got.is_none();
    let wrong: Vec<_> = all.iter().filter(wrong).map(|(name, tried)| format!("{name}: {}", tried.said())).collect();
    assert!(wrong.is_empty(), "{} of {} attempts:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

fn two_users() -> Option<Lab> {
    if way() == Way::Person {
        eprintln!("skipped: without root, one user runs all, and a site's code is not kept apart");
        return None;
    }
    Some(Lab::start(Way::TwoUsers))
}

#[test]
fn a_sites_own_code_reads_writes_and_reaches_nothing_that_is_not_its_own() {
    let Some(lab) = two_users() else { return };
    let stage = Stage::set(lab);
    let at = stage.lab.up().listen();
    let ask = |path: &str| {
        let page = get(at, &stage.bad.name, path);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        page.body
    };
    let names: Vec<String> = serde_json::from_str(&ask("/hostile")).unwrap();
    assert!(names.len() > 150, "{} attempts", names.len());
    let before = stage.of_others();

    let mut all = BTreeMap::new();
    for name in names {
        let said = ask(&format!("/hostile?try={}", encoded(&name)));
        let tried: Tried = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{name}: {error}: {said}"));
        all.insert(name, tried);
    }

    judge(&all);
    stage.nothing_was_written();
    stage.of_others().must_be(&before);
    for site in [&stage.victim, &stage.small] {
        site.answers(&stage.lab);
    }
}

#[test]
fn a_sites_own_code_has_no_more_rights_while_aegir_asks_about_it() {
    let Some(lab) = two_users() else { return };
    let stage = Stage::set(lab);
    let provision = |words: &[&str]| stage.lab.provision(words).done();
    provision(&["verify", "@bad.localhost"]);
    let before = stage.of_others();

    stage.tries_while_asked("boot", || {
        provision(&["verify", "@bad.localhost"]);
    });
    stage.tries_while_asked("login", || {
        stage.has_lines_of_its_own();
        provision(&["login", "@bad.localhost"]).says("/user/reset/1/");
    });
    stage.of_others().must_be(&before);

    // Another name of the site has Drupal flush its caches.
    stage.tries_while_asked("flush", || {
        provision(&["save", "@bad.localhost", "--alias", "also-bad.localhost"]);
        let said = provision(&["verify", "@bad.localhost"]);
        assert!(!said.all().contains("untidy"), "{}", said.all());
    });

    for site in [&stage.victim, &stage.small] {
        site.answers(&stage.lab);
        site.is_as_it_should_be(&stage.lab);
    }
}

#[test]
fn where_php_fpm_is_silent_a_sites_own_code_is_not_run_at_all() {
    let Some(lab) = two_users() else { return };
    let stage = Stage::set(lab);
    stage.has_lines_of_its_own();
    stage.lab.provision(&["verify", "@bad.localhost"]).done();
    let socket = stage.lab.home().join("run/ask/seven.sock");
    let gone = socket.with_extension("gone");
    fs::rename(&socket, &gone).unwrap();
    let before = World::of(&stage.lab);

    for words in [&["verify", "@bad.localhost"][..], &["login", "@bad.localhost"]] {
        let said = stage.lab.provision(words);

        assert!(matches!(said.code, 4 | 7), "{}", said.all());
        said.says("php-fpm does not answer on").remedy("aegir provision verify @platform_seven");
        let journal = fs::read_to_string(stage.lab.newest_attempt().join("journal")).unwrap();
        assert!(!journal.contains("\"record\":\"program\""), "a program was started: {journal}");
        World::of(&stage.lab).must_be(&before);
    }
    stage.never_on_the_command_line();

    fs::rename(&gone, &socket).unwrap();
    stage.lab.provision(&["verify", "@bad.localhost"]).done();
    stage.lab.provision(&["login", "@bad.localhost"]).done();
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
