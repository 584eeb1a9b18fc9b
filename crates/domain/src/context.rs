//! What the back end knows of a server, a platform or a site: one file each.
//!
//! A context holds no secret; those lie beside it, in `credentials/`. It has a revision, and an
//! older one never overwrites a newer one.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountName, ContextName, CopySource, CronInterval, DbName, EmailAddress, Former, GrantHost, HostName, Langcode,
    MachineName, Marker, ObjectStatus, PlatformName, PlatformRoot, ServerName, SiteName, TimeZoneName, Title,
};

/// A context of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Context {
    /// A machine and the services it offers.
    Server(ServerContext),
    /// A copy of Drupal's code.
    Platform(PlatformContext),
    /// A Drupal site.
    Site(Box<SiteContext>),
}

impl Context {
    /// The name it is saved under.
    pub fn name(&self) -> ContextName {
        match self {
            Context::Server(server) => ContextName::Server(server.name.clone()),
            Context::Platform(platform) => ContextName::Platform(platform.name.clone()),
            Context::Site(site) => ContextName::Site(site.name.clone()),
        }
    }

    /// Its revision: 1 when it is new, one more with each change.
    pub fn revision(&self) -> u64 {
        match self {
            Context::Server(server) => server.revision,
            Context::Platform(platform) => platform.revision,
            Context::Site(site) => site.revision,
        }
    }

    /// Where the object stands, as far as its record says.
    pub fn status(&self) -> ObjectStatus {
        match self {
            Context::Site(site) => site.status(),
            Context::Server(_) | Context::Platform(_) => ObjectStatus::Enabled,
        }
    }

    /// The same with another revision.
    pub fn with_revision(mut self, revision: u64) -> Context {
        match &mut self {
            Context::Server(server) => server.revision = revision,
            Context::Platform(platform) => platform.revision = revision,
            Context::Site(site) => site.revision = revision,
        }
        self
    }
}

/// A machine and the services it offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerContext {
    /// Its name, as in `@server_localhost`.
    pub name: ServerName,
    /// See [`Context::revision`].
    #[serde(default)]
    pub revision: u64,
    /// The web service, if it offers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpService>,
    /// The database service, if it offers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db: Option<DbService>,
}

/// A web service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpService {
    /// The product.
    pub engine: HttpEngine,
    /// The address and port that sites answer on: `127.0.0.1:8080`.
    pub listen: std::net::SocketAddr,
    /// The socket on which php-fpm answers, if not the one of the private stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub php_socket: Option<PathBuf>,
}

/// A product that offers `http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HttpEngine {
    /// nginx
    Nginx,
    /// Apache httpd
    Apache,
}

impl HttpEngine {
    /// The service type an administrator chooses, and the folder of its configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            HttpEngine::Nginx => "nginx",
            HttpEngine::Apache => "apache",
        }
    }
}

/// A database service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "engine", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DbService {
    /// MariaDB or MySQL. The password of `account` lies in `credentials/`.
    Mariadb {
        /// Where it answers.
        at: DbEngine,
        /// The account that may create databases and users, and grant.
        account: String,
        /// The hosts that sites' users may come from, as the server sees them; empty: ask the server how it sees us.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        grant_hosts: Vec<GrantHost>,
    },
    /// A file for each site, in `databases/`.
    Sqlite {},
}

impl DbService {
    /// The service type an administrator chooses.
    pub fn as_str(&self) -> &'static str {
        match self {
            DbService::Mariadb { .. } => "mariadb",
            DbService::Sqlite {} => "sqlite",
        }
    }
}

/// Where a database server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DbEngine {
    /// A socket of this machine.
    Socket(PathBuf),
    /// A host name or address, and a port.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// A copy of Drupal's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformContext {
    /// Its name, as in `@platform_d10`.
    pub name: PlatformName,
    /// See [`Context::revision`].
    #[serde(default)]
    pub revision: u64,
    /// Its document root.
    pub root: PlatformRoot,
    /// The server whose web service serves it.
    pub server: ServerName,
    /// The PHP program for its sites' command line work, if not the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub php: Option<PathBuf>,
    /// What the last verify found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<PlatformFacts>,
    /// What exactly it was built from; `None`: its code was there already, or is a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<crate::BuiltFrom>,
}

/// What a verify found a platform to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformFacts {
    /// Drupal's version: `10.3.6`.
    pub core: String,
    /// The profile that a site gets if none is named.
    pub default_profile: MachineName,
    /// The oldest PHP that it runs on, as it says itself.
    pub php_minimum: String,
}

/// A Drupal site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteContext {
    /// Its main name.
    pub name: SiteName,
    /// See [`Context::revision`].
    #[serde(default)]
    pub revision: u64,
    /// The platform it lives on.
    pub platform: PlatformName,
    /// The server whose database service holds its data.
    pub db_server: ServerName,
    /// Its database, recorded when it was made; never computed again from the name.
    pub database: Database,
    /// The profile it was installed from.
    pub profile: MachineName,
    /// Its default language.
    pub language: Langcode,
    /// Its time zone.
    pub time_zone: TimeZoneName,
    /// The title it was installed with.
    pub title: Title,
    /// Its first administrator.
    pub account: AccountName,
    /// That administrator's address, and the site's.
    pub mail: EmailAddress,
    /// Other names it answers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<HostName>,
    /// Whether all but one of its names lead to that one.
    #[serde(default, skip_serializing_if = "Redirect::is_none")]
    pub redirect: Redirect,
    /// Whose it is.
    pub client: MachineName,
    /// The version of Drupal that runs it.
    pub core: String,
    /// Whether Drupal still has to be installed into it, in a browser.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_installer: bool,
    /// Whether it is out of service: the web server answers for it, and none of its PHP runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// What its settings keep it from, as they do a copy of a site that others use.
    #[serde(default, skip_serializing_if = "Quiet::is_none")]
    pub quiet: Quiet,
    /// What it is a copy of and is brought up to date from, where that is somebody's site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<Box<CopySource>>,
    /// How often Ægir runs cron on it, where that was said. It then runs none by itself, when it is visited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<CronInterval>,
    /// What it was before, where that is kept; the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formers: Vec<Former>,
}

impl SiteContext {
    /// Where it stands, as far as its record says.
    pub fn status(&self) -> ObjectStatus {
        match self.disabled {
            true => ObjectStatus::Disabled,
            false => ObjectStatus::Enabled,
        }
    }

    /// All names it answers to, its own first.
    pub fn names(&self) -> Vec<HostName> {
        std::iter::once(self.name.host()).chain(self.aliases.iter().cloned()).collect()
    }

    /// What its settings say that it is kept from: where Ægir runs its cron, visitors do not.
    pub fn kept_from(&self) -> Quiet {
        let run_by_us = self.cron.is_some_and(|every| every != CronInterval::Off);
        Quiet { cron: self.quiet.cron || run_by_us, ..self.quiet }
    }

    /// How often cron is to run on it, where anything was said of that: a copy that is kept from it runs none.
    pub fn cron_said(&self) -> Option<CronInterval> {
        self.cron.or(self.quiet.cron.then_some(CronInterval::Off))
    }
}

/// A site's database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its name, and that of the user that owns it.
    pub name: DbName,
    /// What it bears, to prove that it is this site's.
    pub marker: Marker,
    /// The hosts its user was granted for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<GrantHost>,
}

/// What a site's settings keep it from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// It sends no mail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mail: bool,
    /// It runs no cron by itself, when it is visited.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cron: bool,
}

impl Quiet {
    /// Whether it is kept from nothing.
    pub fn is_none(&self) -> bool {
        !self.mail && !self.cron
    }
}

/// Whether names of a site lead to another of its names, for good (301).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Redirect {
    /// Every name answers itself.
    #[default]
    None,
    /// Every other name leads to this one: the site's own, or one of its aliases.
    To(HostName),
}

impl Redirect {
    /// Whether every name answers itself.
    pub fn is_none(&self) -> bool {
        matches!(self, Redirect::None)
    }
}
