//! What a task says, line by line, until it ended; a front end that restarts meanwhile costs no line.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::Remedy;
use aegir_hosting::view::LineView;
use aegir_web::api::OwnRoute;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::here::Pages;
use super::socket::{Broken, stream};
use super::sse::{Event, Reader};
use super::{Door, read_as};
use crate::front::problem::Problem;
use crate::front::wire::Wire;

/// A stream without even a comment for so long is a dead one.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a front end that went away may take to come back.
const RETURNING: Duration = Duration::from_secs(120);
/// How long we wait before we look again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Something that is heard of a task.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A line that it said.
    Line(LineView),
    /// It ended.
    Ended,
    /// The front end went away; it is looked for.
    Away,
    /// It is there again, and goes on after the last line.
    Back,
    /// It did not come back.
    Gone,
}

/// What a task says.
pub(crate) enum Events {
    /// As the socket tells it.
    Told(Box<Told>),
    /// As this process reads it.
    Read(Pages),
}

/// What a task says, as the socket tells it.
pub(crate) struct Told {
    path: PathBuf,
    wire: Wire,
    /// The last line that was heard: attempt, number.
    last: Option<(u32, u64)>,
    body: Option<Incoming>,
    reader: Reader,
    ready: VecDeque<Event>,
    away: Option<Absence>,
}

/// How long nobody answered, and when we look again.
struct Absence {
    passed: Duration,
    next: Duration,
    told: bool,
}

impl Events {
    pub(super) async fn of(door: &Door, task: i64, after: Option<(u32, u64)>) -> Result<Events, Problem> {
        match door {
            Door::Here(here) => Ok(Events::Read(Pages::of(here.front.clone(), here.actor.clone(), task, after))),
            Door::Socket(socket) => {
                let mut told = Box::new(Told {
                    path: socket.path().to_owned(),
                    wire: Wire::about_task(OwnRoute::TaskEvents, task),
                    last: after,
                    body: None,
                    reader: Reader::default(),
                    ready: VecDeque::new(),
                    away: None,
                });
                told.open().await?;
                Ok(Events::Told(told))
            }
        }
    }

    /// What comes next; after the end, nothing does.
    pub(crate) async fn next(&mut self) -> Result<Heard, Problem> {
        match self {
            Events::Told(told) => told.next().await,
            Events::Read(pages) => pages.next().await,
        }
    }
}

impl Told {
    /// Opens the stream, after the last line that was heard. What answers with a refusal is no stream.
    async fn open(&mut self) -> Result<bool, Problem> {
        let last = self.last.map(|(attempt, n)| format!("{attempt}.{n}"));
        match stream(&self.path, &self.wire, last.as_deref()).await {
            Ok(answer) if answer.status().is_success() => {
                self.body = Some(answer.into_body());
                self.reader = Reader::default();
                Ok(true)
            }
            // One that is just being started or stopped.
            Ok(answer) if answer.status().as_u16() == 503 => Ok(false),
            Ok(answer) => {
                let status = answer.status().as_u16();
                let body = answer.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                Err(Problem::read(status, &body))
            }
            Err(Broken::Away(_) | Broken::Silent) => Ok(false),
        }
    }

    async fn next(&mut self) -> Result<Heard, Problem> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                match self.read(event)? {
                    Some(heard) => return Ok(heard),
                    None => continue,
                }
            }
            if let Some(body) = &mut self.body {
                match timeout(SILENCE, body.frame()).await {
                    Ok(Some(Ok(frame))) => {
                        let Some(data) = frame.data_ref() else { continue };
                        match self.reader.take(data) {
                            Ok(events) => self.ready.extend(events),
                            Err(_) => return Err(Problem::of("strange", &LongLine)),
                        }
                        continue;
                    }
                    // Its end is none of the task's, unless that was said.
                    Ok(Some(Err(_)) | None) | Err(_) => self.body = None,
                }
                self.away = Some(Absence { passed: Duration::ZERO, next: AGAIN.0, told: false });
                continue;
            }
            let absence = self.away.get_or_insert(Absence { passed: Duration::ZERO, next: AGAIN.0, told: false });
            if absence.passed >= RETURNING {
                return Ok(Heard::Gone);
            }
            // One that merely closed the stream is back at once, and nobody has to know.
            if absence.passed > Duration::ZERO && !absence.told {
                absence.told = true;
                return Ok(Heard::Away);
            }
            let pause = absence.next;
            absence.passed += pause;
            absence.next = (pause * 2).min(AGAIN.1);
            sleep(pause).await;
            if self.open().await?
                && let Some(absence) = self.away.take()
                && absence.told
            {
                return Ok(Heard::Back);
            }
        }
    }

    fn read(&mut self, event: Event) -> Result<Option<Heard>, Problem> {
        match event.kind.as_str() {
            "ended" => Ok(Some(Heard::Ended)),
            // Its last event: what stands in the way for good, or only now.
            "trouble" => {
                let status = serde_json::from_str(&event.data).ok().and_then(|told: Value| told["status"].as_u64());
                match status.and_then(|status| u16::try_from(status).ok()) {
                    Some(status) if status < 500 => Err(Problem::read(status, event.data.as_bytes())),
                    _ => Ok(None),
                }
            }
            "" | "message" | "line" => {
                let line: LineView = read_as(serde_json::from_str(&event.data).unwrap_or_default())?;
                let at = (line.attempt, line.n);
                if self.last.is_some_and(|last| at <= last) {
                    return Ok(None);
                }
                self.last = Some(at);
                Ok(Some(Heard::Line(line)))
            }
            // What a newer front end says besides.
            _ => Ok(None),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a line of the task is longer than any that is read")]
struct LongLine;

impl Remedy for LongLine {}
