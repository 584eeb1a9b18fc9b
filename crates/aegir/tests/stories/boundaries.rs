//! Kills on the real stack: at the records of the journal of an install and of a delete, and at random
//! moments. Whatever the moment, the world is as it was, or all of the task happened.
//!
//! By default a few records are tried; `AEGIR_PROOFS=all` tries every one, and fifty random moments.

use std::process::Stdio;
use std::time::Duration;

use crate::support::said::Said;
use crate::support::story::{attempts, worker_if_any};
use crate::support::web::get;
use crate::support::world::World;
use crate::support::{Lab, kill, until, way};

/// Every how many records a process is killed, and how often at random.
pub(super) fn how_many(thorough: usize, else_: usize) -> usize {
    match std::env::var("AEGIR_PROOFS").as_deref() {
        Ok("all") => thorough,
        _ => else_,
    }
}

fn install(site: &str) -> [String; 8] {
    ["install", &format!("@{site}"), "--platform", "p", "--db-server", "localhost", "--profile", "minimal"]
        .map(Into::into)
}

fn delete(site: &str) -> [String; 4] {
    ["delete".into(), format!("@{site}"), format!("--confirm={site}"), "--no-backup".into()]
}

/// Types `words` with a kill at a boundary; says what came of it, and whether the boundary was reached.
pub(super) fn killed(lab: &Lab, words: &[String], boundary: &str) -> (Said, bool) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut line = lab.line(&words);
    let said = Said::of(line.env("AEGIR_DRILL", boundary).stdin(Stdio::null()), &words);
    let reached = said.err.contains("another one takes over");
    (said, reached)
}

fn answers(lab: &Lab, site: &str) -> u16 {
    get(lab.up().listen(), site, "/").status
}

/// Kills an install and a delete at every `every`-th record, on both of its sides.
fn at_records(fixture: &str, every: usize) {
    let lab = Lab::start(way());
    lab.platform("p", fixture);
    let (mut taken_back, mut carried_on) = (0, 0);
    for side in ["before", "after"] {
        for record in (1..).step_by(every) {
            let boundary = format!("{side}:{record}");
            let before = World::of(&lab);
            let (said, reached) = killed(&lab, &install("k.localhost"), &boundary);
            match said.code {
                7 | 4 => {
                    World::of(&lab).must_be(&before);
                    taken_back += 1;
                }
                0 => {
                    assert_eq!(answers(&lab, "k.localhost"), 200, "{boundary}: {}", said.all());
                    lab.provision(&["verify", "@k.localhost"]).done().changed_nothing();
                    lab.delete("k.localhost");
                    carried_on += usize::from(reached);
                }
                _ => panic!("{boundary}: {}", said.all()),
            }
            // Killed behind its last record, it has ended, and only its mark is left to be taken away.
            lab.provision(&["recover"]).done();
            lab.provision(&["recover"]).done().says("Nothing was left to recover");
            if !reached {
                break;
            }
        }
    }
    println!("{fixture}: install killed: {taken_back} taken back, {carried_on} carried on");
    assert!(taken_back > 0);

    let (mut taken_back, mut carried_on) = (0, 0);
    lab.install("k.localhost", "p").done();
    for side in ["before", "after"] {
        for record in (1..).step_by(every) {
            let boundary = format!("{side}:{record}");
            let before = World::of(&lab);
            let (said, reached) = killed(&lab, &delete("k.localhost"), &boundary);
            match said.code {
                7 | 4 => {
                    World::of(&lab).must_be(&before);
                    assert_eq!(answers(&lab, "k.localhost"), 200, "{boundary}");
                    taken_back += 1;
                }
                0 => {
                    lab.provision(&["show", "@k.localhost"]).ends(1);
                    assert!(
                        !lab.up().sql("SHOW DATABASES").iter().any(|name| name.starts_with("k_localhost")),
                        "{boundary}"
                    );
                    lab.install("k.localhost", "p").done();
                    carried_on += usize::from(reached);
                }
                _ => panic!("{boundary}: {}", said.all()),
            }
            if !reached {
                break;
            }
        }
    }
    println!("{fixture}: delete killed: {taken_back} taken back, {carried_on} carried on");
    assert!(taken_back > 0);
}

#[test]
fn a_kill_at_a_record_of_install_or_delete_leaves_all_or_nothing_on_a_platform_of_the_ten_shape() {
    at_records("ten-1.0", how_many(1, 9));
}

#[test]
fn a_kill_at_a_record_of_install_or_delete_leaves_all_or_nothing_on_a_platform_of_the_seven_shape() {
    at_records("seven-1.0", how_many(3, 13));
}

/// Begins `words` and kills who follows and who works on it, some moment of the first `spread` milliseconds after.
pub(super) fn killed_at_a_moment(lab: &Lab, words: &[&str], moment: &mut u64, spread: u64) -> Duration {
    *moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let wait = Duration::from_millis(20 + (*moment >> 33) % spread);
    let known = attempts(lab);
    let mut follower = lab.begin(words);
    std::thread::sleep(wait);
    let _ = follower.kill();
    follower.wait().unwrap();
    // A worker may just be about to begin: it is looked for until there can be none any more.
    for _ in 0..20 {
        let new = attempts(lab).into_iter().filter(|attempt| !known.contains(attempt));
        for worker in new.filter_map(|attempt| worker_if_any(&attempt)) {
            kill(worker);
            until("the worker is gone", || !std::path::Path::new(&format!("/proc/{worker}/exe")).exists());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    wait
}

#[test]
fn a_kill_at_any_moment_leaves_all_or_nothing() {
    let lab = Lab::start(way());
    lab.platform("p", "ten-1.0");
    let (mut taken_back, mut done) = (0, 0);
    // Any numbers will do that differ and are spread over the time that an install takes.
    let mut moment = u64::from(std::process::id());
    for _ in 0..how_many(50, 4) {
        let before = World::of(&lab);
        let words = install("r.localhost");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let wait = killed_at_a_moment(&lab, &words, &mut moment, 800);

        lab.provision(&["recover"]).done();

        match lab.provision(&["show", "@r.localhost"]).code {
            0 => {
                assert_eq!(answers(&lab, "r.localhost"), 200, "after {wait:?}");
                lab.delete("r.localhost");
                done += 1;
            }
            _ => {
                World::of(&lab).must_be(&before);
                taken_back += 1;
            }
        }
    }
    println!("killed at random moments: {taken_back} taken back, {done} done");
}
