//! How letters leave: by a program of this machine, or by a mail server.

use std::fmt;
use std::str::FromStr;

use aegir_domain::BadText;

use super::address::{Machine, Wrong, machine_and_port, without_password};

/// How letters leave.
///
/// As a text: `sendmail`, `smtp://HOST[:PORT][?tls=none|required]`, `smtp://USER@HOST[:PORT]?tls=required`, or
/// `smtps://[USER@]HOST[:PORT]`. A password is never part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailWay {
    /// By the program `sendmail` of this machine.
    Sendmail,
    /// By a mail server.
    Server(MailServer),
}

/// A mail server.
///
/// Invariant: where it has a user, the connection is encrypted, and the server's certificate is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    machine: Machine,
    port: u16,
    tls: MailTls,
    user: Option<String>,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From its first byte.
    FromTheStart,
    /// Before anything is told, or nothing is.
    Required,
    /// If the server offers it. Against those who listen, not against those who stand in between: they could
    /// as well have the offer disappear, so nobody's certificate is asked for.
    IfOffered,
    /// Not at all.
    Never,
}

impl MailServer {
    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the connection is encrypted.
    pub fn tls(&self) -> MailTls {
        self.tls
    }

    /// As whom we log in, if we do.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The port that its kind has where none is named.
    fn usual_port(tls: MailTls, user: Option<&str>) -> u16 {
        match (tls, user) {
            (MailTls::FromTheStart, _) => 465,
            (_, Some(_)) => 587,
            (_, None) => 25,
        }
    }
}

impl fmt::Display for MailWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MailWay::Server(MailServer { machine, port, tls, user }) = self else { return f.write_str("sendmail") };
        f.write_str(if *tls == MailTls::FromTheStart { "smtps://" } else { "smtp://" })?;
        if let Some(user) = user {
            write!(f, "{user}@")?;
        }
        write!(f, "{machine}")?;
        if *port != MailServer::usual_port(*tls, user.as_deref()) {
            write!(f, ":{port}")?;
        }
        f.write_str(match tls {
            MailTls::FromTheStart | MailTls::IfOffered => "",
            MailTls::Required => "?tls=required",
            MailTls::Never => "?tls=none",
        })
    }
}

impl FromStr for MailWay {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        read(text.trim()).map_err(|wrong| wrong.of(&without_password(text.trim()), "a way to send mail"))
    }
}

fn read(text: &str) -> Result<MailWay, Wrong> {
    const FORMS: &str = "give `sendmail`, `smtp://mail.example.org`, or `smtps://user@mail.example.org`";
    if text == "sendmail" {
        return Ok(MailWay::Sendmail);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Wrong::new("it is neither `sendmail` nor the address of a mail server", FORMS));
    };
    let (wrapped, such_as) = match scheme {
        "smtps" => (true, "smtps://user@mail.example.org:465"),
        "smtp" => (false, "smtp://mail.example.org:25"),
        _ => return Err(Wrong::new("it begins with neither `smtp://` nor `smtps://`", FORMS)),
    };
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (user, at) = rest.rsplit_once('@').map_or((None, rest), |(user, at)| (Some(user), at));
    let user = user.map(check_user).transpose()?;
    let (machine, port) = machine_and_port(at.strip_suffix('/').unwrap_or(at), such_as)?;
    let tls = match (wrapped, query) {
        (true, None) => MailTls::FromTheStart,
        (true, Some(_)) => {
            return Err(Wrong::new("`smtps://` is encrypted from the start", "leave out what follows the `?`"));
        }
        (false, None) => MailTls::IfOffered,
        (false, Some("tls=required")) => MailTls::Required,
        (false, Some("tls=none")) => MailTls::Never,
        (false, Some(_)) => {
            return Err(Wrong::new(
                "what follows the `?` is not known",
                "give `?tls=required`, `?tls=none`, or nothing: then the connection is encrypted if the server offers it",
            ));
        }
    };
    if let Some(user) = &user
        && !matches!(tls, MailTls::FromTheStart | MailTls::Required)
    {
        let host = &machine;
        return Err(Wrong::new(
            "the user's password would cross the network in the open",
            format!("give `smtps://{user}@{host}`, or `smtp://{user}@{host}?tls=required`"),
        ));
    }
    let port = port.unwrap_or_else(|| MailServer::usual_port(tls, user.as_deref()));
    Ok(MailWay::Server(MailServer { machine, port, tls, user }))
}

fn check_user(user: &str) -> Result<String, Wrong> {
    if user.contains(':') {
        return Err(Wrong::new(
            "it holds a password",
            "leave that out, and set it as the secret `news_mail_password`; change it, if others could see it here",
        ));
    }
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"/?#%[]<>\"\\".contains(&byte);
    match (1..=254).contains(&user.len()) && user.bytes().all(plain) {
        true => Ok(user.to_owned()),
        false => Err(Wrong::new(
            "its user is empty, too long, or holds a character that a user has not",
            "give the user as it is, `@` too: `smtps://news@example.org@mail.example.org`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(text: &str) -> MailWay {
        text.parse().unwrap_or_else(|bad| panic!("{bad}"))
    }

    fn server(text: &str) -> MailServer {
        match way(text) {
            MailWay::Server(server) => server,
            MailWay::Sendmail => panic!("{text} is a server"),
        }
    }

    #[test]
    fn a_way_is_read_and_written_the_same() {
        for text in [
            "sendmail",
            "smtp://mail.example.org",
            "smtp://mail.example.org:2525?tls=none",
            "smtp://127.0.0.1?tls=required",
            "smtp://[2001:db8::1]:26",
            "smtp://news@mail.example.org?tls=required",
            "smtps://mail.example.org",
            "smtps://news@example.org@mail.example.org:4650",
        ] {
            assert_eq!(way(text).to_string(), text);
        }
        assert_eq!(way(" smtps://Mail.Example.org:465/ ").to_string(), "smtps://mail.example.org");
    }

    #[test]
    fn a_server_has_the_port_of_its_kind() {
        assert_eq!(server("smtp://a.test").port(), 25);
        assert_eq!(server("smtp://u@a.test?tls=required").port(), 587);
        assert_eq!(server("smtps://u@a.test").port(), 465);
        assert_eq!(server("smtps://u@a.test:1").user(), Some("u"));
        assert_eq!(server("smtp://[::1]:26").machine().bare(), "::1");
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for text in
            ["smtps://news:hunter2@mail.example.org", "smtps://a@b:hunter2@mail.test:465", "news:hunter2@mail.test"]
        {
            let bad = text.parse::<MailWay>().unwrap_err();
            let said = format!("{bad} {bad:?}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        let bad = "smtps://news:hunter2@mail.test".parse::<MailWay>().unwrap_err();
        assert_eq!(bad.to_string(), "`smtps://news:…@mail.test` is not a way to send mail: it holds a password");
        assert!(bad.instead.unwrap().contains("`news_mail_password`"));
    }

    #[test]
    fn nobody_logs_in_over_an_open_connection() {
        let bad = "smtp://news@mail.test".parse::<MailWay>().unwrap_err();
        let remedy = "give `smtps://news@mail.test`, or `smtp://news@mail.test?tls=required`";
        assert_eq!(bad.instead.as_deref(), Some(remedy));
        assert!("smtp://news@mail.test?tls=none".parse::<MailWay>().is_err());
    }

    #[test]
    fn what_is_no_way_says_what_would_be_one() {
        for text in [
            "",
            "mail.example.org",
            "/usr/sbin/sendmail",
            "http://mail.test",
            "smtp://",
            "smtp://*.mail.test",
            "smtp://mail.test:0",
            "smtp://mail.test:65536",
            "smtp://mail.test:+25",
            "smtp://mail.test:",
            "smtp://[::1",
            "smtp://[::1]25",
            "smtp://[mail.test]",
            "smtp://mail.test/path",
            "smtp://mail.test?tls=maybe",
            "smtps://mail.test?tls=none",
            "smtps://@mail.test",
            "smtps://a b@mail.test",
            "smtps://a%40b@mail.test",
            "smtp://mail.test\r\nRCPT TO:<a@b.c>",
            "smtp://mäil.test",
        ] {
            let bad = text.parse::<MailWay>().expect_err(text);
            assert!(bad.instead.is_some(), "{text}");
            assert!(!bad.to_string().contains(['\r', '\n']), "{text}");
        }
    }
}
