//! What others on the machine can see of a site: nothing that is secret.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::story::{Site, save_sqlite_server};
use crate::support::{Lab, way};

fn files(dir: &Path, all: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        match found.is_dir() {
            true => files(&path, all),
            false if found.is_file() => all.push(path),
            false => (),
        }
    }
}

/// The argument lists of all processes, looked at again and again while `done` is false.
fn argument_lists(done: &AtomicBool) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    while !done.load(Ordering::Relaxed) {
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
            seen.insert(String::from_utf8_lossy(&words).replace('\0', " "));
        }
    }
    seen
}

#[test]
fn no_secret_is_in_an_argument_a_log_or_a_file_that_others_read() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    lab.platform("seven", "seven-1.0");
    lab.platform("ten", "ten-1.0");
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| argument_lists(&done));
        for platform in ["seven", "ten"] {
            let site = Site::install(&lab, &format!("{platform}.localhost"), platform, "localhost", Some("minimal"));
            site.lets_in(&lab);
            site.is_as_it_should_be(&lab);
            Site::install(&lab, &format!("small.{platform}.localhost"), platform, "files", Some("minimal"));
        }
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    assert!(seen.iter().any(|words| words.contains("provision worker")), "the watcher saw nothing");

    let mut secrets = Vec::new();
    for path in fs::read_dir(lab.home().join("credentials")).unwrap().flatten().map(|entry| entry.path()) {
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.mode() & 0o077, 0, "{} has mode {:o}", path.display(), found.mode());
        if !path.file_name().unwrap().to_string_lossy().starts_with("server_") {
            assert_eq!(found.mode() & 0o777, 0o400, "{}", path.display());
        }
        let credentials: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let secret =
            ["db_passwd", "db_password", "password", "hash_salt"].iter().filter_map(|name| credentials[*name].as_str());
        secrets.extend(secret.filter(|secret| !secret.is_empty()).map(str::to_owned));
    }
    assert!(secrets.len() >= 7, "two passwords, four salts, and the server's own: {}", secrets.len());

    let mut said = Vec::new();
    for folder in ["tasks", "logs", "contexts", "drush", "clients"] {
        files(&lab.home().join(folder), &mut said);
    }
    for secret in &secrets {
        assert!(!seen.iter().any(|words| words.contains(secret.as_str())), "a secret is in an argument list");
        for path in &said {
            let text = fs::read(path).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(secret.as_str()), "a secret is in {}", path.display());
        }
    }
    let mut all = Vec::new();
    files(&lab.home(), &mut all);
    for path in all {
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        if secrets.iter().any(|secret| text.contains(secret.as_str())) {
            let mode = fs::metadata(&path).unwrap().mode();
            assert_eq!(mode & 0o007, 0, "others can read {} ({mode:o})", path.display());
        }
    }
    for folder in ["credentials", "contexts", "tasks"] {
        let mode = fs::metadata(lab.home().join(folder)).unwrap().mode();
        assert_eq!(mode & 0o077, 0, "{folder} has mode {mode:o}");
    }
}
