//! Forget: a record and its password are gone, or both are there.

use aegir_domain::{Context, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::lines;

#[test]
fn a_server_is_forgotten_with_its_password_or_not_at_all() {
    let scene = Scene::new("forget-context", |lab| {
        lab.save(Context::Server(lab.server_context("localhost")));
        Task::ForgetContext { name: "@server_localhost".parse().unwrap() }
    });
    scene.lines_are(&lines("forget-context"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_platform_is_forgotten_and_its_code_stays() {
    let scene = Scene::new("forget-context, a platform", |lab: &Lab| {
        lab.server("localhost");
        lab.platform("seven", Code::Seven);
        Task::ForgetContext { name: "@platform_seven".parse().unwrap() }
    });
    scene.prove(Extent::OneOf(3));
}
