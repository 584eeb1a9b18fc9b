//! A front end that is killed while a task runs: the task goes on, and the next front end tells all of it.

use std::time::Duration;

use aegir_domain::SshAddress;
use aegir_domain::protocol::{Line, Said};
use aegir_store::Dialect;

use crate::served::{House, on_both};
use crate::sshd::Sshd;
use crate::stage::{as_owner, events, hold, public_key};
use crate::support::story::{attempts, worker_if_any};
use crate::support::{Lab, until, way};

/// How often one is killed, each time later by so much: from before its task begins until after it has ended.
const ROUNDS: u32 = 16;
const STEP: Duration = Duration::from_millis(12);
/// How long the next one may take. A lease ends by itself after thirty seconds.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn a_front_end_that_is_killed_loses_no_line_and_runs_nothing_twice() {
    on_both(|house| {
        let served = house.serve();
        house.aegir(&["server", "add", "files", "--db", "sqlite"]).done();
        let before = attempts(&house.lab).len();
        let held = hold(&house.lab, "files");
        let task = house.queues(&["server", "verify", "files"]);
        let attempt = house.until_it_waits(task);

        served.kill9();
        assert!(worker_if_any(&house.home.join("tasks").join(attempt.to_string())).is_some(), "it goes on");
        let served = house.serve();
        let took = served.attaches(&house, attempt);
        println!("attached {took:?} after it answered");
        assert!(took < AT_ONCE, "{took:?}");

        // Now it ends while nobody listens.
        served.kill9();
        drop(held);
        until("the task has ended", || {
            matches!(events(&house.lab, attempt).last(), Some(Line { said: Said::Result(_), .. }))
        });
        assert_eq!(house.state(task), "running", "nobody could hear it");
        let served = house.serve();
        house.until_state(task, "succeeded");
        house.is_told_whole(task, "succeeded");
        assert_eq!(attempts(&house.lab).len(), before + 1, "nothing ran twice");
        // What the front end forgot with its process is not what it needs to go on.
        house.aegir(&["server", "verify", "files"]).done();
        served.stop();
        assert_eq!(house.leases(), []);
    });
}

#[test]
fn a_front_end_can_be_killed_at_any_moment_of_a_task() {
    on_both(|house| {
        let mut served = house.serve();
        house.aegir(&["server", "add", "files", "--db", "sqlite"]).done();
        let before = attempts(&house.lab).len();
        let mut tasks = Vec::new();
        for round in 0..ROUNDS {
            let task = house.queues(&["server", "verify", "files"]);
            std::thread::sleep(STEP * round);
            served.kill9();
            let begun = house.read(async |read| read.attempts(task).await).pop();
            let stored = begun.map(|attempt| house.stored(attempt.id).len());
            println!("killed after {:?}: {} of it, {stored:?} lines stored", STEP * round, house.state(task));
            served = house.serve();
            house.until_state(task, "succeeded");
            tasks.push(task);
        }

        for task in tasks {
            house.is_told_whole(task, "succeeded");
        }
        assert_eq!(attempts(&house.lab).len(), before + ROUNDS as usize, "nothing ran twice");
        served.stop();
    });
}

#[test]
fn a_front_end_that_is_killed_while_another_machine_is_cut_off_loses_no_line_either() {
    let house = House::of(Lab::bare(way()), Dialect::Sqlite);
    let key = as_owner(&house.lab, async || public_key(&house.lab).await);
    let sshd = Sshd::start(&house.lab, &key);
    add_behind_ssh(&house, &sshd);
    let served = house.serve();
    house.until_enabled("@server_web2");
    let before = attempts(&house.lab).len();
    let held = hold(&house.lab, "web2");
    let task = house.queues(&["server", "verify", "web2"]);
    let attempt = house.until_it_waits(task);

    sshd.cut();
    until("the connection is gone", || sshd.connections().is_empty());
    served.kill9();
    let served = house.serve();
    let took = served.attaches(&house, attempt);
    println!("attached over ssh {took:?} after it answered");
    assert!(took < Duration::from_secs(10), "{took:?}");
    // Cut once more, while it tells.
    sshd.cut();
    drop(held);

    house.until_state(task, "succeeded");
    house.is_told_whole(task, "succeeded");
    assert_eq!(attempts(&house.lab).len(), before + 1, "nothing ran twice");
    served.stop();
}

/// Queues a server `web2` behind ssh while no front end runs, with the key that it shows.
pub fn add_behind_ssh(house: &House, sshd: &Sshd) {
    let SshAddress { host, user, port, host_key, home, program } = sshd.address(&house.lab);
    let (host, user, port, home) = (host.to_string(), user.to_string(), port.to_string(), home.to_string());
    let (key, program) = (host_key.unwrap().to_string(), program.unwrap().to_string());
    let over = ["--ssh-host", &host, "--ssh-user", &user, "--ssh-port", &port, "--ssh-host-key", &key];
    let there = ["--server-home", &home, "--ssh-program", &program];
    house.queues(&[&["server", "add", "web2", "--db", "sqlite"], &over[..], &there[..]].concat());
}

#[test]
fn an_install_in_its_middle_outlives_its_front_end_and_can_be_taken_back_by_the_next() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let house = House::of(lab, Dialect::Sqlite);
    let served = house.serve();
    house.until_enabled("@platform_ten");
    house.aegir(&["platform", "verify", "ten"]).done();
    let task = house.queues(&["site", "add", "a.localhost", "--platform", "ten", "--profile", "endless"]);
    house.until_state(task, "running");
    let attempt = house.attempt(task).id;
    until("Drupal's installer runs", || {
        house.stored(attempt).iter().any(|line| format!("{:?}", line.said).contains("run-installer"))
    });
    let stored = house.stored(attempt).len();

    served.kill9();
    let served = house.serve();
    let took = served.attaches(&house, attempt);
    assert!(took < AT_ONCE, "{took:?}");
    house.aegir(&["task", "cancel", &task.to_string()]).done();

    house.until_state(task, "rolled-back");
    house.is_told_whole(task, "rolled-back");
    assert!(stored > 10 && house.stored(attempt).len() > stored, "it was in its middle: {stored} lines");
    served.stop();
}
