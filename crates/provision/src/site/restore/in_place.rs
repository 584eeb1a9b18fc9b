//! Restores a site that is there: its new self takes its place behind the fence, and what it was is kept.

use aegir_domain::{Fault, Former, FormerName, PlatformContext, PlatformName, SiteAnswer, SiteContext, TaskKind};
use aegir_host::{Kind, Wanted as Walk};
use aegir_recipe::{Afterwards, Check, Committed, Run};

use super::fits::LoadedFits;
use super::remade::{self, Made, Target, Wanted};
use super::{Restore, RestoreFault};
use crate::World;
use crate::backup::{RemoveWork, Sound};
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::service::php::read_credentials;
use crate::site::compare::all_is_there;
use crate::site::deploy::fence::{HoldStill, LowerFence, NotFenced, RaiseFence};
use crate::site::deploy::files::PlaceIsFree;
use crate::site::deploy::former::{self, BringBack, WrittenSince};
use crate::site::deploy::keeping::{Keeping, Leaving};
use crate::site::deploy::switch::{Leaves, switch};
use crate::site::deploy::updates::{NOT_FOUND, RunUpdates, Visit};
use crate::site::facts::Served;
use crate::site::go_back::tell_of;
use crate::site::layout::{DropFolderMark, SettleModes};
use crate::site::probe::Packages;
use crate::step::sites_php::list;

/// Has `site`, which is saved, be what the archive says.
pub(super) fn restore(
    asked: &Restore,
    run: &mut Run<'_, World>,
    sound: &Sound,
    site: SiteContext,
) -> Result<Committed, Fault> {
    let to = asked.platform.clone().unwrap_or_else(|| site.platform.clone());
    let living = run.check(LivingNow { site, to: to.clone() })?;
    let site = &living.site;
    let manifest = sound.archive.manifest.as_ref();
    let profile = manifest.map_or(&site.profile, |manifest| &manifest.profile).clone();
    let target = remade::target(
        run,
        sound,
        Wanted {
            served: if to == site.platform { Served::There } else { Served::New },
            platform: to,
            db_server: asked.db_server.clone().unwrap_or_else(|| site.db_server.clone()),
            profile: Some(profile.clone()),
            time_zone: site.time_zone.clone(),
        },
    )?;
    if target.platform.root != living.from.root {
        run.check(PlaceIsFree { root: target.platform.root.clone(), site: site.name.clone() })?;
    }
    run.check(NotFenced { site: site.name.clone() })?;
    let keeping = match living.is_whole() {
        true => {
            let beside = Some((target.platform.root.path().join("sites"), target.bytes));
            let (platform, by) = (&living.from, TaskKind::RestoreBackup);
            let (files, data) = (living.files, living.data);
            Keeping::decide(run, asked.keep, Leaving { site, platform, files, data, beside, by })?
        }
        false => Keeping::Itself,
    };

    let attempt = run.world().task.attempt;
    let name = former::name(run.world(), &site.name)?;
    let mut new = SiteContext {
        platform: target.platform.name.clone(),
        db_server: target.db_server.clone(),
        database: target.database(run.world(), &site.name),
        core: target.core.clone(),
        profile,
        awaits_installer: false,
        revision: site.revision + 1,
        ..site.clone()
    };
    let salt_of = living.has_credentials.then_some(&site.name);
    let made = remade::make(run, sound, &new, &target.platform, salt_of)?;
    if manifest.is_none() {
        run.check(LoadedFits { of: asked.backup.to_string(), site: new.clone() })?;
    }
    let since = run.world().parts.clock.unix_ms();
    let shown = Some(site.database.name.clone());
    run.step(RaiseFence { site: site.name.clone(), attempt, since, shown: shown.clone() })?;
    if living.has_database {
        run.step(HoldStill {
            server: site.db_server.clone(),
            database: site.database.clone(),
            platform: Some(site.platform.clone()),
        })?;
    }
    if let Some(manifest) = manifest.filter(|_| living.is_whole()) {
        let written = run.check(WrittenSince { site: site.clone(), since: (manifest.made / 1000) as i64 })?;
        tell_of(run, &written);
    }
    swap(run, &living, &new, &target, &made, &name)?;
    // Whatever still runs in it when that is taken back ends before the site's own folder is there again.
    run.step(RunUpdates { site: Box::new(new.clone()), platform: target.platform.clone() })?;
    let platform = target.platform.clone();
    run.check(Visit { site: new.clone(), platform, was: Some(NOT_FOUND), in_service: false })?;
    run.step(SettleModes { root: target.platform.root.clone(), site: site.name.clone() })?;

    let former = Former::of(site, name, (since / 1000) as i64, living.files + living.data);
    new.formers.push(former.clone());
    let leaves = Leaves { site, platform: &living.from, has_credentials: living.has_credentials };
    switch(run, &leaves, &new, &target.platform, &former)?;

    answer(asked, run, &new, &target)?;
    run.answer("former", former.name.as_str());
    run.answer("fenced_ms", run.world().parts.clock.unix_ms().saturating_sub(since));
    let afterwards = Afterwards::new()
        .finish(LowerFence { site: site.name.clone(), attempt, shown })
        .cleanup(DropFolderMark { root: target.platform.root, site: site.name.clone(), attempt })
        .cleanup(RemoveWork { path: made.work });
    let afterwards = match living.is_whole() {
        true => keeping.afterwards(run, afterwards, &former, &site.name),
        false => {
            run.world().warn(format!(
                "What is left of what it was is kept as `{}`; it is not whole, so nobody can go back to it",
                former.name
            ));
            afterwards
        }
    };
    run.point_of_no_return(afterwards)
}

/// Says what the site is now.
pub(super) fn answer(
    asked: &Restore,
    run: &mut Run<'_, World>,
    new: &SiteContext,
    target: &Target,
) -> Result<(), Fault> {
    let code = CodeAhead::begin(target.platform.root.path());
    let packages = run.check(Packages { site: new.clone(), core: new.core.clone(), code })?;
    if let Some(fit) = &target.fit {
        all_is_there(fit, &packages)?;
    }
    run.answer_with(&SiteAnswer {
        core: new.core.clone(),
        packages: Some(packages),
        installer: None,
        changes: vec![format!("all that it holds: as in `{}`", asked.backup)],
    });
    run.answer("site", new.name.as_str());
    run.answer("platform", new.platform.as_str());
    run.answer("backup", asked.backup.as_str());
    Ok(())
}

/// Puts the folder of the new self where the site lives, and the one that is there on its shelf.
fn swap(
    run: &mut Run<'_, World>,
    living: &Living,
    new: &SiteContext,
    target: &Target,
    made: &Made,
    former: &FormerName,
) -> Result<(), Fault> {
    let (root, attempt) = (&target.platform.root, run.world().task.attempt);
    if living.has_folder {
        former::shelve(run, &living.site, &living.from, former)?;
    }
    run.step(BringBack { from: made.coming.clone(), to: root.site_dir(&new.name), attempt })?;
    list(run, &target.platform, &new.name, new.names())
}

/// What is there of a site that is to be replaced. Whatever of it is broken is no reason not to restore it.
struct LivingNow {
    site: SiteContext,
    to: PlatformName,
}

struct Living {
    site: SiteContext,
    from: PlatformContext,
    has_folder: bool,
    has_database: bool,
    has_credentials: bool,
    /// What its files take.
    files: u64,
    /// What its database takes.
    data: u64,
}

impl Living {
    /// Whether one can go back to it.
    fn is_whole(&self) -> bool {
        self.has_folder && self.has_database && self.has_credentials
    }
}

impl Check<World> for LivingNow {
    type Output = Living;
    const NAME: &'static str = "living-now";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(1800);

    fn look(&self, world: &World) -> Result<Living, Fault> {
        let site = self.site.clone();
        let from = world.contexts().platform(&site.platform)?;
        let to = world.contexts().platform(&self.to)?;
        if from.server != to.server {
            return Err(RestoreFault::OtherMachine { platform: to.name, is: from.server }.into());
        }
        let folder = from.root.site_dir(&site.name);
        let has_folder = match world.files().kind(&folder)? {
            Some(Kind::Dir) => true,
            None => false,
            Some(_) => return Err(RestoreFault::NoFolder { folder }.into()),
        };
        let files = match has_folder {
            true => world.files().survey(&folder, &mut |_, _| Walk::Yes)?.bytes,
            false => 0,
        };
        let has_credentials = read_credentials(world, &site.name).is_ok();
        let database = &site.database;
        let measured = DbServer::of(world, &site.db_server).and_then(|server| {
            server.must_bear(&database.name, &database.marker)?;
            server.size(&database.name)
        });
        let has_database = measured.is_ok();
        let data = measured.as_ref().copied().unwrap_or_default();
        if let Err(fault) = measured {
            world.warn(format!("The site's database is left alone as it is: {}", fault.report().message));
        }
        Ok(Living { site, from, has_folder, has_database, has_credentials, files, data })
    }
}
