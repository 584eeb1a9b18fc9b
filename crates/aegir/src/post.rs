//! Sends news: letters by `sendmail` or a mail server, and signed posts to a webhook.
//!
//! ```text
//!   hosting ─► letter ─► sendmail                          a program, through `host`
//!                    └─► smtp: greeting, STARTTLS, login ─► connect, tls ─► the network
//!           └► post ───► webhook: one request of HTTP/1.1 ─► connect, tls ─┘
//! ```
//!
//! ## Invariants
//!
//! - Everything ends: a letter and a post each have so much time in all, and no answer is read beyond a bound.
//! - A password, and the path of a webhook, which may be one, are in no error, no argument and no log.
//! - A password crosses the network only to a server whose certificate was verified.
//! - What a program or a server says is text on one line of an error, whatever it holds.

mod connect;
mod fault;
mod letter;
mod sendmail;
mod smtp;
mod starttls;
mod tls;
mod webhook;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aegir_domain::{EmailAddress, FaultReport, Password};
use aegir_host::{Clock, Mint, Programs};
use aegir_hosting::{Letter, MailWay, Post, Postman, Sending, WebhookAddress};

use self::fault::PostFault;
use self::letter::Written;
use self::tls::Trust;

/// Sends news for real.
pub struct RealPostman {
    programs: Arc<dyn Programs>,
    clock: Arc<dyn Clock>,
    mint: Arc<dyn Mint>,
    sendmail: PathBuf,
    trust: Trust,
    patience: Patience,
}

/// How long sending may take, in all.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A letter. It must be well under the two minutes for which news that were taken are ours alone.
    pub letter: Duration,
    /// A post.
    pub post: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { letter: Duration::from_secs(60), post: Duration::from_secs(10) }
    }
}

impl RealPostman {
    /// One that starts `sendmail` through `programs`, dates letters by `clock`, and trusts the system's certificates.
    pub fn new(programs: Arc<dyn Programs>, clock: Arc<dyn Clock>, mint: Arc<dyn Mint>) -> RealPostman {
        let (trust, patience) = (Trust::System, Patience::default());
        RealPostman { programs, clock, mint, sendmail: "sendmail".into(), trust, patience }
    }

    /// The same with this program in the place of the machine's `sendmail`.
    pub fn with_sendmail(mut self, program: impl Into<PathBuf>) -> RealPostman {
        self.sendmail = program.into();
        self
    }

    /// The same, trusting these certificates (as DER) and no others.
    pub fn trusting(mut self, certificates: impl IntoIterator<Item = Vec<u8>>) -> RealPostman {
        self.trust = Trust::These(certificates.into_iter().map(Into::into).collect());
        self
    }

    /// The same with other bounds.
    pub fn with_patience(mut self, patience: Patience) -> RealPostman {
        self.patience = patience;
        self
    }

    async fn send_letter(
        &self,
        by: &MailWay,
        password: Option<&Password>,
        from: &EmailAddress,
        to: &EmailAddress,
        letter: &Letter,
    ) -> Result<(), PostFault> {
        let written = Written::of(letter, from, to, self.clock.unix_ms(), &*self.mint)?;
        match by {
            MailWay::Sendmail => {
                sendmail::send(self.programs.clone(), &self.sendmail, &written, self.patience.letter).await
            }
            MailWay::Server(server) => {
                let doing = Doing::default();
                let sent = smtp::send(server, password, &written, &self.trust, &doing);
                within(self.patience.letter, &smtp::shown(server), &doing, sent).await
            }
        }
    }
}

impl Postman for RealPostman {
    fn mail<'a>(
        &'a self,
        by: &'a MailWay,
        password: Option<&'a Password>,
        from: &'a EmailAddress,
        to: &'a EmailAddress,
        letter: &'a Letter,
    ) -> Sending<'a> {
        Box::pin(async move { report(self.send_letter(by, password, from, to, letter).await) })
    }

    fn post<'a>(&'a self, address: &'a WebhookAddress, post: &'a Post) -> Sending<'a> {
        Box::pin(async move {
            let doing = Doing::default();
            let sent = webhook::send(address, post, &self.trust, &doing);
            report(within(self.patience.post, &address.origin(), &doing, sent).await)
        })
    }
}

fn report(sent: Result<(), PostFault>) -> Result<(), FaultReport> {
    sent.map_err(|fault| FaultReport::of(&fault))
}

/// What is being done just now, for whoever loses patience.
#[derive(Default)]
struct Doing(Mutex<Stage>);

/// A stage of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Finding and reaching it.
    #[default]
    Connect,
    Encrypt,
    Greet,
    LogIn,
    Sender,
    Recipient,
    Letter,
    Post,
}

impl Stage {
    /// As a sentence goes on: `… did not answer when …`.
    fn in_words(self) -> &'static str {
        match self {
            Stage::Connect => "we called it",
            Stage::Encrypt => "we wanted the connection encrypted",
            Stage::Greet => "we greeted it",
            Stage::LogIn => "we logged in",
            Stage::Sender => "it was told whom the letter comes from",
            Stage::Recipient => "it was told whom the letter goes to",
            Stage::Letter => "it was given the letter",
            Stage::Post => "it was given the news",
        }
    }
}

impl Doing {
    fn now(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn stage(&self) -> Stage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does `work` with `at`, for so long at the most.
async fn within(
    limit: Duration,
    at: &str,
    doing: &Doing,
    work: impl Future<Output = Result<(), PostFault>>,
) -> Result<(), PostFault> {
    let late = |_| Err(PostFault::Silent { at: at.to_owned(), stage: doing.stage(), limit });
    tokio::time::timeout(limit, work).await.unwrap_or_else(late)
}
