//! Delete backup: it is gone, or it is where it was.

use std::fs;

use aegir_domain::{BackupName, Task};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene};

use crate::backup_site::backup;
use crate::{lines, two_platforms};

fn delete(backup: &BackupName) -> Task {
    Task::DeleteBackup { backup: backup.clone() }
}

fn backed_up(lab: &Lab) -> BackupName {
    two_platforms(lab);
    lab.install("a.test", "seven");
    lab.must(backup()).answer["backup"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_backup_is_deleted_or_where_it_was() {
    let scene = Scene::new("delete-backup", |lab| delete(&backed_up(lab)));
    let (before, after) = scene.worlds();
    assert!(!before.find("backups/a.test-").is_empty() && after.find("backups/a.test-").is_empty());
    assert!(!after.find("backups/.").iter().any(|_| true), "nothing is left of the task's own folder");
    scene.lines_are(&lines("delete-backup"));
    scene.prove(Extent::Whole);
}

#[test]
fn one_that_cannot_be_read_is_deleted_and_one_that_is_not_there_is_refused() {
    let lab = Lab::new();
    let backup = backed_up(&lab);
    fs::write(lab.home().backups().join(backup.as_str()), "no archive").unwrap();

    lab.must(delete(&backup));

    let said = lab.refuses(delete(&backup));
    assert!(said.contains("aegir provision backups"), "{said}");
}
