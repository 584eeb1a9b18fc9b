//! Rebuild caches: a site's Drupal clears all that it can make again, and makes it again.

use aegir_domain::{Fault, Remedy, SiteName};
use aegir_recipe::{Afterwards, Committed, Recipe, Run};

use super::verify::{DatabaseAnswers, FlushCaches, Known, KnownSite};
use crate::World;

/// Has a site's Drupal rebuild all its caches.
pub(crate) struct RebuildCaches {
    pub(crate) site: SiteName,
}

impl Recipe<World> for RebuildCaches {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let Known { site, .. } = run.check(KnownSite { site: self.site.clone() })?;
        if site.awaits_installer {
            return Err(NotInstalled { site: site.name }.into());
        }
        // Its Drupal is asked, and none of it may run.
        run.world().contexts().site_in_service(&site.name)?;
        run.check(DatabaseAnswers { site: site.clone() })?;
        run.say(format!("Drupal {} is asked to clear its caches, and to make them again", site.core));
        run.answer("site", site.name.as_str());
        // What a cache held cannot be put back, and nobody would want it: it is carried on, and never taken back.
        run.point_of_no_return(Afterwards::new().cleanup(FlushCaches { site: site.name }))
    }
}

/// There is no Drupal yet that has any.
#[derive(Debug, thiserror::Error)]
#[error("Drupal is not installed into the site `{site}` yet: it has no caches")]
struct NotInstalled {
    site: SiteName,
}

impl Remedy for NotInstalled {
    fn remedy(&self) -> Option<String> {
        Some(format!("call its installer, then run `aegir provision verify @{}`", self.site))
    }
}
