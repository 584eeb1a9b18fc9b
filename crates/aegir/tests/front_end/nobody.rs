//! No front end runs: commands do their own task, those who look touch nothing, and a crontab works on the queue.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aegir_domain::NodeId;
use aegir_store::Dialect;
use serde_json::{Value, json};

use crate::served::{House, on_both};
use crate::stage::hold;
use crate::support::said::Said;
use crate::support::story::attempts;
use crate::support::{free_port, spawn, until};

#[test]
fn with_no_front_end_a_command_does_its_own_task() {
    on_both(|house| {
        let said = house.aegir(&["server", "add", "files", "--db", "sqlite"]).done();
        assert!(said.out.contains("succeeded"), "{}", said.all());
        assert_eq!(house.leases(), [], "whoever comes next begins at once");

        // What it says comes while it says it.
        let held = hold(&house.lab, "files");
        let home = house.home.display().to_string();
        let words = ["--home", &home, "server", "verify", "files", "--verbose"];
        let mut line = house.lab.as_user(&words);
        let mut child = spawn(line.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        while !told.contains("Waiting for") {
            assert!(out.read_line(&mut told).unwrap() > 0, "it ended:\n{told}");
        }
        drop(held);
        out.read_to_string(&mut told).unwrap();
        let said = Said::whole(child, &words).done();
        assert!(told.contains("succeeded"), "{told}\n{}", said.all());

        // Asked for and left alone, it waits until somebody works on the queue.
        let said = house.aegir(&["server", "verify", "files", "--no-wait"]).done().says("aegir queue dispatch --once");
        let task = NodeId(said.out.split(' ').next().unwrap().parse().unwrap());
        house.aegir(&["task", "list"]).done().says("waiting");
        assert_eq!(house.state(task), "waiting");
        assert_eq!(house.leases(), []);
        let said = house.aegir(&["queue", "dispatch", "--once"]).done();
        assert_eq!(said.out, format!("succeeded    @server_files (task {task})\n"));
        // Which cron would send by mail. Tests have the environment of whoever started them.
        assert!(said.err.lines().all(|line| line.contains(".pgpass")), "{}", said.all());
        house.is_told_whole(task, "succeeded");
        assert_eq!(house.leases(), []);
        house.aegir(&["queue", "dispatch", "--once"]).done().says("Nothing was to be done");
        assert_eq!(attempts(&house.lab).len(), 3, "nothing ran twice");
    });
}

#[test]
fn whoever_merely_looks_takes_no_lease_and_begins_nothing() {
    on_both(|house| {
        house.aegir(&["server", "add", "files", "--db", "sqlite"]).done();
        let fences = || house.read(async |read| read.leases().await);
        let before = fences();
        assert_eq!(before.len(), 1);
        let task = house.queues(&["server", "verify", "files"]);
        let number = task.to_string();
        for words in [
            &["server", "list"][..],
            &["server", "show", "files"],
            &["task", "show", &number],
            &["queue", "show"],
            &["queue", "pause"],
            &["queue", "resume"],
            &["server", "verify", "files", "--dry-run"],
            &["settings", "list"],
            &["task", "follow", &first_task(&house)],
        ] {
            house.aegir(words).done();
        }

        assert_eq!(fences(), before, "a lease that is taken has a new fence");
        assert_eq!(house.state(task), "waiting");
        house.aegir(&["task", "follow", &number]).done();
        assert_ne!(fences(), before, "whoever follows a task that waits has it done");
        house.is_told_whole(task, "succeeded");
    });
}

/// The number of a task that has ended.
fn first_task(house: &House) -> String {
    let tasks = house.asks(&["task", "list", "--state", "succeeded"]);
    tasks["items"][0]["id"].to_string()
}

#[test]
fn a_crontab_line_works_on_the_queue_until_all_is_recorded_and_tells_who_wants_to_know() {
    on_both(|house| {
        let (port, told) = hook();
        let hook = format!("http://127.0.0.1:{port}/aegir");
        house.aegir(&["settings", "set", "news_webhook", &hook]).done();
        let good = house.queues(&["server", "add", "files", "--db", "sqlite"]);
        let nobody = free_port().to_string();
        let bad = house.queues(&[
            "server",
            "add",
            "db1",
            "--db",
            "mariadb",
            "--db-host",
            "127.0.0.1",
            "--db-port",
            &nobody,
            "--db-account",
            "root",
        ]);

        let done = house.asks(&["queue", "dispatch", "--once"]);

        assert_eq!(done["front_end"], false);
        let states: Vec<_> = done["tasks"].as_array().unwrap().iter().map(|task| &task["state"]).collect();
        assert_eq!(states.len(), 2, "{done}");
        house.is_told_whole(good, "succeeded");
        assert_ne!(house.state(bad), "succeeded");
        assert_eq!(done["sent"], 1, "{done}");
        let news = told.recv_timeout(Duration::from_secs(5)).unwrap();
        assert!(news.contains(&format!("\"task\":{bad}")), "{news}");
        assert_eq!(house.leases(), []);
        let copies = house.home.join("backups/hostmaster");
        let copied = std::fs::read_dir(copies).map_or(0, Iterator::count);
        assert_eq!(copied, 1, "the nightly copy");
    });
}

#[test]
fn a_crontab_line_leaves_alone_what_a_front_end_or_another_line_works_on() {
    let house = House::new(Dialect::Sqlite);
    house.aegir(&["server", "add", "files", "--db", "sqlite"]).done();
    let held = hold(&house.lab, "files");
    let task = house.queues(&["server", "verify", "files"]);
    let home = house.home.display().to_string();
    let mut first = house.lab.as_user(&["--home", &home, "queue", "dispatch", "--once"]);
    let first = spawn(first.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    house.until_it_waits(task);

    let second = house.asks(&["queue", "dispatch", "--once"]);
    assert_eq!(second, json!({ "front_end": false, "tasks": [], "elsewhere": ["files"], "sent": 0 }));

    // Told to end, it leaves the task alone, and a front end goes on with it at once.
    let pid = rustix::process::Pid::from_raw(first.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    Said::whole(first, &["queue", "dispatch", "--once"]).ends(6).says("goes on");
    assert_eq!(house.state(task), "running");
    assert_eq!(house.leases(), []);
    let served = house.serve();
    let answer = house.asks(&["queue", "dispatch", "--once"]);
    assert_eq!((answer["front_end"].clone(), answer["tasks"].clone()), (Value::Bool(true), json!([])));
    house.aegir(&["queue", "dispatch", "--once"]).done().says("A front end runs");
    served.attaches(&house, house.attempt(task).id);
    drop(held);
    house.until_state(task, "succeeded");
    house.is_told_whole(task, "succeeded");
    served.stop();

    house.aegir(&["queue", "dispatch"]).ends(2).says("--once").remedy("aegir serve");
}

#[test]
fn what_is_cancelled_while_nobody_works_is_told_by_whoever_works_next() {
    let house = House::new(Dialect::Sqlite);
    house.aegir(&["server", "add", "files", "--db", "sqlite"]).done();
    let served = house.serve();
    let held = hold(&house.lab, "files");
    let task = house.queues(&["server", "verify", "files"]);
    let attempt = house.until_it_waits(task);
    served.kill9();

    let said = house.aegir(&["task", "cancel", &task.to_string()]).done();
    assert!(said.err.contains("No front end runs"), "{}", said.all());
    assert_eq!(house.state(task), "running");
    let home = house.home.display().to_string();
    let words = ["--home", &home, "queue", "dispatch", "--once"];
    let mut line = house.lab.as_user(&words);
    let working = spawn(line.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let told = house.home.join("tasks").join(attempt.to_string()).join("cancel");
    until("the back end is told", || told.exists());
    // It looks at that before its next line.
    drop(held);
    let said = Said::whole(working, &words).done();

    assert_eq!(said.err, "", "{}", said.all());
    assert_eq!(house.attempt(task).id, attempt);
    house.is_told_whole(task, "rolled-back");
    // What waits is taken back by whoever was asked.
    let waiting = house.queues(&["server", "verify", "files"]);
    let said = house.aegir(&["task", "cancel", &waiting.to_string()]).done();
    assert_eq!((said.err.as_str(), house.state(waiting).as_str()), ("", "cancelled"));
}

/// A crontab line that was killed keeps nobody waiting either.
#[test]
fn a_command_that_is_killed_leaves_its_task_to_the_next_one_at_once() {
    let house = House::new(Dialect::Sqlite);
    house.aegir(&["server", "add", "files", "--db", "sqlite"]).done();
    let held = hold(&house.lab, "files");
    let home = house.home.display().to_string();
    let mut line = house.lab.as_user(&["--home", &home, "server", "verify", "files"]);
    let mut child = spawn(line.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
    let task = NodeId(first_task(&house).parse().unwrap());
    let mut next = task;
    until("it is queued", || {
        let tasks = house.asks(&["task", "list", "--state", "running"]);
        next = NodeId(tasks["items"][0]["id"].as_i64().unwrap_or(task.0));
        next != task
    });
    house.until_it_waits(next);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(house.leases().len(), 1, "it could give nothing back");

    let began = std::time::Instant::now();
    drop(held);
    house.aegir(&["task", "follow", &next.to_string()]).done();

    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    house.is_told_whole(next, "succeeded");
}

/// A webhook on loopback: its port, and the bodies that came.
fn hook() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            if tell.send(String::from_utf8(body).unwrap()).is_err() {
                return;
            }
        }
    });
    (port, told)
}
