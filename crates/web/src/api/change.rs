//! What changes something: done once, and done to its end though whoever asked goes away.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use aegir_hosting::{Actor, Call, Once, Operation, OperationId};
use axum::http::{HeaderMap, StatusCode};
use futures_util::FutureExt;
use ring::digest;
use serde_json::{Value, json};

use super::answer::Reply;
use super::router::Api;
use super::{Problem, ProblemKind};

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
pub(super) async fn perform(
    api: &Arc<Api>,
    actor: &Actor,
    operation: &Operation,
    call: Call,
    key: Option<String>,
) -> Result<Reply, Problem> {
    let Some(key) = key else {
        return Ok(api.front.perform(actor, call).await?.into());
    };
    match api.front.begin_once(actor, &key, &print_of(&key, &call)).await? {
        Once::First => (),
        Once::Answered(status, body) => return Ok(again(status, &body)),
        Once::Underway => {
            return Err(Problem::new(
                ProblemKind::KeyUnderway,
                "the first request with this key is not answered yet",
                "send it again in a moment",
            )
            .after(1));
        }
        Once::Other => {
            return Err(Problem::new(
                ProblemKind::KeyUsed,
                "another request bore this key",
                "give each request a key of its own; only the same request is sent again with the same key",
            ));
        }
    }
    let (reply, panic) = match AssertUnwindSafe(api.front.perform(actor, call)).catch_unwind().await {
        Ok(Ok(answer)) => (Reply::from(answer), None),
        // The front end keeps no answer of a trouble: nothing was done, so the key may be used again.
        Ok(Err(refusal)) => (refused(refusal.into()), None),
        // Nobody knows what was done: the key stays used, so that it is not done twice.
        Err(panic) => (refused(unfinished()), Some(panic)),
    };
    let kept = kept(operation, &reply);
    if let Err(refusal) = api.front.end_once(actor, &key, reply.status.as_u16(), &kept.to_string()).await {
        api.outside.tell(&format!("the answer to a request with a key could not be kept: {refusal}"));
    }
    match panic {
        Some(panic) => resume_unwind(panic),
        None => Ok(reply),
    }
}

fn unfinished() -> Problem {
    Problem::new(
        ProblemKind::Broken,
        "a fault in Ægir itself ended the first request with this key",
        "look whether it was done before you ask again, with another key",
    )
}

fn refused(problem: Problem) -> Reply {
    Reply { status: problem.status(), body: problem.as_json() }
}

/// What was answered the first time.
fn again(status: u16, body: &str) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Reply { status, body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

/// What of an answer is kept for a second time: a token is told once, and lies nowhere.
fn kept(operation: &Operation, reply: &Reply) -> Value {
    let mut body = reply.body.clone();
    if operation.id == OperationId::TokenAdd
        && let Some(token) = body.as_object_mut()
    {
        token.remove("token");
    }
    body
}

/// What tells a request from another with the same key, and gives nothing of its parameters away.
fn print_of(key: &str, call: &Call) -> Vec<u8> {
    let said = json!([key, call.operation.declaration().slug(), call.name, call.parameters, call.dry_run]);
    digest::digest(&digest::SHA256, said.to_string().as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
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
    fn a_token_is_not_kept() {
        let reply = Reply { status: StatusCode::OK, body: json!({ "label": "ci", "token": "secret" }) };

        assert_eq!(kept(&OperationId::TokenAdd.declaration(), &reply), json!({ "label": "ci" }));
    }
}
