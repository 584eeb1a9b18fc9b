//! Database servers that are down, refuse us, or die in the middle.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::said::Said;
use crate::support::story::at_line;
use crate::support::world::World;
use crate::support::{Lab, free_port, kill, until, way};

/// Saves a database server at `socket`, with `account` and its password.
fn save(lab: &Lab, name: &str, socket: &Path, account: &str, password: &str) {
    let socket = socket.display().to_string();
    let words = ["save", name, "--db", "mariadb", "--db-socket", &socket, "--db-account", account];
    let words: Vec<&str> = words.into_iter().chain(["--db-password-file", "-"]).collect();
    lab.provision_with(&words, format!("{password}\n").as_bytes()).done();
}

/// Verify and install are refused there, and change nothing.
#[track_caller]
fn is_refused(lab: &Lab, server: &str, says: &str, remedy: &str) {
    let before = World::of(lab);
    let at = format!("@server_{server}");
    let lines: [&[&str]; 2] =
        [&["verify", &at], &["install", "@a.localhost", "--platform", "ten", "--db-server", server]];
    for words in lines {
        let said = lab.provision(words);
        assert!(matches!(said.code, 4 | 7), "{}", said.all());
        said.says(says).remedy(remedy);
        World::of(lab).must_be(&before);
    }
}

#[test]
fn a_database_server_that_cannot_be_used_is_told_with_a_way_out() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let socket = lab.home().join("run/mariadb.sock");

    save(&lab, "@server_down", &lab.home().join("run/nobody.sock"), "aegir", "x");
    is_refused(&lab, "down", "nobody.sock", "");

    save(&lab, "@server_strange", &socket, "aegir", "not the password");
    is_refused(&lab, "strange", "Access denied", "aegir provision save");

    lab.up().run_sql("CREATE USER 'weak'@'localhost' IDENTIFIED BY 'weak'");
    save(&lab, "@server_weak", &socket, "weak", "weak");
    is_refused(&lab, "weak", "weak", "GRANT");

    let words = ["save", "@server_new", "--db", "mariadb", "--db-socket", "/run/x.sock", "--db-account", "aegir"];
    lab.provision(&words).ends(4).says("no password").remedy("--db-password-file");
    assert!(!lab.home().join("contexts/server_new.json").exists());
}

/// What a trial of a database server, as an account of it, sees.
fn trial(lab: &Lab, socket: &Path, account: &str, password: Option<&str>) -> Value {
    let db = json!({ "engine": "mariadb", "at": { "socket": socket }, "account": account });
    let secrets = password.map_or(json!({}), |password| json!({ "db_password": password }));
    let server = json!({ "name": "localhost", "db": db });
    let asked = json!({ "protocol": 1, "server": server, "secrets": secrets }).to_string();
    let said = lab.provision_with(&["--json", "--protocol", "1", "try"], asked.as_bytes()).done();
    assert!(!password.is_some_and(|password| said.all().contains(password)), "{}", said.all());
    serde_json::from_str(&said.out).unwrap()
}

fn health(tried: &Value) -> Vec<&str> {
    tried["findings"].as_array().unwrap().iter().map(|finding| finding["health"].as_str().unwrap()).collect()
}

#[test]
fn services_are_tried_before_anything_is_said_of_them_and_nothing_is_changed() {
    let lab = Lab::start(way());
    let socket = lab.home().join("run/mariadb.sock");
    lab.up().run_sql("CREATE USER 'weak'@'localhost' IDENTIFIED BY 'a weak one'");
    let before = World::of(&lab);

    // The account and the place that are saved: the saved password is tried.
    assert_eq!(health(&trial(&lab, &socket, "aegir", None)), ["ok", "ok"]);
    // Another account, or another place: it is not sent there.
    let other = trial(&lab, &socket, "weak", None);
    assert!(other["findings"][0]["text"].as_str().unwrap().contains("is not known"), "{other}");
    let nobody = trial(&lab, &lab.home().join("run/nobody.sock"), "aegir", Some("a guess"));
    assert!(nobody["findings"][0]["remedy"].as_str().unwrap().contains("listens there"), "{nobody}");
    let strange = trial(&lab, &socket, "aegir", Some("not the password"));
    assert!(strange["findings"][0]["text"].as_str().unwrap().contains("Access denied"), "{strange}");
    let weak = trial(&lab, &socket, "weak", Some("a weak one"));
    assert_eq!(health(&weak), ["ok", "problem"], "{weak}");
    assert!(weak["findings"][1]["remedy"].as_str().unwrap().contains("GRANT ALL"), "{weak}");

    let web = |listen: String| {
        let http = json!({ "engine": crate::support::http(), "listen": listen });
        let asked = json!({ "protocol": 1, "server": { "name": "localhost", "http": http } }).to_string();
        let said = lab.provision_with(&["--json", "--protocol", "1", "try"], asked.as_bytes()).done();
        serde_json::from_str::<Value>(&said.out).unwrap()
    };
    assert_eq!(health(&web(lab.up().listen().to_string())), ["ok", "ok"]);
    let nobody = web(format!("127.0.0.1:{}", free_port()));
    assert_eq!(health(&nobody), ["ok", "warning"]);
    assert!(nobody["findings"][1]["remedy"].as_str().unwrap().contains("server.conf"), "{nobody}");
    World::of(&lab).must_be(&before);
}

#[test]
fn a_database_server_that_dies_in_the_middle_of_an_install_is_waited_for_and_all_is_as_it_was() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let words = ["install", "@a.localhost", "--platform", "ten", "--db-server", "localhost", "--profile", "standard"];
    for _ in 0..5 {
        let before = World::of(&lab);
        let mariadbd = lab.up().pid("mariadbd").or_else(|| lab.up().pid("mariadb")).unwrap();

        let (follower, folder) = at_line(&lab, &words, "run-installer");
        kill(mariadbd);
        let said = Said::whole(follower, &words);

        until("MariaDB is back", || lab.up().said().contains("MariaDB is back"));
        if said.code == 0 {
            // The installer was faster than the kill: once more.
            lab.delete("a.localhost");
            continue;
        }
        said.ends(7);
        World::of(&lab).must_be(&before);
        let journal = fs::read(folder.join("journal")).unwrap();
        assert!(!journal.is_empty());
        lab.install("a.localhost", "ten").done();
        return;
    }
    panic!("five installs in a row were faster than a kill");
}
