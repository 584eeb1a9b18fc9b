//! Verify a backup: its sums, and a site made of it, that must run and is then taken away again.
//!
//! The site of the trial has a folder, a database and credentials of its own; no web server serves it, nothing is
//! saved of it, and its PHP is asked in the pool that Ægir alone can reach. What it was made with goes with the task.

use aegir_domain::{BackupAnswer, BackupManifest, BackupName, ContextName, Fault, PlatformName, ServerName};
use aegir_host::Kind;
use aegir_recipe::{Afterwards, Committed, Recipe, Run};

use super::place::{self, MakeWorkFolder, RemoveWork};
use super::trial::{ArchiveSound, TrialPlace, TrialRuns, site_of_trial};
use super::unpack::{LoadDump, RemoveAside, UnpackDump, UnpackSite};
use crate::World;
use crate::site::{MakeSiteFolder, SettleModes, WriteCredentials, write_settings};
use crate::step::database::{CreateDatabase, CreateDatabaseUser, DropDatabase};
use crate::step::file::{Keep, MakeFolder, SetAside, TakeAway};
use crate::step::secret::MakeSecret;

/// Proves that a backup is whole, and that a site can be made of it.
pub(crate) struct Verify {
    pub(crate) backup: BackupName,
    pub(crate) platform: Option<PlatformName>,
    pub(crate) db_server: Option<ServerName>,
}

impl Recipe<World> for Verify {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let sound = run.check(ArchiveSound { backup: self.backup.clone() })?;
        let archive = sound.archive;
        let place = run.check(TrialPlace {
            backup: self.backup.clone(),
            engine: archive.engine().to_owned(),
            platform: self.platform.clone(),
            db_server: self.db_server.clone(),
            // The dump lies beside the database for a while.
            needs: sound.contents.bytes * 2 + (32 << 20),
        })?;
        let site = site_of_trial(run.world(), &archive, &place)?;
        let (root, attempt) = (place.platform.root.clone(), run.world().task.attempt);
        let (database, work) = (site.database.clone(), place::work(run.world()));

        run.step(MakeSecret { name: "database".into() })?;
        run.step(MakeSecret { name: "hash-salt".into() })?;
        run.step(MakeWorkFolder { path: work.clone() })?;
        run.step(CreateDatabase {
            server: place.db_server.clone(),
            name: database.name.clone(),
            marker: database.marker.clone(),
        })?;
        run.step(CreateDatabaseUser {
            server: place.db_server.clone(),
            name: database.name.clone(),
            hosts: database.hosts.clone(),
        })?;
        run.step(MakeSiteFolder { root: root.clone(), site: site.name.clone(), attempt })?;
        run.step(WriteCredentials {
            site: site.name.clone(),
            server: place.db_server.clone(),
            name: database.name.clone(),
        })?;
        run.step(UnpackSite { backup: self.backup.clone(), into: root.site_dir(&site.name) })?;
        write_settings(run, &site, &place.platform)?;
        let dump = work.join(archive.dump());
        run.step(UnpackDump { backup: self.backup.clone(), to: dump.clone() })?;
        run.step(LoadDump {
            server: place.db_server.clone(),
            name: database.name.clone(),
            marker: database.marker.clone(),
            from: dump,
        })?;
        run.step(SettleModes { root: root.clone(), site: site.name.clone() })?;
        run.check(TrialRuns { backup: self.backup.clone(), site: site.clone(), platform: place.platform.clone() })?;

        let aside = self.take_away(run, &site, &root)?;
        let manifest = archive.manifest.map(|manifest| BackupManifest { packages: Vec::new(), ..manifest });
        run.answer_with(&BackupAnswer {
            backup: self.backup.clone(),
            bytes: archive.bytes,
            manifest,
            unreadable: Vec::new(),
            odd: Vec::new(),
        });
        run.point_of_no_return(
            Afterwards::new()
                .cleanup(RemoveAside { path: aside })
                .cleanup(RemoveWork { path: work })
                .cleanup(DropDatabase { server: place.db_server, database }),
        )
    }
}

impl Verify {
    /// Takes what bears the trial's name from where anybody could find it. Says where its folder lies now.
    fn take_away(
        &self,
        run: &mut Run<'_, World>,
        site: &aegir_domain::SiteContext,
        root: &aegir_domain::PlatformRoot,
    ) -> Result<std::path::PathBuf, Fault> {
        let credentials = run.world().home().credentials_of(&ContextName::Site(site.name.clone()));
        let was = run.step(Keep { path: credentials.clone(), name: "credentials".into() })?;
        run.step(TakeAway { path: credentials, was })?;
        let trash = aegir_domain::Home::trash_beside(&root.path().join("sites"));
        if run.world().files().kind(&trash)? != Some(Kind::Dir) {
            run.step(MakeFolder { path: trash.clone(), mode: 0o700, group: None })?;
        }
        let folder = root.site_dir(&site.name);
        let mode = run.world().files().stat(&folder)?.map_or(0o2750, |stat| stat.mode & 0o7777);
        let aside = run.world().trash_name(site.name.as_str());
        run.step(SetAside { path: folder, trash: trash.clone(), name: aside.clone(), mode })?;
        Ok(trash.join(aside))
    }
}
