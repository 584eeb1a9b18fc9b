//! The panel's goals as figures: every page over a great fleet, what a browser makes of them, and many open logs.
//!
//! With 10,000 sites, 200 platforms and 1,000,000 tasks, made by the store's own generator; `FLEET=small` makes a tenth of
//! it. The words `SQLite` and `PostgreSQL` ask for the pages on that database alone, `logs` for open logs, `browser` for
//! what a browser makes of the pages (on SQLite).

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real sockets and real time are what is measured")]

#[path = "../../../store/tests/store/fill.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod fill;
#[path = "../../../hosting/benches/figures/fleet.rs"]
mod fleet;
#[path = "../../../store/tests/store/ground.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod ground;
mod logs;
#[path = "../../../web/tests/panel/machine.rs"]
mod machine;
mod pages;
#[path = "../../../store/tests/store/postgres.rs"]
#[allow(dead_code, unused_imports, reason = "made for the stories of the store")]
mod postgres;
mod serve;

use std::path::{Path, PathBuf};
use std::process::Command;

use aegir_lab::pretend::PretendFront;
use aegir_store::{SecretKey, Store, StoreAddress};
use fill::Fleet;

use crate::pages::Found;
use crate::serve::Panel;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [part, home] = &words[..]
        && part == "front-end"
    {
        return runtime().block_on(logs::front_end(Path::new(home)));
    }
    let asked = |word: &str| words.is_empty() || words.iter().any(|asked| asked == word);
    let tenth = if std::env::var("FLEET").is_ok_and(|fleet| fleet == "small") { 10 } else { 1 };
    let fleet = Fleet { sites: 10_000 / tenth, platforms: 200 / tenth, tasks: 1_000_000 / tenth };
    let dir = tempfile::tempdir().unwrap();
    let mut missed = 0;
    println!("     the load of this machine before: {}", load());
    for name in ["SQLite", "PostgreSQL"] {
        let in_browser = name == "SQLite" && asked("browser");
        if !asked(name) && !in_browser {
            continue;
        }
        let server = (name == "PostgreSQL").then(postgres::Server::as_it_comes);
        runtime().block_on(async {
            let url = match &server {
                None => format!("sqlite:{}", dir.path().join("fleet.sqlite").display()),
                Some(server) => server.address("aegir", &server.database().await),
            };
            let (front, found) = furnished(&url, dir.path(), fleet).await;
            if let Some(server) = &server {
                // What its autovacuum would have done a minute later, and would else do while we measure.
                let database = url.rsplit('/').next().unwrap();
                server.execute(database, "VACUUM (ANALYZE)").await;
            }
            let panel = Panel::over(front, "bench").await;
            if asked(name) {
                missed += pages::measure(name, &panel, &found).await;
            }
            if in_browser {
                missed += browser("fleet", &panel.origin, &panel.secret, &found);
            }
        });
    }
    if asked("logs") || asked("browser") {
        let (logs, browser) = (asked("logs"), asked("browser"));
        missed += runtime().block_on(logs::measure(dir.path(), logs, browser));
    }
    println!("     the load of this machine after: {}", load());
    println!("{missed} goals missed");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// How busy the machine was of late: figures of a busy one say less.
fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap().split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// A line; 1 if its goal is missed.
fn line(met: bool, what: &str, value: &str, how: &str) -> usize {
    println!("{} {what}: {value} ({how})", if met { "OK  " } else { "MISS" });
    usize::from(!met)
}

/// A front end over a great fleet.
async fn furnished(url: &str, key: &Path, fleet: Fleet) -> (PretendFront, Found) {
    let address: StoreAddress = url.parse().unwrap();
    let store = Store::open(&address).await.unwrap();
    let filled = fill::fill(&store, fleet).await.unwrap();
    fleet::complete(&store, &filled).await;
    let key = SecretKey::read_or_make(&key.join("key")).unwrap();
    let found = Found {
        site: fill::site_name(fleet.sites / 2),
        node: filled.sites[fleet.sites / 2].0,
        task: filled.sites.last().unwrap().0 + i64::try_from(fleet.tasks).unwrap() / 2,
    };
    (PretendFront::over(store, key), found)
}

/// What a browser makes of pages, and how many clicks ways take: measured by a script, which says lines as we do.
fn browser(part: &str, origin: &str, secret: &str, found: &Found) -> usize {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    if !folder.join("node_modules/playwright-core").exists() {
        println!("     {part} in a browser: not measured, `make test-browser` installs what that needs");
        return 0;
    }
    let about = serde_json::json!({ "site": found.site, "task": found.task });
    let said = Command::new("node")
        .args(["figures.mjs", part, origin, &about.to_string()])
        .env("AEGIR_BENCH_SESSION", secret)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    print!("{text}");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    text.lines().filter(|line| line.starts_with("MISS")).count()
}
