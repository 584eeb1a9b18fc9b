//! php-fpm: for each platform a pool that answers visitors, and one that Ægir asks about its sites.
//!
//! What takes long, as a site's updates do, gets a pool of its own while its task runs: a request is ended by its pool
//! alone, and those of a platform end within minutes.

use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{Fault, PlatformContext, Remedy};
use aegir_drivers::php::{Asks, Children, FpmMain, Pool, Programs, check, fpm_programs};
use aegir_host::{Ended, Launch, Limits, LockMode};

use super::ServiceRestarting;
use crate::World;
use crate::service::http::Down;

/// The page that a pool answers its number on.
const PING: &str = "/aegir-ping";
/// The longest that anybody waits for what Drupal says about a site: until all its caches are rebuilt.
pub(crate) const LONGEST_QUESTION: Duration = Duration::from_secs(240);
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

/// The pool of one platform.
pub(crate) struct PoolOf<'w> {
    world: &'w World,
    platform: &'w PlatformContext,
    /// How long a request may take, of the pool that is lent to this task.
    lent: Option<Duration>,
}

impl<'w> PoolOf<'w> {
    /// That of `platform`.
    pub(crate) fn new(world: &'w World, platform: &'w PlatformContext) -> PoolOf<'w> {
        PoolOf { world, platform, lent: None }
    }

    /// One for this task alone, with PHP as `platform` has it where Ægir asks, whose requests may take `limit`.
    pub(crate) fn lent(world: &'w World, platform: &'w PlatformContext, limit: Duration) -> PoolOf<'w> {
        PoolOf { world, platform, lent: Some(limit) }
    }

    /// Its file.
    pub(crate) fn path(&self) -> PathBuf {
        let name = match self.lent {
            Some(_) => format!("lent_{}.conf", self.world.task.attempt),
            None => format!("platform_{}.conf", self.platform.name),
        };
        self.world.home().pools(&self.platform.server).join(name)
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
            // Nobody is written to because Ægir looks at a site.
            ("sendmail_path", "/bin/true"),
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
        if let Some(limit) = self.lent {
            let lent = Pool {
                name: format!("lent_{}", self.world.task.attempt),
                listen: self.world.lent_socket(),
                children: Children::OnDemand { max: 2, idle_seconds: 10 },
                request_seconds: limit.as_secs(),
                ..asked
            };
            return Ok(lent.file(&templates)?.text.expose().to_owned());
        }
        Ok([visits.file(&templates)?.text.expose(), asked.file(&templates)?.text.expose()].join("\n"))
    }

    /// The generation in the text of a file.
    pub(crate) fn generation(text: &str) -> u64 {
        text.lines()
            .find_map(|line| line.trim().strip_prefix("ping.response"))
            .and_then(|rest| rest.trim_start_matches([' ', '=']).trim_matches(['"', ' ']).parse().ok())
            .unwrap_or(0)
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

    /// Whether both pools answer with what `text` says.
    pub(crate) fn answers(&self, generation: u64) -> bool {
        let answers = |socket: PathBuf| {
            let answer = self.world.parts.web.ping_php(&socket, PING, Duration::from_secs(5));
            answer.is_ok_and(|said| said.trim().parse() == Ok(generation))
        };
        let platform = &self.platform.name;
        if self.lent.is_some() {
            return answers(self.world.lent_socket());
        }
        answers(self.world.php_socket(platform)) && answers(self.world.ask_socket(platform))
    }

    /// Puts `text` in its file's place. Where it lies there already, what a killed process had on its way
    /// there is taken away, and nothing else happens.
    pub(crate) fn swap(&self, text: Option<&str>) -> Result<(), Fault> {
        match text {
            Some(text) => {
                // A stack that runs since before there was such a folder has none.
                self.world.files().make_dir(&self.world.parts.sockets.join("ask"), 0o700)?;
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

fn is_down(fault: &Fault) -> bool {
    matches!(fault.downcast_ref(), Some(aegir_host::ServiceFault::NotRunning { .. }))
}

#[derive(Debug, thiserror::Error)]
enum FpmFault {
    #[error("there is no php-fpm on this machine")]
    NoProgram,
    #[error("php-fpm refuses its new configuration: {said}")]
    Refused { said: String },
}

impl Remedy for FpmFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            FpmFault::NoProgram => "install it: on Debian, the package php-fpm".into(),
            FpmFault::Refused { .. } => "correct what it names, then retry. What was running runs on".into(),
        })
    }
}
