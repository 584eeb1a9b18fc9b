//! The front end's goals as figures: claims, lists and searches, memory; on SQLite and on PostgreSQL.
//!
//! With 10,000 sites, 200 platforms and 1,000,000 tasks, made by the store's own generator; `FLEET=small` makes a tenth of
//! it, and the word `SQLite` or `PostgreSQL` asks that one alone. PostgreSQL runs as the tests run it, without waiting
//! for the disk; SQLite waits.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real databases and real time are what is measured")]

#[path = "../../../store/tests/store/fill.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod fill;
mod fleet;
#[path = "../../../store/tests/store/ground.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod ground;
#[path = "../../../store/tests/store/postgres.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod postgres;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aegir_domain::{Context, TaskLock};
use aegir_hosting::{Actor, Answer, Call, Dispatcher, Effect, Hosting, OperationId as Id};
use aegir_lab::pretend::{PretendBackEnds, PretendOutside, PretendPostman};
use aegir_store::{Read, SecretKey, Store, StoreAddress, StoreFault};
use fill::Fleet;
use serde_json::json;
use tokio::sync::watch;

/// How often each question is asked: often enough that the first of each connection, which fills its cache, is not what
/// the 95th percentile tells.
const RUNS: usize = 200;
/// How many sites are to move.
const MOVING: usize = 800;
/// How many tasks wait while others are claimed.
const WAITING: usize = 4_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [part, url, key] = &words[..]
        && part == "memory"
    {
        return runtime().block_on(live(url, Path::new(key)));
    }
    let tenth = if std::env::var("FLEET").is_ok_and(|fleet| fleet == "small") { 10 } else { 1 };
    let fleet = Fleet { sites: 10_000 / tenth, platforms: 200 / tenth, tasks: 1_000_000 / tenth };
    let server = postgres::Server::as_it_comes();
    let dir = tempfile::tempdir().unwrap();
    let mut missed = 0;
    for name in ["SQLite", "PostgreSQL"] {
        if !words.is_empty() && !words.iter().any(|word| word == name) {
            continue;
        }
        runtime().block_on(async {
            let url = async |what: &str| match name {
                "SQLite" => format!("sqlite:{}", dir.path().join(format!("{what}.sqlite")).display()),
                _ => server.address("aegir", &server.database().await),
            };
            missed += memory(name, "nothing in it", &url("empty").await, dir.path(), 40.0).await;
            claims(name, &url("claims").await).await;
            missed += preflight(name, &url("preflight").await, dir.path()).await;
            let whole = url("fleet").await;
            missed += lists(name, &whole, dir.path(), fleet).await;
            let what = format!("{} sites and {} tasks", fleet.sites, fleet.tasks);
            missed += memory(name, &what, &whole, dir.path(), 150.0).await;
        });
    }
    println!("{missed} goals missed");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn hosting(store: Store, key: &Path) -> Hosting {
    let outside = Arc::new(PretendOutside::default());
    let back_ends = Arc::new(PretendBackEnds::new(outside.clone()));
    let key = SecretKey::read_or_make(&key.join("key")).unwrap();
    Hosting::new(store, back_ends, outside, Arc::new(PretendPostman::default()), key)
}

async fn open(url: &str) -> Store {
    let address: StoreAddress = url.parse().unwrap();
    Store::open(&address).await.unwrap()
}

fn line(met: bool, what: &str, value: &str, how: &str) -> usize {
    println!("{} {what}: {value} ({how})", if met { "OK  " } else { "MISS" });
    usize::from(!met)
}

/// How many tasks are claimed in a second while thousands wait.
async fn claims(name: &str, url: &str) {
    let store = open(url).await;
    let filled = fill::fill(&store, Fleet { sites: WAITING, platforms: 40, tasks: 1 }).await.unwrap();
    store
        .write(async |tx| {
            tx.limit_queue(100_000).await?;
            for server in &filled.servers {
                tx.set_task_limit(*server, Some(100_000), 1).await?;
            }
            Ok::<_, StoreFault>(())
        })
        .await
        .unwrap();
    for batch in filled.sites.chunks(500) {
        store
            .write(async |tx| {
                for site in batch {
                    let record = tx.site(*site).await?.unwrap();
                    let platform = tx.platform(record.platform).await?.unwrap();
                    let name = record.node.name.clone().unwrap();
                    let of_site = TaskLock::exclusive(ground::lock_of(&name));
                    let shared = [record.platform, platform.server].map(|on| TaskLock::shared(format!("on-{on}")));
                    let new = aegir_store::NewTask {
                        operation: "site-verify".parse().unwrap(),
                        object: *site,
                        title: format!("site verify {name}"),
                        object_name: name,
                        parameters: json!({ "given": {}, "request": {} }),
                        priority: aegir_domain::Priority::Person,
                        actor: "anna".into(),
                        asker: "user anna".into(),
                        parent: None,
                        owner: aegir_store::ADMIN,
                        server: platform.server,
                        needs: Some(record.platform),
                        locks: [of_site].into_iter().chain(shared).collect(),
                    };
                    tx.enqueue(&new, 10).await?;
                }
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();
    }
    store.tend().await.unwrap();
    let outside = PretendOutside::default();
    let mut claimed = 0;
    let mut took = Duration::ZERO;
    for server in &filled.servers {
        let lease = format!("dispatch:{server}");
        let fence = store.write(async |tx| tx.take_lease(&lease, "bench", 60_000, 10).await).await.unwrap().unwrap();
        for _ in 0..8 {
            let ids: Vec<_> = (0..16).map(|_| aegir_hosting::Outside::attempt(&outside)).collect();
            let began = Instant::now();
            claimed += store.write(async |tx| tx.claim_tasks(*server, &ids, &fence, 20).await).await.unwrap().len();
            took += began.elapsed();
        }
    }
    let rate = claimed as f64 / took.as_secs_f64();
    println!(
        "     claims with {WAITING} tasks waiting, {name}: {rate:.0} a second ({claimed} claimed, 16 in a transaction)"
    );
    store.close().await;
}

/// How long it takes to say who of eight hundred sites can move, and who cannot: all of it but what their machine itself
/// looks at.
async fn preflight(name: &str, url: &str, key: &Path) -> usize {
    let store = open(url).await;
    // Of five platforms the first and the last are on one server.
    let filled = fill::fill(&store, Fleet { sites: 5 * MOVING, platforms: 5, tasks: 1 }).await.unwrap();
    fleet::complete(&store, &filled).await;
    let outside = Arc::new(PretendOutside::default());
    let back_ends = Arc::new(PretendBackEnds::new(outside.clone()));
    let contexts = store.read(async |read| contexts(read, &filled).await).await.unwrap();
    contexts.into_iter().for_each(|context| back_ends.machine("web0").put_context(context));
    let key = SecretKey::read_or_make(&key.join("key")).unwrap();
    let hosting = Hosting::new(store, back_ends, outside, Arc::new(PretendPostman::default()), key);
    let mut call = Call::of(Id::PlatformMigrate).about("drupal_0").with("to", "drupal_4");
    call.dry_run = true;
    let anna = Actor::of_machine("anna");
    let mut times = Vec::new();
    for _ in 0..7 {
        let began = Instant::now();
        let answer = hosting.perform(&anna, call.clone()).await.unwrap();
        times.push(began.elapsed());
        let Answer::Object(plan) = answer else { panic!("it is told as an object") };
        assert_eq!((&plan["all"], &plan["not_compared"]), (&MOVING.into(), &0.into()), "{plan}");
    }
    times.sort_unstable();
    hosting.store().close().await;
    let how = format!("goal 1 s; {:.0} ms to {:.0} ms", millis(times[0]), millis(times[6]));
    let value = format!("{:.0} ms", millis(times[3]));
    line(times[3] < Duration::from_secs(1), &format!("who of {MOVING} sites can move, {name}"), &value, &how)
}

/// What back ends have saved of platforms and sites.
async fn contexts(read: &mut Read, filled: &fill::Filled) -> Result<Vec<Context>, StoreFault> {
    let mut contexts = Vec::new();
    for id in &filled.platforms {
        contexts.extend(read.platform(*id).await?.and_then(|record| record.context).map(Context::Platform));
    }
    for id in &filled.sites {
        contexts.extend(read.site(*id).await?.and_then(|record| record.context).map(|it| Context::Site(it.into())));
    }
    Ok(contexts)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// How long each list and search takes in a great fleet.
async fn lists(name: &str, url: &str, key: &Path, fleet: Fleet) -> usize {
    let store = open(url).await;
    let filled = fill::fill(&store, fleet).await.unwrap();
    fleet::complete(&store, &filled).await;
    let hosting = hosting(store, key);
    let anna = Actor::of_machine("anna");
    let mut missed = 0;
    for (what, call) in questions(fleet, &filled) {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let began = Instant::now();
            let answer = hosting.perform(&anna, call.clone()).await;
            times.push(began.elapsed());
            assert!(answer.is_ok(), "{what}: {answer:?}");
        }
        times.sort_unstable();
        let (p95, median) = (times[RUNS * 95 / 100], times[RUNS / 2]);
        let how = format!("p95; goal 50 ms; median {:.1} ms", median.as_secs_f64() * 1000.0);
        let value = format!("{:.1} ms", p95.as_secs_f64() * 1000.0);
        missed += line(p95 < Duration::from_millis(50), &format!("{what}, {name}"), &value, &how);
    }
    let mut cursor: Option<String> = None;
    let mut slowest = Duration::ZERO;
    for _ in 0..40 {
        let mut call = Call::of(Id::SiteList);
        if let Some(cursor) = &cursor {
            call = call.with("cursor", cursor.as_str());
        }
        let began = Instant::now();
        let Ok(Answer::Page { next, .. }) = hosting.perform(&anna, call).await else { panic!("it is a list") };
        slowest = slowest.max(began.elapsed());
        cursor = next;
    }
    let value = format!("{:.1} ms", slowest.as_secs_f64() * 1000.0);
    missed += line(
        slowest < Duration::from_millis(50),
        &format!("the slowest of 40 pages of sites, {name}"),
        &value,
        "goal 50 ms",
    );
    hosting.store().close().await;
    missed
}

/// Every list and search, with the filters that people use.
fn questions(fleet: Fleet, filled: &fill::Filled) -> Vec<(String, Call)> {
    let site = fill::site_name(fleet.sites / 2);
    let newest = i64::try_from(fleet.tasks).unwrap();
    let task = filled.sites.last().unwrap().0 + newest / 2;
    let mut all: Vec<(String, Call)> = Vec::new();
    // Each that lists or shows without being told more.
    for id in Id::ALL {
        let operation = id.declaration();
        if matches!(operation.effect, Effect::Lists | Effect::Shows)
            && matches!(operation.names, aegir_hosting::Names::None)
        {
            all.push((operation.name(), Call::of(id)));
        }
    }
    let mut add = |what: &str, call: Call| all.push((what.to_owned(), call));
    let sites = || Call::of(Id::SiteList);
    add("site list, 500 of them", sites().with("limit", 500));
    add("site list, part of a name", sites().with("search", "client42"));
    add("site list, part of no name", sites().with("search", "nowhere"));
    add("site list, on a platform", sites().with("platform", "drupal_7"));
    add("site list, on a server", sites().with("server", "web1"));
    add("site list, with a package", sites().with("package", "token"));
    add("site list, with a version of a package", sites().with("package", "redirect").with("version", "8.x-1.4"));
    add("site list, not verified", sites().with("verified", false));
    add("site list, failed", sites().with("status", "failed"));
    add("site list, the newest change", sites().with("sort", "-changed"));
    add("platform list, of a version", Call::of(Id::PlatformList).with("core", "10.3"));
    add("package list, part of a name", Call::of(Id::PackageList).with("search", "package_1"));
    add("package show", Call::of(Id::PackageShow).about("token"));
    add("site options, with a platform", Call::of(Id::SiteOptions).with("platform", "drupal_7"));
    add("site show", Call::of(Id::SiteShow).about(&site));
    add("site packages", Call::of(Id::SitePackages).about(&site).with("limit", 500));
    add("site packages, part of a name", Call::of(Id::SitePackages).about(&site).with("search", "token"));
    add("site compare", Call::of(Id::SiteCompare).about(&site).with("to", "drupal_7"));
    add("platform show", Call::of(Id::PlatformShow).about("drupal_7"));
    add("server show", Call::of(Id::ServerShow).about("web1"));
    let tasks = || Call::of(Id::TaskList);
    add("task list, of a site", tasks().with("object", format!("@{site}")));
    add("task list, of no site", tasks().with("object", "@nowhere.test"));
    add("task list, of an operation", tasks().with("operation", "site verify"));
    add("task list, failed ones", tasks().with("state", json!(["refused", "rolled-back", "stuck"])));
    add("task list, untidy", tasks().with("state", "untidy"));
    add("task list, waiting", tasks().with("state", "waiting"));
    add("task list, of a server", tasks().with("server", "web1"));
    add("task list, asked for by somebody", tasks().with("asked_by", "person 7"));
    add("task list, asked for by nobody", tasks().with("asked_by", "nobody"));
    add("task list, the oldest first", tasks().with("sort", "queued"));
    add("task list, children", tasks().with("parent", task.to_string()));
    add("task show", Call::of(Id::TaskShow).about(task.to_string()));
    add("node show", Call::of(Id::NodeShow).about(format!("@{site}")));
    add("node history", Call::of(Id::NodeHistory).about(format!("@{site}")));
    all
}

/// What a process takes that has the front end, its dispatcher and this database.
async fn memory(name: &str, what: &str, url: &str, key: &Path, goal: f64) -> usize {
    let me = std::env::current_exe().unwrap();
    let said = Command::new(me).args(["memory", url]).arg(key).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let megabytes: f64 = String::from_utf8_lossy(&said.stdout).trim().parse().unwrap();
    line(
        megabytes < goal,
        &format!("memory with {what}, {name}"),
        &format!("{megabytes:.0} MB"),
        &format!("goal {goal:.0} MB; front end and dispatcher, after every list"),
    )
}

/// Opens what there is, works on it and asks every question; then prints the most memory that it took, in MB.
async fn live(url: &str, key: &Path) {
    let hosting = hosting(open(url).await, key);
    let (_stop, told) = watch::channel(false);
    let work = tokio::spawn(Dispatcher::new(hosting.clone(), "bench").run(told));
    let anna = Actor::of_machine("anna");
    for _ in 0..5 {
        for id in Id::ALL {
            if id.declaration().reads() {
                // What names an object is refused: only lists matter here.
                let _ = hosting.perform(&anna, Call::of(id)).await;
            }
        }
        let _ = hosting.perform(&anna, Call::of(Id::SiteList).with("limit", 500)).await;
        let _ = hosting.perform(&anna, Call::of(Id::TaskList).with("limit", 500)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    work.abort();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: f64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    println!("{:.1}", kilobytes / 1024.0);
}
