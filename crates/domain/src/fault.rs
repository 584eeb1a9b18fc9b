//! Errors that say what was being done, why it failed, and how to get past it.
//!
//! A step returns a [`Fault`]; it is printed in one place, [`Report`], the same in the log of a
//! task, the panel and the terminal.

use std::error::Error;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An error that can say how to get past it.
///
/// The remedy never restates the message, and names the page, the command or the statement to use.
/// `None` is a fine answer: bad advice is worse than none.
pub trait Remedy: Error + Send + Sync + 'static {
    /// How to get past this error.
    fn remedy(&self) -> Option<String> {
        None
    }
}

/// Any error with its remedy; what lines of a task return.
///
/// It does not implement [`Error`], so that `?` converts any [`Remedy`] into it.
pub struct Fault(Box<dyn Remedy>);

impl Fault {
    /// The error itself.
    pub fn error(&self) -> &dyn Remedy {
        &*self.0
    }

    /// The error as one of type `E`, if it is one.
    pub fn downcast_ref<E: Remedy>(&self) -> Option<&E> {
        let error: &(dyn Error + 'static) = &*self.0;
        error.downcast_ref()
    }

    /// The error as data: for a result line, a journal, a page.
    pub fn report(&self) -> FaultReport {
        FaultReport::of(&*self.0)
    }
}

impl<E: Remedy> From<E> for Fault {
    fn from(error: E) -> Self {
        Fault(Box::new(error))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Report(&self.report()))
    }
}

/// A fault as data: its message, the causes beneath it, and its remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct FaultReport {
    /// What was being attempted.
    pub message: String,
    /// Why it failed, the nearest cause first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// How to get past it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl FaultReport {
    /// Reads `error`, its causes and its remedy.
    pub fn of(error: &dyn Remedy) -> FaultReport {
        let mut because = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            because.push(error.to_string());
            cause = error.source();
        }
        FaultReport { message: error.to_string(), because, remedy: error.remedy() }
    }
}

impl Remedy for FaultReport {
    fn remedy(&self) -> Option<String> {
        self.remedy.clone()
    }
}

/// Prints a fault for a person: message, causes, and how to fix it.
pub struct Report<'a>(pub &'a FaultReport);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.message)?;
        for cause in &self.0.because {
            write!(f, "\n  because {cause}")?;
        }
        if let Some(remedy) = &self.0.remedy {
            write!(f, "\n\nhow to fix it: {remedy}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the account `aegir@web1` on `db1` may not create databases")]
    struct NotAllowed(#[source] std::io::Error);

    impl Remedy for NotAllowed {
        fn remedy(&self) -> Option<String> {
            Some("as the database administrator, grant it, then retry the task".into())
        }
    }

    #[test]
    fn a_report_says_what_why_and_how_to_go_on() {
        let fault = Fault::from(NotAllowed(std::io::Error::other("ERROR 1044: Access denied")));

        let text = Report(&fault.report()).to_string();

        assert_eq!(
            text,
            "the account `aegir@web1` on `db1` may not create databases\n  because ERROR 1044: Access denied\n\n\
             how to fix it: as the database administrator, grant it, then retry the task"
        );
    }
}
