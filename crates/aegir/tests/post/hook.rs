//! A receiver of posts that answers with bytes as they stand, and keeps what it was told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aegir_hosting::WebhookAddress;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub enum Does {
    /// Says this, and closes.
    Says(String),
    /// Says this, and nothing more.
    Stalls(&'static str),
    /// Says this, and then the other thing without end.
    Floods(&'static str, &'static str),
    /// Closes, without having heard anything.
    Closes,
}

pub struct Hook {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    calls: Arc<Mutex<usize>>,
}

impl Hook {
    pub async fn start(does: Does) -> Hook {
        Hook::start_on(0, None, does).await
    }

    pub async fn start_on(port: u16, tls: Option<TlsAcceptor>, does: Does) -> Hook {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let (heard, calls): (Arc<Mutex<Vec<String>>>, Arc<Mutex<usize>>) = Default::default();
        let hook = Hook { port: listener.local_addr().unwrap().port(), heard: heard.clone(), calls: calls.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *calls.lock().unwrap() += 1;
                let (does, heard, tls) = (does.clone(), heard.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => receive(stream, does, &heard).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => receive(stream, does, &heard).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        hook
    }

    /// Each request, as it came.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// How many connections came.
    pub fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    pub fn address(&self, scheme: &str, target: &str) -> WebhookAddress {
        format!("{scheme}localhost:{}{target}", self.port).parse().unwrap()
    }
}

/// An answer with this status line, these headers and this body.
pub fn answer(status: &str, headers: &str, body: &str) -> Does {
    Does::Says(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

async fn receive(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    does: Does,
    heard: &Mutex<Vec<String>>,
) -> Option<()> {
    if matches!(does, Does::Closes) {
        return None;
    }
    let mut request = Vec::new();
    let mut text = String::new();
    while !is_whole(&text) {
        request.push(stream.read_u8().await.ok()?);
        text = String::from_utf8_lossy(&request).into_owned();
    }
    heard.lock().unwrap().push(text);
    match does {
        Does::Closes => return None,
        Does::Says(text) => stream.write_all(text.as_bytes()).await.ok()?,
        Does::Stalls(text) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        Does::Floods(text, more) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            loop {
                stream.write_all(more.repeat(1000).as_bytes()).await.ok()?;
            }
        }
    }
    stream.shutdown().await.ok()
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
