//! Go back: has a site be what it was before it was moved, and keeps what it is now likewise.
//!
//! Nothing is copied and no update runs: what is kept is put in service again, behind a fence of a moment. Where it was
//! packed, it is made of its backup first, while the site goes on; its updates run then, since it comes from an archive.

use std::time::Duration;

use aegir_domain::{
    BackupName, Context, ContextName, Fault, FaultReport, Former, FormerName, KeepFormer, Names, PlatformContext,
    Remedy, SiteAnswer, SiteContext, SiteName, TaskKind,
};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::deploy::fence::{FenceStands, HoldStill, LetGo, LowerFence, NotFenced, RaiseFence};
use super::deploy::files::FilesToCopy;
use super::deploy::former::{self, BringBack, FormerThere, WrittenSince};
use super::deploy::keeping::{Keeping, Leaving};
use super::deploy::own::{BringCredentials, KeepCredentials, ReplaceCredentials};
use super::deploy::updates::{RunUpdates, Visit, VisitNow};
use super::facts::{NameIsFree, PhpReady, PlatformServed, Served};
use super::layout::{self, SettleModes};
use super::probe::{Links, Packages};
use super::restore::remade::{self, Made, Target};
use crate::World;
use crate::backup::{ArchiveSound, RemoveWork, Sound};
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::step::context::{ForgetContext, SaveContext, SavedText};
use crate::step::file::{Keep, TakeAway, Was};
use crate::step::sites_php::list;
use crate::step::vhost::{PublishVhost, RenameVhost, keep_of};

/// Has a site be what it was.
pub(crate) struct GoBack {
    pub(crate) site: SiteName,
    /// Which of its former selves; `None`: the latest.
    pub(crate) former: Option<FormerName>,
    /// How what the site is now is kept.
    pub(crate) keep: Option<KeepFormer>,
    /// Whether it is put in service though its page is an error.
    pub(crate) although_broken: bool,
}

impl Recipe<World> for GoBack {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let (site, from) = run.check(SiteNow { site: self.site.clone() })?;
        let (former, to) = run.check(FormerThere { site: site.clone(), former: self.former.clone() })?;
        run.check(PlatformServed { platform: to.clone(), site: Served::There })?;
        run.check(PhpReady { platform: to.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        run.check(NotFenced { site: site.name.clone() })?;
        if let Some(names) = other_names(&site, &former) {
            run.check(NameIsFree {
                site: names.site.clone(),
                now: Some(site.name.clone()),
                names: std::iter::once(names.site.host()).chain(names.aliases.iter().cloned()).collect(),
                redirect: names.redirect.clone(),
                root: to.root.clone(),
            })?;
            run.check(NotFenced { site: names.site.clone() })?;
        }
        let packed = former.archive.as_ref().map(|backup| unpackable(run, backup, &former, &site)).transpose()?;
        let files = run.check(FilesToCopy { folder: from.root.site_dir(&site.name) })?;
        let data = run.check(Size { site: site.clone() })?;
        let beside = packed.as_ref().map(|(_, target)| (to.root.path().join("sites"), target.bytes));
        let leaving = Leaving { site: &site, platform: &from, files, data, beside, by: TaskKind::GoBackSite };
        let keeping = Keeping::decide(run, self.keep, leaving)?;
        let was = run.check(VisitNow { site: site.clone(), platform: from.clone() })?;

        let attempt = run.world().task.attempt;
        let name = former::name(run.world(), &site.name)?;
        let mut back = SiteContext {
            platform: former.platform.clone(),
            db_server: former.db_server.clone(),
            database: former.database.clone(),
            core: former.core.clone(),
            revision: site.revision + 1,
            ..site.clone()
        };
        // A backup is one whether somebody went back to it or not.
        back.formers.retain(|other| other.name != former.name || other.archive.is_some());
        if let Some(names) = other_names(&site, &former) {
            let Names { site: name, aliases, redirect } = names.clone();
            (back.name, back.aliases, back.redirect) = (name, aliases, redirect);
        }
        let made = packed.map(|packed| make(run, packed, &site, &mut back)).transpose()?;
        let since = run.world().parts.clock.unix_ms();
        let mut left = Former::of(&site, name, (since / 1000) as i64, files + data);
        if back.name != site.name {
            // What it was, and is until now, has the name that it has now.
            for other in back.formers.iter_mut().chain([&mut left]).filter(|other| other.names.is_none()) {
                other.names = Some(Box::new(Names::of(&site)));
            }
        }
        back.formers.push(left.clone());

        let shown = Some(site.database.name.clone()).filter(|_| back.name == site.name);
        run.step(RaiseFence { site: site.name.clone(), attempt, since, shown: shown.clone() })?;
        if back.name != site.name {
            run.step(RaiseFence { site: back.name.clone(), attempt, since, shown: None })?;
        }
        run.step(HoldStill {
            server: site.db_server.clone(),
            database: site.database.clone(),
            platform: Some(site.platform.clone()),
        })?;
        let written = run.check(WrittenSince { site: site.clone(), since: former.since })?;
        tell_of(run, &written);
        let vhost = keep_of(run, &site, &from)?;
        self.bring_data(run, &site, &former, &left, &back)?;
        self.bring_files(run, &site, &from, &former, &to, &left, &back, made.as_ref())?;
        let saved = run.check(SavedText { name: ContextName::Site(back.name.clone()) })?;
        run.step(SaveContext { context: Context::Site(Box::new(back.clone())), was: saved })?;
        if back.name == site.name {
            PublishVhost::in_place_of(run, vhost, &back, &to)?;
        } else {
            let name = ContextName::Site(site.name.clone());
            let was = run.check(SavedText { name: name.clone() })?;
            run.step(ForgetContext { name, was })?;
            RenameVhost::take(run, vhost, &back, &to, &site.name)?;
            Links { site: &site, root: &from.root }.remove(run)?;
        }
        Links { site: &back, root: &to.root }.make(run)?;
        let visit = Visit { site: back.clone(), platform: to.clone(), was, in_service: true };
        run.check(VisitAsItWas { visit, although_broken: self.although_broken })?;
        run.check(FenceStands { site: back.clone(), platform: to.clone() })?;

        let code = CodeAhead::begin(to.root.path());
        let packages = run.check(Packages { site: back.clone(), core: back.core.clone(), code })?;
        run.answer_with(&SiteAnswer {
            core: back.core.clone(),
            packages: Some(packages),
            installer: None,
            changes: changes(&site, &back),
        });
        run.answer("site", back.name.as_str());
        run.answer("platform", back.platform.as_str());
        run.answer("former", left.name.as_str());
        run.answer("fenced_ms", run.world().parts.clock.unix_ms().saturating_sub(since));
        let mut afterwards = Afterwards::new().finish(LowerFence { site: back.name.clone(), attempt, shown });
        if back.name != site.name {
            afterwards = afterwards.finish(LowerFence { site: site.name, attempt, shown: None });
        }
        let now = back.name.clone();
        afterwards = afterwards.cleanup(layout::DropFolderMark { root: to.root, site: back.name, attempt });
        if let Some(made) = made {
            afterwards = afterwards.cleanup(RemoveWork { path: made.work });
        }
        let afterwards = keeping.afterwards(run, afterwards, &left, &now);
        run.point_of_no_return(afterwards)
    }
}

/// What the former self was called, if the site is called otherwise now.
fn other_names<'a>(site: &SiteContext, former: &'a Former) -> Option<&'a Names> {
    former.names.as_deref().filter(|names| names.site != site.name)
}

/// Looks whether the backup of a former self can be made a self again where that lived.
fn unpackable(
    run: &mut Run<'_, World>,
    backup: &BackupName,
    former: &Former,
    site: &SiteContext,
) -> Result<(Sound, Target), Fault> {
    run.say(format!("What it was is packed: `{backup}` is restored beside the site first, while that goes on"));
    let sound = run.check(ArchiveSound { backup: backup.clone() })?;
    let target = remade::target(
        run,
        &sound,
        remade::Wanted {
            platform: former.platform.clone(),
            db_server: former.db_server.clone(),
            profile: sound.archive.manifest.as_ref().map(|manifest| manifest.profile.clone()),
            time_zone: site.time_zone.clone(),
            served: Served::There,
        },
    )?;
    Ok((sound, target))
}

/// Makes it one, on the shelf of its platform, with a database of its own.
fn make(
    run: &mut Run<'_, World>,
    (sound, target): (Sound, Target),
    site: &SiteContext,
    back: &mut SiteContext,
) -> Result<Made, Fault> {
    back.database = target.database(run.world(), &back.name);
    back.core.clone_from(&target.core);
    remade::make(run, &sound, back, &target.platform, Some(&site.name))
}

impl GoBack {
    /// Credentials and rights: those of the former self, and none any more for what it is now.
    fn bring_data(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        former: &Former,
        left: &Former,
        back: &SiteContext,
    ) -> Result<(), Fault> {
        let path = run.world().home().credentials_of(&ContextName::Site(site.name.clone()));
        run.step(KeepCredentials { site: site.name.clone(), former: left.name.clone() })?;
        let mut was = run.step(Keep { path: path.clone(), name: "credentials".into() })?;
        if back.name != site.name {
            run.step(TakeAway { path, was })?;
            was = Was::Absent;
        }
        if former.archive.is_some() {
            let (server, database) = (back.db_server.clone(), back.database.name.clone());
            return run.step(ReplaceCredentials { site: back.name.clone(), server, database, was });
        }
        run.step(BringCredentials { site: back.name.clone(), former: former.name.clone(), was })?;
        let path = run.world().home().credentials_of_former(&former.name);
        let was = run.step(Keep { path: path.clone(), name: "former-credentials".into() })?;
        run.step(TakeAway { path, was })?;
        run.step(LetGo { server: former.db_server.clone(), database: former.database.clone() })
    }

    /// The folders: what it is now goes to its shelf, what it was comes from there.
    #[allow(clippy::too_many_arguments, reason = "two selves, each with its platform and its name")]
    fn bring_files(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        from: &PlatformContext,
        former: &Former,
        to: &PlatformContext,
        left: &Former,
        back: &SiteContext,
        made: Option<&Made>,
    ) -> Result<(), Fault> {
        let attempt = run.world().task.attempt;
        list(run, from, &site.name, Vec::new())?;
        former::shelve(run, site, from, &left.name)?;
        let lies = made.map_or_else(|| former.folder(&to.root), |made| made.coming.clone());
        run.step(BringBack { from: lies, to: to.root.site_dir(&back.name), attempt })?;
        list(run, to, &back.name, back.names())?;
        if made.is_some() {
            run.step(RunUpdates { site: Box::new(back.clone()), platform: to.clone() })?;
            run.step(SettleModes { root: to.root.clone(), site: back.name.clone() })?;
        }
        Ok(())
    }
}

/// What is other than it was, in words.
fn changes(site: &SiteContext, back: &SiteContext) -> Vec<String> {
    let mut changes = Vec::new();
    if back.name != site.name {
        changes.push(format!("the name: `{}`", back.name));
    }
    if back.platform != site.platform || back.name == site.name {
        changes.push(format!("the platform: `{}`", back.platform));
    }
    changes
}

/// Tells what was written since, as far as tables know.
pub(super) fn tell_of(run: &mut Run<'_, World>, written: &[(&'static str, u64)]) {
    let words: Vec<String> = written.iter().map(|(what, count)| format!("{count} {what}")).collect();
    match words.is_empty() {
        true => run.say(
            "Of content, comments, accounts and files its tables tell of none that is newer than what it was; other \
             changes cannot be told",
        ),
        false => run
            .world()
            .warn(format!("Written since, and not in what it was: {}. Other changes cannot be told", words.join(", "))),
    }
    let counts: serde_json::Map<_, _> =
        written.iter().map(|(what, count)| ((*what).to_owned(), serde_json::Value::from(*count))).collect();
    run.answer("written_since", counts);
}

/// What the site was answers as well as what it is now did; or is put in service although it does not.
struct VisitAsItWas {
    visit: Visit,
    although_broken: bool,
}

impl Check<World> for VisitAsItWas {
    type Output = ();
    const NAME: &'static str = <Visit as Check<World>>::NAME;
    const LIMIT: Duration = <Visit as Check<World>>::LIMIT;

    fn look(&self, world: &World) -> Result<(), Fault> {
        let Err(fault) = self.visit.look(world) else { return Ok(()) };
        if self.although_broken {
            let why = fault.report().message;
            world.warn(format!("What it was is put in service although its page is an error: {why}"));
            return Ok(());
        }
        Err(BrokenAsItWas { site: self.visit.site.name.clone(), source: fault.report() }.into())
    }
}

/// What the site was had an error for a page, as where an update mended the site since.
#[derive(Debug, thiserror::Error)]
#[error("what `{site}` was does not answer as well as the site does now")]
struct BrokenAsItWas {
    site: SiteName,
    source: FaultReport,
}

impl Remedy for BrokenAsItWas {
    fn remedy(&self) -> Option<String> {
        Some(
            "put right what its page dies of, in its folder on the shelf; or have it be that again as it is: say \
             `--although-broken`"
                .into(),
        )
    }
}

/// A site that is saved, and its platform.
struct SiteNow {
    site: SiteName,
}

impl Check<World> for SiteNow {
    type Output = (SiteContext, PlatformContext);
    const NAME: &'static str = "site-now";

    fn look(&self, world: &World) -> Result<(SiteContext, PlatformContext), Fault> {
        let site = world.contexts().site_in_service(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        DbServer::of(world, &site.db_server)?.must_bear(&site.database.name, &site.database.marker)?;
        Ok((site, platform))
    }
}

/// What a site's database takes, in bytes.
pub(super) struct Size {
    pub(super) site: SiteContext,
}

impl Check<World> for Size {
    type Output = u64;
    const NAME: &'static str = "size";

    fn look(&self, world: &World) -> Result<u64, Fault> {
        DbServer::of(world, &self.site.db_server)?.size(&self.site.database.name)
    }
}
