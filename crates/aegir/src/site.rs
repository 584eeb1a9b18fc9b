//! What is asked of a person before a site is deleted.

use aegir_domain::SiteName;

use crate::failure::Failure;
use crate::provision::Usage;

/// The name that was typed again, if it is the site's.
pub(crate) fn confirmed(site: &SiteName, typed: Option<String>) -> Result<String, Failure> {
    let instead = format!("if you are sure, type `aegir provision delete @{site} --confirm={site}`");
    match typed {
        Some(typed) if typed == site.as_str() => Ok(typed),
        Some(typed) => {
            let typed = crate::speak::plain(&typed);
            Err(Failure::usage(Usage::new(
                format!("`--confirm={typed}` is not the name of the site `{site}`"),
                instead,
            )))
        }
        None => Err(Failure::usage(Usage::new(format!("deleting `{site}` takes its name a second time"), instead))),
    }
}
