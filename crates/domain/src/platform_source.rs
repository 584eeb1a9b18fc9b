//! Where the code of a new platform comes from.

use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};
use crate::{ArchivePlace, CodeFolder, GitAddress, GitRef, PlatformName, ReleaseFolder, ServerName, Sha256Sum};

/// What a new platform needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildPlatform {
    /// Its name, and that of its folder in `platforms/` of the home.
    pub platform: PlatformName,
    /// The server whose web service will serve it.
    pub server: ServerName,
    /// The PHP program for its sites' work in a shell; `None`: the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub php: Option<PathBuf>,
    /// Where its code comes from.
    pub source: PlatformSource,
}

/// Where the code of a new platform comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PlatformSource {
    /// A tree on this machine, which is only read: a document root, or a project with one in it.
    Copy {
        /// The tree; an absolute path.
        from: PathBuf,
    },
    /// A project that Composer makes.
    Composer {
        /// The package it is made from.
        #[serde(default)]
        package: ComposerPackage,
        /// Which of its releases; `None`: the newest that the platform's PHP can run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        constraint: Option<ComposerConstraint>,
        /// The registry that has it; `None`: the public one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<RegistryAddress>,
    },
    /// The demo code base that Ægir brings along: enough to try Ægir with, and no Drupal.
    Demo,
    /// An archive, on this machine or at an address.
    Archive {
        /// Where it is.
        from: ArchivePlace,
        /// Its checksum; needed for one that is fetched from an address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Sha256Sum>,
        /// How many folders around the code are left out; `None`: the only one at its top, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strip: Option<u8>,
        /// The document root in it; `None`: where it is found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        docroot: Option<CodeFolder>,
    },
    /// What a git repository has at a branch, a tag or a commit.
    Git {
        /// The repository.
        from: GitAddress,
        /// The branch, tag or commit.
        #[serde(rename = "ref")]
        reference: GitRef,
        /// The document root in it; `None`: where it is found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        docroot: Option<CodeFolder>,
        /// Whether the repositories within it are fetched too.
        #[serde(default)]
        submodules: bool,
    },
    /// A project of Composer on this machine, which is only read; its packages are those that its lock file names.
    Project {
        /// The folder with `composer.json` and `composer.lock`; an absolute path.
        from: PathBuf,
        /// The document root in it; `None`: where it is found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        docroot: Option<CodeFolder>,
    },
    /// What a make file of Drush names: core, projects, libraries, with their patches.
    MakeFile {
        /// The make file; an absolute path.
        from: PathBuf,
        /// The folder with the archives of releases; `None`: that of drupal.org.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        releases: Option<ReleaseFolder>,
        /// Whether make files that lie in projects are left alone, and what they name is not fetched.
        #[serde(default)]
        alone: bool,
    },
}

/// The name of a package of Composer: `drupal/recommended-project`.
///
/// Invariant: two parts of `a-z`, `0-9`, `.`, `_` and `-`, each beginning with a letter or digit. As an
/// argument it is never taken for an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComposerPackage(String);
text_type!(ComposerPackage);

impl Default for ComposerPackage {
    /// Drupal's own template of a project.
    fn default() -> Self {
        ComposerPackage("drupal/recommended-project".into())
    }
}

impl FromStr for ComposerPackage {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let is_part = |part: &str| {
            part.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        let fits = text.len() <= 200
            && text.split_once('/').is_some_and(|(vendor, package)| is_part(vendor) && is_part(package));
        if !fits {
            return Err(BadText::new(
                text,
                "the name of a package of Composer",
                "it is not of the form `vendor/package`",
            )
            .instead("give one such as `drupal/recommended-project`"));
        }
        Ok(ComposerPackage(text.to_owned()))
    }
}

/// Which releases of a package may be taken: `^10.3 || ^11`.
///
/// Invariant: 1 to 100 characters of a Composer constraint, beginning with none of an option's. What
/// it means is Composer's to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComposerConstraint(String);
text_type!(ComposerConstraint);

impl FromStr for ComposerConstraint {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "^~<>=!*.,|@- ".contains(c);
        let fits = (1..=100).contains(&text.len())
            && text.chars().all(plain)
            && !text.starts_with(['-', ' '])
            && text.bytes().any(|b| b.is_ascii_alphanumeric() || b == b'*');
        if !fits {
            return Err(BadText::new(text, "a constraint on versions", "it is nothing that Composer understands")
                .instead("give one such as `^10` or `~11.1`"));
        }
        Ok(ComposerConstraint(text.to_owned()))
    }
}

/// The address of a registry of Composer packages: `https://packages.example.org`.
///
/// Invariant: `http` or `https`, a host, no account and no password in it (such an address would be
/// kept with the task), no blank and no control character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistryAddress(String);
text_type!(RegistryAddress);

impl RegistryAddress {
    /// Whether what is fetched from it can be read and changed on its way.
    pub fn is_plain_http(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl FromStr for RegistryAddress {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| {
            Err(BadText::new(text, "the address of a registry", why)
                .instead("give one such as `https://packages.example.org`"))
        };
        let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
            return bad("it does not begin with `https://` or `http://`");
        };
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() {
            return bad("it names no host");
        }
        if host.contains('@') {
            // The text itself is not shown: what stands before the `@` is a secret.
            return Err(BadText::new("http…@…", "the address of a registry", "it holds an account or a password")
                .instead("put these into `auth.json` of Composer, in the home's `cache/composer` folder"));
        }
        if text.len() > 500 || text.chars().any(|c| c.is_control() || c.is_whitespace() || "\"\\".contains(c)) {
            return bad("it holds a blank, a quote or a control character, or has more than 500 bytes");
        }
        Ok(RegistryAddress(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_source_is_taken_for_an_option() {
        for bad in ["--help", "drupal", "/x", "drupal/", "Drupal/core", "a/b/c", "drupal/-x", "a b/c", ""] {
            assert!(bad.parse::<ComposerPackage>().is_err(), "{bad}");
        }
        for good in ["^10", "~11.1", ">=10.3 <11", "^10 || ^11", "10.3.x-dev", "*", "dev-main"] {
            assert!(good.parse::<ComposerConstraint>().is_ok(), "{good}");
        }
        for bad in ["", "--x", "-1", "^10;x", "a\nb", "$(x)", "^"] {
            assert!(bad.parse::<ComposerConstraint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_not_repeated() {
        let error = "https://me:hunter2@packages.test".parse::<RegistryAddress>().unwrap_err();
        assert!(!error.with_remedy().contains("hunter2"));
        for bad in ["ftp://x", "https://", "packages.test", "https://a b"] {
            assert!(bad.parse::<RegistryAddress>().is_err(), "{bad}");
        }
        assert!("http://127.0.0.1:8099/x".parse::<RegistryAddress>().unwrap().is_plain_http());
    }
}
