//! The ways in: who comes through which, what is refused at the start, and an end in order.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use aegir_domain::Remedy;
use aegir_web::{Limits, SocketWay, Ways};
use serde_json::{Value, json};

use crate::client::Talk;
use crate::stage::{Stage, bind, me, request, wait_until};

#[test]
fn only_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "10.0.0.1:8080", "[::]:0"] {
        let fault = bind(Ways { tcp: Some(address.parse().unwrap()), ..Ways::default() }).unwrap_err();

        assert!(fault.to_string().contains(address), "{fault}");
        assert!(fault.remedy().unwrap().contains("127.0.0.1"));
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let stage = Stage::new();

    let fault = bind(Ways { tcp: Some(stage.address), ..Ways::default() }).unwrap_err();

    assert!(fault.remedy().unwrap().contains(&stage.address.port().to_string()));
}

#[test]
fn a_socket_is_not_taken_from_a_front_end_that_answers_and_is_from_one_that_died() {
    let mut stage = Stage::new();
    let way = SocketWay { path: stage.socket.clone(), owner: me() };
    let fault = bind(Ways { socket: Some(way.clone()), ..Ways::default() }).unwrap_err();
    assert!(fault.to_string().contains("another front end"), "{fault}");
    stage.join();
    assert!(!stage.socket.exists());

    drop(std::os::unix::net::UnixListener::bind(&stage.socket).unwrap());
    assert!(bind(Ways { socket: Some(way), ..Ways::default() }).is_ok());
}

#[test]
fn a_socket_lies_where_nobody_else_could_put_theirs_and_is_for_its_owner() {
    let stage = Stage::new();
    let mode = std::fs::metadata(&stage.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);

    let open = stage.home.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
    let fault = bind(Ways { socket: Some(SocketWay { path: open.join("a.sock"), owner: me() }), ..Ways::default() })
        .unwrap_err();
    assert!(fault.remedy().unwrap().contains("chmod o-w"));
    let long = SocketWay { path: open.join("x".repeat(120)), owner: me() };
    assert!(bind(Ways { socket: Some(long), ..Ways::default() }).unwrap_err().to_string().contains("too long"));
}

#[test]
fn another_user_of_the_machine_is_not_let_in_through_the_socket() {
    let stage = Stage::new();
    // Even where the rights of files would let them.
    for (path, mode) in [(stage.home.path(), 0o755), (stage.socket.as_path(), 0o666)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let stranger = 65_534;

    let asked = Command::new("curl")
        .args(["--silent", "--show-error", "--write-out", "\n%{http_code}", "--unix-socket"])
        .arg(&stage.socket)
        .arg("http://localhost/api/v1/sites")
        .uid(stranger)
        .output()
        .expect("curl, and to be root");

    let said = String::from_utf8(asked.stdout).unwrap();
    let (document, status) = said.rsplit_once('\n').unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!((status, document["type"].as_str()), ("403", Some("urn:aegir:problem:not-let-in")));
    assert!(document["detail"].as_str().unwrap().contains(&stranger.to_string()));
    assert!(document["remedy"].as_str().unwrap().contains("sudo -u aegir"));
    // The owner of the home is let in.
    assert_eq!(Talk::socket(&stage.socket).ask("GET /api/v1/sites HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    assert_eq!(stage.double.state().audit.len(), 1);
}

#[test]
fn two_hundred_connections_are_answered_side_by_side() {
    let stage = Stage::new();
    let mut talks: Vec<_> = (0..200).map(|_| stage.talk()).collect();
    for round in 0..3 {
        for (number, talk) in talks.iter_mut().enumerate() {
            let body = json!({ "name": format!("s{number}r{round}.test") });
            talk.send(request("POST", "/api/v1/sites", "token-of-all", &[], Some(&body)));
        }
        assert!(talks.iter_mut().all(|talk| talk.reply().status == 202));
    }
    assert_eq!(stage.double.state().tasks.len(), 600);
}

#[test]
fn more_connections_than_there_is_room_for_wait_their_turn() {
    let stage = Stage::with(Limits { connections: 4, ..Limits::default() });
    let mut held: Vec<_> = (0..4).map(|_| stage.talk()).collect();
    for talk in &mut held {
        assert_eq!(talk.ask(request("GET", "/api/v1/queue", "token-of-all", &[], None)).status, 200);
    }
    let mut waiting = stage.talk();
    waiting.send(request("GET", "/api/v1/queue", "token-of-all", &[], None));
    let asked = stage.double.state().audit.len();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(stage.double.state().audit.len(), asked);

    // The port is full; the socket is not.
    let mut at_socket = Talk::socket(&stage.socket);
    assert_eq!(at_socket.ask("GET /api/v1/queue HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);

    held.pop();

    assert_eq!(waiting.reply().status, 200);
}

#[test]
fn several_requests_on_one_connection_are_answered_in_order() {
    let stage = Stage::new();
    let mut talk = stage.talk();
    let names = ["a.test", "gone.test", "a.test"];

    talk.send(names.map(|name| request("GET", &format!("/api/v1/sites/{name}"), "token-of-all", &[], None)).concat());

    assert_eq!(names.map(|_| talk.reply().status), [200, 404, 200]);
}

#[test]
fn an_end_finishes_what_was_begun_and_takes_nothing_new() {
    let mut stage = Stage::new();
    let mut begun = stage.talk();
    begun.send(request(
        "POST",
        "/api/v1/sites",
        "token-of-all",
        &[("Idempotency-Key", "k")],
        Some(&json!({ "name": "slow.test" })),
    ));
    wait_until("it is under way", || stage.double.underway() == 1);
    let mut idle = stage.talk();
    assert_eq!(idle.ask(request("GET", "/api/v1/queue", "token-of-all", &[], None)).status, 200);

    stage.tell_to_end();
    assert!(idle.is_closed());
    wait_until("nobody listens", || std::net::TcpStream::connect(stage.address).is_err());
    stage.double.gate.add_permits(1);

    assert_eq!(begun.reply().status, 202);
    stage.join();
    assert_eq!(stage.double.state().tasks.len(), 1);
}

#[test]
fn an_end_waits_also_for_a_change_whose_asker_went_away() {
    let mut stage = Stage::new();
    let mut gone = stage.talk();
    let body = json!({ "name": "slow.test" });
    gone.send(request("POST", "/api/v1/sites", "token-of-all", &[("Idempotency-Key", "k")], Some(&body)));
    wait_until("it is under way", || stage.double.underway() == 1);
    drop(gone);
    stage.tell_to_end();
    std::thread::sleep(Duration::from_millis(200));

    stage.double.gate.add_permits(1);
    stage.join();

    assert_eq!(stage.double.state().tasks.len(), 1);
    assert_eq!(stage.double.underway(), 0);
}

#[test]
fn an_end_does_not_wait_for_ever() {
    let mut stage = Stage::with(Limits { ending: Duration::from_millis(500), ..Limits::default() });
    let mut stuck = stage.talk();
    stuck.send(request("GET", "/api/v1/sites/slow.test", "token-of-all", &[], None));
    std::thread::sleep(Duration::from_millis(200));

    let began = Instant::now();
    stage.join();

    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(stuck.try_reply().is_none());
}
