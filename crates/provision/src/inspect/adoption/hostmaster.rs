//! What the database of a classic front end says: its clients and their people, what it knows of servers, platforms and sites, how
//! often cron runs, how many tasks it had.
//!
//! Read by `SELECT` alone, each question by itself: a table that is not there, or may not be read, is told, and the rest is read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aegir_domain::{DbEngine, Fault, Password, Remedy, SourceDatabase};
use aegir_drivers::db::dump::name_of;
use aegir_host::{Connection, Databases, Row, SqlFault, SqlKind};

/// How long connecting, or one question, may take.
const LIMIT: Duration = Duration::from_secs(60);
/// The status of what was deleted there.
const DELETED: i64 = -2;

/// Where the database is, and who may read it.
#[derive(Debug)]
pub struct HostmasterDatabase {
    /// Where it is. The right `SELECT` is enough.
    pub database: SourceDatabase,
    /// The account's password.
    pub password: Password,
}

impl HostmasterDatabase {
    /// Reads it.
    pub(super) fn read(&self, databases: &dyn Databases) -> Result<Hostmaster, Fault> {
        let SourceDatabase { at, name, account, prefix } = &self.database;
        let mut connection = databases
            .mariadb(at, account, &self.password, Some(name), LIMIT)
            .map_err(|source| NotLetIn { name: name.clone(), account: account.clone(), at: at.clone(), source })?;
        Ok(Hostmaster::read(&mut *connection, prefix))
    }
}

/// Nobody was let in.
#[derive(Debug, thiserror::Error)]
#[error("the account `{account}` is not let into the database `{name}` at {}", place(at))]
struct NotLetIn {
    name: String,
    account: String,
    at: DbEngine,
    source: SqlFault,
}

fn place(at: &DbEngine) -> String {
    match at {
        DbEngine::Socket(path) => format!("`{}`", path.display()),
        DbEngine::Tcp { host, port } => format!("`{host}:{port}`"),
    }
}

impl Remedy for NotLetIn {
    fn remedy(&self) -> Option<String> {
        Some(
            "see what `drushrc.php` of the classic front end's site says of its database, and look at the options; an account with the \
             right `SELECT` is enough"
                .into(),
        )
    }
}

/// What it says.
#[derive(Debug, Default)]
pub(super) struct Hostmaster {
    pub(super) clients: Vec<Client>,
    /// By the name of the context: `platform_Seven`.
    pub(super) platforms: BTreeMap<String, Platform>,
    /// By the name of the context: `server_master`.
    pub(super) servers: BTreeMap<String, String>,
    /// By the name of the site.
    pub(super) sites: BTreeMap<String, Site>,
    /// How many tasks of all objects there were, and how many failed.
    pub(super) tasks: (u64, u64),
    /// What could not be read, in sentences.
    pub(super) unread: Vec<String>,
}

/// A client, and who comes in for it.
#[derive(Debug)]
pub(super) struct Client {
    /// What sites say whose they are.
    pub(super) uname: String,
    pub(super) title: String,
    /// The names of the accounts, each with its address.
    pub(super) people: Vec<(String, String)>,
}

/// A platform, as it is known there.
#[derive(Debug)]
pub(super) struct Platform {
    pub(super) locked: bool,
    /// The clients that alone may use it; empty: all of them.
    pub(super) clients: Vec<String>,
}

/// A site, as it is known there.
#[derive(Debug)]
pub(super) struct Site {
    /// -1: disabled, 0: never made, 1: in service.
    pub(super) status: i64,
    pub(super) client: Option<String>,
    pub(super) aliases: BTreeSet<String>,
    /// How often cron runs on it, in seconds, where that is said for each site.
    pub(super) cron: Option<u64>,
    /// How many tasks it had, and how many failed.
    pub(super) tasks: (u64, u64),
}

/// Asks one thing after the other.
struct Reader<'a> {
    connection: &'a mut dyn Connection,
    prefix: &'a str,
    unread: Vec<String>,
}

impl Reader<'_> {
    /// The rows that `ask` gives, in which `{name}` stands for that table; none where it cannot be read, which is told unless
    /// the table is one that not every release has.
    fn rows(&mut self, table: &str, ask: &str, is_everywhere: bool) -> Vec<Row> {
        let mut text = String::new();
        for (at, part) in ask.split(['{', '}']).enumerate() {
            match at % 2 {
                0 => text.push_str(part),
                _ => text.push_str(&name_of(&format!("{}{part}", self.prefix))),
            }
        }
        match self.connection.rows(&text) {
            Ok(rows) => rows,
            Err(fault) if !is_everywhere && fault.kind == SqlKind::NoSuch => Vec::new(),
            Err(fault) => {
                self.unread.push(format!("the table `{}{table}` was not read: {fault}", self.prefix));
                Vec::new()
            }
        }
    }
}

fn text(row: &Row, at: usize) -> String {
    row.get(at).and_then(Option::as_deref).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

fn number(row: &Row, at: usize) -> i64 {
    text(row, at).parse().unwrap_or_default()
}

impl Hostmaster {
    /// Asks for all of it.
    fn read(connection: &mut dyn Connection, prefix: &str) -> Hostmaster {
        let mut reader = Reader { connection, prefix, unread: Vec::new() };
        let contexts = reader.rows("hosting_context", "SELECT nid, name FROM {hosting_context}", true);
        let contexts: BTreeMap<i64, String> = contexts.iter().map(|row| (number(row, 0), text(row, 1))).collect();
        let (by_number, clients) = clients(&mut reader);
        let tasks = tasks(&mut reader);
        let all = tasks.values().fold((0, 0), |all, (count, failed)| (all.0 + count, all.1 + failed));
        let platforms = platforms(&mut reader, &contexts, &by_number);
        let sites = sites(&mut reader, &by_number, &tasks);
        let ask =
            "SELECT s.nid, s.human_name FROM {hosting_server} s JOIN {node} n ON n.vid = s.vid WHERE s.status <> -2";
        let servers = reader.rows("hosting_server", ask, true);
        let servers = servers.iter().filter_map(|row| Some((contexts.get(&number(row, 0))?.clone(), text(row, 1))));
        let servers = servers.collect();
        Hostmaster { clients, platforms, servers, sites, tasks: all, unread: reader.unread }
    }
}

/// The clients, and the name of each by its number.
fn clients(reader: &mut Reader<'_>) -> (BTreeMap<i64, String>, Vec<Client>) {
    let ask = "SELECT u.client, a.name, a.mail FROM {hosting_client_user} u JOIN {users} a ON a.uid = u.user \
               WHERE a.status = 1 ORDER BY u.client, a.name";
    let mut people: BTreeMap<i64, Vec<(String, String)>> = BTreeMap::new();
    for row in reader.rows("hosting_client_user", ask, true) {
        people.entry(number(&row, 0)).or_default().push((text(&row, 1), text(&row, 2)));
    }
    let ask = "SELECT n.nid, c.uname, n.title FROM {node} n JOIN {hosting_client} c ON c.vid = n.vid ORDER BY n.nid";
    let (mut names, mut clients) = (BTreeMap::new(), Vec::new());
    for row in reader.rows("hosting_client", ask, true) {
        let (at, title) = (number(&row, 0), text(&row, 2));
        let uname = Some(text(&row, 1)).filter(|name| !name.is_empty()).unwrap_or_else(|| title.clone());
        names.insert(at, uname.clone());
        clients.push(Client { uname, title, people: people.remove(&at).unwrap_or_default() });
    }
    (names, clients)
}

/// How many tasks each object had, and how many of them failed.
fn tasks(reader: &mut Reader<'_>) -> BTreeMap<i64, (u64, u64)> {
    let ask = "SELECT rid, COUNT(*), SUM(CASE WHEN task_status = 2 THEN 1 ELSE 0 END) FROM {hosting_task} GROUP BY rid";
    let count = |row: &Row, at: usize| u64::try_from(number(row, at)).unwrap_or_default();
    let rows = reader.rows("hosting_task", ask, true);
    rows.iter().map(|row| (number(row, 0), (count(row, 1), count(row, 2)))).collect()
}

fn platforms(
    reader: &mut Reader<'_>,
    contexts: &BTreeMap<i64, String>,
    clients: &BTreeMap<i64, String>,
) -> BTreeMap<String, Platform> {
    let mut open_to: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let ask = "SELECT pid, cid FROM {hosting_platform_client_access} ORDER BY pid, cid";
    for row in reader.rows("hosting_platform_client_access", ask, false) {
        let client = clients.get(&number(&row, 1)).cloned();
        open_to.entry(number(&row, 0)).or_default().push(client.unwrap_or_else(|| text(&row, 1)));
    }
    let ask = "SELECT n.nid, p.status FROM {node} n JOIN {hosting_platform} p ON p.vid = n.vid";
    let mut platforms = BTreeMap::new();
    for row in reader.rows("hosting_platform", ask, true) {
        let (at, status) = (number(&row, 0), number(&row, 1));
        if let Some(name) = contexts.get(&at).filter(|_| status != DELETED) {
            let clients = open_to.remove(&at).unwrap_or_default();
            platforms.insert(name.clone(), Platform { locked: status == -1, clients });
        }
    }
    platforms
}

fn sites(
    reader: &mut Reader<'_>,
    clients: &BTreeMap<i64, String>,
    tasks: &BTreeMap<i64, (u64, u64)>,
) -> BTreeMap<String, Site> {
    let mut aliases: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let ask = "SELECT n.nid, a.alias FROM {hosting_site_alias} a JOIN {node} n ON n.vid = a.vid";
    for row in reader.rows("hosting_site_alias", ask, false) {
        aliases.entry(number(&row, 0)).or_default().insert(text(&row, 1));
    }
    let ask = "SELECT nid, cron_interval FROM {hosting_cron}";
    let cron = reader.rows("hosting_cron", ask, false);
    let cron: BTreeMap<i64, u64> =
        cron.iter().map(|row| (number(row, 0), u64::try_from(number(row, 1)).unwrap_or_default())).collect();
    let ask =
        "SELECT n.nid, n.title, s.status, s.client FROM {node} n JOIN {hosting_site} s ON s.vid = n.vid ORDER BY n.nid";
    let mut sites = BTreeMap::new();
    for row in reader.rows("hosting_site", ask, true) {
        let (at, status) = (number(&row, 0), number(&row, 2));
        // A name may be given again once its site was deleted.
        if status != DELETED {
            let site = Site {
                status,
                client: clients.get(&number(&row, 3)).cloned(),
                aliases: aliases.remove(&at).unwrap_or_default(),
                cron: cron.get(&at).copied(),
                tasks: tasks.get(&at).copied().unwrap_or_default(),
            };
            sites.insert(text(&row, 1), site);
        }
    }
    sites
}

#[cfg(test)]
mod tests {
    use aegir_host::RealDatabases;

    use super::*;

    /// The tables of a classic front end, as far as they are read, with `statements` besides.
    fn read_with(statements: &[&str], prefix: &str) -> Hostmaster {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("front.sqlite");
        std::fs::write(&file, b"").unwrap();
        let mut connection = RealDatabases.sqlite(&file).unwrap();
        let fixture = include_str!("hostmaster.sql");
        for statement in
            fixture.split(';').map(str::trim).filter(|text| !text.is_empty()).chain(statements.iter().copied())
        {
            connection.run(&statement.replace("@", prefix)).unwrap();
        }
        Hostmaster::read(&mut *connection, prefix)
    }

    #[test]
    fn what_the_front_end_knows_is_read() {
        for prefix in ["", "hm_"] {
            let read = read_with(&[], prefix);

            assert_eq!(read.unread, Vec::<String>::new());
            let site = &read.sites["www.example.org"];
            assert_eq!((site.status, site.client.as_deref(), site.cron), (1, Some("some_client"), Some(10_800)));
            assert_eq!((site.tasks, read.tasks), ((3, 1), (4, 1)));
            assert_eq!(site.aliases, BTreeSet::from(["new.example.org".to_owned()]));
            assert_eq!(read.sites["ghost.example.org"].status, -1);
            assert!(!read.sites.contains_key("deleted.example.org"));
            let client = read.clients.iter().find(|client| client.uname == "some_client").unwrap();
            assert_eq!((client.title.as_str(), client.people.len()), ("Some Client", 1));
            let platform = &read.platforms["platform_Seven"];
            assert_eq!((platform.locked, platform.clients.as_slice()), (true, &["some_client".to_owned()][..]));
            assert_eq!(read.servers["server_master"], "The first");
        }
    }

    #[test]
    fn a_table_that_cannot_be_read_is_told_and_the_rest_is_read() {
        let read = read_with(&["DROP TABLE @hosting_cron", "DROP TABLE @hosting_task"], "hm_");

        assert_eq!(read.unread.len(), 1, "{:?}", read.unread);
        assert!(read.unread[0].contains("`hm_hosting_task` was not read"), "{:?}", read.unread);
        assert_eq!(read.sites["www.example.org"].cron, None);
    }
}
