//! What belongs to sites that Ægir let go of: told by the settings that it left them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aegir_domain::Context;
use aegir_drupal::settings::LITERAL;

use crate::fake::literal_settings;

/// What stays where it is, though no record names it.
#[derive(Default)]
pub(crate) struct LetGo {
    /// Sites that the web server still answers for.
    pub(crate) sites: BTreeSet<String>,
    /// Databases with their accounts, by name. Those of sites that were taken in again are among them.
    pub(crate) databases: BTreeSet<String>,
}

impl LetGo {
    /// What lies in the platforms among `contexts`.
    pub(crate) fn of(contexts: &[Context]) -> LetGo {
        let mut found = LetGo::default();
        for context in contexts {
            if let Context::Platform(platform) = context {
                for site in fs::read_dir(platform.root.path().join("sites")).into_iter().flatten().flatten() {
                    found.look(&site.path());
                }
            }
        }
        found
    }

    fn look(&mut self, folder: &Path) {
        for file in ["settings.php", "ejected.settings.php", "imported.settings.php"] {
            let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
            if !text.contains(LITERAL) {
                continue;
            }
            let name = literal_settings(&text)["database"]["name"].as_str().unwrap_or_default().to_owned();
            // Of a file, its name without the folder and the ending.
            self.databases.extend(Path::new(&name).file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            if file == "settings.php" {
                self.sites.extend(folder.file_name().map(|site| site.to_string_lossy().into_owned()));
            }
        }
    }
}
