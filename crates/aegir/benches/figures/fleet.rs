//! A fleet that is only recorded: what a change of one vhost costs among many sites.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::goal::{Goals, Times};
use crate::support::{Lab, Way, way};

/// What a web server's master may take, in MB.
const MASTERS: [(&str, f64); 2] = [("nginx", 60.0), ("apache", 90.0)];

/// The one site that is real.
const SITE: &str = "first.localhost";

/// Measures the change of a vhost with `sizes` sites recorded, on each web server.
pub fn measure(goals: &mut Goals, sizes: &[usize]) {
    for (http, _) in MASTERS {
        measure_on(goals, http, sizes);
    }
}

fn measure_on(goals: &mut Goals, http: &'static str, sizes: &[usize]) {
    let mut lab = Lab::start_on(way(), http);
    lab.platform("ten", "ten-1.0");
    lab.install(SITE, "ten").done();
    let (server, folder) = web_server(&lab);
    let vhost = vhost_of(&folder, SITE);
    for &size in sizes {
        record(&lab, &vhost, SITE, size);
        // With a fresh start, so that the memory is that of a server which loaded them once.
        lab.up.as_mut().unwrap().stop();
        lab.up = None;
        lab.start_stack(&[]);
        lab.provision(&["verify", "@server_localhost"]).done();
        let times = Times::of(5, || change(&lab, &vhost, SITE));
        let what = format!("a vhost change with {size} sites, {server}");
        goals.time(&what, &times, Duration::from_millis(300));
        let goal = MASTERS.iter().find(|(name, _)| *name == server).map_or(60.0, |(_, goal)| *goal);
        goals.memory(&format!("{server}'s master with {size} sites"), master(&lab, &server), goal);
    }
}

/// The web server of `@server_localhost`, and the folder of its files.
fn web_server(lab: &Lab) -> (String, PathBuf) {
    let config = lab.home().join("config/server_localhost");
    let found = MASTERS.iter().find(|(name, _)| config.join(name).join("vhost.d").is_dir());
    let (name, _) = found.expect("the server has a web server");
    ((*name).to_owned(), config.join(name))
}

/// The file of a site: the one in `vhost.d` that bears its name.
fn vhost_of(folder: &Path, site: &str) -> PathBuf {
    let mut files = fs::read_dir(folder.join("vhost.d")).unwrap().flatten().map(|entry| entry.path());
    let is_its = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(site));
    files.find(is_its).expect("the site has a vhost")
}

/// Records sites like `site` until there are `size`, each with a context and a vhost.
fn record(lab: &Lab, vhost: &Path, site: &str, size: usize) {
    let context = lab.home().join(format!("contexts/{site}.json"));
    let credentials = lab.home().join(format!("credentials/{site}.json"));
    for number in 2..=size {
        let name = format!("fleet{number:05}.localhost");
        for file in [vhost, &context, &credentials] {
            let copy = PathBuf::from(file.to_string_lossy().replace(site, &name));
            if !copy.exists() {
                let text = fs::read_to_string(file).unwrap().replace(site, &name);
                fs::write(&copy, text).unwrap();
                fs::set_permissions(&copy, fs::metadata(file).unwrap().permissions()).unwrap();
                if lab.way == Way::TwoUsers {
                    let _ = std::os::unix::fs::chown(&copy, Some(owner(file).0), Some(owner(file).1));
                }
            }
        }
    }
}

fn owner(path: &Path) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).unwrap();
    (found.uid(), found.gid())
}

/// Has a verify put a vhost right, and gives how long the line of the task took that did it.
fn change(lab: &Lab, vhost: &Path, site: &str) -> Duration {
    let text = fs::read_to_string(vhost).unwrap();
    fs::write(vhost, format!("{text}# by hand\n")).unwrap();
    lab.provision(&["verify", &format!("@{site}")]).done().says("the vhost");
    assert_eq!(fs::read_to_string(vhost).unwrap(), text);
    let events = fs::read_to_string(lab.newest_attempt().join("events")).unwrap();
    let took = events.lines().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        (line["name"] == "publish-vhost" && line["phase"] == "done").then(|| line["took"].as_u64()).flatten()
    });
    Duration::from_millis(took.expect("the vhost was published"))
}

/// What the master of the web server takes, in MB.
fn master(lab: &Lab, server: &str) -> f64 {
    let pid = lab.up().pid(server).expect("the web server runs");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
