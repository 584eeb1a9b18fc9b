//! Every rule of the table, asked of a real nginx with a real php-fpm behind it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, see common")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, Password, SiteName};
use aegir_drivers::Templates;
use aegir_drivers::http::rules::{Expected, Probe, Script, rules};
use aegir_drivers::http::{CoreFamily, EntryKind, HttpDriver, MainConfig, Nginx, PlatformConfig, Vhost, shared_paths};
use aegir_drivers::php::{self, Children, FpmMain, Pool, Programs};
use common::*;

/// A web server with both families of platforms, each with the sites `a` and `b`.
struct Stage {
    home: tempfile::TempDir,
    main: MainConfig,
    main_path: PathBuf,
    address: SocketAddr,
    _servers: Vec<Running>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

const SCRIPT: &str = r#"<?php
if (($_GET['run'] ?? '') !== '') { include __DIR__ . '/sites/' . $_GET['run']; exit; }
echo 'EXECUTED NAME ', json_encode($_SERVER, JSON_UNESCAPED_SLASHES);
"#;

impl Stage {
    /// `None` where nginx or php-fpm is missing, which is said.
    fn set() -> Option<Stage> {
        let (true, Some(fpm)) = (installed("nginx"), php_fpm()) else { return None };
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let nobody = am_root().then(|| ("nobody".to_owned(), "nogroup".to_owned()));
        let (folder, address) = (home.path().join("nginx"), free_address());
        let mut main = main_config(server(&folder, address));
        main.user = nobody.clone();
        fs::create_dir_all(&main.temp).unwrap();
        for name in Nginx.folders() {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let templates = Templates::default();
        for file in Nginx.server(&main.server, &templates).unwrap() {
            write(&folder.join(&file.path), file.text.expose());
        }
        let main_path = home.path().join("main.conf");
        write(&main_path, &Nginx.main(&main, &templates).unwrap());
        let pool = Pool {
            name: "all".into(),
            user: nobody.clone(),
            listen: home.path().join("php.sock"),
            listen_owner: nobody,
            // One process, so that one site's request follows another's.
            children: Children::OnDemand { max: 1, idle_seconds: 60 },
            generation: 1,
            programs: Programs::Refused,
            request_seconds: 30,
            slow_log: None,
            temp: "/tmp".into(),
            settings: Vec::new(),
        };
        let pool = pool.file(&templates).unwrap();
        write(&home.path().join("pools").join(&pool.path), pool.text.expose());
        let fpm_main = FpmMain {
            pid: home.path().join("fpm.pid"),
            error_log: home.path().join("fpm.log"),
            pools: home.path().join("pools"),
            reload_seconds: 10,
        };
        let fpm_path = home.path().join("fpm.conf");
        write(&fpm_path, &fpm_main.text(&templates).unwrap());

        let mut stage = Stage { home, main, main_path, address, _servers: Vec::new() };
        stage.generation(1);
        for family in CoreFamily::ALL {
            stage.platform(family);
            stage.publish_platform(family);
            for letter in ["a", "b"] {
                let site = format!("{letter}.{}.test", family.as_str());
                stage.publish(&stage.vhost(family, &format!("site {site}")));
            }
        }
        let nginx = command(&Nginx.run(&stage.main_path)).spawn().unwrap();
        let fpm = command(&php::run(Path::new(&fpm), &fpm_path)).spawn().unwrap();
        stage._servers = vec![Running(nginx), Running(fpm)];
        wait_for("nginx", || TcpStream::connect(address).is_ok());
        wait_for("php-fpm", || stage.home.path().join("php.sock").exists());
        Some(stage)
    }

    fn generation(&self, number: u64) {
        let file = Nginx.generation(number, &Templates::default()).unwrap();
        write(&self.main.server.folder.join(&file.path), file.text.expose());
    }

    fn root(&self, family: CoreFamily) -> PathBuf {
        self.home.path().join("platforms").join(family.as_str())
    }

    fn vhost(&self, family: CoreFamily, more: &str) -> Vhost {
        let home = self.home.path();
        let place = format!(
            "on {}\nplatform {}\nphp {}\n",
            family.as_str(),
            self.root(family).display(),
            home.join("php.sock").display()
        );
        let mut vhost = vhost(&pairs(&format!("family {}\n{place}{more}", family.as_str())));
        vhost.fence = home.join(format!("{}.fence", vhost.site));
        vhost
    }

    /// Publishes what the sites of a platform share.
    fn publish_platform(&self, family: CoreFamily) {
        let root = self.root(family).to_str().unwrap().parse().unwrap();
        let entries =
            ["index.php", "update.php", "cron.php", "core/", "modules/"].map(|name| match name.strip_suffix('/') {
                Some(folder) => (folder.to_owned(), EntryKind::Folder),
                None => (name.to_owned(), EntryKind::File),
            });
        let open_basedir = shared_paths(&root, &entries, &[]);
        self.put_platform(&PlatformConfig { name: family.as_str().parse().unwrap(), root, family, open_basedir });
    }

    fn put_platform(&self, platform: &PlatformConfig) {
        for file in Nginx.platform(&self.main.server, platform, &Templates::default()).unwrap() {
            if !file.text.expose().is_empty() {
                write(&self.main.server.folder.join(&file.path), file.text.expose());
            }
        }
    }

    fn publish(&self, vhost: &Vhost) {
        let file = Nginx.vhost(&self.main.server, vhost, &Templates::default()).unwrap();
        write(&self.main.server.folder.join(&file.path), file.text.expose());
    }

    fn reload(&self, generation: u64) {
        self.generation(generation);
        succeeds(&Nginx.check(&self.main_path));
        succeeds(&Nginx.reload(&self.main_path));
        let socket = &self.main.server.internal_socket;
        let expected = format!("\r\n\r\n{generation}");
        let answers = || {
            let mut stream = UnixStream::connect(socket).unwrap();
            stream.write_all(b"GET /generation HTTP/1.0\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text.ends_with(&expected)
        };
        let since = std::cell::Cell::new(std::time::Instant::now());
        wait_for("the new generation", || {
            if !answers() {
                since.set(std::time::Instant::now());
            }
            // The master starts the new workers, sleeps 100 ms, then tells the old ones to quit.
            since.get().elapsed() > Duration::from_millis(200)
        });
    }

    /// Everything that a probe asks for exists, so that only a rule can keep it from being shown.
    fn platform(&self, family: CoreFamily) {
        let root = self.root(family);
        let (a, b) = (format!("a.{}.test", family.as_str()), format!("b.{}.test", family.as_str()));
        for script in Script::ALL {
            write(&root.join(format!("{}.php", script.name())), &SCRIPT.replace("NAME", script.name()));
        }
        for name in [&a, &b] {
            fs::create_dir_all(root.join("sites").join(name).join("private/temp")).unwrap();
            write(&root.join("sites").join(name).join("secret.php"), "<?php echo 'SECRET';");
            write(
                &root.join("sites").join(name).join("open.php"),
                "<?php echo json_encode(['own' => is_readable(__DIR__ . '/secret.php'), \
                 'other' => @file_get_contents($_GET['path']) !== false, 'temp' => sys_get_temp_dir(), \
                 'upload' => ini_get('upload_tmp_dir'), 'exec' => function_exists('exec')], JSON_UNESCAPED_SLASHES);",
            );
        }
        write(&root.join("sites").join(&a).join("files/robots.txt"), &format!("FILE sites/{a}/files/robots.txt"));
        write(
            &root.join("sites").join(&a).join("accel.php"),
            &format!("<?php header('X-Accel-Redirect: /sites/{b}/secret.php');"),
        );
        for probe in rules().iter().flat_map(|rule| rule.probes) {
            let path = fill(probe.path, &a, &b);
            let path = normal(&path);
            if let Expected::File(file) = probe.expected {
                let file = fill(file, &a, &b);
                write(&root.join(&file), &format!("FILE {file}"));
            } else if !matches!(probe.expected, Expected::Executed(_))
                && !path.contains('\0')
                && !root.join(&path).exists()
            {
                let file = root.join(&path);
                // What lies below a file cannot be made; asking for it is the trick.
                if fs::create_dir_all(file.parent().unwrap()).is_ok() && !path.is_empty() {
                    let _ = fs::write(file, "LEAKED <?php echo 'EXECUTED evil';");
                }
            }
        }
    }

    fn ask(&self, host: &str, method: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let port = self.address.port();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}:{port}\r\nProxy: http://evil.test\r\nReferer: http://x.test/y?secret\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn get(&self, host: &str, path: &str) -> Answer {
        self.ask(host, "GET", path)
    }
}

fn fill(path: &str, site: &str, other: &str) -> String {
    path.replace("{site}", site).replace("{other}", other)
}

/// The path of a request as a server understands it.
fn normal(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    let mut decoded = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    let mut parts: Vec<String> = Vec::new();
    for part in String::from_utf8(decoded).unwrap().split('/') {
        match part {
            "" | "." => (),
            ".." => drop(parts.pop()),
            part => parts.push(part.to_owned()),
        }
    }
    parts.join("/")
}

fn holds(probe: &Probe, answer: &Answer, site: &str) -> bool {
    let shows = |word: &str| answer.body.contains(word);
    match probe.expected {
        Expected::Status(status) => answer.status == status && !shows("EXECUTED") && !shows("LEAKED"),
        Expected::File(file) => answer.status == 200 && answer.body == format!("FILE {}", fill(file, site, "")),
        Expected::Executed(script) => answer.status == 200 && shows(&format!("EXECUTED {} ", script.name())),
    }
}

#[test]
fn every_rule_holds_on_nginx() {
    let Some(stage) = Stage::set() else { return };
    let (mut asked, mut wrong) = (0, Vec::new());
    for family in CoreFamily::ALL {
        let (a, b) = (format!("a.{}.test", family.as_str()), format!("b.{}.test", family.as_str()));
        for rule in rules().iter().filter(|rule| rule.families.contains(&family)) {
            for probe in rule.probes {
                let answer = stage.ask(&a, probe.method, &fill(probe.path, &a, &b));
                asked += 1;
                if !holds(probe, &answer, &a) {
                    wrong.push(format!(
                        "{} ({}): {probe:?}\n  {} {}",
                        rule.name,
                        family.as_str(),
                        answer.status,
                        answer.body
                    ));
                }
            }
        }
    }
    println!("{asked} probes");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_platform_of_drupal_8_has_no_cron_php_and_one_of_7_may_use_the_name_vendor() {
    let Some(stage) = Stage::set() else { return };
    assert_eq!(stage.get("a.eight.test", "/cron.php").status, 403);
    assert!(stage.get("a.seven.test", "/vendor").body.contains("EXECUTED index"));
}

#[test]
fn php_is_told_what_it_needs_and_nothing_that_a_visitor_chose() {
    let Some(stage) = Stage::set() else { return };
    let body = stage.get("a.eight.test", "/user?x=1").body;
    let port = stage.address.port();
    for expected in [
        format!("\"HTTP_HOST\":\"a.eight.test:{port}\""),
        "\"REQUEST_URI\":\"/user?x=1\"".into(),
        "\"SCRIPT_NAME\":\"/index.php\"".into(),
        "\"db_type\":\"mysql\"".into(),
        r#""db_passwd":"not a \"secret\"""#.into(),
    ] {
        assert!(body.contains(&expected), "{expected} in {body}");
    }
    assert!(!body.contains("evil.test"), "{body}");
    assert_eq!(stage.ask("a.eight.test", "TRACE", "/").status, 405);
    assert_eq!(stage.get("stranger.test", "/").status, 404);
}

#[test]
fn sites_of_one_pool_cannot_read_each_other() {
    let Some(stage) = Stage::set() else { return };
    for _ in 0..2 {
        for (own, other) in [("a.eight.test", "b.eight.test"), ("b.eight.test", "a.eight.test")] {
            let secret = stage.root(CoreFamily::Eight).join("sites").join(other).join("secret.php");
            // The other's file is in the opcode cache by then.
            stage.get(other, &format!("/?run={other}/secret.php"));
            let answer = stage.get(own, &format!("/?run={own}/open.php&path={}", secret.display()));
            assert!(answer.body.contains(r#""own":true,"other":false"#), "{}", answer.body);
            assert!(answer.body.contains(&format!("sites/{own}/private/temp\",\"exec\":false")), "{}", answer.body);
            println!("{}", answer.body);
            let included = stage.get(own, &format!("/?run={other}/secret.php")).body;
            assert!(!included.contains("SECRET"), "{included}");
        }
    }
    let accel = stage.get("a.eight.test", "/?run=a.eight.test/accel.php");
    assert!(!accel.body.contains("SECRET") && !accel.body.contains("<?php"), "{}", accel.body);
}

#[test]
fn a_sites_values_reach_its_php_whatever_signs_they_hold() {
    let Some(stage) = Stage::set() else { return };
    let mut vhost = stage.vhost(CoreFamily::Eight, "site e.test");
    let name = r#"a"b\c$d;e{f}g#h'i\n${x} site = a.eight.test"#;
    vhost.credentials = vec![("db_name".into(), Password::new(name)), ("hash_salt".into(), Password::new(" x "))];
    stage.publish(&vhost);
    stage.reload(2);

    let body = stage.get("e.test", "/").body;

    let shown = name.replace('\\', r"\\").replace('"', r#"\""#);
    assert!(body.contains(&format!("\"db_name\":\"{shown}\"")), "{body}");
    assert!(body.contains("\"hash_salt\":\" x \""), "{body}");
    assert!(!body.contains("db_passwd") && !body.contains("db_type"), "what a site does not have is not sent: {body}");
}

#[test]
fn no_value_of_a_site_begins_another_line() {
    let Some(stage) = Stage::set() else { return };
    for bad in ["x\n  site = b.eight.test", "x\r", "x\0", "x\u{85}"] {
        let mut vhost = stage.vhost(CoreFamily::Eight, "site e.test");
        vhost.credentials = vec![("db_name".into(), Password::new(bad))];
        let fault = Nginx.vhost(&stage.main.server, &vhost, &Templates::default()).unwrap_err();
        assert!(fault.to_string().contains("db_name"), "{fault}");
    }
    let mut vhost = stage.vhost(CoreFamily::Eight, "site e.test");
    vhost.credentials = vec![("SCRIPT_FILENAME".into(), Password::new("/etc/passwd"))];
    let fault = Nginx.vhost(&stage.main.server, &vhost, &Templates::default()).unwrap_err();
    assert!(fault.to_string().contains("SCRIPT_FILENAME"), "{fault}");
}

#[test]
fn sixty_names_in_a_root_with_a_path_of_200_bytes_are_all_open_to_php() {
    let Some(stage) = Stage::set() else { return };
    let root = stage.home.path().join("platforms");
    let root = root.join(format!("{}/web", "long/".repeat(40).trim_end_matches('/')));
    assert!(root.to_str().unwrap().len() >= 200);
    write(&root.join("index.php"), "<?php echo file_get_contents(__DIR__ . $_GET['of']);");
    let mut entries = vec![("index.php".to_owned(), EntryKind::File), ("core".to_owned(), EntryKind::Folder)];
    entries.extend((0..60).map(|n| (format!("folder-{n}"), EntryKind::Folder)));
    for (name, _) in &entries[1..] {
        write(&root.join(name).join("a.txt"), &format!("FILE {name}"));
    }
    write(&root.join("hidden/a.txt"), "SECRET");
    let input = format!("site e.test\non long\nplatform {}", root.display());
    let mut vhost = vhost(&pairs(&input));
    vhost.php_socket = stage.home.path().join("php.sock");
    fs::create_dir_all(&vhost.temp).unwrap();
    stage.publish(&vhost);
    let open_basedir = shared_paths(&vhost.root, &entries, &[]);
    let platform = PlatformConfig { name: vhost.platform, root: vhost.root, family: vhost.family, open_basedir };
    stage.put_platform(&platform);
    stage.reload(2);

    for (name, _) in &entries[1..] {
        assert_eq!(stage.get("e.test", &format!("/?of=/{name}/a.txt")).body, format!("FILE {name}"));
    }
    assert!(!stage.get("e.test", "/?of=/hidden/a.txt").body.contains("SECRET"));
}

#[test]
fn php_of_a_platform_that_nginx_was_not_told_of_opens_nothing_but_the_sites_own() {
    let Some(stage) = Stage::set() else { return };
    fs::remove_file(stage.main.server.folder.join("platforms/eight.conf")).unwrap();
    stage.reload(2);
    let answer = stage.get("a.eight.test", "/");
    assert!(answer.status >= 400 && !answer.body.contains("EXECUTED"), "{} {}", answer.status, answer.body);
    assert!(stage.get("a.seven.test", "/").body.contains("EXECUTED"));
}

#[test]
fn an_operators_own_server_has_its_name_to_itself() {
    let Some(stage) = Stage::set() else { return };
    let own = format!(
        "server {{\n  listen {};\n  server_name b.eight.test own.test;\n  return 200 \"OPERATOR\";\n}}\n",
        stage.address
    );
    write(&stage.main.server.folder.join("post.d/own.conf"), &own);
    stage.reload(2);
    for name in ["own.test", "b.eight.test"] {
        assert_eq!(stage.get(name, "/").body, "OPERATOR", "{name}");
    }
    assert!(stage.get("a.eight.test", "/").body.contains("EXECUTED index"));
}

#[test]
fn a_name_in_two_files_is_refused_and_one_of_them_is_named() {
    let Some(stage) = Stage::set() else { return };
    for alias in ["www.x.test", "*.x.test"] {
        stage.publish(&stage.vhost(CoreFamily::Eight, &format!("site e.test\naliases {alias}")));
        stage.publish(&stage.vhost(CoreFamily::Eight, &format!("site f.test\naliases {alias}")));
        let said = output(&Nginx.check(&stage.main_path));
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains(&format!("conflicting parameter \"{alias}\" in /")), "{said}");
        assert!(said.contains("vhost.d/f.test.conf:"), "{said}");
    }
}

#[test]
fn a_site_may_be_named_like_a_word_of_nginx() {
    let Some(stage) = Stage::set() else { return };
    stage.publish(&stage.vhost(CoreFamily::Eight, "site e.test\naliases default include hostnames disabled"));
    stage.publish(&stage.vhost(CoreFamily::Eight, "site f.test\nmode disabled"));
    stage.reload(2);
    for name in ["e.test", "default", "include", "hostnames", "disabled"] {
        assert!(stage.get(name, "/").body.contains("EXECUTED index"), "{name}");
    }
    assert_eq!(stage.get("f.test", "/").status, 503);
    assert_eq!(stage.get("stranger.test", "/").status, 404);
}

#[test]
fn a_fence_needs_no_reload_and_leaves_pictures() {
    let Some(stage) = Stage::set() else { return };
    let fence = stage.home.path().join("a.eight.test.fence");
    assert_eq!(stage.get("a.eight.test", "/").status, 200);

    fs::write(&fence, "").unwrap();
    for path in ["/", "/index.php", "/update.php", "/node/1", "/sites/a.eight.test/files/css/new.css"] {
        let answer = stage.get("a.eight.test", path);
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.head.contains("Retry-After: 30") && answer.head.contains("text/html"), "{}", answer.head);
    }
    assert_eq!(stage.ask("a.eight.test", "POST", "/user").status, 503);
    assert_eq!(stage.get("a.eight.test", "/sites/a.eight.test/files/a.txt").status, 200);
    assert_eq!(stage.get("a.eight.test", "/sites/a.eight.test/settings.php").status, 403);
    assert_eq!(stage.get("b.eight.test", "/").status, 200);

    fs::remove_file(&fence).unwrap();
    assert_eq!(stage.get("a.eight.test", "/").status, 200);
}

#[test]
fn names_lead_where_the_site_says_and_a_disabled_site_keeps_its_names() {
    let Some(stage) = Stage::set() else { return };
    let port = stage.address.port();
    let more = "site c.test\naliases www.c.test *.c.example.org\nredirect www.c.test";
    stage.publish(&stage.vhost(CoreFamily::Eight, more));
    let plain = "site d.test\naliases www.d.test *.d.example.org";
    stage.publish(&stage.vhost(CoreFamily::Eight, plain));
    stage.reload(2);

    for name in ["c.test", "x.c.example.org"] {
        let answer = stage.get(name, "/a/b.php?x=1&y=%20");
        assert_eq!(answer.status, 301, "{name}");
        assert!(
            answer.head.contains(&format!("Location: http://www.c.test:{port}/a/b.php?x=1&y=%20")),
            "{}",
            answer.head
        );
    }
    assert!(stage.get("www.c.test", "/").body.contains("EXECUTED index"));
    for name in ["d.test", "www.d.test", "x.d.example.org"] {
        assert!(stage.get(name, "/").body.contains("EXECUTED index"), "{name}");
    }

    stage.publish(&stage.vhost(CoreFamily::Eight, &format!("{more}\nmode disabled")));
    stage.reload(3);
    for name in ["c.test", "www.c.test", "x.c.example.org"] {
        let answer = stage.get(name, "/sites/c.test/files/a.txt");
        assert_eq!(answer.status, 503, "{name}");
        assert!(answer.head.contains("Retry-After: 3600"));
    }
}

#[test]
fn the_log_holds_no_login_link_no_key_and_no_query() {
    let Some(stage) = Stage::set() else { return };
    for path in [
        "/user/reset/1/1700000000/hash",
        "/de/user/reset/1/2/hash",
        "/cron/hash",
        "/cron.php?cron_key=hash",
        "/?token=hash",
    ] {
        stage.get("a.eight.test", path);
    }
    stage.get("a.eight.test", "/the-last-one");
    let log = || fs::read_to_string(&stage.main.server.access_log).unwrap();
    wait_for("the log", || log().contains("/the-last-one"));
    assert!(!log().contains("hash") && !log().contains("secret"), "{}", log());
}

#[test]
fn a_site_has_a_name_that_can_be_in_a_pattern() {
    // The name goes into the subject of the patterns, never into a pattern.
    let site: SiteName = "a-b.test".parse().unwrap();
    assert_eq!(Nginx.vhost_path(&site), Path::new("vhost.d/a-b.test.conf"));
    assert_eq!(Nginx.check(Path::new("/m")), Cmd::new("nginx").args(["-e", "stderr", "-c", "/m", "-t", "-q"]));
}
