//! The main job, as the README tells it: three sites on a platform, opened, logged into, verified, one deleted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use aegir_provision::read_journal;
use aegir_recipe::Record;

use super::said::Said;
use super::web::{get, is_used, log_in};
use super::world::World;
use super::{Lab, kill, spawn, until, within};

/// A site that was installed.
pub struct Site {
    pub name: String,
    pub title: String,
    /// The name of its database.
    pub database: String,
    /// What the install printed.
    pub said: Said,
}

/// A server whose sites have SQLite.
pub fn save_sqlite_server(lab: &Lab) {
    lab.provision(&["save", "@server_files", "--db", "sqlite"]).done();
    lab.provision(&["verify", "@server_files"]).done();
}

/// A one-time link logs in the first administrator of a site, and does so once.
pub fn lets_in(lab: &Lab, site: &str, link: &str) {
    // Drupal knows a used link by the time of the login, to the second: one used within its own second is as new.
    std::thread::sleep(Duration::from_millis(1100));
    let page = log_in(lab.up().listen(), link);
    assert_eq!(page.status, 200, "{site}: {}", page.body);
    let signs = ["You have just used your one-time login link", "user/1/edit", "/user/logout"];
    let is_in = signs.iter().any(|sign| page.body.contains(sign));
    assert!(is_in, "{site}: the page is not that of an account:\n{}", page.body);
    assert!(!page.body.contains("open_basedir"), "{site}: PHP warns on the page:\n{}", page.body);
    assert!(is_used(lab.up().listen(), link), "{site}: a link works a second time");
}

impl Site {
    /// Installs a site; without a profile, it gets the platform's own.
    pub fn install(lab: &Lab, name: &str, platform: &str, db_server: &str, profile: Option<&str>) -> Site {
        let (at, title) = (format!("@{name}"), format!("The \"{name}\" & more"));
        let mut words = vec!["install", &at, "--platform", platform, "--db-server", db_server, "--title", &title];
        words.extend(profile.into_iter().flat_map(|profile| ["--profile", profile]));
        let said = lab.provision(&words).done().says("Log in once with http://");
        let shown = lab.provision(&["show", &at, "--json"]).done();
        let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
        let database = context["database"]["name"].as_str().unwrap().to_owned();
        Site { name: name.into(), title, database, said }
    }

    fn at(&self) -> String {
        format!("@{}", self.name)
    }

    /// Its front page answers, with its title.
    pub fn answers(&self, lab: &Lab) {
        let page = get(lab.up().listen(), &self.name, "/");
        assert_eq!(page.status, 200, "{}: {}", self.name, page.body);
        assert!(page.title().contains(&self.title), "{}: {}", self.name, page.title());
        assert!(!page.body.contains("open_basedir"), "{}: visitors see a warning of PHP:\n{}", self.name, page.body);
    }

    /// A fresh link logs its first administrator in.
    pub fn lets_in(&self, lab: &Lab) {
        let link = lab.provision(&["login", &self.at()]).done().out;
        assert_eq!(link.trim().lines().count(), 1, "only the link is printed: {link}");
        self::lets_in(lab, &self.name, &link);
    }

    /// Verify finds nothing to change.
    pub fn is_as_it_should_be(&self, lab: &Lab) {
        lab.provision(&["verify", &self.at()]).done().changed_nothing();
        lab.provision(&["verify", &self.at(), "--fail-if-unchanged"]).ends(3);
    }

    /// What there is of it once nothing moves: Drupal runs cron behind the last page that it gave.
    pub fn at_rest(&self, lab: &Lab) -> World {
        let seen = || World::of_site(lab, &self.name, &self.database);
        let mut world = seen();
        within(Duration::from_secs(60), &format!("nothing moves in {}", self.name), || {
            std::thread::sleep(Duration::from_millis(300));
            let now = seen();
            let rests = now == world;
            world = now;
            rests
        });
        world
    }

    /// Deletes it; `others` stay as they are, and go on answering.
    pub fn is_deleted_alone(&self, lab: &Lab, sites: &Path, others: &[&Site]) {
        let before: Vec<World> = others.iter().map(|site| site.at_rest(lab)).collect();

        lab.delete(&self.name);

        for (site, before) in others.iter().zip(before) {
            World::of_site(lab, &site.name, &site.database).must_be(&before);
            site.answers(lab);
        }
        assert!(!sites.join(&self.name).exists());
        let trash = fs::read_dir(sites.join(".aegir-trash")).unwrap().flatten();
        let mut trash = trash.map(|entry| entry.path());
        let name = format!("{}-", self.name);
        let aside = trash.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(&name));
        assert!(aside.expect("its files lie in the trash").join("settings.php").exists());
        assert!(!lab.up().sql("SHOW DATABASES").contains(&self.database));
        assert!(!lab.home().join("databases").join(&self.database).exists());
        lab.provision(&["show", &self.at()]).ends(1);
        let page = get(lab.up().listen(), &self.name, "/");
        assert!(!page.body.contains(&self.title), "{}: {}", page.status, page.body);
    }
}

/// The whole story on the platform `name`, whose document root is `root`. `standard` and `minimal` are the
/// profiles to take; without one, the platform's own.
pub fn three_sites(lab: &Lab, name: &str, root: &Path, standard: Option<&str>, minimal: Option<&str>) {
    let domain = format!("{}.localhost", name.replace('_', "-"));
    let install =
        |label: &str, server: &str, profile| Site::install(lab, &format!("{label}.{domain}"), name, server, profile);
    let one = install("one", "localhost", standard);
    let two = install("two", "localhost", standard);
    let three = install("three", "files", minimal);
    for site in [&one, &two, &three] {
        site.answers(lab);
        site.lets_in(lab);
        site.is_as_it_should_be(lab);
    }
    lab.provision(&["verify", "@server_localhost"]).done().changed_nothing();
    lab.provision(&["verify", &format!("@platform_{name}")]).done().changed_nothing();
    one.is_deleted_alone(lab, &root.join("sites"), &[&two, &three]);
}

/// Begins `words` by hand, waits until the recipe's line `line` begins, lets `then` happen, and gives the
/// process that follows and the attempt's folder.
pub fn at_line(lab: &Lab, words: &[&str], line: &str) -> (Child, PathBuf) {
    let known = attempts(lab);
    let child = lab.begin(words);
    let mut folder = None;
    let begun = format!("\"name\":\"{line}\",\"phase\":\"doing\"");
    within(Duration::from_secs(120), &format!("`{line}` begins"), || {
        folder = attempts(lab).into_iter().find(|path| !known.contains(path));
        let events = folder.as_ref().and_then(|folder| fs::read_to_string(folder.join("events")).ok());
        events.is_some_and(|events| {
            assert!(!events.contains("\"type\":\"result\""), "it ended before `{line}`:\n{events}");
            events.contains(&begun)
        })
    });
    (child, folder.unwrap())
}

/// Begins `words` by hand, kills who follows and who works once `line` begins, and has that recovered: nothing of it
/// happened, and the site answers.
pub fn a_kill_is_taken_back(lab: &Lab, site: &Site, words: &[&str], line: &str) {
    let before = World::of(lab);
    let (mut follower, folder) = at_line(lab, words, line);
    follower.kill().unwrap();
    kill(worker_of(&folder));
    follower.wait().unwrap();

    lab.provision(&["recover"]).done();

    World::of(lab).must_be(&before);
    site.answers(lab);
}

/// Types `words`, which go well and make a former self; then the site goes back, and that is let go of. All of it twice:
/// the first time, folders are made that stay. Gives the folder of the second attempt. `now` is what the site is called
/// in between.
pub fn goes_well_and_back(lab: &Lab, site: &Site, words: &[&str], now: &str) -> PathBuf {
    let mut went_well = PathBuf::new();
    for _ in 0..2 {
        lab.provision(words).done();
        went_well = lab.newest_attempt();
        lab.provision(&["go-back", &format!("@{now}")]).done();
        let shown = lab.provision(&["show", &site.at(), "--json"]).done();
        let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
        for former in context["formers"].as_array().unwrap() {
            lab.provision(&["drop-formers", &site.at(), "--former", former["name"].as_str().unwrap()]).done();
        }
    }
    site.answers(lab);
    went_well
}

/// Where a line stands in the journal of an attempt that ended: the numbers of the records by which it begins and by
/// which it is done. The first such line, if there are several.
pub fn records_of(folder: &Path, line: &str) -> [usize; 2] {
    let records = read_journal(&folder.join("journal")).unwrap();
    let begun = records.iter().position(|record| matches!(record, Record::Begun { name, .. } if name == line));
    let begun = begun.unwrap_or_else(|| panic!("`{line}` is in {}: {records:?}", folder.display()));
    let Record::Begun { line: place, .. } = &records[begun] else { unreachable!() };
    let done = records.iter().position(|record| matches!(record, Record::Done { line } if line == place)).unwrap();
    [begun + 1, done + 1]
}

/// Begins `words` by hand, and kills who follows; who works dies once `line` began and before it acts, and another time
/// once it acted and before that is written down. Nothing of it happened, and the site answers.
///
/// For lines that are too quick for a kill from outside: the records' numbers are those of an attempt that went well.
pub fn a_kill_at_its_records_is_taken_back(lab: &Lab, site: &Site, words: &[&str], line: &str, went_well: &Path) {
    let [begun, done] = records_of(went_well, line);
    for boundary in [format!("after:{begun}"), format!("before:{done}")] {
        let before = World::of(lab);
        let known = attempts(lab);
        let mut typed = lab.line(words);
        typed.env("AEGIR_DRILL", &boundary).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut follower = spawn(&mut typed);
        let mut folder = None;
        until("somebody works on it", || {
            folder = attempts(lab).into_iter().find(|path| !known.contains(path) && path.join("journal").exists());
            folder.is_some()
        });
        follower.kill().unwrap();
        follower.wait().unwrap();
        let folder = folder.unwrap();
        until("who works is dead", || worker_if_any(&folder).is_none());
        let records = read_journal(&folder.join("journal")).unwrap();
        // The line that is begun and not done.
        let last = records.iter().rev().find(|record| !matches!(record, Record::Program(_)));
        let last = last.and_then(|record| match record {
            Record::Begun { name, .. } => Some(name.as_str()),
            _ => None,
        });
        assert_eq!(last, Some(line), "{boundary}: {records:?}");

        let id = folder.file_name().unwrap().to_string_lossy().into_owned();
        lab.provision(&["recover"]).done().says(&format!("{id}: taken back"));

        World::of(lab).must_be(&before);
        site.answers(lab);
    }
}

/// The folders of all attempts.
pub fn attempts(lab: &Lab) -> Vec<PathBuf> {
    let Ok(tasks) = fs::read_dir(lab.home().join("tasks")) else { return Vec::new() };
    tasks.flatten().map(|entry| entry.path()).filter(|path| path.join("request").exists()).collect()
}

/// The process that works on the attempt in `folder`.
pub fn worker_of(folder: &Path) -> u32 {
    worker_if_any(folder).expect("a worker is at it")
}

/// The same, if there is one.
pub fn worker_if_any(folder: &Path) -> Option<u32> {
    let id = folder.file_name().unwrap().to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let words = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let is_worker = |pid: &u32| {
        let words = String::from_utf8_lossy(&words(*pid)).replace('\0', " ");
        words.contains(&format!("provision worker {id}"))
    };
    pids.into_iter().find(is_worker)
}

/// An install, killed with its follower while Drupal's installer runs, is taken back by `recover`.
pub fn a_killed_install_is_recovered(lab: &Lab, words: &[&str], into: Duration) {
    let before = World::of(lab);
    let (mut follower, folder) = at_line(lab, words, "run-installer");
    std::thread::sleep(into);
    follower.kill().unwrap();
    kill(worker_of(&folder));
    follower.wait().unwrap();
    let id = folder.file_name().unwrap().to_string_lossy().into_owned();

    let said = lab.provision(&["recover"]).done();

    assert!(said.out.contains(&format!("{id}: taken back")), "{}", said.all());
    World::of(lab).must_be(&before);
    lab.provision(&["recover"]).done().says("Nothing was left to recover");
}
