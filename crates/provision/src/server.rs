//! Verify server: brings a server's folders and configuration to what its context says, and proves
//! that its services do what sites need.

use std::path::PathBuf;

use aegir_domain::{
    Context, DbName, DbService, Fault, GrantHost, Marker, ServerAnswer, ServerContext, ServerName, SiteName,
};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use crate::service::DbServer;
use crate::service::http::HttpServer;
use crate::site::FileNow;
use crate::step::database::ProveDatabaseServer;
use crate::step::file::{Want, converge, converge_folder};
use crate::step::web_files::{PublishServer, Replaced};
use crate::{World, context_task};

/// The folders of a home (inventory, sections 17 and 18), with their modes.
const FOLDERS: [(&str, u32); 18] = [
    ("platforms", 0o755),
    ("backups", 0o700),
    ("clients", 0o711),
    ("config", 0o711),
    ("config/ssl.d", 0o700),
    ("config/includes", 0o711),
    ("config/fences", 0o711),
    ("contexts", 0o700),
    ("credentials", 0o700),
    ("databases", 0o711),
    ("drush", 0o700),
    ("drush/sites", 0o700),
    ("templates", 0o700),
    ("hooks", 0o700),
    ("hostmaster", 0o700),
    ("cache", 0o700),
    ("cache/opcache", 0o700),
    ("logs", 0o700),
];

/// What `global.inc` holds when it is made. Never touched again.
const GLOBAL: &str =
    "<?php\n\n// Included by the settings of every site. Ægir made this file once and leaves it alone.\n";

/// Brings a server to what its context says.
pub(crate) struct Verify {
    pub(crate) server: ServerName,
    /// What its record is to say first.
    pub(crate) context: Option<ServerContext>,
}

impl Recipe<World> for Verify {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        if let Some(context) = &self.context {
            context_task::save(run, &Context::Server(context.clone()))?;
        }
        let server = run.check(KnownServer { server: self.server.clone() })?;
        run.check(InWebGroup)?;
        let database = match &server.db {
            Some(_) => Some(run.check(DatabaseVersion { server: self.server.clone() })?),
            None => None,
        };
        let mut answer = ServerAnswer { aegir: env!("CARGO_PKG_VERSION").into(), ..ServerAnswer::default() };
        let mut changes = Vec::new();
        for (path, mode) in folders(run.world(), &server)? {
            changes.extend(converge_folder(run, path, mode, false)?);
        }
        let global = run.world().home().global_settings();
        let current = run.check(FileNow { path: global.clone() })?;
        if current.bytes.is_none() {
            let group = Some(run.world().parts.web_gid);
            let want = Want { path: &global, text: GLOBAL, mode: 0o640, group, keep_as: "global.inc" };
            converge(run, &current, want)?;
            changes.push("`global.inc`".into());
        }
        if server.http.is_some() {
            answer.web = Some(self.web(run, &server, &mut changes)?);
        }
        if let (Some(db), Some(found)) = (&server.db, database) {
            answer.database = Some(self.database(run, db, found)?);
        }

        let room = run.check(RoomLeft)?;
        run.say(format!("The home has {} GB left", room >> 30));
        match changes.is_empty() {
            true => run.say("Nothing was to change"),
            false => run.say(format!("Changed: {}", changes.join(", "))),
        }
        run.answer_with(&ServerAnswer { room, changes, ..answer });
        run.point_of_no_return(Afterwards::new())
    }
}

impl Verify {
    /// Gives the version of the web server.
    fn web(
        &self,
        run: &mut Run<'_, World>,
        server: &ServerContext,
        changes: &mut Vec<String>,
    ) -> Result<String, Fault> {
        let version = run.check(WebVersion { server: server.clone() })?;
        run.say(format!("The web server is {version}"));
        let http = HttpServer::of(run.world(), server)?;
        let files = http.server_files()?;
        run.check(WebConfiguration { server: server.clone() })?;
        let current = http.is_current()?;
        let mut off = !current;
        for (path, text) in &files {
            off |= run.check(FileNow { path: path.clone() })?.bytes.as_deref() != Some(text.as_bytes());
        }
        if off {
            let files = files.into_iter().map(|(path, text)| (path, Some(text))).collect();
            let files = Replaced::keep(run, files, "server")?;
            run.step(PublishServer { server: server.name.clone(), files })?;
            changes.push("the configuration of the web server".into());
        }
        run.say("The web server runs with the configuration on disk");
        Ok(version)
    }

    /// Gives the version of the database server.
    fn database(&self, run: &mut Run<'_, World>, db: &DbService, found: Found) -> Result<String, Fault> {
        let Found { version, hosts } = found;
        run.say(format!("The database server is {version}"));
        if matches!(db, DbService::Mariadb { .. }) {
            let name = proof_name(&self.server)?;
            let random = run.world().parts.mint.random();
            run.step(ProveDatabaseServer {
                server: self.server.clone(),
                name: DbName::for_site(&name, random),
                marker: Marker::new(&name, run.world().task.attempt),
                hosts,
            })?;
            run.say("It lets us create databases and users, and grant");
        }
        Ok(version)
    }
}

/// A name that no site can have: the last label is reserved for such uses (RFC 6761).
fn proof_name(server: &ServerName) -> Result<SiteName, Fault> {
    Ok(format!("proof-{}.invalid", server.as_str().replace('_', "-")).trim_end_matches('-').parse()?)
}

fn folders(world: &World, server: &ServerContext) -> Result<Vec<(PathBuf, u32)>, Fault> {
    let home = world.home();
    let mut all: Vec<_> = FOLDERS.iter().map(|(path, mode)| (home.path().join(path), *mode)).collect();
    all.push((home.server_config(&server.name), 0o711));
    if let Some(http) = &server.http {
        all.push((home.http_config(&server.name, http.engine), 0o711));
        all.extend(HttpServer::of(world, server)?.folders().into_iter().map(|path| (path, 0o700)));
        all.push((home.server_config(&server.name).join("php-fpm"), 0o711));
        all.push((home.pools(&server.name), 0o700));
    }
    Ok(all)
}

/// A server that is saved.
struct KnownServer {
    server: ServerName,
}

impl Check<World> for KnownServer {
    type Output = ServerContext;
    const NAME: &'static str = "known-server";

    fn look(&self, world: &World) -> Result<ServerContext, Fault> {
        Ok(world.contexts().server(&self.server)?)
    }
}

/// What the web server's program says it is.
struct WebVersion {
    server: ServerContext,
}

impl Check<World> for WebVersion {
    type Output = String;
    const NAME: &'static str = "web-version";

    fn look(&self, world: &World) -> Result<String, Fault> {
        HttpServer::of(world, &self.server)?.version()
    }
}

/// The web server accepts all that lies on disk, operators' own files included.
struct WebConfiguration {
    server: ServerContext,
}

impl Check<World> for WebConfiguration {
    type Output = ();
    const NAME: &'static str = "web-configuration";

    fn look(&self, world: &World) -> Result<(), Fault> {
        HttpServer::of(world, &self.server)?.test()
    }
}

/// How much room the home has, in bytes.
struct RoomLeft;

impl Check<World> for RoomLeft {
    type Output = u64;
    const NAME: &'static str = "room-left";

    fn look(&self, world: &World) -> Result<u64, Fault> {
        Ok(world.files().free_space(world.home().path())?.bytes)
    }
}

/// Ægir may give files to the web server's group (M12): only its members may.
struct InWebGroup;

impl Check<World> for InWebGroup {
    type Output = ();
    const NAME: &'static str = "in-web-group";

    fn look(&self, world: &World) -> Result<(), Fault> {
        match world.parts.own_groups.contains(&world.parts.web_gid) {
            true => Ok(()),
            false => Err(NotInWebGroup { gid: world.parts.web_gid }.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the user that Ægir runs as is not in the web server's group (number {gid})")]
struct NotInWebGroup {
    gid: u32,
}

impl aegir_domain::Remedy for NotInWebGroup {
    fn remedy(&self) -> Option<String> {
        Some("as root, run `usermod -aG aegir-web aegir` (with the names of your own), then start Ægir anew".into())
    }
}

/// What the database server says it is, and which hosts its users are granted for.
struct DatabaseVersion {
    server: ServerName,
}

struct Found {
    version: String,
    hosts: Vec<GrantHost>,
}

impl Check<World> for DatabaseVersion {
    type Output = Found;
    const NAME: &'static str = "database-version";

    fn look(&self, world: &World) -> Result<Found, Fault> {
        let server = DbServer::of(world, &self.server)?;
        // Before anything is tried: what an account may not make, it may not take back either.
        server.check_grant()?;
        Ok(Found { version: server.version()?, hosts: server.grant_hosts()? })
    }
}
