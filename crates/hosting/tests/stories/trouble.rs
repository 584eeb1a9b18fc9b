//! A control database in trouble while tasks run: it is waited for, and nothing is lost.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aegir_domain::protocol::{Level, Said};
use aegir_domain::{AttemptId, NodeId, TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Refusal, Sort};
use aegir_lab::pretend::Plan;
use aegir_store::{Dialect, Store};

use crate::ground::{Ground, on_both, on_task, verify_site};
use crate::postgres::Server;

#[test]
fn a_database_that_somebody_else_holds_is_waited_for() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan { floods: 2_000, holds: true, ..Plan::default() });
        let task = ground.queue(verify_site("a.test")).await;
        let at_work = ground.at_work();
        let attempt = ground.until_began(TaskKind::VerifySite, "@a.test").await;

        let held = ground.hold().await;
        ground.machine().release("@a.test");
        // Longer than anybody waits for a lock.
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert!(ground.machine().has_ended(attempt));
        ground.assert_state(task, TaskState::Running).await;
        held.let_go().await;

        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;
        assert_eq!(ground.log(task).await.len(), ground.machine().said(attempt).len());
        assert_eq!(ground.attempts(task).await.len(), 1);
    });
}

#[test]
fn a_database_server_that_dies_and_comes_back_costs_no_line() {
    let server = std::sync::Arc::new(Server::start());
    crate::ground::on_server(server.clone(), async |ground: Ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.machine().plan(TaskKind::VerifySite, None, Plan { floods: 2_000, holds: true, ..Plan::default() });
        let tasks = [ground.queue(verify_site("a.test")).await, ground.queue(verify_site("b.test")).await];
        let at_work = ground.at_work();
        for site in ["@a.test", "@b.test"] {
            ground.until_began(TaskKind::VerifySite, site).await;
        }

        server.kill();
        for site in ["@a.test", "@b.test"] {
            ground.machine().release(site);
        }
        let refusal = ground.refused(verify_site("a.test")).await;
        assert!(matches!(refusal, Refusal::Store(_)), "{refusal:?}");
        assert!(refusal.report().remedy.is_some_and(|remedy| remedy.contains("pg_isready")));
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.run();

        for task in tasks {
            ground.until_state(task, TaskState::Succeeded).await;
            let attempt = ground.attempts(task).await.remove(0).id;
            assert_eq!(ground.log(task).await.len(), ground.machine().said(attempt).len());
            assert_eq!(ground.items(on_task(Id::TaskLog, task).with("limit", 10)).await.len(), 10);
        }
        at_work.stop().await;
        assert_eq!(ground.store().dialect(), Dialect::Postgres);
        assert_eq!(ground.machine().attempts_of("@a.test"), 2);
    });
}

/// Told to a process that has a small file system of its own: where that lies.
const SMALL: &str = "AEGIR_TEST_SMALL_FILE_SYSTEM";

/// Tells the story of a test in a process that alone sees a file system of 64 MB, and gives its place there.
fn with_a_small_file_system(test: &str) -> Option<PathBuf> {
    if let Ok(place) = std::env::var(SMALL) {
        return Some(place.into());
    }
    let alone = ["--user", "--map-root-user", "--mount"];
    if !Command::new("unshare").args(alone).arg("true").status().is_ok_and(|ended| ended.success()) {
        println!(
            "skipped: this machine gives nobody a file system of their own, which `unshare --user --mount` asks for"
        );
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=64m none \"$1\" && shift && exec \"$@\"";
    let told = Command::new("unshare")
        .args(alone)
        .args(["sh", "-c", script, "sh"])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(SMALL, dir.path())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success() && said.contains("1 passed"), "in a namespace of its own:\n{said}");
    None
}

/// A task whose lines need room: megabytes of them, one after the other.
async fn a_talkative_task(ground: &Ground) -> (NodeId, AttemptId, crate::ground::AtWork) {
    ground.fleet(&["a.test", "b.test"]).await;
    let mut plan = Plan { pause: Duration::from_millis(150), ..Plan::default() };
    for n in 0..10 {
        let output = Some(format!("{n}").repeat(1 << 20));
        plan.says.push(Said::Log { level: Level::Info, text: format!("line {n}"), output });
    }
    ground.machine().plan(TaskKind::VerifySite, "@a.test", plan);
    let task = ground.queue(verify_site("a.test")).await;
    let at_work = ground.at_work();
    let attempt = ground.until_began(TaskKind::VerifySite, "@a.test").await;
    (task, attempt, at_work)
}

/// While the trouble lasts: who wants to change something is told what to do, who only looks is answered, and the task
/// goes on where it runs.
async fn assert_in_trouble(ground: &Ground, task: NodeId, attempt: AttemptId, remedy: &str) {
    ground.until("the machine has ended", async || ground.machine().has_ended(attempt)).await;
    let refusal = ground.refused(verify_site("b.test")).await;
    assert!(matches!(refusal, Refusal::Store(_)) && refusal.sort() == Sort::Trouble, "{refusal:?}");
    let report = refusal.report();
    assert!(report.remedy.as_ref().is_some_and(|told| told.contains(remedy)), "{report:?}");
    assert_eq!(ground.items(Call::of(Id::SiteList)).await.len(), 2);
    ground.assert_state(task, TaskState::Running).await;
}

/// After it: every line is there, nothing ran twice, and what is asked now is done.
async fn assert_as_if_nothing_had_been(ground: &Ground, task: NodeId, attempt: AttemptId) {
    ground.until_state(task, TaskState::Succeeded).await;
    let (stored, said) = (ground.log(task).await, ground.machine().said(attempt));
    assert_eq!(stored.len(), said.len());
    for ((n, _), line) in stored.iter().zip(&said) {
        assert_eq!(*n, line.n);
        if matches!(line.said, Said::Log { .. }) {
            assert_eq!(ground.read(async |read| read.whole_line(attempt, *n).await).await.as_ref(), Some(line));
        }
    }
    assert_eq!(ground.attempts(task).await.len(), 1);
    assert_eq!(ground.store().check().await.unwrap(), Vec::<String>::new());
    let next = ground.queue(verify_site("b.test")).await;
    ground.until_state(next, TaskState::Succeeded).await;
}

#[test]
fn a_full_file_system_costs_no_line_once_there_is_room_again() {
    let test = "trouble::a_full_file_system_costs_no_line_once_there_is_room_again";
    let Some(place) = with_a_small_file_system(test) else { return };
    crate::ground::on_sqlite_below(&place, async |ground| {
        let (task, attempt, at_work) = a_talkative_task(&ground).await;
        let ballast = fill(&place);

        assert_in_trouble(&ground, task, attempt, "make room").await;
        std::fs::remove_file(ballast).unwrap();

        assert_as_if_nothing_had_been(&ground, task, attempt).await;
        at_work.stop().await;
    });
}

/// Leaves no room, and tells what takes it.
fn fill(place: &Path) -> PathBuf {
    let path = place.join("ballast");
    let mut file = std::fs::File::create(&path).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        while file.write(&vec![7; size]).is_ok_and(|written| written > 0) {}
    }
    path
}

#[test]
fn a_file_system_that_may_only_be_read_stops_a_front_end_from_beginning_and_costs_nothing() {
    let test = "trouble::a_file_system_that_may_only_be_read_stops_a_front_end_from_beginning_and_costs_nothing";
    let Some(place) = with_a_small_file_system(test) else { return };
    crate::ground::on_sqlite_below(&place, async |ground| {
        let (task, attempt, at_work) = a_talkative_task(&ground).await;
        at_work.kill().await;
        ground.store().close().await;
        // It is busy until those who were killed have closed their files.
        let mount = async |how: &str| {
            let how = format!("remount,{how}");
            let is_mounted = async || Command::new("mount").args(["-o", &how]).arg(&place).status().unwrap().success();
            ground.until("the file system is mounted otherwise", is_mounted).await;
        };
        mount("ro").await;
        let fault = Store::open(&ground.address).await.unwrap_err();
        let told = aegir_domain::Report(&aegir_domain::FaultReport::of(&fault)).to_string();
        assert!(aegir_domain::Remedy::remedy(&fault).is_some() && told.contains("Read-only file system"), "{told}");
        mount("rw").await;

        let next = ground.another().await;
        let at_work = ground.at_work_as(&next, "one", crate::ground::PACE);
        let attempts = async || next.store().read(async |read| read.attempts(task).await).await.unwrap();
        ground.until("it is recorded", async || attempts().await[0].ended.is_some()).await;
        at_work.stop().await;
        let attempts = attempts().await;
        assert_eq!((attempts.len(), attempts[0].id), (1, attempt));
        assert_eq!(attempts[0].next_line, ground.machine().said(attempt).len() as u64 + 1);
        next.store().close().await;
    });
}

#[test]
fn a_database_server_that_may_only_be_read_costs_no_line_once_it_may_be_written_again() {
    crate::ground::on_server(std::sync::Arc::new(Server::start()), async |ground: Ground| {
        let (task, attempt, at_work) = a_talkative_task(&ground).await;
        let read_only = async |how: &str| {
            // As after a switch to a standby: those who are connected are sent away.
            let text = format!(
                "BEGIN READ WRITE;
                 DO $$ BEGIN
                   EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {how}', current_database());
                 END $$;
                 COMMIT;
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()"
            );
            ground.sql(&text).await;
        };
        read_only("on").await;

        assert_in_trouble(&ground, task, attempt, "primary").await;
        read_only("off").await;

        assert_as_if_nothing_had_been(&ground, task, attempt).await;
        at_work.stop().await;
    });
}
