//! The MariaDB of a stack: made once, whole or not at all, and reachable by socket alone.
//!
//! A new data directory is made as `data.new` and renamed to `data` when it has our account and no
//! other, so that one left by a killed first start is never taken for a whole one. Our account is
//! made with the server's bootstrap mode, which reads statements from standard input: its password
//! is in no argument, no environment and no log.

use std::fs::{self, File};
use std::io;
use std::time::Duration;

use aegir_domain::{DbEngine, Password};
use aegir_host::{Databases, Mint, RealDatabases, SqlKind, SystemMint};
use serde::{Deserialize, Serialize};

use crate::daemon::{self, Launch};
use crate::fault::StackFault;
use crate::files;
use crate::places::Places;
use crate::stack::Setup;

/// The account that may create databases and users.
pub(crate) const ACCOUNT: &str = "aegir";

/// What a credentials file holds.
#[derive(Deserialize)]
struct Credentials {
    password: Password,
}

#[derive(Serialize)]
struct Written<'a> {
    account: &'a str,
    password: &'a str,
}

/// Makes the data directory if there is no whole one, and reads or renews the password.
pub(crate) fn prepare(setup: &mut Setup, say: &dyn Fn(&str)) -> Result<(), StackFault> {
    let dir = setup.places.mariadb();
    write_configuration(setup)?;
    let whole = dir.join("data").is_dir();
    if !whole {
        say("making a new database directory");
        let aside = dir.join("data.new");
        if aside.exists() {
            say("removing one that an earlier start left unfinished");
            fs::remove_dir_all(&aside).map_err(|source| StackFault::File { doing: "remove", path: aside, source })?;
        }
        install(setup)?;
    }
    let kept = if whole { read_password(&setup.places)? } else { None };
    let password = match kept {
        Some(password) => password,
        None => {
            let mint: &dyn Mint = &SystemMint;
            let password = mint.password();
            let data = if whole { "data" } else { "data.new" };
            if whole {
                say("the password of the database is missing: setting a new one");
            }
            write_password(&setup.places, &password)?;
            create_account(setup, data, &password, whole)?;
            password
        }
    };
    if !whole {
        let synced = || -> io::Result<()> {
            rustix::fs::syncfs(File::open(&dir)?)?;
            fs::rename(dir.join("data.new"), dir.join("data"))?;
            File::open(&dir)?.sync_all()
        };
        synced().map_err(|source| StackFault::File { doing: "put in place", path: dir.join("data"), source })?;
    }
    setup.password = Some(password);
    Ok(())
}

fn write_configuration(setup: &Setup) -> Result<(), StackFault> {
    let places = &setup.places;
    let text = format!(
        "# Written by Ægir at each start of the private stack.\n\
         [mariadbd]\n\
         socket = {socket}\n\
         pid-file = {dir}/mariadb.pid\n\
         log-error = {log}\n\
         tmpdir = {dir}/tmp\n\
         skip-networking\n\
         skip-name-resolve\n\
         skip-log-bin\n\
         skip-symbolic-links\n\
         character-set-server = utf8mb4\n\
         collation-server = utf8mb4_general_ci\n\
         transaction-isolation = READ-COMMITTED\n\
         max_allowed_packet = 64M\n\
         max_connections = 100\n\
         performance_schema = OFF\n\
         key_buffer_size = 8M\n\
         innodb_buffer_pool_size = 128M\n\
         innodb_log_file_size = 64M\n\
         innodb_flush_log_at_trx_commit = 1\n\
         innodb_file_per_table = ON\n\
         local_infile = OFF\n\
         secure_file_priv = {dir}/tmp\n",
        socket = places.database_socket().display(),
        dir = places.mariadb().display(),
        log = places.log("mariadb.log").display(),
    );
    files::directory(&places.mariadb().join("tmp"), places.private_owner(), 0o700)?;
    // `log-error` is the server's to write: as its own file from the start.
    files::append(&places.log("mariadb.log"), places.private_owner(), 0o640)?;
    files::write(&places.mariadb().join("my.cnf"), text.as_bytes(), places.private_owner(), 0o600)
}

fn install(setup: &Setup) -> Result<(), StackFault> {
    let dir = setup.places.mariadb();
    let program = setup.settings.programs.mariadb_install_db.clone().unwrap_or_default();
    let args = vec![
        "--no-defaults".into(),
        format!("--datadir={}", dir.join("data.new").display()),
        "--auth-root-authentication-method=normal".into(),
        "--skip-name-resolve".into(),
        "--skip-test-db".into(),
    ];
    let ran = launch_with(setup, program, args).run(b"", Duration::from_secs(180))?;
    if ran.status.success() {
        return Ok(());
    }
    Err(StackFault::Initialise { how: daemon::how(ran.status), source: ran.said })
}

/// Makes our account; in a `whole` directory it leaves the others, which are of sites.
fn create_account(setup: &Setup, data: &str, password: &Password, whole: bool) -> Result<(), StackFault> {
    let only = if whole {
        ""
    } else {
        // `mariadb.sys` is locked and cannot log in; system views are defined by it.
        "DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys';\n\
         DELETE FROM mysql.proxies_priv;\n\
         DELETE FROM mysql.db;\n"
    };
    let statements = format!(
        "{only}FLUSH PRIVILEGES;\n\
         CREATE OR REPLACE USER `{ACCOUNT}`@`localhost` IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO `{ACCOUNT}`@`localhost` WITH GRANT OPTION;\n",
        password = password.expose(),
    );
    let dir = setup.places.mariadb();
    let program = setup.settings.programs.mariadbd.clone().unwrap_or_default();
    let args = vec![
        format!("--defaults-file={}", dir.join("my.cnf").display()),
        format!("--datadir={}", dir.join(data).display()),
        "--bootstrap".into(),
    ];
    let ran = launch_with(setup, program, args).run(statements.as_bytes(), Duration::from_secs(60))?;
    if ran.status.success() {
        return Ok(());
    }
    Err(StackFault::Initialise { how: daemon::how(ran.status), source: ran.said })
}

pub(crate) fn read_password(places: &Places) -> Result<Option<Password>, StackFault> {
    let path = places.credentials();
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StackFault::File { doing: "read", path, source }),
        Ok(text) => serde_json::from_slice::<Credentials>(&text)
            .map(|credentials| Some(credentials.password))
            .map_err(|source| StackFault::Unreadable { path, source }),
    }
}

fn write_password(places: &Places, password: &Password) -> Result<(), StackFault> {
    let path = places.credentials();
    let text = serde_json::to_vec(&Written { account: ACCOUNT, password: password.expose() })
        .map_err(|source| StackFault::Unreadable { path: path.clone(), source })?;
    files::write(&path, &text, places.private_owner(), 0o600)
}

fn launch_with(setup: &Setup, program: std::path::PathBuf, args: Vec<String>) -> Launch {
    Launch {
        program,
        args,
        folder: setup.places.mariadb(),
        // A folder shared with other servers will not do: each one that starts removes all temporary
        // tables that it finds there. `mariadb-install-db` knows an option too, but does not quote it.
        temporary: Some(setup.places.mariadb().join("tmp")),
        account: setup.settings.users.as_ref().map(|users| users.aegir.clone()),
        log: setup.places.log("mariadb.log"),
        log_owner: setup.places.private_owner(),
    }
}

/// The server itself.
pub(crate) fn launch(setup: &Setup) -> Result<Launch, StackFault> {
    let dir = setup.places.mariadb();
    write_configuration(setup)?;
    files::remove(&setup.places.database_socket())?;
    let program = setup.settings.programs.mariadbd.clone().unwrap_or_default();
    let args = vec![
        format!("--defaults-file={}", dir.join("my.cnf").display()),
        format!("--datadir={}", dir.join("data").display()),
    ];
    Ok(launch_with(setup, program, args))
}

/// Whether it answers a query by our account.
pub(crate) fn ready(setup: &Setup) -> Result<(), Wait> {
    let Some(password) = &setup.password else { return Err(Wait::Not("no password is known".into())) };
    let at = DbEngine::Socket(setup.places.database_socket());
    let limit = Duration::from_secs(5);
    let asked = RealDatabases
        .mariadb(&at, ACCOUNT, password, None, limit)
        .and_then(|mut connection| connection.rows("SELECT 1"));
    match asked {
        Ok(_) => Ok(()),
        Err(fault) if fault.kind == SqlKind::PasswordRefused => Err(Wait::Never(Box::new(StackFault::Refused {
            account: ACCOUNT.into(),
            credentials: setup.places.credentials(),
            source: Box::new(fault),
        }))),
        Err(fault) => Err(Wait::Not(fault.to_string())),
    }
}

/// Why a service is not ready.
pub(crate) enum Wait {
    /// Not yet; what was seen.
    Not(String),
    /// And waiting will not help.
    Never(Box<StackFault>),
}

/// How long it may take to answer: after a crash it repairs what was not written.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
