//! Drop formers: what a site was is let go of, or kept whole.

use std::time::Duration;

use aegir_domain::{FormerName, MigrateSite, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn drop(former: Option<FormerName>) -> Task {
    Task::DropFormers { site: "a.test".parse().unwrap(), former }
}

fn a_site_that_was_moved(lab: &Lab, from: &str, to: &str) -> FormerName {
    two_platforms(lab);
    lab.platform("later_seven", Code::LaterSeven);
    lab.platform("later_ten", Code::LaterTen);
    lab.install("other.test", from);
    lab.install("a.test", from);
    lab.must(Task::MigrateSite(Box::new(MigrateSite::to("a.test".parse().unwrap(), to.parse().unwrap()))));
    lab.site("a.test").formers[0].name.clone()
}

#[test]
fn a_former_self_is_gone_or_as_it_was() {
    let scene = Scene::new("drop-formers", |lab| drop(Some(a_site_that_was_moved(lab, "seven", "later_seven"))));
    let (before, after) = scene.worlds();
    assert!(!before.find("seven/sites/.aegir-former/a.test-").is_empty());
    for gone in ["sites/.aegir-former/a.test-", "sites/.aegir-trash/a.test-", "former_a.test"] {
        assert!(after.find(gone).is_empty(), "{gone}: {:?}", after.find(gone));
    }
    let databases = |world: &aegir_lab::Snapshot| world.find("database a_test").len();
    assert!(databases(after) < databases(before), "{:?}", after.find("database a_test"));
    scene.lines_are(&lines("drop-formers"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_former_self_goes_beside_others_that_live_on() {
    let scene =
        Scene::new("drop-formers, beside others", |lab| drop(Some(a_site_that_was_moved(lab, "ten", "later_ten"))));
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn what_was_kept_for_long_enough_goes_and_nothing_earlier() {
    let lab = Lab::new();
    a_site_that_was_moved(&lab, "ten", "later_ten");
    let before = lab.snapshot();
    lab.must(drop(None));
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    assert!(lab.refuses(drop(Some("another".parse().unwrap()))).contains("no former self"));

    lab.clock.pass(Duration::from_secs(7 * 24 * 3600));
    lab.must(drop(None));

    assert!(lab.site("a.test").formers.is_empty());
    let said = lab.refuses(Task::GoBackSite {
        site: "a.test".parse().unwrap(),
        former: None,
        keep: None,
        although_broken: false,
    });
    assert!(said.contains("no former self"), "{said}");
}
