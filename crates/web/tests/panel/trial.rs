//! Test the connection: what stands in the form of a server is tried, and nothing is saved.

use aegir_hosting::{Call, OperationId};
use aegir_lab::pretend::add_server;

use crate::gate::ADMIN;
use crate::stage::{Page, Stage, encoded};

/// What was typed into the form of a new server, and of one that is there.
const ADD: &str = "/do/server-add";
const EDIT: &str = "/do/server-edit/web1";

fn stage() -> Stage {
    let stage = Stage::with(async |front| {
        front.queue(add_server("web1")).await;
        front.work().await;
    });
    stage.run(async { stage.front.back_ends.machine("db9").wants_password("right <b>") });
    stage
}

/// Presses the button beside a service, in a form that is filled in so.
fn tried(stage: &Stage, form: &str, at: &str, given: &[(&str, &str)]) -> Page {
    let form = stage.get(form);
    assert!(form.html.contains(&format!("formaction=\"{at}\"")), "{at}: {}", form.text());
    stage.send("POST", at, ADMIN, &encoded(&form.filled(given)))
}

#[test]
fn each_service_is_tested_with_what_stands_in_the_form() {
    let stage = stage();
    let given = [("name", "db9"), ("db", "mariadb"), ("db_host", "db.test"), ("db_account", "aegir")];
    let with = |password| [&given[..], &[("db_password", password)]].concat();

    let wrong = tried(&stage, ADD, "/do/server-try?service=db", &with("wrong <i>"));
    let right = tried(&stage, ADD, "/do/server-try?service=db", &with("right <b>"));
    let unnamed = tried(&stage, ADD, "/do/server-try?service=http", &[("http", "nginx"), ("listen", "127.0.0.1:80")]);

    assert_eq!(wrong.status, 200);
    assert!(wrong.text().contains("It does not let us in") && wrong.text().contains("password"), "{}", wrong.text());
    assert!(!wrong.html.contains("wrong &lt;i&gt;") && !wrong.html.contains("wrong <i>"));
    assert!(right.text().contains("It lets us in"), "{}", right.text());
    assert!(unnamed.text().contains("It answers at 127.0.0.1:80"), "{}", unnamed.text());
    let lacking = tried(&stage, ADD, "/do/server-try?service=db", &[("db", "mariadb")]);
    assert!(lacking.text().contains("a database service needs it"), "{}", lacking.text());
    let servers = stage.run(stage.front.ask(Call::of(OperationId::ServerList))).unwrap();
    assert!(!format!("{servers:?}").contains("db9"), "nothing is saved: {servers:?}");
}

#[test]
fn a_server_is_tested_as_it_is_and_as_its_form_would_have_it() {
    let stage = stage();

    let page = stage.get("/servers/web1");
    assert!(page.html.contains("action=\"/do/server-try/web1?service=http\""), "{}", page.html);
    let form = stage.get(EDIT);
    let as_it_is = stage.send("POST", "/do/server-try/web1?service=http", ADMIN, &encoded(&form.filled(&[])));
    let moved = tried(&stage, EDIT, "/do/server-try/web1?service=http", &[("listen", "127.0.0.1:81")]);
    let emptied = tried(&stage, EDIT, "/do/server-try/web1?service=http", &[("listen", "")]);

    assert!(as_it_is.text().contains("It answers at 127.0.0.1:8080"), "{}", as_it_is.text());
    assert!(moved.text().contains("It answers at 127.0.0.1:81"), "{}", moved.text());
    assert!(emptied.text().contains("it cannot be emptied"), "{}", emptied.text());
    assert_eq!(stage.get("/do/server-try/web1").status, 303, "a trial is no page to come back to");
}

#[test]
fn enter_in_the_form_adds_the_server_and_tests_nothing() {
    let stage = stage();

    for form in [ADD, EDIT] {
        let page = stage.get(form);
        let own = page.between("<form method=\"post\" action=\"/do/server", "</form>").unwrap();
        let first = own.split("<button").nth(1).unwrap().split('>').next().unwrap();
        assert!(!first.contains("formaction"), "{first}");
    }
}
