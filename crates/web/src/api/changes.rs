//! What changes, as it changes, for whoever keeps a list up to date.
//!
//! A reader that comes back after changes were cleared away is told to begin anew: `reset`.

use std::collections::VecDeque;
use std::sync::Arc;

use aegir_hosting::view::ChangeView;
use aegir_hosting::{Actor, Permission, Refusal};
use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;
use axum::response::sse::Event;
use serde_json::json;

use super::events::{Source, closing, hello, last_event, no_such_event, told, trouble};
use super::router::Api;
use super::{Problem, call};

const PAGE: usize = 200;

struct Watching {
    api: Arc<Api>,
    actor: Actor,
    /// The change that was told last.
    last: i64,
    /// Whether that one was seen or asked for, so that it must still be there if nothing was cleared away since.
    anchored: bool,
    waiting: VecDeque<Event>,
    over: bool,
}

/// Tells changes: after the one that the reader names, or from now on.
pub(super) async fn stream(api: Arc<Api>, actor: Actor, head: &Parts) -> Result<Response<Body>, Problem> {
    actor.must(Permission::View).map_err(Refusal::from)?;
    let named = match last_event(&head.headers) {
        Some(given) => Some(given.to_owned()),
        None => since(head.uri.query().unwrap_or_default())?,
    };
    let mut source =
        Watching { api: api.clone(), actor, last: 0, anchored: true, waiting: VecDeque::from([hello()]), over: false };
    match named {
        Some(given) => {
            let number = given.parse::<i64>().ok().filter(|number| *number >= 0);
            source.last = number.ok_or_else(|| no_such_event(&given, "a whole number"))?;
        }
        None => source.begin_at_newest().await?,
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
        } else if let Err(refusal) = self.read_on().await {
            self.waiting.push_back(trouble(refusal));
            self.over = true;
        }
        true
    }
}

impl Watching {
    /// Goes to the newest change.
    async fn begin_at_newest(&mut self) -> Result<(), Refusal> {
        let newest = self.api.front.changes(&self.actor, None, 1).await?;
        self.anchored = !newest.is_empty();
        self.last = newest.last().map_or(0, |change| change.number);
        Ok(())
    }

    async fn read_on(&mut self) -> Result<(), Refusal> {
        // The last one is asked for again: if it is gone, others may be that were never told.
        let since = if self.anchored { self.last - 1 } else { self.last };
        let mut found = self.api.front.changes(&self.actor, Some(since), PAGE).await?;
        if self.anchored {
            if found.first().is_none_or(|first| first.number != self.last) {
                self.begin_at_newest().await?;
                let reset = Event::default().event("reset").id(self.last.to_string());
                self.waiting.push_back(reset.data(json!({ "newest": self.last }).to_string()));
                return Ok(());
            }
            found.remove(0);
        }
        if found.is_empty() {
            let mut ending = self.api.ending.clone();
            tokio::select! {
                () = self.api.front.changed() => (),
                _ = ending.wait_for(|ending| *ending) => (),
            }
        }
        for change in found {
            self.tell(&change);
        }
        Ok(())
    }

    fn tell(&mut self, change: &ChangeView) {
        let data = json!(change).to_string();
        self.waiting.push_back(Event::default().event("change").id(change.number.to_string()).data(data));
        (self.last, self.anchored) = (change.number, true);
    }
}
