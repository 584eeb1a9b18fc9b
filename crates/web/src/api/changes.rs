//! What changes, as it changes, for whoever keeps a list up to date.
//!
//! A reader that comes back after changes were cleared away is told to begin anew: `reset`.

use std::collections::VecDeque;
use std::sync::Arc;

use aegir_hosting::view::ChangeView;
use aegir_hosting::{Permission, Refusal};
use axum::body::Body;
use axum::http::{HeaderMap, Response};
use axum::response::sse::Event;
use serde_json::json;

use super::events::{Source, closing, hello, last_event, no_such_event, told, trouble};
use super::router::Api;
use super::tokens::Pass;
use super::wait::Ear;
use super::{Problem, call};

const PAGE: usize = 200;
/// What the front end says of changes that were cleared away.
const RESET: &str = "reset";

struct Watching {
    api: Arc<Api>,
    pass: Pass,
    /// The change that was told last.
    last: i64,
    waiting: VecDeque<Event>,
    over: bool,
}

/// Tells changes: after the one that the reader names, or from now on.
pub(crate) async fn stream(
    api: Arc<Api>,
    pass: Pass,
    headers: &HeaderMap,
    query: &str,
) -> Result<Response<Body>, Problem> {
    pass.actor.must(Permission::View).map_err(Refusal::from)?;
    let named = match last_event(headers) {
        Some(given) => Some(given.to_owned()),
        None => since(query)?,
    };
    let mut source = Watching { api: api.clone(), pass, last: 0, waiting: VecDeque::from([hello()]), over: false };
    match named {
        Some(given) => {
            let number = given.parse::<i64>().ok().filter(|number| *number >= 0);
            source.last = number.ok_or_else(|| no_such_event(&given, "a whole number"))?;
        }
        None => source.last = api.front.changes(&source.pass.actor, None, 1).await.map(newest)?,
    }
    Ok(told(&api, source))
}

/// The parameter of the query, for readers that cannot send headers.
fn since(query: &str) -> Result<Option<String>, Problem> {
    let mut since = None;
    for (name, value) in call::pairs(query)? {
        match name.as_str() {
            "since" if since.is_none() => since = Some(value),
            _ => return Err(no_such_event(&value, "as `since`, once")),
        }
    }
    Ok(since)
}

impl Source for Watching {
    fn waiting(&mut self) -> &mut VecDeque<Event> {
        &mut self.waiting
    }

    async fn fill(&mut self) -> bool {
        if self.over {
            return false;
        }
        if *self.api.ending.borrow() {
            self.waiting.push_back(closing());
            self.over = true;
        } else if let Err(problem) = self.pass.look(&self.api).await {
            self.waiting.push_back(trouble(&problem));
            self.over = true;
        } else if let Err(refusal) = self.read_on().await {
            self.waiting.push_back(trouble(&refusal.into()));
            self.over = true;
        }
        true
    }
}

impl Watching {
    async fn read_on(&mut self) -> Result<(), Refusal> {
        let api = self.api.clone();
        let ear = Ear::of(api.front.as_ref());
        let found = api.front.changes(&self.pass.actor, Some(self.last), PAGE).await?;
        if found.is_empty() {
            ear.wait(&api.ending).await;
        }
        for change in found {
            self.last = self.last.max(change.number);
            let event = Event::default().id(self.last.to_string());
            self.waiting.push_back(match change.what.as_str() {
                RESET => event.event(RESET).data(json!({ "newest": self.last }).to_string()),
                _ => event.event("change").data(json!(change).to_string()),
            });
        }
        Ok(())
    }
}

fn newest(changes: Vec<ChangeView>) -> i64 {
    changes.last().map_or(0, |change| change.number)
}
