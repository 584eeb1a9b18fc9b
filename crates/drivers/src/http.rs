//! Web servers: what one has to know to answer for a site, and what a driver makes of it.

mod apache;
mod nginx;
mod patterns;
pub mod rules;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{Cmd, DbName, HostName, Password, PlatformName, PlatformRoot, Redirect, ServerName, SiteName};

use crate::{ConfigFile, DriverFault, Templates};

pub use apache::Apache;
pub use nginx::Nginx;

/// What differs from one web server to another.
///
/// A driver describes; it does not act. Paths of files are relative to the server's folder of this
/// product, [`ServerConfig::folder`].
pub trait HttpDriver: Send + Sync {
    /// The service type an administrator chooses: `apache`, `nginx`.
    fn service_type(&self) -> &'static str;

    /// The folders that must exist below [`ServerConfig::folder`] for snippets, platforms and sites, mode 0700.
    fn folders(&self) -> &'static [&'static str] {
        &["pre.d", "platform.d", "platforms", "vhost.d", "post.d"]
    }

    /// The file of a server that a main configuration includes, relative to [`ServerConfig::folder`].
    fn entry(&self) -> &'static str {
        "server.conf"
    }

    /// The files of a server.
    fn server(&self, server: &ServerConfig, templates: &Templates) -> Result<Vec<ConfigFile>, DriverFault>;

    /// Where the server answers Ægir alone.
    fn internal(&self, server: &ServerConfig) -> Internal;

    /// The file that holds the generation number, which [`HttpDriver::internal`] answers to
    /// `GET /generation`. It changes with every reload; when every answer has been the new number for
    /// [`HttpDriver::settles_after`], no old worker takes requests any more.
    fn generation(&self, number: u64, templates: &Templates) -> Result<ConfigFile, DriverFault>;

    /// Whether it ends on a configuration that it refuses, so that it is tested again before it is told to
    /// load one, unless that was tested just now.
    fn ends_on_refusal(&self) -> bool {
        false
    }

    /// How long old workers may go on taking requests beside the new ones, once the reload has returned.
    fn settles_after(&self) -> Duration;

    /// The files of a platform, which hold no secret; a driver may need none. One whose text is empty must
    /// not be there.
    fn platform(
        &self,
        server: &ServerConfig,
        platform: &PlatformConfig,
        templates: &Templates,
    ) -> Result<Vec<ConfigFile>, DriverFault>;

    /// The file of a site.
    fn vhost(&self, server: &ServerConfig, vhost: &Vhost, templates: &Templates) -> Result<ConfigFile, DriverFault>;

    /// The text of a site's file for a server of this product that knows nothing of Ægir: without secrets, and with
    /// [`Vhost::php_socket`] as that of a pool of the operator's own.
    fn standalone(&self, server: &ServerConfig, vhost: &Vhost, templates: &Templates) -> Result<String, DriverFault>;

    /// Where the file of a site lies, relative to [`ServerConfig::folder`].
    fn vhost_path(&self, site: &SiteName) -> PathBuf {
        PathBuf::from(format!("vhost.d/{site}.conf"))
    }

    /// A complete configuration for the private stack. Not a secret.
    fn main(&self, main: &MainConfig, templates: &Templates) -> Result<String, DriverFault>;

    /// A complete configuration that holds nothing of the server's but what the file `new` needs, which is
    /// a site's or a platform's, and that file: to test it alone before it is put beside the others.
    fn main_alone(&self, main: &MainConfig, new: &Path, templates: &Templates) -> Result<String, DriverFault>;

    /// Asks the program for its version, which it prints on either output.
    fn ask_version(&self) -> Cmd;

    /// Tests the configuration whose main file is `main`.
    fn check(&self, main: &Path) -> Cmd;

    /// Runs the server in the foreground.
    fn run(&self, main: &Path) -> Cmd;

    /// Makes the running server read its configuration again.
    fn reload(&self, main: &Path) -> Cmd;

    /// Ends the running server when its requests are answered.
    fn quit(&self, main: &Path) -> Cmd;

    /// The file that the server names when it refuses its configuration.
    fn named_file(&self, said: &str) -> Option<PathBuf>;
}

/// Where a web server answers Ægir alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Internal {
    /// On a socket of its own.
    Socket(PathBuf),
    /// On this address, to this name, which no site can have.
    Name {
        /// The address.
        at: SocketAddr,
        /// The name.
        host: &'static str,
    },
}

/// What all files of one server's web service share.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The server.
    pub name: ServerName,
    /// The product's folder in the home, absolute: `/var/aegir/config/server_localhost/nginx`.
    pub folder: PathBuf,
    /// The address that sites answer on.
    pub listen: SocketAddr,
    /// A socket, for ourselves alone, that answers the generation number, where the product can listen on
    /// one. A server that was killed leaves it behind; it is removed before the next start.
    pub internal_socket: PathBuf,
    /// The access log.
    pub access_log: PathBuf,
    /// The largest request body, in megabytes: [`MAX_BODY_MB`].
    pub max_body_mb: u64,
}

/// The largest request body that a site takes, in megabytes, where nobody asks for another.
pub const MAX_BODY_MB: u64 = 100;

/// A main configuration for the private stack.
#[derive(Clone, Debug)]
pub struct MainConfig {
    /// The server it includes.
    pub server: ServerConfig,
    /// User and group of the workers, when the master starts as root.
    pub user: Option<(String, String)>,
    /// Where the master writes its process id.
    pub pid: PathBuf,
    /// The error log.
    pub error_log: PathBuf,
    /// A folder for request bodies and answers that do not fit in memory. It must exist.
    pub temp: PathBuf,
    /// How many worker processes.
    pub workers: u64,
    /// For a test: a folder of sites in place of the server's own. Only a driver that
    /// [ends on what it refuses](HttpDriver::ends_on_refusal) knows it.
    pub sites: Option<PathBuf>,
}

/// What a web server has to know of a platform.
#[derive(Clone, Debug)]
pub struct PlatformConfig {
    /// Its name.
    pub name: PlatformName,
    /// Its document root.
    pub root: PlatformRoot,
    /// Its family.
    pub family: CoreFamily,
    /// What the PHP of all its sites may open; a site adds its own, see [`Vhost::open_basedir`].
    pub open_basedir: SharedPaths,
}

/// Paths that the PHP of every site of a platform may open. PHP tries paths in order, and resolves each
/// one anew for every file that it opens: so the busiest come first, then what is a site's own, then
/// the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedPaths {
    /// Where most files lie that a page needs.
    pub busiest: Vec<PathBuf>,
    /// All others.
    pub rest: Vec<PathBuf>,
}

/// Versions of Drupal that a web server treats alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoreFamily {
    /// Drupal 7.
    Seven,
    /// Drupal 8 and later.
    Eight,
}

impl CoreFamily {
    /// Both.
    pub const ALL: [CoreFamily; 2] = [CoreFamily::Seven, CoreFamily::Eight];

    /// The name in files: `seven`, `eight`.
    pub fn as_str(self) -> &'static str {
        match self {
            CoreFamily::Seven => "seven",
            CoreFamily::Eight => "eight",
        }
    }

    /// The family of a version such as `7.105` or `10.3.6`, if it is one that we know.
    pub fn of_version(version: &str) -> Option<CoreFamily> {
        match version.split('.').next()?.parse::<u32>().ok()? {
            7 => Some(CoreFamily::Seven),
            8.. => Some(CoreFamily::Eight),
            _ => None,
        }
    }
}

/// What a web server has to know to answer for a site. Says nothing of any product.
#[derive(Clone, Debug)]
pub struct Vhost {
    /// The site; its folder is `sites/<site>` below `root`.
    pub site: SiteName,
    /// Other names it answers to.
    pub aliases: Vec<HostName>,
    /// Whether names lead to one of them.
    pub redirect: Redirect,
    /// The platform it lives on.
    pub platform: PlatformName,
    /// The platform's document root.
    pub root: PlatformRoot,
    /// The platform's family.
    pub family: CoreFamily,
    /// The socket on which php-fpm answers for it.
    pub php_socket: PathBuf,
    /// What its PHP may open besides [`PlatformConfig::open_basedir`], see [`site_paths`]. Never empty.
    pub open_basedir: Vec<PathBuf>,
    /// The site's private folder for uploads, sessions and temporary files.
    pub temp: PathBuf,
    /// What the site's PHP finds in `$_SERVER`: some of [`CREDENTIALS`], none of them with a line break.
    pub credentials: Vec<(String, Password)>,
    /// The flag file that fences the site while it exists.
    pub fence: PathBuf,
    /// What tells pages of this self of the site from those of all others, of any site: its database. Behind the fence,
    /// a server may give again what this self gave everybody a moment ago.
    pub pages: DbName,
    /// The same of the self before it, whose pages go on in place of its own while the flag
    /// [`aegir_domain::Home::fenced_self`] of that one is there: then it is not in service yet.
    pub before: Option<DbName>,
    /// Whether the site is in service.
    pub mode: VhostMode,
    /// Whether Drupal's own installer may be called from outside.
    pub installer: Installer,
}

/// The names of [`Vhost::credentials`], in the order in which they are written.
pub const CREDENTIALS: [&str; 8] =
    ["db_type", "db_host", "db_port", "db_socket", "db_user", "db_passwd", "db_name", "hash_salt"];

/// Whether a site is in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VhostMode {
    /// It answers.
    Serving,
    /// It answers every request with 503, and keeps its names taken.
    Disabled,
}

/// Whether Drupal's own installer may be called from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    /// No: the site is installed.
    Closed,
    /// Yes: somebody is about to install the site in a browser.
    Open,
}

impl CoreFamily {
    /// The script that installs a site in a browser, as a path from the root.
    pub fn installer(self) -> &'static str {
        match self {
            CoreFamily::Seven => "/install.php",
            CoreFamily::Eight => "/core/install.php",
        }
    }
}

impl Vhost {
    /// The names that the site answers to itself, and those that lead to the first of them (trap 13:
    /// when the target is an alias, the site's own name is among those that lead away).
    pub(crate) fn names(&self) -> Result<(Vec<HostName>, Vec<HostName>), DriverFault> {
        let mut all = vec![self.site.host()];
        for alias in &self.aliases {
            if !all.contains(alias) {
                all.push(alias.clone());
            }
        }
        let (Redirect::To(target), VhostMode::Serving) = (&self.redirect, self.mode) else {
            return Ok((all, Vec::new()));
        };
        let bad = |why| DriverFault::RedirectTarget { site: self.site.clone(), target: target.clone(), why };
        if target.wildcard().is_some() {
            return Err(bad("it stands for many names"));
        }
        if !all.contains(target) {
            return Err(bad("it is none of the site's names"));
        }
        all.retain(|name| name != target);
        Ok((vec![target.clone()], all))
    }
}

/// What the PHP of all sites of a platform may open: of its code everything but sites.
///
/// `entries` are the names in the root; `project` those in the folder above it where that is a composer
/// project, whose loader reads more of it than `vendor` (`load.environment.php`), and else empty. A
/// folder ends with `/`, so that a reader sees that it is one.
///
/// Two limits of PHP, found by running Drupal 10.3 behind it. A path that does not exist when it is
/// asked for never matches, so `sites/all` and `sites/sites.php` must be there. And a folder cannot be
/// allowed without all that is below it, so the root itself is not: Twig's `realpath` of it and the
/// `chdir` at Drupal's shutdown each leave a warning in the site's log per page that is built. Whoever
/// wants neither allows the root as a whole, and then separates sites by a pool user each.
pub fn shared_paths(
    root: &PlatformRoot,
    entries: &[(String, EntryKind)],
    project: &[(String, EntryKind)],
) -> SharedPaths {
    let mut allowed = Vec::new();
    let mut allow = |folder: &Path, entries: &[(String, EntryKind)], but: &OsStr| {
        for (name, kind) in entries.iter().filter(|(name, _)| OsStr::new(name) != but) {
            let path = folder.join(name);
            allowed.push(match kind {
                EntryKind::Folder => path.join(""),
                EntryKind::File => path,
            });
        }
    };
    allow(root.path(), entries, OsStr::new("sites"));
    if let (Some(above), Some(name)) = (root.path().parent(), root.path().file_name()) {
        allow(above, project, name);
    }
    let sites = root.path().join("sites");
    allowed.push(sites.join("all").join(""));
    allowed.extend(["sites.php", "local.sites.php", "development.services.yml"].map(|name| sites.join(name)));
    allowed.sort_by_key(|path| idleness(path));
    let (busiest, rest) = allowed.into_iter().partition(|path| idleness(path) < BUSIEST.len());
    SharedPaths { busiest, rest }
}

/// Folders of a platform in which PHP opens files most often.
const BUSIEST: [&str; 8] = ["core", "vendor", "includes", "modules", "all", "profiles", "themes", "libraries"];

/// How seldom PHP opens files there, compared with other folders of a platform.
fn idleness(path: &Path) -> usize {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    BUSIEST.iter().position(|busy| *busy == name).unwrap_or(BUSIEST.len())
}

/// What the PHP of one site may open besides: its own folder, and `more` (its SQLite file's folder,
/// private folders elsewhere).
pub fn site_paths(root: &PlatformRoot, site: &SiteName, more: &[PathBuf]) -> Vec<PathBuf> {
    let own = root.site_dir(site).join("");
    std::iter::once(own).chain(more.iter().map(|path| path.join(""))).collect()
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// Anything else.
    File,
}

/// The web servers that this build can speak to.
#[derive(Clone, Default)]
pub struct HttpDrivers(Vec<Arc<dyn HttpDriver>>);

impl HttpDrivers {
    /// Those that Ægir comes with.
    pub fn standard() -> HttpDrivers {
        HttpDrivers::default().with(Nginx).with(Apache::default())
    }

    /// The same and one more.
    pub fn with(mut self, driver: impl HttpDriver + 'static) -> HttpDrivers {
        self.0.push(Arc::new(driver));
        self
    }

    /// The driver of a service type.
    pub fn named(&self, service_type: &str) -> Result<&dyn HttpDriver, DriverFault> {
        self.0.iter().find(|driver| driver.service_type() == service_type).map(|driver| &**driver).ok_or_else(|| {
            let mut known: Vec<_> = self.0.iter().map(|driver| driver.service_type()).collect();
            known.sort_unstable();
            DriverFault::Unknown { kind: "http", name: service_type.to_owned(), known }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn php_opens_all_code_of_a_composer_project_and_no_other_site() {
        let root: PlatformRoot = "/platforms/d10/web".parse().unwrap();
        let folder = |name: &str| (name.to_owned(), EntryKind::Folder);
        let file = |name: &str| (name.to_owned(), EntryKind::File);
        let shared = shared_paths(
            &root,
            &[file("index.php"), folder("modules"), folder("core"), folder("sites")],
            &[folder("web"), folder("vendor"), file("load.environment.php")],
        );
        let shown = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        assert_eq!(
            shown(&shared.busiest),
            [
                "/platforms/d10/web/core/",
                "/platforms/d10/vendor/",
                "/platforms/d10/web/modules/",
                "/platforms/d10/web/sites/all/",
            ]
        );
        assert_eq!(
            shown(&shared.rest),
            [
                "/platforms/d10/web/index.php",
                "/platforms/d10/load.environment.php",
                "/platforms/d10/web/sites/sites.php",
                "/platforms/d10/web/sites/local.sites.php",
                "/platforms/d10/web/sites/development.services.yml",
            ]
        );
        let own = site_paths(&root, &"a.test".parse().unwrap(), &["/srv/databases/a".into()]);
        assert_eq!(shown(&own), ["/platforms/d10/web/sites/a.test/", "/srv/databases/a/"]);
    }
}
