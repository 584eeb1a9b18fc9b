//! Whether a site fits a platform: the least that must hold. The whole comparison of packages takes this one's place.

use std::collections::BTreeSet;

use aegir_domain::{Fault, PlatformContext, Reach, Remedy, SiteContext};
use aegir_drupal::CoreVersion;
use aegir_recipe::Check;

use crate::World;
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::service::php::PhpFault;

/// The platform's Drupal is not older than the site's and of the same line, and it has what the site has enabled.
pub(crate) struct Fits {
    pub(crate) site: SiteContext,
    pub(crate) from: PlatformContext,
    pub(crate) to: PlatformContext,
    /// The version of Drupal there.
    pub(crate) core: String,
}

impl Check<World> for Fits {
    type Output = ();
    const NAME: &'static str = "fits";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let site = &self.site;
        let (is, will) = (version(&site.core)?, version(&self.core)?);
        if is.family() != will.family() {
            return Err(FitFault::OtherLine { is: site.core.clone(), will: self.core.clone() }.into());
        }
        if will < is {
            return Err(FitFault::Older { is: site.core.clone(), will: self.core.clone() }.into());
        }
        if will.major() > is.major() + 1 {
            return Err(FitFault::Skips { is: site.core.clone(), will: self.core.clone() }.into());
        }
        let code = aegir_drupal::platform::read(self.to.root.path())?;
        let there: BTreeSet<_> = code.packages.iter().map(|package| (package.kind, package.name.clone())).collect();
        let here = CodeAhead::begin(self.from.root.path());
        let enabled = DbServer::of(world, &site.db_server)?.packages(site, &site.core, &here)?;
        let travels = |reach: &Option<Reach>| matches!(reach, Some(Reach::Site(_)));
        let missing: Vec<String> = enabled
            .iter()
            .filter(|package| package.enabled && !travels(&package.reach))
            .filter(|package| !there.iter().any(|(_, name)| *name == package.name))
            .map(|package| package.name.clone())
            .collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(FitFault::Missing { missing, platform: self.to.name.to_string() }.into()),
        }
    }
}

fn version(core: &str) -> Result<CoreVersion, Fault> {
    core.parse().map_err(|_| PhpFault::NoFamily { core: core.to_owned() }.into())
}

#[derive(Debug, thiserror::Error)]
enum FitFault {
    #[error("Drupal {will} is older than the {is} that the site runs on")]
    Older { is: String, will: String },
    #[error("updates do not lead from Drupal {is} to {will}")]
    OtherLine { is: String, will: String },
    #[error("updates do not lead from Drupal {is} straight to {will}")]
    Skips { is: String, will: String },
    #[error("the platform `{platform}` lacks what the site has enabled: {}", missing.join(", "))]
    Missing { missing: Vec<String>, platform: String },
}

impl Remedy for FitFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            FitFault::Older { .. } => "choose a platform with that version or a later one: no update leads back".into(),
            FitFault::OtherLine { .. } => {
                "make a new site on that platform, and bring the content over with Drupal's own migration".into()
            }
            FitFault::Skips { .. } => "move it to a platform of the version between first".into(),
            FitFault::Missing { .. } => {
                "put these packages into the platform and verify it, or uninstall them in the site, then retry".into()
            }
        })
    }
}
