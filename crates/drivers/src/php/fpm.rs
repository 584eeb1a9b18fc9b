//! Pools of php-fpm: one for each platform, unless sites must be apart.

use std::path::PathBuf;

use minijinja::context;

use crate::{ConfigFile, DriverFault, Templates};

/// What starts other programs from PHP, and is disabled unless an operator allows it: a site's code
/// could else leave its `open_basedir`.
pub const PROGRAM_STARTERS: [&str; 13] = [
    "exec",
    "passthru",
    "pcntl_exec",
    "pcntl_fork",
    "pcntl_rfork",
    "pcntl_forkx",
    "pcntl_unshare",
    "popen",
    "proc_open",
    "shell_exec",
    "system",
    "dl",
    // With `LD_PRELOAD` set, the program that `mail` starts would run a site's own code.
    "putenv",
];

/// What meddles with processes of others that have the same user, and with what they run: all pools of a
/// php-fpm share one cache of code. Disabled always; nothing of Drupal's needs it.
pub const MEDDLERS: [&str; 9] = [
    "posix_kill",
    "proc_nice",
    "opcache_compile_file",
    "opcache_get_configuration",
    "opcache_get_status",
    "opcache_is_script_cached",
    "opcache_reset",
    // What others of the platform opened.
    "realpath_cache_get",
    "realpath_cache_size",
];

/// What `open_basedir` does not hold. A link could lead elsewhere by the time that it is followed, since PHP remembers
/// where paths lead when Ægir asks; and curl's memory of HSTS and Alt-Svc is written wherever its options say,
/// so a site could spoil what others uploaded. Disabled unless an operator allows it; Drupal's own requests
/// then go through PHP's streams.
pub const UNHELD: [&str; 8] = [
    "symlink",
    "link",
    "curl_init",
    "curl_copy_handle",
    "curl_setopt",
    "curl_setopt_array",
    "curl_exec",
    "curl_multi_exec",
];

/// What lets a script go on when its request has its answer, out of reach of the pool's time limit. Disabled
/// where Ægir itself asks: what it asked ends when it says so.
pub const LINGERERS: [&str; 1] = ["fastcgi_finish_request"];

/// Who is answered by a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The web server, for visitors.
    Visitors,
    /// Ægir, about sites.
    Aegir,
}

/// Whether PHP may start programs, and use what `open_basedir` does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// No.
    Refused,
    /// An operator allowed it.
    Allowed,
}

/// How many processes a pool has, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Children {
    /// None until somebody asks; each ends after `idle_seconds` without work.
    OnDemand {
        /// The most at a time.
        max: u64,
        /// See above.
        idle_seconds: u64,
    },
    /// Some are kept waiting.
    Dynamic {
        /// The most at a time.
        max: u64,
        /// At least so many are kept waiting; at most three times as many.
        spare: u64,
    },
}

/// A pool.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its name, unique in its php-fpm: the platform's, or the site's if it has a pool of its own.
    pub name: String,
    /// User and group of its processes, when the master starts as root.
    pub user: Option<(String, String)>,
    /// Its socket, mode 0660.
    pub listen: PathBuf,
    /// User and group of the socket, when the master starts as root.
    pub listen_owner: Option<(String, String)>,
    /// Who is answered.
    pub asks: Asks,
    /// Its processes.
    pub children: Children,
    /// What `/aegir-ping` answers: it changes with every reload.
    pub generation: u64,
    /// Whether its PHP may start programs, and use what `open_basedir` does not hold.
    pub programs: Programs,
    /// After so many seconds a request is ended.
    pub request_seconds: u64,
    /// Where requests slower than ten seconds are noted.
    pub slow_log: Option<PathBuf>,
    /// A folder for temporary files of requests that belong to no site; a vhost names its site's own.
    pub temp: PathBuf,
    /// More settings of PHP that sites cannot change: `memory_limit`.
    pub settings: Vec<(String, String)>,
}

impl Pool {
    /// The pool's file, relative to the folder of pools.
    pub fn file(&self, templates: &Templates) -> Result<ConfigFile, DriverFault> {
        let (user, group) = self.user.clone().unzip();
        let (listen_owner, listen_group) = self.listen_owner.clone().unzip();
        let (pm, max, idle, spare) = match self.children {
            Children::OnDemand { max, idle_seconds } => ("ondemand", max.max(1), idle_seconds, 0),
            Children::Dynamic { max, spare } => ("dynamic", max.max(1), 0, spare.clamp(1, max.max(1))),
        };
        let mut disabled = match self.programs {
            Programs::Refused => [&PROGRAM_STARTERS[..], &MEDDLERS, &UNHELD].concat(),
            Programs::Allowed => MEDDLERS.to_vec(),
        };
        if self.asks == Asks::Aegir {
            disabled.extend(LINGERERS);
        }
        let text = templates.render(
            "fpm/pool.conf",
            context! {
                name => self.name.clone(),
                user, group,
                listen => self.listen.to_string_lossy(),
                listen_owner, listen_group,
                pm,
                max_children => max,
                idle,
                start => spare,
                min_spare => spare,
                max_spare => (spare * 3).min(max),
                generation => self.generation,
                terminate => self.request_seconds,
                slow_log => self.slow_log.as_ref().map(|path| path.to_string_lossy()),
                temp => self.temp.to_string_lossy(),
                disabled => disabled.join(","),
                settings => self.settings.clone(),
            },
        )?;
        Ok(ConfigFile::new(format!("{}.conf", self.name), text, 0o600))
    }
}

/// The main configuration of php-fpm in the private stack.
#[derive(Clone, Debug)]
pub struct FpmMain {
    /// Where the master writes its process id.
    pub pid: PathBuf,
    /// The error log.
    pub error_log: PathBuf,
    /// The folder of pools. php-fpm refuses to start without any.
    pub pools: PathBuf,
    /// How long a reload waits for requests that are being answered.
    pub reload_seconds: u64,
}

impl FpmMain {
    /// Its text.
    pub fn text(&self, templates: &Templates) -> Result<String, DriverFault> {
        let values = context! {
            pid => self.pid.to_string_lossy(),
            error_log => self.error_log.to_string_lossy(),
            pools => self.pools.join("*.conf").to_string_lossy(),
            reload_grace => self.reload_seconds,
        };
        templates.render("fpm/main.conf", values)
    }
}
