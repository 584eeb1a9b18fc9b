//! Which objects a task holds while it runs.
//!
//! Said once for both halves: the back end holds locks of these names, and the front end starts no
//! task that would only wait for them.

use crate::{Context, ContextName, HostName, LockMode, PlatformName, ServerName, SiteName, Task, TaskLock};

/// What is saved of an object, if anything is: how the two halves look that up differs.
pub type Known<'a, F> = &'a dyn Fn(&ContextName) -> Result<Option<Context>, F>;

impl TaskLock {
    fn site(name: &HostName) -> TaskLock {
        // A `*` is no good in a file's name, and `_` is in no host name.
        TaskLock { name: format!("site-{}", name.as_str().replace('*', "_")), mode: LockMode::Exclusive }
    }

    fn server(name: &ServerName, mode: LockMode) -> TaskLock {
        TaskLock { name: format!("server-{name}"), mode }
    }

    fn platform(name: &PlatformName, mode: LockMode) -> TaskLock {
        TaskLock { name: format!("platform-{name}"), mode }
    }

    /// For whoever takes locks.
    pub fn as_wanted(&self) -> (String, LockMode) {
        (self.name.clone(), self.mode)
    }

    /// As a journal and the front end keep it.
    pub fn as_record(&self) -> (String, String) {
        let mode = match self.mode {
            LockMode::Exclusive => "exclusive",
            LockMode::Shared => "shared",
        };
        (self.name.clone(), mode.to_owned())
    }

    /// As it was kept; nothing if nobody understands that.
    pub fn from_record((name, mode): &(String, String)) -> Option<TaskLock> {
        let mode = match mode.as_str() {
            "exclusive" => LockMode::Exclusive,
            "shared" => LockMode::Shared,
            _ => return None,
        };
        Some(TaskLock { name: name.clone(), mode })
    }
}

/// The objects that `task` holds: exclusive what it changes, shared what must not go away beneath it.
pub fn locks_of<F>(task: &Task, known: Known<'_, F>) -> Result<Vec<TaskLock>, F> {
    let mut locks = match task {
        Task::SaveContext { context } => {
            let mut locks = named(&context.name(), known)?;
            match context {
                Context::Site(site) => locks.extend(site.aliases.iter().map(TaskLock::site)),
                Context::Platform(platform) => locks.push(TaskLock::server(&platform.server, LockMode::Shared)),
                Context::Server(_) => (),
            }
            locks
        }
        Task::ForgetContext { name } => named(name, known)?,
        Task::VerifyServer { server, .. } => named(&ContextName::Server(server.clone()), known)?,
        Task::BuildPlatform(build) => {
            vec![
                TaskLock::platform(&build.platform, LockMode::Exclusive),
                TaskLock::server(&build.server, LockMode::Shared),
            ]
        }
        Task::VerifyPlatform { platform, context } => {
            let mut locks = named(&ContextName::Platform(platform.clone()), known)?;
            locks.extend(context.iter().map(|context| TaskLock::server(&context.server, LockMode::Shared)));
            locks
        }
        Task::DeletePlatform { platform, .. } => named(&ContextName::Platform(platform.clone()), known)?,
        Task::RestorePlatform { platform, server, .. } => {
            vec![TaskLock::platform(platform, LockMode::Exclusive), TaskLock::server(server, LockMode::Shared)]
        }
        Task::InstallSite(install) => {
            let mut locks =
                vec![TaskLock::site(&install.site.host()), TaskLock::platform(&install.platform, LockMode::Shared)];
            locks.push(TaskLock::server(&install.db_server, LockMode::Shared));
            locks.extend(server_of(&install.platform, known)?);
            locks.extend(install.aliases.iter().map(TaskLock::site));
            locks
        }
        Task::ImportSite(import) => {
            // There is one `sites/default`, and names of other sites may lead there.
            let mode = if import.from_default { LockMode::Exclusive } else { LockMode::Shared };
            let mut locks = vec![TaskLock::site(&import.site.host()), TaskLock::platform(&import.platform, mode)];
            locks.extend(server_of(&import.platform, known)?);
            locks.extend(import.db_server.iter().map(|server| TaskLock::server(server, LockMode::Shared)));
            locks.extend(import.aliases.iter().map(TaskLock::site));
            locks
        }
        Task::VerifySite { site, context: Some(context) } => {
            let mut locks = of_site(site, known)?;
            locks.extend(context.aliases.iter().map(TaskLock::site));
            locks
        }
        Task::MigrateSite(migrate) => {
            let mut locks = of_site(&migrate.site, known)?;
            locks.push(TaskLock::platform(&migrate.platform, LockMode::Shared));
            locks.extend(server_of(&migrate.platform, known)?);
            locks.extend(migrate.db_server.iter().map(|server| TaskLock::server(server, LockMode::Shared)));
            locks
        }
        Task::CloneSite(clone) => {
            // The site that is copied goes on; it must only not go away.
            let mut locks = of_site(&clone.site, known)?;
            locks.iter_mut().for_each(|lock| lock.mode = LockMode::Shared);
            locks.push(TaskLock::site(&clone.to.host()));
            locks.extend(clone.aliases.iter().map(TaskLock::site));
            if let Some(platform) = &clone.platform {
                locks.push(TaskLock::platform(platform, LockMode::Shared));
                locks.extend(server_of(platform, known)?);
            }
            locks.extend(clone.db_server.iter().map(|server| TaskLock::server(server, LockMode::Shared)));
            locks
        }
        Task::RenameSite { site, to, .. } => {
            let mut locks = of_site(site, known)?;
            locks.push(TaskLock::site(&to.host()));
            locks
        }
        Task::GoBackSite { site, .. } => {
            let mut locks = of_site(site, known)?;
            if let Some(Context::Site(context)) = known(&ContextName::Site(site.clone()))? {
                // It may be called again what it was called then.
                for names in context.formers.iter().filter_map(|former| former.names.as_ref()) {
                    locks.push(TaskLock::site(&names.site.host()));
                    locks.extend(names.aliases.iter().map(TaskLock::site));
                }
            }
            locks
        }
        Task::VerifySite { site, context: None }
        | Task::Login { site, .. }
        | Task::RebuildCaches { site }
        | Task::UpdateSite { site, .. }
        | Task::DropFormers { site, .. }
        | Task::DisableSite { site, .. }
        | Task::EnableSite { site }
        | Task::EjectSite { site }
        | Task::DeleteSite { site, .. }
        | Task::BackupSite { site, .. } => of_site(site, known)?,
        Task::VerifyBackup { backup, platform, db_server } => of_site_at(&backup.site(), platform, db_server, known)?,
        Task::RestoreBackup { backup, new_site, platform, db_server, .. } => {
            // Of a new site: also the one it is made like, whose platform and server it gets if none is named.
            let mut locks = of_site_at(&backup.site(), platform, db_server, known)?;
            locks.extend(new_site.iter().map(|site| TaskLock::site(&site.host())));
            locks
        }
        Task::DeleteBackup { backup } => of_site(&backup.site(), known)?,
        Task::Custom(custom) => named(&custom.object, known)?,
        Task::RefreshCopy(refresh) => of_site(&refresh.site, known)?,
    };
    put_in_order(&mut locks);
    Ok(locks)
}

/// The same, with sites' names that whoever asked has found out.
pub fn with_names(mut locks: Vec<TaskLock>, names: &[HostName]) -> Vec<TaskLock> {
    locks.extend(names.iter().map(TaskLock::site));
    put_in_order(&mut locks);
    locks
}

/// The same, with servers that must not go away meanwhile.
pub fn with_servers(mut locks: Vec<TaskLock>, servers: &[ServerName]) -> Vec<TaskLock> {
    locks.extend(servers.iter().map(|server| TaskLock::server(server, LockMode::Shared)));
    put_in_order(&mut locks);
    locks
}

fn put_in_order(locks: &mut Vec<TaskLock>) {
    // Of a lock that is wanted twice, the exclusive one.
    locks.sort_by(|a, b| (&a.name, a.mode == LockMode::Shared).cmp(&(&b.name, b.mode == LockMode::Shared)));
    locks.dedup_by(|next, kept| next.name == kept.name);
}

/// What is held while a site is compared with a platform: all shared, since nothing changes.
pub fn locks_to_compare<F>(site: &SiteName, platform: &PlatformName, known: Known<'_, F>) -> Result<Vec<TaskLock>, F> {
    let mut locks = of_site(site, known)?;
    locks.push(TaskLock::platform(platform, LockMode::Shared));
    locks.extend(server_of(platform, known)?);
    locks.iter_mut().for_each(|lock| lock.mode = LockMode::Shared);
    locks.sort_by(|a, b| a.name.cmp(&b.name));
    locks.dedup();
    Ok(locks)
}

fn named<F>(name: &ContextName, known: Known<'_, F>) -> Result<Vec<TaskLock>, F> {
    Ok(match name {
        ContextName::Server(server) => {
            vec![TaskLock::server(server, LockMode::Exclusive)]
        }
        ContextName::Platform(platform) => {
            let mut locks = vec![TaskLock::platform(platform, LockMode::Exclusive)];
            locks.extend(server_of(platform, known)?);
            locks
        }
        ContextName::Site(site) => of_site(site, known)?,
    })
}

/// A site, its other names, and its platform, if it is known; and those that its former selves lie on.
fn of_site<F>(site: &SiteName, known: Known<'_, F>) -> Result<Vec<TaskLock>, F> {
    let mut locks = vec![TaskLock::site(&site.host())];
    if let Some(Context::Site(context)) = known(&ContextName::Site(site.clone()))? {
        locks.extend(context.aliases.iter().map(TaskLock::site));
        locks.push(TaskLock::platform(&context.platform, LockMode::Shared));
        locks.push(TaskLock::server(&context.db_server, LockMode::Shared));
        locks.extend(server_of(&context.platform, known)?);
        for former in &context.formers {
            locks.push(TaskLock::platform(&former.platform, LockMode::Shared));
            locks.push(TaskLock::server(&former.db_server, LockMode::Shared));
            locks.extend(server_of(&former.platform, known)?);
        }
    }
    Ok(locks)
}

/// A site, and where else something is made of its backup.
fn of_site_at<F>(
    site: &SiteName,
    platform: &Option<PlatformName>,
    db_server: &Option<ServerName>,
    known: Known<'_, F>,
) -> Result<Vec<TaskLock>, F> {
    let mut locks = of_site(site, known)?;
    if let Some(platform) = platform {
        locks.push(TaskLock::platform(platform, LockMode::Shared));
        locks.extend(server_of(platform, known)?);
    }
    locks.extend(db_server.iter().map(|server| TaskLock::server(server, LockMode::Shared)));
    Ok(locks)
}

/// The server that serves a platform, if it is known: it must not change while its sites do.
fn server_of<F>(platform: &PlatformName, known: Known<'_, F>) -> Result<Option<TaskLock>, F> {
    Ok(match known(&ContextName::Platform(platform.clone()))? {
        Some(Context::Platform(platform)) => Some(TaskLock::server(&platform.server, LockMode::Shared)),
        _ => None,
    })
}
