//! Where everything lies below the home of the user `aegir`: paths only, nothing is read.

use std::path::{Path, PathBuf};

use crate::{AttemptId, ContextName, DbName, FormerName, HttpEngine, ServerName, SiteName};

/// The home: `/var/aegir`, or what `--home` names. An absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// Takes an absolute path as it is.
    pub fn new(path: impl Into<PathBuf>) -> Home {
        Home(path.into())
    }

    /// The home itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Platforms: the base that is always allowed.
    pub fn platforms(&self) -> PathBuf {
        self.0.join("platforms")
    }

    /// Backups.
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// A folder for each client, with links to its sites.
    pub fn clients(&self) -> PathBuf {
        self.0.join("clients")
    }

    /// Configuration of services, a folder for each server.
    pub fn config(&self) -> PathBuf {
        self.0.join("config")
    }

    /// Configuration of one server's web service.
    pub fn http_config(&self, server: &ServerName, engine: HttpEngine) -> PathBuf {
        self.server_config(server).join(engine.as_str())
    }

    /// Configuration of one server.
    pub fn server_config(&self, server: &ServerName) -> PathBuf {
        self.config().join(format!("server_{server}"))
    }

    /// PHP pools of one server: a file for each platform.
    pub fn pools(&self, server: &ServerName) -> PathBuf {
        self.server_config(server).join("php-fpm").join("pool.d")
    }

    /// PHP that every settings.php includes.
    pub fn global_settings(&self) -> PathBuf {
        self.config().join("includes").join("global.inc")
    }

    /// What is for whoever looks after sites that Ægir let go of: a folder for each.
    pub fn ejected(&self) -> PathBuf {
        self.0.join("ejected")
    }

    /// The settings file, the key, the control database.
    pub fn hostmaster(&self) -> PathBuf {
        self.0.join("hostmaster")
    }

    /// The settings file.
    pub fn settings_file(&self) -> PathBuf {
        self.hostmaster().join("aegir.toml")
    }

    /// What ssh needs to reach other machines: our key, and the keys that they have.
    pub fn ssh(&self) -> PathBuf {
        self.hostmaster().join("ssh")
    }

    /// Our key for other machines.
    pub fn ssh_key(&self) -> PathBuf {
        self.ssh().join("id_ed25519")
    }

    /// The keys by which other machines are known: a line for each server, by its name.
    pub fn known_hosts(&self) -> PathBuf {
        self.ssh().join("known_hosts")
    }

    /// Contexts, a file each.
    pub fn contexts(&self) -> PathBuf {
        self.0.join("contexts")
    }

    /// One context.
    pub fn context(&self, name: &ContextName) -> PathBuf {
        self.contexts().join(format!("{}.json", name.stem()))
    }

    /// Tasks, a folder for each attempt.
    pub fn tasks(&self) -> PathBuf {
        self.0.join("tasks")
    }

    /// One attempt.
    pub fn task(&self, attempt: AttemptId) -> PathBuf {
        self.tasks().join(attempt.to_string())
    }

    /// A mark for each attempt that has not ended, so that nobody has to read all folders.
    pub fn open_tasks(&self) -> PathBuf {
        self.tasks().join("open")
    }

    /// SQLite databases of sites.
    pub fn databases(&self) -> PathBuf {
        self.0.join("databases")
    }

    /// Credentials, a file for each site and each database server.
    pub fn credentials(&self) -> PathBuf {
        self.0.join("credentials")
    }

    /// The credentials of one object.
    pub fn credentials_of(&self, name: &ContextName) -> PathBuf {
        self.credentials().join(format!("{}.json", name.stem()))
    }

    /// The credentials of a former self of a site. No other name begins like this one: sites' have no `_`.
    pub fn credentials_of_former(&self, name: &FormerName) -> PathBuf {
        self.credentials().join(format!("former_{name}.json"))
    }

    /// Drush site aliases.
    pub fn drush_sites(&self) -> PathBuf {
        self.0.join("drush").join("sites")
    }

    /// Programs of an operator's that run beside tasks.
    pub fn hooks(&self) -> PathBuf {
        self.0.join("hooks")
    }

    /// Task types of an operator's own, a folder each.
    pub fn task_types(&self) -> PathBuf {
        self.0.join("tasks.d")
    }

    /// Templates that take the place of ours.
    pub fn templates(&self) -> PathBuf {
        self.0.join("templates")
    }

    /// Logs of services.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Lock files.
    pub fn locks(&self) -> PathBuf {
        self.0.join("locks")
    }

    /// Sockets, and what is true only while something runs.
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// What can be made again.
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// The private stack.
    pub fn stack(&self) -> PathBuf {
        self.0.join("stack")
    }

    /// Where the private stack listens: no secret in it.
    pub fn stack_endpoints(&self) -> PathBuf {
        self.stack().join("endpoints.json")
    }

    /// The flag whose presence fences a site.
    pub fn fence(&self, site: &SiteName) -> PathBuf {
        self.fences().join(site.as_str())
    }

    /// The flag that says which self of a site it is that is fenced, by that self's database: what is in service once the
    /// fence is down may be another one. No name of a site holds `=`.
    pub fn fenced_self(&self, site: &SiteName, database: &DbName) -> PathBuf {
        self.fences().join(format!("{site}={database}"))
    }

    /// Flags of fenced sites. Not in `run`: a fence outlives a restart.
    pub fn fences(&self) -> PathBuf {
        self.config().join("fences")
    }

    /// The trash on the file system that holds `place`: what is deleted lies there until its date.
    pub fn trash_beside(place: &Path) -> PathBuf {
        place.join(".aegir-trash")
    }
}
