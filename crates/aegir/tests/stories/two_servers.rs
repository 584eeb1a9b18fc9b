//! Sites whose data move from one real database server to another one, and back; what cannot be is refused.

use std::fs;

use crate::moves::{saved, two_releases};
use crate::support::story::{Site, save_sqlite_server};
use crate::support::world::World;
use crate::support::{Lab, way};

const NAME: &str = "shop.localhost";
const COPY: &str = "copy.localhost";

/// Databases of sites on a server, and their users.
const OF_SITES: [&str; 2] = [
    "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '%\\_localhost\\_%'",
    "SELECT User FROM mysql.global_priv WHERE User LIKE '%\\_localhost\\_%'",
];

/// A MariaDB of its own, which a lab knows as `@server_second`: that of another home's private stack.
fn a_second_server(lab: &Lab) -> Lab {
    let second = Lab::started(way(), &[]);
    let credentials = fs::read(second.up().endpoints().db_credentials).unwrap();
    let credentials: serde_json::Value = serde_json::from_slice(&credentials).unwrap();
    let socket = second.home().join("run/mariadb.sock").display().to_string();
    let words = ["save", "@server_second", "--db", "mariadb", "--db-socket", &socket, "--db-account", "aegir"];
    let words: Vec<&str> = words.into_iter().chain(["--db-password-file", "-"]).collect();
    let password = format!("{}\n", credentials["password"].as_str().unwrap());
    lab.provision_with(&words, password.as_bytes()).done();
    lab.provision(&["verify", "@server_second"]).done();
    second
}

/// What a server has of sites.
fn of_sites(server: &Lab) -> [Vec<String>; 2] {
    OF_SITES.map(|statement| server.up().sql(statement))
}

/// Where a site's data are: they are there, and its context says so.
#[track_caller]
fn lives_on(lab: &Lab, site: &Site, server: &str, holds: &Lab) {
    let context = saved(lab, &site.name);
    assert_eq!(context["db_server"], server, "{context}");
    let database = context["database"]["name"].as_str().unwrap().to_owned();
    assert!(of_sites(holds)[0].contains(&database), "{database}: {:?}", of_sites(holds));
    site.answers(lab);
    site.lets_in(lab);
    site.is_as_it_should_be(lab);
}

fn there_and_back(shape: &str) {
    let lab = Lab::start(way());
    let second = a_second_server(&lab);
    let [old, _] = two_releases(&lab, shape);
    let site = Site::install(&lab, NAME, "old", "localhost", Some("troubled"));
    let none = of_sites(&second);
    assert_eq!(none, [Vec::<String>::new(), Vec::new()]);
    let move_there = ["migrate", "@shop.localhost", "--platform", "@new", "--db-server", "second"];

    let trouble = old.join("sites").join(NAME).join("trouble");
    fs::write(&trouble, "exception").unwrap();
    lab.give(&trouble);
    site.answers(&lab);
    let before = World::of(&lab);
    lab.provision(&move_there).ends(7).says("all is as it was");
    World::of(&lab).must_be(&before);
    assert_eq!(of_sites(&second), none, "nothing of the copy stays on the other server");
    site.answers(&lab);

    fs::write(&trouble, "notices").unwrap();
    let first_database = site.database.clone();
    lab.provision(&move_there).done().says("The fence was up for ");
    lives_on(&lab, &site, "second", &second);
    assert_eq!(of_sites(&second).map(|all| all.len()), [1, 1]);
    assert!(of_sites(&lab)[0].contains(&first_database), "what it was stays where it is");

    let copy = Site { name: COPY.into(), title: site.title.clone(), database: String::new(), said: site.said.clone() };
    lab.provision(&["clone", "@shop.localhost", COPY, "--db-server", "localhost"]).done();
    lives_on(&lab, &copy, "localhost", &lab);
    assert_eq!(of_sites(&second).map(|all| all.len()), [1, 1], "a copy on the first server leaves none on the other");

    lab.provision(&["go-back", "@shop.localhost"]).done();
    lives_on(&lab, &site, "localhost", &lab);
    assert_eq!(saved(&lab, NAME)["database"]["name"], first_database.as_str());
    lab.provision(&["go-back", "@shop.localhost"]).done();
    lives_on(&lab, &site, "second", &second);

    for name in [NAME, COPY] {
        lab.delete(name);
    }
    assert_eq!([of_sites(&lab), of_sites(&second)], [none.clone(), none], "neither server has anything left");
}

#[test]
fn a_site_of_the_ten_shape_moves_to_another_database_server_and_goes_back() {
    there_and_back("ten");
}

#[test]
fn a_site_of_the_seven_shape_moves_to_another_database_server_and_goes_back() {
    there_and_back("seven");
}

#[test]
fn data_do_not_change_their_kind_and_a_server_that_is_down_is_told_before_anything_is_done() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    let mut second = a_second_server(&lab);
    two_releases(&lab, "ten");
    let of_server = Site::install(&lab, NAME, "old", "localhost", Some("standard"));
    let of_file = Site::install(&lab, "file.localhost", "old", "files", Some("standard"));
    let backup = lab.provision(&["backup", "@shop.localhost"]).done();
    let backup = backup.out.split('`').find(|word| word.ends_with(".tar.zst")).unwrap();
    let backup = backup.rsplit('/').next().unwrap();
    for site in [&of_server, &of_file] {
        site.answers(&lab);
    }
    let before = World::of(&lab);
    let refused = |words: &[&str], says: &str, remedy: &str| {
        lab.provision(words).ends(4).says(says).remedy(remedy);
        World::of(&lab).must_be(&before);
    };

    refused(&["migrate", "@shop.localhost", "--platform", "@new", "--db-server", "files"], "of the kind", "mariadb");
    refused(&["migrate", "@file.localhost", "--platform", "@new", "--db-server", "second"], "of the kind", "sqlite");
    refused(&["clone", "@shop.localhost", COPY, "--db-server", "files"], "of the kind", "mariadb");
    refused(&["clone", "@file.localhost", COPY, "--db-server", "localhost"], "of the kind", "sqlite");
    refused(&["restore", backup, "--as", "@copy.localhost", "--db-server", "files"], "mariadb", "mariadb");

    drop(second.up.take());
    refused(&["migrate", "@shop.localhost", "--platform", "@new", "--db-server", "second"], "mariadb.sock", "");
    refused(&["clone", "@shop.localhost", COPY, "--db-server", "second"], "mariadb.sock", "");
    for site in [&of_server, &of_file] {
        site.answers(&lab);
    }
}
