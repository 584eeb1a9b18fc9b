//! By which keys a machine behind ssh and the front end know each other, and how people name one: by its fingerprint.

use std::fmt;
use std::str::FromStr;

use aegir_domain::{BadText, FaultReport, HostKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// What a fingerprint begins with.
const SHA256: &str = "SHA256:";

/// The keys of both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKeys {
    /// Ours, as `authorized_keys` over there takes it.
    pub ours: String,
    /// The one that the machine must show; `None`: no operator has confirmed any yet.
    pub trusted: Option<HostKey>,
    /// The one that it shows now, or why it shows none. Nothing is trusted by that.
    pub shown: Result<HostKey, FaultReport>,
}

/// The fingerprint of a key, as `ssh-keygen -l` prints it; `None`: it is no base64, and no machine has it.
pub fn fingerprint(key: &HostKey) -> Option<String> {
    let bytes = STANDARD.decode(key.as_str().split(' ').nth(1)?).ok()?;
    let sum = ring::digest::digest(&ring::digest::SHA256, &bytes);
    Some(format!("{SHA256}{}", STANDARD_NO_PAD.encode(sum)))
}

/// The same in a sentence.
pub(crate) fn shown(key: &HostKey) -> String {
    fingerprint(key).unwrap_or_else(|| key.to_string())
}

/// A key of a machine as somebody names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamedKey {
    /// By its fingerprint.
    Fingerprint(String),
    /// By the whole of it.
    Whole(HostKey),
}

impl NamedKey {
    /// Whether it is this one.
    pub(crate) fn is(&self, key: &HostKey) -> bool {
        match self {
            NamedKey::Fingerprint(named) => fingerprint(key).as_ref() == Some(named),
            NamedKey::Whole(named) => named == key,
        }
    }
}

impl fmt::Display for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamedKey::Fingerprint(named) => f.write_str(named),
            NamedKey::Whole(key) => f.write_str(key.as_str()),
        }
    }
}

impl FromStr for NamedKey {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| {
            let instead = "give the fingerprint, `SHA256:…`, as `aegir server host-key` and `ssh-keygen -l` print it, \
                           or the whole public key, `ssh-ed25519 AAAA…`";
            Err(BadText::of(text, "the key of a machine", why, instead))
        };
        if let Some(sum) = text.trim().strip_prefix(SHA256) {
            let sum = sum.trim_end_matches('=');
            return match STANDARD_NO_PAD.decode(sum) {
                Ok(bytes) if bytes.len() == ring::digest::SHA256_OUTPUT_LEN => {
                    Ok(NamedKey::Fingerprint(format!("{SHA256}{sum}")))
                }
                _ => bad("it is no whole fingerprint"),
            };
        }
        match text.parse::<HostKey>() {
            Ok(key) if fingerprint(&key).is_some() => Ok(NamedKey::Whole(key)),
            _ => bad("it is neither a fingerprint nor a public key"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key, and what `ssh-keygen -l` prints of it.
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIABEOjsTaR8fHzEMrRjeVBZF5LjM/0xD410o+nWhbgxx";
    const PRINT: &str = "SHA256:YiJxLqSFGr2beF3oERXSYiekTswdgNOCNvE6xK0nvlQ";

    #[test]
    fn a_fingerprint_is_what_ssh_keygen_prints() {
        assert_eq!(fingerprint(&KEY.parse().unwrap()).as_deref(), Some(PRINT));
    }

    #[test]
    fn a_key_is_named_by_its_fingerprint_or_by_the_whole_of_it() {
        let key: HostKey = KEY.parse().unwrap();
        for text in [KEY, PRINT, &format!("{PRINT}="), &format!("{KEY} root@web2")] {
            assert!(text.parse::<NamedKey>().unwrap().is(&key), "{text}");
        }
        let other = PRINT.replace('Y', "A");
        assert!(!other.parse::<NamedKey>().unwrap().is(&key));
        for bad in ["", "SHA256:", "SHA256:abc", "MD5:aa:bb", "ssh-ed25519", "ssh-ed25519 AAAAA", &PRINT[..40]] {
            assert!(bad.parse::<NamedKey>().is_err(), "{bad}");
        }
    }
}
