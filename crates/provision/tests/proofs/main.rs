//! Every task happens completely, or leaves the world as it was: proved on the fake host.
//!
//! One file for each kind of task; what is proved of each scene is told at `aegir_lab::proof`. The files
//! in `lines/` are what each task does, line by line, and how it is taken back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::disallowed_methods, reason = "archives are made and read by the programs that others have")]

mod answers;
mod backup_site;
mod build_platform;
mod clone_site;
mod compare;
mod cost;
mod cron;
mod custom;
mod delete_backup;
mod delete_platform;
mod delete_site;
mod disable_site;
mod drop_formers;
mod eject_site;
mod enable_site;
mod forget_context;
mod go_back_site;
mod half_marks;
mod hooks;
mod import_copy;
mod import_default;
mod import_site;
mod install_site;
mod keep_as_archive;
mod log;
mod login;
mod meanwhile;
mod migrate_site;
mod platform_archives;
mod platform_make_file;
mod platform_sources;
mod rebuild_caches;
mod received;
mod refresh_copy;
mod rename_site;
mod restore_backup;
mod restore_platform;
mod save_context;
mod trash;
mod update_site;
mod verify_backup;
mod verify_platform;
mod verify_server;
mod verify_site;

use std::fs;
use std::path::{Path, PathBuf};

use aegir_domain::{Context, SiteContext, Task};
use aegir_lab::{Code, Lab};

/// Started again by the proofs; see `aegir_lab::proof`.
#[test]
fn a_worker_that_dies_has_a_process_of_its_own() {
    aegir_lab::proof::die_as_asked();
}

fn lines(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proofs/lines").join(format!("{name}.txt"))
}

/// A server, a platform of Drupal 7 and one of Drupal 10.
fn two_platforms(lab: &Lab) {
    lab.server("localhost");
    lab.platform("seven", Code::Seven);
    lab.platform("ten", Code::Ten);
}

/// Platforms with a release and a later one, and on `on` a site with an upload, beside another one.
fn a_site_beside_another(lab: &Lab, on: &str) {
    two_platforms(lab);
    lab.platform("later_seven", Code::LaterSeven);
    lab.platform("later_ten", Code::LaterTen);
    lab.install("other.test", on);
    lab.install("a.test", on);
    fs::write(lab.site_folder("a.test").join("files/a.txt"), "An upload.\n").unwrap();
}

/// What happens to `other.test` beside the task of a scene: it gets another name, in all its files.
fn another_name_for_the_neighbour(lab: &Lab) -> Vec<Task> {
    let site = lab.site("other.test");
    let name = site.name.clone();
    let aliases = vec!["new.other.test".parse().unwrap()];
    vec![
        Task::SaveContext { context: Context::Site(Box::new(SiteContext { aliases, ..site })) },
        Task::VerifySite { site: name, context: None },
    ]
}
