//! The contract between Ægir and Drupal, asked of the demo code bases, and of real ones where
//! `AEGIR_TEST_PLATFORMS` names a folder of them. Both pass the same suite.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "the suite is a program of PHP")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/platforms")
}

/// Runs the suite on the copy of a code base at `root`, in SQLite; `next` is a later version of it.
fn asks(name: &str, root: &Path, next: Option<&Path>, scratch: &Path) {
    let database = scratch.join("database.json");
    let settings = serde_json::json!({ "driver": "sqlite", "database": scratch.join("data.sqlite") });
    fs::write(&database, settings.to_string()).unwrap();
    let mut suite = Command::new("php");
    suite.arg(fixtures().join("check/contract.php")).arg(root).arg(&database).args(next);

    let ended = suite.output().unwrap();

    let said = String::from_utf8_lossy(&ended.stdout);
    let broken: Vec<&str> = said.lines().filter(|line| line.starts_with("not ok")).collect();
    let count = said.lines().last().unwrap_or_default();
    println!("{name}: {count}");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && broken.is_empty(), "{name}: {count}\n{}\n{errors}", broken.join("\n"));
    assert!(count.contains(" passed, 0 failed"), "{name}: {count}\n{errors}");
}

fn assembled(name: &str, scratch: &Path) -> PathBuf {
    let place = scratch.join(name);
    let status = Command::new(fixtures().join("assemble")).arg(name).arg(&place).status().unwrap();
    assert!(status.success());
    match place.join("web").is_dir() {
        true => place.join("web"),
        false => place,
    }
}

#[test]
fn the_demo_code_bases_keep_the_contract_and_one_can_be_upgraded_to_the_other() {
    for (name, next) in [("seven-1.0", Some("seven-1.1")), ("ten-1.0", Some("ten-1.1")), ("distribution-1.0", None)] {
        let scratch = tempfile::tempdir().unwrap();
        let root = assembled(name, scratch.path());
        let next = next.map(|next| assembled(next, scratch.path()));
        asks(name, &root, next.as_deref(), scratch.path());
    }
}

#[test]
fn real_code_bases_keep_the_same_contract() {
    let Some(trees) = std::env::var_os("AEGIR_TEST_PLATFORMS").filter(|folder| !folder.is_empty()) else {
        eprintln!("skipped: AEGIR_TEST_PLATFORMS names no folder of Drupal trees");
        return;
    };
    for tree in fs::read_dir(trees).unwrap().flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let name = tree.file_name().unwrap().to_string_lossy().into_owned();
        let Some(inside) =
            [".", "web", "docroot", "html"].into_iter().find(|inside| tree.join(inside).join("index.php").exists())
        else {
            println!("{name}: skipped: there is no index.php in it, nor in its web, docroot or html");
            continue;
        };
        let scratch = tempfile::tempdir().unwrap();
        let copy = scratch.path().join("copy");
        assert!(Command::new("cp").arg("-a").arg(&tree).arg(&copy).status().unwrap().success());
        asks(&name, &copy.join(inside), None, scratch.path());
    }
}
