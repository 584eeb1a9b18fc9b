//! The whole log of an attempt as a plain text, read a page at a time as it is taken.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use aegir_hosting::view::LineView;
use aegir_hosting::{Answer, Call, OperationId};
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use futures_util::stream::unfold;

use super::log::{self, Wanted};
use crate::api::{Api, Pass, Problem};
use crate::panel::times;
use crate::panel::visit::Visit;

/// How many lines are read at once.
const AT_ONCE: u64 = 1_000;
/// How much is handed over at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Reads on where it stopped.
struct Reading {
    api: Arc<Api>,
    pass: Pass,
    call: Call,
    next: u64,
    /// The last line that was there when it was asked for.
    last: u64,
    pieces: VecDeque<Bytes>,
    broken: bool,
}

/// What an attempt said until now, as a file.
pub(super) async fn log(visit: &Visit) -> Result<Response<Body>, Problem> {
    let task = super::task(visit).await?;
    let wanted = Wanted::of(&visit.asked.query).attempt;
    let attempt = match wanted {
        Some(number) => task.attempts.iter().find(|attempt| attempt.number == number),
        None => task.attempts.last(),
    };
    let (number, last) = attempt.map_or((wanted.unwrap_or(1), 0), |attempt| (attempt.number, attempt.lines));
    let head = format!("Task {}, attempt {number}: {} {}\n\n", task.id, task.operation, task.object_name);
    let panel = &visit.panel;
    let reading = Reading {
        api: panel.api.clone(),
        pass: Pass::of_session(&panel.api, panel.people.clone(), &visit.session, &visit.secret),
        call: Call::of(OperationId::TaskLog).about(task.id.to_string()).with("attempt", number).with("limit", AT_ONCE),
        next: 1,
        last,
        pieces: VecDeque::from([Bytes::from(head)]),
        broken: false,
    };
    let mut response = Response::new(Body::from_stream(unfold(reading, Reading::piece)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let name = format!("attachment; filename=\"task-{}-attempt-{number}.txt\"", task.id);
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

impl Reading {
    /// The next piece. A log that cannot be read on breaks off, so that nobody takes it for whole.
    async fn piece(mut self) -> Option<(io::Result<Bytes>, Reading)> {
        if let Some(piece) = self.pieces.pop_front() {
            return Some((Ok(piece), self));
        }
        if self.broken || self.next > self.last {
            return None;
        }
        match self.read_on().await {
            Ok(()) => self.pieces.pop_front().map(|piece| (Ok(piece), self)),
            Err(problem) => {
                self.broken = true;
                Some((Err(io::Error::other(problem)), self))
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), Problem> {
        self.pass.look(&self.api).await?;
        let call = self.call.clone().with("from", self.next);
        let Answer::Page { items, .. } = self.api.front.perform(&self.pass.actor, call).await? else { return Ok(()) };
        let mut text = String::new();
        for item in items {
            let Ok(line) = serde_json::from_value::<LineView>(item) else { continue };
            if line.n > self.last {
                break;
            }
            self.next = line.n + 1;
            write(&mut text, &line);
            if text.len() > PIECE {
                self.pieces.push_back(Bytes::from(std::mem::take(&mut text)));
            }
        }
        if !text.is_empty() {
            self.pieces.push_back(Bytes::from(text));
        }
        Ok(())
    }
}

/// A line as text: its number, its time, how grave it is, what it says, and a program's output below it.
fn write(text: &mut String, line: &LineView) {
    let grave = match line.level.as_deref() {
        Some(level @ ("warning" | "error")) if line.kind == "log" => level,
        _ => "",
    };
    // Writing to a text does not fail.
    let _ = writeln!(text, "{:>6}  {}  {grave:<7}  {}", line.n, times::exact(&line.at), plain(&log::sentence(line)));
    for output in line.output.as_deref().unwrap_or_default().lines() {
        let _ = writeln!(text, "{:>6}  | {}", "", plain(output));
    }
}

/// A text without what would steer the terminal that shows it.
fn plain(text: &str) -> String {
    let is_kept = |c: char| !c.is_control() || c == '\t' || c == '\n';
    text.chars().map(|c| if is_kept(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_text_with_its_output_below_it() {
        let mut text = String::new();
        let line = LineView {
            attempt: 1,
            n: 7,
            at: 1_795_283_412_000,
            kind: "log".into(),
            level: Some("warning".into()),
            text: "said \u{1b}[31mred".into(),
            output: Some("a\r\nb".into()),
        };

        write(&mut text, &line);

        assert_eq!(text, "     7  2026-11-21 17:50:12 UTC  warning  said \u{fffd}[31mred\n        | a\n        | b\n");
    }
}
