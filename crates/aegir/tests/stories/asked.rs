//! What Ægir learns by asking a site: what is wrong with its code, in PHP's words, and what holds at this moment.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::story::Site;
use crate::support::web::get;
use crate::support::{Lab, Way, way};

/// The shapes of platforms: name, demo code base, its root.
const SHAPES: [(&str, &str, &str); 2] = [("seven", "seven-1.0", "seven-1.0"), ("ten", "ten-1.0", "ten-1.0/web")];

fn folder(lab: &Lab, root: &str, site: &Site) -> PathBuf {
    lab.home().join("platforms").join(root).join("sites").join(&site.name)
}

/// Lines of an operator's that are read while Ægir asks, and not by visitors.
fn while_asked(folder: &Path, code: &str) {
    let lines = format!("<?php\nif (class_exists('Aegir\\\\Driver', FALSE)) {{\n{code}\n}}\n");
    fs::write(folder.join("local.settings.php"), lines).unwrap();
}

#[test]
fn what_is_wrong_with_a_sites_code_is_told_in_phps_words_and_by_its_place() {
    let lab = Lab::start(way());
    for (platform, fixture, root) in SHAPES {
        lab.platform(platform, fixture);
        let site = Site::install(&lab, &format!("{platform}.localhost"), platform, "localhost", Some("minimal"));
        let folder = folder(&lab, root, &site);
        let at = format!("@{}", site.name);
        let credentials = fs::read_to_string(lab.home().join(format!("credentials/{}.json", site.name))).unwrap();
        let credentials: serde_json::Value = serde_json::from_str(&credentials).unwrap();
        let lines = "local.settings.php";
        let cases = [
            ("no_such_function_of_ours();", "undefined function no_such_function_of_ours()", "local.settings.php:3"),
            ("throw new Exception('it is Tuesday');", "it is Tuesday", "local.settings.php:3"),
            ("$x = = 1;", "syntax error", "local.settings.php:3"),
            ("$x = str_repeat('x', 2147483647);", "Allowed memory size", "local.settings.php:3"),
            ("class AegirCredentials {}", "AegirCredentials", "local.settings.php:3"),
            ("print_r($databases);\nexit;", "ended the process", lines),
            ("while (ob_get_level()) { ob_end_clean(); }\nprint 'bye';\nexit;", "ended the process", lines),
            (
                "while (ob_get_level()) { ob_end_clean(); }\nprint_r($databases);\nflush();\nexit;",
                "ended the process",
                lines,
            ),
        ];
        for (code, why, place) in cases {
            while_asked(&folder, code);

            let said = lab.provision(&["verify", &at]);

            assert!(matches!(said.code, 4 | 7), "{code}: {}", said.all());
            for secret in ["db_passwd", "hash_salt"] {
                let secret = credentials[secret].as_str().unwrap();
                assert!(!said.all().contains(secret), "{code}: a secret is told:\n{}", said.all());
            }
            said.says(why).remedy(place);
        }
        while_asked(&folder, "");
        for account in lab.up().sql(&format!(
            "SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user WHERE User = '{}'",
            site.database
        )) {
            lab.up().run_sql(&format!("ALTER USER {account} IDENTIFIED BY 'another one'"));
        }
        let said = lab.provision(&["verify", &at]);
        assert!(matches!(said.code, 4 | 7), "{}", said.all());
        said.says("Access denied for user").remedy("check that the database server runs");
    }
}

#[test]
fn what_was_changed_a_moment_ago_is_what_is_asked() {
    if way() == Way::Person {
        eprintln!("skipped: without root, files of the site cannot be changed as its owner does");
        return;
    }
    let lab = Lab::start(way());
    for (platform, fixture, root) in SHAPES {
        lab.platform(platform, fixture);
        let site = Site::install(&lab, &format!("{platform}.localhost"), platform, "localhost", Some("minimal"));
        let folder = folder(&lab, root, &site);
        let temp = folder.join("private/temp");
        let at = lab.up().listen();
        let change = |text: &str| {
            let name = "class_exists('Aegir\\\\Driver', FALSE) ? 'asked' : 'visited'";
            // It speaks of a salt, so that a login link is Drupal's to make.
            let lines = format!(
                "<?php\n$own_salt = 'unused';\nfile_put_contents(__DIR__ . '/private/temp/' . ({name}), '{text}');\n"
            );
            fs::write(folder.join("local.settings.php"), lines).unwrap();
        };
        let read = |name: &str| fs::read_to_string(temp.join(name)).unwrap_or_default();

        // PHP caches no file that is younger than two seconds, and looks again after two.
        let visitors_see_the_old = (0..5).any(|round| {
            let (old, new) = (format!("old {round}"), format!("new {round}"));
            change(&old);
            std::thread::sleep(std::time::Duration::from_secs(3));
            get(at, &site.name, "/");
            get(at, &site.name, "/");
            change(&new);
            get(at, &site.name, "/");
            let stale = read("visited") == old;

            lab.provision(&["login", &format!("@{}", site.name)]).done();

            assert_eq!(read("asked"), new, "{platform}");
            stale
        });
        assert!(visitors_see_the_old, "{platform}: nothing is cached, so nothing is shown");
    }
}

#[test]
fn where_one_user_runs_everything_a_silent_php_fpm_is_made_up_for() {
    let lab = Lab::start(Way::Person);
    let (platform, fixture, root) = SHAPES[0];
    lab.platform(platform, fixture);
    let site = Site::install(&lab, "seven.localhost", platform, "localhost", Some("minimal"));
    let folder = folder(&lab, root, &site);
    while_asked(&folder, "file_put_contents(__DIR__ . '/private/temp/asked', PHP_SAPI);");
    let asked = || {
        lab.provision(&["verify", "@seven.localhost"]).done();
        fs::read_to_string(folder.join("private/temp/asked")).unwrap()
    };
    let sockets = fs::canonicalize(lab.home().join("run")).unwrap().join("ask");
    assert_eq!(asked(), "fpm-fcgi");

    fs::rename(sockets.join("seven.sock"), sockets.join("gone.sock")).unwrap();

    assert_eq!(asked(), "cli");
}
