//! What is known of a site that somebody else installed, before anything of it is touched.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FaultReport, PlatformName, ServerName, SiteName};

/// What an import would find and do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundToImport {
    /// The site; of one in `sites/default`, what it would be called.
    pub site: SiteName,
    /// Whether it lies in `sites/default` until now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_default: bool,
    /// The platform that it lies in.
    pub platform: PlatformName,
    /// The server that has its data.
    pub db_server: ServerName,
    /// Its database there, or its file.
    pub database: String,
    /// How many tables move; 0 of a file, which is copied.
    pub tables: usize,
    /// Whether Ægir looked after it before, and let go of it: it is taken in again only if somebody says so.
    #[serde(default)]
    pub let_go: bool,
    /// What is worth knowing of it, in sentences.
    pub told: Vec<String>,
    /// What would become of it, in sentences.
    pub changes: Vec<String>,
    /// Where else this machine names it.
    pub mentions: Vec<Mention>,
}

/// A line of this machine's configuration that names a site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Mention {
    /// The file.
    pub path: PathBuf,
    /// Which line, the first being 1; 0 where the name of the file says it.
    pub line: u64,
}

impl Mention {
    /// Where it is: `/etc/crontab:3`.
    pub fn place(&self) -> String {
        match self.line {
            0 => self.path.display().to_string(),
            line => format!("{}:{line}", self.path.display()),
        }
    }
}

/// What a back end answers that was asked what an import would find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImportAnswer {
    /// What it would find and do.
    Found(Box<FoundToImport>),
    /// Why the site cannot be taken in, or nobody can tell.
    Refused(FaultReport),
    /// It lies in `sites/default`, no name was said for it, and nothing there proposes one.
    Nameless,
}
