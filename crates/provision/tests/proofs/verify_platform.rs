//! Verify platform: what Ægir keeps in a code base is there, or the code base is as it was.

use std::fs;

use aegir_domain::Task;
use aegir_lab::Code;
use aegir_lab::proof::{Extent, Scene};

use crate::lines;

fn verify() -> Task {
    Task::VerifyPlatform { platform: "ten".parse().unwrap() }
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
        let drupal = root.join("core/lib/Drupal.php");
        let text = fs::read_to_string(&drupal).unwrap().replace("10.3.6", "10.3.7");
        fs::write(&drupal, text).unwrap();
        verify()
    });
    scene.prove(Extent::OneOf(2));
}
