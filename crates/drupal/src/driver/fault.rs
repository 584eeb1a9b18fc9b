//! Why an operation in Drupal was not done, and how to get past it.

use aegir_domain::Remedy;
use serde::Deserialize;

/// A fault as a script tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PhpFault {
    /// What sort of fault.
    pub kind: FaultKind,
    /// In Drupal's or PHP's own words.
    pub message: String,
    /// File and line, relative to the platform where possible.
    #[serde(default)]
    pub at: String,
    /// What was going on.
    #[serde(default)]
    pub phase: String,
    /// The end of what the site's code printed.
    #[serde(default)]
    pub stray: String,
    /// The class of what was thrown, if something was.
    #[serde(default)]
    pub class: Option<String>,
}

/// What sort of fault it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum FaultKind {
    /// The database does not answer, or refuses the account.
    DatabaseUnreachable,
    /// The database holds a Drupal, whole or in part.
    AlreadyInstalled,
    /// Something that Drupal needs is missing.
    Requirements,
    /// The platform has no such profile.
    UnknownProfile,
    /// The database holds no Drupal.
    NotInstalled,
    /// Drupal chose another site than the one asked about.
    WrongSite,
    /// The site has no such account.
    NoAccount,
    /// The account exists and is blocked.
    BlockedAccount,
    /// The code says that the site's updates cannot run.
    UpdateRefused,
    /// An update did not do what it should.
    UpdateFailed,
    /// Code of the site or of Drupal threw an exception.
    Exception,
    /// PHP gave up: a syntax error, a missing class, no memory left.
    PhpError,
    /// Code of the site ended the process.
    Exit,
    /// The question was not one that the script understands.
    BadInput,
    /// A kind that we do not know.
    Other(String),
}

impl From<String> for FaultKind {
    fn from(text: String) -> Self {
        match text.as_str() {
            "database-unreachable" => FaultKind::DatabaseUnreachable,
            "already-installed" => FaultKind::AlreadyInstalled,
            "requirements" => FaultKind::Requirements,
            "unknown-profile" => FaultKind::UnknownProfile,
            "not-installed" => FaultKind::NotInstalled,
            "wrong-site" => FaultKind::WrongSite,
            "no-account" => FaultKind::NoAccount,
            "blocked-account" => FaultKind::BlockedAccount,
            "update-refused" => FaultKind::UpdateRefused,
            "update-failed" => FaultKind::UpdateFailed,
            "exception" => FaultKind::Exception,
            "php-error" => FaultKind::PhpError,
            "exit" => FaultKind::Exit,
            "bad-input" => FaultKind::BadInput,
            _ => FaultKind::Other(text.chars().take(40).collect()),
        }
    }
}

/// Why an operation in Drupal was not done.
#[derive(Debug, thiserror::Error)]
pub enum DriverFault {
    /// Drupal, or PHP, says why.
    #[error("Drupal's `{operation}` was not done")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// What was told.
        #[source]
        source: Box<PhpFault>,
    },
    /// The process ended without a word.
    #[error("Drupal's `{operation}` ended with {how} and gave no answer")]
    NoAnswer {
        /// The operation.
        operation: &'static str,
        /// How the process ended.
        how: String,
    },
    /// The answer is not what that operation answers.
    #[error("Drupal's `{operation}` gave an answer that is not its own")]
    OddAnswer {
        /// The operation.
        operation: &'static str,
        /// What is odd.
        #[source]
        source: serde_json::Error,
    },
}

impl DriverFault {
    pub(super) fn from_php(operation: &'static str, fault: PhpFault) -> DriverFault {
        DriverFault::Refused { operation, source: Box::new(fault) }
    }

    /// What sort of fault, if a script told one.
    pub fn kind(&self) -> Option<&FaultKind> {
        match self {
            DriverFault::Refused { source, .. } => Some(&source.kind),
            _ => None,
        }
    }
}

impl std::error::Error for PhpFault {}

impl std::fmt::Display for PhpFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if !self.at.is_empty() {
            write!(f, " (at {}", self.at)?;
            if !self.phase.is_empty() {
                write!(f, ", while {}", self.phase)?;
            }
            f.write_str(")")?;
        }
        if !self.stray.is_empty() {
            write!(f, "; printed: {}", self.stray)?;
        }
        Ok(())
    }
}

/// Whether PHP does not understand code that comes with Drupal, which was right for the PHP of its day.
fn is_from_another_day(fault: &PhpFault) -> bool {
    let is_of_core = ["core/", "includes/", "modules/system/"].iter().any(|folder| fault.at.starts_with(folder));
    let is_of_language =
        ["must be compatible with", "syntax error", "Call to undefined function", "no longer supported"];
    is_of_core && is_of_language.iter().any(|words| fault.message.contains(words))
}

impl Remedy for DriverFault {
    fn remedy(&self) -> Option<String> {
        let fault = match self {
            DriverFault::Refused { source, .. } => source,
            DriverFault::NoAnswer { .. } => {
                return Some(
                    "look for a memory limit or an end by an operator in the log of the machine, then retry".into(),
                );
            }
            DriverFault::OddAnswer { .. } => return None,
        };
        Some(match &fault.kind {
            FaultKind::DatabaseUnreachable => {
                "check that the database server runs, then verify its server and the site".into()
            }
            FaultKind::AlreadyInstalled => "drop that database, or install into another".into(),
            FaultKind::Requirements => {
                "install what is named, such as the PHP extension, then verify the platform and retry".into()
            }
            FaultKind::UnknownProfile => "choose one of the profiles that the platform's verify lists".into(),
            FaultKind::NotInstalled => "restore the site from a backup, or delete it and install it again".into(),
            FaultKind::WrongSite => {
                "look for a line in `sites/local.sites.php` that leads this name to another directory".into()
            }
            FaultKind::NoAccount => "give the number of an account that exists".into(),
            FaultKind::UpdateRefused => {
                "put right what is named, in the site or in the code of the platform that it is to live on, then retry"
                    .into()
            }
            FaultKind::UpdateFailed => {
                "look at that update in the code of its package, or take another release of the package, then retry"
                    .into()
            }
            FaultKind::BlockedAccount => "unblock the account in the site, or give the number of another".into(),
            FaultKind::PhpError if is_from_another_day(fault) => format!(
                "take a release of Drupal that was made for this version of PHP, or give its platform an older PHP; what \
                 complains is Drupal's own code at `{}`",
                fault.at
            ),
            FaultKind::PhpError | FaultKind::Exception if !fault.at.is_empty() => {
                format!("correct the code at `{}`, or disable the package it belongs to", fault.at)
            }
            FaultKind::Exit => {
                format!("look for `exit` or `die` in the site's own code; the last file read was `{}`", fault.at)
            }
            FaultKind::PhpError | FaultKind::Exception | FaultKind::BadInput | FaultKind::Other(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(at: &str, message: &str) -> String {
        let (at, message) = (at.to_owned(), message.to_owned());
        let (phase, stray) = (String::new(), String::new());
        let fault = PhpFault { kind: FaultKind::PhpError, message, at, phase, stray, class: None };
        DriverFault::from_php("install", fault).remedy().unwrap()
    }

    #[test]
    fn an_old_drupal_on_a_new_php_is_told_from_a_package_that_is_wrong() {
        let clash = "Declaration of Statement::fetchAll($mode = null) must be compatible with PDOStatement::fetchAll()";
        assert!(remedy("core/lib/Drupal/Core/Database/Statement.php:169", clash).contains("an older PHP"));
        assert!(remedy("modules/contrib/shop/shop.module:3", clash).contains("disable the package"));
        assert!(remedy("sites/all/modules/shop/shop.module:3", clash).contains("disable the package"));
        let memory = "Allowed memory size of 134217728 bytes exhausted";
        assert!(!remedy("core/lib/Drupal.php:1", memory).contains("an older PHP"));
    }
}
