//! Migrate: a site lives on another platform, updated, and what it was is kept; or it is as it was.

use std::fs;

use aegir_domain::{InstallSite, MigrateSite, OutcomeKind, Report, Task};
use aegir_lab::fake::Trouble;
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::{a_site_beside_another, another_name_for_the_neighbour, lines, two_platforms};

fn migrate(platform: &str) -> Task {
    Task::MigrateSite(Box::new(MigrateSite::to("a.test".parse().unwrap(), platform.parse().unwrap())))
}

#[test]
fn a_site_is_moved_or_left_as_it_was() {
    let scene = Scene::new("migrate-site", |lab| {
        a_site_beside_another(lab, "seven");
        migrate("later_seven")
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("later_seven/sites/a.test/files/a.txt").is_empty(), "its files went along");
    assert!(after.find("seven/sites/a.test/settings.php").iter().all(|(path, _)| path.contains("later_seven")));
    assert!(!after.find("sites/.aegir-former/a.test-").is_empty(), "what it was is kept");
    scene.lines_are(&lines("migrate-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_10_in_sqlite_is_moved_or_left_as_it_was() {
    let scene = Scene::new("migrate-site, Drupal 10 in SQLite", |lab| {
        two_platforms(lab);
        lab.platform("later_ten", Code::LaterTen);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        migrate("later_ten")
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_moved_beside_others_that_live_on() {
    let scene = Scene::new("migrate-site, beside others", |lab| {
        a_site_beside_another(lab, "seven");
        migrate("later_seven")
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn whatever_an_update_or_the_new_page_does_wrong_leaves_the_site_as_it_was() {
    for (trouble, says) in [
        (Trouble::UpdateDies, "gone()"),
        (Trouble::UpdateFails, "system_update_1 failed"),
        (Trouble::PageBroken, "answers 500"),
    ] {
        let lab = Lab::new();
        a_site_beside_another(&lab, "seven");
        let before = lab.snapshot();
        lab.machine.begin(trouble);

        let ending = lab.run(migrate("later_seven"));

        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{trouble:?}: {ending:?}");
        let told = Report(ending.fault().unwrap()).to_string();
        assert!(told.contains(says), "{told}");
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new(), "{trouble:?}");
    }
}

#[test]
fn a_move_that_no_update_leads_along_is_refused() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    let says = |platform: &str| lab.refuses(migrate(platform));

    assert!(says("seven").contains("already"), "{}", says("seven"));
    assert!(says("later_ten").contains("no update leads from Drupal 7.98 to 10.4.1"), "{}", says("later_ten"));
    lab.must(migrate("later_seven"));
    assert!(says("seven").contains("would go back"), "{}", says("seven"));
}

#[test]
fn a_site_whose_data_change_their_server_is_moved_or_left_as_it_was() {
    let scene = Scene::new("migrate-site, to another database server", |lab| {
        a_site_beside_another(lab, "seven");
        lab.database_server("db2");
        let to = Some("db2".parse().unwrap());
        let site = ("a.test".parse().unwrap(), "later_seven".parse().unwrap());
        Task::MigrateSite(Box::new(MigrateSite { db_server: to, ..MigrateSite::to(site.0, site.1) }))
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn data_do_not_change_their_kind() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    lab.file_server("files");
    let to = Some("files".parse().unwrap());
    let site = ("a.test".parse().unwrap(), "later_seven".parse().unwrap());

    let said =
        lab.refuses(Task::MigrateSite(Box::new(MigrateSite { db_server: to, ..MigrateSite::to(site.0, site.1) })));

    assert!(said.contains("kind"), "{said}");
}

#[test]
fn what_the_platform_lacks_is_allowed_by_name_alone() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    let theme = lab.home().platforms().join("later_ten/web/core/themes/olivero");
    assert!(theme.exists(), "{}", theme.display());
    fs::remove_dir_all(theme).unwrap();
    let to = |allowed: &[&str]| {
        let allow_missing = allowed.iter().map(|name| name.parse().unwrap()).collect();
        let site = ("a.test".parse().unwrap(), "later_ten".parse().unwrap());
        Task::MigrateSite(Box::new(MigrateSite { allow_missing, ..MigrateSite::to(site.0, site.1) }))
    };
    assert!(lab.refuses(to(&[])).contains("olivero"));
    assert!(lab.refuses(to(&["another"])).contains("olivero"));
    lab.must(to(&["olivero"]));
}
