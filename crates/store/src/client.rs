//! Clients: whom objects belong to. There is one, `admin`, until others come.

use aegir_domain::{MachineName, NodeId};

use crate::StoreFault;
use crate::db::{Read, Row, statements, values};

/// A client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRecord {
    /// Its number.
    pub id: NodeId,
    /// Its name in contexts and requests.
    pub name: MachineName,
    /// What people call it.
    pub title: String,
}

statements! {
    CLIENTS =
        "SELECT client.id, client.machine_name, node.title
           FROM client JOIN node ON node.id = client.id
          ORDER BY client.machine_name";
    FIND_CLIENT =
        "SELECT client.id, client.machine_name, node.title
           FROM client JOIN node ON node.id = client.id
          WHERE client.id = $1";
    FIND_CLIENT_NAMED =
        "SELECT client.id, client.machine_name, node.title
           FROM client JOIN node ON node.id = client.id
          WHERE client.machine_name = $1";
}

impl Read {
    /// All clients, by name.
    pub async fn clients(&mut self) -> Result<Vec<ClientRecord>, StoreFault> {
        self.rows(&CLIENTS, Vec::new()).await?.iter().map(ClientRecord::of).collect()
    }

    /// A client.
    pub async fn client(&mut self, id: NodeId) -> Result<Option<ClientRecord>, StoreFault> {
        self.row(&FIND_CLIENT, values![id]).await?.as_ref().map(ClientRecord::of).transpose()
    }

    /// The client of this name.
    pub async fn client_named(&mut self, name: &MachineName) -> Result<Option<ClientRecord>, StoreFault> {
        self.row(&FIND_CLIENT_NAMED, values![name]).await?.as_ref().map(ClientRecord::of).transpose()
    }
}

impl ClientRecord {
    fn of(row: &Row) -> Result<ClientRecord, StoreFault> {
        Ok(ClientRecord { id: row.get("id")?, name: row.parse("machine_name")?, title: row.get("title")? })
    }
}
