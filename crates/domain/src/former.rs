//! What a site was before it was moved: kept whole for a while, so that one can go back to it.

use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};
use crate::{BackupName, Database, HostName, PlatformName, PlatformRoot, Redirect, ServerName, SiteContext, SiteName};

/// The name of a former self: the site's, when it was left, and the end of the attempt that left it.
///
/// Invariant: 1 to 250 bytes of `a-z`, `0-9`, `.` and `-`, beginning with a letter or digit. It can therefore be
/// joined to a path and be the stem of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FormerName(String);
text_type!(FormerName);

impl FromStr for FormerName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let fits = (1..=250).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
        match fits {
            true => Ok(FormerName(text.to_owned())),
            false => Err(BadText::new(
                text,
                "the name of a former self of a site",
                "it is not 1 to 250 of `a-z`, `0-9`, `.` and `-`, beginning with a letter or digit",
            )
            .instead("give one that `aegir provision show @SITE` lists under `formers`")),
        }
    }
}

/// What a site was before a task put another self in its place: its files and its database, to which nobody writes; or
/// the archive that was made of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// Its name.
    pub name: FormerName,
    /// The platform it lived on.
    pub platform: PlatformName,
    /// The server whose database service holds its data.
    pub db_server: ServerName,
    /// Its database.
    pub database: Database,
    /// The version of Drupal that ran it.
    pub core: String,
    /// Since when nobody writes to it, in seconds since 1970.
    pub since: i64,
    /// What its files and its database took then, in bytes.
    pub bytes: u64,
    /// What it was called, where the site was renamed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Box<Names>>,
    /// The backup that holds all of it, where it was packed: neither its files nor its database are there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<BackupName>,
}

/// How what a site was is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeepFormer {
    /// As it was, on its platform and its database server: going back takes a moment.
    #[default]
    Itself,
    /// Packed into a backup once the site is in service again: a fraction of the room, and going back takes as long as
    /// restoring that.
    Archive,
}

impl KeepFormer {
    /// The word for it: `itself`, `archive`.
    pub fn as_str(self) -> &'static str {
        match self {
            KeepFormer::Itself => "itself",
            KeepFormer::Archive => "archive",
        }
    }
}

/// What a site is called, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Its main name.
    pub site: SiteName,
    /// Other names it answered to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<HostName>,
    /// Whether all but one of its names led to that one.
    #[serde(default, skip_serializing_if = "Redirect::is_none")]
    pub redirect: Redirect,
}

impl Names {
    /// What `site` is called now.
    pub fn of(site: &SiteContext) -> Names {
        Names { site: site.name.clone(), aliases: site.aliases.clone(), redirect: site.redirect.clone() }
    }
}

impl Former {
    /// What `site` is now, to be known as `name` once it is left at `since`.
    pub fn of(site: &SiteContext, name: FormerName, since: i64, bytes: u64) -> Former {
        Former {
            name,
            platform: site.platform.clone(),
            db_server: site.db_server.clone(),
            database: site.database.clone(),
            core: site.core.clone(),
            since,
            bytes,
            names: None,
            archive: None,
        }
    }

    /// The folder of former selves in a platform: on the file system that its sites lie on.
    pub fn shelf(root: &PlatformRoot) -> PathBuf {
        root.path().join("sites").join(".aegir-former")
    }

    /// Where its files lie, in the platform at `root`.
    pub fn folder(&self, root: &PlatformRoot) -> PathBuf {
        Former::shelf(root).join(self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_former_self_can_be_a_folder() {
        assert!("a.test-20260101.000000-0a1b2c3d4e5f".parse::<FormerName>().is_ok());
        for bad in ["", "..", ".hidden", "a/b", "A", &"a".repeat(251)] {
            assert!(bad.parse::<FormerName>().is_err(), "{bad}");
        }
    }
}
