//! Whether a lock is held alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether others may hold a lock too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LockMode {
    /// With others who hold it shared.
    Shared,
    /// Alone.
    Exclusive,
}
