//! Clone: makes a new site of the content and the files of another, which goes on meanwhile and is only read.
//!
//! The database is read as it is at one moment, without a fence; the copy is a site of its own, with its own salt, keys
//! and UUID, and keeps quiet unless it is asked to write to people.

use std::collections::BTreeSet;

use aegir_domain::{
    CloneSite, Context, Database, DbName, Fault, Fit, HostName, Marker, PlatformContext, Quiet, Remedy, ServerName,
    SiteAnswer, SiteContext, SiteName,
};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::compare::{PackagesFit, all_is_there};
use super::deploy::database::DatabaseToCopy;
use super::deploy::files::{CopyFiles, FilesToCopy};
use super::deploy::own::{MakeOwn, Sanitise};
use super::deploy::relocate::Relocate;
use super::deploy::updates::{Rebuild, RunUpdates, Visit, VisitNow};
use super::facts::{DatabaseReady, NameIsFree, PhpReady, PlatformReady, PlatformServed, Ready, Room, Served};
use super::layout::{self, SettleModes, WriteCredentials};
use super::probe::{Links, Packages, SiteAnswers};
use crate::World;
use crate::backup::{DumpDatabase, LoadDump, MakeWorkFolder, RemoveWork};
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::step::context::SaveContext;
use crate::step::database::{CreateDatabase, CreateDatabaseUser};
use crate::step::secret::MakeSecret;
use crate::step::sites_php::list;
use crate::step::vhost::PublishVhost;

/// What a copy takes besides its files and its database, in bytes.
const ROOM: u64 = 50 << 20;

/// Makes a new site of another.
pub(crate) struct Clone {
    pub(crate) asked: CloneSite,
}

impl Recipe<World> for Clone {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let asked = &self.asked;
        let Source { site, from, dump_name } = run.check(MayClone { site: asked.site.clone() })?;
        let to = asked.platform.clone().unwrap_or(site.platform.clone());
        let ready = run.check(PlatformReady { platform: to, profile: Some(site.profile.clone()) })?;
        let fit = self.check_place(run, &site, &ready)?;
        let db_server = asked.db_server.clone().unwrap_or(site.db_server.clone());
        let hosts =
            run.check(DatabaseReady { server: db_server.clone(), php: ready.platform.clone(), core: ready.major })?;
        let folder = from.root.site_dir(&site.name);
        let bytes = run.check(FilesToCopy { folder: folder.clone() })?;
        let size = run.check(DatabaseToCopy { site: site.clone(), to: db_server.clone() })?;
        run.check(Room { at: ready.platform.root.path().join("sites"), bytes: bytes + 2 * size + ROOM })?;
        let was = run.check(VisitNow { site: site.clone(), platform: from.clone() })?;

        let copy = self.context(run.world(), &site, &ready, db_server, hosts);
        self.copy_data(run, &site, &copy, dump_name)?;
        self.copy_files(run, &site, &from, &copy, &ready.platform)?;
        self.make_own(run, &site, &from, &copy, &ready.platform)?;
        run.check(Visit { site: copy.clone(), platform: ready.platform.clone(), was, in_service: false })?;
        let root = ready.platform.root.clone();
        run.step(SettleModes { root: root.clone(), site: copy.name.clone() })?;
        run.step(SaveContext { context: Context::Site(Box::new(copy.clone())), was: None })?;
        run.step(PublishVhost::new(&copy, &ready.platform))?;
        Links { site: &copy, root: &root }.make(run)?;
        if matches!(was, Some(200..=399 | 401 | 403)) {
            run.check(SiteAnswers { site: copy.clone(), platform: ready.platform.clone() })?;
        }

        let code = CodeAhead::begin(root.path());
        let packages = run.check(Packages { site: copy.clone(), core: copy.core.clone(), code })?;
        if let Some(fit) = &fit {
            all_is_there(fit, &packages)?;
        }
        run.answer_with(&SiteAnswer {
            core: copy.core.clone(),
            packages: Some(packages),
            installer: None,
            changes: Vec::new(),
        });
        run.answer("site", copy.name.as_str());
        run.answer("of", site.name.as_str());
        run.answer("database", copy.database.name.as_str());
        say_quiet(run, &copy);
        let attempt = run.world().task.attempt;
        run.point_of_no_return(
            Afterwards::new()
                .cleanup(layout::DropFolderMark { root, site: copy.name, attempt })
                .cleanup(RemoveWork { path: work(run.world()) }),
        )
    }
}

impl Clone {
    /// What must hold of the platform and of the name; gives how the site fits another platform than its own.
    fn check_place(&self, run: &mut Run<'_, World>, site: &SiteContext, ready: &Ready) -> Result<Option<Fit>, Fault> {
        let asked = &self.asked;
        let fit = match ready.platform.name == site.platform {
            true => None,
            false => Some(run.check(PackagesFit {
                site: site.name.clone(),
                platform: ready.platform.name.clone(),
                db_server: asked.db_server.clone(),
                allow_missing: BTreeSet::new(),
            })?),
        };
        run.check(PlatformServed { platform: ready.platform.clone(), site: Served::New })?;
        run.check(NameIsFree {
            site: asked.to.clone(),
            now: None,
            names: std::iter::once(asked.to.host()).chain(asked.aliases.iter().cloned()).collect::<Vec<HostName>>(),
            redirect: asked.redirect.clone(),
            root: ready.platform.root.clone(),
        })?;
        run.check(PhpReady { platform: ready.platform.clone(), time_zone: site.time_zone.clone(), engine: None })?;
        Ok(fit)
    }

    fn context(
        &self,
        world: &World,
        site: &SiteContext,
        ready: &Ready,
        db_server: ServerName,
        hosts: Vec<aegir_domain::GrantHost>,
    ) -> SiteContext {
        let asked = &self.asked;
        SiteContext {
            name: asked.to.clone(),
            revision: 1,
            platform: ready.platform.name.clone(),
            db_server,
            database: Database {
                name: DbName::for_site(&asked.to, world.parts.mint.random()),
                marker: Marker::new(&asked.to, world.task.attempt),
                hosts,
            },
            core: ready.core.clone(),
            aliases: asked.aliases.clone(),
            redirect: asked.redirect.clone(),
            quiet: Quiet { mail: !asked.with_mail, cron: !asked.with_cron },
            copy_of: None,
            cron: site.cron.filter(|_| asked.with_cron),
            formers: Vec::new(),
            ..site.clone()
        }
    }

    /// The database, as it is at one moment: whoever writes meanwhile does not wait.
    fn copy_data(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        copy: &SiteContext,
        dump_name: &str,
    ) -> Result<(), Fault> {
        let Database { name, marker, hosts } = copy.database.clone();
        let server = copy.db_server.clone();
        run.step(MakeSecret { name: "database".into() })?;
        run.step(MakeSecret { name: "hash-salt".into() })?;
        run.step(CreateDatabase { server: server.clone(), name: name.clone(), marker: marker.clone() })?;
        run.step(CreateDatabaseUser { server: server.clone(), name: name.clone(), hosts })?;
        let work = work(run.world());
        run.step(MakeWorkFolder { path: work.clone() })?;
        let dump = work.join(dump_name);
        run.step(DumpDatabase { server: site.db_server.clone(), name: site.database.name.clone(), to: dump.clone() })?;
        run.step(LoadDump { server, name, marker, from: dump })
    }

    /// The files, later than the database: what that names is there.
    fn copy_files(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        from: &PlatformContext,
        copy: &SiteContext,
        to: &PlatformContext,
    ) -> Result<(), Fault> {
        let attempt = run.world().task.attempt;
        let from = from.root.site_dir(&site.name);
        run.step(CopyFiles { from, root: to.root.clone(), site: copy.name.clone(), attempt, coming: false })?;
        run.step(WriteCredentials {
            site: copy.name.clone(),
            server: copy.db_server.clone(),
            name: copy.database.name.clone(),
        })?;
        layout::write_settings(run, copy, to)?;
        list(run, to, &copy.name, copy.names())
    }

    /// What makes the copy a site of its own, before its code runs for the first time, and that.
    fn make_own(
        &self,
        run: &mut Run<'_, World>,
        site: &SiteContext,
        from: &PlatformContext,
        copy: &SiteContext,
        to: &PlatformContext,
    ) -> Result<(), Fault> {
        let (server, database) = (copy.db_server.clone(), copy.database.clone());
        run.step(MakeOwn { server: server.clone(), database: database.clone(), keeps_keys: false })?;
        if self.asked.sanitise {
            run.step(Sanitise { server: server.clone(), database: database.clone() })?;
        }
        run.step(Relocate {
            server,
            database,
            from: site.name.clone().into(),
            from_root: from.root.clone(),
            to: copy.name.clone(),
            to_root: to.root.clone(),
        })?;
        let copy = Box::new(copy.clone());
        match to.name == from.name {
            true => run.step(Rebuild { site: copy, platform: to.clone() }),
            false => run.step(RunUpdates { site: copy, platform: to.clone() }),
        }
    }
}

/// Where the dump lies until it is loaded: it belongs to this task.
fn work(world: &World) -> std::path::PathBuf {
    world.task.path.join("work")
}

/// Says what the copy is kept from, and how that ends.
pub(super) fn say_quiet(run: &Run<'_, World>, copy: &SiteContext) {
    let kept_from: Vec<(&str, &str)> =
        [(copy.quiet.mail, "sends no mail", "--mail on"), (copy.quiet.cron, "runs no cron by itself", "--cron on")]
            .into_iter()
            .filter_map(|(is_so, what, option)| is_so.then_some((what, option)))
            .collect();
    if !kept_from.is_empty() {
        let what: Vec<&str> = kept_from.iter().map(|(what, _)| *what).collect();
        let options: Vec<&str> = kept_from.iter().map(|(_, option)| *option).collect();
        run.say(format!(
            "The copy {}, until you say `aegir provision save @{} {}` and verify it",
            what.join(" and "),
            copy.name,
            options.join(" ")
        ));
    }
}

/// A site that can be copied.
struct MayClone {
    site: SiteName,
}

/// The site, the platform it lives on, and what a dump of it is called.
struct Source {
    site: SiteContext,
    from: PlatformContext,
    dump_name: &'static str,
}

impl Check<World> for MayClone {
    type Output = Source;
    const NAME: &'static str = "may-clone";

    fn look(&self, world: &World) -> Result<Source, Fault> {
        let site = world.contexts().site_in_service(&self.site)?;
        let from = world.contexts().platform(&site.platform)?;
        if site.awaits_installer {
            return Err(CloneFault::NotInstalled { site: site.name }.into());
        }
        let dump_name = DbServer::of(world, &site.db_server)?.dump_name();
        Ok(Source { site, from, dump_name })
    }
}

#[derive(Debug, thiserror::Error)]
enum CloneFault {
    #[error("Drupal is not installed into `{site}` yet: there is nothing to copy")]
    NotInstalled { site: SiteName },
}

impl Remedy for CloneFault {
    fn remedy(&self) -> Option<String> {
        let CloneFault::NotInstalled { site } = self;
        Some(format!("call its installer, then run `aegir provision verify @{site}`"))
    }
}
