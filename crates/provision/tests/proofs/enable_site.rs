//! Enable: the site is in service as it was before it was disabled, or it is disabled as before.

use std::fs;

use aegir_domain::{InstallSite, OutcomeKind, Task};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene};

use crate::disable_site::disable;
use crate::{a_site_beside_another, another_name_for_the_neighbour, lines, two_platforms};

fn enable() -> Task {
    Task::EnableSite { site: "a.test".parse().unwrap() }
}

#[test]
fn a_disabled_site_is_in_service_again_or_as_it_was() {
    let scene = Scene::new("enable-site", |lab| {
        a_site_beside_another(lab, "seven");
        lab.must(disable(true));
        enable()
    });
    scene.lines_are(&lines("enable-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_disabled_site_whose_database_is_a_file_is_in_service_again_or_as_it_was() {
    let scene = Scene::new("enable-site, in SQLite", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        lab.must(disable(true));
        enable()
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_enabled_beside_others_that_live_on() {
    let scene = Scene::new("enable-site, beside others", |lab| {
        a_site_beside_another(lab, "ten");
        lab.must(disable(true));
        enable()
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn all_that_disabling_changed_is_as_it_was() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    let before = lab.snapshot();
    lab.must(disable(true));
    let ending = lab.must(enable());
    assert!(ending.changed);
    let differs = lab.snapshot().differences(&before);
    // The revision of its record has gone on, and its caches were rebuilt.
    let is_due = |differs: &String| differs.contains("contexts/a.test.json") || differs.contains("table rebuilt");
    assert!(differs.iter().all(is_due), "{differs:#?}");
    let again = lab.must(enable());
    assert!(!again.changed);
}

#[test]
fn a_site_that_does_not_come_up_stays_disabled() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    lab.must(disable(true));
    let before = lab.snapshot();
    fs::remove_file(lab.site_folder("a.test").join("settings.php")).unwrap();
    let broken = lab.run(enable());
    assert_ne!(broken.outcome.kind(), OutcomeKind::Succeeded);
    assert_eq!(lab.visit("a.test"), 503);
    assert!(lab.site("a.test").disabled);

    lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    lab.must(enable());
    assert_eq!(lab.visit("a.test"), 200);
}
