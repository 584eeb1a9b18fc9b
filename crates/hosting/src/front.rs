//! The door that every face comes through: the same in this process and behind its socket.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::view::{BackupView, ChangeView};
use crate::{Actor, Answer, Call, Download, Operation, Refusal, Source};

/// What is answered later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The front end, as a face sees it.
pub trait Front: Send + Sync {
    /// Does what is asked, if `actor` may, and writes down that it was asked.
    fn perform<'a>(&'a self, actor: &'a Actor, call: Call) -> Pending<'a, Result<Answer, Refusal>>;

    /// Whom a token lets in; `None` if it is unknown, revoked or no longer holds.
    fn actor_of_token<'a>(&'a self, token: &'a str) -> Pending<'a, Result<Option<Actor>, Refusal>>;

    /// The part of a task's answer that is told once, such as a login link: to whoever asked for the task, if
    /// they ask again, and to nobody after. Until then it is kept sealed, and for some minutes only.
    fn secret_answer<'a>(
        &'a self,
        actor: &'a Actor,
        task: i64,
    ) -> Pending<'a, Result<Option<Map<String, Value>>, Refusal>>;

    /// Whether [`Front::secret_answer`] has something to tell; it is not taken.
    fn secret_waits<'a>(&'a self, actor: &'a Actor, task: i64) -> Pending<'a, Result<bool, Refusal>>;

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

    /// Does what is asked as [`Front::perform`] does, unless it was done before under the same key: once, however often
    /// it is sent, and whatever becomes of this process meanwhile.
    fn perform_once<'a>(&'a self, actor: &'a Actor, call: Call, own: &'a OwnKey) -> Pending<'a, Result<Once, Refusal>>;

    /// The archive of a backup, on the machine of `server` or wherever it lies.
    fn archive<'a>(
        &'a self,
        actor: &'a Actor,
        backup: &'a str,
        server: Option<&'a str>,
    ) -> Pending<'a, Result<Download, Refusal>>;

    /// Takes in what `from` gives as the backup of that name, on the machine of `server` or that of its site. It is
    /// looked through before it is one.
    fn take_archive<'a>(
        &'a self,
        actor: &'a Actor,
        backup: &'a str,
        server: Option<&'a str>,
        from: &'a mut dyn Source,
    ) -> Pending<'a, Result<BackupView, Refusal>>;
}

/// A status, and the text of an answer.
pub type KeptAnswer = (u16, String);

/// The key that a request bears, so that it is done once however often it is sent.
#[derive(Clone, Debug)]
pub struct OwnKey {
    /// Its text. Each asker has keys of their own.
    pub key: String,
    /// What tells the request from another one with the same key.
    pub print: Vec<u8>,
    /// What is kept of an answer, as a status and a text, for whoever sends the request again. `None`: nothing, since
    /// the same may be answered otherwise then.
    pub kept: fn(&Operation, Result<&Answer, &Refusal>) -> Option<KeptAnswer>,
}

/// What became of a request with a key of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Once {
    /// It was done now.
    Done(Answer),
    /// It was answered before: status and text.
    Answered(u16, String),
    /// The first one with this key is not answered yet.
    Underway,
    /// The key was used for another request.
    Other,
}
