//! The database of a classic front end, on a real server: read by an account that may do nothing else, and told with the home.

use std::fs;

use crate::support::{Lab, way};

const SAYS: &str = "it's \\ theirs";

#[test]
fn the_database_of_a_classic_front_end_is_read_by_an_account_that_only_reads() {
    let lab = Lab::start(way());
    let home = lab.beside().join("classic");
    fs::create_dir_all(home.join(".drush")).unwrap();
    let text = "<?php\n$aliases['www.example.org'] = array('context_type' => 'site', 'uri' => 'www.example.org', 'client_name' => 'some_client');\n";
    fs::write(home.join(".drush/www.example.org.alias.drushrc.php"), text).unwrap();
    let up = lab.up();
    up.run_sql("CREATE DATABASE `Classic`");
    let fixture = include_str!("../../../provision/src/inspect/adoption/hostmaster.sql");
    for statement in fixture.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        let statement = statement.replace("TABLE @", "TABLE `Classic`.hm_").replace("INTO @", "INTO `Classic`.hm_");
        up.run_sql(&statement);
    }
    for host in ["localhost", "127.0.0.1"] {
        up.run_sql(&format!("CREATE USER 'looks'@'{host}' IDENTIFIED BY 'it''s \\\\ theirs'"));
        up.run_sql(&format!("GRANT SELECT ON `Classic`.* TO 'looks'@'{host}'"));
    }
    let at = match up.endpoints().db.unwrap() {
        aegir_domain::DbEngine::Socket(path) => vec!["--hostmaster-db-socket".into(), path.display().to_string()],
        aegir_domain::DbEngine::Tcp { host, port } => {
            vec!["--hostmaster-db-host".into(), host, "--hostmaster-db-port".into(), port.to_string()]
        }
    };
    let mut words = vec!["adopt", "--dry-run", home.to_str().unwrap(), "--hostmaster-db", "Classic"];
    words.extend([
        "--hostmaster-db-account",
        "looks",
        "--hostmaster-db-password-file",
        "-",
        "--hostmaster-db-prefix",
        "hm_",
    ]);
    words.extend(at.iter().map(String::as_str));

    let said = lab.front_with(&words, format!("{SAYS}\n").as_bytes()).ends(1);

    let said =
        said.says("anna <anna@example.org>").says("ghost.example.org cannot come").says("4 tasks, of which 1 failed");
    let all = said.says("its front end has it under the client `some_client`").says("3 tasks of it").all();
    assert!(!all.contains(SAYS) && !all.contains("gone@example.org") && !all.contains("was not read"), "{all}");
    up.run_sql("DROP TABLE `Classic`.hm_hosting_task");
    lab.front_with(&words, format!("{SAYS}\n").as_bytes()).ends(1).says("the table `hm_hosting_task` was not read");
    let wrong = lab.front_with(&words, b"another\n").ends(1).says("is not let into the database");
    assert!(!wrong.all().contains("another"), "{}", wrong.all());
}
