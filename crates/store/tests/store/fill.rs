//! A great fleet, quickly made through the same door as a small one: for the stories of lists, and for benches.

use aegir_domain::{ContextName, InstanceScope, NodeId, ObjectStatus, PackageKind, TaskState};
use aegir_store::{ADMIN, PastTask, RecordedInstance, Store, StoreFault};

use crate::ground::{new_platform, new_site, server_context};

/// How great a fleet.
#[derive(Clone, Copy)]
pub struct Fleet {
    pub sites: usize,
    pub platforms: usize,
    pub tasks: usize,
}

/// What was made.
pub struct Filled {
    pub servers: Vec<NodeId>,
    pub platforms: Vec<NodeId>,
    pub sites: Vec<NodeId>,
}

const SERVERS: usize = 4;
const OPERATIONS: [&str; 5] = ["verify", "install", "login", "cron", "backup"];
/// Of a hundred tasks, how they end.
const ENDS: [(usize, TaskState); 5] = [
    (90, TaskState::Succeeded),
    (95, TaskState::Refused),
    (98, TaskState::RolledBack),
    (99, TaskState::Cancelled),
    (100, TaskState::Untidy),
];

/// Fills an empty control database. The same numbers give the same fleet.
pub async fn fill(store: &Store, fleet: Fleet) -> Result<Filled, StoreFault> {
    let began = std::time::Instant::now();
    let mut filled = Filled { servers: Vec::new(), platforms: Vec::new(), sites: Vec::new() };
    for n in 0..SERVERS {
        let new = aegir_store::NewServer {
            context: server_context(&format!("web{n}")),
            title: format!("web{n}"),
            transport: aegir_domain::Transport::Local,
            task_limit: Some(8),
            ips: Vec::new(),
            owner: ADMIN,
        };
        let id = store.write(async |tx| enabled(tx.add_server(&new, 1).await?, tx, 1).await).await?;
        filled.servers.push(id);
    }
    let modules = packages();
    for n in 0..fleet.platforms {
        let new = new_platform(&format!("drupal_{n}"), filled.servers[n % SERVERS]);
        let at = 10 + n as i64;
        let id = store
            .write(async |tx| {
                let id = tx.add_platform(&new, at).await?;
                tx.record_packages(id, &modules, at).await?;
                enabled(id, tx, at).await
            })
            .await?;
        filled.platforms.push(id);
    }
    for batch in (0..fleet.sites).collect::<Vec<_>>().chunks(250) {
        let made = store
            .write_soon(async |tx| {
                let mut made = Vec::new();
                for n in batch {
                    let platform = filled.platforms[n % fleet.platforms];
                    let new = new_site(&site_name(*n), platform, filled.servers[n % SERVERS]);
                    let at = 1_000 + *n as i64;
                    let id = tx.add_site(&new, at).await?;
                    tx.record_packages(id, &modules[..3 + n % 5], at).await?;
                    made.push(match n % 20 {
                        0 => id,
                        _ => enabled(id, tx, at).await?,
                    });
                }
                Ok::<_, StoreFault>(made)
            })
            .await?;
        filled.sites.extend(made);
    }
    println!("{} platforms and {} sites are there, {:?}", fleet.platforms, fleet.sites, began.elapsed());
    for batch in (0..fleet.tasks).collect::<Vec<_>>().chunks(5_000) {
        let tasks: Vec<PastTask> = batch.iter().map(|n| past(*n, &filled)).collect();
        store.write_soon(async |tx| tx.record_past_tasks(&tasks, 5).await).await?;
    }
    store.tend().await?;
    Ok(filled)
}

async fn enabled(id: NodeId, tx: &mut aegir_store::Tx, at: i64) -> Result<NodeId, StoreFault> {
    tx.set_status(id, ObjectStatus::Enabled, at).await?;
    tx.set_verified(id, Some(at), at).await?;
    Ok(id)
}

/// The name of the site with this number; neighbours in number are none by name.
pub fn site_name(n: usize) -> String {
    format!("{:04x}-{n}.client{}.test", n.wrapping_mul(40503) % 65536, n % 97)
}

fn past(n: usize, filled: &Filled) -> PastTask {
    let spread = n.wrapping_mul(2_654_435_761) >> 7;
    let which = spread % filled.sites.len();
    let name: ContextName = format!("@{}", site_name(which)).parse().expect("it is the name of a site");
    let operation = OPERATIONS[n % OPERATIONS.len()];
    let ends = ENDS.iter().find(|(share, _)| n % 100 < *share);
    let queued = 1_000_000 + n as i64 * 1_000;
    PastTask {
        operation: operation.parse().expect("it is one of ours"),
        object: filled.sites[which],
        title: format!("{operation} {name}"),
        object_name: name,
        state: ends.map_or(TaskState::Succeeded, |(_, state)| *state),
        actor: format!("person {}", n % 13),
        owner: ADMIN,
        server: filled.servers[which % SERVERS],
        queued,
        ended: queued + 500,
    }
}

fn packages() -> Vec<RecordedInstance> {
    let names = ["views", "token", "pathauto", "ctools", "redirect", "metatag", "webform", "captcha"];
    let instance = |(n, name): (usize, &&str)| RecordedInstance {
        kind: PackageKind::Module,
        name: (*name).to_owned(),
        version: Some(format!("8.x-1.{n}")),
        scope: InstanceScope::Platform,
        enabled: n % 2 == 0,
        loaded: true,
        schema: Some(8000 + n as i64),
        path: Some(format!("modules/contrib/{name}")),
    };
    names.iter().enumerate().map(instance).collect()
}
