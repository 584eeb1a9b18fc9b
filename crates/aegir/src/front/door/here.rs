//! What a task says, read page by page from the front end in this process.

use std::collections::VecDeque;
use std::sync::Arc;

use aegir_domain::TaskState;
use aegir_hosting::view::{LineView, TaskView};
use aegir_hosting::{Actor, Answer, Call, Front, OperationId};

use super::{Heard, read_as};
use crate::front::problem::Problem;

/// How many lines are asked for at once.
const PAGE: u64 = 500;

/// What a task says, page by page.
pub(crate) struct Pages {
    front: Arc<dyn Front>,
    actor: Arc<Actor>,
    task: i64,
    /// The last line that was heard: attempt, number.
    last: Option<(u32, u64)>,
    ready: VecDeque<LineView>,
}

impl Pages {
    pub(super) fn of(front: Arc<dyn Front>, actor: Arc<Actor>, task: i64, last: Option<(u32, u64)>) -> Pages {
        Pages { front, actor, task, last, ready: VecDeque::new() }
    }

    pub(super) async fn next(&mut self) -> Result<Heard, Problem> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                self.last = Some((line.attempt, line.n));
                return Ok(Heard::Line(line));
            }
            // Asked before its lines: what it said before it ended is read once more after that.
            let task = self.task().await?;
            let ended = task.state.parse::<TaskState>().is_ok_and(TaskState::is_ended);
            let newest = task.attempts.iter().map(|attempt| attempt.number).max().unwrap_or(0);
            let (mut attempt, mut after) = self.last.unwrap_or((newest, 0));
            while attempt >= 1 && attempt <= newest && self.ready.is_empty() {
                self.ready.extend(self.lines(attempt, after + 1).await?);
                if self.ready.is_empty() {
                    (attempt, after) = (attempt + 1, 0);
                }
            }
            if self.ready.is_empty() {
                match ended {
                    true => return Ok(Heard::Ended),
                    false => self.front.changed().await,
                }
            }
        }
    }

    async fn task(&self) -> Result<TaskView, Problem> {
        let call = Call::of(OperationId::TaskShow).about(self.task.to_string());
        match self.front.perform(&self.actor, call).await? {
            Answer::Object(value) => read_as(value),
            _ => read_as(serde_json::Value::Null),
        }
    }

    async fn lines(&self, attempt: u32, from: u64) -> Result<Vec<LineView>, Problem> {
        let call = Call::of(OperationId::TaskLog).about(self.task.to_string());
        let call = call.with("attempt", attempt).with("from", from).with("limit", PAGE);
        match self.front.perform(&self.actor, call).await? {
            Answer::Page { items, .. } => items.into_iter().map(read_as).collect(),
            _ => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aegir_hosting::view::{BackupView, ChangeView};
    use aegir_hosting::{Download, Once, OwnKey, Pending, Permission, Refusal, Source};
    use serde_json::{Map, Value, json};

    use super::*;

    /// A task of two attempts that says a line more each time that somebody waits.
    struct OneTask {
        said: Mutex<Vec<(u32, u64)>>,
        to_say: Mutex<Vec<(u32, u64)>>,
    }

    impl Front for OneTask {
        fn perform<'a>(&'a self, _: &'a Actor, call: Call) -> Pending<'a, Result<Answer, Refusal>> {
            let said = self.said.lock().unwrap();
            let newest = said.iter().map(|(attempt, _)| *attempt).max().unwrap_or(1);
            let number = |name: &str| call.parameters[name].as_u64().unwrap();
            let answer = match call.operation {
                OperationId::TaskShow => {
                    let state = if self.to_say.lock().unwrap().is_empty() { "succeeded" } else { "running" };
                    let attempts: Vec<Value> = (1..=newest)
                        .map(|number| {
                            json!({ "id": "a", "number": number, "state": "ended", "started": 0, "changed": true, "lines": 0 })
                        })
                        .collect();
                    Answer::Object(json!({
                        "id": 42, "operation": "site-verify", "object": 7, "object_name": "@a.test", "state": state,
                        "asked_by": "aegir", "server": "localhost", "queued": 0, "attempts": attempts,
                    }))
                }
                _ => {
                    let lines = said
                        .iter()
                        .filter(|(attempt, n)| u64::from(*attempt) == number("attempt") && *n >= number("from"));
                    let lines = lines
                        .map(|(attempt, n)| json!({ "attempt": attempt, "n": n, "at": 0, "kind": "log", "text": "" }));
                    Answer::Page { items: lines.take(number("limit") as usize).collect(), next: None, total: None }
                }
            };
            Box::pin(async { Ok(answer) })
        }

        fn changed(&self) -> Pending<'_, ()> {
            let mut to_say = self.to_say.lock().unwrap();
            let next = to_say.remove(0);
            self.said.lock().unwrap().push(next);
            Box::pin(async {})
        }

        fn actor_of_token<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Option<Actor>, Refusal>> {
            Box::pin(async { Ok(None) })
        }

        fn secret_answer<'a>(
            &'a self,
            _: &'a Actor,
            _: i64,
        ) -> Pending<'a, Result<Option<Map<String, Value>>, Refusal>> {
            Box::pin(async { Ok(None) })
        }

        fn secret_waits<'a>(&'a self, _: &'a Actor, _: i64) -> Pending<'a, Result<bool, Refusal>> {
            Box::pin(async { Ok(false) })
        }

        fn changes<'a>(
            &'a self,
            _: &'a Actor,
            _: Option<i64>,
            _: usize,
        ) -> Pending<'a, Result<Vec<ChangeView>, Refusal>> {
            Box::pin(async { Ok(Vec::new()) })
        }

        fn archive<'a>(
            &'a self,
            actor: &'a Actor,
            backup: &'a str,
            _: Option<&'a str>,
        ) -> Pending<'a, Result<Download, Refusal>> {
            Box::pin(async move {
                actor.must(Permission::Manage)?;
                Err(Refusal::Unknown { what: "backup", name: backup.into() })
            })
        }

        fn take_archive<'a>(
            &'a self,
            actor: &'a Actor,
            backup: &'a str,
            _: Option<&'a str>,
            _: &'a mut dyn Source,
        ) -> Pending<'a, Result<BackupView, Refusal>> {
            Box::pin(async move {
                actor.must(Permission::Manage)?;
                Err(Refusal::Unknown { what: "backup", name: backup.into() })
            })
        }

        fn perform_once<'a>(
            &'a self,
            actor: &'a Actor,
            call: Call,
            _: &'a OwnKey,
        ) -> Pending<'a, Result<Once, Refusal>> {
            Box::pin(async move { Ok(Once::Done(self.perform(actor, call).await?)) })
        }
    }

    fn heard(said: Vec<(u32, u64)>, to_say: Vec<(u32, u64)>, after: Option<(u32, u64)>) -> Vec<(u32, u64)> {
        let front = Arc::new(OneTask { said: Mutex::new(said), to_say: Mutex::new(to_say) });
        let mut pages = Pages::of(front, Arc::new(Actor::own()), 42, after);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut heard = Vec::new();
            loop {
                match pages.next().await.unwrap() {
                    Heard::Line(line) => heard.push((line.attempt, line.n)),
                    Heard::Ended => return heard,
                    other => panic!("{other:?}"),
                }
            }
        })
    }

    #[test]
    fn lines_are_read_once_each_in_their_order_through_all_attempts() {
        let first: Vec<(u32, u64)> = (1..=1200).map(|n| (1, n)).collect();
        let second: Vec<(u32, u64)> = (1..=3).map(|n| (2, n)).collect();
        let all = [first.clone(), second.clone()].concat();

        assert_eq!(heard(Vec::new(), all.clone(), None), all, "as they come");
        assert_eq!(heard(all.clone(), Vec::new(), None), second, "from the newest attempt on");
        assert_eq!(heard(all.clone(), Vec::new(), Some((1, 0))), all);
        assert_eq!(heard(first[..7].to_vec(), [&first[7..], &second].concat(), Some((1, 1199))), all[1199..]);
    }
}
