//! Enable: takes a disabled site into service again, once it boots and its front page answers; else all stays as it was.

use aegir_domain::{Context, ContextName, Fault, SiteContext, SiteName};
use aegir_recipe::{Afterwards, Committed, Recipe, Run};

use super::facts::{PhpReady, PlatformServed, Served};
use super::probe::{FrontPage, SiteAnswers};
use super::verify::{Boots, DatabaseAnswers, FlushCaches, Known, KnownSite};
use crate::World;
use crate::step::context::{SaveContext, SavedText};
use crate::step::vhost::PublishVhost;

/// Takes a disabled site into service again.
pub(crate) struct Enable {
    pub(crate) site: SiteName,
}

impl Recipe<World> for Enable {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let Known { site, platform } = run.check(KnownSite { site: self.site.clone() })?;
        if !site.disabled {
            run.say("It is in service already");
            run.answer("site", site.name.as_str());
            return run.point_of_no_return(Afterwards::new());
        }
        run.check(PlatformServed { platform: platform.clone(), site: Served::There })?;
        run.check(PhpReady { platform: platform.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        run.check(DatabaseAnswers { site: site.clone() })?;
        let mut enabled = SiteContext { disabled: false, revision: site.revision + 1, ..site };
        let booted = run.check(Boots { site: enabled.clone(), platform: platform.clone() })?;
        enabled.core = booted.core_version;

        let was = run.check(SavedText { name: ContextName::Site(enabled.name.clone()) })?;
        run.step(SaveContext { context: Context::Site(Box::new(enabled.clone())), was })?;
        PublishVhost::replacing(run, &enabled, &platform)?;
        match booted.maintenance {
            // It stood so when it was disabled, and only its own people can end that, in its own pages.
            true => {
                let page = run.check(FrontPage { site: enabled.clone(), platform: platform.clone() })?;
                let page = page.unwrap_or_else(|| "its front page answers all the same".into());
                run.world().warn(format!("Drupal's own maintenance mode is on, as it was before: {page}"));
            }
            false => run.check(SiteAnswers { site: enabled.clone(), platform: platform.clone() })?,
        }

        run.say(format!("`{}` is in service again", enabled.name));
        run.answer("site", enabled.name.as_str());
        // Its settings may have changed while none of its code ran.
        run.point_of_no_return(Afterwards::new().cleanup(FlushCaches { site: enabled.name }))
    }
}
