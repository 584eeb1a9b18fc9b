//! `Prefer: wait=SECONDS`: the answer is put off until the task has ended, or the time is over.

use std::time::Duration;

use aegir_domain::TaskState;
use aegir_hosting::{Actor, Answer, Call, Front, OperationId, Pending, Refusal};
use axum::http::HeaderMap;
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::watch;

use super::router::Api;
use super::tokens::Pass;

/// The header that asks for it.
pub(super) const PREFER: &str = "prefer";
/// The longest that an answer is put off.
pub(super) const LONGEST: u64 = 300;

/// How long the news of a moment are gathered: where much happens, nobody looks more often than that.
const BREATH: Duration = Duration::from_millis(30);

/// How many seconds somebody would wait, if they say so.
pub(super) fn seconds(headers: &HeaderMap) -> Option<u64> {
    let given = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let mut preferences = given.flat_map(|value| value.split([',', ';'])).filter_map(|part| part.split_once('='));
    let (_, value) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    value.trim().trim_matches('"').parse::<u64>().ok().map(|seconds| seconds.min(LONGEST))
}

/// An ear that hears what changes from its making on, so that nothing is missed between looking and waiting.
pub(super) struct Ear<'a>(Option<Pending<'a, ()>>);

impl Ear<'_> {
    pub(super) fn of(front: &dyn Front) -> Ear<'_> {
        let mut changed = front.changed();
        // Looked at once, it listens.
        match (&mut changed).now_or_never() {
            Some(()) => Ear(None),
            None => Ear(Some(changed)),
        }
    }

    /// Ends when something may have changed, or the server is about to end.
    pub(super) async fn wait(self, ending: &watch::Receiver<bool>) {
        let Ear(Some(changed)) = self else { return };
        let mut ending = ending.clone();
        tokio::select! {
            () = changed => (),
            _ = ending.wait_for(|ending| *ending) => return,
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// The task once it has ended; nothing if that takes longer than `seconds`, or may not be seen any more.
pub(super) async fn ended(api: &Api, mut pass: Pass, task: i64, seconds: u64) -> Option<Value> {
    let watching = async {
        loop {
            let ear = Ear::of(api.front.as_ref());
            pass.look(api).await.ok()?;
            let view = shown(api, &pass.actor, task).await.ok()?;
            if has_ended(&view) {
                return Some(view);
            }
            ear.wait(&api.ending).await;
            if *api.ending.borrow() {
                return None;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(seconds), watching).await.ok().flatten()
}

/// The same for somebody who was let in just now, and is not asked again.
pub(crate) async fn ended_of(api: &Api, actor: &Actor, task: i64, seconds: u64) -> Option<Value> {
    ended(api, Pass::of(api, actor.clone(), &HeaderMap::new()), task, seconds).await
}

/// A task as it is shown.
pub(super) async fn shown(api: &Api, actor: &Actor, task: i64) -> Result<Value, Refusal> {
    let call = Call::of(OperationId::TaskShow).about(task.to_string());
    match api.front.perform(actor, call).await? {
        Answer::Object(view) => Ok(view),
        _ => Ok(Value::Null),
    }
}

/// Whether nothing more comes of a task by itself. A state of a later version is taken for an end: nobody
/// waits for what they do not know.
pub(super) fn has_ended(view: &Value) -> bool {
    let state = view["state"].as_str().and_then(|state| state.parse::<TaskState>().ok());
    state.is_none_or(TaskState::is_ended)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_bounded_and_found_among_others() {
        let asked =
            |value| seconds(&HeaderMap::from_iter([(PREFER.parse().unwrap(), HeaderValue::from_static(value))]));

        assert_eq!(asked("wait=20"), Some(20));
        assert_eq!(asked("respond-async, wait=\"20\"; a=b"), Some(20));
        assert_eq!(asked("wait=999999"), Some(LONGEST));
        assert_eq!(asked("wait=-1"), None);
        assert_eq!(asked("respond-async"), None);
    }
}
