//! Verify server: folders and configuration are what they should be, or what they were.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aegir_domain::{Context, DbService, ServerContext, Task};
use aegir_lab::Code;
use aegir_lab::proof::{Extent, Scene};

use crate::lines;

fn verify(server: &str) -> Task {
    Task::VerifyServer { server: server.parse().unwrap(), context: None }
}

#[test]
fn a_server_is_set_up_or_left_as_it_was() {
    let scene = Scene::new("verify-server", |lab| {
        lab.save(Context::Server(lab.server_context("localhost")));
        verify("localhost")
    });
    scene.lines_are(&lines("verify-server"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_server_whose_files_drifted_is_put_right_or_left_as_it_was() {
    let scene = Scene::new("verify-server, drifted", |lab| {
        lab.server("localhost");
        lab.platform("seven", Code::Seven);
        lab.install("a.test", "seven");
        let nginx = lab.home().http_config(&"localhost".parse().unwrap(), aegir_domain::HttpEngine::Nginx);
        fs::write(nginx.join("php_params.conf"), "# somebody was here\n").unwrap();
        fs::write(nginx.join("pre.d/own.conf"), "# an operator's own\n").unwrap();
        lab.restart_services();
        fs::set_permissions(lab.home().contexts(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_dir_all(lab.home().templates()).unwrap();
        verify("localhost")
    });
    scene.prove(Extent::OneOf(2));
}

#[test]
fn a_server_that_is_as_it_should_be_is_left_alone() {
    let scene = Scene::new("verify-server, nothing to change", |lab| {
        lab.server("localhost");
        verify("localhost")
    });
    let (before, after) = scene.worlds();
    assert_eq!(after.differences(before), Vec::<String>::new());
    scene.prove(Extent::OneOf(2));
}

#[test]
fn a_server_of_files_is_set_up_or_left_as_it_was() {
    let scene = Scene::new("verify-server, databases as files", |lab| {
        let server = lab.server_context("files");
        lab.save(Context::Server(ServerContext { http: None, db: Some(DbService::Sqlite {}), ..server }));
        verify("files")
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_server_that_the_private_stack_runs_already_is_set_up_or_left_as_it_was() {
    let scene = Scene::new("verify-server, on the private stack", |lab| {
        lab.stack_runs("localhost");
        lab.save(Context::Server(lab.server_context("localhost")));
        verify("localhost")
    });
    scene.prove(Extent::OneOf(3));
}
