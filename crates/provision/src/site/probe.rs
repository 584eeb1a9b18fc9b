//! Whether a site answers, what it has, and the signposts that lead people to it.

use std::time::Duration;

use aegir_domain::{Fault, HostName, Instance, PlatformContext, PlatformRoot, Redirect, Remedy, SiteContext};
use aegir_host::{Answer, WebAddress};
use aegir_recipe::{Check, Run};

use super::drush::DrushAlias;
use crate::World;
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::step::file::{MakeFolder, MakeLink, RemoveLink};

/// How long the first page of a new site may take: it builds all its caches.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the web server for a site's front page, as a visitor would.
pub(crate) struct SiteAnswers {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
}

impl Check<World> for SiteAnswers {
    type Output = ();
    const NAME: &'static str = "site-answers";
    const LIMIT: Duration = Duration::from_secs(120);

    fn look(&self, world: &World) -> Result<(), Fault> {
        match ask(world, &self.site, &self.platform)? {
            None => Ok(()),
            Some(silent) => Err(silent.into()),
        }
    }
}

/// Asks likewise, and says what is wrong with the page, if anything is.
pub(crate) struct FrontPage {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
}

impl Check<World> for FrontPage {
    type Output = Option<String>;
    const NAME: &'static str = "front-page";
    const LIMIT: Duration = Duration::from_secs(120);

    fn look(&self, world: &World) -> Result<Option<String>, Fault> {
        Ok(ask(world, &self.site, &self.platform)?.map(|silent| silent.to_string()))
    }
}

/// Which packages the site has, straight from its database.
pub(crate) struct Packages {
    pub(crate) site: SiteContext,
    pub(crate) core: String,
    pub(crate) code: CodeAhead,
}

impl Check<World> for Packages {
    type Output = Vec<Instance>;
    const NAME: &'static str = "packages";

    fn look(&self, world: &World) -> Result<Vec<Instance>, Fault> {
        let packages = DbServer::of(world, &self.site.db_server)?.packages(&self.site, &self.core, &self.code)?;
        world.say(format!("{} packages are enabled", packages.iter().filter(|package| package.enabled).count()));
        Ok(packages)
    }
}

fn ask(world: &World, site: &SiteContext, platform: &PlatformContext) -> Result<Option<Silent>, Fault> {
    Ok(what_visitors_get(world, site, platform)?.err())
}

/// The status that visitors of a site's front page get, or why that is nothing for them.
pub(crate) fn what_visitors_get(
    world: &World,
    site: &SiteContext,
    platform: &PlatformContext,
) -> Result<Result<u16, Silent>, Fault> {
    let answer = front_page(world, site, platform)?;
    let to_installer = answer.header("location").is_some_and(|to| to.contains("install.php"));
    Ok(match answer.status {
        status @ (200..=399 | 401 | 403) if !to_installer => Ok(status),
        status => Err(Silent { name: main_name(site), status, said: excerpt(&answer.text()) }),
    })
}

/// What a visitor of a site's front page gets from the web server.
pub(crate) fn front_page(world: &World, site: &SiteContext, platform: &PlatformContext) -> Result<Answer, Fault> {
    let server = world.contexts().server(&platform.server)?;
    let Some(http) = server.http else {
        return Err(super::facts::SiteFault::NoWebService { server: server.name }.into());
    };
    let name = main_name(site);
    let host = match http.listen.port() {
        80 => name.to_string(),
        port => format!("{name}:{port}"),
    };
    Ok(world.parts.web.get(&WebAddress::Tcp(http.listen), &host, "/", PATIENCE)?)
}

/// The name that answers itself: the site's own, or what the others are redirected to.
pub(crate) fn main_name(site: &SiteContext) -> HostName {
    match &site.redirect {
        Redirect::To(name) => name.clone(),
        Redirect::None => site.name.host(),
    }
}

fn excerpt(page: &str) -> String {
    let mut text = String::new();
    let mut tag = false;
    for c in page.chars() {
        match c {
            '<' => tag = true,
            '>' => tag = false,
            c if !tag => text.push(if c.is_whitespace() || c.is_control() { ' ' } else { c }),
            _ => (),
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// A front page that is nothing for visitors.
#[derive(Debug, thiserror::Error)]
#[error("the front page of `{name}` answers {status}: {said}")]
pub(crate) struct Silent {
    name: HostName,
    status: u16,
    said: String,
}

impl Remedy for Silent {
    fn remedy(&self) -> Option<String> {
        Some("look into the error logs of the web server and of PHP in `logs/`, and at what the site's own code does on its front page".into())
    }
}

/// The signposts to a site: a link in its client's folder, and a Drush alias.
pub(crate) struct Links<'a> {
    pub(crate) site: &'a SiteContext,
    pub(crate) root: &'a PlatformRoot,
}

impl Links<'_> {
    /// Puts up what is missing. Says whether anything was.
    pub(crate) fn make(&self, run: &mut Run<'_, World>) -> Result<bool, Fault> {
        let mut changed = false;
        let folder = run.world().home().clients().join(self.site.client.as_str());
        if run.world().files().kind(&folder)?.is_none() {
            run.step(MakeFolder { path: folder.clone(), mode: 0o750, group: None })?;
            changed = true;
        }
        let link = folder.join(self.site.name.as_str());
        let target = self.root.site_dir(&self.site.name);
        let there = run.world().files().kind(&link)?;
        if let Some(aegir_host::Kind::Link(elsewhere)) = &there
            && *elsewhere != target
        {
            run.step(RemoveLink { path: link.clone(), target: elsewhere.clone() })?;
        }
        if !matches!(&there, Some(aegir_host::Kind::Link(to)) if *to == target) {
            run.step(MakeLink { path: link, target })?;
            changed = true;
        }
        changed |= DrushAlias { site: self.site, root: self.root }.write(run)?;
        Ok(changed)
    }

    /// Takes them down.
    pub(crate) fn remove(&self, run: &mut Run<'_, World>) -> Result<(), Fault> {
        let link = run.world().home().clients().join(self.site.client.as_str()).join(self.site.name.as_str());
        if let Some(aegir_host::Kind::Link(target)) = run.world().files().kind(&link)? {
            run.step(RemoveLink { path: link, target })?;
        }
        DrushAlias { site: self.site, root: self.root }.remove(run)
    }
}
