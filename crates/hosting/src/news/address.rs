//! The part of an address that names a machine and a port.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use aegir_domain::{BadText, HostName};

/// A machine of the network, as an address names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Machine {
    /// By its name.
    Name(HostName),
    /// By its number.
    Number(IpAddr),
}

impl Machine {
    /// Whether it is this machine itself, whatever a name server says.
    pub fn is_this_one(&self) -> bool {
        match self {
            Machine::Name(name) => name.as_str() == "localhost",
            Machine::Number(number) => number.is_loopback(),
        }
    }

    /// As a resolver and a certificate have it: a number of version 6 without brackets.
    pub fn bare(&self) -> String {
        match self {
            Machine::Name(name) => name.to_string(),
            Machine::Number(number) => number.to_string(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Machine::Number(IpAddr::V6(number)) => write!(f, "[{number}]"),
            _ => f.write_str(&self.bare()),
        }
    }
}

/// What is wrong with an address, and what to give instead.
pub(super) struct Wrong {
    pub(super) why: String,
    pub(super) instead: String,
}

impl Wrong {
    pub(super) fn new(why: impl Into<String>, instead: impl Into<String>) -> Wrong {
        Wrong { why: why.into(), instead: instead.into() }
    }

    pub(super) fn of(self, shown: &str, expected: &'static str) -> BadText {
        BadText::of(shown, expected, &self.why, &self.instead)
    }
}

/// Reads `HOST` or `HOST:PORT`; `such_as` is a whole address that would do.
pub(super) fn machine_and_port(text: &str, such_as: &str) -> Result<(Machine, Option<u16>), Wrong> {
    let instead = || format!("give one such as `{such_as}`");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) =
                rest.split_once(']').ok_or_else(|| Wrong::new("it has a `[` and no `]`", instead()))?;
            let number = host.parse::<Ipv6Addr>();
            let number = number.map_err(|_| Wrong::new("what stands in brackets is no IPv6 address", instead()))?;
            let port = match behind.strip_prefix(':') {
                None if behind.is_empty() => None,
                None => return Err(Wrong::new("something stands behind the `]` that is no port", instead())),
                port => port,
            };
            (Machine::Number(number.into()), port)
        }
        None => {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            (machine(host, such_as)?, port)
        }
    };
    let port = port.map(|port| {
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let number = port.parse::<u16>().ok().filter(|number| digits && *number > 0);
        number.ok_or_else(|| Wrong::new("its port is no number from 1 to 65535", instead()))
    });
    Ok((host, port.transpose()?))
}

fn machine(host: &str, such_as: &str) -> Result<Machine, Wrong> {
    if let Ok(number) = host.parse::<IpAddr>() {
        return Ok(Machine::Number(number));
    }
    let instead = || format!("give one such as `{such_as}`");
    match host.to_ascii_lowercase().parse::<HostName>() {
        Ok(name) if name.wildcard().is_none() => Ok(Machine::Name(name)),
        Ok(_) => Err(Wrong::new("its host stands for many", instead())),
        Err(bad) => Err(Wrong::new(format!("of its host: {}", bad.why), bad.instead.unwrap_or_else(instead))),
    }
}

/// An address as an error may show it: without the password, if it holds one.
pub(super) fn without_password(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@') else { return text.to_owned() };
    let (scheme, user) = before.split_once("://").map_or(("", before), |(scheme, user)| (scheme, user));
    let between = if scheme.is_empty() { "" } else { "://" };
    match user.split_once(':') {
        Some((user, _)) => format!("{scheme}{between}{user}:…@{host}"),
        None => text.to_owned(),
    }
}
