//! Import out of `sites/default`: a site that somebody made by hand is in service under a name, or lies as it was.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use aegir_domain::{ImportSite, PlatformName, Secrets, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{ByHand, Lab, THEIR_SALT};
use aegir_provision::{MeantSite, find_site_to_import, look_at_import, proposed_name};
use serde_json::json;

use crate::import_copy::php;
use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn asked(platform: &str) -> ImportSite {
    ImportSite {
        site: "www.a.test".parse().unwrap(),
        from_default: true,
        platform: platform.parse().unwrap(),
        db_server: None,
        aliases: Vec::new(),
        client: "admin".parse().unwrap(),
        copy_of: None,
    }
}

fn import(platform: &str) -> Task {
    Task::ImportSite(Box::new(asked(platform)))
}

/// The folder `sites/default` of a platform.
fn folder(lab: &Lab, platform: &str) -> PathBuf {
    lab.contexts().platform(&platform.parse().unwrap()).unwrap().root.path().join("sites/default")
}

/// What code ships, and what somebody made of it.
fn made_by_hand(lab: &Lab, platform: &str, how: &ByHand) -> Task {
    two_platforms(lab);
    lab.install("other.test", platform);
    let folder = folder(lab, platform);
    fs::create_dir_all(&folder).unwrap();
    for name in ["default.settings.php", "default.services.yml"] {
        fs::write(folder.join(name), "An example of the code's.\n").unwrap();
    }
    fs::write(folder.join("services.yml"), "Of the site.\n").unwrap();
    symlink("../../common", folder.join("libraries-of-all")).unwrap();
    lab.made_by_hand("default", platform, how);
    import(platform)
}

#[test]
fn a_site_leaves_default_or_lies_as_it_was() {
    let scene = Scene::new("import-site, out of default", |lab| made_by_hand(lab, "seven", &ByHand::default()));
    let (_, after) = scene.worlds();
    for there in ["default/default.settings.php", "default/default.services.yml", "www.a.test/services.yml"] {
        assert!(!after.find(&format!("seven/sites/{there}")).is_empty(), "{there}");
    }
    for gone in ["default/settings.php", "default/files", "default/services.yml", "www.a.test/default."] {
        assert!(after.find(&format!("seven/sites/{gone}")).is_empty(), "{gone}");
    }
    assert!(after.find("sites/www.a.test/.aegir-").is_empty(), "the mark goes with the attempt");
    scene.lines_are(&lines("import-default"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_10_with_prefixed_tables_leaves_default_or_lies_as_it_was() {
    let scene = Scene::new("import-site, out of default, Drupal 10 with a prefix and names in sites.php", |lab| {
        let how = ByHand { prefix: "old_", with_local_settings: true, ..ByHand::default() };
        let task = made_by_hand(lab, "ten", &how);
        let sites = folder(lab, "ten").with_file_name("local.sites.php");
        fs::write(sites, "<?php\n$sites['www.a.test'] = 'default';\n$sites['old.a.test'] = 'default';\n").unwrap();
        task
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("sites/www.a.test/imported.settings.php").is_empty());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_whose_data_is_a_file_leaves_default_or_lies_as_it_was() {
    let scene = Scene::new("import-site, out of default, in SQLite", |lab| {
        lab.file_server("files");
        made_by_hand(lab, "ten", &ByHand { in_a_file: true, ..ByHand::default() })
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_leaves_default_beside_others_that_live_on() {
    let scene =
        Scene::new("import-site, out of default, beside others", |lab| made_by_hand(lab, "seven", &ByHand::default()));
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn what_it_says_of_its_folder_is_put_right_and_its_own_database_stays() {
    for (platform, ask) in [
        ("seven", "SELECT value FROM variable WHERE name = 'logo_path'"),
        ("ten", "SELECT data FROM config WHERE name = 'olivero.settings'"),
    ] {
        let lab = Lab::new();
        let how = ByHand { prefix: "old_", with_local_settings: true, ..ByHand::default() };
        let mut task = made_by_hand(&lab, platform, &how);
        let default = folder(&lab, platform);
        let theirs = fs::read(default.join("settings.php")).unwrap();
        let tables = lab.their_tables("Theirs-default");
        let sites = default.with_file_name("local.sites.php");
        let lines =
            "<?php\n$sites['www.a.test'] = 'default';\n$sites['a.test'] = 'default';\n$sites['b.test'] = 'default';\n";
        fs::write(&sites, lines).unwrap();
        if let Task::ImportSite(import) = &mut task {
            import.aliases = vec!["a.test".parse().unwrap()];
        }

        let Task::ImportSite(import) = &task else { panic!("{task:?}") };
        let told = look_at_import(&lab.parts, import, &Secrets::default(), php).unwrap();
        let told = [told.told, told.changes].concat().join("\n");
        for tells in
            ["--alias b.test", "no other folder answers to", "but for default.services.yml, default.settings.php"]
        {
            assert!(told.contains(tells), "{tells}: {told}");
        }
        assert!(!told.contains("--alias a.test"), "{told}");

        let ending = format!("{:?}", lab.must(task));

        assert!(
            ending.contains("Theirs-default"),
            "the operator is told which database is not used any more: {ending}"
        );

        let rows = lab.rows_of("www.a.test", ask).join("\n");
        assert!(rows.contains("s:31:\"sites/www.a.test/files/logo.png\""), "{rows}");
        let own = default.with_file_name("www.a.test");
        assert_eq!(fs::read(own.join("imported.settings.php")).unwrap(), theirs);
        let local = fs::read_to_string(own.join("local.settings.php")).unwrap();
        assert!(local.contains("'${1}sites/www.a.test'") && !local.contains("MOVED"), "{local}");
        assert_eq!(lab.credentials("www.a.test").1, THEIR_SALT);
        assert_eq!(fs::read_to_string(own.join("files/a.txt")).unwrap(), "An upload of theirs.\n");
        assert_eq!(lab.their_tables("Theirs-default"), tables, "theirs stays");
        let led = lines.replace("['www.a.test'] = 'default'", "['www.a.test'] = 'www.a.test'");
        assert_eq!(
            fs::read_to_string(&sites).unwrap(),
            led.replace("['a.test'] = 'default'", "['a.test'] = 'www.a.test'")
        );
        lab.must(Task::VerifySite { site: "www.a.test".parse().unwrap(), context: None });
    }
}

#[test]
fn what_cannot_leave_default_is_refused_and_lies_as_it_was() {
    let refused = |how: ByHand, more: &dyn Fn(&Lab), why: &str| {
        let lab = Lab::new();
        let task = made_by_hand(&lab, "seven", &how);
        more(&lab);
        let before = lab.snapshot();
        let said = lab.refuses(task);
        assert!(said.contains(why), "{said}");
        assert_eq!(lab.snapshot().differences(&before), [""; 0]);
    };
    let says = |key, value| ByHand { says: vec![(key, value)], ..ByHand::default() };
    let nothing = &|_: &Lab| ();
    let default = |lab: &Lab| folder(lab, "seven");

    refused(says("public_files", json!("sites/www.a.test/files")), nothing, "keeps files in");
    refused(
        ByHand::default(),
        &|lab| fs::create_dir(default(lab).with_file_name("www.a.test")).unwrap(),
        "is in the way",
    );
    let links_back = |lab: &Lab| symlink("../../default/files/a.txt", default(lab).join("files/b.txt")).unwrap();
    refused(ByHand::default(), &links_back, "call the folder of the site by its name");
    let reads = |lab: &Lab| {
        fs::write(default(lab).join("settings.local.php"), "<?php\ninclude 'sites/default/x.php';\n").unwrap();
    };
    refused(ByHand::default(), &reads, "reads files by the name of the site's folder");
    refused(
        ByHand::default(),
        &|lab| fs::remove_file(default(lab).join("settings.php")).unwrap(),
        "no site was installed there",
    );
}

#[test]
fn a_site_in_default_is_asked_for_with_a_name() {
    let lab = Lab::new();
    made_by_hand(&lab, "seven", &ByHand::default());
    let path = folder(&lab, "seven");
    let name = |name: &str| Some(name.parse().unwrap());
    let finds =
        |meant: &str, name: Option<aegir_domain::SiteName>| find_site_to_import(&lab.parts, meant, None, name.as_ref());
    let says = |meant: &str| {
        let fault = finds(meant, None).unwrap_err().report();
        assert!(fault.message.contains("no name that visitors could type"), "{}", fault.message);
        fault.remedy.unwrap()
    };
    let command = format!("`aegir provision import {} --name", path.display());

    let meant = MeantSite {
        platform: "seven".parse::<PlatformName>().unwrap(),
        site: "www.a.test".parse().unwrap(),
        from_default: true,
    };
    assert_eq!(finds("default", name("www.a.test")).unwrap(), meant);
    assert_eq!(finds(path.to_str().unwrap(), name("www.a.test")).unwrap(), meant);
    assert!(says("default").contains(&format!("{command} NAME`")), "{}", says("default"));
    fs::write(path.with_file_name("local.sites.php"), "<?php\n$sites['b.test'] = 'default';\n").unwrap();
    let settings = fs::read_to_string(path.join("settings.php")).unwrap();
    fs::remove_file(path.join("settings.php")).unwrap();
    fs::write(
        path.join("settings.php"),
        format!("{settings}$base_url = 'http://www.b.test:8080/x';\n$settings['trusted_host_patterns'] = ['^c\\.b\\.test$', '^.+$'];\n"),
    )
    .unwrap();
    let remedy = says(path.to_str().unwrap());
    assert!(remedy.contains(&format!("{command} b.test`")), "{remedy}");
    assert!(remedy.contains("`--alias www.b.test` `--alias c.b.test`"), "{remedy}");
    let proposed = || proposed_name(&lab.parts, &meant.platform).unwrap();
    assert_eq!(proposed(), name("b.test"));
    lab.install("b.test", "ten");
    assert_eq!(proposed(), name("www.b.test"), "the other one is a site's, on whatever platform");
    let other = finds("other.test", name("www.a.test")).unwrap_err().report();
    assert!(other.remedy.unwrap().contains("aegir provision rename @other.test www.a.test"));
    assert!(finds("other.test", name("other.test")).is_ok());
}
