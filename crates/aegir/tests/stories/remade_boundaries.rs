//! Kills on the real stack while a site is restored and while it is copied: at the records of the journal, and at random
//! moments. Whatever the moment, all is as it was, or all of the task happened.
//!
//! By default a few records are tried; `AEGIR_PROOFS=all` tries every one of the ten shape, a third of the other, which
//! third goes round, and fifty random moments each.

use crate::boundaries::{how_many, killed_at_a_moment};
use crate::moved_boundaries::{Kills, begin_again};
use crate::moves::{saved, two_releases};
use crate::restores::back_up;
use crate::support::story::Site;
use crate::support::world::World;
use crate::support::{Lab, way};

const NAME: &str = "shop.localhost";
const COPY: &str = "copy.localhost";
const CLONE: [&str; 5] = ["clone", "@shop.localhost", COPY, "--platform", "@new"];

fn a_shop(lab: &Lab, shape: &str) -> (Site, String) {
    two_releases(lab, shape);
    let site = Site::install(lab, NAME, "old", "localhost", Some("standard"));
    site.answers(lab);
    let backup = back_up(lab, NAME);
    (site, backup)
}

fn copy_is_there(lab: &Lab) -> bool {
    lab.provision(&["show", &format!("@{COPY}")]).code == 0
}

/// Has no copy be there.
fn without_a_copy(lab: &Lab, site: &Site) {
    if copy_is_there(lab) {
        lab.delete(COPY);
    }
    site.answers(lab);
}

/// The copy is whole.
fn copy_is_whole(lab: &Lab, site: &Site) {
    let copy = Site { name: COPY.into(), title: site.title.clone(), database: String::new(), said: site.said.clone() };
    copy.answers(lab);
    lab.provision(&["verify", &format!("@{COPY}")]).done().changed_nothing();
}

fn restored_and_copied(shape: &str, every: usize) {
    let lab = Lab::start(way());
    let (site, backup) = a_shop(&lab, shape);
    let is_whole = |lab: &Lab, _: &Site| {
        lab.provision(&["verify", "@shop.localhost"]).done().changed_nothing();
    };
    let words = ["restore", &backup, "--platform", "@new"];

    let restore = Kills { words: &words, every, begin: &begin_again, is_whole: &is_whole }.at_records(&lab, &site);
    begin_again(&lab, &site);
    let clone =
        Kills { words: &CLONE, every, begin: &without_a_copy, is_whole: &copy_is_whole }.at_records(&lab, &site);

    println!("{shape}: killed, taken back and carried on: restore {restore:?}, clone {clone:?}");
}

#[test]
fn a_kill_at_a_record_leaves_a_site_of_the_ten_shape_as_it_was_or_restored_or_copied() {
    restored_and_copied("ten", how_many(1, 29));
}

#[test]
fn a_kill_at_a_record_leaves_a_site_of_the_seven_shape_as_it_was_or_restored_or_copied() {
    restored_and_copied("seven", how_many(3, 31));
}

#[test]
fn a_kill_at_any_moment_leaves_a_site_as_it_was_or_restored() {
    let lab = Lab::start(way());
    let (site, backup) = a_shop(&lab, "ten");
    let words = ["restore", &backup, "--platform", "@new"];
    let (mut taken_back, mut restored) = (0, 0);
    let mut moment = u64::from(std::process::id());
    for _ in 0..how_many(50, 2) {
        begin_again(&lab, &site);
        let before = World::of(&lab);
        killed_at_a_moment(&lab, &words, &mut moment, 4000);

        lab.provision(&["recover"]).done();

        match saved(&lab, NAME)["platform"] == "new" {
            true => {
                lab.provision(&["verify", "@shop.localhost"]).done().changed_nothing();
                restored += 1;
            }
            false => {
                World::of(&lab).must_be(&before);
                taken_back += 1;
            }
        }
        site.answers(&lab);
    }
    println!("killed at random moments: {taken_back} taken back, {restored} restored");
}

#[test]
fn a_kill_at_any_moment_leaves_a_copy_or_nothing_of_it() {
    let lab = Lab::start(way());
    let (site, _) = a_shop(&lab, "ten");
    let (mut taken_back, mut copied) = (0, 0);
    let mut moment = u64::from(std::process::id());
    for _ in 0..how_many(50, 2) {
        without_a_copy(&lab, &site);
        let before = World::of(&lab);
        killed_at_a_moment(&lab, &CLONE, &mut moment, 4000);

        lab.provision(&["recover"]).done();

        match copy_is_there(&lab) {
            true => {
                copy_is_whole(&lab, &site);
                copied += 1;
            }
            false => {
                World::of(&lab).must_be(&before);
                taken_back += 1;
            }
        }
        site.answers(&lab);
    }
    println!("killed at random moments: {taken_back} taken back, {copied} copied");
}
