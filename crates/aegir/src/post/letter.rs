//! A letter as it crosses the network: its headers, and a body of ASCII whatever it says.

use std::time::{Duration, UNIX_EPOCH};

use aegir_domain::EmailAddress;
use aegir_host::Mint;
use aegir_hosting::Letter;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, SinglePart};

use super::fault::PostFault;

/// A letter with its envelope.
pub(super) struct Written {
    pub(super) from: lettre::Address,
    pub(super) to: lettre::Address,
    /// All of it, with the line ends of the network.
    pub(super) text: Vec<u8>,
}

impl Written {
    /// Writes a letter at the time `now`, in milliseconds since 1970.
    pub(super) fn of(
        letter: &Letter,
        from: &EmailAddress,
        to: &EmailAddress,
        now: u64,
        mint: &dyn Mint,
    ) -> Result<Written, PostFault> {
        let address = |text: &EmailAddress| {
            text.as_str().parse::<lettre::Address>().map_err(|why| PostFault::Letter { why: why.to_string() })
        };
        let (from, to) = (address(from)?, address(to)?);
        let id: String = mint.random::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
        let message = Message::builder()
            .from(Mailbox::new(Some("Ægir".into()), from.clone()))
            .to(Mailbox::new(None, to.clone()))
            .subject(one_line(&letter.subject))
            .date(UNIX_EPOCH + Duration::from_millis(now))
            .message_id(Some(format!("<{id}@{}>", from.domain())))
            .header(AutoSubmitted)
            .singlepart(SinglePart::plain(letter.body.clone()))
            .map_err(|why| PostFault::Letter { why: why.to_string() })?;
        Ok(Written { from, to, text: message.formatted() })
    }
}

/// A line break in a header would begin another header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Says that no person wrote it, so that no machine answers (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nought;

    impl Mint for Nought {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn written(subject: &str, body: &str) -> String {
        let letter = Letter { subject: subject.into(), body: body.into() };
        let (from, to) = ("aegir@host.test".parse().unwrap(), "ops@example.org".parse().unwrap());
        String::from_utf8(Written::of(&letter, &from, &to, 1_700_000_000_000, &Nought).unwrap().text).unwrap()
    }

    #[test]
    fn a_letter_is_ascii_whatever_it_says() {
        let text = written("[Ægir] site-add of @a.test failed", "grüße 🎉\n.\n");

        assert!(text.is_ascii());
        assert_eq!(
            text.replace("\r\n", "\n"),
            "From: =?utf-8?b?w4ZnaXI=?= <aegir@host.test>\n\
             To: ops@example.org\n\
             Subject: =?utf-8?b?W8OGZ2lyXQ==?= site-add of @a.test failed\n\
             Date: Tue, 14 Nov 2023 22:13:20 +0000\n\
             Message-ID: <00000000000000000000000000000000@host.test>\n\
             Auto-Submitted: auto-generated\n\
             MIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: base64\n\
             \n\
             Z3LDvMOfZSDwn46JDQouDQo=\n"
        );
    }

    #[test]
    fn no_subject_begins_another_header() {
        for subject in
            ["a\r\nBcc: all@example.org", "a\nBcc: all@example.org", "a\rBcc: b", "ä\r\n\r\nBcc: b", "\0\u{85}a"]
        {
            let text = written(subject, "body");
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{text}");
            assert!(text.ends_with("\r\n\r\nbody\r\n"), "{text}");
        }
    }

    #[test]
    fn no_line_of_a_body_is_longer_than_mail_may_be() {
        let text = written("a", &"x".repeat(5000));
        assert!(text.lines().all(|line| line.len() <= 998));
    }
}
