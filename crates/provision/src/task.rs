//! Which objects a task holds, and which recipe carries it out.

use aegir_domain::{Context, ContextName, HostName, PlatformName, ServerName, SiteName, Task};
use aegir_host::LockMode;
use aegir_recipe::Recipe;

use crate::contexts::{ContextFault, Contexts};
use crate::{World, context_task, platform, server, site};

/// One object that a task holds while it runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locked {
    /// The name of the lock: a file in `locks/`.
    pub name: String,
    /// Alone, or with others.
    pub mode: LockMode,
}

impl Locked {
    fn site(name: &HostName) -> Locked {
        // A `*` is no good in a file's name, and `_` is in no host name.
        Locked { name: format!("site-{}", name.as_str().replace('*', "_")), mode: LockMode::Exclusive }
    }

    fn server(name: &ServerName, mode: LockMode) -> Locked {
        Locked { name: format!("server-{name}"), mode }
    }

    fn platform(name: &PlatformName, mode: LockMode) -> Locked {
        Locked { name: format!("platform-{name}"), mode }
    }

    pub(crate) fn as_wanted(&self) -> (String, LockMode) {
        (self.name.clone(), self.mode)
    }

    pub(crate) fn as_record(&self) -> (String, String) {
        let mode = match self.mode {
            LockMode::Exclusive => "exclusive",
            LockMode::Shared => "shared",
        };
        (self.name.clone(), mode.to_owned())
    }

    pub(crate) fn from_record((name, mode): &(String, String)) -> Option<Locked> {
        let mode = match mode.as_str() {
            "exclusive" => LockMode::Exclusive,
            "shared" => LockMode::Shared,
            _ => return None,
        };
        Some(Locked { name: name.clone(), mode })
    }
}

/// The objects that `task` holds: exclusive what it changes, shared what must not go away beneath it.
pub fn locks_of(task: &Task, contexts: &Contexts<'_>) -> Result<Vec<Locked>, ContextFault> {
    let mut locks = match task {
        Task::SaveContext { context } => {
            let mut locks = named(&context.name(), contexts)?;
            match context {
                Context::Site(site) => locks.extend(site.aliases.iter().map(Locked::site)),
                Context::Platform(platform) => locks.push(Locked::server(&platform.server, LockMode::Shared)),
                Context::Server(_) => (),
            }
            locks
        }
        Task::ForgetContext { name } => named(name, contexts)?,
        Task::VerifyServer { server } => named(&ContextName::Server(server.clone()), contexts)?,
        Task::BuildPlatform(build) => {
            vec![
                Locked::platform(&build.platform, LockMode::Exclusive),
                Locked::server(&build.server, LockMode::Shared),
            ]
        }
        Task::VerifyPlatform { platform } => named(&ContextName::Platform(platform.clone()), contexts)?,
        Task::InstallSite(install) => {
            let mut locks =
                vec![Locked::site(&install.site.host()), Locked::platform(&install.platform, LockMode::Shared)];
            locks.push(Locked::server(&install.db_server, LockMode::Shared));
            locks.extend(server_of(&install.platform, contexts)?);
            locks.extend(install.aliases.iter().map(Locked::site));
            locks
        }
        Task::VerifySite { site } | Task::Login { site, .. } | Task::DeleteSite { site, .. } => {
            of_site(site, contexts)?
        }
    };
    // Of a lock that is wanted twice, the exclusive one.
    locks.sort_by(|a, b| (&a.name, a.mode == LockMode::Shared).cmp(&(&b.name, b.mode == LockMode::Shared)));
    locks.dedup_by(|next, kept| next.name == kept.name);
    Ok(locks)
}

fn named(name: &ContextName, contexts: &Contexts<'_>) -> Result<Vec<Locked>, ContextFault> {
    Ok(match name {
        ContextName::Server(server) => {
            vec![Locked::server(server, LockMode::Exclusive)]
        }
        ContextName::Platform(platform) => {
            let mut locks = vec![Locked::platform(platform, LockMode::Exclusive)];
            locks.extend(server_of(platform, contexts)?);
            locks
        }
        ContextName::Site(site) => of_site(site, contexts)?,
    })
}

/// A site, its other names, and its platform, if it is known.
fn of_site(site: &SiteName, contexts: &Contexts<'_>) -> Result<Vec<Locked>, ContextFault> {
    let mut locks = vec![Locked::site(&site.host())];
    if let Some(Context::Site(context)) = contexts.find(&ContextName::Site(site.clone()))? {
        locks.extend(context.aliases.iter().map(Locked::site));
        locks.push(Locked::platform(&context.platform, LockMode::Shared));
        locks.push(Locked::server(&context.db_server, LockMode::Shared));
        locks.extend(server_of(&context.platform, contexts)?);
    }
    Ok(locks)
}

/// The server that serves a platform, if it is known: it must not change while its sites do.
fn server_of(platform: &PlatformName, contexts: &Contexts<'_>) -> Result<Option<Locked>, ContextFault> {
    Ok(match contexts.find(&ContextName::Platform(platform.clone()))? {
        Some(Context::Platform(platform)) => Some(Locked::server(&platform.server, LockMode::Shared)),
        _ => None,
    })
}

/// The recipe that carries out `task`.
pub(crate) fn recipe_of(task: &Task) -> Box<dyn Recipe<World>> {
    match task.clone() {
        Task::SaveContext { context } => Box::new(context_task::Save { context }),
        Task::ForgetContext { name } => Box::new(context_task::Forget { name }),
        Task::VerifyServer { server } => Box::new(server::Verify { server }),
        Task::BuildPlatform(build) => Box::new(platform::Build { asked: *build }),
        Task::VerifyPlatform { platform } => Box::new(platform::Verify { platform }),
        Task::InstallSite(install) => Box::new(site::Install { asked: *install }),
        Task::VerifySite { site } => Box::new(site::Verify { site }),
        Task::Login { site, account } => Box::new(site::Login { site, account }),
        Task::DeleteSite { site, confirm } => Box::new(site::Delete { site, confirm }),
    }
}
