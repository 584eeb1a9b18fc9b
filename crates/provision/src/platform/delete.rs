//! Delete platform: its code to the trash, and what the web server and php-fpm have of it away.
//!
//! Only code that lies within the folders where platforms may lie, and that nobody's site needs, is touched; and all of
//! it is moved, so that it can be put back.

use std::path::{Path, PathBuf};

use aegir_domain::{Context, ContextName, Fault, Home, PlatformContext, PlatformName, PlatformRoot, Remedy};
use aegir_host::Kind;
use aegir_recipe::{Action, Afterwards, Check, Committed, Recipe, Run, Undo};
use serde::{Deserialize, Serialize};

use super::{bring_pool_back, project_of};
use crate::World;
use crate::context_task::must_be_unused;
use crate::service::fpm::PoolOf;
use crate::service::http::Down;
use crate::step::context::{ForgetContext, SavedText};
use crate::step::file::{Keep, MakeFolder, SetAside, Was};
use crate::step::web_files::{PlatformFiles, PublishPlatform, Replaced};
use crate::trash::how_long;

/// Takes a platform away.
pub(crate) struct Delete {
    pub(crate) platform: PlatformName,
    pub(crate) confirm: String,
}

impl Recipe<World> for Delete {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let CanGo { platform, code } =
            run.check(PlatformCanGo { platform: self.platform.clone(), typed: self.confirm.clone() })?;
        let name = ContextName::Platform(platform.name.clone());
        let saved = run.check(SavedText { name: name.clone() })?;
        withdraw(run, &platform)?;
        match code {
            Some(Code { folder, trash, mode }) => {
                if run.world().files().kind(&trash)?.is_none() {
                    run.step(MakeFolder { path: trash.clone(), mode: 0o700, group: None })?;
                }
                let aside = run.world().trash_name(platform.name.as_str());
                run.step(SetAside { path: folder, trash: trash.clone(), name: aside.clone(), mode })?;
                let lies = trash.join(aside);
                let until = how_long(run.world().parts.settings.trash_days);
                run.say(format!("The code of `{}` lies in `{}`, {until}", platform.name, lies.display()));
                run.answer("trash", lies.to_string_lossy());
            }
            None => run.say(format!("There is no code at `{}` any more", platform.root)),
        }
        run.step(ForgetContext { name, was: saved })?;
        run.answer("platform", platform.name.as_str());
        run.point_of_no_return(Afterwards::new())
    }
}

/// Has neither php-fpm nor the web server know of a platform any more.
pub(crate) fn withdraw(run: &mut Run<'_, World>, platform: &PlatformContext) -> Result<(), Fault> {
    // Before its first verify nothing of it is in service.
    if platform.facts.is_some() && run.world().contexts().server(&platform.server)?.http.is_some() {
        let found = run.check(PlatformFiles { platform: platform.clone() })?;
        let mut files = Vec::new();
        for (path, _) in found.files {
            if run.world().files().kind(&path)?.is_some() {
                files.push((path, None));
            }
        }
        if !files.is_empty() {
            let files = Replaced::keep(run, files, "platform")?;
            run.step(PublishPlatform { server: platform.server.clone(), files })?;
        }
    }
    let path = PoolOf::new(run.world(), platform).path();
    if run.world().files().kind(&path)?.is_some() {
        let was = run.step(Keep { path, name: "pool".into() })?;
        run.step(WithdrawPool { platform: platform.clone(), was })?;
    }
    Ok(())
}

/// Takes a platform's PHP pool out of service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WithdrawPool {
    pub(crate) platform: PlatformContext,
    pub(crate) was: Was,
}

impl Action<World> for WithdrawPool {
    type Output = ();
    const NAME: &'static str = "withdraw-pool";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        // Nobody needs the pool, so it is as good where php-fpm does not run.
        PoolOf::new(world, &self.platform).publish(None, Down::Tolerated)
    }
}

impl Undo<World> for WithdrawPool {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        bring_pool_back(world, &self.platform, &self.was)
    }
}

/// The platform is known, nobody's site needs it, and its code is Ægir's to move.
struct PlatformCanGo {
    platform: PlatformName,
    typed: String,
}

struct CanGo {
    platform: PlatformContext,
    /// `None`: it is gone already.
    code: Option<Code>,
}

/// The folder that goes.
struct Code {
    folder: PathBuf,
    /// The trash on its file system.
    trash: PathBuf,
    mode: u32,
}

impl Check<World> for PlatformCanGo {
    type Output = CanGo;
    const NAME: &'static str = "platform-can-go";

    fn look(&self, world: &World) -> Result<CanGo, Fault> {
        if self.typed != self.platform.as_str() {
            return Err(DeleteFault::NotConfirmed { platform: self.platform.clone() }.into());
        }
        let platform = world.contexts().platform(&self.platform)?;
        must_be_unused(world, &ContextName::Platform(platform.name.clone()))?;
        let code = code_of(world, &platform)?;
        Ok(CanGo { platform, code })
    }
}

fn code_of(world: &World, platform: &PlatformContext) -> Result<Option<Code>, Fault> {
    let files = world.files();
    let (name, root) = (platform.name.clone(), platform.root.clone());
    let Some(kind) = files.kind(root.path())? else { return Ok(None) };
    let real = files.real(root.path())?;
    if kind != Kind::Dir || real.as_deref() != Some(root.path()) {
        return Err(DeleteFault::Linked { platform: name, root }.into());
    }
    let bases = world.parts.settings.bases(world.home());
    let bases: Vec<PathBuf> = bases.into_iter().map(|base| files.real(&base).ok().flatten().unwrap_or(base)).collect();
    let inside = |path: &Path| bases.iter().any(|base| path.starts_with(base) && path != base);
    if !inside(root.path()) {
        return Err(DeleteFault::Outside { platform: name, root, bases }.into());
    }
    let strangers = sites_in(world, platform)?;
    if !strangers.is_empty() {
        return Err(DeleteFault::HasSites { platform: name, root, sites: strangers }.into());
    }
    let project = root.path().parent().filter(|above| inside(above) && project_of(above, root.path()));
    let folder = project.unwrap_or(root.path()).to_owned();
    for other in world.contexts().all()? {
        if let Context::Platform(other) = other
            && other.name != platform.name
            && other.root.path().starts_with(&folder)
        {
            return Err(DeleteFault::Holds { folder, other: other.name }.into());
        }
    }
    let Some(stat) = files.stat(&folder)? else { return Ok(None) };
    let Some(beside) = folder.parent() else { return Ok(None) };
    Ok(Some(Code { trash: Home::trash_beside(beside), mode: stat.mode & 0o7777, folder }))
}

/// Folders in `sites/` that are somebody's site, though none that Ægir looks after.
fn sites_in(world: &World, platform: &PlatformContext) -> Result<Vec<String>, Fault> {
    let files = world.files();
    let sites = platform.root.path().join("sites");
    if files.kind(&sites)? != Some(Kind::Dir) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in files.list(&sites)? {
        let path = sites.join(&name);
        // A link is no site's folder: what it leads to stays, or is found under its own name.
        if files.kind(&path)? == Some(Kind::Dir) && files.kind(&path.join("settings.php"))?.is_some() {
            found.push(name);
        }
    }
    Ok(found)
}

/// Why a platform cannot be deleted.
#[derive(Debug, thiserror::Error)]
enum DeleteFault {
    #[error("deleting the platform `{platform}` was not confirmed")]
    NotConfirmed { platform: PlatformName },
    #[error("`{root}` is no folder of its own: a symbolic link leads to the code of `{platform}`")]
    Linked { platform: PlatformName, root: PlatformRoot },
    #[error("`{root}` lies outside the folders in which platforms are Ægir's to remove")]
    Outside { platform: PlatformName, root: PlatformRoot, bases: Vec<PathBuf> },
    #[error("sites that Ægir does not look after live at `{root}`: {}", sites.join(", "))]
    HasSites { platform: PlatformName, root: PlatformRoot, sites: Vec<String> },
    #[error("the platform `{other}` lies in `{}` too", folder.display())]
    Holds { folder: PathBuf, other: PlatformName },
}

impl Remedy for DeleteFault {
    fn remedy(&self) -> Option<String> {
        let forget = |platform: &PlatformName| format!("`aegir provision forget @platform_{platform}`");
        Some(match self {
            DeleteFault::NotConfirmed { platform } => format!("to delete it, add `--confirm={platform}`"),
            DeleteFault::Linked { platform, .. } => {
                format!("have Ægir forget it with {}, then remove what the link leads to by hand", forget(platform))
            }
            DeleteFault::Outside { platform, bases, .. } => {
                let bases: Vec<_> = bases.iter().map(|base| format!("`{}`", base.display())).collect();
                format!(
                    "those are {}; have Ægir forget it with {}, which leaves its code where it is",
                    bases.join(" and "),
                    forget(platform)
                )
            }
            DeleteFault::HasSites { platform, .. } => {
                format!(
                    "move or remove their folders first, or only have Ægir forget the platform: {}",
                    forget(platform)
                )
            }
            DeleteFault::Holds { other, .. } => format!("delete or forget `@platform_{other}` first"),
        })
    }
}
