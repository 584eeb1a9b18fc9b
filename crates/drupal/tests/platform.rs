//! What is read of a platform, and what is said of one that is none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use aegir_domain::{PackageKind, Reach, Remedy};
use aegir_drupal::Family;
use aegir_drupal::platform::{self, PlatformFacts, PlatformFault, Severity};
use tempfile::TempDir;

#[test]
fn a_docroot_is_found_in_its_project() {
    for folder in ["", "web/", "docroot/", "html/"] {
        let tree = eight(folder);

        let facts = platform::read(tree.path()).unwrap();

        assert_eq!(facts.docroot, tree.path().join(folder.trim_end_matches('/')), "{folder}");
        assert_eq!((facts.family, facts.core.as_str(), facts.php_minimum.as_str()), (Family::Eight, "10.3.6", "8.1.0"));
    }
}

#[test]
fn drupal_7_is_told_by_its_bootstrap() {
    let facts = platform::read(seven().path()).unwrap();

    assert_eq!((facts.family, facts.core.as_str(), facts.php_minimum.as_str()), (Family::Seven, "7.105", "5.3.3"));
}

#[test]
fn the_oldest_php_of_drupal_9_stands_in_its_bootstrap() {
    let tree = eight("");
    write(&tree, "core/lib/Drupal.php", "<?php\nclass Drupal {\n  const VERSION = '9.0.0';\n}\n");
    write(&tree, "core/includes/bootstrap.inc", "<?php\nconst DRUPAL_MINIMUM_PHP = '7.3.0';\n");

    assert_eq!(platform::read(tree.path()).unwrap().php_minimum, "7.3.0");
}

#[test]
fn what_is_no_platform_is_refused_with_a_way_out() {
    let empty = TempDir::new().unwrap();
    let file = empty.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(refused(&file), PlatformFault::NotADirectory { .. }));
    assert!(matches!(refused(&empty.path().join("none")), PlatformFault::NotADirectory { .. }));
    assert!(matches!(refused(empty.path()), PlatformFault::NotDrupal { .. }));

    let six = TempDir::new().unwrap();
    write(&six, "includes/bootstrap.inc", "<?php\ndefine('CACHE_PERMANENT', 0);\n");
    write(&six, "modules/system/system.module", "<?php\ndefine('VERSION', '6.38');\n");
    assert!(refused(six.path()).to_string().contains("holds Drupal 6.38"));

    let backdrop = TempDir::new().unwrap();
    write(&backdrop, "core/includes/bootstrap.inc", "<?php\ndefine('BACKDROP_VERSION', '1.27.1');\n");
    assert!(refused(backdrop.path()).to_string().contains("holds Backdrop 1.27.1"));

    let old = eight("");
    write(&old, "core/lib/Drupal.php", "<?php\n  const VERSION = '8.7.14';\n");
    assert!(refused(old.path()).to_string().contains("holds Drupal 8.7.14"));

    let broken = eight("");
    write(&broken, "core/lib/Drupal.php", "<?php\n  const VERSION = 'what';\n");
    assert!(matches!(refused(broken.path()), PlatformFault::NoVersion { .. }));
}

#[test]
fn a_project_without_its_libraries_is_told_to_run_composer() {
    let tree = eight("web/");
    fs::remove_file(tree.path().join("vendor/autoload.php")).unwrap();
    let fault = refused(tree.path());
    assert!(
        matches!(&fault, PlatformFault::VendorMissing { missing, .. } if missing == "../vendor/autoload.php"),
        "{fault}"
    );
    assert!(fault.remedy().unwrap().contains("composer install"));

    fs::remove_file(tree.path().join("web/autoload.php")).unwrap();
    assert!(matches!(refused(tree.path()), PlatformFault::VendorMissing { .. }));
}

#[test]
fn a_core_that_lies_elsewhere_is_refused() {
    let elsewhere = eight("");
    let tree = TempDir::new().unwrap();
    symlink(elsewhere.path(), tree.path().join("web")).unwrap();

    assert!(matches!(refused(tree.path()), PlatformFault::LeadsOut { .. }));
}

#[test]
fn what_cannot_be_read_is_named_with_the_command_that_helps() {
    let tree = eight("web/");
    let core = tree.path().join("web/core");
    fs::set_permissions(&core, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read_dir(&core).is_ok();
    let read = platform::read(tree.path());
    fs::set_permissions(&core, fs::Permissions::from_mode(0o755)).unwrap();
    if readable {
        return println!("skipped: root reads everything");
    }

    let fault = read.unwrap_err();

    assert!(matches!(&fault, PlatformFault::Unreadable { path, .. } if *path == core), "{fault}");
    assert!(fault.remedy().unwrap().contains(&format!("chmod -R u+rX,g+rX '{}'", core.display())));
}

#[test]
fn a_distribution_is_the_default_profile() {
    let tree = eight("");
    assert_eq!(default_of(&tree), "standard");

    write(
        &tree,
        "profiles/shop/shop.info.yml",
        "name: Shop\ntype: profile\ncore_version_requirement: ^10\ndistribution:\n  name: My Shop\n",
    );
    assert_eq!(default_of(&tree), "shop");
    let facts = platform::read(tree.path()).unwrap();
    assert_eq!(facts.profile("shop").unwrap().distribution.as_deref(), Some("My Shop"));
    assert!(!facts.profile("shop").unwrap().of_core && facts.profile("minimal").unwrap().of_core);

    write(
        &tree,
        "profiles/shop/shop.info.yml",
        "name: Shop\ntype: profile\nhidden: true\ncore_version_requirement: ^10\ndistribution:\n  name: My Shop\n",
    );
    assert_eq!(default_of(&tree), "standard");
}

#[test]
fn a_distribution_of_drupal_7_is_the_default_profile() {
    let tree = seven();
    assert_eq!(default_of(&tree), "standard");

    write(&tree, "profiles/shop/shop.info", "name = Shop\ncore = 7.x\nexclusive = TRUE\n");
    write(&tree, "profiles/shop/shop.profile", "<?php\n");
    assert_eq!(default_of(&tree), "shop");
}

#[test]
fn of_two_packages_with_a_name_the_site_loads_the_nearest() {
    let tree = eight("");
    let module =
        |version: &str| format!("name: Thing\ntype: module\nversion: {version}\ncore_version_requirement: ^10\n");
    write(&tree, "profiles/contrib/zeta/zeta.info.yml", "name: Zeta\ntype: profile\ncore_version_requirement: ^10\n");
    write(&tree, "profiles/contrib/zeta/modules/thing/thing.info.yml", &module("1.0"));
    write(&tree, "sites/all/modules/thing/thing.info.yml", &module("1.1"));
    write(&tree, "modules/contrib/thing/thing.info.yml", &module("1.10"));
    write(&tree, "sites/a.test/modules/thing/thing.info.yml", &module("2.0"));
    write(&tree, "sites/a.test/settings.php", "<?php\n");
    write(&tree, "modules/contrib/thing/tests/modules/thing_test/thing_test.info.yml", &module("1.10"));
    let facts = platform::read(tree.path()).unwrap();

    let version = |profile, site| facts.loaded(profile, site)[&(PackageKind::Module, "thing")].version.clone().unwrap();

    assert_eq!(version("standard", "a.test"), "2.0");
    assert_eq!(version("standard", "b.test"), "1.10");
    let of_zeta = facts.packages.iter().find(|package| package.path.contains("zeta/modules")).unwrap();
    assert_eq!(of_zeta.reach, Reach::Profile("zeta".into()));
    assert!(facts.packages.iter().all(|package| package.name != "thing_test"));
}

#[test]
fn a_package_says_its_version_and_its_latest_schema() {
    let facts = platform::read(seven().path()).unwrap();

    let node = facts.loaded("standard", "a.test")[&(PackageKind::Module, "node")];

    assert_eq!((node.version.as_deref(), node.schema), (Some("7.105"), Some(7015)));
    assert_eq!(
        facts.loaded("standard", "a.test")[&(PackageKind::ThemeEngine, "phptemplate")].path,
        "themes/engines/phptemplate"
    );
}

#[test]
fn a_broken_package_is_a_finding_and_the_rest_is_read() {
    let tree = eight("");
    write(&tree, "modules/bad/bad.info.yml", "name: Bad\n<<<<<<< HEAD\ntype: module\n=======\n");
    write(&tree, "modules/untyped/untyped.info.yml", "name: Untyped\n");
    write(&tree, "modules/unbound/unbound.info.yml", "name: Unbound\ntype: module\n");
    symlink("/etc", tree.path().join("modules/out")).unwrap();
    symlink("..", tree.path().join("modules/circle")).unwrap();
    let facts = platform::read(tree.path()).unwrap();

    let warned: Vec<&str> = facts.findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(
        warned,
        [
            "modules/out",
            "modules/bad/bad.info.yml",
            "modules/circle",
            "modules/unbound/unbound.info.yml",
            "modules/untyped/untyped.info.yml"
        ]
    );
    // Drupal finds these by their `type`, and then no site of the platform has modules any more.
    let fatal: Vec<&str> = facts.errors().map(|finding| finding.path.as_str()).collect();
    assert_eq!(fatal, ["modules/bad/bad.info.yml", "modules/unbound/unbound.info.yml"]);
    assert!(facts.profile("standard").is_some());
}

#[test]
fn a_broken_profile_or_core_is_an_error_of_the_platform() {
    let tree = eight("");
    write(&tree, "profiles/shop/shop.info.yml", "name: [\n");
    write(&tree, "core/modules/node/node.info.yml", "type: module\n");
    let facts = platform::read(tree.path()).unwrap();

    let broken: Vec<(&str, Severity)> =
        facts.errors().map(|finding| (finding.path.as_str(), finding.severity)).collect();

    assert_eq!(
        broken,
        [("core/modules/node/node.info.yml", Severity::Error), ("profiles/shop/shop.info.yml", Severity::Error)]
    );
}

#[test]
fn sites_are_listed_with_their_links() {
    let tree = seven();
    write(&tree, "sites/a.test/settings.php", "<?php\n");
    fs::create_dir_all(tree.path().join("sites/b.test")).unwrap();
    symlink("a.test", tree.path().join("sites/alias.test")).unwrap();
    symlink("/nowhere", tree.path().join("sites/lost.test")).unwrap();

    let facts = platform::read(tree.path()).unwrap();

    let sites: Vec<(&str, bool, bool)> =
        facts.sites.iter().map(|site| (site.name.as_str(), site.has_settings, site.link.is_some())).collect();
    assert_eq!(
        sites,
        [
            ("a.test", true, false),
            ("alias.test", true, true),
            ("b.test", false, false),
            ("default", false, false),
            ("lost.test", false, true)
        ]
    );
}

fn refused(path: &Path) -> PlatformFault {
    let fault = platform::read(path).expect_err("it is no platform");
    assert!(fault.remedy().is_some(), "{fault}");
    fault
}

fn default_of(tree: &TempDir) -> String {
    let facts: PlatformFacts = platform::read(tree.path()).unwrap();
    facts.default_profile().unwrap().name.to_string()
}

fn write(tree: &TempDir, path: &str, text: &str) {
    let file = tree.path().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn eight(docroot: &str) -> TempDir {
    let tree = TempDir::new().unwrap();
    let put = |path: &str, text: &str| write(&tree, &format!("{docroot}{path}"), text);
    put(
        "core/lib/Drupal.php",
        "<?php\nclass Drupal {\n  const VERSION = '10.3.6';\n  const MINIMUM_PHP = '8.1.0';\n}\n",
    );
    for (profile, hidden) in [("standard", "false"), ("minimal", "false"), ("testing", "true")] {
        put(
            &format!("core/profiles/{profile}/{profile}.info.yml"),
            &format!("name: {profile}\ntype: profile\nversion: VERSION\nhidden: {hidden}\n"),
        );
    }
    put("core/modules/node/node.info.yml", "name: Node\ntype: module\nversion: VERSION\n");
    fs::create_dir_all(tree.path().join(format!("{docroot}sites/default"))).unwrap();
    let (vendor, required) = if docroot.is_empty() { ("vendor", "/vendor") } else { ("vendor", "/../vendor") };
    put("autoload.php", &format!("<?php\nreturn require __DIR__ . '{required}/autoload.php';\n"));
    write(&tree, &format!("{vendor}/autoload.php"), "<?php\n");
    tree
}

fn seven() -> TempDir {
    let tree = TempDir::new().unwrap();
    write(
        &tree,
        "includes/bootstrap.inc",
        "<?php\ndefine('VERSION', '7.105');\ndefine('DRUPAL_MINIMUM_PHP', '5.3.3');\n",
    );
    for profile in ["standard", "minimal"] {
        write(
            &tree,
            &format!("profiles/{profile}/{profile}.info"),
            &format!("name = {profile}\ncore = 7.x\nversion = VERSION\n"),
        );
        write(&tree, &format!("profiles/{profile}/{profile}.profile"), "<?php\n");
    }
    write(&tree, "modules/node/node.info", "name = Node\nversion = VERSION\ncore = 7.x\n");
    write(&tree, "modules/node/node.module", "<?php\n");
    write(
        &tree,
        "modules/node/node.install",
        "<?php\nfunction node_update_7014() {}\nfunction node_update_7015() {}\n",
    );
    write(&tree, "themes/engines/phptemplate/phptemplate.engine", "<?php\n");
    fs::create_dir_all(tree.path().join("sites/default")).unwrap();
    tree
}
