//! Disable: takes a site out of service, with all that it is kept as it stands.
//!
//! The web server itself answers for it from then on, so that none of the site's code runs: neither for visitors nor for
//! Ægir. The backup is made behind that, and has all that was ever written.

use aegir_domain::{Context, ContextName, Fault, PlatformContext, Remedy, SiteContext, SiteName, TaskKind};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::probe::{Packages, front_page};
use crate::World;
use crate::backup::{CanBackUp, Why, make};
use crate::service::code_ahead::CodeAhead;
use crate::step::context::{SaveContext, SavedText};
use crate::step::vhost::{PublishVhost, vhost_is_current};

/// Takes a site out of service.
pub(crate) struct Disable {
    pub(crate) site: SiteName,
    /// Whether no backup is made.
    pub(crate) no_backup: bool,
}

impl Recipe<World> for Disable {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let (site, platform) = run.check(MayDisable { site: self.site.clone() })?;
        let was_disabled = site.disabled;
        let ready = match self.no_backup || was_disabled {
            true => None,
            false => Some(run.check(CanBackUp { site: self.site.clone() })?),
        };
        let disabled = SiteContext { disabled: true, revision: site.revision + 1, ..site.clone() };
        if !was_disabled {
            let was = run.check(SavedText { name: ContextName::Site(site.name.clone()) })?;
            run.step(SaveContext { context: Context::Site(Box::new(disabled.clone())), was })?;
        }
        if !vhost_is_current(run.world(), &disabled, &platform)? {
            PublishVhost::replacing(run, &disabled, &platform)?;
        }
        run.check(IsOut { site: disabled, platform: platform.clone() })?;
        let mut afterwards = Afterwards::new();
        if let Some(ready) = ready {
            let code = CodeAhead::begin(platform.root.path());
            let packages = run.check(Packages { site: site.clone(), core: site.core.clone(), code })?;
            let made = make(run, &ready, packages, Why::before(TaskKind::DisableSite))?;
            run.say(format!("The backup of it is `{}`", made.path.display()));
            run.answer("backup", made.answer.backup.as_str());
            run.answer_with(&made.answer);
            afterwards = afterwards.cleanup(made.clean_up());
        }
        match was_disabled {
            true => run.say("It was out of service already"),
            false => run.say(format!("`{}` is out of service: visitors get a page that says so", site.name)),
        }
        run.answer("site", site.name.as_str());
        run.point_of_no_return(afterwards)
    }
}

/// A site that can be out of service: one that was ever in it.
struct MayDisable {
    site: SiteName,
}

impl Check<World> for MayDisable {
    type Output = (SiteContext, PlatformContext);
    const NAME: &'static str = "may-disable";

    fn look(&self, world: &World) -> Result<(SiteContext, PlatformContext), Fault> {
        let site = world.contexts().site(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        match site.awaits_installer {
            true => Err(DisableFault::AwaitsInstaller { site: site.name }.into()),
            false => Ok((site, platform)),
        }
    }
}

/// The web server answers for the site by itself, with the page that says it is out of service.
struct IsOut {
    site: SiteContext,
    platform: PlatformContext,
}

impl Check<World> for IsOut {
    type Output = ();
    const NAME: &'static str = "is-out-of-service";

    fn look(&self, world: &World) -> Result<(), Fault> {
        match front_page(world, &self.site, &self.platform)?.status {
            503 => Ok(()),
            status => Err(DisableFault::Answers { site: self.site.name.clone(), status }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum DisableFault {
    #[error("Drupal is not installed into `{site}` yet: there is no service to take it out of")]
    AwaitsInstaller { site: SiteName },
    #[error("`{site}` still answers {status} after it was taken out of service")]
    Answers { site: SiteName, status: u16 },
}

impl Remedy for DisableFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            DisableFault::AwaitsInstaller { site } => {
                format!("call its installer, then run `aegir provision verify @{site}`; or delete it straight away")
            }
            DisableFault::Answers { .. } => {
                "look for another file of the web server that answers to its names, such as in `pre.d` or `post.d`"
                    .into()
            }
        })
    }
}
