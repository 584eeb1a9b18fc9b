//! The main job on real Drupal: for every tree in the folder that `AEGIR_TEST_PLATFORMS` names.
//!
//! Each tree is copied and never written to. A tree is a document root, or a project with one in `web/`,
//! `docroot/` or `html/`. A line for each tree and story; the last one counts.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

mod support;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::story::{a_killed_install_is_recovered, save_sqlite_server, three_sites};
use support::{Lab, run, way};

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
    for tree in trees {
        let name = tree.file_name().unwrap().to_string_lossy().into_owned();
        let Some(inside) = FOLDERS.iter().find(|inside| tree.join(inside).join("index.php").exists()) else {
            println!("{name}: skipped: there is no index.php in it, nor in its web, docroot or html");
            continue;
        };
        let mut told = |story: &str, tell: &mut dyn FnMut()| {
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
        let mut stage = None;
        told("the platform is saved and verified", &mut || stage = Some(Stage::set(&tree, &name, inside)));
        let Some(stage) = &stage else { continue };
        told("three sites, opened, logged into, verified, one deleted", &mut || stage.three_sites());
        told("an install killed in the middle is as if it had never begun", &mut || stage.killed());
    }

    println!("\n{passed} passed, {failed} failed");
    assert_eq!(failed, 0);
}

/// A lab with a copy of one tree.
struct Stage {
    lab: Lab,
    root: PathBuf,
    standard: Option<&'static str>,
    minimal: Option<&'static str>,
}

impl Stage {
    fn set(tree: &Path, name: &str, inside: &str) -> Stage {
        let lab = Lab::start(way());
        save_sqlite_server(&lab);
        let copy = lab.home().join("platforms/tree");
        run(Command::new("cp").arg("-a").arg(tree).arg(&copy));
        lab.give(&copy);
        let root = fs::canonicalize(copy.join(inside)).unwrap();
        lab.save_platform("tree", &root);
        let (standard, minimal) = (profile(&root, name, "standard"), profile(&root, name, "minimal"));
        Stage { lab, root, standard, minimal }
    }

    fn three_sites(&self) {
        three_sites(&self.lab, "tree", &self.root, self.standard, self.minimal);
    }

    fn killed(&self) {
        let mut words = vec!["install", "@killed.localhost", "--platform", "tree", "--db-server", "localhost"];
        words.extend(self.standard.into_iter().flat_map(|profile| ["--profile", profile]));
        a_killed_install_is_recovered(&self.lab, &words, Duration::from_secs(1));
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
