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
