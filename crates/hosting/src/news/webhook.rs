//! Where failures are posted to.

use std::fmt;
use std::str::FromStr;

use aegir_domain::BadText;

use super::address::{Machine, Wrong, machine_and_port};

/// The address that failures are posted to: `https://HOST[:PORT]/PATH`.
///
/// Invariant: it is https, or leads to this machine itself; it holds no user and no fragment, and its path can
/// be written into a request as it is. Path and query may be what lets us in: they are shown by `Display` alone.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookAddress {
    is_encrypted: bool,
    machine: Machine,
    port: u16,
    target: String,
}

impl WebhookAddress {
    /// Whether it is https.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The machine, and its port where that is not the usual one: the header `Host`.
    pub fn host(&self) -> String {
        match self.port == usual_port(self.is_encrypted) {
            true => self.machine.to_string(),
            false => format!("{}:{}", self.machine, self.port),
        }
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The address without what may be secret: `https://hooks.example.org`.
    pub fn origin(&self) -> String {
        format!("{}{}", scheme(self.is_encrypted), self.host())
    }
}

fn usual_port(is_encrypted: bool) -> u16 {
    if is_encrypted { 443 } else { 80 }
}

fn scheme(is_encrypted: bool) -> &'static str {
    if is_encrypted { "https://" } else { "http://" }
}

impl fmt::Debug for WebhookAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookAddress({}/…)", self.origin())
    }
}

impl fmt::Display for WebhookAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.target)
    }
}

impl FromStr for WebhookAddress {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let text = text.trim();
        read(text).map_err(|wrong| wrong.of(&shown(text), "the address of a webhook"))
    }
}

/// What an error may show of it: neither user and password, nor path and query.
fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        // Who knows what was given here.
        return text.chars().take(8).chain("…".chars()).collect();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (at, behind) = rest.split_at(end);
    let (user, host) = at.rsplit_once('@').map_or(("", at), |(_, host)| ("…@", host));
    format!("{scheme}://{user}{host}{}", if behind.len() > 1 { "/…" } else { behind })
}

fn read(text: &str) -> Result<WebhookAddress, Wrong> {
    const SUCH_AS: &str = "https://hooks.example.org/aegir";
    let wrong = |why: &str| Wrong::new(why, format!("give one such as `{SUCH_AS}`"));
    if text.len() > 2000 {
        return Err(wrong("it has more than 2000 bytes"));
    }
    let (is_encrypted, rest) = match text.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        _ => return Err(wrong("it does not begin with `https://`")),
    };
    let (at, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if at.contains('@') {
        return Err(Wrong::new(
            "it holds a user or a password",
            "leave that out: who posts is proved by the signature (set the secret `news_webhook_secret`)",
        ));
    }
    let (machine, port) = machine_and_port(at, SUCH_AS)?;
    if !is_encrypted && !machine.is_this_one() {
        return Err(Wrong::new(
            "what is posted there could be read and changed on its way",
            format!(
                "give `https://{at}…`; plain HTTP is for this machine alone (`http://localhost`, `http://127.0.0.1`)"
            ),
        ));
    }
    if target.contains('#') {
        return Err(wrong("it holds a `#`, and what follows that is never sent"));
    }
    if !is_target(target) {
        return Err(Wrong::new(
            "its path holds something that an address cannot",
            "write spaces, quotes and letters that are not ASCII as `%` and two digits",
        ));
    }
    let slash = if target.starts_with('/') { "" } else { "/" };
    let port = port.unwrap_or(usual_port(is_encrypted));
    Ok(WebhookAddress { is_encrypted, machine, port, target: format!("{slash}{target}") })
}

/// Whether it is a path with or without a query, as RFC 3986 has it.
fn is_target(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(byte),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> WebhookAddress {
        text.parse().unwrap_or_else(|bad| panic!("{bad}"))
    }

    #[test]
    fn an_address_is_read_and_written_the_same() {
        for text in [
            "https://hooks.example.org/",
            "https://hooks.example.org:8443/services/T0/B0/x?key=a%20b&c=(d)",
            "https://192.0.2.7/a",
            "https://[2001:db8::1]:444/a",
            "http://localhost:9000/a",
            "http://127.0.0.2/a",
            "http://[::1]:80/".trim_end_matches(":80/"),
        ] {
            let written = address(text).to_string();
            assert!(written == text || written == format!("{text}/"), "{written}");
        }
        assert_eq!(address("https://A.test:443?b=c").to_string(), "https://a.test/?b=c");
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for text in ["http://hooks.example.org/a", "http://192.0.2.7/a", "http://localhost.example.org/a"] {
            let bad = text.parse::<WebhookAddress>().unwrap_err();
            assert!(bad.instead.unwrap().contains("https://"), "{text}");
        }
    }

    #[test]
    fn what_may_be_secret_is_in_no_error_and_no_debug() {
        for text in [
            "https://user:hunter2@hooks.example.org/a",
            "https://hunter2@hooks.example.org/a",
            "https://hooks.example.org/hunter2 ",
            "https://hooks.example.org/hunter2#a",
            "https://hooks.example.org/a?hunter2\"",
            "https://hooks.example.org?hunter2=\u{7f}",
            "http://hooks.example.org/hunter2",
            "hooks.example.org/hunter2",
            "https://hooks.example.org:99999/hunter2",
        ] {
            let said = match text.parse::<WebhookAddress>() {
                Ok(address) => format!("{address:?}"),
                Err(bad) => format!("{bad} {bad:?}"),
            };
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn what_is_no_address_says_what_would_be_one() {
        for text in [
            "",
            "https://",
            "ftp://a.test/",
            "https:/a.test",
            "https://*.a.test/",
            "https://a.test:0/",
            "https://a.test:x/",
            "https://a.test\r\nX: y",
            "https://a.test/\r\nX: y",
            "https://a.test/a b",
            "https://a.test/ä",
            "https://a.test/%2",
            "https://bücher.test/",
            "HTTPS:a.test",
        ] {
            assert!(text.parse::<WebhookAddress>().expect_err(text).instead.is_some(), "{text}");
        }
        assert!(format!("https://a.test/{}", "a".repeat(2000)).parse::<WebhookAddress>().is_err());
        let bad = "https://bücher.test/".parse::<WebhookAddress>().unwrap_err();
        assert_eq!(bad.instead.as_deref(), Some("use its punycode form `xn--bcher-kva.test`"));
    }
}
