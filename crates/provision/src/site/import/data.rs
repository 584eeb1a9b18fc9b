//! Where the data of a site lies that somebody else installed, and how it comes into a database of ours.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{Context, Database, Fault, Remedy, ServerName, SiteName};
use aegir_drupal::driver::FoundDatabase;
use aegir_host::Kind;
use aegir_recipe::{Action, Check, Undo};
use serde::{Deserialize, Serialize};

use super::copy::must_not_be_ours;
use crate::World;
use crate::service::{Along, Beside, DbServer, TheirDatabase};

/// A site's data is its own, and a server that is known here has it.
pub(super) struct TheirData {
    /// The one that is said to have it.
    pub(super) server: Option<ServerName>,
    pub(super) found: Option<FoundDatabase>,
    /// The folder of the site.
    pub(super) folder: PathBuf,
    /// Whether its tables are copied by the site's own account, and stay what they are.
    pub(super) copied: bool,
}

/// Where it is.
pub(super) struct Data {
    pub(super) server: ServerName,
    pub(super) theirs: Theirs,
    /// What goes along where its tables move.
    pub(super) along: Along,
    /// How much it is, about, in bytes.
    pub(super) bytes: u64,
}

/// What there is of it.
#[derive(Clone)]
pub(super) enum Theirs {
    /// What each table is called there, and will be here.
    Tables { database: String, tables: Vec<(String, String)> },
    /// A file of SQLite.
    File { path: PathBuf },
}

impl Check<World> for TheirData {
    type Output = Data;
    const NAME: &'static str = "their-data";
    const LIMIT: Duration = Duration::from_secs(120);

    fn look(&self, world: &World) -> Result<Data, Fault> {
        let Some(found) = &self.found else { return Err(DataFault::NoDatabase.into()) };
        can_be_taken(found)?;
        let name = match &self.server {
            Some(name) => name.clone(),
            None => server_of(world, found)?,
        };
        let server = DbServer::of(world, &name)?;
        for site in world.contexts().sites()? {
            let theirs = DbServer::of(world, &site.db_server)?;
            let databases = std::iter::once(&site.database).chain(site.formers.iter().map(|former| &former.database));
            if theirs.is_same(&server) && databases.clone().any(|ours| server.is_named(&ours.name, &found.name)) {
                return Err(DataFault::InUse { database: found.name.clone(), by: site.name }.into());
            }
        }
        let mut along = Along::default();
        let theirs = if found.driver == "sqlite" {
            let path = PathBuf::from(&found.name);
            let Some(path) = world.files().real(&path)?.filter(|_| path.is_absolute()) else {
                return Err(DataFault::NoFile { path }.into());
            };
            if !matches!(world.files().kind(&path)?, Some(Kind::File)) {
                return Err(DataFault::NoFile { path }.into());
            }
            // We may read what whoever wrote its settings may not.
            must_not_be_ours(world, &self.folder, &path)?;
            refused(&name, found, server.let_in(found))?;
            Theirs::File { path }
        } else {
            refused(&name, found, server.let_in(found))?;
            let held = server.held_by(&found.name)?;
            let tables = of_one_site(found, &held.tables)?;
            let stays = match (server.address(), self.copied) {
                (Some(at), true) => {
                    let theirs = TheirDatabase::new(world, at.clone(), found);
                    let mut untold = held.names_of_more;
                    if !untold.is_empty() {
                        let told = theirs.held()?.0.names_of_more;
                        untold.retain(|name| !told.contains(name));
                    }
                    let beside = what_is_beside(&theirs, found, held.more)?;
                    server.must_take(&beside)?;
                    let mut stays = beside.bound;
                    // Under a prefix all of it is there already.
                    if found.prefix.is_empty() {
                        let untold = untold.iter();
                        stays.extend(untold.map(|name| format!("{name}, of which the site's own account is not told")));
                    }
                    stays
                }
                // Tables that lose a prefix are other ones to a view and a trigger.
                _ if held.more.is_empty() || !found.prefix.is_empty() => held.more,
                _ => {
                    let (with_them, bound) = server.along(&found.name)?;
                    along = with_them;
                    bound
                }
            };
            if !stays.is_empty() {
                return Err(DataFault::MoreThanTables { database: found.name.clone(), more: stays }.into());
            }
            let odd = held.not_of_a_moment.iter().filter(|table| tables.iter().any(|(theirs, _)| theirs == *table));
            let odd: Vec<&str> = odd.map(String::as_str).collect();
            if !odd.is_empty() {
                world.warn(format!(
                    "Tables that are not of InnoDB can change while a backup is made of them: {}",
                    some(&odd)
                ));
            }
            Theirs::Tables { database: found.name.clone(), tables }
        };
        world.say(format!("The data of the site is in `{}` on `{name}`", found.name));
        let bytes = server.size_of_theirs(&found.name)?;
        Ok(Data { server: name, theirs, along, bytes })
    }
}

/// What of `more` than tables a copy can have, and what stays behind.
pub(super) fn what_is_beside(
    theirs: &TheirDatabase<'_>,
    found: &FoundDatabase,
    more: Vec<String>,
) -> Result<Beside, Fault> {
    match more.is_empty() || !found.prefix.is_empty() {
        // Tables that lose a prefix are other ones to a view and a trigger.
        true => Ok(Beside::that_stays(more)),
        false => theirs.beside(),
    }
}

/// Refuses what no database of ours could hold as it is.
pub(super) fn can_be_taken(found: &FoundDatabase) -> Result<(), Fault> {
    match found.driver.as_str() {
        "mysql" | "mysqli" | "mariadb" | "sqlite" => (),
        driver => return Err(DataFault::Engine { driver: driver.to_owned() }.into()),
    }
    if !found.shared_tables.is_empty() {
        return Err(DataFault::SharedTables { tables: found.shared_tables.clone() }.into());
    }
    if found.prefix.contains('.') || (found.driver == "sqlite" && !found.prefix.is_empty()) {
        return Err(DataFault::OddPrefix { prefix: found.prefix.clone() }.into());
    }
    Ok(())
}

/// The one server of those known here that the settings lead to.
fn server_of(world: &World, found: &FoundDatabase) -> Result<ServerName, Fault> {
    let mut those = Vec::new();
    for context in world.contexts().all()? {
        if let Context::Server(server) = context
            && server.db.is_some()
            && DbServer::of(world, &server.name)?.is_at(found)
        {
            those.push(server.name);
        }
    }
    match those.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(DataFault::NoServer { at: address(found) }.into()),
        _ => Err(DataFault::ManyServers { at: address(found), servers: those }.into()),
    }
}

fn address(found: &FoundDatabase) -> String {
    match (found.driver.as_str(), found.socket.as_str(), found.host.as_str(), found.port.as_str()) {
        ("sqlite", ..) => "a file of SQLite".into(),
        (_, "", "", "") => "localhost".into(),
        (_, "", host, "") => host.to_owned(),
        (_, "", host, port) => format!("{host}:{port}"),
        (_, socket, ..) => socket.to_owned(),
    }
}

fn refused(server: &ServerName, found: &FoundDatabase, let_in: Result<(), Fault>) -> Result<(), Fault> {
    let_in.map_err(|source| {
        let (server, account, database) = (server.clone(), found.user.clone(), found.name.clone());
        DataFault::NotLetIn { server, account, database, source: source.report() }.into()
    })
}

/// What the tables of the site are called there and here; refused where another Drupal lives among them.
pub(super) fn of_one_site(found: &FoundDatabase, tables: &[String]) -> Result<Vec<(String, String)>, Fault> {
    let own: Vec<(String, String)> = tables
        .iter()
        .filter_map(|table| Some((table.clone(), table.strip_prefix(&found.prefix)?.to_owned())))
        .filter(|(_, here)| !here.is_empty() && here != "aegir_marker")
        .collect();
    let names: BTreeSet<&str> = own.iter().map(|(_, here)| here.as_str()).collect();
    if !names.contains("users") {
        return Err(DataFault::NoSite { database: found.name.clone(), prefix: found.prefix.clone() }.into());
    }
    // Every Drupal has both tables.
    let other = names.iter().filter_map(|name| name.strip_suffix("users")).find(|prefix| {
        !prefix.is_empty()
            && names.contains(format!("{prefix}sessions").as_str())
            && names.contains(format!("{prefix}users").as_str())
    });
    match other {
        Some(other) => {
            let prefix = format!("{}{other}", found.prefix);
            Err(DataFault::AnotherSite { database: found.name.clone(), prefix }.into())
        }
        None => Ok(own),
    }
}

/// The first few of them.
pub(super) fn some(names: &[&str]) -> String {
    let more = if names.len() > 8 { ", …" } else { "" };
    format!("{}{more}", names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
}

/// Has the tables of a site's own database be tables of ours, on the same server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TakeTables {
    pub(crate) server: ServerName,
    /// Their database, by any name.
    pub(crate) from: String,
    pub(crate) to: Database,
    /// What each is called there and here.
    pub(crate) tables: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) along: Along,
}

impl Action<World> for TakeTables {
    type Output = ();
    const NAME: &'static str = "take-tables";
    const LIMIT: Duration = Duration::from_secs(300);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.take_tables(&self.from, &self.to, &self.tables, &self.along)?;
        world.say(format!("{} tables of `{}` are tables of `{}` now", self.tables.len(), self.from, self.to.name));
        if !self.along.is_empty() {
            world.say("Its views and triggers came along, and run as the site's own account");
        }
        Ok(())
    }
}

impl Undo<World> for TakeTables {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.give_tables_back(&self.from, &self.to, &self.tables, &self.along)
    }
}

/// Copies a site's own file of SQLite into a database of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TakeFile {
    pub(crate) server: ServerName,
    pub(crate) from: PathBuf,
    pub(crate) to: Database,
    /// Whether rows of caches stay behind: they say where the site lay.
    #[serde(default)]
    pub(crate) without_caches: bool,
}

impl Action<World> for TakeFile {
    type Output = ();
    const NAME: &'static str = "take-file";
    const LIMIT: Duration = Duration::from_secs(3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        DbServer::of(world, &self.server)?.take_file(&self.from, &self.to, self.without_caches)?;
        world.say(format!("Copied `{}` to `{}`", self.from.display(), self.to.name));
        Ok(())
    }
}

impl Undo<World> for TakeFile {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // The copy goes with the step that made its database; theirs was only read.
        Ok(())
    }
}

/// Nobody writes to the data of a site any more whose settings are out of the way: what was being answered came to its end.
pub(super) struct NobodyIsAtIt<'a> {
    pub(super) server: &'a ServerName,
    pub(super) theirs: &'a Theirs,
}

/// How long what is being answered may take to come to its end, where that can be told, and where it cannot.
const END: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3));

impl Check<World> for NobodyIsAtIt<'_> {
    type Output = ();
    const NAME: &'static str = "nobody-is-at-it";
    const LIMIT: Duration = Duration::from_secs(120);

    fn look(&self, world: &World) -> Result<(), Fault> {
        let server = DbServer::of(world, self.server)?;
        let (database, by) = match self.theirs {
            Theirs::Tables { database, .. } => (database.clone(), server.wait_until_left(database, END.0)?),
            Theirs::File { path } => {
                let database = path.display().to_string();
                (database.clone(), server.wait_until_left(&database, END.1)?)
            }
        };
        match by.is_empty() {
            true => Ok(()),
            false => Err(DataFault::StillUsed { database, by }.into()),
        }
    }
}

/// Why the data of a site cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub(super) enum DataFault {
    #[error("the settings of the site give no database")]
    NoDatabase,
    #[error("the site keeps its data by the driver `{driver}`, and Ægir has no sites of that kind")]
    Engine { driver: String },
    #[error("the site shares tables with others: {}", tables.join(", "))]
    SharedTables { tables: Vec<String> },
    #[error("the tables of the site begin with `{prefix}`, which leads out of its database")]
    OddPrefix { prefix: String },
    #[error("no server that is known here has its databases at `{at}`, where the site has its own")]
    NoServer { at: String },
    #[error("several servers that are known here have their databases at `{at}`: {}", show(servers))]
    ManyServers { at: String, servers: Vec<ServerName> },
    #[error("`{server}` does not let the site's own account `{account}` into the database `{database}`")]
    NotLetIn { server: ServerName, account: String, database: String, source: aegir_domain::FaultReport },
    #[error("there is no file `{}` with the site's data", path.display())]
    NoFile { path: PathBuf },
    #[error("the database `{database}` is that of the site `{by}`")]
    InUse { database: String, by: SiteName },
    #[error("the database `{database}` holds no Drupal whose tables begin with `{prefix}`")]
    NoSite { database: String, prefix: String },
    #[error("another Drupal lives in the database `{database}`, in tables that begin with `{prefix}`")]
    AnotherSite { database: String, prefix: String },
    #[error("the database `{database}` has what cannot move with its tables: {}", more.join("; "))]
    MoreThanTables { database: String, more: Vec<String> },
    #[error("somebody is still connected to the database `{database}`: {}", by.join(", "))]
    StillUsed { database: String, by: Vec<String> },
}

impl Remedy for DataFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            DataFault::NoDatabase => {
                "write `$databases['default']['default']` into its settings.php, as plain values, then ask again".into()
            }
            DataFault::Engine { .. } => "move the site to MariaDB, MySQL or SQLite first".into(),
            DataFault::SharedTables { .. } => {
                "give the site tables of its own, and take the list of prefixes out of its settings.php".into()
            }
            DataFault::OddPrefix { .. } => "move its tables into one database, and correct the prefix in its settings.php".into(),
            DataFault::NoServer { .. } => {
                "add it with `aegir provision save @server_NAME --db mariadb …` (or `--db sqlite`); or, where it is one of those known \
                 by another address, say which with `--db-server NAME`"
                    .into()
            }
            DataFault::ManyServers { .. } => "say which with `--db-server NAME`".into(),
            DataFault::NotLetIn { .. } => {
                "correct the account or the password in its settings.php; or say with `--db-server NAME` which server has it".into()
            }
            DataFault::NoFile { .. } => "correct the path in its settings.php; links are not followed".into(),
            DataFault::InUse { .. } => "give the site a copy of that database, and name it in its settings.php".into(),
            DataFault::NoSite { .. } => "correct the database or the prefix in its settings.php".into(),
            DataFault::AnotherSite { .. } => "move the other one's tables into a database of their own first".into(),
            DataFault::MoreThanTables { .. } => {
                "note what makes each (`SHOW CREATE …`), drop them, ask again, and make them in the site's new database".into()
            }
            DataFault::StillUsed { .. } => {
                "what they write could be lost: end what runs beside the site (`SHOW PROCESSLIST` names it), such as its cron or its \
                 queues, then ask again"
                    .into()
            }
        })
    }
}

fn show(servers: &[ServerName]) -> String {
    servers.iter().map(|server| format!("@server_{server}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(prefix: &str) -> FoundDatabase {
        FoundDatabase {
            driver: "mysql".into(),
            host: String::new(),
            port: String::new(),
            socket: String::new(),
            name: "theirs".into(),
            user: "theirs".into(),
            password: aegir_domain::Password::new(""),
            prefix: prefix.into(),
            shared_tables: Vec::new(),
        }
    }

    fn tables(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_tables_with_the_sites_prefix_are_its_own_and_lose_it() {
        let all = tables(&["a_sessions", "a_users", "b_sessions", "b_users", "wp_posts"]);

        let own = of_one_site(&found("a_"), &all).unwrap();

        let pair = |there: &str, here: &str| (there.to_owned(), here.to_owned());
        assert_eq!(own, [pair("a_sessions", "sessions"), pair("a_users", "users")]);
    }

    #[test]
    fn another_drupal_among_the_tables_is_told() {
        let all = tables(&["sessions", "users", "b_sessions", "b_users"]);

        let fault = of_one_site(&found(""), &all).unwrap_err().report();

        assert!(fault.message.contains("begin with `b_`"), "{}", fault.message);
    }

    #[test]
    fn a_database_without_accounts_holds_no_site() {
        assert!(of_one_site(&found("x_"), &tables(&["users"])).is_err());
    }

    #[test]
    fn postgresql_and_shared_tables_are_refused() {
        let fault = can_be_taken(&FoundDatabase { driver: "pgsql".into(), ..found("") }).unwrap_err().report();
        assert!(fault.message.contains("`pgsql`"), "{}", fault.message);

        let shared = FoundDatabase { shared_tables: vec!["users".into()], ..found("") };
        assert!(can_be_taken(&shared).is_err() && can_be_taken(&found("other.")).is_err());
    }

    #[test]
    fn few_names_are_shown_of_many() {
        assert_eq!(some(&["a", "b"]), "`a`, `b`");
        assert!(some(&["a"; 20]).ends_with(", …"));
    }
}
