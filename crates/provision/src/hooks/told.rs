//! What a hook is told: JSON on standard input, and a few variables for scripts that read none.

use aegir_domain::{
    Context, ContextName, Fault, HOOK_VERSION, HookInput, HookObjects, HookPhase, Password, PlatformName, Remedy,
    ServerName, SiteContext, Task,
};

use crate::World;
use crate::worker::Asked;

/// What is saved now of the objects of `task`. What cannot be read is left out: the task's own lines say so.
pub(crate) fn objects(world: &World, task: &Task) -> HookObjects {
    match task.object() {
        ContextName::Server(name) => HookObjects { server: server(world, &name), ..HookObjects::default() },
        ContextName::Platform(name) => of_platform(world, &name),
        name @ ContextName::Site(_) => {
            let renamed = match task {
                Task::RenameSite { to, .. } => Some(ContextName::Site(to.clone())),
                _ => None,
            };
            match renamed.and_then(|name| site(world, &name)).or_else(|| site(world, &name)) {
                Some(site) => HookObjects {
                    db_server: server(world, &site.db_server),
                    site: Some(site.clone()),
                    ..of_platform(world, &site.platform)
                },
                None => before_there_is_a_site(world, task),
            }
        }
    }
}

/// Of a site to come, where it is to live.
fn before_there_is_a_site(world: &World, task: &Task) -> HookObjects {
    match task {
        Task::InstallSite(install) => {
            HookObjects { db_server: server(world, &install.db_server), ..of_platform(world, &install.platform) }
        }
        Task::ImportSite(import) => HookObjects {
            db_server: import.db_server.as_ref().and_then(|name| server(world, name)),
            ..of_platform(world, &import.platform)
        },
        Task::RestoreBackup { platform: Some(platform), db_server, .. } => HookObjects {
            db_server: db_server.as_ref().and_then(|name| server(world, name)),
            ..of_platform(world, platform)
        },
        Task::CloneSite(clone) => match &clone.platform {
            Some(platform) => of_platform(world, platform),
            None => HookObjects::default(),
        },
        _ => HookObjects::default(),
    }
}

fn of_platform(world: &World, name: &PlatformName) -> HookObjects {
    match saved(world, &ContextName::Platform(name.clone())) {
        Some(Context::Platform(platform)) => HookObjects {
            server: server(world, &platform.server),
            platform: Some(Box::new(platform)),
            ..HookObjects::default()
        },
        _ => HookObjects::default(),
    }
}

fn site(world: &World, name: &ContextName) -> Option<Box<SiteContext>> {
    match saved(world, name) {
        Some(Context::Site(site)) => Some(site),
        _ => None,
    }
}

fn server(world: &World, name: &ServerName) -> Option<Box<aegir_domain::ServerContext>> {
    match saved(world, &ContextName::Server(name.clone())) {
        Some(Context::Server(server)) => Some(Box::new(server)),
        _ => None,
    }
}

fn saved(world: &World, name: &ContextName) -> Option<Context> {
    world.contexts().find(name).ok().flatten()
}

/// What a hook reads. It has no secret, and goes the way that secrets go.
pub(super) fn input(world: &World, phase: HookPhase, was: &HookObjects) -> Result<Password, Fault> {
    let asked = asked(world)?;
    let input = HookInput {
        version: HOOK_VERSION,
        phase,
        attempt: world.task.attempt,
        object: asked.task.object(),
        asked_by: asked.asked_by,
        home: world.home().path().to_owned(),
        outcome: phase.outcome(),
        was: was.clone(),
        now: objects(world, &asked.task),
        task: asked.task,
    };
    let mut text = serde_json::to_string_pretty(&input).map_err(Unwritable)?;
    text.push('\n');
    Ok(Password::new(text))
}

/// The same in short, for a script of a few lines.
pub(super) fn variables(world: &World, phase: HookPhase) -> Result<[(&'static str, String); 4], Fault> {
    let task = asked(world)?.task;
    Ok([
        ("HOOK_PHASE", phase.as_str().to_owned()),
        ("HOOK_TASK", task.kind().as_str().to_owned()),
        ("HOOK_OBJECT", task.object().to_string()),
        ("HOOK_ATTEMPT", world.task.attempt.to_string()),
    ])
}

/// The request, as the attempt keeps it: also whoever recovers the task finds it there.
pub(crate) fn asked(world: &World) -> Result<Asked, Fault> {
    let text = world.files().read_text(&world.task.request())?.unwrap_or_default();
    Ok(serde_json::from_str(&text).map_err(Unreadable)?)
}

#[derive(Debug, thiserror::Error)]
#[error("cannot read what was asked for")]
struct Unreadable(#[source] serde_json::Error);

impl Remedy for Unreadable {}

#[derive(Debug, thiserror::Error)]
#[error("cannot write down what a hook is told")]
struct Unwritable(#[source] serde_json::Error);

impl Remedy for Unwritable {}
