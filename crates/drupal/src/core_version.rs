//! Versions of Drupal's core: which came first, and which we have tried.

use std::fmt;
use std::str::FromStr;

use aegir_domain::Version;

/// What belongs together because it is driven the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Drupal 7.
    Seven,
    /// Drupal 8.8 and all later ones.
    Eight,
}

impl Family {
    /// The folder of its driver scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Seven => "seven",
            Family::Eight => "eight",
        }
    }
}

/// A version of Drupal's core: `7.105`, `10.3.6`, `11.0.0-rc1`, `7.x-dev`.
///
/// Versions are ordered as [`Version`] orders them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoreVersion {
    version: Version,
    major: u32,
    minor: Option<u32>,
}

/// The lines that were installed and updated with this version of Ægir.
const TRIED: [(u32, Option<u32>); 4] = [(7, None), (9, Some(5)), (10, Some(1)), (10, Some(3))];

impl CoreVersion {
    /// The first number.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The second number, if it is one.
    pub fn minor(&self) -> Option<u32> {
        self.minor
    }

    /// How it is driven; `None` for a Drupal that we do not drive.
    pub fn family(&self) -> Option<Family> {
        match (self.major, self.minor) {
            (7, _) => Some(Family::Seven),
            (8, Some(..8)) => None,
            (8.., _) => Some(Family::Eight),
            _ => None,
        }
    }

    /// Whether its release line was tried with this version of Ægir. Another is worth a warning, not a refusal.
    pub fn tried(&self) -> bool {
        TRIED.iter().any(|(major, minor)| *major == self.major && (minor.is_none() || *minor == self.minor))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        self.version.as_str()
    }
}

impl fmt::Display for CoreVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)
    }
}

/// A text that is no version of Drupal's core.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of Drupal")]
pub struct NoCoreVersion(pub String);

impl FromStr for CoreVersion {
    type Err = NoCoreVersion;

    fn from_str(text: &str) -> Result<Self, NoCoreVersion> {
        parse(text).ok_or_else(|| NoCoreVersion(text.chars().take(80).collect()))
    }
}

fn parse(text: &str) -> Option<CoreVersion> {
    let version = Version::of(text);
    let numbers = version.numbers();
    let (&[Some(major), minor] | &[Some(major), minor, _]) = numbers.as_slice() else { return None };
    (!version.names_core()).then_some(CoreVersion { version, major, minor })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> CoreVersion {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_ordered_as_they_were_released() {
        let ordered = [
            "7.9",
            "7.98",
            "7.105",
            "7.x-dev",
            "8.8.0",
            "9.5.11",
            "10.0.0-alpha1",
            "10.0.0-beta2",
            "10.0.0-rc1",
            "10.0.0-rc11",
            "10.0.0",
            "10.3.6",
            "10.3.x-dev",
            "10.4.0-dev",
            "10.4.0",
            "11.0.0-rc1",
            "11.0.0",
            "11.x-dev",
        ];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn a_version_says_how_it_is_driven() {
        assert_eq!(version("7.105").family(), Some(Family::Seven));
        assert_eq!(version("8.8.12").family(), Some(Family::Eight));
        assert_eq!(version("11.x-dev").family(), Some(Family::Eight));
        assert_eq!(version("8.7.14").family(), None);
        assert_eq!(version("6.38").family(), None);
    }

    #[test]
    fn tried_lines_are_known() {
        for tried in ["7.105", "7.x-dev", "9.5.11", "10.1.6", "10.3.0-rc1"] {
            assert!(version(tried).tried(), "{tried}");
        }
        for untried in ["8.9.20", "9.4.0", "10.2.0", "10.x-dev", "11.0.0"] {
            assert!(!version(untried).tried(), "{untried}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in
            ["", "7", "x", "VERSION", "7.", ".7", "7.x-1.0", "10.3.6.1", "10..6", "7.98\n", "-1.2", &"9".repeat(50)]
        {
            assert!(bad.parse::<CoreVersion>().is_err(), "{bad}");
        }
    }
}
