//! What the web server's logs have of a site: asks the back end that has them, and remembers nothing of it.

use aegir_domain::{LogAnswer, LogKind};

use super::object::site_named;
use super::{Asked, shown};
use crate::{Answer, BadParameters, Hosting, Place, Refusal};

impl Hosting {
    pub(super) async fn read_site_log(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let site = asked.site()?;
        let (errors, php) = (asked.given.flag("errors"), asked.given.flag("php"));
        if errors && php {
            let why = "one log is read at a time";
            return Err(BadParameters::one(asked.operation, "php", why, "leave out `errors` or `php`").into());
        }
        let lines = asked.given.number("lines").and_then(|lines| u16::try_from(lines).ok()).unwrap_or_default();
        let place = self
            .store()
            .read(async |read| {
                let unknown = || Refusal::Unknown { what: "site", name: site.to_string() };
                let record = site_named(read, &site).await?;
                let platform = read.platform(record.platform).await?.ok_or_else(unknown)?;
                let server = read.server(platform.server).await?.ok_or_else(unknown)?;
                Ok::<_, Refusal>(Place { server: server.context.name, transport: server.transport })
            })
            .await?;
        match self.0.back_ends.site_log(&place, &site, LogKind::of_flags(errors, php), lines).await? {
            LogAnswer::Tail(tail) => Ok(Answer::Object(shown::json(&*tail))),
            LogAnswer::Refused(fault) => {
                let what = std::iter::once(fault.message).chain(fault.because).collect::<Vec<_>>().join(": ");
                Err(Refusal::Conflict { what, remedy: fault.remedy })
            }
        }
    }
}
