//! What is asked of a person before a site or a platform is deleted: its name, a second time.

use aegir_domain::{PlatformName, SiteName};

use crate::failure::Failure;
use crate::provision::Usage;

/// The name that was typed again, if it is the site's.
pub(crate) fn site(site: &SiteName, typed: Option<String>) -> Result<String, Failure> {
    let instead = format!("aegir provision delete @{site} --confirm={site}");
    confirmed("site", site.as_str(), &instead, typed)
}

/// The name that was typed again, if it is the platform's.
pub(crate) fn platform(platform: &PlatformName, typed: Option<String>) -> Result<String, Failure> {
    let instead = format!("aegir provision platform-delete @platform_{platform} --confirm={platform}");
    confirmed("platform", platform.as_str(), &instead, typed)
}

fn confirmed(what: &str, name: &str, instead: &str, typed: Option<String>) -> Result<String, Failure> {
    let instead = format!("if you are sure, type `{instead}`");
    match typed {
        Some(typed) if typed == name => Ok(typed),
        Some(typed) => {
            let typed = crate::speak::plain(&typed);
            Err(Failure::usage(Usage::new(
                format!("`--confirm={typed}` is not the name of the {what} `{name}`"),
                instead,
            )))
        }
        None => Err(Failure::usage(Usage::new(format!("deleting `{name}` takes its name a second time"), instead))),
    }
}
