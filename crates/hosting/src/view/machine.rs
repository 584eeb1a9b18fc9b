//! What faces show of what the machine of a server answers: its keys, and its services as they were tried.

use aegir_domain::{Finding, Health};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The keys by which a machine behind ssh and the front end know each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostKeyView {
    /// The server.
    pub server: String,
    /// Where its machine is: `USER@HOST:PORT`.
    pub address: String,
    /// The key that it must show; absent: none is trusted yet, and nothing is asked there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<KeyView>,
    /// The key that it shows now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<KeyView>,
    /// Whether its back end answers; only asked where the key that it shows is the trusted one.
    #[serde(default)]
    pub answers: bool,
    /// Why it shows no key, or why its back end does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Value>,
    /// The front end's own public key.
    pub public_key: String,
    /// The line that lets the front end in, for `~/.ssh/authorized_keys` of that user over there.
    pub authorized_keys: String,
    /// What is to be done next; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// What came of trying the services of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TriedView {
    /// The server.
    pub server: String,
    /// Whether nothing stands in the way of using what was tried.
    pub works: bool,
    /// What was tried, each with what was seen.
    pub services: Vec<TriedServiceView>,
}

impl TriedView {
    /// Of a server, and what was tried of it.
    pub fn of(server: &str, services: Vec<TriedServiceView>) -> TriedView {
        let mut seen = services.iter().flat_map(|service| &service.findings);
        let works = seen.all(|finding| finding.health != Health::Problem);
        TriedView { server: server.to_owned(), works, services }
    }
}

/// What came of trying one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TriedServiceView {
    /// `back-end`, `http`, `db`.
    pub kind: String,
    /// The product: `nginx`; of a back end, how it is reached.
    pub service_type: String,
    /// What was seen, in that order.
    pub findings: Vec<Finding>,
}

/// A key of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyView {
    /// What people compare it by, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The whole public key.
    pub key: String,
}
