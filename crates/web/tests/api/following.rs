//! Events: nothing lost, nothing twice, through cut connections, slow readers and an end of the server.

use std::time::{Duration, Instant};

use aegir_hosting::Permission;
use aegir_web::Limits;

use crate::stage::{Stage, request, wait_until};

fn texts(from: usize, to: usize) -> impl Iterator<Item = String> {
    (from..to).map(|n| format!("line {n}"))
}

#[test]
fn lines_come_as_they_are_said_and_the_end_is_told() {
    let stage = Stage::new();
    let task = stage.a_task();
    let mut events = stage.follow(&format!("/api/v1/tasks/{task}/events"), None);

    stage.double.begin(task);
    stage.double.say(task, ["one\ntwo".into(), "ünï\u{2028}".into()]);
    let first = events.next_event().unwrap();
    let second = events.next_event().unwrap();
    stage.double.end(task, "succeeded");
    let last = events.next_event().unwrap();

    assert_eq!((first.name.as_str(), first.id.as_str()), ("line", "1.1"));
    assert_eq!(first.json()["text"], "one\ntwo");
    assert_eq!((second.id.as_str(), &second.json()["text"]), ("1.2", &"ünï\u{2028}".into()));
    assert_eq!(last.name, "ended");
    assert_eq!(last.json()["state"], "succeeded");
    assert_eq!(events.next_event(), None);
    assert!(events.has_ended());
}

#[test]
fn ten_thousand_lines_through_cut_connections_come_once_each_and_in_order() {
    let stage = Stage::new();
    let task = stage.a_task();
    let path = format!("/api/v1/tasks/{task}/events");
    stage.double.begin(task);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for at in (0..10_000).step_by(250) {
                stage.double.say(task, texts(at, at + 250));
                std::thread::sleep(Duration::from_millis(2));
            }
            stage.double.end(task, "succeeded");
        });
        let (mut read, mut last, mut cuts) = (0, None::<String>, 0);
        'following: loop {
            let mut events = stage.follow(&path, last.as_deref());
            // Each connection is cut after a number of lines of its own.
            for _ in 0..(97 + cuts * 61) {
                let event = events.next_event().expect("the stream goes on");
                if event.name == "ended" {
                    break 'following;
                }
                assert_eq!(event.json()["text"], format!("line {read}"));
                read += 1;
                last = Some(event.id);
            }
            cuts += 1;
        }
        assert_eq!(read, 10_000);
        assert!(cuts > 5, "{cuts}");
    });
}

#[test]
fn a_retry_is_followed_into_its_new_attempt() {
    let stage = Stage::new();
    let task = stage.a_task();
    stage.double.begin(task);
    stage.double.say(task, texts(0, 3));
    stage.double.end(task, "rolled-back");
    stage.ask("POST", &format!("/api/v1/tasks/{task}/retry"), None);

    let mut events = stage.follow(&format!("/api/v1/tasks/{task}/events"), Some("1.2"));
    stage.double.begin(task);
    stage.double.say(task, texts(7, 8));
    stage.double.end(task, "succeeded");

    let ids: Vec<_> = std::iter::from_fn(|| events.next_event()).map(|event| event.id).collect();
    assert_eq!(ids, ["1.3", "2.1", ""]);
}

#[test]
fn without_a_place_the_newest_attempt_is_told_from_its_beginning() {
    let stage = Stage::new();
    let task = stage.a_task();
    for _ in 0..2 {
        stage.double.begin(task);
        stage.double.say(task, texts(0, 1));
    }
    stage.double.end(task, "succeeded");

    let mut events = stage.follow(&format!("/api/v1/tasks/{task}/events"), None);

    assert_eq!(events.next_event().unwrap().id, "2.1");
    assert_eq!(events.next_event().unwrap().name, "ended");
}

/// The memory that this process has, in KiB.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_reader_that_does_not_read_holds_no_memory_and_misses_nothing() {
    let stage = Stage::new();
    let task = stage.a_task();
    stage.double.begin(task);
    // 24 MB of log, which the double itself holds.
    let long = "x".repeat(400_000);
    stage.double.say(task, (0..60).map(|n| format!("{n} {long}")));
    stage.double.end(task, "succeeded");
    let before = memory();

    let mut readers: Vec<_> = (0..10).map(|_| stage.follow(&format!("/api/v1/tasks/{task}/events"), None)).collect();
    std::thread::sleep(Duration::from_millis(1_500));
    let grown = memory().saturating_sub(before) / 1024;

    // Ten readers of the whole would be 240 MB and more; each has no more than a page.
    assert!(grown < 120, "{grown} MB");
    let reader = &mut readers[0];
    for n in 0..60 {
        let event = reader.next_event().unwrap();
        assert!(event.json()["text"].as_str().unwrap().starts_with(&format!("{n} ")));
    }
    assert_eq!(reader.next_event().unwrap().name, "ended");
}

#[test]
fn a_silent_stream_says_that_it_is_there_and_outlives_the_time_limit_of_answers() {
    let limits =
        Limits { heartbeat: Duration::from_millis(100), answer: Duration::from_millis(300), ..Limits::default() };
    let stage = Stage::with(limits);
    let task = stage.a_task();
    let mut events = stage.follow(&format!("/api/v1/tasks/{task}/events"), None);

    let said = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(1_000));
            stage.double.begin(task);
            stage.double.say(task, texts(0, 1));
        });
        events.next_event().unwrap()
    });

    assert_eq!(said.id, "1.1");
    assert!(events.comments >= 3, "{}", events.comments);
}

#[test]
fn a_place_that_is_none_and_a_task_that_is_none_are_refused_before_the_stream() {
    let stage = Stage::new();
    let task = stage.a_task();
    for last in ["x", "1", "1.-1", "0.1", "99999999999999999999.1"] {
        let path = format!("/api/v1/tasks/{task}/events");
        assert_eq!(stage.ask_with("GET", &path, &[("Last-Event-ID", last)], None).problem(), "malformed", "{last}");
    }
    for path in ["/api/v1/tasks/4711/events", "/api/v1/tasks/x/events", "/api/v1/tasks/-1/events"] {
        assert_eq!(stage.ask("GET", path, None).problem(), "unknown", "{path}");
    }
    for path in ["/api/v1/changes?since=x", "/api/v1/changes?since=-1", "/api/v1/changes?until=1"] {
        assert_eq!(stage.ask("GET", path, None).problem(), "malformed", "{path}");
    }
}

#[test]
fn changes_are_taken_up_where_they_were_left() {
    let stage = Stage::new();
    let mut events = stage.follow("/api/v1/changes", None);
    let first = stage.a_task();
    let seen = events.next_event().unwrap();
    drop(events);
    stage.double.begin(first);
    stage.double.say(first, texts(0, 1));

    let mut events = stage.follow("/api/v1/changes", Some(&seen.id));
    let told: Vec<_> = (0..2).map(|_| events.next_event().unwrap()).collect();

    assert_eq!((seen.json()["what"].as_str(), seen.json()["node"].as_i64()), (Some("queued"), Some(first)));
    assert_eq!(told[0].json()["what"], "started");
    assert_eq!(told[1].json()["what"], "lines");
    let mut same = stage.follow(&format!("/api/v1/changes?since={}", seen.id), None);
    assert_eq!(same.next_event().unwrap(), told[0]);
}

#[test]
fn who_comes_back_after_changes_were_cleared_away_is_told_to_begin_anew() {
    let stage = Stage::new();
    let task = stage.a_task();
    for _ in 0..10 {
        stage.double.begin(task);
    }
    stage.double.prune(2);

    let mut events = stage.follow("/api/v1/changes", Some("3"));
    let reset = events.next_event().unwrap();
    stage.double.end(task, "succeeded");
    let following = events.next_event().unwrap();

    assert_eq!(reset.name, "reset");
    assert_eq!(following.json()["what"], "ended");
    assert_eq!(following.id.parse::<i64>().unwrap(), reset.id.parse::<i64>().unwrap() + 1);
    // What is still there goes on without.
    let kept = stage.follow("/api/v1/changes", Some(&reset.id)).next_event().unwrap();
    assert_eq!((kept.name.as_str(), kept.id), ("change", following.id));
}

#[test]
fn of_no_changes_at_all_one_reset_is_told_and_no_more() {
    let stage = Stage::with(Limits { heartbeat: Duration::from_millis(50), ..Limits::default() });
    stage.double.prune(0);
    let mut events = stage.follow("/api/v1/changes", Some("1"));

    assert_eq!(events.next_event().unwrap().name, "reset");
    std::thread::sleep(Duration::from_millis(700));
    stage.a_task();

    assert_eq!(events.next_event().unwrap().name, "change");
}

#[test]
fn when_the_server_ends_every_stream_is_told_and_closed() {
    let mut stage = Stage::new();
    let task = stage.a_task();
    let mut lines = stage.follow(&format!("/api/v1/tasks/{task}/events"), None);
    let mut changes = stage.follow("/api/v1/changes", None);

    let began = Instant::now();
    stage.join();

    for events in [&mut lines, &mut changes] {
        assert_eq!(events.next_event().unwrap().name, "closing");
        assert_eq!(events.next_event(), None);
        assert!(events.has_ended());
    }
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_secret_is_told_once_to_whoever_asked_and_to_nobody_else() {
    let stage = Stage::new();
    let other = stage.double.token("other", aegir_hosting::Permission::ALL);
    let task = stage.ask("POST", "/api/v1/sites/a.test/login", None).json()["task"].as_i64().unwrap();
    let path = format!("/api/v1/tasks/{task}/secret");
    assert_eq!(stage.ask("GET", &path, None).problem(), "no-secret");
    stage.double.carry_out();

    assert_eq!(stage.talk().ask(request("GET", &path, &other, &[], None)).problem(), "no-secret");
    let mut talk = stage.talk();
    talk.send(request("HEAD", &path, "token-of-all", &[], None));
    assert_eq!(talk.head_only().status, 405);
    assert_eq!(stage.ask("GET", &path, None).json()["link"], "http://a.test/user/reset/1/2/3");
    assert_eq!(stage.ask("GET", &path, None).problem(), "no-secret");
}

#[test]
fn an_answer_is_put_off_until_the_task_has_ended_or_the_time_is_over() {
    let stage = Stage::new();
    let prefer = |seconds| stage.ask_with("POST", "/api/v1/sites/a.test/verify", &[("Prefer", seconds)], None);

    let too_short = prefer("wait=1");
    assert_eq!((too_short.status, &too_short.json()["known"]), (202, &false.into()));

    let ended = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| prefer("wait=15"));
        std::thread::sleep(Duration::from_millis(300));
        stage.double.carry_out();
        waiting.join().unwrap()
    });
    assert_eq!((ended.status, ended.header("preference-applied")), (200, Some("wait=15")));
    assert_eq!((&ended.json()["state"], &ended.json()["id"]), (&"succeeded".into(), &too_short.json()["task"]));
}

#[test]
fn whoever_waits_with_a_token_that_is_revoked_is_not_told_the_end() {
    let stage = Stage::with(Limits { token: Duration::from_millis(100), ..Limits::default() });
    let asker = stage.double.token("asker", Permission::ALL);

    let verify = || request("POST", "/api/v1/sites/a.test/verify", &asker, &[("Prefer", "wait=15")], None);
    let answer = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| stage.talk().ask(verify()));
        std::thread::sleep(Duration::from_millis(300));
        stage.double.state().tokens.remove("asker");
        std::thread::sleep(Duration::from_millis(200));
        stage.double.carry_out();
        waiting.join().unwrap()
    });

    // What was asked for stays so: it was allowed then.
    assert_eq!((answer.status, answer.header("preference-applied")), (202, None));
    assert_eq!(answer.json().get("state"), None);
}

#[test]
fn many_follow_at_once() {
    let stage = Stage::new();
    let task = stage.a_task();
    let path = format!("/api/v1/tasks/{task}/events");
    let mut followers: Vec<_> = (0..200).map(|_| stage.follow(&path, None)).collect();
    stage.double.begin(task);
    stage.double.say(task, texts(0, 50));
    stage.double.end(task, "succeeded");

    for events in &mut followers {
        let ids: Vec<_> = std::iter::from_fn(|| events.next_event()).map(|event| event.id).collect();
        assert_eq!(ids.len(), 51);
    }
    wait_until("they are gone", || stage.ask("GET", "/api/v1/queue", None).status == 200);
}

#[test]
fn a_token_that_is_revoked_is_told_no_more() {
    let stage = Stage::with(Limits { token: Duration::from_millis(100), ..Limits::default() });
    let task = stage.a_task();
    stage.double.begin(task);
    let reader = stage.double.token("reader", [Permission::View]);
    let follow = |path: &str| stage.talk().follow(request("GET", path, &reader, &[], None));
    let mut streams = [follow(&format!("/api/v1/tasks/{task}/events")), follow("/api/v1/changes")];
    let mut others = stage.follow(&format!("/api/v1/tasks/{task}/events"), None);
    stage.double.say(task, ["before".into()]);
    for events in &mut streams {
        assert!(["line", "change"].contains(&events.next_event().unwrap().name.as_str()));
    }

    stage.double.state().tokens.remove("reader");
    std::thread::sleep(Duration::from_millis(500));
    stage.double.say(task, ["behind".into()]);

    for events in &mut streams {
        let last = std::iter::from_fn(|| events.next_event()).inspect(|event| assert!(!event.data.contains("behind")));
        let last = last.last().unwrap();
        assert!(last.name == "trouble" && last.data.contains("wrong-token"), "{last:?}");
        assert!(events.has_ended());
    }
    assert!(others.next_event().unwrap().data.contains("before"));
    assert!(others.next_event().unwrap().data.contains("behind"));
}
