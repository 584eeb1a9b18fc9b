//! The way to the front end: its socket, or, with none running, the front end in this process.
//!
//! Above it everything is the same: calls go in, answers and what tasks say come out.

mod archive;
mod events;
mod here;
mod socket;
mod sse;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aegir_domain::{Home, Remedy, TaskState};
use aegir_host::{Clock, Mint, SystemClock, SystemMint};
use aegir_hosting::{Actor, Answer, Call, Effect, Front, Hosting, OperationId, Queued, Refusal};
use aegir_web::api::OwnRoute;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(crate) use events::{Events, Heard};
use socket::Socket;

use super::problem::Problem;
use super::run::follows;
use super::wire::{self, Wire};
use crate::owner;
use crate::serve::{House, Working};

/// The way to the front end.
pub(crate) enum Door {
    /// Through the socket of one that runs.
    Socket(Socket),
    /// In this process.
    Here(Box<Here>),
}

/// The front end in this process, for as long as one command lasts.
pub(crate) struct Here {
    house: House,
    front: Arc<dyn Front>,
    actor: Arc<Actor>,
    /// Only once somebody waits for a task: whoever merely looks begins nothing.
    working: Option<Working>,
}

impl Here {
    /// Opens what is remembered in a home.
    pub(crate) async fn open(home: &Path) -> Result<Here, Problem> {
        let house = House::open(Home::new(home.to_owned())).await;
        let house = house.map_err(|fault| Problem::of("no-front-end", &fault))?;
        let front: Arc<dyn Front> = Arc::new(house.hosting.clone());
        let actor = Arc::new(Actor::of_machine(&owner::own_name()));
        Ok(Here { house, front, actor, working: None })
    }

    /// The front end itself.
    pub(crate) fn hosting(&self) -> &Hosting {
        &self.house.hosting
    }

    /// The home.
    pub(crate) fn home(&self) -> &Home {
        &self.house.home
    }

    fn work(&mut self) {
        if self.working.is_none() {
            self.working = Some(self.house.work());
        }
    }

    fn work_on_cron(&mut self) {
        if self.working.is_none() {
            self.working = Some(self.house.work_on_cron());
        }
    }

    /// Whether a task has ended, so that nobody has to work on it.
    async fn has_ended(&self, task: i64) -> bool {
        let call = Call::of(OperationId::TaskShow).about(task.to_string());
        let Ok(Answer::Object(task)) = self.front.perform(&self.actor, call).await else { return false };
        let state = task.get("state").and_then(Value::as_str);
        state.and_then(|state| state.parse().ok()).is_some_and(TaskState::is_ended)
    }

    async fn leave(self) {
        // It would end with this process.
        self.house.hosting.trash_is_emptied().await;
        match self.working {
            Some(working) => working.leave().await,
            None => self.house.hosting.store().close().await,
        }
    }
}

/// Why there is no way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorFault {
    /// The socket cannot be reached at all.
    #[error("cannot reach the front end by `{}`", path.display())]
    Unreachable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Somebody took the connection and said nothing.
    #[error("the front end does not answer: `{}` is there, and {seconds} seconds passed", path.display())]
    Silent { path: PathBuf, seconds: u64 },
    /// It went away in the middle.
    #[error("the front end went away while it was asked, and did not come back within {seconds} seconds")]
    Gone {
        seconds: u64,
        #[source]
        source: io::Error,
    },
    /// It went away in the middle of what is not sent twice.
    #[error("the connection to the front end broke off")]
    CutOff {
        #[source]
        source: io::Error,
    },
    /// What it answers is not what we know.
    #[error("the front end answers what this program does not understand")]
    Strange {
        #[source]
        source: serde_json::Error,
    },
}

impl Remedy for DoorFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            DoorFault::Unreachable { path, .. } => {
                format!("see whether your user may enter the folder of `{}`", path.display())
            }
            DoorFault::Silent { .. } => {
                "see what it does in the terminal or log of `aegir up`, and start it anew if it hangs".into()
            }
            DoorFault::Gone { .. } => {
                "see `aegir task list` for what came of it once the front end runs again: `aegir up` starts it".into()
            }
            DoorFault::CutOff { .. } => {
                "nothing of it is kept: ask once more, once the front end runs; `aegir up` starts it".into()
            }
            DoorFault::Strange { .. } => {
                "use the program of the same version as the front end: `aegir --version`, and start the front end anew"
                    .into()
            }
        })
    }
}

/// The socket of the front end; `run` can be a link to a shorter path, as addresses of sockets need it.
fn socket_of(home: &Home) -> PathBuf {
    std::fs::read_link(home.run()).unwrap_or_else(|_| home.run()).join("aegir.sock")
}

impl Door {
    /// The way to the front end of a home.
    pub(crate) async fn find(home: &Path) -> Result<Door, Problem> {
        match Door::of_running(home).await? {
            Some(door) => Ok(door),
            None => Ok(Door::Here(Box::new(Here::open(home).await?))),
        }
    }

    /// The same, if a front end runs.
    pub(crate) async fn of_running(home: &Path) -> Result<Option<Door>, Problem> {
        let socket = Socket::at(socket_of(&Home::new(home.to_owned())));
        match socket.can_be_reached().await {
            Ok(()) => Ok(Some(Door::Socket(socket))),
            // One that was killed leaves its socket behind.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(source) => {
                let fault = DoorFault::Unreachable { path: socket.path().to_owned(), source };
                Err(Problem::of("no-front-end", &fault))
            }
        }
    }

    /// Lets go: what runs goes on, and whoever comes next can begin at once.
    pub(crate) async fn leave(self) {
        if let Door::Here(here) = self {
            here.leave().await;
        }
    }

    /// Has tasks be worked on for as long as the door is open: by whoever is behind it, or else in this process.
    pub(crate) fn work(&mut self) {
        if let Door::Here(here) = self {
            here.work();
        }
    }

    /// The same, and has cron of sites run that is due.
    pub(crate) fn work_on_cron(&mut self) {
        if let Door::Here(here) = self {
            here.work_on_cron();
        }
    }

    /// Asks for an operation.
    pub(crate) async fn perform(&mut self, call: Call) -> Result<Answer, Problem> {
        match self {
            Door::Here(here) => {
                let begins_bulk = !call.dry_run && follows(call.operation).is_some();
                let answer = here.front.perform(&here.actor, call).await?;
                if begins_bulk {
                    // No front end runs that would: its objects are asked before the command ends.
                    here.hosting().ask_open_bulk_runs().await.map_err(Refusal::from)?;
                }
                Ok(answer)
            }
            Door::Socket(socket) => {
                let operation = call.operation.declaration();
                // A change that is sent twice, because the answer was lost, is done once.
                let key = (!operation.reads()).then(new_key);
                let (status, body) = socket.ask(&wire::of(&call), key.as_deref()).await?;
                let body: Value = match body.is_empty() {
                    true => Value::Null,
                    false => understood(&body)?,
                };
                Ok(match operation.effect {
                    Effect::Lists => page(body)?,
                    // What is done at once is answered with what would become of it.
                    _ if call.dry_run && body.get("requests").is_some() => would_queue(body)?,
                    Effect::Queues if status == 202 || body.get("task").is_some() => Answer::Queued(queued(body)?),
                    _ => Answer::Object(body),
                })
            }
        }
    }

    /// The same, where one object answers.
    pub(crate) async fn object(&mut self, call: Call) -> Result<Value, Problem> {
        match self.perform(call).await? {
            Answer::Object(value) => Ok(value),
            Answer::Page { items, .. } => Ok(Value::Array(items)),
            Answer::Queued(queued) => Ok(serde_json::json!({ "task": queued.task, "object": queued.object })),
            Answer::WouldQueue { object, requests } => {
                Ok(serde_json::json!({ "object": object, "requests": requests }))
            }
        }
    }

    /// The part of a task's answer that is told once.
    pub(crate) async fn secret(&mut self, task: i64) -> Result<Option<Map<String, Value>>, Problem> {
        match self {
            Door::Here(here) => Ok(here.front.secret_answer(&here.actor, task).await?),
            Door::Socket(socket) => match socket.ask(&Wire::about_task(OwnRoute::TaskSecret, task), None).await {
                Ok((_, body)) if body.is_empty() => Ok(None),
                Ok((_, body)) => Ok(Some(understood(&body)?)),
                // Told already, or it never was any.
                Err(problem) if problem.word == "no-secret" => Ok(None),
                Err(problem) => Err(problem),
            },
        }
    }

    /// What a task says, after the line `after` of an attempt; from the newest attempt's first on, if none is named.
    pub(crate) async fn events(&mut self, task: i64, after: Option<(u32, u64)>) -> Result<Events, Problem> {
        if let Door::Here(here) = self
            && !here.has_ended(task).await
        {
            here.work();
        }
        Events::of(self, task, after).await
    }
}

fn new_key() -> String {
    let mint: &dyn Mint = &SystemMint;
    aegir_domain::AttemptId::from_parts(SystemClock.unix_ms(), mint.random()).to_string()
}

fn understood<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(strange)
}

fn strange(source: serde_json::Error) -> Problem {
    Problem::of("strange", &DoorFault::Strange { source })
}

/// Reads a value as what it should be.
pub(crate) fn read_as<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(strange)
}

fn page(body: Value) -> Result<Answer, Problem> {
    #[derive(serde::Deserialize)]
    struct Page {
        items: Vec<Value>,
        #[serde(default)]
        next: Option<String>,
        #[serde(default)]
        total: Option<u64>,
    }
    let Page { items, next, total } = read_as(body)?;
    Ok(Answer::Page { items, next, total })
}

fn would_queue(body: Value) -> Result<Answer, Problem> {
    #[derive(serde::Deserialize)]
    struct Would {
        #[serde(default)]
        object: String,
        #[serde(default)]
        requests: Vec<Value>,
    }
    let Would { object, requests } = read_as(body)?;
    Ok(Answer::WouldQueue { object, requests })
}

fn queued(body: Value) -> Result<Queued, Problem> {
    #[derive(serde::Deserialize)]
    struct Answered {
        task: i64,
        object: String,
        #[serde(default)]
        known: bool,
    }
    let Answered { task, object, known } = read_as(body)?;
    Ok(Queued { task, object, known })
}
