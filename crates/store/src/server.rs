//! Servers: machines, the services they offer, how their back ends are reached.

use std::net::IpAddr;

use aegir_domain::{ContextName, DbEngine, DbService, NodeId, NodeKind, ObjectStatus, ServerContext, Transport};

use crate::StoreFault;
use crate::db::{Query, Read, Row, Tx, statements, values};
use crate::node::{NewNode, Node, ObjectSort};
use crate::page::{Direction, NameMatch, OfNodes, Order, Page, Parts};

/// A server that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewServer {
    /// What it is.
    pub context: ServerContext,
    /// What people call it.
    pub title: String,
    /// How its back end is reached.
    pub transport: Transport,
    /// How many tasks may run on it at once, if not as many as on any other.
    pub task_limit: Option<u32>,
    /// Its addresses.
    pub ips: Vec<IpAddr>,
    /// Whose it is.
    pub owner: NodeId,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRecord {
    /// Number, name, status.
    pub node: Node,
    /// What it is.
    pub context: ServerContext,
    /// How its back end is reached.
    pub transport: Transport,
    /// How many tasks may run on it at once, if not as many as on any other.
    pub task_limit: Option<u32>,
    /// Whether none is begun on it.
    pub paused: bool,
}

/// Servers, filtered and ordered.
#[derive(Clone, Debug, Default)]
pub struct ServerList {
    /// By name.
    pub name: Option<NameMatch>,
    /// Of these only; none: of all but the deleted.
    pub status: Vec<ObjectStatus>,
    /// That offer a service of this kind: `http`, `db`.
    pub service: Option<String>,
    /// That offer one of this type: `nginx`, `mariadb`.
    pub service_type: Option<String>,
    /// The order.
    pub sort: ObjectSort,
    /// Which way.
    pub direction: Direction,
    /// Which part.
    pub page: Page,
}

statements! {
    ADD_SERVER =
        "INSERT INTO server (id, transport, address, task_limit, paused, revision, context)
         VALUES ($1, $2, $3, $4, FALSE, $5, $6)";
    SAVE_SERVER = "UPDATE server SET revision = $2, context = $3 WHERE id = $1";
    SET_TRANSPORT = "UPDATE server SET transport = $2, address = $3 WHERE id = $1";
    SET_TASK_LIMIT = "UPDATE server SET task_limit = $2 WHERE id = $1";
    SET_PAUSED = "UPDATE server SET paused = $2 WHERE id = $1";
    DROP_SERVICES = "DELETE FROM service WHERE server = $1";
    ADD_SERVICE = "INSERT INTO service (server, kind, service_type, port) VALUES ($1, $2, $3, $4)";
    DROP_IPS = "DELETE FROM server_ip WHERE server = $1";
    ADD_IP = "INSERT INTO server_ip (server, ip) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    IPS = "SELECT ip FROM server_ip WHERE server = $1 ORDER BY ip";
    FIND_SERVER =
        "SELECT node.id, node.kind, node.name, node.title, node.status, node.owner, node.created, node.changed,
                node.verified, server.transport, server.address, server.task_limit, server.paused, server.context
           FROM server JOIN node ON node.id = server.id
          WHERE server.id = $1";
}

impl Read {
    /// A server.
    pub async fn server(&mut self, id: NodeId) -> Result<Option<ServerRecord>, StoreFault> {
        self.row(&FIND_SERVER, values![id]).await?.as_ref().map(ServerList::item).transpose()
    }

    /// The addresses of a server.
    pub async fn server_ips(&mut self, id: NodeId) -> Result<Vec<IpAddr>, StoreFault> {
        self.rows(&IPS, values![id]).await?.iter().map(|row| row.parse("ip")).collect()
    }
}

impl Tx {
    /// Adds a server, new; what queues its first verify belongs into the same transaction.
    pub async fn add_server(&mut self, new: &NewServer, now: i64) -> Result<NodeId, StoreFault> {
        let name = ContextName::Server(new.context.name.clone());
        let id = self
            .add_node(NewNode {
                kind: NodeKind::Server,
                name: Some(&name),
                title: &new.title,
                status: Some(ObjectStatus::New),
                owner: Some(new.owner),
                now,
            })
            .await?;
        let address = address_of(&new.transport)?;
        let context = json(&new.context)?;
        let values = values![id, new.transport.as_str(), address, new.task_limit, new.context.revision, context];
        self.execute(&ADD_SERVER, values).await?;
        self.write_services(id, &new.context).await?;
        self.set_server_ips(id, &new.ips, now).await?;
        Ok(id)
    }

    /// Records what a server is now.
    pub async fn record_server(&mut self, id: NodeId, context: &ServerContext, now: i64) -> Result<(), StoreFault> {
        self.execute(&SAVE_SERVER, values![id, context.revision, json(context)?]).await?;
        self.write_services(id, context).await?;
        self.touch(id, "changed", now).await
    }

    /// Says how a server's back end is reached from now on.
    pub async fn set_transport(&mut self, id: NodeId, transport: &Transport, now: i64) -> Result<(), StoreFault> {
        self.execute(&SET_TRANSPORT, values![id, transport.as_str(), address_of(transport)?]).await?;
        self.touch(id, "changed", now).await
    }

    /// Says how many tasks may run on a server at once; of none given, as many as on any other.
    pub async fn set_task_limit(&mut self, id: NodeId, limit: Option<u32>, now: i64) -> Result<(), StoreFault> {
        self.execute(&SET_TASK_LIMIT, values![id, limit]).await?;
        self.touch(id, "changed", now).await
    }

    /// Begins no more tasks on a server; what runs goes on.
    pub async fn pause_server(&mut self, id: NodeId, now: i64) -> Result<(), StoreFault> {
        self.execute(&SET_PAUSED, values![id, true]).await?;
        self.touch(id, "paused", now).await
    }

    /// Begins tasks on a server again.
    pub async fn resume_server(&mut self, id: NodeId, now: i64) -> Result<(), StoreFault> {
        self.execute(&SET_PAUSED, values![id, false]).await?;
        self.touch(id, "resumed", now).await
    }

    /// Replaces the addresses of a server.
    pub async fn set_server_ips(&mut self, id: NodeId, ips: &[IpAddr], now: i64) -> Result<(), StoreFault> {
        self.execute(&DROP_IPS, values![id]).await?;
        for ip in ips {
            self.execute(&ADD_IP, values![id, ip.to_string()]).await?;
        }
        self.touch(id, "changed", now).await
    }

    async fn write_services(&mut self, id: NodeId, context: &ServerContext) -> Result<(), StoreFault> {
        self.execute(&DROP_SERVICES, values![id]).await?;
        if let Some(http) = &context.http {
            self.execute(&ADD_SERVICE, values![id, "http", http.engine.as_str(), http.listen.port()]).await?;
        }
        if let Some(db) = &context.db {
            let port = match db {
                DbService::Mariadb { at: DbEngine::Tcp { port, .. }, .. } => Some(*port),
                _ => None,
            };
            self.execute(&ADD_SERVICE, values![id, "db", db.as_str(), port]).await?;
        }
        Ok(())
    }
}

/// A value as the JSON text that is stored.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreFault> {
    serde_json::to_string(value).map_err(|error| StoreFault::unreadable("json", error))
}

fn address_of(transport: &Transport) -> Result<Option<String>, StoreFault> {
    match transport {
        Transport::Local => Ok(None),
        Transport::Ssh(address) => json(address).map(Some),
    }
}

impl OfNodes for ServerList {}

impl Parts for ServerList {
    type Item = ServerRecord;
    const LIST: &'static str = "servers";
    const COLUMNS: &'static str =
        "node.id, node.kind, node.name, node.title, node.status, node.owner, node.created, node.changed,
        node.verified, server.transport, server.address, server.task_limit, server.paused, server.context";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(" FROM server JOIN node ON node.id = server.id WHERE node.kind = 'server'");
        with_status(&self.status, query);
        if let Some(name) = &self.name {
            name.on("@server_", query);
        }
        if self.service.is_some() || self.service_type.is_some() {
            query.push(" AND EXISTS (SELECT 1 FROM service WHERE service.server = server.id");
            if let Some(kind) = &self.service {
                query.push(" AND service.kind = ").bind(kind);
            }
            if let Some(service_type) = &self.service_type {
                query.push(" AND service.service_type = ").bind(service_type);
            }
            query.push(")");
        }
    }

    fn order(&self) -> Order {
        self.sort.order(self.direction)
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<ServerRecord, StoreFault> {
        let limit: Option<i64> = row.maybe("task_limit")?;
        let transport = match row.maybe_json("address")? {
            Some(address) => Transport::Ssh(address),
            None => Transport::Local,
        };
        Ok(ServerRecord {
            node: Node::of(row)?,
            context: row.json("context")?,
            transport,
            task_limit: limit.map(|limit| u32::try_from(limit).unwrap_or(0)),
            paused: row.get("paused")?,
        })
    }
}

/// Those of a status; of none given, all but the deleted.
pub(crate) fn with_status(status: &[ObjectStatus], query: &mut Query) {
    match status {
        [] => query.push(" AND node.status IN ('new', 'enabled', 'disabled', 'failed')"),
        [one] => query.push(" AND node.status = ").bind(*one),
        some => query.push(" AND node.status IN ").bind_all(some.iter().copied()),
    };
}
