//! Platforms from real archives, real git repositories and a real Composer, all of them on loopback.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::said::Said;
use crate::support::{Lab, free_port, root, way};

/// Runs a program that this test needs; it fails, and says so, where the program is missing.
pub(super) fn run(program: &str, dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).stdin(Stdio::null());
    for (name, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "Somebody"),
        ("GIT_AUTHOR_EMAIL", "somebody@example.org"),
        ("GIT_COMMITTER_NAME", "Somebody"),
        ("GIT_COMMITTER_EMAIL", "somebody@example.org"),
        ("COMPOSER_ALLOW_SUPERUSER", "1"),
    ] {
        command.env(name, value);
    }
    command.env("COMPOSER_HOME", dir.join(".composer-home")).env("COMPOSER_CACHE_DIR", dir.join(".composer-cache"));
    let ran = command.output().unwrap_or_else(|error| panic!("this test needs `{program}` (scripts/setup): {error}"));
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{program} {args:?}: {said}");
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

/// What others have, on a web server that gives the files of a folder. What is below `private/` needs a password, and
/// whoever asks for `silent` waits for ever.
pub(super) struct Web {
    pub(super) files: PathBuf,
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// `me:hunter2`, as it is sent.
const PASSWORD: &str = "Basic bWU6aHVudGVyMg==";

impl Web {
    pub(super) fn start(lab: &Lab) -> Web {
        let files = lab.beside().join("web");
        fs::create_dir(&files).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (served, heard) = (files.clone(), Arc::clone(&asked));
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut head).is_ok_and(|count| count > 2) {}
                let path = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
                heard.lock().unwrap().push(path.clone());
                if path.ends_with("/silent") {
                    kept.push(stream);
                    continue;
                }
                let (status, body) = match fs::read(served.join(path.trim_start_matches('/'))) {
                    _ if path.starts_with("/private/") && !head.contains(PASSWORD) => {
                        ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"", Vec::new())
                    }
                    Ok(body) => ("200 OK", body),
                    Err(_) => ("404 Not Found", Vec::new()),
                };
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Web { files, address, asked }
    }

    /// A project of two packages with a lock file, and neither of the packages in it.
    fn project(&self) -> PathBuf {
        let project = self.files.join("project");
        run(root().join("fixtures/platforms/assemble").to_str().unwrap(), &self.files, &["ten-1.0", "project"]);
        // What Composer brings: the code that the project's own loader needs.
        let light = self.files.join("light");
        fs::create_dir(&light).unwrap();
        fs::rename(project.join("vendor/symfony"), light.join("symfony")).unwrap();
        fs::remove_dir_all(project.join("vendor")).unwrap();
        fs::remove_file(project.join("composer.lock")).unwrap();
        fs::write(light.join("light.txt"), "light").unwrap();
        let loads = r#"{"name": "demo/lantern-light", "autoload": {"classmap": ["symfony"]}}"#;
        fs::write(light.join("composer.json"), loads).unwrap();
        run("tar", &self.files, &["-cf", "light.tar", "light"]);
        let dist = serde_json::json!({ "type": "tar", "url": format!("{}/light.tar", self.address) });
        let package = |version: &str| {
            serde_json::json!({
                "name": "demo/lantern-light", "version": version, "dist": dist, "autoload": { "classmap": ["symfony"] },
            })
        };
        let registry = |versions: &[&str]| {
            let all: serde_json::Map<_, _> =
                versions.iter().map(|version| ((*version).to_owned(), package(version))).collect();
            serde_json::json!({ "packages": { "demo/lantern-light": all } }).to_string()
        };
        fs::write(self.files.join("packages.json"), registry(&["1.0.0"])).unwrap();
        let lib = |part: &str| (format!("Drupal\\{part}\\"), serde_json::json!(format!("web/core/lib/Drupal/{part}")));
        let composer = serde_json::json!({
            "name": "demo/project", "type": "project", "require": { "demo/lantern-light": "^1" },
            "repositories": [{ "type": "composer", "url": self.address }, { "packagist.org": false }],
            "config": { "secure-http": false },
            "autoload": {
                "psr-4": serde_json::Map::from_iter([lib("Core"), lib("Component")]),
                "classmap": ["web/core/lib/Drupal.php"],
            },
        });
        fs::write(project.join("composer.json"), composer.to_string()).unwrap();
        let beside = self.files.join("locking");
        fs::create_dir(&beside).unwrap();
        fs::copy(project.join("composer.json"), beside.join("composer.json")).unwrap();
        run("composer", &beside, &["update", "--no-install", "--no-interaction", "--no-plugins"]);
        fs::copy(beside.join("composer.lock"), project.join("composer.lock")).unwrap();
        // Whoever asked for the newest instead of what is locked would get this.
        fs::write(self.files.join("packages.json"), registry(&["1.0.0", "1.1.0"])).unwrap();
        open(&self.files);
        project
    }

    /// A repository with the project at the tag 1.0.0 (of which a person signs that it is), and more on `main`. Gives
    /// the numbers of both commits.
    fn repository(&self) -> (String, String) {
        let project = self.project();
        let git = |args: &[&str]| run("git", &project, args);
        git(&["init", "--quiet", "--initial-branch=main"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message=first"]);
        git(&["tag", "--annotate", "--message=x", "1.0.0"]);
        let first = git(&["rev-parse", "HEAD"]);
        fs::write(project.join("later.txt"), "later").unwrap();
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message=second"]);
        let second = git(&["rev-parse", "HEAD"]);
        run("git", &self.files, &["clone", "--quiet", "--bare", "project", "site.git"]);
        run("git", &self.files.join("site.git"), &["update-server-info"]);
        open(&self.files);
        (first, second)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }
}

/// Lets everybody read it.
pub(super) fn open(at: &Path) {
    run("chmod", at, &["-R", "a+rX", "."]);
}

pub(super) fn a_lab() -> Lab {
    let lab = Lab::bare(way());
    lab.provision(&["save", "@server_web", "--http", "nginx", "--listen", &format!("127.0.0.1:{}", free_port())])
        .done();
    lab
}

pub(super) fn build(lab: &Lab, name: &str, words: &[&str]) -> Said {
    lab.provision(&[&["build", name, "--server", "web"], words].concat())
}

pub(super) fn platforms(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.home().join("platforms")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn shown(lab: &Lab, name: &str) -> String {
    lab.provision(&["show", name]).done().all()
}

/// git's own server, which gives parts of repositories too.
struct Daemon(Child);

impl Daemon {
    fn start(files: &Path) -> (Daemon, String) {
        let port = free_port().to_string();
        // The program itself: `git daemon` would start it as a child, and it would outlive what is ended here.
        let programs = run("git", files, &["--exec-path"]);
        let mut command = Command::new(Path::new(&programs).join("git-daemon"));
        command.args(["--reuseaddr", "--export-all", "--listen=127.0.0.1", &format!("--port={port}")]);
        command.arg(format!("--base-path={}", files.display())).arg(files);
        command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("this test needs `git`");
        let daemon = Daemon(child);
        let began = Instant::now();
        while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "`git daemon` does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        (daemon, format!("git://127.0.0.1:{port}/site.git"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_repository_is_checked_out_and_what_its_lock_file_names_is_installed() {
    let lab = a_lab();
    let web = Web::start(&lab);
    let (first, second) = web.repository();
    let at = |name: &str| lab.home().join("platforms").join(name);

    // From a plain web server.
    build(&lab, "@platform_tagged", &["--git", &web.url("site.git"), "--ref", "1.0.0"]).done().says(&first);
    assert_eq!(fs::read_to_string(at("tagged").join("vendor/demo/lantern-light/light.txt")).unwrap(), "light");
    assert!(fs::read_to_string(at("tagged").join("vendor/composer/installed.json")).unwrap().contains("1.0.0"));
    assert!(!at("tagged").join(".git").exists() && !at("tagged").join("later.txt").exists());
    assert!(shown(&lab, "@platform_tagged").contains(&first));
    lab.provision(&["verify", "@platform_tagged"]);
    assert!(shown(&lab, "@platform_tagged").contains(&first));

    // From git's own, at a branch, and at a commit that no branch or tag is at.
    let (_daemon, address) = Daemon::start(&web.files);
    build(&lab, "@platform_branch", &["--git", &address, "--ref", "main", "--docroot", "web"]).done().says(&second);
    assert!(at("branch").join("later.txt").is_file());
    build(&lab, "@platform_commit", &["--git", &address, "--ref", &first[..12]]).done().says(&first);
    build(&lab, "@platform_whole", &["--git", &address, "--ref", &second]).done().says(&second);

    let before = platforms(&lab).len();
    build(&lab, "@platform_none", &["--git", &address, "--ref", "9.9.9"])
        .ends(4)
        .says("has no branch, tag or commit `9.9.9`");
    build(&lab, "@platform_none", &["--git", &address, "--ref", "1.0.0", "--docroot", "public"]).ends(7);
    build(&lab, "@platform_none", &["--git", "git://127.0.0.1:9/x", "--ref", "main"])
        .ends(4)
        .says("Connection refused");
    build(&lab, "@platform_none", &["--git", "ext::sh -c true", "--ref", "main"]).ends(2);
    assert_eq!(platforms(&lab).len(), before);
}

#[test]
fn a_repository_whose_links_lead_out_is_not_taken() {
    let lab = a_lab();
    let web = Web::start(&lab);
    let project = web.project();
    symlink("/etc/passwd", project.join("web/passwd.txt")).unwrap();
    web_of(&project, &web);

    let said = build(&lab, "@platform_d10", &["--git", &web.url("site.git"), "--ref", "main"]).ends(7);

    said.says("lead out of it: `web/passwd.txt`");
    assert_eq!(platforms(&lab), Vec::<String>::new());
}

/// Has a folder be the repository `site.git`.
fn web_of(project: &Path, web: &Web) {
    let git = |args: &[&str]| run("git", project, args);
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=first"]);
    run("git", &web.files, &["clone", "--quiet", "--bare", "project", "site.git"]);
    run("git", &web.files.join("site.git"), &["update-server-info"]);
    open(&web.files);
}

#[test]
fn a_project_on_this_machine_gets_exactly_what_its_lock_file_names() {
    let lab = a_lab();
    let web = Web::start(&lab);
    let project = web.project();

    let words = ["--project", project.to_str().unwrap()];
    build(&lab, "@platform_d10", &words).done().says("Composer installed 1 packages");

    let built = lab.home().join("platforms/d10");
    assert!(fs::read_to_string(built.join("vendor/composer/installed.json")).unwrap().contains("1.0.0"));
    assert!(!project.join("vendor").exists());
    let lock: serde_json::Value = serde_json::from_slice(&fs::read(project.join("composer.lock")).unwrap()).unwrap();
    assert!(shown(&lab, "@platform_d10").contains(lock["content-hash"].as_str().unwrap()));

    // A package that cannot be had takes everything back.
    fs::remove_file(web.files.join("light.tar")).unwrap();
    fs::remove_dir_all(lab.home().join("cache/composer")).unwrap();
    let said =
        build(&lab, "@platform_other", &words).ends(7).says("the packages of the project could not be installed");
    assert!(said.all().contains("404"), "{}", said.all());
    assert_eq!(platforms(&lab), ["d10"]);
}

#[test]
fn an_archive_is_fetched_with_its_checksum_and_without_its_password_in_any_log() {
    let lab = a_lab();
    let web = Web::start(&lab);
    run(root().join("fixtures/platforms/assemble").to_str().unwrap(), &web.files, &["seven-1.0", "drupal-7.200"]);
    fs::create_dir(web.files.join("private")).unwrap();
    run("tar", &web.files, &["-czf", "private/drupal.tar.gz", "drupal-7.200"]);
    open(&web.files);
    let line = run("sha256sum", &web.files, &["private/drupal.tar.gz"]);
    let sum = line.split(' ').next().unwrap();
    let address = web.url("private/drupal.tar.gz");
    let words = ["--archive", &address, "--sha256", sum];

    // Without a password, then with one in the address.
    build(&lab, "@platform_d7", &words).ends(7).says("401").remedy(".netrc");
    let with_password = address.replace("http://", "http://me:hunter2@");
    let said = build(&lab, "@platform_d7", &["--archive", &with_password, "--sha256", sum]).ends(2);
    assert!(said.all().contains(".netrc"), "{}", said.all());
    build(&lab, "@platform_d7", &["--archive", &address]).ends(4).says("its checksum is not given");
    let other = "0".repeat(64);
    assert_eq!(platforms(&lab), Vec::<String>::new());

    let netrc = lab.home().join(".netrc");
    fs::write(&netrc, "machine 127.0.0.1 login me password hunter2\n").unwrap();
    fs::set_permissions(&netrc, fs::Permissions::from_mode(0o600)).unwrap();
    lab.give(&netrc);
    build(&lab, "@platform_d7", &["--archive", &address, "--sha256", &other]).ends(7).says(sum);
    build(&lab, "@platform_d7", &words).done().says(sum);
    assert!(lab.home().join("platforms/d7/index.php").is_file());
    assert!(shown(&lab, "@platform_d7").contains(sum));
    assert!(web.asked.lock().unwrap().iter().all(|path| path == "/private/drupal.tar.gz"));
    let found = Command::new("grep").args(["-rlF", "hunter2", "--exclude=.netrc"]).arg(lab.home()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");

    // From this machine it needs no checksum.
    let path = web.files.join("private/drupal.tar.gz");
    build(&lab, "@platform_local", &["--archive", path.to_str().unwrap(), "--strip", "1"]).done().says(sum);
}

#[test]
fn whoever_falls_silent_is_waited_for_no_longer_than_they_may_take() {
    let lab = a_lab();
    let hostmaster = lab.home().join("hostmaster");
    fs::create_dir_all(&hostmaster).unwrap();
    fs::write(hostmaster.join("aegir.toml"), "build_limit = 2\n").unwrap();
    lab.give(&hostmaster);
    let web = Web::start(&lab);
    let sum = "0".repeat(64);

    let words = ["--archive", &web.url("silent"), "--sha256", &sum];
    build(&lab, "@platform_d7", &words).ends(7).says("took longer than 2 s");
    let closed = format!("http://127.0.0.1:{}/x.tar", free_port());
    build(&lab, "@platform_d7", &["--archive", &closed, "--sha256", &sum]).ends(7).says("Failed to connect");
    assert_eq!(platforms(&lab), Vec::<String>::new());
}
