//! Sites that were made by hand are taken in, one after the other; against the same by hand (`benches/floors/import.sh`).
//!
//! `SITES` (100) are taken in on the oldest release of each line. They are copies of one that was installed by hand: a folder with
//! a plain `settings.php`, a database, and its user.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::code::{Line, Platform};
use crate::floor::{Floor, Handmade};
use crate::goal::{Goals, timed};
use crate::support::{Lab, run, way};
use crate::told;

/// How many are taken in.
const SITES: usize = 100;
/// How often that is done by hand.
const BY_HAND: usize = 11;

/// Measures it for each line of releases.
pub fn measure(goals: &mut Goals, lines: Vec<Line>) {
    let sites = told("SITES").unwrap_or(SITES).max(1);
    for line in lines {
        let lab = Lab::start(way());
        let platform = line.from.become_platform(&lab);
        let mut floor = Floor::start(&lab, &platform);
        let first = floor.install(&platform);
        let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
        for number in 0..sites {
            // By hand in between, so that a busy moment of the machine falls on both.
            if number * BY_HAND.min(sites) / sites < (number + 1) * BY_HAND.min(sites) / sites {
                let site = copy(&lab, &platform, &first, &format!("hand{number:04}"));
                by_hand.push(timed(|| floor.imports(&site, &platform)));
            }
            let site = copy(&lab, &platform, &first, &format!("taken{number:04}"));
            ours.push(timed(|| take_in(&lab, &site)));
        }
        let all: Duration = ours.iter().sum();
        goals.over_floor(&format!("import of a site made by hand, {}", platform.name), &ours.into(), &by_hand.into());
        Goals::told(
            &format!("import of {sites} of them, {}", platform.name),
            &crate::goal::shown(all),
            "one after the other",
        );
    }
}

fn take_in(lab: &Lab, site: &Handmade) {
    lab.provision(&["import", &site.name]).done();
}

/// A copy of a site made by hand, with a database and a user of its own; nothing serves it.
fn copy(lab: &Lab, platform: &Platform, of: &Handmade, name: &str) -> Handmade {
    let site =
        Handmade { name: format!("{name}.{}.localhost", platform.id), database: format!("{}{name}", of.database) };
    let folder = |site: &Handmade| platform.root.join("sites").join(&site.name);
    run(Command::new("cp").arg("-a").arg(folder(of)).arg(folder(&site)));
    let settings = folder(&site).join("settings.php");
    let text = fs::read_to_string(&settings).unwrap();
    let text =
        text.replace(&of.name, &site.name).replace(&format!("'{}'", of.database), &format!("'{}'", site.database));
    fs::write(&settings, text).unwrap();
    // Whoever serves it by hand can read it.
    lab.give(&folder(&site));
    let (from, to) = (&of.database, &site.database);
    let up = lab.up();
    up.run_sql(&format!("CREATE DATABASE `{to}` CHARACTER SET utf8mb4"));
    up.run_sql(&format!("CREATE USER '{to}'@'localhost' IDENTIFIED BY 'floor'"));
    up.run_sql(&format!("GRANT ALL ON `{to}`.* TO '{to}'@'localhost'"));
    let mut connection = up.connect();
    connection.run("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', SESSION foreign_key_checks = 0").unwrap();
    for table in up.sql(&format!("SHOW TABLES FROM `{from}`")) {
        connection.run(&format!("CREATE TABLE `{to}`.`{table}` LIKE `{from}`.`{table}`")).unwrap();
        connection.run(&format!("INSERT INTO `{to}`.`{table}` SELECT * FROM `{from}`.`{table}`")).unwrap();
    }
    site
}
