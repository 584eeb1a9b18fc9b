//! Login links: made without PHP where that is certain and by Drupal where it is not; for nobody who may not come in.

use std::fs;
use std::io::Write;
use std::time::Duration;

use crate::support::story::{Site, save_sqlite_server};
use crate::support::{Lab, way};

/// How many programs the newest attempt started.
fn programs(lab: &Lab) -> usize {
    let journal = fs::read_to_string(lab.newest_attempt().join("journal")).unwrap();
    journal.lines().filter(|line| line.contains("\"record\":\"program\"")).count()
}

#[test]
fn a_link_made_without_php_lets_in_as_one_of_drupals_own_does() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    for (platform, fixture, root, db_server) in
        [("seven", "seven-1.0", "seven-1.0", "localhost"), ("ten", "ten-1.0", "ten-1.0/web", "files")]
    {
        lab.platform(platform, fixture);
        let site = Site::install(&lab, &format!("{platform}.localhost"), platform, db_server, Some("standard"));

        site.lets_in(&lab);
        site.lets_in(&lab);
        assert_eq!(programs(&lab), 0, "{platform}: PHP was asked");

        // Lines of an operator that may change what a link is made of; they tell by whom they were read for it.
        let own = lab.home().join("platforms").join(root).join("sites").join(&site.name);
        let lines = "$own_salt = 'unused';\nif (class_exists('Aegir\\Driver', FALSE)) {\n  \
                     file_put_contents(__DIR__ . '/private/temp/asked', PHP_SAPI);\n}\n";
        let local = own.join("local.settings.php");
        fs::OpenOptions::new().append(true).open(local).unwrap().write_all(lines.as_bytes()).unwrap();
        // A link of Drupal's own that is made and used in the second of another login is good twice.
        std::thread::sleep(Duration::from_millis(1100));
        site.lets_in(&lab);
        let asked = fs::read_to_string(own.join("private/temp/asked")).expect("Drupal was asked");
        assert_eq!((asked.as_str(), programs(&lab)), ("fpm-fcgi", 0), "{platform}: and not on the command line");
    }
}

#[test]
fn an_account_that_may_not_come_in_gets_no_link() {
    let lab = Lab::start(way());
    lab.platform("seven", "seven-1.0");
    let site = Site::install(&lab, "seven.localhost", "seven", "localhost", Some("minimal"));

    let said = lab.provision(&["login", "@seven.localhost", "--account", "7"]);
    said.ends(4).says("has no account 7").remedy("an account that exists");

    lab.up().run_sql(&format!("UPDATE `{}`.users SET status = 0 WHERE uid = 1", site.database));
    let said = lab.provision(&["login", "@seven.localhost"]);
    said.ends(4).says("is blocked").remedy("unblock the account");
    assert_eq!(programs(&lab), 0);
}
