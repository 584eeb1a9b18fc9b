//! Sites are restored on the private stack: in their place and back again, where they are gone, from archives of
//! classic Aegir; what goes wrong on the way leaves all as it was.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::story::{
    Site, a_kill_at_its_records_is_taken_back, a_kill_is_taken_back, goes_well_and_back, save_sqlite_server,
};
use crate::support::world::World;
use crate::support::{Lab, run, way};

/// Backs a site up, and gives the name of the backup.
pub(super) fn back_up(lab: &Lab, site: &str) -> String {
    let said = lab.provision(&["--json", "backup", &format!("@{site}")]).done();
    let end: Value = serde_json::from_str(said.out.trim().lines().last().unwrap()).unwrap();
    end["answer"]["backup"].as_str().unwrap().to_owned()
}

/// A release of a shape, as a platform; gives its document root.
fn platform(lab: &Lab, name: &str, shape: &str, release: &str) -> PathBuf {
    let project = lab.assemble(&format!("{shape}-{release}"));
    lab.save_platform(name, &project);
    if shape == "ten" { project.join("web") } else { project }
}

/// Writes an upload, as the site's own.
fn upload(lab: &Lab, folder: &Path, name: &str) {
    let path = folder.join("files").join(name);
    fs::write(&path, name).unwrap();
    lab.give(&path);
}

fn delete(lab: &Lab, site: &str) {
    lab.delete(site);
}

/// Backed up, written to, restored, returned to, deleted, restored once more.
fn back_and_forth(lab: &Lab, shape: &str, db_server: &str) {
    let root = platform(lab, "old", shape, "1.0");
    let name = "shop.localhost";
    let site = Site::install(lab, name, "old", db_server, Some("standard"));
    let folder = root.join("sites").join(name);
    upload(lab, &folder, "before.txt");
    site.answers(lab);
    let backup = back_up(lab, name);
    upload(lab, &folder, "since.txt");
    fs::remove_file(folder.join("files/before.txt")).unwrap();

    let said = lab.provision(&["restore", &backup]).done();

    said.says("are what was packed").says("The fence was up for ").says("go-back");
    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert!(folder.join("files/before.txt").exists() && !folder.join("files/since.txt").exists());
    lab.provision(&["go-back", "@shop.localhost"]).done();
    site.answers(lab);
    site.lets_in(lab);
    assert!(!folder.join("files/before.txt").exists() && folder.join("files/since.txt").exists());

    delete(lab, name);
    assert!(!folder.exists());
    lab.provision(&["restore", &backup]).done().says("is there again");
    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert!(folder.join("files/before.txt").exists());
    assert!(fs::read_dir(root.join("sites/.aegir-former")).unwrap().next().is_none(), "nothing is left beside it");

    // Of later code its updates run; the way back is refused.
    platform(lab, "new", shape, "1.1");
    lab.provision(&["restore", &backup, "--platform", "@new"]).done().says("lantern_update_");
    site.answers(lab);
    site.is_as_it_should_be(lab);
    let newer = back_up(lab, name);
    lab.provision(&["restore", &newer, "--platform", "@old"]).ends(4).says("would go back").says("--platform");
    delete(lab, name);
    assert!(!lab.up().sql("SHOW DATABASES").iter().any(|database| database.starts_with("shop_")));
    lab.provision(&["recover"]).done().says("Nothing was left to recover");
}

#[test]
fn a_site_of_the_seven_shape_is_restored() {
    back_and_forth(&Lab::start(way()), "seven", "localhost");
}

#[test]
fn a_site_of_the_ten_shape_is_restored() {
    back_and_forth(&Lab::start(way()), "ten", "localhost");
}

#[test]
fn a_site_in_sqlite_is_restored() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    back_and_forth(&lab, "ten", "files");
}

#[test]
fn a_new_site_is_made_of_a_backup() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    let roots = ["seven", "ten"].map(|shape| (shape, platform(&lab, shape, shape, "1.0")));
    for (place, db_server) in [(0, "localhost"), (1, "localhost"), (1, "files")] {
        let (on, root) = &roots[place];
        let (name, new) = (format!("{on}.{db_server}.test.localhost"), "new.shop.localhost");
        let site = Site::install(&lab, &name, on, db_server, Some("standard"));
        upload(&lab, &root.join("sites").join(&name), "before.txt");
        site.answers(&lab);
        let backup = back_up(&lab, &name);
        let before = site.at_rest(&lab);

        let said = lab.provision(&["restore", &backup, "--as", &format!("@{new}")]).done();

        let said = said.says("keys of its own").says("sends no mail");
        let copy = Site { name: new.into(), title: site.title.clone(), database: String::new(), said };
        copy.answers(&lab);
        copy.lets_in(&lab);
        copy.is_as_it_should_be(&lab);
        assert!(root.join("sites").join(new).join("files/before.txt").exists());
        World::of_site(&lab, &name, &site.database).must_be(&before);
        site.answers(&lab);
        delete(&lab, new);
    }
}

#[test]
fn an_archive_of_classic_aegir_is_restored() {
    let lab = Lab::start(way());
    let root = platform(&lab, "old", "seven", "1.0");
    let name = "shop.localhost";
    let site = Site::install(&lab, name, "old", "localhost", Some("standard"));
    let folder = root.join("sites").join(name);
    upload(&lab, &folder, "before.txt");
    let backup = back_up(&lab, name);
    let work = lab.beside().join("classic");
    fs::create_dir(&work).unwrap();
    lab.give(&work);
    let backups = lab.home().join("backups");
    run(lab.as_owner("tar").arg("--zstd").arg("-C").arg(&work).arg("-xpf").arg(backups.join(&backup)));
    run(lab.as_owner("mv").arg(work.join("database.sql")).arg(work.join("site/database.sql")));
    let classic = format!("{name}-20140102.030405.tar.gz");
    run(lab.as_owner("tar").arg("-C").arg(work.join("site")).arg("-czf").arg(backups.join(&classic)).arg("."));
    upload(&lab, &folder, "since.txt");

    lab.provision(&["restore", &classic]).done().says("no sums");

    site.answers(&lab);
    site.is_as_it_should_be(&lab);
    assert!(folder.join("files/before.txt").exists() && !folder.join("files/since.txt").exists());
    delete(&lab, name);
    lab.provision(&["restore", &classic]).ends(4).says("--platform");
    lab.provision(&["restore", &classic, "--platform", "@old", "--db-server", "localhost"]).done();
    site.answers(&lab);
    site.lets_in(&lab);
    site.is_as_it_should_be(&lab);
}

#[test]
fn a_restore_whose_updates_go_wrong_leaves_the_site_as_it_was() {
    for shape in ["seven", "ten"] {
        let lab = Lab::start(way());
        let old = platform(&lab, "old", shape, "1.0");
        platform(&lab, "new", shape, "1.1");
        let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("troubled"));
        let trouble = old.join("sites/shop.localhost/trouble");
        for word in ["exception", "error"] {
            fs::write(&trouble, word).unwrap();
            lab.give(&trouble);
            let backup = back_up(&lab, "shop.localhost");
            site.answers(&lab);
            let before = World::of(&lab);

            let said = lab.provision(&["restore", &backup, "--platform", "@new"]).ends(7);

            said.says("error: ").says("all is as it was");
            World::of(&lab).must_be(&before);
            site.answers(&lab);
        }
    }
}

#[test]
fn a_restore_that_is_killed_is_taken_back() {
    let lab = Lab::start(way());
    platform(&lab, "old", "ten", "1.0");
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("standard"));
    site.answers(&lab);
    let backup = back_up(&lab, "shop.localhost");
    for line in ["unpack-site", "load-dump", "run-updates"] {
        a_kill_is_taken_back(&lab, &site, &["restore", &backup], line);
    }
    let went_well = goes_well_and_back(&lab, &site, &["restore", &backup], "shop.localhost");
    a_kill_at_its_records_is_taken_back(&lab, &site, &["restore", &backup], "publish-vhost", &went_well);
}
