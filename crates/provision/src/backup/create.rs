//! Back up: a site's folder and database in one archive, while the site goes on. It is there whole, or not at all.

use std::path::PathBuf;

use aegir_domain::{
    BACKUP_FORMAT, BackupAnswer, BackupDump, BackupManifest, BackupRecord, Fault, Instance, Note, SiteName, SitePart,
    TaskKind,
};
use aegir_recipe::{Afterwards, Committed, Recipe, Run};

use super::pack::{Dump, DumpDatabase, PackSite};
use super::place::{self, KeepBackup, MakeWorkFolder, RemoveWork};
use super::ready::{CanBackUp, FreeName, Ready};
use crate::World;
use crate::service::code_ahead::CodeAhead;
use crate::site::Packages;
use crate::step::file::MakeFolder;

/// Makes a backup of a site.
pub(crate) struct Backup {
    pub(crate) site: SiteName,
    pub(crate) note: Option<Note>,
}

impl Recipe<World> for Backup {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let ready = run.check(CanBackUp { site: self.site.clone() })?;
        let code = CodeAhead::begin(ready.platform.root.path());
        let packages = run.check(Packages { site: ready.site.clone(), core: ready.site.core.clone(), code })?;
        let made = make(run, &ready, packages, Why { by: TaskKind::BackupSite, note: self.note.clone() })?;

        run.say(format!("The backup is `{}`", made.path.display()));
        run.answer_with(&made.answer);
        run.answer("site", self.site.as_str());
        run.point_of_no_return(Afterwards::new().cleanup(made.clean_up()))
    }
}

/// Why a backup is made, as it says of itself.
pub(crate) struct Why {
    /// The kind of task that makes it.
    pub(crate) by: TaskKind,
    /// What whoever asked for it says.
    pub(crate) note: Option<Note>,
}

impl Why {
    /// It is a part of a task that does something else.
    pub(crate) fn before(by: TaskKind) -> Why {
        Why { by, note: None }
    }
}

/// A backup that was made as a part of a task.
pub(crate) struct Made {
    /// Where it lies.
    pub(crate) path: PathBuf,
    pub(crate) answer: BackupAnswer,
    work: PathBuf,
}

impl Made {
    /// What is owed when the task is done.
    pub(crate) fn clean_up(&self) -> RemoveWork {
        RemoveWork { path: self.work.clone() }
    }
}

/// The lines that make a backup of a site, with what packages it has: of the whole of it, or of what there is.
pub(crate) fn make(run: &mut Run<'_, World>, ready: &Ready, packages: Vec<Instance>, why: Why) -> Result<Made, Fault> {
    let name = run.check(FreeName { site: ready.site.name.clone() })?;

    let made = run.world().parts.clock.unix_ms();
    let (backups, work) = (run.world().home().backups(), place::work(run.world()));
    if run.world().files().kind(&backups)?.is_none() {
        run.step(MakeFolder { path: backups.clone(), mode: 0o700, group: None })?;
    }
    run.step(MakeWorkFolder { path: work.clone() })?;
    let dump = work.join(ready.dump_name);
    let dumped = match ready.lacks.contains(&SitePart::Database) {
        true => Dump::default(),
        false => run.step(DumpDatabase {
            server: ready.site.db_server.clone(),
            name: ready.site.database.name.clone(),
            to: dump.clone(),
        })?,
    };
    let site = &ready.site;
    let manifest = BackupManifest {
        format: BACKUP_FORMAT,
        aegir: env!("CARGO_PKG_VERSION").into(),
        made,
        site: site.name.clone(),
        title: site.title.clone(),
        language: site.language.clone(),
        platform: site.platform.clone(),
        core: site.core.clone(),
        profile: site.profile.clone(),
        record: Some(BackupRecord::of(site)),
        packages,
        dump: BackupDump {
            file: ready.dump_name.into(),
            engine: ready.engine.into(),
            name: site.database.name.clone(),
            bytes: dumped.bytes,
            sha256: dumped.sha256,
            not_consistent: dumped.not_consistent,
            not_included: dumped.not_included,
        },
        files_bytes: ready.files_bytes,
        files_entries: ready.files_entries,
        lacks: ready.lacks.clone(),
        left_out: ready.left_out.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        left: None,
        made_by: Some(why.by),
        note: why.note,
    };
    let aside = work.join("archive");
    let packed = run.step(PackSite {
        root: ready.platform.root.clone(),
        manifest: Box::new(manifest.clone()),
        dump,
        to: aside.clone(),
    })?;
    let to = backups.join(name.as_str());
    run.step(KeepBackup { from: aside, to: to.clone(), inode: packed.inode })?;

    // Packages are in the archive, and what a verify of the site tells.
    let manifest = BackupManifest { packages: Vec::new(), ..manifest };
    let answer = BackupAnswer {
        backup: name,
        bytes: packed.bytes,
        manifest: Some(manifest),
        unreadable: packed.unreadable,
        odd: packed.odd,
    };
    Ok(Made { path: to, answer, work })
}
