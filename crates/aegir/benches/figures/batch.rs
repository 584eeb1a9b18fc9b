//! A batch: small sites move to another platform, one, two and four at once, through the whole queue; how many a minute,
//! and what of that time is ours. From these figures follows what eight hundred sites take on eight cores.
//!
//! `SITES` (200) sites of the oldest line of releases, and a fifth of that of later ones, whose updates take many times as long, go in three
//! batches of the same size to the newest release; they are copies of one. What is *ours* of a
//! task's time: from the beginning of its process to its end, as the front end wrote it down, without the lines of its
//! recipe that wait for PHP or the database ([`WAIT_FOR_PHP`], [`WAIT_FOR_DATABASE`]). Such a line counts whole, also for the little that it does
//! besides; what visitors would wait for too, the page behind a switch, counts as PHP.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::code::{Line, Platform};
use crate::front_end::FrontEnd;
use crate::goal::{Goals, shown, timed};
use crate::support::{Lab, way};
use crate::{install, told};

/// How many sites of the oldest line of releases move.
const SITES: usize = 200;
/// How many times fewer of the others.
const FEWER: usize = 5;
/// How many move at once.
const AT_ONCE: [usize; 3] = [1, 2, 4];
/// How many move in each batch at the least: with fewer, a batch of several at once is mostly waiting for its last.
const FEWEST: usize = 8;
/// How much of a task's time may be ours.
const OURS: f64 = 0.15;
/// What the estimate is of: so many sites, on so many cores, in so much time.
const FLEET: (f64, f64, Duration) = (800.0, 8.0, Duration::from_secs(20 * 60));

/// How many ticks of the kernel's accounts are a second, on all machines that we know of.
const TICKS: u64 = 100;

/// Lines of the recipe that wait for PHP: the program, or php-fpm with Drupal in it.
const WAIT_FOR_PHP: [&str; 9] = [
    "php-ready",
    "visit-now",
    "visit",
    "run-updates",
    "rebuild-caches",
    "flush-caches",
    "site-boots",
    "site-answers",
    "front-page",
];
/// Lines of the recipe that wait for the database.
const WAIT_FOR_DATABASE: [&str; 10] = [
    "database-server-ready",
    "database-to-copy",
    "create-database",
    "create-database-user",
    "copy-moment",
    "make-tables",
    "hold-still",
    "copy-database",
    "let-go",
    "drop-database",
];

/// Measures it for each line of releases.
pub fn measure(goals: &mut Goals, lines: Vec<Line>) {
    let sites = told("SITES").unwrap_or(SITES);
    for (place, line) in lines.iter().enumerate() {
        let sites = if place == 0 { sites } else { sites / FEWER };
        measure_line(goals, line, sites.max(AT_ONCE.len() * FEWEST));
    }
}

fn measure_line(goals: &mut Goals, line: &Line, sites: usize) {
    let lab = Lab::start(way());
    let from = line.from.become_platform(&lab);
    let to =
        line.to.as_ref().map_or_else(|| line.from.become_platform_beside(&lab, "twin"), |to| to.become_platform(&lab));
    let first = format!("first.{}.localhost", from.id);
    install(&lab, &from, &first);
    let names = copies(&lab, &first, sites);
    // Whoever moves first fills caches of PHP.
    lab.provision(&["migrate", &format!("@{first}"), "--platform", &to.id]).done();
    // What was made in a shell is taken over.
    lab.front(&["queue", "dispatch", "--once"]).done();
    let front = FrontEnd::start(&lab);
    let ahead = timed(|| {
        let plan = front.post(&format!("/platforms/{}/migrate?dry_run=true", from.id), &json!({ "to": to.id }));
        assert_eq!(plan["can"], sites, "{plan}");
    });
    let what = format!("who of {sites} can go from {} to {}", from.name, to.name);
    Goals::told(&what, &shown(ahead), "asked over HTTP; their code is compared on their machine");
    let mut ran = Vec::new();
    for (at_once, names) in AT_ONCE.into_iter().zip(names.chunks(sites.div_ceil(AT_ONCE.len()))) {
        let batch = Batch::run(&front, &from, &to, names, at_once);
        batch.tell(goals);
        ran.push(batch);
    }
    estimate(goals, &ran);
}

/// Copies of a site, as many at once as there are cores.
fn copies(lab: &Lab, of: &str, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|number| of.replacen("first", &format!("batch{number:04}"), 1)).collect();
    let next = AtomicUsize::new(0);
    let of = format!("@{of}");
    std::thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    lab.provision(&["clone", &of, name]).done();
                }
            });
        }
    });
    names
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A batch that was measured.
struct Batch {
    what: String,
    at_once: usize,
    sites: usize,
    took: Duration,
    /// What all cores of the machine did meanwhile.
    busy: Duration,
    /// How long its tasks took, added up.
    tasks: Duration,
    /// How long each line of their recipes took, added up.
    lines: BTreeMap<String, Duration>,
}

impl Batch {
    /// Asks for it as a program would, and waits for the end of all.
    fn run(front: &FrontEnd, from: &Platform, to: &Platform, names: &[String], at_once: usize) -> Batch {
        let (began, was_busy) = (Instant::now(), busy());
        let plan = json!({ "to": to.id, "site": names, "waves": "rest", "at_once": at_once });
        let run = front.post(&format!("/platforms/{}/migrate", from.id), &plan);
        let address = format!("/bulk/{}", run["id"]);
        let ended = loop {
            let run = front.json("GET", &address);
            match run["state"].as_str() {
                Some("ended") => break run,
                Some("going") => std::thread::sleep(Duration::from_millis(100)),
                _ => panic!("the batch came to a halt: {run}"),
            }
        };
        let (took, busy) = (began.elapsed(), busy().saturating_sub(was_busy));
        assert_eq!(ended["succeeded"], names.len(), "{ended}");
        let (mut tasks, mut lines) = (Duration::ZERO, BTreeMap::new());
        for task in tasks_of(front, &address) {
            let task = front.json("GET", &format!("/tasks/{task}"));
            let at = |name: &str| task[name].as_u64().unwrap();
            tasks += Duration::from_millis(at("ended") - at("started"));
            for step in task["attempts"][0]["steps"].as_array().unwrap() {
                let took = Duration::from_millis(step["took"].as_u64().unwrap_or_default());
                *lines.entry(step["name"].as_str().unwrap().to_owned()).or_default() += took;
            }
        }
        let what = format!("{} to {}, {at_once} at once", from.name, to.name);
        Batch { what, at_once, sites: names.len(), took, busy, tasks, lines }
    }

    fn tell(&self, goals: &mut Goals) {
        let a_minute = self.sites as f64 / self.took.as_secs_f64() * 60.0;
        let how =
            format!("{} sites in {}; {} of all cores each", self.sites, shown(self.took), shown(self.each(self.busy)));
        Goals::told(&format!("a batch, {}", self.what), &format!("{a_minute:.1} sites a minute"), &how);
        let of = |names: &[&str]| names.iter().filter_map(|name| self.lines.get(*name)).sum::<Duration>();
        let (php, database) = (of(&WAIT_FOR_PHP), of(&WAIT_FOR_DATABASE));
        let ours = self.tasks.saturating_sub(php + database);
        let how = format!(
            "of {} for a site: PHP {}, database {}, ours {}: {}",
            shown(self.each(self.tasks)),
            shown(self.each(php)),
            shown(self.each(database)),
            shown(self.each(ours)),
            self.longest_of_ours()
        );
        goals.share(
            &format!("outside PHP and the database, {}", self.what),
            ours.div_duration_f64(self.tasks),
            OURS,
            &how,
        );
    }

    /// What takes the longest of what is ours.
    fn longest_of_ours(&self) -> String {
        let waits = |name: &str| WAIT_FOR_PHP.contains(&name) || WAIT_FOR_DATABASE.contains(&name);
        let mut ours: Vec<_> = self.lines.iter().filter(|(name, _)| !waits(name)).collect();
        let lines: Duration = self.lines.values().sum();
        ours.sort_by_key(|(_, took)| std::cmp::Reverse(**took));
        let longest = ours.iter().take(6).map(|(name, took)| format!("{name} {}", shown(self.each(**took))));
        let between = format!("between lines {}", shown(self.each(self.tasks.saturating_sub(lines))));
        longest.chain([between]).collect::<Vec<_>>().join(", ")
    }

    /// The part of a sum that falls to one site.
    fn each(&self, all: Duration) -> Duration {
        all / u32::try_from(self.sites).unwrap()
    }
}

/// The tasks of a run.
fn tasks_of(front: &FrontEnd, run: &str) -> Vec<i64> {
    let mut tasks = Vec::new();
    let mut more = String::new();
    loop {
        let page = front.json("GET", &format!("{run}/objects?limit=500{more}"));
        tasks.extend(page["items"].as_array().unwrap().iter().map(|object| object["task"].as_i64().unwrap()));
        match page["next"].as_str() {
            Some(next) => more = format!("&cursor={next}"),
            None => return tasks,
        }
    }
}

/// What eight hundred such sites would take on eight cores, from what one and what all cores of this machine did.
///
/// A site takes `s + p / c` where `c` cores are at work: `p` is divided among them, `s` is not (Amdahl). Both follow from the batch of one
/// at once and that of as many as there are cores. It cannot be less than what all cores of this machine did for it, divided by eight.
fn estimate(goals: &mut Goals, ran: &[Batch]) {
    let (sites, cores_there, goal) = FLEET;
    let here = ran.iter().rfind(|batch| batch.at_once <= cores()).filter(|batch| batch.at_once > 1);
    let (Some(one), Some(many)) = (ran.first(), here) else {
        println!("the estimate of {sites} sites needs a machine of two cores");
        return;
    };
    let cores_here = many.at_once as f64;
    let (alone, together) = (one.each(one.took).as_secs_f64(), many.each(many.took).as_secs_f64());
    let not_divided = ((cores_here * together - alone) / (cores_here - 1.0)).max(0.0);
    let divided = alone - not_divided;
    let work = many.each(many.busy).as_secs_f64();
    let each = (not_divided + divided.max(0.0) / cores_there).max(work / cores_there);
    let what = format!("{sites} sites on {cores_there} cores, estimated, {}", many.what);
    let how = format!(
        "goal {}; {sites} × max(s + p / {cores_there}, w / {cores_there}), where 1 at once takes {alone:.2} s a site and \
         {cores_here} at once {together:.2} s: s = {not_divided:.2} s, p = {divided:.2} s; w = {work:.2} s is what all cores did for one",
        shown(goal)
    );
    goals.estimate(&what, Duration::from_secs_f64(sites * each), goal, &how);
}

/// How long the cores of this machine have been at work, added up.
fn busy() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap();
    let ticks: Vec<u64> =
        text.lines().next().unwrap().split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect();
    // user, nice, system, idle, iowait, irq, softirq: all but the two in which nothing is done.
    let at_work = ticks.iter().take(7).sum::<u64>() - ticks[3] - ticks[4];
    Duration::from_millis(at_work * 1000 / TICKS)
}
