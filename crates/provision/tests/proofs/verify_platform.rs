//! Verify platform: what Ægir keeps in a code base is there, or the code base is as it was.

use std::fs;

use aegir_domain::protocol::Said;
use aegir_domain::{HttpEngine, OutcomeKind, Report, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::lines;

fn verify() -> Task {
    Task::VerifyPlatform { platform: "ten".parse().unwrap(), context: None }
}

#[test]
fn a_platform_is_taken_into_service_or_left_as_it_was() {
    let scene = Scene::new("verify-platform", |lab| {
        lab.server("localhost");
        lab.save_platform("ten", Code::Ten);
        verify()
    });
    scene.lines_are(&lines("verify-platform"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_list_of_sites_that_others_made_is_moved_aside_or_stays() {
    let scene = Scene::new("verify-platform, with a foreign sites.php", |lab| {
        lab.server("localhost");
        lab.save_platform("ten", Code::Ten);
        let sites = lab.home().platforms().join("ten/web/sites");
        fs::write(sites.join("sites.php"), "<?php\n$sites['x.test'] = 'y.test';\n").unwrap();
        verify()
    });
    let (_, after) = scene.worlds();
    assert!(after.find("local.sites.php")[0].1.contains("y.test"));
    scene.prove(Extent::OneOf(2));
}

#[test]
fn a_platform_with_sites_whose_pool_drifted_is_put_right_or_left_as_it_was() {
    let scene = Scene::new("verify-platform, drifted", |lab| {
        lab.server("localhost");
        lab.platform("ten", Code::Ten);
        lab.install("a.test", "ten");
        let pools = lab.home().pools(&"localhost".parse().unwrap());
        let pool = fs::read_dir(pools).unwrap().next().unwrap().unwrap().path();
        let text = fs::read_to_string(&pool).unwrap().replace("256M", "1G");
        fs::write(&pool, text).unwrap();
        lab.restart_services();
        let root = lab.home().platforms().join("ten/web");
        fs::remove_dir_all(root.join("sites/.aegir-trash")).unwrap();
        fs::create_dir(root.join("newcomer")).unwrap();
        let drupal = root.join("core/lib/Drupal.php");
        let text = fs::read_to_string(&drupal).unwrap().replace("10.3.6", "10.3.7");
        fs::write(&drupal, text).unwrap();
        verify()
    });
    let (before, after) = scene.worlds();
    assert!(!before.find("platforms/ten.conf").iter().any(|(_, text)| text.contains("/web/newcomer/")));
    assert!(after.find("running nginx server_localhost/nginx/platforms/ten.conf")[0].1.contains("/web/newcomer/"));
    scene.prove(Extent::OneOf(2));
}

#[test]
fn a_site_is_not_made_before_the_web_server_knows_all_code_of_its_platform() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("ten", Code::Ten);
    lab.install("there.test", "ten");
    fs::create_dir(lab.home().platforms().join("ten/web/newcomer")).unwrap();
    let install = || Task::InstallSite(Box::new(lab.new_site("a.test", "ten")));

    let refused = lab.run(install());

    assert_eq!(refused.outcome.kind(), OutcomeKind::Refused);
    let told = Report(refused.fault().unwrap()).to_string();
    assert!(told.contains("aegir provision verify @platform_ten"), "{told}");
    let site = Task::VerifySite { site: "there.test".parse().unwrap(), context: None };
    let attempt = lab.ask(site.clone());
    assert_eq!(lab.work_on(attempt, &lab.worker()).outcome.kind(), OutcomeKind::Succeeded);
    let warned = |said: &Said| matches!(said, Said::Log { text, .. } if text.contains("verify @platform_ten"));
    assert!(lab.said(attempt).iter().any(warned));

    lab.must(verify());
    lab.must(install());

    let nginx = lab.home().http_config(&"localhost".parse().unwrap(), HttpEngine::Nginx);
    fs::remove_file(nginx.join("platforms/ten.conf")).unwrap();
    assert_eq!(lab.run(site.clone()).outcome.kind(), OutcomeKind::Refused);
    lab.must(verify());
    lab.must(site);
}
