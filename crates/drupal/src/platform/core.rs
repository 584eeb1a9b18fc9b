//! Finds Drupal's core beneath a path, and says what it is.

use super::PlatformFault;
use super::tree::Tree;
use crate::{CoreVersion, Family};

/// Where a project keeps its docroot; the first is the project itself.
const FOLDERS: [&str; 4] = ["", "web", "docroot", "html"];

/// The same for people.
pub(super) const FOLDERS_AS_TEXT: &str = "`web/`, `docroot/` or `html/`";

/// A core.
pub(super) struct Core {
    /// Relative to the tree.
    pub(super) docroot: String,
    pub(super) family: Family,
    pub(super) version: CoreVersion,
    pub(super) php_minimum: String,
}

/// The core in the first folder that holds one.
pub(super) fn find(tree: &Tree) -> Result<Core, PlatformFault> {
    for folder in FOLDERS {
        let at = |file: &str| if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
        if tree.is_file(&at("core/lib/Drupal.php"))? {
            return eight(&tree.within(folder)?, folder);
        }
        if tree.is_file(&at("core/includes/bootstrap.inc"))? || tree.is_file(&at("includes/bootstrap.inc"))? {
            return older(&tree.within(folder)?, folder);
        }
    }
    Err(PlatformFault::NotDrupal { path: tree.path().into() })
}

/// The databases that core has drivers for, of those that we drive.
pub(super) fn drivers(tree: &Tree) -> Result<Vec<&'static str>, PlatformFault> {
    let mut drivers = Vec::new();
    for name in ["mysql", "sqlite"] {
        let places = [
            // Drupal 7; 8 and 9; from 9.4 on they are modules.
            format!("includes/database/{name}/database.inc"),
            format!("core/lib/Drupal/Core/Database/Driver/{name}/Connection.php"),
            format!("core/modules/{name}/src/Driver/Database/{name}/Connection.php"),
        ];
        for place in &places {
            if tree.is_file(place)? && !drivers.contains(&name) {
                drivers.push(name);
            }
        }
    }
    Ok(drivers)
}

fn eight(tree: &Tree, docroot: &str) -> Result<Core, PlatformFault> {
    const FILE: &str = "core/lib/Drupal.php";
    let text = tree.read(FILE)?.unwrap_or_default();
    let version = version(tree, FILE, constant(&text, "const VERSION ="))?;
    let Some(family) = version.family() else {
        return Err(unsupported(tree, format!("Drupal {version}")));
    };
    require_vendor(tree)?;
    let php_minimum = match constant(&text, "const MINIMUM_PHP =") {
        Some(minimum) => minimum,
        // Until 9.x it is a constant of its own.
        None => {
            let text = tree.read("core/includes/bootstrap.inc")?.unwrap_or_default();
            constant(&text, "const DRUPAL_MINIMUM_PHP =")
                .ok_or_else(|| no_version(tree, FILE, "the oldest PHP it runs on"))?
        }
    };
    Ok(Core { docroot: docroot.into(), family, version, php_minimum })
}

/// Drupal 7, or something that only resembles it.
fn older(tree: &Tree, docroot: &str) -> Result<Core, PlatformFault> {
    const FILE: &str = "includes/bootstrap.inc";
    if let Some(text) = tree.read("core/includes/bootstrap.inc")?
        && let Some(version) = constant(&text, "define('BACKDROP_VERSION',")
    {
        return Err(unsupported(tree, format!("Backdrop {version}")));
    }
    let text = tree.read(FILE)?.unwrap_or_default();
    let Some(found) = constant(&text, "define('VERSION',") else {
        let system = tree.read("modules/system/system.module")?.unwrap_or_default();
        return Err(match constant(&system, "define('VERSION',") {
            Some(version) => unsupported(tree, format!("Drupal {version}")),
            None => no_version(tree, FILE, "the version of Drupal"),
        });
    };
    let version = version(tree, FILE, Some(found))?;
    if version.family() != Some(Family::Seven) {
        return Err(unsupported(tree, format!("Drupal {version}")));
    }
    let php_minimum = constant(&text, "define('DRUPAL_MINIMUM_PHP',")
        .ok_or_else(|| no_version(tree, FILE, "the oldest PHP it runs on"))?;
    Ok(Core { docroot: docroot.into(), family: Family::Seven, version, php_minimum })
}

/// The file that `autoload.php` requires is there once Composer ran.
fn require_vendor(tree: &Tree) -> Result<(), PlatformFault> {
    let missing = |missing: String| Err(PlatformFault::VendorMissing { path: tree.path().into(), missing });
    let Some(text) = tree.read("autoload.php")? else { return missing("autoload.php".into()) };
    let required = text.lines().find(|line| line.contains("require") && line.contains("autoload.php"));
    let file = required.and_then(first_quoted).unwrap_or_else(|| "/../vendor/autoload.php".into());
    let file = file.trim_start_matches('/');
    match tree.is_file(file)? {
        true => Ok(()),
        false => missing(file.to_owned()),
    }
}

fn version(tree: &Tree, file: &str, text: Option<String>) -> Result<CoreVersion, PlatformFault> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| no_version(tree, file, "the version of Drupal"))
}

fn no_version(tree: &Tree, file: &str, what: &'static str) -> PlatformFault {
    PlatformFault::NoVersion { path: tree.join(file), what }
}

fn unsupported(tree: &Tree, found: String) -> PlatformFault {
    PlatformFault::Unsupported { path: tree.path().into(), found }
}

/// The quoted text behind `declaration`, on the line that begins with it.
fn constant(text: &str, declaration: &str) -> Option<String> {
    let line = text.lines().map(str::trim_start).find(|line| line.starts_with(declaration))?;
    first_quoted(&line[declaration.len()..])
}

fn first_quoted(text: &str) -> Option<String> {
    let start = text.find(['\'', '"'])?;
    let quote = text[start..].chars().next()?;
    let rest = &text[start + 1..];
    Some(rest[..rest.find(quote)?].to_owned())
}
