//! `make bench`: the project's goals as figures, a line for each, measured in one run.
//!
//! On a private stack in a temporary home, with the program as it is released. The code bases are those of
//! `AEGIR_TEST_PLATFORMS`, else our own demo ones, which say little about Drupal. `BENCH=all` adds what takes
//! minutes: a cold build, and all tests; `PART="up fleet"` measures no more than that; `BENCH_MB=20` makes the large
//! sites of `PART=moves` smaller, and `BENCH_RUNS=1` moves each once; `SITES=20` has that many sites in `PART="batch import cron"`. A goal that is missed is a line like any other; only what cannot be
//! measured ends the run with an error.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is measured")]

mod batch;
mod code;
mod content;
mod crons;
mod fleet;
mod floor;
mod front_end;
mod goal;
mod imports;
mod moves;
mod queue;
#[path = "../../tests/support/mod.rs"]
mod support;
mod whole;
mod written;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use code::Platform;
use floor::Floor;
use goal::{Goals, Times, timed};
use support::stack::Up;
use support::{Lab, Way, way};

/// How often what takes milliseconds is done.
const RUNS: usize = 11;
/// How often a site is installed, by us and by hand in turn.
const INSTALLS: usize = 5;

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let mut goals = Goals::default();
    println!("{}", machine());
    let given = std::env::var_os("AEGIR_TEST_PLATFORMS").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    if given.is_none() && ["sites", "installs", "moves", "batch", "import", "cron"].into_iter().any(wanted) {
        println!("AEGIR_TEST_PLATFORMS names no folder of Drupal trees: these are demo code bases, not Drupal");
    }
    if wanted("sites") || wanted("installs") {
        let lab = Lab::start(way());
        for code in code::all(given.as_deref()) {
            let platform = code.become_platform(&lab);
            let site = format!("first.{}.localhost", platform.id);
            install(&lab, &platform, &site);
            if wanted("sites") {
                verify_and_login(&lab, &mut goals, &platform, &site);
            }
            if wanted("installs") {
                installs(&lab, &mut goals, &platform);
            }
        }
    }
    if wanted("moves") {
        moves::measure(&mut goals, given.as_deref());
    }
    if wanted("batch") {
        batch::measure(&mut goals, code::lines(given.as_deref()));
    }
    if wanted("import") {
        imports::measure(&mut goals, code::lines(given.as_deref()));
    }
    if wanted("cron") {
        crons::measure(code::lines(given.as_deref()));
    }
    if wanted("up") {
        up_again(&mut goals);
    }
    if wanted("fleet") {
        fleet::measure(&mut goals, &[500, 2000]);
    }
    if wanted("queue") {
        queue::measure(&mut goals);
    }
    if parts.iter().any(|part| part == "whole") || std::env::var("BENCH").is_ok_and(|bench| bench == "all") {
        whole::measure(&mut goals);
    } else {
        println!("BENCH=all make bench also measures a cold build and all tests");
    }
    println!("{}", goals.sum());
}

/// A number that whoever asks for figures told.
fn told(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|number| number.parse().unwrap_or_else(|_| panic!("{name} is `{number}`, no number")))
}

/// What the figures were measured on.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("On {cores} cores, where {load} processes wanted to run during the last minute.")
}

fn verify_and_login(lab: &Lab, goals: &mut Goals, platform: &Platform, site: &str) {
    let name = &platform.name;
    let at = format!("@{site}");
    let command = |words: &[&str]| typed(lab, words);
    // The first of each fills caches: of PHP, of Drupal, of the disk.
    lab.provision(&["verify", &at]).done();
    let words = ["verify", &format!("@platform_{}", platform.id)];
    goals.time(&format!("verify of a platform, {name}"), &command(&words), Duration::from_millis(300));
    goals.time(&format!("verify of a site, {name}"), &command(&["verify", &at]), Duration::from_millis(100));
    goals.time(&format!("login link, {name}"), &command(&["login", &at]), Duration::from_millis(20));
}

/// How long a command takes that a person types, from a shell of the user that Ægir runs as.
fn typed(lab: &Lab, words: &[&str]) -> Times {
    const SHELL: &str = r#"for ((run = 0; run < RUNS; run++)); do
        began=${EPOCHREALTIME/./}
        "$0" "$@" >/dev/null 2>&1 </dev/null || exit 1
        echo $((${EPOCHREALTIME/./} - began))
    done"#;
    let line = lab.line(words);
    // Without what changes the user, which the line begins with if we are root.
    let program = lab.program();
    let args: Vec<_> = line.get_args().collect();
    let own = args.iter().position(|arg| *arg == program).map_or(&args[..], |at| &args[at + 1..]);
    let mut shell = lab.as_owner("bash");
    shell.current_dir("/").args(["-c", SHELL]).arg(&program).args(own).env("RUNS", RUNS.to_string());
    let said = shell.output().unwrap();
    assert!(said.status.success(), "aegir provision {}: {said:?}", words.join(" "));
    let micros = String::from_utf8_lossy(&said.stdout).lines().map(|line| line.parse().unwrap()).collect::<Vec<u64>>();
    Times::from(micros.into_iter().map(Duration::from_micros).collect::<Vec<_>>())
}

/// Installs by us and by hand in turn, so that a busy moment of the machine falls on both.
fn installs(lab: &Lab, goals: &mut Goals, platform: &Platform) {
    let mut floor = Floor::start(lab, platform);
    // The first one by hand fills its caches of compiled code, as the first of ours did.
    floor.install(platform);
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for number in 0..INSTALLS {
        let site = format!("bench{number}.{}.localhost", platform.id);
        ours.push(timed(|| install(lab, platform, &site)));
        by_hand.push(timed(|| drop(floor.install(platform))));
    }
    let what = format!("install with `{}`, {}", platform.profile, platform.name);
    goals.over_floor(&what, &ours.into(), &by_hand.into());
}

fn install(lab: &Lab, platform: &Platform, site: &str) {
    let at = format!("@{site}");
    let on = ["--platform", &platform.id, "--db-server", "localhost", "--profile", platform.profile];
    lab.provision(&[&["install", &at], &on[..]].concat()).done();
}

/// `aegir up` on a home that has a site, until that site can be seen.
fn up_again(goals: &mut Goals) {
    let mut lab = Lab::bare(way());
    let tree = lab.beside().join("tree");
    lab.assemble_at("ten-1.0", &tree);
    let tree = tree.display().to_string();
    let mut start = |args: &[&str]| {
        drop(lab.up.take());
        let home = lab.home().display().to_string();
        let words = [&["--home", home.as_str(), "up"], args].concat();
        let mut command = match lab.way {
            Way::Person => lab.as_user(&words),
            Way::TwoUsers => Command::new(lab.program()),
        };
        if lab.way == Way::TwoUsers {
            command.args(words).env_remove("AEGIR_HOME");
        }
        let began = Instant::now();
        lab.up = Some(Up::start_until(command, lab.home(), "Ctrl-C stops everything"));
        began.elapsed()
    };
    start(&["--platform", &tree]);
    let times = Times::of(3, || start(&[]));
    goals.time("`aegir up` the second time, with a demo site", &times, Duration::from_secs(5));
}
