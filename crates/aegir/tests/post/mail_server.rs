//! A mail server that keeps what it is told, and breaks off where a test wants it to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aegir_hosting::MailWay;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A place in a conversation, by the word that leads to it; `""` is the greeting, `"."` the end of a letter.
pub type At = &'static str;

/// What a server does at a place.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    Says(&'static str),
    Stalls,
    Closes,
    /// Says something without end.
    Floods,
}

/// How a server behaves.
#[derive(Clone, Default)]
pub struct Manner {
    /// Encrypts from the first byte.
    pub wrapped: Option<TlsAcceptor>,
    /// Offers to.
    pub starttls: Option<TlsAcceptor>,
    /// Wants to know who it is, by one of these ways: `PLAIN`, `LOGIN`.
    pub login: Option<(&'static str, &'static str, &'static str)>,
    pub odd: Option<(At, Does)>,
}

/// What was heard.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Each line, with `tls ` before it where it was encrypted.
    pub lines: Vec<String>,
    /// Each letter that was taken.
    pub letters: Vec<String>,
    /// How many connections came.
    pub calls: usize,
}

pub struct MailServer {
    pub port: u16,
    heard: Arc<Mutex<Heard>>,
}

impl MailServer {
    pub async fn start(manner: Manner) -> MailServer {
        MailServer::start_on(0, manner).await
    }

    pub async fn start_on(port: u16, manner: Manner) -> MailServer {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let server = MailServer { port: listener.local_addr().unwrap().port(), heard: heard.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                heard.lock().unwrap().calls += 1;
                let talk = Talk { manner: manner.clone(), heard: heard.clone(), encrypted: false };
                tokio::spawn(talk.begin(stream));
            }
        });
        server
    }

    pub fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }

    /// The letters, once there is one.
    pub async fn letters(&self) -> Vec<String> {
        for _ in 0..100 {
            let heard = self.heard();
            if !heard.letters.is_empty() {
                return heard.letters;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Vec::new()
    }

    /// A way to it: `scheme` may hold a user.
    pub fn way(&self, scheme: &str, query: &str) -> MailWay {
        format!("{scheme}localhost:{}{query}", self.port).parse().unwrap()
    }
}

/// The text of a letter's body, as a reader sees it.
pub fn body(letter: &str) -> String {
    let (head, body) = letter.split_once("\r\n\r\n").unwrap();
    let encoding = head.lines().find_map(|line| line.strip_prefix("Content-Transfer-Encoding: ")).unwrap();
    let bytes = match encoding {
        "7bit" => body.into(),
        "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        "quoted-printable" => unquoted(&body.replace("=\r\n", "")),
        other => panic!("{other}"),
    };
    String::from_utf8(bytes).unwrap()
}

/// What `=C3=A4` and its like stand for.
fn unquoted(text: &str) -> Vec<u8> {
    let mut parts = text.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

struct Talk {
    manner: Manner,
    heard: Arc<Mutex<Heard>>,
    encrypted: bool,
}

/// How a part of a conversation ended.
enum Next {
    Over,
    Encrypt(TlsAcceptor),
}

impl Talk {
    async fn begin(mut self, stream: TcpStream) {
        let mut plain = stream;
        if let Some(acceptor) = self.manner.wrapped.clone() {
            self.encrypted = true;
            if let Ok(mut stream) = acceptor.accept(plain).await {
                self.greet(&mut stream).await;
            }
            return;
        }
        if let Some(Next::Encrypt(acceptor)) = self.greet(&mut plain).await {
            self.encrypted = true;
            if let Ok(mut stream) = acceptor.accept(plain).await {
                self.listen(&mut stream).await;
            }
        }
    }

    async fn greet(&self, stream: &mut dyn Stream) -> Option<Next> {
        self.answer(stream, "", "220 test ESMTP").await?;
        self.listen(stream).await
    }

    async fn listen(&self, stream: &mut dyn Stream) -> Option<Next> {
        loop {
            let line = self.line(stream).await?;
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb {
                "EHLO" => {
                    let mut able = vec!["250-test".to_owned()];
                    if self.manner.starttls.is_some() && !self.encrypted {
                        able.push("250-STARTTLS".into());
                    }
                    if let Some((way, ..)) = self.manner.login {
                        able.push(format!("250-AUTH {way}"));
                    }
                    able.push("250 SIZE 1000000".into());
                    self.answer(stream, "EHLO", &able.join("\r\n")).await?;
                }
                "STARTTLS" => {
                    self.answer(stream, "STARTTLS", "220 go ahead").await?;
                    return self.manner.starttls.clone().map(Next::Encrypt);
                }
                "AUTH" => {
                    let may = self.log_in(stream, rest).await?;
                    let said = if may { "235 welcome" } else { "535 5.7.8 who are you" };
                    self.answer(stream, "AUTH", said).await?;
                }
                "MAIL" => self.answer(stream, "MAIL", "250 ok").await?,
                "RCPT" => self.answer(stream, "RCPT", "250 ok").await?,
                "DATA" => {
                    self.answer(stream, "DATA", "354 go ahead").await?;
                    let letter = letter(stream).await?;
                    if self.manner.odd.is_none_or(|(at, _)| at != ".") {
                        self.heard.lock().unwrap().letters.push(letter);
                    }
                    self.answer(stream, ".", "250 taken").await?;
                }
                "QUIT" => {
                    self.answer(stream, "QUIT", "221 bye").await?;
                    return Some(Next::Over);
                }
                _ => self.answer(stream, "?", "500 what").await?,
            }
        }
    }

    async fn log_in(&self, stream: &mut dyn Stream, rest: &str) -> Option<bool> {
        let (way, user, password) = self.manner.login?;
        let (asked, first) = rest.split_once(' ').unwrap_or((rest, ""));
        if asked != way {
            return Some(false);
        }
        if way == "PLAIN" {
            return Some(first == STANDARD.encode(format!("\0{user}\0{password}")));
        }
        let mut right = true;
        for (question, answer) in [("Username:", user), ("Password:", password)] {
            write(stream, &format!("334 {}\r\n", STANDARD.encode(question))).await?;
            right &= self.line(stream).await? == STANDARD.encode(answer);
        }
        Some(right)
    }

    async fn line(&self, stream: &mut dyn Stream) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.ok()?);
        }
        let line = String::from_utf8(line).unwrap().trim_end().to_owned();
        let shown = if self.encrypted { format!("tls {line}") } else { line.clone() };
        self.heard.lock().unwrap().lines.push(shown);
        Some(line)
    }

    /// Answers; nothing is returned where the conversation ends by that.
    async fn answer(&self, stream: &mut dyn Stream, at: &str, usual: &str) -> Option<()> {
        let odd = self.manner.odd.filter(|(odd, _)| *odd == at).map(|(_, does)| does);
        match odd.unwrap_or(Does::Says("")) {
            Does::Says("") => write(stream, &format!("{usual}\r\n")).await,
            Does::Says(other) => write(stream, &format!("{other}\r\n")).await,
            Does::Closes => None,
            Does::Stalls => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                None
            }
            Does::Floods => loop {
                write(stream, &"250-x".repeat(1000)).await?;
            },
        }
    }
}

async fn write(stream: &mut dyn Stream, text: &str) -> Option<()> {
    stream.write_all(text.as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

/// All up to the dot, without the dots that were put before dots.
async fn letter(stream: &mut dyn Stream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n.\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(bytes).unwrap();
    let text = text.strip_suffix(".\r\n").unwrap_or_default();
    Some(text.replace("\r\n..", "\r\n."))
}
