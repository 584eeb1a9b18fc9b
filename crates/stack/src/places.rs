//! Where everything of a stack lies, and with which owners and modes.
//!
//! The address of a socket has at most 107 bytes. Where the home is too deep for that, `run` is a
//! link to a short directory outside, and everything uses that directory's own path.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aegir_domain::HttpEngine;

use crate::account::Users;
use crate::fault::StackFault;
use crate::files::{self, Owner};
use crate::ports;

/// What a path of a socket may have, less what a pool's socket adds to the run directory.
const RUN_BYTES: usize = 107 - "/php/".len() - 40 - ".sock".len();

/// The paths of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) home: PathBuf,
    /// The directory of sockets, by its own short path.
    pub(crate) run: PathBuf,
    users: Option<Users>,
}

impl Places {
    /// Makes `home` if need be, and all directories below it that the stack uses.
    pub(crate) fn prepare(home: &Path, users: Option<&Users>) -> Result<Places, StackFault> {
        let fault = |source| StackFault::File { doing: "make the home", path: home.to_owned(), source };
        let fresh = is_fresh(home).map_err(fault)?;
        if fresh {
            fs::create_dir_all(home).map_err(fault)?;
        }
        let home = home.canonicalize().map_err(fault)?;
        let ours = users.map_or_else(|| rustix::process::geteuid().as_raw(), |users| users.aegir.uid);
        let owner = home.metadata().map_err(fault)?.uid();
        if !fresh && owner != ours {
            return Err(StackFault::NotOurs { home, owner });
        }
        let mut places = Places { run: home.join("run"), home, users: users.cloned() };
        let own = places.owner();
        files::directory(&places.home, own, 0o2750)?;
        places.run = places.prepare_run()?;
        for (path, mode) in [
            (places.run.clone(), 0o710),
            (places.home.join("config"), 0o711),
            (places.server_config(), 0o711),
            (places.server_config().join("php-fpm"), 0o711),
            (places.pools(), 0o700),
            (places.home.join("credentials"), 0o700),
            (places.home.join("logs"), 0o700),
            (places.home.join("stack"), 0o710),
            (places.php_fpm(), 0o700),
            (places.mariadb(), 0o700),
        ] {
            files::directory(&path, own, mode)?;
        }
        // Where Ægir alone asks PHP: neither workers of PHP nor those of the web server come in.
        for folder in ["ask", "upd"] {
            files::directory(&places.run.join(folder), places.private_owner(), 0o700)?;
        }
        for path in [places.php_sockets(), places.run.join("http")] {
            files::directory(&path, places.http_owner(), 0o710)?;
        }
        Ok(places)
    }

    /// Makes what the web server of this product uses.
    pub(crate) fn prepare_web(&self, engine: HttpEngine) -> Result<(), StackFault> {
        files::directory(&self.http_folder(engine), self.owner(), 0o711)?;
        files::directory(&self.web(engine), self.http_owner(), 0o710)
    }

    /// The paths of a stack in a home as it is, changing nothing.
    pub(crate) fn of(home: &Path) -> Places {
        let here = home.join("run");
        let run = fs::read_link(&here).unwrap_or(here);
        Places { home: home.to_owned(), run, users: None }
    }

    /// Directories outside the home that are this home's alone, whoever started its stack.
    pub(crate) fn outside(&self) -> Vec<PathBuf> {
        let name = format!("aegir-{:016x}", self.hash());
        let owner = self.home.metadata().map_or(0, |found| found.uid());
        let mut all: Vec<PathBuf> = ["/run", "/tmp", &format!("/run/user/{owner}")]
            .into_iter()
            .map(|base| Path::new(base).join(&name))
            .filter(|place| fs::symlink_metadata(place).is_ok_and(|found| found.is_dir() && found.uid() == owner))
            .collect();
        // The name may have been chosen by another build; that it is ours is seen by name and owner.
        let named = |place: &Path| {
            let name = place.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("aegir-"));
            name.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        let linked = fs::read_link(self.home.join("run")).ok().filter(|place| named(place));
        let is_owned =
            |place: &PathBuf| fs::symlink_metadata(place).is_ok_and(|found| found.is_dir() && found.uid() == owner);
        all.extend(linked.filter(is_owned).filter(|place| !all.contains(place)));
        all
    }

    /// The directory of sockets: below the home, or linked from there.
    fn prepare_run(&self) -> Result<PathBuf, StackFault> {
        let here = self.home.join("run");
        let fault = |source| StackFault::File { doing: "link", path: here.clone(), source };
        let link = fs::read_link(&here).ok();
        let wanted = self.short_run();
        if here.as_os_str().len() <= RUN_BYTES {
            if link.is_some() {
                fs::remove_file(&here).map_err(fault)?;
            }
            return Ok(here);
        }
        files::directory(&wanted, self.owner(), 0o710)?;
        let owner = fs::symlink_metadata(&wanted).map_err(fault)?.uid();
        if owner != self.owner().map_or_else(|| rustix::process::geteuid().as_raw(), |(uid, _)| uid) {
            return Err(StackFault::NotOurs { home: wanted, owner });
        }
        if link.as_ref() != Some(&wanted) {
            match fs::remove_file(&here) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
                _ => (),
            }
            std::os::unix::fs::symlink(&wanted, &here).map_err(fault)?;
        }
        Ok(wanted)
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.home.hash(&mut hasher);
        hasher.finish()
    }

    /// A number that differs from home to home.
    pub(crate) fn number(&self) -> u16 {
        (self.hash() >> 48) as u16
    }

    /// A short path that is this home's alone and the same each time.
    fn short_run(&self) -> PathBuf {
        let hash = self.hash();
        match &self.users {
            Some(_) => PathBuf::from(format!("/run/aegir-{hash:016x}")),
            None => {
                let uid = rustix::process::geteuid().as_raw();
                let own = PathBuf::from(format!("/run/user/{uid}"));
                let private = own.metadata().is_ok_and(|metadata| metadata.uid() == uid);
                let base = if private { own } else { PathBuf::from("/tmp") };
                base.join(format!("aegir-{hash:016x}"))
            }
        }
    }

    /// The owner of what the back end may read and workers may pass through.
    pub(crate) fn owner(&self) -> Owner {
        self.users.as_ref().map(|users| (users.aegir.uid, users.web.gid))
    }

    /// The owner of what workers of the web server may pass through, and those of PHP may not.
    pub(crate) fn http_owner(&self) -> Owner {
        self.users.as_ref().map(|users| (users.aegir.uid, users.http.gid))
    }

    /// The owner of what workers have no business with.
    pub(crate) fn private_owner(&self) -> Owner {
        self.users.as_ref().map(|users| (users.aegir.uid, users.aegir.gid))
    }

    /// What the web server itself writes: its process id, temporary files.
    pub(crate) fn web(&self, engine: HttpEngine) -> PathBuf {
        self.home.join("stack").join(engine.as_str())
    }

    pub(crate) fn php_fpm(&self) -> PathBuf {
        self.home.join("stack/php-fpm")
    }

    /// The configuration of the stack's server; the back end's, except where nothing is there yet.
    fn server_config(&self) -> PathBuf {
        self.home.join("config/server_localhost")
    }

    /// What the web server is told of the server and its sites.
    pub(crate) fn http_folder(&self, engine: HttpEngine) -> PathBuf {
        self.server_config().join(engine.as_str())
    }

    pub(crate) fn pools(&self) -> PathBuf {
        self.server_config().join("php-fpm/pool.d")
    }

    pub(crate) fn mariadb(&self) -> PathBuf {
        self.home.join("stack/mariadb")
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.home.join("logs").join(name)
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.home.join("stack/mariadb-account.json")
    }

    pub(crate) fn database_socket(&self) -> PathBuf {
        self.run.join("mariadb.sock")
    }

    pub(crate) fn internal_socket(&self, engine: HttpEngine) -> PathBuf {
        self.run.join("http").join(format!("{}.sock", engine.as_str()))
    }

    pub(crate) fn php_sockets(&self) -> PathBuf {
        self.run.join("php")
    }

    pub(crate) fn idle_pool(&self) -> PathBuf {
        self.php_sockets().join("idle.sock")
    }

    pub(crate) fn control_socket(&self) -> PathBuf {
        self.run.join("stack.sock")
    }

    pub(crate) fn running(&self) -> PathBuf {
        self.home.join("stack/running.json")
    }

    pub(crate) fn ports(&self) -> PathBuf {
        ports::file(&self.home)
    }

    pub(crate) fn endpoints(&self) -> PathBuf {
        self.home.join("stack/endpoints.json")
    }
}

/// Whether there is nothing at `home` that somebody could mind.
fn is_fresh(home: &Path) -> io::Result<bool> {
    match fs::read_dir(home) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Why the configuration files of the services could not hold `home`, if so.
pub fn unspeakable(home: &Path) -> Option<String> {
    let Some(text) = home.to_str() else { return Some("it is not UTF-8".into()) };
    if !home.is_absolute() {
        return Some("it does not begin with `/`".into());
    }
    let plain = |c: char| c.is_alphanumeric() || "/._-+@,=~ ".contains(c);
    text.chars().find(|c| !plain(*c)).map(|c| format!("it contains {c:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_a_deep_home_have_short_paths() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("a-long-name-of-a-folder/".repeat(5));

        let places = Places::prepare(&home, None).unwrap();

        assert!(places.php_sockets().join("x".repeat(40) + ".sock").as_os_str().len() <= 107);
        assert_eq!(fs::read_link(places.home.join("run")).unwrap(), places.run);
        fs::remove_dir_all(&places.run).unwrap();
    }

    #[test]
    fn a_home_that_a_configuration_file_could_not_name_is_refused() {
        assert_eq!(unspeakable(Path::new("/srv/Ægir home")), None);
        assert_eq!(unspeakable(Path::new("/srv/a\"b")), Some("it contains '\"'".into()));
        assert_eq!(unspeakable(Path::new("var")), Some("it does not begin with `/`".into()));
    }
}
