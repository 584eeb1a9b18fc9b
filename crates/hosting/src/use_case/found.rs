//! What can be asked of what was found on machines: sites, and records that differ.

use aegir_domain::{Context, ContextName, Task};

use super::Asked;
use super::object::{KnownContexts, platform_named};
use super::queued::Wanted;
use super::shown::{self};
use crate::dispatch::{WhatIsFound, what_is_found};
use crate::view::{DriftView, FoundSiteView};
use crate::{Answer, Hosting, Refusal};

impl Hosting {
    pub(super) async fn list_found_sites(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let mut platforms = Vec::new();
                for name in asked.given.texts("platform") {
                    platforms.push(platform_named(read, &name).await?.node.id);
                }
                if platforms.is_empty() {
                    platforms = read.platforms_with_found_sites().await?;
                }
                let mut items = Vec::new();
                let ignored = what_is_found(read).await? == WhatIsFound::Ignore;
                for platform in platforms {
                    let on = super::object::short_name(read, platform).await?;
                    for site in read.found_sites(platform).await? {
                        items.push(FoundSiteView {
                            platform: on.clone(),
                            name: site.name.to_string(),
                            first: site.first,
                            last: site.last,
                            ignored,
                        });
                    }
                }
                shown::page_of_whole(asked, items, |site| format!("{} {}", site.platform, site.name))
            })
            .await
    }

    pub(super) async fn list_drift(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let drifts = self.store().read(async |read| read.drifts().await).await?;
        let items: Vec<DriftView> = drifts
            .into_iter()
            .map(|drift| DriftView {
                name: drift.ours.name().to_string(),
                found: drift.found,
                ours: shown::json(&drift.ours),
                theirs: shown::json(&drift.theirs),
            })
            .collect();
        shown::page_of_whole(asked, items, |drift| drift.name.clone())
    }

    pub(super) async fn resolve_drift(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let unknown = || Refusal::Unknown { what: "drift", name: asked.name.to_owned() };
        let name: ContextName = asked.name.parse().map_err(|_| unknown())?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let node = tx.node_named(&name).await?.ok_or_else(unknown)?;
                let drift = tx.drift(node.id).await?.ok_or_else(unknown)?;
                let server = crate::dispatch::server_of(tx, &node).await?.ok_or_else(unknown)?;
                let theirs = drift.theirs.clone();
                if asked.given.str("take") == Some("theirs") {
                    if !asked.dry_run {
                        crate::dispatch::record_context(tx, node.id, &theirs, &asked.actor.name, now).await?;
                        tx.settle_drift(node.id, now).await?;
                        tx.record_deed(node.id, &asked.actor.name, "took what the back end has", None, now).await?;
                    }
                    return Ok(Answer::Object(shown::json(&theirs)));
                }
                // Made from what is there, so that the back end takes it.
                let ours = drift.ours.clone().with_revision(theirs.revision());
                let wanted = Wanted {
                    object: node.id,
                    name: &name,
                    owner: node.owner.unwrap_or(aegir_store::ADMIN),
                    server,
                    needs: None,
                    request: verify_with(ours),
                };
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                tx.settle_drift(node.id, now).await?;
                let mut known = KnownContexts::new();
                known.insert(name.clone(), theirs);
                asked.queue(tx, wanted, &known, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }
}

/// A verify that saves a context first.
fn verify_with(context: Context) -> Task {
    match context {
        Context::Server(server) => Task::VerifyServer { server: server.name.clone(), context: Some(server) },
        Context::Platform(platform) => {
            Task::VerifyPlatform { platform: platform.name.clone(), context: Some(platform) }
        }
        Context::Site(site) => Task::VerifySite { site: site.name.clone(), context: Some(site) },
    }
}
