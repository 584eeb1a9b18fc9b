//! Save and forget: what is known of an object changes, and nothing else.

use aegir_domain::{
    Context, ContextName, DbService, Fault, PlatformName, PlatformRoot, Remedy, ServerContext, SiteContext, SiteName,
};
use aegir_host::Kind;
use aegir_recipe::{Action, Afterwards, Check, Committed, Recipe, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::contexts::{ContextFault, read};
use crate::service::http::vhost_path;
use crate::step::context::{ForgetContext, SaveContext, SavedText};
use crate::step::file::{Keep, TakeAway, Was, put_back};
use crate::{World, platform};

/// Saves a context.
pub(crate) struct Save {
    pub(crate) context: Context,
}

impl Recipe<World> for Save {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        save(run, &self.context)?;
        run.answer("saved", self.context.name().to_string());
        run.point_of_no_return(Afterwards::new())
    }
}

/// The lines that save `context`, if it says something else than what is saved: alone, or before a verify.
pub(crate) fn save(run: &mut Run<'_, World>, context: &Context) -> Result<(), Fault> {
    let name = context.name();
    let was = run.check(SavedText { name: name.clone() })?;
    run.check(Acceptable { context: context.clone(), was: was.clone() })?;
    let saved = match &was {
        Some(text) => Some(read(&name, text, run.world().home().context(&name))?),
        None => None,
    };
    let revision = saved.as_ref().map_or(0, Context::revision);
    if saved.as_ref() != Some(&context.clone().with_revision(revision)) {
        run.step(SaveContext { context: context.clone().with_revision(revision + 1), was })?;
    }
    if run.world().task.secret(run.world().files(), "db_password")?.is_some() {
        let path = run.world().home().credentials_of(&name);
        let was = run.step(Keep { path, name: "credentials".into() })?;
        run.step(SaveServerPassword { server: name, was })?;
    }
    Ok(())
}

/// The context was made from what is saved now, and fits the others.
struct Acceptable {
    context: Context,
    was: Option<String>,
}

impl Check<World> for Acceptable {
    type Output = ();
    const NAME: &'static str = "acceptable";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let name = self.context.name();
        let saved = match &self.was {
            Some(text) => Some(read(&name, text, world.home().context(&name))?),
            None => None,
        };
        let has = saved.as_ref().map_or(0, Context::revision);
        if has != self.context.revision() {
            return Err(ContextFault::Stale { name, has, from: self.context.revision() }.into());
        }
        match (&self.context, saved) {
            (Context::Server(server), saved) => {
                if let Some(Context::Server(old)) = saved {
                    keeps_its_data(world, &old, server, &name)?;
                }
                server_is_whole(world, server, &name)
            }
            (Context::Platform(new), saved) => {
                world.contexts().server(&new.server)?;
                if let Some(Context::Platform(old)) = saved
                    && (old.root != new.root || old.server != new.server)
                    && sites_of(world, &name)?.next().is_some()
                {
                    return Err(SaveFault::RootFixed { name, root: old.root }.into());
                }
                platform::root_is_acceptable(world, &new.name, &new.root)
            }
            (Context::Site(new), Some(Context::Site(old))) => site_may_change(world, &old, new),
            (Context::Site(new), _) => Err(SaveFault::NewSite { site: new.name.clone() }.into()),
        }
    }
}

/// Sites' databases stay where they were made: the server cannot become another while there are any.
fn keeps_its_data(world: &World, old: &ServerContext, new: &ServerContext, name: &ContextName) -> Result<(), Fault> {
    let place = |server: &ServerContext| match &server.db {
        None => None,
        Some(DbService::Sqlite {}) => Some(None),
        Some(DbService::Mariadb { at, .. }) => Some(Some(at.clone())),
    };
    match place(old).is_some() && place(old) != place(new) && sites_of(world, name)?.next().is_some() {
        true => Err(SaveFault::DataFixed { name: name.clone() }.into()),
        false => Ok(()),
    }
}

fn server_is_whole(world: &World, server: &ServerContext, name: &ContextName) -> Result<(), Fault> {
    let given = world.task.secret(world.files(), "db_password")?.is_some();
    let kept = world.files().kind(&world.home().credentials_of(name))?.is_some();
    if matches!(server.db, Some(DbService::Mariadb { .. })) && !given && !kept {
        return Err(SaveFault::NoPassword { name: name.clone() }.into());
    }
    if let Some(http) = &server.http {
        world.parts.http_drivers.named(http.engine.as_str())?;
    }
    Ok(())
}

/// Of a site, its other names, redirect, client and what it is kept from may change; the rest is its identity.
fn site_may_change(world: &World, old: &SiteContext, new: &SiteContext) -> Result<(), Fault> {
    let changed = SiteContext {
        aliases: new.aliases.clone(),
        redirect: new.redirect.clone(),
        client: new.client.clone(),
        quiet: new.quiet,
        cron: new.cron,
        revision: new.revision,
        ..old.clone()
    };
    if changed != *new {
        return Err(SaveFault::Identity { site: old.name.clone() }.into());
    }
    crate::site::names_are_free(world, &new.name, &new.names(), &new.redirect)
}

/// Writes the password of a database server's account, from the task's secret `db_password`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SaveServerPassword {
    pub(crate) server: ContextName,
    pub(crate) was: Was,
}

impl Action<World> for SaveServerPassword {
    type Output = ();
    const NAME: &'static str = "save-server-password";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let password = world.task_secret("db_password")?;
        let text = serde_json::json!({ "password": password.expose() }).to_string();
        world.files().write(&world.home().credentials_of(&self.server), text.as_bytes(), 0o600)?;
        Ok(())
    }
}

impl Undo<World> for SaveServerPassword {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        put_back(world, &world.home().credentials_of(&self.server), &self.was)
    }
}

/// Forgets a context.
pub(crate) struct Forget {
    pub(crate) name: ContextName,
}

impl Recipe<World> for Forget {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let was = run.check(SavedText { name: self.name.clone() })?;
        run.check(Unused { name: self.name.clone(), saved: was.is_some() })?;
        if let ContextName::Platform(platform) = &self.name {
            let platform = run.world().contexts().platform(platform)?;
            platform::withdraw(run, &platform)?;
        }
        run.step(ForgetContext { name: self.name.clone(), was })?;
        let credentials = run.world().home().credentials_of(&self.name);
        if matches!(self.name, ContextName::Server(_)) && run.world().files().kind(&credentials)?.is_some() {
            let was = run.step(Keep { path: credentials.clone(), name: "credentials".into() })?;
            run.step(TakeAway { path: credentials, was })?;
        }
        run.answer("forgotten", self.name.to_string());
        run.point_of_no_return(Afterwards::new())
    }
}

/// The context is there, and nothing refers to it.
struct Unused {
    name: ContextName,
    saved: bool,
}

impl Check<World> for Unused {
    type Output = ();
    const NAME: &'static str = "unused";

    fn look(&self, world: &World) -> Result<(), Fault> {
        if !self.saved {
            return Err(ContextFault::Missing { name: self.name.clone() }.into());
        }
        if let ContextName::Site(site) = &self.name {
            return Err(SaveFault::SiteStays { site: site.clone() }.into());
        }
        must_be_unused(world, &self.name)
    }
}

/// Refuses an object that others refer to, by their names.
pub(crate) fn must_be_unused(world: &World, name: &ContextName) -> Result<(), Fault> {
    let by: Vec<String> = sites_of(world, name)?.chain(platforms_of(world, name)?).collect();
    if !by.is_empty() {
        return Err(SaveFault::Used { name: name.clone(), by }.into());
    }
    match name {
        ContextName::Platform(platform) => nobody_answers(world, platform),
        _ => Ok(()),
    }
}

/// Refuses a platform with a site that Ægir let go of, and that the web server still answers for with the platform's PHP.
fn nobody_answers(world: &World, platform: &PlatformName) -> Result<(), Fault> {
    let platform = world.contexts().platform(platform)?;
    let server = ContextName::Server(platform.server.clone());
    let Some(Context::Server(server)) = world.contexts().find(&server)? else { return Ok(()) };
    let sites = platform.root.path().join("sites");
    if server.http.is_none() || world.files().kind(&sites)? != Some(Kind::Dir) {
        return Ok(());
    }
    for name in world.files().list(&sites)? {
        let Ok(site) = name.parse::<SiteName>() else { continue };
        if world.contexts().find(&ContextName::Site(site.clone()))?.is_some() {
            continue;
        }
        let vhost = vhost_path(world, &server, &site)?;
        if world.files().kind(&sites.join(&name))? == Some(Kind::Dir) && world.files().kind(&vhost)?.is_some() {
            return Err(SaveFault::StillAnswers { platform: platform.name, site, vhost }.into());
        }
    }
    Ok(())
}

fn sites_of(world: &World, name: &ContextName) -> Result<impl Iterator<Item = String>, Fault> {
    let refers = |site: &SiteContext| match name {
        ContextName::Platform(platform) => {
            site.platform == *platform || site.formers.iter().any(|former| former.platform == *platform)
        }
        ContextName::Server(server) => {
            site.db_server == *server || site.formers.iter().any(|former| former.db_server == *server)
        }
        ContextName::Site(_) => false,
    };
    let sites: Vec<_> =
        world.contexts().sites()?.into_iter().filter(refers).map(|site| format!("@{}", site.name)).collect();
    Ok(sites.into_iter())
}

fn platforms_of(world: &World, name: &ContextName) -> Result<impl Iterator<Item = String>, Fault> {
    let all = world.contexts().all()?.into_iter().filter_map(|context| match (context, name) {
        (Context::Platform(platform), ContextName::Server(server)) if platform.server == *server => {
            Some(format!("@platform_{}", platform.name))
        }
        _ => None,
    });
    Ok(all.collect::<Vec<_>>().into_iter())
}

#[derive(Debug, thiserror::Error)]
enum SaveFault {
    #[error("the account of the database service of `{name}` has no password")]
    NoPassword { name: ContextName },
    #[error("path and server of `{name}` cannot change: sites live at `{root}`")]
    RootFixed { name: ContextName, root: PlatformRoot },
    #[error("the database service of `{name}` cannot become another: sites have their data there")]
    DataFixed { name: ContextName },
    #[error("there is no site `{site}` yet")]
    NewSite { site: SiteName },
    #[error("of the site `{site}`, only other names, redirect and client can be saved")]
    Identity { site: SiteName },
    #[error("the site `{site}` cannot be forgotten: it would run on with nobody to look after it")]
    SiteStays { site: SiteName },
    #[error("`{name}` is used by {}", by.join(", "))]
    Used { name: ContextName, by: Vec<String> },
    #[error("the web server answers with `{platform}` for `{site}`, which Ægir let go of")]
    StillAnswers { platform: PlatformName, site: SiteName, vhost: std::path::PathBuf },
}

impl Remedy for SaveFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            SaveFault::NoPassword { .. } => {
                "give it with `--db-password-file FILE` (a file that only you can read), or `-` for standard input"
                    .into()
            }
            SaveFault::RootFixed { .. } => "save the new place as another platform".into(),
            SaveFault::DataFixed { .. } => "save the other database service as a server of its own".into(),
            SaveFault::NewSite { site } => format!("make it with `aegir provision install @{site} …`"),
            SaveFault::Identity { .. } => "leave the other values as they are".into(),
            SaveFault::SiteStays { site } => {
                format!("delete it with `aegir provision delete @{site} --confirm={site}`")
            }
            SaveFault::Used { .. } => "delete or move those first".into(),
            SaveFault::StillAnswers { vhost, .. } => {
                format!("once something else serves it, move `{}` away; then ask again", vhost.display())
            }
        })
    }
}
