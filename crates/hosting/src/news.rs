//! Failure is news: what is told of a task that went wrong, was left half done, or was recovered.
//!
//! The texts are made here, and kept with the change that calls for them; whoever sends them tries
//! again until they are gone. News that cannot be sent never fails a task.

mod address;
mod mail_way;
mod webhook;
mod welcome;

use std::future::Future;
use std::pin::Pin;

use aegir_domain::{EmailAddress, FaultReport, Left, Password, Report};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use address::Machine;
pub use mail_way::{MailServer, MailTls, MailWay};
pub use webhook::WebhookAddress;
pub(crate) use welcome::{BODY, SUBJECT, WelcomeTemplate, contacts, welcome_body, welcome_subject};

/// What there is to tell: of a task, or of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// What became of it.
    pub what: What,
    /// The task's number, if it is about one.
    pub task: Option<i64>,
    /// What it does: `site-verify`.
    pub operation: String,
    /// What it is about: `@example.org`.
    pub object: String,
    /// The server whose back end carried it out.
    pub server: String,
    /// Who asked for it.
    pub asked_by: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Why, if something failed.
    pub fault: Option<FaultReport>,
    /// Steps that were undone, the last one first.
    pub undone: Vec<String>,
    /// What is left, if an undo failed.
    pub left: Vec<Left>,
}

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A check said no; nothing was touched.
    Refused,
    /// It failed, and the world is as it was.
    RolledBack,
    /// It failed, and an undo failed too.
    Stuck,
    /// Its result stands; something is left over.
    Untidy,
    /// Its back end had died; another one brought it to an end.
    Recovered,
    /// It has said nothing for long.
    Silent,
    /// Its machine does not answer.
    OutOfContact,
    /// The control database could not be copied; it is about no task.
    NotCopied,
    /// Cron of a site failed several times in a row.
    CronFails,
    /// It had, and came to its end again.
    CronRuns,
    /// A bulk run asks nothing more until somebody has looked at what failed; it is about no task.
    Paused,
    /// Objects lie on a machine under names that are those of other objects here; they are left alone.
    Namesakes,
}

impl What {
    fn in_words(self) -> &'static str {
        match self {
            What::Refused => "was refused, and touched nothing",
            What::RolledBack => "failed, and what it did is taken back",
            What::Stuck => "failed, and could not be taken back",
            What::Untidy => "succeeded, and left something over",
            What::Recovered => "was interrupted, and is brought to its end",
            What::Silent => "has said nothing for long",
            What::OutOfContact => "runs on a machine that does not answer",
            What::NotCopied => "failed",
            What::CronFails => "failed several times in a row",
            What::CronRuns => "comes to its end again",
            What::Paused => "is paused",
            What::Namesakes => "found names that are taken here",
        }
    }
}

/// A letter, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line, without control characters.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// A post to a webhook, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The body: JSON.
    pub body: String,
    /// When it was signed, in seconds since 1970: the header `Aegir-Timestamp`.
    pub timestamp: String,
    /// The header `Aegir-Signature`: `sha256=` and the HMAC of `TIMESTAMP.BODY` in hexadecimal.
    pub signature: Option<String>,
}

/// Sends news. What cannot be sent now is tried again later, by the caller.
pub trait Postman: Send + Sync {
    /// Sends a letter; `password` is for the user that `by` names, if it names one.
    fn mail<'a>(
        &'a self,
        by: &'a MailWay,
        password: Option<&'a Password>,
        from: &'a EmailAddress,
        to: &'a EmailAddress,
        letter: &'a Letter,
    ) -> Sending<'a>;

    /// Posts to `address`; anything but a status of 2xx is a failure.
    fn post<'a>(&'a self, address: &'a WebhookAddress, post: &'a Post) -> Sending<'a>;
}

/// News on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), FaultReport>> + Send + 'a>>;

impl News {
    /// As a letter. What came from elsewhere is text in it, never a header.
    pub fn letter(&self) -> Letter {
        let subject = format!("[Ægir] {} of {} {}", self.operation, self.object, self.what.in_words());
        let mut body = format!("{} of {} {}.\n", self.operation, self.object, self.what.in_words());
        if let Some(fault) = &self.fault {
            body.push_str(&format!("\n{}\n", Report(fault)));
        }
        if !self.undone.is_empty() {
            body.push_str(&format!("\nWhat was undone, the last step first: {}.\n", self.undone.join(", ")));
        }
        if !self.left.is_empty() {
            body.push_str("\nWhat is left:\n");
            for left in &self.left {
                let why = left.fault.as_ref().map(|fault| format!(": {}", fault.message)).unwrap_or_default();
                body.push_str(&format!("  {}{why}\n", left.line));
            }
        }
        body.push_str(&match self.task {
            Some(task) => format!(
                "\nTask {task}, asked for by {}, on @server_{}.\nIts whole log: aegir task log {task}\n",
                self.asked_by, self.server
            ),
            None if self.what == What::NotCopied => format!("\nOn {}, by {} itself.\n", self.server, self.asked_by),
            None if self.what == What::Paused => format!("\nAsked for by {}.\n", self.asked_by),
            None => format!("\nOn @server_{}.\n", self.server),
        });
        Letter { subject: one_line(&subject), body: plain(&body) }
    }

    /// As a post, signed if there is a secret.
    pub fn post(&self, now_seconds: u64, secret: Option<&Password>) -> Post {
        let body = json!({ "version": 1, "news": self }).to_string();
        let timestamp = now_seconds.to_string();
        let signature = secret.map(|secret| sign(secret, &timestamp, &body));
        Post { body, timestamp, signature }
    }
}

fn sign(secret: &Password, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news() -> News {
        News {
            what: What::RolledBack,
            task: Some(42),
            operation: "site-add".into(),
            object: "@a.test".into(),
            server: "web1".into(),
            asked_by: "aegir".into(),
            at: 0,
            fault: Some(FaultReport {
                message: "cannot create the database `a`".into(),
                because: vec!["no room\u{1b}[2J".into()],
                remedy: Some("make room".into()),
            }),
            undone: vec!["create-database".into(), "make-secret".into()],
            left: Vec::new(),
        }
    }

    #[test]
    fn a_letter_tells_cause_what_was_undone_and_the_way_out() {
        let letter = news().letter();

        assert_eq!(letter.subject, "[Ægir] site-add of @a.test failed, and what it did is taken back");
        assert_eq!(
            letter.body,
            "site-add of @a.test failed, and what it did is taken back.\n\n\
             cannot create the database `a`\n  because no room\u{fffd}[2J\n\nhow to fix it: make room\n\n\
             What was undone, the last step first: create-database, make-secret.\n\n\
             Task 42, asked for by aegir, on @server_web1.\nIts whole log: aegir task log 42\n"
        );
    }

    #[test]
    fn a_subject_is_one_line_whatever_the_name_was() {
        let news = News { object: "a\r\nBcc: all@example.org".into(), ..news() };

        assert!(!news.letter().subject.contains(['\r', '\n']));
    }

    #[test]
    fn a_post_is_signed_with_its_time() {
        let secret = Password::new("key");
        let post = news().post(1_700_000_000, Some(&secret));

        let other = news().post(1_700_000_001, Some(&secret));

        assert_ne!(post.signature, other.signature);
        assert_eq!(post.signature.as_ref().map(|text| text.len()), Some("sha256=".len() + 64));
        assert!(news().post(0, None).signature.is_none());
    }

    #[test]
    fn the_signature_is_what_other_programs_compute() {
        // printf '%s' '1.{}' | openssl dgst -sha256 -hmac key
        let signed = sign(&Password::new("key"), "1", "{}");

        assert_eq!(signed, "sha256=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224");
    }
}
