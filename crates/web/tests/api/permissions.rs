//! Who may what: every address, with every set of permissions.

use std::collections::BTreeSet;

use aegir_hosting::{Names, OperationId, Permission, Permissions};
use aegir_web::api::{OwnRoute, document, route_of};
use serde_json::{Value, json};

use crate::client::Talk;
use crate::recorded;
use crate::stage::{Stage, request};

/// Every set of permissions.
fn sets() -> Vec<Permissions> {
    let chosen = |bits: usize| {
        let all = Permission::ALL.into_iter().enumerate();
        all.filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, permission)| permission).collect()
    };
    (0..1 << Permission::ALL.len()).map(chosen).collect()
}

/// What is asked: method, address, body; and what it takes.
struct Asked {
    method: String,
    path: String,
    template: String,
    body: Option<Value>,
    needs: Option<Permission>,
    /// What is audited, where the front end is asked.
    operation: Option<String>,
}

fn everything() -> Vec<Asked> {
    let operations = OperationId::ALL.into_iter().map(|id| {
        let operation = id.declaration();
        let route = route_of(&operation);
        let name = match operation.subject.word() {
            "task" | "session" | "bulk" => "1",
            "settings" => "tasks_at_once",
            "site" => "a.test",
            "backup" => "a.test-20261121.021530.tar.zst",
            "trash" => "a.test-20261121.021530-0a1b2c3d4e5f",
            _ => "d10",
        };
        let body = match operation.names {
            Names::New(_) => Some(json!({ "name": "new" })),
            _ => None,
        };
        Asked {
            method: route.method.to_string(),
            path: route.at(name),
            template: route.path,
            body,
            needs: Some(operation.needs),
            operation: Some(operation.name()),
        }
    });
    let own = OwnRoute::ALL.into_iter().map(|own| {
        let route = own.route();
        let needs = match own {
            OwnRoute::TaskEvents | OwnRoute::Changes => Some(Permission::View),
            OwnRoute::BackupDownload | OwnRoute::BackupUpload => Some(Permission::Manage),
            // The first is decided by who asked for the task; the document is for whoever is let in.
            OwnRoute::TaskSecret | OwnRoute::Document => None,
        };
        let path = route.at("1");
        Asked { method: route.method.to_string(), path, template: route.path, body: None, needs, operation: None }
    });
    operations.chain(own).collect()
}

#[test]
fn nobody_does_what_their_permissions_do_not_hold_and_anybody_what_they_do() {
    let stage = Stage::new();
    let everything = everything();
    let mut reached = BTreeSet::new();
    for (number, set) in sets().into_iter().enumerate() {
        let token = stage.double.token(&format!("t{number}"), set.iter());
        for asked in &everything {
            let streams = asked.template.ends_with("/events") || asked.template.ends_with("/changes");
            let before = stage.double.state().audit.len();
            let text = request(&asked.method, &asked.path, &token, &[], asked.body.as_ref());
            let mut talk = stage.talk();
            let may = asked.needs.is_none_or(|needs| set.hold(needs));
            let what = format!("{} {} with {:?}", asked.method, asked.path, set.iter().collect::<Vec<_>>());
            if may && streams && asked.template.ends_with("/changes") {
                talk.follow(text);
                continue;
            }
            let reply = talk.ask(text);
            match may {
                true => assert!(!matches!(reply.status, 401 | 403), "{what}: {reply:?}"),
                false => {
                    assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{what}");
                    let detail = reply.json()["detail"].to_string();
                    assert!(detail.contains(asked.needs.unwrap().as_str()), "{what}: {detail}");
                }
            }
            // The address led to this operation and to no other.
            if let Some(operation) = &asked.operation
                && let Some(audited) = stage.double.state().audit.get(before)
            {
                assert_eq!(&audited.operation, operation, "{what}");
                assert_eq!(audited.actor, format!("token t{number}"));
                reached.insert(operation.clone());
            }
        }
    }
    assert_eq!(reached.len(), OperationId::ALL.len());
}

#[test]
fn no_address_is_left_out_of_the_test_above() {
    let tested: BTreeSet<_> =
        everything().into_iter().map(|asked| (asked.template, asked.method.to_ascii_lowercase())).collect();
    let document = document();
    let paths = document["paths"].as_object().unwrap();

    let described: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())))
        .collect();

    assert_eq!(tested, described);
}

#[test]
fn without_a_token_nothing_is_answered_at_any_address() {
    let stage = Stage::new();
    let mut talk = stage.talk();
    for asked in everything() {
        let text = format!("{} {} HTTP/1.1\r\nHost: localhost\r\n\r\n", asked.method, asked.path);
        let reply = talk.ask(text);
        assert_eq!((reply.status, reply.problem().as_str()), (401, "no-token"), "{}", asked.path);
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    for path in ["/", "/api/v1", "/api/v1/nothing", "/api/v2/sites"] {
        assert_eq!(talk.ask(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 401);
    }
    assert!(stage.double.state().audit.is_empty());
}

#[test]
fn who_comes_through_the_socket_is_known_by_their_user_and_may_everything() {
    let stage = Stage::new();
    let mut talk = Talk::socket(&stage.socket);
    for asked in everything().into_iter().filter(|asked| asked.operation.is_some()) {
        let body = asked.body.map(|body| body.to_string()).unwrap_or_default();
        let length = body.len();
        let reply = talk.ask(format!(
            "{} {} HTTP/1.1\r\nHost: anything\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
            asked.method, asked.path
        ));
        assert!(!matches!(reply.status, 401 | 403), "{}: {reply:?}", asked.path);
    }
    let state = stage.double.state();
    assert!(state.audit.iter().all(|entry| entry.door == "machine" && !entry.actor.starts_with("token")));
}

#[test]
fn a_token_on_the_socket_is_its_bearer() {
    let stage = Stage::new();
    let token = stage.double.token("viewer", [Permission::View]);

    let reply = Talk::socket(&stage.socket).ask(request("POST", "/api/v1/queue/pause", &token, &[], None));

    assert_eq!(reply.problem(), "forbidden");
}

#[test]
fn every_address_is_the_one_that_was_published() {
    let table: Vec<_> = everything()
        .iter()
        .map(|asked| {
            let needs = asked.needs.map_or("-", Permission::as_str);
            format!(
                "{:<6} {:<38} {:<10} {}",
                asked.method,
                asked.template,
                needs,
                asked.operation.as_deref().unwrap_or("-")
            )
        })
        .collect();
    recorded::compare("addresses.txt", &table.join("\n"));
}
