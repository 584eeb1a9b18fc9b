//! Archives of backups through the door: out as they come, in as they are read.

use std::io;

use aegir_hosting::Pieces;
use aegir_hosting::view::BackupView;
use aegir_web::api::OwnRoute;
use futures_util::stream::unfold;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Request, Response};

use super::socket::{self, Broken, Socket};
use super::{Door, DoorFault, understood};
use crate::front::archives::FileSource;
use crate::front::problem::Problem;
use crate::front::wire::archive_at;

/// The longest refusal that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// An archive that comes.
pub(crate) struct Coming(From);

enum From {
    Here(Box<dyn Pieces>),
    Socket(Incoming, u64),
}

impl Coming {
    /// The next piece, or nothing after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        match &mut self.0 {
            From::Here(pieces) => pieces.next().await.map_err(|lost| aegir_hosting::Refusal::from(lost).into()),
            From::Socket(body, left) => loop {
                let Some(frame) = body.frame().await else {
                    return match *left {
                        0 => Ok(None),
                        left => Err(gone(io::Error::other(format!("{left} bytes did not come")))),
                    };
                };
                let frame = frame.map_err(|error| gone(io::Error::other(error)))?;
                if let Ok(piece) = frame.into_data() {
                    *left = left.saturating_sub(piece.len() as u64);
                    return Ok(Some(piece.into()));
                }
            },
        }
    }
}

impl Door {
    /// The archive of a backup.
    pub(crate) async fn download(&mut self, backup: &str, server: Option<&str>) -> Result<Coming, Problem> {
        let from = match self {
            Door::Here(here) => From::Here(here.front.archive(&here.actor, backup, server).await?.archive.pieces),
            Door::Socket(socket) => {
                let target = archive_at(OwnRoute::BackupDownload, backup, server);
                let request = Request::get(target).header(HOST, "localhost").body(Empty::<Bytes>::new());
                let answer = exchange(socket, request.expect("addresses are encoded")).await?;
                let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
                From::Socket(answer.into_body(), length.unwrap_or_default())
            }
        };
        Ok(Coming(from))
    }

    /// Has a file be a backup of that name.
    pub(crate) async fn upload(
        &mut self,
        backup: &str,
        server: Option<&str>,
        mut file: FileSource,
    ) -> Result<BackupView, Problem> {
        match self {
            Door::Here(here) => Ok(here.front.take_archive(&here.actor, backup, server, &mut file).await?),
            Door::Socket(socket) => {
                let target = archive_at(OwnRoute::BackupUpload, backup, server);
                let pieces = unfold(Some(file), |file| async {
                    let mut file = file?;
                    match file.read().transpose()? {
                        Ok(piece) => Some((Ok(Frame::data(Bytes::from(piece))), Some(file))),
                        Err(error) => Some((Err(error), None)),
                    }
                });
                let request = Request::post(target).header(HOST, "localhost");
                let request = request.header(CONTENT_TYPE, "application/octet-stream");
                let request = request.body(StreamBody::new(Box::pin(pieces)));
                let answer = exchange(socket, request.expect("addresses are encoded")).await?;
                understood(&read(answer).await?)
            }
        }
    }
}

/// Asks, and gives an answer that is no refusal.
async fn exchange<B>(socket: &Socket, request: Request<B>) -> Result<Response<Incoming>, Problem>
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let answer = socket::exchange(socket.path(), request).await.map_err(|broken| match broken {
        Broken::Away(source) => gone(source),
        Broken::Silent => gone(io::ErrorKind::TimedOut.into()),
    })?;
    match answer.status().is_success() {
        true => Ok(answer),
        false => {
            let status = answer.status().as_u16();
            Err(Problem::read(status, &read(answer).await?))
        }
    }
}

async fn read(answer: Response<Incoming>) -> Result<Bytes, Problem> {
    let body = http_body_util::Limited::new(answer.into_body(), LONGEST).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| gone(io::Error::other(error)))
}

fn gone(source: io::Error) -> Problem {
    Problem::of("no-front-end", &DoorFault::CutOff { source })
}
