//! Where code is fetched from, and what it was: archives, git repositories, checksums, commits.
//!
//! None of these texts holds a secret: they are kept with tasks, shown on pages and given to programs as arguments.
//! An address with a password in it is refused, and not repeated.

use std::path::Path;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};

const PASSWORDS: &str = "leave it out, and put it into the file `.netrc` in Ægir's home (mode 0600): `machine HOST login NAME password SECRET`";

/// The longest address.
const LONGEST: usize = 1000;

/// Where an archive is: `https://example.org/drupal-7.105.tar.gz` or `/srv/drupal-7.105.tar.gz`.
///
/// Invariant: an address of `http` or `https` with a host and without account, or an absolute path without `..`; no
/// blank, no quote, no control character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArchivePlace(String);
text_type!(ArchivePlace);

impl ArchivePlace {
    /// Its path, if it lies on this machine.
    pub fn path(&self) -> Option<&Path> {
        self.0.starts_with('/').then(|| Path::new(&self.0))
    }

    /// Whether it is fetched with nothing on its way hidden or vouched for.
    pub fn is_plain_http(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl FromStr for ArchivePlace {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        const WHAT: &str = "the place of an archive";
        const INSTEAD: &str = "give one such as `https://example.org/code.tar.gz` or `/srv/code.tar.gz`";
        if !text.starts_with('/') {
            of_web(text, WHAT, INSTEAD)?;
        }
        plain(text, WHAT, INSTEAD)?;
        Ok(ArchivePlace(text.to_owned()))
    }
}

/// The folder of the web with archives of releases, `NAME-VERSION.tar.gz`: `https://ftp.drupal.org/files/projects`.
///
/// Invariant: an address of `http` or `https` with a host and without account; no blank, no quote, no control character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseFolder(String);
text_type!(ReleaseFolder);

impl FromStr for ReleaseFolder {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        const WHAT: &str = "the address of a folder with releases";
        const INSTEAD: &str = "give one such as `https://ftp.drupal.org/files/projects`";
        of_web(text, WHAT, INSTEAD)?;
        plain(text, WHAT, INSTEAD)?;
        Ok(ReleaseFolder(text.to_owned()))
    }
}

/// The address of a git repository: `https://git.example.org/site.git`, `git@git.example.org:site.git`.
///
/// Invariant: an address of `https`, `http`, `ssh`, `git` or `file`, or `user@host:path` as ssh has it; no password,
/// no blank, no control character. As an argument it is never taken for an option, and no program is started by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GitAddress(String);
text_type!(GitAddress);

impl GitAddress {
    /// Whether somebody between could read and change what is fetched: `http` and `git`, but of this machine itself.
    pub fn is_open_line(&self) -> bool {
        let Some(("http" | "git", rest)) = self.0.split_once("://") else { return false };
        let host = rest.split('/').next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let is_own = |address: std::net::IpAddr| address.is_loopback();
        !(host == "localhost" || host.parse().is_ok_and(is_own))
    }

    /// The one protocol that it is fetched by, as git calls it.
    pub fn protocol(&self) -> &'static str {
        let known = ["https", "http", "git", "file"].into_iter();
        known
            .into_iter()
            .find(|name| self.0.split_once("://").is_some_and(|(given, _)| given == *name))
            .unwrap_or("ssh")
    }
}

impl FromStr for GitAddress {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        const WHAT: &str = "the address of a git repository";
        const INSTEAD: &str = "give one such as `https://git.example.org/site.git` or `git@git.example.org:site.git`";
        let bad = |why: &str| Err(BadText::new(text, WHAT, why).instead(INSTEAD));
        match text.split_once("://") {
            Some(("https" | "http", _)) => of_web(text, WHAT, INSTEAD)?,
            Some(("ssh" | "git", rest)) => {
                let host = rest.split('/').next().unwrap_or_default();
                let (user, host) = host.rsplit_once('@').unwrap_or(("", host));
                if user.contains(':') {
                    return Err(BadText::new("…@…", WHAT, "it holds a password").instead(INSTEAD));
                }
                // ssh would take either for an option.
                if host.is_empty() || host.starts_with('-') || user.starts_with('-') {
                    return bad("it names no host");
                }
            }
            Some(("file", rest)) if rest.starts_with('/') => (),
            Some(_) => return bad("it is none of `https`, `http`, `ssh`, `git` and `file`"),
            None => {
                let Some((at, path)) = text.split_once(':') else { return bad("it is no address") };
                let (user, host) = at.split_once('@').unwrap_or(("git", at));
                let is_name = |text: &str| {
                    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
                        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                };
                // `ext::` and its like, by which git starts programs, end here.
                if !is_name(user) || !is_name(host) || path.is_empty() || path.starts_with([':', '-']) {
                    return bad("it is no address");
                }
            }
        }
        plain(text, WHAT, INSTEAD)?;
        Ok(GitAddress(text.to_owned()))
    }
}

/// A branch, a tag or a commit of a git repository: `main`, `10.3.6`, `4f2a…`.
///
/// Invariant: 1 to 200 bytes that git takes in the name of a branch, beginning with no `-`. As an argument it is
/// never taken for an option, and in a list of what to fetch for itself alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GitRef(String);
text_type!(GitRef);

impl GitRef {
    /// Whether it may be the number of a commit, or the beginning of one.
    pub fn may_be_commit(&self) -> bool {
        (7..=64).contains(&self.0.len()) && self.0.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }
}

impl FromStr for GitRef {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let fits = (1..=200).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic() && !b"~^:?*[\\\"'`$;&|<>".contains(&b))
            && !text.starts_with(['-', '/', '.', '+', '@'])
            && !text.ends_with(['/', '.'])
            && !text.contains("..")
            && !text.contains("//")
            && !text.contains("@{")
            && !text.split('/').any(|part| part.starts_with('.') || part.ends_with(".lock"));
        if !fits {
            return Err(BadText::new(text, "a branch, a tag or a commit", "git takes no such name")
                .instead("give one such as `main`, `1.2.0` or the number of a commit"));
        }
        Ok(GitRef(text.to_owned()))
    }
}

/// The whole number of a commit.
///
/// Invariant: 40 or 64 of `0-9` and `a-f`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);
text_type!(CommitId);

impl FromStr for CommitId {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match matches!(text.len(), 40 | 64) && is_hex(text) {
            true => Ok(CommitId(text.to_owned())),
            false => Err(BadText::new(text, "the whole number of a commit", "it is not 40 or 64 of `0-9` and `a-f`")),
        }
    }
}

/// The SHA-256 checksum of a file.
///
/// Invariant: 64 of `0-9` and `a-f`; capitals are taken, and made small.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Sum(String);
text_type!(Sha256Sum);

impl FromStr for Sha256Sum {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let small = text.to_ascii_lowercase();
        if small.len() != 64 || !is_hex(&small) {
            return Err(BadText::new(text, "a SHA-256 checksum", "it is not 64 of `0-9` and `a-f`")
                .instead("give what `sha256sum FILE` prints first, or what whoever made the archive says of it"));
        }
        Ok(Sha256Sum(small))
    }
}

/// A folder within code: `web`, `public/drupal`.
///
/// Invariant: a relative path of 1 to 200 bytes, of letters, digits, `.`, `_`, `-` and `/`; no part of it begins with
/// `.`. Joined to a folder it leads below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeFolder(String);
text_type!(CodeFolder);

impl FromStr for CodeFolder {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if text.len() > 200 || !text.split('/').all(is_part) {
            return Err(BadText::new(text, "a folder within code", "it is no path that leads down from its top")
                .instead("give one such as `web`, without `/` at either end"));
        }
        Ok(CodeFolder(text.to_owned()))
    }
}

/// What exactly a platform was built from: enough to build the same once more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuiltFrom {
    /// The commit of the git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
    /// The checksum of the archive, or of the make file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Sum>,
    /// What the lock file of Composer says of its content: its `content-hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Refuses what is no address of the web, or holds more than a host and a path.
fn of_web(text: &str, what: &'static str, instead: &'static str) -> Result<(), BadText> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(BadText::new(text, what, "it does not begin with `https://` or `http://`").instead(instead));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        // The text itself is not shown: what stands before the `@` is a secret.
        return Err(BadText::new("http…@…", what, "it holds an account or a password").instead(PASSWORDS));
    }
    match host.is_empty() || host.starts_with(['-', ':']) {
        true => Err(BadText::new(text, what, "it names no host").instead(instead)),
        false => Ok(()),
    }
}

fn plain(text: &str, what: &'static str, instead: &'static str) -> Result<(), BadText> {
    if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace() || "\"'\\`".contains(c)) {
        return Err(BadText::new(text, what, "it holds a blank, a quote or a control character, or is too long")
            .instead(instead));
    }
    match text.split(['/', '?']).any(|part| part == "..") {
        true => Err(BadText::new(text, what, "it goes up with `..`").instead(instead)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_git_would_run_or_take_for_an_option_is_refused() {
        for bad in [
            "--upload-pack=x",
            "ext::sh -c x",
            "ext::sh",
            "fd::3",
            "https://me:hunter2@git.test/x",
            "https://token@git.test/x",
            "ssh://git:hunter2@git.test/x",
            "ssh://-oProxyCommand=x/y",
            "-oProxyCommand=x:y",
            "git@host:-x",
            "ftp://git.test/x",
            "file://host/x",
            "/srv/git/x.git",
            "https://git.test/a b",
            "https:///x",
            "",
        ] {
            let error = bad.parse::<GitAddress>().unwrap_err();
            assert!(!error.with_remedy().contains("hunter2"), "{bad}");
        }
        for (good, protocol) in [
            ("https://git.test/x.git", "https"),
            ("http://127.0.0.1:8090/x.git", "http"),
            ("git://127.0.0.1:9418/x", "git"),
            ("ssh://git@git.test:2222/x.git", "ssh"),
            ("git@git.test:group/x.git", "ssh"),
            ("file:///srv/git/x.git", "file"),
        ] {
            assert_eq!(good.parse::<GitAddress>().unwrap().protocol(), protocol, "{good}");
        }
        for (address, is_open) in [
            ("http://git.test/x.git", true),
            ("git://git.test:9418/x", true),
            ("http://127.0.0.1.git.test/x.git", true),
            ("http://10.0.0.1/x.git", true),
            ("https://git.test/x.git", false),
            ("git@git.test:group/x.git", false),
            ("file:///srv/git/x.git", false),
            ("http://127.0.0.1:8090/x.git", false),
            ("http://[::1]:8090/x.git", false),
            ("git://localhost/x", false),
        ] {
            assert_eq!(address.parse::<GitAddress>().unwrap().is_open_line(), is_open, "{address}");
        }
    }

    #[test]
    fn a_ref_is_a_name_that_git_takes() {
        for bad in
            ["", "-x", "a..b", "a b", "a:b", "HEAD^", "refs/heads/*", "x.lock", "@{-1}", "a//b", ".x", "+main", "x;y"]
        {
            assert!(bad.parse::<GitRef>().is_err(), "{bad}");
        }
        for good in ["main", "10.3.x", "feature/x-1", "refs/tags/1.0", "v1.2@rc"] {
            assert!(good.parse::<GitRef>().is_ok(), "{good}");
        }
        assert!("4f2a9c1".parse::<GitRef>().unwrap().may_be_commit());
        assert!(!"main".parse::<GitRef>().unwrap().may_be_commit());
    }

    #[test]
    fn an_archive_lies_at_an_address_or_on_this_machine() {
        for bad in ["code.tar.gz", "ftp://x/y", "https://me:hunter2@x/y", "/srv/../etc/x", "/a b", "http://", "-x", ""]
        {
            let error = bad.parse::<ArchivePlace>().unwrap_err();
            assert!(!error.with_remedy().contains("hunter2"), "{bad}");
        }
        assert!("/srv/code.tar.gz".parse::<ArchivePlace>().unwrap().path().is_some());
        assert!("https://x.test/code.tar.gz?y=1".parse::<ArchivePlace>().unwrap().path().is_none());
    }

    #[test]
    fn a_folder_with_releases_lies_in_the_web() {
        for bad in ["/srv/releases", "ftp://x/y", "https://me:hunter2@x/y", "https://", "https://x/a b", ""] {
            let error = bad.parse::<ReleaseFolder>().unwrap_err();
            assert!(!error.with_remedy().contains("hunter2"), "{bad}");
        }
        assert!("http://127.0.0.1:8099/files".parse::<ReleaseFolder>().is_ok());
    }

    #[test]
    fn sums_commits_and_folders_are_what_they_are() {
        assert_eq!("AB".repeat(32).parse::<Sha256Sum>().unwrap().as_str(), "ab".repeat(32));
        for bad in ["", "ab", &"g".repeat(64)] {
            assert!(bad.parse::<Sha256Sum>().is_err(), "{bad}");
            assert!(bad.parse::<CommitId>().is_err(), "{bad}");
        }
        for bad in ["", "/web", "web/", "../web", "a/../b", ".git", "a b", "-x"] {
            assert!(bad.parse::<CodeFolder>().is_err(), "{bad}");
        }
        assert!("public/web".parse::<CodeFolder>().is_ok());
    }
}
