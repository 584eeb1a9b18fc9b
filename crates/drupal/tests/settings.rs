//! What PHP knows after reading a `settings.php` of ours, whatever the way its credentials come.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::PathBuf;

use aegir_domain::Home;
use aegir_drupal::{Family, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn credentials_come_from_the_web_server_and_do_not_stay_in_the_environment() {
    for family in [Family::Seven, Family::Eight] {
        for prefix in ["", "REDIRECT_", "REDIRECT_REDIRECT_"] {
            let lab = Lab::of(family);
            let given = given().as_object().unwrap().iter().map(|(k, v)| (format!("{prefix}{k}"), v.clone())).collect();

            let known = lab.read(&Value::Object(given));

            assert_eq!(known["read"]["database"]["password"], r#"a'b"$c\"#);
            assert_eq!(known["read"]["salt"], "salt");
            assert_eq!(known["again"], true, "a second reading gives the same");
            assert_eq!(known["left"], json!([]), "{prefix}");
        }
    }
}

#[test]
fn the_database_is_utf8mb4_and_read_committed() {
    let known = Lab::of(Family::Eight).read(&given());

    let database = &known["read"]["database"];
    assert_eq!(database["driver"], "mysql");
    assert_eq!(database["charset"], "utf8mb4");
    assert_eq!(database["init_commands"]["isolation_level"], "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    assert_eq!(database["unix_socket"], "/run/my.sock");
    assert_eq!(database["namespace"], r"Drupal\Core\Database\Driver\mysql");
}

#[test]
fn where_drivers_are_modules_their_namespace_is_another() {
    let lab = Lab::of(Family::Eight);
    fs::create_dir_all(lab.folder.path().join("core/modules/mysql/src/Driver/Database/mysql")).unwrap();

    let database = lab.read(&given())["read"]["database"].clone();

    assert_eq!(database["namespace"], r"Drupal\mysql\Driver\Database\mysql");
    assert_eq!(database["autoload"], "core/modules/mysql/src/Driver/Database/mysql/");
}

#[test]
fn on_the_command_line_they_come_from_a_file_of_their_own() {
    let lab = Lab::of(Family::Eight);
    let file = lab.settings.credentials_file();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(
        &file,
        json!({"db_type": "sqlite", "db_name": "/data/a.sqlite", "hash_salt": "other", "x": 1}).to_string(),
    )
    .unwrap();

    let known = lab.read(&json!({}));

    assert_eq!(known["read"]["database"]["database"], "/data/a.sqlite");
    assert_eq!(known["read"]["salt"], "other");
}

#[test]
fn without_credentials_nothing_goes_on() {
    let known = Lab::of(Family::Seven).read(&json!({}));

    assert!(known["fault"].as_str().unwrap().contains("credentials/a.test.json"), "{known}");
}

#[test]
fn the_sites_own_lines_have_the_last_word() {
    let lab = Lab::of(Family::Seven);
    let write = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(lab.settings.home.global_settings(), "<?php $conf['own'] = 'global';");
    assert_eq!(lab.read(&given())["read"]["own"], "global");
    write(lab.folder.path().join("sites/all/platform.settings.php"), "<?php $conf['own'] .= ' platform';");
    assert_eq!(lab.read(&given())["read"]["own"], "global platform");
    write(lab.folder.path().join("sites/a.test/local.settings.php"), "<?php $conf['own'] .= ' local';");
    assert_eq!(lab.read(&given())["read"]["own"], "global platform local");
}

fn given() -> Value {
    json!({
        "db_type": "mariadb", "db_socket": "/run/my.sock", "db_user": "u", "db_passwd": r#"a'b"$c\"#,
        "db_name": "n", "hash_salt": "salt",
    })
}

struct Lab {
    folder: TempDir,
    settings: Settings,
}

impl Lab {
    fn of(family: Family) -> Lab {
        let folder = TempDir::new().unwrap();
        let settings = Settings {
            site: "a.test".parse().unwrap(),
            family,
            names: Vec::new(),
            quiet: aegir_domain::Quiet::default(),
            home: Home::new(folder.path().join("it's a home")),
        };
        fs::create_dir_all(folder.path().join("sites/a.test")).unwrap();
        fs::write(folder.path().join("sites/a.test/settings.php"), settings.render(None).unwrap()).unwrap();
        Lab { folder, settings }
    }

    #[allow(clippy::disallowed_methods, reason = "PHP itself is the judge of PHP; only in this test")]
    fn read(&self, given: &Value) -> Value {
        let output = std::process::Command::new("php")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/php/settings.php"))
            .arg(self.folder.path().join("sites/a.test/settings.php"))
            .arg(self.folder.path())
            .arg(given.to_string())
            .output()
            .expect("php is installed");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }
}
