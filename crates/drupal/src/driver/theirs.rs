//! What the settings of a site say that somebody else installed.

use aegir_domain::Password;
use serde::Deserialize;

/// What `settings` answers. It may hold secrets: the password of the database, and the salt.
#[derive(Clone, Deserialize)]
pub struct FoundSettings {
    /// Where the data is; `None` where the settings give no database.
    pub database: Option<FoundDatabase>,
    /// Connections besides that, as `key/target`.
    #[serde(default)]
    pub other_databases: Vec<String>,
    /// What the site's own secrets are derived from, as its Drupal has it; empty where nothing says.
    pub hash_salt: Password,
    /// Where its public files lie, as it says; empty: as Drupal has it by itself.
    #[serde(default)]
    pub public_files: String,
    /// The same of private files; empty: it has none, or its database says where.
    #[serde(default)]
    pub private_files: String,
    /// Where configuration is exported; empty in Drupal 7.
    #[serde(default)]
    pub config_sync: String,
    /// The address that it calls itself, if it says one.
    #[serde(default)]
    pub base_url: String,
    /// Names of settings that it has besides those that every site has.
    #[serde(default)]
    pub own: Vec<String>,
    /// Files that its settings read, besides `settings.php` itself.
    #[serde(default)]
    pub includes: Vec<String>,
}

impl std::fmt::Debug for FoundSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoundSettings")
            .field("database", &self.database)
            .field("public_files", &self.public_files)
            .field("private_files", &self.private_files)
            .finish_non_exhaustive()
    }
}

/// A database, as Drupal's settings describe one.
#[derive(Clone, Deserialize)]
pub struct FoundDatabase {
    /// Drupal's name for the kind: `mysql`, `sqlite`, `pgsql`.
    pub driver: String,
    /// The machine of the server; may be empty.
    #[serde(default)]
    pub host: String,
    /// Its port; empty for the usual one.
    #[serde(default)]
    pub port: String,
    /// Its socket, if that is how it is reached.
    #[serde(default)]
    pub socket: String,
    /// Its name, or the absolute path of a file.
    pub name: String,
    /// The user.
    #[serde(default)]
    pub user: String,
    /// That user's password.
    pub password: Password,
    /// What the names of its tables begin with.
    #[serde(default)]
    pub prefix: String,
    /// Tables that have another prefix than the others, as those have that sites share.
    #[serde(default)]
    pub shared_tables: Vec<String>,
}

impl std::fmt::Debug for FoundDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoundDatabase").field("driver", &self.driver).field("name", &self.name).finish_non_exhaustive()
    }
}
