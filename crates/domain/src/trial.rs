//! Services of a server, tried before anything is said of them for good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Finding, Health, Secrets, ServerContext};

/// What `aegir provision try` reads from standard input: the services of a server as somebody would have them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// [`crate::protocol::VERSION`]
    pub protocol: u32,
    /// What would be said of the server. Nothing of it is saved.
    pub server: ServerContext,
    /// `db_password`: that of the account of the database service. Without it the saved one is tried, if what is saved
    /// of the server has the same account at the same place: it is sent nowhere else.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub secrets: Secrets,
}

impl Trial {
    /// As text, secrets in the open: for standard input of a back end only.
    pub fn expose(&self) -> String {
        serde_json::json!({
            "protocol": self.protocol,
            "server": self.server,
            "secrets": self.secrets.expose(),
        })
        .to_string()
    }
}

/// A kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// A web service.
    Http,
    /// A database service.
    Db,
}

impl ServiceKind {
    /// The word for it, in contexts and parameters.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceKind::Http => "http",
            ServiceKind::Db => "db",
        }
    }
}

/// What came of trying one service: a line of what `aegir provision try` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// Which service.
    pub service: ServiceKind,
    /// The product: `nginx`, `mariadb`.
    pub product: String,
    /// What was seen, in the order in which it was looked at. What could not be looked at because of an earlier problem
    /// is not among it.
    pub findings: Vec<Finding>,
}

impl Tried {
    /// Whether nothing stands in the way of using it.
    pub fn works(&self) -> bool {
        self.findings.iter().all(|finding| finding.health != Health::Problem)
    }
}
