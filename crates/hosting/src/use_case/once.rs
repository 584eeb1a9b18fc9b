//! A request with a key of its own: what it does, that it was asked, and what it was answered are one transaction.
//!
//! So there is no moment at which a process could die and leave a key of which nobody knows whether its request was
//! done: it was, and its answer is kept; or it was not, and the key is free.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use aegir_store::{Repeated, StoreFault, Tx};

use super::Asked;
use crate::{Actor, Answer, Call, Hosting, Once, OwnKey, Refusal};

/// A request with a key, while it is done.
pub(crate) struct Keyed<'a> {
    own: &'a OwnKey,
    asker: &'a str,
    /// What was found under the key when it was to be taken.
    found: OnceLock<Once>,
    /// Set once the answer lies under the key, with what was changed.
    kept: OnceLock<()>,
}

/// The keys whose requests are being done in this process: by whom, and which.
#[derive(Default)]
pub(crate) struct Underway(Mutex<HashSet<(String, String)>>);

/// A key that is taken, for as long as this lives.
struct Held<'a> {
    among: &'a Underway,
    key: (String, String),
}

impl Underway {
    fn hold(&self, asker: &str, key: &str) -> Option<Held<'_>> {
        let key = (asker.to_owned(), key.to_owned());
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        new.then(|| Held { among: self, key })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.among.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Hosting {
    /// Does what is asked, if that was not done before under this key, and keeps what it was answered with.
    pub async fn perform_once(&self, actor: &Actor, call: Call, own: &OwnKey) -> Result<Once, Refusal> {
        let Some(_held) = self.0.underway.hold(&actor.id, &own.key) else { return Ok(Once::Underway) };
        let before = self.store().read(async |read| read.repeated(&actor.id, &own.key, &own.print).await).await?;
        if let Some(found) = once_of(before) {
            return Ok(found);
        }
        let operation = call.operation.declaration();
        let keyed = Keyed { own, asker: &actor.id, found: OnceLock::new(), kept: OnceLock::new() };
        let answer = self.perform_as(actor, call, Some(&keyed)).await;
        if let Some(found) = keyed.found.into_inner() {
            return Ok(found);
        }
        // What changed nothing has no transaction of its own; its answer may be lost, and is then made anew.
        let is_kept = answer.is_ok() && keyed.kept.get().is_some();
        if let Some((status, body)) = (own.kept)(&operation, answer.as_ref()).filter(|_| !is_kept) {
            let now = self.now();
            let kept = self
                .store()
                .write(async |tx| match tx.take_key(&actor.id, &own.key, &own.print, now).await? {
                    Repeated::New => tx.answer_request(&actor.id, &own.key, status, &body).await,
                    _ => Ok::<_, StoreFault>(()),
                })
                .await;
            if let Err(fault) = kept {
                tracing::warn!(fault = %fault, "the answer to a request with a key is not kept");
            }
        }
        answer.map(Once::Done)
    }

    /// Changes what is remembered, as an operation asks for: all of it, with the answer under the request's own key,
    /// or nothing.
    pub(super) async fn change(
        &self,
        asked: &Asked<'_>,
        work: impl AsyncFnOnce(&mut Tx) -> Result<Answer, Refusal>,
    ) -> Result<Answer, Refusal> {
        let now = self.now();
        self.store()
            .write(async |tx| {
                let Some(keyed) = asked.keyed else { return work(tx).await };
                let (asker, own) = (keyed.asker, keyed.own);
                let before = tx.take_key(asker, &own.key, &own.print, now).await?;
                if let Some(found) = once_of(Some(before)) {
                    // Another control node was faster. Nobody is told this: what was found is the answer.
                    let _ = keyed.found.set(found);
                    return Err(Refusal::Conflict { what: "this was asked before".into(), remedy: None });
                }
                let answer = work(tx).await?;
                if let Some((status, body)) = (own.kept)(asked.operation, Ok(&answer)) {
                    tx.answer_request(asker, &own.key, status, &body).await?;
                    let _ = keyed.kept.set(());
                }
                Ok(answer)
            })
            .await
    }
}

impl Keyed<'_> {
    /// Whether it turned out to be a request that was done before.
    pub(super) fn is_known(&self) -> bool {
        self.found.get().is_some()
    }
}

fn once_of(repeated: Option<Repeated>) -> Option<Once> {
    match repeated? {
        Repeated::New => None,
        Repeated::Answered { status, answer } => Some(Once::Answered(status, answer)),
        Repeated::Pending => Some(Once::Underway),
        Repeated::Other => Some(Once::Other),
    }
}
