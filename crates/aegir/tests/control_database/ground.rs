//! A home with a control database of either kind, and what looks at it from outside.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aegir_domain::Home;
use aegir_host::{Clock, Deadline, TaskPrograms};
use aegir_outside::copies::Copies;
use aegir_store::{Dialect, Store, StoreAddress};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::postgres::{self, Server};
use crate::support::said::Said;
use crate::support::{Lab, way};

pub const NIGHT: u64 = 24 * 60 * 60 * 1000;

/// A home, and the address of its control database.
pub struct Ground {
    pub lab: Lab,
    pub url: String,
    pub dialect: Dialect,
    _server: Option<Arc<Server>>,
}

/// A clock that a test sets.
pub struct Hands(AtomicU64);

impl Hands {
    pub fn at(unix_ms: u64) -> Arc<Hands> {
        Arc::new(Hands(AtomicU64::new(unix_ms)))
    }

    pub fn set(&self, unix_ms: u64) {
        self.0.store(unix_ms, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn unix_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.unix_ms())
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

impl Ground {
    pub fn new(dialect: Dialect) -> Ground {
        let lab = Lab::bare(way());
        match dialect {
            Dialect::Sqlite => {
                let file = lab.home().join("hostmaster/control.sqlite");
                fs::create_dir(lab.home().join("hostmaster")).unwrap();
                lab.give(&lab.home());
                Ground { lab, url: format!("sqlite:{}", file.display()), dialect, _server: None }
            }
            Dialect::Postgres => Ground::on_server(postgres::shared(), "aegir:hunter2"),
        }
    }

    /// On a database of its own of this server; `account` with its password.
    pub fn on_server(server: Arc<Server>, account: &str) -> Ground {
        let lab = Lab::bare(way());
        let database = run(server.database());
        let url = server.address(account, &database);
        let folder = lab.home().join("hostmaster");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("control-database"), format!("{url}\n")).unwrap();
        fs::set_permissions(folder.join("control-database"), PermissionsExt::from_mode(0o600)).unwrap();
        lab.give(&lab.home());
        Ground { lab, url, dialect: Dialect::Postgres, _server: Some(server) }
    }

    pub fn address(&self) -> StoreAddress {
        self.url.parse().unwrap()
    }

    /// Copies as the program makes them, by this clock.
    pub fn copies(&self, clock: Arc<Hands>) -> Copies {
        let programs = TaskPrograms::new(self.lab.program(), Box::new(|_| Ok(())), Deadline::none());
        Copies::new(Home::new(self.lab.home()), Arc::new(programs), clock)
    }

    /// A server without a web service, made by the command line, so that there is something to be seen.
    pub fn furnish(&self) {
        self.lab.front(&["server", "add", "files", "--db", "sqlite"]).done();
    }

    /// Everything that the command line lists, to be compared.
    pub fn listed(&self) -> Vec<String> {
        let lists: [&[&str]; 5] =
            [&["server", "list"], &["task", "list"], &["settings", "list"], &["task", "log", "3"], &["queue", "show"]];
        let listed = lists.map(|words| self.lab.front(&[words, &["--json"]].concat()).done().out);
        assert!(listed[0].contains("\"files\"") && listed[1].contains("server-add"), "{}", listed[0]);
        listed.to_vec()
    }

    /// A line with `input`.
    pub fn front_with(&self, words: &[&str], input: &str) -> Said {
        let home = self.lab.home().display().to_string();
        let all = [&["--home", home.as_str()], words].concat();
        Said::with_input(&mut self.lab.as_user(&all), &all, input.as_bytes())
    }

    /// Lets nobody but root make a copy: their folder belongs to another; or, where we are not root, is none.
    pub fn forbid_copies(&self) -> PathBuf {
        let place = self.lab.home().join("backups");
        match rustix::process::geteuid().is_root() {
            true => fs::create_dir(&place).unwrap(),
            false => fs::write(&place, "").unwrap(),
        }
        place
    }

    /// Takes away what stood in the way.
    pub fn allow_copies(&self) {
        let place = self.lab.home().join("backups");
        let _ = fs::remove_file(&place);
        let _ = fs::create_dir(&place);
        self.lab.give(&place);
    }

    /// The names of the copies that lie there.
    pub fn kept(&self) -> Vec<String> {
        let folder = self.lab.home().join("backups/hostmaster");
        let mut names: Vec<String> = match fs::read_dir(folder) {
            Ok(found) => found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect(),
            Err(_) => Vec::new(),
        };
        names.sort();
        names
    }

    pub fn copy(&self, name: &str) -> PathBuf {
        self.lab.home().join("backups/hostmaster").join(name)
    }

    /// Makes it what an older version would have left: of the schema before the first one, with one mark.
    pub async fn make_old(&self) {
        let text = "INSERT INTO meta (name, value) VALUES ('mark', 'old')";
        match self.dialect {
            Dialect::Sqlite => {
                let file = self.url.strip_prefix("sqlite:").unwrap();
                let _ = fs::remove_file(file);
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
                let mut connection = options.connect().await.unwrap();
                let table = "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)";
                for text in [table, text] {
                    sqlx::query(text).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
                self.lab.give(Path::new(file));
            }
            Dialect::Postgres => {
                let options: sqlx::postgres::PgConnectOptions = self.url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                let table = "CREATE TABLE meta (name TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, value TEXT COLLATE \"C\" NOT NULL)";
                for text in [table, text] {
                    sqlx::query(text).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
            }
        }
    }

    /// The names of its tables.
    pub async fn tables(&self) -> Vec<String> {
        match self.dialect {
            Dialect::Sqlite => tables_of_file(Path::new(self.url.strip_prefix("sqlite:").unwrap())).await,
            Dialect::Postgres => {
                let options: sqlx::postgres::PgConnectOptions = self.url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                let text = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
                let tables = sqlx::query_scalar(text).fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                tables
            }
        }
    }
}

pub async fn tables_of_file(file: &Path) -> Vec<String> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = options.connect().await.unwrap();
    let text = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1";
    let tables = sqlx::query_scalar(text).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    tables
}

/// What a copy that `pg_dump` made holds.
pub fn list_of_dump(file: &Path) -> String {
    let list = Command::new("pg_restore").arg("--list").arg(file).stdin(Stdio::null()).output().unwrap();
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    String::from_utf8(list.stdout).unwrap()
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Runs `work` with an open store as the home's owner.
pub fn as_owner<T: Send>(ground: &Ground, work: impl AsyncFnOnce(Store) -> T + Send) -> T {
    let address = ground.address();
    crate::stage::as_owner(&ground.lab, async || {
        let store = Store::open(&address).await.unwrap();
        let answer = work(store.clone()).await;
        store.close().await;
        answer
    })
}

pub fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
