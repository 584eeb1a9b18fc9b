//! Every address of the panel: who is let in, who is not, and that nothing is done for whoever is not.

use aegir_hosting::{Call, OperationId};
use aegir_web::panel::{Needs, PanelRoute, routes};
use axum::http::Method;

use crate::gate::ADMIN;
use crate::gate::LACKS;
use crate::stage::{Page, Stage};

/// An address that the route has, about something that is there.
fn address(route: &PanelRoute) -> String {
    let mut path = route.path.clone();
    for (part, value) in [
        ("{name}", "a.test"),
        ("{number}", "1"),
        ("{id}", "1"),
        ("{task}", "1"),
        ("{secret}", "x"),
        ("{mark}", "x"),
        ("{file}", "eldir.css"),
    ] {
        path = path.replace(part, value);
    }
    assert!(!path.contains('{'), "the test knows nothing for {path}");
    path
}

/// What each form of a session sends along.
fn form_token(stage: &Stage, session: &str) -> String {
    let page = stage.send("GET", "/account", session, "").html;
    let (_, after) = page.split_once("name=\"form_token\" value=\"").unwrap();
    after.split('"').next().unwrap().to_owned()
}

fn is_stream(path: &str) -> bool {
    path.ends_with("/events")
}

fn leads_to_sign_in(page: &Page) -> bool {
    page.status == 303 && page.location.starts_with("/sign-in")
}

async fn audited(stage: &Stage) -> usize {
    let call = Call::of(OperationId::AuditList).with("limit", 500);
    match stage.front.ask(call).await.unwrap() {
        aegir_hosting::Answer::Page { items, .. } => items.iter().filter(|item| item["answer"] != "forbidden").count(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_is_shown_or_does_anything_without_a_session_but_come_in() {
    let stage = Stage::new();
    let before = stage.run(audited(&stage));
    for route in routes() {
        let path = address(&route);
        let page = stage.send(route.method.as_str(), &path, "unknown", "form_token=guessed");
        match (route.needs, &route.method) {
            (Needs::Nothing, _) => assert!(!leads_to_sign_in(&page) && page.status != 403, "{route:?}: {page:?}"),
            (_, &Method::GET) => assert!(leads_to_sign_in(&page), "{route:?}: {page:?}"),
            // What was typed is kept, and asked for again.
            _ => assert_eq!(page.status, 401, "{route:?}: {page:?}"),
        }
    }
    assert_eq!(stage.run(audited(&stage)), before, "nothing was asked for");
}

#[test]
fn every_address_refuses_exactly_those_who_lack_what_it_needs() {
    let stage = Stage::new();
    let all = form_token(&stage, ADMIN);
    for route in routes() {
        let Needs::May(permission) = route.needs else { continue };
        let path = address(&route);
        let lacking = format!("{LACKS}{permission}");
        let token = form_token(&stage, &lacking);
        let form = |token: &str| format!("form_token={token}&show_again=yes");
        let refused = stage.send(route.method.as_str(), &path, &lacking, &form(&token));
        assert_eq!(refused.status, 403, "{route:?}: {refused:?}");
        assert!(refused.html.contains(permission.as_str()), "{route:?} says what is lacking");
        if is_stream(&path) {
            continue;
        }
        let let_in = stage.send(route.method.as_str(), &path, ADMIN, &form(&all));
        assert_ne!(let_in.status, 403, "{route:?}: {let_in:?}");
        assert!(!leads_to_sign_in(&let_in), "{route:?}");
    }
}

#[test]
fn a_form_without_the_token_of_its_session_does_nothing() {
    let stage = Stage::new();
    let before = stage.run(audited(&stage));
    let others = form_token(&stage, &format!("{LACKS}log-in"));
    for route in routes().into_iter().filter(|route| route.method == Method::POST && route.needs != Needs::Nothing) {
        let path = address(&route);
        for form in [String::new(), "form_token=".into(), format!("form_token={others}")] {
            let page = stage.send("POST", &path, ADMIN, &form);
            assert_eq!(page.status, 403, "{route:?} with {form}: {page:?}");
        }
    }
    assert_eq!(stage.run(audited(&stage)), before, "nothing was asked for");
}
