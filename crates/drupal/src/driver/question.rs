//! What a driver script is asked.

use std::fmt;
use std::path::PathBuf;

use aegir_domain::{
    AccountName, EmailAddress, Langcode, MachineName, Password, PlatformRoot, SiteFolder, TimeZoneName, Title,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Family;

/// What one run of a driver script is asked: an operation, on a site.
#[derive(Clone, Debug)]
pub struct Question {
    /// The platform.
    pub root: PlatformRoot,
    /// The directory of the site under `sites/`.
    pub site: SiteFolder,
    /// The address it is reached on, without a path: `http://example.localhost:8080`.
    pub uri: String,
    /// What it needs to reach its data.
    pub credentials: Credentials,
    /// When, in seconds since 1970, nobody waits for an answer any more: it is not begun after that.
    pub until: Option<u64>,
    /// The folders and files that PHP may open from then on; `None` where it is told otherwise.
    pub open: Option<Vec<PathBuf>>,
    /// What to do.
    pub operation: Operation,
}

impl Question {
    /// The question with its secrets in the open: for the standard input of the script and nothing else.
    pub fn expose(&self) -> Vec<u8> {
        let mut question = match self.operation.fields() {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        question.insert("root".into(), self.root.as_str().into());
        question.insert("site".into(), self.site.as_str().into());
        question.insert("uri".into(), self.uri.as_str().into());
        question.insert("credentials".into(), self.credentials.expose());
        if let Some(until) = self.until {
            question.insert("until".into(), until.into());
        }
        if let Some(open) = &self.open {
            let open: Vec<_> = open.iter().map(|path| path.to_string_lossy()).collect();
            question.insert("open".into(), open.join(":").into());
        }
        Value::Object(question).to_string().into_bytes()
    }
}

/// An operation of the driver scripts.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Installs Drupal into an empty database. Answers [`Installed`](super::Installed).
    Install(Box<Install>),
    /// Boots fully. Answers [`Booted`](super::Booted).
    Boot,
    /// Reads the settings of a site that is not ours, and boots nothing. Answers [`FoundSettings`](super::FoundSettings).
    Settings,
    /// Reads the status report. Answers [`Requirements`](super::Requirements).
    Requirements,
    /// Makes a one-time login link. Answers [`LoginLink`](super::LoginLink).
    Login {
        /// The number of the account.
        account: u64,
    },
    /// Clears every cache. Answers [`Flushed`](super::Flushed).
    Flush,
    /// Which updates the code calls for; runs none. Answers [`Pending`](super::Pending).
    Pending,
    /// Runs all updates that the code calls for. Answers [`Updated`](super::Updated).
    Updates,
    /// Asks for a page, as a visitor nobody knows. Answers [`Visited`](super::Visited).
    Visit {
        /// Its path, without a `/` before it; empty for the front page.
        path: String,
    },
    /// Which pages show best whether the site is well. Answers [`KeyPages`](super::KeyPages).
    Pages,
    /// Builds the front page as an anonymous visitor gets it, and runs no cron. Answers [`FrontPage`](super::FrontPage).
    FrontPage,
    /// Runs cron. Answers [`CronRan`](super::CronRan).
    Cron,
}

impl Operation {
    /// Asks for the front page.
    pub fn visit_front() -> Operation {
        Operation::Visit { path: String::new() }
    }

    /// Its name, which is also that of its script.
    pub fn as_str(&self) -> &'static str {
        match self {
            Operation::Install(_) => "install",
            Operation::Boot => "boot",
            Operation::Settings => "settings",
            Operation::Requirements => "requirements",
            Operation::Login { .. } => "login",
            Operation::Flush => "flush",
            Operation::Pending => "pending",
            Operation::Updates => "updates",
            Operation::Visit { .. } => "visit",
            Operation::Pages => "pages",
            Operation::FrontPage => "front",
            Operation::Cron => "cron",
        }
    }

    /// Its script, as [`SCRIPTS`](super::SCRIPTS) names it.
    pub fn script(&self, family: Family) -> String {
        format!("{}/{}.php", family.as_str(), self.as_str())
    }

    fn fields(&self) -> Value {
        match self {
            Operation::Install(install) => install.expose(),
            Operation::Login { account } => json!({ "uid": account }),
            Operation::Visit { path } => json!({ "path": path }),
            Operation::Boot
            | Operation::Settings
            | Operation::Requirements
            | Operation::Flush
            | Operation::Pending
            | Operation::Updates
            | Operation::Pages
            | Operation::FrontPage
            | Operation::Cron => json!({}),
        }
    }
}

/// What an install is asked for. Drupal checks most of it only at the end, so it is typed here.
#[derive(Clone, Debug)]
pub struct Install {
    /// The profile to install.
    pub profile: MachineName,
    /// The site's default language.
    pub language: Langcode,
    /// The site's title.
    pub title: Title,
    /// The site's own address.
    pub mail: EmailAddress,
    /// The name of its first administrator.
    pub account: AccountName,
    /// That administrator's address.
    pub account_mail: EmailAddress,
    /// That administrator's password.
    pub account_password: Password,
    /// The site's time zone.
    pub time_zone: TimeZoneName,
    /// Its country, as two capital letters; `None`: not said.
    pub country: Option<String>,
    /// Where translations are fetched, as a pattern; Drupal 7 fetches none.
    pub translation_server: String,
}

impl Install {
    fn expose(&self) -> Value {
        json!({
            "profile": self.profile.as_str(),
            "langcode": self.language.as_str(),
            "title": self.title.as_str(),
            "mail": self.mail.as_str(),
            "account_name": self.account.as_str(),
            "account_mail": self.account_mail.as_str(),
            "account_password": self.account_password.expose(),
            "timezone": self.time_zone.as_str(),
            "translation_server": self.translation_server,
            "country": self.country.as_deref().unwrap_or_default(),
        })
    }
}

/// What a site needs to reach its data. The same names serve the scripts, the web server's
/// parameters and `<home>/credentials/<site>.json`; its `settings.php` reads them.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Credentials {
    /// Drupal's name for the kind of database: `mysql`, `sqlite`, `pgsql`.
    pub db_type: String,
    /// The machine of the database server; empty with a socket or a file.
    #[serde(default)]
    pub db_host: String,
    /// Its port; empty for the usual one.
    #[serde(default)]
    pub db_port: String,
    /// Its socket, if that is how it is reached.
    #[serde(default)]
    pub db_socket: String,
    /// The user of the database; empty for a file.
    #[serde(default)]
    pub db_user: String,
    /// That user's password; empty for a file.
    #[serde(default = "no_password")]
    pub db_passwd: Password,
    /// The database: a name, or the absolute path of a file.
    pub db_name: String,
    /// What the site's own secrets are derived from. Kept for the life of the site.
    pub hash_salt: Password,
}

fn no_password() -> Password {
    Password::new("")
}

impl Credentials {
    /// Each by its name, in the open: for a descriptor or a file that only its reader may read.
    pub fn expose(&self) -> Value {
        self.variables().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect::<Map<_, _>>().into()
    }

    /// The same as pairs, for whoever writes parameters of a web server; empty ones are left out.
    pub fn variables(&self) -> Vec<(&'static str, &str)> {
        [
            ("db_type", self.db_type.as_str()),
            ("db_host", &self.db_host),
            ("db_port", &self.db_port),
            ("db_socket", &self.db_socket),
            ("db_user", &self.db_user),
            ("db_passwd", self.db_passwd.expose()),
            ("db_name", &self.db_name),
            ("hash_salt", self.hash_salt.expose()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("db_type", &self.db_type)
            .field("db_name", &self.db_name)
            .finish_non_exhaustive()
    }
}
