//! Puts the parts together: the world that tasks run in, on this machine.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{Home, Remedy};
use aegir_drivers::db::DbDrivers;
use aegir_drivers::http::HttpDrivers;
use aegir_host::{
    Accounts, ControlSocket, Files, Mint, RealDatabases, RealWeb, SystemClock, SystemMint, TaskPrograms, own_gid,
    own_groups, own_uid,
};
use aegir_provision::{Settings, Worker, WorldParts};

use crate::drill::Drilled;
use crate::failure::Failure;
use crate::owner;

/// Where our own binary is, even when it was replaced while it runs.
pub(crate) const OWN_PROGRAM: &str = "/proc/self/exe";
/// How long the private stack may take to answer.
const STACK_LIMIT: Duration = Duration::from_secs(60);

/// What a person or a program gave us: read once, in `main`.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// The home, if one was named.
    pub(crate) home: Option<PathBuf>,
    /// What is to go wrong, in a proof.
    pub(crate) drill: Option<String>,
    /// The variables that say a setting, by their names.
    pub(crate) settings: Vec<(String, String)>,
    /// How a person came over ssh: `SSH_CONNECTION`.
    pub(crate) ssh: Option<String>,
    /// The folders in which a shell looks for programs: `PATH`.
    pub(crate) path: String,
    /// Whether this is the process that stays, of `aegir up --detach`.
    pub(crate) stays: bool,
    /// Where `scripts/setup` wrote down what it did.
    pub(crate) notes: PathBuf,
    /// What the environment says of the terminal.
    pub(crate) wishes: crate::front::Wishes,
    /// All words of the command line.
    pub(crate) words: Vec<String>,
}

impl Given {
    /// The home as an absolute path; without links if it is there, as the private stack names it.
    pub(crate) fn home(&self) -> PathBuf {
        let home = self.home.as_deref().unwrap_or(Path::new("/var/aegir"));
        fs::canonicalize(home).or_else(|_| std::path::absolute(home)).unwrap_or_else(|_| home.to_owned())
    }
}

/// What commands of the back end work with.
pub(crate) struct Composed {
    pub(crate) parts: Arc<WorldParts>,
    /// The text of `AEGIR_DRILL`, for the first worker.
    pub(crate) drill: Option<String>,
}

impl Composed {
    /// Reads the settings and puts everything together; changes nothing.
    pub(crate) fn of(given: &Given) -> Result<Composed, Failure> {
        let path = given.home();
        owner::check(&path, &given.words)?;
        let home = Home::new(path);
        let settings = settings(&home, &given.settings)?;
        let bases = std::iter::once(home.path().to_owned()).chain(settings.platform_bases.iter().cloned()).collect();
        let mut files = Files::new(bases);
        let web = web_account(&home, &settings, &files)?;
        // A link to a shorter path where the home lies too deep for the address of a socket.
        let sockets = match fs::read_link(home.run()) {
            Ok(short) => {
                // What the stack made there for this home is the home's.
                if fs::symlink_metadata(&short).is_ok_and(|found| found.is_dir() && found.uid() == own_uid()) {
                    files = files.add_base(&short);
                }
                short
            }
            Err(_) => home.run(),
        };
        let temporary = home.cache();
        let programs_home = home.path().to_owned();
        let parts = WorldParts {
            databases: Arc::new(RealDatabases),
            services: Arc::new(ControlSocket::new(sockets.join("stack.sock"), STACK_LIMIT)),
            web: Arc::new(RealWeb),
            clock: Arc::new(SystemClock),
            mint: Arc::new(SystemMint) as Arc<dyn Mint>,
            programs: Arc::new(move |lock, on_group, deadline| {
                let programs = TaskPrograms::new(OWN_PROGRAM.into(), on_group, deadline);
                Box::new(programs.keeping(lock).with_home(&programs_home, &temporary))
            }),
            web_gid: web.as_ref().map_or_else(own_gid, |web| web.gid),
            own_gid: own_gid(),
            own_groups: own_groups(),
            web_user: web.and_then(|web| web.user),
            one_user: settings.web_group.is_none() && is_one_user(&sockets),
            db_drivers: DbDrivers::standard(),
            http_drivers: HttpDrivers::standard(),
            sockets,
            home,
            settings,
            files,
        };
        Ok(Composed { parts: Arc::new(parts), drill: given.drill.clone() })
    }

    /// A worker, with what is to go wrong in a proof.
    pub(crate) fn worker(&self) -> Result<Worker, Failure> {
        let Drilled { drill, at_boundary } = Drilled::read(self.drill.as_deref())?;
        Ok(Worker { parts: self.parts.clone(), drill, at_boundary })
    }
}

fn settings(home: &Home, variables: &[(String, String)]) -> Result<Settings, Failure> {
    let path = home.settings_file();
    let text = Files::new(Vec::new()).read_text(&path)?.unwrap_or_default();
    Ok(Settings::read(&text, &path, variables)?)
}

/// As whom the workers of the web server run, where that is not ourselves.
struct WebAccount {
    gid: u32,
    /// Names of user and group, if the private stack runs them as another user.
    user: Option<(String, String)>,
}

/// A private stack that root started gives its sockets to the group of its workers; the settings
/// have the last word.
fn web_account(home: &Home, settings: &Settings, files: &Files) -> Result<Option<WebAccount>, Failure> {
    let accounts = || Accounts::read().map_err(|source| AccountFault::Unreadable { source });
    if let Some(name) = &settings.web_group {
        let accounts = accounts()?;
        let group = accounts
            .group(name)
            .ok_or_else(|| AccountFault::NoGroup { name: name.clone(), settings: home.settings_file() })?;
        return Ok(Some(WebAccount { gid: group.gid, user: None }));
    }
    if files.kind(&home.stack_endpoints())?.is_none() {
        return Ok(None);
    }
    // `run` can be a link to a shorter path.
    let Ok(run) = fs::metadata(home.run()) else { return Ok(None) };
    if run.gid() == own_gid() {
        return Ok(None);
    }
    let accounts = accounts()?;
    let user = accounts.group_by_id(run.gid()).and_then(|group| {
        let user = accounts.user(&group.name).filter(|user| user.gid == group.gid)?;
        Some((user.name.clone(), group.name.clone()))
    });
    Ok(Some(WebAccount { gid: run.gid(), user }))
}

/// Whether all that a stack runs is known to be our own. A stack of root's gives these folders to other groups;
/// where they are gone, nothing is known.
fn is_one_user(sockets: &Path) -> bool {
    let is_own =
        |folder: &Path| fs::metadata(folder).is_ok_and(|found| (found.uid(), found.gid()) == (own_uid(), own_gid()));
    is_own(sockets) && is_own(&sockets.join("php"))
}

#[derive(Debug, thiserror::Error)]
enum AccountFault {
    #[error("cannot read the users and groups of this machine")]
    Unreadable { source: io::Error },
    #[error("this machine has no group `{name}`")]
    NoGroup { name: String, settings: PathBuf },
}

impl Remedy for AccountFault {
    fn remedy(&self) -> Option<String> {
        match self {
            AccountFault::Unreadable { .. } => None,
            AccountFault::NoGroup { settings, .. } => {
                Some(format!("correct `web_group` in `{}`, or leave it out", settings.display()))
            }
        }
    }
}
