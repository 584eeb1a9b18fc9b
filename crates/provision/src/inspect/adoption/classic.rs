//! What lies in a classic home: its contexts, and beside each what tells more of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aegir_domain::{Fault, FaultReport};
use aegir_drupal::PhpValue;
use aegir_drupal::php_literal::Literals;
use aegir_drupal::platform::{self, PlatformFacts};
use aegir_host::{Files, Kind};

/// Longer files were written by nobody's Drush.
const LONGEST: u64 = 4 << 20;
/// What the name of a context's file ends with.
const ENDING: &str = ".alias.drushrc.php";

/// What was found in a home.
#[derive(Debug, Default)]
pub(super) struct Classic {
    /// Its contexts, by name, without `@`.
    pub(super) objects: BTreeMap<String, Object>,
    /// The names of its clients' folders.
    pub(super) clients: Vec<String>,
    /// What could not be read, in sentences.
    pub(super) unread: Vec<String>,
}

/// A context.
#[derive(Debug)]
pub(super) struct Object {
    /// What it says: an array of PHP.
    says: PhpValue,
    /// What lies where it says.
    pub(super) there: There,
}

/// What lies on the disk of an object.
#[derive(Debug)]
pub(super) enum There {
    /// Nothing of its own.
    Server,
    /// Its code, or why that is none.
    Platform(Box<Result<PlatformFacts, FaultReport>>),
    /// Its folder.
    Site(SiteThere),
    /// Its kind is not known.
    Other,
}

/// What lies on the disk of a site.
#[derive(Debug, Default)]
pub(super) struct SiteThere {
    /// Its folder is there.
    pub(super) folder: Option<PathBuf>,
    /// What its `drushrc.php` calls its database, if it says so.
    pub(super) database: Option<String>,
    /// Its folder has lines of its own, in `local.settings.php`.
    pub(super) own_settings: bool,
    /// Its vhosts below `config/`.
    pub(super) vhosts: Vec<PathBuf>,
    /// Its backups, the newest last.
    pub(super) backups: Vec<PathBuf>,
}

impl Object {
    /// The text under `key`, unless it is empty. A number is one too.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        said(self.says.get(key)?)
    }

    /// The texts under `key`.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let entries = self.says.get(key).and_then(PhpValue::entries).unwrap_or_default();
        entries.iter().filter_map(|(_, value)| said(value)).collect()
    }

    /// What `key` refers to, without `@`.
    pub(super) fn refers(&self, key: &str) -> Option<String> {
        self.text(key).map(|name| name.trim_start_matches('@').to_owned())
    }

    /// Whether `key` is set, and to nothing that PHP takes for false.
    pub(super) fn is_on(&self, key: &str) -> bool {
        match self.says.get(key) {
            Some(PhpValue::Bool(yes)) => *yes,
            Some(value) => said(value).is_some_and(|text| text != "0"),
            None => false,
        }
    }

    /// Whether `key` is set to false, or to what PHP takes for it.
    pub(super) fn is_off(&self, key: &str) -> bool {
        self.says.get(key).is_some() && !self.is_on(key)
    }
}

fn said(value: &PhpValue) -> Option<String> {
    let text = match value {
        PhpValue::Text(_) => value.to_text()?,
        PhpValue::Int(number) => number.to_string(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// Reads the home.
pub(super) fn read(home: &Path, files: &Files) -> Result<Classic, Fault> {
    let mut classic = Classic::default();
    let folder = home.join(".drush");
    let vhosts = vhosts(home, files);
    let backups = files.list(&home.join("backups")).unwrap_or_default();
    for file in files.list(&folder)? {
        let Some(name) = file.strip_suffix(ENDING) else { continue };
        let path = folder.join(&file);
        let Some(literals) = classic.literals(files, &path) else { continue };
        // `hm` leads to `hostmaster`: a file can hold several, and each says its own name.
        let mut any = false;
        for (alias, says) in literals.all("aliases") {
            any = true;
            if says.get("context_type").is_some() {
                let object = Object { says: says.clone(), there: There::Other };
                classic.objects.entry(alias.trim_start_matches('@').to_owned()).or_insert(object);
            }
        }
        if !any {
            classic.unread.push(format!("`{}` says nothing of `{name}`", path.display()));
        }
    }
    let roots: BTreeMap<String, PathBuf> = classic
        .objects
        .iter()
        .filter_map(|(name, object)| Some((name.clone(), PathBuf::from(object.text("root")?))))
        .filter(|(_, root)| root.is_absolute())
        .collect();
    let names: Vec<String> = classic.objects.keys().cloned().collect();
    for name in names {
        let Some(object) = classic.objects.get(&name) else { continue };
        let there = match object.text("context_type").as_deref() {
            Some("server") => There::Server,
            Some("platform") => There::Platform(Box::new(match roots.get(&name) {
                Some(root) => platform::read(root).map_err(|fault| FaultReport::of(&fault)),
                None => {
                    Err(FaultReport { message: "it says no absolute path".into(), because: Vec::new(), remedy: None })
                }
            })),
            Some("site") => {
                let uri = object.text("uri").unwrap_or_else(|| name.clone());
                let root = object.refers("platform").and_then(|platform| roots.get(&platform));
                let mut there = site(&mut classic, files, root, &uri);
                there.vhosts = vhosts.iter().filter(|path| path.ends_with(&uri)).cloned().collect();
                there.backups = backups
                    .iter()
                    .filter(|file| is_backup(file, &uri))
                    .map(|file| home.join("backups").join(file))
                    .collect();
                There::Site(there)
            }
            _ => There::Other,
        };
        if let Some(object) = classic.objects.get_mut(&name) {
            object.there = there;
        }
    }
    classic.clients = files.list(&home.join("clients")).unwrap_or_default();
    Ok(classic)
}

impl Classic {
    /// The plain values of a file; what is more in it is told. Nothing where it is not to be read.
    fn literals(&mut self, files: &Files, path: &Path) -> Option<Literals> {
        let text = match files.stat(path) {
            Ok(None) => return None,
            Ok(Some(stat)) if stat.kind != Kind::File => Err("it is no file".to_owned()),
            Ok(Some(stat)) if stat.size > LONGEST => Err("it is too long".to_owned()),
            Ok(Some(_)) => match files.read(path) {
                Ok(bytes) => Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()),
                Err(fault) => Err(told(&fault)),
            },
            Err(fault) => Err(told(&fault)),
        };
        match text {
            Ok(text) => Some(Literals::read(&text)),
            Err(why) => {
                self.unread.push(format!("`{}` was not read: {why}", path.display()));
                None
            }
        }
    }
}

/// An error with what caused it.
fn told(fault: &dyn std::error::Error) -> String {
    match fault.source() {
        Some(cause) => format!("{fault}: {cause}"),
        None => fault.to_string(),
    }
}

/// What lies in the folder of a site. Its name must not lead out of `sites/`.
fn site(classic: &mut Classic, files: &Files, root: Option<&PathBuf>, uri: &str) -> SiteThere {
    let is_plain = !uri.is_empty() && !uri.contains('/') && uri != "." && uri != "..";
    let Some(folder) = root.filter(|_| is_plain).map(|root| root.join("sites").join(uri)) else {
        return SiteThere::default();
    };
    if !matches!(files.kind(&folder), Ok(Some(Kind::Dir))) {
        return SiteThere::default();
    }
    let says = classic.literals(files, &folder.join("drushrc.php")).unwrap_or_default();
    let own = files.stat(&folder.join("local.settings.php")).ok().flatten();
    SiteThere {
        database: says.get("options", "db_name").and_then(said),
        own_settings: own.is_some_and(|stat| stat.kind == Kind::File && stat.size > 0),
        folder: Some(folder),
        ..SiteThere::default()
    }
}

/// `NAME-20260101.120000.tar.gz`
fn is_backup(file: &str, uri: &str) -> bool {
    let Some(rest) = file.strip_prefix(uri).and_then(|rest| rest.strip_prefix('-')) else { return false };
    rest.starts_with(|c: char| c.is_ascii_digit())
        && [".tar", ".tar.gz", ".tar.bz2"].iter().any(|ending| rest.ends_with(ending))
}

/// Each file in a `vhost.d` or a `subdir.d` of a server's configuration.
fn vhosts(home: &Path, files: &Files) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let config = home.join("config");
    for server in files.list(&config).unwrap_or_default() {
        for product in ["apache", "nginx"] {
            let folder = config.join(&server).join(product).join("vhost.d");
            found.extend(files.list(&folder).unwrap_or_default().into_iter().map(|file| folder.join(file)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_known_by_its_name() {
        for good in ["a.test-20260101.120000.tar.gz", "a.test-20260101.120000.tar"] {
            assert!(is_backup(good, "a.test"), "{good}");
        }
        for bad in ["a.test.org-20260101.tar.gz", "b.a.test-2026.tar.gz", "a.test-x.tar.gz", "a.test-2026.zip"] {
            assert!(!is_backup(bad, "a.test"), "{bad}");
        }
    }

    #[test]
    fn what_php_takes_for_false_is_off() {
        let literals = Literals::read(
            "<?php $aliases['a'] = array('on' => true, 'one' => '1', 'no' => FALSE, 'zero' => '0', 'none' => NULL);",
        );
        let object = Object { says: literals.get("aliases", "a").unwrap().clone(), there: There::Other };

        assert!(object.is_on("on") && object.is_on("one"));
        assert!(object.is_off("no") && object.is_off("zero") && object.is_off("none"));
        assert!(!object.is_on("absent") && !object.is_off("absent"));
    }
}
