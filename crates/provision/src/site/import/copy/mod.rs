//! Import as a copy: makes a site of ours of one that somebody else looks after, which goes on meanwhile and is only read.
//!
//! ```text
//!   its folder, and where its files lie ─► a folder below `sites/` of a platform of ours
//!   its tables, read at one moment      ─► a database of ours, without their prefix
//! ```
//!
//! No code of it runs where it lies, and nothing is written there. The copy has a name, a salt, keys and settings of its own, and
//! keeps quiet. What its settings say besides its database stays behind: it could lead the copy to what the site uses
//! ([`source`]).

mod data;
mod files;
mod source;

use aegir_domain::{
    Context, CopySource, Database, DbName, Fault, GrantHost, ImportSite, Marker, Quiet, Remedy, ServerName, SiteAnswer,
    SiteContext, TimeZoneName,
};
use aegir_recipe::{Afterwards, Check, Committed, Run};

pub(crate) use data::{CopyTheirTables, KeepSourcePassword};
pub(crate) use files::CopyTheirFiles;
pub(super) use source::must_not_be_ours;

use super::data::TakeFile;
use super::there::SaysOfItself;
use super::{Import, take_what_it_says};
use crate::World;
use crate::service::code_ahead::CodeAhead;
use crate::service::php;
use crate::site::clone::say_quiet;
use crate::site::deploy::own::{MakeOwn, Sanitise};
use crate::site::deploy::relocate::Relocate;
use crate::site::deploy::updates::{RunUpdates, Visit};
use crate::site::facts::{DatabaseReady, NameIsFree, PhpReady, PlatformReady, PlatformServed, Ready, Room, Served};
use crate::site::layout::{self, DropFolderMark, SettleModes, WriteCredentials};
use crate::site::probe::{Links, Packages, SiteAnswers};
use crate::site::restore::fits::LoadedFits;
use crate::site::verify::Boots;
use crate::step::context::SaveContext;
use crate::step::database::{CreateDatabase, CreateDatabaseUser};
use crate::step::secret::MakeSecret;
use crate::step::sites_php::list;
use crate::step::vhost::PublishVhost;

use data::{Place, Readable, SourceData};
use files::SourceFiles;
use source::{Source, SourceThere, Tree};

/// What a copy takes besides its files and its database, in bytes.
const ROOM: u64 = 50 << 20;
/// What a site without a front page answers: as well as it can be.
const NOT_FOUND: u16 = 404;

/// All that was found.
struct Found {
    ready: Ready,
    source: Source,
    data: Readable,
    trees: Vec<Tree>,
    server: ServerName,
    hosts: Vec<GrantHost>,
    /// The time zones that its PHP lists.
    zones: Vec<String>,
}

/// Makes the copy.
pub(super) fn copy(import: &Import, copy: &CopySource, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
    let asked = &import.asked;
    let found = look(asked, copy, run)?;
    let database = Database {
        name: DbName::for_site(&asked.site, run.world().parts.mint.random()),
        marker: Marker::new(&asked.site, run.world().task.attempt),
        hosts: found.hosts.clone(),
    };
    let mut site = import.context(&found.ready, &found.server, database)?;
    site.quiet = Quiet { mail: true, cron: true };
    let (root, attempt) = (found.ready.platform.root.clone(), run.world().task.attempt);

    copy_data(run, &found, &site)?;
    run.step(CopyTheirFiles {
        trees: found.trees.clone(),
        data: found.data.file(),
        root: root.clone(),
        site: site.name.clone(),
        attempt,
    })?;
    make_own(run, copy, &found, &mut site)?;
    run.step(SaveContext { context: Context::Site(Box::new(site.clone())), was: None })?;
    let code = CodeAhead::begin(root.path());
    run.step(PublishVhost::new(&site, &found.ready.platform))?;
    Links { site: &site, root: &root }.make(run)?;
    run.check(SiteAnswers { site: site.clone(), platform: found.ready.platform.clone() })?;
    let packages = run.check(Packages { site: site.clone(), core: site.core.clone(), code })?;

    run.answer_with(&SiteAnswer {
        core: site.core.clone(),
        packages: Some(packages),
        installer: None,
        changes: Vec::new(),
    });
    run.answer("site", site.name.as_str());
    run.answer("of", found.source.folder.to_string_lossy());
    run.answer("database", site.database.name.as_str());
    say_quiet(run, &site);
    run.point_of_no_return(Afterwards::new().cleanup(DropFolderMark { root, site: site.name, attempt }))
}

/// All that must hold.
fn look(asked: &ImportSite, copy: &CopySource, run: &mut Run<'_, World>) -> Result<Found, Fault> {
    let ready = run.check(PlatformReady { platform: asked.platform.clone(), profile: None })?;
    let platform = &ready.platform;
    run.check(PlatformServed { platform: platform.clone(), site: Served::New })?;
    let names = std::iter::once(asked.site.host()).chain(asked.aliases.iter().cloned()).collect();
    run.check(NameIsFree {
        site: asked.site.clone(),
        now: None,
        names,
        redirect: aegir_domain::Redirect::None,
        root: platform.root.clone(),
    })?;
    let facts = run.check(PhpReady { platform: platform.clone(), time_zone: TimeZoneName::utc(), engine: None })?;
    let source = run.check(SourceThere { copy: copy.clone(), core: ready.core.clone() })?;
    let server = run.check(ServerOfCopy { asked: asked.db_server.clone(), web: platform.server.clone() })?;
    let hosts = run.check(DatabaseReady { server: server.clone(), php: platform.clone(), core: ready.major })?;
    let data = run.check(SourceData {
        found: source.database.clone(),
        root: source.root.path().to_owned(),
        folder: source.folder.clone(),
        to: server.clone(),
    })?;
    let (trees, bytes) = run.check(SourceFiles { source: &source, data: &data })?;
    run.check(Room { at: platform.root.path().join("sites"), bytes: bytes + data.bytes + ROOM })?;
    Ok(Found { ready, source, data, trees, server, hosts, zones: facts.time_zones })
}

/// The database, as it is at one moment: whoever writes meanwhile does not wait.
fn copy_data(run: &mut Run<'_, World>, found: &Found, site: &SiteContext) -> Result<(), Fault> {
    let (server, to) = (found.server.clone(), site.database.clone());
    run.step(MakeSecret { name: "database".into() })?;
    run.step(MakeSecret { name: "hash-salt".into() })?;
    run.step(CreateDatabase { server: server.clone(), name: to.name.clone(), marker: to.marker.clone() })?;
    run.step(CreateDatabaseUser { server: server.clone(), name: to.name.clone(), hosts: to.hosts.clone() })?;
    match found.data.place.clone() {
        Place::Tables { at, account, database, tables } => {
            run.step(KeepSourcePassword { password: Some(found.source.database.password.clone()) })?;
            run.step(CopyTheirTables { at, account, from: database, tables, server, to })
        }
        Place::File { path } => run.step(TakeFile { server, from: path, to }),
    }
}

/// What makes the copy a site of its own, before its code runs for the first time, and that.
fn make_own(run: &mut Run<'_, World>, copy: &CopySource, found: &Found, site: &mut SiteContext) -> Result<(), Fault> {
    let (server, database) = (site.db_server.clone(), site.database.clone());
    let platform = found.ready.platform.clone();
    run.step(WriteCredentials { site: site.name.clone(), server: server.clone(), name: database.name.clone() })?;
    layout::write_settings(run, site, &platform)?;
    list(run, &platform, &site.name, site.names())?;
    run.check(LoadedFits { of: found.source.folder.display().to_string(), site: site.clone() })?;
    run.step(MakeOwn { server: server.clone(), database: database.clone() })?;
    if copy.sanitise {
        run.step(Sanitise { server: server.clone(), database: database.clone() })?;
    }
    run.step(Relocate {
        server,
        database,
        from: found.source.name.clone(),
        from_root: found.source.root.clone(),
        to: site.name.clone(),
        to_root: platform.root.clone(),
    })?;
    run.step(RunUpdates { site: Box::new(site.clone()), platform: platform.clone() })?;
    run.check(Visit { site: site.clone(), platform: platform.clone(), was: Some(NOT_FOUND), in_service: false })?;
    run.step(SettleModes { root: platform.root.clone(), site: site.name.clone() })?;
    let booted = run.check(Boots { site: site.clone(), platform: platform.clone() })?;
    let family = php::family(&platform, &site.core)?;
    let says = run.check(SaysOfItself { site: site.clone(), family, zones: found.zones.clone() })?;
    take_what_it_says(site, &booted, says.account, says.time_zone);
    Ok(())
}

/// The server that is to hold the data of a copy: the one that was named, or that of the platform, if it has databases.
struct ServerOfCopy {
    asked: Option<ServerName>,
    web: ServerName,
}

impl Check<World> for ServerOfCopy {
    type Output = ServerName;
    const NAME: &'static str = "server-of-copy";

    fn look(&self, world: &World) -> Result<ServerName, Fault> {
        match &self.asked {
            Some(server) => Ok(server.clone()),
            None if world.contexts().server(&self.web)?.db.is_some() => Ok(self.web.clone()),
            None => Err(NoDatabases { server: self.web.clone() }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the server `{server}` of the platform has no databases")]
struct NoDatabases {
    server: ServerName,
}

impl Remedy for NoDatabases {
    fn remedy(&self) -> Option<String> {
        Some("say which server is to hold the copy's data with `--db-server NAME`".into())
    }
}
