//! Which backups there are: their names and sizes, and what each says of itself.

use aegir_domain::{BackupManifest, BackupName, FaultReport, SiteName};
use aegir_host::{FileFault, Files, Kind};

use super::archive::MANIFEST;

/// The longest manifest that is read, in bytes.
const LONGEST_MANIFEST: u64 = 16 << 20;

pub use aegir_domain::FoundBackup as Listed;

/// The backups in a home, those of one site if one is named; in the order of their names, older ones of a site first.
pub fn listed(home: &aegir_domain::Home, files: &Files, site: Option<&SiteName>) -> Result<Vec<Listed>, FileFault> {
    let mut found = Vec::new();
    for name in files.list(&home.backups())? {
        let Ok(backup) = name.parse::<BackupName>() else { continue };
        if site.is_some_and(|site| *site != backup.site()) {
            continue;
        }
        let path = home.backups().join(&name);
        // One that was deleted meanwhile is not there.
        let Some(stat) = files.stat(&path)?.filter(|stat| stat.kind == Kind::File) else { continue };
        let (manifest, fault) = match manifest(files, &path) {
            Ok(manifest) => (manifest, None),
            Err(fault) => (None, Some(fault)),
        };
        found.push(Listed { backup, bytes: stat.size, manifest, fault });
    }
    Ok(found)
}

fn manifest(files: &Files, path: &std::path::Path) -> Result<Option<BackupManifest>, FaultReport> {
    let text = files.read_archived(path, MANIFEST, LONGEST_MANIFEST).map_err(|fault| FaultReport::of(&fault))?;
    let Some(text) = text else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|source| FaultReport::of(&Unreadable(source)))
}

#[derive(Debug, thiserror::Error)]
#[error("its manifest cannot be read")]
struct Unreadable(#[source] serde_json::Error);

impl aegir_domain::Remedy for Unreadable {}
