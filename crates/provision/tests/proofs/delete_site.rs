//! Delete: a site is gone and its files lie in the trash, or it is as it was.

use std::fs;

use aegir_domain::{HttpEngine, InstallSite, Task};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn delete() -> Task {
    Task::DeleteSite { site: "a.test".parse().unwrap(), confirm: "a.test".into() }
}

fn a_site_and_another(lab: &Lab) {
    two_platforms(lab);
    lab.install("a.test", "seven");
    lab.install("other.test", "seven");
}

#[test]
fn a_site_is_deleted_or_left_as_it_was() {
    let scene = Scene::new("delete-site", |lab| {
        a_site_and_another(lab);
        delete()
    });
    let (_, after) = scene.worlds();
    assert!(after.find("database a_test").is_empty() && !after.find("database other_test").is_empty());
    assert!(!after.find(".aegir-trash/a.test").is_empty());
    scene.lines_are(&lines("delete-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_whose_database_is_a_file_is_deleted_or_left_as_it_was() {
    let scene = Scene::new("delete-site, in SQLite", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        delete()
    });
    let (_, after) = scene.worlds();
    assert!(after.find("databases/a_test").is_empty());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn parts_that_are_missing_are_no_reason_to_keep_the_rest() {
    let scene = Scene::new("delete-site, without folder and vhost", |lab| {
        a_site_and_another(lab);
        fs::remove_dir_all(lab.site_folder("a.test")).unwrap();
        let nginx = lab.home().http_config(&"localhost".parse().unwrap(), HttpEngine::Nginx);
        fs::remove_file(nginx.join("vhost.d/a.test.conf")).unwrap();
        lab.restart_services();
        delete()
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_database_that_bears_another_mark_is_left_alone() {
    let scene = Scene::leaving("delete-site, with a database of somebody else's", &["`a_test_"], |lab| {
        a_site_and_another(lab);
        lab.remark_database(lab.site("a.test").database.name.as_str(), "somebody else's");
        delete()
    });
    let (before, after) = scene.worlds();
    assert_eq!(after.find("database a_test"), before.find("database a_test"));
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_deleted_beside_others_that_live_on() {
    let scene = Scene::new("delete-site, beside others", |lab| {
        a_site_and_another(lab);
        delete()
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}
