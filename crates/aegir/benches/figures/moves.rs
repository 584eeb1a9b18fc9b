//! Moving a site: backup, restore in its place, clone, rename, migrate; each against the same by hand
//! (`benches/floors/move.sh`), for a site as it was installed and for a large one.
//!
//! A line of releases is one run: its sites live on the oldest release, and migrate to a second copy of that, where
//! nothing is to update, and to the newest one. How long the fence is up is what the task says itself. What a task
//! wrote to the disk is told beside it ([`written`]). Between two runs everything is put back, untimed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::code::{self, Code, Line, Platform};
use crate::floor::{Floor, Handmade};
use crate::goal::{Goals, Times, shown, timed};
use crate::support::{Lab, run, way};
use crate::{content, install, told, written};

/// How large the large site's database is, and its files, in MB.
const MEGABYTES: usize = 200;
/// How often a fresh site is moved, and how often a large one.
const RUNS: (usize, usize) = (5, 3);

/// Measures it for each line of releases in the folder `given`; without one, for those of our demo code bases.
pub fn measure(goals: &mut Goals, given: Option<&Path>) {
    written::count_all();
    let megabytes = told("BENCH_MB").unwrap_or(MEGABYTES);
    if !can_dump() {
        println!(
            "this machine has no `mariadb-dump` (package mariadb-client): backup, restore and clone have no floor"
        );
    }
    for Line { from, to } in code::lines(given) {
        let lab = Lab::start(way());
        let places = Places::of(&lab, &from, to.as_ref());
        let mut floor = Floor::start(&lab, &places.from);
        for megabytes in [0, megabytes] {
            let by_hand = floor.install(&places.from);
            Pair::of(&lab, &floor, &places, by_hand, megabytes).measure(goals);
        }
    }
}

fn can_dump() -> bool {
    let asked = Command::new("mariadb-dump").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Where sites move between.
struct Places {
    from: Platform,
    /// The same code once more.
    twin: Platform,
    /// The newest release of the line, if there are several.
    to: Option<Platform>,
}

impl Places {
    fn of(lab: &Lab, from: &Code, to: Option<&Code>) -> Places {
        Places {
            from: from.become_platform(lab),
            twin: from.become_platform_beside(lab, "twin"),
            to: to.map(|code| code.become_platform(lab)),
        }
    }
}

/// A site of ours and one made by hand that hold the same.
struct Pair<'a> {
    lab: &'a Lab,
    floor: &'a Floor<'a>,
    places: &'a Places,
    ours: String,
    by_hand: Handmade,
    /// How it is called in what is printed.
    called: String,
    is_large: bool,
    /// What ours takes: its database, as the server says, and its folder.
    bytes: u64,
}

/// One task that was measured.
struct Ran {
    took: Duration,
    written: u64,
    answer: Value,
}

impl<'a> Pair<'a> {
    fn of(lab: &'a Lab, floor: &'a Floor<'_>, places: &'a Places, by_hand: Handmade, megabytes: usize) -> Pair<'a> {
        let platform = &places.from;
        let ours = format!("ours{megabytes}.{}.localhost", platform.id);
        install(lab, platform, &ours);
        let shown: Value = serde_json::from_str(&lab.provision(&["show", &at(&ours), "--json"]).done().out).unwrap();
        let database = shown["database"]["name"].as_str().unwrap();
        let folder = |site: &str| platform.root.join("sites").join(site);
        if megabytes > 0 {
            for (site, database) in [(&*ours, database), (&*by_hand.name, &*by_hand.database)] {
                content::rows(lab, database, megabytes);
                content::files(lab, &folder(site).join("files"), megabytes);
            }
        }
        let size = "SELECT CAST(SUM(DATA_LENGTH + INDEX_LENGTH) AS UNSIGNED) FROM information_schema.TABLES";
        let rows: u64 = lab.up().sql(&format!("{size} WHERE TABLE_SCHEMA = '{database}'"))[0].parse().unwrap();
        let files = files_of(&folder(&ours));
        let called = match megabytes {
            0 => "fresh".to_owned(),
            _ => format!("with {} MB of rows and {} MB of files", rows >> 20, files >> 20),
        };
        let called = format!("{}, {called}", platform.name);
        Pair { lab, floor, places, ours, by_hand, called, is_large: megabytes > 0, bytes: rows + files }
    }

    fn measure(&self, goals: &mut Goals) {
        let backup = self.backup(goals);
        self.restore(goals, &backup);
        self.lab.provision(&["backup-delete", &backup]).done();
        self.clone_it(goals);
        self.rename(goals);
        self.migrate_to_the_same(goals);
        if let Some(to) = &self.places.to {
            self.migrate(goals, to);
        }
        self.lab.delete(&self.ours);
        self.empty_the_trash();
    }

    /// Gives the name of the last one.
    fn backup(&self, goals: &mut Goals) -> String {
        let mut last: Option<String> = None;
        let mut ours = || {
            if let Some(before) = last.take() {
                self.lab.provision(&["backup-delete", &before]).done();
            }
            let ran = self.task(&["backup", &at(&self.ours)]);
            last = ran.answer["backup"].as_str().map(str::to_owned);
            ran
        };
        self.race(goals, "backup", &mut ours, &mut || self.dumped("backup", false));
        last.unwrap()
    }

    fn restore(&self, goals: &mut Goals, backup: &str) {
        let mut ours = || {
            let ran = self.task(&["restore", backup]);
            self.drop_formers(&self.ours);
            ran
        };
        self.race(goals, "restore in its place", &mut ours, &mut || self.dumped("restore", true));
    }

    fn clone_it(&self, goals: &mut Goals) {
        let copy = format!("copy.{}", self.ours);
        let mut ours = || {
            let ran = self.task(&["clone", &at(&self.ours), &copy]);
            self.lab.delete(&copy);
            self.empty_the_trash();
            ran
        };
        self.race(goals, "clone", &mut ours, &mut || self.dumped("clone", true));
    }

    fn rename(&self, goals: &mut Goals) {
        let other = format!("other.{}", self.ours);
        let rename = |from: &str, to: &str| {
            let ran = self.task(&["rename", &at(from), to, "--old-name", "gone"]);
            self.drop_formers(to);
            ran
        };
        let mut ours = || {
            let ran = rename(&self.ours, &other);
            rename(&other, &self.ours);
            ran
        };
        self.race(goals, "rename", &mut ours, &mut || Some(self.moved("rename", &self.places.from)));
    }

    /// Nothing is to update: what stops the site is the copy and the switch.
    fn migrate_to_the_same(&self, goals: &mut Goals) {
        let (from, twin) = (&self.places.from, &self.places.twin);
        let (mut fences, mut copies) = (Vec::new(), Vec::new());
        let mut ours = || {
            let ran = self.task(&["migrate", &at(&self.ours), "--platform", &twin.id]);
            fences.push(Duration::from_millis(ran.answer["fenced_ms"].as_u64().unwrap()));
            self.drop_formers(&self.ours);
            self.task(&["migrate", &at(&self.ours), "--platform", &from.id]);
            self.drop_formers(&self.ours);
            ran
        };
        let mut by_hand = || {
            let took = self.moved("migrate", twin);
            copies.push(self.floor.copied());
            Some(took)
        };
        self.race(goals, "migrate to the same release", &mut ours, &mut by_hand);
        let goal = match (self.is_large, from.family) {
            (true, _) => Times::from(copies).median() + Duration::from_secs(2),
            (false, "7") => Duration::from_secs(1),
            (false, _) => Duration::from_millis(2500),
        };
        goals.time(&format!("the fence of a migrate without updates, {}", self.called), &Times::from(fences), goal);
    }

    fn migrate(&self, goals: &mut Goals, to: &Platform) {
        let mut fences = Vec::new();
        let mut ours = || {
            let ran = self.task(&["migrate", &at(&self.ours), "--platform", &to.id]);
            fences.push(Duration::from_millis(ran.answer["fenced_ms"].as_u64().unwrap()));
            self.lab.provision(&["go-back", &at(&self.ours)]).done();
            self.drop_formers(&self.ours);
            ran
        };
        let what = format!("migrate to {}, with its updates", to.name);
        self.race(goals, &what, &mut ours, &mut || Some(self.moved("migrate", to)));
        let fence = Times::from(fences).median();
        Goals::told(&format!("the fence of that, {}", self.called), &shown(fence), "copy, updates and switch");
    }

    /// Both in turn, so that a busy moment of the machine falls on both. A fresh site is moved once before, untimed:
    /// that fills caches of PHP, and of the disk.
    fn race(
        &self,
        goals: &mut Goals,
        what: &str,
        ours: &mut dyn FnMut() -> Ran,
        by_hand: &mut dyn FnMut() -> Option<Duration>,
    ) {
        if !self.is_large {
            ours();
            by_hand();
        }
        let runs = told("BENCH_RUNS").unwrap_or(if self.is_large { RUNS.1 } else { RUNS.0 });
        let (mut times, mut wrote, mut floor) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs {
            let ran = ours();
            times.push(ran.took);
            wrote.push(ran.written);
            floor.extend(by_hand());
        }
        let (what, times) = (format!("{what}, {}", self.called), Times::from(times));
        match floor.is_empty() {
            true => Goals::told(&what, &shown(times.median()), "no floor"),
            false => goals.by_the_floor(&what, &times, &floor.into()),
        }
        wrote.sort_unstable();
        let wrote = wrote[wrote.len() / 2];
        let factor = wrote as f64 / self.bytes as f64;
        let how = format!("{:.1} MB, of a site of {:.1} MB", megabytes(wrote), megabytes(self.bytes));
        Goals::told(&format!("written to the disk by that, {}", self.called), &format!("{factor:.2}×"), &how);
    }

    /// Types a line that has a task done, and reads its answer.
    fn task(&self, words: &[&str]) -> Ran {
        let before = written::so_far(self.lab);
        let began = Instant::now();
        let said = self.lab.provision(&[&["--json"], words].concat()).done();
        let took = began.elapsed();
        let end: Value = serde_json::from_str(said.out.trim().lines().last().unwrap()).unwrap();
        Ran { took, written: written::so_far(self.lab) - before, answer: end["answer"].clone() }
    }

    /// By hand with a dump, where there is the program for it.
    fn dumped(&self, what: &str, has_undo: bool) -> Option<Duration> {
        can_dump().then(|| self.in_time(what, &self.places.from, has_undo))
    }

    fn moved(&self, what: &str, to: &Platform) -> Duration {
        self.in_time(what, to, true)
    }

    fn in_time(&self, what: &str, to: &Platform, has_undo: bool) -> Duration {
        // More connections do not copy large tables any faster.
        let lanes = if self.is_large { 1 } else { 4 };
        // What ours left to be written is not the floor's.
        written::so_far(self.lab);
        let moves = |what: &[&str]| self.floor.moves(what, &self.by_hand, &self.places.from, to, lanes);
        let took = timed(|| moves(&[what]));
        if has_undo {
            moves(&["undo", what]);
        }
        took
    }

    /// Lets go of all that a site was.
    fn drop_formers(&self, site: &str) {
        let shown = self.lab.provision(&["show", &at(site), "--json"]).done();
        let shown: Value = serde_json::from_str(&shown.out).unwrap();
        for former in shown["formers"].as_array().into_iter().flatten() {
            let name = former["name"].as_str().unwrap();
            self.lab.provision(&["drop-formers", &at(site), "--former", name]).done();
        }
        self.empty_the_trash();
    }

    /// What is deleted lies in the trash until its date.
    fn empty_the_trash(&self) {
        let platforms = [Some(&self.places.from), Some(&self.places.twin), self.places.to.as_ref()];
        for platform in platforms.into_iter().flatten() {
            run(Command::new("rm").arg("-rf").arg(platform.root.join("sites/.aegir-trash")));
        }
    }
}

fn at(site: &str) -> String {
    format!("@{site}")
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// What the files below `folder` take, in bytes.
fn files_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let sizes = entries.map(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => files_of(&entry.path()),
        kind if kind.is_file() => entry.metadata().unwrap().len(),
        _ => 0,
    });
    sizes.sum()
}
