//! Addresses in a make file, and names that become folders.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fault::Problem;

const LONGEST: usize = 2000;

/// An address that something is fetched from.
///
/// Invariant: `https`, `http` or `git`, a host, no account and no password, no blank, no quote and no control character. As an
/// argument it is never taken for an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// Whether what comes from an address can be changed on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The connection proves whose it is.
    Sealed,
    /// Anybody between can change it; only a checksum tells.
    Open,
}

impl Address {
    /// Reads an address. Drupal's own hosts are asked where they answer today, and over `https`.
    pub fn read(text: &str) -> Result<Address, Problem> {
        let text = text.trim();
        let bad = |why: &str| Problem::BadAddress { address: text.chars().take(120).collect(), why: why.to_owned() };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(match text.split_once('@') {
                Some(_) => Problem::Ssh,
                None => bad("it has no scheme such as `https://`"),
            });
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // Before anything repeats the text: what stands before the `@` may be a secret.
        if host.contains('@') {
            return Err(if scheme.ends_with("ssh") { Problem::Ssh } else { Problem::Account });
        }
        match scheme {
            "https" | "http" | "git" => (),
            "ssh" | "git+ssh" => return Err(Problem::Ssh),
            _ => return Err(bad("only `https`, `http` and `git` are fetched from")),
        }
        if host.is_empty() || host.starts_with(['-', ':']) {
            return Err(bad("it names no host"));
        }
        if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace() || "\"'\\`<>".contains(c)) {
            return Err(bad("it holds a blank, a quote or a control character, or is too long"));
        }
        Ok(Address(of_drupal(host, rest).unwrap_or_else(|| text.to_owned())))
    }

    /// Whether what comes from it can be changed on its way.
    pub fn guard(&self) -> Guard {
        if self.0.starts_with("https://") { Guard::Sealed } else { Guard::Open }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What lies below it.
    pub(super) fn below(&self, name: &str) -> Address {
        Address(format!("{}/{name}", self.0.trim_end_matches('/')))
    }

    /// The last part of its path.
    pub fn file_name(&self) -> Option<&str> {
        let path = self.0.split_once("://")?.1.split(['?', '#']).next()?;
        let (_, path) = path.split_once('/')?;
        path.rsplit('/').next().filter(|name| !name.is_empty())
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        Address::read(&text).map_err(|problem| problem.to_string())
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.0
    }
}

/// The address of today for what old files name on Drupal's hosts.
fn of_drupal(host: &str, rest: &str) -> Option<String> {
    let path = rest.strip_prefix(host)?;
    match host {
        "git.drupal.org" => Some(format!("https://git.drupalcode.org{path}")),
        "drupal.org" | "www.drupal.org" | "ftp.drupal.org" | "git.drupalcode.org" => {
            Some(format!("https://{host}{path}"))
        }
        _ => None,
    }
}

/// The path of something on this machine: `file://…`, or no address at all.
pub(super) fn local(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    if let Some(path) = text.strip_prefix("file://") {
        return Some(PathBuf::from(path));
    }
    let plain = text.starts_with(['/', '.']) || (!text.contains(':') && !text.is_empty());
    plain.then(|| Path::new(text).to_owned())
}

/// A path that stays below where it begins: `contrib`, `modules/contrib`. Empty parts are left out.
pub(super) fn inside(text: &str, key: &'static str) -> Result<String, Problem> {
    let bad = || Problem::BadPath { key, path: text.chars().filter(|c| !c.is_control()).take(120).collect() };
    if text.starts_with('/') || text.len() > 500 {
        return Err(bad());
    }
    let parts: Vec<&str> = text.trim().split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let fits = |part: &&str| {
        !part.starts_with(['.', '-']) && part.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '\\')
    };
    if parts.len() > 12 || !parts.iter().all(fits) {
        return Err(bad());
    }
    Ok(parts.join("/"))
}

/// The name of a project or a library: it becomes a folder and a part of addresses.
pub(super) fn name(text: &str) -> Result<String, Problem> {
    let fits = (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        && !text.starts_with(['.', '-']);
    if !fits {
        return Err(Problem::BadName { name: text.chars().filter(|c| !c.is_control()).take(120).collect() });
    }
    Ok(text.to_owned())
}
