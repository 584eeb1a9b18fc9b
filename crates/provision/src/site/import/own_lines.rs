//! What is a site's own in the settings that somebody else wrote, and its salt: both go on.
//!
//! Their file is kept as it is and read from `local.settings.php`, which puts back what Ægir answers for: the database,
//! the salt, the names, the folders of files. To take their lines out of it one by one would need to know what each of
//! them means; conditions, loops and included files are as usual there as plain values.

use std::path::Path;

use aegir_domain::{Fault, Password, SiteName};
use aegir_drupal::Family;
use aegir_drupal::driver::FoundSettings;
use aegir_drupal::settings::LITERAL;
use aegir_recipe::{Action, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::site::layout::{FileNow, LOCAL_SETTINGS, LOCAL_SETTINGS_MODE};
use crate::step::file::{Want, converge};

/// What a site's own `settings.php` is called once ours is in its place.
pub(super) const IMPORTED: &str = "imported.settings.php";
/// The same of a file that holds nothing but what Ægir wrote when it let go of the site, where theirs goes on already.
const EJECTED: &str = "ejected.settings.php";
/// The file that reads it.
pub(super) const LOCAL: &str = "local.settings.php";

const EIGHT: &str = r"
// What this site's own settings.php said when it was taken in, kept beside this
// file as imported.settings.php. What Ægir answers for stays as Ægir says. Move
// its lines to this file, and remove both it and this, whenever you like.
if (empty($aegir_imports) && is_readable(__DIR__ . '/imported.settings.php')) {
  $aegir_imports = array(
    'database' => $databases['default'],
    'settings' => array_intersect_key($settings, array_flip(array(
      KEYS,
    ))),
  );
  include __DIR__ . '/imported.settings.php';
MOVED  $databases['default'] = $aegir_imports['database'];
  $settings = $aegir_imports['settings'] + $settings;
  unset($aegir_imports);
}
";

const SEVEN: &str = r"
// What this site's own settings.php said when it was taken in, kept beside this
// file as imported.settings.php. What Ægir answers for stays as Ægir says. Move
// its lines to this file, and remove both it and this, whenever you like.
if (empty($aegir_imports) && is_readable(__DIR__ . '/imported.settings.php')) {
  $aegir_imports = array(
    'database' => $databases['default'],
    'salt' => $drupal_hash_salt,
    'base_url' => isset($base_url) ? $base_url : NULL,
    'conf' => array_intersect_key($conf, array_flip(array(
      KEYS,
    ))),
  );
  include __DIR__ . '/imported.settings.php';
MOVED  $databases['default'] = $aegir_imports['database'];
  $drupal_hash_salt = $aegir_imports['salt'];
  $base_url = $aegir_imports['base_url'];
  $db_prefix = '';
  $update_free_access = FALSE;
  $conf = $aegir_imports['conf'] + $conf;
  unset($aegir_imports);
}
";

/// For a site that lay in another folder when they were written: values that say so lead to where that lies now.
const MOVED: &str = r#"  // What they say of the folder that they lay in leads to where that lies now.
  foreach (array('conf', 'settings', 'config', 'config_directories', 'databases') as $aegir_imported) {
    if (isset($$aegir_imported) && is_array($$aegir_imported)) {
      array_walk_recursive($$aegir_imported, function (&$aegir_value) {
        if (is_string($aegir_value)) {
          $aegir_root = preg_quote(dirname(dirname(__DIR__)) . '/', '~');
          $aegir_value = preg_replace("~(?<![\\w./-])((?:https?:)?//[^/\\s]+/|$aegir_root|/|\\./)?sites/default(?![\\w.-])~", '${1}sites/NAME', $aegir_value);
        }
      });
    }
  }
  unset($aegir_imported);
"#;

const KEYS_OF_EIGHT: [&str; 9] = [
    "hash_salt",
    "file_public_path",
    "file_temp_path",
    "file_chmod_directory",
    "file_chmod_file",
    "trusted_host_patterns",
    "update_free_access",
    "allow_authorize_operations",
    "rebuild_access",
];

const KEYS_OF_SEVEN: [&str; 6] = [
    "file_public_path",
    "file_temporary_path",
    "file_chmod_directory",
    "file_chmod_file",
    "trusted_host_patterns",
    "allow_authorize_operations",
];

/// What a site's own `settings.php` is to be called: of one that was taken in before, and let go of, there is another.
pub(super) fn name_of_theirs(world: &World, folder: &Path) -> Result<&'static str, Fault> {
    let is_there = world.files().kind(&folder.join(IMPORTED))?.is_some();
    let text = world.files().read(&folder.join("settings.php"))?;
    Ok(if is_there && was_let_go(text.as_deref()) { EJECTED } else { IMPORTED })
}

/// Whether Ægir wrote these settings when it let go of a site. They may be in any encoding, as old ones of others are.
pub(super) fn was_let_go(settings: Option<&[u8]>) -> bool {
    settings.is_some_and(|bytes| String::from_utf8_lossy(bytes).contains(LITERAL))
}

/// Has `local.settings.php` read the file that the site's settings are about to be kept in, behind what it has itself. Those of
/// a site that moved to the folder of its name say where it lay.
pub(super) fn write(
    run: &mut Run<'_, World>,
    folder: &Path,
    family: Family,
    found: &FoundSettings,
    moved_to: Option<&SiteName>,
) -> Result<(), Fault> {
    let path = folder.join(LOCAL);
    let current = run.check(FileNow { path: path.clone() })?;
    let before = match &current.bytes {
        Some(bytes) => {
            String::from_utf8(bytes.clone()).map_err(|_| super::there::ImportFault::OddText { path: path.clone() })?
        }
        None => LOCAL_SETTINGS.to_owned(),
    };
    let text = with_theirs(&before, family, found.private_files.is_empty(), moved_to);
    let group = Some(run.world().parts.web_gid);
    converge(run, &current, Want { path: &path, text: &text, mode: LOCAL_SETTINGS_MODE, group, keep_as: LOCAL })?;
    Ok(())
}

/// The text of a `local.settings.php` with what reads theirs. Where they say no folder of private files, ours is it.
fn with_theirs(before: &str, family: Family, our_private_files: bool, moved_to: Option<&SiteName>) -> String {
    let (text, keys): (_, &[&str]) = match family {
        Family::Seven => (SEVEN, &KEYS_OF_SEVEN),
        Family::Eight => (EIGHT, &KEYS_OF_EIGHT),
    };
    let private = our_private_files.then_some("file_private_path");
    let keys: Vec<String> = keys.iter().copied().chain(private).map(|key| format!("'{key}'")).collect();
    let moved = moved_to.map(|site| MOVED.replace("NAME", site.as_str())).unwrap_or_default();
    let text = text.replace("KEYS", &keys.join(",\n      ")).replace("MOVED", &moved);
    // Behind a closing tag text is no code.
    let opens = before.rfind("<?php") < before.rfind("?>");
    format!("{}{}{text}", before.trim_end_matches('\n'), if opens { "\n<?php\n" } else { "\n" })
}

/// Keeps the salt that a site has with the task, as its secret `hash-salt`: sessions and one-time links depend on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeepTheirSalt {
    /// In no journal; to take the line back it is not needed.
    #[serde(skip)]
    pub(crate) salt: Option<Password>,
}

impl Action<World> for KeepTheirSalt {
    type Output = ();
    const NAME: &'static str = "keep-their-salt";
    const LASTS: bool = false;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        if let Some(salt) = &self.salt {
            world.files().write(&world.task.secret_path("hash-salt"), salt.expose().as_bytes(), 0o600)?;
        }
        Ok(())
    }
}

impl Undo<World> for KeepTheirSalt {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&world.task.secret_path("hash-salt"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_already_stays_before_what_reads_theirs() {
        let text = with_theirs("<?php\n$conf['x'] = 1;\n", Family::Seven, true, None);

        assert!(text.starts_with("<?php\n$conf['x'] = 1;\n\n// What this site's own"), "{text}");
        assert!(text.contains("      'file_private_path',\n    ))),\n"), "{text}");
    }

    #[test]
    fn behind_a_closing_tag_code_begins_anew() {
        let text = with_theirs("<?php $a = 1; ?>\n", Family::Eight, false, None);

        assert!(text.starts_with("<?php $a = 1; ?>\n<?php\n\n// What"), "{text}");
        assert!(!text.contains("file_private_path"), "{text}");
    }

    #[test]
    fn settings_of_a_site_that_moved_lead_to_where_it_lies() {
        for family in [Family::Seven, Family::Eight] {
            let text = with_theirs("<?php\n", family, false, Some(&"www.a.test".parse().unwrap()));
            let (read, moved, back) =
                (text.find("include"), text.find("sites/www.a.test'"), text.find("$databases['default'] = $aegir"));

            assert!(read < moved && moved < back && !text.contains("MOVED"), "{text}");
            assert!(!with_theirs("<?php\n", family, false, None).contains("MOVED"));
        }
    }

    #[test]
    fn a_salt_is_in_no_journal() {
        let line = KeepTheirSalt { salt: Some(Password::new("a-salt")) };
        assert_eq!(serde_json::to_string(&line).unwrap(), "{}");
    }
}
