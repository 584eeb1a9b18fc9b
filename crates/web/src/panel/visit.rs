//! A request of somebody's browser, read; and somebody who is signed in.

use std::sync::Arc;

use aegir_hosting::{Actor, Answer, Call, Operation, OperationId, Session};
use axum::body::Body;
use axum::http::{HeaderMap, Response};
use ring::digest::{SHA256, digest};
use serde::de::DeserializeOwned;

use super::frame::{Frame, Notice, QueueBar, QueueTask, Tone, Who};
use super::look::Look;
use super::pairs::Pairs;
use super::{Panel, assets};
use crate::api::{Problem, ProblemKind};
use aegir_hosting::view::QueueView;

/// How many of the tasks that run are named in the bar.
const NAMED: usize = 3;

/// A request, read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Its path, as it came.
    pub(crate) path: String,
    /// Its query, read and as it came.
    pub(crate) query: Pairs,
    pub(crate) query_text: String,
    /// The fields of its form; of a GET, none.
    pub(crate) form: Pairs,
    /// What stands for the parameters of its path, decoded once, in their order.
    pub(crate) names: Vec<String>,
    /// How the panel looks there.
    pub(crate) look: Look,
    /// All headers.
    pub(crate) headers: HeaderMap,
}

impl Asked {
    /// The first parameter of the path; empty if it has none.
    pub(crate) fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// What the browser says of itself, in short.
    pub(crate) fn browser(&self) -> String {
        let said = self.headers.get("user-agent").and_then(|said| said.to_str().ok()).unwrap_or_default();
        said.chars().filter(|c| !c.is_control()).take(200).collect()
    }

    /// The address that was asked for, with its query.
    pub(crate) fn address(&self) -> String {
        match self.query_text.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

/// A request of somebody, signed in or not.
pub(crate) struct Stranger {
    pub(crate) panel: Arc<Panel>,
    pub(crate) asked: Asked,
}

/// A request of somebody who is signed in.
pub(crate) struct Visit {
    pub(crate) panel: Arc<Panel>,
    pub(crate) asked: Asked,
    pub(crate) session: Session,
    /// What the browser sends with each request; for event streams, which ask again whether it still holds.
    pub(crate) secret: String,
}

/// What each form of a session sends along: nobody knows it who has not the session's secret, and it is not that.
pub(crate) fn form_token(secret: &str) -> String {
    let sum = digest(&SHA256, format!("a form of the session {secret}").as_bytes());
    sum.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl Stranger {
    /// What is around a page for nobody in particular.
    pub(crate) fn frame(&self, title: &str) -> Frame {
        frame_of(title, "", &self.asked, &self.panel)
    }
}

impl Visit {
    /// Who asks.
    pub(crate) fn actor(&self) -> &Actor {
        &self.session.actor
    }

    /// What is around a page.
    pub(crate) async fn frame(&self, title: &str, section: &'static str) -> Frame {
        let mut frame = frame_of(title, section, &self.asked, &self.panel);
        let form_token = form_token(&self.secret);
        frame.who = Some(Who { account: self.session.account.clone(), form_token });
        frame.notices.extend(self.done());
        // A page is shown though the queue cannot be: what it shows may still be read.
        frame.queue = self.queue_bar().await.unwrap_or_default();
        frame
    }

    /// What a page's address says of an operation that led there, as `did`: no other page can say so.
    pub(crate) fn did(&self, operation: &Operation) -> String {
        let slug = operation.slug();
        let seal: String = form_token(&format!("{} {slug}", self.secret)).chars().take(12).collect();
        format!("{slug}~{seal}")
    }

    /// What was done, where the address says so.
    fn done(&self) -> Option<Notice> {
        let did = self.asked.query.get("did")?;
        let mut operations = OperationId::ALL.into_iter().map(OperationId::declaration);
        let operation = operations.find(|operation| self.did(operation) == did)?;
        let text = format!("Done: {}.", operation.name());
        Some(Notice { tone: Tone::Good, text, more: Vec::new() })
    }

    /// How the queue stands.
    pub(crate) async fn queue_bar(&self) -> Result<QueueBar, Problem> {
        let queue: QueueView = self.object(Call::of(OperationId::QueueShow)).await?;
        let running = queue.tasks.iter().filter(|task| task.state == "running").take(NAMED);
        Ok(QueueBar {
            running: queue.running,
            waiting: queue.waiting,
            out_of_contact: queue.out_of_contact,
            paused: queue.paused,
            now: running
                .map(|task| QueueTask {
                    id: task.id,
                    verb: task.operation.split_once('-').map_or(task.operation.as_str(), |(_, verb)| verb).to_owned(),
                    object: task.object_name.trim_start_matches('@').to_owned(),
                    started: task.started.unwrap_or(task.queued),
                })
                .collect(),
        })
    }

    /// Asks for what only reads.
    pub(crate) async fn ask(&self, call: Call) -> Result<Answer, Problem> {
        Ok(self.panel.api.front.perform(self.actor(), call).await?)
    }

    /// Asks for one object.
    pub(crate) async fn object<T: DeserializeOwned>(&self, call: Call) -> Result<T, Problem> {
        match self.ask(call).await? {
            Answer::Object(object) => read(object),
            other => Err(unreadable(&format!("{other:?}"))),
        }
    }

    /// Asks for a page of a list: its entries, where the next page begins, how many there are.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<(Vec<T>, Option<String>, Option<u64>), Problem> {
        match self.ask(call).await? {
            Answer::Page { items, next, total } => {
                let items: Result<Vec<T>, Problem> = items.into_iter().map(read).collect();
                Ok((items?, next, total))
            }
            other => Err(unreadable(&format!("{other:?}"))),
        }
    }

    /// A text that no other form that is shown has, so that what it asks for is done once.
    pub(crate) fn once(&self) -> String {
        let (number, now) = (self.panel.next_number(), self.panel.api.outside.unix_ms());
        let sum = digest(&SHA256, format!("{} {now} {number}", self.secret).as_bytes());
        sum.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What went wrong, as a page.
    pub(crate) async fn problem(&self, problem: &Problem) -> Response<Body> {
        super::reply::problem(self.frame("", "").await, problem)
    }
}

fn read<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(why: &str) -> Problem {
    let why: String = why.chars().take(200).collect();
    Problem::new(ProblemKind::Broken, format!("an answer of the front end cannot be read: {why}"), "please report it")
}

fn frame_of(title: &str, section: &'static str, asked: &Asked, panel: &Panel) -> Frame {
    Frame {
        title: title.to_owned(),
        section,
        theme: asked.look.theme,
        shortcuts: asked.look.shortcuts,
        here: asked.address(),
        now: panel.api.outside.unix_ms().cast_signed(),
        assets: assets::mark(),
        ..Frame::default()
    }
}
