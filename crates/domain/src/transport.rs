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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SshAddress {
    /// The machine.
    pub host: SshHost,
    /// The account there.
    pub user: SshUser,
    /// The port.
    #[serde(default = "ssh_port")]
    pub port: u16,
    /// The key the machine must show. `None`: `hostmaster/ssh/known_hosts` of our home decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<HostKey>,
    /// The home there; it belongs to `user`.
    #[serde(default = "usual_home")]
    pub home: RemotePath,
    /// The program there; `None`: `aegir`, found as the login finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<RemotePath>,
}

fn usual_home() -> RemotePath {
    RemotePath("/var/aegir".into())
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

/// A path on another machine.
///
/// Invariant: absolute, at most 200 bytes of `A-Z`, `a-z`, `0-9`, `/`, `.`, `-` and `_`, without `.`, `..` or
/// empty parts: one word in any shell, in need of no quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RemotePath(String);
text_type!(RemotePath);

impl FromStr for RemotePath {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| {
            Err(BadText::new(text, "a path on another machine", why)
                .instead("give an absolute path such as `/var/aegir`; where it has other letters, make a link to it"))
        };
        let Some(rest) = text.strip_prefix('/') else { return bad("it does not begin with `/`") };
        if text.len() > 200 {
            return bad("it has more than 200 bytes");
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_')) {
            return bad("it holds something that a shell there could read as something else");
        }
        if rest.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return bad("it holds `.`, `..` or an empty part");
        }
        Ok(RemotePath(text.to_owned()))
    }
}

/// The public key by which a machine is known: `ssh-ed25519 AAAA…`, as `known_hosts` has it behind the name.
///
/// Invariant: two words of at most 8,000 bytes: a kind of `a-z`, `0-9`, `.`, `@` and `-`, and base64. It is one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostKey(String);
text_type!(HostKey);

impl FromStr for HostKey {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let is_kind = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'@' | b'-'))
        };
        let is_base64 = |word: &str| {
            word.starts_with("AAAA")
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        };
        match words[..] {
            // A third word is a comment.
            [kind, key] | [kind, key, _] if text.len() <= 8000 && is_kind(kind) && is_base64(key) => {
                Ok(HostKey(format!("{kind} {key}")))
            }
            _ => Err(BadText::new(text, "the public key of a machine", "it is not of the form `ssh-ed25519 AAAA…`")
                .instead("give what stands in `/etc/ssh/ssh_host_ed25519_key.pub` on that machine")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_on_another_machine_is_one_word_in_any_shell() {
        for bad in
            ["", "var/aegir", "/", "/a//b", "/a/../b", "/a b", "/a'b", "/a*", "/~a", "/a%b", "/$(x)", "/a;b", "/é"]
        {
            assert!(bad.parse::<RemotePath>().is_err(), "{bad}");
        }
        assert!("/srv/aegir-2/h_1.x".parse::<RemotePath>().is_ok());
    }

    #[test]
    fn a_host_key_is_one_line_without_its_comment() {
        let key: HostKey = "ssh-ed25519 AAAAC3Nza+/= root@web2\n".parse().unwrap();
        assert_eq!(key.as_str(), "ssh-ed25519 AAAAC3Nza+/=");
        for bad in ["", "ssh-ed25519", "AAAA ssh-ed25519", "ssh-ed25519 AAAA\n@cert-authority * x y", "* AAAA"] {
            assert!(bad.parse::<HostKey>().is_err(), "{bad}");
        }
    }

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
