//! Save: a record is written, with its password beside it, or stays what it was.

use aegir_domain::{Context, DbService, Redirect, ServerContext, SiteContext, Task};
use aegir_lab::proof::{Extent, Scene};

use crate::{lines, two_platforms};

#[test]
fn a_new_server_is_saved_with_its_password_or_not_at_all() {
    let scene = Scene::new("save-context", |lab| Task::SaveContext {
        context: Context::Server(lab.server_context("localhost")),
    });
    scene.lines_are(&lines("save-context"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_server_with_another_database_service_is_saved_or_stays_what_it_was() {
    let scene = Scene::new("save-context, a server that is known", |lab| {
        lab.save(Context::Server(lab.server_context("localhost")));
        let server = ServerContext { revision: 1, ..lab.server_context("localhost") };
        let Some(DbService::Mariadb { at, account, .. }) = server.db.clone() else { unreachable!() };
        let db = DbService::Mariadb { at, account, grant_hosts: vec!["localhost".parse().unwrap()] };
        Task::SaveContext { context: Context::Server(ServerContext { db: Some(db), ..server }) }
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_gets_other_names_or_keeps_those_it_had() {
    let scene = Scene::new("save-context, a site", |lab| {
        two_platforms(lab);
        let site = lab.install("a.test", "seven");
        let aliases = vec!["www.a.test".parse().unwrap(), "old.test".parse().unwrap()];
        let redirect = Redirect::To("www.a.test".parse().unwrap());
        Task::SaveContext { context: Context::Site(Box::new(SiteContext { aliases, redirect, ..site })) }
    });
    scene.prove(Extent::OneOf(3));
}
