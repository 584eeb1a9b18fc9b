//! What a private stack is told before it starts.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use aegir_domain::HttpEngine;

use crate::account::Users;
use crate::fault::StackFault;

/// What a private stack is told before it starts.
#[derive(Clone, Debug)]
pub struct StackSettings {
    /// The folder that holds everything.
    pub home: PathBuf,
    /// The address that sites answer on; the loopback address unless somebody says otherwise.
    pub address: IpAddr,
    /// The port that sites answer on; `None`: the remembered one, or a free one.
    pub http_port: Option<u16>,
    /// The two accounts, when started as root; `None` when started as a person.
    pub users: Option<Users>,
    /// The product of the web server; `None`: the remembered one, or nginx.
    pub http: Option<HttpEngine>,
    /// Whether MariaDB belongs to the stack. Without it, sites have SQLite.
    pub mariadb: bool,
    /// The programs of this machine.
    pub programs: Programs,
}

/// Where the programs of the stack lie; `None` where there is none.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// `nginx`
    pub nginx: Option<PathBuf>,
    /// `apache2`
    pub apache: Option<PathBuf>,
    /// `php-fpm`, the newest unless told otherwise
    pub php_fpm: Option<PathBuf>,
    /// `mariadbd`
    pub mariadbd: Option<PathBuf>,
    /// `mariadb-install-db`
    pub mariadb_install_db: Option<PathBuf>,
}

const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

impl Programs {
    /// Looks where systems keep such programs, whatever the search path of the caller says: a
    /// person's path rarely has the `sbin` folders.
    pub fn find() -> Programs {
        Programs {
            nginx: named("nginx"),
            apache: named("apache2"),
            php_fpm: newest_php_fpm(),
            mariadbd: named("mariadbd"),
            mariadb_install_db: named("mariadb-install-db"),
        }
    }
}

impl Programs {
    /// The same with the php-fpm of the version of `php`: a program such as `/usr/bin/php8.2`, or a link to one.
    pub fn with_php(self, php: &Path) -> Result<Programs, StackFault> {
        let real = php.canonicalize().map_err(|source| StackFault::NoPhp { php: php.to_owned(), source })?;
        let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let version = name.strip_prefix("php").filter(|version| version.contains('.'));
        let Some(version) = version else { return Err(StackFault::UnknownPhp { php: php.to_owned() }) };
        let wanted = aegir_drivers::php::fpm_programs(Some(version)).into_iter().next().unwrap_or_default();
        match named(&wanted) {
            Some(php_fpm) => Ok(Programs { php_fpm: Some(php_fpm), ..self }),
            None => Err(StackFault::NoFpm { php: php.to_owned(), wanted }),
        }
    }
}

fn named(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

fn newest_php_fpm() -> Option<PathBuf> {
    let versions = FOLDERS.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((php_version(entry.file_name().to_str()?)?, entry.path())))
        .max_by_key(|(version, _)| *version);
    newest.map(|(_, path)| path).or_else(|| named("php-fpm"))
}

/// The version in a name such as `php-fpm8.2`.
fn php_version(name: &str) -> Option<(u32, u32)> {
    let (major, minor) = name.strip_prefix("php-fpm")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_php_are_numbers() {
        assert!(php_version("php-fpm8.10") > php_version("php-fpm8.2"));
        assert_eq!(php_version("php-fpm"), None);
        assert_eq!(php_version("php-fpm8.2.bak"), None);
    }
}
