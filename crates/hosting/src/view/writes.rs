//! What faces show of that which a former self of a site lacks.

use aegir_domain::Writes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was written to a site since it left a former self.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WritesView {
    /// The site.
    pub site: String,
    /// The former self.
    pub former: String,
    /// The platform it lived on.
    pub platform: String,
    /// The version of Drupal that ran it.
    pub core: String,
    /// Since when nobody wrote to it.
    pub since: i64,
    /// The backup that it is restored from, where it was packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// What was written since, as far as the site's tables tell: what bears no date is not counted.
    pub counts: Vec<WriteCountView>,
}

/// How much of one thing was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WriteCountView {
    /// What it is, in words: `comments`.
    pub what: String,
    /// How many are new or were changed.
    pub count: u64,
}

impl WritesView {
    /// Of what a back end told.
    pub fn of(writes: &Writes) -> WritesView {
        let counts = writes.counts.iter();
        WritesView {
            site: writes.site.to_string(),
            former: writes.former.to_string(),
            platform: writes.platform.to_string(),
            core: writes.core.clone(),
            since: writes.since.saturating_mul(1000),
            archive: writes.archive.as_ref().map(ToString::to_string),
            counts: counts.map(|one| WriteCountView { what: one.what.clone(), count: one.count }).collect(),
        }
    }

    /// All of it as one list in words; empty where nothing is known to have been written.
    pub fn in_words(&self) -> String {
        let counted = self.counts.iter().map(|one| format!("{} {}", one.count, one.what));
        counted.collect::<Vec<_>>().join(", ")
    }
}
