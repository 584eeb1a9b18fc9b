//! Code bases of platforms: small ones that are code enough to be told, and whole ones of `fixtures/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::proof::output_of;

/// A code base for a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Drupal 7, as few files as it can be told by.
    Seven,
    /// Drupal 10, likewise; a project whose docroot is `web`.
    Ten,
    /// A later release of [`Code::Seven`].
    LaterSeven,
    /// A later release of [`Code::Ten`].
    LaterTen,
    /// One that `fixtures/platforms/assemble` makes.
    Fixture(&'static str),
}

impl Code {
    /// Makes it in the folder `at`, and gives its docroot.
    pub fn make(self, at: &Path) -> PathBuf {
        match self {
            Code::Seven => {
                for (path, text) in SEVEN {
                    write(&at.join(path), text);
                }
                at.to_owned()
            }
            Code::Ten => {
                for (path, text) in TEN {
                    write(&at.join(path), text);
                }
                at.join("web")
            }
            Code::LaterSeven => {
                for (path, text) in SEVEN {
                    write(&at.join(path), &text.replace("7.98", "7.105"));
                }
                at.to_owned()
            }
            Code::LaterTen => {
                for (path, text) in TEN {
                    write(&at.join(path), &text.replace("10.3.6", "10.4.1"));
                }
                at.join("web")
            }
            Code::Fixture(name) => {
                let assemble = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/platforms/assemble");
                let made = output_of(Command::new(assemble).arg(name).arg(at)).expect("the fixtures can be assembled");
                assert!(made.status.success(), "the fixture {name} can be assembled");
                if at.join("web").is_dir() { at.join("web") } else { at.to_owned() }
            }
        }
    }
}

fn write(path: &Path, text: &str) {
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).expect("the lab's folder can be written");
}

const SEVEN: [(&str, &str); 12] = [
    ("index.php", "<?php\n// A front page.\n"),
    ("includes/bootstrap.inc", "<?php\ndefine('VERSION', '7.98');\ndefine('DRUPAL_MINIMUM_PHP', '5.3.3');\n"),
    ("includes/database/mysql/database.inc", "<?php\n"),
    ("includes/database/sqlite/database.inc", "<?php\n"),
    ("modules/system/system.info", "name = System\npackage = Core\nversion = 7.98\ncore = 7.x\n"),
    ("modules/system/system.module", "<?php\n"),
    ("themes/bartik/bartik.info", "name = Bartik\nversion = 7.98\ncore = 7.x\n"),
    ("profiles/standard/standard.info", "name = Standard\nversion = 7.98\ncore = 7.x\n"),
    ("profiles/standard/standard.profile", "<?php\n"),
    ("profiles/minimal/minimal.info", "name = Minimal\nversion = 7.98\ncore = 7.x\n"),
    ("profiles/minimal/minimal.profile", "<?php\n"),
    ("sites/all/modules/README.txt", "Modules for every site.\n"),
];

const TEN: [(&str, &str); 13] = [
    ("composer.json", "{}\n"),
    ("vendor/autoload.php", "<?php\n"),
    ("web/index.php", "<?php\n// A front page.\n"),
    ("web/autoload.php", "<?php\nreturn require __DIR__ . '/../vendor/autoload.php';\n"),
    (
        "web/core/lib/Drupal.php",
        "<?php\nclass Drupal {\n  const VERSION = '10.3.6';\n  const MINIMUM_PHP = '8.1.0';\n}\n",
    ),
    ("web/core/modules/mysql/src/Driver/Database/mysql/Connection.php", "<?php\n"),
    ("web/core/modules/sqlite/src/Driver/Database/sqlite/Connection.php", "<?php\n"),
    ("web/core/modules/system/system.info.yml", "name: System\ntype: module\npackage: Core\nversion: VERSION\n"),
    ("web/core/modules/system/system.module", "<?php\n"),
    ("web/core/themes/olivero/olivero.info.yml", "name: Olivero\ntype: theme\nversion: VERSION\nbase theme: false\n"),
    ("web/core/profiles/standard/standard.info.yml", "name: Standard\ntype: profile\nversion: VERSION\n"),
    ("web/core/profiles/minimal/minimal.info.yml", "name: Minimal\ntype: profile\nversion: VERSION\n"),
    ("web/sites/README.txt", "Sites live here.\n"),
];
