//! Gives a site another name. Until the task has ended the site has the one that it had, and nobody else gets the new one.

use aegir_domain::{OldName, SiteName, Task};

use super::Asked;
use super::object::must_be_nobodys;
use super::site::must_be_installed;
use crate::{Answer, BadParameters, Hosting, Refusal};

impl Hosting {
    pub(super) async fn rename_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |tx, site, context| {
            let bad = |why: String, remedy: &str| BadParameters::one(asked.operation, "new_name", why, remedy);
            let Some(to) = asked.given.text::<SiteName>("new_name") else {
                return Err(bad("it must be given".into(), "give a name such as `www.example.org`").into());
            };
            if to == context.name {
                return Err(bad(format!("the site is called `{to}` already"), "give another name").into());
            }
            must_be_installed(context)?;
            must_be_nobodys(tx, &to.host(), Some(site.node.id)).await?;
            let old_name = match asked.given.str("old_name") {
                Some("alias") => OldName::Alias,
                Some("gone") => OldName::Gone,
                _ => OldName::Redirect,
            };
            Ok(Task::RenameSite { site: context.name.clone(), to, old_name, keep: None })
        })
        .await
    }
}
