//! What is said when a request is not done: problem documents (RFC 9457), each with its way out.

use std::borrow::Cow;

use aegir_domain::{FaultReport, Remedy};
use aegir_hosting::{BadParameter, Refusal};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::shapes::{BadParameterView, ProblemView};

/// What sort of problem it is. A closed list: programs tell them apart by their word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each has a title that says what it is")]
pub enum ProblemKind {
    BadParameters,
    Malformed,
    NoToken,
    WrongToken,
    Forbidden,
    NotLetIn,
    Unknown,
    NoAddress,
    NoSecret,
    WrongMethod,
    SlowRequest,
    Taken,
    Unavailable,
    Stale,
    Conflict,
    KeyUnderway,
    TooLarge,
    AddressTooLong,
    WrongType,
    WrongHost,
    KeyUsed,
    TooManyWrongTokens,
    HeadersTooLarge,
    Broken,
    NoContact,
    Store,
    SlowAnswer,
}

impl ProblemKind {
    /// All of them.
    pub const ALL: [ProblemKind; 27] = [
        ProblemKind::BadParameters,
        ProblemKind::Malformed,
        ProblemKind::NoToken,
        ProblemKind::WrongToken,
        ProblemKind::Forbidden,
        ProblemKind::NotLetIn,
        ProblemKind::Unknown,
        ProblemKind::NoAddress,
        ProblemKind::NoSecret,
        ProblemKind::WrongMethod,
        ProblemKind::SlowRequest,
        ProblemKind::Taken,
        ProblemKind::Unavailable,
        ProblemKind::Stale,
        ProblemKind::Conflict,
        ProblemKind::KeyUnderway,
        ProblemKind::TooLarge,
        ProblemKind::AddressTooLong,
        ProblemKind::WrongType,
        ProblemKind::WrongHost,
        ProblemKind::KeyUsed,
        ProblemKind::TooManyWrongTokens,
        ProblemKind::HeadersTooLarge,
        ProblemKind::Broken,
        ProblemKind::NoContact,
        ProblemKind::Store,
        ProblemKind::SlowAnswer,
    ];

    /// The status of HTTP, the word for programs, and the title for people.
    fn told(self) -> (u16, &'static str, &'static str) {
        match self {
            ProblemKind::BadParameters => (400, "bad-parameters", "What was given cannot be taken"),
            ProblemKind::Malformed => (400, "malformed", "The request cannot be read"),
            ProblemKind::NoToken => (401, "no-token", "Nobody says who asks"),
            ProblemKind::WrongToken => (401, "wrong-token", "The token lets nobody in"),
            ProblemKind::Forbidden => (403, "forbidden", "Whoever asks may not do this"),
            ProblemKind::NotLetIn => (403, "not-let-in", "This user of the machine is not let in"),
            ProblemKind::Unknown => (404, "unknown", "There is no such object"),
            ProblemKind::NoAddress => (404, "no-address", "There is no such address"),
            ProblemKind::NoSecret => (404, "no-secret", "There is nothing to be told"),
            ProblemKind::WrongMethod => (405, "wrong-method", "The address has no such method"),
            ProblemKind::SlowRequest => (408, "slow-request", "The request came too slowly"),
            ProblemKind::Taken => (409, "taken", "The name is taken"),
            ProblemKind::Unavailable => (409, "unavailable", "It cannot be asked for as it stands now"),
            ProblemKind::Stale => (409, "stale", "It was changed meanwhile"),
            ProblemKind::Conflict => (409, "conflict", "Something stands against it"),
            ProblemKind::KeyUnderway => (409, "key-underway", "The first request with this key is not answered yet"),
            ProblemKind::TooLarge => (413, "too-large", "The request is too large"),
            ProblemKind::AddressTooLong => (414, "address-too-long", "The address is too long"),
            ProblemKind::WrongType => (415, "wrong-type", "The request is of a type that is not read"),
            ProblemKind::WrongHost => (421, "wrong-host", "The request is meant for another host"),
            ProblemKind::KeyUsed => (422, "key-used", "The key was used for another request"),
            ProblemKind::TooManyWrongTokens => (429, "too-many-wrong-tokens", "Too many wrong tokens were tried"),
            ProblemKind::HeadersTooLarge => (431, "headers-too-large", "The headers are too large"),
            ProblemKind::Broken => (500, "broken", "A fault in Ægir itself"),
            ProblemKind::NoContact => (502, "no-contact", "A back end cannot be asked"),
            ProblemKind::Store => (503, "store", "What is remembered cannot be read or written"),
            ProblemKind::SlowAnswer => (503, "slow-answer", "The answer took too long"),
        }
    }

    /// The status of HTTP that it is answered with.
    pub fn status(self) -> u16 {
        self.told().0
    }

    /// Its word, for programs: `taken`.
    pub fn word(self) -> &'static str {
        self.told().1
    }

    /// Its title, for people.
    pub fn title(self) -> &'static str {
        self.told().2
    }

    /// What its `type` is: `urn:aegir:problem:taken`.
    pub fn urn(self) -> String {
        format!("urn:aegir:problem:{}", self.word())
    }
}

/// A request that was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .told.detail)]
pub struct Problem {
    /// What sort of problem it is.
    pub kind: ProblemKind,
    // Boxed: most answers are none, and carry no room for one.
    told: Box<Told>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    detail: String,
    remedy: Option<String>,
    because: Vec<String>,
    parameters: Vec<BadParameter>,
    again_after: Option<u64>,
    allowed: Option<String>,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>, remedy: impl Into<Cow<'static, str>>) -> Problem {
        let remedy = Some(remedy.into().into_owned());
        Problem { kind, told: Box::new(Told { detail: detail.into(), remedy, ..Told::default() }) }
    }

    /// The same, to be tried again after so many seconds.
    pub(crate) fn after(mut self, seconds: u64) -> Problem {
        self.told.again_after = Some(seconds);
        self
    }

    /// The same, with the methods that the address has.
    pub(crate) fn allowing(mut self, methods: String) -> Problem {
        self.told.allowed = Some(methods);
        self
    }

    /// What happened.
    pub(crate) fn detail(&self) -> &str {
        &self.told.detail
    }

    /// Why, the nearest cause first.
    pub(crate) fn because(&self) -> &[String] {
        &self.told.because
    }

    /// What was wrong with which parameter.
    pub(crate) fn parameters(&self) -> &[BadParameter] {
        &self.told.parameters
    }

    /// Seconds after which it can be tried again.
    pub(crate) fn again_after(&self) -> Option<u64> {
        self.told.again_after
    }

    /// The methods that the address has.
    pub(crate) fn allowed(&self) -> Option<&str> {
        self.told.allowed.as_deref()
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The document.
    pub fn as_json(&self) -> Value {
        let parameters = self.told.parameters.iter().map(|bad| BadParameterView {
            parameter: bad.parameter.clone(),
            why: bad.why.clone(),
            remedy: bad.remedy.clone(),
        });
        json!(ProblemView {
            kind: self.kind.urn(),
            title: self.kind.title(),
            status: self.kind.status(),
            detail: self.told.detail.clone(),
            remedy: self.told.remedy.clone(),
            because: self.told.because.clone(),
            parameters: parameters.collect(),
        })
    }
}

impl Remedy for Problem {
    fn remedy(&self) -> Option<String> {
        self.told.remedy.clone()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::from(&refusal)
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Problem {
        let kind = match refusal {
            Refusal::Bad(_) => ProblemKind::BadParameters,
            Refusal::Forbidden(_) => ProblemKind::Forbidden,
            Refusal::Unknown { .. } => ProblemKind::Unknown,
            Refusal::Taken { .. } => ProblemKind::Taken,
            Refusal::Unavailable(_) => ProblemKind::Unavailable,
            Refusal::Stale { .. } => ProblemKind::Stale,
            Refusal::Conflict { .. } => ProblemKind::Conflict,
            Refusal::Store(_) => ProblemKind::Store,
            Refusal::Lost(_) => ProblemKind::NoContact,
        };
        let FaultReport { message, because, remedy } = refusal.report();
        let parameters = match refusal {
            Refusal::Bad(bad) => bad.bad.clone(),
            _ => Vec::new(),
        };
        let again_after = (kind == ProblemKind::Store).then_some(5);
        Problem {
            kind,
            told: Box::new(Told { detail: message, remedy, because, parameters, again_after, allowed: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aegir_hosting::OperationId;
    use serde_json::Map;

    use super::*;

    #[test]
    fn every_problem_has_a_word_of_its_own() {
        let words: BTreeSet<_> = ProblemKind::ALL.into_iter().map(ProblemKind::word).collect();

        assert_eq!(words.len(), ProblemKind::ALL.len());
    }

    #[test]
    fn a_refusal_keeps_its_word_in_its_problem() {
        let bad = OperationId::SiteAdd.declaration().read(&Map::from_iter([("colour".to_owned(), json!(1))]));
        let refusals = [
            Refusal::Bad(bad.unwrap_err()),
            Refusal::Unknown { what: "site", name: "a.test".into() },
            Refusal::Taken { name: "a.test".into(), by: "a site".into() },
            Refusal::Stale { name: "a.test".into(), from: 1, now: 2 },
            Refusal::Conflict { what: "no".into(), remedy: None },
            Refusal::Store(FaultReport { message: "no".into(), because: vec!["full".into()], remedy: None }),
        ];

        for refusal in refusals {
            let word = refusal.word();
            let problem = Problem::from(refusal);
            assert_eq!(problem.kind.word(), word);
            assert_eq!(problem.as_json()["status"], problem.kind.status());
        }
    }
}
