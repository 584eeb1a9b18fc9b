//! Out of service on the private stack: the web server alone answers, none of the site's code runs, and it comes back;
//! then it is deleted with a last backup, and is there again.

use std::fs;

use serde_json::Value;

use crate::support::story::{Site, save_sqlite_server};
use crate::support::web::get;
use crate::support::world::World;
use crate::support::{Lab, way};

#[test]
fn a_site_is_disabled_enabled_deleted_and_there_again() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    for (platform, fixture, server) in [("seven", "seven-1.0", "localhost"), ("ten", "ten-1.0", "files")] {
        lab.platform(platform, fixture);
        let name = format!("{platform}.test.localhost");
        let (at, confirm, alias) = (format!("@{name}"), format!("--confirm={name}"), format!("www.{name}"));
        let site = Site::install(&lab, &name, platform, server, Some("standard"));
        lab.provision(&["save", &at, "--alias", &alias]).done();
        lab.provision(&["verify", &at]).done();
        let photo = lab.home().join("clients/admin").join(&name).join("files/photo.txt");
        fs::write(&photo, "a photo\n").unwrap();
        lab.give(&photo);
        site.answers(&lab);

        lab.provision(&["delete", &at, &confirm]).ends(4).says("is in service").remedy("provision disable");
        lab.provision(&["disable", &at]).done().says("The backup of it is").says("out of service");

        let is_out = |says: &str| {
            for (host, path) in [(&name, "/"), (&name, "/user/login"), (&name, "/files/photo.txt"), (&alias, "/")] {
                let page = get(lab.up().listen(), host, path);
                assert_eq!(
                    (page.status, page.header("retry-after")),
                    (503, Some("3600")),
                    "{host}{path}: {}",
                    page.body
                );
                assert!(page.body.contains(says), "{host}{path}: {}", page.body);
            }
        };
        is_out("has been taken out of service");
        lab.provision(&["login", &at]).ends(4).remedy("provision enable");
        lab.provision(&["verify", &at]).done().changed_nothing();
        lab.provision(&["disable", &at, "--fail-if-unchanged"]).ends(3);
        is_out("has been taken out of service");

        // A page of the operator's own, with what a configuration would read as its own.
        let own = lab.home().join("templates/disabled.html");
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        fs::write(&own, "<!DOCTYPE html>\n<title>Gone \"fishing\" for 100%</title>\n").unwrap();
        lab.give(own.parent().unwrap());
        lab.give(&own);
        lab.provision(&["verify", "@server_localhost"]).done();
        lab.provision(&["verify", &at]).done();
        is_out("<title>Gone \"fishing\" for 100%</title>");
        fs::remove_file(&own).unwrap();
        lab.provision(&["verify", "@server_localhost"]).done();
        lab.provision(&["verify", &at]).done();
        is_out("has been taken out of service");

        lab.provision(&["enable", &at]).done().says("in service again");
        site.answers(&lab);
        site.lets_in(&lab);
        site.is_as_it_should_be(&lab);

        lab.provision(&["disable", &at, "--no-backup"]).done();
        let said = lab.provision(&["--json", "delete", &at, &confirm]).done();
        let end: Value = serde_json::from_str(said.out.trim().lines().last().unwrap()).unwrap();
        let backup = end["answer"]["backup"].as_str().unwrap().to_owned();
        assert!(lab.home().join("backups").join(&backup).is_file(), "{end}");
        assert_eq!(get(lab.up().listen(), &name, "/").status, 404);
        assert!(!lab.up().sql("SHOW DATABASES").contains(&site.database));

        lab.provision(&["restore", &backup]).done().says("is there again");
        site.answers(&lab);
        assert_eq!(get(lab.up().listen(), &alias, "/").status, 200);
        assert_eq!(fs::read_to_string(&photo).unwrap(), "a photo\n");
    }
}

#[test]
fn a_site_that_does_not_come_up_stays_disabled_and_is_as_it_was() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let site = Site::install(&lab, "a.localhost", "ten", "localhost", Some("standard"));
    lab.provision(&["disable", "@a.localhost", "--no-backup"]).done();
    let local = lab.home().join("clients/admin/a.localhost/local.settings.php");
    let was = fs::read(&local).unwrap();
    fs::write(&local, "<?php\nexit('broken by hand');\n").unwrap();
    let before = World::of_site(&lab, &site.name, &site.database);

    let said = lab.provision(&["enable", "@a.localhost"]);

    assert!([4, 7].contains(&said.code), "{}", said.all());
    World::of_site(&lab, &site.name, &site.database).must_be(&before);
    assert_eq!(get(lab.up().listen(), "a.localhost", "/").status, 503);
    fs::write(&local, was).unwrap();
    lab.provision(&["enable", "@a.localhost"]).done();
    site.answers(&lab);
}

/// The names of what lies in the trash, the newest first, as the front end tells them.
fn in_trash(lab: &Lab) -> Vec<String> {
    let listed = lab.front(&["trash", "list", "--json"]).done();
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let items = listed["items"].as_array().unwrap();
    assert!(items.iter().all(|thing| thing["server"] == "localhost"), "{listed}");
    items.iter().map(|thing| thing["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_deleted_is_had_back_and_removed_for_good_by_the_front_end() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    lab.platform("seven", "seven-1.0");
    let site = Site::install(&lab, "shop.localhost", "ten", "localhost", Some("standard"));
    let photo = lab.home().join("platforms/ten-1.0/web/sites/shop.localhost/files/photo.txt");
    fs::write(&photo, "a photo\n").unwrap();
    lab.give(&photo);
    // As long as no front end was used here, it is the trash of this machine.
    lab.front(&["trash", "list"]).done().says("The trash is empty.");
    lab.front(&["trash", "empty", "--older-than", "0"]).done().says("Nothing was to go.");
    lab.front(&["trash", "list", "--server", "localhost"]).ends(2).says("no front end was ever used");
    assert!(!lab.home().join("hostmaster/control.sqlite").exists());

    // It takes over what the home has.
    lab.front(&["queue", "dispatch", "--once"]).done();
    let delete = || {
        lab.front(&["site", "disable", "shop.localhost"]).done();
        lab.front(&["site", "delete", "shop.localhost", "--confirm=shop.localhost"]).done();
        assert!(!lab.front(&["site", "list"]).done().all().contains("shop.localhost"));
    };
    delete();
    let first = in_trash(&lab).remove(0);
    assert!(first.starts_with("shop.localhost-"), "{first}");
    let before = World::of(&lab);
    lab.front(&["trash", "restore", &first, "--dry-run"]).done().says("restore-backup");
    World::of(&lab).must_be(&before);

    lab.front(&["trash", "restore", &first]).done();

    let shown = lab.front(&["site", "show", "shop.localhost", "--json"]).done();
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!((&shown["client"], &shown["platform"]), (&"admin".into(), &"ten".into()), "{shown}");
    if shown["status"] == "disabled" {
        lab.front(&["site", "enable", "shop.localhost"]).done();
    }
    site.answers(&lab);
    assert_eq!(fs::read_to_string(&photo).unwrap(), "a photo\n");
    lab.front(&["trash", "restore", &first]).ends(4).says("there is a site `shop.localhost` again").remedy("--as NAME");

    delete();
    let second = in_trash(&lab).remove(0);
    assert_eq!(in_trash(&lab), [second.as_str(), &first]);
    lab.front(&["trash", "empty"]).done().says("Nothing was to go");
    lab.front(&["trash", "empty", &first]).ends(2).remedy(&format!("--confirm={first}"));
    lab.front(&["trash", "empty", &first, "--confirm=shop.localhost"]).ends(2).says("is not the name");
    assert_eq!(in_trash(&lab).len(), 2);
    lab.front(&["trash", "empty", &first, &format!("--confirm={first}")]).done().says(&format!("Removed {first}"));
    assert_eq!(in_trash(&lab), [second.as_str()]);
    lab.front(&["trash", "restore", &first]).ends(1).says("there is no trash").remedy("aegir trash list");

    lab.front(&["platform", "delete", "seven", "--confirm=seven"]).done();
    let code = in_trash(&lab).remove(0);
    lab.front(&["trash", "restore", &code]).done();
    let platform = lab.front(&["platform", "show", "seven", "--json"]).done();
    let platform: Value = serde_json::from_str(&platform.out).unwrap();
    assert_eq!(platform["status"], "enabled", "{platform}");

    lab.front(&["trash", "empty", "--older-than", "0"]).ends(2).remedy("--confirm=localhost");
    lab.front(&["trash", "empty", "--older-than", "0", "--dry-run"]).done().says(&format!("Would remove {second}"));
    lab.front(&["trash", "empty", "--older-than", "0", "--confirm=localhost", "--server", "localhost"])
        .done()
        .says(&format!("Removed {second}"));
    lab.front(&["trash", "list"]).done().says("Nothing that was deleted lies aside.");
    let trash = lab.home().join("platforms/ten-1.0/web/sites/.aegir-trash");
    assert_eq!(fs::read_dir(trash).unwrap().count(), 0);
}
