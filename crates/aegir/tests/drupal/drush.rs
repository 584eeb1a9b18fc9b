//! The Drush that a tree brings: by `aegir drush`, by itself in the project, and by the alias that Ægir writes.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::Lab;
use crate::support::real::{Asked, Real};
use crate::support::said::Said;

/// Drush on a site of the platform, if its project at `project` has one. Says so if not.
pub fn works(real: &Real<'_>, project: &Path, profile: Option<&str>) {
    let drush = project.join("vendor/bin/drush");
    if !drush.is_file() {
        println!("the tree has no vendor/bin/drush: nothing of Drush is tried");
        return;
    }
    let lab = real.lab;
    // The last one that speaks with Drupal 7 has words of its own.
    let is_eight = project.join("vendor/drush/drush/drush.launcher").is_file();
    let status: &[&str] =
        if is_eight { &["status", "--format=json"] } else { &["status", "--format=json", "--fields=*"] };
    let (set, get, clear): (_, &[&str], &[&str]) = match is_eight {
        true => ("vset", &["vget", "of_a_person", "--exact"], &["cc", "all"]),
        false => ("state:set", &["state:get", "of_a_person"], &["cache:rebuild"]),
    };
    for server in ["localhost", "files"] {
        let name = format!("drush.{server}.tree.localhost");
        let site = real.installs_what_is_asked(&Asked { site: &name, db_server: server, profile, language: "en" });

        let of_ours = ours(lab, &name, status).done();
        is_connected(&of_ours, &name, &real.root.display().to_string());
        ours(lab, &name, &[set, "of_a_person", "was here"]).done();
        assert_eq!(ours(lab, &name, get).done().out.trim().trim_matches('\''), "was here");
        ours(lab, &name, &["no-such-command"]).ends(1);

        let by_itself = theirs(lab, &drush, project, &[&["-l", name.as_str()], status].concat()).done();
        is_connected(&by_itself, &name, &real.root.display().to_string());
        let aliases = format!("--alias-path={}", lab.home().join("drush/sites").display());
        let alias = if is_eight { format!("@{name}") } else { format!("@{}", name.replace('.', "_")) };
        let elsewhere =
            theirs(lab, &drush, Path::new("/"), &[&[aliases.as_str(), alias.as_str()], status].concat()).done();
        is_connected(&elsewhere, &name, &real.root.display().to_string());

        // What it builds belongs to us, and visitors are served all the same.
        ours(lab, &name, clear).done();
        site.answers(lab);
        site.lets_in(lab);
        site.is_as_it_should_be(lab);
        lab.delete(&name);
        let left = fs::read_dir(lab.home().join("drush/sites")).unwrap().flatten();
        assert_eq!(left.filter(|file| file.file_name().to_string_lossy().starts_with(&alias[1..])).count(), 0);
        ours(lab, &name, &["status"]).ends(1);
    }
}

fn ours(lab: &Lab, site: &str, words: &[&str]) -> Said {
    let home = lab.home().display().to_string();
    let all = [&["--home", &home, "drush", site], words].concat();
    Said::of(lab.as_user(&all).stdin(Stdio::null()), &all)
}

/// Drush as a person runs it who knows nothing of Ægir.
fn theirs(lab: &Lab, drush: &Path, dir: &Path, words: &[&str]) -> Said {
    let mut line = lab.as_owner("php");
    line.arg(drush).args(words).current_dir(dir).env("HOME", lab.home()).stdin(Stdio::null());
    Said::of(&mut line, words)
}

fn is_connected(said: &Said, site: &str, root: &str) {
    let status: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.all()));
    assert_eq!((&status["db-status"], &status["bootstrap"]), (&"Connected".into(), &"Successful".into()), "{status}");
    assert_eq!(status["site"], format!("sites/{site}"), "{status}");
    assert_eq!(status["root"], root, "{status}");
}
