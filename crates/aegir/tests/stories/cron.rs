//! Cron in a real php-fpm: Drupal runs it itself, also where its modules are in trouble.

use std::fs;

use serde_json::Value;

use crate::support::story::{Site, save_sqlite_server};
use crate::support::{Lab, way};

fn answer(lab: &Lab, site: &str, more: &[&str]) -> Value {
    let site = format!("@{site}");
    let said = lab.provision(&[&["cron", &site, "--json"], more].concat()).done();
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn cron_runs_in_drupal_itself_and_says_what_came_of_it() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    for (platform, fixture, root, db_server) in
        [("seven", "seven-1.0", "seven-1.0", "localhost"), ("ten", "ten-1.0", "ten-1.0/web", "files")]
    {
        lab.platform(platform, fixture);
        let name = format!("{platform}.localhost");
        let site = Site::install(&lab, &name, platform, db_server, Some("troubled"));

        let ran = answer(&lab, &name, &[]);
        assert!(ran["ran"]["took"].is_u64() && ran["ran"]["complaints"].is_null(), "{platform}: {ran}");
        lab.provision(&["cron", &format!("@{name}")]).done().says("Cron of").says("ran, in");

        let trouble = lab.home().join("platforms").join(root).join("sites").join(&name).join("trouble");
        let in_trouble = |word: &str, more: &[&str]| {
            fs::write(&trouble, word).unwrap();
            lab.give(&trouble);
            let said = answer(&lab, &name, more);
            fs::remove_file(&trouble).unwrap();
            said
        };
        // One module throws: the others have their turn, and it is told.
        let complained = in_trouble("cron", &[]);
        assert!(complained["ran"]["complaints"].to_string().contains("an exception"), "{platform}: {complained}");
        // It ends the process, or PHP gives up; and it leaves Drupal's lock behind.
        let failed = in_trouble("cron-exit", &[]);
        assert!(failed["failed"].to_string().contains("ended the process"), "{platform}: {failed}");
        assert_eq!(answer(&lab, &name, &[]), "busy", "{platform}");
        site.answers(&lab);
    }
}

#[test]
fn a_front_end_has_it_run_and_shows_what_came_of_it() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let site = Site::install(&lab, "ten.localhost", "ten", "localhost", Some("standard"));
    let shown = || -> Value {
        serde_json::from_str(&lab.front(&["site", "show", "ten.localhost", "--json"]).done().out).unwrap()
    };
    // What was made in a shell is taken over.
    lab.front(&["queue", "dispatch", "--once"]).done();

    let said = lab.front(&["site", "cron", "ten.localhost"]).done();
    said.says("succeeded");
    let cron = shown()["cron"].clone();
    assert_eq!((&cron["every"], &cron["result"]), (&Value::from("1h"), &Value::from("succeeded")), "{cron}");

    let settings = lab.home().join("platforms/ten-1.0/web/sites/ten.localhost/settings.php");
    let quiet = || fs::read_to_string(&settings).unwrap().contains("automated_cron.settings");
    assert!(!quiet(), "nothing was said of it yet");
    lab.front(&["site", "edit", "ten.localhost", "--cron", "30m"]).done();
    assert!(quiet() && shown()["cron"]["every"] == "30m");
    lab.front(&["site", "edit", "ten.localhost", "--cron", "off"]).done();
    assert!(!quiet() && shown()["cron"]["next_run"].is_null());
    site.answers(&lab);
}
