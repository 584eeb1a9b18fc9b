//! What faces show of a backup, and of a former self that is kept like one.

use aegir_domain::{Former, FoundBackup, ServerName, SiteName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Lost;

/// What stands for the backups of a machine that does not answer.
pub const OUT_OF_CONTACT: &str = "out-of-contact";

/// A backup of a site; or what a site was before it was moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackupView {
    /// Its name; a backup's is that of its file. Empty where it is none.
    pub name: String,
    /// `backup`; `former`: what the site was before it was moved; `out-of-contact`: none, but a machine that does not
    /// answer, so that its backups are missing here.
    pub kind: String,
    /// The site, which need not be there any more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// The server on whose machine it lies.
    pub server: String,
    /// When it was made; since when a former self is kept. 0, where its name tells no moment.
    pub made: i64,
    /// What it takes, in bytes.
    pub bytes: u64,
    /// `aegir`, or `classic`: an archive of classic Aegir; none of a former self.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The version of Drupal that ran the site, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// The platform that the site lived on, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The profile that the site was installed from, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The database that it is for, where it says so: `mariadb`, `sqlite`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The kind of task that left what is in it, where nobody asked for the backup: `migrate-site`, `rename-site`,
    /// `restore-backup`, `update-site`, `go-back-site`. It is what the site was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_by: Option<String>,
    /// The kind of task that made it, where it says so: `backup-site` where it was asked for, or `disable-site`,
    /// `delete-site`: it was made before that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// What its site lacked when it was made, and so it does too: `database`, `files`. Of such a one no site can be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// What whoever asked for it said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why it cannot be read, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What a site was before it was moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FormerView {
    /// Its name.
    pub name: String,
    /// What the site was called, where it is called otherwise since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    /// The platform it lived on.
    pub platform: String,
    /// The version of Drupal that ran it.
    pub core: String,
    /// Since when it is kept.
    pub since: i64,
    /// What it takes, in bytes; of one that was packed: what it took.
    pub bytes: u64,
    /// The backup that has all of it, where it was packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}

impl BackupView {
    /// Of a backup that lies on the machine of `server`.
    pub fn of(server: &ServerName, found: &FoundBackup) -> BackupView {
        let says = found.manifest.as_ref();
        let made = says.and_then(|says| i64::try_from(says.made).ok());
        BackupView {
            name: found.backup.to_string(),
            kind: "backup".into(),
            site: found.backup.site().to_string(),
            server: server.to_string(),
            made: made.or(found.backup.made()).unwrap_or_default(),
            bytes: found.bytes,
            format: Some(if found.backup.is_ours() { "aegir" } else { "classic" }.into()),
            core: says.map(|says| says.core.clone()),
            platform: says.map(|says| says.platform.to_string()),
            profile: says.map(|says| says.profile.to_string()),
            engine: says.map(|says| says.dump.engine.clone()),
            left_by: says.and_then(|says| says.left.as_ref()).map(|left| left.task.as_str().to_owned()),
            made_by: says.and_then(|says| says.made_by).map(|by| by.as_str().to_owned()),
            lacks: says.into_iter().flat_map(|says| &says.lacks).map(|part| part.as_str().to_owned()).collect(),
            note: says.and_then(|says| says.note.as_ref()).map(ToString::to_string),
            fault: found.fault.as_ref().map(|fault| {
                std::iter::once(&fault.message).chain(&fault.because).cloned().collect::<Vec<_>>().join(": ")
            }),
        }
    }

    /// Of a machine that does not answer.
    pub fn of_lost(lost: &Lost) -> BackupView {
        let because = std::iter::once(&lost.source.message).chain(&lost.source.because);
        BackupView {
            name: String::new(),
            kind: OUT_OF_CONTACT.into(),
            site: String::new(),
            server: lost.server.to_string(),
            made: 0,
            bytes: 0,
            format: None,
            core: None,
            platform: None,
            profile: None,
            engine: None,
            left_by: None,
            made_by: None,
            lacks: Vec::new(),
            note: None,
            fault: Some(because.cloned().collect::<Vec<_>>().join(": ")),
        }
    }

    /// Of a former self of `site`, which lies on the machine of `server`.
    pub fn of_former(site: &SiteName, server: &str, former: &Former) -> BackupView {
        BackupView {
            name: former.name.to_string(),
            kind: "former".into(),
            site: site.to_string(),
            server: server.to_owned(),
            made: former.since.saturating_mul(1000),
            bytes: former.bytes,
            format: None,
            core: Some(former.core.clone()),
            platform: Some(former.platform.to_string()),
            profile: None,
            engine: None,
            left_by: None,
            made_by: None,
            lacks: Vec::new(),
            note: None,
            fault: None,
        }
    }
}
