//! Drupal's own PHP, asked by our driver scripts: about a site that exists in php-fpm, to install one in a process.

mod facts;
mod pool;

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{
    Cmd, ContextName, Fault, HostName, MachineName, Password, PlatformContext, Redirect, Remedy, SiteContext,
};
use aegir_drivers::php::{MEDDLERS, PROGRAM_STARTERS, UNHELD};
use aegir_drupal::driver::{Credentials, Install, Installed, Listener, Operation, Question, SCRIPTS, Told};
use aegir_drupal::{CoreVersion, Family};
use aegir_host::{Launch, Limits, Trouble};
use serde::de::DeserializeOwned;

pub(crate) use facts::{Facts, facts};
pub(crate) use pool::settings_of_stranger;

use super::basedir;
use crate::World;

/// What Drupal needs of PHP besides a database driver (facts, section 1; Drupal's own requirements).
const NEEDED: [&str; 7] = ["pdo", "dom", "simplexml", "xml", "json", "session", "mbstring"];

/// The PHP program of a platform.
pub(crate) fn program(world: &World, platform: &PlatformContext) -> PathBuf {
    platform.php.clone().unwrap_or_else(|| world.parts.settings.php.clone())
}

/// Whether this PHP can run the platform.
pub(crate) fn fits(facts: &Facts, platform: &PlatformContext, _: &World) -> Result<(), Fault> {
    if let Some(needs) = platform.facts.as_ref().map(|facts| facts.php_minimum.as_str()) {
        new_enough(facts, needs)?;
    }
    match NEEDED.iter().find(|name| !facts.extensions.iter().any(|has| has == *name)) {
        None => Ok(()),
        Some(missing) => Err(PhpFault::Lacks { program: facts.program.clone(), extension: missing }.into()),
    }
}

/// Whether this PHP is at least `needs`.
pub(crate) fn new_enough(facts: &Facts, needs: &str) -> Result<(), Fault> {
    match numbers(&facts.version) >= numbers(needs) {
        true => Ok(()),
        false => Err(PhpFault::TooOld {
            program: facts.program.clone(),
            version: facts.version.clone(),
            needs: needs.to_owned(),
        }
        .into()),
    }
}

/// Whether this PHP speaks to `engine`.
pub(crate) fn speaks(facts: &Facts, engine: &str) -> Result<(), Fault> {
    let extension = extension_for(engine);
    match facts.extensions.iter().any(|has| has == extension) {
        true => Ok(()),
        false => Err(PhpFault::Lacks { program: facts.program.clone(), extension }.into()),
    }
}

/// The extension of PHP that speaks to `engine`.
pub(crate) fn extension_for(engine: &str) -> &'static str {
    if engine == "sqlite" { "pdo_sqlite" } else { "pdo_mysql" }
}

/// The engines of databases that this PHP and a Drupal with these drivers both speak.
pub(crate) fn engines(facts: &Facts, drivers: &[&str]) -> Vec<MachineName> {
    let both = [("mariadb", "mysql"), ("sqlite", "sqlite")].into_iter();
    let both = both.filter(|(engine, driver)| drivers.contains(driver) && speaks(facts, engine).is_ok());
    both.filter_map(|(engine, _)| engine.parse().ok()).collect()
}

/// `8.2.35-1+deb` as numbers: 8, 2, 35.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}

/// The family of a platform's Drupal, by what its last verify found, or else by `core`.
pub(crate) fn family(platform: &PlatformContext, core: &str) -> Result<Family, Fault> {
    let text = platform.facts.as_ref().map_or(core, |facts| facts.core.as_str());
    let version: Option<CoreVersion> = text.parse().ok();
    version.and_then(|version| version.family()).ok_or_else(|| PhpFault::NoFamily { core: text.to_owned() }.into())
}

/// Asks Drupal about one site.
pub(crate) struct Asker<'w> {
    world: &'w World,
    site: SiteContext,
    platform: PlatformContext,
    family: Family,
    uri: String,
    credentials: Credentials,
    pool: Pool,
}

/// Which of a platform's pools is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    /// The one whose answers come within minutes.
    Asked,
    /// The one that runs updates.
    Updates,
}

impl<'w> Asker<'w> {
    /// For `site`, with its credentials as they lie in the home.
    pub(crate) fn of(world: &'w World, site: &SiteContext, platform: &PlatformContext) -> Result<Asker<'w>, Fault> {
        Asker::with(world, site, platform, read_credentials(world, &site.name)?, Pool::Asked)
    }

    /// For a `site` that is not in service yet, with other credentials, in the pool that runs updates.
    pub(crate) fn of_trial(
        world: &'w World,
        site: &SiteContext,
        platform: &PlatformContext,
        credentials: Credentials,
    ) -> Result<Asker<'w>, Fault> {
        Asker::with(world, site, platform, credentials, Pool::Updates)
    }

    fn with(
        world: &'w World,
        site: &SiteContext,
        platform: &PlatformContext,
        credentials: Credentials,
        pool: Pool,
    ) -> Result<Asker<'w>, Fault> {
        let server = world.contexts().server(&platform.server)?;
        let port = server.http.map_or(80, |http| http.listen.port());
        let name: HostName = match &site.redirect {
            Redirect::To(name) => name.clone(),
            Redirect::None => site.name.host(),
        };
        let uri = if port == 80 { format!("http://{name}") } else { format!("http://{name}:{port}") };
        Ok(Asker {
            world,
            site: site.clone(),
            platform: platform.clone(),
            family: family(platform, &site.core)?,
            uri,
            credentials,
            pool,
        })
    }

    /// How its Drupal is driven.
    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// The address that the site is reached on, without a path.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// What the site's own secrets are derived from.
    pub(crate) fn hash_salt(&self) -> &Password {
        &self.credentials.hash_salt
    }

    /// Where the site's own installer is called in a browser.
    pub(crate) fn installer_address(&self) -> String {
        let script = match self.family {
            Family::Seven => "install.php",
            Family::Eight => "core/install.php",
        };
        format!("{}/{script}", self.uri)
    }

    /// Has the site's Drupal answer, in php-fpm and with the rights of the web server's workers: its code is not
    /// ours, and gets no others for being asked.
    ///
    /// Where one user runs everything, and php-fpm does not, a process of its own is asked.
    pub(crate) fn ask<T: DeserializeOwned>(&self, operation: Operation, limit: Duration) -> Result<T, Fault> {
        match pool::ask(self, operation.clone(), limit) {
            Err(fault) if self.pool == Pool::Asked && self.world.parts.one_user && pool::is_silent(&fault) => {
                self.ask_process(operation, limit)
            }
            answer => answer,
        }
    }

    /// Runs Drupal's installer, in a process of its own: it takes long, and a site that is not there yet has no
    /// code.
    pub(crate) fn install(&self, install: Install, limit: Duration) -> Result<Installed, Fault> {
        self.ask_process(Operation::Install(Box::new(install)), limit)
    }

    /// A question about the site, with its secrets. It is not begun any more after `until`, and opens `open` alone.
    fn input(&self, operation: Operation, until: Option<u64>, open: Option<Vec<PathBuf>>) -> Password {
        let question = Question {
            root: self.platform.root.clone(),
            site: self.site.name.clone().into(),
            uri: self.uri.clone(),
            credentials: self.credentials.clone(),
            until,
            open,
            operation,
        };
        Password::new(String::from_utf8_lossy(&question.expose()).into_owned())
    }

    /// What no log may hold.
    fn secrets(&self) -> Vec<Password> {
        vec![self.credentials.db_passwd.clone(), self.credentials.hash_salt.clone()]
    }

    /// The folder for temporary files of the site.
    fn temp(&self) -> PathBuf {
        self.platform.root.site_dir(&self.site.name).join("private/temp")
    }

    /// Asks on the command line, and waits for the answer: at most `limit`, and no longer than the line may take.
    fn ask_process<T: DeserializeOwned>(&self, operation: Operation, limit: Duration) -> Result<T, Fault> {
        let world = self.world;
        let name = operation.as_str();
        let new = matches!(operation, Operation::Install(_));
        let mut secrets = self.secrets();
        if let Operation::Install(install) = &operation {
            secrets.push(install.account_password.clone());
        }
        let script = scripts(world)?.join(operation.script(self.family));
        let input = self.input(operation, None, None);
        let settings = &world.parts.settings;
        let cmd = Cmd::new(program(world, &self.platform))
            .args(self.arguments(&self.temp(), new)?)
            .arg(script.to_string_lossy());
        let mut launch = Launch::new(cmd.clone())
            .in_dir(self.platform.root.path())
            .stdin(input)
            .answering()
            .limits(Limits { time: limit, memory: Some(settings.program_memory), ..Limits::default() });
        if new {
            // The one that takes long, and all that it makes is taken back.
            launch = launch.until(world.until_cancelled());
        }
        let mut listener = Listener::default();
        let mut told = 0;
        let ran = world.programs.run(&launch, &mut |line| {
            for said in listener.hear(format!("{line}\n").as_bytes()) {
                if let Told::Progress { task, .. } = said {
                    told += 1;
                    world.progress(told, &task);
                }
            }
        })?;
        if ran.ended == aegir_host::Ended::Stopped {
            return Err(super::Stopped { program: "Drupal's installer" }.into());
        }
        let how = ran.ended.to_string();
        tell_noise(world, name, &without(&secrets, &[ran.stdout.as_str(), ran.stderr.as_str()].join("\n")));
        Ok(listener.answer(name, &how)?)
    }

    /// Options of PHP for our scripts: errors where they are not taken for answers, no mail, temporary
    /// files inside the site, and no more of the machine than the site's code needs.
    ///
    /// A `new` site has nothing of its own yet: what runs is the platform's code alone, and being held
    /// to folders would nearly double the time of its installer (PHP then caches no paths).
    fn arguments(&self, temp: &Path, new: bool) -> Result<Vec<String>, Fault> {
        let world = self.world;
        let opcache = world.home().cache().join("opcache");
        let mut disabled = MEDDLERS.to_vec();
        let trusted = world.parts.settings.trusts(&self.platform.name);
        if !trusted {
            disabled.extend(PROGRAM_STARTERS);
        }
        if !trusted && !new {
            disabled.extend(UNHELD);
        }
        let mut options = vec![
            "display_errors=stderr".to_owned(),
            "log_errors=0".into(),
            "html_errors=0".into(),
            "memory_limit=1G".into(),
            // A site that is being made has nobody to write to.
            "sendmail_path=/bin/true".into(),
            format!("sys_temp_dir={}", temp.display()),
            format!("upload_tmp_dir={}", temp.display()),
            "ffi.enable=0".into(),
            format!("session.save_path={}", temp.display()),
            format!("disable_functions={}", disabled.join(",")),
        ];
        if !new {
            let mut open = basedir::may_open_on_command_line(world, &self.site, &self.platform)?;
            open.push(scripts(world)?);
            open.push(world.home().credentials_of(&ContextName::Site(self.site.name.clone())));
            let open: Vec<_> = open.iter().map(|path| path.to_string_lossy()).collect();
            options.push(format!("open_basedir={}", open.join(":")));
        }
        if matches!(world.files().kind(&opcache), Ok(Some(_))) {
            options.extend([
                "opcache.enable_cli=1".into(),
                format!("opcache.file_cache={}", opcache.display()),
                "opcache.file_cache_only=1".into(),
            ]);
        }
        Ok(options.into_iter().flat_map(|option| ["-d".to_owned(), option]).collect())
    }
}

/// Says what PHP said beside its answer, if anything.
fn tell_noise(world: &World, operation: &str, noise: &str) {
    if !noise.trim().is_empty() {
        world.say_with(format!("PHP said beside its answer, during `{operation}`"), noise.to_owned());
    }
}

/// What a site's code prints may hold its secrets, as `print_r($databases)` does.
pub(crate) fn without(secrets: &[Password], text: &str) -> String {
    let long = secrets.iter().filter(|secret| secret.expose().len() >= 8);
    long.fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "(a secret)"))
}

/// The folder with our driver scripts.
fn scripts(world: &World) -> Result<PathBuf, Fault> {
    scripts_in(world, &world.home().cache(), 0o700, 0o600)
}

/// The same where workers of php-fpm may read them. They hold nothing that is not in every copy of Ægir.
fn scripts_for_pools(world: &World) -> Result<PathBuf, Fault> {
    scripts_in(world, &world.home().run(), 0o755, 0o644)
}

/// The scripts in a folder of their own in `parent`, written once for each version of them.
fn scripts_in(world: &World, parent: &Path, folder_mode: u32, file_mode: u32) -> Result<PathBuf, Fault> {
    let all: String = SCRIPTS.iter().map(|(path, text)| format!("{path}\n{text}\n")).collect();
    // As PHP sees it, without links: `run` can be one.
    let parent = world.files().real(parent)?.unwrap_or_else(|| parent.to_owned());
    let folder = parent.join(format!("drivers-{:08x}", crc32fast::hash(all.as_bytes())));
    if world.files().kind(&folder)?.is_some() {
        return Ok(folder);
    }
    // Made whole beside its place: two first tasks may be at it at once.
    let making = parent.join(format!("drivers-{}", world.task.attempt));
    for (path, text) in SCRIPTS {
        let path = making.join(path);
        if let Some(parent) = path.parent() {
            world.files().make_dirs(parent, folder_mode)?;
        }
        world.files().write(&path, text.as_bytes(), file_mode)?;
    }
    match world.files().rename(&making, &folder) {
        Err(fault) if fault.trouble() != Trouble::Taken => return Err(fault.into()),
        Err(_) => world.files().remove_tree(&making)?,
        Ok(changed) => changed,
    };
    Ok(folder)
}

/// A site's credentials, as they lie in the home.
pub(crate) fn read_credentials(world: &World, site: &aegir_domain::SiteName) -> Result<Credentials, Fault> {
    credentials_at(world, &world.home().credentials_of(&ContextName::Site(site.clone())))
}

/// The credentials in the file `path`: of a site, or of a former self of one.
pub(crate) fn credentials_at(world: &World, path: &Path) -> Result<Credentials, Fault> {
    let path = path.to_owned();
    let text = world.files().read_text(&path)?.ok_or(PhpFault::NoCredentials { path: path.clone() })?;
    Ok(serde_json::from_str(&text).map_err(|source| PhpFault::BadCredentials { path, source })?)
}

/// Why PHP cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PhpFault {
    #[error("`{}` is PHP {version}, and the platform needs {needs}", program.display())]
    TooOld { program: PathBuf, version: String, needs: String },
    #[error("`{}` lacks the extension `{extension}`", program.display())]
    Lacks { program: PathBuf, extension: &'static str },
    #[error("`{}` does not answer like PHP", program.display())]
    Odd { program: PathBuf, source: serde_json::Error },
    #[error("`{core}` is no version of Drupal that Ægir can drive")]
    NoFamily { core: String },
    #[error("the site's credentials in `{}` are gone", path.display())]
    NoCredentials { path: PathBuf },
    #[error("the site's credentials in `{}` cannot be read", path.display())]
    BadCredentials { path: PathBuf, source: serde_json::Error },
}

impl Remedy for PhpFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            PhpFault::TooOld { .. } => {
                "install a newer PHP, and name its program in the platform's record: `aegir provision save @platform_… --php /usr/bin/php8.x`".into()
            }
            PhpFault::Lacks { extension, .. } => format!(
                "install it: on Debian, the package php-{}",
                extension.trim_start_matches("pdo_").replace("simplexml", "xml").replace("dom", "xml").replace("sqlite", "sqlite3")
            ),
            PhpFault::Odd { program, .. } => format!("see what `{} -v` prints", program.display()),
            PhpFault::NoFamily { .. } => "use a platform of Drupal 7 to 11".into(),
            PhpFault::NoCredentials { path } | PhpFault::BadCredentials { path, .. } => {
                format!("put `{}` back from a backup of the home", path.display())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_of_php_compare_by_their_numbers() {
        assert!(numbers("8.10.1") > numbers("8.2.35"));
        assert!(numbers("8.2.35-1+deb12u1") >= numbers("8.1.0"));
        assert!(numbers("7.4.33") < numbers("8.1"));
    }
}
