//! HTTP over the socket of the front end: one connection for questions, and one for each task that is followed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::DoorFault;
use crate::front::problem::Problem;
use crate::front::wire::Wire;
use crate::speak::err;

/// How long a front end may take to let us in.
const CONNECTING: Duration = Duration::from_secs(3);
/// How long it may take to answer.
pub(super) const ANSWERING: Duration = Duration::from_secs(15);
/// How long one that went away may take to come back, while a question is open.
const RETURNING: Duration = Duration::from_secs(20);
/// How long we wait before we ask again.
const AGAIN: Duration = Duration::from_millis(200);
/// The longest answer that is read.
const LONGEST: usize = 64 << 20;

/// The socket of a front end that runs.
pub(crate) struct Socket {
    path: PathBuf,
    open: Option<SendRequest<Full<Bytes>>>,
}

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nobody is there, or not any more.
    Away(io::Error),
    /// Somebody is there and says nothing.
    Silent,
}

impl Socket {
    pub(super) fn at(path: PathBuf) -> Socket {
        Socket { path, open: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether somebody listens.
    pub(super) async fn can_be_reached(&self) -> io::Result<()> {
        connect(&self.path).await.map(drop)
    }

    /// Asks, and gives status and body of the answer; a front end that restarts meanwhile is asked again. What
    /// changes something bears a key, so that it is done once however often it is sent.
    pub(super) async fn ask(&mut self, wire: &Wire, key: Option<&str>) -> Result<(u16, Bytes), Problem> {
        let mut waited = Duration::ZERO;
        let mut said = false;
        loop {
            match self.once(wire, key).await {
                // The answer to the first sending is still being made.
                Ok((409, body)) if Problem::read(409, &body).word == "key-underway" && waited < RETURNING => (),
                Ok((status, body)) if (200..300).contains(&status) => return Ok((status, body)),
                Ok((status, body)) => return Err(Problem::read(status, &body)),
                Err(Broken::Silent) => return Err(self.silent()),
                Err(Broken::Away(source)) if waited >= RETURNING => {
                    let fault = DoorFault::Gone { seconds: RETURNING.as_secs(), source };
                    return Err(Problem::of("no-front-end", &fault));
                }
                Err(Broken::Away(_)) => {
                    // A connection that was idle may just have been closed: no news for anybody.
                    if waited > Duration::ZERO && !said {
                        err("The front end went away; it is asked again.");
                        said = true;
                    }
                }
            }
            sleep(AGAIN).await;
            waited += AGAIN;
        }
    }

    fn silent(&self) -> Problem {
        Problem::of("silent", &DoorFault::Silent { path: self.path.clone(), seconds: ANSWERING.as_secs() })
    }

    async fn once(&mut self, wire: &Wire, key: Option<&str>) -> Result<(u16, Bytes), Broken> {
        let mut sender = match self.open.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => sender(&self.path).await?,
        };
        let answer = async {
            sender.ready().await.map_err(away)?;
            let answer = sender.send_request(request(wire, key, None)).await.map_err(away)?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| Broken::Away(io::Error::other(error)))?;
            Ok((status, body.to_bytes()))
        };
        let answered = timeout(ANSWERING, answer).await.map_err(|_| Broken::Silent)??;
        self.open = Some(sender);
        Ok(answered)
    }
}

/// Opens a stream of events, after the event `last`.
pub(super) async fn stream(path: &Path, wire: &Wire, last: Option<&str>) -> Result<Response<Incoming>, Broken> {
    let mut sender = sender(path).await?;
    let answer = timeout(ANSWERING, sender.send_request(request(wire, None, Some(last.unwrap_or_default()))));
    answer.await.map_err(|_| Broken::Silent)?.map_err(away)
}

/// Asks for something whose body, or answer, is as long as it is, and takes as long as it takes.
pub(super) async fn exchange<B>(path: &Path, request: Request<B>) -> Result<Response<Incoming>, Broken>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = connect(path).await.map_err(Broken::Away)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(away)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(away)
}

async fn connect(path: &Path) -> io::Result<UnixStream> {
    match timeout(CONNECTING, UnixStream::connect(path)).await {
        Ok(connected) => connected,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn sender(path: &Path) -> Result<SendRequest<Full<Bytes>>, Broken> {
    let stream = connect(path).await.map_err(Broken::Away)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(away)?;
    // It ends with its last user; what breaks it is told to whoever asked.
    tokio::spawn(connection);
    Ok(sender)
}

fn away(error: hyper::Error) -> Broken {
    Broken::Away(io::Error::other(error))
}

/// A request; for events, `last` is the last one that came, or empty.
fn request(wire: &Wire, key: Option<&str>, last: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(wire.method.clone()).uri(&wire.target).header(HOST, "localhost");
    request = request.header(USER_AGENT, concat!("aegir/", env!("CARGO_PKG_VERSION")));
    request = match last {
        None => request.header(ACCEPT, "application/json"),
        Some("") => request.header(ACCEPT, "text/event-stream"),
        Some(last) => request.header(ACCEPT, "text/event-stream").header("last-event-id", last),
    };
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let body = match &wire.body {
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json");
            Full::from(body.to_string())
        }
        None => Full::default(),
    };
    request.body(body).expect("addresses are encoded, and ids are numbers")
}
