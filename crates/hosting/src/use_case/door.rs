//! The front end as a face sees it.

use std::sync::PoisonError;
use std::time::Duration;

use aegir_domain::{NodeId, Password};
use aegir_store::Changes;
use serde_json::{Map, Value};

use super::token::scopes_of;
use crate::view::{BackupView, ChangeView};
use crate::{Actor, Answer, Call, Download, Front, Hosting, Once, OwnKey, Pending, Permission, Refusal, Source};

/// How long a face waits for news at the most.
const TURN: Duration = Duration::from_secs(1);

impl Front for Hosting {
    fn perform<'a>(&'a self, actor: &'a Actor, call: Call) -> Pending<'a, Result<Answer, Refusal>> {
        Box::pin(Hosting::perform(self, actor, call))
    }

    fn actor_of_token<'a>(&'a self, token: &'a str) -> Pending<'a, Result<Option<Actor>, Refusal>> {
        Box::pin(async move {
            let text = Password::new(token);
            let now = self.now();
            let Some(found) = self.store().read(async |read| read.token(&text, now).await).await? else {
                return Ok(None);
            };
            if found.is_to_be_noted(now) {
                self.note_use(found.id, now);
            }
            Ok(Some(Actor::of_token(found.id, &found.name, scopes_of(&found.scopes))))
        })
    }

    fn secret_answer<'a>(
        &'a self,
        actor: &'a Actor,
        task: i64,
    ) -> Pending<'a, Result<Option<Map<String, Value>>, Refusal>> {
        Box::pin(async move { Ok(self.take_answer(NodeId(task), &actor.id).await?) })
    }

    fn secret_waits<'a>(&'a self, actor: &'a Actor, task: i64) -> Pending<'a, Result<bool, Refusal>> {
        Box::pin(async move { Ok(self.answer_waits(NodeId(task), &actor.id).await?) })
    }

    fn changes<'a>(
        &'a self,
        actor: &'a Actor,
        since: Option<i64>,
        limit: usize,
    ) -> Pending<'a, Result<Vec<ChangeView>, Refusal>> {
        Box::pin(async move {
            actor.must(Permission::View)?;
            let limit = u32::try_from(limit).unwrap_or(u32::MAX).clamp(1, aegir_store::LONGEST_PAGE);
            let reset =
                |number| ChangeView { number, at: self.now(), node: 0, kind: String::new(), what: "reset".into() };
            let Some(since) = since else {
                let newest = self.store().read(async |read| read.last_change().await).await?;
                return Ok(vec![ChangeView { what: "now".into(), ..reset(newest) }]);
            };
            Ok(match self.store().read(async |read| read.changes_since(since, limit).await).await? {
                Changes::TooOld(newest) => vec![reset(newest)],
                Changes::Since(changes) => changes
                    .into_iter()
                    .map(|change| ChangeView {
                        number: change.number,
                        at: change.at,
                        node: change.node.0,
                        kind: change.kind.to_string(),
                        what: change.what,
                    })
                    .collect(),
            })
        })
    }

    fn changed(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            let mut heard = self.store().heard();
            heard.mark_unchanged();
            let _ = tokio::time::timeout(TURN, heard.changed()).await;
        })
    }

    fn perform_once<'a>(&'a self, actor: &'a Actor, call: Call, own: &'a OwnKey) -> Pending<'a, Result<Once, Refusal>> {
        Box::pin(Hosting::perform_once(self, actor, call, own))
    }

    fn archive<'a>(
        &'a self,
        actor: &'a Actor,
        backup: &'a str,
        server: Option<&'a str>,
    ) -> Pending<'a, Result<Download, Refusal>> {
        Box::pin(self.give_archive(actor, backup, server))
    }

    fn take_archive<'a>(
        &'a self,
        actor: &'a Actor,
        backup: &'a str,
        server: Option<&'a str>,
        from: &'a mut dyn Source,
    ) -> Pending<'a, Result<BackupView, Refusal>> {
        Box::pin(Hosting::take_archive(self, actor, backup, server, from))
    }
}

impl Hosting {
    /// Writes down that a token was used: good to know, and no reason to have anybody wait for their turn to write.
    fn note_use(&self, token: i64, now: i64) {
        // Of many that find the same, one writes; while it waits, the others go on.
        if !self.0.noting.lock().unwrap_or_else(PoisonError::into_inner).insert(token) {
            return;
        }
        let hosting = self.clone();
        tokio::spawn(async move {
            let noted = hosting.store().write_soon(async |tx| tx.use_token(token, now).await).await;
            hosting.0.noting.lock().unwrap_or_else(PoisonError::into_inner).remove(&token);
            if let Err(fault) = noted {
                tracing::warn!(token, fault = %fault, "that a token was used is not written down");
            }
        });
    }
}
