//! Whether what is in a backup fits a platform: asked of its manifest, or else of its database once that is loaded.

use std::collections::BTreeSet;

use aegir_domain::{
    BackupManifest, BackupName, Code, Fault, Fit, PackageCode, PackageKind, PlatformName, Reach, Remedy, Requirements,
    ServerName, SiteContext, SiteSide, Verdict, compare,
};
use aegir_drupal::inventory::Inventory;
use aegir_drupal::platform;
use aegir_recipe::Check;

use super::RestoreFault;
use crate::World;
use crate::service::{DbServer, php};
use crate::site::compare::{platform_side, said, warn_of};
use crate::site::deploy::own::new_credentials;

/// Refuses a backup whose site does not fit a platform, by what its manifest says.
pub(super) struct BackupFits {
    pub(super) backup: BackupName,
    pub(super) manifest: Box<BackupManifest>,
    pub(super) platform: PlatformName,
    pub(super) db_server: ServerName,
}

impl Check<World> for BackupFits {
    type Output = Fit;
    const NAME: &'static str = "backup-fits";

    fn look(&self, world: &World) -> Result<Fit, Fault> {
        let fit = fit(world, &side_of(&self.manifest), &self.platform, &self.db_server)?;
        let fit = must_fit(world, self.backup.as_str(), fit)?;
        let core = world.contexts().platform(&self.platform)?.facts.map(|facts| facts.core);
        if let Some(core) = core.filter(|core| *core != self.manifest.core) {
            world.warn(format!("The backup is of Drupal {}: what updates it to {core} will run", self.manifest.core));
        }
        Ok(fit)
    }
}

/// Reads a database that was loaded, and refuses it where it does not fit.
pub(in crate::site) struct LoadedFits {
    /// What it was loaded from: the name of a backup, or the folder of somebody's site.
    pub(in crate::site) of: String,
    /// The self that it is of.
    pub(in crate::site) site: SiteContext,
}

impl Check<World> for LoadedFits {
    type Output = Inventory;
    const NAME: &'static str = "loaded-fits";

    fn look(&self, world: &World) -> Result<Inventory, Fault> {
        let site = &self.site;
        let platform = world.contexts().platform(&site.platform)?;
        let credentials = new_credentials(world, &site.db_server, &site.database.name)?;
        let family = php::family(&platform, &site.core)?;
        let server = DbServer::of(world, &site.db_server)?;
        let inventory = server.inventory_of_trial(&site.database.name, &credentials, family).map_err(|fault| {
            let why = fault.report().message;
            RestoreFault::OtherDrupal { of: self.of.clone(), core: site.core.clone(), why }
        })?;
        let side = SiteSide {
            name: site.name.clone(),
            // Which one it was, its numbers of updates tell better than any guess.
            core: site.core.clone(),
            profile: inventory.profile.clone().unwrap_or_default(),
            profile_code: None,
            packages: inventory.packages.clone(),
            own: Vec::new(),
        };
        must_fit(world, &self.of, fit(world, &side, &platform.name, &site.db_server)?)?;
        Ok(inventory)
    }
}

fn fit(world: &World, side: &SiteSide, platform: &PlatformName, db_server: &ServerName) -> Result<Fit, Fault> {
    let platform = world.contexts().platform(platform)?;
    let code = platform::read(platform.root.path())?;
    let there = platform_side(world, db_server, &side.profile, &platform, &code)?;
    Ok(compare(side, &there, &BTreeSet::new()))
}

fn must_fit(world: &World, of: &str, fit: Fit) -> Result<Fit, Fault> {
    match fit.is_allowed() {
        true => {
            warn_of(world, &fit);
            Ok(fit)
        }
        false => Err(DoesNotFit { of: of.to_owned(), fit: Box::new(fit) }.into()),
    }
}

/// The site of a backup, as its manifest has it.
fn side_of(manifest: &BackupManifest) -> SiteSide {
    let enabled = manifest.packages.iter().find(|package| package.kind == PackageKind::Profile && package.enabled);
    let profile = match enabled {
        Some(profile) => profile.name.clone(),
        // From 10.3 on a site may have uninstalled its profile: then it needs none.
        None if manifest.core.starts_with("7.") => manifest.profile.to_string(),
        None => String::new(),
    };
    let own = manifest.packages.iter().filter_map(|package| {
        let reach = package.reach.clone().filter(|reach| matches!(reach, Reach::Site(_)))?;
        let package = PackageCode {
            kind: package.kind,
            name: package.name.clone(),
            title: package.name.clone(),
            path: package.path.clone()?,
            version: package.version.clone(),
            core: None,
            project: None,
            schema: package.schema,
            hidden: false,
            reach,
        };
        Some(Code { package, requires: Requirements::default() })
    });
    SiteSide {
        name: manifest.site.clone(),
        core: manifest.core.clone(),
        profile,
        profile_code: None,
        own: own.collect(),
        packages: manifest.packages.clone(),
    }
}

/// A backup, or a folder, whose site does not fit.
#[derive(Debug, thiserror::Error)]
#[error("the site of `{of}` does not fit the platform `{}`: {}", fit.platform, said(fit))]
struct DoesNotFit {
    of: String,
    fit: Box<Fit>,
}

impl Remedy for DoesNotFit {
    fn remedy(&self) -> Option<String> {
        let other = "name a platform that fits, with `--platform @PLATFORM`";
        let first = self.fit.reasons(Verdict::Error).find_map(|(_, reason)| reason.remedy());
        Some(first.map_or(other.into(), |first| format!("{first}; or {other}")))
    }
}
