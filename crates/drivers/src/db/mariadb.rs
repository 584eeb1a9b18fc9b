//! MariaDB, and MySQL, which speaks the same but for a few sentences.
//!
//! A database bears its marker as its comment, written by the statement that creates it. MySQL has no
//! comments on databases: there the marker is the comment of an empty table, `aegir_marker`, and a
//! database that lost power between the two statements is an empty one.
//!
//! A user is named after its database, and granted per host as the server sees its clients (a socket,
//! `127.0.0.1` and a routed address are three). Names are quoted by their types' invariants.

use std::path::Path;

use aegir_domain::{DbEngine, DbName, GrantHost, Marker, Password, Remedy};

use super::statement::quoted;
use super::{
    Access, At, Checkpoint, CopyAsFile, DbDriver, InTable, Limits, Place, Product, ProductKind, Statement, dump,
    numbers,
};
use crate::DriverFault;

/// MariaDB 10.3 or later, MySQL 5.7.8 or later.
#[derive(Clone, Copy, Debug)]
pub struct MariaDb;

/// What changes data or its shape; `revoke_writes` takes these. `INDEX`, `ALTER` and the rest are what Drupal's own
/// INSTALL.mysql.txt lists. What a view or a trigger may do is what whoever made it may: a site makes its own, and a
/// trigger acts only as long as that account has the right to it. Routines would be another thing: an administrator
/// who reads a view that calls one could run what the site wrote.
const WRITES: &str = "INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE VIEW, TRIGGER";
/// Behind it stands the number that a table counts on from, among the options of the statement that makes it.
const COUNTER: &str = " AUTO_INCREMENT=";
const READS: &str = "SELECT, CREATE TEMPORARY TABLES, SHOW VIEW";
/// The same without views and triggers: an account that was given no more than Drupal's list can grant no more.
const TABLE_WRITES: &str = "INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER";
const TABLE_READS: &str = "SELECT, CREATE TEMPORARY TABLES";

impl DbDriver for MariaDb {
    fn service_type(&self) -> &'static str {
        "mariadb"
    }

    fn ask_version(&self) -> Statement {
        Statement::plain("SELECT VERSION()")
    }

    fn product(&self, version: &str) -> Result<Product, DriverFault> {
        let kind = match version.to_ascii_lowercase().contains("mariadb") {
            true => ProductKind::MariaDb,
            false => ProductKind::MySql,
        };
        // Old MariaDB calls itself `5.5.5-10.3.39-MariaDB`, so that old clients understand it.
        let plain =
            if kind == ProductKind::MariaDb { version.strip_prefix("5.5.5-").unwrap_or(version) } else { version };
        let version = numbers(plain).ok_or_else(|| DriverFault::Version {
            product: kind.as_str(),
            version: version.to_owned(),
            why: "its version cannot be understood".into(),
        })?;
        Ok(Product { kind, version })
    }

    fn oldest(&self, product: &Product, core: u32) -> (u32, u32, u32) {
        match (product.kind, core) {
            // Below these there is no `CREATE USER IF NOT EXISTS`, or no utf8mb4 in an index: ours, not Drupal's.
            (ProductKind::MariaDb, ..=8) => (10, 3, 0),
            (ProductKind::MariaDb, 9 | 10) => (10, 3, 7),
            (ProductKind::MariaDb, _) => (10, 6, 0),
            (_, ..=10) => (5, 7, 8),
            _ => (8, 0, 0),
        }
    }

    fn place(&self, _: &DbName) -> Place {
        Place::Server
    }

    fn create(&self, product: &Product, name: &DbName, marker: &Marker) -> Vec<Statement> {
        let create = format!("CREATE DATABASE `{name}` {TEXTS}");
        let marker = quoted(marker.as_str());
        match has_database_comments(product) {
            true => vec![Statement::plain(format!("{create} COMMENT {marker}"))],
            false => vec![Statement::plain(create), marked_by_table(name, &marker)],
        }
    }

    fn mark(&self, product: &Product, name: &DbName, marker: &Marker) -> Vec<Statement> {
        let marker = quoted(marker.as_str());
        vec![match has_database_comments(product) {
            true => commented(name, &marker),
            false => marked_by_table(name, &marker),
        }]
    }

    fn unmark(&self, product: &Product, name: &DbName) -> Vec<Statement> {
        vec![match has_database_comments(product) {
            true => commented(name, "''"),
            false => self.drop_table(name, "aegir_marker"),
        }]
    }

    fn ask_marker(&self, product: &Product, name: &DbName) -> Statement {
        Statement::plain(match has_database_comments(product) {
            true => format!(
                "SELECT SCHEMA_COMMENT FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}' AND SCHEMA_COMMENT <> ''"
            ),
            false => format!(
                "SELECT TABLE_COMMENT FROM information_schema.TABLES \
                 WHERE TABLE_SCHEMA = '{name}' AND TABLE_NAME = 'aegir_marker'"
            ),
        })
    }

    fn ask_exists(&self, name: &DbName) -> Option<Statement> {
        Some(Statement::plain(format!(
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{name}'"
        )))
    }

    fn ask_tables(&self, name: &DbName) -> Statement {
        Statement::plain(format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = '{name}' AND TABLE_NAME <> 'aegir_marker' AND TABLE_TYPE <> 'VIEW' ORDER BY TABLE_NAME"
        ))
    }

    fn create_user(&self, name: &DbName, hosts: &[GrantHost], password: &Password) -> Vec<Statement> {
        let mut statements = Vec::new();
        for host in hosts {
            let user = format!("'{name}'@'{host}'");
            // Never without a password, not even between two statements.
            let create = format!("CREATE USER IF NOT EXISTS {user} IDENTIFIED BY");
            statements.push(Statement::with_secret(&create, password, ""));
            statements.push(Statement::with_secret(&format!("ALTER USER {user} IDENTIFIED BY"), password, ""));
        }
        statements.extend(self.grant(name, hosts));
        statements
    }

    fn grant(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement> {
        granted(name, hosts, &format!("{READS}, {WRITES}"))
    }

    fn grant_tables(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement> {
        granted(name, hosts, &format!("{TABLE_READS}, {TABLE_WRITES}"))
    }

    fn revoke_writes(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement> {
        // Revoking what was never granted is an error, so it is granted first: a list may run twice.
        self.grant(name, hosts).into_iter().chain(revoked(name, hosts, WRITES)).collect()
    }

    fn revoke_table_writes(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement> {
        self.grant_tables(name, hosts).into_iter().chain(revoked(name, hosts, TABLE_WRITES)).collect()
    }

    fn ask_connections(&self, name: &DbName) -> Option<Statement> {
        Some(Statement::plain(format!(
            "SELECT CONCAT('KILL CONNECTION ', ID) FROM information_schema.PROCESSLIST WHERE USER = '{name}'"
        )))
    }

    fn end_connections(&self, product: &Product, name: &DbName) -> Vec<Statement> {
        match product.kind {
            // Without a host, since with one only those of literally that host would end.
            ProductKind::MariaDb => vec![Statement::plain(format!("KILL HARD USER '{name}'"))],
            // MySQL ends them one by one: run what `ask_connections` answers.
            _ => Vec::new(),
        }
    }

    fn drop_user(&self, name: &DbName, hosts: &[GrantHost]) -> Vec<Statement> {
        hosts.iter().map(|host| Statement::plain(format!("DROP USER IF EXISTS '{name}'@'{host}'"))).collect()
    }

    fn drop_database(&self, name: &DbName) -> Vec<Statement> {
        vec![Statement::plain(format!("DROP DATABASE IF EXISTS `{name}`"))]
    }

    fn ask_more_than_tables(&self, name: &DbName) -> Statement {
        Statement::plain(format!(
            "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '{name}' \
             UNION ALL SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{name}' \
             UNION ALL SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '{name}' \
             UNION ALL SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{name}'"
        ))
    }

    fn ask_caches(&self, name: &DbName) -> Statement {
        Statement::plain(format!(
            "SELECT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{name}' AND COLUMN_NAME = 'cid' \
             AND (TABLE_NAME = 'cache' OR LEFT(TABLE_NAME, 6) = 'cache_') AND TABLE_NAME <> 'cache_form'"
        ))
    }

    fn ask_size(&self, name: &DbName) -> Option<Statement> {
        Some(Statement::plain(format!(
            "SELECT CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS UNSIGNED) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = '{name}'"
        )))
    }

    fn before_copying(&self) -> Vec<Statement> {
        // Without the first the account 0 of Drupal would get another number.
        vec![
            Statement::plain("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"),
            // Not `unique_checks`: without both, MariaDB sorts all rows of an empty table in files first, and writes twice
            // as much.
            Statement::plain("SET SESSION foreign_key_checks = 0"),
            // A small table is copied in less time than it takes to have it stay.
            Statement::plain("SET SESSION autocommit = 0"),
        ]
    }

    fn begin(&self) -> Statement {
        Statement::plain("START TRANSACTION")
    }

    fn commit(&self) -> Statement {
        Statement::plain("COMMIT")
    }

    fn copy_whole(&self, _: &Path) -> Option<Statement> {
        None
    }

    fn ask_table(&self, from: &DbName, table: &str) -> Option<Statement> {
        Some(Statement::plain(format!("SHOW CREATE TABLE `{from}`.{}", back_ticked(table))))
    }

    fn shape(&self, statement: &str) -> (String, Option<u64>) {
        // The options stand behind the last line's bracket; what is in quotes before may read alike.
        let options = statement.rfind("\n)").unwrap_or(statement.len());
        let Some(at) = statement[options..].find(COUNTER).map(|at| options + at) else {
            return (statement.to_owned(), None);
        };
        let number = &statement[at + COUNTER.len()..];
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        (format!("{}{}", &statement[..at], &number[end..]), number[..end].parse().ok())
    }

    fn count_on(&self, name: &DbName, table: &str, next: u64) -> Option<Statement> {
        Some(Statement::plain(format!("ALTER TABLE `{name}`.{} AUTO_INCREMENT = {next}", back_ticked(table))))
    }

    fn ask_any_row(&self, name: &DbName, table: &str) -> Statement {
        Statement::plain(format!("SELECT 1 FROM `{name}`.{} LIMIT 1", back_ticked(table)))
    }

    fn copy_rows(&self, from: &DbName, to: &DbName, table: &str) -> Option<Statement> {
        let table = back_ticked(table);
        Some(Statement::plain(format!("INSERT INTO `{to}`.{table} SELECT * FROM `{from}`.{table}")))
    }

    fn ask_large_tables(&self, from: &DbName, at_least: u64) -> Option<Statement> {
        // Names that are the names of their files too. What an index of words holds lies in files of its own, and a
        // foreign key is known by both of its tables.
        let of_table = format!("TABLE_SCHEMA = '{from}' AND TABLE_NAME = t.TABLE_NAME");
        Some(Statement::plain(format!(
            "SELECT t.TABLE_NAME FROM information_schema.TABLES t \
             WHERE t.TABLE_SCHEMA = '{from}' AND t.ENGINE = 'InnoDB' AND t.TABLE_TYPE = 'BASE TABLE' \
             AND t.DATA_LENGTH + t.INDEX_LENGTH >= {at_least} AND t.TABLE_NAME REGEXP '^[A-Za-z0-9_]+$' \
             AND t.CREATE_OPTIONS NOT LIKE '%partitioned%' AND t.CREATE_OPTIONS NOT LIKE '%ENCRYPT%' \
             AND NOT EXISTS (SELECT 1 FROM information_schema.STATISTICS \
             WHERE {of_table} AND INDEX_TYPE IN ('FULLTEXT', 'SPATIAL')) \
             AND NOT EXISTS (SELECT 1 FROM information_schema.TABLE_CONSTRAINTS \
             WHERE {of_table} AND CONSTRAINT_TYPE = 'FOREIGN KEY') \
             AND NOT EXISTS (SELECT 1 FROM information_schema.REFERENTIAL_CONSTRAINTS r \
             WHERE r.CONSTRAINT_SCHEMA = '{from}' AND r.REFERENCED_TABLE_NAME = t.TABLE_NAME) \
             ORDER BY t.DATA_LENGTH + t.INDEX_LENGTH DESC"
        )))
    }

    fn ask_data_directory(&self) -> Option<Statement> {
        Some(Statement::plain("SELECT @@datadir"))
    }

    fn copy_as_file(&self, from: &DbName, to: &DbName, table: &str) -> Option<CopyAsFile> {
        let name = back_ticked(table);
        Some(CopyAsFile {
            make_room: Statement::plain(format!("ALTER TABLE `{to}`.{name} DISCARD TABLESPACE")),
            hold: vec![
                Statement::plain("SET SESSION lock_wait_timeout = 10"),
                Statement::plain(format!("FLUSH TABLES `{from}`.{name} FOR EXPORT")),
            ],
            files: [format!("{table}.ibd"), format!("{table}.cfg")],
            let_go: vec![
                Statement::plain("UNLOCK TABLES"),
                Statement::plain("SET SESSION lock_wait_timeout = DEFAULT"),
            ],
            take: Statement::plain(format!("ALTER TABLE `{to}`.{name} IMPORT TABLESPACE")),
        })
    }

    fn end_statement(&self, connection: &str) -> Option<Statement> {
        Some(Statement::plain(format!("KILL QUERY {connection}")))
    }

    fn checkpoint(&self) -> Option<Checkpoint> {
        let status = |name| {
            format!("(SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = '{name}')")
        };
        Some(Checkpoint {
            make: Statement::plain("SET GLOBAL innodb_log_checkpoint_now = ON"),
            ask: Statement::plain(format!(
                "SELECT {}, {}",
                status("INNODB_LSN_CURRENT"),
                status("INNODB_LSN_LAST_CHECKPOINT")
            )),
        })
    }

    fn empty_table(&self, table: &str) -> Statement {
        Statement::plain(format!("DELETE FROM {}", back_ticked(table)))
    }

    fn drop_table(&self, name: &DbName, table: &str) -> Statement {
        Statement::plain(format!("DROP TABLE IF EXISTS `{name}`.{}", back_ticked(table)))
    }

    fn ask_columns(&self, name: &DbName) -> Statement {
        Statement::plain(format!(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_KEY FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = '{name}' ORDER BY TABLE_NAME, ORDINAL_POSITION"
        ))
    }

    fn before_putting(&self) -> Vec<Statement> {
        vec![Statement::plain("SET NAMES utf8mb4")]
    }

    fn ask_holding(&self, table: &str, keys: &[String], columns: &[String], part: &str, limits: Limits) -> Statement {
        let keys: Vec<String> = keys.iter().map(|key| back_ticked(key)).collect();
        let part = quoted(part);
        // As bytes: to compare text as its language does takes several times as long.
        let holds: Vec<String> = columns
            .iter()
            .map(|column| format!("INSTR(CAST({} AS BINARY), {part}) > 0", back_ticked(column)))
            .collect();
        Statement::plain(format!(
            "SELECT {keys}, {} FROM {} WHERE {} ORDER BY {keys} LIMIT {} OFFSET {}",
            holds.join(", "),
            back_ticked(table),
            holds.join(" OR "),
            limits.count,
            limits.passed,
            keys = keys.join(", "),
        ))
    }

    fn put_value(&self, in_table: &InTable<'_>, known_by: &[Option<Vec<u8>>], value: &[u8]) -> Statement {
        let (table, column) = (back_ticked(in_table.table), back_ticked(in_table.column));
        let set = dump::literal(Some(value));
        Statement::plain(format!("UPDATE {table} SET {column} = {set} WHERE {}", known(in_table, known_by)))
    }

    fn ask_value(&self, in_table: &InTable<'_>, known_by: &[Option<Vec<u8>>]) -> Statement {
        let (table, column) = (back_ticked(in_table.table), back_ticked(in_table.column));
        Statement::plain(format!("SELECT {column} FROM {table} WHERE {}", known(in_table, known_by)))
    }

    fn params(&self, access: &Access<'_>) -> Vec<(String, Password)> {
        let mut params = vec![
            ("db_type", "mysql".to_owned()),
            ("db_name", access.name.to_string()),
            ("db_user", access.name.to_string()),
            ("db_passwd", access.password.map(|secret| secret.expose().to_owned()).unwrap_or_default()),
        ];
        if let At::Server(engine) = access.at {
            params.extend(server_params(engine));
        }
        params.into_iter().map(|(name, value)| (name.to_owned(), Password::new(value))).collect()
    }
}

/// Gives a database's user `rights` on it.
fn granted(name: &DbName, hosts: &[GrantHost], rights: &str) -> Vec<Statement> {
    let on = pattern(name);
    let grant = |host| Statement::plain(format!("GRANT {rights} ON `{on}`.* TO '{name}'@'{host}'"));
    hosts.iter().map(grant).collect()
}

/// Takes `rights` from it.
fn revoked(name: &DbName, hosts: &[GrantHost], rights: &str) -> Vec<Statement> {
    let on = pattern(name);
    let revoke = |host| Statement::plain(format!("REVOKE {rights} ON `{on}`.* FROM '{name}'@'{host}'"));
    hosts.iter().map(revoke).collect()
}

/// Where a server answers, as parameters: `db_socket`, or `db_host` and `db_port`.
pub fn server_params(engine: &DbEngine) -> Vec<(&'static str, String)> {
    match engine {
        DbEngine::Socket(path) => vec![("db_host", "localhost".into()), ("db_socket", path.to_string_lossy().into())],
        DbEngine::Tcp { host, port } => vec![("db_host", host.clone()), ("db_port", port.to_string())],
    }
}

/// The condition that a row has these keys.
fn known(in_table: &InTable<'_>, known_by: &[Option<Vec<u8>>]) -> String {
    let pairs = in_table.keys.iter().zip(known_by);
    let is = pairs.map(|(key, value)| format!("{} = {}", back_ticked(key), dump::literal(value.as_deref())));
    is.collect::<Vec<_>>().join(" AND ")
}

/// The name of a table or a column, which packages choose.
pub(super) fn back_ticked(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// What a database of ours takes texts for. To change the comment of one is to say this again.
const TEXTS: &str = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";

fn commented(name: &DbName, quoted: &str) -> Statement {
    Statement::plain(format!("ALTER DATABASE `{name}` {TEXTS} COMMENT {quoted}"))
}

fn marked_by_table(name: &DbName, quoted: &str) -> Statement {
    Statement::plain(format!(
        "CREATE TABLE IF NOT EXISTS `{name}`.`aegir_marker` (`id` INT PRIMARY KEY) COMMENT {quoted}"
    ))
}

/// MariaDB has them since 10.5.
fn has_database_comments(product: &Product) -> bool {
    product.kind == ProductKind::MariaDb && product.version >= (10, 5, 0)
}

/// A database's name where a pattern stands: `_` alone would be any character, so any such database.
fn pattern(name: &DbName) -> String {
    name.as_str().replace('_', "\\_")
}

/// What shows that our account can do what it must: statements for a verify, each of which must
/// succeed, and the removal, to be run whatever happened. `name` is random. The first asks how the
/// server sees us: the part behind `@` is the host to grant.
pub fn rights_probe(
    product: &Product,
    name: &DbName,
    marker: &Marker,
    host: &GrantHost,
    password: &Password,
) -> (Vec<Statement>, Vec<Statement>) {
    let hosts = std::slice::from_ref(host);
    let mut probe = vec![Statement::plain("SELECT USER()")];
    probe.extend(MariaDb.create(product, name, marker));
    probe.extend(MariaDb.create_user(name, hosts, password));
    probe.push(Statement::plain(format!("CREATE TABLE `{name}`.`probe` (`t` VARCHAR(191) PRIMARY KEY) ENGINE=InnoDB")));
    probe.push(Statement::plain(format!("INSERT INTO `{name}`.`probe` VALUES (x'f09f9088')")));
    probe.extend(MariaDb.revoke_writes(name, hosts));
    let removal = MariaDb.drop_user(name, hosts).into_iter().chain(MariaDb.drop_database(name)).collect();
    (probe, removal)
}

/// What an administrator runs, once, to make the account that Ægir uses on a server that is already in
/// use. The password is theirs to choose, so it is shown as a word to replace.
pub fn our_account(product: &Product, account: &str, host: &GrantHost) -> Vec<Statement> {
    let user = format!("{}@'{host}'", quoted(account));
    match product.kind {
        // In MariaDB a grant can create the account: one statement.
        ProductKind::MariaDb => vec![Statement::plain(format!(
            "GRANT ALL PRIVILEGES ON *.* TO {user} IDENTIFIED BY 'CHOOSE-A-PASSWORD' WITH GRANT OPTION"
        ))],
        _ => vec![
            Statement::plain(format!("CREATE USER {user} IDENTIFIED BY 'CHOOSE-A-PASSWORD'")),
            Statement::plain(format!("GRANT ALL PRIVILEGES ON *.* TO {user} WITH GRANT OPTION")),
        ],
    }
}

/// What a server's or a client's error number means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Meaning {
    /// Nobody answers there.
    #[error("the database server does not answer")]
    Unreachable,
    /// The password is wrong, or the account may not come from here.
    #[error("the database server refuses the account or its password")]
    Refused,
    /// The account lacks a right.
    #[error("the account on the database server lacks a right")]
    NotAllowed,
    /// A name is taken.
    #[error("the name is taken on the database server")]
    Exists,
    /// A database, table or user is not there.
    #[error("it is not on the database server")]
    Missing,
    /// No more connections.
    #[error("the database server takes no more connections")]
    TooMany,
    /// No room on its disk.
    #[error("the database server has no room on its disk")]
    Full,
    /// Read only, such as a replica.
    #[error("the database server is read only")]
    ReadOnly,
    /// The connection was ended.
    #[error("the database server ended the connection")]
    Ended,
    /// Something else; the server's own words say more.
    #[error("the database server reports an error")]
    Other,
}

impl Remedy for Meaning {
    fn remedy(&self) -> Option<String> {
        let text = match self {
            Meaning::Unreachable => {
                "check that the service runs and listens where its server says, then verify the server"
            }
            Meaning::Refused => "give the account's password again with `aegir provision save`, then verify the server",
            Meaning::NotAllowed => {
                "as the database administrator, give the account all it needs, `GRANT ALL PRIVILEGES ON *.* TO 'ACCOUNT'@'HOST' WITH GRANT OPTION`, then retry"
            }
            Meaning::TooMany => "wait, or raise `max_connections` on the database server, then retry",
            Meaning::Full => "make room on the database server's disk, then retry",
            Meaning::ReadOnly => "use the primary server, or turn `read_only` off, then retry",
            Meaning::Exists | Meaning::Missing | Meaning::Ended | Meaning::Other => return None,
        };
        Some(text.into())
    }
}

/// What an error number of MariaDB or MySQL means.
pub fn meaning(code: u16) -> Meaning {
    match code {
        2002 | 2003 | 2005 => Meaning::Unreachable,
        1045 | 1130 | 1698 | 1862 | 4151 => Meaning::Refused,
        1044 | 1142 | 1143 | 1227 | 1370 | 1410 => Meaning::NotAllowed,
        1007 | 1050 | 1062 | 1396 => Meaning::Exists,
        1008 | 1049 | 1051 | 1141 | 1146 => Meaning::Missing,
        1040 | 1203 | 1226 => Meaning::TooMany,
        1021 | 1114 => Meaning::Full,
        1290 | 1836 => Meaning::ReadOnly,
        1053 | 1317 | 1927 | 2006 | 2013 | 4031 => Meaning::Ended,
        _ => Meaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_table_counts_on_from_is_no_part_of_its_shape() {
        let made = |counter: &str| {
            format!(
                "CREATE TABLE `a` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  `b` char(9) DEFAULT ' AUTO_INCREMENT=3',\n  \
                 PRIMARY KEY (`id`)\n) ENGINE=InnoDB{counter} DEFAULT CHARSET=utf8mb4 COMMENT='counts'"
            )
        };

        assert_eq!(MariaDb.shape(&made(" AUTO_INCREMENT=51")), (made(""), Some(51)));
        assert_eq!(MariaDb.shape(&made("")), (made(""), None));
        assert_eq!(
            MariaDb.shape("CREATE TABLE `a` AUTO_INCREMENT=51"),
            ("CREATE TABLE `a` AUTO_INCREMENT=51".into(), None)
        );
    }
}
