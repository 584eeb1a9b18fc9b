//! The moment at which a new self, which lies where the site lives, is in service: credentials, record and vhost are its own from
//! then on, all of it behind the fence.

use aegir_domain::{Context, ContextName, Fault, Former, PlatformContext, SiteContext};
use aegir_recipe::Run;

use super::fence::FenceStands;
use super::own::{KeepCredentials, ReplaceCredentials};
use crate::World;
use crate::site::probe::Links;
use crate::step::context::{SaveContext, SavedText};
use crate::step::file::Keep;
use crate::step::sites_php::list;
use crate::step::vhost::{PublishVhost, keep_of};

/// The self that is in service until now.
pub(crate) struct Leaves<'a> {
    pub(crate) site: &'a SiteContext,
    pub(crate) platform: &'a PlatformContext,
    /// Whether it has credentials, which one needs to go back to it.
    pub(crate) has_credentials: bool,
}

/// Puts `new` in service on `platform`; what it was is known as `former`.
pub(crate) fn switch(
    run: &mut Run<'_, World>,
    leaves: &Leaves<'_>,
    new: &SiteContext,
    platform: &PlatformContext,
    former: &Former,
) -> Result<(), Fault> {
    let name = ContextName::Site(new.name.clone());
    let path = run.world().home().credentials_of(&name);
    let vhost = keep_of(run, leaves.site, leaves.platform)?;
    if leaves.has_credentials {
        run.step(KeepCredentials { site: new.name.clone(), former: former.name.clone() })?;
    }
    let was = run.step(Keep { path, name: "credentials".into() })?;
    run.step(ReplaceCredentials {
        site: new.name.clone(),
        server: new.db_server.clone(),
        database: new.database.name.clone(),
        was,
    })?;
    let was = run.check(SavedText { name })?;
    run.step(SaveContext { context: Context::Site(Box::new(new.clone())), was })?;
    PublishVhost::in_place_of(run, vhost, new, platform)?;
    run.check(FenceStands { site: new.clone(), platform: platform.clone() })?;
    if leaves.platform.root != platform.root {
        list(run, leaves.platform, &new.name, Vec::new())?;
    }
    Links { site: new, root: &platform.root }.make(run)?;
    Ok(())
}
