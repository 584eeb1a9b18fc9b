//! A site's vhost: put in service, and taken out of it.
//!
//! Its text holds the site's credentials, so it is no input of a step: it is rendered when the step
//! acts, and what it replaces lies in `kept/`.

use std::path::Path;

use aegir_domain::{Fault, PlatformContext, ServerName, SiteContext, SiteName};
use aegir_recipe::{Action, Check, Run, Undo};
use serde::{Deserialize, Serialize};

use super::file::{Keep, Was};
use crate::World;
use crate::service::http::{Change, Down, HttpServer, vhost_path, warn_that_it_is_replaced};
use aegir_domain::Password;

/// Puts a site's vhost in service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublishVhost {
    pub(crate) site: Box<SiteContext>,
    pub(crate) platform: PlatformContext,
    /// What it replaces.
    pub(crate) was: Was,
}

impl PublishVhost {
    /// That of a site that had none.
    pub(crate) fn new(site: &SiteContext, platform: &PlatformContext) -> PublishVhost {
        PublishVhost { site: Box::new(site.clone()), platform: platform.clone(), was: Was::Absent }
    }

    /// In the place of the one it has.
    pub(crate) fn replacing(
        run: &mut Run<'_, World>,
        site: &SiteContext,
        platform: &PlatformContext,
    ) -> Result<(), Fault> {
        let was = keep(run, site, platform)?;
        PublishVhost::in_place_of(run, was, site, platform)
    }

    /// In the place of one that was kept.
    pub(crate) fn in_place_of(
        run: &mut Run<'_, World>,
        was: Was,
        site: &SiteContext,
        platform: &PlatformContext,
    ) -> Result<(), Fault> {
        run.step(PublishVhost { was, ..PublishVhost::new(site, platform) })
    }
}

impl Action<World> for PublishVhost {
    type Output = ();
    const NAME: &'static str = "publish-vhost";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let server = world.contexts().server(&self.platform.server)?;
        let http = HttpServer::of(world, &server)?;
        let text = http.vhost_text(&self.site, &self.platform)?;
        let path = vhost_path(world, &server, &self.site.name)?;
        keep_edits(world, &path, &self.was, Some(&text))?;
        http.publish(&[Change { path, text: Some(text) }], Down::Refused)
    }
}

impl Undo<World> for PublishVhost {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let server = world.contexts().server(&self.platform.server)?;
        warn_of_edits(world, &vhost_path(world, &server, &self.site.name)?, &self.was)?;
        put_back(world, &self.platform.server, &self.site.name, &self.was)
    }
}

/// Puts the vhost of a site in service under the name that it has now, and takes that under its old one out of
/// service, at once: both answer to the same names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RenameVhost {
    pub(crate) site: Box<SiteContext>,
    pub(crate) platform: PlatformContext,
    /// What it was called.
    pub(crate) from: SiteName,
    /// What there was under that name.
    pub(crate) was: Was,
}

impl RenameVhost {
    /// Of the vhost under `from`, which was kept.
    pub(crate) fn take(
        run: &mut Run<'_, World>,
        was: Was,
        site: &SiteContext,
        platform: &PlatformContext,
        from: &SiteName,
    ) -> Result<(), Fault> {
        run.step(RenameVhost { site: Box::new(site.clone()), platform: platform.clone(), from: from.clone(), was })
    }

    /// Both files at once.
    fn publish(&self, world: &World, old: Option<Password>, new: bool, down: Down) -> Result<(), Fault> {
        let server = world.contexts().server(&self.platform.server)?;
        let http = HttpServer::of(world, &server)?;
        let text = if new { Some(http.vhost_text(&self.site, &self.platform)?) } else { None };
        if let Some(text) = &text {
            let published = world.task.kept().join(PUBLISHED);
            world.files().write_unsynced(&published, text.expose().as_bytes(), 0o600)?;
        }
        let old = Change { path: vhost_path(world, &server, &self.from)?, text: old };
        let new = Change { path: vhost_path(world, &server, &self.site.name)?, text };
        http.publish(&[old, new], down)
    }
}

impl Action<World> for RenameVhost {
    type Output = ();
    const NAME: &'static str = "rename-vhost";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let server = world.contexts().server(&self.platform.server)?;
        keep_edits(world, &vhost_path(world, &server, &self.from)?, &self.was, None)?;
        self.publish(world, None, true, Down::Refused)
    }
}

impl Undo<World> for RenameVhost {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let old = match &self.was {
            Was::Absent => None,
            // Once the task ended nothing is kept, and nothing is to be put back.
            Was::Kept { name, .. } => match world.files().read_text(&world.task.kept().join(name))? {
                Some(text) => Some(Password::new(text)),
                None => return Ok(()),
            },
        };
        let server = world.contexts().server(&self.platform.server)?;
        warn_of_edits(world, &vhost_path(world, &server, &self.site.name)?, &Was::Absent)?;
        self.publish(world, old, false, Down::Tolerated)
    }
}

/// Takes a site's vhost out of service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WithdrawVhost {
    pub(crate) server: ServerName,
    pub(crate) site: SiteName,
    pub(crate) was: Was,
}

impl Action<World> for WithdrawVhost {
    type Output = ();
    const NAME: &'static str = "withdraw-vhost";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        publish(world, &self.server, &self.site, None, Down::Refused)
    }
}

impl Undo<World> for WithdrawVhost {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        put_back(world, &self.server, &self.site, &self.was)
    }
}

fn put_back(world: &World, server: &ServerName, site: &SiteName, was: &Was) -> Result<(), Fault> {
    let text = match was {
        Was::Absent => None,
        // Once the task ended nothing is kept, and nothing is to be put back.
        Was::Kept { name, .. } => match world.files().read_text(&world.task.kept().join(name))? {
            Some(text) => Some(Password::new(text)),
            None => return Ok(()),
        },
    };
    publish(world, server, site, text, Down::Tolerated)
}

fn publish(
    world: &World,
    server: &ServerName,
    site: &SiteName,
    text: Option<Password>,
    down: Down,
) -> Result<(), Fault> {
    let server = world.contexts().server(server)?;
    let path = vhost_path(world, &server, site)?;
    HttpServer::of(world, &server)?.publish(&[Change { path, text }], down)
}

fn keep(run: &mut Run<'_, World>, site: &SiteContext, platform: &PlatformContext) -> Result<Was, Fault> {
    let server = run.world().contexts().server(&platform.server)?;
    let path = vhost_path(run.world(), &server, &site.name)?;
    run.step(Keep { path, name: "vhost".into() })
}

/// Keeps the vhost of a site that is to be another, before its credentials are; names it if others changed it.
pub(crate) fn keep_of(run: &mut Run<'_, World>, site: &SiteContext, platform: &PlatformContext) -> Result<Was, Fault> {
    let was = keep(run, site, platform)?;
    run.check(VhostByHand { site: site.clone(), platform: platform.clone(), was: was.clone() })?;
    Ok(was)
}

/// Warns of a site's vhost that is not what Ægir writes for it now: whatever replaces it knows nothing of the rest.
struct VhostByHand {
    site: SiteContext,
    platform: PlatformContext,
    /// What was kept of it.
    was: Was,
}

impl Check<World> for VhostByHand {
    type Output = ();
    const NAME: &'static str = "vhost-by-hand";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let server = world.contexts().server(&self.platform.server)?;
        let path = vhost_path(world, &server, &self.site.name)?;
        let Was::Kept { name, .. } = &self.was else { return Ok(()) };
        let Some(now) = world.files().read(&world.task.kept().join(name))? else { return Ok(()) };
        // Of a site whose credentials are lost nobody can tell.
        let written = HttpServer::of(world, &server)?.vhost_text(&self.site, &self.platform);
        if written.is_ok_and(|written| written.expose().as_bytes() != now) {
            warn_that_it_is_replaced(world, &path);
        }
        Ok(())
    }
}

/// Where the task notes what it put in service.
const PUBLISHED: &str = "vhost-published";

/// Has what is kept be the latest that others wrote, where they wrote since it was kept; and notes what replaces it.
fn keep_edits(world: &World, path: &Path, was: &Was, text: Option<&Password>) -> Result<(), Fault> {
    let files = world.files();
    if let (Was::Kept { name, .. }, Some(now)) = (was, files.read(path)?)
        && text.is_none_or(|text| text.expose().as_bytes() != now)
    {
        let kept = world.task.kept().join(name);
        if files.read(&kept)?.is_some_and(|kept| kept != now) {
            warn_that_it_is_replaced(world, path);
            files.write(&kept, &now, 0o600)?;
        }
    }
    if let Some(text) = text {
        files.write_unsynced(&world.task.kept().join(PUBLISHED), text.expose().as_bytes(), 0o600)?;
    }
    Ok(())
}

/// Names a vhost that others changed since it was put in service: it is about to be put back.
fn warn_of_edits(world: &World, path: &Path, was: &Was) -> Result<(), Fault> {
    let files = world.files();
    let published = files.read(&world.task.kept().join(PUBLISHED))?;
    let kept = match was {
        Was::Kept { name, .. } => files.read(&world.task.kept().join(name))?,
        Was::Absent => None,
    };
    let now = files.read(path)?;
    if published.is_some() && now.is_some() && now != published && now != kept {
        warn_that_it_is_replaced(world, path);
    }
    Ok(())
}

/// Whether a site's vhost is what its context says, and in service.
pub(crate) fn vhost_is_current(world: &World, site: &SiteContext, platform: &PlatformContext) -> Result<bool, Fault> {
    let server = world.contexts().server(&platform.server)?;
    let http = HttpServer::of(world, &server)?;
    let text = http.vhost_text(site, platform)?;
    let path = vhost_path(world, &server, &site.name)?;
    Ok(world.files().read(&path)?.as_deref() == Some(text.expose().as_bytes()) && http.is_current()?)
}
