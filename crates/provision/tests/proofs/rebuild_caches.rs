//! Rebuild caches: they are made again, whoever dies in between, and nothing else is touched.

use aegir_domain::{InstallMethod, InstallSite, Task};
use aegir_lab::proof::{Extent, Scene};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn rebuild(site: &str) -> Task {
    Task::RebuildCaches { site: site.parse().unwrap() }
}

#[test]
fn caches_are_made_again() {
    let scene = Scene::new("rebuild-caches", |lab| {
        two_platforms(lab);
        lab.install("a.test", "ten");
        rebuild("a.test")
    });
    scene.lines_are(&lines("rebuild-caches"));
    scene.prove(Extent::Whole);
}

#[test]
fn caches_of_one_site_are_made_again_beside_others_that_live_on() {
    let scene = Scene::new("rebuild-caches, beside others", |lab| {
        two_platforms(lab);
        lab.install("other.test", "seven");
        lab.install("a.test", "seven");
        rebuild("a.test")
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn a_site_without_a_drupal_has_none() {
    let lab = aegir_lab::Lab::new();
    two_platforms(&lab);
    let by_hand = InstallSite { method: InstallMethod::Manual, ..lab.new_site("new.test", "ten") };
    lab.must(Task::InstallSite(Box::new(by_hand)));

    assert!(lab.refuses(rebuild("new.test")).contains("not installed"));
}
