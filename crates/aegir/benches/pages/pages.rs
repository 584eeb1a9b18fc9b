//! How long every page takes, over HTTP, for somebody who is signed in.

use std::time::{Duration, Instant};

use aegir_web::panel::routes;

use crate::line;
use crate::serve::{Panel, ask};

/// How often each page is asked for.
const RUNS: usize = 100;
/// A page is there in this time, in ninety-five cases of a hundred.
const GOAL: Duration = Duration::from_millis(50);

/// What is looked at in a fleet.
pub struct Found {
    pub site: String,
    pub node: i64,
    pub task: i64,
}

/// Measures every page.
pub async fn measure(name: &str, panel: &Panel, found: &Found) -> usize {
    let mut missed = 0;
    let mut worst = (Duration::ZERO, String::new());
    let addresses = addresses(found);
    for path in &addresses {
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let began = Instant::now();
            let (status, _) = ask(panel.address, &panel.secret, path).await;
            times.push(began.elapsed());
            // A page, one that leads to a page, or one that says why something cannot be asked for now.
            assert!(matches!(status, 200 | 303 | 409), "{path}: {status}");
        }
        times.sort_unstable();
        let (p95, median) = (times[RUNS * 95 / 100], times[RUNS / 2]);
        if p95 > worst.0 {
            worst = (p95, path.clone());
        }
        let how = format!("p95, goal 50 ms; median {}", ms(median));
        missed += line(p95 < GOAL, &format!("page {path}, {name}"), &ms(p95), &how);
    }
    println!(
        "     {} pages and parts of pages, {name}: the slowest is {} with {}",
        addresses.len(),
        worst.1,
        ms(worst.0)
    );
    missed
}

pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// An address of every page that the panel lists, and of lists with the filters that people use. A page that the bench
/// knows nothing for stops it: then it would not be measured.
fn addresses(found: &Found) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for route in routes().into_iter().filter(|route| route.method.as_str() == "GET") {
        // Streams do not end; files and the way in are no pages of the fleet.
        let is_page = !route.path.ends_with("/events")
            && !route.path.starts_with("/assets/")
            && !route.path.starts_with("/enter/")
            && !route.path.starts_with("/fragments/task/")
            && !route.path.starts_with("/fragments/site-log/");
        if is_page && let Some(path) = about(&route.path, found) {
            all.push(path);
        }
    }
    let with = [
        "/sites?search=client42",
        "/sites?search=nowhere",
        "/sites?status=failed",
        "/sites?status=enabled&verified=false",
        "/sites?platform=drupal_7&limit=100",
        "/sites?server=web1",
        "/sites?package=token",
        "/sites?sort=-changed",
        "/tasks?state=refused&state=rolled-back&state=stuck",
        "/tasks?state=waiting",
        "/tasks?sort=queued",
        "/packages?search=package_1",
        "/find?q=client42",
        "/fragments/find?q=client42",
    ];
    all.extend(with.map(str::to_owned));
    all.push(format!("/tasks?object=@{}", found.site));
    all
}

/// A route with something that is there in its place; `None`: the fleet has nothing of that kind.
fn about(path: &str, found: &Found) -> Option<String> {
    let name = match path {
        // The trash of one machine.
        "/do/trash-empty" => return Some("/do/trash-empty?server=web1".into()),
        _ if !path.contains('{') => return Some(path.to_owned()),
        _ if path.starts_with("/sites/{name}") => found.site.clone(),
        _ if path.starts_with("/platforms/{name}") => "drupal_7".into(),
        _ if path.starts_with("/servers/{name}") => "web1".into(),
        _ if path.starts_with("/packages/{name}") => "token".into(),
        "/nodes/{name}" => found.node.to_string(),
        "/tasks/{id}" | "/tasks/{id}/log.txt" => found.task.to_string(),
        // The fleet has none: they lie with the back ends.
        "/bulk/{number}" | "/bulk/{number}/objects.csv" | "/bulk/{number}/result.json" | "/backups/{name}" => {
            return None;
        }
        _ => {
            let operation = path.strip_prefix("/do/").and_then(|rest| rest.split('/').next());
            match operation.and_then(|slug| slug.split('-').next()) {
                Some("site") => found.site.clone(),
                Some("platform") => "drupal_7".into(),
                Some("server") => "web1".into(),
                Some("task") => found.task.to_string(),
                Some("settings") => "tasks_at_once".into(),
                // Of these a fleet has none: forms like those of the others.
                Some("backup" | "trash" | "bulk" | "drift" | "token" | "account" | "session" | "field") => return None,
                _ => panic!("the bench knows nothing for {path}"),
            }
        }
    };
    let (before, rest) = path.split_once('{')?;
    let (_, after) = rest.split_once('}')?;
    Some(format!("{before}{name}{after}"))
}
