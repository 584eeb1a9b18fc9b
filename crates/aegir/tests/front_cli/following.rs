//! A task that is followed: none of its lines is lost or told twice, whatever happens to the front end.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{Stage, interrupt, interrupted};
use crate::support::said::Said;

/// The lines `line N` that were told, in their order.
fn told(said: &Said) -> Vec<u64> {
    said.out.lines().filter_map(|line| line.strip_prefix("line ")?.parse().ok()).collect()
}

fn say(stage: &Stage, task: i64, lines: std::ops::RangeInclusive<u64>) {
    for n in lines {
        stage.front.say(task, "log", "info", &format!("line {n}"));
    }
}

fn done() -> Value {
    json!({ "state": "succeeded", "outcome": "succeeded", "changed": true })
}

#[test]
fn a_front_end_that_restarts_costs_no_line_and_doubles_none() {
    let mut stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    let words = ["task", "follow", "42"];
    let child = stage.begin(&words);
    stage.front.wait_for("events");
    say(&stage, task, 1..=500);

    stage.front.kill();
    std::thread::sleep(Duration::from_secs(2));
    say(&stage, task, 501..=600);
    stage.front.begin();
    say(&stage, task, 601..=1000);
    stage.front.end(task, &done());

    let said = Said::whole(child, &words).done();
    assert_eq!(told(&said), (1..=1000).collect::<Vec<_>>());
    assert!(said.err.contains("The front end went away") && said.err.contains("is back"), "{}", said.err);
}

#[test]
fn a_stream_that_is_cut_anywhere_goes_on_where_it_was() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    say(&stage, task, 1..=10_000);
    stage.front.end(task, &done());
    // In the middle of an event each time, the first one too.
    stage.front.state().cuts = vec![1, 1, 2, 1000, 7, 3000];
    let words = ["task", "follow", "42"];

    let said = stage.aegir(&words).done();

    assert_eq!(told(&said), (1..=10_000).collect::<Vec<_>>());
    assert!(stage.front.state().cuts.is_empty());
}

#[test]
fn the_next_attempt_is_followed_too() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    let words = ["task", "follow", "42"];
    let child = stage.begin(&words);
    stage.front.wait_for("events");
    say(&stage, task, 1..=3);
    stage.front.state().tasks.get_mut(&task).unwrap().begin();
    say(&stage, task, 1..=2);
    stage.front.end(task, &done());

    let said = Said::whole(child, &words).done().says("Attempt 2 begins.");

    assert_eq!(told(&said), [1, 2, 3, 1, 2]);
}

#[test]
fn ctrl_c_leaves_the_task_and_says_how_to_come_back() {
    let stage = Stage::new();
    let words = ["site", "verify", "a.test"];
    let child = stage.begin(&words);
    stage.front.wait_for("events");
    say(&stage, 42, 1..=3);
    std::thread::sleep(Duration::from_millis(300));

    let said = interrupted(child, &words).ends(6);

    assert!(said.err.contains("The task goes on. To follow it: `aegir task follow 42 --from 4`"), "{}", said.all());
    assert_eq!(stage.front.state().tasks[&42].view["state"], "running");
    say(&stage, 42, 4..=5);
    stage.front.end(42, &json!({ "state": "rolled-back" }));
    assert_eq!(told(&stage.aegir(&["task", "follow", "42", "--from", "4"]).ends(7)), [4, 5]);
}

#[test]
fn ctrl_c_is_heard_while_the_front_end_is_away() {
    let mut stage = Stage::new();
    stage.front.task("a.test", "site-verify");
    let words = ["task", "follow", "42"];
    let child = stage.begin(&words);
    stage.front.wait_for("events");
    stage.front.kill();
    std::thread::sleep(Duration::from_millis(800));

    let said = interrupted(child, &words).ends(6);

    assert!(said.err.contains("task follow 42"), "{}", said.all());
    stage.front.begin();
}

#[test]
fn a_task_that_ended_long_ago_is_told_as_it_was() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    say(&stage, task, 1..=3);
    stage.front.end(task, &json!({ "state": "refused" }));

    for words in [
        &["task", "follow", "#42"][..],
        &["task", "log", "42", "--follow"],
        &["task", "log", "42", "-f", "--attempt", "1"],
    ] {
        assert_eq!(told(&stage.aegir(words).ends(4)), [1, 2, 3]);
    }
    stage.aegir(&["task", "follow", "7"]).ends(1).says("there is no task `7`");
}

#[test]
fn a_program_that_follows_gets_a_line_for_each_event() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    stage.front.say(task, "step", "doing", "create-database");
    say(&stage, task, 2..=3);
    stage.front.end(task, &done());

    let said = stage.aegir(&["task", "follow", "42", "--json"]).done();

    let events: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        events.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>(),
        ["line", "line", "line", "ended"]
    );
    assert_eq!(events[0]["line"]["text"], "create-database");
    assert_eq!(events[3]["task"]["state"], "succeeded");
}

#[test]
fn steps_are_told_to_who_wants_all() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    stage.front.say(task, "step", "doing", "create-database");
    stage.front.say(task, "step", "done", "create-database");
    stage.front.say(task, "log", "error", "no room");
    stage.front.say(task, "step", "undone", "create-database");
    stage.front.end(task, &json!({ "state": "rolled-back" }));

    let said = stage.aegir(&["task", "follow", "42"]).ends(7).says("failed: no room\nTaking back what was done.");
    assert!(!said.out.contains("create-database"), "{}", said.all());
    stage
        .aegir(&["task", "follow", "42", "-v"])
        .ends(7)
        .says("  done create-database")
        .says("  undone create-database");
}

#[test]
fn that_a_back_end_died_and_was_recovered_is_said() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    stage.front.end(task, &json!({ "state": "rolled-back", "recovered": true }));

    let said = stage.aegir(&["task", "follow", "42"]).ends(7);

    assert!(said.err.contains("Recovered: its back end died in the middle"), "{}", said.all());
    let other = stage.front.task("b.test", "site-verify");
    stage.front.end(other, &json!({ "state": "rolled-back" }));
    let said = stage.aegir(&["task", "follow", &other.to_string()]).ends(7);
    assert!(!said.err.contains("Recovered"), "{}", said.all());
}

#[test]
fn what_a_task_waits_for_is_said() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    let waiting = |state: &str, why: &str| {
        let mut front = stage.front.state();
        let view = &mut front.tasks.get_mut(&task).unwrap().view;
        view["state"] = state.into();
        view["waits_for"] = why.into();
    };
    waiting("waiting", "task 7, which builds @platform_d10");
    let words = ["task", "follow", "42"];
    let child = stage.begin(&words);
    stage.front.wait_for("events");
    std::thread::sleep(Duration::from_millis(600));
    stage.front.end(task, &json!({ "state": "cancelled" }));

    Said::whole(child, &words).ends(7).says("Waits for task 7, which builds @platform_d10.");
}

#[test]
fn a_retry_is_followed_from_its_own_first_line() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    say(&stage, task, 1..=3);
    stage.front.end(task, &json!({ "state": "refused" }));

    let said = stage.aegir(&["task", "retry", "42"]).done().says("Tried again");

    assert_eq!(told(&said), [0_u64; 0]);
}

#[test]
fn a_reader_that_goes_away_does_not_disturb() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    say(&stage, task, 1..=20_000);
    let words = ["task", "follow", "42"];
    let mut child = crate::support::spawn(stage.line(&words).stdout(Stdio::piped()).stderr(Stdio::piped()));
    drop(child.stdout.take());

    let said = Said::whole(child, &words).ends(6);

    assert!(!said.err.contains("panicked"), "{}", said.all());
}

#[test]
fn a_second_ctrl_c_ends_the_program() {
    let stage = Stage::new();
    stage.front.task("a.test", "site-verify");
    let words = ["task", "follow", "42"];
    let mut child = stage.begin(&words);
    stage.front.wait_for("events");

    interrupt(&child);
    interrupt(&child);

    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(6 | 130)), "{code:?}");
}
