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
mod open;
mod refresh;
mod same;
mod source;

use aegir_domain::{
    Context, CopySource, Database, DbName, Fault, FoundToImport, GrantHost, ImportSite, Marker, Password, PlatformRoot,
    Quiet, Remedy, ServerName, SiteAnswer, SiteContext, SiteName, TimeZoneName,
};
use aegir_recipe::{Afterwards, Check, Committed, Run};

pub(crate) use data::{CopyTheirTables, KeepSourcePassword};
pub(crate) use files::{CarryOwnSettings, CopyTheirFiles};
pub(crate) use open::OpenCopy;
pub(crate) use refresh::Refresh;
pub(super) use refresh::look_at_refresh;
pub(super) use source::{PASSWORD, must_not_be_ours};

use super::data::TakeFile;
use super::there::SaysOfItself;
use super::{Import, take_what_it_says};
use crate::World;
use crate::backup::size;
use crate::service::code_ahead::CodeAhead;
use crate::service::php;
use crate::site::clone::say_quiet;
use crate::site::deploy::own::{MakeOwn, Sanitise, TakeSalt};
use crate::site::deploy::relocate::Relocate;
use crate::site::deploy::updates::{NOT_FOUND, RunUpdates, Visit};
use crate::site::facts::{DatabaseReady, NameIsFree, PhpReady, PlatformReady, PlatformServed, Ready, Room, Served};
use crate::site::layout::{self, DropFolderMark, SettleModes, WriteCredentials};
use crate::site::looks::Looks;
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
use same::SameAsTheirs;
use source::{Source, SourceThere, Tree};

/// What a copy takes besides its files and its database, in bytes.
const ROOM: u64 = 50 << 20;

/// All that was found.
struct Found {
    ready: Ready,
    source: Source,
    data: Readable,
    trees: Vec<Tree>,
    /// What they take, in bytes.
    bytes: u64,
    server: ServerName,
    hosts: Vec<GrantHost>,
    /// The time zones that its PHP lists.
    zones: Vec<String>,
}

/// Makes the copy.
pub(super) fn copy(import: &Import, copy: &CopySource, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
    let asked = &import.asked;
    let found = look(asked, copy, None, run)?;
    let database = Database {
        name: DbName::for_site(&asked.site, run.world().parts.mint.random()),
        marker: Marker::new(&asked.site, run.world().task.attempt),
        hosts: found.hosts.clone(),
    };
    let mut site = import.context(&found.ready, &found.server, database)?;
    site.quiet = Quiet { mail: true, cron: true };
    site.copy_of = Some(Box::new(copy.clone()));
    let (root, attempt) = (found.ready.platform.root.clone(), run.world().task.attempt);

    copy_data(run, &found.source, &found.data, &site, None)?;
    run.step(CopyTheirFiles {
        trees: found.trees.clone(),
        data: found.data.file(),
        root: root.clone(),
        site: site.name.clone(),
        attempt,
        coming: false,
    })?;
    let folder = root.site_dir(&site.name);
    let compared = run.check(SameAsTheirs { data: &found.data, trees: &found.trees, folder, site: &site })?;
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
    compared.tell(run);
    say_quiet(run, &site);
    run.point_of_no_return(Afterwards::new().cleanup(DropFolderMark { root, site: site.name, attempt }))
}

/// All that must hold. `password` is that of the source's database, where no task has it.
fn look(
    asked: &ImportSite,
    copy: &CopySource,
    password: Option<Password>,
    run: &mut impl Looks,
) -> Result<Found, Fault> {
    let ready = run.look(PlatformReady { platform: asked.platform.clone(), profile: None })?;
    let platform = &ready.platform;
    run.look(PlatformServed { platform: platform.clone(), site: Served::New })?;
    let names = std::iter::once(asked.site.host()).chain(asked.aliases.iter().cloned()).collect();
    run.look(NameIsFree {
        site: asked.site.clone(),
        now: None,
        names,
        redirect: aegir_domain::Redirect::None,
        root: platform.root.clone(),
    })?;
    let facts = run.look(PhpReady { platform: platform.clone(), time_zone: TimeZoneName::utc(), engine: None })?;
    let source = run.look(SourceThere { copy: copy.clone(), core: ready.core.clone(), password })?;
    let server = run.look(ServerOfCopy { asked: asked.db_server.clone(), web: platform.server.clone() })?;
    let hosts = run.look(DatabaseReady { server: server.clone(), php: platform.clone(), core: ready.major })?;
    let data = run.look(SourceData {
        found: source.database.clone(),
        root: source.root.path().to_owned(),
        folder: source.folder.clone(),
        to: server.clone(),
    })?;
    let (trees, bytes) = run.look(SourceFiles { source: &source, data: &data })?;
    run.look(Room { at: platform.root.path().join("sites"), bytes: bytes + data.bytes + ROOM })?;
    Ok(Found { ready, source, data, trees, bytes, server, hosts, zones: facts.time_zones })
}

/// What a copy would be made of, and what would become of that; it changes nothing.
pub(super) fn look_at(
    asked: &ImportSite,
    copy: &CopySource,
    password: Option<Password>,
    run: &mut impl Looks,
) -> Result<FoundToImport, Fault> {
    let found = look(asked, copy, password, run)?;
    let (database, tables) = found.data.named();
    Ok(FoundToImport {
        site: asked.site.clone(),
        from_default: false,
        platform: asked.platform.clone(),
        db_server: found.server.clone(),
        changes: changes(asked, copy, &found),
        mentions: Vec::new(),
        told: Vec::new(),
        database,
        tables,
        // What is only read stays whose it is.
        let_go: false,
    })
}

/// What would be made, in sentences.
fn changes(asked: &ImportSite, copy: &CopySource, found: &Found) -> Vec<String> {
    let there = found.ready.platform.root.site_dir(&asked.site);
    let mut changes = vec![
        data_copied(&found.data, &found.server),
        files_copied(&found.trees, &format!("to `{}`", there.display()), found.bytes),
        "the copy gets settings, a salt, a UUID and keys of its own, and nobody is signed in there".to_owned(),
        format!("what updates it to Drupal {} runs on the copy", found.ready.core),
        "it sends no mail and runs no cron by itself".to_owned(),
        "it gets its line in `sites/sites.php`, a vhost, and a record".to_owned(),
    ];
    if copy.sanitise {
        changes.push("people's addresses and passwords are taken out of it".to_owned());
    }
    changes
}

fn data_copied(data: &Readable, server: &ServerName) -> String {
    match &data.place {
        Place::Tables { database, tables, .. } => format!(
            "{} tables of `{database}` are copied into a new database on `{server}`, about {}; `{database}` is only read",
            tables.len(),
            size(data.bytes)
        ),
        Place::File { path } => format!(
            "`{}` is copied into the folder of databases, {}; it is only read",
            path.display(),
            size(data.bytes)
        ),
    }
}

fn files_copied(trees: &[Tree], to: &str, bytes: u64) -> String {
    let trees: Vec<String> = trees.iter().map(|tree| format!("`{}`", tree.from.display())).collect();
    format!("the files in {} are copied {to}, {}; they are only read", trees.join(" and "), size(bytes))
}

/// The database, as it is at one moment: whoever writes meanwhile does not wait.
/// It has the salt of `salt_of`, or else one of its own.
fn copy_data(
    run: &mut Run<'_, World>,
    source: &Source,
    data: &Readable,
    site: &SiteContext,
    salt_of: Option<&SiteName>,
) -> Result<(), Fault> {
    let (server, to) = (site.db_server.clone(), site.database.clone());
    run.step(MakeSecret { name: "database".into() })?;
    match salt_of {
        Some(site) => run.step(TakeSalt { site: site.clone() })?,
        None => run.step(MakeSecret { name: "hash-salt".into() })?,
    }
    run.step(CreateDatabase { server: server.clone(), name: to.name.clone(), marker: to.marker.clone() })?;
    run.step(CreateDatabaseUser { server: server.clone(), name: to.name.clone(), hosts: to.hosts.clone() })?;
    match data.place.clone() {
        Place::Tables { at, account, database, tables } => {
            run.step(KeepSourcePassword { password: Some(source.database.password.clone()) })?;
            run.step(CopyTheirTables { at, account, from: database, tables, server, to })
        }
        Place::File { path } => run.step(TakeFile { server, from: path, to, without_caches: false }),
    }
}

/// What makes the copy a site of its own, before its code runs for the first time, and that.
fn make_own(run: &mut Run<'_, World>, copy: &CopySource, found: &Found, site: &mut SiteContext) -> Result<(), Fault> {
    let platform = found.ready.platform.clone();
    let (server, name) = (site.db_server.clone(), site.database.name.clone());
    run.step(WriteCredentials { site: site.name.clone(), server, name })?;
    layout::write_settings(run, site, &platform)?;
    list(run, &platform, &site.name, site.names())?;
    let becomes = Becomes { sanitised: copy.sanitise, keeps_keys: false };
    put_right(run, &found.source, &found.data, site, &platform.root, &becomes)?;
    run.step(RunUpdates { site: Box::new(site.clone()), platform: platform.clone() })?;
    run.check(Visit { site: site.clone(), platform: platform.clone(), was: Some(NOT_FOUND), in_service: false })?;
    run.step(SettleModes { root: platform.root.clone(), site: site.name.clone() })?;
    let booted = run.check(Boots { site: site.clone(), platform: platform.clone() })?;
    let family = php::family(&platform, &site.core)?;
    let says = run.check(SaysOfItself { site: site.clone(), family, zones: found.zones.clone() })?;
    take_what_it_says(site, &booted, says.account, says.time_zone);
    Ok(())
}

/// How what was copied differs from what it is a copy of.
struct Becomes {
    /// Whether people's addresses and passwords are taken out of it.
    sanitised: bool,
    /// Whether it keeps the UUID and the keys of its original.
    keeps_keys: bool,
}

/// Has the database that was copied be that of `site`, by statements alone: none of its code has run yet.
fn put_right(
    run: &mut Run<'_, World>,
    source: &Source,
    data: &Readable,
    site: &SiteContext,
    root: &PlatformRoot,
    becomes: &Becomes,
) -> Result<(), Fault> {
    let (server, database) = (site.db_server.clone(), site.database.clone());
    run.check(LoadedFits { of: source.folder.display().to_string(), site: site.clone() })?;
    run.step(MakeOwn { server: server.clone(), database: database.clone(), keeps_keys: becomes.keeps_keys })?;
    if data.in_maintenance {
        run.step(OpenCopy { server: server.clone(), database: database.clone() })?;
    }
    if becomes.sanitised {
        run.step(Sanitise { server: server.clone(), database: database.clone() })?;
    }
    run.step(Relocate {
        server,
        database,
        from: source.name.clone(),
        from_root: source.root.clone(),
        to: site.name.clone(),
        to_root: root.clone(),
    })
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
