//! Takes in the sites that a verify of a platform found, where the setting says so: those that a look finds nothing
//! against. Nobody else is asked, so what cannot be taken in is left for somebody to decide.

use aegir_domain::{ContextName, ImportAnswer, NodeId, PlatformName, SiteName};
use aegir_store::{Read, StoreFault};

use crate::{Actor, Call, FoundFolder, Hosting, OperationId, Place, Setting};

/// What becomes of sites that a verify finds and that nobody here knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhatIsFound {
    /// Somebody is asked.
    Ask,
    /// They are taken in.
    TakeIn,
    /// They are listed, and nobody is asked.
    Ignore,
}

/// What the setting says.
pub(crate) async fn what_is_found(read: &mut Read) -> Result<WhatIsFound, StoreFault> {
    let set: Option<serde_json::Value> = read.setting(Setting::ImportFound.parameter().name).await?;
    Ok(match set.as_ref().and_then(serde_json::Value::as_str) {
        Some("on") => WhatIsFound::TakeIn,
        Some("off") => WhatIsFound::Ignore,
        _ => WhatIsFound::Ask,
    })
}

impl Hosting {
    /// Queues an import of each site that was found on a platform and that can be taken in, where the setting says so.
    /// Should this process end before all of them were looked at, the next verify finds the rest.
    pub(super) async fn take_in_found(&self, platform: NodeId, place: &Place) -> Result<(), StoreFault> {
        let store = self.store();
        if store.read(async |read| what_is_found(read).await).await? != WhatIsFound::TakeIn {
            return Ok(());
        }
        let Some((platform, names)) = store.read(async |read| nobodys(read, platform).await).await? else {
            return Ok(());
        };
        for name in names {
            if let Some(call) = self.can_be_taken_in(place, &platform, &name).await
                && let Err(refused) = self.perform(&Actor::own(), call).await
            {
                tracing::warn!(site = %name, %refused, "a site that was found is not taken in");
            }
        }
        Ok(())
    }

    /// What is asked for a site against which nothing stands.
    async fn can_be_taken_in(&self, place: &Place, platform: &PlatformName, name: &SiteName) -> Option<Call> {
        let asked = FoundFolder {
            folder: name.clone().into(),
            name: None,
            platform: platform.clone(),
            db_server: None,
            aliases: Vec::new(),
        };
        match self.0.back_ends.look_at_import(place, &asked).await {
            // Who let go of it would have it back at the next verify.
            Ok(ImportAnswer::Found(found)) if found.let_go => None,
            Ok(ImportAnswer::Found(found)) => Some(
                Call::of(OperationId::SiteImport)
                    .about(name.as_str())
                    .with("platform", asked.platform.as_str())
                    .with("db_server", found.db_server.as_str()),
            ),
            // What it is to be called, somebody has to say.
            Ok(ImportAnswer::Nameless) => None,
            Ok(ImportAnswer::Refused(why)) => {
                tracing::info!(site = %name, why = %why.message, "a site that was found cannot be taken in");
                None
            }
            Err(lost) => {
                tracing::warn!(site = %name, fault = %lost, "a site that was found cannot be looked at");
                None
            }
        }
    }
}

/// The sites that were found on a platform and whose names are nobody's, with the platform's name.
async fn nobodys(read: &mut Read, platform: NodeId) -> Result<Option<(PlatformName, Vec<SiteName>)>, StoreFault> {
    let Some(ContextName::Platform(name)) = read.need_node(platform).await?.name else { return Ok(None) };
    // A locked platform takes none, until somebody opens it; the next verify finds them again.
    if read.platform(platform).await?.is_none_or(|platform| platform.locked) {
        return Ok(None);
    }
    let mut names = Vec::new();
    for found in read.found_sites(platform).await? {
        // What a site in `sites/default` is to be called, somebody has to say.
        let Ok(name) = found.name.as_str().parse::<SiteName>() else { continue };
        // One that failed is tried again by whoever saw why.
        let is_known = read.node_named(&ContextName::Site(name.clone())).await?.is_some();
        if !is_known && read.who_has(&name.host()).await?.is_none() {
            names.push(name);
        }
    }
    Ok(Some((name, names)))
}
