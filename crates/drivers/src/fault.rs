//! Why a driver cannot describe what it was asked for.

use aegir_domain::{HostName, Remedy, SiteName};

/// Why a driver cannot describe what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DriverFault {
    /// No driver of that name is built in.
    #[error("no {kind} driver named `{name}` (this build has: {})", .known.join(", "))]
    Unknown {
        /// The kind of service: `http`, `db`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What exists.
        known: Vec<&'static str>,
    },
    /// A template does not fit the values, or a value cannot be written in its language.
    #[error("cannot write `{template}`{}: {why}", .line.map(|n| format!(", line {n}")).unwrap_or_default())]
    Render {
        /// The template's name.
        template: String,
        /// Its line, if known.
        line: Option<usize>,
        /// What is wrong; names a value, never shows one.
        why: String,
        /// Whether the template is an operator's own.
        overridden: bool,
    },
    /// The name that others redirect to is none that a visitor can be sent to.
    #[error("the names of `{site}` cannot lead to `{target}`: {why}")]
    RedirectTarget {
        /// The site.
        site: SiteName,
        /// The name.
        target: HostName,
        /// Why not.
        why: &'static str,
    },
    /// A product reads no more than so much of a value.
    #[error("{what} takes {bytes} bytes, and {product} reads about {most} at most")]
    TooLong {
        /// What it is.
        what: String,
        /// The product.
        product: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// A version of a product is too old, or not to be understood.
    #[error("{product} {version} is not good enough: {why}")]
    Version {
        /// The product.
        product: &'static str,
        /// What it says of itself.
        version: String,
        /// What is missing.
        why: String,
    },
}

impl Remedy for DriverFault {
    fn remedy(&self) -> Option<String> {
        match self {
            DriverFault::Unknown { known, .. } => Some(format!("choose one of {}", known.join(", "))),
            DriverFault::Render { template, overridden: true, .. } => Some(format!(
                "correct `templates/{template}` in Ægir's home, or remove it to use the built-in one; then retry"
            )),
            DriverFault::Render { .. } => Some("choose a value without that character".into()),
            DriverFault::RedirectTarget { .. } => {
                Some("redirect to the site's own name or to one of its aliases that is no wildcard".into())
            }
            DriverFault::TooLong { .. } => Some(
                "give the platform a shorter path, and move what is no code of Drupal's out of its root; then verify it"
                    .into(),
            ),
            DriverFault::Version { product, .. } => Some(format!("upgrade {product}, or use another server")),
        }
    }
}
