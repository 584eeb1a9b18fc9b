//! A lab is a whole installation: what a test may rely on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

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
        let verified = lab.must(Task::VerifySite { site: site.parse().unwrap() });
        assert!(!verified.changed, "{:?}", verified.answer);
    }
    assert_eq!(front_page(&lab, "c.test"), 404);

    lab.must(Task::DeleteSite { site: "a.test".parse().unwrap(), confirm: "a.test".into() });
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
