//! Every rule of the table, asked of real web servers with a real php-fpm behind them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, see common")]

mod common;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};

use aegir_domain::{Cmd, Password, SiteName};
use aegir_drivers::Templates;
use aegir_drivers::http::rules::rules;
use aegir_drivers::http::{CoreFamily, EntryKind, HttpDriver, Nginx, PlatformConfig, SharedPaths, Vhost, shared_paths};
use common::*;
use stage::*;

macro_rules! on_both {
    ($($promise:ident,)*) => {
        mod nginx {
            $(#[test] fn $promise() { super::Stage::set(&super::Nginx).iter().for_each(super::$promise); })*
        }
        mod apache {
            $(#[test] fn $promise() { super::Stage::set(super::apache()).iter().for_each(super::$promise); })*
        }
    };
}

on_both! {
    every_rule_holds,
    a_platform_of_drupal_8_has_no_cron_php_and_one_of_7_may_use_the_name_vendor,
    php_is_told_what_it_needs_and_nothing_that_a_visitor_chose,
    sites_of_one_pool_cannot_read_each_other,
    a_sites_values_reach_its_php_whatever_signs_they_hold,
    no_value_of_a_site_begins_another_line,
    php_of_a_platform_that_the_server_was_not_told_of_opens_nothing_but_the_sites_own,
    a_site_may_be_named_like_a_word_of_the_language,
    a_file_is_what_follows_its_last_dot_and_no_more,
    a_fence_needs_no_reload_and_leaves_pictures,
    names_lead_where_the_site_says_and_a_disabled_site_keeps_its_names,
    the_log_holds_no_login_link_no_key_and_no_query,
}

fn every_rule_holds(stage: &Stage) {
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

fn a_platform_of_drupal_8_has_no_cron_php_and_one_of_7_may_use_the_name_vendor(stage: &Stage) {
    assert_eq!(stage.get("a.eight.test", "/cron.php").status, 403);
    assert!(stage.get("a.seven.test", "/vendor").body.contains("EXECUTED index"));
}

fn php_is_told_what_it_needs_and_nothing_that_a_visitor_chose(stage: &Stage) {
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
    let own = stage.root(CoreFamily::Eight).join("core/");
    assert!(body.contains(&format!(r#""PHP_ADMIN_VALUE":"open_basedir=\"{}:"#, own.display())), "{body}");
    for hidden in ["\"PHP_VALUE\"", "AEGIR_PHP", "AEGIR_FENCE", "AEGIR_SCRIPT"] {
        assert!(!body.contains(hidden), "{hidden} in {body}");
    }
    assert!([403, 405].contains(&stage.ask("a.eight.test", "TRACE", "/").status));
    assert_eq!(stage.get("stranger.test", "/").status, 404);
}

fn sites_of_one_pool_cannot_read_each_other(stage: &Stage) {
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
    for asks in ["accel", "located"] {
        let answer = stage.get("a.eight.test", &format!("/?run=a.eight.test/{asks}.php"));
        assert!(!answer.body.contains("SECRET") && !answer.body.contains("<?php"), "{asks}: {}", answer.body);
    }
}

fn a_sites_values_reach_its_php_whatever_signs_they_hold(stage: &Stage) {
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

fn no_value_of_a_site_begins_another_line(stage: &Stage) {
    for bad in ["x\n  site = b.eight.test", "x\r", "x\0", "x\u{85}"] {
        let mut vhost = stage.vhost(CoreFamily::Eight, "site e.test");
        vhost.credentials = vec![("db_name".into(), Password::new(bad))];
        let fault = stage.driver.vhost(&stage.main.server, &vhost, &Templates::default()).unwrap_err();
        assert!(fault.to_string().contains("db_name"), "{fault}");
    }
    let mut vhost = stage.vhost(CoreFamily::Eight, "site e.test");
    vhost.credentials = vec![("SCRIPT_FILENAME".into(), Password::new("/etc/passwd"))];
    let fault = stage.driver.vhost(&stage.main.server, &vhost, &Templates::default()).unwrap_err();
    assert!(fault.to_string().contains("SCRIPT_FILENAME"), "{fault}");
}

/// Whether the PHP of a site on a platform with `count` folders, in a root with a path of 200 bytes, opens
/// them and no other.
fn opens_all_folders(stage: &Stage, count: usize) {
    let root = stage.home.path().join("platforms");
    let root = root.join(format!("{}/web", "long/".repeat(40).trim_end_matches('/')));
    assert!(root.to_str().unwrap().len() >= 200);
    write(&root.join("index.php"), "<?php echo file_get_contents(__DIR__ . $_GET['of']);");
    let mut entries = vec![("index.php".to_owned(), EntryKind::File), ("core".to_owned(), EntryKind::Folder)];
    entries.extend((0..count).map(|n| (format!("folder-{n}"), EntryKind::Folder)));
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
fn sixty_names_in_a_root_with_a_path_of_200_bytes_are_all_open_to_php() {
    let Some(stage) = Stage::set(&Nginx) else { return };
    opens_all_folders(&stage, 60);
}

#[test]
fn apaches_error_log_does_not_say_from_which_page_a_visitor_comes() {
    let Some(stage) = Stage::set(apache()) else { return };
    let script = stage.root(CoreFamily::Eight).join("sites/a.eight.test/complain.php");
    write(&script, "<?php error_log('COMPLAINT');");
    stage.get("a.eight.test", "/?run=a.eight.test/complain.php");
    let log = || fs::read_to_string(&stage.main.error_log).unwrap();
    wait_for("the log", || log().contains("COMPLAINT"));
    assert!(!log().contains("secret") && !log().contains("x.test"), "{}", log());
}

#[test]
fn what_apache_would_not_hand_on_to_php_is_refused_before() {
    let Some(stage) = Stage::set(apache()) else { return };
    opens_all_folders(&stage, 40);
    let folders = |count: usize, length: usize| (0..count).map(|n| format!("/p/{n:0length$}/").into()).collect();
    let platform = |rest: Vec<PathBuf>| PlatformConfig {
        name: "long".parse().unwrap(),
        root: "/p".parse().unwrap(),
        family: CoreFamily::Eight,
        open_basedir: SharedPaths { busiest: Vec::new(), rest },
    };
    let templates = Templates::default();
    let main = &stage.main.server;
    assert!(apache().platform(main, &platform(folders(59, 195)), &templates).is_ok());
    let fault = apache().platform(main, &platform(folders(61, 195)), &templates).unwrap_err();
    assert!(fault.to_string().contains("`long`") && fault.to_string().contains("12000"), "{fault}");

    // As much as a platform and a site may have together, PHP is told.
    let mut vhost = stage.vhost(CoreFamily::Eight, "site a.eight.test");
    vhost.platform = "long".parse().unwrap();
    let fits = |vhost: &Vhost| apache().vhost(main, vhost, &templates).is_ok();
    while fits(&vhost) {
        vhost.open_basedir.push("/x/".into());
    }
    vhost.open_basedir.pop();
    stage.publish(&vhost);
    let mut shared = platform(folders(59, 195));
    shared.root = vhost.root.clone();
    shared.open_basedir.busiest = vec![vhost.root.path().join("index.php")];
    stage.put_platform(&shared);
    fs::remove_file(main.folder.join("platforms/eight.conf")).unwrap();
    stage.reload(3);
    let body = stage.get("a.eight.test", "/").body;
    assert!(body.contains("EXECUTED index") && body.contains("open_basedir="), "{body}");
}

fn php_of_a_platform_that_the_server_was_not_told_of_opens_nothing_but_the_sites_own(stage: &Stage) {
    fs::remove_file(stage.main.server.folder.join("platforms/eight.conf")).unwrap();
    stage.reload(2);
    let answer = stage.get("a.eight.test", "/");
    assert!(answer.status >= 400 && !answer.body.contains("EXECUTED"), "{} {}", answer.status, answer.body);
    assert!(stage.get("a.seven.test", "/").body.contains("EXECUTED"));
}

#[test]
fn an_operators_own_server_has_its_name_to_itself() {
    let Some(stage) = Stage::set(&Nginx) else { return };
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
    let Some(stage) = Stage::set(&Nginx) else { return };
    for alias in ["www.x.test", "*.x.test"] {
        stage.publish(&stage.vhost(CoreFamily::Eight, &format!("site e.test\naliases {alias}")));
        stage.publish(&stage.vhost(CoreFamily::Eight, &format!("site f.test\naliases {alias}")));
        let said = output(&Nginx.check(&stage.main_path));
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains(&format!("conflicting parameter \"{alias}\" in /")), "{said}");
        assert!(said.contains("vhost.d/f.test.conf:"), "{said}");
    }
}

fn a_site_may_be_named_like_a_word_of_the_language(stage: &Stage) {
    stage.publish(&stage.vhost(CoreFamily::Eight, "site e.test\naliases default include hostnames disabled"));
    stage.publish(&stage.vhost(CoreFamily::Eight, "site f.test\nmode disabled"));
    stage.reload(2);
    for name in ["e.test", "default", "include", "hostnames", "disabled"] {
        assert!(stage.get(name, "/").body.contains("EXECUTED index"), "{name}");
    }
    assert_eq!(stage.get("f.test", "/").status, 503);
    assert_eq!(stage.get("stranger.test", "/").status, 404);
}

fn a_file_is_what_follows_its_last_dot_and_no_more(stage: &Stage) {
    let folder = stage.root(CoreFamily::Eight).join("sites/a.eight.test/files");
    for (name, kind) in [
        ("a.css", "text/css"),
        ("a.JPG", "image/jpeg"),
        ("page.html.unknown", "application/octet-stream"),
        ("page.html.txt", "text/plain"),
        ("none", "application/octet-stream"),
    ] {
        write(&folder.join(name), "FILE");
        let answer = stage.get("a.eight.test", &format!("/sites/a.eight.test/files/{name}"));
        assert_eq!((answer.status, answer.body.as_str()), (200, "FILE"), "{name}");
        for expected in [&format!("Content-Type: {kind}"), "X-Content-Type-Options: nosniff", "max-age=1209600"] {
            assert!(answer.head.contains(expected), "{name}: {expected} in {}", answer.head);
        }
    }
    assert!(stage.get("a.eight.test", "/robots.txt").head.contains("max-age=3600"));
    assert!(!stage.get("a.eight.test", "/").head.contains("max-age"));
    for other in ["/sites%2Fb.eight.test/files/a.txt", "/sites/b.eight.test%2Ffiles/a.txt"] {
        let answer = stage.get("a.eight.test", other);
        assert!(!answer.body.contains("LEAKED") && !answer.body.starts_with("FILE"), "{other}: {}", answer.body);
    }
    assert!(stage.get("a.eight.test", "/node/a%2Fb").body.contains("\"REQUEST_URI\":\"/node/a%2Fb\""));
}

fn a_fence_needs_no_reload_and_leaves_pictures(stage: &Stage) {
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

/// A site whose page `/?run=SITE/page.php&say=HEADERS` says these headers, one after the other, and never the same text twice.
/// Drupal's own are told by their first words.
fn site_that_says(stage: &Stage, family: CoreFamily, site: &str, more: &str) -> Vhost {
    let script = stage.root(family).join("sites").join(site).join("page.php");
    let text = "<?php foreach (explode(';', $_GET['say'] ?? '') as $line) { if ($line) header($line); } echo 'page ', \
                hrtime(TRUE), ' for ', $_SERVER['HTTP_IF_NONE_MATCH'] ?? 'anybody';";
    write(&script, text);
    let vhost = stage.vhost(family, &format!("site {site}\n{more}"));
    fs::create_dir_all(&vhost.temp).unwrap();
    vhost
}

fn page(site: &str, says: &str) -> String {
    format!("/?run={site}/page.php&say={}", says.replace(' ', "%20"))
}

const KEPT: &str = "X-Drupal-Cache: HIT";

/// What `path` says behind the fence, if it is what was kept; `None` if visitors are told to come back.
fn kept(stage: &Stage, site: &str, path: &str, lines: &str) -> Option<String> {
    let answer = stage.ask_with(site, "GET", path, lines);
    let told = |word: &str| answer.head.contains(word);
    match answer.status {
        503 => {
            assert!(told("Retry-After: 30") && !told("X-Aegir-Fence"), "{}", answer.head);
            assert!(answer.body.contains("Back soon"), "{}", answer.body);
            None
        }
        _ => {
            assert!(told("X-Aegir-Fence: cached") && told("Cache-Control: no-store"), "{}", answer.head);
            Some(answer.body)
        }
    }
}

#[test]
fn pages_that_drupal_keeps_for_everybody_go_on_behind_nginxs_fence() {
    let Some(stage) = Stage::set(&Nginx) else { return };
    let site = "a.eight.test";
    let vhost = site_that_says(&stage, CoreFamily::Eight, site, "");
    let path =
        page(site, "X-Drupal-Cache: MISS;Cache-Control: must-revalidate, no-cache, private;Vary: Cookie;ETag: \"1\"");
    // In ordinary times each visitor is given a page of their own, and Drupal hears what they have already.
    let before = stage.get(site, &path);
    let now = stage.get(site, &path).body;
    assert!(!before.head.contains("X-Aegir-Fence") && !before.head.contains("no-store"), "{}", before.head);
    assert_ne!(before.body, now);
    assert!(stage.ask_with(site, "GET", &path, "If-None-Match: \"1\"\r\n").body.ends_with("for \"1\""));

    write(&vhost.fence, "");
    assert_eq!(kept(&stage, site, &path, ""), Some(now.clone()), "what was given last goes on");
    assert_eq!(kept(&stage, site, &path, "Cookie: _ga=1; theme=SESSION\r\n"), Some(now.clone()));
    let head = stage.ask(site, "HEAD", &path);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(stage.ask_with(site, "GET", &path, "If-None-Match: \"1\"\r\n").status, 304);
    // Whom Drupal may know, and who wants something done, is told to come back.
    for lines in [
        "Cookie: SESS0123=abc\r\n",
        "Cookie: a=b; SSESS0123=abc\r\n",
        "Cookie: a=b\r\nCookie: __Secure-SSESS0123=abc\r\n",
        "Cookie: NO_CACHE=1\r\n",
        "Authorization: Basic eDp5\r\n",
        "Accept-Encoding: gzip\r\n",
        "X-Forwarded-Proto: https\r\n",
    ] {
        assert_eq!(kept(&stage, site, &path, lines), None, "{lines}");
    }
    assert_eq!(stage.ask(site, "POST", &path).status, 503);
    assert_eq!(kept(&stage, site, &format!("{path}&x"), ""), None);
    assert_eq!(stage.get("b.eight.test", "/").status, 200);

    fs::remove_file(&vhost.fence).unwrap();
    let after = stage.get(site, &path);
    assert!(after.body != now && !after.head.contains("no-store"), "{}", after.head);
    let log = fs::read_to_string(&stage.main.error_log).unwrap();
    assert!(!log.contains("live upstreams"), "{log}");
}

#[test]
fn what_drupal_keeps_for_nobody_or_takes_back_is_not_shown_behind_nginxs_fence() {
    let Some(stage) = Stage::set(&Nginx) else { return };
    let (eight, seven) = ("a.eight.test", "a.seven.test");
    let fences = [(CoreFamily::Eight, eight), (CoreFamily::Seven, seven)]
        .map(|(family, site)| site_that_says(&stage, family, site, "").fence);
    let asked = [
        (eight, "X-Drupal-Cache: HIT", "", true),
        (eight, "X-Drupal-Cache: MISS", "", true),
        (eight, "X-Drupal-Cache: HIT;Status: 404 Not Found", "", true),
        (seven, "X-Drupal-Cache: HIT", "", true),
        (seven, "X-Drupal-Cache: MISS;Cache-Control: public, max-age=0", "", true),
        (seven, "X-Drupal-Cache: MISS;Cache-Control: no-cache, must-revalidate", "", false),
        (seven, "X-Drupal-Cache: MISS", "", false),
        (eight, "X-Drupal-Cache: UNCACHEABLE (request policy)", "", false),
        (eight, "Cache-Control: public, max-age=900", "", false),
        (eight, "X-Drupal-Cache: HIT;Set-Cookie: a=b", "", false),
        (eight, "X-Drupal-Cache: HIT;X-Accel-Expires: 0", "", false),
        (eight, "X-Drupal-Cache: HIT;X-Accel-Redirect: /x", "", false),
        (eight, "X-Drupal-Cache: HIT;Content-Encoding: br", "", false),
        (eight, "X-Drupal-Cache: HIT;Status: 500 Broken", "", false),
        (eight, "X-Drupal-Cache: HIT;X-Of: a session", "Cookie: SESS0123=abc\r\n", false),
        (eight, "X-Drupal-Cache: HIT;X-Of: a password", "Authorization: Basic eDp5\r\n", false),
        (eight, "X-Drupal-Cache: HIT;X-Of: a part", "Range: bytes=0-1\r\n", false),
    ];
    for (site, says, lines, _) in asked {
        stage.ask_with(site, "GET", &page(site, says), lines);
    }
    stage.ask(eight, "POST", &page(eight, "X-Drupal-Cache: HIT;X-Of: a form"));
    // A page that everybody saw, and now nobody may.
    let gone = page(eight, KEPT);
    let denied = stage.root(CoreFamily::Eight).join("sites/a.eight.test/page.php");

    fences.iter().for_each(|fence| write(fence, ""));
    for (site, says, _, is_kept) in asked {
        assert_eq!(kept(&stage, site, &page(site, says), "").is_some(), is_kept, "{site}: {says}");
    }
    assert_eq!(kept(&stage, eight, &page(eight, "X-Drupal-Cache: HIT;X-Of: a form"), ""), None);
    fences.iter().for_each(|fence| fs::remove_file(fence).unwrap());

    write(&denied, "<?php header('Status: 403 Forbidden'); header('X-Drupal-Cache: MISS'); echo 'denied';");
    wait_for("PHP reads the file anew", || stage.get(eight, &gone).status == 403);
    write(&fences[0], "");
    assert_eq!(kept(&stage, eight, &gone, "").as_deref(), Some("denied"));
}

#[test]
fn pages_of_one_self_of_a_site_are_never_those_of_another() {
    let Some(stage) = Stage::set(&Nginx) else { return };
    let site = "a.eight.test";
    let flag = |vhost: &Vhost, of: &str| PathBuf::from(format!("{}={of}", vhost.fence.display()));
    let old = site_that_says(&stage, CoreFamily::Eight, site, "pages one");
    stage.publish(&old);
    stage.reload(2);
    let was = stage.get(site, &page(site, KEPT)).body;
    // The old self is fenced; the new one is published behind the fence.
    write(&flag(&old, "one"), "");
    write(&old.fence, "");
    assert_eq!(kept(&stage, site, &page(site, KEPT), ""), Some(was.clone()));
    stage.publish(&stage.vhost(CoreFamily::Eight, &format!("site {site}\npages two\nbefore one")));
    stage.reload(3);
    assert_eq!(kept(&stage, site, &page(site, KEPT), ""), Some(was.clone()), "until the fence is down");

    fs::remove_file(&old.fence).unwrap();
    fs::remove_file(flag(&old, "one")).unwrap();
    write(&flag(&old, "two"), "");
    write(&old.fence, "");
    assert_eq!(kept(&stage, site, &page(site, KEPT), ""), None, "the new self has given no page yet");
    fs::remove_file(&old.fence).unwrap();
    let is = stage.get(site, &page(site, KEPT)).body;
    write(&old.fence, "");
    assert_eq!(kept(&stage, site, &page(site, KEPT), ""), Some(is));

    // A file that was written before there was such a line: the site answers, and nothing of it is kept.
    let path = stage.main.server.folder.join("vhost.d/a.eight.test.conf");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().filter(|line| !line.contains("pages = ") && !line.contains("before = "));
    write(&path, &lines.map(|line| format!("{line}\n")).collect::<String>());
    stage.reload(4);
    assert_eq!(kept(&stage, site, &page(site, KEPT), ""), None);
    fs::remove_file(&old.fence).unwrap();
    assert_eq!(stage.get(site, &page(site, KEPT)).status, 200);
}

fn names_lead_where_the_site_says_and_a_disabled_site_keeps_its_names(stage: &Stage) {
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
    // A name that stands for many takes none that a site bears, wherever its file comes.
    stage.publish(&stage.vhost(CoreFamily::Eight, "site a.test\naliases *.d.test *.d.example.org.test"));
    stage.reload(3);
    assert!(stage.get("x.d.test", "/").body.contains("/sites/a.test/"));
    assert!(stage.get("www.d.test", "/").body.contains("/sites/d.test/"));
    for name in ["d.test", "www.d.test", "x.d.example.org", "WWW.D.TEST"] {
        assert!(stage.get(name, "/").body.contains("EXECUTED index"), "{name}");
    }

    stage.publish(&stage.vhost(CoreFamily::Eight, &format!("{more}\nmode disabled")));
    stage.reload(4);
    for name in ["c.test", "www.c.test", "x.c.example.org"] {
        let answer = stage.get(name, "/sites/c.test/files/a.txt");
        assert_eq!(answer.status, 503, "{name}");
        assert!(answer.head.contains("Retry-After: 3600"));
    }
}

fn the_log_holds_no_login_link_no_key_and_no_query(stage: &Stage) {
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
