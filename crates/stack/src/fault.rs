//! What can go wrong with the private stack, and the way out of it.

use std::io;
use std::path::PathBuf;

use aegir_domain::{HttpEngine, Remedy};

use crate::check::Finding;
use crate::service::Service;

/// An error of the private stack.
#[derive(Debug, thiserror::Error)]
pub enum StackFault {
    /// Something is missing on the machine.
    #[error("the private stack cannot run here: {}", .0.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; "))]
    Unfit(Vec<Finding>),
    /// No such account.
    #[error("this machine has no account `{name}`")]
    NoAccount {
        /// The account asked for.
        name: String,
    },
    /// The groups of the machine would not keep sites from PHP's sockets, or the web server from sites.
    #[error("{why}")]
    Groups {
        /// What is amiss.
        why: String,
        /// The command that mends it.
        fix: String,
    },
    /// The home exists and is another's.
    #[error("the home `{}` belongs to another user (number {owner})", home.display())]
    NotOurs {
        /// The home.
        home: PathBuf,
        /// Who has it.
        owner: u32,
    },
    /// Another `aegir up` has this home.
    #[error("the home `{}` is in use by process {pid}{}", home.display(), program.as_ref().map(|line| format!(" (`{line}`)")).unwrap_or_default())]
    InUse {
        /// The home.
        home: PathBuf,
        /// The process that has it.
        pid: i32,
        /// Its command line.
        program: Option<String>,
    },
    /// The home has been used with another web server.
    #[error("the sites in `{}` are written for {}, not for {}", home.display(), kept.as_str(), asked.as_str())]
    OtherWebServer {
        /// The home.
        home: PathBuf,
        /// The web server it has been used with.
        kept: HttpEngine,
        /// The one that was asked for.
        asked: HttpEngine,
    },
    /// A file or directory resisted.
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// What was attempted.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of ours does not read as what it is.
    #[error("`{}` cannot be understood", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The remembered port is another program's.
    #[error("port {port} is in use by {}", by.as_deref().unwrap_or("another program"))]
    PortTaken {
        /// The port.
        port: u16,
        /// Who has it, where that can be seen.
        by: Option<String>,
        /// Where the port is remembered.
        remembered: PathBuf,
    },
    /// The PHP program is not there.
    #[error("there is no PHP program `{}`", php.display())]
    NoPhp {
        /// The program.
        php: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Its version does not show.
    #[error("the version of the PHP program `{}` does not show in its name", php.display())]
    UnknownPhp {
        /// The program.
        php: PathBuf,
    },
    /// There is no php-fpm of its version.
    #[error("there is no `{wanted}`, which runs the web's PHP for `{}`", php.display())]
    NoFpm {
        /// The program.
        php: PathBuf,
        /// The name of its php-fpm.
        wanted: String,
    },
    /// It was asked to end, and did not.
    #[error("the stack that process {pid} keeps did not end within {seconds} s")]
    StaysUp {
        /// The process.
        pid: i32,
        /// How long we waited.
        seconds: u64,
    },
    /// None was free.
    #[error("no free port was found")]
    NoPort,
    /// The address is not one of this machine.
    #[error("this machine has no address `{address}` that sites could answer on")]
    NoAddress {
        /// The address.
        address: std::net::IpAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Ports below 1024 are for root.
    #[error("this user may not answer on port {port}")]
    NotAllowed {
        /// The port.
        port: u16,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A program did not start.
    #[error("cannot start `{}`", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program that should end did not.
    #[error("`{}` did not end within {seconds} seconds", program.display())]
    TooLong {
        /// The program.
        program: PathBuf,
        /// Its time.
        seconds: u64,
    },
    /// A service ended while it should begin.
    #[error("{service} ended while starting ({how})")]
    Died {
        /// The service.
        service: Service,
        /// Its status.
        how: String,
        /// What its log ends with.
        #[source]
        source: LogTail,
    },
    /// A service did not answer in time.
    #[error("{service} did not answer within {seconds} seconds ({last})")]
    NotReady {
        /// The service.
        service: Service,
        /// Its time.
        seconds: u64,
        /// What the last attempt said.
        last: String,
        /// What its log ends with.
        #[source]
        source: LogTail,
    },
    /// A service died again and again.
    #[error("{service} died {times} times within a minute; everything was stopped")]
    KeepsDying {
        /// The service.
        service: Service,
        /// How often.
        times: usize,
        /// What its log ends with.
        #[source]
        source: LogTail,
    },
    /// The data directory could not be made.
    #[error("cannot make a new database directory ({how})")]
    Initialise {
        /// The status of the program that makes it.
        how: String,
        /// What it said.
        #[source]
        source: LogTail,
    },
    /// The database refuses our password.
    #[error("the database refuses the password of its account `{account}`")]
    Refused {
        /// The account.
        account: String,
        /// Where the password lies.
        credentials: PathBuf,
        /// Its words.
        #[source]
        source: Box<aegir_host::SqlFault>,
    },
    /// A process of a killed `aegir up` goes on.
    #[error("process {pid} ({service}), left over from an earlier `aegir up`, does not end")]
    LeftOver {
        /// The process.
        pid: i32,
        /// What it runs.
        service: Service,
    },
    /// The lock of the home resisted.
    #[error("cannot take the home for ourselves")]
    Lock(#[source] aegir_host::LockFault),
    /// A configuration could not be written.
    #[error("cannot describe the services")]
    Describe(#[from] aegir_drivers::DriverFault),
    /// Stopped before all was up.
    #[error("stopped before everything was up")]
    Interrupted,
}

/// The end of a log, as the cause of an error.
#[derive(Debug, thiserror::Error)]
#[error("the end of `{}` says:\n{text}", log.display())]
pub struct LogTail {
    pub(crate) log: PathBuf,
    pub(crate) text: String,
}

impl Remedy for StackFault {
    fn remedy(&self) -> Option<String> {
        match self {
            StackFault::Unfit(findings) => {
                let ways: Vec<&str> = findings.iter().map(|finding| finding.remedy.as_str()).collect();
                Some(ways.join("; "))
            }
            StackFault::NoAccount { name } => {
                Some(format!("as root, run `useradd --system --user-group {name}`, or start as a person instead"))
            }
            StackFault::Groups { fix, .. } => {
                Some(format!("as root, run `make setup`, or `{fix}`; or start as a person instead"))
            }
            StackFault::NotOurs { .. } => Some("start as that user, or name another folder with `--home`".into()),
            StackFault::OtherWebServer { kept, asked, .. } => Some(format!(
                "say `--http {}`, or leave it out; for {}, name another home with `--home`",
                kept.as_str(),
                asked.as_str()
            )),
            StackFault::InUse { pid, .. } => Some(format!(
                "use the one that runs, or end it with `kill {pid}`, or name another folder with `--home`"
            )),
            StackFault::PortTaken { port, by: _, remembered } => Some(format!(
                "end that program, or choose another port with `--port`, or remove `{}` to have a new one chosen \
                 (the address of every site then changes from port {port})",
                remembered.display()
            )),
            StackFault::NoPhp { .. } | StackFault::UnknownPhp { .. } => {
                Some("name one such as `/usr/bin/php8.2`; `ls /usr/bin/php*` lists those of this machine".into())
            }
            StackFault::NoFpm { wanted, .. } => {
                let (php, version) = wanted.split_at(wanted.find(|c: char| c.is_ascii_digit()).unwrap_or(wanted.len()));
                Some(format!("install the package `php{version}-{}`", php.trim_start_matches("php-")))
            }
            StackFault::StaysUp { pid, .. } => {
                Some(format!("see what it waits for, or have it end at once: `kill {pid}` once more"))
            }
            StackFault::NoPort => Some("name a port with `--port`".into()),
            StackFault::NoAddress { .. } => {
                Some("name one that `ip address` lists with `--listen`, or leave it out for this machine alone".into())
            }
            StackFault::NotAllowed { .. } => Some("choose a port from 1024 on with `--port`, or start as root".into()),
            StackFault::Refused { credentials, .. } => Some(format!(
                "put the right password into `{0}`, or remove `{0}`: the next start then sets a new one",
                credentials.display()
            )),
            StackFault::LeftOver { pid, .. } => Some(format!("end it with `kill -9 {pid}`, then start again")),
            StackFault::Died { service, source, .. } | StackFault::KeepsDying { service, source, .. } => Some(format!(
                "the last lines of `{}` tell why; if a snippet of configuration is named there, correct it, then start {service} again with `aegir up`",
                source.log.display()
            )),
            StackFault::Unreadable { path, .. } => {
                Some(format!("correct `{0}`, or remove it: what it holds is then chosen anew", path.display()))
            }
            StackFault::Lock(fault) => fault.remedy(),
            StackFault::Describe(fault) => fault.remedy(),
            StackFault::File { .. }
            | StackFault::Spawn { .. }
            | StackFault::TooLong { .. }
            | StackFault::NotReady { .. }
            | StackFault::Initialise { .. }
            | StackFault::Interrupted => None,
        }
    }
}
