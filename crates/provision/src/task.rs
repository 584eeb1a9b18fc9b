//! Which objects a task holds here, and which recipe carries it out.

pub(crate) use aegir_domain::TaskLock as Locked;
use aegir_domain::{Context, ContextName, Task};
use aegir_recipe::Recipe;

use crate::contexts::{ContextFault, Contexts};
use crate::{World, backup, context_task, platform, server, site, task_types};

/// The objects that `task` holds, by what is saved here.
pub(crate) fn locks_of(task: &Task, contexts: &Contexts<'_>) -> Result<Vec<Locked>, ContextFault> {
    let locks = aegir_domain::locks_of(task, &|name| contexts.find(name))?;
    Ok(match task {
        // What a site that is gone is to be called again stands in its backup alone.
        Task::RestoreBackup { backup, new_site: None, .. }
            if contexts.find(&ContextName::Site(backup.site()))?.is_none() =>
        {
            aegir_domain::with_names(locks, &backup::names_in(contexts, backup))
        }
        // Which of them has its data stands in its settings alone.
        Task::ImportSite(import) if import.db_server.is_none() && import.copy_of.is_none() => {
            let servers = contexts.all()?.into_iter().filter_map(|context| match context {
                Context::Server(server) => Some(server.name),
                _ => None,
            });
            aegir_domain::with_servers(locks, &servers.collect::<Vec<_>>())
        }
        _ => locks,
    })
}

/// The recipe that carries out `task`.
pub(crate) fn recipe_of(task: &Task) -> Box<dyn Recipe<World>> {
    match task.clone() {
        Task::SaveContext { context } => Box::new(context_task::Save { context }),
        Task::ForgetContext { name } => Box::new(context_task::Forget { name }),
        Task::VerifyServer { server, context } => Box::new(server::Verify { server, context }),
        Task::BuildPlatform(build) => Box::new(platform::Build { asked: *build }),
        Task::VerifyPlatform { platform, context } => Box::new(platform::Verify { platform, context }),
        Task::DeletePlatform { platform, confirm } => Box::new(platform::Delete { platform, confirm }),
        Task::RestorePlatform { platform, server, thing } => Box::new(platform::Restore { platform, server, thing }),
        Task::InstallSite(install) => Box::new(site::Install { asked: *install }),
        Task::VerifySite { site, context } => Box::new(site::Verify { site, context }),
        Task::RebuildCaches { site } => Box::new(site::RebuildCaches { site }),
        Task::Login { site, account } => Box::new(site::Login { site, account }),
        Task::MigrateSite(migrate) => Box::new(site::Migrate { asked: *migrate }),
        Task::UpdateSite { site, allow_missing, keep } => Box::new(site::Update { site, allow_missing, keep }),
        Task::GoBackSite { site, former, keep, although_broken } => {
            Box::new(site::GoBack { site, former, keep, although_broken })
        }
        Task::DropFormers { site, former } => Box::new(site::DropFormers { site, former }),
        Task::CloneSite(clone) => Box::new(site::Clone { asked: *clone }),
        Task::RenameSite { site, to, old_name, keep } => Box::new(site::Rename { site, to, old_name, keep }),
        Task::DisableSite { site, no_backup } => Box::new(site::Disable { site, no_backup }),
        Task::EnableSite { site } => Box::new(site::Enable { site }),
        Task::ImportSite(import) => Box::new(site::Import { asked: *import }),
        Task::EjectSite { site } => Box::new(site::Eject { site }),
        Task::DeleteSite { site, confirm, no_backup } => Box::new(site::Delete { site, confirm, no_backup }),
        Task::BackupSite { site, note } => Box::new(backup::Backup { site, note }),
        Task::VerifyBackup { backup, platform, db_server } => Box::new(backup::Verify { backup, platform, db_server }),
        Task::RestoreBackup { backup, new_site, platform, db_server, keep } => {
            Box::new(site::Restore { backup, new_site, platform, db_server, keep })
        }
        Task::DeleteBackup { backup } => Box::new(backup::Delete { backup }),
        Task::RefreshCopy(asked) => Box::new(site::Refresh { asked }),
        Task::Custom(custom) => Box::new(task_types::Custom { asked: *custom }),
    }
}
