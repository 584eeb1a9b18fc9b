//! What faces show of task types of the operator's own.

use aegir_domain::TypeField;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A task type of the operator's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskTypeView {
    /// Its name, as it is asked for.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it is about: `site`, `platform` or `server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What it takes of whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Whether whoever asks gives the object's name again.
    #[serde(default)]
    pub dangerous: bool,
    /// Of a site: whether it also runs where the site is out of service.
    #[serde(default)]
    pub also_disabled: bool,
    /// What its form asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<TypeField>,
    /// Why it cannot be used, and what to do; absent of one that can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}
