//! Update: what waits for a site ran, and what it was is kept; or it is as it was.

use std::fs;

use aegir_domain::{InstallSite, KeepFormer, OutcomeKind, Report, Task};
use aegir_lab::Lab;
use aegir_lab::fake::{NEEDS_UPDATES, OWN_INSTALL, Trouble};
use aegir_lab::proof::{Extent, Scene};

use crate::{a_site_beside_another, another_name_for_the_neighbour, lines, two_platforms};

pub(super) fn update_of(site: &str) -> Task {
    Task::UpdateSite { site: site.parse().unwrap(), allow_missing: Default::default(), keep: None }
}

fn update() -> Task {
    update_of("a.test")
}

/// A module of the site's own has updates since.
fn changed_in_place(lab: &Lab, updates: &[&str]) {
    let install = lab.site_folder("a.test").join(OWN_INSTALL);
    fs::create_dir_all(install.parent().unwrap()).unwrap();
    fs::write(install, updates.join("\n")).unwrap();
}

pub(super) fn a_site_with_an_update(lab: &Lab, on: &str) {
    a_site_beside_another(lab, on);
    changed_in_place(lab, &["own_update_7001"]);
}

/// What its updates noted.
fn ran(lab: &Lab) -> Vec<String> {
    lab.rows_of("a.test", "SELECT core FROM updated WHERE core LIKE 'own_%' ORDER BY core")
}

#[test]
fn a_site_is_updated_where_it_lives_or_left_as_it_was() {
    let scene = Scene::new("update-site", |lab| {
        a_site_with_an_update(lab, "seven");
        update()
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("seven/sites/a.test/files/a.txt").is_empty(), "its files came along");
    assert!(!after.find("seven/sites/a.test/modules/own/own.install").is_empty(), "and its own code");
    assert!(!after.find("sites/.aegir-former/a.test-").is_empty(), "what it was is kept");
    assert!(after.find(".coming-").is_empty());
    scene.lines_are(&lines("update-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_10_in_sqlite_is_updated_or_left_as_it_was() {
    let scene = Scene::new("update-site, Drupal 10 in SQLite", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        changed_in_place(lab, &["own_update_10001"]);
        update()
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_updated_and_what_it_was_is_packed_or_it_is_left_as_it_was() {
    let scene = Scene::new("update-site, with an archive", |lab| {
        a_site_with_an_update(lab, "seven");
        update().keeping(KeepFormer::Archive)
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("backups/a.test-").is_empty() && after.find("sites/.aegir-former/a.test-").is_empty());
    scene.prove(Extent::OneOf(6));
}

#[test]
fn a_site_is_updated_beside_others_that_live_on() {
    let scene = Scene::new("update-site, beside others", |lab| {
        a_site_with_an_update(lab, "ten");
        update()
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn a_site_for_which_nothing_waits_is_not_touched() {
    let scene = Scene::new("update-site, nothing waits", |lab| {
        a_site_beside_another(lab, "seven");
        update()
    });
    let (before, after) = scene.worlds();
    assert_eq!(after.differences(before), Vec::<String>::new());
    scene.lines_are(&lines("update-site-nothing"));
    scene.prove(Extent::Whole);

    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    let ending = lab.must(update());
    assert_eq!(ending.answer["updates"], 0);
    assert!(lab.site("a.test").formers.is_empty());
}

#[test]
fn what_waited_ran_and_one_can_go_back_to_what_it_was() {
    let lab = Lab::new();
    a_site_with_an_update(&lab, "ten");
    changed_in_place(&lab, &["own_update_10001", "own_update_10002"]);
    let was = lab.site("a.test");
    let (_, salt) = lab.credentials("a.test");

    let attempt = lab.ask(update());
    let ending = lab.work_on(attempt, &lab.worker());

    assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded, "{ending:?}");
    assert_eq!(ending.answer["updates"], 2);
    assert_eq!(ran(&lab), ["own_update_10001", "own_update_10002"]);
    let told = format!("{:?}", lab.said(attempt));
    assert!(told.contains("own_update_10002: What it does.") && told.contains("`own_update_10002` ran in"), "{told}");
    let is = lab.site("a.test");
    assert_eq!((is.revision, is.platform.as_str(), is.formers.len()), (was.revision + 1, "ten", 1));
    assert_eq!(is.formers[0].database, was.database);
    assert_eq!(lab.credentials("a.test").1, salt, "one-time links stay good");
    assert!(lab.site_folder("a.test").join("files/a.txt").exists());
    lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
    assert_eq!(lab.must(update()).answer["updates"], 0, "once is enough");

    lab.must(Task::GoBackSite { site: "a.test".parse().unwrap(), former: None, keep: None, although_broken: false });

    assert_eq!(lab.site("a.test").database, was.database);
    assert!(lab.site_folder("a.test").join(OWN_INSTALL).exists(), "the code is as it was found");
    assert_eq!(lab.must(update()).answer["updates"], 2, "they wait again");
}

#[test]
fn a_site_that_its_new_code_broke_is_updated_all_the_same() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    changed_in_place(&lab, &["own_update_7001", NEEDS_UPDATES]);

    lab.must(update());

    assert_eq!(ran(&lab), ["own_update_7001"]);
}

#[test]
fn whatever_an_update_or_the_new_page_does_wrong_leaves_the_site_as_it_was() {
    for (trouble, says) in [
        (Trouble::UpdateDies, "gone()"),
        (Trouble::UpdateFails, "system_update_1 failed"),
        (Trouble::PageBroken, "answers 500"),
    ] {
        let lab = Lab::new();
        a_site_with_an_update(&lab, "seven");
        let before = lab.snapshot();
        lab.machine.begin(trouble);

        let ending = lab.run(update());

        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{trouble:?}: {ending:?}");
        let told = Report(ending.fault().unwrap()).to_string();
        assert!(told.contains(says), "{told}");
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new(), "{trouble:?}");
    }
}

#[test]
fn what_cannot_be_updated_is_refused() {
    let lab = Lab::new();
    a_site_with_an_update(&lab, "seven");
    let other = update_of("gone.test");
    assert!(lab.refuses(other).contains("gone.test"));
    let theme = lab.home().platforms().join("seven/themes/bartik");
    let gone = lab.home().path().join("gone");
    fs::rename(&theme, &gone).unwrap();
    let said = lab.refuses(update());
    assert!(said.contains("does not fit the platform `seven`") && said.contains("bartik"), "{said}");
    fs::rename(&gone, &theme).unwrap();
    let aside = lab.site_folder("a.test").with_file_name("aside");
    fs::rename(lab.site_folder("a.test"), &aside).unwrap();
    assert!(lab.refuses(update()).contains("is no folder of a site"));
    fs::rename(&aside, lab.site_folder("a.test")).unwrap();
    lab.must(Task::DisableSite { site: "a.test".parse().unwrap(), no_backup: true });
    let said = lab.refuses(update());
    assert!(said.contains("aegir provision enable @a.test"), "{said}");
    let manual = InstallSite { method: aegir_domain::InstallMethod::Manual, ..lab.new_site("b.test", "seven") };
    lab.must(Task::InstallSite(Box::new(manual)));
    let said = lab.refuses(update_of("b.test"));
    assert!(said.contains("is not installed into `b.test`"), "{said}");
}
