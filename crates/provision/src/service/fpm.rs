//! php-fpm: for each platform a pool that answers visitors, one that Ægir asks about its sites, and one for what takes
//! long, as a site's updates do: a request is ended by its pool alone, and those of the others end within minutes.
//!
//! All three stay, and have no process while nobody asks: a pool that came and went would have php-fpm reload, and each
//! reload has all sites' PHP compile its code anew.

use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{Fault, PlatformContext, PlatformName, Remedy};
use aegir_drivers::php::{Asks, Children, FpmMain, Pool, Programs, check, fpm_programs};
use aegir_host::{Ended, Launch, Limits, LockMode, WebFault};

use super::ServiceRestarting;
use crate::World;
use crate::service::http::Down;

/// The page that a pool answers its number on.
const PING: &str = "/aegir-ping";
/// The page on which a pool tells what it is answering.
const STATUS: &str = "/aegir-status";
/// However it is set, updates end by then.
pub(crate) const LONGEST_UPDATE: Duration = Duration::from_secs(6 * 3600);
/// How long a request that nobody waits for any more gets to come to its end before php-fpm reloads because of it.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// What the name of the pool for updates ends with.
const UPDATES: &str = "updates";
/// The longest that anybody waits for what Drupal says about a site: until all its caches are rebuilt.
pub(crate) const LONGEST_QUESTION: Duration = Duration::from_secs(240);
/// How long an idle pool may take to say so.
const AT_ONCE: Duration = Duration::from_millis(250);
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

/// The pools of one platform.
pub(crate) struct PoolOf<'w> {
    world: &'w World,
    platform: &'w PlatformContext,
}

impl<'w> PoolOf<'w> {
    /// Those of `platform`.
    pub(crate) fn new(world: &'w World, platform: &'w PlatformContext) -> PoolOf<'w> {
        PoolOf { world, platform }
    }

    /// Their file.
    pub(crate) fn path(&self) -> PathBuf {
        self.world.home().pools(&self.platform.server).join(format!("platform_{}.conf", self.platform.name))
    }

    /// The text that its file should hold, with the generation that it has, or with `generation`.
    pub(crate) fn text(&self, generation: u64) -> Result<String, Fault> {
        let web = self.world.parts.web_user.clone();
        let visits = Pool {
            name: format!("platform_{}", self.platform.name),
            user: web.clone(),
            listen: self.world.php_socket(&self.platform.name),
            listen_owner: web,
            asks: Asks::Visitors,
            children: Children::OnDemand { max: 16, idle_seconds: 60 },
            generation,
            programs: match self.world.parts.settings.trusts(&self.platform.name) {
                true => Programs::Allowed,
                false => Programs::Refused,
            },
            request_seconds: 300,
            slow_log: None,
            temp: self.world.parts.sockets.join("php"),
            settings: vec![("memory_limit".into(), "256M".into())],
        };
        let settings = [
            // Once in a task, and not at the cost of others.
            ("memory_limit", "1G"),
            // A file that changed a moment ago is the one that is asked about.
            ("opcache.validate_timestamps", "1"),
            ("opcache.revalidate_freq", "0"),
            ("ffi.enable", "0"),
        ];
        let asked = Pool {
            // No platform's name has a dot.
            name: format!("platform_{}.ask", self.platform.name),
            listen: self.world.ask_socket(&self.platform.name),
            asks: Asks::Aegir,
            // A little longer than anybody waits for an answer.
            request_seconds: LONGEST_QUESTION.as_secs() + 10,
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..visits.clone()
        };
        let templates = self.world.templates()?;
        let updates = Pool {
            name: format!("platform_{}.{UPDATES}", self.platform.name),
            listen: self.world.update_socket(&self.platform.name),
            children: Children::OnDemand { max: 16, idle_seconds: 10 },
            request_seconds: update_limit(self.world).as_secs(),
            ..asked.clone()
        };
        let pools = [visits.file(&templates)?, asked.file(&templates)?, updates.file(&templates)?];
        Ok(pools.map(|pool| pool.text.expose().to_owned()).join("\n"))
    }

    /// How long updates may take: as the operator says, and no longer than their pool lets them, which has the setting
    /// of the platform's last verify.
    pub(crate) fn update_limit(&self) -> Result<Duration, Fault> {
        let text = self.world.files().read_text(&self.path())?.unwrap_or_default();
        let seconds = text
            .split_once(&format!(".{UPDATES}]"))
            .and_then(|(_, pool)| value(pool, "request_terminate_timeout")?.trim_end_matches('s').parse().ok());
        let set = update_limit(self.world);
        Ok(seconds.map_or(set, |seconds| set.min(Duration::from_secs(seconds))))
    }

    /// Ends what this task asked of updates, if anything of it still runs: nobody waits for it any more. It had its time
    /// once its database let go of it; if that does not end it, php-fpm does, by a reload.
    pub(crate) fn end_updates(&self) -> Result<(), Fault> {
        let clock = &self.world.parts.clock;
        let began = clock.now();
        let mut reloaded = false;
        while self.is_updating() {
            let waited = clock.now().saturating_sub(began);
            if waited >= LAST_WORDS && !reloaded {
                self.world.warn("Updates go on though nobody waits for them: php-fpm reloads, which ends them");
                self.reload(None)?;
                reloaded = true;
            }
            if waited >= LAST_WORDS + RELOAD_LIMIT + RELOAD_LIMIT {
                return Err(FpmFault::GoesOn { platform: self.platform.name.clone() }.into());
            }
            clock.sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Whether php-fpm is at something that this task asked of updates. Where nothing answers, nothing runs.
    pub(crate) fn is_updating(&self) -> bool {
        let socket = self.world.update_socket(&self.platform.name);
        let busy = self.world.parts.web.busy_php(&socket, STATUS, Duration::from_secs(5));
        let tag = self.world.task.attempt.to_string();
        match busy {
            Ok(tags) => tags.contains(&tag),
            // While it reloads, it answers nobody and ends what it was at.
            Err(WebFault::NoAnswer { .. }) => true,
            Err(_) => false,
        }
    }

    /// Whether php-fpm is at nobody's page: it says so at once, or it is not known.
    pub(crate) fn is_idle(&self) -> bool {
        let socket = self.world.php_socket(&self.platform.name);
        let busy = self.world.parts.web.busy_php(&socket, STATUS, AT_ONCE);
        busy.is_ok_and(|tags| tags.is_empty())
    }

    /// The generation in the text of a file.
    pub(crate) fn generation(text: &str) -> u64 {
        value(text, "ping.response").and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Puts `text` in service, or leaves the pool as it was; `None` takes it away.
    pub(crate) fn publish(&self, text: Option<&str>, down: Down) -> Result<(), Fault> {
        let world = self.world;
        let wanted = [(format!("pools-server-{}", self.platform.server), LockMode::Exclusive)];
        let note = format!("attempt {}", world.task.attempt);
        let patience = world.parts.settings.patience();
        let _lock = aegir_host::locks::take(&world.home().locks(), &wanted, patience, &note, &mut |_| ())?;
        let before = world.files().read_text(&self.path())?;
        self.swap(text)?;
        if let Err(fault) = self.test() {
            self.swap(before.as_deref())?;
            return Err(fault);
        }
        match self.reload(text.map(Self::generation)) {
            Err(fault) if down == Down::Tolerated && is_down(&fault) => Ok(()),
            result => result,
        }
    }

    /// Whether all pools answer with what `text` says.
    pub(crate) fn answers(&self, generation: u64) -> bool {
        let answers = |socket: PathBuf| {
            let answer = self.world.parts.web.ping_php(&socket, PING, Duration::from_secs(5));
            answer.is_ok_and(|said| said.trim().parse() == Ok(generation))
        };
        let platform = &self.platform.name;
        let world = self.world;
        [world.php_socket(platform), world.ask_socket(platform), world.update_socket(platform)].into_iter().all(answers)
    }

    /// Puts `text` in its file's place. Where it lies there already, what a killed process had on its way
    /// there is taken away, and nothing else happens.
    pub(crate) fn swap(&self, text: Option<&str>) -> Result<(), Fault> {
        match text {
            Some(text) => {
                // A stack that runs since before there were such folders has none.
                for folder in ["ask", "upd"] {
                    self.world.files().make_dir(&self.world.parts.sockets.join(folder), 0o700)?;
                }
                self.world.files().write(&self.path(), text.as_bytes(), 0o600)?
            }
            None => self.world.files().remove_file(&self.path())?,
        };
        Ok(())
    }

    fn test(&self) -> Result<(), Fault> {
        let world = self.world;
        let pools = world.home().pools(&self.platform.server);
        if world.files().list(&pools)?.iter().all(|name| !name.ends_with(".conf")) {
            return Ok(());
        }
        let scratch = world.task.path.join("test");
        world.files().make_dirs(&scratch, 0o700)?;
        let main =
            FpmMain { pid: scratch.join("fpm.pid"), error_log: scratch.join("fpm.log"), pools, reload_seconds: 30 };
        let path = scratch.join("fpm.conf");
        world.files().write_unsynced(&path, main.text(&world.templates()?)?.as_bytes(), 0o600)?;
        let Some(program) = self.program() else { return Err(FpmFault::NoProgram.into()) };
        let cmd = check(&program, &path);
        let launch = Launch::new(cmd.clone()).limits(Limits { time: Duration::from_secs(30), ..Limits::default() });
        let ran = world.programs.run(&launch, &mut |_| ())?;
        match ran.ended {
            Ended::Code(0) => Ok(()),
            _ => Err(FpmFault::Refused { said: ran.stderr.trim().to_owned() }.into()),
        }
    }

    fn program(&self) -> Option<PathBuf> {
        // `php` is a link to the machine's own version, `php8.2`, whose php-fpm has the same ending.
        let php = self.platform.php.clone().or_else(|| self.world.find_program(&["php".into()]))?;
        let php = self.world.files().real(&php).ok().flatten().unwrap_or(php);
        let version = php.file_name()?.to_str()?.strip_prefix("php").filter(|version| !version.is_empty());
        self.world.find_program(&fpm_programs(version))
    }

    fn reload(&self, generation: Option<u64>) -> Result<(), Fault> {
        self.world.parts.services.reload("php-fpm")?;
        let Some(generation) = generation else { return Ok(()) };
        let clock = &self.world.parts.clock;
        let began = clock.now();
        while clock.now().saturating_sub(began) < RELOAD_LIMIT {
            if self.answers(generation) {
                return Ok(());
            }
            clock.sleep(Duration::from_millis(20));
        }
        Err(ServiceRestarting { service: "php-fpm", seconds: RELOAD_LIMIT.as_secs() }.into())
    }
}

/// The value of the first setting of this name in the text of a pool.
fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let rest = text.lines().find_map(|line| line.trim().strip_prefix(name))?;
    Some(rest.trim_start_matches([' ', '=']).trim_matches(['"', ' ']))
}

/// How long updates may take, as the operator says.
fn update_limit(world: &World) -> Duration {
    Duration::from_secs(world.parts.settings.update_limit.max(1)).min(LONGEST_UPDATE - Duration::from_secs(60))
}

fn is_down(fault: &Fault) -> bool {
    matches!(fault.downcast_ref(), Some(aegir_host::ServiceFault::NotRunning { .. }))
}

#[derive(Debug, thiserror::Error)]
enum FpmFault {
    #[error("there is no php-fpm on this machine")]
    NoProgram,
    #[error("php-fpm refuses its new configuration: {said}")]
    Refused { said: String },
    #[error("php-fpm is still at updates on the platform `{platform}` that nobody waits for")]
    GoesOn { platform: PlatformName },
}

impl Remedy for FpmFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            FpmFault::NoProgram => "install it: on Debian, the package php-fpm".into(),
            FpmFault::GoesOn { platform } => format!(
                "look for the process that goes on (`pgrep -af 'pool platform_{platform}.{UPDATES}'`), end it, then run \
                 `aegir provision recover`"
            ),
            FpmFault::Refused { .. } => "correct what it names, then retry. What was running runs on".into(),
        })
    }
}
