//! Disable: the web server alone answers for the site, with all of it kept and backed up, or it is in service as before.

use std::fs;

use aegir_domain::{InstallSite, OutcomeKind, Task};
use aegir_lab::Lab;
use aegir_lab::fake::Trouble;
use aegir_lab::proof::{Extent, Scene};

use crate::{a_site_beside_another, another_name_for_the_neighbour, lines, two_platforms};

pub(crate) fn disable(no_backup: bool) -> Task {
    Task::DisableSite { site: "a.test".parse().unwrap(), no_backup }
}

#[test]
fn a_site_is_out_of_service_and_backed_up_or_as_it_was() {
    let scene = Scene::new("disable-site", |lab| {
        a_site_beside_another(lab, "seven");
        disable(false)
    });
    let (before, after) = scene.worlds();
    assert_eq!(after.find("backups/a.test-").len(), 1);
    assert!(after.find("backups/.").is_empty(), "nothing of its making is left");
    assert_eq!(after.find("database a_test"), before.find("database a_test"));
    assert_eq!(after.find("seven/sites/a.test"), before.find("seven/sites/a.test"));
    scene.lines_are(&lines("disable-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_whose_database_is_a_file_is_out_of_service_or_as_it_was() {
    let scene = Scene::new("disable-site, in SQLite and without a backup", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        disable(true)
    });
    let (_, after) = scene.worlds();
    assert!(after.find("backups/a.test-").is_empty());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_disabled_beside_others_that_live_on() {
    let scene = Scene::new("disable-site, beside others", |lab| {
        a_site_beside_another(lab, "ten");
        disable(false)
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn a_disabled_site_answers_503_under_all_its_names_and_stays_so_when_it_is_verified() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    let site = lab.site("a.test");
    let aliases = vec!["www.a.test".parse().unwrap(), "*.a.example".parse().unwrap()];
    lab.save(aegir_domain::Context::Site(Box::new(aegir_domain::SiteContext { aliases, ..site })));
    lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
    assert_eq!(statuses(&lab), [200, 200, 200]);

    lab.must(disable(false));
    assert_eq!(statuses(&lab), [503, 503, 503]);
    let record = lab.site("a.test");
    assert!(record.disabled);

    // None of its code runs: not even to look at it.
    lab.machine.begin(Trouble::PhpDown);
    fs::remove_file(lab.site_folder("a.test").join("files/.htaccess")).unwrap();
    let verified = lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
    assert!(verified.changed, "what is Ægir's is put right all the same");
    assert_eq!(statuses(&lab), [503, 503, 503]);
    assert_eq!(lab.site("a.test"), record);
    lab.must(Task::BackupSite { site: "a.test".parse().unwrap(), note: None });
}

#[test]
fn what_would_run_the_code_of_a_disabled_site_is_refused_with_the_way_out() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    let backed_up = lab.must(Task::BackupSite { site: "a.test".parse().unwrap(), note: None });
    let backup = serde_json::from_value(backed_up.answer["backup"].clone()).unwrap();
    lab.must(disable(true));
    let site = || "a.test".parse().unwrap();
    let copy = serde_json::json!({ "kind": "clone-site", "site": "a.test", "to": "b.test" });
    let migrate = aegir_domain::MigrateSite::to(site(), "later_ten".parse().unwrap());
    for task in [
        Task::Login { site: site(), account: 1 },
        Task::MigrateSite(Box::new(migrate)),
        Task::GoBackSite { site: site(), former: None, keep: None, although_broken: false },
        Task::RenameSite { site: site(), to: "b.test".parse().unwrap(), old_name: Default::default(), keep: None },
        serde_json::from_value(copy).unwrap(),
        Task::RestoreBackup { backup, new_site: None, platform: None, db_server: None, keep: None },
    ] {
        let kind = task.kind();
        let ending = lab.run(task);
        assert_eq!(ending.outcome.kind(), OutcomeKind::Refused, "{kind:?}");
        let fault = ending.fault().unwrap();
        assert_eq!(fault.message, "the site `a.test` is disabled", "{kind:?}");
        assert!(fault.remedy.as_ref().unwrap().contains("aegir provision enable @a.test"), "{kind:?}: {fault:?}");
    }
    let again = lab.must(disable(false));
    assert!(!again.changed && !again.answer.contains_key("backup"), "it is so already: {again:?}");
}

#[test]
fn a_site_that_waits_for_its_installer_is_not_disabled() {
    let lab = Lab::new();
    two_platforms(&lab);
    let asked = InstallSite { method: aegir_domain::InstallMethod::Manual, ..lab.new_site("a.test", "ten") };
    lab.must(Task::InstallSite(Box::new(asked)));
    let said = lab.refuses(disable(false));
    assert!(said.contains("not installed into `a.test` yet"), "{said}");
}

fn statuses(lab: &Lab) -> [u16; 3] {
    ["a.test", "www.a.test", "x.a.example"].map(|name| lab.visit(name))
}
