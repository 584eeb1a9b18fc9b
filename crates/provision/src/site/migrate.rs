//! Migrate: moves a site to another platform, and runs its updates on a copy.
//!
//! The site stays whole until the copy answers and is in service; a failure costs its visitors a short fence and
//! nothing else. What it was is kept.

use std::path::PathBuf;

use aegir_domain::{
    Context, ContextName, Database, DbName, Fault, Fit, Former, Marker, MigrateSite, PlatformContext, PlatformName,
    Quiet, Rehearse, Remedy, SiteAnswer, SiteContext, SiteName, TaskKind,
};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::compare::{PackagesFit, all_is_there};
use super::deploy::database::{CopyDatabase, CopyMoment, DatabaseToCopy, MakeTables};
use super::deploy::fence::{FenceStands, HoldStill, LowerFence, NotFenced, RaiseFence};
use super::deploy::files::{CopyFiles, FilesToCopy, PlaceIsFree, TopUpFiles};
use super::deploy::former;
use super::deploy::keeping::{Keeping, Leaving};
use super::deploy::own::{KeepCredentials, ReplaceCredentials, TakeSalt};
use super::deploy::rehearsal::{EndRehearsal, Shown, ShownNow, ShownThen};
use super::deploy::updates::{RunUpdates, Visit, VisitNow};
use super::facts::{DatabaseReady, PhpReady, PlatformReady, PlatformServed, Ready, Room, Served};
use super::layout::{self, SettleModes};
use super::probe::{Links, Packages};
use crate::World;
use crate::backup::RemoveAside;
use crate::service::code_ahead::CodeAhead;
use crate::step::context::{SaveContext, SavedText};
use crate::step::database::{CreateDatabase, CreateDatabaseUser, DropDatabase};
use crate::step::file::Keep;
use crate::step::secret::MakeSecret;
use crate::step::sites_php::{ListSite, list, listed};
use crate::step::vhost::{PublishVhost, keep_of};

/// What a copy takes besides its files and its database, in bytes.
const ROOM: u64 = 50 << 20;

/// A database of so many bytes is copied once more without a thought.
const SMALL: u64 = 64 << 20;

/// Moves a site to another platform.
pub(crate) struct Migrate {
    pub(crate) asked: MigrateSite,
}

impl Recipe<World> for Migrate {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let Movable { site, from } =
            run.check(MayMove { site: self.asked.site.clone(), to: self.asked.platform.clone() })?;
        let ready =
            run.check(PlatformReady { platform: self.asked.platform.clone(), profile: Some(site.profile.clone()) })?;
        let fit = self.check_target(run, &site, &ready)?;
        let db_server = self.asked.db_server.clone().unwrap_or_else(|| site.db_server.clone());
        let hosts =
            run.check(DatabaseReady { server: db_server.clone(), php: ready.platform.clone(), core: ready.major })?;
        let folder = from.root.site_dir(&site.name);
        let data = run.check(DatabaseToCopy { site: site.clone(), to: db_server.clone() })?;
        let files = run.check(FilesToCopy { folder: folder.clone() })?;
        let bytes = files + data;
        run.check(Room { at: ready.platform.root.path().join("sites"), bytes: bytes + ROOM })?;
        let keeping = match self.asked.rehearse {
            Some(Rehearse::Only) => Keeping::Itself,
            _ => {
                let beside = Some((ready.platform.root.path().join("sites"), bytes + ROOM));
                let by = TaskKind::MigrateSite;
                Keeping::decide(
                    run,
                    self.asked.keep,
                    Leaving { site: &site, platform: &from, files, data, beside, by },
                )?
            }
        };
        let was = run.check(VisitNow { site: site.clone(), platform: from.clone() })?;
        let rehearsal = self.rehearsal(run, &site, &from, &ready.platform, data)?;

        let world = run.world();
        let attempt = world.task.attempt;
        let name = former::name(world, &site.name)?;
        let moved = SiteContext {
            platform: ready.platform.name.clone(),
            core: ready.core.clone(),
            db_server: db_server.clone(),
            database: Database {
                name: DbName::for_site(&site.name, world.parts.mint.random()),
                marker: Marker::new(&site.name, attempt),
                hosts,
            },
            revision: site.revision + 1,
            ..site.clone()
        };
        let root = ready.platform.root.clone();

        let on_trial = match rehearsal {
            None => moved.clone(),
            Some(_) => SiteContext { quiet: Quiet { mail: true, cron: true }, ..moved.clone() },
        };
        self.make_copy(run, &site, &on_trial, &folder, &ready.platform)?;
        if let Some(rehearsal) = rehearsal {
            rehearse(run, rehearsal, &site, &on_trial, &ready.platform, was)?;
            if self.asked.rehearse == Some(Rehearse::Only) {
                return stop_after_rehearsal(run, on_trial, &ready.platform);
            }
            run.step(EndRehearsal { site: Box::new(moved.clone()), platform: ready.platform.clone() })?;
        }
        let waiting = run.step(MakeTables {
            server: site.db_server.clone(),
            from: site.database.clone(),
            to_server: db_server.clone(),
            to: moved.database.clone(),
        })?;
        let since = run.world().parts.clock.unix_ms();
        let shown = Some(site.database.name.clone());
        run.step(RaiseFence { site: site.name.clone(), attempt, since, shown: shown.clone() })?;
        run.step(HoldStill {
            server: site.db_server.clone(),
            database: site.database.clone(),
            platform: Some(site.platform.clone()),
        })?;
        run.step(CopyDatabase {
            server: site.db_server.clone(),
            from: site.database.clone(),
            to_server: db_server,
            to: moved.database.clone(),
            waiting,
        })?;
        run.step(TopUpFiles { from: folder, root: root.clone(), site: site.name.clone(), coming: None })?;
        run.step(RunUpdates { site: Box::new(moved.clone()), platform: ready.platform.clone() })?;
        run.check(Visit { site: moved.clone(), platform: ready.platform.clone(), was, in_service: false })?;
        run.step(SettleModes { root: root.clone(), site: site.name.clone() })?;

        let former = Former::of(&site, name, (since / 1000) as i64, bytes);
        let mut moved = moved;
        moved.formers.push(former.clone());
        self.switch(run, &site, &from, &moved, &ready.platform, &former)?;

        let code = CodeAhead::begin(root.path());
        let packages = run.check(Packages { site: moved.clone(), core: moved.core.clone(), code })?;
        all_is_there(&fit, &packages)?;
        run.answer_with(&SiteAnswer {
            core: moved.core.clone(),
            packages: Some(packages),
            installer: None,
            changes: changes(&site, &moved),
        });
        run.answer("site", site.name.as_str());
        run.answer("platform", moved.platform.as_str());
        run.answer("former", former.name.as_str());
        run.answer("fenced_ms", run.world().parts.clock.unix_ms().saturating_sub(since));
        let afterwards = Afterwards::new()
            .finish(LowerFence { site: site.name.clone(), attempt, shown })
            .cleanup(layout::DropFolderMark { root, site: site.name.clone(), attempt });
        let afterwards = keeping.afterwards(run, afterwards, &former, &site.name);
        run.point_of_no_return(afterwards)
    }
}

impl Migrate {
    /// What must hold of the platform that it moves to.
    fn check_target(&self, run: &mut Run<'_, World>, site: &SiteContext, ready: &Ready) -> Result<Fit, Fault> {
        let fit = run.check(PackagesFit {
            site: site.name.clone(),
            platform: ready.platform.name.clone(),
            db_server: self.asked.db_server.clone(),
            allow_missing: self.asked.allow_missing.iter().map(ToString::to_string).collect(),
        })?;
        run.check(PlatformServed { platform: ready.platform.clone(), site: Served::New })?;
        run.check(PhpReady { platform: ready.platform.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        run.check(PlaceIsFree { root: ready.platform.root.clone(), site: site.name.clone() })?;
        run.check(NotFenced { site: site.name.clone() })?;
        Ok(fit)
    }

    /// All of the new self that can be made while the site is written to.
    fn make_copy(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        moved: &SiteContext,
        from: &std::path::Path,
        to: &PlatformContext,
    ) -> Result<(), Fault> {
        let Database { name, marker, hosts } = moved.database.clone();
        let (server, attempt) = (moved.db_server.clone(), run.world().task.attempt);
        run.step(MakeSecret { name: "database".into() })?;
        run.step(TakeSalt { site: site.name.clone() })?;
        run.step(CreateDatabase { server: server.clone(), name: name.clone(), marker })?;
        run.step(CreateDatabaseUser { server, name, hosts })?;
        run.step(CopyFiles {
            from: from.to_owned(),
            root: to.root.clone(),
            site: site.name.clone(),
            attempt,
            coming: false,
        })?;
        layout::write_settings(run, moved, to)?;
        list(run, to, &site.name, moved.names())
    }

    /// Whether and how thoroughly the move is tried first, and what the site shows before. Where no site lives yet, PHP
    /// has compiled nothing: visitors would wait for that behind the fence, and be the first to meet the code.
    fn rehearsal(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        from: &PlatformContext,
        to: &PlatformContext,
        data: u64,
    ) -> Result<Option<Rehearsal>, Fault> {
        Ok(match self.asked.rehearse {
            Some(_) => Some(Rehearsal::Whole(run.check(ShownNow { site: site.clone(), platform: from.clone() })?)),
            None if data <= SMALL && is_without_sites(run.world(), to)? => Some(Rehearsal::Short),
            None => None,
        })
    }

    /// Puts the new self in service, behind the fence, and the former one on its shelf.
    fn switch(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        from: &PlatformContext,
        moved: &SiteContext,
        to: &PlatformContext,
        former: &Former,
    ) -> Result<(), Fault> {
        let name = ContextName::Site(site.name.clone());
        let path = run.world().home().credentials_of(&name);
        let vhost = keep_of(run, site, from)?;
        run.step(KeepCredentials { site: site.name.clone(), former: former.name.clone() })?;
        let was = run.step(Keep { path, name: "credentials".into() })?;
        run.step(ReplaceCredentials {
            site: site.name.clone(),
            server: moved.db_server.clone(),
            database: moved.database.name.clone(),
            was,
        })?;
        let was = run.check(SavedText { name })?;
        run.step(SaveContext { context: Context::Site(Box::new(moved.clone())), was })?;
        PublishVhost::in_place_of(run, vhost, moved, to)?;
        run.check(FenceStands { site: moved.clone(), platform: to.clone() })?;
        let were = listed(run.world(), &from.root, &site.name)?;
        run.step(ListSite {
            platform: from.name.clone(),
            root: from.root.clone(),
            site: site.name.clone(),
            names: Vec::new(),
            were,
        })?;
        Links { site: moved, root: &to.root }.make(run)?;
        former::shelve(run, site, from, &former.name)
    }
}

/// What became another, for whoever keeps the record of the site.
fn changes(site: &SiteContext, moved: &SiteContext) -> Vec<String> {
    let mut changes = vec![format!("the platform: `{}`", moved.platform)];
    if site.db_server != moved.db_server {
        changes.push(format!("the database server: `{}`", moved.db_server));
    }
    changes
}

/// How thoroughly a move is tried.
enum Rehearsal {
    /// Its updates run, and its front page is asked for.
    Short,
    /// What it shows is compared too, with this.
    Whole(Shown),
}

/// Whether nobody has tried yet what this platform's code does with a site.
fn is_without_sites(world: &World, platform: &PlatformContext) -> Result<bool, Fault> {
    let sites = platform.root.path().join("sites");
    for name in world.files().list(&sites)?.iter().filter(|name| *name != "default") {
        if world.files().kind(&sites.join(name).join("settings.php"))?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Tries a move on the copy, with the data of this moment, while the site goes on; `on_trial` sends no mail.
fn rehearse(
    run: &mut Run<'_, World>,
    rehearsal: Rehearsal,
    site: &SiteContext,
    on_trial: &SiteContext,
    to: &PlatformContext,
    was: Option<u16>,
) -> Result<(), Fault> {
    let began = run.world().parts.clock.now();
    run.say("The rehearsal begins: the site goes on meanwhile");
    run.step(CopyMoment {
        server: site.db_server.clone(),
        from: site.database.clone(),
        to_server: on_trial.db_server.clone(),
        to: on_trial.database.clone(),
    })?;
    run.step(RunUpdates { site: Box::new(on_trial.clone()), platform: to.clone() })?;
    run.check(Visit { site: on_trial.clone(), platform: to.clone(), was, in_service: false })?;
    if let Rehearsal::Whole(before) = rehearsal {
        run.check(ShownThen { site: on_trial.clone(), platform: to.clone(), before })?;
    }
    let took = run.world().parts.clock.now().saturating_sub(began);
    run.answer("rehearsed_ms", took.as_millis() as u64);
    run.say(format!("All was well in the rehearsal, which took {:.1} s", took.as_secs_f64()));
    Ok(())
}

/// Takes away what a move was rehearsed on: all is as it was.
fn stop_after_rehearsal(
    run: &mut Run<'_, World>,
    on_trial: SiteContext,
    to: &PlatformContext,
) -> Result<Committed, Fault> {
    list(run, to, &on_trial.name, Vec::new())?;
    let aside = layout::set_folder_aside(run, &to.root, &on_trial.name)?;
    run.answer("site", on_trial.name.as_str());
    run.say(format!("`{}` can move to `{}`; it has not", on_trial.name, to.name));
    run.point_of_no_return(
        Afterwards::new()
            .cleanup(RemoveAside { path: aside })
            .cleanup(DropDatabase { server: on_trial.db_server, database: on_trial.database }),
    )
}

/// A site that is in service and can be moved to another platform.
struct MayMove {
    site: SiteName,
    to: PlatformName,
}

/// The site, and the platform it lives on.
struct Movable {
    site: SiteContext,
    from: PlatformContext,
}

impl Check<World> for MayMove {
    type Output = Movable;
    const NAME: &'static str = "may-move";

    fn look(&self, world: &World) -> Result<Movable, Fault> {
        let site = world.contexts().site_in_service(&self.site)?;
        let (from, to) = (world.contexts().platform(&site.platform)?, world.contexts().platform(&self.to)?);
        if from.name == to.name || from.root == to.root {
            return Err(MoveFault::There { site: site.name, platform: to.name }.into());
        }
        if from.server != to.server {
            return Err(MoveFault::OtherMachine { platform: to.name, is: from.server.to_string() }.into());
        }
        if site.awaits_installer {
            return Err(MoveFault::NotInstalled { site: site.name }.into());
        }
        let folder = from.root.site_dir(&site.name);
        match world.files().kind(&folder)? {
            Some(aegir_host::Kind::Dir) => Ok(Movable { site, from }),
            _ => Err(MoveFault::NoFolder { folder }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum MoveFault {
    #[error("the site `{site}` lives on the platform `{platform}` already")]
    There { site: SiteName, platform: PlatformName },
    #[error("the platform `{platform}` is on another server than `{is}`, where the site lives")]
    OtherMachine { platform: PlatformName, is: String },
    #[error("Drupal is not installed into `{site}` yet")]
    NotInstalled { site: SiteName },
    #[error("`{}` is no folder of a site", folder.display())]
    NoFolder { folder: PathBuf },
}

impl Remedy for MoveFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            MoveFault::There { .. } => "name another platform".into(),
            MoveFault::OtherMachine { is, .. } => {
                format!("a site cannot be moved to another server yet: name a platform of `{is}`")
            }
            MoveFault::NotInstalled { site } => {
                format!(
                    "call its installer, then run `aegir provision verify @{site}`; or delete it and install it there"
                )
            }
            MoveFault::NoFolder { .. } => "put the folder back from a backup, then verify the site".into(),
        })
    }
}
