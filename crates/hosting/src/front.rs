//! The door that every face comes through: the same in this process and behind its socket.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::view::ChangeView;
use crate::{Actor, Answer, Call, Refusal};

/// What is answered later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The front end, as a face sees it.
pub trait Front: Send + Sync {
    /// Does what is asked, if `actor` may, and writes down that it was asked.
    fn perform<'a>(&'a self, actor: &'a Actor, call: Call) -> Pending<'a, Result<Answer, Refusal>>;

    /// Whom a token lets in; `None` if it is unknown, revoked or no longer holds.
    fn actor_of_token<'a>(&'a self, token: &'a str) -> Pending<'a, Result<Option<Actor>, Refusal>>;

    /// The part of a task's answer that is told once, such as a login link: to whoever asked for the task, if
    /// they ask again, and to nobody after. Kept in memory only.
    fn secret_answer<'a>(&'a self, actor: &'a Actor, task: i64) -> Pending<'a, Option<Map<String, Value>>>;

    /// What changed after the change `since`, the oldest first, at most `limit`. `None`: only the newest number, as
    /// what is `now`. Where changes after `since` were cleared away: the newest number, as a `reset`.
    fn changes<'a>(
        &'a self,
        actor: &'a Actor,
        since: Option<i64>,
        limit: usize,
    ) -> Pending<'a, Result<Vec<ChangeView>, Refusal>>;

    /// Ends when something may have changed since the last call, or a second has passed.
    fn changed(&self) -> Pending<'_, ()>;

    /// Begins a request that bears a key of its own, so that it is done once however often it is sent.
    fn begin_once<'a>(
        &'a self,
        actor: &'a Actor,
        key: &'a str,
        request: &'a [u8],
    ) -> Pending<'a, Result<Once, Refusal>>;

    /// Keeps what such a request was answered with. After 502 and 503 nothing was done, so nothing is kept and
    /// the key is free again.
    fn end_once<'a>(
        &'a self,
        actor: &'a Actor,
        key: &'a str,
        status: u16,
        answer: &'a str,
    ) -> Pending<'a, Result<(), Refusal>>;
}

/// A request with a key of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// It is the first with this key.
    First,
    /// It was answered: status and body.
    Answered(u16, String),
    /// The first one with this key is not answered yet.
    Underway,
    /// The key was used for another request.
    Other,
}
