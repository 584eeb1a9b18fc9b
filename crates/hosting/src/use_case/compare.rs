//! Compares a site with a platform: asks the back end that has both, and remembers nothing of it.

use aegir_domain::{Compared, Fit, PlatformName};

use super::object::{platform_named, site_named};
use super::{Asked, shown};
use crate::dispatch::is_same_home;
use crate::view::FitView;
use crate::{Answer, Comparison, Hosting, Place, Refusal};

impl Hosting {
    pub(super) async fn compare_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let site = asked.site()?;
        let Some(platform) = asked.given.text::<PlatformName>("to") else {
            return Err(crate::BadParameters::one(asked.operation, "to", "it must be given", "name a platform").into());
        };
        let place = self
            .store()
            .read(async |read| {
                let record = site_named(read, &site).await?;
                let here = read.platform(record.platform).await?;
                let there = platform_named(read, &platform).await?;
                let unknown = || Refusal::Unknown { what: "platform", name: platform.to_string() };
                let here = read.server(here.ok_or_else(unknown)?.server).await?.ok_or_else(unknown)?;
                let there = read.server(there.server).await?.ok_or_else(unknown)?;
                match is_same_home(&here.transport, &there.transport) {
                    true => Ok(Place { server: here.context.name, transport: here.transport }),
                    false => Err(Refusal::Conflict {
                        what: format!("the platform `{platform}` is on another machine than the site `{site}`"),
                        remedy: Some("choose a platform of the same machine".into()),
                    }),
                }
            })
            .await?;
        let what = format!("`{site}` was not compared with `{platform}`");
        let comparison = Comparison { sites: vec![site], platform, allow_missing: asked.given.texts("allow_missing") };
        let fit: Fit = match self.0.back_ends.compare(&place, &comparison).await?.pop() {
            None => return Err(Refusal::Conflict { what, remedy: None }),
            Some(Compared::Fit(fit)) => *fit,
            Some(Compared::Refused(fault)) => {
                let what = std::iter::once(fault.message).chain(fault.because).collect::<Vec<_>>().join(": ");
                return Err(Refusal::Conflict { what, remedy: fault.remedy });
            }
        };
        Ok(Answer::Object(shown::json(&FitView::of(&fit))))
    }
}
