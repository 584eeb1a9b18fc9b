//! Drop formers: lets go of what a site was before it was moved, once that was kept for long enough.

use aegir_domain::{Context, ContextName, Fault, Former, FormerName, SiteContext, SiteName};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::deploy::former::{self, FormerFault};
use crate::World;
use crate::backup::{KeepBackup, MakeWorkFolder, RemoveAside, RemoveWork, size, work};
use crate::step::context::{SaveContext, SavedText};
use crate::step::database::DropDatabase;

/// Lets go of former selves.
pub(crate) struct DropFormers {
    pub(crate) site: SiteName,
    /// Which; `None`: those that were kept for as long as the settings say.
    pub(crate) former: Option<FormerName>,
}

impl Recipe<World> for DropFormers {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let Choice { site, dropped } =
            run.check(FormersToDrop { site: self.site.clone(), former: self.former.clone() })?;
        let mut afterwards = Afterwards::new();
        let packed: Vec<_> = dropped.iter().filter_map(|former| former.archive.as_ref()).collect();
        let (backups, aside) = (run.world().home().backups(), work(run.world()));
        if !packed.is_empty() {
            run.step(MakeWorkFolder { path: aside.clone() })?;
            afterwards = afterwards.cleanup(RemoveWork { path: aside.clone() });
        }
        for backup in packed {
            let from = backups.join(backup.as_str());
            // Somebody may have taken it away by hand.
            if let Some(stat) = run.world().files().stat(&from)? {
                run.step(KeepBackup { from, to: aside.join(backup.as_str()), inode: stat.inode })?;
            }
        }
        for former in &dropped {
            if let Some(path) = former::discard(run, former)? {
                afterwards = afterwards.cleanup(RemoveAside { path });
            }
        }
        if !dropped.is_empty() {
            let mut kept = SiteContext { revision: site.revision + 1, ..site.clone() };
            kept.formers.retain(|former| !dropped.contains(former));
            let was = run.check(SavedText { name: ContextName::Site(site.name.clone()) })?;
            run.step(SaveContext { context: Context::Site(Box::new(kept)), was })?;
        }
        for former in dropped {
            run.say(format!("What it was until then is let go of: `{}`, {}", former.name, size(former.bytes)));
            if former.archive.is_none() {
                let database = DropDatabase { server: former.db_server, database: former.database };
                afterwards = afterwards.cleanup(database);
            }
        }
        run.answer("site", site.name.as_str());
        run.point_of_no_return(afterwards)
    }
}

/// Chooses which former selves go.
struct FormersToDrop {
    site: SiteName,
    former: Option<FormerName>,
}

/// The site as it is saved, and what it is to be without.
struct Choice {
    site: SiteContext,
    dropped: Vec<Former>,
}

impl Check<World> for FormersToDrop {
    type Output = Choice;
    const NAME: &'static str = "formers-to-drop";

    fn look(&self, world: &World) -> Result<Choice, Fault> {
        let site = world.contexts().site(&self.site)?;
        let now = i64::try_from(world.parts.clock.unix_ms() / 1000).unwrap_or(i64::MAX);
        let kept = i64::from(world.parts.settings.former_days) * 24 * 3600;
        let is_old = |former: &Former| now.saturating_sub(former.since) >= kept;
        let dropped: Vec<Former> = match &self.former {
            None => site.formers.iter().filter(|former| is_old(former)).cloned().collect(),
            Some(name) => site.formers.iter().filter(|former| former.name == *name).cloned().collect(),
        };
        match (&self.former, dropped.is_empty()) {
            (Some(name), true) => Err(FormerFault::NotThat { site: site.name, name: name.clone() }.into()),
            _ => Ok(Choice { site, dropped }),
        }
    }
}
