//! A lab is a whole installation: what a test may rely on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::time::Duration;

use aegir_domain::{OutcomeKind, Task};
use aegir_host::WebAddress;
use aegir_lab::fake::Trouble;
use aegir_lab::{Code, Lab};

fn front_page(lab: &Lab, host: &str) -> u16 {
    let at = WebAddress::Tcp("127.0.0.1:8080".parse().unwrap());
    lab.parts.web.get(&at, host, "/", Duration::from_secs(1)).unwrap().status
}

#[test]
fn sites_are_installed_answer_and_are_deleted() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("seven", Code::Seven);
    lab.platform("ten", Code::Ten);
    let empty = lab.snapshot();

    for (site, platform) in [("a.test", "seven"), ("b.test", "ten")] {
        lab.install(site, platform);
        assert_eq!(front_page(&lab, site), 200, "{site}");
        let verified = lab.must(Task::VerifySite { site: site.parse().unwrap(), context: None });
        assert!(!verified.changed, "{:?}", verified.answer);
    }
    assert_eq!(front_page(&lab, "c.test"), 404);

    lab.delete("a.test");
    assert_eq!(front_page(&lab, "a.test"), 404);
    assert_eq!(front_page(&lab, "b.test"), 200);
    assert!(!lab.snapshot().differences(&empty).is_empty());
}

#[test]
fn an_installer_that_dies_leaves_the_world_as_it_was() {
    for trouble in [Trouble::InstallDies, Trouble::InstallHangs] {
        let lab = Lab::new();
        lab.server("localhost");
        lab.platform("seven", Code::Seven);
        let before = lab.snapshot();
        lab.machine.begin(trouble);

        let ending = lab.run(Task::InstallSite(Box::new(lab.new_site("a.test", "seven"))));

        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack);
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    }
}

#[test]
fn what_is_amiss_on_the_machine_is_refused_and_nothing_is_left_behind() {
    let cases = [
        (Trouble::DatabaseDown, "connecting to the database server"),
        (Trouble::DatabaseRights, "may not grant"),
        (Trouble::PhpOld, "PHP 5.2.17"),
    ];
    for (trouble, said) in cases {
        let lab = Lab::new();
        lab.server("localhost");
        lab.platform("seven", Code::Seven);
        let before = lab.snapshot();
        lab.machine.begin(trouble);

        let ending = lab.run(Task::InstallSite(Box::new(lab.new_site("a.test", "seven"))));

        assert_eq!(ending.outcome.kind(), OutcomeKind::Refused, "{trouble:?}");
        assert!(ending.fault().unwrap().message.contains(said), "{trouble:?}: {}", ending.fault().unwrap());
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    }
}

#[test]
fn a_web_server_refuses_a_broken_snippet_by_its_name_and_runs_on() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("seven", Code::Seven);
    let nginx = lab.home().http_config(&"localhost".parse().unwrap(), aegir_domain::HttpEngine::Nginx);
    fs::write(nginx.join("pre.d/own.conf"), "gzip on;\nBROKEN on;\n").unwrap();

    let ending = lab.run(Task::InstallSite(Box::new(lab.new_site("a.test", "seven"))));

    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack);
    let said = &ending.fault().unwrap().message;
    assert!(said.contains("pre.d/own.conf") && said.contains(":2"), "{said}");
    assert_eq!(front_page(&lab, "a.test"), 404);
}

#[test]
fn an_installer_that_prints_false_answers_is_believed_once() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("seven", Code::Seven);
    lab.machine.begin(Trouble::InstallNoisy);

    lab.install("a.test", "seven");

    assert_eq!(front_page(&lab, "a.test"), 200);
}

#[test]
fn power_takes_what_was_not_synced_and_nothing_else() {
    let lab = Lab::new();
    let files = &lab.parts.files;
    let home = lab.home().path().to_owned();
    let _ = files.make_dir(&home.join("old"), 0o750).unwrap();
    let _ = files.write(&home.join("old/file"), b"one", 0o600).unwrap();
    let memory = lab.machine.remember_power();

    let _ = files.write(&home.join("synced"), b"x", 0o600).unwrap();
    let _ = files.make_dir(&home.join("new"), 0o700).unwrap();
    let _ = files.write(&home.join("new/file"), b"x", 0o600).unwrap();
    let _ = files.set_mode(&home.join("old"), 0o700).unwrap();
    let _ = files.rename(&home.join("old/file"), &home.join("moved")).unwrap();
    let before_sync = memory.lose_power(0);

    assert_eq!(before_sync, 4);
    assert!(home.join("synced").exists() && !home.join("new").exists() && !home.join("moved").exists());
    assert_eq!(fs::read(home.join("old/file")).unwrap(), b"one");
    assert_eq!(files.stat(&home.join("old")).unwrap().unwrap().mode, 0o750);

    let _ = files.rename(&home.join("old"), &home.join("new")).unwrap();
    files.sync_fs(&home).unwrap();
    assert_eq!(memory.lose_power(0), 0);
    assert!(home.join("new/file").exists());
}

#[test]
fn programs_are_told_with_the_labs_own_paths_shortened() {
    let lab = Lab::new();
    lab.server("localhost");

    let ran = lab.machine.programs_run();

    assert!(
        ran.iter().any(|line| line.starts_with("nginx ") && line.contains("HOME/") && line.ends_with("-t -q")),
        "{ran:?}"
    );
}
