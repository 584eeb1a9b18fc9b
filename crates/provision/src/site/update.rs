//! Update: runs the updates that wait for a site, where it lives, as a whole or not at all.
//!
//! ```text
//!   what waits? ─► folder copied to the shelf ─► fence ─► database copied, files topped up ─► swap ─► updates, visit
//!               └► nothing: done                                                     ─► switch ══ fence down
//! ```
//!
//! The site goes on until the fence; what it was is a former self, as after a restore
//! ([0034](../../../../docs/decisions/0034-a-restored-self-is-unpacked-on-the-shelf.md)).

use std::collections::BTreeSet;

use aegir_domain::{
    Database, DbName, Fault, Fit, Former, KeepFormer, MachineName, Marker, PlatformContext, Remedy, SiteAnswer,
    SiteContext, SiteName, TaskKind,
};
use aegir_host::Kind;
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::compare::{PackagesFit, all_is_there};
use super::deploy::coming;
use super::deploy::database::{CopyDatabase, DatabaseToCopy, MakeTables};
use super::deploy::fence::{HoldStill, LowerFence, NotFenced, RaiseFence};
use super::deploy::files::{CopyFiles, FilesToCopy, TopUpFiles};
use super::deploy::former::{self, BringBack, make_shelf};
use super::deploy::keeping::{Keeping, Leaving};
use super::deploy::own::TakeSalt;
use super::deploy::switch::{Leaves, switch};
use super::deploy::updates::{NOT_FOUND, PendingUpdates, RunUpdates, Visit, VisitNow};
use super::facts::{DatabaseReady, PhpReady, PlatformReady, PlatformServed, Ready, Room, Served};
use super::layout::{self, DropFolderMark, SettleModes};
use super::probe::Packages;
use crate::World;
use crate::service::code_ahead::CodeAhead;
use crate::step::database::{CreateDatabase, CreateDatabaseUser};
use crate::step::secret::MakeSecret;
use crate::step::sites_php::list;

/// What a copy takes besides its files and its database, in bytes.
const ROOM: u64 = 50 << 20;

/// Runs the updates that wait for a site.
pub(crate) struct Update {
    pub(crate) site: SiteName,
    /// What may be missing of what it has enabled.
    pub(crate) allow_missing: BTreeSet<MachineName>,
    /// How what it was is kept.
    pub(crate) keep: Option<KeepFormer>,
}

/// All that was found of a site for which updates wait.
struct Found {
    /// How what it has enabled fits the code that is there.
    fit: Fit,
    /// What its files and its database take, in bytes.
    bytes: u64,
    keeping: Keeping,
    /// What its front page must answer at the least.
    was: u16,
    /// What it is to be.
    new: SiteContext,
}

impl Recipe<World> for Update {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let site = run.check(MayUpdate { site: self.site.clone() })?;
        let ready =
            run.check(PlatformReady { platform: site.platform.clone(), profile: Some(site.profile.clone()) })?;
        let platform = ready.platform.clone();
        run.check(PlatformServed { platform: platform.clone(), site: Served::There })?;
        run.check(PhpReady { platform: platform.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        run.check(NotFenced { site: site.name.clone() })?;
        let waiting = run.check(PendingUpdates { site: site.clone(), platform: platform.clone() })?;
        run.answer("site", site.name.as_str());
        run.answer("updates", waiting.len());
        if waiting.is_empty() {
            run.say(format!("No update waits for `{}`: nothing is to be done", site.name));
            return run.point_of_no_return(Afterwards::new());
        }
        let Found { fit, bytes, keeping, was, mut new } = self.look(run, &site, &ready)?;

        let (root, attempt) = (platform.root.clone(), run.world().task.attempt);
        let name = former::name(run.world(), &site.name)?;
        let folder = coming::path(&root, attempt);
        let tables = copy_beside(run, &site, &new, &platform)?;
        let since = run.world().parts.clock.unix_ms();
        let shown = Some(site.database.name.clone());
        run.step(RaiseFence { site: site.name.clone(), attempt, since, shown: shown.clone() })?;
        copy_the_rest(run, &site, &new, &platform, tables)?;
        former::shelve(run, &site, &platform, &name)?;
        run.step(BringBack { from: folder, to: root.site_dir(&site.name), attempt })?;
        list(run, &platform, &new.name, new.names())?;
        // Whatever still runs in it when that is taken back ends before the site's own folder is there again.
        run.step(RunUpdates { site: Box::new(new.clone()), platform: platform.clone() })?;
        run.check(Visit { site: new.clone(), platform: platform.clone(), was: Some(was), in_service: false })?;
        run.step(SettleModes { root: root.clone(), site: site.name.clone() })?;

        let former = Former::of(&site, name, (since / 1000) as i64, bytes);
        new.formers.push(former.clone());
        let leaves = Leaves { site: &site, platform: &platform, has_credentials: true };
        switch(run, &leaves, &new, &platform, &former)?;

        let code = CodeAhead::begin(root.path());
        let packages = run.check(Packages { site: new.clone(), core: new.core.clone(), code })?;
        all_is_there(&fit, &packages)?;
        run.answer_with(&SiteAnswer {
            core: new.core.clone(),
            packages: Some(packages),
            installer: None,
            changes: vec![format!("its data: updated to what its code calls for ({})", counted(waiting.len()))],
        });
        run.answer("former", former.name.as_str());
        run.answer("fenced_ms", run.world().parts.clock.unix_ms().saturating_sub(since));
        let afterwards = Afterwards::new()
            .finish(LowerFence { site: site.name.clone(), attempt, shown })
            .cleanup(DropFolderMark { root, site: site.name.clone(), attempt });
        let afterwards = keeping.afterwards(run, afterwards, &former, &site.name);
        run.point_of_no_return(afterwards)
    }
}

impl Update {
    /// What must hold to make a copy of the site beside it.
    fn look(&self, run: &mut Run<'_, World>, site: &SiteContext, ready: &Ready) -> Result<Found, Fault> {
        let platform = &ready.platform;
        let fit = run.check(PackagesFit {
            site: site.name.clone(),
            platform: platform.name.clone(),
            db_server: None,
            allow_missing: self.allow_missing.iter().map(ToString::to_string).collect(),
        })?;
        let hosts =
            run.check(DatabaseReady { server: site.db_server.clone(), php: platform.clone(), core: ready.major })?;
        let data = run.check(DatabaseToCopy { site: site.clone(), to: site.db_server.clone() })?;
        let files = run.check(FilesToCopy { folder: platform.root.site_dir(&site.name) })?;
        let sites = platform.root.path().join("sites");
        let needs = files + data + ROOM;
        run.check(Room { at: sites.clone(), bytes: needs })?;
        let (beside, by) = (Some((sites, needs)), TaskKind::UpdateSite);
        let keeping = Keeping::decide(run, self.keep, Leaving { site, platform, files, data, beside, by })?;
        let was = match run.check(VisitNow { site: site.clone(), platform: platform.clone() })? {
            // Code that is newer than its data may break it: that is what the updates are to put right.
            None | Some(500) => NOT_FOUND,
            Some(status) => status,
        };
        let database = Database {
            name: DbName::for_site(&site.name, run.world().parts.mint.random()),
            marker: Marker::new(&site.name, run.world().task.attempt),
            hosts,
        };
        let new = SiteContext { database, core: ready.core.clone(), revision: site.revision + 1, ..site.clone() };
        Ok(Found { fit, bytes: files + data, keeping, was, new })
    }
}

/// All of the new self that can be made while the site is written to. Gives the tables that wait for a file.
fn copy_beside(
    run: &mut Run<'_, World>,
    site: &SiteContext,
    new: &SiteContext,
    platform: &PlatformContext,
) -> Result<Vec<String>, Fault> {
    let Database { name, marker, hosts } = new.database.clone();
    let (server, root, attempt) = (new.db_server.clone(), &platform.root, run.world().task.attempt);
    run.step(MakeSecret { name: "database".into() })?;
    run.step(TakeSalt { site: site.name.clone() })?;
    run.step(CreateDatabase { server: server.clone(), name: name.clone(), marker })?;
    run.step(CreateDatabaseUser { server: server.clone(), name, hosts })?;
    make_shelf(run, root)?;
    run.step(CopyFiles {
        from: root.site_dir(&site.name),
        root: root.clone(),
        site: site.name.clone(),
        attempt,
        coming: true,
    })?;
    layout::write_settings_in(run, new, platform, &coming::path(root, attempt))?;
    run.step(MakeTables {
        server: server.clone(),
        from: site.database.clone(),
        to_server: server,
        to: new.database.clone(),
    })
}

/// What was written to the site until now, when nobody writes to it any more.
fn copy_the_rest(
    run: &mut Run<'_, World>,
    site: &SiteContext,
    new: &SiteContext,
    platform: &PlatformContext,
    waiting: Vec<String>,
) -> Result<(), Fault> {
    let (server, root) = (site.db_server.clone(), platform.root.clone());
    run.step(HoldStill {
        server: server.clone(),
        database: site.database.clone(),
        platform: Some(site.platform.clone()),
    })?;
    run.step(CopyDatabase {
        server: server.clone(),
        from: site.database.clone(),
        to_server: server,
        to: new.database.clone(),
        waiting,
    })?;
    let (from, attempt) = (root.site_dir(&site.name), run.world().task.attempt);
    run.step(TopUpFiles { from, root, site: site.name.clone(), coming: Some(attempt) })
}

fn counted(updates: usize) -> String {
    match updates {
        1 => "1 update".into(),
        count => format!("{count} updates"),
    }
}

/// A site in service whose Drupal can be asked for its updates.
struct MayUpdate {
    site: SiteName,
}

impl Check<World> for MayUpdate {
    type Output = SiteContext;
    const NAME: &'static str = "may-update";

    fn look(&self, world: &World) -> Result<SiteContext, Fault> {
        let site = world.contexts().site_in_service(&self.site)?;
        if site.awaits_installer {
            return Err(UpdateFault::NotInstalled { site: site.name }.into());
        }
        let folder = world.contexts().platform(&site.platform)?.root.site_dir(&site.name);
        match world.files().kind(&folder)? {
            Some(Kind::Dir) => Ok(site),
            _ => Err(UpdateFault::NoFolder { folder }.into()),
        }
    }
}

/// Why the updates of a site are not run.
#[derive(Debug, thiserror::Error)]
enum UpdateFault {
    #[error("Drupal is not installed into `{site}` yet")]
    NotInstalled { site: SiteName },
    #[error("`{}` is no folder of a site", folder.display())]
    NoFolder { folder: std::path::PathBuf },
}

impl Remedy for UpdateFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            UpdateFault::NotInstalled { site } => {
                format!("call its installer, then run `aegir provision verify @{site}`")
            }
            UpdateFault::NoFolder { .. } => "put the folder back from a backup, then verify the site".into(),
        })
    }
}
