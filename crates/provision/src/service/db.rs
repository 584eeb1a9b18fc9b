//! Database servers: what a driver describes is done here, over one connection at a time.
//!
//! A database is touched only where its marker shows whose it is. Each connection of a task first
//! takes a lock of the server that bears the attempt's name: what a killed process still had running
//! there ends before another one takes it back.

mod along;
mod as_files;
mod copying;
mod dump;
mod texts;
mod theirs;
mod views;

pub(crate) use along::Along;
pub(crate) use copying::Held;
pub(crate) use texts::count_of;
pub(crate) use theirs::{TheirDatabase, place_of};
pub(crate) use views::Beside;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aegir_domain::{
    ContextName, DbName, DbService, Fault, GrantHost, Instance, Marker, Password, Reason, Remedy, ServerName,
    SiteContext,
};
use aegir_drivers::db::{Access, At, DbDriver, Place, Product, Statement, our_account};
use aegir_drupal::Family;
use aegir_drupal::driver::Credentials;
use aegir_drupal::inventory::{self, Inventory};
use aegir_host::{Connection, SqlFault, SqlKind};

use super::code_ahead::CodeAhead;
use crate::World;

/// How long connecting, or any one statement, may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The database service of one server.
pub(crate) struct DbServer<'w> {
    world: &'w World,
    server: ServerName,
    service: DbService,
    driver: &'w dyn DbDriver,
    open: RefCell<Option<(Box<dyn Connection>, Product)>>,
    /// What tells the lock of its connection from that of another one that this task has open meanwhile.
    role: &'static str,
}

impl<'w> DbServer<'w> {
    /// That of `server`, which must offer one. Connects when it must.
    pub(crate) fn of(world: &'w World, server: &ServerName) -> Result<DbServer<'w>, Fault> {
        let context = world.contexts().server(server)?;
        let Some(service) = context.db else { return Err(DbFault::None { server: server.clone() }.into()) };
        let driver = world.parts.db_drivers.named(service.as_str())?;
        Ok(DbServer { world, server: server.clone(), service, driver, open: RefCell::new(None), role: "" })
    }

    /// The same, while this task is connected to another one: both may be records of the same server.
    pub(crate) fn beside_another(world: &'w World, server: &ServerName) -> Result<DbServer<'w>, Fault> {
        Ok(DbServer { role: " to", ..DbServer::of(world, server)? })
    }

    /// `mariadb` or `sqlite`.
    pub(crate) fn engine(&self) -> &'static str {
        self.driver.service_type()
    }

    /// The product and its version.
    pub(crate) fn version(&self) -> Result<String, Fault> {
        let product = self.product()?;
        let (major, minor, patch) = product.version;
        Ok(format!("{} {major}.{minor}.{patch}", product.kind.as_str()))
    }

    /// Refuses a server that cannot take a site of Drupal `core`: too old, or our account may not grant.
    pub(crate) fn check_rights(&self, core: u32) -> Result<(), Fault> {
        let product = self.product()?;
        self.driver.serves(&product, core)?;
        self.check_grant()
    }

    /// Refuses a server on which our account may not grant.
    pub(crate) fn check_grant(&self) -> Result<(), Fault> {
        let DbService::Mariadb { account, .. } = &self.service else { return Ok(()) };
        let grants = self.rows("SHOW GRANTS")?;
        let may_grant = grants.iter().flatten().flatten().any(|line| contains(line, b"GRANT OPTION"));
        if may_grant {
            return Ok(());
        }
        let product = self.product()?;
        let host = self.grant_hosts()?.into_iter().next();
        let statements = host.map(|host| our_account(&product, account, &host)).unwrap_or_default();
        Err(DbFault::MayNotGrant { server: self.server.clone(), account: account.clone(), statements }.into())
    }

    /// The hosts that users of this server are granted for: as configured, or as the server sees us.
    pub(crate) fn grant_hosts(&self) -> Result<Vec<GrantHost>, Fault> {
        match &self.service {
            DbService::Sqlite {} => Ok(Vec::new()),
            DbService::Mariadb { grant_hosts, .. } if !grant_hosts.is_empty() => Ok(grant_hosts.clone()),
            DbService::Mariadb { .. } => {
                let user = text_of(self.rows("SELECT USER()")?).unwrap_or_default();
                let host = user.rsplit_once('@').map_or("localhost", |(_, host)| host);
                Ok(vec![host.parse()?])
            }
        }
    }

    /// Creates a database that bears `marker`, and is empty.
    pub(crate) fn create_database(&self, name: &DbName, marker: &Marker) -> Result<(), Fault> {
        match self.driver.place(name) {
            Place::File { mode, .. } => {
                let file = self.file(name);
                if self.world.files().kind(&file)?.is_none() {
                    let folder = self.folder(name);
                    crate::step::file::make_folder(self.world, &folder, 0o2770, Some(self.world.parts.web_gid))?;
                    crate::step::file::put(self.world, &file, b"", mode, Some(self.world.parts.web_gid))?;
                }
                if self.marker(name)?.is_some_and(|found| marker.is(&found)) {
                    return Ok(());
                }
            }
            Place::Server => {
                if self.exists(name)? {
                    // Already so, if an earlier try of ours made it; else it is somebody's.
                    return self.must_bear(name, marker);
                }
            }
        }
        let statements = self.driver.create(&self.product()?, name, marker);
        self.run_in(name, &statements)
    }

    /// Drops a database that bears `marker`, or is empty and without any. One that is gone is fine; one
    /// that is another's is left alone and is an error.
    pub(crate) fn drop_database(&self, name: &DbName, marker: &Marker) -> Result<(), Fault> {
        let is_file = matches!(self.driver.place(name), Place::File { .. });
        if !self.exists(name)? {
            // Of a file only the folder may have been made.
            if is_file && self.world.files().kind(&self.folder(name))?.is_some() {
                self.world.files().remove_tree(&self.folder(name))?;
            }
            return Ok(());
        }
        let found = match self.marker(name) {
            // What a killed program left of a file cannot always be read; its folder bears our random name.
            Err(_) if is_file => Some(marker.as_str().to_owned()),
            found => found?,
        };
        match found {
            Some(found) if marker.is(&found) => (),
            None if self.is_empty(name)? => (),
            _ => return Err(DbFault::Foreign { server: self.server.clone(), name: name.clone() }.into()),
        }
        if is_file {
            self.world.files().remove_tree(&self.folder(name))?;
            return Ok(());
        }
        self.run_all(&self.driver.drop_database(name))
    }

    /// Whether the database `name` is there and bears `marker`.
    pub(crate) fn bears(&self, name: &DbName, marker: &Marker) -> Result<bool, Fault> {
        Ok(self.exists(name)? && self.marker(name)?.is_some_and(|found| marker.is(&found)))
    }

    /// Refuses a database that does not bear `marker`.
    pub(crate) fn must_bear(&self, name: &DbName, marker: &Marker) -> Result<(), Fault> {
        match self.bears(name, marker)? {
            true => Ok(()),
            false => Err(DbFault::Foreign { server: self.server.clone(), name: name.clone() }.into()),
        }
    }

    /// Has a database that bears `marker` bear none, so that nobody here would drop it. One without any is left.
    pub(crate) fn unmark(&self, name: &DbName, marker: &Marker) -> Result<(), Fault> {
        if self.exists(name)? && self.marker(name)?.is_none() {
            return Ok(());
        }
        self.must_bear(name, marker)?;
        self.run_in(name, &self.driver.unmark(&self.product()?, name))
    }

    /// Takes [`DbServer::unmark`] back. A database that is gone, or that bears another marker, is none that it was done to.
    pub(crate) fn mark_again(&self, name: &DbName, marker: &Marker) -> Result<(), Fault> {
        if !self.exists(name)? || self.marker(name)?.is_some() {
            return Ok(());
        }
        self.run_in(name, &self.driver.mark(&self.product()?, name, marker))
    }

    /// Creates the user of a database, and proves that it can log in.
    pub(crate) fn create_user(&self, name: &DbName, password: &Password, hosts: &[GrantHost]) -> Result<(), Fault> {
        self.granting(self.driver.create_user(name, hosts, password), || self.driver.grant_tables(name, hosts))?;
        if let DbService::Mariadb { at, .. } = &self.service {
            self.world.parts.databases.mariadb(at, name.as_str(), password, Some(name.as_str()), LIMIT)?;
        }
        Ok(())
    }

    /// Runs `statements`, which grant; and `tables` behind what was refused, if our account may grant nothing of views and
    /// triggers: what it made before we asked for that goes on without.
    fn granting(&self, statements: Vec<Statement>, tables: impl FnOnce() -> Vec<Statement>) -> Result<(), Fault> {
        let refused = match self.run_all(&statements) {
            Err(refused) => refused,
            Ok(()) => return Ok(()),
        };
        // To make an account, or to change one, is refused by another number.
        if !refused.downcast_ref::<SqlFault>().is_some_and(|fault| matches!(fault.code, 1044 | 1142)) {
            return Err(refused);
        }
        self.run_all(&tables())?;
        if !self.world.told_rights.swap(true, Ordering::Relaxed) {
            self.world.warn(format!(
                "The account of Ægir on `{}` may not grant `CREATE VIEW`, `SHOW VIEW` and `TRIGGER`: sites there have no views and \
                 triggers of their own. As the database administrator, give it all it needs, `GRANT ALL PRIVILEGES ON *.* TO \
                 'ACCOUNT'@'HOST' WITH GRANT OPTION`",
                self.server
            ));
        }
        Ok(())
    }

    /// Ends the connections of a user, and drops it.
    pub(crate) fn drop_user(&self, name: &DbName, hosts: &[GrantHost]) -> Result<(), Fault> {
        if matches!(self.service, DbService::Sqlite {}) {
            return Ok(());
        }
        self.end_connections(name)?;
        self.run_all(&self.driver.drop_user(name, hosts))
    }

    /// Ends the connections of a user.
    pub(crate) fn end_connections(&self, name: &DbName) -> Result<(), Fault> {
        if let (true, Some(ask)) =
            (self.driver.end_connections(&self.product()?, name).is_empty(), self.driver.ask_connections(name))
        {
            for row in self.rows(ask.text().expose())? {
                let Some(Some(kill)) = row.into_iter().next() else { continue };
                // A connection that ended by itself meanwhile is as good.
                let _ = self.connected(|connection, _| Ok(connection.run(&String::from_utf8_lossy(&kill))?));
            }
        }
        for statement in self.driver.end_connections(&self.product()?, name) {
            match self.run(&statement) {
                // A user that is gone has no connections.
                Err(fault) if is_kind(&fault, &[SqlKind::NoSuch, SqlKind::Other]) => (),
                result => result?,
            }
        }
        Ok(())
    }

    /// Proves, as a site would find out, that the database `name` keeps what Drupal stores: a table, and a
    /// character of four bytes.
    pub(crate) fn prove(&self, name: &DbName, password: &Password) -> Result<(), Fault> {
        let DbService::Mariadb { at, .. } = &self.service else { return Ok(()) };
        let databases = &self.world.parts.databases;
        let mut connection = databases.mariadb(at, name.as_str(), password, Some(name.as_str()), LIMIT)?;
        connection.run("CREATE TABLE proof (text VARCHAR(191) PRIMARY KEY)")?;
        connection.run("INSERT INTO proof VALUES (x'f09f9088')")?;
        match text_of(connection.rows("SELECT HEX(text) FROM proof")?).as_deref() {
            Some("F09F9088") => Ok(()),
            _ => Err(DbFault::NoUtf8 { server: self.server.clone() }.into()),
        }
    }

    /// What a site needs to reach its database: for its settings, on the command line and behind the web server.
    pub(crate) fn credentials(&self, name: &DbName, password: &Password, hash_salt: &Password) -> Credentials {
        let file = self.file(name);
        let (at, password) = match &self.service {
            DbService::Mariadb { at, .. } => (At::Server(at), Some(password)),
            DbService::Sqlite {} => (At::File(&file), None),
        };
        let params = self.driver.params(&Access { name, password, at });
        let find = |key: &str| {
            params
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.clone())
                .unwrap_or_else(|| Password::new(""))
        };
        let open = |key: &str| find(key).expose().to_owned();
        Credentials {
            db_type: open("db_type"),
            db_host: open("db_host"),
            db_port: open("db_port"),
            db_socket: open("db_socket"),
            db_user: open("db_user"),
            db_passwd: find("db_passwd"),
            db_name: open("db_name"),
            hash_salt: hash_salt.clone(),
        }
    }

    /// The packages of a site, straight from its database, with what is known of their code.
    pub(crate) fn packages(&self, site: &SiteContext, core: &str, code: &CodeAhead) -> Result<Vec<Instance>, Fault> {
        let platform = self.world.contexts().platform(&site.platform)?;
        let inventory = self.inventory(site, core)?;
        let code = code.get(platform.root.path())?;
        Ok(inventory.with_code(&code, site.name.as_str()))
    }

    /// What a site's database says of the site.
    pub(crate) fn inventory(&self, site: &SiteContext, core: &str) -> Result<Inventory, Fault> {
        let platform = self.world.contexts().platform(&site.platform)?;
        let family = super::php::family(&platform, core)?;
        read_inventory(&mut *self.as_site(site)?, family)
    }

    /// What a database says of its site that is not in service yet, as the user of `credentials` reads it.
    pub(crate) fn inventory_of_trial(
        &self,
        name: &DbName,
        credentials: &Credentials,
        family: Family,
    ) -> Result<Inventory, Fault> {
        read_inventory(&mut *self.as_user(name, credentials)?, family)
    }

    /// What Drupal calls its driver for this: `mysql`, `sqlite`.
    pub(crate) fn driver_of_drupal(&self) -> &'static str {
        match &self.service {
            DbService::Mariadb { .. } => "mysql",
            DbService::Sqlite {} => "sqlite",
        }
    }

    /// That it is too old for Drupal of the major version `core`.
    pub(crate) fn too_old(&self, core: u32) -> Result<Option<Reason>, Fault> {
        let product = self.product()?;
        let oldest = self.driver.oldest(&product, core);
        let shown = |(major, minor, patch): (u32, u32, u32)| format!("{major}.{minor}.{patch}");
        Ok((product.version < oldest).then(|| Reason::DatabaseTooOld {
            product: product.kind.as_str().to_owned(),
            needs: shown(oldest),
            has: shown(product.version),
        }))
    }

    /// What a site's own account reads with `query`.
    pub(crate) fn rows_of_site(&self, site: &SiteContext, query: &str) -> Result<Vec<aegir_host::Row>, Fault> {
        Ok(self.as_site(site)?.rows(query)?)
    }

    fn as_site(&self, site: &SiteContext) -> Result<Box<dyn Connection>, Fault> {
        let name = &site.database.name;
        match &self.service {
            DbService::Sqlite {} => Ok(self.world.parts.databases.sqlite_to_read(&self.file(name))?),
            DbService::Mariadb { .. } => self.as_user(name, &super::php::read_credentials(self.world, &site.name)?),
        }
    }

    fn as_user(&self, name: &DbName, credentials: &Credentials) -> Result<Box<dyn Connection>, Fault> {
        let databases = &self.world.parts.databases;
        Ok(match &self.service {
            DbService::Sqlite {} => databases.sqlite_to_read(&self.file(name))?,
            DbService::Mariadb { at, .. } => {
                databases.mariadb(at, &credentials.db_user, &credentials.db_passwd, Some(name.as_str()), LIMIT)?
            }
        })
    }

    /// The folder of a site whose database is a file; the web server's workers may write there.
    fn folder(&self, name: &DbName) -> PathBuf {
        self.world.home().databases().join(name.as_str())
    }

    fn file(&self, name: &DbName) -> PathBuf {
        match self.driver.place(name) {
            Place::File { name: file, .. } => self.folder(name).join(file),
            Place::Server => self.folder(name),
        }
    }

    fn exists(&self, name: &DbName) -> Result<bool, Fault> {
        match self.driver.ask_exists(name) {
            Some(ask) => Ok(!self.rows(ask.text().expose())?.is_empty()),
            None => Ok(self.world.files().kind(&self.file(name))?.is_some()),
        }
    }

    fn marker(&self, name: &DbName) -> Result<Option<String>, Fault> {
        let ask = self.driver.ask_marker(&self.product()?, name);
        Ok(text_of(self.rows_in(name, &ask)?))
    }

    fn is_empty(&self, name: &DbName) -> Result<bool, Fault> {
        let of_more = self.driver.ask_more_than_tables(name);
        Ok(self.rows_in(name, &self.driver.ask_tables(name))?.is_empty() && self.rows_in(name, &of_more)?.is_empty())
    }

    fn product(&self) -> Result<Product, Fault> {
        match &self.service {
            DbService::Sqlite {} => Ok(self.driver.product("3.51.3")?),
            DbService::Mariadb { .. } => self.connected(|_, product| Ok(product)),
        }
    }

    fn run(&self, statement: &Statement) -> Result<(), Fault> {
        self.connected(|connection, _| Ok(connection.run(statement.text().expose()).map(|_| ())?))
    }

    fn run_all(&self, statements: &[Statement]) -> Result<(), Fault> {
        statements.iter().try_for_each(|statement| self.run(statement))
    }

    fn rows(&self, sql: &str) -> Result<Vec<aegir_host::Row>, Fault> {
        self.connected(|connection, _| Ok(connection.rows(sql)?))
    }

    /// Statements about one database: for a file they go to that file.
    fn run_in(&self, name: &DbName, statements: &[Statement]) -> Result<(), Fault> {
        match &self.service {
            DbService::Mariadb { .. } => self.run_all(statements),
            DbService::Sqlite {} => {
                let mut connection = self.world.parts.databases.sqlite(&self.file(name))?;
                for statement in statements {
                    connection.run(statement.text().expose())?;
                }
                Ok(())
            }
        }
    }

    fn rows_in(&self, name: &DbName, ask: &Statement) -> Result<Vec<aegir_host::Row>, Fault> {
        match &self.service {
            DbService::Mariadb { .. } => self.rows(ask.text().expose()),
            DbService::Sqlite {} => {
                Ok(self.world.parts.databases.sqlite_to_read(&self.file(name))?.rows(ask.text().expose())?)
            }
        }
    }

    fn connected<T>(&self, work: impl FnOnce(&mut dyn Connection, Product) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut open = self.open.borrow_mut();
        if open.is_none() {
            *open = Some(self.connect()?);
        }
        match open.as_mut() {
            Some((connection, product)) => work(connection.as_mut(), *product),
            None => unreachable!("it was opened above"),
        }
    }

    fn connect(&self) -> Result<(Box<dyn Connection>, Product), Fault> {
        let DbService::Mariadb { at, account, .. } = &self.service else {
            return Err(DbFault::None { server: self.server.clone() }.into());
        };
        let password = self.password()?;
        let mut connection = self.world.parts.databases.mariadb(at, account, &password, None, LIMIT)?;
        let version = text_of(connection.rows(self.driver.ask_version().text().expose())?).unwrap_or_default();
        let product = self.driver.product(&version)?;
        let (attempt, role) = (self.world.task.attempt, self.role);
        let lock = connection.rows(&format!("SELECT GET_LOCK('aegir {attempt}{role}', 60)"))?;
        match text_of(lock).as_deref() {
            Some("1") => Ok((connection, product)),
            _ => Err(DbFault::StillAtIt { server: self.server.clone() }.into()),
        }
    }

    fn password(&self) -> Result<Password, Fault> {
        #[derive(serde::Deserialize)]
        struct Kept {
            password: Password,
        }
        let path = self.world.home().credentials_of(&ContextName::Server(self.server.clone()));
        let text = self.world.files().read_text(&path)?;
        match text.and_then(|text| serde_json::from_str::<Kept>(&text).ok()) {
            Some(kept) => Ok(kept.password),
            None => Err(DbFault::NoPassword { server: self.server.clone() }.into()),
        }
    }
}

/// What has a server that writes a log for replicas let sites' accounts make triggers.
const TRUST: &str = "as its administrator, run `SET GLOBAL log_bin_trust_function_creators = 1`, and set it in the server's \
                     configuration";

fn read_inventory(connection: &mut dyn Connection, family: Family) -> Result<Inventory, Fault> {
    let mut answers = Vec::new();
    for query in inventory::queries(family) {
        answers.push(connection.rows(query)?);
    }
    Ok(inventory::read(family, &answers)?)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn text_of(rows: Vec<aegir_host::Row>) -> Option<String> {
    let value = rows.into_iter().next()?.into_iter().next()??;
    Some(String::from_utf8_lossy(&value).into_owned())
}

fn is_kind(fault: &Fault, kinds: &[SqlKind]) -> bool {
    fault.downcast_ref::<SqlFault>().is_some_and(|fault| kinds.contains(&fault.kind))
}

/// Why a database server cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbFault {
    #[error("the server `{server}` offers no database service")]
    None { server: ServerName },
    #[error("the password of the account on `{server}` is not known")]
    NoPassword { server: ServerName },
    #[error("a statement of a killed process still runs on `{server}` after a minute")]
    StillAtIt { server: ServerName },
    #[error("the database server `{server}` does not keep characters of four bytes")]
    NoUtf8 { server: ServerName },
    #[error("the account `{account}` on `{server}` may not grant rights to sites' users")]
    MayNotGrant { server: ServerName, account: String, statements: Vec<Statement> },
    #[error("the database `{name}` on `{server}` does not bear the mark of this site")]
    Foreign { server: ServerName, name: DbName },
    #[error("the database server `{server}` lets no site's account make triggers, since it writes a log for replicas")]
    NoTriggers { server: ServerName },
    #[error("the database server `{server}` is {product}, and cannot hold what the database `{of}` has: {}", tables.join("; "))]
    OnlyMariaDb { server: ServerName, product: &'static str, of: String, tables: Vec<String> },
    #[error("the database `{database}` on `{server}`, whose tables are to go back to it, is gone")]
    Gone { server: ServerName, database: String },
}

impl Remedy for DbFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            DbFault::None { server } => format!("add one with `aegir provision save @server_{server} --db mariadb …`"),
            DbFault::NoPassword { server } => {
                format!("give it with `aegir provision save @server_{server} --db-password-file FILE`")
            }
            DbFault::MayNotGrant { statements, .. } => {
                let statements: Vec<_> = statements.iter().map(|statement| format!("`{statement}`")).collect();
                format!("as the database administrator, run {}, then retry", statements.join(" and "))
            }
            DbFault::StillAtIt { .. } => {
                "look at `SHOW PROCESSLIST` there, and run `aegir provision recover` when it is done".into()
            }
            DbFault::NoUtf8 { .. } => "use MariaDB 10.3 or MySQL 5.7.8, or later, with InnoDB".into(),
            DbFault::NoTriggers { .. } => TRUST.into(),
            DbFault::OnlyMariaDb { .. } => {
                "name a server that is MariaDB; or make tables like any other of these".into()
            }
            DbFault::Gone { database, .. } => {
                format!("make an empty database `{database}` there, then run `aegir provision recover`")
            }
            DbFault::Foreign { name, .. } => format!(
                "somebody replaced or renamed it; nothing of it was touched. Look at `{name}` by hand, and at its comment"
            ),
        })
    }
}
