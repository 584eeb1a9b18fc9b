//! The updates of a new self, run where nothing else waits for PHP, and a first visit to it.

use std::time::Duration;

use aegir_domain::{Fault, PlatformContext, Remedy, SiteContext, SiteName};
use aegir_drupal::driver::{Finding, Flushed, Operation, Pending, PendingUpdate, Updated, Visited};
use aegir_recipe::{Action, Check, Undo};
use serde::{Deserialize, Serialize};

use super::own::new_credentials;
use crate::World;
use crate::service::DbServer;
use crate::service::fpm::{LONGEST_UPDATE, PoolOf};
use crate::service::php::Asker;

/// How long a rebuild of all caches may take.
const REBUILD: Duration = Duration::from_secs(480);
/// How long it may take to say which updates wait: all code is looked through.
const LOOK: Duration = Duration::from_secs(240);
/// How long a first visit may take: it builds all caches.
const VISIT: Duration = Duration::from_secs(240);

/// What a site without a front page answers: as well as it can be.
pub(crate) const NOT_FOUND: u16 = 404;

/// Asks about a self that is not in service yet.
pub(super) fn trial<'w>(world: &'w World, site: &SiteContext, platform: &PlatformContext) -> Result<Asker<'w>, Fault> {
    let credentials = new_credentials(world, &site.db_server, &site.database.name)?;
    Asker::of_trial(world, site, platform, credentials)
}

/// Ends what still runs of what was asked about a self that is to be removed: its database lets go of it, and php-fpm
/// sees to the rest.
fn end(world: &World, site: &SiteContext, platform: &PlatformContext) -> Result<(), Fault> {
    let pool = PoolOf::new(world, platform);
    if pool.is_updating() {
        DbServer::of(world, &site.db_server)?.end_connections(&site.database.name)?;
    }
    pool.end_updates()
}

/// Which updates wait for a site that is in service; its code must be able to run all of them.
pub(crate) struct PendingUpdates {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
}

impl Check<World> for PendingUpdates {
    type Output = Vec<PendingUpdate>;
    const NAME: &'static str = "pending-updates";
    const LIMIT: Duration = Duration::from_secs(300);

    fn look(&self, world: &World) -> Result<Vec<PendingUpdate>, Fault> {
        let asker = Asker::of(world, &self.site, &self.platform)?;
        let Pending { core_version, updates } = asker.ask(Operation::Pending, LOOK)?;
        if !updates.is_empty() {
            let told = updates.iter().map(|PendingUpdate { name, description }| match description.is_empty() {
                true => name.clone(),
                false => format!("{name}: {description}"),
            });
            let told = told.collect::<Vec<_>>().join("\n");
            world.say_with(format!("Updates that wait, for Drupal {core_version}: {}", updates.len()), told);
        }
        Ok(updates)
    }
}

/// Runs all updates of a self that is not in service yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunUpdates {
    pub(crate) site: Box<SiteContext>,
    pub(crate) platform: PlatformContext,
}

impl Action<World> for RunUpdates {
    type Output = ();
    const NAME: &'static str = "run-updates";
    const LIMIT: Duration = LONGEST_UPDATE;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let updated: Updated = trial(world, &self.site, &self.platform)?.ask(Operation::Updates, LONGEST_UPDATE)?;
        for Finding { title, value, description, .. } in updated.findings {
            world.warn(format!("Drupal warns of {title}: {value} {description}"));
        }
        if !updated.entity_changes.is_empty() {
            let output = updated.entity_changes.join("\n");
            world.say_with(
                "Some types of content differ from what the code says, and no update puts that right",
                output,
            );
        }
        world.say(format!("All updates of Drupal {} ran", updated.core_version));
        Ok(())
    }
}

impl Undo<World> for RunUpdates {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // They wrote into the copies that earlier steps made, and nowhere else.
        end(world, &self.site, &self.platform)
    }
}

/// Rebuilds all caches of a self that is not in service yet, with what is made from the folder that it lives in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rebuild {
    pub(crate) site: Box<SiteContext>,
    pub(crate) platform: PlatformContext,
}

impl Action<World> for Rebuild {
    type Output = ();
    const NAME: &'static str = "rebuild-caches";
    const LIMIT: Duration = Duration::from_secs(600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let _: Flushed = trial(world, &self.site, &self.platform)?.ask(Operation::Flush, REBUILD)?;
        Ok(())
    }
}

impl Undo<World> for Rebuild {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // They are those of the copies that earlier steps made.
        end(world, &self.site, &self.platform)
    }
}

/// What a visitor gets from a site's PHP now: the status of the front page, or nothing if it dies.
pub(crate) struct VisitNow {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
}

impl Check<World> for VisitNow {
    type Output = Option<u16>;
    const NAME: &'static str = "visit-now";
    const LIMIT: Duration = Duration::from_secs(300);

    fn look(&self, world: &World) -> Result<Option<u16>, Fault> {
        let asked = Asker::of(world, &self.site, &self.platform)?.ask::<Visited>(Operation::visit_front(), VISIT);
        match asked {
            Ok(visited) if visited.is_well() => Ok(Some(visited.status)),
            Ok(visited) => {
                world.warn(format!("The front page answers {} as it is: {}", visited.status, visited.said));
                Ok(Some(visited.status))
            }
            Err(fault) => {
                world.warn(format!("The front page does not answer as it is: {}", fault.report().message));
                Ok(None)
            }
        }
    }
}

/// The front page of a new self answers as well as it did before.
pub(crate) struct Visit {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
    /// What it answered before.
    pub(crate) was: Option<u16>,
    /// Whether it is in service already, behind the fence.
    pub(crate) in_service: bool,
}

impl Check<World> for Visit {
    type Output = ();
    const NAME: &'static str = "visit";
    const LIMIT: Duration = Duration::from_secs(300);

    fn look(&self, world: &World) -> Result<(), Fault> {
        let asker = match self.in_service {
            true => Asker::of(world, &self.site, &self.platform)?,
            false => trial(world, &self.site, &self.platform)?,
        };
        let visited: Visited = asker.ask(Operation::visit_front(), VISIT)?;
        match visited.is_well() || self.was == Some(visited.status) {
            true => Ok(()),
            false => Err(Unwell { site: self.site.name.clone(), visited }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the front page of the new self of `{site}` answers {}: {}", visited.status, visited.said)]
struct Unwell {
    site: SiteName,
    visited: Visited,
}

impl Remedy for Unwell {
    fn remedy(&self) -> Option<String> {
        Some("look at what the site's own code does on its front page with this version of Drupal, then retry".into())
    }
}
