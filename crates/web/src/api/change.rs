//! What changes something: done once, and done to its end though whoever asked goes away.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;

use aegir_hosting::{Actor, Answer, Call, KeptAnswer, Once, Operation, OperationId, OwnKey, Refusal, Sort};
use axum::http::{HeaderMap, StatusCode};
use ring::digest;
use serde_json::{Value, json};

use super::answer::Reply;
use super::router::Api;
use super::{Problem, ProblemKind, guard};

/// The header that bears a request's own key.
pub(super) const KEY: &str = "idempotency-key";
const LONGEST_KEY: usize = 200;

/// The key of a request, if it bears one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(KEY).iter();
    let Some(first) = given.next() else { return Ok(None) };
    let text = first.to_str().unwrap_or_default();
    let fits = (1..=LONGEST_KEY).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && given.next().is_none();
    match fits {
        true => Ok(Some(text.to_owned())),
        false => Err(Problem::new(
            ProblemKind::Malformed,
            "the header `Idempotency-Key` is not one text of 1 to 200 letters, digits and signs",
            "give each request one key of its own, such as a UUID",
        )),
    }
}

/// Does `call`; with a key, once however often it is sent.
pub(super) async fn perform(api: &Arc<Api>, actor: &Actor, call: Call, key: Option<String>) -> Result<Reply, Problem> {
    let Some(key) = key else {
        return Ok(api.front.perform(actor, call).await?.into());
    };
    let print = print_of(&key, &call);
    match api.front.perform_once(actor, call, &OwnKey { key, print, kept }).await? {
        Once::Done(answer) => Ok(answer.into()),
        Once::Answered(status, body) => Ok(again(status, &body)),
        Once::Underway => Err(Problem::new(
            ProblemKind::KeyUnderway,
            "the first request with this key is not answered yet",
            "send it again in a moment",
        )
        .after(1)),
        Once::Other => Err(Problem::new(
            ProblemKind::KeyUsed,
            "another request bore this key",
            "give each request a key of its own; only the same request is sent again with the same key",
        )),
    }
}

/// Does a change apart from the connection, which may end before it has.
pub(crate) async fn apart<T: Send + 'static>(
    api: &Arc<Api>,
    change: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let Ok(permit) = api.changes.clone().acquire_owned().await else {
        return Err(guard::slow_answer());
    };
    let doing = tokio::spawn(async move {
        let done = change.await;
        drop(permit);
        done
    });
    match doing.await {
        Ok(done) => done,
        Err(broken) => match broken.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(guard::slow_answer()),
        },
    }
}

/// What was answered the first time.
fn again(status: u16, body: &str) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Reply { status, body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

/// What of an answer is kept for a second time: a token or link is told once, and lies nowhere; a trouble changed nothing, and
/// may be over soon.
fn kept(operation: &Operation, answer: Result<&Answer, &Refusal>) -> Option<KeptAnswer> {
    let Reply { status, mut body } = match answer {
        Ok(answer) => Reply::from(answer.clone()),
        Err(refusal) if refusal.sort() == Sort::Trouble => return None,
        Err(refusal) => {
            let problem = Problem::from(refusal);
            Reply { status: problem.status(), body: problem.as_json() }
        }
    };
    let told_once = match operation.id {
        OperationId::TokenAdd => Some("token"),
        OperationId::AccountAdd | OperationId::AccountLink => Some("link"),
        _ => None,
    };
    if let (Some(secret), Some(told)) = (told_once, body.as_object_mut()) {
        told.remove(secret);
    }
    Some((status.as_u16(), body.to_string()))
}

/// What tells a request from another with the same key, and gives nothing of its parameters away.
fn print_of(key: &str, call: &Call) -> Vec<u8> {
    let said = json!([key, call.operation.declaration().slug(), call.name, call.parameters, call.dry_run]);
    digest::digest(&digest::SHA256, said.to_string().as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use aegir_domain::FaultReport;

    use super::*;

    #[test]
    fn two_requests_are_the_same_if_they_ask_the_same() {
        let call =
            || Call::of(OperationId::SiteAdd).about("a.test").with("profile", "standard").with("mail", "a@b.test");
        let turned =
            Call::of(OperationId::SiteAdd).about("a.test").with("mail", "a@b.test").with("profile", "standard");

        assert_eq!(print_of("k", &call()), print_of("k", &turned));
        for other in [call().with("language", "de"), Call { dry_run: true, ..call() }, call().about("b.test")] {
            assert_ne!(print_of("k", &call()), print_of("k", &other));
        }
    }

    #[test]
    fn a_token_or_link_is_not_kept_and_neither_is_a_trouble() {
        let token = Answer::Object(json!({ "label": "ci", "token": "secret" }));
        let trouble = Refusal::Store(FaultReport { message: "full".into(), because: Vec::new(), remedy: None });
        let add = OperationId::TokenAdd.declaration();

        assert_eq!(kept(&add, Ok(&token)), Some((200, json!({ "label": "ci" }).to_string())));
        for id in [OperationId::AccountAdd, OperationId::AccountLink] {
            let link = Answer::Object(json!({ "name": "anna", "link": "secret" }));
            assert_eq!(kept(&id.declaration(), Ok(&link)), Some((200, json!({ "name": "anna" }).to_string())));
        }
        assert_eq!(kept(&add, Err(&trouble)), None);
        let unknown = Refusal::Unknown { what: "site", name: "a.test".into() };
        assert!(kept(&add, Err(&unknown)).is_some_and(|(status, _)| status == 404));
    }
}
