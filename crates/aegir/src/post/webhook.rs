//! Posts news: one request of HTTP/1.1, and of its answer the status.

use std::time::Duration;

use aegir_hosting::{Post, WebhookAddress};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::connect::{Reach, connect};
use super::fault::{PostFault, quoted};
use super::tls::{Trust, Verify, encrypt};
use super::{Doing, Stage};

/// How much of an answer's head is read, in bytes.
const MOST_HEAD: usize = 32 << 10;
/// How much of the text of a refusal is read, in bytes.
const MOST_TEXT: usize = 4 << 10;
/// How long that may take.
const TEXT: Duration = Duration::from_secs(1);
/// A part of an address that is no shorter than this may be what lets us in.
const SECRET: usize = 6;

pub(super) async fn send(address: &WebhookAddress, post: &Post, trust: &Trust, doing: &Doing) -> Result<(), PostFault> {
    let (machine, port) = (address.machine(), address.port());
    match address.is_encrypted() {
        true => {
            let stream = connect(machine, port, Reach::Anywhere).await?;
            doing.now(Stage::Encrypt);
            let stream = encrypt(stream, machine, &address.origin(), trust, Verify::Name).await?;
            ask(stream, address, post, doing).await
        }
        false => ask(connect(machine, port, Reach::Here).await?, address, post, doing).await,
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    address: &WebhookAddress,
    post: &Post,
    doing: &Doing,
) -> Result<(), PostFault> {
    doing.now(Stage::Post);
    let broken = |error: hyper::Error| PostFault::Broken {
        at: address.origin(),
        stage: Stage::Post,
        why: quoted(&with_causes(&error), &[]),
    };
    let mut http = http1::Builder::new();
    http.max_buf_size(MOST_HEAD);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = request(address, post)?;
    let asked = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        judge(address, answer).await
    };
    let mut connection = std::pin::pin!(connection);
    let mut asked = std::pin::pin!(asked);
    // Both end here: nothing of a post goes on when nobody waits for it.
    tokio::select! {
        biased;
        judged = &mut asked => judged,
        ended = &mut connection => match ended {
            // What it had said before its end is still to be read.
            Ok(()) => asked.await,
            Err(error) => Err(broken(error)),
        },
    }
}

fn request(address: &WebhookAddress, post: &Post) -> Result<Request<Full<Bytes>>, PostFault> {
    let mut request = Request::post(address.target())
        .header(HOST, address.host())
        .header(USER_AGENT, concat!("Aegir/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .header("Aegir-Timestamp", &post.timestamp);
    if let Some(signature) = &post.signature {
        request = request.header("Aegir-Signature", signature);
    }
    let body = Full::new(Bytes::from(post.body.clone()));
    request.body(body).map_err(|error| PostFault::Broken {
        at: address.origin(),
        stage: Stage::Post,
        why: error.to_string(),
    })
}

/// Only that it was taken counts.
async fn judge(address: &WebhookAddress, answer: Response<Incoming>) -> Result<(), PostFault> {
    let (at, status) = (address.origin(), answer.status());
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.and_then(|to| to.parse::<WebhookAddress>().ok()).map(|to| to.origin());
        return Err(PostFault::Moved { at, status: status.as_u16(), to });
    }
    let mut text = Vec::new();
    let mut body = answer.into_body();
    let read = async {
        while text.len() < MOST_TEXT
            && let Some(Ok(frame)) = body.frame().await
        {
            text.extend(frame.data_ref().into_iter().flatten().copied().take(MOST_TEXT));
        }
    };
    // What does not come is not missed: the status has been said.
    let _ = timeout(TEXT, read).await;
    let said = quoted(&String::from_utf8_lossy(&text), &secrets(address));
    Err(PostFault::Status { at, status: status.as_u16(), said })
}

/// What of an address an answer may repeat, and we may not.
fn secrets(address: &WebhookAddress) -> Vec<String> {
    let parts = address.target().split(['/', '?', '&', '=']).filter(|part| part.len() >= SECRET);
    parts.map(str::to_owned).collect()
}

fn with_causes(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
