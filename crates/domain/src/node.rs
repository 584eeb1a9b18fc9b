//! What every object, task and package has: one number in one space, a kind, a standing.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::word_enum;

/// The number of an object, a task or a package; no two of them share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NodeId(pub i64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

word_enum! {
    /// What a number stands for.
    NodeKind, "a kind of node" {
        /// Whom sites belong to.
        Client = "client",
        /// A machine that runs services.
        Server = "server",
        /// A copy of Drupal's code.
        Platform = "platform",
        /// A Drupal site.
        Site = "site",
        /// A module, theme or profile.
        Package = "package",
        /// One asked-for change.
        Task = "task",
    }
}

word_enum! {
    /// Where an object stands between being asked for and being gone.
    ObjectStatus, "the status of an object" {
        /// Asked for, and not yet made.
        New = "new",
        /// In service.
        Enabled = "enabled",
        /// There, and out of service: visitors get a page of the web server's own. Only of sites.
        Disabled = "disabled",
        /// Its making failed; nothing of it is left on its machine.
        Failed = "failed",
        /// Gone. Its row stays as history, and its name is free.
        Deleted = "deleted",
    }
}

impl ObjectStatus {
    /// Whether it was made and is there, in service or not.
    pub fn is_there(self) -> bool {
        matches!(self, ObjectStatus::Enabled | ObjectStatus::Disabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for kind in NodeKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert!("sites".parse::<NodeKind>().is_err());
    }
}
