//! Refresh: brings a copy of somebody's site up to date from there, as a whole or not at all; for the last time, if it is to take the
//! place of its original.
//!
//! ```text
//!   its tables, its files ─► database of its own, folder on the shelf ─► compared ─► fence ─► swap ─► updates, visit
//!                                                                     ─► switch ══ fence down
//! ```
//!
//! The copy goes on until all is ready, and what it was is a former self, as after a restore
//! ([0034](../../../../../../docs/decisions/0034-a-restored-self-is-unpacked-on-the-shelf.md)). What is its own stays: names, client, salt, and the
//! lines of its `local.settings.php`. Its source stands in its record, without a password
//! ([0057](../../../../../../docs/decisions/0057-a-copy-knows-its-source.md)).

use aegir_domain::{
    CopySource, CronInterval, Database, DbName, Fault, Former, FoundToImport, Marker, Password, PlatformContext, Quiet,
    RefreshCopy, Remedy, SiteAnswer, SiteContext, SiteName, SwitchCopy, TaskKind,
};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::data::{Readable, SourceData};
use super::files::{CarryOwnSettings, CopyTheirFiles, SourceFiles};
use super::same::SameAsTheirs;
use super::source::{Source, SourceThere, Tree};
use super::{Becomes, ROOM, copy_data, data_copied, files_copied, put_right};
use crate::World;
use crate::backup::size;
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::site::clone::say_quiet;
use crate::site::deploy::coming;
use crate::site::deploy::fence::{HoldStill, LowerFence, NotFenced, RaiseFence};
use crate::site::deploy::files::FilesToCopy;
use crate::site::deploy::former::{self, BringBack, make_shelf};
use crate::site::deploy::keeping::{Keeping, Leaving};
use crate::site::deploy::switch::{Leaves, switch};
use crate::site::deploy::updates::{NOT_FOUND, RunUpdates, Visit};
use crate::site::facts::{DatabaseReady, PhpReady, PlatformReady, PlatformServed, Room, Served};
use crate::site::go_back::Size;
use crate::site::layout::{self, DropFolderMark, SettleModes};
use crate::site::looks::Looks;
use crate::site::probe::Packages;
use crate::step::sites_php::list;

/// Brings a copy up to date.
pub(crate) struct Refresh {
    pub(crate) asked: RefreshCopy,
}

/// All that was found.
struct Found {
    site: SiteContext,
    platform: PlatformContext,
    source: Source,
    data: Readable,
    trees: Vec<Tree>,
    /// What these files take, in bytes.
    bytes: u64,
    /// What all that is made beside the copy takes, in bytes.
    needs: u64,
    /// What the copy is until now takes, in bytes: its files, and its database.
    was: (u64, u64),
    keeping: Keeping,
    /// What it is to be.
    new: SiteContext,
    becomes: Becomes,
}

impl Recipe<World> for Refresh {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let Found { site, platform, source, data, trees, was, keeping, mut new, becomes, .. } = self.look(None, run)?;
        let (root, attempt) = (platform.root.clone(), run.world().task.attempt);
        let name = former::name(run.world(), &site.name)?;
        let folder = coming::path(&root, attempt);

        copy_data(run, &source, &data, &new, Some(&site.name))?;
        make_shelf(run, &root)?;
        run.step(CopyTheirFiles {
            trees: trees.clone(),
            data: data.file(),
            root: root.clone(),
            site: site.name.clone(),
            attempt,
            coming: true,
        })?;
        let compared = run.check(SameAsTheirs { data: &data, trees: &trees, folder: folder.clone(), site: &new })?;
        run.step(CarryOwnSettings { root: root.clone(), site: site.name.clone(), attempt })?;
        layout::write_settings_in(run, &new, &platform, &folder)?;
        put_right(run, &source, &data, &new, &root, &becomes)?;

        let since = run.world().parts.clock.unix_ms();
        let shown = Some(site.database.name.clone());
        run.step(RaiseFence { site: site.name.clone(), attempt, since, shown: shown.clone() })?;
        run.step(HoldStill {
            server: site.db_server.clone(),
            database: site.database.clone(),
            platform: Some(site.platform.clone()),
        })?;
        former::shelve(run, &site, &platform, &name)?;
        run.step(BringBack { from: folder, to: root.site_dir(&site.name), attempt })?;
        list(run, &platform, &new.name, new.names())?;
        // Whatever still runs in it when that is taken back ends before the copy's own folder is there again.
        run.step(RunUpdates { site: Box::new(new.clone()), platform: platform.clone() })?;
        run.check(Visit { site: new.clone(), platform: platform.clone(), was: Some(NOT_FOUND), in_service: false })?;
        run.step(SettleModes { root: root.clone(), site: site.name.clone() })?;

        let former = Former::of(&site, name, (since / 1000) as i64, was.0 + was.1);
        new.formers.push(former.clone());
        let leaves = Leaves { site: &site, platform: &platform, has_credentials: true };
        switch(run, &leaves, &new, &platform, &former)?;

        compared.tell(run);
        self.answer(run, &source, &new, &root)?;
        run.answer("former", former.name.as_str());
        run.answer("fenced_ms", run.world().parts.clock.unix_ms().saturating_sub(since));
        let afterwards = Afterwards::new()
            .finish(LowerFence { site: site.name.clone(), attempt, shown })
            .cleanup(DropFolderMark { root, site: site.name.clone(), attempt });
        let afterwards = keeping.afterwards(run, afterwards, &former, &site.name);
        run.point_of_no_return(afterwards)
    }
}

impl Refresh {
    /// All that must hold. `password` is that of the source's database, where no task has it.
    fn look(&self, password: Option<Password>, run: &mut impl Looks) -> Result<Found, Fault> {
        let (site, copy) = run.look(CopyThere { site: self.asked.site.clone() })?;
        let ready = run.look(PlatformReady { platform: site.platform.clone(), profile: None })?;
        let platform = ready.platform;
        run.look(PlatformServed { platform: platform.clone(), site: Served::There })?;
        run.look(PhpReady { platform: platform.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        let source = run.look(SourceThere { copy: copy.clone(), core: ready.core.clone(), password })?;
        let hosts =
            run.look(DatabaseReady { server: site.db_server.clone(), php: platform.clone(), core: ready.major })?;
        let data = run.look(SourceData {
            found: source.database.clone(),
            root: source.root.path().to_owned(),
            folder: source.folder.clone(),
            to: site.db_server.clone(),
        })?;
        if let Some(switch) = self.asked.switch {
            let in_maintenance = data.in_maintenance;
            run.look(OriginalIsQuiet { site: site.name.clone(), in_maintenance, switch })?;
        }
        let (trees, bytes) = run.look(SourceFiles { source: &source, data: &data })?;
        let needs = bytes + data.bytes + ROOM;
        run.look(Room { at: platform.root.path().join("sites"), bytes: needs })?;
        run.look(NotFenced { site: site.name.clone() })?;
        let was = (
            run.look(FilesToCopy { folder: platform.root.site_dir(&site.name) })?,
            run.look(Size { site: site.clone() })?,
        );
        let leaving = Leaving {
            site: &site,
            platform: &platform,
            files: was.0,
            data: was.1,
            beside: Some((platform.root.path().join("sites"), needs)),
            by: TaskKind::RefreshCopy,
        };
        let keeping = Keeping::decide(run, self.asked.keep, leaving)?;
        let database = Database {
            name: DbName::for_site(&site.name, run.world().parts.mint.random()),
            marker: Marker::new(&site.name, run.world().task.attempt),
            hosts,
        };
        let mut new = SiteContext { database, core: ready.core, revision: site.revision + 1, ..site.clone() };
        let mut becomes = Becomes { sanitised: copy.sanitise, keeps_keys: false };
        if self.asked.switch.is_some() {
            // What takes the place of its original is what that was.
            becomes = Becomes { sanitised: false, keeps_keys: true };
            (new.copy_of, new.quiet) = (None, Quiet::default());
            new.cron = site.cron.filter(|every| *every != CronInterval::Off);
        }
        Ok(Found { site, platform, source, data, trees, bytes, needs, was, keeping, new, becomes })
    }

    /// Says what the copy is now.
    fn answer(
        &self,
        run: &mut Run<'_, World>,
        source: &Source,
        new: &SiteContext,
        root: &aegir_domain::PlatformRoot,
    ) -> Result<(), Fault> {
        let code = CodeAhead::begin(root.path());
        let packages = run.check(Packages { site: new.clone(), core: new.core.clone(), code })?;
        run.answer_with(&SiteAnswer {
            core: new.core.clone(),
            packages: Some(packages),
            installer: None,
            changes: vec![format!("all that it holds: as in `{}`", source.folder.display())],
        });
        run.answer("site", new.name.as_str());
        run.answer("of", source.folder.to_string_lossy());
        run.answer("database", new.database.name.as_str());
        match self.asked.switch {
            None => say_quiet(run, new),
            Some(_) => run.say(format!(
                "`{site}` is a copy no more: it may send mail and run cron, and nothing is known of `{folder}` any more. \
                 Give it the names of its original (`aegir provision rename @{site} NAME`, or `aegir provision save \
                 @{site} --alias NAME` and a verify), have them lead to this machine in the DNS, and leave the original \
                 in maintenance mode until they do",
                site = new.name,
                folder = source.folder.display()
            )),
        }
        Ok(())
    }
}

/// What bringing a copy up to date would find and do; it changes nothing.
pub(in crate::site::import) fn look_at_refresh(
    asked: &RefreshCopy,
    password: Option<Password>,
    run: &mut impl Looks,
) -> Result<FoundToImport, Fault> {
    let found = Refresh { asked: asked.clone() }.look(password, run)?;
    let world = run.world();
    match (found.data.in_maintenance, asked.switch) {
        (true, _) => world.say("The original is in maintenance mode"),
        (false, None) => {
            world.say("The original is not in maintenance mode: a refresh does not need that, a switch does");
        }
        // The check that lets it pass has said so.
        (false, Some(_)) => (),
    }
    let (at, files) = (found.platform.root.path().join("sites"), world.files());
    let free = files.free_space(&at)?.bytes.min(files.free_space(world.home().path())?.bytes);
    world.say(format!("There is room: {} are needed, {} are free", size(found.needs), size(free)));
    let (database, tables) = found.data.named();
    Ok(FoundToImport {
        site: found.site.name.clone(),
        from_default: false,
        platform: found.platform.name.clone(),
        db_server: found.site.db_server.clone(),
        changes: found.changes(asked),
        mentions: Vec::new(),
        told: Vec::new(),
        database,
        tables,
        let_go: false,
    })
}

impl Found {
    /// What would become of the copy, in sentences.
    fn changes(&self, asked: &RefreshCopy) -> Vec<String> {
        let was = size(self.was.0 + self.was.1);
        let mut changes = vec![
            data_copied(&self.data, &self.site.db_server),
            files_copied(&self.trees, "beside the copy", self.bytes),
            format!("what updates it to Drupal {} runs on it, behind a fence", self.new.core),
            match self.keeping {
                Keeping::Itself => format!("what the copy is now is kept as a former self, {was}"),
                Keeping::Archive { .. } => format!("what the copy is now, {was}, is packed into a backup"),
            },
            "its names, its client, its salt and its `local.settings.php` stay".to_owned(),
        ];
        match asked.switch {
            None => {
                changes.push("it has a UUID and keys of its own, and mail and cron stay as they are".to_owned());
                if self.becomes.sanitised {
                    changes.push("people's addresses and passwords are taken out of it".to_owned());
                }
            }
            Some(_) => changes.extend([
                "it gets the UUID and the keys of its original, and people's addresses and passwords".to_owned(),
                "it may send mail and run cron from then on, and knows no source any more".to_owned(),
            ]),
        }
        changes
    }
}

/// A site in service that is a copy of somebody's, and what of.
struct CopyThere {
    site: SiteName,
}

impl Check<World> for CopyThere {
    type Output = (SiteContext, CopySource);
    const NAME: &'static str = "copy-there";

    fn look(&self, world: &World) -> Result<(SiteContext, CopySource), Fault> {
        let site = world.contexts().site_in_service(&self.site)?;
        let Some(copy) = site.copy_of.clone() else {
            return Err(RefreshFault::NoCopy { site: site.name }.into());
        };
        DbServer::of(world, &site.db_server)?.must_bear(&site.database.name, &site.database.marker)?;
        Ok((site, *copy))
    }
}

/// Nobody writes to the original any more, or whoever asks knows what that means.
struct OriginalIsQuiet {
    site: SiteName,
    in_maintenance: bool,
    switch: SwitchCopy,
}

impl Check<World> for OriginalIsQuiet {
    type Output = ();
    const NAME: &'static str = "original-is-quiet";

    fn look(&self, world: &World) -> Result<(), Fault> {
        match (self.in_maintenance, self.switch.although_live) {
            (true, _) => Ok(()),
            (false, true) => {
                world.warn(
                    "The original is not in maintenance mode: what is written to it from now on is not in the site",
                );
                Ok(())
            }
            (false, false) => Err(RefreshFault::Live { site: self.site.clone() }.into()),
        }
    }
}

/// Why a copy is not brought up to date.
#[derive(Debug, thiserror::Error)]
enum RefreshFault {
    #[error("`{site}` is no copy of somebody's site, or is one no more")]
    NoCopy { site: SiteName },
    #[error("the original of `{site}` is not in maintenance mode: what is written to it from now on would be lost")]
    Live { site: SiteName },
}

impl Remedy for RefreshFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            RefreshFault::NoCopy { .. } => {
                "only what `aegir provision import FOLDER --copy` made knows what it is a copy of".into()
            }
            RefreshFault::Live { .. } => {
                "put the original into maintenance mode (`drush vset maintenance_mode 1` in Drupal 7, `drush state:set \
                 system.maintenance_mode 1` in later ones), then ask again; or say `--although-live`"
                    .into()
            }
        })
    }
}
