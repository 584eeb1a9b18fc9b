//! What faces show of a site's cron.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Cron of a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CronView {
    /// How often it runs: `1h`; `off`: not by itself.
    pub every: String,
    /// When it runs next, in milliseconds since 1970, if by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<i64>,
    /// When the last run that ended began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<i64>,
    /// How long that took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<i64>,
    /// What it came to: `succeeded`, `complained` (it ran, and modules logged errors), `busy` (it ran already),
    /// `left-out` (a task was at the site), `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// What was said of it, where all was not well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// How many runs in a row failed.
    #[serde(default)]
    pub failures: u64,
}
