//! `aegir drush`, with a Drush that says what it was told and reads the site's settings as the real one does. The real
//! one has its story on real trees (`tests/drupal/drush.rs`).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::said::Said;
use crate::support::story::Site;
use crate::support::{Lab, Way, way};

const DRUSH: &str = r#"#!/usr/bin/env php
<?php
foreach ($argv as $word) {
  if (preg_match('/^--(root|uri|alias-path)=(.*)$/', $word, $is)) {
    $options[$is[1]] = $is[2];
  }
}
$app_root = $options['root'];
$site_path = 'sites/' . parse_url($options['uri'], PHP_URL_HOST);
chdir($app_root);
require "$app_root/$site_path/settings.php";
$database = $databases['default']['default'];
echo json_encode([
  'options' => $options,
  'words' => array_slice($argv, 4),
  'database' => $database['database'],
  'has_password' => strlen($database['password']) > 10,
  'read' => stream_get_contents(STDIN),
  'umask' => umask(),
  'home' => getenv('HOME'),
  'mine' => getenv('MINE'),
]), "\n";
exit(3);
"#;

fn put(lab: &Lab, path: &Path, text: &str, mode: u32) {
    let folder = path.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    lab.give(folder);
}

#[test]
fn drush_is_the_platforms_own_and_gets_what_a_person_types() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let site = Site::install(&lab, "a.localhost", "ten", "localhost", Some("minimal"));
    let project = fs::canonicalize(lab.home().join("platforms/ten-1.0")).unwrap();
    // As it comes with some archives: nobody may run it, and PHP reads it.
    put(&lab, &project.join("vendor/bin/drush"), DRUSH, 0o644);
    let home = lab.home().display().to_string();

    for name in ["a.localhost", "@a.localhost"] {
        let words = ["--home", &home, "drush", name, "--simulate", "status", "--format=json", "--help", "a b"];
        let mut line = lab.as_user(&words);
        line.env("MINE", "is handed on");
        let said = Said::with_input(&mut line, &words, b"from standard input").ends(3);

        let told: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(told["words"], serde_json::json!(["--simulate", "status", "--format=json", "--help", "a b"]));
        assert_eq!(told["database"], site.database);
        assert_eq!((&told["has_password"], &told["read"]), (&true.into(), &"from standard input".into()));
        assert_eq!((&told["umask"], &told["mine"]), (&7.into(), &"is handed on".into()));
        let uri = told["options"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("http://a.localhost:"), "{uri}");
        assert_eq!(told["options"]["alias-path"], format!("{home}/drush/sites"));
        let alias = fs::read_to_string(lab.home().join("drush/sites/a_localhost.site.yml")).unwrap();
        let root = told["options"]["root"].as_str().unwrap();
        assert!(alias.contains(&format!("root: \"{root}\"")) && alias.contains(&format!("uri: \"{uri}\"")), "{alias}");
    }
}

#[test]
fn a_platform_without_drush_has_the_one_on_the_path_and_root_is_refused() {
    let lab = Lab::start(way());
    lab.platform("seven", "seven-1.0");
    Site::install(&lab, "old.localhost", "seven", "localhost", Some("minimal"));
    let tools = lab.beside().join("tools");
    put(&lab, &tools.join("drush"), "#!/bin/sh\necho \"of the path, on $DRUSH_PHP: $*\"\n", 0o755);
    let home = lab.home().display().to_string();

    let words = ["--home", &home, "drush", "old.localhost", "core-status"];
    let mut line = lab.as_user(&words);
    line.env("PATH", format!("{}:/usr/bin:/bin", tools.display())).stdin(Stdio::null());
    let said = Said::of(&mut line, &words).done().says("of the path, on php").says("--uri=http://old.localhost:");
    assert!(said.out.trim().ends_with(" core-status"), "{}", said.out);
    // In the form of the last Drush that speaks with Drupal 7; as that reads it.
    let alias = lab.home().join("drush/sites/old.localhost.alias.drushrc.php");
    let read = format!("require '{}'; print $aliases['old.localhost']['root'];", alias.display());
    let mut php = lab.as_owner("php");
    let root = Said::of(php.args(["-r", &read]).stdin(Stdio::null()), &["php"]).done().out;
    assert!(root.ends_with("platforms/seven-1.0"), "{root}");

    lab.provision(&["disable", "@old.localhost", "--no-backup"]).done();
    let words = ["--home", &home, "drush", "old.localhost", "status"];
    Said::of(&mut lab.as_user(&words), &words).ends(1).says("the site `old.localhost` is disabled").remedy("enable");
    lab.provision(&["enable", "@old.localhost"]).done();

    let words = ["--home", &home, "drush", "none.localhost", "status"];
    Said::of(&mut lab.as_user(&words), &words).ends(1).says("none.localhost");
    if lab.way == Way::TwoUsers {
        let words = ["--home", &home, "drush", "old.localhost", "status"];
        let mut line = std::process::Command::new(lab.program());
        Said::of(line.args(words), &words).ends(1).says("does not run as root").remedy("sudo -u aegir");
    }
}
