//! Install: a site is in service, or nothing of it is left.

use aegir_domain::{InstallMethod, InstallSite, Redirect, Task};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn asked(lab: &Lab, platform: &str) -> InstallSite {
    two_platforms(lab);
    lab.install("other.test", platform);
    lab.new_site("a.test", platform)
}

fn install(site: InstallSite) -> Task {
    Task::InstallSite(Box::new(site))
}

#[test]
fn a_site_is_installed_or_nothing_of_it_is_left() {
    let scene = Scene::new("install-site", |lab| install(asked(lab, "seven")));
    scene.lines_are(&lines("install-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_10_with_other_names_is_installed_or_nothing_of_it_is_left() {
    let scene = Scene::new("install-site, Drupal 10 with aliases and a redirect", |lab| {
        let aliases = vec!["www.a.test".parse().unwrap(), "old.test".parse().unwrap()];
        let redirect = Redirect::To("www.a.test".parse().unwrap());
        install(InstallSite { aliases, redirect, ..asked(lab, "ten") })
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_whose_database_is_a_file_is_installed_or_nothing_of_it_is_left() {
    let scene = Scene::new("install-site, in SQLite", |lab| {
        let site = asked(lab, "ten");
        lab.file_server("files");
        install(InstallSite { db_server: "files".parse().unwrap(), ..site })
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_for_drupals_own_installer_is_made_ready_or_nothing_of_it_is_left() {
    let scene = Scene::new("install-site, for the installer in a browser", |lab| {
        install(InstallSite { method: InstallMethod::Manual, ..asked(lab, "ten") })
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_installed_beside_others_that_live_on() {
    let scene = Scene::new("install-site, beside others", |lab| install(asked(lab, "seven")));
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}
