//! The first hour: one command, and a site to log in to; stopped, killed, started again.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::said::Said;
use crate::support::stack::Up;
use crate::support::story::attempts;
use crate::support::web::{get, is_used, log_in};
use crate::support::world::World;
use crate::support::{Lab, Way, free_port, kill, root, run, until, way};

/// What is said once a site can be seen.
const READY: &str = "Ctrl-C stops everything";
/// An address where no registry answers, so that nobody outside is asked.
const NO_REGISTRY: [&str; 2] = ["--registry", "http://127.0.0.1:9"];

/// `aegir up` as its own user types it: root where there are two users.
fn up_line(lab: &Lab, args: &[&str]) -> Command {
    let home = lab.home().display().to_string();
    let words = ["--home", home.as_str(), "up", "--http", lab.http].into_iter().chain(args.iter().copied());
    let words: Vec<&str> = words.collect();
    match lab.way {
        Way::Person => lab.as_user(&words),
        Way::TwoUsers => {
            let mut command = Command::new(lab.program());
            command.args(words).env_remove("AEGIR_HOME");
            command
        }
    }
}

fn up(lab: &mut Lab, args: &[&str]) -> String {
    let line = up_line(lab, args);
    lab.up = Some(Up::start_until(line, lab.home(), READY));
    lab.up().said()
}

/// Starts it, and gives it back while the site is being installed.
fn up_in_the_middle(lab: &mut Lab, args: &[&str]) {
    let line = up_line(lab, args);
    lab.up = Some(Up::start_until(line, lab.home(), "Made the folder"));
    until("the installer runs", || {
        attempts(lab).iter().any(|folder| {
            let events = fs::read_to_string(folder.join("events")).unwrap_or_default();
            events.contains("\"name\":\"run-installer\",\"phase\":\"doing\"")
        })
    });
}

/// A tree of somebody's: a demo code base that waits in its installer while `wait` lies in it, with a
/// site of its own that nobody else is to have.
fn tree(lab: &Lab) -> PathBuf {
    let at = lab.beside().join("their drupal");
    run(Command::new(root().join("fixtures/platforms/assemble")).arg("ten-1.0").arg(&at));
    let profile = at.join("web/core/profiles/standard/standard.install");
    let waits = "function standard_install() {\n  while (is_file(dirname(__DIR__, 3) . '/wait')) {\n    clearstatcache();\n    usleep(20000);\n  }\n";
    let text = fs::read_to_string(&profile).unwrap().replace("function standard_install() {\n", waits);
    assert!(text.contains("usleep"));
    fs::write(profile, text).unwrap();
    fs::create_dir_all(at.join("web/sites/default/files")).unwrap();
    fs::write(at.join("web/sites/default/settings.php"), "<?php\n$databases = ['theirs'];\n").unwrap();
    fs::write(at.join("web/sites/default/files/theirs.txt"), "theirs").unwrap();
    at
}

fn told_address(said: &str) -> String {
    said.lines().map(str::trim).find(|line| line.starts_with("http://")).unwrap().to_owned()
}

fn told_link(said: &str) -> String {
    said.lines().map(str::trim).find(|line| line.contains("/user/reset/")).unwrap().to_owned()
}

/// The link that lets into the panel, with the panel's address.
fn told_invitation(said: &str) -> (SocketAddr, String) {
    let link = said.lines().map(str::trim).find(|line| line.contains("/enter/")).unwrap_or_else(|| panic!("{said}"));
    let (port, secret) = link.strip_prefix("http://localhost:").unwrap().split_once("/enter/").unwrap();
    assert!(secret.len() >= 43, "{secret}");
    (SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())), secret.to_owned())
}

/// The first account has a link, which lies nowhere, and the owner of the home gets another.
fn has_an_invitation(lab: &Lab, said: &str) -> SocketAddr {
    let (panel, secret) = told_invitation(said);
    assert_eq!(get(panel, "localhost", "/api/v1/accounts").status, 401);
    let accounts: Value = serde_json::from_str(&lab.front(&["account", "list", "--json"]).done().out).unwrap();
    assert_eq!((&accounts["items"][0]["name"], &accounts["items"][0]["entered"]), (&"admin".into(), &false.into()));
    for (path, _, bytes) in contents(&lab.home()) {
        assert!(!bytes.windows(secret.len()).any(|found| found == secret.as_bytes()), "{} tells it", path.display());
    }
    let another = lab.front(&["account", "link", "admin"]).done();
    assert!(another.out.starts_with(&format!("http://localhost:{}/enter/", panel.port())), "{}", another.all());
    panel
}

/// What lies in a folder: paths, times, contents.
fn contents(folder: &Path) -> Vec<(PathBuf, std::time::SystemTime, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let found = entry.metadata().unwrap();
            if found.is_dir() {
                folders.push(entry.path());
            }
            all.push((entry.path(), found.modified().unwrap(), fs::read(entry.path()).unwrap_or_default()));
        }
    }
    all.sort();
    all
}

#[test]
fn one_command_ends_in_a_site_that_lets_one_in_and_the_next_start_finds_it() {
    one_command(way());
}

#[test]
fn somebody_without_privileges_needs_one_command_too() {
    one_command(Way::Person);
}

fn one_command(way: Way) {
    let mut lab = Lab::bare(way);
    let said = up(&mut lab, &NO_REGISTRY);

    assert!(said.contains("does not answer for `drupal/recommended-project`"), "{said}");
    let address = told_address(&said);
    let listen = lab.up().listen();
    assert_eq!(address, format!("http://first.localhost:{}/", listen.port()));
    let page = get(listen, "first.localhost", "/");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("demo code base, not Drupal") && page.body.contains("make run PLATFORM="));
    let link = told_link(&said);
    assert_eq!(log_in(listen, &link).status, 200);
    assert!(is_used(listen, &link));
    let panel = has_an_invitation(&lab, &said);
    let second = Said::of(up_line(&lab, &NO_REGISTRY).stdin(Stdio::null()), &["up"]).ends(1);
    assert!(second.err.contains(&format!("process {}", lab.up().id())), "{}", second.all());

    let before = World::of(&lab);
    let known = remembered(&lab);
    lab.up.as_mut().unwrap().stop();
    let stopped = lab.up().said();
    let place = |what: &str| stopped.find(what).unwrap_or_else(|| panic!("no `{what}` in:\n{stopped}"));
    let web = if lab.http == "apache" { "stopping Apache" } else { "stopping nginx" };
    assert!(place("stopping php-fpm") < place(web));
    assert!(place(web) < place("stopping MariaDB"));

    let began = Instant::now();
    let api = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let said = up(&mut lab, &[&NO_REGISTRY[..], &["--api", &api.to_string()]].concat());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(told_address(&said), address);
    World::of(&lab).must_be(&before);
    assert_eq!(remembered(&lab), known);
    assert_eq!(get(api, "localhost", "/api/v1/sites").status, 401);
    assert_eq!(log_in(lab.up().listen(), &told_link(&said)).status, 200);
    assert!(!said.contains("built by Composer"), "{said}");
    assert!(said.contains(&format!("http://localhost:{}\n", api.port())) && !said.contains("/enter/"), "{said}");
    assert!(said.contains("account link admin\n"), "{said}");

    lab.up.as_mut().unwrap().stop();
    let said = up(&mut lab, &NO_REGISTRY);
    assert!(said.contains(&format!("http://localhost:{}\n", panel.port())), "its own port, as the first time: {said}");
}

/// The objects that the front end knows, once it knows the first site.
fn remembered(lab: &Lab) -> Vec<String> {
    let names = |kind: &str| {
        let told = lab.front(&[kind, "list", "--json"]).done();
        let told: Value = serde_json::from_str(&told.out).unwrap();
        let items = told["items"].as_array().unwrap().clone();
        items.iter().map(|item| format!("{} {} {}", item["id"], item["name"], item["status"])).collect::<Vec<_>>()
    };
    let began = Instant::now();
    while !names("site").iter().any(|site| site.contains("first.localhost\" \"enabled")) {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", names("site"));
        std::thread::sleep(Duration::from_millis(50));
    }
    ["server", "platform", "site"].iter().flat_map(|kind| names(kind)).collect()
}

#[test]
fn a_tree_is_copied_with_its_project_and_never_written() {
    let mut lab = Lab::bare(way());
    let tree = tree(&lab);
    let before = contents(&tree);

    let said = up(&mut lab, &["--platform", &tree.join("web").to_string_lossy(), "--db", "sqlite"]);

    assert!(before == contents(&tree), "the tree was written to");
    let copy = lab.home().join("platforms/their_drupal");
    assert!(copy.join("vendor").is_dir() && copy.join("web/index.php").is_file(), "{said}");
    assert!(!copy.join("web/sites/default/settings.php").exists());
    assert!(!copy.join("web/sites/default/files").exists());
    assert_eq!(get(lab.up().listen(), "first.localhost", "/").status, 200);
    assert!(lab.up().endpoints().db.is_none(), "MariaDB was not wished");

    // What a home began with is what it goes on with.
    lab.up.as_mut().unwrap().stop();
    let said = up(&mut lab, &[]);
    assert!(lab.up().endpoints().db.is_none(), "{said}");
    assert_eq!(get(lab.up().listen(), "first.localhost", "/").status, 200);
}

#[test]
fn ctrl_c_takes_back_what_runs_and_the_next_start_goes_on() {
    let mut lab = Lab::bare(way());
    let tree = tree(&lab);
    fs::write(tree.join("web/wait"), "").unwrap();
    let args = ["--platform", &tree.to_string_lossy()];
    up_in_the_middle(&mut lab, &args);

    lab.up.as_mut().unwrap().stop();

    let said = lab.up().said();
    assert!(said.contains("taking back: install-site of @first.localhost"), "{said}");
    let place = |what: &str| said.find(what).unwrap_or_else(|| panic!("no `{what}` in:\n{said}"));
    assert!(place("taking back") < place("stopping php-fpm"), "{said}");
    let sites = lab.home().join("platforms/their_drupal/web/sites");
    assert!(!sites.join("first.localhost").exists());
    assert!(!lab.home().join("contexts/first.localhost.json").exists());
    assert_eq!(lab.processes(), Vec::<String>::new());

    fs::remove_file(lab.home().join("platforms/their_drupal/web/wait")).unwrap();
    let said = up(&mut lab, &args);
    assert!(!said.contains("a copy of"), "the platform is there already: {said}");
    assert!(!said.contains("recovered"), "nothing was left: {said}");
    assert_eq!(get(lab.up().listen(), "first.localhost", "/").status, 200);
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_the_next_start_takes_back_what_was_begun() {
    let mut lab = Lab::bare(way());
    let tree = tree(&lab);
    fs::write(tree.join("web/wait"), "").unwrap();
    let args = ["--platform", &tree.to_string_lossy()];
    up_in_the_middle(&mut lab, &args);

    let pid = Pid::from_raw(lab.up().id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    until("the first one is seen", || lab.up().said().contains("taking back") || lab.up().said().contains("stopping"));
    lab.up.as_mut().unwrap().stop();

    let said = lab.up().said();
    assert_eq!(lab.processes(), Vec::<String>::new(), "{said}");
    // The first may have been quick enough to have taken it back.
    if said.contains("was in the middle") {
        assert!(said.contains("provision recover"), "{said}");
    }
    fs::remove_file(lab.home().join("platforms/their_drupal/web/wait")).unwrap();
    up(&mut lab, &args);
    assert_eq!(get(lab.up().listen(), "first.localhost", "/").status, 200);
}

#[test]
fn what_a_killed_start_left_is_cleaned_up_by_the_next() {
    let mut lab = Lab::bare(way());
    let tree = tree(&lab);
    fs::write(tree.join("web/wait"), "").unwrap();
    let args = ["--platform", &tree.to_string_lossy()];
    up_in_the_middle(&mut lab, &args);

    kill(lab.up().id());
    lab.up.take();
    // The installer would wait for ever in the worker that was left.
    fs::remove_file(lab.home().join("platforms/their_drupal/web/wait")).unwrap();
    let said = up(&mut lab, &args);

    assert_eq!(get(lab.up().listen(), "first.localhost", "/").status, 200, "{said}");
    let names = lab.provision(&["tasks", "--json"]).done().out;
    assert!(
        !names.contains("\"running\"") && !names.contains("\"interrupted\"") && !names.contains("\"stuck\""),
        "{names}"
    );
}

#[test]
fn detached_it_stays_and_down_ends_it() {
    let lab = Lab::bare(way());
    let args: Vec<&str> = ["--detach"].into_iter().chain(NO_REGISTRY).collect();

    let said = Said::of(up_line(&lab, &args).stdin(Stdio::null()), &args).done();

    let link = told_link(&said.out);
    let listen = aegir_stack::Endpoints::load(&lab.home()).unwrap().listen;
    assert_eq!(log_in(listen, &link).status, 200);
    let log = fs::read_to_string(lab.home().join("logs/up.log")).unwrap_or_default();
    assert!(!log.contains("/user/reset/"), "a link stands in the log");
    has_an_invitation(&lab, &said.out);
    let home = lab.home().display().to_string();
    let down = |words: &[&str]| {
        let mut command = match lab.way {
            Way::Person => lab.as_user(words),
            Way::TwoUsers => Command::new(lab.program()),
        };
        if lab.way == Way::TwoUsers {
            command.args(words);
        }
        Said::of(command.stdin(Stdio::null()), words).done()
    };
    down(&["--home", &home, "down"]).says("It has stopped");
    assert_eq!(lab.processes(), Vec::<String>::new());
    down(&["--home", &home, "down"]).says("Nothing runs");
}

#[test]
fn sites_can_answer_on_another_address_and_under_another_domain() {
    let mut lab = Lab::bare(way());
    up(&mut lab, &[&NO_REGISTRY[..], &["--db", "sqlite", "--domain", "lab.test"]].concat());
    assert_eq!(get(lab.up().listen(), "first.lab.test", "/").status, 200);
    let port = lab.up().listen().port();
    lab.up.as_mut().unwrap().stop();

    up(&mut lab, &["--listen", "127.0.0.2"]);

    let listen = lab.up().listen();
    assert_eq!(listen.to_string(), format!("127.0.0.2:{port}"));
    assert_eq!(get(listen, "first.lab.test", "/").status, 200);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the former address answers still");
}

#[test]
fn composer_builds_the_platform_from_a_registry_of_ones_own() {
    let mut lab = Lab::bare(way());
    let registry = Registry::start(&lab, None);

    let said = up(&mut lab, &["--registry", &registry.address, "--db", "sqlite"]);

    assert!(said.contains("Composer installed 2 packages"), "{said}");
    assert!(!said.contains("demo code base"), "{said}");
    let project = lab.home().join("platforms/drupal");
    assert!(project.join("vendor/demo/lantern-light/light.txt").is_file(), "{said}");
    assert_eq!(get(lab.up().listen(), "first.localhost", "/").status, 200);
    let asked = registry.asked.lock().unwrap().join("\n");
    assert!(asked.contains("/project.tar") && asked.contains("/light.tar"), "{asked}");
}

#[test]
fn a_registry_that_falls_silent_is_waited_for_no_longer_than_it_may_take() {
    let mut lab = Lab::bare(way());
    let hostmaster = lab.home().join("hostmaster");
    fs::create_dir(&hostmaster).unwrap();
    fs::write(hostmaster.join("aegir.toml"), "build_limit = 4\n").unwrap();
    lab.give(&hostmaster);
    let registry = Registry::start(&lab, Some("/light.tar"));

    let said = up(&mut lab, &["--registry", &registry.address, "--db", "sqlite"]);

    assert!(said.contains("Composer took longer than 4 s"), "{said}");
    assert!(said.contains("the demo code base, not Drupal"), "{said}");
    let platforms: Vec<_> = fs::read_dir(lab.home().join("platforms")).unwrap().flatten().collect();
    assert_eq!(platforms.len(), 1, "{platforms:?}");
    assert_eq!(get(lab.up().listen(), "first.localhost", "/").status, 200);
}

/// A registry of Composer packages on loopback, with two of them.
struct Registry {
    address: String,
    asked: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Registry {
    /// Starts it. It never answers for the path `silent`.
    fn start(lab: &Lab, silent: Option<&'static str>) -> Registry {
        let files = lab.beside().join("registry");
        let project = files.join("project");
        run(Command::new(root().join("fixtures/platforms/assemble")).arg("ten-1.0").arg(&project));
        // A project begins without its `vendor`: Composer fills it, and makes the loader.
        let light = files.join("light");
        fs::create_dir(&light).unwrap();
        fs::rename(project.join("vendor/symfony"), light.join("symfony")).unwrap();
        fs::remove_dir_all(project.join("vendor")).unwrap();
        fs::remove_file(project.join("composer.lock")).unwrap();
        fs::write(light.join("light.txt"), "light").unwrap();
        let loads = r#"{"name": "demo/lantern-light", "autoload": {"classmap": ["symfony"]}}"#;
        fs::write(light.join("composer.json"), loads).unwrap();
        let lib = |part: &str| format!(r#""Drupal\\{part}\\": "web/core/lib/Drupal/{part}""#);
        let composer = format!(
            r#"{{"name": "drupal/recommended-project", "type": "project", "require": {{"demo/lantern-light": "^1"}},
                "autoload": {{"psr-4": {{{}, {}}}, "classmap": ["web/core/lib/Drupal.php"]}}}}"#,
            lib("Core"),
            lib("Component"),
        );
        fs::write(project.join("composer.json"), composer).unwrap();
        for name in ["project", "light"] {
            let archive = files.join(format!("{name}.tar"));
            run(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&files).arg(name));
        }

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let package = |name: &str, version: &str, archive: &str, more: serde_json::Value| {
            let mut package = serde_json::json!({
                "name": name, "version": version,
                "dist": { "type": "tar", "url": format!("{address}/{archive}.tar") },
            });
            package.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            package
        };
        let require = serde_json::json!({ "type": "project", "require": { "demo/lantern-light": "^1" } });
        let packages = serde_json::json!({ "packages": {
            "drupal/recommended-project": {
                "10.90.0": package("drupal/recommended-project", "10.90.0", "project", require),
                // Whoever took the newest of all would get one that this PHP cannot run.
                "11.0.0": package("drupal/recommended-project", "11.0.0", "project", serde_json::json!({ "require": { "php": ">=8.9" } })),
            },
            "demo/lantern-light": { "1.0.0": package("demo/lantern-light", "1.0.0", "light", serde_json::json!({ "autoload": { "classmap": ["symfony"] } })) },
        }})
        .to_string();
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = std::sync::Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().flatten() {
                let mut first = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                reader.read_line(&mut first).unwrap_or_default();
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                    line.clear();
                }
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                heard.lock().unwrap().push(path.clone());
                if Some(path.as_str()) == silent {
                    // Kept open, as by a network that swallows what it is given.
                    kept.push(stream);
                    continue;
                }
                let (status, body) = match path.as_str() {
                    "/packages.json" => ("200 OK", packages.clone().into_bytes()),
                    path => match fs::read(files.join(path.trim_start_matches('/'))) {
                        Ok(body) => ("200 OK", body),
                        Err(_) => ("404 Not Found", Vec::new()),
                    },
                };
                let mut stream = stream;
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Registry { address, asked }
    }
}

#[test]
fn a_tree_that_is_no_drupal_ends_the_start_and_says_why() {
    let lab = Lab::bare(way());
    let missing = lab.beside().join("missing").display().to_string();
    let said = Said::of(up_line(&lab, &["--platform", &missing]).stdin(Stdio::null()), &["up"]).ends(2);
    assert!(said.err.contains("there is no folder"), "{}", said.all());

    let empty = lab.beside().join("empty");
    fs::create_dir(&empty).unwrap();
    let mut line = up_line(&lab, &["--db", "sqlite", "--platform", &empty.to_string_lossy()]);
    let said = Said::of(line.stdin(Stdio::null()), &["up"]).ends(1);
    assert!(said.err.contains("how to fix it"), "{}", said.all());
    assert!(!lab.home().join("platforms/empty").exists());
    assert_eq!(lab.processes(), Vec::<String>::new());
}
