//! Restore: has a site be what a backup says. It is made beside the site, updated and looked at, and takes its place.
//!
//! ```text
//!   archive ─► folder on the shelf, database of its own ─► fence ─► swap ─► updates, visit ─► switch ══ fence down
//! ```
//!
//! What the site was until then is a former self, as after a move. Of a site that is gone, or of a new one, there is
//! nobody to fence.

pub(super) mod fits;
mod gone;
mod in_place;
pub(super) mod remade;

use aegir_domain::{BackupName, Fault, KeepFormer, PlatformName, Remedy, ServerName, SiteContext, SiteName};
use aegir_recipe::{Check, Committed, Recipe, Run};

use crate::World;
use crate::backup::ArchiveSound;

/// Has a site be what a backup says.
pub(crate) struct Restore {
    pub(crate) backup: BackupName,
    /// The name of a new site, if it is to be one.
    pub(crate) new_site: Option<SiteName>,
    pub(crate) platform: Option<PlatformName>,
    pub(crate) db_server: Option<ServerName>,
    /// How what the site is now is kept.
    pub(crate) keep: Option<KeepFormer>,
}

impl Restore {
    /// The name of the site that it makes.
    fn site(&self) -> SiteName {
        self.new_site.clone().unwrap_or_else(|| self.backup.site())
    }
}

impl Recipe<World> for Restore {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let sound = run.check(ArchiveSound { backup: self.backup.clone() })?;
        let says = sound.archive.manifest.as_ref().map(|manifest| manifest.site.clone());
        let site = run.check(SiteOfBackup { backup: self.backup.clone(), says, new: self.new_site.clone() })?;
        match (site, &self.new_site) {
            (Some(site), None) => in_place::restore(self, run, &sound, site),
            (None, None) => gone::restore(self, run, &sound, None),
            (site, Some(_)) => gone::restore(self, run, &sound, site.as_ref()),
        }
    }
}

/// The site that a backup is of, if anything is saved of it.
struct SiteOfBackup {
    backup: BackupName,
    /// The site that the backup itself names.
    says: Option<SiteName>,
    /// The new site that it is to be.
    new: Option<SiteName>,
}

impl Check<World> for SiteOfBackup {
    type Output = Option<SiteContext>;
    const NAME: &'static str = "site-of-backup";

    fn look(&self, world: &World) -> Result<Option<SiteContext>, Fault> {
        let name = self.backup.site();
        if let Some(says) = self.says.clone().filter(|says| *says != name) {
            return Err(RestoreFault::Renamed { backup: self.backup.clone(), says }.into());
        }
        if let Some(site) = self.new.clone().filter(|new| *new == name) {
            return Err(RestoreFault::SameName { backup: self.backup.clone(), site }.into());
        }
        Ok(match world.contexts().find(&aegir_domain::ContextName::Site(name))? {
            // Its new self would be tried by visits, and a site that is out of service gets none.
            Some(aegir_domain::Context::Site(site)) if site.disabled && self.new.is_none() => {
                return Err(RestoreFault::OutOfService { site: site.name }.into());
            }
            Some(aegir_domain::Context::Site(site)) => Some(*site),
            _ => None,
        })
    }
}

/// Why a backup cannot be restored.
#[derive(Debug, thiserror::Error)]
enum RestoreFault {
    #[error("`{backup}` is a backup of `{says}`, and is called like one of another site")]
    Renamed { backup: BackupName, says: SiteName },
    #[error("`{site}` is the site that `{backup}` is of")]
    SameName { backup: BackupName, site: SiteName },
    #[error("the site `{site}` is disabled")]
    OutOfService { site: SiteName },
    #[error("the site of `{backup}` is gone, and the backup does not say {what}")]
    NotSaid { backup: BackupName, what: &'static str, option: &'static str },
    #[error("the site of `{backup}` lived on `{platform}`, which is gone too")]
    PlatformGone { backup: BackupName, platform: PlatformName },
    #[error("the database of `{backup}`'s site lay on `{server}`, which is gone too")]
    ServerGone { backup: BackupName, server: ServerName },
    #[error("the platform `{platform}` is on another server than `{is}`, where the site lives")]
    OtherMachine { platform: PlatformName, is: ServerName },
    #[error("`{}` is no folder of a site", folder.display())]
    NoFolder { folder: std::path::PathBuf },
    #[error("the database of `{of}` is not that of a site of Drupal {core}: {why}")]
    OtherDrupal { of: String, core: String, why: String },
}

impl Remedy for RestoreFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            RestoreFault::Renamed { backup, says } => {
                format!("give it its name back: `{says}-{}` with the same ending", backup.stamp())
            }
            RestoreFault::SameName { .. } => "leave `--as` out to restore it, or name a new site".into(),
            RestoreFault::OutOfService { site } => format!(
                "enable it first with `aegir provision enable @{site}`, make a new site of the backup with `--as NAME`, \
                 or delete the site: one that is gone is made of its backup"
            ),
            RestoreFault::NotSaid { option, .. } => format!("say it with `{option}`"),
            RestoreFault::PlatformGone { .. } => "name another one with `--platform @PLATFORM`".into(),
            RestoreFault::ServerGone { .. } => "name another one with `--db-server NAME`".into(),
            RestoreFault::OtherMachine { is, .. } => {
                format!("a site cannot be restored to another server while it lives: name a platform of `{is}`")
            }
            RestoreFault::NoFolder { folder } => {
                format!("look at what `{}` is and move it away, then restore again", folder.display())
            }
            RestoreFault::OtherDrupal { .. } => {
                "name a platform of the line of Drupal that it was made with, with `--platform @PLATFORM`".into()
            }
        })
    }
}
