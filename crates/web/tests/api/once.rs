//! A request with a key of its own is done once, however often it is sent and whatever becomes of connections.

use serde_json::json;

use crate::stage::{Stage, request, wait_until};

const KEY: (&str, &str) = ("Idempotency-Key", "3d2c8a5e");

#[test]
fn the_same_request_has_the_same_answer_and_is_done_once() {
    let stage = Stage::new();
    let body = json!({ "name": "b.test", "platform": "d10" });

    let first = stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&body));
    let second = stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&body));

    assert_eq!(first.status, 202);
    assert_eq!((second.status, second.json()), (202, first.json()));
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(stage.double.state().tasks.len(), 1);
}

#[test]
fn a_refusal_is_given_again_as_well() {
    let stage = Stage::new();
    let body = json!({ "name": "a.test" });

    let first = stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&body));
    let second = stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&body));

    assert_eq!((first.problem().as_str(), second.problem().as_str()), ("taken", "taken"));
    assert_eq!(first.json(), second.json());
}

#[test]
fn another_request_with_the_same_key_is_refused() {
    let stage = Stage::new();
    stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&json!({ "name": "b.test" })));

    for (path, body) in [
        ("/api/v1/sites", json!({ "name": "c.test" })),
        ("/api/v1/sites?dry_run=true", json!({ "name": "b.test" })),
        ("/api/v1/platforms", json!({ "name": "b" })),
    ] {
        assert_eq!(stage.ask_with("POST", path, &[KEY], Some(&body)).problem(), "key-used", "{path}");
    }
    assert_eq!(stage.double.state().tasks.len(), 1);
}

#[test]
fn a_key_is_its_askers_own() {
    let stage = Stage::new();
    let other = stage.double.token("other", aegir_hosting::Permission::ALL);
    let body = json!({ "name": "b.test" });
    stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&body));

    let reply = stage.talk().ask(request("POST", "/api/v1/sites", &other, &[KEY], Some(&body)));

    assert_eq!(reply.problem(), "taken");
}

#[test]
fn of_two_at_once_one_is_done_and_the_other_is_told_to_wait() {
    let stage = Stage::new();
    let body = json!({ "name": "slow.test" });
    let mut first = stage.talk();
    first.send(request("POST", "/api/v1/sites", "token-of-all", &[KEY], Some(&body)));

    wait_until("the first one is under way", || stage.double.underway() == 1);

    let second = stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&body));
    assert_eq!((second.problem().as_str(), second.header("retry-after")), ("key-underway", Some("1")));
    stage.double.gate.add_permits(1);

    assert_eq!(first.reply().status, 202);
    assert_eq!(stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&body)).status, 202);
    assert_eq!(stage.double.state().tasks.len(), 1);
}

#[test]
fn what_was_asked_is_done_though_the_connection_ends_before_the_answer() {
    let stage = Stage::new();
    let body = json!({ "name": "slow.test" });
    let mut cut = stage.talk();
    cut.send(request("POST", "/api/v1/sites", "token-of-all", &[KEY], Some(&body)));
    wait_until("it is under way", || stage.double.underway() == 1);

    drop(cut);
    stage.double.gate.add_permits(1);

    wait_until("its answer is kept", || stage.double.underway() == 0);
    assert_eq!(stage.ask_with("POST", "/api/v1/sites", &[KEY], Some(&body)).status, 202);
    assert_eq!(stage.double.state().tasks.len(), 1);
}

#[test]
fn after_a_trouble_the_key_may_be_used_again() {
    let stage = Stage::new();
    for name in ["store.test", "lost.test"] {
        let path = format!("/api/v1/sites/{name}/verify");
        let key = ("Idempotency-Key", name);
        let first = stage.ask_with("POST", &path, &[key], None);
        let second = stage.ask_with("POST", &path, &[key], None);
        assert!(first.status >= 502 && second.status == first.status);
    }
    // Both were asked of the front end, and neither was taken for the second time of the other.
    assert_eq!(
        stage.ask_with("POST", "/api/v1/sites/a.test/verify", &[("Idempotency-Key", "store.test")], None).status,
        202
    );
}

#[test]
fn after_a_fault_of_the_program_nothing_was_done_and_the_key_is_free() {
    let stage = Stage::new();
    let path = "/api/v1/sites/broken.test/verify";
    for _ in 0..2 {
        let reply = stage.ask_with("POST", path, &[KEY], None);
        assert_eq!((reply.status, reply.problem().as_str()), (500, "broken"));
    }
    assert_eq!(stage.ask_with("POST", "/api/v1/sites/a.test/verify", &[KEY], None).status, 202);
}

#[test]
fn a_token_is_told_once_and_kept_nowhere() {
    let stage = Stage::new();
    let body = json!({ "name": "ci", "scope": ["view"] });

    let first = stage.ask_with("POST", "/api/v1/tokens", &[KEY], Some(&body));
    let second = stage.ask_with("POST", "/api/v1/tokens", &[KEY], Some(&body));

    assert_eq!(first.json()["token"], "token-of-ci");
    assert_eq!((second.status, &second.json()["token"]), (200, &serde_json::Value::Null));
    assert_eq!(second.json()["label"], "ci");
}

#[test]
fn a_key_is_one_short_text() {
    let stage = Stage::new();
    let long = "k".repeat(201);
    for headers in [
        vec![("Idempotency-Key", "")],
        vec![("Idempotency-Key", "two words")],
        vec![("Idempotency-Key", long.as_str())],
        vec![KEY, KEY],
    ] {
        let reply = stage.ask_with("POST", "/api/v1/sites/a.test/verify", &headers, None);
        assert_eq!(reply.problem(), "malformed", "{headers:?}");
    }
    assert!(stage.double.state().tasks.is_empty());
}
