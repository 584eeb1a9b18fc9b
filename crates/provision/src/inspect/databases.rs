//! The databases of a home's sites, on whatever server: looked at, or dropped where their marker proves
//! whose they are.

use std::path::Path;
use std::time::Duration;

use aegir_domain::{
    ContextName, Database, DbEngine, DbName, DbService, Fault, Finding, GrantHost, Home, Marker, Password,
    ServerContext, ServerName,
};
use aegir_drivers::db::{DbDriver, Product, ProductKind, our_account};
use aegir_host::{Connection, Databases, Files};
use serde::Deserialize;

use super::{Known, OpenTask};

/// How long connecting, or any one statement, may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Whether a server's databases lie below the home, and go with it.
pub fn is_of_home(home: &Home, service: &DbService) -> bool {
    match service {
        DbService::Sqlite {} => true,
        DbService::Mariadb { at: DbEngine::Tcp { .. }, .. } => false,
        DbService::Mariadb { at: DbEngine::Socket(path), .. } => {
            let run = std::fs::read_link(home.run()).unwrap_or_else(|_| home.run());
            path.starts_with(home.path()) || path.starts_with(run)
        }
    }
}

/// Looks at each database server, and at the databases that sites should have there.
pub fn databases(home: &Home, files: &Files, known: &Known, connect: &dyn Databases) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &known.servers {
        let Some(DbService::Mariadb { at, account, .. }) = &server.db else { continue };
        let name = &server.name;
        let mut open = match Open::at(home, files, server, connect) {
            Ok(open) => open,
            Err(why) => {
                let remedy = match is_of_home(
                    home,
                    &DbService::Mariadb { at: at.clone(), account: account.clone(), grant_hosts: Vec::new() },
                ) {
                    true => format!("start it with `aegir up --home {}`", home.path().display()),
                    false => format!(
                        "see that it runs and listens there; if it does not know the account, run this on it, as its \
                         administrator: `{}`",
                        account_statement(account, at)
                    ),
                };
                findings.push(Finding::problem(
                    format!("the database server of @server_{name} does not let us in: {why}"),
                    remedy,
                ));
                continue;
            }
        };
        let (major, minor, patch) = open.product.version;
        findings.push(Finding::ok(format!(
            "@server_{name}: {} {major}.{minor}.{patch} answers",
            open.product.kind.as_str()
        )));
        if let Err(fault) = open.driver.serves(&open.product, 10) {
            findings.push(Finding::of_fault(&fault));
        }
        if !may_grant(&mut open) {
            findings.push(Finding::problem(
                format!("the account `{account}` of @server_{name} may not make databases and users, and grant"),
                format!("as its administrator, run this on it: `{}`", account_statement(account, at)),
            ));
        }
        for site in known.sites.iter().filter(|site| site.db_server == *name) {
            let database = &site.database;
            let site = &site.name;
            match open.bears(database) {
                Ok(Bears::Ours) => (),
                Ok(Bears::Nothing) => findings.push(Finding::problem(
                    format!("the database `{}` of @{site} is gone from @server_{name}", database.name),
                    format!("put it back from a backup, or delete what is left with `aegir provision delete @{site} --confirm={site}`"),
                )),
                Ok(Bears::Other) => findings.push(Finding::problem(
                    format!("the database `{}` on @server_{name} does not bear the mark of @{site}", database.name),
                    "somebody put another one in its place; it is neither copied nor dropped until that is put right",
                )),
                Err(why) => findings.push(Finding::problem(
                    format!("cannot look for the database `{}` of @{site}: {why}", database.name),
                    format!("verify the server with `aegir provision verify @server_{name}`"),
                )),
            }
        }
        findings.extend(open.strays(known).into_iter().map(|(database, marker)| {
            Finding::warning(
                format!("the database `{database}` on @server_{name} bears the mark of Ægir (`{marker}`), and no site here has it"),
                "another home may have it; if none does, drop it by hand",
            )
        }));
    }
    findings
}

/// The one statement that makes our account on a server that is in use already, to be run there by its
/// administrator.
pub fn account_statement(account: &str, at: &DbEngine) -> String {
    let host = if matches!(at, DbEngine::Socket(_)) { "localhost" } else { "%" };
    let product = Product { kind: ProductKind::MariaDb, version: (10, 11, 0) };
    let statements = host.parse::<GrantHost>().map(|host| our_account(&product, account, &host)).unwrap_or_default();
    statements.iter().map(|statement| statement.text().expose()).collect::<Vec<_>>().join("; ")
}

/// A database that Ægir made on a server that does not go with the home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The server.
    pub server: ServerName,
    /// The database, and its user.
    pub database: Database,
}

impl Owned {
    /// What an administrator would type to drop it.
    pub fn statements(&self) -> String {
        let name = &self.database.name;
        let users = self.database.hosts.iter().map(|host| format!("DROP USER IF EXISTS '{name}'@'{host}';"));
        users.chain([format!("DROP DATABASE IF EXISTS `{name}`;")]).collect::<Vec<_>>().join(" ")
    }
}

/// All databases that Ægir made on servers outside the home: of sites, and of attempts that have not ended.
pub fn owned_outside(home: &Home, known: &Known, open: &[OpenTask]) -> Vec<Owned> {
    let is_outside = |name: &ServerName| {
        let server = known.servers.iter().find(|server| server.name == *name);
        server.and_then(|server| server.db.as_ref()).is_some_and(|service| !is_of_home(home, service))
    };
    #[derive(Deserialize)]
    struct Made {
        server: ServerName,
        name: DbName,
        marker: Option<Marker>,
        #[serde(default)]
        hosts: Vec<GrantHost>,
    }
    let owned = |server: &ServerName, database: &Database| Owned { server: server.clone(), database: database.clone() };
    let sites = known.sites.iter().map(|site| owned(&site.db_server, &site.database));
    let formers = known.sites.iter().flat_map(|site| &site.formers).filter(|former| former.archive.is_none());
    let mut all: Vec<Owned> = sites.chain(formers.map(|former| owned(&former.db_server, &former.database))).collect();
    let begun = open.iter().flat_map(|task| &task.state.standing);
    for made in begun.filter_map(|(_, _, inputs)| serde_json::from_value::<Made>(inputs.clone()).ok()) {
        let known = all.iter_mut().find(|known| known.server == made.server && known.database.name == made.name);
        match (known, made.marker) {
            // One line makes the database, a later one its user.
            (Some(known), _) => known.database.hosts.extend(made.hosts),
            (None, Some(marker)) => all
                .push(Owned { server: made.server, database: Database { name: made.name, marker, hosts: made.hosts } }),
            (None, None) => (),
        }
    }
    all.retain(|owned| is_outside(&owned.server));
    all
}

/// How dropping one database went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It and its user are gone.
    Dropped,
    /// It was gone already.
    Gone,
    /// It does not bear our marker, and was left alone.
    Foreign,
    /// It could not be dropped; why.
    Not(String),
}

/// Drops a database and its user, once its marker proved whose it is.
pub fn drop_owned(home: &Home, files: &Files, known: &Known, owned: &Owned, connect: &dyn Databases) -> Said {
    let Some(server) = known.servers.iter().find(|server| server.name == owned.server) else {
        return Said::Not("its server is not known any more".into());
    };
    let mut open = match Open::at(home, files, server, connect) {
        Ok(open) => open,
        Err(why) => return Said::Not(why),
    };
    match open.drop(&owned.database) {
        Ok(said) => said,
        Err(why) => Said::Not(why),
    }
}

enum Bears {
    Ours,
    Other,
    Nothing,
}

/// An open connection, and who answers.
pub(super) struct Open<'d> {
    connection: Box<dyn Connection>,
    pub(super) product: Product,
    pub(super) driver: &'d dyn DbDriver,
}

static MARIADB: aegir_drivers::db::MariaDb = aegir_drivers::db::MariaDb;

impl Open<'static> {
    fn at(
        home: &Home,
        files: &Files,
        server: &ServerContext,
        connect: &dyn Databases,
    ) -> Result<Open<'static>, String> {
        let Some(DbService::Mariadb { at, account, .. }) = &server.db else { return Err("it has none".into()) };
        let password = saved_password(files, &home.credentials_of(&ContextName::Server(server.name.clone())))?;
        opened(connect, at, account, &password).map_err(|fault| Finding::of_fault(fault.error()).text)
    }
}

/// A connection to the server at `at`, with an account that may make databases there.
pub(super) fn opened(
    connect: &dyn Databases,
    at: &DbEngine,
    account: &str,
    password: &Password,
) -> Result<Open<'static>, Fault> {
    let mut connection = connect.mariadb(at, account, password, None, LIMIT)?;
    let version = first(connection.rows(MARIADB.ask_version().text().expose())?);
    let product = MARIADB.product(&version.unwrap_or_default())?;
    Ok(Open { connection, product, driver: &MARIADB })
}

/// Whether the account of a connection may grant rights to others.
pub(super) fn may_grant(open: &mut Open<'_>) -> bool {
    let grants = open.connection.rows("SHOW GRANTS").unwrap_or_default();
    let text: Vec<u8> = grants.into_iter().flatten().flatten().flatten().collect();
    String::from_utf8_lossy(&text).contains("GRANT OPTION")
}

impl Open<'_> {
    fn rows(&mut self, sql: &str) -> Result<Vec<aegir_host::Row>, String> {
        self.connection.rows(sql).map_err(|fault| Finding::of_fault(&fault).text)
    }

    fn bears(&mut self, database: &Database) -> Result<Bears, String> {
        let Some(ask) = self.driver.ask_exists(&database.name) else { return Ok(Bears::Nothing) };
        if self.rows(ask.text().expose())?.is_empty() {
            return Ok(Bears::Nothing);
        }
        let ask = self.driver.ask_marker(&self.product, &database.name);
        let found = first(self.rows(ask.text().expose())?);
        Ok(if found.is_some_and(|found| database.marker.is(&found)) { Bears::Ours } else { Bears::Other })
    }

    fn drop(&mut self, database: &Database) -> Result<Said, String> {
        let said = match self.bears(database)? {
            Bears::Other => return Ok(Said::Foreign),
            Bears::Nothing => Said::Gone,
            Bears::Ours => Said::Dropped,
        };
        for end in self.driver.end_connections(&self.product, &database.name) {
            // A user that is gone, or has no connections, is as good.
            let _ = self.connection.run(end.text().expose());
        }
        let mut statements = self.driver.drop_user(&database.name, &database.hosts);
        if said == Said::Dropped {
            statements.extend(self.driver.drop_database(&database.name));
        }
        for statement in statements {
            self.connection.run(statement.text().expose()).map_err(|fault| Finding::of_fault(&fault).text)?;
        }
        Ok(said)
    }

    /// Databases that bear a marker of Ægir's and belong to no known site.
    fn strays(&mut self, known: &Known) -> Vec<(String, String)> {
        let ask =
            "SELECT SCHEMA_NAME, SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_COMMENT LIKE 'aegir %'";
        // A product without comments on databases has none to show.
        let rows = self.connection.rows(ask).unwrap_or_default();
        let texts = rows.into_iter().filter_map(|row| {
            let mut row = row.into_iter().map(|value| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned());
            Some((row.next()?, row.next()?))
        });
        let is_known = |name: &str| known.has_database(name);
        texts.filter(|(name, _)| known.faults.is_empty() && !is_known(name)).collect()
    }
}

fn first(rows: Vec<aegir_host::Row>) -> Option<String> {
    let value = rows.into_iter().next()?.into_iter().next()??;
    Some(String::from_utf8_lossy(&value).into_owned())
}

/// The password of a server's account, as it is kept in `path`.
pub(super) fn saved_password(files: &Files, path: &Path) -> Result<Password, String> {
    #[derive(Deserialize)]
    struct Kept {
        password: Password,
    }
    let text = files.read_text(path).map_err(|fault| Finding::of_fault(&fault).text)?;
    let text = text.ok_or_else(|| format!("its password is not there, in `{}`", path.display()))?;
    let kept: Kept = serde_json::from_str(&text).map_err(|_| format!("`{}` cannot be understood", path.display()))?;
    Ok(kept.password)
}
