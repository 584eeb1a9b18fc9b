//! What a task says, as it says it: server-sent events that can be taken up again where they were cut.
//!
//! Lines are read in small pages, and only when the reader has taken the ones before: a slow reader costs
//! one page, however long the log is.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aegir_hosting::{Answer, Call, OperationId, Refusal};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::unfold;
use serde_json::{Value, json};

use super::router::Api;
use super::tokens::Pass;
use super::{Problem, ProblemKind, wait};

/// The header by which a reader says how far it came.
const LAST: &str = "last-event-id";
/// The first page, and the largest: lines of 1 MB are allowed.
const FIRST_PAGE: usize = 4;
const LARGEST_PAGE: usize = 128;
/// Below this the next page is larger, above four times this it is smaller.
const SMALL_PAGE: usize = 128 * 1024;
/// After which time a reader whose stream ended asks again.
const AGAIN: Duration = Duration::from_secs(1);

/// How far a reader came, if it says so.
pub(crate) fn last_event(headers: &HeaderMap) -> Option<&str> {
    // A reader that has seen no event yet may send it empty.
    headers.get(LAST).map(|last| last.to_str().unwrap_or("?").trim()).filter(|last| !last.is_empty())
}

pub(super) fn no_such_event(given: &str, form: &'static str) -> Problem {
    let given: String = given.chars().take(60).collect();
    Problem::new(
        ProblemKind::Malformed,
        format!("`{given}` is the number of no event"),
        format!("send the id of the last event that was read: {form}; or leave it out"),
    )
}

/// The response that tells `events`, kept alive while there is nothing to tell.
pub(super) fn told<S>(api: &Api, source: S) -> Response<Body>
where
    S: Source + Send + 'static,
{
    let events = unfold(source, |mut source| async move {
        loop {
            if let Some(event) = source.waiting().pop_front() {
                return Some((Ok::<_, Infallible>(event), source));
            }
            if !source.fill().await {
                return None;
            }
        }
    });
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(api.limits.heartbeat).text("still here")).into_response();
    // nginx would gather them.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// Where events come from.
pub(super) trait Source {
    /// Those that are read and not yet told.
    fn waiting(&mut self) -> &mut VecDeque<Event>;

    /// Reads more, or waits until there may be some; false: there are no more.
    fn fill(&mut self) -> impl Future<Output = bool> + Send;
}

/// The first thing that is told: after which time to ask again.
pub(super) fn hello() -> Event {
    Event::default().comment("hello").retry(AGAIN)
}

/// An event that says that this is the last one.
pub(super) fn last(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// The last event where something stands in the way.
pub(super) fn trouble(problem: &Problem) -> Event {
    last("trouble", &problem.as_json())
}

/// The last event where the server ends.
pub(super) fn closing() -> Event {
    last("closing", &json!({ "why": "the front end ends; ask again with the id of the last event" }))
}

struct Following {
    api: Arc<Api>,
    pass: Pass,
    task: i64,
    attempt: u64,
    next: u64,
    page: usize,
    waiting: VecDeque<Event>,
    /// The task as it was before the page that is read next: what it says of ended attempts is all in the log.
    seen: Option<Value>,
    over: bool,
}

/// Tells the lines of `task`, from behind the event `last`, or from the beginning of the newest attempt.
pub(crate) async fn stream(
    api: Arc<Api>,
    pass: Pass,
    task: i64,
    last: Option<&str>,
) -> Result<Response<Body>, Problem> {
    let view = wait::shown(&api, &pass.actor, task).await?;
    let (attempt, next) = match last {
        Some(given) => {
            let (attempt, line) = read_id(given).ok_or_else(|| no_such_event(given, "ATTEMPT.LINE"))?;
            (attempt, line.saturating_add(1))
        }
        None => (attempts(&view).max().unwrap_or(1), 1),
    };
    let waiting = VecDeque::from([hello()]);
    let seen = Some(view);
    let source =
        Following { api: api.clone(), pass, task, attempt, next, page: FIRST_PAGE, waiting, seen, over: false };
    Ok(told(&api, source))
}

fn read_id(text: &str) -> Option<(u64, u64)> {
    let (attempt, line) = text.split_once('.')?;
    Some((attempt.parse().ok().filter(|attempt| *attempt > 0)?, line.parse().ok()?))
}

fn attempts(view: &Value) -> impl Iterator<Item = u64> {
    view["attempts"].as_array().into_iter().flatten().filter_map(|attempt| attempt["number"].as_u64())
}

impl Source for Following {
    fn waiting(&mut self) -> &mut VecDeque<Event> {
        &mut self.waiting
    }

    async fn fill(&mut self) -> bool {
        if self.over {
            return false;
        }
        if *self.api.ending.borrow() {
            self.end(closing());
        } else if let Err(problem) = self.pass.look(&self.api).await {
            self.end(trouble(&problem));
        } else if let Err(refusal) = self.read_on().await {
            self.end(trouble(&refusal.into()));
        }
        true
    }
}

impl Following {
    fn end(&mut self, event: Event) {
        self.waiting.push_back(event);
        self.over = true;
    }

    async fn read_on(&mut self) -> Result<(), Refusal> {
        let api = self.api.clone();
        let (view, ear) = match self.seen.take() {
            Some(view) => (view, None),
            None => {
                let ear = wait::Ear::of(api.front.as_ref());
                (wait::shown(&api, &self.pass.actor, self.task).await?, Some(ear))
            }
        };
        if attempts(&view).any(|attempt| attempt == self.attempt) && self.read_page().await? {
            self.seen = Some(view);
            return Ok(());
        }
        // All that was said before `view` is told.
        if let Some(following) = attempts(&view).filter(|attempt| *attempt > self.attempt).min() {
            (self.attempt, self.next) = (following, 1);
            self.seen = Some(view);
        } else if wait::has_ended(&view) {
            self.end(last("ended", &view));
        } else if let Some(ear) = ear {
            ear.wait(&api.ending).await;
        }
        Ok(())
    }

    /// Reads the next page of the attempt's lines; false: there are none yet.
    async fn read_page(&mut self) -> Result<bool, Refusal> {
        let call = Call::of(OperationId::TaskLog)
            .about(self.task.to_string())
            .with("attempt", self.attempt)
            .with("from", self.next)
            .with("limit", self.page);
        let Answer::Page { items, .. } = self.api.front.perform(&self.pass.actor, call).await? else {
            return Ok(false);
        };
        let mut size = 0;
        for line in &items {
            let Some(n) = line["n"].as_u64().filter(|n| *n >= self.next) else { continue };
            let text = line.to_string();
            size += text.len();
            self.waiting.push_back(Event::default().event("line").id(format!("{}.{n}", self.attempt)).data(text));
            self.next = n + 1;
        }
        if size > 4 * SMALL_PAGE {
            self.page = (self.page / 4).max(1);
        } else if size < SMALL_PAGE {
            self.page = (self.page * 2).min(LARGEST_PAGE);
        }
        Ok(!self.waiting.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_is_its_attempt_and_line() {
        assert_eq!(read_id("2.17"), Some((2, 17)));
        for wrong in ["", "2", "2.", "0.1", "-1.2", "1.2.3", "a.b", "1.99999999999999999999"] {
            assert_eq!(read_id(wrong), None, "{wrong}");
        }
    }
}
