//! What the records of a page refer to, read at once: as many questions for five hundred as for one.

use std::collections::{BTreeMap, BTreeSet};

use aegir_domain::{CronInterval, NodeId};
use aegir_store::{CronRecord, Domain, PlatformRecord, Read, SiteRecord, StoreFault, TaskRecord};

use super::object::short;

/// What some records refer to.
#[derive(Default)]
pub(super) struct Around {
    names: BTreeMap<NodeId, String>,
    /// The server of each platform.
    pub(super) servers: BTreeMap<NodeId, NodeId>,
    /// The names that each site answers to.
    pub(super) domains: BTreeMap<NodeId, Vec<Domain>>,
    /// Cron of each site.
    pub(super) cron: BTreeMap<NodeId, CronRecord>,
    /// How often it runs where nothing else is said.
    pub(super) every: Option<CronInterval>,
    /// How many sites live on each platform.
    pub(super) sites: BTreeMap<NodeId, u64>,
}

impl Around {
    /// Around sites: where they lie, and what they answer to.
    pub(super) async fn sites(read: &mut Read, sites: &[SiteRecord]) -> Result<Around, StoreFault> {
        let platforms: BTreeSet<NodeId> = sites.iter().map(|site| site.platform).collect();
        let servers = read.servers_of(&platforms).await?;
        let databases = sites.iter().map(|site| site.db_server);
        let named = platforms.into_iter().chain(servers.values().copied()).chain(databases);
        let ids: Vec<NodeId> = sites.iter().map(|site| site.node.id).collect();
        let (names, domains) = (names(read, named).await?, read.domains_of(&ids).await?);
        let (cron, every) = (read.cron_of_each(&ids).await?, Some(super::cron_interval(read).await?));
        Ok(Around { names, servers, domains, cron, every, ..Around::default() })
    }

    /// Around platforms: their servers, and how many sites they have.
    pub(super) async fn platforms(read: &mut Read, platforms: &[PlatformRecord]) -> Result<Around, StoreFault> {
        let ids: Vec<NodeId> = platforms.iter().map(|platform| platform.node.id).collect();
        let names = names(read, platforms.iter().map(|platform| platform.server)).await?;
        Ok(Around { names, sites: read.count_sites_of(&ids).await?, ..Around::default() })
    }

    /// Around tasks: the servers that they run on.
    pub(super) async fn tasks(read: &mut Read, tasks: &[TaskRecord]) -> Result<Around, StoreFault> {
        let names = names(read, tasks.iter().map(|task| task.server)).await?;
        Ok(Around { names, ..Around::default() })
    }

    /// The name of a node, without its `@` and prefix.
    pub(super) fn name(&self, id: NodeId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| format!("#{id}"))
    }
}

async fn names(read: &mut Read, ids: impl IntoIterator<Item = NodeId>) -> Result<BTreeMap<NodeId, String>, StoreFault> {
    let names = read.names(&ids.into_iter().collect()).await?;
    Ok(names.into_iter().map(|(id, name)| (id, short(&name))).collect())
}
