//! What every story stands on: an empty control database of either kind, and objects to ask things of.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aegir_domain::protocol::{Ending, Level, Line, Said};
use aegir_domain::{
    AttemptId, ContextName, FaultReport, NodeId, ObjectStatus, Outcome, Priority, Redirect, ServerContext, TaskLock,
    Transport,
};
use aegir_store::{
    ADMIN, Dialect, Fence, NewPlatform, NewServer, NewSite, NewTask, Queued, Store, StoreAddress, StoreFault,
};

use crate::postgres::{self, Server};

/// An empty control database.
pub struct Ground {
    pub store: Store,
    pub address: StoreAddress,
    pub dir: tempfile::TempDir,
    url: String,
    /// Held, so that it runs as long as the story does.
    _server: Option<Arc<Server>>,
    clock: AtomicI64,
    mint: AtomicU64,
}

/// Tells a story on both databases. What fails says on which.
pub fn on_both(story: impl AsyncFn(Ground)) {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        on(dialect, &story);
    }
}

/// Tells a story on one of them.
pub fn on(dialect: Dialect, story: impl AsyncFn(Ground)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async {
            let ground = Ground::new(dialect).await;
            let store = ground.store.clone();
            story(ground).await;
            store.close().await;
        });
    }));
    if let Err(failed) = told {
        eprintln!("this was on {dialect:?}");
        std::panic::resume_unwind(failed);
    }
}

impl Ground {
    pub async fn new(dialect: Dialect) -> Ground {
        let dir = tempfile::tempdir().unwrap();
        let (url, server) = match dialect {
            Dialect::Sqlite => (format!("sqlite:{}", dir.path().join("control.sqlite").display()), None),
            Dialect::Postgres => {
                let server = postgres::shared();
                let database = server.database().await;
                (server.address("aegir", &database), Some(server))
            }
        };
        let address: StoreAddress = url.parse().unwrap();
        let store = Store::open(&address).await.unwrap();
        Ground { store, address, dir, url, _server: server, clock: AtomicI64::new(1_000_000), mint: AtomicU64::new(1) }
    }

    /// The address in the open.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Now; a millisecond later each time.
    pub fn now(&self) -> i64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    pub fn attempt_id(&self) -> AttemptId {
        let n = self.mint.fetch_add(1, Ordering::Relaxed);
        let mut random = [0; 10];
        random[..8].copy_from_slice(&n.to_be_bytes());
        AttemptId::from_parts(1_700_000_000_000, random)
    }

    /// A server in service.
    pub async fn server(&self, name: &str) -> NodeId {
        let now = self.now();
        let new = NewServer {
            context: server_context(name),
            title: name.to_owned(),
            transport: Transport::Local,
            task_limit: Some(100),
            ips: vec!["192.0.2.7".parse().unwrap()],
            owner: ADMIN,
        };
        self.store
            .write(async |tx| {
                let id = tx.add_server(&new, now).await?;
                tx.set_status(id, ObjectStatus::Enabled, now).await?;
                tx.set_verified(id, Some(now), now).await?;
                Ok::<_, StoreFault>(id)
            })
            .await
            .unwrap()
    }

    /// A platform in service.
    pub async fn platform(&self, name: &str, server: NodeId) -> NodeId {
        let now = self.now();
        let new = new_platform(name, server);
        self.store
            .write(async |tx| {
                let id = tx.add_platform(&new, now).await?;
                tx.set_status(id, ObjectStatus::Enabled, now).await?;
                tx.set_verified(id, Some(now), now).await?;
                Ok::<_, StoreFault>(id)
            })
            .await
            .unwrap()
    }

    /// A site that is only asked for.
    pub async fn site(&self, name: &str, platform: NodeId, server: NodeId) -> NodeId {
        let now = self.now();
        self.store.write(async |tx| tx.add_site(&new_site(name, platform, server), now).await).await.unwrap()
    }

    /// Queues a task on an object, with a lock on its name and any others.
    pub async fn enqueue(&self, operation: &str, object: NodeId, server: NodeId, more: &[TaskLock]) -> NodeId {
        let task = self.task(operation, object, server, more).await;
        self.queue(&task).await.task()
    }

    pub async fn queue(&self, task: &NewTask) -> Queued {
        let now = self.now();
        self.store.write(async |tx| tx.enqueue(task, now).await).await.unwrap()
    }

    pub async fn task(&self, operation: &str, object: NodeId, server: NodeId, more: &[TaskLock]) -> NewTask {
        let node = self.store.read(async |read| read.need_node(object).await).await.unwrap();
        let name = node.name.unwrap();
        let mut locks = vec![TaskLock::exclusive(lock_of(&name))];
        locks.extend_from_slice(more);
        NewTask {
            operation: operation.parse().unwrap(),
            object,
            title: format!("{operation} {name}"),
            object_name: name,
            parameters: serde_json::json!({ "asked": true }),
            priority: Priority::Scheduled,
            actor: "anna".into(),
            asker: "user anna".into(),
            parent: None,
            owner: node.owner.unwrap(),
            server,
            needs: None,
            locks,
        }
    }

    /// A dispatcher's lease.
    pub async fn fence(&self, server: NodeId) -> Fence {
        let now = self.now();
        let lease = format!("dispatch:{server}");
        self.store.write(async |tx| tx.take_lease(&lease, "here", 60_000, now).await).await.unwrap().unwrap()
    }

    /// Claims as many as may begin; tells their numbers.
    pub async fn claim_all(&self, server: NodeId, fence: &Fence) -> Vec<(NodeId, AttemptId)> {
        let attempts: Vec<AttemptId> = (0..200).map(|_| self.attempt_id()).collect();
        let now = self.now();
        let claimed = self.store.write(async |tx| tx.claim_tasks(server, &attempts, fence, now).await).await.unwrap();
        claimed.into_iter().map(|claimed| (claimed.task.id, claimed.attempt)).collect()
    }

    /// Claims one task, if one may begin.
    pub async fn claim(&self, server: NodeId, fence: &Fence) -> Option<(NodeId, AttemptId)> {
        let attempts = [self.attempt_id()];
        let now = self.now();
        let claimed = self.store.write(async |tx| tx.claim_tasks(server, &attempts, fence, now).await).await.unwrap();
        claimed.into_iter().next().map(|claimed| (claimed.task.id, claimed.attempt))
    }

    pub async fn succeed(&self, attempt: AttemptId, fence: &Fence) {
        let now = self.now();
        let ending = Ending::of(Outcome::Succeeded);
        self.store.write(async |tx| tx.end_attempt(attempt, &ending, fence, now).await).await.unwrap();
    }
}

pub fn server_context(name: &str) -> ServerContext {
    serde_json::from_value(serde_json::json!({
        "name": name,
        "http": { "engine": "nginx", "listen": "127.0.0.1:8080" },
        "db": { "engine": "mariadb", "at": { "tcp": { "host": "127.0.0.1", "port": 3306 } }, "account": "aegir" },
    }))
    .unwrap()
}

pub fn new_platform(name: &str, server: NodeId) -> NewPlatform {
    NewPlatform {
        name: name.parse().unwrap(),
        title: name.to_owned(),
        server,
        root: Some(format!("/var/aegir/platforms/{name}").parse().unwrap()),
        source: None,
        php: None,
        owner: ADMIN,
    }
}

pub fn new_site(name: &str, platform: NodeId, server: NodeId) -> NewSite {
    NewSite {
        name: name.parse().unwrap(),
        title: name.to_owned(),
        platform,
        db_server: server,
        profile: Some("standard".parse().unwrap()),
        language: "en".parse().unwrap(),
        aliases: Vec::new(),
        redirect: Redirect::None,
        owner: ADMIN,
    }
}

/// The lock of an object, as the back end names it.
pub fn lock_of(name: &ContextName) -> String {
    match name {
        ContextName::Server(name) => format!("server-{name}"),
        ContextName::Platform(name) => format!("platform-{name}"),
        ContextName::Site(name) => format!("site-{name}"),
    }
}

pub fn fault(message: &str) -> FaultReport {
    FaultReport { message: message.into(), because: vec!["it rained".into()], remedy: Some("wait".into()) }
}

pub fn log(n: u64, text: impl Into<String>) -> Line {
    Line { n, at: 1_000 + n, said: Said::Log { level: Level::Info, text: text.into(), output: None } }
}
