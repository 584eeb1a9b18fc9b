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
