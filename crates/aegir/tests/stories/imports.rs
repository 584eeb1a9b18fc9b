//! Sites that somebody made by hand, in a database of their own making, are taken in where they lie; what fails leaves them
//! as they were.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aegir_domain::DbEngine;

use crate::support::story::{Site, at_line, worker_if_any};
use crate::support::world::World;
use crate::support::{Lab, kill, run, way};

/// What is made by hand is called so on the database server.
const BY_HAND: &str = "Made-By-Hand";

/// Has a site be one that somebody made by hand: its folder, with the settings of an installer, its tables by another name
/// in a database of any name, and nothing else of it that Ægir made. Gives its folder.
fn made_by_hand(lab: &Lab, root: &Path, shape: &str, prefix: &str) -> PathBuf {
    let name = "shop.localhost";
    let site = Site::install(lab, name, "old", "localhost", Some("standard"));
    site.answers(lab);
    let credentials = fs::read(lab.home().join(format!("credentials/{name}.json"))).unwrap();
    let credentials: serde_json::Value = serde_json::from_slice(&credentials).unwrap();
    let folder = root.join("sites").join(name);
    let beside = lab.beside().join("kept");
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
    lab.provision(&["delete", "@shop.localhost", "--confirm=shop.localhost"]).done();
    run(Command::new("cp").arg("-a").arg(&beside).arg(&folder));
    fs::remove_file(folder.join("settings.php")).unwrap();
    fs::remove_file(folder.join("local.settings.php")).unwrap();
    let at = match up.endpoints().db.unwrap() {
        DbEngine::Socket(path) => format!("'unix_socket' => '{}',", path.display()),
        DbEngine::Tcp { host, port } => format!("'host' => '{host}', 'port' => '{port}',"),
    };
    let salt = credentials["hash_salt"].as_str().unwrap();
    let own = match shape {
        "seven" => format!("$drupal_hash_salt = '{salt}';\n$conf['lantern_theirs'] = 'theirs';\n"),
        _ => format!("$settings['hash_salt'] = '{salt}';\n$settings['lantern_theirs'] = 'theirs';\n"),
    };
    let text = format!(
        "<?php\n$databases['default']['default'] = ['driver' => 'mysql', 'database' => '{BY_HAND}', 'username' => 'by hand', \
         'password' => 'it\\'s a \\\\secret', 'prefix' => '{prefix}', {at}];\n{own}"
    );
    fs::write(folder.join("settings.php"), text).unwrap();
    lab.give(&folder.join("settings.php"));
    folder
}

/// A platform of a shape; gives its document root.
fn platform(lab: &Lab, shape: &str) -> PathBuf {
    let project = lab.assemble(&format!("{shape}-1.0"));
    lab.save_platform("old", &project);
    if shape == "ten" { project.join("web") } else { project }
}

/// Takes a site in that was made by hand.
fn is_taken_in(shape: &str, prefix: &str) {
    let lab = Lab::start(way());
    let root = platform(&lab, shape);
    let folder = made_by_hand(&lab, &root, shape, prefix);
    let theirs = fs::read(folder.join("settings.php")).unwrap();
    let before = World::of(&lab);

    let words = ["import", folder.to_str().unwrap(), "--dry-run"];
    lab.provision(&words).done().says(BY_HAND).says("lantern_theirs").says("imported.settings.php");
    World::of(&lab).must_be(&before);
    let said = lab.provision(&["import", "shop.localhost"]).done();

    let said = said.says("are tables of").says(&format!("Nothing of the site is left in the database `{BY_HAND}`"));
    assert!(!said.all().contains("secret"), "{}", said.all());
    let shown = lab.provision(&["show", "@shop.localhost", "--json"]).done();
    let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let database = context["database"]["name"].as_str().unwrap().to_owned();
    let title = context["title"].as_str().unwrap().to_owned();
    assert_eq!(title, "The \"shop.localhost\" & more");
    let site = Site { name: "shop.localhost".into(), title, database, said };
    site.answers(&lab);
    site.lets_in(&lab);
    site.is_as_it_should_be(&lab);
    assert_eq!(fs::read(folder.join("imported.settings.php")).unwrap(), theirs);
    assert_eq!(lab.up().sql(&format!("SHOW TABLES FROM `{BY_HAND}`")), [""; 0]);
    lab.provision(&["backup", "@shop.localhost"]).done();
    let project = lab.assemble(&format!("{shape}-1.1"));
    lab.save_platform("new", &project);
    lab.provision(&["migrate", "@shop.localhost", "--platform", "@new"]).done();
    site.answers(&lab);
    lab.provision(&["delete", "@shop.localhost", "--confirm=shop.localhost"]).done();
    assert!(lab.up().sql("SHOW DATABASES").contains(&BY_HAND.to_owned()), "what is theirs is not dropped");
}

#[test]
fn a_site_of_the_seven_shape_is_taken_in() {
    is_taken_in("seven", "");
}

#[test]
fn a_site_of_the_ten_shape_with_a_prefix_is_taken_in() {
    is_taken_in("ten", "old_");
}

#[test]
fn a_site_that_fails_behind_the_move_of_its_data_lies_as_it_was() {
    let lab = Lab::start(way());
    let root = platform(&lab, "seven");
    let folder = made_by_hand(&lab, &root, "seven", "x_");
    // It is only when the page is built that this is called.
    let settings = folder.join("settings.php");
    let text = fs::read_to_string(&settings).unwrap();
    let text = format!("{text}if (class_exists('Database', FALSE)) {{ header('HTTP/1.1 500 Gone'); exit; }}\n");
    fs::write(&settings, text).unwrap();
    let before = World::of(&lab);

    lab.provision(&["import", "shop.localhost", "--platform", "@old"]).ends(7).says("all is as it was");

    World::of(&lab).must_be(&before);
}

#[test]
fn a_kill_while_a_site_is_taken_in_leaves_it_as_it_was() {
    let lab = Lab::start(way());
    let root = platform(&lab, "ten");
    made_by_hand(&lab, &root, "ten", "");
    let before = World::of(&lab);
    let (mut follower, folder) = at_line(&lab, &["import", "shop.localhost"], "publish-vhost");
    follower.kill().unwrap();
    if let Some(worker) = worker_if_any(&folder) {
        kill(worker);
    }
    follower.wait().unwrap();

    lab.provision(&["recover"]).done();

    let mut now = World::of(&lab);
    let mut before = before;
    // What Drupal writes to its caches when it is asked is its own.
    for world in [&mut now, &mut before] {
        world.forget(".cache");
    }
    now.must_be(&before);
}

#[test]
fn what_settings_take_from_elsewhere_is_told_by_name() {
    let lab = Lab::start(way());
    let root = platform(&lab, "ten");
    let folder = root.join("sites/there.localhost");
    fs::create_dir(&folder).unwrap();
    let refused = |text: &str| {
        fs::write(folder.join("settings.php"), text).unwrap();
        lab.give(&folder);
        let before = World::of(&lab);
        let said = lab.provision(&["import", "there.localhost"]).ends(4);
        World::of(&lab).must_be(&before);
        said
    };

    refused("<?php\nextract(json_decode($_SERVER['PRESSFLOW_SETTINGS'] ?? '[]', TRUE));\n").says("PRESSFLOW_SETTINGS");
    refused("<?php\nif (file_exists('/var/www/site-php')) { require '/var/www/site-php/a.inc'; }\n").says("site-php");
    refused("<?php\n$databases['default']['default'] = ['driver' => 'pgsql', 'database' => 'a'];\n$settings['hash_salt'] = 'a';\n")
        .says("`pgsql`");
    refused("<?php\necho 'a password of theirs'; exit(1);\n").says("ended the process");
    refused("<?php\nthis is no PHP\n").says("was not done");
}
