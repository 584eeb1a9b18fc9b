//! Every problem, as a caller sees it: with a word, a status and a way out; whatever was sent.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aegir_web::Limits;
use aegir_web::api::ProblemKind;
use serde_json::json;

use crate::client::Reply;
use crate::stage::{Stage, request, wait_until};

const SITES: &str = "/api/v1/sites";

/// A request with a body as it is.
fn with_body(method: &str, path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let headers = [("Content-Type", kind), ("Content-Length", &body.len().to_string())];
    let mut text = request(method, path, "token-of-all", &headers, None).into_bytes();
    text.extend_from_slice(body);
    text
}

fn json_body(stage: &Stage, body: &[u8]) -> Reply {
    stage.talk().ask(with_body("POST", SITES, "application/json", body))
}

#[test]
fn every_kind_of_problem_is_met_and_says_the_way_out() {
    let limits =
        Limits { request: Duration::from_millis(400), answer: Duration::from_millis(1_500), ..Limits::default() };
    let stage = Stage::with(limits);
    let viewer = stage.double.token("viewer", [aegir_hosting::Permission::View]);
    let post = |path: &str, body| stage.ask("POST", path, Some(&body));
    let mut met: Vec<Reply> = vec![
        post(SITES, json!({ "name": "A b", "colour": 1 })),
        json_body(&stage, b"{\"name\":"),
        stage.talk().ask("GET /api/v1/sites HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        stage.talk().ask(request("GET", SITES, "nonsense", &[], None)),
        stage.talk().ask(request("POST", "/api/v1/queue/pause", &viewer, &[], None)),
        stage.ask("GET", "/api/v1/sites/gone.test", None),
        stage.ask("GET", "/api/v1/site", None),
        stage.ask("GET", "/api/v1/tasks/1/secret", None),
        stage.ask("PUT", SITES, None),
        stage.talk().ask(request(
            "POST",
            SITES,
            "token-of-all",
            &[("Content-Length", "9"), ("Content-Type", "application/json")],
            None,
        )),
        post(SITES, json!({ "name": "a.test" })),
        post("/api/v1/sites", json!({ "name": "new.test" })),
        post("/api/v1/sites/new.test/verify", json!({})),
        stage.ask("PATCH", "/api/v1/sites/a.test", Some(&json!({ "title": "x" }))),
        stage.ask("PATCH", "/api/v1/sites/a.test", Some(&json!({ "revision": 7 }))),
        json_body(&stage, &vec![b' '; 1024 * 1024 + 1]),
        stage.ask("GET", &format!("{SITES}?search={}", "x".repeat(9_000)), None),
        stage.talk().ask(with_body("POST", SITES, "text/plain", b"{}")),
        stage
            .talk()
            .ask("GET /api/v1/sites HTTP/1.1\r\nHost: rebound.test\r\nAuthorization: Bearer token-of-all\r\n\r\n"),
        stage.ask_with("GET", SITES, &[("X-Padding", &"x".repeat(20_000))], None),
        stage.ask("GET", "/api/v1/sites/broken.test", None),
        stage.ask("GET", "/api/v1/sites/lost.test", None),
        stage.ask("GET", "/api/v1/sites/store.test", None),
        stage.ask("GET", "/api/v1/sites/slow.test", None),
    ];
    let task = stage.a_task();
    met.push(stage.ask("POST", &format!("/api/v1/tasks/{task}/retry"), None));
    let key = [("Idempotency-Key", "k")];
    stage.ask_with("POST", "/api/v1/sites/a.test/verify", &key, None);
    met.push(stage.ask_with("POST", "/api/v1/sites/a.test/login", &key, None));
    let slow = [("Idempotency-Key", "slow")];
    let mut underway = stage.talk();
    underway.send(request("POST", "/api/v1/sites/slow.test/verify", "token-of-all", &slow, None));
    wait_until("it is under way", || stage.double.underway() == 1);
    met.push(stage.ask_with("POST", "/api/v1/sites/slow.test/verify", &slow, None));
    for _ in 0..25 {
        met.push(stage.talk().ask(request("GET", SITES, "wrong", &[], None)));
    }

    let words: BTreeSet<_> = met.iter().filter(|reply| reply.status >= 400).map(Reply::problem).collect();

    // Whom the home does not let in is met with a user of their own, beside.
    let all: BTreeSet<_> =
        ProblemKind::ALL.iter().map(|kind| kind.word().to_owned()).filter(|word| word != "not-let-in").collect();
    assert_eq!(words, all);
    for reply in met.iter().filter(|reply| reply.status >= 400 && reply.status != 502) {
        let document = reply.json();
        let remedied = document["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty());
        assert!(remedied || document.get("because").is_some(), "{document}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("server"), Some("Aegir"));
    }
    stage.double.gate.add_permits(10);
}

#[test]
fn all_wrong_parameters_are_told_at_once_each_with_its_way_out() {
    let stage = Stage::new();

    let reply = stage.ask("POST", SITES, Some(&json!({ "language": "../en", "colour": "red", "mail": 7 })));

    let document = reply.json();
    let parameters = document["parameters"].as_array().unwrap();
    let names: BTreeSet<_> = parameters.iter().map(|one| one["parameter"].as_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["colour", "language", "mail", "name"]));
    assert!(parameters.iter().all(|one| one["why"].is_string() && one["remedy"].is_string()), "{document}");
}

#[test]
fn malformed_json_is_shown_by_line_and_column_and_never_echoed() {
    let stage = Stage::new();
    for (body, place) in [
        (&b"{\n  \"name\": a}"[..], "line 2, column 11"),
        (b"{\"name\": \"a.test\", \"name\": \"b.test\"}", "line 1"),
        (b"{\"name\": \"hunter2", "line 1"),
        (b"[\"hunter2\"]", "line 1"),
        (b"\"hunter2\"", "line 1"),
        (b"{\"name\": \"\xff\xfe hunter2\"}", "line 1"),
        (b"{} hunter2", "line 1, column 4"),
        (b"null", "line 1"),
        (b"\xef\xbb\xbf{}", "line 1"),
        (b"{\"name\": \"\\ud800\"}", "line 1"),
    ] {
        let reply = json_body(&stage, body);
        assert_eq!(reply.problem(), "malformed", "{}", String::from_utf8_lossy(body));
        assert!(reply.json()["detail"].as_str().unwrap().contains(place), "{reply:?}");
        assert!(!reply.body.contains("hunter2"), "{reply:?}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(json_body(&stage, format!("{{\"name\": {deep}").as_bytes()).problem(), "malformed");
    assert!(stage.double.state().tasks.is_empty());
}

#[test]
fn names_are_decoded_once_and_are_never_a_way_elsewhere() {
    let stage = Stage::new();
    for name in [
        "a%2Fb",
        "..%2F..%2Fetc",
        "%2E%2E",
        "a.test%00",
        "%00",
        "a%0Ab",
        "%C3%A9%20",
        "a.test%252Fx",
        "%40%40a.test",
        "a;b",
        "%27%22",
    ] {
        for (method, path) in [("GET", format!("{SITES}/{name}")), ("POST", format!("{SITES}/{name}/verify"))] {
            let reply = stage.ask(method, &path, None);
            assert_eq!(reply.problem(), "bad-parameters", "{path}");
            assert_eq!(reply.json()["parameters"][0]["parameter"], "name", "{reply:?}");
        }
    }
    assert_eq!(stage.ask("GET", "/api/v1/sites/%FF%FE", None).problem(), "malformed");
    assert_eq!(stage.ask("GET", "/api/v1/sites?search=%FF", None).problem(), "malformed");
    // Encoded or not, with its `@` or without, it is the same site.
    for name in ["a.test", "@a.test", "%40a.test", "a%2Etest"] {
        assert_eq!(stage.ask("GET", &format!("{SITES}/{name}"), None).status, 200, "{name}");
    }
    for path in [
        "/api/v1/sites/",
        "/api/v1//sites",
        "/api/v1/sites/../servers",
        "/api/v1/sites/a/b/c",
        "/api%2Fv1/sites",
        "/API/V1/SITES",
    ] {
        assert_eq!(stage.ask("GET", path, None).problem(), "no-address", "{path}");
    }
}

#[test]
fn a_name_in_a_body_is_checked_like_one_in_an_address() {
    let stage = Stage::new();
    let long = format!("{}.test", "x".repeat(300));
    for name in [json!("../x"), json!("a\u{0}b"), json!(""), json!(7), json!(null), json!(["a.test"]), json!(long)] {
        let reply = stage.ask("POST", SITES, Some(&json!({ "name": name })));
        assert_eq!(reply.problem(), "bad-parameters", "{name}");
    }
    assert!(stage.double.state().tasks.is_empty());
}

#[test]
fn an_address_has_its_methods_and_says_which() {
    let stage = Stage::new();
    let table = [
        (SITES, "GET, POST, HEAD", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]),
        ("/api/v1/sites/a.test", "GET, PATCH, DELETE, HEAD", ["POST", "PUT", "OPTIONS", "TRACE", "PROPFIND"]),
        ("/api/v1/sites/a.test/verify", "POST", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]),
        ("/api/v1/tasks/1/secret", "GET", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
    ];
    for (path, allowed, others) in table {
        for method in others {
            let reply = stage.ask(method, path, None);
            assert_eq!(
                (reply.problem().as_str(), reply.header("allow")),
                ("wrong-method", Some(allowed)),
                "{method} {path}"
            );
        }
    }
    assert!(stage.double.state().audit.is_empty());
}

#[test]
fn no_page_of_somebody_elses_may_read_an_answer() {
    let stage = Stage::new();

    let reply = stage.ask_with("GET", SITES, &[("Origin", "https://evil.test")], None);

    assert!(
        reply.headers.iter().all(|(name, _)| !name.to_ascii_lowercase().starts_with("access-control")),
        "{reply:?}"
    );
    assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"));
    for host in ["evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "10.0.0.1", "0.0.0.0", ""] {
        let text = format!("GET {SITES} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer token-of-all\r\n\r\n");
        assert_eq!(stage.talk().ask(text).problem(), "wrong-host", "{host}");
    }
    for host in ["localhost:1", "127.0.0.1", "[::1]:80"] {
        let text = format!("GET {SITES} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer token-of-all\r\n\r\n");
        assert_eq!(stage.talk().ask(text).status, 200, "{host}");
    }
    let absolute =
        "GET http://evil.test/api/v1/sites HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-of-all\r\n\r\n";
    assert_eq!(stage.talk().ask(absolute).problem(), "wrong-host");
}

#[test]
fn a_fault_of_the_program_is_told_by_its_number_and_the_server_goes_on() {
    let stage = Stage::new();

    let reply = stage.ask("GET", "/api/v1/sites/broken.test", None);

    assert_eq!(reply.problem(), "broken");
    assert!(!reply.body.contains("no caller may read"), "{reply:?}");
    let told = stage.machine.told.lock().unwrap().join("\n");
    let number = reply.json()["detail"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert!(told.contains(&number) && told.contains("a fault that no caller may read"), "{told}");
    assert_eq!(stage.ask("GET", SITES, None).status, 200);
}

#[test]
fn a_body_has_a_bound_told_or_not_and_its_sender_sees_the_answer() {
    let stage = Stage::new();
    // Said before.
    let large = vec![b'x'; 8 * 1024 * 1024];
    assert_eq!(json_body(&stage, &large).problem(), "too-large");
    // Not said: in pieces.
    let mut talk = stage.talk();
    let headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")];
    talk.send(request("POST", SITES, "token-of-all", &headers, None));
    for _ in 0..40 {
        talk.send(format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024)));
    }
    talk.send("0\r\n\r\n");
    assert_eq!(talk.reply().problem(), "too-large");
    // Asked first.
    let headers = [("Content-Type", "application/json"), ("Content-Length", "99999999"), ("Expect", "100-continue")];
    assert_eq!(stage.talk().ask(request("POST", SITES, "token-of-all", &headers, None)).problem(), "too-large");
    // Exactly as much as is allowed.
    let mut most = b"{\"name\": \"A b\"".to_vec();
    most.resize(1024 * 1024 - 1, b' ');
    most.push(b'}');
    assert_eq!(json_body(&stage, &most).problem(), "bad-parameters");
}

#[test]
fn a_body_that_nobody_wants_does_not_end_the_connection() {
    let stage = Stage::new();
    let mut talk = stage.talk();
    for (method, path, token) in [
        ("POST", SITES, "wrong"),
        ("GET", SITES, "token-of-all"),
        ("PUT", SITES, "token-of-all"),
        ("POST", "/api/v1/nothing", "token-of-all"),
        ("GET", "/api/v1/openapi.json", "token-of-all"),
    ] {
        talk.send(request(method, path, token, &[("Content-Length", "70000")], None));
        // The body comes when the answer could be on its way already.
        std::thread::sleep(Duration::from_millis(30));
        talk.send("x".repeat(70_000));
        assert!(talk.reply().status >= 200, "{method} {path}");
    }
    assert_eq!(talk.ask(request("GET", SITES, "token-of-all", &[], None)).status, 200);
}

#[test]
fn what_takes_no_body_says_so_and_what_is_no_http_is_no_request() {
    let stage = Stage::new();
    let reply =
        stage.talk().ask(with_body("DELETE", "/api/v1/sites/a.test", "application/json", b"{\"confirm\":\"a.test\"}"));
    assert_eq!(reply.problem(), "malformed");
    for text in
        ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET /api/v1/sites HTTP/9.9\r\n\r\n", "GET /api/v1/ sites HTTP/1.1\r\n\r\n"]
    {
        let mut talk = stage.talk();
        talk.send(text);
        assert!(talk.try_reply().is_none_or(|reply| reply.status == 400), "{text:?}");
        assert!(talk.is_closed());
    }
    let both = [("Content-Length", "5"), ("Transfer-Encoding", "chunked")];
    let mut talk = stage.talk();
    talk.send(request("POST", SITES, "token-of-all", &both, None) + "0\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    // Read as pieces, or refused: in no case is what follows a second request of the same sender.
    let first = talk.try_reply();
    assert!(first.is_none_or(|reply| reply.status >= 400));
    assert!(stage.double.state().tasks.is_empty());
}

#[test]
fn who_sends_nothing_or_slowly_is_hung_up_on() {
    let limits = Limits { request: Duration::from_millis(300), ..Limits::default() };
    let stage = Stage::with(limits);
    let mut silent = stage.talk();
    let mut slow = stage.talk();
    slow.send("GET /api/v1/sites HTTP/1.1\r\nHost: loc");
    let mut idle = stage.talk();
    assert_eq!(idle.ask(request("GET", SITES, "token-of-all", &[], None)).status, 200);
    let began = Instant::now();

    assert!(silent.try_reply().is_none());
    assert!(slow.try_reply().is_none_or(|reply| reply.status == 408));
    assert!(idle.is_closed());
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn who_tries_wrong_tokens_is_held_up_and_who_had_a_right_one_is_not() {
    let stage = Stage::new();
    assert_eq!(stage.ask("GET", SITES, None).status, 200);
    let tried: Vec<_> =
        (0..30).map(|n| stage.talk().ask(request("GET", SITES, &format!("wrong{n}"), &[], None))).collect();

    let held = tried.last().unwrap();
    assert_eq!((tried[0].status, held.status), (401, 429));
    assert!(held.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(stage.ask("GET", SITES, None).status, 200);
}
