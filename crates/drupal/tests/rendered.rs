//! The files we write, compared with files: input, a line, the exact output.
//!
//! A new case is a new file under `rendered/`. Setting `UPDATE_RENDERED` writes what is rendered now
//! into the files, to be read in the diff.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::{Path, PathBuf};

use aegir_domain::{Home, HostName, Quiet, SiteName};
use aegir_drupal::{Family, Settings, sites_php};

const LINE: &str = "\n----------\n";

#[test]
fn every_settings_file_is_as_written_down() {
    for_each_case("settings", |input| {
        let one = |key: &str| input.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        let settings = Settings {
            site: one("site").expect("a case has a site").parse().unwrap(),
            family: match one("family").expect("a case has a family") {
                "seven" => Family::Seven,
                _ => Family::Eight,
            },
            names: input.iter().filter(|(k, _)| k == "name").map(|(_, v)| v.parse().unwrap()).collect(),
            quiet: Quiet { mail: one("mail") == Some("off"), cron: one("cron") == Some("off") },
            home: Home::new(one("home").expect("a case has a home")),
        };
        settings.render(None).unwrap()
    });
}

#[test]
fn every_sites_file_is_as_written_down() {
    for_each_case("sites-php", |input| {
        let entries: Vec<(HostName, SiteName)> =
            input.iter().map(|(name, site)| (name.parse().unwrap(), site.parse().unwrap())).collect();
        let text = sites_php::render(entries.iter().map(|(name, site)| (name, site)));
        assert!(sites_php::is_ours(&text));
        text
    });
}

#[test]
fn php_understands_every_rendered_file() {
    let folder = tempfile::tempdir().unwrap();
    for case in ["settings", "sites-php"].into_iter().flat_map(cases) {
        let text = fs::read_to_string(&case).unwrap();
        let (_, output) = text.split_once(LINE).unwrap();
        let file = folder.path().join("rendered.php");
        fs::write(&file, output).unwrap();
        php_accepts(&file, &case);
    }
}

#[test]
fn php_understands_every_driver_script() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in aegir_drupal::driver::SCRIPTS {
        let file = folder.path().join("script.php");
        fs::write(&file, text).unwrap();
        php_accepts(&file, Path::new(path));
    }
}

#[test]
fn a_file_of_somebody_else_is_not_taken_for_ours() {
    assert!(!sites_php::is_ours("<?php\n$sites['a.test'] = 'b.test';\n"));
    assert!(!sites_php::is_ours(""));
}

#[allow(clippy::disallowed_methods, reason = "PHP itself is the judge of PHP; only in this test")]
fn php_accepts(file: &Path, of: &Path) {
    let output = std::process::Command::new("php").arg("-l").arg(file).output().expect("php is installed");
    assert!(output.status.success(), "{}: {}", of.display(), String::from_utf8_lossy(&output.stdout));
}

fn for_each_case(kind: &str, render: impl Fn(&[(String, String)]) -> String) {
    let update = option_env!("UPDATE_RENDERED").is_some();
    for case in cases(kind) {
        let text = fs::read_to_string(&case).unwrap();
        let (input, expected) = text.split_once(LINE).unwrap_or_else(|| panic!("{} has no line", case.display()));
        let pairs: Vec<(String, String)> = input
            .lines()
            .filter_map(|line| line.split_once(char::is_whitespace))
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
            .collect();
        let rendered = render(&pairs);
        if update {
            fs::write(&case, format!("{input}{LINE}{rendered}")).unwrap();
        } else {
            assert_eq!(rendered, expected, "{}", case.display());
        }
    }
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rendered").join(kind);
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "there are cases of {kind}");
    cases
}
