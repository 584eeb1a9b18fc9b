//! Installers that misbehave, and disks that fill up: as it was, and the reason told.

use std::fs;
use std::process::Command;

use crate::support::disk::{Disk, fill};
use crate::support::said::Said;
use crate::support::story::at_line;
use crate::support::world::World;
use crate::support::{Lab, run, way};

pub(super) fn settle(lab: &Lab, settings: &str) {
    let hostmaster = lab.home().join("hostmaster");
    fs::write(hostmaster.join("aegir.toml"), settings).unwrap();
    lab.give(&hostmaster);
}

#[test]
fn an_installer_that_dies_leaves_or_never_ends_is_taken_back() {
    let lab = Lab::start(way());
    lab.platform("seven", "seven-1.0");
    lab.platform("ten", "ten-1.0");
    settle(&lab, "install_limit = 4\n");
    let before = World::of(&lab);
    for platform in ["seven", "ten"] {
        for profile in ["dies", "leaves", "endless"] {
            let words = ["install", "@a.localhost", "--platform", platform, "--db-server", "localhost"];
            let words: Vec<&str> = words.into_iter().chain(["--profile", profile]).collect();

            let said = lab.provision(&words).ends(7).says("all is as it was");

            assert!(said.err.contains("error: "), "{}", said.all());
            World::of(&lab).must_be(&before);
        }
    }
}

#[test]
fn an_installer_that_prints_notices_and_a_false_answer_is_not_believed() {
    let lab = Lab::start(way());
    for (platform, fixture) in [("seven", "seven-1.0"), ("ten", "ten-1.0")] {
        lab.platform(platform, fixture);
        let name = format!("@{platform}.localhost");
        lab.provision(&["install", &name, "--platform", platform, "--db-server", "localhost", "--profile", "noisy"])
            .done();
        lab.provision(&["verify", &name]).done().changed_nothing();
    }
}

#[test]
fn a_full_disk_is_refused_before_and_survived_in_the_middle() {
    let mut lab = Lab::bare(way());
    let home = lab.home();
    let Some(_disk) = Disk::mount(&home, "200m") else { return };
    lab.give(&home);
    lab.start_stack(&["--db", "sqlite"]);
    lab.provision(&["save", "@server_localhost", "--private-stack"]).done();
    lab.provision(&["verify", "@server_localhost"]).done();
    lab.platform("ten", "ten-1.0");
    settle(&lab, "install_limit = 4\n");
    let words = ["install", "@a.localhost", "--platform", "ten", "--db-server", "localhost", "--profile", "endless"];
    let before = World::of(&lab);

    let (follower, _) = at_line(&lab, &words, "run-installer");
    let filler = home.join("run/filler");
    fill(&filler);
    let said = Said::whole(follower, &words);

    fs::remove_file(&filler).unwrap();
    // Taking back takes a little room too: it was kept.
    said.ends(7);
    World::of(&lab).must_be(&before);
    run(Command::new("fallocate").args(["-l", "120M"]).arg(&filler));
    lab.provision(&words).ends(4).says("MB left").remedy("");
    World::of(&lab).must_be(&before);
    fs::remove_file(&filler).unwrap();
    lab.install("a.localhost", "ten").done();
}
