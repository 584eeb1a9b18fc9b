//! What was found when something was looked at, and what to do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FaultReport, Remedy};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// Something does not work, or is not safe.
    Problem,
}

impl Health {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Warning => "warning",
            Health::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// How much it matters.
    pub health: Health,
    /// What was seen, in a sentence without full stop.
    pub text: String,
    /// How to get past it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(text: impl Into<String>) -> Finding {
        Finding { health: Health::Ok, text: text.into(), remedy: None }
    }

    /// Somebody should know.
    pub fn warning(text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { health: Health::Warning, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// Something is wrong.
    pub fn problem(text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { health: Health::Problem, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// An error that was met while looking is a problem, with its causes and its remedy.
    pub fn of_fault(fault: &dyn Remedy) -> Finding {
        let report = FaultReport::of(fault);
        let text = std::iter::once(report.message).chain(report.because).collect::<Vec<_>>().join(": ");
        Finding { health: Health::Problem, text, remedy: report.remedy }
    }
}
