//! Backups: their names, and what one says of itself before everything else that it holds.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};
use crate::{
    AccountName, AttemptId, CronInterval, DbName, EmailAddress, FaultReport, FormerName, HostName, Instance, Langcode,
    MachineName, Note, PlatformName, Quiet, Redirect, ServerName, SiteContext, SiteName, TaskKind, TimeZoneName, Title,
};

/// The form of archives that this build writes.
pub const BACKUP_FORMAT: u32 = 1;

/// The file name of a backup: `www.example.org-20261121.021530.tar.zst`.
///
/// Invariant: the name of a site, a stamp, perhaps `_2` and so on, and an ending that says how it is packed. It can be
/// joined to a path as it is. Archives of classic Aegir are called the same, with its endings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupName(String);
text_type!(BackupName);

/// The endings of archives: ours first, then those of classic Aegir.
const ENDINGS: [&str; 4] = [".tar.zst", ".tar.gz", ".tar.bz2", ".tar"];

const WHAT: &str = "the name of a backup";

impl BackupName {
    /// The name of a backup of `site` at a moment (milliseconds since 1970); of several with one moment the `turn`th,
    /// from 1 on.
    pub fn of(site: &SiteName, unix_ms: u64, turn: u32) -> BackupName {
        let stamp = crate::stamp(unix_ms);
        BackupName(match turn {
            0 | 1 => format!("{site}-{stamp}{}", ENDINGS[0]),
            turn => format!("{site}-{stamp}_{turn}{}", ENDINGS[0]),
        })
    }

    /// The same name, as the `turn`th of those that have its site, its moment and its ending; from 2 on.
    pub fn in_turn(&self, turn: u32) -> BackupName {
        let ending = ENDINGS.iter().find(|ending| self.0.ends_with(*ending)).unwrap_or(&ENDINGS[0]);
        BackupName(format!("{}-{}_{}{ending}", self.site(), self.stamp(), turn.clamp(2, 9999)))
    }

    /// The site that it is of, by its name.
    pub fn site(&self) -> SiteName {
        match parts(&self.0).map(|(site, _)| site.parse()) {
            Some(Ok(site)) => site,
            _ => unreachable!("it was looked at when it was read"),
        }
    }

    /// When it was made, as its name says: `20261121.021530`.
    pub fn stamp(&self) -> &str {
        parts(&self.0).map_or("", |(_, stamp)| stamp)
    }

    /// When it was made, as its name says, in milliseconds since 1970; nothing where no calendar has that moment.
    pub fn made(&self) -> Option<i64> {
        crate::stamp::moment(self.stamp())
    }

    /// Whether its ending is that of archives of this build, and not one of classic Aegir.
    pub fn is_ours(&self) -> bool {
        self.0.ends_with(ENDINGS[0])
    }
}

/// Site and stamp of a name that has both.
fn parts(name: &str) -> Option<(&str, &str)> {
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))?;
    let (site, rest) = stem.rsplit_once('-')?;
    let (stamp, turn) = match rest.split_once('_') {
        Some((stamp, turn)) => (stamp, Some(turn)),
        None => (rest, None),
    };
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let (day, time) = stamp.split_once('.')?;
    let turn = turn.is_none_or(|turn| (1..=4).contains(&turn.len()) && turn.bytes().all(|byte| byte.is_ascii_digit()));
    (digits(day, 8) && digits(time, 6) && turn).then_some((site, stamp))
}

impl FromStr for BackupName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let Some((site, _)) = parts(text) else {
            let why = "it is not a site's name, a moment and an ending";
            return Err(BadText::new(text, WHAT, why).instead(
                "give one such as `www.example.org-20261121.021530.tar.zst`; `aegir provision backups` lists them",
            ));
        };
        site.parse::<SiteName>()?;
        Ok(BackupName(text.to_owned()))
    }
}

/// What a backup says of itself: the first file in it, `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupManifest {
    /// The form of the archive: [`BACKUP_FORMAT`].
    pub format: u32,
    /// The version of Ægir that made it.
    pub aegir: String,
    /// When it was begun, in milliseconds since 1970.
    pub made: u64,
    /// The site.
    pub site: SiteName,
    /// Its title when it was installed.
    pub title: Title,
    /// Its default language.
    pub language: Langcode,
    /// The platform that it lived on.
    pub platform: PlatformName,
    /// The version of Drupal that ran it.
    pub core: String,
    /// The profile that it was installed from.
    pub profile: MachineName,
    /// What else its record said. Backups that were made before this was written have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<BackupRecord>,
    /// What it had enabled, with schema versions.
    #[serde(default)]
    pub packages: Vec<Instance>,
    /// Its database.
    pub dump: BackupDump,
    /// The files of its folder, as they were counted before they were packed: their bytes.
    pub files_bytes: u64,
    /// And how many entries those are.
    pub files_entries: u64,
    /// What the site did not have any more when it was made: of such a backup no site can be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<SitePart>,
    /// What was left out on purpose, relative to the site's folder.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// The task that left what is in it, where nobody asked for a backup: it is a former self of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<LeftBy>,
    /// The kind of task that made it of the site as it was then: one that was asked for, or one before the site was
    /// taken out of service or deleted. Backups that were made before this was written do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<TaskKind>,
    /// What whoever asked for it said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// A part of a site that a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SitePart {
    /// What lay in its folder.
    Files,
    /// What was in its database.
    Database,
}

impl SitePart {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            SitePart::Files => "files",
            SitePart::Database => "database",
        }
    }
}

/// Why there is a backup that nobody asked for: a task put another self of the site in the place of this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftBy {
    /// What kind of task.
    pub task: TaskKind,
    /// Which attempt at it.
    pub attempt: AttemptId,
    /// What this self is called in the record of the site.
    pub former: FormerName,
}

/// What the record of a site said that is in its database in no form that Ægir reads: for one that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupRecord {
    /// The server whose database service held its data.
    pub db_server: ServerName,
    /// Its time zone.
    pub time_zone: TimeZoneName,
    /// Its first administrator.
    pub account: AccountName,
    /// That administrator's address, and the site's.
    pub mail: EmailAddress,
    /// Other names it answered to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<HostName>,
    /// Whether all but one of its names led to that one.
    #[serde(default, skip_serializing_if = "Redirect::is_none")]
    pub redirect: Redirect,
    /// Whose it was.
    pub client: MachineName,
    /// What its settings kept it from.
    #[serde(default, skip_serializing_if = "Quiet::is_none")]
    pub quiet: Quiet,
    /// How often Ægir ran cron on it, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<CronInterval>,
}

impl BackupRecord {
    /// What the record of `site` says.
    pub fn of(site: &SiteContext) -> BackupRecord {
        BackupRecord {
            db_server: site.db_server.clone(),
            time_zone: site.time_zone.clone(),
            account: site.account.clone(),
            mail: site.mail.clone(),
            aliases: site.aliases.clone(),
            redirect: site.redirect.clone(),
            client: site.client.clone(),
            quiet: site.quiet,
            cron: site.cron,
        }
    }
}

/// A backup as it lies in a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundBackup {
    /// Its name.
    pub backup: BackupName,
    /// Its size, in bytes.
    pub bytes: u64,
    /// What it says of itself; archives of classic Aegir say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<BackupManifest>,
    /// Why it cannot be read, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultReport>,
}

/// What a back end answers that is asked for the archive of a backup: a line, and behind it the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveAnswer {
    /// So many bytes follow.
    Bytes(u64),
    /// Why none do.
    Refused(FaultReport),
}

/// What a back end answers that was sent an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReceivedAnswer {
    /// It is a backup now, under this name.
    There(Box<FoundBackup>),
    /// Why it was not taken; nothing of it is left.
    Refused(FaultReport),
}

/// The database in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupDump {
    /// The file in the archive: `database.sql`, or `database.sqlite`.
    pub file: String,
    /// The engine that it is for: `mariadb`, `sqlite`.
    pub engine: String,
    /// The name that the database had.
    pub name: DbName,
    /// The size of that file, in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// The tables of an engine without transactions, which may have changed while they were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_consistent: Vec<String>,
    /// What could be made in no other database and is therefore not in it, such as events: what it is, its name, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_included: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BackupName, BadText> {
        text.parse()
    }

    #[test]
    fn a_backup_is_named_after_its_site_and_the_moment() {
        let site: SiteName = "www.my-site.org".parse().unwrap();

        let first = BackupName::of(&site, 1_795_227_330_500, 1);
        let third = BackupName::of(&site, 1_795_227_330_500, 3);

        assert_eq!(first.as_str(), "www.my-site.org-20261121.021530.tar.zst");
        assert_eq!(third.as_str(), "www.my-site.org-20261121.021530_3.tar.zst");
        for name in [first, third] {
            assert_eq!(read(name.as_str()).unwrap(), name);
            assert_eq!((name.site(), name.stamp(), name.is_ours()), (site.clone(), "20261121.021530", true));
        }
    }

    #[test]
    fn a_name_tells_when_it_was_made() {
        let made = |name: &str| read(name).unwrap().made();
        assert_eq!(made("a.test-20261121.021530_2.tar.zst"), Some(1_795_227_330_000));
        assert_eq!(made("a.test-19700101.000000.tar.gz"), Some(0));
        assert_eq!(made("a.test-20261341.021530.tar"), None, "no calendar has it");
    }

    #[test]
    fn one_that_came_later_has_its_turn_in_its_name_and_keeps_all_else() {
        for (name, second) in [
            ("a.test-20261121.021530.tar.zst", "a.test-20261121.021530_2.tar.zst"),
            ("a.test-20261121.021530_7.tar.zst", "a.test-20261121.021530_2.tar.zst"),
            ("a.test-20140102.030405.tar.gz", "a.test-20140102.030405_2.tar.gz"),
            ("a.test-20140102.030405.tar", "a.test-20140102.030405_2.tar"),
        ] {
            assert_eq!(read(name).unwrap().in_turn(2), read(second).unwrap());
        }
    }

    #[test]
    fn names_of_classic_archives_are_read() {
        for ending in [".tar.gz", ".tar.bz2", ".tar"] {
            let name = read(&format!("a.test-20140102.030405{ending}")).unwrap();
            assert_eq!((name.site().as_str(), name.is_ours()), ("a.test", false));
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_name() {
        for bad in [
            "",
            "a.test",
            "a.test-20140102.030405",
            "a.test-20140102.030405.zip",
            "../a.test-20140102.030405.tar",
            "a/b-20140102.030405.tar",
            ".a.test-20140102.030405.tar",
            "-20140102.030405.tar",
            "a.test-2014.030405.tar",
            "a.test-20140102.030405_.tar",
            "a.test-20140102.030405_x.tar",
            "a.test-20140102.030405\n.tar",
        ] {
            let fault = read(bad).unwrap_err();
            assert!(fault.instead.is_some(), "{bad}: {fault}");
        }
    }
}
