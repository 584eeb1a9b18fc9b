//! What every story stands on: a front end over an empty control database of either kind, and machines that pretend.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aegir_domain::{AttemptId, NodeId, ObjectStatus, TaskKind, TaskState};
use aegir_hosting::{
    Actor, Answer, Call, DispatchedOnce, Dispatcher, Hosting, OperationId, Outside, Pace, Permission, Refusal,
};
pub use aegir_lab::pretend::{A_LOOK, PACE, add_server, package};
use aegir_lab::pretend::{Machine, PretendBackEnds, PretendFront, PretendOutside, PretendPostman, PretendTypes};
use aegir_store::{AttemptRecord, Dialect, Node, Read, SecretKey, Store, StoreAddress, StoreFault, TaskRecord};
use serde_json::Value;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::postgres;

/// How long anything may take to come about.
const LIMIT: Duration = Duration::from_secs(120);
/// A front end over an empty control database.
pub struct Ground {
    pub hosting: Hosting,
    pub outside: Arc<PretendOutside>,
    pub back_ends: PretendBackEnds,
    pub postman: Arc<PretendPostman>,
    pub types: Arc<PretendTypes>,
    pub dir: tempfile::TempDir,
    pub address: StoreAddress,
    pub anna: Actor,
    url: String,
    _server: Option<Arc<postgres::Server>>,
}

/// A database that somebody else holds.
pub enum Held {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Held {
    pub async fn let_go(self) {
        match self {
            Held::Sqlite(connection) => connection.close().await.unwrap(),
            Held::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}

/// A dispatcher at work.
pub struct AtWork {
    stop: watch::Sender<bool>,
    work: JoinHandle<()>,
}

impl AtWork {
    /// Has it leave as it would on a signal.
    pub async fn stop(self) {
        self.stop.send(true).unwrap();
        self.work.await.unwrap();
    }

    /// Ends it as a crash would: nothing is said to anybody.
    pub async fn kill(self) {
        self.work.abort();
        let _ = self.work.await;
    }
}

/// Tells a story on both databases. What fails says on which.
pub fn on_both(story: impl AsyncFn(Ground)) {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        on(dialect, &story);
    }
}

/// Tells a story on one of them.
pub fn on(dialect: Dialect, story: impl AsyncFn(Ground)) {
    tell(&format!("{dialect:?}"), Ground::new(dialect), story);
}

/// Tells a story on SQLite in a folder below this one.
pub fn on_sqlite_below(folder: &std::path::Path, story: impl AsyncFn(Ground)) {
    tell("SQLite", Ground::in_folder(tempfile::tempdir_in(folder).unwrap()), story);
}

/// Tells a story on a PostgreSQL of its own.
pub fn on_server(server: Arc<postgres::Server>, story: impl AsyncFn(Ground)) {
    tell("a PostgreSQL of its own", Ground::on_server(server), story);
}

fn tell(on: &str, ground: impl Future<Output = Ground>, story: impl AsyncFn(Ground)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async {
            let ground = ground.await;
            let store = ground.store().clone();
            story(ground).await;
            // What still runs may hold a connection; it goes with the runtime.
            let _ = tokio::time::timeout(Duration::from_secs(5), store.close()).await;
        });
    }));
    runtime.shutdown_background();
    if let Err(failed) = told {
        eprintln!("this was on {on}");
        std::panic::resume_unwind(failed);
    }
}

impl Ground {
    pub async fn new(dialect: Dialect) -> Ground {
        match dialect {
            Dialect::Sqlite => Ground::in_folder(tempfile::tempdir().unwrap()).await,
            Dialect::Postgres => Ground::on_server(postgres::shared()).await,
        }
    }

    /// With SQLite in this folder.
    pub async fn in_folder(dir: tempfile::TempDir) -> Ground {
        let url = format!("sqlite:{}", dir.path().join("control.sqlite").display());
        Ground::at(dir, url, None).await
    }

    async fn on_server(server: Arc<postgres::Server>) -> Ground {
        let url = server.address("aegir", &server.database().await);
        Ground::at(tempfile::tempdir().unwrap(), url, Some(server)).await
    }

    async fn at(dir: tempfile::TempDir, url: String, server: Option<Arc<postgres::Server>>) -> Ground {
        let address: StoreAddress = url.parse().unwrap();
        let key = SecretKey::read_or_make(&dir.path().join("key")).unwrap();
        let store = Store::open(&address).await.unwrap();
        let PretendFront { hosting, outside, back_ends, postman, types, anna } = PretendFront::over(store, key);
        Ground { hosting, outside, back_ends, postman, types, dir, address, anna, url, _server: server }
    }

    /// The same for what a front end is furnished with.
    pub fn front(&self) -> PretendFront {
        PretendFront {
            hosting: self.hosting.clone(),
            outside: self.outside.clone(),
            back_ends: self.back_ends.clone(),
            postman: self.postman.clone(),
            types: self.types.clone(),
            anna: self.anna.clone(),
        }
    }

    pub fn store(&self) -> &Store {
        self.hosting.store()
    }

    /// Another front end on the same database, as after a restart or on a second control node.
    pub async fn another(&self) -> Hosting {
        let store = Store::open(&self.address).await.unwrap();
        let key = SecretKey::read_or_make(&self.dir.path().join("key")).unwrap();
        Hosting::new(store, Arc::new(self.back_ends.clone()), self.outside.clone(), self.postman.clone(), key)
    }

    pub fn machine(&self) -> Arc<Machine> {
        self.back_ends.machine("web1")
    }

    // ----- asking

    pub async fn ask(&self, call: Call) -> Result<Answer, Refusal> {
        self.hosting.perform(&self.anna, call).await
    }

    /// Asks for what is answered by a task, and tells its number.
    pub async fn queue(&self, call: Call) -> NodeId {
        let what = format!("{call:?}");
        match self.ask(call).await {
            Ok(Answer::Queued(queued)) => NodeId(queued.task),
            other => panic!("{what}: {other:?}"),
        }
    }

    pub async fn refused(&self, call: Call) -> Refusal {
        let what = format!("{call:?}");
        match self.ask(call).await {
            Err(refusal) => refusal,
            Ok(answer) => panic!("{what} was answered with {answer:?}"),
        }
    }

    /// The items of a list.
    pub async fn items(&self, call: Call) -> Vec<Value> {
        match self.ask(call).await.unwrap() {
            Answer::Page { items, .. } => items,
            other => panic!("no list: {other:?}"),
        }
    }

    pub async fn shown(&self, call: Call) -> Value {
        match self.ask(call).await.unwrap() {
            Answer::Object(value) => value,
            other => panic!("no object: {other:?}"),
        }
    }

    pub async fn set(&self, setting: &str, value: &str) {
        self.ask(Call::of(OperationId::SettingSet).about(setting).with("value", value)).await.unwrap();
    }

    /// Mail and webhook for what goes wrong.
    pub async fn want_news(&self) {
        self.set("news_mail_to", "ops@example.org").await;
        self.set("news_mail_by", "sendmail").await;
        self.set("news_webhook", "https://example.org/hook").await;
    }

    pub async fn token(&self, label: &str, scopes: &[Permission]) -> String {
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        let token = self.shown(Call::of(OperationId::TokenAdd).about(label).with("scope", scopes)).await;
        token["token"].as_str().unwrap().to_owned()
    }

    // ----- objects

    pub async fn server(&self, name: &str) -> NodeId {
        let task = self.queue(add_server(name)).await;
        self.work().await;
        self.assert_state(task, TaskState::Succeeded).await;
        self.task(task).await.object
    }

    pub async fn platform(&self, name: &str, server: &str) -> NodeId {
        let task = self.queue(add_platform(name).with("server", server)).await;
        self.work().await;
        self.assert_state(task, TaskState::Succeeded).await;
        self.task(task).await.object
    }

    pub async fn site(&self, name: &str) -> NodeId {
        let task = self.queue(add_site(name)).await;
        self.work().await;
        self.assert_state(task, TaskState::Succeeded).await;
        self.task(task).await.object
    }

    /// A server and a platform in service, and sites.
    pub async fn fleet(&self, sites: &[&str]) {
        self.server("web1").await;
        self.fleet_on("web1", sites).await;
    }

    /// Takes a site out of service, so that it can be deleted.
    pub async fn disable(&self, name: &str) {
        self.queue(Call::of(OperationId::SiteDisable).about(name).with("no_backup", true)).await;
        self.work().await;
    }

    pub async fn fleet_on(&self, server: &str, sites: &[&str]) {
        self.platform("d10", server).await;
        let mut tasks = Vec::new();
        for site in sites {
            tasks.push(self.queue(add_site(site).with("platform", "d10")).await);
        }
        self.work().await;
        for task in tasks {
            self.assert_state(task, TaskState::Succeeded).await;
        }
    }

    // ----- work

    pub fn dispatcher(&self, holder: &str) -> Dispatcher {
        Dispatcher::new(self.hosting.clone(), holder).at(PACE)
    }

    /// Works on the queue until nothing is left that could be begun.
    pub async fn work(&self) -> DispatchedOnce {
        let worked = tokio::time::timeout(LIMIT, self.dispatcher("one").once()).await;
        match worked {
            Ok(worked) => worked.unwrap(),
            Err(_) => {
                let leases = self.read(async |read| read.leases().await).await;
                panic!("the queue did not come to its end: {:#?}\n{leases:?}", self.tasks().await)
            }
        }
    }

    /// Has machines looked at, and works until nothing is left.
    pub async fn look(&self) {
        self.outside.jump(A_LOOK);
        // On a busy machine, a look at much takes its time.
        let pace = Pace { first_word: Duration::from_secs(20), ..PACE };
        self.dispatcher("one").at(pace).once().await.unwrap();
    }

    pub fn at_work(&self) -> AtWork {
        self.at_work_as(&self.hosting, "one", PACE)
    }

    pub fn at_work_as(&self, hosting: &Hosting, holder: &str, pace: Pace) -> AtWork {
        let (stop, told) = watch::channel(false);
        let work = tokio::spawn(Dispatcher::new(hosting.clone(), holder).at(pace).run(told));
        AtWork { stop, work }
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, so: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !so().await {
            assert!(began.elapsed() < LIMIT, "it did not come about: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until a back end has begun such a task, and tells its newest attempt.
    pub async fn until_began(&self, kind: TaskKind, object: &str) -> AttemptId {
        let newest = || {
            let began = self.back_ends.machines().into_iter().flat_map(|machine| machine.began());
            began.filter(|began| began.kind == kind && began.object == object).map(|began| began.attempt).max()
        };
        self.until("it begins", async || newest().is_some()).await;
        newest().unwrap()
    }

    pub async fn until_state(&self, task: NodeId, state: TaskState) -> TaskRecord {
        let began = Instant::now();
        loop {
            let record = self.task(task).await;
            if record.state == state {
                return record;
            }
            let passed = began.elapsed();
            assert!(
                passed < LIMIT && (state == record.state || !record.state.is_ended()),
                "{state} wanted: {record:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn assert_state(&self, task: NodeId, state: TaskState) {
        let record = self.task(task).await;
        let attempts = self.attempts(task).await;
        assert_eq!(record.state, state, "{record:?} {attempts:?}");
    }

    // ----- looking

    pub async fn read<T>(&self, work: impl AsyncFnOnce(&mut Read) -> Result<T, StoreFault>) -> T {
        self.store().read(work).await.unwrap()
    }

    pub async fn task(&self, id: NodeId) -> TaskRecord {
        self.read(async |read| read.task(id).await).await.unwrap()
    }

    pub async fn attempts(&self, task: NodeId) -> Vec<AttemptRecord> {
        self.read(async |read| read.attempts(task).await).await
    }

    pub async fn node(&self, id: NodeId) -> Node {
        self.read(async |read| read.need_node(id).await).await
    }

    pub async fn status(&self, id: NodeId) -> ObjectStatus {
        self.node(id).await.status.unwrap()
    }

    /// The tasks of the whole installation, the oldest first, as `operation object state`.
    pub async fn tasks(&self) -> Vec<String> {
        let tasks = self.items(Call::of(OperationId::TaskList).with("sort", "queued").with("limit", 500)).await;
        let text = |task: &Value, name: &str| task[name].as_str().unwrap().to_owned();
        tasks
            .iter()
            .map(|task| [text(task, "operation"), text(task, "object_name"), text(task, "state")].join(" "))
            .collect()
    }

    /// Texts of the lines that are stored of a task's attempt.
    pub async fn log(&self, task: NodeId) -> Vec<(u64, String)> {
        let attempt = self.attempts(task).await.pop().unwrap().id;
        let mut lines = Vec::new();
        loop {
            let from = lines.last().map_or(1, |(n, _): &(u64, String)| n + 1);
            let page = self.read(async |read| read.lines(attempt, from, 1000).await).await;
            if page.is_empty() {
                return lines;
            }
            lines.extend(page.into_iter().map(|record| (record.line.n, format!("{:?}", record.line.said))));
        }
    }

    /// Fence and holder of a server's lease.
    pub async fn fence_of(&self, server: &str) -> (i64, String) {
        let name = format!("dispatch:{server}");
        let leases = self.read(async |read| read.leases().await).await;
        let lease = leases.into_iter().find(|lease| lease.name == name).unwrap();
        (lease.fence, lease.holder)
    }

    // ----- behind the front end's back

    /// Does something to the database that the front end would not.
    pub async fn sql(&self, text: &str) {
        let text = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        match self.store().dialect() {
            Dialect::Sqlite => {
                let options: sqlx::sqlite::SqliteConnectOptions = self.url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                connection.execute(text).await.unwrap();
                connection.close().await.unwrap();
            }
            Dialect::Postgres => {
                let options: sqlx::postgres::PgConnectOptions = self.url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                connection.execute(text).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// What waits now was not asked for by a person.
    pub async fn make_waiting_scheduled(&self) {
        self.sql("UPDATE task SET priority = 1 WHERE state = 'waiting'").await;
    }

    /// Holds the database as another program might, until it is let go.
    pub async fn hold(&self) -> Held {
        self.hold_tables("attempt, line").await
    }

    /// The same, in the way of who writes down that a token was used.
    pub async fn hold_tokens(&self) -> Held {
        self.hold_tables("token").await
    }

    async fn hold_tables(&self, tables: &str) -> Held {
        match self.store().dialect() {
            Dialect::Sqlite => {
                let options: sqlx::sqlite::SqliteConnectOptions = self.url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                connection.execute("BEGIN IMMEDIATE").await.unwrap();
                Held::Sqlite(connection)
            }
            Dialect::Postgres => {
                let options: sqlx::postgres::PgConnectOptions = self.url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                connection.execute("BEGIN").await.unwrap();
                let lock = format!("LOCK TABLE {tables} IN EXCLUSIVE MODE");
                connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(lock))).await.unwrap();
                Held::Postgres(connection)
            }
        }
    }

    /// No row of `table` can be added from now on.
    pub async fn break_table(&self, table: &str) {
        let text = match self.store().dialect() {
            Dialect::Sqlite => format!(
                "CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
            ),
            Dialect::Postgres => format!(
                "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
                   'BEGIN RAISE EXCEPTION ''broken''; END';
                 CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION broken()"
            ),
        };
        self.sql(&text).await;
    }

    pub async fn mend_table(&self, table: &str) {
        self.sql(&match self.store().dialect() {
            Dialect::Sqlite => format!("DROP TRIGGER broken_{table}"),
            Dialect::Postgres => format!("DROP TRIGGER broken_{table} ON {table}"),
        })
        .await;
    }

    /// Every value of every table, as text.
    pub async fn everything(&self) -> String {
        let mut all = String::new();
        match self.store().dialect() {
            Dialect::Sqlite => {
                for name in ["control.sqlite", "control.sqlite-wal"] {
                    let bytes = std::fs::read(self.dir.path().join(name)).unwrap_or_default();
                    all.push_str(&String::from_utf8_lossy(&bytes));
                }
            }
            Dialect::Postgres => {
                use sqlx::Row as _;
                let options: sqlx::postgres::PgConnectOptions = self.url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
                for table in sqlx::query(tables).fetch_all(&mut connection).await.unwrap() {
                    let table: String = table.get(0);
                    let rows = format!("SELECT t::text FROM \"{table}\" AS t");
                    for row in sqlx::query(sqlx::AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap() {
                        all.push_str(&row.get::<String, _>(0));
                        all.push('\n');
                    }
                }
                connection.close().await.unwrap();
            }
        }
        all
    }

    pub fn now(&self) -> i64 {
        self.outside.now()
    }
}

pub fn add_platform(name: &str) -> Call {
    Call::of(OperationId::PlatformAdd).about(name).with("root", format!("/srv/{name}"))
}

pub fn add_site(name: &str) -> Call {
    Call::of(OperationId::SiteAdd).about(name)
}

pub fn verify_site(name: &str) -> Call {
    Call::of(OperationId::SiteVerify).about(name)
}

pub fn edit_site(name: &str) -> Call {
    Call::of(OperationId::SiteEdit).about(name)
}

pub fn delete_site(name: &str) -> Call {
    Call::of(OperationId::SiteDelete).about(name).with("confirm", name)
}

pub fn log_in(name: &str) -> Call {
    Call::of(OperationId::SiteLogin).about(name)
}

pub fn on_task(operation: OperationId, task: NodeId) -> Call {
    Call::of(operation).about(task.to_string())
}
