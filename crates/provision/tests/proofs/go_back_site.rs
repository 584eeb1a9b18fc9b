//! Go back: a site is what it was before it was moved, or it is as it is.

use std::fs;

use aegir_domain::{MigrateSite, OutcomeKind, Report, Task};
use aegir_lab::fake::{NEEDS_UPDATES, OWN_INSTALL};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::{a_site_beside_another, another_name_for_the_neighbour, lines, two_platforms};

fn go_back() -> Task {
    Task::GoBackSite { site: "a.test".parse().unwrap(), former: None, keep: None, although_broken: false }
}

/// A site that was moved, and written to since.
fn a_site_that_was_moved(lab: &Lab, from: &str, to: &str) {
    two_platforms(lab);
    lab.platform("later_seven", Code::LaterSeven);
    lab.platform("later_ten", Code::LaterTen);
    lab.install("other.test", from);
    lab.install("a.test", from);
    lab.must(Task::MigrateSite(Box::new(MigrateSite::to("a.test".parse().unwrap(), to.parse().unwrap()))));
    fs::write(lab.site_folder("a.test").join("files/since.txt"), "An upload.\n").unwrap();
}

#[test]
fn a_site_goes_back_or_is_left_as_it_is() {
    let scene = Scene::new("go-back-site", |lab| {
        a_site_that_was_moved(lab, "seven", "later_seven");
        go_back()
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("platforms/seven/sites/a.test/settings.php").is_empty());
    assert!(!after.find("later_seven/sites/.aegir-former/a.test-").is_empty(), "what it was just now is kept");
    scene.lines_are(&lines("go-back-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_10_goes_back_or_is_left_as_it_is() {
    let scene = Scene::new("go-back-site, Drupal 10", |lab| {
        a_site_that_was_moved(lab, "ten", "later_ten");
        go_back()
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_goes_back_beside_others_that_live_on() {
    let scene = Scene::new("go-back-site, beside others", |lab| {
        a_site_that_was_moved(lab, "seven", "later_seven");
        go_back()
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn going_back_and_back_again_ends_where_it_began() {
    let lab = Lab::new();
    a_site_that_was_moved(&lab, "ten", "later_ten");
    let moved = lab.site("a.test");

    lab.must(go_back());
    assert_eq!(lab.site("a.test").platform.as_str(), "ten");
    assert!(!lab.site_folder("a.test").join("files/since.txt").exists());
    lab.must(go_back());

    let again = lab.site("a.test");
    assert_eq!((&again.platform, &again.database, &again.core), (&moved.platform, &moved.database, &moved.core));
    assert_eq!(again.formers.len(), 1);
    assert!(lab.site_folder("a.test").join("files/since.txt").exists());
}

#[test]
fn a_former_self_that_does_not_answer_is_not_put_in_service() {
    let lab = Lab::new();
    a_site_that_was_moved(&lab, "seven", "later_seven");
    let former = lab.site("a.test").formers[0].clone();
    let folder = former.folder(&lab.contexts().platform(&former.platform).unwrap().root);
    fs::remove_file(folder.join("settings.php")).unwrap();
    let before = lab.snapshot();

    let ending = lab.run(go_back());

    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{ending:?}");
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    fs::remove_dir_all(&folder).unwrap();
    assert!(lab.refuses(go_back()).contains("is gone"));
}

#[test]
fn there_is_nothing_to_go_back_to_before_a_site_was_moved() {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.install("a.test", "ten");
    assert!(lab.refuses(go_back()).contains("has no former self"));
}

#[test]
fn a_site_with_a_former_self_is_deleted_with_it_or_left_as_it_was() {
    let scene = Scene::new("delete-site, with a former self", |lab| {
        a_site_that_was_moved(lab, "seven", "later_seven");
        lab.is_taken_out("a.test");
        Task::DeleteSite { site: "a.test".parse().unwrap(), confirm: "a.test".into(), no_backup: true }
    });
    let (_, after) = scene.worlds();
    assert!(after.find("database a_test").is_empty() && after.find("former_a.test").is_empty());
    assert!(!after.find("platforms/seven/sites/.aegir-trash/a.test-").is_empty());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_platform_that_a_former_self_lies_on_is_not_forgotten() {
    let lab = Lab::new();
    a_site_that_was_moved(&lab, "ten", "later_ten");
    lab.delete("other.test");
    assert!(lab.refuses(Task::ForgetContext { name: "@platform_ten".parse().unwrap() }).contains("a.test"));
}

#[test]
fn what_going_back_would_leave_out_is_told_and_nothing_changes_by_telling_it() {
    let lab = Lab::new();
    a_site_that_was_moved(&lab, "ten", "later_ten");
    let before = lab.snapshot();
    let no_program = |_| -> Result<aegir_host::Ran, _> { panic!("no program is asked") };
    let ask = |site: &str, former: Option<&str>| {
        let former = former.map(|name| name.parse().unwrap());
        aegir_provision::writes_since(&lab.parts, &site.parse().unwrap(), former.as_ref(), no_program)
    };

    let told = ask("a.test", None).unwrap();

    assert_eq!((told.platform.as_str(), told.site.as_str()), ("ten", "a.test"));
    assert!(told.former.as_str().starts_with("a.test-") && told.since > 0, "{told:?}");
    assert_eq!(ask("a.test", Some(told.former.as_str())).unwrap(), told);
    let none = ask("other.test", None).unwrap_err();
    assert!(none.report().message.contains("no former self"), "{none:?}");
    let other = ask("a.test", Some("a.test-20010101.000000-000000000000")).unwrap_err();
    assert!(other.report().remedy.unwrap().contains("formers"));
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
}

fn although_broken() -> Task {
    Task::GoBackSite { site: "a.test".parse().unwrap(), former: None, keep: None, although_broken: true }
}

/// A site that its new code had broken, and that an update has mended.
fn a_site_that_was_mended(lab: &Lab) {
    a_site_beside_another(lab, "seven");
    let install = lab.site_folder("a.test").join(OWN_INSTALL);
    fs::create_dir_all(install.parent().unwrap()).unwrap();
    fs::write(install, ["own_update_7001", NEEDS_UPDATES].join("\n")).unwrap();
    lab.must(Task::UpdateSite { site: "a.test".parse().unwrap(), allow_missing: Default::default(), keep: None });
}

#[test]
fn a_site_goes_back_to_what_was_broken_if_somebody_says_so_or_is_left_as_it_is() {
    let scene = Scene::new("go-back-site, although broken", |lab| {
        a_site_that_was_mended(lab);
        although_broken()
    });
    scene.prove(Extent::OneOf(2));
}

#[test]
fn what_was_broken_is_refused_with_the_words_that_have_it_be_so_again() {
    let lab = Lab::new();
    a_site_that_was_mended(&lab);
    let former = lab.site("a.test").formers[0].clone();
    let before = lab.snapshot();

    let ending = lab.run(go_back());

    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{ending:?}");
    let told = Report(ending.fault().unwrap()).to_string();
    assert!(told.contains("answers 500") && told.contains("--although-broken"), "{told}");
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());

    let attempt = lab.ask(although_broken());
    let ending = lab.work_on(attempt, &lab.worker());

    assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded, "{ending:?}");
    assert!(format!("{:?}", lab.said(attempt)).contains("although its page is an error"));
    assert_eq!(lab.site("a.test").database, former.database);
    // And from there to what was mended, which needs no word more.
    lab.must(go_back());
    assert_eq!(lab.visit("a.test"), 200);
}
