//! Go back: has a site be what it was before it was moved, and keeps what it is now likewise.
//!
//! Nothing is copied and no update runs: what is kept is put in service again, behind a fence of a moment.

use aegir_domain::{
    Context, ContextName, Fault, Former, FormerName, PlatformContext, SiteAnswer, SiteContext, SiteName,
};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::deploy::fence::{FenceStands, HoldStill, LetGo, LowerFence, NotFenced, RaiseFence};
use super::deploy::files::FilesToCopy;
use super::deploy::former::{self, BringBack, FormerThere, WrittenSince};
use super::deploy::own::{BringCredentials, KeepCredentials};
use super::deploy::updates::{Visit, VisitNow};
use super::facts::{PhpReady, PlatformServed, Served};
use super::layout;
use super::migrate::say_kept;
use super::probe::{Links, Packages};
use crate::World;
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::step::context::{SaveContext, SavedText};
use crate::step::file::{Keep, TakeAway};
use crate::step::sites_php::{ListSite, listed};
use crate::step::vhost::PublishVhost;

/// Has a site be what it was.
pub(crate) struct GoBack {
    pub(crate) site: SiteName,
    /// Which of its former selves; `None`: the latest.
    pub(crate) former: Option<FormerName>,
}

impl Recipe<World> for GoBack {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let (site, from) = run.check(SiteNow { site: self.site.clone() })?;
        let (former, to) = run.check(FormerThere { site: site.clone(), former: self.former.clone() })?;
        run.check(PlatformServed { platform: to.clone(), site: Served::There })?;
        run.check(PhpReady { platform: to.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        run.check(NotFenced { site: site.name.clone() })?;
        let size = run.check(FilesToCopy { folder: from.root.site_dir(&site.name) })?
            + run.check(Size { site: site.clone() })?;
        let was = run.check(VisitNow { site: site.clone(), platform: from.clone() })?;

        let attempt = run.world().task.attempt;
        let since = run.world().parts.clock.unix_ms();
        let left = Former::of(&site, former::name(run.world(), &site.name)?, (since / 1000) as i64, size);
        let mut back = SiteContext {
            platform: former.platform.clone(),
            db_server: former.db_server.clone(),
            database: former.database.clone(),
            core: former.core.clone(),
            revision: site.revision + 1,
            ..site.clone()
        };
        back.formers.retain(|other| other.name != former.name);
        back.formers.push(left.clone());

        run.step(RaiseFence { site: site.name.clone(), attempt, since })?;
        run.step(HoldStill { server: site.db_server.clone(), database: site.database.clone() })?;
        let written = run.check(WrittenSince { site: site.clone(), since: former.since })?;
        tell_of(run, &written);
        self.bring_data(run, &site, &former, &left)?;
        self.bring_files(run, &site, &from, &former, &to, &left, &back)?;
        let name = ContextName::Site(site.name.clone());
        let saved = run.check(SavedText { name })?;
        run.step(SaveContext { context: Context::Site(Box::new(back.clone())), was: saved })?;
        PublishVhost::replacing(run, &back, &to)?;
        Links { site: &back, root: &to.root }.make(run)?;
        run.check(Visit { site: back.clone(), platform: to.clone(), was, in_service: true })?;
        run.check(FenceStands { site: back.clone(), platform: to.clone() })?;

        let code = CodeAhead::begin(to.root.path());
        let packages = run.check(Packages { site: back.clone(), core: back.core.clone(), code })?;
        run.answer_with(&SiteAnswer {
            core: back.core.clone(),
            packages: Some(packages),
            installer: None,
            changes: vec![format!("the platform: `{}`", back.platform)],
        });
        run.answer("site", site.name.as_str());
        run.answer("platform", back.platform.as_str());
        run.answer("former", left.name.as_str());
        run.answer("fenced_ms", run.world().parts.clock.unix_ms().saturating_sub(since));
        say_kept(run, &left);
        run.point_of_no_return(
            Afterwards::new().finish(LowerFence { site: site.name.clone(), attempt }).cleanup(layout::DropFolderMark {
                root: to.root,
                site: site.name,
                attempt,
            }),
        )
    }
}

impl GoBack {
    /// Credentials and rights: those of the former self, and none any more for what it is now.
    fn bring_data(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        former: &Former,
        left: &Former,
    ) -> Result<(), Fault> {
        let path = run.world().home().credentials_of(&ContextName::Site(site.name.clone()));
        run.step(KeepCredentials { site: site.name.clone(), former: left.name.clone() })?;
        let was = run.step(Keep { path, name: "credentials".into() })?;
        run.step(BringCredentials { site: site.name.clone(), former: former.name.clone(), was })?;
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
    ) -> Result<(), Fault> {
        let attempt = run.world().task.attempt;
        let list = |run: &mut Run<'_, World>, platform: &PlatformContext, names| {
            let were = listed(run.world(), &platform.root, &site.name)?;
            let (root, site) = (platform.root.clone(), site.name.clone());
            run.step(ListSite { platform: platform.name.clone(), root, site, names, were })
        };
        list(run, from, Vec::new())?;
        former::shelve(run, site, from, &left.name)?;
        run.step(BringBack { from: former.folder(&to.root), to: to.root.site_dir(&site.name), attempt })?;
        list(run, to, back.names())
    }
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

/// A site that is saved, and its platform.
struct SiteNow {
    site: SiteName,
}

impl Check<World> for SiteNow {
    type Output = (SiteContext, PlatformContext);
    const NAME: &'static str = "site-now";

    fn look(&self, world: &World) -> Result<(SiteContext, PlatformContext), Fault> {
        let site = world.contexts().site(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        DbServer::of(world, &site.db_server)?.must_bear(&site.database.name, &site.database.marker)?;
        Ok((site, platform))
    }
}

/// What a site's database takes, in bytes.
struct Size {
    site: SiteContext,
}

impl Check<World> for Size {
    type Output = u64;
    const NAME: &'static str = "size";

    fn look(&self, world: &World) -> Result<u64, Fault> {
        DbServer::of(world, &self.site.db_server)?.size(&self.site.database.name)
    }
}
