//! Death of the worker, of the follower, of both; Ctrl-C; and the line that goes on where another left off.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::said::Said;
use crate::support::story::{a_killed_install_is_recovered, at_line, worker_of};
use crate::support::world::World;
use crate::support::{Lab, kill, spawn, until, way};

const ENDLESS: [&str; 8] =
    ["install", "@a.localhost", "--platform", "ten", "--db-server", "localhost", "--profile", "endless"];

fn lab(install_limit: u32) -> Lab {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let hostmaster = lab.home().join("hostmaster");
    fs::write(hostmaster.join("aegir.toml"), format!("install_limit = {install_limit}\n")).unwrap();
    lab.give(&hostmaster);
    lab
}

fn request(id: &str, site: &str) -> String {
    serde_json::json!({
        "protocol": 1,
        "attempt": id,
        "task": {
            "kind": "install-site", "site": site, "platform": "ten", "db_server": "localhost", "profile": "minimal",
            "mail": "a@example.org", "account": "admin", "client": "admin",
        },
    })
    .to_string()
}

#[test]
fn a_worker_killed_in_the_middle_is_recovered_by_recover_or_by_its_follower() {
    let lab = lab(600);
    a_killed_install_is_recovered(&lab, &ENDLESS, Duration::from_millis(300));

    let before = World::of(&lab);
    let (follower, folder) = at_line(&lab, &ENDLESS, "run-installer");
    kill(worker_of(&folder));
    let said = Said::whole(follower, &ENDLESS).ends(7).says("another one takes over");
    assert!(said.err.contains("all is as it was"), "{}", said.all());
    World::of(&lab).must_be(&before);

    // What died on an object is recovered by whoever asks for the object next.
    let (mut follower, folder) = at_line(&lab, &ENDLESS, "run-installer");
    follower.kill().unwrap();
    kill(worker_of(&folder));
    follower.wait().unwrap();
    lab.install("a.localhost", "ten").done().says("which died on the same object");
}

#[test]
fn a_worker_killed_at_a_boundary_of_its_journal_is_as_if_it_had_never_begun() {
    let lab = lab(600);
    let before = World::of(&lab);
    let words: Vec<&str> = ENDLESS.iter().map(|word| if *word == "endless" { "minimal" } else { word }).collect();
    for drill in ["before:4", "after:9", "after:14", "fail:10", "fail-after:12"] {
        let mut line = lab.line(&words);
        let said = Said::of(line.env("AEGIR_DRILL", drill).stdin(Stdio::null()), &words);
        said.ends(7);
        World::of(&lab).must_be(&before);
    }
}

#[test]
fn ctrl_c_asks_to_stop_and_a_second_one_leaves_the_task_alone() {
    let lab = lab(8);
    let before = World::of(&lab);
    let (follower, folder) = at_line(&lab, &ENDLESS, "run-installer");
    let pid = Pid::from_raw(follower.id().cast_signed()).unwrap();

    kill_process(pid, Signal::INT).unwrap();
    until("the wish to stop is written down", || folder.join("cancel").exists());
    std::thread::sleep(Duration::from_millis(200));
    kill_process(pid, Signal::INT).unwrap();

    let id = folder.file_name().unwrap().to_string_lossy().into_owned();
    let said = Said::whole(follower, &ENDLESS).ends(6).says("Asked the task to stop");
    let from = said.err.split("--from ").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    assert!(said.err.contains(&format!("aegir provision attach {id} --from {from}")), "{}", said.all());
    let rest = lab.provision(&["attach", &id, "--from", from]).ends(7);
    let first: serde_json::Value = serde_json::from_str(rest.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["n"].to_string(), from);
    World::of(&lab).must_be(&before);
    lab.provision(&["cancel", &id]).done().says("had ended: taken back");
    lab.provision(&["tasks"]).done().says("taken back");
}

#[test]
fn asking_twice_runs_once_and_any_line_can_be_gone_on_from() {
    let lab = lab(600);
    let id = "01900000-0000-7000-8000-000000000001";
    let asked = request(id, "a.localhost");

    let first = lab.provision_with(&["run"], asked.as_bytes()).done();
    let again = lab.provision_with(&["run"], asked.as_bytes()).done();

    let result = |said: &Said| -> serde_json::Value { serde_json::from_str(said.out.lines().last().unwrap()).unwrap() };
    assert!(result(&first)["secret_answer"]["login_link"].as_str().unwrap().starts_with("http://a.localhost:"));
    assert!(result(&again)["secret_answer"].is_null(), "it is given once");
    let lines: Vec<&str> = first.out.lines().collect();
    let middle = lines.len() / 2;
    let rest = lab.provision(&["attach", id, "--from", &(middle + 1).to_string()]).done();
    assert_eq!(rest.out.lines().collect::<Vec<_>>()[..lines.len() - middle - 1], lines[middle..lines.len() - 1]);
    for (place, line) in lines.iter().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["n"], place + 1);
    }
    lab.provision(&["attach", "01900000-0000-7000-8000-000000000009"]).ends(1).remedy("provision tasks");
}

#[test]
fn a_reader_that_goes_away_does_not_touch_the_work() {
    let lab = lab(600);
    let id = "01900000-0000-7000-8000-000000000002";
    let mut line = lab.line(&["run"]);
    let mut child = spawn(line.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), request(id, "a.localhost").as_bytes()).unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);

    let said = Said::whole(child, &["run"]);

    assert!(!said.err.contains("panicked"), "{}", said.all());
    lab.provision(&["attach", id]).done().says("\"outcome\":\"succeeded\"");
}
