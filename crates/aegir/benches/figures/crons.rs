//! Cron of a thousand sites: what the front end, its back end and our script add to each run, over the same run in the
//! floor's php-fpm (`benches/floors/cron.php`).
//!
//! `SITES` (1,000) have a folder, a record and credentials each; those of ten that are installed, whose databases they
//! share. They are due at once, and run one after the other.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::code::{Line, Platform};
use crate::floor::Floor;
use crate::front_end::FrontEnd;
use crate::goal::{Goals, Times, shown, timed};
use crate::support::{Lab, run, way};
use crate::{install, told};

/// On how many sites cron runs.
const SITES: usize = 1_000;
/// How many of them are installed.
const INSTALLED: usize = 10;
/// How often it runs by hand.
const BY_HAND: usize = 200;

/// Measures it for each line of releases.
pub fn measure(lines: Vec<Line>) {
    let sites = told("SITES").unwrap_or(SITES).max(1);
    for line in lines {
        let lab = Lab::start(way());
        let platform = line.from.become_platform(&lab);
        let names = fleet(&lab, &platform, sites);
        lab.front(&["queue", "dispatch", "--once"]).done();
        let mut floor = Floor::start(&lab, &platform);
        let by_hand = floor.install(&platform);
        floor.serves_cron(&by_hand, &platform);
        let front = FrontEnd::start(&lab);
        lab.front(&["settings", "set", "cron_per_server", "1"]).done();
        // What a first run finds to do, and caches.
        (0..3).for_each(|_| floor.cron(&by_hand));
        cron(&front, &names[..names.len().min(INSTALLED)]);
        let before = Times::of(names.len().min(BY_HAND), || timed(|| floor.cron(&by_hand)));
        let took = cron(&front, &names);
        let behind = Times::of(names.len().min(BY_HAND), || timed(|| floor.cron(&by_hand)));
        let each = took / u32::try_from(sites).unwrap();
        let bare = (before.median() + behind.median()) / 2;
        let how = format!(
            "{} for each of {sites}, {} by hand; all of them, one after the other, in {}",
            shown(each),
            shown(bare),
            shown(took)
        );
        let what = format!("what cron of a site takes over the bare run, {}", platform.name);
        Goals::told(&what, &shown(each.saturating_sub(bare)), &how);
    }
}

/// Asks for cron of all these, which takes a fraction of a run for each, and waits until it ran on each: for how long,
/// from the first asking.
fn cron(front: &FrontEnd, sites: &[String]) -> Duration {
    let shown = |site: &str| front.json("GET", &format!("/sites/{site}"))["cron"].clone();
    let were: Vec<_> = sites.iter().map(|site| shown(site)["began"].as_i64()).collect();
    let began = Instant::now();
    for site in sites {
        front.json("POST", &format!("/sites/{site}/cron"));
    }
    for (site, was) in sites.iter().zip(were) {
        let mut cron = shown(site);
        while cron["began"].as_i64() == was {
            std::thread::sleep(Duration::from_millis(20));
            cron = shown(site);
        }
        // Where there is no network, Drupal complains that nobody tells it of updates.
        assert!(cron["result"] == "succeeded" || cron["result"] == "complained", "{site}: {cron}");
    }
    began.elapsed()
}

/// Sites of which the first ten are installed, and all others are like one of these.
fn fleet(lab: &Lab, platform: &Platform, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|number| format!("cron{number:04}.{}.localhost", platform.id)).collect();
    install(lab, platform, &names[0]);
    for name in names.iter().take(INSTALLED).skip(1) {
        lab.provision(&["clone", &format!("@{}", names[0]), name]).done();
    }
    for (number, name) in names.iter().enumerate().skip(INSTALLED) {
        record(lab, platform, &names[number % INSTALLED], name);
    }
    names
}

/// Records a site that is like another one, and shares its database.
fn record(lab: &Lab, platform: &Platform, like: &str, name: &str) {
    let sites = platform.root.join("sites");
    run(Command::new("cp").arg("-a").arg(sites.join(like)).arg(sites.join(name)));
    let renamed = |from: PathBuf, to: &Path| {
        let (text, of) = (fs::read_to_string(&from).unwrap(), fs::metadata(&from).unwrap());
        // Patterns of the hosts that it answers to have it too, in a text of PHP.
        let quoted = |name: &str| name.replace('.', r"\\.");
        fs::write(to, text.replace(like, name).replace(&quoted(like), &quoted(name))).unwrap();
        fs::set_permissions(to, of.permissions()).unwrap();
        let _ = std::os::unix::fs::chown(to, Some(of.uid()), Some(of.gid()));
    };
    for folder in ["contexts", "credentials"] {
        let file = |site: &str| lab.home().join(folder).join(format!("{site}.json"));
        renamed(file(like), &file(name));
    }
    for file in ["settings.php", "local.settings.php"] {
        let (from, to) = (sites.join(like).join(file), sites.join(name).join(file));
        if from.exists() {
            renamed(from, &to);
        }
    }
}
