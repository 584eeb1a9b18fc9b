//! Kills on the real stack while a site moves and goes back: at the records of the journal, and at random moments.
//! Whatever the moment, the site is as it was, or all of the task happened.
//!
//! By default a few records are tried; `AEGIR_PROOFS=all` tries every one, and fifty random moments.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::boundaries::{how_many, killed, killed_at_a_moment};
use crate::moves::{saved, two_releases};
use crate::support::story::Site;
use crate::support::world::World;
use crate::support::{Lab, way};

const NAME: &str = "shop.localhost";
const MIGRATE: [&str; 4] = ["migrate", "@shop.localhost", "--platform", "@new"];
const GO_BACK: [&str; 2] = ["go-back", "@shop.localhost"];

/// Lets go of all that the site was.
fn forget_what_it_was(lab: &Lab) {
    for former in saved(lab, NAME)["formers"].as_array().cloned().unwrap_or_default() {
        let name = former["name"].as_str().unwrap();
        lab.provision(&["drop-formers", "@shop.localhost", "--former", name]).done();
    }
}

/// Has the site be what it was at first: on the old platform, without a former self.
pub(super) fn begin_again(lab: &Lab, site: &Site) {
    if saved(lab, NAME)["platform"] == "new" {
        lab.provision(&GO_BACK).done();
    }
    forget_what_it_was(lab);
    site.answers(lab);
}

/// Which of the first records a walk begins with that passes over some: it goes round.
fn first(every: usize) -> usize {
    if how_many(1, 0) == 0 || every == 1 {
        return 1;
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let first = 1 + (seconds / 60) as usize % every;
    println!("of every {every} records the one with the number {first}");
    first
}

/// What is typed again and again, killed at every `every`-th record on both of its sides.
pub(super) struct Kills<'a> {
    pub(super) words: &'a [&'a str],
    pub(super) every: usize,
    /// Puts the site where they begin.
    pub(super) begin: &'a dyn Fn(&Lab, &Site),
    /// All of it happened.
    pub(super) is_whole: &'a dyn Fn(&Lab, &Site),
}

impl Kills<'_> {
    /// Gives how often it was taken back and how often carried on.
    pub(super) fn at_records(&self, lab: &Lab, site: &Site) -> [usize; 2] {
        let words: Vec<String> = self.words.iter().map(ToString::to_string).collect();
        let (mut taken_back, mut carried_on) = (0, 0);
        for side in ["before", "after"] {
            for record in (first(self.every)..).step_by(self.every) {
                let boundary = format!("{side}:{record}");
                (self.begin)(lab, site);
                let before = World::of(lab);
                let (said, reached) = killed(lab, &words, &boundary);
                match said.code {
                    7 | 4 => {
                        World::of(lab).must_be(&before);
                        taken_back += 1;
                    }
                    0 => {
                        (self.is_whole)(lab, site);
                        carried_on += usize::from(reached);
                    }
                    _ => panic!("{boundary}: {}", said.all()),
                }
                site.answers(lab);
                lab.provision(&["recover"]).done();
                lab.provision(&["recover"]).done().says("Nothing was left to recover");
                if !reached {
                    break;
                }
            }
        }
        let thorough = self.every <= 3;
        assert!(taken_back > 0 && (carried_on > 0 || !thorough), "{taken_back} taken back, {carried_on} carried on");
        [taken_back, carried_on]
    }
}

fn moves_and_goes_back(shape: &str, every: usize) {
    let lab = Lab::start(way());
    two_releases(&lab, shape);
    let site = Site::install(&lab, NAME, "old", "localhost", Some("standard"));
    site.answers(&lab);

    let is_whole = |lab: &Lab, _: &Site| {
        lab.provision(&["verify", "@shop.localhost"]).done().changed_nothing();
    };
    let moved = |lab: &Lab, site: &Site| {
        if saved(lab, NAME)["formers"].as_array().is_none_or(Vec::is_empty) {
            lab.provision(&MIGRATE).done();
        }
        site.answers(lab);
    };
    let migrate = Kills { words: &MIGRATE, every, begin: &begin_again, is_whole: &is_whole }.at_records(&lab, &site);
    let go_back = Kills { words: &GO_BACK, every, begin: &moved, is_whole: &is_whole }.at_records(&lab, &site);

    println!("{shape}: killed, taken back and carried on: migrate {migrate:?}, go back {go_back:?}");
}

#[test]
fn a_kill_at_a_record_leaves_a_site_of_the_ten_shape_where_it_was_or_moved() {
    moves_and_goes_back("ten", how_many(1, 19));
}

#[test]
fn a_kill_at_a_record_leaves_a_site_of_the_seven_shape_where_it_was_or_moved() {
    moves_and_goes_back("seven", how_many(3, 23));
}

#[test]
fn a_kill_at_any_moment_leaves_a_site_where_it_was_or_moved() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    let site = Site::install(&lab, NAME, "old", "localhost", Some("standard"));
    let (mut taken_back, mut moved) = (0, 0);
    let mut moment = u64::from(std::process::id());
    for _ in 0..how_many(50, 4) {
        begin_again(&lab, &site);
        let before = World::of(&lab);
        killed_at_a_moment(&lab, &MIGRATE, &mut moment, 4000);

        lab.provision(&["recover"]).done();

        match saved(&lab, NAME)["platform"] == "new" {
            true => {
                lab.provision(&["verify", "@shop.localhost"]).done().changed_nothing();
                moved += 1;
            }
            false => {
                World::of(&lab).must_be(&before);
                taken_back += 1;
            }
        }
        site.answers(&lab);
    }
    println!("killed at random moments: {taken_back} taken back, {moved} moved");
}
