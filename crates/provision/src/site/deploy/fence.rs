//! The write fence of a site: visitors are told to come back, and nobody can write to its database. What the web server
//! keeps of pages for everybody goes on meanwhile ([0040](../../../../../docs/decisions/0040-kept-pages-go-on-behind-the-fence.md)).

use std::path::Path;
use std::time::Duration;

use aegir_domain::{
    AttemptId, ContextName, Database, DbName, Fault, PlatformContext, PlatformName, Remedy, ServerName, SiteContext,
    SiteName,
};
use aegir_host::WebAddress;
use aegir_recipe::{Action, Check, Finish, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::DbServer;
use crate::service::fpm::PoolOf;

/// Nobody else has fenced the site.
pub(crate) struct NotFenced {
    pub(crate) site: SiteName,
}

impl Check<World> for NotFenced {
    type Output = ();
    const NAME: &'static str = "not-fenced";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let path = world.home().fence(&self.site);
        match world.files().kind(&path)? {
            None => Ok(()),
            Some(_) => Err(FenceFault::Up { site: self.site.clone(), path }.into()),
        }
    }
}

/// Raises the fence at the web server: from now on PHP is asked nothing by visitors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RaiseFence {
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
    /// Now, in milliseconds since 1970.
    pub(crate) since: u64,
    /// The database of the self that is fenced, where its pages are to go on until the fence is down, whatever is
    /// published meanwhile.
    #[serde(default)]
    pub(crate) shown: Option<DbName>,
}

impl Action<World> for RaiseFence {
    type Output = ();
    const NAME: &'static str = "raise-fence";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let text = format!("{} {}\n", self.attempt, self.since);
        // The web server's workers look whether they are there.
        if let Some(shown) = &self.shown {
            world.files().write(&world.home().fenced_self(&self.site, shown), text.as_bytes(), 0o644)?;
        }
        world.files().write(&world.home().fence(&self.site), text.as_bytes(), 0o644)?;
        Ok(())
    }
}

impl Undo<World> for RaiseFence {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        lower(world, &self.site, self.attempt, self.shown.as_ref()).map(drop)
    }
}

/// Takes down the fence that `attempt` raised, and gives when that was; nothing if it is down. The other flag goes
/// behind it, so that nobody is shown what is not what the fence was raised for.
fn lower(world: &World, site: &SiteName, attempt: AttemptId, shown: Option<&DbName>) -> Result<Option<u64>, Fault> {
    let since = take_down(world, &world.home().fence(site), attempt)?;
    if let Some(shown) = shown {
        take_down(world, &world.home().fenced_self(site, shown), attempt)?;
    }
    Ok(since)
}

/// Removes a flag of `attempt`, and gives when it was put there; nothing if it is another's, or gone.
fn take_down(world: &World, flag: &Path, attempt: AttemptId) -> Result<Option<u64>, Fault> {
    let Some(text) = world.files().read_text(flag)? else { return Ok(None) };
    let Some(since) = text.trim().strip_prefix(&attempt.to_string()) else { return Ok(None) };
    world.files().remove_file(flag)?;
    Ok(since.trim().parse().ok())
}

/// Has nobody write to a site's database: what is being answered comes to its end first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HoldStill {
    pub(crate) server: ServerName,
    pub(crate) database: Database,
    /// Whose PHP answers the site's visitors. The journals of earlier releases do not say.
    #[serde(default)]
    pub(crate) platform: Option<PlatformName>,
}

impl Action<World> for HoldStill {
    type Output = ();
    const NAME: &'static str = "hold-still";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let server = DbServer::of(world, &self.server)?;
        let platform = self.platform.as_ref().map(|name| world.contexts().platform(name)).transpose()?;
        let pool = platform.as_ref().map(|platform| PoolOf::new(world, platform));
        server.drain(&self.database.name, &|| pool.as_ref().is_some_and(PoolOf::is_idle))?;
        server.hold_still(&self.database)
    }
}

impl Undo<World> for HoldStill {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.let_go(&self.database)
    }
}

/// Lets a site write to a database again that was held still.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LetGo {
    pub(crate) server: ServerName,
    pub(crate) database: Database,
}

impl Action<World> for LetGo {
    type Output = ();
    const NAME: &'static str = "let-go";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.let_go(&self.database)
    }
}

impl Undo<World> for LetGo {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.hold_still(&self.database)
    }
}

/// The web server keeps visitors of a site behind the fence, also with what was published just now.
pub(crate) struct FenceStands {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
}

impl Check<World> for FenceStands {
    type Output = ();
    const NAME: &'static str = "fence-stands";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let server = world.contexts().server(&self.platform.server)?;
        let Some(http) = server.http else {
            return Err(crate::site::facts::SiteFault::NoWebService { server: server.name }.into());
        };
        let name = crate::site::probe::main_name(&self.site);
        let host = match http.listen.port() {
            80 => name.to_string(),
            port => format!("{name}:{port}"),
        };
        // Nobody asked for this before: pages that were kept of the site go on behind the fence.
        let path = format!("/?{}", world.task.attempt);
        let answer = world.parts.web.get(&WebAddress::Tcp(http.listen), &host, &path, Duration::from_secs(30))?;
        match answer.status {
            503 => Ok(()),
            status => Err(FenceFault::Answers { site: self.site.name.clone(), status }.into()),
        }
    }
}

/// Takes the fence down: the new self is in service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LowerFence {
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
    /// As when it was raised.
    #[serde(default)]
    pub(crate) shown: Option<DbName>,
}

impl Action<World> for LowerFence {
    type Output = ();
    const NAME: &'static str = "lower-fence";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let since = lower(world, &self.site, self.attempt, self.shown.as_ref())?;
        // A name that the site had, or gets back, is fenced beside its own.
        let is_its_name = matches!(world.contexts().find(&ContextName::Site(self.site.clone())), Ok(Some(_)));
        if let Some(since) = since.filter(|_| is_its_name) {
            let took = world.parts.clock.unix_ms().saturating_sub(since);
            world.say(format!("The fence was up for {:.1} s", took as f64 / 1000.0));
        }
        Ok(())
    }
}

impl Finish<World> for LowerFence {}

#[derive(Debug, thiserror::Error)]
enum FenceFault {
    #[error("the site `{site}` is fenced already: `{}` is there", path.display())]
    Up { site: SiteName, path: std::path::PathBuf },
    #[error("the web server answers {status} for `{site}`, and not that it comes back soon")]
    Answers { site: SiteName, status: u16 },
}

impl Remedy for FenceFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            FenceFault::Up { path, .. } => format!(
                "run `aegir provision recover`; if nothing is left to recover, remove `{}`, and the site answers again",
                path.display()
            ),
            FenceFault::Answers { .. } => {
                "see whether a template of yours, or a snippet in `pre.d` or `post.d`, answers before the fence".into()
            }
        })
    }
}
