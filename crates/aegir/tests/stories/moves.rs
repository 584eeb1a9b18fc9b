//! A site moves to newer code and goes back; what goes wrong on the way leaves it as it was.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::story::{
    Site, a_kill_at_its_records_is_taken_back, a_kill_is_taken_back, goes_well_and_back, save_sqlite_server,
};
use crate::support::web::get_with;
use crate::support::world::World;
use crate::support::{Lab, http, way};

/// Both releases of a shape, as platforms `old` and `new`; gives their document roots.
pub(super) fn two_releases(lab: &Lab, shape: &str) -> [PathBuf; 2] {
    [("old", "1.0"), ("new", "1.1")].map(|(platform, release)| {
        let project = lab.assemble(&format!("{shape}-{release}"));
        lab.save_platform(platform, &project);
        if shape == "ten" { project.join("web") } else { project }
    })
}

/// A context, as it is saved.
pub(super) fn saved(lab: &Lab, site: &str) -> serde_json::Value {
    serde_json::from_str(&lab.provision(&["show", &format!("@{site}"), "--json"]).done().out).unwrap()
}

/// Moves a site there and back, with an upload before and after.
fn there_and_back(lab: &Lab, shape: &str, db_server: &str) {
    let [old, new] = two_releases(lab, shape);
    let name = "shop.localhost";
    let site = Site::install(lab, name, "old", db_server, Some("standard"));
    let (was, will) = (old.join("sites").join(name), new.join("sites").join(name));
    fs::write(was.join("files/before.txt"), "before").unwrap();
    lab.give(&was.join("files/before.txt"));
    site.answers(lab);

    let said = lab.provision(&["migrate", "@shop.localhost", "--platform", "@new"]).done();

    let said = said.says("lantern_update_").says("The fence was up for ").says("go-back");
    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert_eq!(fs::read_to_string(will.join("files/before.txt")).unwrap(), "before");
    assert!(!was.exists(), "{}", said.all());
    let now = saved(lab, name);
    assert_eq!(now["platform"], "new");
    assert_eq!(now["formers"][0]["platform"], "old");
    lab.provision(&["migrate", "@shop.localhost", "--platform", "@old"]).ends(4).says("would go back");
    fs::write(will.join("files/since.txt"), "since").unwrap();
    lab.give(&will.join("files/since.txt"));

    let told = lab.provision(&["written-since", "@shop.localhost"]).done();
    told.says("on the platform old").says("Other changes cannot be told");

    lab.provision(&["go-back", "@shop.localhost"]).done().says("The fence was up for ");

    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert!(was.join("files/before.txt").exists() && !was.join("files/since.txt").exists() && !will.exists());
    assert_eq!(saved(lab, name)["platform"], "old");

    lab.provision(&["go-back", "@shop.localhost"]).done();
    site.answers(lab);
    assert!(will.join("files/since.txt").exists());
    lab.delete("shop.localhost");
    assert!(!lab.up().sql("SHOW DATABASES").iter().any(|database| database.starts_with("shop_")));
    assert!(fs::read_dir(was.parent().unwrap().join(".aegir-former")).unwrap().next().is_none());
}

#[test]
fn a_site_of_the_seven_shape_moves_and_goes_back() {
    there_and_back(&Lab::start(way()), "seven", "localhost");
}

#[test]
fn a_site_of_the_ten_shape_moves_and_goes_back() {
    there_and_back(&Lab::start(way()), "ten", "localhost");
}

#[test]
fn a_site_in_sqlite_moves_and_goes_back() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    there_and_back(&lab, "ten", "files");
}

/// Moves a site and has what it was packed; goes back to that, and what it is then is packed too.
fn there_and_back_by_an_archive(lab: &Lab, shape: &str, db_server: &str) {
    let [old, new] = two_releases(lab, shape);
    let name = "shop.localhost";
    let site = Site::install(lab, name, "old", db_server, Some("standard"));
    let (was, will) = (old.join("sites").join(name), new.join("sites").join(name));
    fs::write(was.join("files/before.txt"), "before").unwrap();
    lab.give(&was.join("files/before.txt"));
    site.answers(lab);

    let words = ["migrate", "@shop.localhost", "--platform", "@new", "--keep-former", "archive"];
    let said = lab.provision(&words).done();

    said.says("The fence was up for ").says("What it was is the backup `shop.localhost-");
    site.answers(lab);
    site.is_as_it_should_be(lab);
    let shelf = was.parent().unwrap().join(".aegir-former");
    assert!(!was.exists() && fs::read_dir(&shelf).unwrap().next().is_none());
    let databases = || lab.up().sql("SHOW DATABASES").iter().filter(|name| name.starts_with("shop_")).count();
    let one = usize::from(db_server == "localhost");
    assert_eq!(databases(), one, "that of what it was is dropped");
    let archive = saved(lab, name)["formers"][0]["archive"].as_str().unwrap().to_owned();
    lab.provision(&["backups", "@shop.localhost"]).done().says(&archive).says("left by migrate-site");
    lab.provision(&["backup-delete", &archive]).ends(4).says("drop-formers");
    lab.provision(&["backup-verify", &archive]).done();
    fs::write(will.join("files/since.txt"), "since").unwrap();
    lab.give(&will.join("files/since.txt"));
    lab.provision(&["written-since", "@shop.localhost"]).done().says("restores shop.localhost-");

    lab.provision(&["go-back", "@shop.localhost", "--keep-former", "archive"])
        .done()
        .says("is restored beside the site");

    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert_eq!(fs::read_to_string(was.join("files/before.txt")).unwrap(), "before");
    assert!(!was.join("files/since.txt").exists() && !will.exists());
    let now = saved(lab, name);
    assert_eq!((&now["platform"], now["formers"].as_array().unwrap().len()), (&"old".into(), 2), "{now}");
    assert_eq!(databases(), one);

    lab.provision(&["go-back", "@shop.localhost"]).done();
    site.answers(lab);
    assert_eq!(fs::read_to_string(will.join("files/since.txt")).unwrap(), "since");
    for former in saved(lab, name)["formers"].as_array().unwrap() {
        let former = former["name"].as_str().unwrap();
        lab.provision(&["drop-formers", "@shop.localhost", "--former", former]).done();
    }
    let left = lab.provision(&["backups", "@shop.localhost"]).done();
    assert!(!left.out.contains("shop.localhost-"), "{}", left.all());
    lab.delete("shop.localhost");
}

#[test]
fn a_site_of_the_seven_shape_goes_back_to_an_archive() {
    there_and_back_by_an_archive(&Lab::start(way()), "seven", "localhost");
}

#[test]
fn a_site_of_the_ten_shape_goes_back_to_an_archive() {
    there_and_back_by_an_archive(&Lab::start(way()), "ten", "localhost");
}

#[test]
fn a_site_in_sqlite_goes_back_to_an_archive() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    there_and_back_by_an_archive(&lab, "ten", "files");
}

#[test]
fn an_update_that_goes_wrong_leaves_the_site_as_it_was() {
    for (shape, words) in [
        ("seven", &["exception", "error", "exit", "requirement", "endless"][..]),
        ("ten", &["exception", "error", "exit", "requirement", "endless", "post-exception", "post-error"][..]),
    ] {
        let lab = Lab::start(way());
        // Before the platforms are verified: their pools have the limit.
        let hostmaster = lab.home().join("hostmaster");
        fs::write(hostmaster.join("aegir.toml"), "update_limit = 8\n").unwrap();
        lab.give(&hostmaster);
        let [old, _] = two_releases(&lab, shape);
        let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("troubled"));
        let trouble = old.join("sites/shop.localhost/trouble");
        for word in words {
            fs::write(&trouble, word).unwrap();
            lab.give(&trouble);
            site.answers(&lab);
            let before = World::of(&lab);

            let said = lab.provision(&["migrate", "@shop.localhost", "--platform", "@new"]).ends(7);

            said.says("error: ").says("all is as it was");
            World::of(&lab).must_be(&before);
            site.answers(&lab);
        }
        // What only prints and warns is no reason.
        fs::write(&trouble, "notices").unwrap();
        lab.give(&trouble);
        lab.provision(&["migrate", "@shop.localhost", "--platform", "@new"]).done();
        site.answers(&lab);
    }
}

#[test]
fn visitors_see_the_site_or_are_told_to_come_back() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("standard"));
    site.answers(&lab);
    let at = lab.up().listen();
    let over = AtomicBool::new(false);
    let visits = |cookie: &str| {
        let mut seen = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let page = get_with(at, "shop.localhost", "/", cookie);
            seen.push((page.status, page.header("retry-after").is_some()));
            thread::sleep(Duration::from_millis(20));
        }
        seen
    };
    thread::scope(|scope| {
        let (known, anybody) = (scope.spawn(|| visits("SESS0123=x")), scope.spawn(|| visits("")));
        let moved = lab.provision(&["migrate", "@shop.localhost", "--platform", "@new"]);
        over.store(true, Ordering::Relaxed);
        let (known, anybody) = (known.join().unwrap(), anybody.join().unwrap());
        moved.done();
        for seen in [&known, &anybody] {
            assert!(seen.iter().all(|seen| matches!(seen, (200, _) | (503, true))), "{seen:?}");
        }
        assert!(known.iter().any(|(status, _)| *status == 503), "nobody met the fence: {} visits", known.len());
        // nginx keeps the page that Drupal keeps for everybody.
        let is_fenced = anybody.iter().any(|(status, _)| *status == 503);
        assert_eq!(is_fenced, http() == "apache", "{anybody:?}");
    });
    site.answers(&lab);
}

#[test]
fn a_move_that_is_killed_is_taken_back() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("standard"));
    site.answers(&lab);
    let words = ["migrate", "@shop.localhost", "--platform", "@new"];
    for line in ["copy-files", "copy-database", "run-updates"] {
        a_kill_is_taken_back(&lab, &site, &words, line);
    }
    let went_well = goes_well_and_back(&lab, &site, &words, "shop.localhost");
    for line in ["publish-vhost", "set-aside"] {
        a_kill_at_its_records_is_taken_back(&lab, &site, &words, line, &went_well);
    }
}
