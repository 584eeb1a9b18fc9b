//! What was written to a site since it left a former self: asks the back end that has both, and remembers nothing of it.

use aegir_domain::{FormerName, WritesAnswer};

use super::object::site_named;
use super::site::must_have_former;
use super::{Asked, shown};
use crate::view::WritesView;
use crate::{Answer, Hosting, Place, Refusal};

impl Hosting {
    pub(super) async fn tell_written_since(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let site = asked.site()?;
        let former = asked.given.text::<FormerName>("former");
        let place = self
            .store()
            .read(async |read| {
                let record = site_named(read, &site).await?;
                let unknown = || Refusal::Unknown { what: "site", name: site.to_string() };
                let context = record.context.as_ref().ok_or_else(unknown)?;
                must_have_former(asked, context, former.as_ref())?;
                let platform = read.platform(record.platform).await?.ok_or_else(unknown)?;
                let server = read.server(platform.server).await?.ok_or_else(unknown)?;
                Ok::<_, Refusal>(Place { server: server.context.name, transport: server.transport })
            })
            .await?;
        match self.0.back_ends.written_since(&place, &site, former.as_ref()).await? {
            WritesAnswer::Writes(writes) => Ok(Answer::Object(shown::json(&WritesView::of(&writes)))),
            WritesAnswer::Refused(fault) => {
                let what = std::iter::once(fault.message).chain(fault.because).collect::<Vec<_>>().join(": ");
                Err(Refusal::Conflict { what, remedy: fault.remedy })
            }
        }
    }
}
