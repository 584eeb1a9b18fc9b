//! Compare: whether a site fits a platform, asked before anything is touched. It reads the site's database and the
//! code of both platforms, runs no PHP of either, and changes nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aegir_domain::protocol::Said;
use aegir_domain::{
    AttemptId, Cmd, Code, Fault, Fit, Instance, PackageFit, PlatformContext, PlatformName, PlatformSide, Reach, Reason,
    Remedy, ServerName, SiteContext, SiteName, SiteSide, TaskLock, Verdict, compare, locks_to_compare,
};
use aegir_drupal::platform::{self, PlatformFacts};
use aegir_host::{CommandFailed, Deadline, Launch, LockFault, Mint, Programs, Ran};
use aegir_recipe::{Check, Teller};

use crate::service::code_ahead::CodeAhead;
use crate::service::{DbServer, php};
use crate::{ContextFault, Contexts, TaskFolder, World, WorldParts};

/// Refuses to go on with a site that does not fit a platform, and gives the report. A line that only looks, for any task
/// that would have the platform's code run the site.
pub struct PackagesFit {
    /// The site.
    pub site: SiteName,
    /// The platform that is to run it.
    pub platform: PlatformName,
    /// The server that is to hold its data; `None`: the one that does.
    pub db_server: Option<ServerName>,
    /// What it may have enabled though the platform lacks the code: machine names.
    pub allow_missing: BTreeSet<String>,
}

impl PackagesFit {
    /// The site, its platform, and the other one.
    fn sides(&self, world: &World) -> Result<(SiteContext, PlatformContext, PlatformContext), Fault> {
        let site = world.contexts().site(&self.site)?;
        if site.awaits_installer {
            return Err(CompareFault::NotInstalled { site: site.name }.into());
        }
        let from = world.contexts().platform(&site.platform)?;
        let to = world.contexts().platform(&self.platform)?;
        Ok((site, from, to))
    }

    /// The same, with what was read of the platforms for the sites before.
    fn report_with(&self, world: &World, seen: &Seen) -> Result<Fit, Fault> {
        let (site, from, to) = self.sides(world)?;
        let side = site_side(world, &site, &*seen.code(&from)?)?;
        let db_server = self.db_server.as_ref().unwrap_or(&site.db_server);
        let there = seen.platform_side(world, db_server, &side.profile, &to)?;
        Ok(compare(&side, &there, &self.allow_missing))
    }

    /// The report, whatever it says. The code of both is read side by side.
    fn report(&self, world: &World) -> Result<Fit, Fault> {
        let (site, from, to) = self.sides(world)?;
        let ahead = CodeAhead::begin(to.root.path());
        let code = platform::read(from.root.path())?;
        let side = site_side(world, &site, &code)?;
        let db_server = self.db_server.as_ref().unwrap_or(&site.db_server);
        let there = platform_side(world, db_server, &side.profile, &to, &ahead.get(to.root.path())?)?;
        Ok(compare(&side, &there, &self.allow_missing))
    }
}

impl Check<World> for PackagesFit {
    type Output = Fit;
    const NAME: &'static str = "packages-fit";

    fn look(&self, world: &World) -> Result<Fit, Fault> {
        let fit = self.report(world)?;
        warn_of(world, &fit);
        match fit.is_allowed() {
            true => Ok(fit),
            false => Err(DoesNotFit { fit: Box::new(fit) }.into()),
        }
    }
}

/// Tells what somebody should know of a site that fits.
pub(super) fn warn_of(world: &World, fit: &Fit) {
    for (package, reason) in fit.reasons(Verdict::Warning) {
        let whose = package.map(|package| format!("`{}` ", package.name)).unwrap_or_default();
        world.warn(format!("{whose}{reason}"));
    }
}

fn site_side(world: &World, site: &SiteContext, code: &PlatformFacts) -> Result<SiteSide, Fault> {
    let inventory = DbServer::of(world, &site.db_server)?.inventory(site, &site.core)?;
    // From 10.3 on a site may have uninstalled its profile: then it needs none.
    let profile = inventory.profile.clone().unwrap_or_default();
    let is_own = |reach: &Reach| matches!(reach, Reach::Site(name) if name == site.name.as_str());
    let own = code.packages.iter().filter(|package| is_own(&package.reach)).map(|package| code.code(package)).collect();
    let loaded = code.loaded(&profile, site.name.as_str());
    let profile_code = loaded.get(&(aegir_domain::PackageKind::Profile, profile.as_str())).map(|code| (*code).clone());
    Ok(SiteSide {
        name: site.name.clone(),
        core: code.core.to_string(),
        packages: inventory.with_code(code, site.name.as_str()),
        profile,
        profile_code,
        own,
    })
}

pub(super) fn platform_side(
    world: &World,
    db_server: &ServerName,
    profile: &str,
    platform: &PlatformContext,
    code: &PlatformFacts,
) -> Result<PlatformSide, Fault> {
    let mut obstacles: Vec<Reason> =
        code.errors().map(|found| Reason::CodeBroken { path: found.path.clone(), why: found.reason.clone() }).collect();
    let server = DbServer::of(world, db_server)?;
    let driver = server.driver_of_drupal();
    if !code.drivers.contains(&driver) {
        obstacles.push(Reason::NoDatabaseDriver { driver: driver.to_owned() });
    }
    obstacles.extend(server.too_old(code.core.major())?);
    let facts = php::facts(world, platform).ok();
    if let Some(facts) = &facts
        && php::speaks(facts, server.engine()).is_err()
    {
        obstacles.push(Reason::PhpLacks { extension: php::extension_for(server.engine()).to_owned() });
    }
    // No site is called so: what lies in folders of sites stays out.
    let packages: Vec<Code> = code.loaded(profile, "").into_values().map(|package| code.code(package)).collect();
    Ok(PlatformSide {
        name: platform.name.clone(),
        core: code.core.to_string(),
        php_minimum: code.php_minimum.clone(),
        php: facts.map(|facts| facts.version),
        packages,
        obstacles,
    })
}

/// Runs a program of the machine to its end.
pub type RunProgram = fn(Cmd) -> Result<Ran, CommandFailed>;

/// How the site would fare on the platform, for whoever only wants to know. Both are kept from changing meanwhile;
/// nothing is written down.
pub fn compare_site(parts: &Arc<WorldParts>, asked: &PackagesFit, run_program: RunProgram) -> Result<Fit, Fault> {
    let contexts = Contexts::new(&parts.home, &parts.files);
    let wanted = || locks_to_compare(&asked.site, &asked.platform, &|name| contexts.find(name));
    held_still(parts, "a comparison", wanted, || asked.report(&looking(parts, run_program)))
}

/// The same for many sites, each by itself and one after the other: the code of the platforms is read once, for the
/// first of them, and a site that a task is at is waited for shortly.
pub fn compare_sites(
    parts: &Arc<WorldParts>,
    sites: &[SiteName],
    platform: &PlatformName,
    allow_missing: &BTreeSet<String>,
    run_program: RunProgram,
) -> Vec<Result<Fit, Fault>> {
    let contexts = Contexts::new(&parts.home, &parts.files);
    let seen = Seen::default();
    let one = |site: &SiteName| {
        let (platform, allow_missing) = (platform.clone(), allow_missing.clone());
        let asked = PackagesFit { site: site.clone(), platform, db_server: None, allow_missing };
        let wanted = || locks_to_compare(&asked.site, &asked.platform, &|name| contexts.find(name));
        let look = || asked.report_with(&looking(parts, run_program), &seen);
        held_still_within(parts, SHORT_WAIT, "a comparison", wanted, look)
    };
    sites.iter().map(one).collect()
}

/// What was read of platforms while several sites are compared.
#[derive(Default)]
struct Seen {
    codes: RefCell<BTreeMap<PathBuf, Rc<PlatformFacts>>>,
    /// By the platform, the profile of the site, and the server that has its data.
    sides: RefCell<BTreeMap<(PlatformName, String, ServerName), Rc<PlatformSide>>>,
}

impl Seen {
    fn code(&self, of: &PlatformContext) -> Result<Rc<PlatformFacts>, Fault> {
        if let Some(known) = self.codes.borrow().get(of.root.path()) {
            return Ok(known.clone());
        }
        let code = Rc::new(platform::read(of.root.path())?);
        self.codes.borrow_mut().insert(of.root.path().to_owned(), code.clone());
        Ok(code)
    }

    fn platform_side(
        &self,
        world: &World,
        db_server: &ServerName,
        profile: &str,
        platform: &PlatformContext,
    ) -> Result<Rc<PlatformSide>, Fault> {
        let key = (platform.name.clone(), profile.to_owned(), db_server.clone());
        if let Some(known) = self.sides.borrow().get(&key) {
            return Ok(known.clone());
        }
        let side = Rc::new(platform_side(world, db_server, profile, platform, &*self.code(platform)?)?);
        self.sides.borrow_mut().insert(key, side.clone());
        Ok(side)
    }
}

/// Looks at something while nobody changes it; `who` is what others are told who wait.
pub(super) fn held_still<T>(
    parts: &Arc<WorldParts>,
    who: &str,
    wanted: impl Fn() -> Result<Vec<TaskLock>, ContextFault>,
    look: impl Fn() -> Result<T, Fault>,
) -> Result<T, Fault> {
    held_still_within(parts, LONGEST_WAIT, who, wanted, look)
}

fn held_still_within<T>(
    parts: &Arc<WorldParts>,
    longest_wait: Duration,
    who: &str,
    wanted: impl Fn() -> Result<Vec<TaskLock>, ContextFault>,
    look: impl Fn() -> Result<T, Fault>,
) -> Result<T, Fault> {
    loop {
        let locks = wanted()?;
        let names: Vec<_> = locks.iter().map(TaskLock::as_wanted).collect();
        let patience = parts.settings.patience().min(longest_wait);
        let _held = aegir_host::locks::take(&parts.home.locks(), &names, patience, who, &mut |_| ())?;
        // What was read before the locks were held may have changed since.
        if wanted()? == locks {
            return look();
        }
    }
}

/// Asks something of a site while nobody changes it, unless a task is at it for longer than `wait`: then what stands
/// against it, for whoever asks again later.
pub(super) fn unless_busy<T>(
    parts: &Arc<WorldParts>,
    site: &SiteName,
    wait: Duration,
    who: &str,
    ask: impl FnOnce() -> Result<T, Fault>,
) -> Result<Result<T, String>, Fault> {
    let contexts = Contexts::new(&parts.home, &parts.files);
    let wanted = || -> Result<Vec<TaskLock>, Fault> {
        let saved = contexts.site(site)?;
        Ok(locks_to_compare(site, &saved.platform, &|name| contexts.find(name))?)
    };
    let locks = wanted()?;
    let names: Vec<_> = locks.iter().map(TaskLock::as_wanted).collect();
    let held = aegir_host::locks::take(&parts.home.locks(), &names, wait, who, &mut |_| ());
    let _held = match held {
        Err(LockFault::Held { name, by }) => return Ok(Err(format!("`{name}` is held by {by}"))),
        held => held?,
    };
    // What was read before the locks were held may have changed since.
    if wanted()? != locks {
        return Ok(Err("it was changed just now".into()));
    }
    ask().map(Ok)
}

/// How long to wait for a task that changes one of them: whoever asks waits too.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How long, where others are still to be compared.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// A world to look at, of no attempt: nothing is said, and nothing lies in its folder.
pub(super) fn looking(parts: &Arc<WorldParts>, run_program: RunProgram) -> World {
    looking_and_telling(parts, run_program, Arc::new(Nobody))
}

/// The same, and somebody hears what is said.
pub(super) fn looking_and_telling(
    parts: &Arc<WorldParts>,
    run_program: RunProgram,
    teller: Arc<dyn Teller + Send + Sync>,
) -> World {
    let mint: &dyn Mint = &*parts.mint;
    let attempt = AttemptId::from_parts(parts.clock.unix_ms(), mint.random());
    World {
        programs: Box::new(AtOnce(run_program)),
        task: TaskFolder::new(&parts.home, attempt),
        teller,
        deadline: Arc::new(Deadline::default()),
        told_waiting: AtomicBool::new(false),
        told_rights: AtomicBool::new(false),
        goes_on: AtomicBool::new(false),
        parts: parts.clone(),
    }
}

struct Nobody;

impl Teller for Nobody {
    fn tell(&self, _: Said) {}
}

struct AtOnce(RunProgram);

impl Programs for AtOnce {
    fn run(&self, launch: &Launch, _: &mut dyn FnMut(&str)) -> Result<Ran, CommandFailed> {
        (self.0)(launch.cmd.clone())
    }
}

/// Why a site cannot be compared.
#[derive(Debug, thiserror::Error)]
enum CompareFault {
    #[error("Drupal is not installed into the site `{site}` yet: it has nothing to compare")]
    NotInstalled { site: SiteName },
}

impl Remedy for CompareFault {
    fn remedy(&self) -> Option<String> {
        let CompareFault::NotInstalled { site } = self;
        Some(format!("call its installer, then run `aegir provision verify @{site}`"))
    }
}

/// A site that does not fit.
#[derive(Debug, thiserror::Error)]
#[error("the site `{}` does not fit the platform `{}`: {}", fit.site, fit.platform, said(fit))]
struct DoesNotFit {
    fit: Box<Fit>,
}

/// Refuses a platform that has lost code of enabled packages since a site was compared with it; `packages` are what the
/// site has there now.
pub(super) fn all_is_there(fit: &Fit, packages: &[Instance]) -> Result<(), Fault> {
    let was_there = |package: &Instance| {
        let same = |other: &&PackageFit| other.kind == package.kind && other.name == package.name;
        fit.packages.iter().find(same).is_some_and(|fit| fit.there.is_some())
    };
    let lost = packages.iter().filter(|package| package.enabled && package.path.is_none() && was_there(package));
    let lost: Vec<String> = lost.map(|package| package.name.clone()).collect();
    match lost.is_empty() {
        true => Ok(()),
        false => Err(CodeLost { platform: fit.platform.clone(), lost }.into()),
    }
}

/// Somebody changed the code of the platform while the task was at it.
#[derive(Debug, thiserror::Error)]
#[error("code that was on the platform `{platform}` when the site was compared with it is gone: {}", lost.join(", "))]
struct CodeLost {
    platform: PlatformName,
    lost: Vec<String>,
}

impl Remedy for CodeLost {
    fn remedy(&self) -> Option<String> {
        Some(format!("put it back, run `aegir provision verify @platform_{}`, then try again", self.platform))
    }
}

/// How many reasons are told at the most.
const TOLD: usize = 5;

/// What stands in the way, in one line.
pub(super) fn said(fit: &Fit) -> String {
    let all: Vec<String> = fit
        .reasons(Verdict::Error)
        .map(|(package, reason)| match package {
            Some(package) => format!("`{}` {reason}", package.name),
            None => reason.to_string(),
        })
        .collect();
    let more = all.len().saturating_sub(TOLD);
    let told = all.into_iter().take(TOLD).collect::<Vec<_>>().join("; ");
    if more == 0 { told } else { format!("{told}; and {more} more") }
}

impl Remedy for DoesNotFit {
    fn remedy(&self) -> Option<String> {
        let (site, platform) = (&self.fit.site, &self.fit.platform);
        let first = self.fit.reasons(Verdict::Error).find_map(|(_, reason)| reason.remedy());
        let all = format!("`aegir provision compare @{site} --to {platform}` tells all of it");
        Some(first.map_or(all.clone(), |first| format!("{first}; {all}")))
    }
}
