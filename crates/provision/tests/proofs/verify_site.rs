//! Verify site: a site is what its record says, or what it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use aegir_domain::{Context, OutcomeKind, Redirect, Report, SiteContext, Task};
use aegir_lab::Lab;
use aegir_lab::fake::Trouble;
use aegir_lab::proof::{Extent, Scene};
use aegir_provision::{Boundary, Worker};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn verify() -> Task {
    Task::VerifySite { site: "a.test".parse().unwrap(), context: None }
}

/// Other names, modes that Drupal hardened, settings and vhost that somebody changed.
fn drifted(lab: &Lab, platform: &str) -> Task {
    two_platforms(lab);
    lab.install("other.test", platform);
    let site = lab.install("a.test", platform);
    let aliases = vec!["www.a.test".parse().unwrap()];
    let redirect = Redirect::To("www.a.test".parse().unwrap());
    lab.save(Context::Site(Box::new(SiteContext { aliases, redirect, ..site })));
    let folder = lab.site_folder("a.test");
    fs::set_permissions(folder.join("settings.php"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(folder.join("settings.php"), "<?php\n// somebody was here\n").unwrap();
    fs::set_permissions(folder.join("files"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::remove_dir_all(folder.join("private/temp")).unwrap();
    fs::remove_file(folder.join("local.settings.php")).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    fs::remove_file(lab.home().clients().join("admin/a.test")).unwrap();
    verify()
}

#[test]
fn caches_that_php_fpm_does_not_rebuild_are_owed_and_no_other_php_is_asked() {
    let lab = Lab::new();
    let task = drifted(&lab, "ten");
    let attempt = lab.ask(task);
    let (machine, records) = (lab.machine.clone(), lab.home().task(attempt).join("journal"));
    // From the point of no return on, whose record says what follows.
    let at_boundary = move |_: Boundary, _: u32| {
        if fs::read_to_string(&records).unwrap_or_default().contains("flush-caches") {
            machine.begin(Trouble::PhpDown);
        }
    };
    let worker = Worker { at_boundary: Some(Arc::new(at_boundary)), ..lab.worker() };

    let ending = lab.work_on(attempt, &worker);

    assert_eq!(ending.outcome.kind(), OutcomeKind::Untidy, "{ending:?}");
    let told = Report(ending.fault().unwrap()).to_string();
    assert!(told.contains("php-fpm does not answer on") && told.contains("verify @platform_ten"), "{told}");
    let asked: Vec<_> = lab.machine.programs_run().into_iter().filter(|line| line.contains("/drivers-")).collect();
    assert!(asked.iter().all(|line| line.contains("install.php")), "PHP was asked on the command line: {asked:?}");
    lab.machine.end(Trouble::PhpDown);
    lab.may_leave_a_mess();
}

#[test]
fn a_site_that_drifted_is_put_right_or_left_as_it_was() {
    let scene = Scene::new("verify-site", |lab| drifted(lab, "ten"));
    scene.lines_are(&lines("verify-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_7_that_drifted_is_put_right_or_left_as_it_was() {
    Scene::new("verify-site, Drupal 7", |lab| drifted(lab, "seven")).prove(Extent::OneOf(3));
}

#[test]
fn a_site_that_is_as_it_should_be_is_left_alone() {
    let scene = Scene::new("verify-site, nothing to change", |lab| {
        two_platforms(lab);
        lab.install("a.test", "seven");
        verify()
    });
    let (before, after) = scene.worlds();
    assert_eq!(after.differences(before), Vec::<String>::new());
    scene.prove(Extent::OneOf(2));
}

#[test]
fn a_site_is_put_right_beside_others_that_live_on() {
    let scene = Scene::new("verify-site, beside others", |lab| drifted(lab, "ten"));
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn an_alias_under_a_name_that_no_drush_finds_goes_with_the_next_verify() {
    for (code, wrong, right) in
        [("ten", "a.test.site.yml", "a_test.site.yml"), ("seven", "a_test.site.yml", "a.test.alias.drushrc.php")]
    {
        let scene = Scene::new("verify-site, with a Drush alias of an older version", move |lab| {
            two_platforms(lab);
            lab.install("a.test", code);
            fs::write(lab.home().drush_sites().join(wrong), "'*':\n").unwrap();
            verify()
        });
        let (before, after) = scene.worlds();
        assert!(!before.find(&format!("drush/sites/{wrong}")).is_empty());
        assert!(after.find(&format!("drush/sites/{wrong}")).is_empty());
        assert!(!after.find(&format!("drush/sites/{right}")).is_empty());
        scene.prove(Extent::OneOf(3));
    }
}

#[test]
fn what_an_operators_template_makes_and_the_server_refuses_never_lies_among_what_it_reads() {
    let lab = Lab::new();
    two_platforms(&lab);
    let site = lab.install("a.test", "seven");
    fs::create_dir_all(lab.home().templates().join("nginx")).unwrap();
    fs::write(lab.home().templates().join("nginx/vhost.conf"), "BROKEN on;\n").unwrap();
    let aliases = vec!["www.a.test".parse().unwrap()];
    lab.save(Context::Site(Box::new(SiteContext { aliases, ..site })));
    let before = lab.snapshot();

    let ending = lab.run(verify());

    let told = ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default();
    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{told}");
    assert!(told.contains("refuses the new file") && told.contains("vhost.d/a.test.conf"), "{told}");
    assert_eq!(lab.snapshot().find("/nginx/"), before.find("/nginx/"));
    assert!(!before.find("vhost.d/a.test.conf").is_empty());
}
