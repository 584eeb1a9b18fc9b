//! Cron of a site, asked for by somebody; and how it stands, for whoever looks at a site.

use aegir_domain::CronInterval;
use aegir_store::{CronRecord, Read, SiteRecord, StoreFault};

use super::object::{must_be_available, site_named};
use super::setting::cron_interval;
use super::{Asked, shown};
use crate::view::CronView;
use crate::{Answer, Hosting, Refusal};

impl Hosting {
    /// Has cron of a site run as soon as there is room. It may take minutes, so nobody is kept waiting for it here.
    pub(super) async fn run_cron_of_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.site()?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let site = site_named(tx, &name).await?;
                must_be_available(tx, asked.operation, &site.node, 0).await?;
                if !site.may_run_cron() {
                    return Err(Refusal::Conflict {
                        what: format!("Drupal is not installed into `{name}` yet, or it is not in service"),
                        remedy: Some(format!("see `aegir site show {name}`")),
                    });
                }
                must_not_be_paused(tx, &site).await?;
                if !asked.dry_run {
                    tx.ask_cron(site.node.id, now).await?;
                }
                Ok(Answer::Object(shown::json(&cron_view(tx, &site).await?)))
            })
            .await?;
        self.wake();
        Ok(answer)
    }
}

/// Refuses where nothing would begin it: whoever waits for it would wait for as long as nobody says otherwise.
async fn must_not_be_paused(read: &mut Read, site: &SiteRecord) -> Result<(), Refusal> {
    let paused = |what: String, and: String| Refusal::Conflict {
        what: format!("{what} is paused, and runs no cron"),
        remedy: Some(format!("have it go on with `aegir queue resume{and}`, and ask again")),
    };
    if read.queue().await?.paused {
        return Err(paused("the queue".into(), String::new()));
    }
    let Some(platform) = read.platform(site.platform).await? else { return Ok(()) };
    match read.server(platform.server).await? {
        Some(server) if server.paused => {
            let name = &server.context.name;
            Err(paused(format!("the server `{name}`"), format!(" --server {name}")))
        }
        _ => Ok(()),
    }
}

/// Cron of a site, as it is told.
pub(super) async fn cron_view(read: &mut Read, site: &SiteRecord) -> Result<CronView, StoreFault> {
    let every = cron_interval(read).await?;
    Ok(view_of(read.cron_of(site.node.id).await?.as_ref(), every))
}

/// The same, of what is known already; `every` is what the setting says.
pub(super) fn view_of(cron: Option<&CronRecord>, every: CronInterval) -> CronView {
    CronView {
        every: cron.and_then(|cron| cron.every).unwrap_or(every).to_string(),
        next_run: cron.and_then(|cron| cron.next_run),
        began: cron.and_then(|cron| cron.began),
        took: cron.and_then(|cron| cron.took),
        result: cron.and_then(|cron| cron.result).map(|result| result.to_string()),
        said: cron.and_then(|cron| cron.said.clone()),
        failures: cron.map_or(0, |cron| cron.failures),
    }
}
