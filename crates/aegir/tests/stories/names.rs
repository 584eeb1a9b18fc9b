//! A site gets another name, and another is made of it; what goes wrong on the way leaves all as it was.

use std::fs;
use std::path::PathBuf;

use crate::support::story::{
    Site, a_kill_at_its_records_is_taken_back, a_kill_is_taken_back, goes_well_and_back, save_sqlite_server,
};
use crate::support::web::get;
use crate::support::{Lab, way};

const OLD: &str = "shop.localhost";
const NEW: &str = "store.localhost";

/// A site with an upload on the platform `old`; gives the folder of the platform's sites.
fn a_shop(lab: &Lab, shape: &str, db_server: &str) -> (Site, PathBuf) {
    let project = lab.assemble(&format!("{shape}-1.0"));
    lab.save_platform("old", &project);
    let sites = if shape == "ten" { project.join("web/sites") } else { project.join("sites") };
    let site = Site::install(lab, OLD, "old", db_server, Some("standard"));
    let upload = sites.join(OLD).join("files/upload.txt");
    fs::write(&upload, "an upload").unwrap();
    lab.give(&upload);
    site.answers(lab);
    (site, sites)
}

/// The same site under another name.
fn called(site: &Site, name: &str) -> Site {
    Site { name: name.into(), title: site.title.clone(), database: String::new(), said: site.said.clone() }
}

fn saved(lab: &Lab, site: &str) -> serde_json::Value {
    serde_json::from_str(&lab.provision(&["show", &format!("@{site}"), "--json"]).done().out).unwrap()
}

fn renamed_and_back(lab: &Lab, shape: &str, db_server: &str) {
    let (site, sites) = a_shop(lab, shape, db_server);
    let renamed = called(&site, NEW);

    lab.provision(&["rename", &format!("@{OLD}"), NEW]).done().says("is kept as").says_once("The fence was up for ");

    renamed.answers(lab);
    renamed.lets_in(lab);
    renamed.is_as_it_should_be(lab);
    assert_eq!(fs::read_to_string(sites.join(NEW).join("files/upload.txt")).unwrap(), "an upload");
    assert!(!sites.join(OLD).exists());
    let page = get(lab.up().listen(), OLD, "/somewhere");
    let to = page.header("location").unwrap_or_default().to_owned();
    assert!(page.status == 301 && to.starts_with(&format!("http://{NEW}")), "{} {to}", page.status);
    assert!(to.ends_with("/somewhere"), "{to}");
    assert_eq!(saved(lab, NEW)["formers"][0]["names"]["site"], OLD);
    lab.provision(&["show", &format!("@{OLD}")]).ends(1);
    lab.provision(&["go-back", &format!("@{NEW}")]).done();

    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert!(!sites.join(NEW).exists());
    lab.provision(&["go-back", &format!("@{OLD}")]).done();
    renamed.answers(lab);

    lab.provision(&["rename", &format!("@{NEW}"), OLD, "--old-name", "gone"]).done();

    site.answers(lab);
    site.is_as_it_should_be(lab);
    assert_eq!(saved(lab, OLD).get("aliases"), None);
    lab.delete(OLD);
    assert!(fs::read_dir(sites.join(".aegir-former")).unwrap().next().is_none());
}

#[test]
fn a_site_of_the_seven_shape_is_renamed_and_back() {
    renamed_and_back(&Lab::start(way()), "seven", "localhost");
}

#[test]
fn a_site_of_the_ten_shape_is_renamed_and_back() {
    renamed_and_back(&Lab::start(way()), "ten", "localhost");
}

#[test]
fn a_site_in_sqlite_is_renamed_and_back() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    renamed_and_back(&lab, "ten", "files");
}

fn copied(lab: &Lab, shape: &str, db_server: &str) {
    let (site, sites) = a_shop(lab, shape, db_server);
    let project = lab.assemble(&format!("{shape}-1.1"));
    lab.save_platform("new", &project);
    let before = site.at_rest(lab);

    let words = ["clone", &format!("@{OLD}"), NEW, "--sanitise"];
    lab.provision(&words).done().says("sends no mail").says("a UUID and keys of its own");
    let later = ["clone", &format!("@{OLD}"), "later.localhost", "--platform", "@new", "--with-mail", "--with-cron"];
    lab.provision(&later).done().says("lantern_update_");

    site.at_rest(lab).must_be(&before);
    site.answers(lab);
    for name in [NEW, "later.localhost"] {
        let copy = called(&site, name);
        copy.answers(lab);
        copy.lets_in(lab);
        copy.is_as_it_should_be(lab);
    }
    assert_eq!(fs::read_to_string(sites.join(NEW).join("files/upload.txt")).unwrap(), "an upload");
    assert_eq!(saved(lab, NEW)["quiet"], serde_json::json!({ "mail": true, "cron": true }));
    assert_eq!(saved(lab, "later.localhost").get("quiet"), None);
    lab.provision(&["save", &format!("@{NEW}"), "--mail", "on", "--cron", "on"]).done();
    lab.provision(&["verify", &format!("@{NEW}")]).done().says("settings.php");
    called(&site, NEW).answers(lab);
    lab.delete(OLD);
    called(&site, NEW).answers(lab);
}

#[test]
fn a_site_of_the_seven_shape_is_copied() {
    copied(&Lab::start(way()), "seven", "localhost");
}

#[test]
fn a_site_of_the_ten_shape_is_copied() {
    copied(&Lab::start(way()), "ten", "localhost");
}

#[test]
fn a_site_in_sqlite_is_copied() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    copied(&lab, "ten", "files");
}

#[test]
fn a_rename_and_a_copy_that_are_killed_are_taken_back() {
    let lab = Lab::start(way());
    let (site, _) = a_shop(&lab, "ten", "localhost");
    let (at, rename, clone) = (format!("@{OLD}"), "rename", "clone");
    for (task, line) in
        [(rename, "copy-database"), (rename, "relocate"), (clone, "load-dump"), (clone, "rebuild-caches")]
    {
        a_kill_is_taken_back(&lab, &site, &[task, &at, NEW], line);
    }
    let renamed = goes_well_and_back(&lab, &site, &[rename, &at, NEW], NEW);
    for line in ["rename-vhost", "set-aside"] {
        a_kill_at_its_records_is_taken_back(&lab, &site, &[rename, &at, NEW], line, &renamed);
    }
    lab.provision(&[clone, &at, NEW]).done();
    let cloned = lab.newest_attempt();
    lab.delete(NEW);
    a_kill_at_its_records_is_taken_back(&lab, &site, &[clone, &at, NEW], "publish-vhost", &cloned);
}
