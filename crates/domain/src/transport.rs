//! How a server's back end is reached: on this machine, or over ssh.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};

/// How the back end of a server is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "transport", rename_all = "kebab-case")]
pub enum Transport {
    /// As a process of this machine.
    #[default]
    Local,
    /// Behind `ssh`.
    Ssh(SshAddress),
}

impl Transport {
    /// The word it is stored under.
    pub fn as_str(&self) -> &'static str {
        match self {
            Transport::Local => "local",
            Transport::Ssh(_) => "ssh",
        }
    }
}

/// Where `ssh` finds a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SshAddress {
    /// The machine.
    pub host: SshHost,
    /// The account there.
    pub user: SshUser,
    /// The port.
    #[serde(default = "ssh_port")]
    pub port: u16,
    /// The key the machine must show, as a line of `known_hosts` has it behind the name: `ssh-ed25519 AAAA…`.
    /// `None`: the known hosts of the user `aegir` decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
}

fn ssh_port() -> u16 {
    22
}

impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)
    }
}

/// The name or address of a machine, for `ssh`.
///
/// Invariant: 1 to 253 bytes of letters, digits, `.`, `-`, `_` or `:`, beginning with a letter, a
/// digit or `:`: it can be an argument, and is never taken for an option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SshHost(String);
text_type!(SshHost);

impl FromStr for SshHost {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let fits = (1..=253).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'))
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':');
        if !fits {
            return Err(BadText::new(text, "the name of a machine", "it is no host name and no address")
                .instead("give a name such as `web1.example.org`, or an address such as `192.0.2.7`"));
        }
        Ok(SshHost(text.to_owned()))
    }
}

/// The account that `ssh` logs in to.
///
/// Invariant: 1 to 32 bytes of `a-z`, `0-9`, `_` or `-`, beginning with a letter or `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SshUser(String);
text_type!(SshUser);

impl FromStr for SshUser {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !fits {
            return Err(
                BadText::new(text, "an account", "it is no name of a user").instead("give a name such as `aegir`")
            );
        }
        Ok(SshUser(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_never_taken_for_an_option_of_ssh() {
        for bad in ["", "-oProxyCommand=x", "a b", "a/b", "a@b"] {
            assert!(bad.parse::<SshHost>().is_err(), "{bad}");
            assert!(bad.parse::<SshUser>().is_err(), "{bad}");
        }
        for good in ["web1.example.org", "192.0.2.7", "2001:db8::1", "::1"] {
            assert!(good.parse::<SshHost>().is_ok(), "{good}");
        }
    }
}
