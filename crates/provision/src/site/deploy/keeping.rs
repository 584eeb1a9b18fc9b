//! How what a site was is kept: as it was, or packed into a backup once its new self is in service
//! ([0036](../../../../../docs/decisions/0036-a-former-self-is-packed-behind-the-switch.md)).

use std::path::PathBuf;

use aegir_domain::{Fault, Former, Instance, KeepFormer, PlatformContext, SiteContext, SiteName, TaskKind};
use aegir_recipe::{Afterwards, Check, Run};

use super::archive::ArchiveFormer;
use crate::World;
use crate::backup::{BackupFault, archive_needs, size};
use crate::service::code_ahead::CodeAhead;
use crate::site::looks::Looks;
use crate::site::probe::Packages;

/// A self that a task is about to leave.
pub(crate) struct Leaving<'a> {
    pub(crate) site: &'a SiteContext,
    pub(crate) platform: &'a PlatformContext,
    /// What its files take, in bytes.
    pub(crate) files: u64,
    /// What its database takes, in bytes.
    pub(crate) data: u64,
    /// Where the task puts a copy first, and how many bytes those are.
    pub(crate) beside: Option<(PathBuf, u64)>,
    pub(crate) by: TaskKind,
}

/// What becomes of a self that is left.
pub(crate) enum Keeping {
    /// It stays on its shelf.
    Itself,
    /// It is packed from there.
    Archive {
        /// What the site is until then.
        was: Box<SiteContext>,
        /// What it has enabled.
        packages: Vec<Instance>,
        by: TaskKind,
    },
}

impl Keeping {
    /// Decides it: as asked, or else as the settings say. Looks at what an archive needs while nothing is touched yet.
    pub(crate) fn decide(
        run: &mut impl Looks,
        asked: Option<KeepFormer>,
        leaving: Leaving<'_>,
    ) -> Result<Keeping, Fault> {
        let Leaving { site, platform, files, data, beside, by } = leaving;
        if asked.unwrap_or(run.world().parts.settings.keep_former) == KeepFormer::Itself {
            return Ok(Keeping::Itself);
        }
        run.look(RoomForArchive { needs: archive_needs(files, data), beside })?;
        // It is asked while the site is whole: what it had enabled stands in the archive's manifest.
        let code = CodeAhead::begin(platform.root.path());
        let packages = run.look(Packages { site: site.clone(), core: site.core.clone(), code })?;
        let was = SiteContext { formers: Vec::new(), ..site.clone() };
        Ok(Keeping::Archive { was: Box::new(was), packages, by })
    }

    /// Says what is kept and how to go back to it, and adds what packs it. `now` is what the site is called from now on.
    pub(crate) fn afterwards(
        self,
        run: &Run<'_, World>,
        afterwards: Afterwards<World>,
        former: &Former,
        now: &SiteName,
    ) -> Afterwards<World> {
        let kept = &former.name;
        match self {
            Keeping::Itself => {
                run.say(format!(
                    "What it was is kept as `{kept}`, {} MB: `aegir provision go-back` returns to it",
                    former.bytes.div_ceil(1 << 20),
                ));
                afterwards
            }
            Keeping::Archive { was, packages, by } => {
                run.say(format!(
                    "What it was is `{kept}`, {}: it is packed into a backup now, while the site goes on; `aegir \
                     provision go-back` restores it",
                    size(former.bytes),
                ));
                afterwards.cleanup(ArchiveFormer { site: now.clone(), former: kept.clone(), was, packages, by })
            }
        }
    }
}

/// There is room for the archive, beside what the task makes before.
struct RoomForArchive {
    /// In bytes.
    needs: u64,
    beside: Option<(PathBuf, u64)>,
}

impl Check<World> for RoomForArchive {
    type Output = ();
    const NAME: &'static str = "room-for-archive";

    fn look(&self, world: &World) -> Result<(), Fault> {
        let (files, at) = (world.files(), world.home().backups());
        let needs = match &self.beside {
            Some((place, bytes)) if files.device(place)? == files.device(&at)? => self.needs + bytes,
            _ => self.needs,
        };
        let free = files.free_space(&at)?.bytes;
        match free < needs {
            true => Err(BackupFault::NoRoom { at, free, needs }.into()),
            false => Ok(()),
        }
    }
}
