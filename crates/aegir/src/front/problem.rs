//! What the front end answers when it does not do what was asked, whichever way it was asked.

use aegir_domain::{FaultReport, Remedy, exit_code};
use aegir_hosting::{Refusal, Sort};
use serde::Deserialize;

use crate::failure::Failure;

/// A refusal, or trouble on the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .report.message)]
pub(crate) struct Problem {
    /// A word for programs: `unknown`, `taken`.
    pub(crate) word: String,
    /// With which code the program ends.
    pub(crate) code: u8,
    /// Message, causes, remedy.
    pub(crate) report: FaultReport,
}

impl Problem {
    /// One of our own.
    pub(crate) fn of(word: &str, error: &dyn Remedy) -> Problem {
        Problem { word: word.into(), code: exit_code::ERROR, report: FaultReport::of(error) }
    }

    /// Whether there is no such object.
    pub(crate) fn is_absence(&self) -> bool {
        self.word == "unknown"
    }

    /// Reads a problem document; `status` tells what sort it is.
    pub(crate) fn read(status: u16, body: &[u8]) -> Problem {
        let document: Document = serde_json::from_slice(body).unwrap_or_default();
        let code = match status {
            400 | 413 | 415 | 422 => exit_code::USAGE,
            409 | 412 => exit_code::REFUSED,
            _ => exit_code::ERROR,
        };
        let message = document
            .detail
            .or(document.title)
            .unwrap_or_else(|| format!("the front end answers with status {status}, and says no more"));
        let word = document.kind.rsplit([':', '/']).next().unwrap_or_default().to_owned();
        let mut because = document.because;
        let mut remedies: Vec<String> = document.remedy.into_iter().collect();
        for bad in document.parameters {
            let line = format!("{}: {}", bad.parameter, bad.why);
            // The message of a call with one mistake says it already.
            if !message.contains(&bad.why) {
                because.push(line);
            }
            if let Some(remedy) = bad.remedy
                && !remedies.iter().any(|known| known.contains(&remedy))
            {
                remedies.push(remedy);
            }
        }
        let remedy = (!remedies.is_empty()).then(|| remedies.join("; "));
        Problem { word, code, report: FaultReport { message, because, remedy } }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = match refusal.sort() {
            Sort::Question => exit_code::USAGE,
            Sort::Conflict => exit_code::REFUSED,
            Sort::Permission | Sort::Absence | Sort::Trouble => exit_code::ERROR,
        };
        Problem { word: refusal.word().into(), code, report: refusal.report() }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::reported(problem.report, problem.code)
    }
}

/// As RFC 9457 has it, with members of our own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    title: Option<String>,
    detail: Option<String>,
    remedy: Option<String>,
    because: Vec<String>,
    parameters: Vec<Bad>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bad {
    parameter: String,
    why: String,
    remedy: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_and_their_remedies_are_told() {
        let body = serde_json::json!({
            "type": "urn:aegir:problem:bad-parameters", "title": "bad parameters", "status": 422,
            "detail": "`site add` cannot be asked for like this",
            "parameters": [
                { "parameter": "mail", "why": "it has no `@`", "remedy": "editor@example.org" },
                { "parameter": "language", "why": "no such code" },
            ],
        });

        let problem = Problem::read(422, body.to_string().as_bytes());

        assert_eq!((problem.word.as_str(), problem.code), ("bad-parameters", 2));
        assert_eq!(problem.report.because, ["mail: it has no `@`", "language: no such code"]);
        assert_eq!(problem.report.remedy.as_deref(), Some("editor@example.org"));
    }

    #[test]
    fn what_is_no_problem_document_is_told_by_its_status() {
        for body in [&b""[..], b"<html>", b"[]", b"{\"title\": 7}"] {
            assert!(Problem::read(502, body).report.message.contains("502"));
        }
    }
}
