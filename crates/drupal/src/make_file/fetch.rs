//! One thing that is fetched: whence, how it is known, what is patched, and where it goes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::{Address, Guard};
use super::fault::Problem;

/// One thing that is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// Its name in the file.
    pub name: String,
    /// What it is; `None`: what lies in it tells ([`Kind::told_by`]).
    pub kind: Option<Kind>,
    /// Where it comes from.
    pub origin: Origin,
    /// All of which the downloaded file must have.
    pub checksums: Vec<Checksum>,
    /// The folder of the archive that is taken; `None`: all, without the one folder that wraps it.
    pub subtree: Option<String>,
    /// What a single file is called; `None`: as its address ends.
    pub filename: Option<String>,
    /// Below what of the document root its kind's folder lies: `sites/all`, `profiles/x`; empty: the document root.
    pub contrib: String,
    /// Below its kind's folder: `contrib`; empty: none.
    pub subdir: String,
    /// Its own folder.
    pub directory: String,
    /// In place of its kind's folder; of libraries and profiles.
    pub destination: Option<String>,
    /// Whether it may be laid over what is there.
    pub overwrite: bool,
    /// What is changed in it, in this order.
    pub patches: Vec<Patch>,
    /// Whether a make file that lies in it is followed.
    pub recursion: bool,
}

/// What a project is: it decides where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Drupal itself, or a distribution that brings it along.
    Core,
    /// A module.
    Module,
    /// A theme.
    Theme,
    /// A profile of installation.
    Profile,
    /// What is not Drupal's: a library of JavaScript or PHP.
    Library,
}

/// Where something comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Origin {
    /// An archive or a single file.
    File {
        /// Its address.
        url: Address,
    },
    /// An archive or a single file on this machine.
    LocalFile {
        /// Its path; absolute.
        path: PathBuf,
    },
    /// A folder on this machine, which is only read.
    LocalFolder {
        /// Its path; absolute.
        path: PathBuf,
    },
    /// A git repository.
    Git {
        /// Its address.
        url: Address,
        /// What of it is taken: a tag, a commit or a branch.
        at: String,
        /// Whether its submodules come along.
        submodules: bool,
    },
}

/// What a file is compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checksum {
    /// How it is computed.
    pub digest: Digest,
    /// In lower-case hexadecimal digits, as many as the digest has.
    pub hex: String,
}

/// How a checksum is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    /// MD5, of 128 bits: it tells a damaged file, and is no proof against who made it.
    Md5,
    /// SHA-1, of 160 bits.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// A change to a project, as a patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Where it comes from; a file.
    pub origin: Origin,
    /// All of which the file must have.
    pub checksums: Vec<Checksum>,
}

impl Digest {
    /// All of them.
    pub const ALL: [Digest; 4] = [Digest::Md5, Digest::Sha1, Digest::Sha256, Digest::Sha512];

    /// Its key in a make file.
    pub fn as_str(self) -> &'static str {
        match self {
            Digest::Md5 => "md5",
            Digest::Sha1 => "sha1",
            Digest::Sha256 => "sha256",
            Digest::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal digits it has.
    pub fn digits(self) -> usize {
        match self {
            Digest::Md5 => 32,
            Digest::Sha1 => 40,
            Digest::Sha256 => 64,
            Digest::Sha512 => 128,
        }
    }
}

impl Checksum {
    pub(super) fn read(digest: Digest, text: &str) -> Result<Checksum, Problem> {
        let hex = text.trim().to_ascii_lowercase();
        if hex.len() != digest.digits() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Problem::BadChecksum { digest: digest.as_str(), digits: digest.digits() });
        }
        Ok(Checksum { digest, hex })
    }
}

impl Kind {
    pub(super) fn read(text: &str) -> Option<Kind> {
        Some(match text {
            "core" => Kind::Core,
            "module" => Kind::Module,
            "theme" => Kind::Theme,
            "profile" => Kind::Profile,
            "library" => Kind::Library,
            _ => return None,
        })
    }

    /// What a project is by the names of the files in its folder. Where none tells, it is taken for a module, as Drush does.
    /// The `type` of an `.info.yml`, if there is one, is told by the caller.
    pub fn told_by<'a>(files: impl IntoIterator<Item = &'a str> + Clone, info_type: Option<&str>) -> Kind {
        if let Some(kind @ (Kind::Module | Kind::Theme | Kind::Profile)) = info_type.and_then(Kind::read) {
            return kind;
        }
        let any = |end: &str| files.clone().into_iter().any(|name| name.ends_with(end));
        match () {
            () if any(".profile") => Kind::Profile,
            () if any(".module") => Kind::Module,
            () if any(".info") => Kind::Theme,
            () => Kind::Module,
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Kind::Core => "",
            Kind::Module => "modules",
            Kind::Theme => "themes",
            Kind::Profile => "profiles",
            Kind::Library => "libraries",
        }
    }
}

impl Fetch {
    /// Where it lies, below the document root, if it is of this kind; empty: the document root itself.
    pub fn place(&self, kind: Kind) -> String {
        let own = self.destination.as_deref().unwrap_or(kind.folder());
        let parts = match kind {
            Kind::Core => return String::new(),
            // A profile lies beside those of the core, wherever it is asked for.
            Kind::Profile => ["", own, &self.subdir, &self.directory],
            _ => [self.contrib.as_str(), own, &self.subdir, &self.directory],
        };
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }

    /// What modules of a make file in it lie below.
    pub fn contrib_below(&self, kind: Kind) -> String {
        match kind {
            Kind::Profile => self.place(kind),
            _ => self.contrib.clone(),
        }
    }

    /// Whether anybody on the way could change what comes, unnoticed.
    pub fn guard(&self) -> Guard {
        guard(&self.origin, &self.checksums)
    }
}

impl Patch {
    /// Whether anybody on the way could change it, unnoticed.
    pub fn guard(&self) -> Guard {
        guard(&self.origin, &self.checksums)
    }
}

fn guard(origin: &Origin, checksums: &[Checksum]) -> Guard {
    match origin {
        Origin::LocalFile { .. } | Origin::LocalFolder { .. } => Guard::Sealed,
        Origin::File { .. } if !checksums.is_empty() => Guard::Sealed,
        Origin::File { url } => url.guard(),
        // The number of a commit is the checksum of all that it holds.
        Origin::Git { at, .. } if is_commit(at) => Guard::Sealed,
        Origin::Git { url, .. } => url.guard(),
    }
}

pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}
