//! Why news could not be sent, and the way out.

use std::io;
use std::time::Duration;

use aegir_domain::Remedy;
use aegir_host::CommandFailed;

use super::Stage;

/// How much of what others say is told, in characters.
const TOLD: usize = 300;

/// Why news could not be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostFault {
    #[error("cannot write the letter: {why}")]
    Letter { why: String },
    #[error("`{address}` cannot be given to `sendmail`")]
    LikeAnOption { address: String },
    #[error("`sendmail` did not take the letter")]
    Sendmail(#[source] CommandFailed),
    #[error("what runs `sendmail` was ended")]
    Ended,
    #[error("the network does not know `{host}`")]
    UnknownHost { host: String, source: io::Error },
    #[error("`{host}` is another machine, and what is sent there is not encrypted")]
    NotHere { host: String },
    #[error("`{at}` cannot be reached")]
    Unreachable { at: String, source: io::Error },
    #[error("this machine trusts no authority for certificates")]
    NoRoots,
    #[error("no encrypted connection to `{at}` comes about")]
    NotEncrypted { at: String, source: io::Error },
    #[error("`{at}` does not offer to encrypt the connection")]
    NoStartTls { at: String },
    #[error("`{at}` did not answer within {} seconds when {}", limit.as_secs(), stage.in_words())]
    Silent { at: String, stage: Stage, limit: Duration },
    #[error("`{at}` broke off or said what nobody understands when {}: {why}", stage.in_words())]
    Broken { at: String, stage: Stage, why: String },
    #[error("`{at}` said no when {}: {said}", stage.in_words())]
    Refused { at: String, stage: Stage, said: String },
    #[error("`{at}` does not let `{user}` in: {said}")]
    NotLetIn { at: String, user: String, said: String },
    #[error("`{at}` offers no way to log in that we know")]
    NoLogin { at: String },
    #[error("there is no password for `{user}`")]
    NoPassword { user: String },
    #[error("`{at}` answered with status {status}{}", before(.said))]
    Status { at: String, status: u16, said: String },
    #[error(
        "`{at}` answered with status {status}: what is there has moved, and news go to no other place than the one that was set"
    )]
    Moved { at: String, status: u16, to: Option<String> },
}

fn before(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// What somebody said, on one short line, without these secrets.
pub(super) fn quoted(said: &str, secrets: &[String]) -> String {
    let mut text = said.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.as_str(), "…");
    }
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.chars().count() {
        0..=TOLD => text,
        _ => text.chars().take(TOLD).chain("…".chars()).collect(),
    }
}

impl Remedy for PostFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            PostFault::Letter { .. } => "set `news_mail_from` and `news_mail_to` to plain addresses".into(),
            PostFault::LikeAnOption { .. } => {
                "choose an address that does not begin with `-`, or name a mail server in `news_mail_by`".into()
            }
            PostFault::Sendmail(CommandFailed::NotFound { .. }) => {
                "install a package that has it (`postfix`, `exim4`, \
                 `msmtp-mta`), or set `news_mail_by` to a mail server, such as `smtp://mail.example.org`"
                    .into()
            }
            PostFault::Sendmail(failed) => return failed.remedy(),
            PostFault::UnknownHost { host, .. } => {
                format!("correct the name in the setting; `getent hosts {host}` says what this machine knows of it")
            }
            PostFault::NotHere { .. } => "set an address that begins with `https://`".into(),
            PostFault::Unreachable { .. } => {
                "see that the server runs, that its port is right, and that no firewall stands in between".into()
            }
            PostFault::NoRoots => "install the package `ca-certificates`".into(),
            PostFault::NotEncrypted { .. } => "have the server show a certificate of an authority that this machine \
                 trusts and that bears the name in the setting; add an authority of your own in \
                 `/usr/local/share/ca-certificates`, then run `update-ca-certificates`; where a mail server speaks no \
                 TLS on this port, name another one, or `?tls=none` in a network that you trust"
                .into(),
            PostFault::NoStartTls { .. } => "set `news_mail_by` to `smtps://…` if the server has a port for that, or \
                 leave `?tls=required` out in a network that you trust"
                .into(),
            PostFault::Refused { stage: Stage::Sender, .. } => {
                "set `news_mail_from` to an address that the server lets us send from, or log in to it: \
                 `smtps://USER@HOST` in `news_mail_by`"
                    .into()
            }
            PostFault::Refused { stage: Stage::Recipient, .. } => {
                "correct `news_mail_to`, or have the server relay for this machine".into()
            }
            PostFault::NotLetIn { .. } => {
                "correct the user in `news_mail_by` or the secret `news_mail_password`; some services want a password \
                 of its own for each program"
                    .into()
            }
            PostFault::NoLogin { .. } => {
                "leave the user out of `news_mail_by`, or name a port for programs that log in (465 or 587)".into()
            }
            PostFault::NoPassword { .. } => {
                "set the secret `news_mail_password`, or leave the user out of `news_mail_by`".into()
            }
            PostFault::Status { status: 401 | 403 | 404 | 410, .. } => {
                "correct `news_webhook`: who receives there does not know it, or not any more".into()
            }
            PostFault::Moved { to: Some(to), .. } => {
                format!("if that is right, set `news_webhook` to where it leads: an address of `{to}`")
            }
            PostFault::Moved { to: None, .. } => "set `news_webhook` to where it leads".into(),
            // They are tried again, and what was said is the best we have.
            PostFault::Ended
            | PostFault::Silent { .. }
            | PostFault::Broken { .. }
            | PostFault::Refused { .. }
            | PostFault::Status { .. } => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_one_short_line_without_secrets() {
        let said = format!("535 hunter2\u{1b}[2J\r\n  is {}", "no ".repeat(200));

        let text = quoted(&said, &["hunter2".into(), String::new()]);

        assert!(text.starts_with("535 … [2J is no no"), "{text}");
        assert!(!text.contains(char::is_control) && text.chars().count() == TOLD + 1);
    }
}
