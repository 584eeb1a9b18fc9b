//! What would become of a home of classic Aegir: of each thing in it, what it becomes here, or why it cannot.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::word_enum;

word_enum! {
    /// What a classic home has.
    AdoptedKind, "what a classic home has" {
        /// A server, and its services.
        Server = "server",
        /// A platform.
        Platform = "platform",
        /// A client.
        Client = "client",
        /// A site.
        Site = "site",
        /// Another name of a site.
        Alias = "alias",
    }
}

/// What would become of a classic home. Nothing of it was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adoption {
    /// The home that was read.
    pub home: PathBuf,
    /// Each thing, in an order in which they can be made here.
    pub things: Vec<Adopted>,
    /// What there is to say of all of it, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What could not be read, in sentences: something may be missing above.
    pub unread: Vec<String>,
}

impl Adoption {
    /// How many can come, and how many cannot.
    pub fn count(&self) -> (usize, usize) {
        let can = self.things.iter().filter(|thing| thing.fate.can_come()).count();
        (can, self.things.len() - can)
    }
}

/// One thing of a classic home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adopted {
    /// What it is.
    pub kind: AdoptedKind,
    /// What it is called there.
    pub name: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// What is worth knowing, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The commands that would do it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

/// What becomes of a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It becomes this.
    Becomes(String),
    /// It is there already, as this.
    IsThere(String),
    /// Nothing takes its place, since Ægir has no use for it; why.
    NotNeeded(String),
    /// It cannot come.
    Cannot {
        /// Why.
        because: String,
        /// What would help, if anything does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remedy: Option<String>,
    },
}

impl Fate {
    /// It cannot come, and what would help.
    pub fn cannot(because: impl Into<String>, remedy: impl Into<String>) -> Fate {
        Fate::Cannot { because: because.into(), remedy: Some(remedy.into()) }
    }

    /// Whether nothing stands in its way.
    pub fn can_come(&self) -> bool {
        !matches!(self, Fate::Cannot { .. })
    }
}
