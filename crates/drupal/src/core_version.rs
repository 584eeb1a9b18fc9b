//! Versions of Drupal's core: which came first, and which we have tried.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

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
/// Versions are ordered as they were released. A development version stands after all releases of its line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CoreVersion {
    text: String,
    major: u32,
    minor: Part,
    patch: Part,
    stage: Stage,
}

/// A number, or the `x` of a development version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Number(u32),
    Any,
}

/// How finished it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Dev,
    Alpha(u32),
    Beta(u32),
    Rc(u32),
    Release,
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
        match self.minor {
            Part::Number(number) => Some(number),
            Part::Any => None,
        }
    }

    /// How it is driven; `None` for a Drupal that we do not drive.
    pub fn family(&self) -> Option<Family> {
        match (self.major, self.minor) {
            (7, _) => Some(Family::Seven),
            (8, Part::Number(minor)) if minor < 8 => None,
            (8.., _) => Some(Family::Eight),
            _ => None,
        }
    }

    /// Whether its release line was tried with this version of Ægir. Another is worth a warning, not a refusal.
    pub fn tried(&self) -> bool {
        TRIED.iter().any(|(major, minor)| *major == self.major && (minor.is_none() || *minor == self.minor()))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn order(&self) -> (u32, Part, Part, Stage) {
        (self.major, self.minor, self.patch, self.stage)
    }
}

impl Ord for CoreVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order()).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for CoreVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for CoreVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
    let plain = text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b));
    if !plain {
        return None;
    }
    let (numbers, stage) = match text.split_once(['-', '+']) {
        Some((numbers, stage)) => (numbers, parse_stage(stage)?),
        None => (text, Stage::Release),
    };
    let mut parts = numbers.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parse_part(parts.next()?)?;
    let patch = parts.next().map_or(Some(Part::Number(0)), parse_part)?;
    if parts.next().is_some() {
        return None;
    }
    Some(CoreVersion { text: text.to_owned(), major, minor, patch, stage })
}

fn parse_part(text: &str) -> Option<Part> {
    match text {
        "x" => Some(Part::Any),
        _ => text.parse().ok().map(Part::Number),
    }
}

/// `rc1`, `beta2`, `dev`; `105+3-dev` is what Git checkouts of Drupal 7 say.
fn parse_stage(text: &str) -> Option<Stage> {
    if text == "dev" || text.ends_with("-dev") {
        return Some(Stage::Dev);
    }
    let digits = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (word, number) = text.split_at(digits);
    let number = if number.is_empty() { 0 } else { number.parse().ok()? };
    match word.to_ascii_lowercase().trim_end_matches('-') {
        "alpha" => Some(Stage::Alpha(number)),
        "beta" => Some(Stage::Beta(number)),
        "rc" => Some(Stage::Rc(number)),
        // Patched cores of distributions: `10.3.6-p1`.
        _ => Some(Stage::Release),
    }
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
        for bad in ["", "7", "x", "VERSION", "7.", ".7", "10.3.6.1", "10..6", "7.98\n", "-1.2", &"9".repeat(50)] {
            assert!(bad.parse::<CoreVersion>().is_err(), "{bad}");
        }
    }
}
