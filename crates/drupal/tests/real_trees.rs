//! Real Drupal is the judge: what we read of a code base and of a database is what Drupal says of them.
//!
//! `AEGIR_TEST_PLATFORMS` names a folder of code bases; each is copied, and none is written to.
//! Without it these tests say so and do nothing; the demo code bases are asked the same in any case.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use aegir_domain::{
    Code, Home, Instance, PackageCode, PackageKind, Password, PlatformSide, Reach, Reason, SiteSide, Verdict, compare,
};
use aegir_drupal::driver::{
    Booted, Credentials, DriverFault, FaultKind, Flushed, Install, Installed, Listener, LoginLink, Operation, Question,
    Requirements, SCRIPTS,
};
use aegir_drupal::info_file::Info;
use aegir_drupal::inventory::{self, Inventory, Row};
use aegir_drupal::login::{self, Account, LinkForm};
use aegir_drupal::platform::{self, PlatformFacts};
use aegir_drupal::{Family, Settings, sites_php};
use serde_json::{Value, json};

const SITE: &str = "example.localhost";

#[test]
#[allow(clippy::disallowed_methods, reason = "what is measured is printed, and decides nothing")]
fn every_tree_is_read_quickly_and_completely() {
    for tree in trees() {
        let start = Instant::now();
        let facts = platform::read(&tree).unwrap_or_else(|fault| panic!("{}: {fault}", tree.display()));
        let took = start.elapsed();
        println!(
            "{}: Drupal {} for PHP {}, {} packages, default {:?}, {took:?}",
            tree.display(),
            facts.core,
            facts.php_minimum,
            facts.packages.len(),
            facts.default_profile().map(|profile| profile.name.as_str()),
        );
        for finding in &facts.findings {
            println!("  {:?} {}: {}", finding.severity, finding.path, finding.reason);
        }
        assert!(facts.profile("standard").is_some() && facts.profile("minimal").is_some());
        assert_eq!(facts.errors().count(), 0, "{:?}", facts.errors().collect::<Vec<_>>());
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "what is measured is printed, and decides nothing")]
fn drupal_says_the_same_as_we_of_every_tree() {
    for tree in trees() {
        let start = Instant::now();
        let lab = Lab::copy_of(&tree);
        lab.a_site_lives();
        lab.packages_on_disk_are_what_drupal_finds();
        lab.the_inventory_is_what_drupal_says();
        lab.faults_are_told_apart();
        println!("{}: {:?}", tree.display(), start.elapsed());
    }
}

#[test]
fn demo_code_bases_keep_the_same_contract() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["seven-1.0", "ten-1.0", "distribution-1.0"] {
        let tree = assemble(name, folder.path());
        let lab = Lab::copy_of(&tree);
        lab.a_site_lives();
        lab.packages_on_disk_are_what_drupal_finds();
        lab.the_inventory_is_what_drupal_says();
        lab.faults_are_told_apart();
    }
}

#[test]
fn an_installer_that_misbehaves_is_told_from_one_that_does_not() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["seven-1.0", "ten-1.0"] {
        let lab = Lab::copy_of(&assemble(name, folder.path()));
        let install = |profile: &str| {
            lab.forget_site();
            lab.ask::<Installed>(&lab.install(profile))
        };

        assert_eq!(install("dies").unwrap_err().kind(), Some(&FaultKind::PhpError), "{name}");
        assert_eq!(install("leaves").unwrap_err().kind(), Some(&FaultKind::Exit), "{name}");
        assert_eq!(install("noisy").unwrap().profile, "noisy", "{name}");
    }
}

/// Makes a demo code base in `folder`.
fn assemble(name: &str, folder: &Path) -> PathBuf {
    let tree = folder.join(name);
    let assemble = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/platforms/assemble");
    assert!(program(assemble).arg(name).arg(&tree).stdout(Stdio::null()).status().unwrap().success());
    tree
}

/// A copy of a tree, with a site in SQLite.
struct Lab {
    folder: tempfile::TempDir,
    facts: PlatformFacts,
}

impl Lab {
    fn copy_of(tree: &Path) -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("tree");
        assert!(program("cp").arg("-a").arg(tree).arg(&copy).status().unwrap().success());
        let scripts = SCRIPTS.iter().map(|(path, text)| (path.to_string(), *text)).chain([
            ("judge/seven.php".to_owned(), include_str!("php/seven.php")),
            ("judge/eight.php".to_owned(), include_str!("php/eight.php")),
            ("judge/rows.php".to_owned(), include_str!("php/rows.php")),
        ]);
        for (path, text) in scripts {
            let file = folder.path().join("php").join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let facts = platform::read(&copy).unwrap();
        let lab = Lab { folder, facts };
        lab.make_site();
        lab
    }

    fn make_site(&self) {
        let site_dir = self.facts.docroot.join("sites").join(SITE);
        let settings = Settings {
            site: SITE.parse().unwrap(),
            family: self.facts.family,
            names: vec!["*.example.org".parse().unwrap()],
            quiet: aegir_domain::Quiet::default(),
            home: Home::new(self.folder.path().join("home")),
        };
        for directory in Settings::DIRECTORIES {
            fs::create_dir_all(site_dir.join(directory)).unwrap();
        }
        fs::write(site_dir.join("settings.php"), settings.render(None).unwrap()).unwrap();
        fs::write(self.facts.docroot.join(sites_php::FILE), sites_php::render([])).unwrap();
    }

    /// An empty database and a fresh directory again.
    fn forget_site(&self) {
        let site_dir = self.facts.docroot.join("sites").join(SITE);
        make_writable(&site_dir);
        fs::remove_dir_all(&site_dir).unwrap();
        let _ = fs::remove_file(self.database());
        self.make_site();
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("site.sqlite")
    }

    fn question(&self, operation: Operation) -> Question {
        Question {
            until: None,
            open: None,
            root: self.facts.docroot.to_str().unwrap().parse().unwrap(),
            site: SITE.parse().unwrap(),
            uri: format!("http://{SITE}:8080"),
            credentials: Credentials {
                db_type: "sqlite".into(),
                db_host: String::new(),
                db_port: String::new(),
                db_socket: String::new(),
                db_user: String::new(),
                db_passwd: Password::new(""),
                db_name: self.database().to_str().unwrap().into(),
                hash_salt: Password::new("a salt that is long enough to be one, and never changes"),
            },
            operation,
        }
    }

    fn install(&self, profile: &str) -> Question {
        self.question(Operation::Install(Box::new(Install {
            profile: profile.parse().unwrap(),
            language: "en".parse().unwrap(),
            title: "It's <b>\"é\"</b> & co".parse().unwrap(),
            mail: "site@example.org".parse().unwrap(),
            account: "admin".parse().unwrap(),
            account_mail: "admin@example.org".parse().unwrap(),
            account_password: Password::new("correct horse $1 'x\""),
            time_zone: "Europe/Berlin".parse().unwrap(),
            country: Some("DE".into()),
            translation_server: "http://127.0.0.1:9/%language.po".into(),
        })))
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, question: &Question) -> Result<T, DriverFault> {
        self.run(&question.operation.script(self.facts.family), question)
    }

    fn run<T: serde::de::DeserializeOwned>(&self, script: &str, question: &Question) -> Result<T, DriverFault> {
        let told = self.folder.path().join("told");
        let mut php = program("sh")
            .args(["-c", "exec php \"$0\" 3>\"$1\" >/dev/null 2>&1"])
            .arg(self.folder.path().join("php").join(script))
            .arg(&told)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        php.stdin.take().unwrap().write_all(&question.expose()).unwrap();
        let status = php.wait().unwrap();
        let mut listener = Listener::default();
        listener.hear(&fs::read(told).unwrap());
        let answer = listener.answer(question.operation.as_str(), &status.to_string());
        assert_eq!(status.success(), answer.is_ok(), "the exit status is 0 if there is an answer, and only then");
        answer
    }

    fn a_site_lives(&self) {
        let installed: Installed = self.ask(&self.install("standard")).unwrap();
        assert_eq!(installed.site_path, format!("sites/{SITE}"));
        assert_eq!((installed.profile.as_str(), installed.langcode.as_str()), ("standard", "en"));

        let flushed: Flushed = self.ask(&self.question(Operation::Flush)).unwrap();
        assert_eq!(flushed.site_path, installed.site_path);

        let booted: Booted = self.ask(&self.question(Operation::Boot)).unwrap();
        assert_eq!(booted.core_version, self.facts.core.as_str());
        assert_eq!(booted.site_name, "It's <b>\"é\"</b> & co");
        assert_eq!(booted.site_path, installed.site_path);
        assert_eq!(booted.public_files, format!("sites/{SITE}/files"));
        assert!(booted.installed && !booted.maintenance);

        let link: LoginLink = self.ask(&self.question(Operation::Login { account: 1 })).unwrap();
        assert!(link.url.starts_with(&format!("http://{SITE}:8080/user/reset/1/")), "{}", link.url);
        assert_eq!(link.name, "admin");
        assert_eq!(self.own_link(&link), link.url, "a link made without PHP is another one");

        let requirements: Requirements = self.ask(&self.question(Operation::Requirements)).unwrap();
        let ids: Vec<&str> = requirements.findings.iter().map(|finding| finding.id.as_str()).collect();
        println!("  the status report warns of {ids:?}");
        for unwanted in ["trusted_host_patterns", "update access", "configuration_files", "file system"] {
            assert!(!ids.contains(&unwanted), "{unwanted}");
        }
    }

    /// The address that we make for the moment at which Drupal made `theirs`.
    fn own_link(&self, theirs: &LoginLink) -> String {
        let family = self.facts.family;
        let code = fs::read_to_string(self.facts.docroot.join(login::code(family))).unwrap();
        let form = LinkForm::of_code(&code).expect("the tree's way of making links is known");
        let account = Account::read(&self.rows(&[&login::query(family, 1)])[0]).unwrap();
        assert!(account.is_active && account.name == theirs.name);
        let timestamp = theirs.url.split('/').nth(6).and_then(|text| text.parse().ok()).unwrap();
        let salt = self.question(Operation::Boot).credentials.hash_salt;
        format!("http://{SITE}:8080{}", account.link(form, timestamp, &salt))
    }

    fn packages_on_disk_are_what_drupal_finds(&self) {
        let judged = self.judged();
        let ours: BTreeMap<(String, String), (Option<String>, String)> = self
            .facts
            .loaded("standard", SITE)
            .into_iter()
            .filter(|((kind, _), _)| *kind != PackageKind::ThemeEngine)
            // Drupal 7 and later list the profile in use among the modules.
            .filter(|((kind, name), _)| *kind != PackageKind::Profile || *name == "standard")
            .map(|((kind, name), package)| {
                let kind = if kind == PackageKind::Theme { "theme" } else { "module" };
                ((kind.to_owned(), name.to_owned()), (package.version.clone(), package.path.clone()))
            })
            .collect();
        let theirs: BTreeMap<_, _> = judged
            .iter()
            .filter(|found| !found.path.contains("/tests"))
            .map(|found| ((found.kind.clone(), found.name.clone()), (found.version.clone(), found.path.clone())))
            .collect();
        let differ: Vec<_> = ours
            .keys()
            .chain(theirs.keys())
            .filter(|key| ours.get(*key) != theirs.get(*key))
            .map(|key| format!("{key:?}: ours {:?}, Drupal's {:?}", ours.get(key), theirs.get(key)))
            .collect();
        assert!(differ.is_empty(), "{differ:#?}");
        println!("  {} packages are what Drupal finds", ours.len());
    }

    fn the_inventory_is_what_drupal_says(&self) {
        let inventory = self.inventory();
        assert_eq!(inventory.profile.as_deref(), Some("standard"));
        assert_eq!(inventory.site_name.as_deref(), Some("It's <b>\"é\"</b> & co"));
        assert!(inventory.cron_key.is_some() && inventory.install_time.is_some());
        let ours: BTreeMap<(bool, String), i64> = inventory
            .packages
            .iter()
            .filter(|instance| instance.enabled && instance.kind != PackageKind::ThemeEngine)
            .map(|instance| {
                ((instance.kind == PackageKind::Theme, instance.name.clone()), instance.schema.unwrap_or(-1))
            })
            .collect();
        let theirs: BTreeMap<(bool, String), i64> = self
            .judged()
            .into_iter()
            .filter_map(|found| Some(((found.kind == "theme", found.name), found.schema?)))
            .collect();
        assert_eq!(ours, theirs);
        let versions = inventory.with_code(&self.facts, SITE);
        assert!(versions.iter().any(|instance| instance.version.as_deref() == Some(self.facts.core.as_str())));
        println!("  {} enabled packages are what Drupal says", ours.len());
    }

    fn faults_are_told_apart(&self) {
        let kind = |answer: Result<Value, DriverFault>| answer.expect_err("a fault").kind().cloned();
        assert_eq!(kind(self.ask(&self.install("minimal"))), Some(FaultKind::AlreadyInstalled));
        assert_eq!(kind(self.ask(&self.question(Operation::Login { account: 99 }))), Some(FaultKind::NoAccount));
        let local = self.facts.docroot.join("sites").join(SITE).join("local.settings.php");
        let cases = [
            ("<?php echo 'bye'; exit(0);", FaultKind::Exit),
            ("<?php no_such_function();", FaultKind::PhpError),
            ("<?php throw new Exception('x');", FaultKind::Exception),
        ];
        make_writable(local.parent().unwrap());
        for (code, expected) in cases {
            fs::write(&local, code).unwrap();
            assert_eq!(kind(self.ask(&self.question(Operation::Boot))), Some(expected), "{code}");
        }
        fs::write(&local, "<?php echo $nothing; file_put_contents('php://stdout', 'noise');").unwrap();
        self.ask::<Booted>(&self.question(Operation::Boot)).unwrap();
        fs::remove_file(&local).unwrap();
        fs::remove_file(self.database()).unwrap();
        assert_eq!(kind(self.ask(&self.install("no_such_profile"))), Some(FaultKind::UnknownProfile));
        assert_eq!(kind(self.ask(&self.question(Operation::Boot))), Some(FaultKind::NotInstalled));
        let mut question = self.question(Operation::Boot);
        question.credentials.db_name = "/nowhere/at/all.sqlite".into();
        assert_eq!(kind(self.ask(&question)), Some(FaultKind::DatabaseUnreachable));
    }

    fn judged(&self) -> Vec<Judged> {
        let script = match self.facts.family {
            Family::Seven => "judge/seven.php",
            Family::Eight => "judge/eight.php",
        };
        let answer: Value = self.run(script, &self.question(Operation::Boot)).unwrap();
        for (file, theirs) in answer["infos"].as_object().into_iter().flatten() {
            let ours = Info::read(&String::from_utf8_lossy(&fs::read(self.facts.docroot.join(file)).unwrap()));
            assert!(same(&ours, theirs), "{file}: {ours:?} is not {theirs}");
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        answer["found"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| Judged {
                kind: text(&found[0]).unwrap(),
                name: text(&found[1]).unwrap(),
                version: text(&found[2]),
                path: text(&found[3]).unwrap(),
                schema: found[4].as_i64(),
            })
            .collect()
    }

    fn inventory(&self) -> Inventory {
        let family = self.facts.family;
        inventory::read(family, &self.rows(inventory::queries(family))).unwrap()
    }

    /// The rows of each query, from the site's database.
    fn rows(&self, queries: &[impl AsRef<str>]) -> Vec<Vec<Row>> {
        let mut php = program("php")
            .arg(self.folder.path().join("php/judge/rows.php"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let queries: Vec<&str> = queries.iter().map(AsRef::as_ref).collect();
        let asked = json!({ "file": self.database(), "queries": queries });
        php.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        let output = php.wait_with_output().unwrap();
        let rows: Vec<Vec<Vec<Option<String>>>> = serde_json::from_slice(&output.stdout).unwrap();
        rows.into_iter()
            .map(|rows| rows.into_iter().map(|row| row.into_iter().map(|hex| hex.map(from_hex)).collect()).collect())
            .collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Drupal takes the write bit off the site's directory.
        make_writable(&self.facts.docroot.join("sites").join(SITE));
    }
}

struct Judged {
    kind: String,
    name: String,
    version: Option<String>,
    path: String,
    /// `None`: not enabled; -1: enabled, without a schema.
    schema: Option<i64>,
}

/// Whether PHP's array is what we read. Constants of PHP stand for their values there.
fn same(ours: &Info, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Info::Text(ours), _) if theirs.as_str() == Some(ours) => true,
        (Info::Text(ours), _) => ours.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
        (Info::Keys(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && theirs
                    .iter()
                    .enumerate()
                    .all(|(at, value)| ours.get(&at.to_string()).is_some_and(|ours| same(ours, value)))
        }
        (Info::Keys(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && theirs.iter().all(|(key, value)| ours.get(key).is_some_and(|ours| same(ours, value)))
        }
        _ => false,
    }
}

fn from_hex(text: String) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn make_writable(folder: &Path) {
    let _ = program("chmod").args(["-R", "u+w"]).arg(folder).status();
}

#[allow(clippy::disallowed_methods, reason = "real Drupal needs a real PHP; only in this test")]
fn program(name: &str) -> Command {
    Command::new(name)
}

#[allow(clippy::disallowed_methods, reason = "the folder of real code bases is a matter of the machine")]
fn trees() -> Vec<PathBuf> {
    let Ok(folder) = std::env::var("AEGIR_TEST_PLATFORMS") else {
        println!("skipped: AEGIR_TEST_PLATFORMS names no folder of code bases");
        return Vec::new();
    };
    let mut trees: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    trees.sort();
    trees.retain(|tree| {
        let drupal = platform::read(tree);
        if let Err(fault) = &drupal {
            println!("skipped: {fault}");
        }
        drupal.is_ok()
    });
    trees
}

/// A site that has all that came with the core of `tree`, at its latest schema.
fn site_of(tree: &PlatformFacts) -> SiteSide {
    let loaded = tree.loaded("minimal", SITE);
    let code = |package: &&PackageCode| tree.code(package);
    let packages = loaded.values().filter(|package| package.reach == Reach::Core && !package.hidden).map(code);
    let packages = packages.filter(|code| code.package.kind != PackageKind::Profile || code.package.name == "minimal");
    let instance = |code: Code| Instance {
        kind: code.package.kind,
        enabled: true,
        schema: code.package.schema.max(code.requires.updates_since),
        version: code.package.version,
        path: Some(code.package.path),
        reach: Some(code.package.reach),
        name: code.package.name,
    };
    SiteSide {
        name: SITE.parse().unwrap(),
        core: tree.core.to_string(),
        profile: "minimal".into(),
        profile_code: None,
        packages: packages.map(instance).collect(),
        own: Vec::new(),
    }
}

#[test]
fn a_site_of_each_tree_goes_to_a_later_one_of_its_kind_and_to_no_other() {
    let trees: Vec<PlatformFacts> = trees().iter().map(|tree| platform::read(tree).unwrap()).collect();
    for from in &trees {
        for to in &trees {
            let packages = to.loaded("minimal", "").into_values().map(|package| to.code(package)).collect();
            let there = PlatformSide {
                name: "there".parse().unwrap(),
                core: to.core.to_string(),
                php_minimum: to.php_minimum.clone(),
                php: Some("8.3.0".into()),
                packages,
                obstacles: Vec::new(),
            };

            let fit = compare(&site_of(from), &there, &Default::default());

            let told = || fit.reasons(Verdict::Error).map(|(of, why)| (of.map(|of| &of.name), why)).collect::<Vec<_>>();
            let major = to.core.major().saturating_sub(from.core.major());
            let may_go = from.family == to.family && from.core <= to.core && major < 2;
            // What core gave away between two major versions is missing, and no more than that.
            let is_lost = |why: &Reason| matches!(why, Reason::Missing { .. } | Reason::DependencyMissing { .. });
            let allowed = fit.is_allowed() || major == 1 && told().iter().all(|(_, why)| is_lost(why));
            assert_eq!(allowed, may_go, "{} to {}: {:?}", from.core, to.core, told());
            if from.core == to.core {
                assert_eq!(fit.verdict, Verdict::Fits, "{}: {:?}", from.core, fit);
            }
            println!("{} to {}: {}", from.core, to.core, fit.verdict.as_str());
        }
    }
}
