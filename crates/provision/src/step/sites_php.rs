//! Which names lead to which site, in the platform's `sites/sites.php`.
//!
//! Sites of a platform are changed side by side, so this file is never put back whole: each step
//! changes the lines of its own site, under a short lock.

use aegir_domain::{Fault, HostName, PlatformContext, PlatformName, PlatformRoot, SiteName};
use aegir_drupal::sites_php;
use aegir_host::{LockMode, Locks};
use aegir_recipe::{Action, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::World;

/// Lists the names that lead to a site.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ListSite {
    pub(crate) platform: PlatformName,
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    /// All its names; none: it is not listed.
    pub(crate) names: Vec<HostName>,
    /// Those that were listed before.
    pub(crate) were: Vec<HostName>,
}

impl Action<World> for ListSite {
    type Output = ();
    const NAME: &'static str = "list-site";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.set(world, &self.names)
    }
}

impl Undo<World> for ListSite {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        self.set(world, &self.were)
    }
}

impl ListSite {
    fn set(&self, world: &World, names: &[HostName]) -> Result<(), Fault> {
        let _lock = lock(world, &self.platform)?;
        let path = self.root.path().join(sites_php::FILE);
        let text = world.files().read_text(&path)?.unwrap_or_default();
        if !text.trim().is_empty() && !sites_php::is_ours(&text) {
            return Err(Foreign { path, platform: self.platform.clone() }.into());
        }
        let mut entries = sites_php::read(&text);
        entries.retain(|(_, site)| *site != self.site);
        entries.extend(names.iter().map(|name| (name.clone(), self.site.clone())));
        let text = sites_php::render(entries.iter().map(|(name, site)| (name, site)));
        super::file::put(world, &path, text.as_bytes(), 0o644, None)
    }
}

/// Has names lead to a site by lines of an operator's own, since nobody will write them for it any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ListByHand {
    pub(crate) platform: PlatformName,
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    /// Whole names, none of which stands for many.
    pub(crate) names: Vec<HostName>,
    /// Whether there is no such file yet.
    pub(crate) makes: bool,
}

impl Action<World> for ListByHand {
    type Output = ();
    const NAME: &'static str = "list-by-hand";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.change(world, true)
    }
}

impl Undo<World> for ListByHand {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        self.change(world, false)
    }
}

impl ListByHand {
    /// Every change begins with this file without our lines, so that it can be made twice.
    fn change(&self, world: &World, with: bool) -> Result<(), Fault> {
        let _lock = lock(world, &self.platform)?;
        let path = self.root.path().join(sites_php::LOCAL_FILE);
        let before = world.files().read_text(&path)?;
        let lines = sites_php::lines_of(&self.site, &self.names);
        let without = before.as_deref().unwrap_or(sites_php::EMPTY).replace(&lines, "");
        let text = if with { format!("{without}{lines}") } else { without };
        match (before, text) {
            // It was made for these lines.
            (_, text) if !with && self.makes && text == sites_php::EMPTY => {
                Ok(world.files().remove_file(&path).map(drop)?)
            }
            (Some(before), text) if before == text => Ok(()),
            (_, text) => super::file::put(world, &path, text.as_bytes(), 0o644, None),
        }
    }
}

/// Has `names` lead to a site of a platform, and no others, unless that is so; without names, it is not listed.
pub(crate) fn list(
    run: &mut Run<'_, World>,
    platform: &PlatformContext,
    site: &SiteName,
    names: Vec<HostName>,
) -> Result<(), Fault> {
    let were = listed(run.world(), &platform.root, site)?;
    if were == names {
        return Ok(());
    }
    let (root, site) = (platform.root.clone(), site.clone());
    run.step(ListSite { platform: platform.name.clone(), root, site, names, were })
}

/// The names listed for `site` now.
pub(crate) fn listed(world: &World, root: &PlatformRoot, site: &SiteName) -> Result<Vec<HostName>, Fault> {
    let text = world.files().read_text(&root.path().join(sites_php::FILE))?.unwrap_or_default();
    Ok(sites_php::read(&text).into_iter().filter(|(_, at)| at == site).map(|(name, _)| name).collect())
}

fn lock(world: &World, platform: &PlatformName) -> Result<Locks, Fault> {
    let wanted = [(format!("sites-php-{platform}"), LockMode::Exclusive)];
    let note = format!("attempt {}", world.task.attempt);
    Ok(aegir_host::locks::take(&world.home().locks(), &wanted, world.parts.settings.patience(), &note, &mut |_| ())?)
}

/// Somebody replaced the file since the platform was verified.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not the file that Ægir wrote", path.display())]
struct Foreign {
    path: std::path::PathBuf,
    platform: PlatformName,
}

impl aegir_domain::Remedy for Foreign {
    fn remedy(&self) -> Option<String> {
        Some(format!(
            "run `aegir provision verify @platform_{}`, which moves its lines to where they belong",
            self.platform
        ))
    }
}
