//! Sites that somebody made by hand, in a database of their own making, are taken in where they lie, and let go of again;
//! what fails leaves them as they were.

use std::fs;
use std::path::PathBuf;

use super::views;
use crate::support::by_hand::{BY_HAND, is_taken_in_well, made_by_hand};
use crate::support::let_go::{AsItWas, is_let_go_of_well};
use crate::support::story::{at_line, worker_if_any};
use crate::support::web::get;
use crate::support::world::World;
use crate::support::{Lab, kill, way};

/// A platform of a shape; gives its document root.
fn platform(lab: &Lab, shape: &str) -> PathBuf {
    let project = lab.assemble(&format!("{shape}-1.0"));
    lab.save_platform("old", &project);
    if shape == "ten" { project.join("web") } else { project }
}

/// Takes a site in that was made by hand, lets go of it, and takes it in again.
fn is_taken_in(shape: &str, prefix: &str) {
    let lab = Lab::start(way());
    let root = platform(&lab, shape);
    let folder = made_by_hand(&lab, &root, "old", "shop.localhost", prefix);
    let theirs = fs::read(folder.join("settings.php")).unwrap();
    let before = World::of(&lab);
    let as_it_was = AsItWas::of(&lab, &root, BY_HAND, prefix);

    let words = ["import", folder.to_str().unwrap(), "--dry-run"];
    lab.provision(&words).done().says(BY_HAND).says("lantern_theirs").says("imported.settings.php");
    World::of(&lab).must_be(&before);
    let site = is_taken_in_well(&lab, "shop.localhost");

    assert_eq!(site.title, "The \"shop.localhost\" & more");
    assert_eq!(fs::read(folder.join("imported.settings.php")).unwrap(), theirs);
    is_let_go_of_well(&lab, &root, &site, &as_it_was);
    lab.provision(&["import", "shop.localhost"]).done().says(&format!("left in the database `{}`", site.database));
    lab.provision(&["backup", "@shop.localhost"]).done();
    let project = lab.assemble(&format!("{shape}-1.1"));
    lab.save_platform("new", &project);
    lab.provision(&["migrate", "@shop.localhost", "--platform", "@new"]).done();
    site.answers(&lab);
    lab.is_taken_out("shop.localhost");
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
fn a_found_site_is_taken_in_by_the_front_end_and_let_go_of() {
    let lab = Lab::start(way());
    let root = platform(&lab, "ten");
    let folder = made_by_hand(&lab, &root, "old", "shop.localhost", "old_");
    let theirs = fs::read(folder.join("settings.php")).unwrap();
    // It takes over what the home has, and verifies the platform.
    lab.front(&["queue", "dispatch", "--once"]).done();
    let is_found = || {
        lab.front(&["platform", "verify", "old"]).done();
        lab.front(&["found-site", "list"]).done().says("shop.localhost");
    };
    let lists = |object: &str| lab.front(&[object, "list"]).done().all().contains("shop.localhost");
    is_found();
    let before = World::of(&lab);

    let seen = lab.front(&["found-site", "show", "shop.localhost"]).done();
    seen.says(BY_HAND).says("lantern_theirs").says("imported.settings.php");
    World::of(&lab).must_be(&before);
    lab.front(&["site", "import", "shop.localhost"]).done();

    let site = lab.front(&["site", "show", "shop.localhost", "--json"]).done();
    let site: serde_json::Value = serde_json::from_str(&site.out).unwrap();
    assert_eq!((&site["status"], &site["platform"]), (&"enabled".into(), &"old".into()), "{site}");
    assert_eq!((&site["title"], &site["db_server"]), (&"The \"shop.localhost\" & more".into(), &"localhost".into()));
    assert_eq!(fs::read(folder.join("imported.settings.php")).unwrap(), theirs);
    assert!(!lists("found-site"));

    lab.front(&["site", "eject", "shop.localhost"]).done();

    assert!(!lists("site"));
    is_found();
    let seen = lab.front(&["found-site", "show", "shop.localhost", "--json"]).done();
    let seen: serde_json::Value = serde_json::from_str(&seen.out).unwrap();
    assert_eq!(seen["let_go"], true, "{seen}");
}

#[test]
fn a_site_in_default_is_found_and_taken_in_under_a_name_by_the_front_end() {
    let lab = Lab::start(way());
    let root = platform(&lab, "ten");
    let own = made_by_hand(&lab, &root, "old", "shop.localhost", "old_");
    lab.front(&["queue", "dispatch", "--once"]).done();
    let found = || {
        lab.front(&["platform", "verify", "old"]).done();
        let listed = lab.front(&["found-site", "list", "--json"]).done();
        let listed: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
        let items = listed["items"].as_array().unwrap().clone();
        items.into_iter().map(|found| found["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let default = root.join("sites/default");
    fs::copy(default.join("default.settings.php"), default.join("settings.php")).unwrap();
    lab.give(&default.join("settings.php"));
    assert_eq!(found(), ["shop.localhost"], "nobody installed anything in the other one");
    fs::remove_file(default.join("settings.php")).unwrap();
    // Where an installer puts a site that nobody gave a folder to.
    for entry in fs::read_dir(&own).unwrap().flatten() {
        fs::rename(entry.path(), default.join(entry.file_name())).unwrap();
    }
    fs::remove_dir(&own).unwrap();
    assert_eq!(found(), ["default"]);
    let before = World::of(&lab);

    let nameless = lab.front(&["found-site", "show", "default"]);
    assert_ne!(nameless.code, 0);
    nameless.says("nothing there says by which name");
    assert_ne!(lab.front(&["site", "import", "shop.localhost"]).code, 0, "no folder has that name");
    World::of(&lab).must_be(&before);
    let settings = default.join("settings.php");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}$settings['trusted_host_patterns'] = ['^www\\.shop\\.example$'];\n")).unwrap();
    let theirs = fs::read(&settings).unwrap();
    let before = World::of(&lab);
    let seen = lab.front(&["found-site", "show", "default"]).done();
    seen.says("can be taken in, as @www.shop.example").says(BY_HAND).says("are copied into a new database");
    let named = lab.front(&["found-site", "show", "default", "--as", "shop.localhost"]).done();
    named.says("as @shop.localhost").says(&format!("comes to lie in `{}`", own.display()));
    let import = ["site", "import", "shop.localhost", "--from-default"];
    lab.front(&[&import[..], &["--dry-run"]].concat()).done().says("from_default");
    World::of(&lab).must_be(&before);

    lab.front(&import).done();

    let site = lab.front(&["site", "show", "shop.localhost", "--json"]).done();
    let site: serde_json::Value = serde_json::from_str(&site.out).unwrap();
    assert_eq!((&site["status"], &site["platform"]), (&"enabled".into(), &"old".into()), "{site}");
    assert_eq!(fs::read(own.join("imported.settings.php")).unwrap(), theirs);
    assert!(default.join("default.settings.php").exists() && !settings.exists());
    let page = get(lab.up().listen(), "shop.localhost", "/");
    assert_eq!(page.status, 200, "{}", page.body);
    let listed = lab.front(&["found-site", "list"]).done();
    assert!(!listed.all().contains("default"), "it is in no list before the next verify: {}", listed.all());
    assert_eq!(found(), [""; 0]);
}

#[test]
fn a_site_that_fails_behind_the_move_of_its_data_lies_as_it_was() {
    let lab = Lab::start(way());
    let root = platform(&lab, "seven");
    let folder = made_by_hand(&lab, &root, "old", "shop.localhost", "x_");
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
    made_by_hand(&lab, &root, "old", "shop.localhost", "");
    views::made(&lab, BY_HAND, "users_field_data");
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
