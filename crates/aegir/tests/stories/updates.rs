//! The updates of a site run where it lives, after its code was changed in place, and it goes back; what goes wrong on the way
//! leaves it as it was.

use std::fs;
use std::path::PathBuf;

use crate::moves::saved;
use crate::support::story::{Site, a_kill_is_taken_back, save_sqlite_server};
use crate::support::world::World;
use crate::support::{Lab, run, way};

/// The code of a platform `old`, and a later release that lies beside it.
struct Code {
    project: PathBuf,
    later: PathBuf,
}

impl Code {
    fn of(lab: &Lab, shape: &str) -> Code {
        let [project, later] = ["1.0", "1.1"].map(|release| lab.assemble(&format!("{shape}-{release}")));
        lab.save_platform("old", &project);
        Code { project, later }
    }

    fn root(&self) -> PathBuf {
        let web = self.project.join("web");
        if web.exists() { web } else { self.project.clone() }
    }

    /// Somebody unpacks the later release over what sites live on.
    fn is_changed_in_place(&self, lab: &Lab) {
        run(lab.as_owner("cp").arg("-R").arg(self.later.join(".")).arg(&self.project));
    }
}

fn updated_and_back(lab: &Lab, shape: &str, db_server: &str) {
    let code = Code::of(lab, shape);
    let name = "shop.localhost";
    let site = Site::install(lab, name, "old", db_server, Some("standard"));
    let folder = code.root().join("sites").join(name);
    fs::write(folder.join("files/before.txt"), "before").unwrap();
    lab.give(&folder.join("files/before.txt"));
    site.answers(lab);
    lab.provision(&["update", "@shop.localhost"]).done().says("No update waits for `shop.localhost`");
    assert!(saved(lab, name)["formers"].as_array().is_none_or(Vec::is_empty), "nothing was done");
    code.is_changed_in_place(lab);

    let said = lab.provision(&["update", "@shop.localhost"]).done();

    let said = said.says("Updates that wait, for Drupal").says("Paints the lanterns").says("lantern_update_");
    said.says("The fence was up for ").says("go-back");
    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
    assert_eq!(fs::read_to_string(folder.join("files/before.txt")).unwrap(), "before");
    let now = saved(lab, name);
    assert_eq!((&now["platform"], &now["formers"][0]["platform"]), (&"old".into(), &"old".into()));
    lab.provision(&["update", "@shop.localhost"]).done().says("No update waits");
    lab.provision(&["verify", "@shop.localhost"]).done();
    fs::write(folder.join("files/since.txt"), "since").unwrap();
    lab.give(&folder.join("files/since.txt"));

    lab.provision(&["go-back", "@shop.localhost"]).done().says("The fence was up for ");

    assert!(folder.join("files/before.txt").exists() && !folder.join("files/since.txt").exists());
    lab.provision(&["update", "@shop.localhost"]).done().says("`lantern_update_");
    site.answers(lab);
    site.is_as_it_should_be(lab);
    lab.delete(name);
    assert!(!lab.up().sql("SHOW DATABASES").iter().any(|database| database.starts_with("shop_")));
    assert!(fs::read_dir(code.root().join("sites/.aegir-former")).unwrap().next().is_none());
}

#[test]
fn a_site_of_the_seven_shape_is_updated_and_goes_back() {
    updated_and_back(&Lab::start(way()), "seven", "localhost");
}

#[test]
fn a_site_of_the_ten_shape_is_updated_and_goes_back() {
    updated_and_back(&Lab::start(way()), "ten", "localhost");
}

#[test]
fn a_site_in_sqlite_is_updated_and_goes_back() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    updated_and_back(&lab, "ten", "files");
}

#[test]
fn an_update_that_goes_wrong_in_place_leaves_the_site_as_it_was() {
    for (shape, words) in [
        ("seven", &["exception", "error", "exit", "requirement", "endless"][..]),
        ("ten", &["exception", "exit", "requirement", "post-exception"][..]),
    ] {
        let lab = Lab::start(way());
        // Before the platform is verified: its pool has the limit.
        let hostmaster = lab.home().join("hostmaster");
        fs::write(hostmaster.join("aegir.toml"), "update_limit = 8\n").unwrap();
        lab.give(&hostmaster);
        let code = Code::of(&lab, shape);
        let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("troubled"));
        site.answers(&lab);
        code.is_changed_in_place(&lab);
        let trouble = code.root().join("sites/shop.localhost/trouble");
        for word in words {
            fs::write(&trouble, word).unwrap();
            lab.give(&trouble);
            site.answers(&lab);
            let before = World::of(&lab);

            let said = lab.provision(&["update", "@shop.localhost"]).ends(7);

            said.says("error: ").says("all is as it was");
            World::of(&lab).must_be(&before);
            site.answers(&lab);
        }
        // What only prints and warns is no reason.
        fs::write(&trouble, "notices").unwrap();
        lab.give(&trouble);
        lab.provision(&["update", "@shop.localhost"]).done();
        site.answers(&lab);
    }
}

#[test]
fn an_update_that_is_killed_is_taken_back() {
    let lab = Lab::start(way());
    let code = Code::of(&lab, "ten");
    let site = Site::install(&lab, "shop.localhost", "old", "localhost", Some("standard"));
    code.is_changed_in_place(&lab);
    site.answers(&lab);
    for line in ["copy-files", "copy-database", "bring-back", "run-updates"] {
        a_kill_is_taken_back(&lab, &site, &["update", "@shop.localhost"], line);
    }
    lab.provision(&["update", "@shop.localhost"]).done();
    site.answers(&lab);
}
