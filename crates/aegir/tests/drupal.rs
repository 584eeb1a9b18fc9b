//! The main job on real Drupal: for every tree in the folder that `AEGIR_TEST_PLATFORMS` names.
//!
//! Each tree is copied and never written to. A tree is a document root, or a project with one in `web/`,
//! `docroot/` or `html/`. A line for each tree and story; the last one counts. nginx has all
//! stories of one tree, Apache the main job; of sites that move and get other names, those in SQLite are on Apache.
//! `AEGIR_TEST_HTTP` names one of them for all. `AEGIR_TEST_STORY` takes the stories alone whose line holds it.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

#[path = "drupal/content.rs"]
mod content;
#[path = "drupal/drush.rs"]
mod drush;
#[path = "drupal/moves.rs"]
mod moves;
#[path = "drupal/restores.rs"]
mod restores;
mod support;
#[path = "drupal/updates.rs"]
mod updates;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use content::{Content, Key};
use support::by_hand::{BY_HAND, is_copied_well, is_taken_in_well, made_by_hand};
use support::in_default::leaves_default_well;
use support::let_go::{AsItWas, is_let_go_of_well};
use support::real::{Asked, Real, put_back_by_hand};
use support::said::Said;
use support::story::{a_killed_install_is_recovered, save_sqlite_server, three_sites};
use support::translations::{fetch_from, translation_server};
use support::world::World;
use support::{Lab, free_port, run, way};

const PLATFORM: &str = "the platform is saved and verified";
const FOLDERS: [&str; 4] = [".", "web", "docroot", "html"];

#[test]
fn the_main_job_is_done_on_every_tree() {
    let Some(folder) = std::env::var_os("AEGIR_TEST_PLATFORMS").filter(|folder| !folder.is_empty()) else {
        eprintln!("skipped: AEGIR_TEST_PLATFORMS names no folder of Drupal trees");
        return;
    };
    let mut trees: Vec<PathBuf> = fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()).collect();
    trees.sort_unstable();
    trees.retain(|tree| tree.is_dir());
    assert!(!trees.is_empty(), "no folder lies in {}", Path::new(&folder).display());

    let (mut passed, mut failed) = (0, 0);
    let mut releases = Vec::new();
    for tree in trees {
        let name = tree.file_name().unwrap().to_string_lossy().into_owned();
        let Some(inside) = FOLDERS.iter().find(|inside| tree.join(inside).join("index.php").exists()) else {
            println!("{name}: skipped: there is no index.php in it, nor in its web, docroot or html");
            continue;
        };
        releases.extend(moves::Release::of(&tree, inside));
        let only = std::env::var("AEGIR_TEST_STORY").unwrap_or_default();
        let mut told = |story: &str, tell: &mut dyn FnMut()| {
            // The platform is what the others stand on, if any of them is told at all.
            if !story.contains(&only) && (!story.ends_with(PLATFORM) || moves::are_told_apart(&only)) {
                return;
            }
            let began = Instant::now();
            let ended = catch_unwind(AssertUnwindSafe(tell));
            let took = began.elapsed().as_secs_f32();
            match ended {
                Ok(()) => {
                    passed += 1;
                    println!("{name}: {story}: passed ({took:.1} s)");
                }
                Err(_) => {
                    failed += 1;
                    println!("{name}: {story}: FAILED ({took:.1} s)");
                }
            }
            // Read by a person who waits.
            use std::io::Write;
            let _ = std::io::stdout().flush();
        };
        for (place, http) in http_servers().iter().enumerate() {
            let on = |story: &str| format!("{http}: {story}");
            let mut stage = None;
            told(&on(PLATFORM), &mut || stage = Some(Stage::set(&tree, &name, inside, http)));
            let Some(stage) = &stage else { continue };
            told(&on("three sites, opened, logged into, verified, one deleted"), &mut || stage.three_sites());
            if place > 0 {
                continue;
            }
            told(&on("Drupal has the language, time zone, name, account and mail that were asked for"), &mut || {
                stage.asked()
            });
            told(&on("an upload lands, has a derivative, and what is private is denied"), &mut || stage.visited());
            told(&on("a package of the platform stays, whoever has caches built"), &mut || stage.keeps_packages());
            told(&on("after Drupal's status report has hardened modes, verify and delete work"), &mut || {
                stage.hardened()
            });
            told(&on("a site is backed up, the backup tried, and put back by hand as the manual says"), &mut || {
                stage.backed_up()
            });
            told(&on("a site is restored with what it held, in its place and where it is gone"), &mut || {
                stage.restored()
            });
            told(&on("a module of a site's own gets updates in place, which run there, and it goes back"), &mut || {
                stage.updated();
            });
            told(&on("its own Drush works, typed as `aegir drush`, by itself, and by an alias"), &mut || stage.drush());
            told(
                &on("a site made by hand is copied and only read, and taken in, and is one like any other"),
                &mut || stage.taken_in(),
            );
            told(&on("a site made by hand in sites/default is taken in under a name, with its picture"), &mut || {
                stage.leaves_default();
            });
            told(&on("an install killed in the middle is as if it had never begun"), &mut || stage.killed());
            told(&on("an install killed at records of its journal is all or nothing"), &mut || {
                stage.killed_at_records()
            });
        }
    }

    let (moved, stayed) = moves::to_later_releases(&releases);
    let (named, unnamed) = moves::to_other_names(&releases);
    println!("\n{} passed, {} failed", passed + moved + named, failed + stayed + unnamed);
    assert_eq!(failed + stayed + unnamed, 0);
}

/// The web servers to take; the first has all stories of one tree.
fn http_servers() -> Vec<&'static str> {
    match std::env::var_os("AEGIR_TEST_HTTP") {
        Some(_) => vec![support::http()],
        None => vec!["nginx", "apache"],
    }
}

/// A lab with a copy of one tree.
struct Stage {
    lab: Lab,
    root: PathBuf,
    standard: Option<&'static str>,
    minimal: Option<&'static str>,
}

impl Stage {
    fn set(tree: &Path, name: &str, inside: &str, http: &'static str) -> Stage {
        let lab = Lab::start_on(way(), http);
        save_sqlite_server(&lab);
        let copy = lab.home().join("platforms/tree");
        run(Command::new("cp").arg("-a").arg(fs::canonicalize(tree).unwrap()).arg(&copy));
        lab.give(&copy);
        let root = fs::canonicalize(copy.join(inside)).unwrap();
        lab.save_platform("tree", &root);
        let (standard, minimal) = (profile(&root, name, "standard"), profile(&root, name, "minimal"));
        Stage { lab, root, standard, minimal }
    }

    fn real(&self) -> Real<'_> {
        Real { lab: &self.lab, name: "tree", root: &self.root }
    }

    fn three_sites(&self) {
        three_sites(&self.lab, "tree", &self.root, self.standard, self.minimal);
    }

    /// From a file beside the code, from a server, and refused where there is neither.
    fn asked(&self) {
        let real = self.real();
        let of = |site, db_server, profile, language| Asked { site, db_server, profile, language };
        fetch_from(&self.lab, &format!("127.0.0.1:{}", free_port()));
        real.refuses(&of("none.tree.localhost", "files", self.minimal, "fr"), "no translation of Drupal");
        if let Some(standard) = self.standard {
            real.has_german(standard);
            let german = real.installs_what_is_asked(&of("german.tree.localhost", "files", Some(standard), "de"));
            german.answers(&self.lab);
            german.is_as_it_should_be(&self.lab);
            let says = real.drupal_says(&german.name, &[]);
            assert_eq!(says["log_in"], "Hereinspaziert", "the translation is in use");
            self.lab.delete("german.tree.localhost");
        }
        let (at, asked) = translation_server(support::real::GERMAN);
        fetch_from(&self.lab, &at.to_string());
        let french = of("french.tree.localhost", "localhost", self.minimal, "fr");
        if real.is_seven() {
            real.refuses(&french, "Drupal 7 fetches none");
            return;
        }
        let french = real.installs_what_is_asked(&french);
        french.answers(&self.lab);
        assert!(asked.lock().unwrap().iter().any(|line| line.starts_with("GET ")), "{asked:?}");
        self.lab.delete("french.tree.localhost");
    }

    fn taken_in(&self) {
        let prefix = if self.root.join("core").exists() { "old_" } else { "" };
        if self.standard.is_none() {
            println!("the tree has no profile `standard`, so no site is made by hand");
            return;
        }
        let folder = made_by_hand(&self.lab, &self.root, "tree", "hand.tree.localhost", prefix);
        let copied = is_copied_well(&self.lab, &folder, "copied.tree.localhost", "@tree", &[]);
        let words = ["import", "copied.tree.localhost", "--switch", "--although-live"];
        self.lab.provision(&words).done().says("is a copy no more");
        copied.answers(&self.lab);
        copied.is_as_it_should_be(&self.lab);
        self.lab.is_taken_out("copied.tree.localhost");
        self.lab.provision(&["delete", "@copied.tree.localhost", "--confirm=copied.tree.localhost"]).done();
        let before = AsItWas::of(&self.lab, &self.root, BY_HAND, prefix);
        let site = is_taken_in_well(&self.lab, "hand.tree.localhost");
        is_let_go_of_well(&self.lab, &self.root, &site, &before);
        self.lab.provision(&["import", "hand.tree.localhost"]).done();
        self.lab.provision(&["backup", "@hand.tree.localhost"]).done();
        self.lab.is_taken_out("hand.tree.localhost");
        self.lab.provision(&["delete", "@hand.tree.localhost", "--confirm=hand.tree.localhost"]).done();
    }

    fn leaves_default(&self) {
        if self.standard.is_none() {
            println!("the tree has no profile `standard`, so no site is made by hand");
            return;
        }
        let prefix = if self.root.join("core").exists() { "old_" } else { "" };
        leaves_default_well(&self.lab, &self.root, "www.tree.localhost", prefix);
    }

    fn visited(&self) {
        let real = self.real();
        let english =
            |site, db_server, profile| real.installs_what_is_asked(&Asked { site, db_server, profile, language: "en" });
        let site = english("visited.tree.localhost", "files", self.standard);
        let other = english("other.tree.localhost", "localhost", self.minimal);
        match self.standard {
            Some(_) => real.takes_a_picture(&site),
            None => println!("the tree has no profile `standard`, so no picture is uploaded"),
        }
        real.denies(&site, &other);
        real.denies(&other, &site);
        for site in [&site, &other] {
            site.answers(&self.lab);
            site.lets_in(&self.lab);
            site.is_as_it_should_be(&self.lab);
        }
    }

    fn keeps_packages(&self) {
        let real = self.real();
        let asked =
            Asked { site: "packages.tree.localhost", db_server: "localhost", profile: self.minimal, language: "en" };
        let site = real.installs_what_is_asked(&asked);
        real.keeps_its_packages(&site);
        self.lab.delete("packages.tree.localhost");
    }

    fn hardened(&self) {
        let real = self.real();
        let asked =
            Asked { site: "hard.tree.localhost", db_server: "localhost", profile: self.minimal, language: "en" };
        let site = real.installs_what_is_asked(&asked);
        real.is_hardened(&site);
        let said = self.lab.provision(&["verify", "@hard.tree.localhost"]).done();
        assert!(said.out.contains("Changed: "), "{}", said.all());
        site.is_as_it_should_be(&self.lab);
        site.answers(&self.lab);
        real.is_hardened(&site);
        site.is_deleted_alone(&self.lab, &self.root.join("sites"), &[]);
    }

    /// In a database of a server and in one that is a file.
    fn backed_up(&self) {
        for server in ["localhost", "files"] {
            let name = format!("{server}.backed-up.localhost");
            let real = self.real();
            let asked = Asked { site: &name, db_server: server, profile: self.standard, language: "en" };
            let site = real.installs_what_is_asked(&asked);
            let content = self.standard.map(|_| Content::put(&real, &site));
            site.answers(&self.lab);
            let upload = self.root.join("sites").join(&name).join("files/upload.txt");
            fs::write(&upload, "an upload").unwrap();
            self.lab.give(&upload);
            let said = self.lab.provision(&["backup", &format!("@{name}")]).done();
            let backup = said.out.split('`').find(|word| word.ends_with(".tar.zst")).unwrap();
            let before = site.at_rest(&self.lab);

            let file_name = Path::new(backup).file_name().unwrap().to_string_lossy().into_owned();
            self.lab.provision(&["backup-verify", &file_name]).done().says("front page answers 200");

            World::of_site(&self.lab, &name, &site.database).must_be(&before);
            put_back_by_hand(&self.lab, &site, "tree", server, Path::new(backup));
            site.answers(&self.lab);
            assert_eq!(fs::read_to_string(&upload).unwrap(), "an upload");
            // A site that was made anew by hand has a salt of its own.
            let key = if server == "files" { Key::Same } else { Key::Another };
            if let Some(content) = content {
                content.is_there(&real, &name, key);
            }
            site.lets_in(&self.lab);
            self.lab.delete(&name);
            self.lab.provision(&["backup-delete", &file_name]).done();
        }
    }

    fn restored(&self) {
        let Some(standard) = self.standard else {
            println!("the tree has no profile `standard`, so no picture is uploaded and restored");
            return;
        };
        for server in ["localhost", "files"] {
            restores::with_what_it_held(&self.real(), server, standard);
        }
    }

    fn updated(&self) {
        for db_server in ["localhost", "files"] {
            updates::in_place(&self.real(), db_server, self.minimal);
        }
    }

    fn drush(&self) {
        drush::works(&self.real(), &fs::canonicalize(self.lab.home().join("platforms/tree")).unwrap(), self.minimal);
    }

    fn install<'a>(&'a self, at: &'a str) -> Vec<&'a str> {
        let mut words = vec!["install", at, "--platform", "tree", "--db-server", "localhost"];
        words.extend(self.minimal.into_iter().flat_map(|profile| ["--profile", profile]));
        words
    }

    fn killed(&self) {
        let mut words = vec!["install", "@killed.localhost", "--platform", "tree", "--db-server", "localhost"];
        words.extend(self.standard.into_iter().flat_map(|profile| ["--profile", profile]));
        a_killed_install_is_recovered(&self.lab, &words, Duration::from_secs(1));
    }

    /// At every eleventh record by default; `AEGIR_PROOFS=all` takes each.
    fn killed_at_records(&self) {
        let every = if std::env::var("AEGIR_PROOFS").as_deref() == Ok("all") { 1 } else { 11 };
        let words = self.install("@k.tree.localhost");
        let before = World::of(&self.lab);
        let (mut taken_back, mut carried_on) = (0, 0);
        for record in (1..).step_by(every) {
            let boundary = format!("after:{record}");
            let mut line = self.lab.line(&words);
            let said = Said::of(line.env("AEGIR_DRILL", &boundary).stdin(Stdio::null()), &words);
            let reached = said.err.contains("another one takes over");
            match said.code {
                7 | 4 => taken_back += 1,
                0 => {
                    carried_on += 1;
                    self.lab.provision(&["verify", "@k.tree.localhost"]).done().changed_nothing();
                    self.lab.delete("k.tree.localhost");
                }
                _ => panic!("{boundary}: {}", said.all()),
            }
            self.lab.provision(&["recover"]).done();
            if !reached {
                break;
            }
            if said.code != 0 {
                World::of(&self.lab).must_be(&before);
            }
        }
        assert!(taken_back > 0 && carried_on > 0, "{taken_back} taken back, {carried_on} carried on");
    }
}

/// The profile, if the tree has it; says so if not.
fn profile(root: &Path, tree: &str, profile: &'static str) -> Option<&'static str> {
    let has = ["profiles", "core/profiles"].iter().any(|folder| root.join(folder).join(profile).is_dir());
    if !has {
        println!("{tree}: has no profile `{profile}`: its own default is taken");
    }
    has.then_some(profile)
}
