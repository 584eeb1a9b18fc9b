//! What was written to a site since it left a former self, asked before one goes back to that. It reads the site's
//! database alone, and changes nothing.

use std::sync::Arc;

use aegir_domain::{Fault, FormerName, SiteName, WriteCount, Writes, locks_to_compare};
use aegir_recipe::Check;

use super::compare::{RunProgram, held_still, looking};
use super::deploy::former::{FormerThere, WrittenSince};
use crate::{Contexts, WorldParts};

/// What going back to `former`, or to the latest former self, would leave out; or why one cannot go back. The site is
/// kept from changing hands meanwhile, and goes on serving.
pub fn writes_since(
    parts: &Arc<WorldParts>,
    site: &SiteName,
    former: Option<&FormerName>,
    run_program: RunProgram,
) -> Result<Writes, Fault> {
    let contexts = Contexts::new(&parts.home, &parts.files);
    let wanted = || {
        let saved = contexts.site(site)?;
        locks_to_compare(site, &saved.platform, &|name| contexts.find(name))
    };
    held_still(parts, "a question", wanted, || {
        let world = looking(parts, run_program);
        let site = world.contexts().site(site)?;
        let (former, platform) = FormerThere { site: site.clone(), former: former.cloned() }.look(&world)?;
        let counts = WrittenSince { site: site.clone(), since: former.since }.look(&world)?;
        Ok(Writes {
            site: site.name,
            former: former.name,
            platform: platform.name,
            core: former.core,
            since: former.since,
            archive: former.archive,
            counts: counts.into_iter().map(|(what, count)| WriteCount { what: what.to_owned(), count }).collect(),
        })
    })
}
