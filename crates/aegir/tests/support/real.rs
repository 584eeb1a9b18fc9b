//! What a site of real Drupal must do beyond the main job, and what Drupal itself says of it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::said::Said;
use super::story::Site;
use super::web::{Page, get, log_in_and_stay};
use super::world::World;
use super::{Lab, Way, root, run};

/// A tree of real Drupal that is a platform in a lab.
pub struct Real<'a> {
    pub lab: &'a Lab,
    /// The platform.
    pub name: &'a str,
    /// Its document root.
    pub root: &'a Path,
}

/// What is asked for, and must come out of Drupal again.
pub struct Asked<'a> {
    pub site: &'a str,
    pub db_server: &'a str,
    pub profile: Option<&'a str>,
    pub language: &'a str,
}

const TITLE: &str = "Grüße & \"Küsse\"";
const MAIL: &str = "post@example.org";
const ACCOUNT: &str = "Site Chief";
const TIME_ZONE: &str = "Asia/Tokyo";
/// A translation of ours: nobody's file is committed.
pub const GERMAN: &str = "msgid \"\"\nmsgstr \"\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n\
    \"Plural-Forms: nplurals=2; plural=(n != 1);\\n\"\n\nmsgid \"Log in\"\nmsgstr \"Hereinspaziert\"\n";

impl Real<'_> {
    /// Whether it is a Drupal 7.
    pub fn is_seven(&self) -> bool {
        !self.root.join("core").exists()
    }

    /// Puts a translation where Drupal's platform keeps them.
    pub fn has_german(&self, profile: &str) {
        let folder = match self.is_seven() {
            true => self.root.join("profiles").join(profile).join("translations"),
            false => self.root.join("sites/all/translations"),
        };
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("drupal-x.de.po"), GERMAN).unwrap();
        self.lab.give(&folder);
    }

    fn words<'a>(&'a self, at: &'a str, asked: &Asked<'a>) -> Vec<&'a str> {
        let mut words = vec!["install", at, "--platform", self.name, "--db-server", asked.db_server];
        words.extend(["--language", asked.language, "--timezone", TIME_ZONE, "--title", TITLE]);
        words.extend(["--mail", MAIL, "--account", ACCOUNT]);
        words.extend(asked.profile.into_iter().flat_map(|profile| ["--profile", profile]));
        words
    }

    /// Installs a site with everything asked for, and has Drupal say that it got it.
    pub fn installs_what_is_asked(&self, asked: &Asked<'_>) -> Site {
        let at = format!("@{}", asked.site);
        let said = self.lab.provision(&self.words(&at, asked)).done();
        let shown = self.lab.provision(&["show", &at, "--json"]).done();
        let context: Value = serde_json::from_str(&shown.out).unwrap();
        let database = context["database"]["name"].as_str().unwrap().to_owned();

        let drupal = self.drupal_says(asked.site, &[]);

        let expected = [
            ("site", format!("sites/{}", asked.site)),
            ("title", TITLE.into()),
            ("mail", MAIL.into()),
            ("language", asked.language.into()),
            ("time_zone", TIME_ZONE.into()),
            ("account", ACCOUNT.into()),
            ("account_mail", MAIL.into()),
        ];
        for (what, wanted) in expected {
            assert_eq!(drupal[what].as_str(), Some(wanted.as_str()), "{what} of {drupal}");
        }
        if let Some(profile) = asked.profile {
            assert_eq!(drupal["profile"], profile);
        }
        Site { name: asked.site.into(), title: TITLE.into(), database, said }
    }

    /// A language that nobody has is refused, and nothing is touched.
    pub fn refuses(&self, asked: &Asked<'_>, why: &str) {
        let at = format!("@{}", asked.site);
        let before = World::of(self.lab);
        let said = self.lab.provision(&self.words(&at, asked)).ends(4);
        assert!(said.err.contains(why), "{}", said.all());
        World::of(self.lab).must_be(&before);
    }

    /// What Drupal's own API says of a site, asked past Ægir as its user.
    pub fn drupal_says(&self, site: &str, more: &[&str]) -> Value {
        let script = if self.is_seven() { "seven.php" } else { "eight.php" };
        // A copy, since others may not enter the checkout.
        let judge = self.lab.beside().join(script);
        fs::write(&judge, fs::read(root().join("crates/aegir/tests/judge").join(script)).unwrap()).unwrap();
        let mut php = self.lab.as_owner("php");
        php.args(["-d", "display_errors=stderr", "-d", "memory_limit=512M"]).arg(&judge).arg(site).args(more);
        let ended = php.current_dir(self.root).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        let from = said.find('{').unwrap_or_else(|| panic!("{site}: {said}{}", String::from_utf8_lossy(&ended.stderr)));
        serde_json::from_str(&said[from..]).unwrap()
    }

    fn folder(&self, site: &Site) -> PathBuf {
        self.root.join("sites").join(&site.name)
    }

    fn get(&self, site: &Site, path: &str) -> Page {
        get(self.lab.up().listen(), &site.name, path)
    }

    /// Clean addresses, a picture by Drupal's own form, and its derivative (of a site of `standard`).
    pub fn takes_a_picture(&self, site: &Site) {
        let page = self.get(site, "/user/login");
        assert_eq!(page.status, 200, "a clean address: {}", page.body);
        assert!(page.body.contains("name=\"name\""), "{}", page.body);
        let picture = self.lab.beside().join("picture.png");
        let draw = "$i = imagecreatetruecolor(1200, 800); imagefill($i, 0, 0, 0xff8800); imagepng($i, $argv[1]);";
        run(Command::new("php").args(["-r", draw]).arg(&picture));
        let link = self.lab.provision(&["login", &format!("@{}", site.name)]).done().out;
        let (mut browser, page) = log_in_and_stay(self.lab.up().listen(), &link);

        let saved = browser.upload(&page, "user/1/edit", ("picture.png", &fs::read(&picture).unwrap()));

        assert_eq!(saved.status, 200, "{}", saved.body);
        let files = self.folder(site).join("files");
        let uploaded = find(&files.join("pictures"), ".png");
        let [uploaded] = &uploaded[..] else { panic!("one upload in pictures/: {uploaded:?}\n{}", saved.body) };
        let found = fs::metadata(uploaded).unwrap();
        let group = fs::metadata(&files).unwrap().gid();
        assert_eq!((found.mode() & 0o777, found.gid()), (0o660, group), "the web server's group alone, and no code");
        let served = self.get(site, &self.address(uploaded));
        assert_eq!((served.status, served.header("content-type")), (200, Some("image/png")));

        let page = browser.visit("/user/1");
        let style = page.body.split('"').find(|word| word.contains("/files/styles/")).expect("a derivative's address");
        let style = style.replace("&amp;", "&");
        let style = style
            .strip_prefix("http://")
            .and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()))
            .unwrap_or(style);
        let derived = self.get(site, &style);
        let kind = derived.header("content-type").unwrap_or_default();
        assert!(derived.status == 200 && kind.starts_with("image/"), "{style}: {} {kind}", derived.status);
        let lies = files.join("styles/thumbnail");
        assert!(lies.is_dir(), "the derivative lies on the disk");
        // Now from the disk.
        assert_eq!(self.get(site, &style).status, 200);
        let wrong = style.replace("itok=", "itok=x");
        let elsewhere = wrong.replace("/thumbnail/", "/large/");
        assert!(
            matches!(self.get(site, &elsewhere).status, 403 | 404),
            "a derivative that nobody offered: {elsewhere}"
        );
    }

    fn address(&self, file: &Path) -> String {
        format!("/{}", file.strip_prefix(self.root).unwrap().display())
    }

    /// Nobody gets to see what is not for visitors.
    pub fn denies(&self, site: &Site, other: &Site) {
        let (own, others) = (self.folder(site), self.folder(other));
        let secret = "nobody may see this";
        let place = |path: PathBuf, text: &str| {
            fs::write(&path, text).unwrap();
            let owner = match self.lab.way {
                Way::TwoUsers => "aegir-web:aegir-web",
                Way::Person => "65534:65534",
            };
            if rustix::process::geteuid().is_root() {
                run(Command::new("chown").arg(owner).arg(&path));
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
            path
        };
        let private = place(own.join("private/files/secret.txt"), secret);
        let public = place(own.join("files/public.txt"), "for all to see");
        let code = format!("<?php print 'nobody may run this'; // {secret}\n");
        let foreign = place(others.join("files/public.txt"), secret);
        let mut denied: Vec<String> = ["evil.php", "evil.phtml", "evil.phar", "evil.php.txt/x", "evil.inc", ".hidden"]
            .map(|name| {
                let file = own.join("files").join(name.split('/').next().unwrap());
                let file = place(file, &code);
                format!("{}{}", self.address(&file), if name.contains('/') { "/x.php" } else { "" })
            })
            .to_vec();
        denied.extend([self.address(&private), self.address(&foreign), "/system/files/secret.txt".into()]);
        denied.extend(
            ["settings.php", "local.settings.php", "private/", "private/files/"]
                .map(|name| format!("{}/{name}", self.address(&own))),
        );
        let seven = [
            "/includes/bootstrap.inc",
            "/modules/node/node.module",
            "/CHANGELOG.txt",
            "/install.php",
            "/scripts/run-tests.sh",
        ];
        let eight = [
            "/core/CHANGELOG.txt",
            "/core/install.php",
            "/core/rebuild.php",
            "/core/authorize.php",
            "/core/core.services.yml",
            "/core/lib/Drupal.php",
            "/core/modules/node/node.module",
            "/core/modules/statistics/statistics.php",
            "/vendor/autoload.php",
            "/core/../../composer.json",
        ];
        let family: &[&str] = if self.is_seven() { &seven } else { &eight };
        let both = [
            "/.htaccess",
            "/web.config",
            "/composer.json",
            "/sites/sites.php",
            "/sites/default/default.settings.php",
            "/update.php",
        ];
        denied.extend(family.iter().chain(&both).map(|path| (*path).to_owned()));

        let signs = [secret, "nobody may run this", "<?php"];
        for path in denied {
            let page = self.get(site, &path);
            let shown = signs.iter().find(|text| page.body.contains(**text));
            assert!(matches!(page.status, 400 | 403 | 404), "{path}: {}\n{}", page.status, page.body);
            assert_eq!(shown, None, "{path}: {}", page.body);
        }

        assert_eq!(self.get(site, &self.address(&public)).body, "for all to see", "and what is for visitors is served");
        for name in ["evil.php", "evil.phtml", "evil.phar", "evil.php.txt", "evil.inc", ".hidden", "public.txt"] {
            fs::remove_file(own.join("files").join(name)).unwrap();
        }
        fs::remove_file(foreign).unwrap();
        fs::remove_file(private).unwrap();
    }

    /// A module of the platform's own, enabled on a site, stays whoever has caches and container built: a visitor,
    /// whose PHP may open parts of the root alone, and Ægir after a change of settings.
    pub fn keeps_its_packages(&self, site: &Site) {
        let seven = self.is_seven();
        let folder =
            self.root.join(if seven { "sites/all/modules/platforms_own" } else { "modules/ours/platforms_own" });
        let files: &[(&str, &str)] = match seven {
            true => &[
                ("platforms_own.info", "name = Platform's own\ncore = 7.x\n"),
                (
                    "platforms_own.module",
                    "<?php\nfunction platforms_own_menu() {\n  return ['platforms-own' => ['page callback' => \
                     'platforms_own_page', 'access callback' => TRUE, 'type' => MENU_CALLBACK]];\n}\n\
                     function platforms_own_page() {\n  print 'here I am';\n}\n",
                ),
            ],
            false => &[
                ("platforms_own.info.yml", "name: Platform's own\ntype: module\ncore_version_requirement: '>=8.8'\n"),
                (
                    "platforms_own.routing.yml",
                    "platforms_own.page:\n  path: /platforms-own\n  defaults:\n    \
                     _controller: 'Drupal\\platforms_own\\Page::show'\n  requirements:\n    _access: 'TRUE'\n",
                ),
                (
                    "src/Page.php",
                    "<?php\nnamespace Drupal\\platforms_own;\nclass Page {\n  public function show() {\n    return new \
                     \\Symfony\\Component\\HttpFoundation\\Response('here I am');\n  }\n}\n",
                ),
            ],
        };
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.lab.give(folder.parent().unwrap());
        self.drupal_says(&site.name, &["enable"]);
        let is_there = |after: &str| {
            let page = self.get(site, "/platforms-own");
            assert_eq!((page.status, page.body.as_str()), (200, "here I am"), "{after}");
        };
        is_there("enabled");

        self.drupal_says(&site.name, &["forget"]);
        is_there("a visitor had all built");

        self.lab.provision(&["save", &format!("@{}", site.name), "--alias", "more.tree.localhost"]).done();
        let said = self.lab.provision(&["verify", &format!("@{}", site.name)]).done();
        assert!(!said.all().contains("untidy"), "{}", said.all());
        is_there("Ægir had caches flushed");
        fs::remove_dir_all(&folder).unwrap();
    }

    /// Has Drupal draw up its status report, which takes write bits away.
    pub fn is_hardened(&self, site: &Site) {
        self.drupal_says(&site.name, &["harden"]);
        let mode = |name: &str| fs::metadata(self.folder(site).join(name)).unwrap().mode() & 0o222;
        assert_eq!((mode(""), mode("settings.php")), (0, 0), "Drupal hardened its modes");
    }
}

fn find(folder: &Path, ends: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        match path.is_dir() {
            true => all.extend(find(&path, ends)),
            false if path.to_string_lossy().ends_with(ends) => all.push(path),
            false => (),
        }
    }
    all
}

/// Puts a site back from its backup as the manual says, with the programs that it names. First the site is harmed: a
/// site with a database on a server is deleted and made anew, one whose database is a file loses that and its files.
pub fn put_back_by_hand(lab: &Lab, site: &Site, platform: &str, db_server: &str, backup: &Path) {
    let is_file = db_server == "files";
    let at = format!("@{}", site.name);
    if !is_file {
        lab.delete(&site.name);
        let words = ["install", &at, "--platform", platform, "--db-server", db_server, "--title", "Made anew"];
        lab.provision(&words).done();
    }
    let credentials = fs::read_to_string(lab.home().join(format!("credentials/{}.json", site.name))).unwrap();
    let credentials: Value = serde_json::from_str(&credentials).unwrap();
    let of = |name: &str| credentials[name].as_str().unwrap_or_default().to_owned();
    let folder = fs::canonicalize(lab.home().join("clients/admin").join(&site.name)).unwrap();
    if is_file {
        fs::write(of("db_name"), b"").unwrap();
    }

    let work = lab.beside().join("restore");
    fs::create_dir(&work).unwrap();
    lab.give(&work);
    run(lab.as_owner("tar").arg("--zstd").arg("-C").arg(&work).arg("-xpf").arg(backup));
    run(lab.as_owner("sha256sum").args(["--quiet", "--check", "checksums.sha256"]).current_dir(&work));
    if is_file {
        run(lab.as_owner("cp").arg(work.join("database.sqlite")).arg(of("db_name")));
    } else {
        let dump = fs::read(work.join("database.sql")).unwrap();
        let told = |input: &[u8]| load(lab, &of("db_user"), &of("db_passwd"), &of("db_socket"), &of("db_name"), input);
        // Whoever visits the site meanwhile has Drupal make a table of a cache that it misses.
        let mut loaded = told(&dump);
        for _ in 0..4 {
            if loaded.err.contains("already exists") {
                loaded = told(&dump);
            }
        }
        loaded.done();
        let caches = told(
            b"SELECT CONCAT('TRUNCATE TABLE ', TABLE_NAME, ';') FROM information_schema.TABLES \
              WHERE TABLE_SCHEMA = DATABASE() AND LEFT(TABLE_NAME, 6) = 'cache_'",
        );
        told(caches.done().out.as_bytes()).done();
    }
    run(lab.as_owner("rm").arg("-rf").args([folder.join("files"), folder.join("private")]));
    let options = ["-rfP", "--preserve=mode,timestamps"];
    run(lab.as_owner("cp").args(options).arg(work.join("site/.")).arg(&folder));
    lab.provision(&["verify", &at]).done();
    fs::remove_dir_all(&work).unwrap();
}

/// Has `mariadb` load a dump into a database that is there, as the account of the private stack.
pub fn load_as_administrator(lab: &Lab, database: &str, dump: &[u8]) {
    let endpoints = lab.up().endpoints();
    let credentials = fs::read_to_string(&endpoints.db_credentials).unwrap();
    let credentials: Value = serde_json::from_str(&credentials).unwrap();
    let password = credentials["password"].as_str().unwrap();
    let socket = lab.home().join("run/mariadb.sock").display().to_string();
    load(lab, &endpoints.db_account, password, &socket, database, dump).done();
}

fn load(lab: &Lab, user: &str, password: &str, socket: &str, database: &str, input: &[u8]) -> Said {
    let options = lab.beside().join("client.cnf");
    fs::write(&options, format!("[client]\nuser={user}\npassword=\"{password}\"\nsocket={socket}\n")).unwrap();
    lab.give(&options);
    let mut command = lab.as_owner("mariadb");
    command.arg(format!("--defaults-file={}", options.display())).args(["--skip-column-names", database]);
    let ran = Said::with_input(&mut command, &["mariadb"], input);
    fs::remove_file(&options).unwrap();
    ran
}
