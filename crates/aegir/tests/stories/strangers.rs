//! Code that cannot run here is told by what it is; a core that nobody tried runs, with a warning.

use std::fs;

use crate::support::said::Said;
use crate::support::story::Site;
use crate::support::world::World;
use crate::support::{Lab, way};

/// Saves a folder with these files as a platform and verifies it: one of the two refuses.
fn refusal(lab: &Lab, name: &str, files: &[(&str, &str)]) -> Said {
    let place = lab.home().join("platforms").join(name);
    fs::create_dir_all(&place).unwrap();
    for (path, text) in files {
        fs::create_dir_all(place.join(path).parent().unwrap()).unwrap();
        fs::write(place.join(path), text).unwrap();
    }
    lab.give(&place);
    let (at, root) = (format!("@platform_{name}"), place.display().to_string());
    let before = World::of(lab);
    let saved = lab.provision(&["save", &at, "--root", &root, "--server", "localhost"]);
    if saved.code != 0 {
        World::of(lab).must_be(&before);
        return saved.ends(4);
    }
    let before = World::of(lab);
    let said = lab.provision(&["verify", &at]).ends(4);
    World::of(lab).must_be(&before);
    said
}

#[test]
fn what_is_no_drupal_that_runs_here_is_refused_by_its_name() {
    let lab = Lab::start(way());
    let six = [
        ("index.php", "<?php\n"),
        ("includes/bootstrap.inc", "<?php\ndefine('CACHE_PERMANENT', 0);\n"),
        ("modules/system/system.module", "<?php\ndefine('VERSION', '6.38');\n"),
    ];
    let backdrop =
        [("index.php", "<?php\n"), ("core/includes/bootstrap.inc", "<?php\ndefine('BACKDROP_VERSION', '1.27.1');\n")];
    let wordpress = [("index.php", "<?php\n"), ("wp-includes/version.php", "<?php\n$wp_version = '6.4';\n")];

    refusal(&lab, "six", &six).says("holds Drupal 6.38, which Ægir does not host").remedy("needs a PHP of the past");
    refusal(&lab, "backdrop", &backdrop).says("holds Backdrop 1.27.1, which").remedy("there is no driver");
    refusal(&lab, "wordpress", &wordpress).says("holds no Drupal").remedy("Drupal's `index.php`");
    refusal(&lab, "nothing", &[]).says("holds no Drupal").remedy("Drupal's `index.php`");
}

#[test]
fn a_drupal_of_tomorrow_names_the_php_that_it_needs_and_an_untried_one_runs_with_a_warning() {
    let lab = Lab::start(way());
    let project = lab.assemble("ten-1.0");
    let root = project.display().to_string();
    let drupal = project.join("web/core/lib/Drupal.php");
    let text = fs::read_to_string(&drupal).unwrap();
    let minimum = text.split("MINIMUM_PHP = '").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let becomes = |version: &str, php: &str| {
        let text = text.replace("10.90.0", version);
        fs::write(&drupal, text.replace(&format!("MINIMUM_PHP = '{minimum}'"), &format!("MINIMUM_PHP = '{php}'")))
            .unwrap();
    };

    becomes("11.0.5", "99.3.0");
    lab.provision(&["save", "@platform_ten", "--root", &root, "--server", "localhost"]).done();
    lab.provision(&["verify", "@platform_ten"])
        .ends(4)
        .says("the platform needs 99.3.0")
        .remedy("--php /usr/bin/php8.x");

    becomes("10.9.0", &minimum);
    lab.provision(&["verify", "@platform_ten"]).done().says("warning: Drupal 10.9.0 was not tried");
    let site = Site::install(&lab, "a.localhost", "ten", "localhost", Some("minimal"));
    assert!(site.said.err.contains("warning: Drupal 10.9.0 was not tried") || site.said.out.contains("was not tried"));
    site.answers(&lab);
    site.is_as_it_should_be(&lab);
}
