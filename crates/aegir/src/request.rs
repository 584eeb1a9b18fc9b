//! Reads a request from standard input, and no more of it than a request can have.

use std::io::{self, Read};

use aegir_domain::protocol::{REQUEST_LIMIT, Request, VERSION};
use aegir_domain::{Remedy, Secrets, Trial};
use aegir_provision::AttemptFault;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// Reads one request. Nothing is made of it here, so one that is refused leaves nothing behind.
pub(crate) fn read(input: &mut dyn Read) -> Result<Request, Failure> {
    let (mut request, secrets): (Request, Secrets) = parse(&read_all(input)?)?;
    request.secrets = secrets;
    Ok(request)
}

/// Reads services that are to be tried.
pub(crate) fn read_trial(input: &mut dyn Read) -> Result<Trial, Failure> {
    let (mut trial, secrets): (Trial, Secrets) = parse(&read_all(input)?)?;
    trial.secrets = secrets;
    Ok(trial)
}

fn read_all(input: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    // One byte more than a request can have tells that it is too long; the rest is left unread.
    let limit = REQUEST_LIMIT as u64 + 1;
    input.take(limit).read_to_end(&mut text).map_err(RequestFault::NoInput)?;
    if text.len() > REQUEST_LIMIT {
        return Err(AttemptFault::TooLong { limit: REQUEST_LIMIT }.into());
    }
    Ok(text)
}

/// What was asked, and its secrets apart.
fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<(T, Secrets), Failure> {
    #[derive(Deserialize)]
    struct Spoken {
        protocol: u32,
    }
    let mut request: Value = serde_json::from_slice(text).map_err(AttemptFault::Unreadable)?;
    // Told before anything else: of another version, the rest may well read otherwise.
    if let Ok(Spoken { protocol }) = Spoken::deserialize(&request)
        && protocol != VERSION
    {
        return Err(AttemptFault::OtherProtocol { asked: protocol }.into());
    }
    // Read apart, since an error about a value shows the value.
    let secrets = request.as_object_mut().and_then(|request| request.remove("secrets"));
    let request: T = serde_json::from_value(request).map_err(AttemptFault::Unreadable)?;
    let secrets = match secrets {
        Some(secrets) => Secrets::deserialize(secrets).map_err(|_| RequestFault::Secrets)?,
        None => Secrets::default(),
    };
    if secrets.iter().any(|(name, _)| !is_plain(name)) {
        return Err(RequestFault::SecretName.into());
    }
    Ok((request, secrets))
}

/// Whether a secret's name can be the name of a file.
fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-')
}

#[derive(Debug, thiserror::Error)]
enum RequestFault {
    #[error("cannot read standard input")]
    NoInput(#[source] io::Error),
    #[error("`secrets` of the request is not an object of texts")]
    Secrets,
    #[error("a name in `secrets` of the request is not one of `a-z`, `-` and `_`")]
    SecretName,
}

impl Remedy for RequestFault {
    fn remedy(&self) -> Option<String> {
        Some("send one JSON object as `docs/protocol.schema.json` describes it (`aegir schema` prints it)".into())
    }
}
