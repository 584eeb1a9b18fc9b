//! What tasks answer for a front end to remember, and the context that the last line carries.

use std::fs;

use aegir_domain::{Context, PackageKind, PlatformAnswer, Reach, ServerAnswer, SiteAnswer, Task, protocol::Ending};
use aegir_lab::{Code, Lab};
use serde::de::DeserializeOwned;

fn answer<T: DeserializeOwned>(ending: &Ending) -> T {
    serde_json::from_value(ending.answer.clone().into()).unwrap()
}

#[test]
fn a_verified_server_tells_the_versions_of_its_services() {
    let lab = Lab::new();
    lab.server("localhost");

    let ending = lab.must(Task::VerifyServer { server: "localhost".parse().unwrap(), context: None });

    let told: ServerAnswer = answer(&ending);
    assert!(told.web.unwrap().starts_with("nginx/"));
    assert!(told.database.unwrap().starts_with("MariaDB "));
    assert!(!told.aegir.is_empty() && told.room > 0 && told.changes.is_empty());
    assert!(matches!(ending.context, Some(Context::Server(_))));
}

#[test]
fn a_verified_platform_tells_its_packages_and_the_sites_that_nothing_is_saved_of() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("ten", Code::Ten);
    lab.install("known.test", "ten");
    let sites = lab.home().platforms().join("ten/web/sites");
    for site in ["old.test", "plain.test"] {
        fs::create_dir_all(sites.join(site)).unwrap();
        fs::write(sites.join(site).join("settings.php"), "<?php").unwrap();
    }
    fs::write(sites.join("old.test/drushrc.php"), "<?php").unwrap();
    fs::create_dir_all(sites.join("old.test/modules/own")).unwrap();
    let info = "name: Own\ntype: module\ncore_version_requirement: ^10\nversion: 1.2\nhidden: true\n";
    fs::write(sites.join("old.test/modules/own/own.info.yml"), info).unwrap();

    let ending = lab.must(Task::VerifyPlatform { platform: "ten".parse().unwrap(), context: None });

    let told: PlatformAnswer = answer(&ending);
    let found: Vec<_> =
        told.found_sites.iter().map(|site| (site.folder.as_str(), site.of_old_aegir, site.packages)).collect();
    assert_eq!(found, [("old.test", true, 1), ("plain.test", false, 0)]);
    let profile = told.packages.iter().find(|package| package.kind == PackageKind::Profile).unwrap();
    assert_eq!((&profile.reach, profile.version.as_ref()), (&Reach::Core, Some(&told.core)));
    let own = told.packages.iter().find(|package| package.name == "own").unwrap();
    assert_eq!(own.reach, Reach::Site("old.test".into()));
    assert_eq!((own.version.as_deref(), own.hidden), (Some("1.2"), true));
    let Some(Context::Platform(saved)) = ending.context else { panic!("{:?}", ending.context) };
    assert_eq!(saved.facts.unwrap().core, told.core);
}

#[test]
fn a_site_tells_its_packages_with_their_places_and_its_context_until_it_is_deleted() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("ten", Code::Ten);
    let made = lab.must(Task::InstallSite(Box::new(lab.new_site("a.test", "ten"))));
    assert!(matches!(&made.context, Some(Context::Site(site)) if site.name.as_str() == "a.test"));
    let first: SiteAnswer = answer(&made);

    let ending = lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });

    assert_eq!(ending.context, made.context);
    let told: SiteAnswer = answer(&ending);
    assert_eq!((&first.core, &first.packages), (&told.core, &told.packages), "an install tells it too");
    let packages = told.packages.unwrap();
    let placed: Vec<_> = packages.iter().filter(|package| package.path.is_some()).collect();
    assert!(!placed.is_empty() && placed.iter().all(|package| package.version.is_some() && package.reach.is_some()));
    let deleted = lab.delete("a.test");
    assert_eq!(deleted.context, None);
}

#[test]
fn a_verified_platform_tells_which_databases_its_php_and_its_core_both_speak_and_which_languages_lie_beside_it() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("ten", Code::Ten);
    lab.platform("seven", Code::Seven);
    let web = lab.home().platforms().join("ten/web");
    let told = |name: &str| -> PlatformAnswer {
        answer(&lab.must(Task::VerifyPlatform { platform: name.parse().unwrap(), context: None }))
    };
    let engines = |told: PlatformAnswer| told.engines.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(engines(told("ten")), ["mariadb", "sqlite"]);

    fs::remove_dir_all(web.join("core/modules/sqlite")).unwrap();
    for (folder, file) in [
        ("core/profiles/minimal/translations", "drupal-10.3.6.nl.po"),
        ("sites/all/translations", "fr.po"),
        ("sites/all/translations", "views-8.x.de.po"),
    ] {
        fs::create_dir_all(web.join(folder)).unwrap();
        fs::write(web.join(folder).join(file), "").unwrap();
    }
    let seven = lab.home().platforms().join("seven/profiles/minimal/translations");
    fs::create_dir_all(&seven).unwrap();
    fs::write(seven.join("drupal-7.98.de.po"), "").unwrap();

    let languages = |told: &PlatformAnswer| {
        told.languages.iter().map(|found| format!("{} {}", found.profile, found.language)).collect::<Vec<_>>()
    };
    let (ten, seven) = (told("ten"), told("seven"));
    assert_eq!(languages(&ten), ["minimal fr", "minimal nl", "standard fr"]);
    assert_eq!(languages(&seven), ["minimal de"]);
    assert_eq!(engines(ten), ["mariadb"]);
    assert_eq!(engines(seven), ["mariadb", "sqlite"]);
}

#[test]
fn a_site_in_default_is_found_where_one_was_installed() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("ten", Code::Ten);
    lab.install("known.test", "ten");
    let default = lab.home().platforms().join("ten/web/sites/default");
    fs::create_dir_all(&default).unwrap();
    let found = || -> Vec<String> {
        let ending = lab.must(Task::VerifyPlatform { platform: "ten".parse().unwrap(), context: None });
        let told: PlatformAnswer = answer(&ending);
        told.found_sites.into_iter().map(|site| site.folder).collect()
    };
    let ships = "<?php\n$databases = [];\n$settings['hash_salt'] = '';\n";
    fs::write(default.join("default.settings.php"), ships).unwrap();
    assert_eq!(found(), [""; 0], "every code has such a folder");
    fs::write(default.join("settings.php"), ships).unwrap();
    assert_eq!(found(), [""; 0], "nobody installed anything");

    let leads = format!("{ships}$databases['default']['default'] = ['driver' => 'mysql', 'database' => 'theirs'];\n");
    fs::write(default.join("settings.php"), leads).unwrap();

    assert_eq!(found(), ["default"]);
}
