//! Sites that somebody made by hand: made of sites of ours, and with nothing of Ægir's left but the content.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aegir_domain::DbEngine;

use super::story::Site;
use super::world::World;
use super::{Lab, run};

/// What is made by hand is called so on the database server.
pub const BY_HAND: &str = "Made-By-Hand";

/// Has a site be one that somebody made by hand: its folder, with the settings of an installer, its tables by other names
/// in a database of any name, and nothing else of it that Ægir made. Gives its folder.
pub fn made_by_hand(lab: &Lab, root: &Path, platform: &str, name: &str, prefix: &str) -> PathBuf {
    let site = Site::install(lab, name, platform, "localhost", Some("standard"));
    site.answers(lab);
    let credentials = fs::read(lab.home().join(format!("credentials/{name}.json"))).unwrap();
    let credentials: serde_json::Value = serde_json::from_slice(&credentials).unwrap();
    let folder = root.join("sites").join(name);
    let beside = lab.beside().join("by-hand");
    run(Command::new("cp").arg("-a").arg(&folder).arg(&beside));

    let up = lab.up();
    up.run_sql(&format!("CREATE DATABASE `{BY_HAND}`"));
    for host in ["localhost", "127.0.0.1"] {
        up.run_sql(&format!("CREATE USER 'by hand'@'{host}' IDENTIFIED BY 'it''s a \\\\secret'"));
        up.run_sql(&format!("GRANT ALL PRIVILEGES ON `{BY_HAND}`.* TO 'by hand'@'{host}'"));
    }
    for table in up.sql(&format!("SHOW TABLES FROM `{}`", site.database)) {
        up.run_sql(&format!("RENAME TABLE `{}`.`{table}` TO `{BY_HAND}`.`{prefix}{table}`", site.database));
    }
    lab.delete(name);
    run(Command::new("cp").arg("-a").arg(&beside).arg(&folder));
    fs::remove_dir_all(&beside).unwrap();
    fs::remove_file(folder.join("settings.php")).unwrap();
    fs::remove_file(folder.join("local.settings.php")).unwrap();
    let at = match up.endpoints().db.unwrap() {
        DbEngine::Socket(path) => format!("'unix_socket' => '{}',", path.display()),
        DbEngine::Tcp { host, port } => format!("'host' => '{host}', 'port' => '{port}',"),
    };
    let salt = credentials["hash_salt"].as_str().unwrap();
    let own = match root.join("core").exists() {
        false => format!("$drupal_hash_salt = '{salt}';\n$conf['lantern_theirs'] = 'theirs';\n"),
        true => format!("$settings['hash_salt'] = '{salt}';\n$settings['lantern_theirs'] = 'theirs';\n"),
    };
    // What an installer adds its lines to.
    let default = fs::read_to_string(root.join("sites/default/default.settings.php"));
    let default = default.unwrap_or_else(|_| "<?php\n".into());
    let text = format!(
        "{default}\n$databases['default']['default'] = ['driver' => 'mysql', 'database' => '{BY_HAND}', 'username' => 'by hand', \
         'password' => 'it\\'s a \\secret', 'prefix' => '{prefix}', {at}];\n{own}"
    );
    fs::write(folder.join("settings.php"), text).unwrap();
    lab.give(&folder.join("settings.php"));
    folder
}

/// Takes such a site in, and has it be one like any other.
pub fn is_taken_in_well(lab: &Lab, name: &str) -> Site {
    let at = format!("@{name}");
    let said = lab.provision(&["import", name]).done();

    let said = said.says("are tables of").says(&format!("Nothing of the site is left in the database `{BY_HAND}`"));
    assert!(!said.all().contains("secret"), "{}", said.all());
    let shown = lab.provision(&["show", &at, "--json"]).done();
    let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let (database, title) = (text(&context["database"]["name"]), text(&context["title"]));
    let site = Site { name: name.into(), title, database, said };
    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert_eq!(lab.up().sql(&format!("SHOW TABLES FROM `{BY_HAND}`")), [""; 0]);
    site
}

/// Leaves the account of such a site nothing but the right to read its database.
pub fn may_only_read(lab: &Lab) {
    for host in ["localhost", "127.0.0.1"] {
        lab.up().run_sql(&format!("REVOKE ALL PRIVILEGES ON `{BY_HAND}`.* FROM 'by hand'@'{host}'"));
        lab.up().run_sql(&format!("GRANT SELECT ON `{BY_HAND}`.* TO 'by hand'@'{host}'"));
    }
}

/// All of such a site that is to be the same when it was only read: its tree, and what its tables sum up to.
pub fn what_is_theirs(lab: &Lab, folder: &Path) -> (String, Vec<String>) {
    let look = "find . -printf '%p %y %m %u %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum";
    let said = Command::new("sh").arg("-c").arg(look).current_dir(folder).output().unwrap();
    assert!(said.status.success());
    let tables = lab.up().sql(&format!("SHOW FULL TABLES FROM `{BY_HAND}`"));
    let sums = tables.iter().flat_map(|line| {
        let table = line.split('\t').next().unwrap();
        lab.up().sql(&format!("CHECKSUM TABLE `{BY_HAND}`.`{table}`"))
    });
    (String::from_utf8(said.stdout).unwrap(), sums.collect())
}

/// Has such a copy be brought up to date, and take the place of its original, whose tables have a prefix.
pub fn takes_its_place(lab: &Lab, folder: &Path, site: &Site, prefix: &str) {
    let up = lab.up();
    fs::write(folder.join("files/later.txt"), "Later.\n").unwrap();
    run(Command::new("chmod").arg("a+r").arg(folder.join("files/later.txt")));
    let theirs = what_is_theirs(lab, folder);
    let before = World::of(lab);
    let told = lab.provision(&["import", &site.name, "--refresh", "--dry-run"]).done();
    told.says("can be brought up to date").says("a refresh does not need that").says("There is room");
    lab.provision(&["import", &site.name, "--switch", "--dry-run"]).ends(1).says("is not in maintenance mode");
    let told = lab.provision(&["import", &site.name, "--switch", "--although-live", "--dry-run"]).done();
    told.says("can take the place of its original").says("knows no source any more");
    World::of(lab).must_be(&before);
    assert_eq!(what_is_theirs(lab, folder), theirs);

    lab.provision(&["import", &site.name, "--refresh"]).done().says("all as there").says("sends no mail");

    let shown = lab.provision(&["show", &format!("@{}", site.name), "--json"]).done();
    let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let shown = lab.provision(&["show", "@platform_new", "--json"]).done();
    let platform: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let there = Path::new(platform["root"].as_str().unwrap()).join("sites").join(&site.name);
    assert!(there.join("files/later.txt").is_file());
    assert_eq!(context["quiet"], serde_json::json!({ "mail": true, "cron": true }));
    site.answers(lab);
    lab.provision(&["import", &site.name, "--switch"]).ends(4).says("is not in maintenance mode");
    assert_eq!(what_is_theirs(lab, folder), theirs);
    up.run_sql(&format!(
        "REPLACE INTO `{BY_HAND}`.`{prefix}key_value` (collection, name, value) VALUES ('state', 'system.maintenance_mode', 'i:1;')"
    ));
    let theirs = what_is_theirs(lab, folder);
    lab.provision(&["import", &site.name, "--switch"]).done().says("is a copy no more");
    site.answers(lab);
    site.is_as_it_should_be(lab);
    // It stands first; what the updates changed stands behind it.
    let uuid = |database: &str, prefix: &str| {
        up.sql(&format!("SELECT SUBSTRING(data, 1, 60) FROM `{database}`.`{prefix}config` WHERE name = 'system.site'"))
    };
    let shown = lab.provision(&["show", &format!("@{}", site.name), "--json"]).done();
    let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(uuid(context["database"]["name"].as_str().unwrap(), ""), uuid(BY_HAND, prefix), "it is that site now");
    assert!(context["quiet"].is_null() && context["copy_of"].is_null(), "{context}");
    assert_eq!(what_is_theirs(lab, folder), theirs);
}

/// Makes a copy of such a site, which is one like any other; theirs is only read.
pub fn is_copied_well(lab: &Lab, folder: &Path, name: &str, platform: &str, more: &[&str]) -> Site {
    let before = what_is_theirs(lab, folder);
    let mut words = vec!["import", folder.to_str().unwrap(), "--copy", "--name", name, "--platform", platform];
    words.extend(more);

    let told =
        lab.provision(&[&words[..], &["--dry-run"]].concat()).done().says("can be made, as @").says("is only read");
    assert!(!told.all().contains("secret"), "{}", told.all());
    let said = lab
        .provision(&words)
        .done()
        .says("are to be copied")
        .says("sends no mail")
        .says("lantern_theirs")
        .says("all as there");

    assert!(!said.all().contains("secret"), "{}", said.all());
    assert_eq!(what_is_theirs(lab, folder), before);
    let shown = lab.provision(&["show", &format!("@{name}"), "--json"]).done();
    let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(context["quiet"], serde_json::json!({ "mail": true, "cron": true }));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let (database, title) = (text(&context["database"]["name"]), text(&context["title"]));
    let site = Site { name: name.into(), title, database, said };
    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert_eq!(what_is_theirs(lab, folder), before);
    site
}
