//! Login: a link is made, and nothing else changes.

use aegir_domain::Task;
use aegir_lab::proof::{Extent, Scene};

use crate::{lines, two_platforms};

#[test]
fn a_login_link_changes_nothing() {
    let scene = Scene::new("login", |lab| {
        two_platforms(lab);
        lab.install("a.test", "ten");
        Task::Login { site: "a.test".parse().unwrap(), account: 1 }
    });
    let (before, after) = scene.worlds();
    assert_eq!(after.differences(before), Vec::<String>::new());
    scene.lines_are(&lines("login"));
    scene.prove(Extent::Whole);
}
