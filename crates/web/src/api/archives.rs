//! Archives of backups: read and written as they come, a piece at a time.
//!
//! An archive can be larger than any memory, and can take hours. So it is in no bound that other answers and bodies have;
//! a slow reader, or sender, costs one piece. Now and then it is asked whether whoever sends or reads is still let in.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aegir_hosting::view::BackupView;
use aegir_hosting::{Coming, CutOff, Download, Source};
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};

use super::router::Api;
use super::tokens::Pass;
use super::{Problem, answer, change};

/// How long whoever sends an archive may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// How long an archive may take to come, and to be looked through.
pub(crate) const LONGEST: Duration = Duration::from_secs(48 * 3600);

/// An archive on its way to whoever asked for it.
struct Giving {
    api: Arc<Api>,
    pass: Pass,
    download: Download,
    over: bool,
}

/// The archive of a backup, as a file.
pub(crate) async fn give(
    api: Arc<Api>,
    pass: Pass,
    backup: &str,
    server: Option<&str>,
) -> Result<Response<Body>, Problem> {
    let download = api.front.archive(&pass.actor, backup, server).await?;
    let (name, bytes) = (download.name.clone(), download.archive.bytes);
    let giving = Giving { api, pass, download, over: false };
    let mut response = Response::new(Body::from_stream(unfold(giving, Giving::piece)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, bytes.into());
    if let Ok(told) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, told);
    }
    Ok(response)
}

impl Giving {
    /// The next piece. What cannot be read on breaks off, so that nobody takes it for whole.
    async fn piece(mut self) -> Option<(io::Result<Bytes>, Giving)> {
        if self.over {
            return None;
        }
        let piece = match self.pass.look(&self.api).await {
            Ok(()) => self.download.archive.pieces.next().await.map_err(io::Error::other),
            Err(problem) => Err(io::Error::other(problem)),
        };
        match piece {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(Bytes::from(piece)), self)),
            Err(error) => {
                self.over = true;
                Some((Err(error), self))
            }
        }
    }
}

/// What somebody sends, as long as they are let in.
pub(crate) struct Sent {
    pub(crate) api: Arc<Api>,
    pub(crate) pass: Pass,
    /// Which says once more that it has ended, if it is asked.
    pub(crate) from: BoxStream<'static, io::Result<Bytes>>,
    /// Whether its sender waits to be told to go on: of what is not wanted, nothing is on its way then.
    pub(crate) waits: bool,
}

impl Source for Sent {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(async move {
            let cut_off = |why: String| CutOff { why };
            self.pass.look(&self.api).await.map_err(|problem| cut_off(problem.to_string()))?;
            match tokio::time::timeout(SILENCE, self.from.next()).await {
                Err(_) => Err(cut_off(format!("nothing came for {} seconds", SILENCE.as_secs()))),
                Ok(None) => Ok(None),
                Ok(Some(Ok(piece))) => Ok(Some(piece.into())),
                Ok(Some(Err(error))) => Err(cut_off(error.to_string())),
            }
        })
    }
}

/// Has what is sent be a backup of that name. It goes on to its end, whatever becomes of the connection: an archive that
/// breaks off is then told to the back end as such.
pub(crate) async fn take(mut sent: Sent, backup: String, server: Option<String>) -> Result<BackupView, Problem> {
    let api = sent.api.clone();
    let taking = async move {
        let (api, actor) = (sent.api.clone(), sent.pass.actor.clone());
        let taken = api.front.take_archive(&actor, &backup, server.as_deref(), &mut sent).await;
        // Whoever still sends sees the answer.
        if !sent.waits {
            drop_rest(&mut sent).await;
        }
        taken.map_err(Problem::from)
    };
    change::apart(&api, taking).await
}

async fn drop_rest(sent: &mut Sent) {
    let mut left = 32 * 1024 * 1024_usize;
    let dropping = async {
        while left > 0
            && let Some(Ok(piece)) = sent.from.next().await
        {
            left = left.saturating_sub(piece.len());
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(5), dropping).await;
}

/// The same for a request of the API.
pub(super) async fn take_body(
    api: Arc<Api>,
    pass: Pass,
    headers: &HeaderMap,
    body: Body,
    backup: String,
    server: Option<String>,
) -> Result<Response<Body>, Problem> {
    let from = body.into_data_stream().map(|piece| piece.map_err(io::Error::other)).fuse().boxed();
    let view = take(Sent { api, pass, from, waits: headers.contains_key(EXPECT) }, backup, server).await?;
    let view = serde_json::to_value(view).unwrap_or_default();
    Ok(answer::document(StatusCode::OK, "application/json", &view))
}
