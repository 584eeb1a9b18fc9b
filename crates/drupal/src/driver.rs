//! The driver scripts: what is asked of them, and what they tell.
//!
//! ```text
//!   Question ──JSON, standard input──► php <operation>.php ──lines, descriptor 3──► Listener ──► Told …, Answer or DriverFault
//! ```
//!
//! In php-fpm the question is what was posted, and the lines are the last of the page.
//!
//! The scripts are data here: whoever runs them writes [`SCRIPTS`] to a folder of its own, runs the one
//! that [`Operation::script`] names, and hands back the bytes of descriptor 3. A site's code takes
//! part in that process, so nothing is assumed of those bytes.
//!
//! ## Invariants
//!
//! - Secrets leave only through [`Question::expose`].
//! - Whatever the bytes, the listener neither panics nor keeps more than [`LONGEST_LINE`] of them.

mod fault;
mod listener;
mod question;
mod theirs;

pub use fault::{DriverFault, FaultKind, PhpFault};
pub use listener::{Listener, Told};
pub use question::{Credentials, Install, Operation, Question};
pub use theirs::{FoundDatabase, FoundSettings};

use serde::Deserialize;

/// Longer lines are no answer of ours.
pub const LONGEST_LINE: usize = 1 << 20;

/// Every driver script: path within a folder, text.
pub const SCRIPTS: [(&str, &str); 31] = [
    ("prelude.php", include_str!("../php/prelude.php")),
    ("updates.php", include_str!("../php/updates.php")),
    ("cron.php", include_str!("../php/cron.php")),
    ("settings.php", include_str!("../php/settings.php")),
    ("seven/site.php", include_str!("../php/seven/site.php")),
    ("seven/install.php", include_str!("../php/seven/install.php")),
    ("seven/settings.php", include_str!("../php/seven/settings.php")),
    ("seven/boot.php", include_str!("../php/seven/boot.php")),
    ("seven/requirements.php", include_str!("../php/seven/requirements.php")),
    ("seven/login.php", include_str!("../php/seven/login.php")),
    ("seven/flush.php", include_str!("../php/seven/flush.php")),
    ("seven/for_updates.php", include_str!("../php/seven/for_updates.php")),
    ("seven/pending.php", include_str!("../php/seven/pending.php")),
    ("seven/updates.php", include_str!("../php/seven/updates.php")),
    ("seven/visit.php", include_str!("../php/seven/visit.php")),
    ("seven/front.php", include_str!("../php/seven/front.php")),
    ("seven/pages.php", include_str!("../php/seven/pages.php")),
    ("seven/cron.php", include_str!("../php/seven/cron.php")),
    ("eight/site.php", include_str!("../php/eight/site.php")),
    ("eight/install.php", include_str!("../php/eight/install.php")),
    ("eight/settings.php", include_str!("../php/eight/settings.php")),
    ("eight/boot.php", include_str!("../php/eight/boot.php")),
    ("eight/requirements.php", include_str!("../php/eight/requirements.php")),
    ("eight/login.php", include_str!("../php/eight/login.php")),
    ("eight/flush.php", include_str!("../php/eight/flush.php")),
    ("eight/pending.php", include_str!("../php/eight/pending.php")),
    ("eight/updates.php", include_str!("../php/eight/updates.php")),
    ("eight/visit.php", include_str!("../php/eight/visit.php")),
    ("eight/front.php", include_str!("../php/eight/front.php")),
    ("eight/pages.php", include_str!("../php/eight/pages.php")),
    ("eight/cron.php", include_str!("../php/eight/cron.php")),
];

/// What `install` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Installed {
    /// The version of Drupal that installed it.
    pub core_version: String,
    /// The directory it lives in: `sites/…`.
    pub site_path: String,
    /// Its title.
    pub site_name: String,
    /// The profile it was installed from.
    pub profile: String,
    /// Its default language. Drupal 7 falls back to English where a translation is missing.
    pub langcode: String,
    /// When, in seconds since 1970.
    pub install_time: i64,
}

/// What `boot` answers: what a site says of itself once it is fully up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Booted {
    /// The version of Drupal that runs it.
    pub core_version: String,
    /// The directory that Drupal chose: `sites/…`.
    pub site_path: String,
    /// Its title.
    pub site_name: String,
    /// Its own address for mail.
    pub site_mail: String,
    /// Its UUID (Drupal 8 and later).
    #[serde(default)]
    pub site_uuid: Option<String>,
    /// The profile it was installed from.
    pub profile: String,
    /// Its default language. Drupal 7 falls back to English where a translation is missing.
    pub langcode: String,
    /// When, in seconds since 1970.
    pub install_time: i64,
    /// Whether its installer came to its end.
    pub installed: bool,
    /// `mysql`, `sqlite`, `pgsql`.
    pub database_driver: String,
    /// Whether it shows its maintenance page.
    pub maintenance: bool,
    /// Where its public files lie, relative to the platform.
    pub public_files: String,
    /// The PHP that ran it.
    pub php_version: String,
}

/// What `login` answers.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct LoginLink {
    /// The absolute address. Who has it is logged in, so it is shown to the one who asked and kept nowhere.
    pub url: String,
    /// The account's number.
    pub uid: u64,
    /// The account's name.
    pub name: String,
    /// For how long the link is valid.
    pub valid_seconds: u64,
}

impl std::fmt::Debug for LoginLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginLink").field("url", &"…").field("uid", &self.uid).field("name", &self.name).finish()
    }
}

/// What `requirements` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Requirements {
    /// Errors and warnings of the status report, as the site orders them.
    pub findings: Vec<Finding>,
}

/// A line of a site's status report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Finding {
    /// Drupal's name for it.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Its heading.
    pub title: String,
    /// What was found.
    pub value: String,
    /// Why that is bad.
    pub description: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// Something does not work.
    Error,
}

/// What `pending` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Pending {
    /// The version of Drupal that was asked.
    pub core_version: String,
    /// The updates that the code calls for, in the order in which they would run. Others may turn up behind them.
    pub updates: Vec<PendingUpdate>,
}

/// An update that waits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PendingUpdate {
    /// The function that it is.
    pub name: String,
    /// What its code says that it does.
    #[serde(default)]
    pub description: String,
}

/// What `updates` answers, once all of them ran and none is left.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Updated {
    /// The version of Drupal whose updates ran.
    pub core_version: String,
    /// What the code warned of before they ran.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// How the types of content differ from what the code says, which no update puts right (Drupal 8 and later).
    #[serde(default)]
    pub entity_changes: Vec<String>,
}

/// What `visit` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Visited {
    /// The status of the page, as a visitor would get it.
    pub status: u16,
    /// How the page begins, as text.
    #[serde(default)]
    pub said: String,
}

impl Visited {
    /// Whether a visitor gets a page, is sent on to one, or is asked who they are.
    pub fn is_well(&self) -> bool {
        matches!(self.status, 200..=399 | 401 | 403)
    }
}

/// What `pages` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeyPages {
    /// Paths, without a `/` before them; the front page's is empty.
    pub paths: Vec<String>,
}

/// What `flush` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Flushed {
    /// The directory that Drupal chose: `sites/…`.
    pub site_path: String,
}

/// What `front` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FrontPage {
    /// The directory that Drupal chose: `sites/…`.
    pub site_path: String,
    /// The status of the page: 200.
    pub status: u16,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// What `cron` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CronRan {
    /// Whether it ran; if not, somebody else runs it just now: Drupal has a lock of its own for that.
    pub ran: bool,
    /// How long it took, in milliseconds, without the start of Drupal.
    pub ms: u64,
    /// The errors that the site's log has of it, the first of them.
    #[serde(default)]
    pub complaints: Vec<String>,
}
