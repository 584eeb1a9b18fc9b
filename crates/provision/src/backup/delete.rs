//! Delete a backup: moved to a folder of the task's own, and removed from there when nothing can fail any more.

use aegir_domain::{BackupName, Fault};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::archive::BackupFault;
use super::place::{self, KeepBackup, MakeWorkFolder, RemoveWork};
use crate::World;

/// Removes a backup for good.
pub(crate) struct Delete {
    pub(crate) backup: BackupName,
}

impl Recipe<World> for Delete {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let inode = run.check(BackupThere { backup: self.backup.clone() })?;
        let (backups, work) = (run.world().home().backups(), place::work(run.world()));
        run.step(MakeWorkFolder { path: work.clone() })?;
        run.step(KeepBackup { from: backups.join(self.backup.as_str()), to: work.join("archive"), inode })?;

        run.say(format!("The backup `{}` is deleted", self.backup));
        run.answer("backup", self.backup.as_str());
        run.point_of_no_return(Afterwards::new().cleanup(RemoveWork { path: work }))
    }
}

/// The backup is there; gives the number of its file. It need not be one that can be read.
struct BackupThere {
    backup: BackupName,
}

impl Check<World> for BackupThere {
    type Output = u64;
    const NAME: &'static str = "backup-there";

    fn look(&self, world: &World) -> Result<u64, Fault> {
        let path = world.home().backups().join(self.backup.as_str());
        match world.files().stat(&path)? {
            None => Err(BackupFault::Missing { name: self.backup.clone() }.into()),
            Some(stat) if stat.kind == aegir_host::Kind::Dir => Err(BackupFault::NoFile { path }.into()),
            Some(stat) => {
                self.must_be_of_nobody(world)?;
                Ok(stat.inode)
            }
        }
    }
}

impl BackupThere {
    /// Fails if it is what some site was, and its record says so: a site may be called otherwise since.
    fn must_be_of_nobody(&self, world: &World) -> Result<(), Fault> {
        for site in world.contexts().sites()? {
            let is_it = |former: &&aegir_domain::Former| former.archive.as_ref() == Some(&self.backup);
            if let Some(former) = site.formers.iter().find(is_it) {
                let (name, former) = (self.backup.clone(), former.name.clone());
                return Err(BackupFault::IsFormer { name, site: site.name, former }.into());
            }
        }
        Ok(())
    }
}
