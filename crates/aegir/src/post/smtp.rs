//! Gives a letter to a mail server.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aegir_domain::Password;
use aegir_hosting::{MailServer, MailTls};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::connect::{Reach, connect};
use super::fault::{PostFault, quoted};
use super::letter::Written;
use super::starttls::{self, Offer};
use super::tls::{Trust, Verify, encrypt};
use super::{Doing, Stage};

/// How much a server may say to us in all, in bytes.
const MOST_SAID: usize = 128 << 10;
/// How long a server may take to say goodbye; nothing depends on it.
const GOODBYE: Duration = Duration::from_secs(2);

/// How errors call a server.
pub(super) fn shown(server: &MailServer) -> String {
    format!("{}:{}", server.machine(), server.port())
}

pub(super) async fn send(
    server: &MailServer,
    password: Option<&Password>,
    written: &Written,
    trust: &Trust,
    doing: &Doing,
) -> Result<(), PostFault> {
    let login = match (server.user(), password) {
        (None, _) => None,
        (Some(user), Some(password)) => Some(Login { user, password }),
        (Some(user), None) => return Err(PostFault::NoPassword { user: user.to_owned() }),
    };
    let at = shown(server);
    // Servers look at this name: the domain that the letter comes from is known to the network, and that of this
    // machine often is not.
    let hello = written.from.domain();
    let stream = reach(server, hello, &at, trust, doing).await?;
    let talk = Talk { at, login, doing };
    doing.now(Stage::Greet);
    let greeted = AsyncSmtpConnection::connect_with_transport(stream, &ClientId::Domain(hello.to_owned())).await;
    let mut connection = greeted.map_err(|error| talk.fault(&error))?;
    let sent = talk.hand_over(&mut connection, written).await;
    // The letter is the server's from here on, or it is not; no goodbye changes that.
    let _ = match &sent {
        Ok(()) => timeout(GOODBYE, async { drop(connection.quit().await) }).await,
        Err(_) => timeout(GOODBYE, connection.abort()).await,
    };
    sent
}

/// A connection that is encrypted as far as the setting asks.
async fn reach(
    server: &MailServer,
    hello: &str,
    at: &str,
    trust: &Trust,
    doing: &Doing,
) -> Result<Box<dyn AsyncTokioStream>, PostFault> {
    doing.now(Stage::Connect);
    let mut stream = connect(server.machine(), server.port(), Reach::Anywhere).await?;
    let peer = stream.peer_addr().map_err(|source| PostFault::Unreachable { at: at.to_owned(), source })?;
    let verify = match server.tls() {
        MailTls::Never => return Ok(Box::new(Bounded::new(stream, peer, b""))),
        MailTls::FromTheStart => {
            doing.now(Stage::Encrypt);
            let stream = encrypt(stream, server.machine(), at, trust, Verify::Name).await?;
            return Ok(Box::new(Bounded::new(stream, peer, b"")));
        }
        MailTls::Required => Verify::Name,
        MailTls::IfOffered => Verify::Nobody,
    };
    // It has greeted us, and does so once.
    const GREETED: &[u8] = b"220 greeted\r\n";
    match starttls::ask(&mut stream, hello, at, doing).await? {
        Offer::Ready => {
            let stream = encrypt(stream, server.machine(), at, trust, verify).await?;
            Ok(Box::new(Bounded::new(stream, peer, GREETED)))
        }
        Offer::None if server.tls() == MailTls::Required => Err(PostFault::NoStartTls { at: at.to_owned() }),
        Offer::None => Ok(Box::new(Bounded::new(stream, peer, GREETED))),
    }
}

struct Login<'a> {
    user: &'a str,
    password: &'a Password,
}

struct Talk<'a> {
    at: String,
    login: Option<Login<'a>>,
    doing: &'a Doing,
}

impl Talk<'_> {
    async fn hand_over(&self, connection: &mut AsyncSmtpConnection, written: &Written) -> Result<(), PostFault> {
        if let Some(Login { user, password }) = &self.login {
            self.doing.now(Stage::LogIn);
            if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(PostFault::NoLogin { at: self.at.clone() });
            }
            let credentials = Credentials::new((*user).to_owned(), password.expose().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await.map_err(|error| self.fault(&error))?;
        }
        self.doing.now(Stage::Sender);
        let sender = Mail::new(Some(written.from.clone()), Vec::new());
        connection.command(sender).await.map_err(|error| self.fault(&error))?;
        self.doing.now(Stage::Recipient);
        let recipient = Rcpt::new(written.to.clone(), Vec::new());
        connection.command(recipient).await.map_err(|error| self.fault(&error))?;
        self.doing.now(Stage::Letter);
        let may = connection.command(Data).await.map_err(|error| self.fault(&error))?;
        if !may.has_code(354) {
            // What follows would be taken for commands.
            let why = quoted(&format!("{} {}", may.code(), may.message().collect::<Vec<_>>().join(" ")), &[]);
            return Err(PostFault::Broken { at: self.at.clone(), stage: Stage::Letter, why });
        }
        connection.message(&written.text).await.map_err(|error| self.fault(&error))?;
        Ok(())
    }

    fn fault(&self, error: &lettre::transport::smtp::Error) -> PostFault {
        let (at, stage) = (self.at.clone(), self.doing.stage());
        let secrets = self.login.as_ref().map(Login::spellings).unwrap_or_default();
        let words = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let Some(code) = error.status() else {
            let why = if words.is_empty() { error.to_string() } else { words };
            return PostFault::Broken { at, stage, why: quoted(&why, &secrets) };
        };
        let said = quoted(&format!("{code} {words}"), &secrets);
        match &self.login {
            Some(login) if stage == Stage::LogIn => PostFault::NotLetIn { at, user: login.user.to_owned(), said },
            _ => PostFault::Refused { at, stage, said },
        }
    }
}

impl Login<'_> {
    /// How the password stands in what was sent, which a server may repeat: the longest first.
    fn spellings(&self) -> Vec<String> {
        let password = self.password.expose();
        let plain = STANDARD.encode(format!("\0{}\0{password}", self.user));
        vec![plain, STANDARD.encode(password), password.to_owned()]
    }
}

/// A connection on which no more than so much is said to us, beginning with what was said ahead.
struct Bounded<S> {
    stream: S,
    peer: SocketAddr,
    ahead: &'static [u8],
    left: usize,
}

impl<S> Bounded<S> {
    fn new(stream: S, peer: SocketAddr, ahead: &'static [u8]) -> Bounded<S> {
        Bounded { stream, peer, ahead, left: MOST_SAID }
    }
}

impl<S> fmt::Debug for Bounded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bounded({})", self.peer)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let (now, later) = self.ahead.split_at(self.ahead.len().min(into.remaining()));
            into.put_slice(now);
            self.ahead = later;
            return Poll::Ready(Ok(()));
        }
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("it says more than a mail server has to say")));
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        self.left = self.left.saturating_sub(into.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Bounded<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
